//! Column lineage, derived from the plan: which columns of a sale an output column is made from, and how.

use std::collections::BTreeMap;

use standings_model::expr::{Expr, Operand};
use standings_model::plan::{Aggregate, Field, Measure, Ranking};
use standings_model::schema::Schema;

/// How an input column takes part: OpenLineage's types and subtypes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Its value is the output's.
    Identity,
    /// The output is computed from it.
    Transformation,
    /// The output sums it up.
    Aggregation,
    /// It decides what is summed up: `FILTER (WHERE …)`, or when a window closes.
    Conditional,
    /// It decides which sale counts: `WHERE`.
    Filter,
    /// It decides which group a sale belongs to.
    GroupBy,
    /// It decides an order.
    Sort,
    /// It decides a rank.
    Window,
}

impl Kind {
    /// `DIRECT` or `INDIRECT`.
    pub fn class(self) -> &'static str {
        match self {
            Kind::Identity | Kind::Transformation | Kind::Aggregation => "DIRECT",
            _ => "INDIRECT",
        }
    }

    /// The subtype.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Identity => "IDENTITY",
            Kind::Transformation => "TRANSFORMATION",
            Kind::Aggregation => "AGGREGATION",
            Kind::Conditional => "CONDITIONAL",
            Kind::Filter => "FILTER",
            Kind::GroupBy => "GROUP_BY",
            Kind::Sort => "SORT",
            Kind::Window => "WINDOW",
        }
    }
}

/// How one column was used: the kind, whether its values cannot be told from the result, and in which words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// How.
    pub kind: Kind,
    /// The result does not show its values (a count).
    pub masking: bool,
    /// Such as `SUM(amount)`.
    pub words: String,
}

/// What something is made from: columns of the schema by number, and how each takes part.
pub type Derived = BTreeMap<usize, Vec<Use>>;

/// An output column with what it is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in a table.
    pub name: String,
    /// Whether it is one of the query's own fields; else it is one that every ranking has.
    pub of_query: bool,
    /// From what; empty for `COUNT(*)`.
    pub from: Derived,
}

fn add(to: &mut Derived, column: usize, kind: Kind, masking: bool, words: &str) {
    let uses = to.entry(column).or_default();
    let used = Use {
        kind,
        masking,
        words: words.to_owned(),
    };
    if !uses.contains(&used) {
        uses.push(used);
    }
}

/// Columns of a ranking's rows, and what decides over whole rows.
pub fn derive(ranking: &Ranking, schema: &Schema) -> (Vec<Column>, Derived) {
    // A schema always has it.
    let time = schema.find("event_time").unwrap_or_default();
    let single = |kind: Kind, words: &str| {
        let mut from = Derived::new();
        add(&mut from, time, kind, false, words);
        from
    };
    let window = |name: &str| Column {
        name: name.to_owned(),
        of_query: false,
        from: single(Kind::Transformation, "event-time window"),
    };
    let mut columns = vec![window("window_start"), window("window_end")];
    columns.push(Column {
        name: "rank".to_owned(),
        of_query: false,
        from: ranked_by(ranking, schema, time),
    });
    for field in &ranking.fields {
        let from = match field {
            Field::Key(i) => {
                let mut from = Derived::new();
                add(
                    &mut from,
                    ranking.keys[*i].column,
                    Kind::Identity,
                    false,
                    "GROUP BY",
                );
                from
            }
            Field::Measure(i) => measured(&ranking.measures[*i], schema, time),
        };
        columns.push(Column {
            name: ranking.field_name(*field).to_owned(),
            of_query: true,
            from,
        });
    }
    columns.push(Column {
        name: "final".to_owned(),
        of_query: false,
        from: single(Kind::Conditional, "watermark"),
    });
    (columns, whole_rows(ranking, schema, time))
}

/// What decides which rows there are, and in which order.
fn whole_rows(ranking: &Ranking, schema: &Schema, time: usize) -> Derived {
    let mut all = Derived::new();
    if let Some(filter) = &ranking.filter {
        for column in columns_of(filter) {
            add(&mut all, column, Kind::Filter, false, "WHERE");
        }
    }
    add(&mut all, time, Kind::GroupBy, false, "GROUP BY the window");
    for key in &ranking.keys {
        add(&mut all, key.column, Kind::GroupBy, false, "GROUP BY");
    }
    for (column, uses) in ranked_by(ranking, schema, time) {
        for used in uses {
            let (kind, words) = match used.words.as_str() {
                "ORDER BY" => (Kind::Sort, "ORDER BY"),
                words => (Kind::Window, words),
            };
            add(&mut all, column, kind, used.masking, words);
        }
    }
    all
}

/// What a rank depends on.
fn ranked_by(ranking: &Ranking, schema: &Schema, time: usize) -> Derived {
    let mut all = Derived::new();
    add(
        &mut all,
        time,
        Kind::Window,
        false,
        "PARTITION BY the window",
    );
    for key in &ranking.partition {
        let column = ranking.keys[*key].column;
        add(&mut all, column, Kind::Window, false, "PARTITION BY");
    }
    for term in &ranking.order {
        match term.field {
            Field::Key(i) => {
                add(
                    &mut all,
                    ranking.keys[i].column,
                    Kind::Window,
                    false,
                    "ORDER BY",
                );
            }
            Field::Measure(i) => {
                for (column, uses) in measured(&ranking.measures[i], schema, time) {
                    let masking = uses.iter().all(|used| used.masking);
                    add(&mut all, column, Kind::Window, masking, "ORDER BY");
                }
            }
        }
    }
    all
}

fn measured(measure: &Measure, schema: &Schema, time: usize) -> Derived {
    let mut from = Derived::new();
    let (function, column, masking) = match measure.aggregate {
        Aggregate::CountAll => ("COUNT", None, true),
        Aggregate::Count(c) => ("COUNT", Some(c), true),
        Aggregate::CountDistinct(c) => ("COUNT DISTINCT", Some(c), true),
        Aggregate::Sum(c) => ("SUM", Some(c), false),
        Aggregate::Avg(c) => ("AVG", Some(c), false),
        Aggregate::Min(c) => ("MIN", Some(c), false),
        Aggregate::Max(c) => ("MAX", Some(c), false),
        Aggregate::LastValue(c) => ("LAST_VALUE", Some(c), false),
    };
    if let Some(column) = column {
        let words = format!("{function}({})", schema.columns[column].name);
        add(&mut from, column, Kind::Aggregation, masking, &words);
    }
    if matches!(measure.aggregate, Aggregate::LastValue(_)) {
        add(&mut from, time, Kind::Sort, true, "LAST_VALUE's order");
    }
    if let Some(filter) = &measure.filter {
        for column in columns_of(filter) {
            add(
                &mut from,
                column,
                Kind::Conditional,
                true,
                "FILTER (WHERE …)",
            );
        }
    }
    from
}

/// The columns that a condition looks at.
fn columns_of(expr: &Expr) -> Vec<usize> {
    fn operand(operand: &Operand, into: &mut Vec<usize>) {
        if let Operand::Column(column) = operand {
            into.push(*column);
        }
    }
    fn walk(expr: &Expr, into: &mut Vec<usize>) {
        match expr {
            Expr::And(all) | Expr::Or(all) => all.iter().for_each(|e| walk(e, into)),
            Expr::Not(e) => walk(e, into),
            Expr::Compare { left, right, .. } => {
                operand(left, into);
                operand(right, into);
            }
            Expr::In { operand: o, .. } => operand(o, into),
            Expr::Between {
                operand: o,
                low,
                high,
                ..
            } => [o, low, high].into_iter().for_each(|o| operand(o, into)),
            Expr::Like { column, .. } | Expr::IsNull { column, .. } => into.push(*column),
        }
    }
    let mut all = Vec::new();
    walk(expr, &mut all);
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line a column: `output <- input KIND …`.
    fn lines(dir: &std::path::Path, name: &str) -> (Vec<String>, Vec<String>) {
        let plan = standings_query::load_dir(dir).unwrap();
        let ranking = plan.rankings.iter().find(|r| r.name == name).unwrap();
        let (columns, whole) = derive(ranking, &plan.schema);
        let line = |name: &str, from: &Derived| {
            let mut text = format!("{name} <-");
            for (column, uses) in from {
                for used in uses {
                    let masked = if used.masking { "*" } else { "" };
                    let input = &plan.schema.columns[*column].name;
                    text += &format!(" {input}:{}{masked}", used.kind.name());
                }
            }
            text
        };
        let columns = columns.iter().map(|c| line(&c.name, &c.from)).collect();
        let whole = whole
            .iter()
            .map(|(column, uses)| line("row", &Derived::from([(*column, uses.clone())])));
        (columns, whole.collect())
    }

    #[test]
    fn the_shipped_ranking_of_salesmen() {
        let (columns, whole) = lines("queries".as_ref(), "top_salesmen");
        assert_eq!(
            columns,
            [
                "window_start <- event_time:TRANSFORMATION",
                "window_end <- event_time:TRANSFORMATION",
                "rank <- event_time:WINDOW amount:WINDOW",
                "salesman_id <- salesman_id:IDENTITY",
                "salesman_name <- event_time:SORT* salesman_name:AGGREGATION",
                "total_sales <- amount:AGGREGATION",
                "deals_closed <-",
                "avg_deal_size <- amount:AGGREGATION",
                "cities_covered <- city:AGGREGATION*",
                "final <- event_time:CONDITIONAL",
            ]
        );
        assert_eq!(
            whole,
            [
                "row <- event_time:GROUP_BY event_time:WINDOW",
                "row <- salesman_id:GROUP_BY",
                "row <- amount:SORT",
            ]
        );
    }

    #[test]
    fn conditions_are_in_it() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["sales.sql", "top_sales_per_city.sql"] {
            std::fs::copy(format!("queries/{file}"), dir.path().join(file)).unwrap();
        }
        let path = dir.path().join("top_sales_per_city.sql");
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replacen(
            "GROUP BY",
            "WHERE salesman_id <> 'S1' AND (amount BETWEEN 0 AND 9 OR salesman_name IS NULL)\n  GROUP BY",
            1,
        );
        let text = text.replacen("COUNT(*)", "COUNT(*) FILTER (WHERE sale_id LIKE 'a%')", 1);
        std::fs::write(&path, text).unwrap();
        let (columns, whole) = lines(dir.path(), "top_sales_per_city");
        assert!(
            columns.contains(&"transaction_count <- sale_id:CONDITIONAL*".to_owned()),
            "{columns:?}"
        );
        assert_eq!(
            whole,
            [
                "row <- event_time:GROUP_BY event_time:WINDOW",
                "row <- city:GROUP_BY",
                "row <- salesman_id:FILTER",
                "row <- salesman_name:FILTER",
                "row <- amount:FILTER amount:SORT",
            ]
        );
    }
}
