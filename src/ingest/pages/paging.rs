//! How an endpoint is gone through: what says which page comes next, and whether there is one.
//!
//! | paging | next | it ends |
//! | --- | --- | --- |
//! | follow | what the answer says: a word for `{cursor}`, or a link | where it does not move |
//! | page | the number after, `{page}` | with a page that is not full |
//! | offset | as many rows further, `{offset}` | with a page that is not full |

/// How pages follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paging {
    /// There is one.
    One,
    /// By what the answer says: a cursor, or a link.
    Follow,
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

    /// The page after one that was answered with so many rows, and with a cursor or a link; none where it was the last.
    pub fn next(&self, page: &Page, found: Option<String>, rows: usize) -> Option<Page> {
        let is_full = |size: u64| rows > 0 && rows as u64 >= size;
        let number = |number| {
            Some(Page {
                number,
                ..page.clone()
            })
        };
        match self {
            Paging::One => None,
            Paging::Follow => {
                let moves = found.filter(|next| !next.is_empty() && *next != page.cursor);
                moves.map(|cursor| Page {
                    cursor,
                    number: page.number + 1,
                })
            }
            Paging::Page { size, .. } if is_full(*size) => number(page.number + 1),
            Paging::Offset { size } if is_full(*size) => number(page.number + rows as u64),
            Paging::Page { .. } | Paging::Offset { .. } => None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_after() {
        let at = |cursor: &str, number| Page {
            cursor: cursor.to_owned(),
            number,
        };
        let found = |text: &str| Some(text.to_owned());
        let follow = Paging::Follow;
        let first = follow.first();
        assert_eq!(follow.next(&first, found("a"), 1), Some(at("a", 1)));
        assert_eq!(follow.next(&first, found(""), 1), None);
        assert_eq!(follow.next(&first, None, 1), None);
        assert_eq!(follow.next(&at("a", 1), found("a"), 1), None);
        let page = Paging::Page { first: 1, size: 3 };
        assert_eq!(page.next(&page.first(), None, 3), Some(at("", 2)));
        assert_eq!(page.next(&page.first(), None, 2), None);
        let offset = Paging::Offset { size: 0 };
        assert_eq!(offset.next(&at("", 5), None, 2), Some(at("", 7)));
        assert_eq!(offset.next(&at("", 5), None, 0), None);
        assert_eq!(Paging::One.next(&first, found("a"), 9), None);
    }
}
