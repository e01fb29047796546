//! Debezium's envelope in Avro, behind the id of its schema.

use super::debezium::of_op;
use super::{Change, Op, Row, is_tombstone};
use crate::avro::Avro;
use crate::error::DecodeError;

impl Change {
    /// As of JSON; what the envelope says beside the rows is not read.
    pub(super) fn avro(
        &mut self,
        avro: &Avro,
        record: &[u8],
        budget: usize,
    ) -> Result<(), DecodeError> {
        self.rows.clear();
        self.schema = None;
        if is_tombstone(record) {
            return self.one(Row::of(Op::Skip));
        }
        let found = avro.envelope(record, budget)?;
        let row = match &found.op {
            None => Row::of(Op::Skip),
            Some(op) => of_op(op, || Ok(found.before), || Ok(found.after))?,
        };
        self.one(row)
    }
}
