//! `--report FILE`: what became of the records of every table, for programs.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::places::Places;
use standings_model::block::PartitionId;
use standings_model::change::Counts;
use standings_model::plan::Plan;

/// The report: every table with every count, 0 too.
pub(super) fn text(plan: &Plan, places: &Places, counts: &BTreeMap<PartitionId, Counts>) -> String {
    let mut of = vec![Counts::default(); plan.tables.len()];
    for (partition, counts) in counts {
        if let Some(sum) = of.get_mut(places.table(*partition)) {
            sum.add(counts);
        }
    }
    let tables = plan.read().map(|(number, table)| (table, &of[number]));
    let tables: Map<String, Value> = tables
        .map(|(table, counts)| (table.name.clone(), object(counts)))
        .collect();
    format!("{}\n", json!({ "tables": tables }))
}

fn object(counts: &Counts) -> Value {
    json!({
        "read": counts.read,
        "ranked": counts.ranked,
        "updated": counts.updated,
        "deleted": counts.deleted,
        "unchanged": counts.unchanged,
        "late": counts.late,
        "retired": counts.retired,
        "filtered": counts.filtered,
        "duplicate": counts.duplicate,
        "skipped": counts.skipped,
        "dead_lettered": counts.dead,
        "contradicted": counts.contradicted,
        "keys_moved": counts.keys_moved,
    })
}
