//! A folder that is made up: files come, are moved away when they are finished, and may be written over.

use std::collections::BTreeMap;

use super::log::Shared;
use crate::feed::Trouble;
use crate::files::{Fate, Opened, Place, Row, Rows, RowsTrouble, Seen, Taken};

/// What is in it.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Rows, and when it was changed.
    pub(super) there: BTreeMap<String, (Vec<String>, i64)>,
    /// What was moved away: how many times.
    pub(super) done: BTreeMap<String, usize>,
}

pub(super) struct MadeUp(pub(super) Shared<Files>);

struct MadeRows(Vec<String>, usize);

fn content(rows: &[String]) -> String {
    rows.join("\n")
}

impl Rows for MadeRows {
    fn next(&mut self) -> Result<Option<Vec<Row>>, RowsTrouble> {
        let at = self.1;
        self.1 += 1;
        Ok(self.0.get(at).map(|text| {
            vec![Row {
                at: at as u64,
                bytes: text.clone().into_bytes(),
                refused: None,
            }]
        }))
    }

    fn is_same(&mut self) -> Result<bool, Trouble> {
        Ok(true)
    }
}

fn seen(path: &str, (rows, modified): &(Vec<String>, i64)) -> Seen {
    Seen {
        path: path.to_owned(),
        size: content(rows).len() as u64,
        modified: *modified,
    }
}

impl Place for MadeUp {
    fn list(&mut self) -> Result<Vec<Seen>, Trouble> {
        let files = self.0.0.borrow();
        Ok(files
            .there
            .iter()
            .map(|(path, of)| seen(path, of))
            .collect())
    }

    fn open(&mut self, path: &str) -> Result<Opened, RowsTrouble> {
        let files = self.0.0.borrow();
        let of = files.there.get(path);
        let of =
            of.ok_or_else(|| RowsTrouble::Trouble(Trouble::Broken("it is gone".to_owned())))?;
        Ok(Opened {
            seen: seen(path, of),
            hash: format!(
                "{:x}",
                xxhash_rust::xxh3::xxh3_64(content(&of.0).as_bytes())
            ),
            columns: None,
            rows: Box::new(MadeRows(of.0.clone(), 0)),
        })
    }

    fn finish(&mut self, taken: &Taken, _: Fate) -> Result<(), Trouble> {
        let mut files = self.0.0.borrow_mut();
        if files.there.remove(&taken.seen.path).is_some() {
            *files.done.entry(taken.seen.path.clone()).or_default() += 1;
        }
        Ok(())
    }
}
