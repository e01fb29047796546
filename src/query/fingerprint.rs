//! The meaning of a ranking as one text: two rankings with the same text have the same rows, whatever their files look
//! like. Its hash is kept with commits and snapshots.
//!
//! Everything of the plan that decides about rows is in it, conditions with their literals too; columns by name and
//! type, since their numbers change when one is added. It must not change between versions without need: every ranking
//! would count as another one, and be computed anew.

use std::fmt::Write;

use super::expression;
use standings_model::expr::Expr;
use standings_model::plan::{Aggregate, Bound, Measure, Plan, RankFunction, Ranking};
use standings_model::table::{Origin, Table};
use standings_model::types::{Type, Width};

/// The meaning of a ranking.
pub fn meaning(plan: &Plan, ranking: &Ranking) -> String {
    let column = |c: usize| ranking.row[c].meaning.clone();
    let mut out = format!("window {}", ranking.window.meaning());
    // Writing to a String cannot fail.
    let mut line = |text: String| {
        let _ = write!(out, "\n{text}");
    };
    if let Some(zone) = plan.zone.as_deref().filter(|zone| *zone != "UTC") {
        line(format!("local time {zone}"));
    }
    of_inputs(plan, ranking, &mut line);
    for key in &ranking.keys {
        // Before there was NULL in a key, a record without a value was a dead letter.
        let null = if ranking.row[key.column].nullable {
            " null"
        } else {
            ""
        };
        line(format!("key {:?} {}{null}", key.name, column(key.column)));
    }
    let measured = |c: usize| {
        let null = match (ranking.row[c].nullable, was_nullable(plan, ranking, c)) {
            (true, false) => " null",
            (false, true) => " not null",
            _ => "",
        };
        format!("{}{null}", column(c))
    };
    for m in &ranking.measures {
        line(match m.aggregate {
            Aggregate::Computed(n) => {
                let of = of_fields(ranking, &ranking.computed[n]);
                format!("measure {:?} computed {of}", m.name)
            }
            _ => measure(m, &measured, &column),
        });
    }
    of_rows(ranking, &mut line);
    if ranking.window.is_session() {
        line(format!("sessions by {:?}", ranking.session_by));
    }
    if ranking.lets_go {
        line("lets go".to_owned());
    }
    line(format!("partition {:?}", ranking.partition));
    for term in &ranking.order {
        let name = ranking.field_name(term.field);
        line(format!(
            "order {name:?} {} {}",
            term.descending, term.nulls_first
        ));
    }
    let function = match ranking.rank {
        Some(RankFunction::RowNumber) => "row_number",
        Some(RankFunction::Rank) => "rank",
        Some(RankFunction::DenseRank) => "dense_rank",
        None => "unranked",
    };
    line(match ranking.limit {
        u64::MAX => function.to_owned(),
        limit => format!("{function} {limit}"),
    });
    of_ranks(plan, ranking, &mut line);
    out
}

/// Where rows are placed, and whether they are those of the input, and go again.
fn of_rows(ranking: &Ranking, line: &mut dyn FnMut(String)) {
    let by = match ranking.is_placed_by_speaker() {
        true => "placed by who speaks",
        false => "placed",
    };
    for placed in &ranking.placed {
        line(format!("{by} {}", ranking.row[*placed].meaning));
    }
    if ranking.is_rows {
        line("rows".to_owned());
    }
    if ranking.retracts {
        line("rows come and go".to_owned());
    }
    if ranking.as_they_are {
        line("rows as they are".to_owned());
    }
}

/// Where rows come from.
fn of_inputs(plan: &Plan, ranking: &Ranking, line: &mut dyn FnMut(String)) {
    for input in &ranking.inputs {
        line_of_table(&plan.tables[input.table], line);
        if let Some(inner) = plan.below(input) {
            let windows = if ranking.keeps_windows { "" } else { " anew" };
            let inner = meaning(plan, inner).replace('\n', "\n  ");
            line(format!("rows of a ranking, in windows{windows}\n  {inner}"));
        }
        if let Some(array) = input.unnest {
            let array = of_column(&plan.tables[input.table], array);
            line(format!("unnest {array}"));
        }
        if let Some(filter) = &input.filter_meaning {
            line(format!("where {filter}"));
        }
    }
}

/// What rows are joined with.
fn of_joins(plan: &Plan, ranking: &Ranking, line: &mut dyn FnMut(String)) {
    for join in ranking.joined.iter().flat_map(|joined| &joined.joins) {
        line_of_table(&plan.tables[join.table], line);
        line(format!("joined {}", join.meaning));
    }
    let joined = ranking.joined.as_ref();
    if let Some(filter) = joined.and_then(|j| j.filter_meaning.as_ref()) {
        line(format!("behind where {filter}"));
    }
    if let Some(paired) = &ranking.paired {
        line_of_table(&plan.tables[paired.table], line);
        line(format!("paired {}", paired.meaning));
        if let Some(filter) = &paired.filter_meaning {
            line(format!("behind where {filter}"));
        }
    }
}

/// What is said of joins, groups and ranks, where it is not what it was before there was more to say.
fn of_ranks(plan: &Plan, ranking: &Ranking, line: &mut dyn FnMut(String)) {
    of_joins(plan, ranking, line);
    if ranking.from > 1 {
        line(format!("from {}", ranking.from));
    }
    if ranking.rank.is_some() && !ranking.shows_rank {
        line("rank not shown".to_owned());
    }
    for (word, measure) in [("having", ranking.having), ("shown if", ranking.shown_if)] {
        let expr = measure.and_then(|m| ranking.computed(m));
        if let Some(expr) = expr {
            line(format!("{word} {}", of_fields(ranking, expr)));
        }
    }
}

/// What is computed of a group means.
fn of_fields(ranking: &Ranking, expr: &Expr) -> String {
    let keys = ranking.keys.len();
    expression::meaning(expr, &|n| match n.checked_sub(keys) {
        None => format!("key {:?}", ranking.keys[n].name),
        Some(m) => match ranking.measures.get(m) {
            Some(measure) => format!("measure {m} {:?}", measure.name),
            None => match (m - ranking.measures.len()).checked_sub(Bound::ALL.len()) {
                None => format!("bound {}", m - ranking.measures.len()),
                Some(function) => format!("rank by {function}"),
            },
        },
    })
}

/// Whether a measured column could be NULL in the versions that knew no `NOT NULL`, which say nothing of it: all could but
/// these two, and those that a ranking of the same folder grouped by.
fn was_nullable(plan: &Plan, ranking: &Ranking, column: usize) -> bool {
    let mut inputs = ranking.inputs.iter();
    !inputs.any(|input| {
        let number = input.columns[column];
        let of = &plan.tables[input.table].columns[number];
        let is_known = ["amount", "event_time"].contains(&&of.name[..]);
        matches!(of.origin, Origin::Field(_)) && (is_known || is_grouped(plan, input.table, number))
    })
}

/// Whether a ranking groups by a column of a table.
fn is_grouped(plan: &Plan, table: usize, column: usize) -> bool {
    plan.rankings.iter().any(|ranking| {
        let mut inputs = ranking.inputs.iter().filter(|i| i.table == table);
        inputs.any(|i| ranking.keys.iter().any(|k| i.columns[k.column] == column))
    })
}

/// What a table is, where it is not the one that there was before tables had names.
fn line_of_table(table: &Table, line: &mut dyn FnMut(String)) {
    let time = table.event_time.map(|c| &table.columns[c]);
    let is_old = table.name == "sales"
        && time.is_some_and(|c| c.name == "event_time" && matches!(c.origin, Origin::Field(_)));
    if !is_old {
        let time = table.event_time.map(|c| of_column(table, c));
        line(format!(
            "table {:?} time {}",
            table.name,
            time.unwrap_or_default()
        ));
    }
    if let Some(zone) = &table.format.zone {
        line(format!("times without an offset {zone}"));
    }
    for (column, how) in &table.masking.columns {
        line(format!(
            "masked {} {}",
            of_column(table, *column),
            how.word()
        ));
    }
}

/// What a column means: its name and type, and what it is computed of.
pub fn of_column(table: &Table, number: usize) -> String {
    let column = &table.columns[number];
    let plain = format!("{:?} {}", column.name, type_word(&column.kind));
    match &column.origin {
        Origin::Field(_) | Origin::Parts | Origin::Path => plain,
        Origin::KeyField(_) => format!("{plain} of key"),
        Origin::Metadata(what) => format!("{plain} of {what:?}"),
        Origin::Computed(expr) => format!("{plain} as {}", of_expression(table, expr)),
        Origin::Derived(expr) | Origin::Behind(expr) => of_expression(table, expr),
        Origin::Joined { join, column, .. } => format!("{column:?} of join {join}"),
        Origin::Element(array) => format!("element of {}", of_column(table, *array)),
        Origin::Ordinal(array) => format!("number of an element of {}", of_column(table, *array)),
    }
}

/// What an expression over a table's columns means.
pub fn of_expression(table: &Table, expr: &Expr) -> String {
    expression::meaning(expr, &|c| of_column(table, c))
}

/// The word of a type; those of the first types are older than the others.
fn type_word(kind: &Type) -> String {
    match kind {
        Type::Text(None) => "text".to_owned(),
        Type::Integer(Width::Big) => "bigint".to_owned(),
        Type::Decimal {
            precision,
            scale: 2,
        } => format!("decimal({precision})"),
        Type::Instant(3) => "timestamp".to_owned(),
        Type::Timestamp(p) => format!("local timestamp({p})"),
        other => other.to_string().to_lowercase(),
    }
}

fn measure(
    m: &Measure,
    measured: &dyn Fn(usize) -> String,
    column: &dyn Fn(usize) -> String,
) -> String {
    let (function, of) = match m.aggregate {
        Aggregate::CountAll => ("count_all", None),
        Aggregate::Count(c) => ("count", Some(c)),
        Aggregate::CountDistinct(c) => ("count_distinct", Some(c)),
        Aggregate::Sum(c) => ("sum", Some(c)),
        Aggregate::Avg(c) => ("avg", Some(c)),
        Aggregate::Min(c) => ("min", Some(c)),
        Aggregate::Max(c) => ("max", Some(c)),
        Aggregate::LastValue(c) => ("last_value", Some(c)),
        Aggregate::FirstValue(c) => ("first_value", Some(c)),
        Aggregate::ArgMax { value, .. } => ("arg_max", Some(value)),
        Aggregate::ArgMin { value, .. } => ("arg_min", Some(value)),
        Aggregate::Spread(c, of) => (
            match (of.sample, of.root) {
                (false, false) => "var_pop",
                (false, true) => "stddev_pop",
                (true, false) => "var_samp",
                (true, true) => "stddev_samp",
            },
            Some(c),
        ),
        Aggregate::Percentile { column, .. } => ("percentile", Some(column)),
        Aggregate::CountRoughly(c) => ("count_roughly", Some(c)),
        Aggregate::Computed(_) => ("computed", None),
    };
    let mut of = of.map_or_else(String::new, measured);
    match m.aggregate {
        Aggregate::ArgMax { by, .. } | Aggregate::ArgMin { by, .. } => {
            let _ = write!(of, " by {}", measured(by));
        }
        Aggregate::Percentile { at, rounded, .. } => {
            let _ = write!(of, " at {at}{}", if rounded { " rounded" } else { "" });
        }
        _ => {}
    }
    let filter = m.filter.map(column);
    format!(
        "measure {:?} {function} {of} filter {}",
        m.name,
        filter.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{load_shipped, parse_ranking};

    fn of(select: &str, filter: &str, tail: &str) -> String {
        let mut plan = load_shipped().unwrap();
        let sql = format!(
            "SELECT window_start, window_end, city, total, rownum FROM (
             SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS rownum FROM (
              SELECT window_start, window_end, city, {select} AS total
              FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY)) {filter}
              GROUP BY window_start, window_end, city)) WHERE rownum <= {tail};"
        );
        let ranking = parse_ranking("r", "r.sql", &sql, &mut plan.tables);
        meaning(&plan, &ranking.unwrap_or_else(|e| panic!("{e:?}")))
    }

    #[test]
    fn whatever_changes_rows_changes_it() {
        let same = of("SUM(amount)", "", "10");
        assert_eq!(same, of("SUM( amount )", " ", "10"));
        let others = [
            of("SUM(amount)", "WHERE amount > 10", "10"),
            of("SUM(amount)", "WHERE amount > 11", "10"),
            of("SUM(amount)", "WHERE city LIKE 'A%'", "10"),
            of("SUM(amount)", "WHERE city LIKE 'A_'", "10"),
            of("SUM(amount) FILTER (WHERE amount > 1)", "", "10"),
            of("SUM(amount) FILTER (WHERE amount > 2)", "", "10"),
            of("MAX(amount)", "", "10"),
            of("SUM(amount)", "", "11"),
        ];
        let all: std::collections::BTreeSet<&String> = others.iter().chain([&same]).collect();
        assert_eq!(all.len(), others.len() + 1, "{all:#?}");
    }

    #[test]
    fn it_does_not_change_by_itself() {
        // Of a version that has landed: with another text every ranking out there would be computed anew.
        let text = of("SUM(amount)", "WHERE amount >= 0.5 AND city <> 'x'", "10");
        assert_eq!(
            text,
            "window 86400000 86400000\nwhere (and (>= \"amount\" decimal(28) d50) (<> \"city\" text \"x\"))\n\
             key \"city\" \"city\" text\nmeasure \"total\" sum \"amount\" decimal(28) filter \n\
             partition []\norder \"total\" true false\nrow_number 10"
        );
    }
}
