//! What both ways of fuzzing do with messages and with descriptors.

use std::sync::Arc;

use standings_decode::{Decoder, Sale};
use standings_model::table::Table;
use standings_model::table::format::Encoding;
use standings_model::table::protobuf::Protobuf;
use standings_model::value::Value;

/// Orders that Google's compiler described: tests/fixtures/protobuf.
pub const DESCRIPTORS: &[u8] = include_bytes!("../../fixtures/protobuf/orders.desc");

/// What of an order is read.
const ORDERS: &str = "CREATE TABLE orders (
  id STRING NOT NULL, placed TIMESTAMP_LTZ(6), cents BIGINT, status STRING, address ROW<city STRING, post_code STRING>,
  lines ARRAY<ROW<sku STRING, quantity INT, price DECIMAL(10, 2)>>, counts MAP<STRING, BIGINT>, codes ARRAY<BIGINT>,
  card STRING, cash BOOLEAN, note STRING, due DATE, digest BYTES, weight DOUBLE, gift BOOLEAN,
  WATERMARK FOR placed AS placed)";

/// A decoder that lives on from input to input, as that of a run does, and one that is new each time.
pub struct Messages {
    table: Table,
    decoder: Decoder,
}

impl Messages {
    pub fn new() -> Self {
        let mut table = standings_query::parse_table("orders.sql", ORDERS).unwrap();
        let schema = standings_protobuf::schema(DESCRIPTORS).unwrap();
        table.format.encoding = Encoding::Protobuf(Arc::new(Protobuf {
            messages: standings_model::table::protobuf::Messages::Described {
                file: "orders.desc".to_owned(),
                message: schema.find("shop.Order").unwrap(),
                schema: Arc::new(schema),
            },
            read_defaults: false,
        }));
        Messages {
            decoder: Decoder::new(&table, None, 4096),
            table,
        }
    }

    /// Any bytes, as a message: what was read before changes nothing.
    pub fn check(&mut self, record: &[u8]) {
        let mut fresh = Decoder::new(&self.table, None, 4096);
        let want = fresh
            .decode(record)
            .as_ref()
            .map(owned)
            .map_err(Clone::clone);
        let found = self.decoder.decode(record);
        assert_eq!(found.as_ref().map(owned).map_err(Clone::clone), want);
    }

    /// Any bytes, as descriptors, and what an order is by them.
    pub fn check_descriptors(&mut self, bytes: &[u8]) {
        let Ok(schema) = standings_protobuf::schema(bytes) else {
            return;
        };
        for message in 0..schema.messages.len() {
            let (_, problems) = standings_protobuf::fit(&schema, message, &self.table, true);
            assert!(
                problems
                    .iter()
                    .all(|p| !p.found.is_empty() && !p.allowed.is_empty())
            );
        }
    }
}

fn owned(sale: &Sale) -> (i64, Vec<Value>) {
    let values = (0..sale.cells.len()).map(|column| sale.value(column));
    (sale.event_time, values.collect())
}
