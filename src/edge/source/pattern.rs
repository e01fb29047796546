//! Patterns of paths: `*.csv`, `city=*/part-?.json`, `**/x`. `*`, `?` and `[a-z]` are of one name, `**` is any number of folders,
//! `{a,b}` one or the other.

use super::glob::{Glob, alternatives};

/// Whether a path fits a pattern, folder by folder.
pub fn fits(pattern: &str, path: &str) -> bool {
    let path: Vec<&str> = path.split('/').collect();
    let one = |pattern: &String| parts(&pattern.split('/').collect::<Vec<_>>(), &path);
    // One that stands for too many fits nothing.
    alternatives(pattern).is_some_and(|all| all.iter().any(one))
}

fn parts(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            parts(rest, path)
                || path
                    .split_first()
                    .is_some_and(|(_, below)| parts(pattern, below))
        }
        (Some((first, rest)), Some((name, below))) => {
            Glob::new(first).fits(name) && parts(rest, below)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns() {
        for (pattern, path, want) in [
            ("*.csv", "a.csv", true),
            ("*.csv", "b/a.csv", false),
            ("**/*.csv", "b/c/a.csv", true),
            ("**/*.csv", "a.csv", true),
            ("city=*/part-?.json", "city=Porto/part-1.json", true),
            ("city=*/part-?.json", "city=Porto/part-12.json", false),
            ("**", "a/b", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("{a,b}/[0-9]*.csv", "b/1x.csv", true),
            ("{a,b}/[0-9]*.csv", "c/1x.csv", false),
        ] {
            assert_eq!(fits(pattern, path), want, "{pattern} {path}");
        }
    }
}
