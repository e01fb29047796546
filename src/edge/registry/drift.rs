//! What a schema that appears says otherwise of a table's columns than the one before it: told once an id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::{Side, lock};
use standings_decode::Drift;
use standings_decode::drift::drift;
use standings_model::schema::Schema;
use standings_model::table::Table;
use standings_model::table::format::Registry;
use standings_observe::live::Live;

/// The schemas of a side of a table so far.
#[derive(Default)]
struct Seen {
    ids: BTreeSet<u32>,
    last: Option<Arc<Schema>>,
}

/// Of all tables.
#[derive(Default)]
pub(super) struct Drifts {
    tables: Vec<Table>,
    live: Arc<Live>,
    seen: Mutex<BTreeMap<(usize, Side), Seen>>,
}

impl Drifts {
    pub(super) fn new(tables: &[Table], live: &Arc<Live>) -> Self {
        let asks = |table: &&Table| {
            let all = [Some(&table.format), table.key_format.as_ref()];
            let mut registries = all
                .into_iter()
                .flatten()
                .filter_map(|f| f.registry.as_ref());
            registries.any(Registry::is_asked)
        };
        for table in tables.iter().filter(asks) {
            live.schemas_of(&table.name, Drift::ALL.map(Drift::word));
        }
        Drifts {
            tables: tables.to_vec(),
            live: Arc::clone(live),
            seen: Mutex::default(),
        }
    }

    /// It was used before this process was.
    pub(super) fn known(&self, table: usize, side: Side, id: u32, schema: &Arc<Schema>) {
        let mut seen = lock(&self.seen);
        let seen = seen.entry((table, side)).or_default();
        if seen.ids.insert(id) {
            seen.last = Some(Arc::clone(schema));
        }
    }

    pub(super) fn used(
        &self,
        table: usize,
        side: Side,
        id: u32,
        schema: &Arc<Schema>,
        topic: &str,
    ) {
        let before = {
            let mut seen = lock(&self.seen);
            let seen = seen.entry((table, side)).or_default();
            if !seen.ids.insert(id) {
                return;
            }
            seen.last.replace(Arc::clone(schema))
        };
        let Some(of) = self.tables.get(table) else {
            return;
        };
        let is_key = side == Side::Key;
        let subject = match &schema.subject {
            Some(subject) => subject.clone(),
            // As serializers name it, if they are not told otherwise.
            None => format!("{topic}-{}", if is_key { "key" } else { "value" }),
        };
        for (column, kind) in drift(of, is_key, before.as_deref(), schema) {
            let kind = kind.word();
            self.live.schema_drift(&of.name, kind);
            tracing::warn!(
                event = "schema_drift",
                table = of.name,
                subject,
                id,
                column,
                kind,
                "the schema {id} of {subject} has {kind} the column {column}"
            );
        }
    }
}
