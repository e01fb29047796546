//! What both ways of fuzzing do with records.

use standings_decode::{Decoder, Sale};
use standings_model::schema::{Column, ColumnType, Schema};
use standings_model::value::Value;

/// Two decoders that live on from input to input, as those of a run do.
pub struct Decoders {
    fast: Decoder,
    full: Decoder,
}

impl Decoders {
    /// Of sales with a column of every type.
    pub fn new() -> Self {
        let mut schema = Schema::sales();
        for (name, kind) in [
            ("units", ColumnType::BigInt),
            ("discount", ColumnType::Decimal { precision: 5 }),
            ("shipped", ColumnType::Timestamp),
        ] {
            let name = name.to_owned();
            schema.columns.push(Column { name, kind });
        }
        let decoder = || Decoder::new(&schema, &[2], 4096);
        Decoders {
            fast: decoder(),
            full: decoder(),
        }
    }

    /// Any lines, in order: the fast path must say what the full path says, error and all.
    pub fn check(&mut self, input: &[u8]) {
        for record in input.split(|byte| *byte == b'\n') {
            // Twice: the second time the layout may be known.
            for _ in 0..2 {
                let found = self
                    .fast
                    .decode(record)
                    .as_ref()
                    .map(owned)
                    .map_err(Clone::clone);
                let want = self
                    .full
                    .decode_full(record)
                    .as_ref()
                    .map(owned)
                    .map_err(Clone::clone);
                assert_eq!(found, want);
            }
        }
    }
}

fn owned(sale: &Sale) -> (i64, Vec<Value>) {
    (
        sale.event_time,
        (0..sale.cells.len())
            .map(|column| sale.value(column))
            .collect(),
    )
}
