//! Debezium's envelope in Avro, behind the id of its schema.

use super::debezium::of_op;
use super::{Change, Op, Row, is_tombstone, scan, whole};
use crate::avro::Avro;
use crate::error::DecodeError;

impl Change {
    /// As of JSON. What the envelope says beside the rows is written as JSON where somebody asks for it: a column, or when a row ended.
    pub(super) fn avro(
        &mut self,
        avro: &Avro,
        record: &[u8],
        budget: usize,
    ) -> Result<(), DecodeError> {
        self.rows.clear();
        self.schema = None;
        self.telling.note(None, None, None);
        let mut told = self.told.take().unwrap_or_default();
        told.clear();
        let row = match is_tombstone(record) {
            true => Ok(Row::of(Op::Skip)),
            false => self.in_avro(avro, (record, budget), &mut told),
        };
        self.told = Some(told);
        self.one(row?)
    }

    fn in_avro(
        &mut self,
        avro: &Avro,
        (record, budget): (&[u8], usize),
        told: &mut Vec<u8>,
    ) -> Result<Row, DecodeError> {
        let found = avro.envelope(record, budget)?;
        let row = match &found.op {
            None => return Ok(Row::of(Op::Skip)),
            Some(op) => of_op(op, || Ok(found.before), || Ok(found.after))?,
        };
        if self.telling.has_columns() || matches!(row.op, Op::End | Op::Empty) {
            avro.tell(record, &found, budget, told)?;
            let parts = scan::fields(told, whole(told), &["ts_ms", "source"])?;
            let [taken, source] = parts.at;
            self.telling.note(taken, source, None);
        }
        Ok(row)
    }
}
