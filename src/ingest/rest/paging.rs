//! How an endpoint is gone through: what says which page comes next, and whether there is one.
//!
//! | paging | next | it ends |
//! | --- | --- | --- |
//! | cursor | what stands at a path: a word for `{cursor}`, or a link | where it does not move |
//! | link | `Link: <…>; rel="next"` | without one |
//! | page | the number after, `{page}` | with a page that is not full |
//! | offset | as many rows further, `{offset}` | with a page that is not full |

use super::Answer;
use super::body::wrong;
use super::path::Path;
use super::template::next_of;
use crate::feed::Trouble;

/// How pages follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paging {
    /// There is one.
    One,
    /// By what stands in the answer.
    Cursor(Path),
    /// By the header `Link`.
    Link,
    /// By its number.
    Page {
        /// Of the first.
        first: u64,
        /// Rows of a full one; 0: not known, it ends with an empty one.
        size: u64,
    },
    /// By the number of rows before it.
    Offset {
        /// Rows of a full one; 0: not known.
        size: u64,
    },
}

/// A page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Its cursor or link; empty of the first.
    pub cursor: String,
    /// Its number, or the rows before it.
    pub number: u64,
}

impl Paging {
    /// The first page.
    pub fn first(&self) -> Page {
        Page {
            cursor: String::new(),
            number: match self {
                Paging::Page { first, .. } => *first,
                _ => 0,
            },
        }
    }

    /// Rows of a full page.
    pub fn size(&self) -> u64 {
        match self {
            Paging::Page { size, .. } | Paging::Offset { size } => *size,
            _ => 0,
        }
    }

    /// Whether pages are counted, so that rows that come or go in front move all behind them.
    pub fn is_counted(&self) -> bool {
        matches!(self, Paging::Page { .. } | Paging::Offset { .. })
    }

    /// The page after one that was answered with so many rows; none where it was the last.
    ///
    /// # Errors
    /// The answer is not as configured.
    pub fn next(
        &self,
        page: &Page,
        (answer, text): (&Answer, &str),
        rows: usize,
    ) -> Result<Option<Page>, Trouble> {
        let is_full = |size: u64| rows > 0 && rows as u64 >= size;
        let by = |cursor: Option<String>| {
            let moves = cursor.filter(|next| !next.is_empty() && *next != page.cursor);
            moves.map(|cursor| Page {
                cursor,
                number: page.number + 1,
            })
        };
        let number = |number| {
            Some(Page {
                number,
                ..page.clone()
            })
        };
        Ok(match self {
            Paging::One => None,
            Paging::Cursor(path) => {
                let found = path
                    .find(text)
                    .map_err(|e| wrong(format!("`cursor`: {e}")))?;
                by(found.first().map(|raw| plain(raw)))
            }
            Paging::Link => by(next_of(&answer.links)),
            Paging::Page { size, .. } if is_full(*size) => number(page.number + 1),
            Paging::Offset { size } if is_full(*size) => number(page.number + rows as u64),
            Paging::Page { .. } | Paging::Offset { .. } => None,
        })
    }
}

impl std::fmt::Display for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.cursor.is_empty(), self.number) {
            (false, _) => f.write_str(&self.cursor),
            (true, 0) => f.write_str("first"),
            (true, number) => write!(f, "{number}"),
        }
    }
}

/// A cursor as a text: a string without its quotes, a number as it is written.
fn plain(raw: &str) -> String {
    serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_after() {
        let next = |paging: &Paging, page: &Page, text: &str, links: &[&str], rows| {
            let links = links.iter().map(|l| (*l).to_owned()).collect();
            let answer = Answer {
                links,
                ..Answer::default()
            };
            paging.next(page, (&answer, text), rows).unwrap()
        };
        let at = |cursor: &str, number| Page {
            cursor: cursor.to_owned(),
            number,
        };
        let cursor = Paging::Cursor(Path::parse("$.next").unwrap());
        let first = cursor.first();
        for (text, want) in [
            (r#"{"next":"a"}"#, Some(at("a", 1))),
            (r#"{"next":17}"#, Some(at("17", 1))),
            (r#"{"next":null}"#, None),
            (r#"{"next":""}"#, None),
            ("{}", None),
        ] {
            assert_eq!(next(&cursor, &first, text, &[], 1), want, "{text}");
        }
        assert_eq!(next(&cursor, &at("a", 1), r#"{"next":"a"}"#, &[], 1), None);
        let link = next(
            &Paging::Link,
            &first,
            "",
            &["<https://h/?p=2>; rel=next"],
            1,
        );
        assert_eq!(link, Some(at("https://h/?p=2", 1)));
        assert_eq!(next(&Paging::Link, &first, "", &[], 1), None);
        let page = Paging::Page { first: 1, size: 3 };
        assert_eq!(next(&page, &page.first(), "", &[], 3), Some(at("", 2)));
        assert_eq!(next(&page, &page.first(), "", &[], 2), None);
        let offset = Paging::Offset { size: 0 };
        assert_eq!(next(&offset, &at("", 5), "", &[], 2), Some(at("", 7)));
        assert_eq!(next(&offset, &at("", 5), "", &[], 0), None);
        assert_eq!(next(&Paging::One, &first, "", &[], 9), None);
    }
}
