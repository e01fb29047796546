//! A window of a ranking that ranks none: what changed is shown.

use std::sync::Arc;

use super::{WindowState, view};
use crate::pack::interner::Interner;
use crate::rank::messages::{Candidate, CandidateRow};
use crate::rank::order::{OrderKey, Reader};

impl WindowState {
    /// As [`WindowState::settle`], where rows are not ranked.
    pub(super) fn settle_unranked(
        &mut self,
        number: u32,
        reader: &Reader,
        texts: &Interner,
        out: &mut Vec<Candidate>,
    ) {
        let window = self.window;
        let (rows, aside) = (&self.rows, &self.aside);
        let (mut tested, mut sent) = (vec![0; reader.layout.width], vec![0; reader.layout.width]);
        let mut passes =
            |row| reader.passes(view(rows, reader, texts, (aside, window), row, &mut tested));
        let mut send = |row, removed: bool| {
            let view = view(rows, reader, texts, (aside, window), row, &mut sent);
            out.push(Candidate {
                ranking: number,
                window_end: window.1,
                partition: Arc::from([]),
                key: view.key_bytes().into(),
                row: (!removed).then(|| CandidateRow {
                    order: OrderKey::of(0),
                    measures: reader.measures(view),
                }),
            });
        };
        self.unranked.settle(&mut passes, &mut send);
    }
}
