//! Which columns are masked, and how. What makes a mask of a value is given from outside: keys and ciphers are not known here.
//!
//! 1. Without one that makes masks every masked value is [`REDACTED`]: what should be hidden never shows for want of a key.
//! 2. NULL stays NULL: that there is no value is not hidden.

use std::fmt;
use std::sync::Arc;

/// What stands in place of a value that is redacted.
pub const REDACTED: &str = "***";

/// How a value is masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// All values are [`REDACTED`].
    Redact,
    /// HMAC-SHA-256 in hexadecimal: equal values are equal, and nobody gets one back.
    Hash,
    /// AES-SIV: equal values are equal, and who has the key gets them back.
    Tokenize,
}

impl Method {
    /// All of them.
    pub const ALL: [Method; 3] = [Method::Redact, Method::Hash, Method::Tokenize];

    /// Its name where it is asked for.
    pub fn word(self) -> &'static str {
        match self {
            Method::Redact => "redact",
            Method::Hash => "hash",
            Method::Tokenize => "tokenize",
        }
    }

    /// By its name, in any case.
    pub fn named(word: &str) -> Option<Self> {
        let mut all = Method::ALL.into_iter();
        all.find(|method| method.word().eq_ignore_ascii_case(word))
    }

    /// Whether it needs a key.
    pub fn needs_key(self) -> bool {
        self != Method::Redact
    }
}

/// Makes masks.
pub trait Mask: Send + Sync {
    /// Appends the mask of a value's bytes.
    fn mask(&self, how: Method, value: &[u8], out: &mut Vec<u8>);
}

/// The masked columns of a table.
#[derive(Clone, Default)]
pub struct Masking {
    /// Number of the column, and how; in the order of the numbers.
    pub columns: Vec<(usize, Method)>,
    /// What makes the masks.
    pub by: Option<Arc<dyn Mask>>,
}

impl Masking {
    /// Whether nothing is masked.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// How a column is masked.
    pub fn of(&self, column: usize) -> Option<Method> {
        let mut all = self.columns.iter();
        all.find(|(number, _)| *number == column)
            .map(|(_, how)| *how)
    }

    /// Whether a key is needed.
    pub fn needs_key(&self) -> bool {
        self.columns.iter().any(|(_, how)| how.needs_key())
    }

    /// The same of some of the columns, which have numbers of their own: the place of each in `numbers`.
    pub fn of_columns(&self, numbers: &[usize]) -> Masking {
        let all = numbers.iter().enumerate();
        Masking {
            columns: all
                .filter_map(|(place, number)| Some((place, self.of(*number)?)))
                .collect(),
            by: self.by.clone(),
        }
    }

    /// Appends the mask of a value.
    pub fn push(&self, how: Method, value: &[u8], out: &mut Vec<u8>) {
        match &self.by {
            Some(by) => by.mask(how, value, out),
            None => out.extend_from_slice(REDACTED.as_bytes()),
        }
    }
}

/// What makes masks holds keys, and is not shown.
impl fmt::Debug for Masking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.columns).finish()
    }
}

/// What makes the masks is not of the declaration.
impl PartialEq for Masking {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns
    }
}

impl Eq for Masking {}

#[cfg(test)]
mod tests {
    use super::*;

    struct Backwards;

    impl Mask for Backwards {
        fn mask(&self, _: Method, value: &[u8], out: &mut Vec<u8>) {
            out.extend(value.iter().rev());
        }
    }

    #[test]
    fn without_a_key_nothing_shows() {
        let mut masking = Masking {
            columns: vec![(1, Method::Hash), (4, Method::Redact)],
            by: None,
        };
        let mut out = Vec::new();
        masking.push(Method::Hash, b"ana@example.com", &mut out);
        assert_eq!(out, REDACTED.as_bytes());
        assert!(masking.needs_key());
        masking.by = Some(Arc::new(Backwards));
        out.clear();
        masking.push(Method::Hash, b"ana", &mut out);
        assert_eq!(out, b"ana".iter().rev().copied().collect::<Vec<u8>>());
        let part = masking.of_columns(&[4, 0, 1]);
        assert_eq!(part.columns, [(0, Method::Redact), (2, Method::Hash)]);
        assert_eq!(format!("{part:?}"), "[(0, Redact), (2, Hash)]");
    }

    #[test]
    fn words() {
        for method in Method::ALL {
            assert_eq!(Method::named(&method.word().to_uppercase()), Some(method));
        }
        assert_eq!(Method::named("md5"), None);
    }
}
