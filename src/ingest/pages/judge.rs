//! The rows of a page: which of them are written, which are letters, which were written before.

use super::paging::Page;
use super::{Endpoint, PagesFeed, Piece, Row};
use crate::batch::{Batch, Record};
use crate::feed::Trouble;
use crate::row;
use standings_model::sabotage::{self, Mistake};

/// The reason of a piece of an answer that is no row.
const MALFORMED: &str = "malformed";

impl<E: Endpoint> PagesFeed<E> {
    /// Going on: what this page has not brought yet.
    pub(super) fn judge_going_on(&mut self, rows: Vec<Piece>, batch: &mut Batch) {
        let page = self.page.clone();
        for (n, piece) in rows.into_iter().enumerate() {
            let (Row::Text(text) | Row::Wrong(text, _)) = &piece.row;
            let is_new = self.known.insert(text.as_bytes());
            if !is_new && !sabotage::is(Mistake::IngestPageAllNew) {
                batch.duplicates += 1;
                continue;
            }
            self.take(&page, n, &piece, batch);
        }
    }

    /// In passes: what was not written yet, or not as it is now.
    pub(super) fn judge_of_pass(
        &mut self,
        rows: Vec<Piece>,
        batch: &mut Batch,
    ) -> Result<(), Trouble> {
        let page = self.page.clone();
        let (count, mut timed) = (rows.len(), 0);
        for (n, piece) in rows.into_iter().enumerate() {
            let (Row::Text(text) | Row::Wrong(text, _)) = &piece.row;
            let time = self.settings.times.as_ref().and_then(|times| {
                let raw = row::column(text.as_bytes(), &times.column)?;
                times.read(&raw)
            });
            timed += usize::from(time.is_some());
            // It was not asked for: a pass before this one had it, and it may be forgotten.
            if time.is_some_and(|time| time < self.since) {
                batch.duplicates += 1;
                continue;
            }
            self.greatest = self.greatest.max(time);
            let id = self.id_of(text);
            // Masked, where it is masked: what lies in the ledger says nothing of the value.
            let record = self.shape.record(text.as_bytes());
            let hashed = record.as_ref().map_or(text.as_bytes(), |(_, value)| value);
            match self.seen.note(&id, hashed, time)? {
                None => batch.duplicates += 1,
                Some(note) => {
                    if !sabotage::is(Mistake::IngestSeenNotNoted) {
                        batch.notes.push(note);
                    }
                    self.take(&page, n, &piece, batch);
                }
            }
        }
        match &self.settings.times {
            Some(times) if count > 0 && timed == 0 => Err(Trouble::Broken(format!(
                "no row of page {page} has a time in `{}`, which the configuration names",
                times.column
            ))),
            _ => Ok(()),
        }
    }

    /// What names a row: the columns of its id, or all of it.
    fn id_of(&self, text: &str) -> Vec<u8> {
        let ids = self.settings.id.iter();
        let parts: Option<Vec<String>> =
            ids.map(|name| row::column(text.as_bytes(), name)).collect();
        match parts.filter(|parts| !parts.is_empty()) {
            // Each with its length, so that no two ids look the same.
            Some(parts) => {
                let parts = parts.iter().map(|part| format!("{}:{part}", part.len()));
                parts.collect::<String>().into_bytes()
            }
            None => text.as_bytes().to_vec(),
        }
    }

    /// A row becomes a record or a letter.
    fn take(&self, page: &Page, n: usize, piece: &Piece, batch: &mut Batch) {
        let read_at = self.clock.wall();
        let position = format!("{page}#{n}");
        let text = match &piece.row {
            Row::Text(text) => text,
            Row::Wrong(raw, why) => {
                let letter = self
                    .shape
                    .letter(position, (MALFORMED, why), raw.as_bytes(), read_at);
                return batch.letters.push(letter.within(piece.path.clone()));
            }
        };
        match self.shape.record(text.as_bytes()) {
            Ok((key, value)) => batch.records.push(Record {
                key,
                value,
                position,
                read_at,
            }),
            Err(no) => {
                let why = (no.reason, no.detail.as_str());
                let letter = self.shape.letter(position, why, text.as_bytes(), read_at);
                let path = match (&piece.path, self.shape.leaf(&no, text.as_bytes())) {
                    (Some(path), Some(leaf)) => Some(format!("{path}.{leaf}")),
                    (None, Some(leaf)) => Some(format!("$.{leaf}")),
                    (path, None) => path.clone(),
                };
                batch.letters.push(letter.within(path));
            }
        }
    }
}
