//! Records that an earlier run has read, read again to be remembered.

use super::Partition;
use crate::event_time::partition::Policy;
use crate::fold::changes;
use crate::fold::into::{Bytes, Folds, put};
use crate::fold::refusal::cannot_be;
use crate::quality::Moment;
use standings_decode::About;
use standings_model::block::Block;

impl Partition {
    /// Remembers the sales of a block that were read by an earlier run; how many records those are.
    pub(super) fn read_back(
        &mut self,
        block: &Block,
        policy: &Policy,
        into: &mut Folds<'_>,
    ) -> usize {
        let before = block.records.partition_point(|r| r.offset < self.begin);
        let watermark = self.clock.watermark(policy);
        let mut refused = block.refused.iter().peekable();
        for (number, record) in block.records[..before].iter().enumerate() {
            if refused.next_if(|r| r.record as usize == number).is_some() {
                continue;
            }
            let bytes = &block.bytes[record.start as usize..record.end as usize];
            let about = About::of(block, number);
            let columns = block.row(number);
            if let Some(of) = self.lend() {
                let bytes = Bytes {
                    bytes,
                    original: bytes,
                    columns,
                    about,
                    row: 0,
                };
                changes::remember(of, record, bytes, into);
                continue;
            }
            let (bytes, elements) = match columns {
                None => (bytes, self.elements(bytes)),
                Some(_) => (&block.bytes[..], None),
            };
            for element in elements.unwrap_or_else(|| std::iter::once(0..bytes.len()).collect()) {
                let bytes = &bytes[element];
                let Some(decoder) = &mut self.decoder else {
                    continue;
                };
                let decoded = match columns {
                    None => decoder.decode_about(bytes, about),
                    Some(row) => decoder.decode_row(row, bytes, about),
                };
                let Ok(sale) = decoded else {
                    continue;
                };
                if cannot_be(self.table, &sale, record, policy, into.plan).is_none() {
                    let offset = record.offset;
                    if self.joined.is_some() {
                        let at = (self.table, self.id);
                        put((into.dimensions, into.plan), at, (record, None), &sale);
                    }
                    let place = Moment { offset, watermark };
                    into.judge
                        .remember(self.table, &sale, place, &mut self.memory);
                }
            }
        }
        before
    }
}
