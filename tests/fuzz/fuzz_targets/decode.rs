//! Any lines, in order, on one decoder: the fast path must say what the full path says, error and all.
#![no_main]
#![allow(dead_code, unused_imports)]

#[path = "../../../src/decode/mod.rs"]
mod decode;
#[path = "../../../src/model/mod.rs"]
mod model;

use decode::{Decoder, Sale};
use libfuzzer_sys::fuzz_target;
use model::schema::{Column, ColumnType, Schema};
use model::value::Value;

fuzz_target!(|input: &[u8]| {
    let mut schema = Schema::sales();
    for (name, kind) in [
        ("units", ColumnType::BigInt),
        ("discount", ColumnType::Decimal { precision: 5 }),
        ("shipped", ColumnType::Timestamp),
    ] {
        schema.columns.push(Column { name: name.to_owned(), kind });
    }
    let (mut fast, mut full) = (Decoder::new(&schema, &[2], 4096), Decoder::new(&schema, &[2], 4096));
    for record in input.split(|byte| *byte == b'\n') {
        // Twice: the second time the layout may be known.
        for _ in 0..2 {
            let found = fast.decode(record).as_ref().map(owned).map_err(Clone::clone);
            let want = full.decode_full(record).as_ref().map(owned).map_err(Clone::clone);
            assert_eq!(found, want);
        }
    }
});

fn owned(sale: &Sale) -> (i64, Vec<Value>) {
    (sale.event_time, (0..sale.cells.len()).map(|column| sale.value(column)).collect())
}
