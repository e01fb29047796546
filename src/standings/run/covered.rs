//! Which fields of the first records no column takes, and which columns no record has: a name that is nearly right shows here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use standings_edge::source::{SourceOptions, SourceUrl, column_names};
use standings_model::block::Block;
use standings_model::error::Failure;
use standings_model::table::format::{Encoding, JsonEnvelope};
use standings_model::table::{Origin, Table};

/// So many names are said.
const SHOWN: usize = 20;

/// What is seen of the records of one table.
#[derive(Default)]
struct Of {
    /// Paths that no column takes.
    extra: BTreeSet<String>,
    /// Columns that had a value.
    there: BTreeSet<usize>,
    records: u64,
}

/// The fields of records, by table.
pub(super) struct Covered<'a> {
    tables: &'a [Table],
    of: BTreeMap<usize, Of>,
}

impl<'a> Covered<'a> {
    pub(super) fn new(tables: &'a [Table]) -> Self {
        Covered {
            tables,
            of: BTreeMap::new(),
        }
    }

    /// The columns of files, which their records do not have: those that no table takes are left out of them.
    pub(super) fn files(&mut self, options: &SourceOptions) -> Result<(), Failure> {
        for (number, url) in options.urls.iter().enumerate() {
            let SourceUrl::File(site) = url else { continue };
            let of = options.table_of(number);
            let Some(table) = self.tables.get(of) else {
                continue;
            };
            let names = column_names(site, table)?.unwrap_or_default();
            let is_taken = |name: &String| paths(table).any(|(_, path)| path[0] == *name);
            let extra = names.into_iter().filter(|name| !is_taken(name));
            self.of.entry(of).or_default().extra.extend(extra);
        }
        Ok(())
    }

    /// The records of a block.
    pub(super) fn add(&mut self, of: usize, block: &Block) {
        let Some(table) = self.tables.get(of) else {
            return;
        };
        let seen = self.of.entry(of).or_default();
        for record in &block.records {
            let bytes = block.slice((record.start, record.end));
            let values = match serde_json::from_slice(bytes) {
                Ok(Value::Array(all)) => all,
                Ok(value) => vec![value],
                Err(_) => continue,
            };
            for value in &values {
                if let Some(row) = row(table, value) {
                    seen.records += 1;
                    walk(table, row, &mut Vec::new(), seen);
                }
            }
        }
    }

    /// A sentence for each thing that is odd.
    pub(super) fn said(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (number, seen) in &self.of {
            let table = &self.tables[*number];
            let several = match self.tables.len() {
                1 => String::new(),
                _ => format!(" ({})", table.name),
            };
            if !seen.extra.is_empty() {
                all.push(format!(
                    "fields that no column takes{several}: {}",
                    names(&seen.extra)
                ));
            }
            let never = paths(table).filter(|(column, _)| !seen.there.contains(column));
            let never: BTreeSet<String> = never.map(|(_, path)| path.join(".")).collect();
            if seen.records > 0 && !never.is_empty() {
                all.push(format!(
                    "columns without a value in any of them{several}: {}",
                    names(&never)
                ));
            }
        }
        all
    }
}

fn names(of: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = of.iter().map(String::as_str).take(SHOWN).collect();
    match of.len().checked_sub(SHOWN + 1) {
        Some(more) => format!("{} and {} more", shown.join(", "), more + 1),
        None => shown.join(", "),
    }
}

/// The columns that are read from fields of the value, and the fields' paths.
fn paths(table: &Table) -> impl Iterator<Item = (usize, &[String])> {
    let columns = table.columns.iter().enumerate();
    columns.filter_map(|(number, column)| match &column.origin {
        Origin::Field(path) if !path.is_empty() => Some((number, &path[..])),
        _ => None,
    })
}

/// The object in a record whose fields are the table's.
fn row<'v>(table: &Table, record: &'v Value) -> Option<&'v Value> {
    let inside = match &table.format.encoding {
        Encoding::Json(json) => match json.envelope {
            JsonEnvelope::None => None,
            JsonEnvelope::Connect => Some("payload"),
            JsonEnvelope::CloudEvents => Some("data"),
        },
        _ => None,
    };
    let row = inside.map_or(record, |name| record.get(name).unwrap_or(record));
    row.is_object().then_some(row)
}

/// Goes over the fields of an object; into another one only where columns lie in it.
fn walk(table: &Table, row: &Value, at: &mut Vec<String>, seen: &mut Of) {
    for (name, value) in row.as_object().into_iter().flatten() {
        at.push(name.clone());
        let column = paths(table).find(|(_, path)| *path == &at[..]);
        // Of the table that nobody declared.
        let is_other_name = !table.is_named && *name == "timestamp";
        let is_above = paths(table).any(|(_, path)| path.len() > at.len() && path.starts_with(at));
        match column {
            Some((column, _)) if !value.is_null() => drop(seen.there.insert(column)),
            Some(_) => {}
            None if is_above && value.is_object() => walk(table, value, at, seen),
            None if is_above || is_other_name => {}
            None => drop(seen.extra.insert(at.join("."))),
        }
        at.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::block::NO_TIMESTAMP;

    #[test]
    fn fields_and_columns_that_do_not_meet() {
        let sql = "CREATE TABLE orders (id STRING, address ROW<city STRING, zip STRING>, total DECIMAL(10, 2)) WITH ('format' = 'json')";
        let tables = [standings_query::parse_table("orders", sql).unwrap()];
        let mut covered = Covered::new(&tables);
        let mut block = Block::new(0);
        block.push(
            br#"{"id":"a","address":{"city":"Porto","land":"PT"},"Total":1}"#,
            0,
            NO_TIMESTAMP,
        );
        block.push(
            br#"[{"id":"b","address":null,"x":{"y":1}}]"#,
            1,
            NO_TIMESTAMP,
        );
        block.push(b"{", 2, NO_TIMESTAMP);
        covered.add(0, &block);
        assert_eq!(
            covered.said(),
            [
                "fields that no column takes: Total, address.land, x",
                "columns without a value in any of them: address.zip, total"
            ]
        );
        assert!(Covered::new(&tables).said().is_empty());
    }
}
