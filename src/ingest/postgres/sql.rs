//! What a pass asks the database for.
//!
//! ```text
//! SELECT the row as JSON, its transaction, its place as texts
//! FROM the table                     WHERE its transaction is not below the horizon     AND it is behind the last place
//! FROM (the query)                   WHERE its cursor is not before the moment          AND it is not before the last place
//! ORDER BY the columns of the cursor, the primary key
//! ```
//!
//! 1. Names are quoted, values are parameters: nothing of the configuration or of a row is read as SQL, but the query, which is.
//! 2. A decimal is a text: no digit is lost on the way, whoever reads the JSON.
//! 3. `xmin` has 32 bits of 64: the rest is told by the next transaction's number. A row that nobody has touched for four thousand million
//!    transactions may be taken for new, and is then written once more.

use serde::{Deserialize, Serialize};

/// A row that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The text of a JSON object.
    pub row: Vec<u8>,
    /// The transaction that wrote it; 0 of a query.
    pub by: u64,
    /// Where it is in the pass.
    pub place: Place,
    /// The first column of the cursor as a number (of a time ms since 1970), of a query.
    pub measure: Option<i64>,
}

/// Where a row is in a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The columns of the cursor, as Postgres writes them; none where one is NULL: those rows come first.
    pub cursor: Option<Vec<String>>,
    /// The primary key's.
    pub key: Vec<String>,
}

/// From where on a pass reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct From {
    /// Rows of transactions below it are not read.
    pub horizon: u64,
    /// Of a query: rows whose first column of the cursor is before this one, less the overlap, are not read.
    pub since: Option<String>,
    /// Rows up to this place were read.
    pub behind: Option<Place>,
}

/// How the database stands where a pass begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stood {
    /// The oldest transaction that runs.
    pub oldest: u64,
    /// The next one.
    pub next: u64,
    /// Which database it is: the cluster's identifier and its timeline.
    pub database: String,
}

/// What a column of the cursor can be compared by, with an overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A whole number.
    Number,
    /// A date or a time.
    Time,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type: schema and name.
    pub kind: (String, String),
}

impl Column {
    /// `t."name"`
    fn quoted(&self) -> String {
        format!("t.{}", quoted(&self.name))
    }

    /// `"pg_catalog"."int8"`
    fn cast(&self) -> String {
        format!("{}.{}", quoted(&self.kind.0), quoted(&self.kind.1))
    }

    fn is_of(&self, names: &[&str]) -> bool {
        self.kind.0 == "pg_catalog" && names.contains(&self.kind.1.as_str())
    }

    /// As it is in the row's JSON.
    fn selected(&self) -> String {
        let name = quoted(&self.name);
        match (
            self.is_of(&["numeric", "money"]),
            self.is_of(&["_numeric", "_money"]),
        ) {
            (true, _) => format!("t.{name}::text AS {name}"),
            (_, true) => format!("t.{name}::text[] AS {name}"),
            _ => format!("t.{name}"),
        }
    }

    /// Whether an overlap can be taken from it.
    pub fn measure(&self) -> Option<Measure> {
        match () {
            () if self.is_of(&["int2", "int4", "int8", "numeric"]) => Some(Measure::Number),
            () if self.is_of(&["date", "timestamp", "timestamptz"]) => Some(Measure::Time),
            () => None,
        }
    }

    /// Its number.
    fn measured(&self) -> String {
        let name = self.quoted();
        match self.measure() {
            Some(Measure::Number) => format!("trunc({name})::int8"),
            // What is before or behind all time has none.
            Some(Measure::Time) => format!(
                "CASE WHEN isfinite({name}) THEN floor(extract(epoch FROM {name}) * 1000)::int8 END"
            ),
            None => "NULL::int8".to_owned(),
        }
    }
}

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// A table with its schema, quoted; or a query in brackets.
    pub of: String,
    /// All columns, in their order.
    pub columns: Vec<Column>,
    /// The columns of the cursor.
    pub cursor: Vec<Column>,
    /// A column of the cursor may be NULL.
    pub may_be_null: bool,
    /// The primary key's; of a query nothing.
    pub key: Vec<Column>,
    /// Of a query: its overlap, in ms or in numbers.
    pub overlap: Option<i64>,
}

/// `"a""b"`
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Columns in a row.
fn listed(columns: &[&Column]) -> String {
    let all: Vec<String> = columns.iter().map(|column| column.quoted()).collect();
    all.join(", ")
}

/// A statement, and its parameters, which are texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// With `$1`, `$2`, …
    pub text: String,
    /// In their order.
    pub parameters: Vec<String>,
}

impl Statement {
    /// A value of a column's type.
    fn value(&mut self, of: &Column, text: &str) -> String {
        self.parameters.push(text.to_owned());
        format!("${}::text::{}", self.parameters.len(), of.cast())
    }

    /// `(t."a", t."b") > ($1, $2)`
    fn compared(&mut self, columns: &[&Column], by: &str, texts: &[&String]) -> String {
        let pairs = columns.iter().zip(texts);
        let values: Vec<String> = pairs.map(|(of, text)| self.value(of, text)).collect();
        format!("({}) {by} ({})", listed(columns), values.join(", "))
    }
}

impl Relation {
    /// What a pass selects. `next`: the number of the next transaction.
    ///
    /// Its columns: the row, the transaction or NULL, the number of the cursor or NULL, whether the cursor is NULL somewhere, the texts of
    /// cursor and key.
    pub fn select(&self, from: &From, next: u64) -> Statement {
        let is_query = self.key.is_empty();
        let mut statement = Statement::default();
        let cursor: Vec<&Column> = self.cursor.iter().collect();
        let ordered: Vec<&Column> = self.cursor.iter().chain(&self.key).collect();
        let columns: Vec<String> = self.columns.iter().map(Column::selected).collect();
        let texts: Vec<String> = ordered
            .iter()
            .map(|c| format!("{}::text", c.quoted()))
            .collect();
        let nulls = match self.may_be_null && !is_query {
            true => format!("(({}) IS NOT NULL)", listed(&cursor)),
            false => "true".to_owned(),
        };
        let (by, measured) = match is_query {
            // There are no transactions to ask for.
            true => (
                "NULL::int8".to_owned(),
                self.cursor
                    .first()
                    .map_or("NULL::int8".to_owned(), Column::measured),
            ),
            false => (
                format!("{next} - (({next} - t.xmin::text::int8) & 4294967295)"),
                "NULL::int8".to_owned(),
            ),
        };
        let mut conditions = Vec::new();
        if is_query {
            conditions.push(format!("({}) IS NOT NULL", listed(&cursor)));
            if let (Some(since), Some(first)) = (&from.since, self.cursor.first()) {
                let value = statement.value(first, since);
                let value = match (first.measure(), self.overlap) {
                    (Some(Measure::Time), Some(ms)) => {
                        format!("{value} - interval '{ms} milliseconds'")
                    }
                    (Some(Measure::Number), Some(n)) => format!("{value} - {n}"),
                    _ => value,
                };
                conditions.push(format!("{} >= {value}", first.quoted()));
            }
        } else {
            let span = next.saturating_sub(from.horizon);
            conditions.push(format!(
                "(({next} - t.xmin::text::int8) & 4294967295) <= {span}"
            ));
        }
        if let Some(place) = &from.behind {
            conditions.push(self.behind(place, &nulls, &mut statement));
        }
        let order = match nulls.as_str() {
            "true" => listed(&ordered),
            nulls => format!("{nulls}, {}", listed(&ordered)),
        };
        statement.text = format!(
            "SELECT (SELECT row_to_json(r)::text FROM (SELECT {}) AS r), {by}, {measured}, {nulls}, {} FROM {} AS t WHERE {} ORDER BY {order}",
            columns.join(", "),
            texts.join(", "),
            self.of,
            conditions.join(" AND "),
        );
        statement
    }

    /// Rows behind a place; of a query also those at it: others may have the same cursor.
    fn behind(&self, place: &Place, nulls: &str, statement: &mut Statement) -> String {
        let key: Vec<&Column> = self.key.iter().collect();
        let all: Vec<&Column> = self.cursor.iter().chain(&self.key).collect();
        let keys: Vec<&String> = place.key.iter().collect();
        match &place.cursor {
            Some(cursor) if self.key.is_empty() => {
                let texts: Vec<&String> = cursor.iter().collect();
                statement.compared(&all, ">=", &texts)
            }
            Some(cursor) => {
                let texts: Vec<&String> = cursor.iter().chain(&place.key).collect();
                let behind = statement.compared(&all, ">", &texts);
                format!("({nulls} AND {behind})")
            }
            None => {
                let behind = statement.compared(&key, ">", &keys);
                format!("({nulls} OR {behind})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: &str) -> Column {
        Column {
            name: name.to_owned(),
            kind: ("pg_catalog".to_owned(), kind.to_owned()),
        }
    }

    fn table(may_be_null: bool) -> Relation {
        Relation {
            of: "\"public\".\"sales\"".to_owned(),
            columns: vec![
                column("id", "int8"),
                column("a\"b", "numeric"),
                column("at", "timestamptz"),
            ],
            cursor: vec![column("at", "timestamptz")],
            may_be_null,
            key: vec![column("id", "int8")],
            overlap: None,
        }
    }

    #[test]
    fn a_pass_over_a_table() {
        let first = table(false).select(&From::default(), 900);
        assert_eq!(
            first.text,
            "SELECT (SELECT row_to_json(r)::text FROM (SELECT t.\"id\", t.\"a\"\"b\"::text AS \"a\"\"b\", t.\"at\") AS r), \
             900 - ((900 - t.xmin::text::int8) & 4294967295), NULL::int8, true, t.\"at\"::text, t.\"id\"::text \
             FROM \"public\".\"sales\" AS t WHERE ((900 - t.xmin::text::int8) & 4294967295) <= 900 ORDER BY t.\"at\", t.\"id\""
        );
        let from = From {
            horizon: 880,
            behind: Some(Place {
                cursor: Some(vec!["2026-01-01 00:00:00+00".to_owned()]),
                key: vec!["7'; DROP TABLE sales; --".to_owned()],
            }),
            since: None,
        };
        let next = table(false).select(&from, 900);
        assert!(next.text.contains(
            "<= 20 AND (true AND (t.\"at\", t.\"id\") > ($1::text::\"pg_catalog\".\"timestamptz\", $2::text::\"pg_catalog\".\"int8\"))"
        ));
        assert_eq!(next.parameters[1], "7'; DROP TABLE sales; --");
    }

    #[test]
    fn rows_without_a_cursor_come_first() {
        let nulls = "((t.\"at\") IS NOT NULL)";
        let first = table(true).select(&From::default(), 900);
        assert!(
            first
                .text
                .ends_with(&format!("ORDER BY {nulls}, t.\"at\", t.\"id\""))
        );
        let from = From {
            behind: Some(Place {
                cursor: None,
                key: vec!["7".to_owned()],
            }),
            ..From::default()
        };
        let next = table(true).select(&from, 900);
        let want = format!("({nulls} OR (t.\"id\") > ($1::text::\"pg_catalog\".\"int8\"))");
        assert!(next.text.contains(&want), "{}", next.text);
    }

    #[test]
    fn a_pass_over_a_query() {
        let query = |kind: &str, overlap| Relation {
            of: "(SELECT * FROM v)".to_owned(),
            cursor: vec![column("at", kind)],
            key: Vec::new(),
            overlap: Some(overlap),
            ..table(false)
        };
        let from = From {
            since: Some("2026-01-01".to_owned()),
            behind: Some(Place {
                cursor: Some(vec!["2026-01-02".to_owned()]),
                key: Vec::new(),
            }),
            ..From::default()
        };
        let times = query("timestamptz", 300_000).select(&from, 900).text;
        assert!(
            times.contains(
                ">= $1::text::\"pg_catalog\".\"timestamptz\" - interval '300000 milliseconds'"
            ),
            "{times}"
        );
        assert!(
            times.contains("(t.\"at\") >= ($2::text::\"pg_catalog\".\"timestamptz\")"),
            "{times}"
        );
        assert!(!times.contains("xmin"));
        let numbers = query("int8", 100).select(&from, 900).text;
        assert!(
            numbers.contains(">= $1::text::\"pg_catalog\".\"int8\" - 100"),
            "{numbers}"
        );
    }
}
