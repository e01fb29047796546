//! Rankings that others read: their rows as a table, and those that stand inside of others without a name.
//!
//! ```text
//! INSERT INTO daily … FROM hourly            hourly is a ranking: its rows are a table of that name
//! SELECT … FROM (SELECT … GROUP BY …) GROUP BY …
//!              └── lifted: a hidden ranking, whose rows are a table without a name
//! ```

use std::sync::Arc;

use super::ranking::{Output, Shown};
use super::scope::Relation;
use standings_model::expr::Expr;
use standings_model::plan::{Bound, Field, Ranking};
use standings_model::table::of_ranking::{FIELDS, OfRanking, RANK};
use standings_model::table::{Column, Origin, Table};
use standings_model::types::Type;

/// The rows of a ranking as a table with this number, and what of it is seen by its name.
pub fn rows(
    number: usize,
    ranking: &Ranking,
    outputs: &[Output],
    tables: &[Table],
) -> (Table, Relation) {
    let time = ranking.inputs.first().map(|i| &tables[i.table]);
    let time = time.and_then(|t| Some(&t.columns[t.event_time?].kind));
    let time = match time {
        Some(Type::Instant(_)) => Type::Instant(3),
        _ => Type::Timestamp(3),
    };
    let is_always = ranking.window.is_always();
    let mut columns = Vec::new();
    let mut add = |name: &str, kind: Type, nullable: bool| {
        columns.push(Column {
            name: name.to_owned(),
            kind,
            nullable,
            origin: Origin::Field(Arc::from([name.to_owned()])),
            comment: None,
        });
    };
    for bound in Bound::ALL {
        let kind = match bound {
            Bound::Time => time.clone(),
            _ => Type::Instant(3),
        };
        add(bound.name(), kind, is_always);
    }
    add("rank", Type::BIGINT, false);
    for field in &ranking.fields {
        let (kind, nullable) = ranking.field_type(*field);
        add(ranking.field_name(*field), kind, nullable);
    }
    let mut table = Table::new(&ranking.name, columns);
    table.event_time = (!is_always).then_some(Bound::Time as usize);
    table.out_of_orderness = Some(0);
    table.primary_key = primary_key(ranking);
    table.of_ranking = Some(OfRanking {
        ranking: Arc::from(ranking.name.as_str()),
        window: ranking.window,
        waits: ranking.waits,
        depth: 1 + depth(ranking, tables),
    });
    let mut seen = Relation::of_table(number, &table);
    seen.columns = visible(ranking, outputs, &table);
    (table, seen)
}

/// The most rankings over each other: each is a turn of worker 0 at every commit.
pub const DEEPEST: usize = 30;

/// How many rankings lie below one.
pub fn depth(ranking: &Ranking, tables: &[Table]) -> usize {
    let below = ranking.inputs.iter();
    let below = below.filter_map(|input| tables[input.table].of_ranking.as_ref());
    below.map(|of| of.depth).max().unwrap_or(0)
}

/// What names a row: its window and its keys.
fn primary_key(ranking: &Ranking) -> Vec<usize> {
    let time = (!ranking.window.is_always()).then_some(Bound::Time as usize);
    let keys = ranking.fields.iter().enumerate();
    let keys = keys.filter(|(_, field)| matches!(field, Field::Key(_)));
    let all = time.into_iter().chain(keys.map(|(n, _)| FIELDS + n));
    let mut all: Vec<usize> = all.collect();
    if all.is_empty() {
        // There is one row.
        all.push(RANK);
    }
    all
}

fn visible(ranking: &Ranking, outputs: &[Output], table: &Table) -> Vec<(String, Expr)> {
    let column = |number: usize| {
        let of = &table.columns[number];
        Expr::column(number, of.kind.clone(), of.nullable)
    };
    let mut fields = 0..;
    let outputs = outputs.iter().map(|output| {
        let number = match output.shown {
            Shown::Rank => RANK,
            Shown::Bound if output.name == Bound::Start.name() => Bound::Start as usize,
            Shown::Bound => Bound::End as usize,
            Shown::Field(_) => {
                // They are the first fields of a row, in their order.
                let n = fields.next().unwrap_or_default();
                let bound = match ranking.fields[n] {
                    Field::Measure(m) => ranking.bound(m),
                    Field::Key(_) => None,
                };
                bound.map_or(FIELDS + n, |bound| bound as usize)
            }
        };
        (output.name.clone(), column(number))
    });
    outputs.collect()
}
