//! What both ways of fuzzing do with records that say what became of rows.

use standings_decode::change::Op;
use standings_decode::{About, Decoder, Sale};
use standings_model::block::{Beside, Block, NO_TIMESTAMP};
use standings_model::table::Table;

const FORMATS: [&str; 6] = [
    "'connector' = 'upsert-kafka', 'key.format' = 'json', 'value.format' = 'json'",
    "'changelog' = 'upsert', 'format' = 'json', 'delete.field' = 'op'",
    "'format' = 'debezium-json'",
    "'format' = 'debezium-json', 'debezium-json.schema-include' = 'true'",
    "'format' = 'maxwell-json', 'maxwell-json.table.include' = 'sales'",
    "'format' = 'canal-json', 'canal-json.timestamp-format.standard' = 'SQL'",
];

/// A decoder of each format that lives on from input to input, as those of a run do.
pub struct Changes {
    tables: Vec<Table>,
    known: Vec<Decoder>,
}

impl Changes {
    /// Of sales by their id, and of sales that have none.
    pub fn new() -> Self {
        let columns = "id BIGINT, at TIMESTAMP_LTZ(3), city STRING, amount DECIMAL(10, 2)";
        let table = |key: &str, with: &str| {
            let sql =
                format!("CREATE TABLE t ({columns}{key}, WATERMARK FOR at AS at) WITH ({with})");
            standings_query::parse_table("t", &sql).expect("a table")
        };
        let keyed = FORMATS.map(|with| table(", PRIMARY KEY (id) NOT ENFORCED", with));
        let free = FORMATS[2..].iter().map(|with| table("", with));
        let tables: Vec<Table> = keyed.into_iter().chain(free).collect();
        let known = tables.iter().map(|t| Decoder::new(t, None, 4096)).collect();
        Changes { tables, known }
    }

    /// The first line is the key, the others are records: what a decoder remembers changes nothing.
    pub fn check(&mut self, input: &[u8]) {
        let mut lines = input.split(|byte| *byte == b'\n');
        let key = lines.next().unwrap_or_default();
        for record in lines {
            let mut block = Block::new(0);
            block.push(record, 0, NO_TIMESTAMP);
            let key = Some(block.keep(key));
            block.beside.push(Beside {
                key,
                ..Beside::default()
            });
            for (table, known) in self.tables.iter().zip(&mut self.known) {
                let new = all(&mut Decoder::new(table, None, 4096), record, &block);
                assert_eq!(all(known, record, &block), new);
                known.settle(1, record);
            }
        }
    }
}

/// All that a record comes to.
fn all(decoder: &mut Decoder, record: &[u8], block: &Block) -> Vec<Result<String, &'static str>> {
    let about = About::of(block, 0);
    let rows = match decoder.changes(record, about) {
        Ok(rows) => rows,
        Err(e) => return vec![Err(e.reason)],
    };
    let mut out = Vec::new();
    for n in 0..rows {
        let op = decoder.op(n);
        out.push(Ok(format!("{op:?}")));
        if matches!(op, Op::Empty | Op::Skip) {
            continue;
        }
        let row = match op {
            Op::End => decoder.ended(record, about, n),
            _ => decoder.now(record, about, n),
        };
        out.push(row.map(|sale| shown(&sale)).map_err(|e| e.reason));
        let before = decoder.before(record, about, n);
        out.push(
            before
                .map(|sale| sale.map_or_else(String::new, |s| shown(&s)))
                .map_err(|e| e.reason),
        );
    }
    out
}

fn shown(sale: &Sale<'_>) -> String {
    let cells = (0..sale.cells.len()).map(|n| sale.value(n).to_string());
    format!(
        "{} {}",
        sale.event_time,
        cells.collect::<Vec<_>>().join("|")
    )
}
