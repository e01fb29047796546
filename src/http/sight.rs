//! What of the rankings a caller may see: which of them, and whether beyond their limits.

use std::sync::Arc;

/// How far a caller with the role read sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Reach {
    /// What is ranked within the limit of a ranking.
    Limit,
    /// Every key, wherever it stands.
    All,
}

impl Reach {
    /// A reach by its name.
    pub(crate) fn named(text: &str) -> Option<Self> {
        match text {
            "limit" => Some(Reach::Limit),
            "all" => Some(Reach::All),
            _ => None,
        }
    }
}

/// The rankings that a key is for: names, in which `*` stands for any letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Patterns(Arc<[Box<str>]>);

impl Patterns {
    /// Reads `top_*,best`; none where one of them is no pattern.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let is_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'*' || b >= 0x80;
        let all = text.split(',').map(Box::from);
        let all: Vec<Box<str>> = all.collect();
        let right = all
            .iter()
            .all(|p| !p.is_empty() && p.bytes().all(is_letter));
        right.then(|| Patterns(all.into()))
    }

    /// Whether a ranking is among them.
    fn hold(&self, ranking: &str) -> bool {
        self.0.iter().any(|pattern| is_like(pattern, ranking))
    }
}

impl std::fmt::Display for Patterns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// Whether a name is like a pattern.
fn is_like(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What a caller may see of rankings; with each request that was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Those that its key is for; none: all.
    pub(crate) rankings: Option<Patterns>,
    /// How far.
    pub(crate) reach: Reach,
}

impl Sight {
    /// Everything.
    pub(crate) const ALL: Sight = Sight {
        rankings: None,
        reach: Reach::All,
    };

    /// Whether a ranking is seen.
    pub(crate) fn holds(&self, ranking: &str) -> bool {
        let patterns = self.rankings.as_ref();
        patterns.is_none_or(|patterns| patterns.hold(ranking))
    }

    /// Whether keys are seen that are not within a ranking's limit.
    pub(crate) fn is_beyond(&self) -> bool {
        self.reach == Reach::All
    }
}

/// What of the rankings a path shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// No row of any.
    None,
    /// Rows of this one.
    One(String),
    /// Rows of all.
    All,
}

impl Shows {
    /// What a path of the API shows. What is not known shows everything.
    pub(crate) fn of(path: &str) -> Self {
        let Some(rest) = path.strip_prefix("/api/v1/") else {
            return match path {
                "/metrics" => Shows::All,
                _ if path.starts_with("/api") => Shows::All,
                _ => Shows::None,
            };
        };
        match rest {
            // Its handler names those that the caller sees.
            "rankings" | "watermarks" | "process" | "runs" | "openapi.json" => Shows::None,
            "sales/city" => Shows::One("top_sales_per_city".to_owned()),
            _ if rest.starts_with("salesmen/") => Shows::One("top_salesmen".to_owned()),
            _ => {
                let name = rest.strip_prefix("rankings/").map(|rest| {
                    let name = rest.split('/').next().unwrap_or_default();
                    crate::params::decode(name, false)
                });
                name.flatten().map_or(Shows::All, Shows::One)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_letters() {
        for (pattern, name, want) in [
            ("top_*", "top_salesmen", true),
            ("top_*", "top_", true),
            ("top_*", "a_top_x", false),
            ("*_city", "top_sales_per_city", true),
            ("top*per*city", "top_sales_per_city", true),
            ("top*per*city", "top_sales_pe_city", false),
            ("*", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
        ] {
            assert_eq!(is_like(pattern, name), want, "{pattern} {name}");
        }
        for wrong in ["", "a,,b", "a,", "top.*", "a b", "../x"] {
            assert_eq!(Patterns::read(wrong), None, "{wrong}");
        }
        let sight = Sight {
            rankings: Patterns::read("top_*,best"),
            reach: Reach::Limit,
        };
        assert!(sight.holds("top_x") && sight.holds("best") && !sight.holds("worst"));
        assert!(Sight::ALL.holds("worst") && Sight::ALL.is_beyond() && !sight.is_beyond());
    }

    #[test]
    fn what_paths_show() {
        let one = |name: &str| Shows::One(name.to_owned());
        for (path, want) in [
            ("/api/v1/rankings", Shows::None),
            ("/api/v1/rankings/top/windows", one("top")),
            ("/api/v1/rankings/t%6Fp", one("top")),
            ("/api/v1/rankings/top%2Fsecret/windows", one("top/secret")),
            ("/api/v1/rankings/%ff/windows", Shows::All),
            ("/api/v1/rankings//top", one("")),
            ("/api/v1/sales/city", one("top_sales_per_city")),
            ("/api/v1/salesmen/S1/history", one("top_salesmen")),
            ("/api/v1/events", Shows::All),
            ("/api/v1/dead-letters", Shows::All),
            ("/api/v2/anything", Shows::All),
            ("/api", Shows::All),
            ("/metrics", Shows::All),
            ("/healthz", Shows::None),
            ("/page/app.js", Shows::None),
        ] {
            assert_eq!(Shows::of(path), want, "{path}");
        }
    }
}
