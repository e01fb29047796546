//! Patterns of paths: `*.csv`, `city=*/part-?.json`, `**/x`. `*` and `?` are of one name, `**` is any number of folders.

/// Whether a path fits a pattern, folder by folder.
pub fn fits(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    parts(&pattern, &path)
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
        (Some((first, rest)), Some((name, below))) => fits_name(first, name) && parts(rest, below),
        _ => false,
    }
}

/// Whether one name fits a pattern without `**`: linear in both but for the stars.
pub fn fits_name(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((behind, from)) => {
                    (p, n) = (behind, from + 1);
                    star = Some((behind, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
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
        ] {
            assert_eq!(fits(pattern, path), want, "{pattern} {path}");
        }
    }
}
