//! The texts of the present sale, by column, as numbers: each is looked up once, and those of a file's dictionary once an epoch.

use super::combiner::SaleView;
use crate::pack::layout::NO_TEXT;
use crate::pack::texts::Texts;

/// Text numbers of the present sale's columns: each is looked up at most once, whatever the number of rankings.
pub(super) struct Columns {
    pub(super) ids: Vec<u64>,
    /// Of each column, the numbers of the texts of the dictionary that its file has.
    entries: Vec<Entries>,
}

/// Numbers of the entries of a dictionary that were seen since texts were taken last.
#[derive(Clone, Debug, Default)]
struct Entries {
    /// Which; 0: none.
    dictionary: u64,
    /// By entry, as far as they were seen.
    ids: Vec<u64>,
}

pub(super) const UNKNOWN: u64 = u64::MAX - 1;

impl Columns {
    /// Of tables of at most so many columns.
    pub(super) fn new(widest: usize) -> Self {
        Columns {
            ids: vec![UNKNOWN; widest],
            entries: vec![Entries::default(); widest],
        }
    }

    /// The texts were taken: what their numbers were says nothing any more.
    pub(super) fn forget(&mut self) {
        self.entries.iter_mut().for_each(|of| of.dictionary = 0);
    }

    #[inline]
    pub(super) fn text(&mut self, texts: &mut Texts, sale: &impl SaleView, column: usize) -> u64 {
        if self.ids[column] == UNKNOWN {
            self.ids[column] = match (sale.entry(column), sale.bytes(column)) {
                (Some(entry), Some(bytes)) => self.entries[column].text(texts, entry, bytes),
                (None, Some(bytes)) => u64::from(texts.intern(bytes)),
                (_, None) => NO_TEXT,
            };
        }
        self.ids[column]
    }

    /// The number of the text of an entry of a dictionary of a column.
    #[inline]
    pub(super) fn of_entry(
        &mut self,
        texts: &mut Texts,
        column: usize,
        entry: (u64, u32),
        bytes: &[u8],
    ) -> u64 {
        self.entries[column].text(texts, entry, bytes)
    }
}

impl Entries {
    /// The number of an entry's text: looked up once.
    #[inline]
    fn text(&mut self, texts: &mut Texts, (of, entry): (u64, u32), bytes: &[u8]) -> u64 {
        if self.dictionary != of {
            self.dictionary = of;
            self.ids.clear();
        }
        let entry = entry as usize;
        if entry >= self.ids.len() {
            self.ids.resize(entry + 1, UNKNOWN);
        }
        let id = &mut self.ids[entry];
        if *id == UNKNOWN {
            *id = u64::from(texts.intern(bytes));
        }
        *id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::texts::TextTable;

    /// An entry of a dictionary, or a text of none.
    struct Of(Option<(u64, u32)>, &'static [u8]);

    impl SaleView for Of {
        fn event_time(&self) -> i64 {
            0
        }
        fn bytes(&self, _: usize) -> Option<&[u8]> {
            (!self.1.is_empty()).then_some(self.1)
        }
        fn entry(&self, _: usize) -> Option<(u64, u32)> {
            self.0
        }
        fn number(&self, _: usize) -> Option<i128> {
            None
        }
        fn is_true(&self, _: usize) -> bool {
            false
        }
        fn is_null(&self, _: usize) -> bool {
            false
        }
        fn has_error(&self, _: usize) -> bool {
            false
        }
    }

    #[test]
    fn entries_are_their_texts_whatever_was_seen_before() {
        let (mut texts, mut columns) = (Texts::default(), Columns::new(1));
        let found = |columns: &mut Columns, texts: &mut Texts, of: Of| {
            columns.ids.fill(UNKNOWN);
            let id = columns.text(texts, &of, 0);
            (id != NO_TEXT).then(|| texts.table().get(id as u32).to_vec())
        };
        for round in 0..3 {
            for (of, want) in [
                (Of(Some((1, 0)), b"Porto"), &b"Porto"[..]),
                (Of(Some((1, 5)), b"Faro"), b"Faro"),
                (Of(None, b"Lisbon"), b"Lisbon"),
                (Of(Some((1, 0)), b"Porto"), b"Porto"),
                // The same number in another dictionary is another text.
                (Of(Some((2, 0)), b"Braga"), b"Braga"),
                (Of(Some((1, 0)), b"Porto"), b"Porto"),
            ] {
                let text = found(&mut columns, &mut texts, of);
                assert_eq!(text.as_deref(), Some(want), "round {round}");
            }
            assert_eq!(found(&mut columns, &mut texts, Of(None, b"")), None);
            // Numbers of texts begin anew, with another one first.
            texts.take(TextTable::default());
            columns.forget();
            texts.intern(b"another");
        }
    }
}
