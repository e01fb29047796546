//! What both ways of fuzzing do with records.

use standings_decode::{Decoder, Sale};
use std::sync::Arc;

use standings_model::table::{Column, Origin, Table};
use standings_model::types::Type;
use standings_model::value::Value;

/// Two decoders that live on from input to input, as those of a run do.
pub struct Decoders {
    fast: Decoder,
    full: Decoder,
}

impl Decoders {
    /// Of sales with a column of every type.
    pub fn new() -> Self {
        let mut table = Table::sales();
        for (name, kind) in [
            ("units", Type::BIGINT),
            ("discount", Type::decimal(5, 2)),
            ("shipped", Type::Instant(3)),
        ] {
            let name = name.to_owned();
            table.columns.push(Column {
                origin: Origin::Field(Arc::from([name.clone()])),
                name,
                kind,
                nullable: true,
                comment: None,
            });
        }
        table.declared = table.columns.len();
        table.columns[2].nullable = false;
        let decoder = || Decoder::new(&table, None, 4096);
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
