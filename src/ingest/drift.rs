//! Columns that come, go or change their type: a new one is passed on, one that the configuration names and that is gone or
//! retyped stops the source.

use std::collections::BTreeMap;

/// A source whose mapped column is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Drift {
    /// It is gone.
    #[error(
        "the column `{column}`, which the configuration names, is not there any more; there are: {found}"
    )]
    Dropped {
        /// Which.
        column: String,
        /// Those that are there.
        found: String,
    },
    /// It has another type.
    #[error("the column `{column}`, which the configuration names, was {was} and is {is} now")]
    Retyped {
        /// Which.
        column: String,
        /// The type of before.
        was: String,
        /// The type of now.
        is: String,
    },
}

/// Looks at the columns of what is about to be read: `mapped` must be there, and those whose type was known must have it still.
/// An empty type is one that is not known.
///
/// # Errors
/// The first that is not.
pub fn judge<'a>(
    mapped: impl Iterator<Item = &'a str>,
    was: &BTreeMap<String, String>,
    is: &BTreeMap<String, String>,
) -> Result<(), Drift> {
    for column in mapped {
        let Some(now) = is.get(column) else {
            let found: Vec<&str> = is.keys().map(String::as_str).take(40).collect();
            return Err(Drift::Dropped {
                column: column.to_owned(),
                found: found.join(", "),
            });
        };
        let before = was.get(column).filter(|kind| !kind.is_empty());
        if let Some(before) = before.filter(|kind| *kind != now && !now.is_empty()) {
            return Err(Drift::Retyped {
                column: column.to_owned(),
                was: before.clone(),
                is: now.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mapped_stays() {
        let of = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
            all.iter()
                .map(|(n, k)| ((*n).to_owned(), (*k).to_owned()))
                .collect()
        };
        let was = of(&[("id", "BIGINT"), ("at", "")]);
        let mapped = || ["id", "at"].into_iter();
        let new = of(&[("id", "BIGINT"), ("at", "DATE"), ("note", "STRING")]);
        assert_eq!(judge(mapped(), &was, &new), Ok(()));
        let dropped = judge(mapped(), &was, &of(&[("id", "BIGINT")])).unwrap_err();
        assert!(dropped.to_string().contains("`at`"), "{dropped}");
        let retyped = judge(mapped(), &was, &of(&[("id", "STRING"), ("at", "")])).unwrap_err();
        assert!(
            retyped.to_string().contains("was BIGINT and is STRING"),
            "{retyped}"
        );
    }
}
