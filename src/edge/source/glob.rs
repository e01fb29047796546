//! Patterns of names: `*` any signs, `?` one, `[a-z]` and `[!a-z]` one of these or none of them, `{a,b}` either.

/// So many paths one pattern stands for at most: `{0,1}{0,1}…` is no list of files.
const MOST: usize = 4096;

/// Whether a name or a path is a pattern.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// The paths that `{a,b}` stands for, without it; braces may lie in each other. One that does not close is a sign as any other.
/// `None` where they are too many.
pub fn alternatives(text: &str) -> Option<Vec<String>> {
    let (mut done, mut open) = (Vec::new(), vec![text.to_owned()]);
    while let Some(text) = open.pop() {
        match first(&text) {
            _ if done.len() + open.len() >= MOST => return None,
            None => done.push(text),
            Some((begin, end, parts)) => {
                let (before, after) = (&text[..begin], &text[end..]);
                let each = parts.iter().rev();
                open.extend(each.map(|part| format!("{before}{part}{after}")));
            }
        }
    }
    Some(done)
}

/// The first braces that close: where they begin, where they have ended, and what is between their commas.
fn first(text: &str) -> Option<(usize, usize, Vec<&str>)> {
    for (begin, _) in text.match_indices('{') {
        let (mut depth, mut from, mut parts) = (0, begin + 1, Vec::new());
        for (at, sign) in text[begin..].char_indices() {
            let at = begin + at;
            match sign {
                '{' => depth += 1,
                ',' if depth == 1 => {
                    parts.push(&text[from..at]);
                    from = at + 1;
                }
                '}' if depth == 1 => {
                    parts.push(&text[from..at]);
                    return Some((begin, at + 1, parts));
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    None
}

/// Whether a path fits a pattern, folder by folder; `**` is any number of folders.
pub fn fits_path(pattern: &str, path: &str) -> bool {
    let path: Vec<&str> = path.split('/').collect();
    let one = |pattern: &String| parts(&pattern.split('/').collect::<Vec<_>>(), &path);
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

/// A sign of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sign {
    /// Any signs.
    Any,
    /// One sign, whichever.
    One,
    /// This one.
    Is(char),
    /// One of these, or none of them: ranges with both ends.
    Of(Vec<(char, char)>, bool),
}

/// A pattern of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Vec<Sign>);

impl Glob {
    /// Of its text.
    pub fn new(text: &str) -> Self {
        let signs: Vec<char> = text.chars().collect();
        let (mut all, mut at) = (Vec::new(), 0);
        while at < signs.len() {
            let (sign, length) = match signs[at] {
                '*' => (Sign::Any, 1),
                '?' => (Sign::One, 1),
                '[' => class(&signs[at..]).unwrap_or((Sign::Is('['), 1)),
                sign => (Sign::Is(sign), 1),
            };
            all.push(sign);
            at += length;
        }
        Glob(all)
    }

    /// Whether it asks for names that are left out otherwise.
    pub fn is_hidden(&self) -> bool {
        matches!(self.0.first(), Some(Sign::Is('.' | '_')))
    }

    /// Whether a name fits: linear in both but for the stars.
    pub fn fits(&self, name: &str) -> bool {
        let (pattern, name): (&[Sign], Vec<char>) = (&self.0, name.chars().collect());
        let (mut p, mut n) = (0, 0);
        let mut star = None;
        while n < name.len() {
            if pattern.get(p) == Some(&Sign::Any) {
                star = Some((p + 1, n));
                p += 1;
            } else if pattern.get(p).is_some_and(|sign| sign.fits(name[n])) {
                (p, n) = (p + 1, n + 1);
            } else if let Some((behind, from)) = star {
                (p, n) = (behind, from + 1);
                star = Some((behind, from + 1));
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|sign| *sign == Sign::Any)
    }
}

impl Sign {
    fn fits(&self, c: char) -> bool {
        match self {
            Sign::Any => false,
            Sign::One => true,
            Sign::Is(sign) => *sign == c,
            Sign::Of(ranges, not) => ranges.iter().any(|(a, b)| (*a..=*b).contains(&c)) != *not,
        }
    }
}

/// `[…]` at the beginning, and how long it is; `None` where it does not close. A `]` that comes first is one of the signs.
fn class(signs: &[char]) -> Option<(Sign, usize)> {
    let not = matches!(signs.get(1), Some('!' | '^'));
    let begin = 1 + usize::from(not);
    let end = begin + 1 + signs.get(begin + 1..)?.iter().position(|c| *c == ']')?;
    let (mut ranges, mut at) = (Vec::new(), begin);
    while at < end {
        match (signs.get(at + 1), signs.get(at + 2)) {
            (Some('-'), Some(to)) if at + 2 < end => {
                ranges.push((signs[at], *to));
                at += 3;
            }
            _ => {
                ranges.push((signs[at], signs[at]));
                at += 1;
            }
        }
    }
    Some((Sign::Of(ranges, not), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (pattern, path, want) in [
            ("*.csv", "a.csv", true),
            ("*.csv", "b/a.csv", false),
            ("**/*.csv", "b/c/a.csv", true),
            ("**/*.csv", "a.csv", true),
            ("city=*/part-?.json", "city=Porto/part-1.json", true),
            ("city=*/part-?.json", "city=Porto/part-12.json", false),
            ("{a,b}/*.{csv,tsv}", "b/x.tsv", true),
            ("{a,b}/*.{csv,tsv}", "c/x.tsv", false),
            ("**", "a/b", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
        ] {
            assert_eq!(fits_path(pattern, path), want, "{pattern} {path}");
        }
    }

    #[test]
    fn names_and_patterns() {
        for (pattern, name, want) in [
            ("*", "", true),
            ("*a*b", "xaybzb", true),
            ("*a*b", "xayb ", false),
            ("?", "é", true),
            ("?", "", false),
            ("a*", "b", false),
            ("a[12].csv", "a2.csv", true),
            ("a[12].csv", "a3.csv", false),
            ("a[!1-3]*", "a4x", true),
            ("a[^1-3]*", "a2x", false),
            ("[]x]", "]", true),
            ("[a-]", "-", true),
            ("a[1", "a[1", true),
            ("[é-ö]", "í", true),
        ] {
            assert_eq!(Glob::new(pattern).fits(name), want, "{pattern} {name}");
        }
        assert!(Glob::new("_x").is_hidden() && !Glob::new("*").is_hidden());
    }

    #[test]
    fn either_of_several() {
        for (text, want) in [
            ("a", &["a"][..]),
            ("{a,b}.csv", &["a.csv", "b.csv"]),
            ("x/{a/b,c}/{1,2}", &["x/a/b/1", "x/a/b/2", "x/c/1", "x/c/2"]),
            ("{a,{b,c}d}", &["a", "bd", "cd"]),
            ("{a,b", &["{a,b"]),
            ("{}x", &["x"]),
            ("{a", &["{a"]),
            ("}{", &["}{"]),
        ] {
            assert_eq!(alternatives(text).unwrap(), want, "{text}");
        }
        let many = "{0,1}".repeat(20);
        assert_eq!(alternatives(&many), None);
    }
}
