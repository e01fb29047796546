//! A ranking of all time with a time to live: two rankings, one over the other.
//!
//! ```text
//! rows ──► lives: SESSION by all keys, the gap the time to live        hidden; what is over is taken back
//!            │ a row a life: the keys, what is measured
//!            ▼
//!          the ranking: by key the newest life ──► HAVING ──► rank      it has the name, and the columns that it had
//! ```
//!
//! 1. A life is what rows make of it by their event times, not when they come: the same for any batches, workers and restarts.
//! 2. A key has the row of its newest life: while the watermark waits for what is out of order there can be two.
//! 3. What is computed of measures, asked of them and ranked by them is of the ranking, under the numbers that it had.

use standings_model::plan::{Aggregate, Field, Input, Measure, Ranking, RowColumn};
use standings_model::table::Table;
use standings_model::table::of_ranking::FIELDS;
use standings_model::window::Window;

use super::error::{QueryError, Text};
use super::fingerprint;
use super::nested;
use super::said::Ttl;

/// Refuses a time to live where it would mean nothing.
pub fn allowed(
    text: Text<'_>,
    ranking: &Ranking,
    tables: &[Table],
    ttl: Ttl,
) -> Result<(), QueryError> {
    let name = &ranking.name;
    let refused = |why: String, allowed: &str| {
        let found = format!("a time to live for `{name}`, {why}");
        Err(text.error(ttl.at, found, allowed))
    };
    for input in &ranking.inputs {
        let table = &tables[input.table];
        let of = &table.name;
        if table.of_ranking.is_some() {
            return refused(
                format!("which is made of the rows of the ranking `{of}`"),
                "a time to live for that one: what it lets go leaves this one too",
            );
        }
        if table.changes() {
            return refused(
                format!("which is made of `{of}`, whose rows change"),
                "'0', or a window; a row that is deleted there leaves the ranking by itself",
            );
        }
        if table.event_time.is_none() {
            return refused(
                format!("which is made of `{of}`, a table without event time"),
                "WATERMARK FOR a column of it: the time to live counts in event time; without, the ranking grows for ever",
            );
        }
    }
    if ranking.joined.is_some() || ranking.paired.is_some() {
        return refused(
            "which joins tables".to_owned(),
            "'0', or a window: TUMBLE, HOP, CUMULATE",
        );
    }
    let named = ranking.keys.iter().any(|k| ranking.row[k.column].is_row_id);
    if !ranking.placed.is_empty() && !named {
        return refused(
            "whose rows have a primary key and are ranked within what is no part of it".to_owned(),
            "PARTITION BY columns of the primary key, or a table without one",
        );
    }
    Ok(())
}

/// Makes a ranking one over the lives of its keys, which are a hidden ranking of this name.
pub fn split(ranking: &mut Ranking, name: String, ttl: i64, tables: &mut Vec<Table>) -> Ranking {
    let mut lives = Ranking {
        name,
        window: Window::session(ttl),
        lets_go: true,
        is_hidden: true,
        placed: Vec::new(),
        partition: Vec::new(),
        is_rows: false,
        as_they_are: false,
        session_by: (0..ranking.keys.len()).collect(),
        measures: of_rows(&ranking.measures).cloned().collect(),
        computed: Vec::new(),
        having: None,
        order: Vec::new(),
        rank: None,
        from: 1,
        limit: u64::MAX,
        shows_rank: false,
        shown_if: None,
        fields: Vec::new(),
        ..ranking.clone()
    };
    let placed = place(ranking, &mut lives);
    let keys = (0..lives.keys.len()).map(Field::Key);
    let measures = (0..lives.measures.len()).map(Field::Measure);
    lives.fields = keys.chain(measures).collect();
    let (table, _) = nested::rows(tables.len(), &lives, &[], tables);
    over(ranking, &lives, &table, &placed);
    ranking.inputs = vec![Input {
        table: tables.len(),
        filter: None,
        filter_meaning: None,
        columns: (FIELDS..FIELDS + lives.fields.len()).collect(),
        unnest: None,
    }];
    tables.push(table);
    lives
}

fn of_rows(measures: &[Measure]) -> impl Iterator<Item = &Measure> {
    let is_of_rows = |m: &&Measure| !matches!(m.aggregate, Aggregate::Computed(_));
    measures.iter().filter(is_of_rows)
}

/// The measures of lives that say what rows are ranked among, where that is no key; those that are not there are added.
fn place(ranking: &Ranking, lives: &mut Ranking) -> Vec<usize> {
    let mut all = Vec::new();
    for column in &ranking.placed {
        let says = |m: &Measure| m.aggregate == Aggregate::LastValue(*column) && m.filter.is_none();
        let known = lives.measures.iter().position(says);
        all.push(known.unwrap_or_else(|| {
            lives.measures.push(Measure {
                name: ranking.row[*column].meaning.clone(),
                aggregate: Aggregate::LastValue(*column),
                filter: None,
            });
            lives.measures.len() - 1
        }));
    }
    all
}

/// The row of the ranking is that of a life: its keys, then what was measured of it, of which the newest counts.
fn over(ranking: &mut Ranking, lives: &Ranking, table: &Table, placed: &[usize]) {
    let keys = lives.keys.len();
    let row = lives.fields.iter().enumerate().map(|(n, field)| {
        let (kind, nullable) = lives.field_type(*field);
        let is_row_id = match field {
            Field::Key(key) => lives.row[lives.keys[*key].column].is_row_id,
            Field::Measure(_) => false,
        };
        RowColumn {
            kind,
            nullable,
            meaning: fingerprint::of_column(table, FIELDS + n),
            is_row_id,
        }
    });
    ranking.row = row.collect();
    for (number, key) in ranking.keys.iter_mut().enumerate() {
        key.column = number;
    }
    ranking.placed = placed.iter().map(|measure| keys + measure).collect();
    let is_of_rows = |m: &&mut Measure| !matches!(m.aggregate, Aggregate::Computed(_));
    let mut measures = ranking.measures.iter_mut().filter(is_of_rows).enumerate();
    measures.by_ref().for_each(|(number, measure)| {
        measure.aggregate = Aggregate::LastValue(keys + number);
        measure.filter = None;
    });
    ranking.retracts = true;
    ranking.is_rows = false;
    ranking.as_they_are = false;
}
