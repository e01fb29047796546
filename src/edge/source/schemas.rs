//! Before a block goes to its worker: are the schemas there that its records say they were written with?
//!
//! ```text
//! block ── ids that its partition has not had ──► known: with the block      waits: the block stays, and what is behind it
//!                                                 none: its records are dead letters
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::framed;
use super::options::SourceOptions;
use crate::registry::{Lookup, Registry, Side};
use standings_model::block::{Block, PartitionId, Refused};
use standings_model::schema::{Given, unframed};

/// Of a topic's values or keys.
struct Asks {
    side: Side,
    registry: Arc<Registry>,
    /// What each partition's worker has.
    given: BTreeMap<PartitionId, BTreeSet<u32>>,
}

/// The schemas of a reader's partitions.
#[derive(Default)]
pub struct Schemas {
    table: usize,
    topic: String,
    asks: Vec<Asks>,
    registries: crate::registry::Registries,
    /// Records may be arrays of them; how long a record may be.
    arrays: Option<usize>,
}

impl Schemas {
    /// Those of a topic, which is all that is read.
    pub fn of(options: &SourceOptions, topic: &str) -> Self {
        let table = options.table_of(0);
        let registries = options.registries.clone();
        let asks = Side::BOTH.into_iter().filter_map(|side| {
            let registry = registries.of(table, side)?;
            Some(Asks {
                side,
                registry: Arc::clone(registry),
                given: BTreeMap::new(),
            })
        });
        Schemas {
            table,
            topic: topic.to_owned(),
            asks: asks.collect(),
            registries: registries.clone(),
            arrays: options
                .tables
                .get(table)
                .filter(|table| framed::may_be_arrays(table))
                .map(|_| options.max_record_bytes),
        }
    }

    /// Takes arrays of records apart, once for each block.
    pub fn take_apart(&self, block: &mut Block) {
        if let Some(most) = self.arrays {
            framed::take_apart(block, most);
        }
    }

    /// Puts the schemas beside the records that need them; `false` where one of them is still waited for: then nothing was
    /// done, and the block is to be shown again.
    pub fn complete(&mut self, block: &mut Block) -> bool {
        if self.asks.is_empty() {
            return true;
        }
        let mut refused = BTreeMap::new();
        let mut given = Vec::new();
        for asks in &self.asks {
            let has = asks.given.get(&block.partition);
            let mut found: BTreeMap<u32, Lookup> = BTreeMap::new();
            for (number, id) in ids(block, asks.side) {
                if has.is_some_and(|has| has.contains(&id)) {
                    continue;
                }
                let lookup = found.entry(id).or_insert_with(|| asks.registry.get(id));
                match lookup {
                    Lookup::Known(_) => {}
                    Lookup::None(reason, why) => {
                        let detail = match asks.side {
                            Side::Key => format!("key: {why}"),
                            Side::Value => why.to_string(),
                        };
                        refused.entry(number).or_insert((*reason, detail));
                    }
                    Lookup::Waits => return false,
                }
            }
            for (id, lookup) in found {
                if let Lookup::Known(schema) = lookup {
                    given.push((asks.side, id, schema));
                }
            }
        }
        for (side, id, schema) in given {
            let Some(asks) = self.asks.iter_mut().find(|a| a.side == side) else {
                continue;
            };
            asks.given.entry(block.partition).or_default().insert(id);
            self.registries
                .used((self.table, side), id, &schema, &self.topic);
            block.schemas.push(Given {
                of_key: side == Side::Key,
                id: Some((Arc::clone(asks.registry.name()), id)),
                schema,
            });
        }
        let refused = refused
            .into_iter()
            .map(|(record, (reason, detail))| Refused {
                record,
                reason,
                detail,
            });
        block.refused.extend(refused);
        block.refused.sort_by_key(|r| r.record);
        true
    }
}

/// The ids that the records of a block say, with the records' numbers.
fn ids(block: &Block, side: Side) -> impl Iterator<Item = (u32, u32)> {
    let records = block.records.iter().enumerate();
    records.filter_map(move |(number, record)| {
        let bytes = match side {
            Side::Value => block.slice((record.start, record.end)),
            Side::Key => block.slice(block.beside.get(number)?.key?),
        };
        Some((number as u32, unframed(bytes)?.0))
    })
}
