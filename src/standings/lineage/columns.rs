//! Column lineage, derived from the plan: which columns of a table an output column is made from, and how.

use std::collections::BTreeMap;

use standings_model::plan::{Aggregate, Bound, Field, Measure, Plan, Ranking};
use standings_model::table::{Metadata, Origin, Table};

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

/// A column that is read: number of the table in the plan, and of the column in the table.
pub type Read = (usize, usize);

/// What something is made from: columns that are read, and how each takes part.
pub type Derived = BTreeMap<Read, Vec<Use>>;

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

fn add(to: &mut Derived, column: Read, kind: Kind, masking: bool, words: &str) {
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

/// The columns that are read for one, and whether it is one of them itself.
fn roots(table: &Table, column: usize, into: &mut Vec<usize>) -> bool {
    match &table.columns[column].origin {
        Origin::Computed(expr) | Origin::Derived(expr) | Origin::Behind(expr) => {
            // Columns are computed of others, and never in a circle.
            for of in expr.columns() {
                roots(table, of, into);
            }
            false
        }
        Origin::Element(array) | Origin::Ordinal(array) => {
            roots(table, *array, into);
            false
        }
        // It is of no field.
        Origin::Metadata(Metadata::RowId) => false,
        _ => {
            if !into.contains(&column) {
                into.push(column);
            }
            true
        }
    }
}

/// One ranking over its tables.
struct Deriving<'a> {
    ranking: &'a Ranking,
    tables: &'a [Table],
}

impl Deriving<'_> {
    /// Adds what a column of a table is read for.
    fn of_table(
        &self,
        to: &mut Derived,
        (table, column): Read,
        kind: Kind,
        masking: bool,
        words: &str,
    ) {
        let mut all = Vec::new();
        let is_read = roots(&self.tables[table], column, &mut all);
        let kind = match kind {
            Kind::Identity if !is_read => Kind::Transformation,
            kind => kind,
        };
        for root in all {
            // What is masked where it is read shows its values nowhere.
            let is_masked = self.tables[table].masking.of(root).is_some();
            let kind = match kind {
                Kind::Identity if is_masked => Kind::Transformation,
                kind => kind,
            };
            add(to, (table, root), kind, masking || is_masked, words);
        }
    }

    /// Adds what a column of the ranking's row is made from, in each input.
    fn of_row(&self, to: &mut Derived, column: usize, kind: Kind, masking: bool, words: &str) {
        for input in &self.ranking.inputs {
            let at = (input.table, input.columns[column]);
            self.of_table(to, at, kind, masking, words);
        }
    }

    /// Adds the event time of each input.
    fn time(&self, to: &mut Derived, kind: Kind, masking: bool, words: &str) {
        for input in &self.ranking.inputs {
            if let Some(time) = self.tables[input.table].event_time {
                self.of_table(to, (input.table, time), kind, masking, words);
            }
        }
    }

    /// What a column is called in words: that of the first input.
    fn name(&self, column: usize) -> &str {
        let input = self.ranking.inputs.first();
        let name = input.map(|i| &self.tables[i.table].columns[i.columns[column]].name);
        name.map_or("", String::as_str)
    }

    /// What decides which rows there are, and in which order.
    fn whole_rows(&self) -> Derived {
        let ranking = self.ranking;
        let mut all = Derived::new();
        for input in &ranking.inputs {
            if let Some(filter) = input.filter {
                let at = (input.table, filter);
                self.of_table(&mut all, at, Kind::Filter, false, "WHERE");
            }
        }
        self.time(&mut all, Kind::GroupBy, false, "GROUP BY the window");
        for key in &ranking.keys {
            self.of_row(&mut all, key.column, Kind::GroupBy, false, "GROUP BY");
        }
        for (column, uses) in self.ranked_by() {
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
    fn ranked_by(&self) -> Derived {
        let ranking = self.ranking;
        let mut all = Derived::new();
        self.time(&mut all, Kind::Window, false, "PARTITION BY the window");
        let by: Vec<usize> = ranking.key_columns().collect();
        for key in &ranking.partition {
            let column = by[*key];
            self.of_row(&mut all, column, Kind::Window, false, "PARTITION BY");
        }
        for term in &ranking.order {
            match term.field {
                Field::Key(i) => {
                    let column = ranking.keys[i].column;
                    self.of_row(&mut all, column, Kind::Window, false, "ORDER BY");
                }
                Field::Measure(i) => {
                    for (column, uses) in self.measured(&ranking.measures[i]) {
                        let masking = uses.iter().all(|used| used.masking);
                        add(&mut all, column, Kind::Window, masking, "ORDER BY");
                    }
                }
            }
        }
        all
    }

    fn measured(&self, measure: &Measure) -> Derived {
        let mut from = Derived::new();
        if let Aggregate::Computed(n) = measure.aggregate {
            self.computed(&mut from, &self.ranking.computed[n]);
            return from;
        }
        let (function, column, masking) = match measure.aggregate {
            Aggregate::CountAll => ("COUNT", None, true),
            Aggregate::Count(c) => ("COUNT", Some(c), true),
            Aggregate::CountDistinct(c) => ("COUNT DISTINCT", Some(c), true),
            Aggregate::Sum(c) => ("SUM", Some(c), false),
            Aggregate::Avg(c) => ("AVG", Some(c), false),
            Aggregate::Min(c) => ("MIN", Some(c), false),
            Aggregate::Max(c) => ("MAX", Some(c), false),
            Aggregate::LastValue(c) => ("LAST_VALUE", Some(c), false),
            Aggregate::FirstValue(c) => ("FIRST_VALUE", Some(c), false),
            Aggregate::ArgMax { value, .. } => ("ARG_MAX", Some(value), false),
            Aggregate::ArgMin { value, .. } => ("ARG_MIN", Some(value), false),
            Aggregate::Spread(c, of) if of.root => ("STDDEV", Some(c), false),
            Aggregate::Spread(c, _) => ("VARIANCE", Some(c), false),
            Aggregate::Percentile { column, .. } => ("PERCENTILE", Some(column), false),
            Aggregate::CountRoughly(c) => ("APPROX_COUNT_DISTINCT", Some(c), true),
            Aggregate::Computed(_) => ("", None, true),
        };
        if let Some(column) = column {
            let words = format!("{function}({})", self.name(column));
            self.of_row(&mut from, column, Kind::Aggregation, masking, &words);
        }
        match measure.aggregate {
            Aggregate::LastValue(_) | Aggregate::FirstValue(_) => {
                let words = format!("{function}'s order");
                self.time(&mut from, Kind::Sort, true, &words);
            }
            Aggregate::ArgMax { by, .. } | Aggregate::ArgMin { by, .. } => {
                let words = format!("{function}'s order");
                self.of_row(&mut from, by, Kind::Sort, true, &words);
                self.time(&mut from, Kind::Sort, true, &words);
            }
            _ => {}
        }
        if let Some(filter) = measure.filter {
            self.of_row(
                &mut from,
                filter,
                Kind::Conditional,
                true,
                "FILTER (WHERE …)",
            );
        }
        from
    }
}

impl Deriving<'_> {
    /// What is computed of a group depends on what its parts do.
    fn computed(&self, from: &mut Derived, expr: &standings_model::expr::Expr) {
        let ranking = self.ranking;
        for number in expr.columns() {
            let Some(measure) = number.checked_sub(ranking.keys.len()) else {
                let column = ranking.keys[number].column;
                self.of_row(from, column, Kind::Transformation, false, "GROUP BY");
                continue;
            };
            let Some(measure) = ranking.measures.get(measure) else {
                match measure - ranking.measures.len() < Bound::ALL.len() {
                    true => self.time(from, Kind::Transformation, false, "event-time window"),
                    // The rank.
                    false => {
                        for (column, uses) in self.ranked_by() {
                            from.entry(column).or_default().extend(uses);
                        }
                    }
                }
                continue;
            };
            for (column, uses) in self.measured(measure) {
                from.entry(column).or_default().extend(uses);
            }
        }
    }
}

/// Columns of a ranking's rows, and what decides over whole rows.
pub fn derive(ranking: &Ranking, plan: &Plan) -> (Vec<Column>, Derived) {
    let deriving = Deriving {
        ranking,
        tables: &plan.tables,
    };
    let single = |kind: Kind, words: &str| {
        let mut from = Derived::new();
        deriving.time(&mut from, kind, false, words);
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
        from: deriving.ranked_by(),
    });
    for field in &ranking.fields {
        let from = match field {
            Field::Key(i) => {
                let mut from = Derived::new();
                let column = ranking.keys[*i].column;
                deriving.of_row(&mut from, column, Kind::Identity, false, "GROUP BY");
                from
            }
            Field::Measure(i) => deriving.measured(&ranking.measures[*i]),
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
    (columns, deriving.whole_rows())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line a column: `output <- input KIND …`.
    fn lines(dir: &std::path::Path, name: &str) -> (Vec<String>, Vec<String>) {
        let plan = standings_query::load_dir(dir).unwrap();
        let ranking = plan.rankings.iter().find(|r| r.name == name).unwrap();
        let (columns, whole) = derive(ranking, &plan);
        let line = |name: &str, from: &Derived| {
            let mut text = format!("{name} <-");
            for (column, uses) in from {
                for used in uses {
                    let masked = if used.masking { "*" } else { "" };
                    let input = &plan.tables[column.0].columns[column.1].name;
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

    #[test]
    fn what_is_masked_where_it_is_read_is_said_to_be() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        file(
            "orders.sql",
            "CREATE TABLE orders (mail STRING, street STRING, n BIGINT, at TIMESTAMP_LTZ(3), \
             WATERMARK FOR at AS at - INTERVAL '1' MINUTE) WITH ('mask' = 'mail:hash;street')",
        );
        file(
            "buyers.sql",
            "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS r FROM \
             (SELECT mail, LAST_VALUE(street) AS street, SUM(n) AS total, window_start, window_end FROM \
             TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR)) GROUP BY mail, window_start, window_end)) WHERE r <= 10",
        );
        let (columns, _) = lines(dir.path(), "buyers");
        for line in [
            "mail <- mail:TRANSFORMATION*",
            "street <- street:AGGREGATION* at:SORT*",
            "total <- n:AGGREGATION",
        ] {
            assert!(columns.iter().any(|c| c == line), "{line}: {columns:?}");
        }
    }
}
