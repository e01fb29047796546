//! What a pass asks MySQL or MariaDB for.
//!
//! ```text
//! SELECT the columns, the number of the cursor, whether the cursor is NULL somewhere, the texts of its place
//! FROM the table, or (the query)
//! WHERE its cursor is not before the moment, or is NULL     AND it is behind the last place
//! ORDER BY the columns of the cursor, the primary key
//! ```
//!
//! 1. Names are quoted, values are parameters, each cast to its column's type: nothing of a row or of the configuration is read as SQL,
//!    but the query, which is.
//! 2. Bounds of the first column stand alone, so that an index can be used.

use crate::postgres::sql::{Measure, Place, Statement};

/// What the columns of a cursor and of a primary key can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A whole number with a sign; YEAR too.
    Int,
    /// One without.
    UInt,
    /// DECIMAL.
    Decimal,
    /// DATE, DATETIME or TIMESTAMP.
    Moment,
    /// A text, by the column's own order.
    Text,
    /// Bytes.
    Bytes,
}

impl Order {
    /// Of a type, as `information_schema.columns` calls it; none where rows cannot be gone on from it.
    pub fn of(data_type: &str, column_type: &str) -> Option<Order> {
        Some(match data_type {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => {
                match column_type.contains("unsigned") {
                    true => Order::UInt,
                    false => Order::Int,
                }
            }
            "year" => Order::Int,
            "decimal" => Order::Decimal,
            "date" | "datetime" | "timestamp" => Order::Moment,
            "char" | "varchar" => Order::Text,
            "binary" | "varbinary" => Order::Bytes,
            // A UUID of MariaDB is ordered otherwise than its text.
            _ => return None,
        })
    }
}

/// A column of the cursor, or of the primary key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// Its name.
    pub name: String,
    /// What it is.
    pub order: Order,
}

impl Ordered {
    fn quoted(&self) -> String {
        format!("t.{}", quoted(&self.name))
    }

    /// What can be said of how far it is.
    pub fn measure(&self) -> Option<Measure> {
        match self.order {
            Order::Int | Order::UInt | Order::Decimal => Some(Measure::Number),
            Order::Moment => Some(Measure::Time),
            Order::Text | Order::Bytes => None,
        }
    }

    /// Its number: of a time, ms since 1970.
    pub fn measured(&self, of: &str) -> String {
        match self.measure() {
            Some(Measure::Number) => {
                format!("CAST(LEAST(FLOOR({of}), 9223372036854775807) AS SIGNED)")
            }
            Some(Measure::Time) => format!(
                "CAST(FLOOR(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {of}) / 1000) AS SIGNED)"
            ),
            None => "CAST(NULL AS SIGNED)".to_owned(),
        }
    }

    /// Its text, which a parameter gives back.
    fn text(&self) -> String {
        match self.order {
            Order::Bytes => format!("HEX({})", self.quoted()),
            Order::Text => self.quoted(),
            _ => format!("CAST({} AS CHAR)", self.quoted()),
        }
    }

    fn parameter(&self) -> &'static str {
        match self.order {
            Order::Int => "CAST(? AS SIGNED)",
            Order::UInt => "CAST(? AS UNSIGNED)",
            Order::Decimal => "CAST(? AS DECIMAL(65, 30))",
            Order::Moment => "CAST(? AS DATETIME(6))",
            Order::Text => "?",
            Order::Bytes => "UNHEX(?)",
        }
    }
}

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// A table with its database, quoted; or a query in brackets.
    pub of: String,
    /// The names of all columns, in their order.
    pub columns: Vec<String>,
    /// The columns of the cursor.
    pub cursor: Vec<Ordered>,
    /// A column of the cursor may be NULL.
    pub may_be_null: bool,
    /// The primary key's; of a query nothing.
    pub key: Vec<Ordered>,
}

/// `` `a``b` ``
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Columns in a row.
fn listed(columns: &[&Ordered]) -> String {
    let all: Vec<String> = columns.iter().map(|column| column.quoted()).collect();
    all.join(", ")
}

/// Moments beyond these have no place in a DATETIME: year 1 and year 9999.
const MOMENTS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_000;

impl Relation {
    /// What a pass selects. `since`: the least first column of the cursor, as a number; none: all.
    ///
    /// Its columns: the row's, then the number of the cursor or NULL, 1 where no column of the cursor is NULL, the texts of cursor and key.
    pub fn select(&self, since: Option<i64>, behind: Option<&Place>) -> Statement {
        let is_query = self.key.is_empty();
        let mut statement = Statement::default();
        let cursor: Vec<&Ordered> = self.cursor.iter().collect();
        let ordered: Vec<&Ordered> = self.cursor.iter().chain(&self.key).collect();
        let mut selected: Vec<String> = self
            .columns
            .iter()
            .map(|c| format!("t.{}", quoted(c)))
            .collect();
        let first = self.cursor.first();
        selected.push(first.map_or("NULL".to_owned(), |c| c.measured(&c.quoted())));
        let nulls: Vec<String> = cursor
            .iter()
            .map(|c| format!("{} IS NOT NULL", c.quoted()))
            .collect();
        let nulls = format!("({})", nulls.join(" AND "));
        let has_nulls = self.may_be_null && !is_query;
        selected.push(match has_nulls {
            true => nulls.clone(),
            false => "1".to_owned(),
        });
        selected.extend(ordered.iter().map(|c| c.text()));
        let mut conditions = Vec::new();
        if is_query {
            conditions.push(nulls.clone());
        }
        if let (Some(first), Some(since)) = (first, since) {
            conditions.extend(self.since(first, since, has_nulls));
        }
        if let Some(place) = behind {
            let condition = self.behind(place, has_nulls.then_some(nulls.as_str()), &mut statement);
            conditions.push(condition);
        }
        let order = match has_nulls {
            true => format!("{nulls}, {}", listed(&ordered)),
            false => listed(&ordered),
        };
        let conditions = match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        };
        statement.text = format!(
            "SELECT {} FROM {} AS t{conditions} ORDER BY {order}",
            selected.join(", "),
            self.of,
        );
        statement
    }

    /// Rows from a moment on, and those of which no such thing can be said.
    fn since(&self, first: &Ordered, since: i64, has_nulls: bool) -> Option<String> {
        let name = first.quoted();
        let mut any = match first.measure()? {
            Measure::Number => vec![format!("{name} >= {since}")],
            Measure::Time if !MOMENTS.contains(&since) => return None,
            // A date that is none is before all others, whenever it was written.
            Measure::Time => vec![
                format!(
                    "{name} >= CAST('1970-01-01' AS DATETIME(6)) + INTERVAL {} MICROSECOND",
                    i128::from(since) * 1_000
                ),
                format!("{name} = 0"),
            ],
        };
        if has_nulls {
            any.extend(
                self.cursor
                    .iter()
                    .map(|c| format!("{} IS NULL", c.quoted())),
            );
        }
        Some(format!("({})", any.join(" OR ")))
    }

    /// Rows behind a place; of a query also those at it: others may have the same cursor.
    fn behind(&self, place: &Place, nulls: Option<&str>, statement: &mut Statement) -> String {
        let key: Vec<&Ordered> = self.key.iter().collect();
        let all: Vec<&Ordered> = self.cursor.iter().chain(&self.key).collect();
        match &place.cursor {
            Some(cursor) => {
                let texts: Vec<&String> = cursor.iter().chain(&place.key).collect();
                let by = if self.key.is_empty() { ">=" } else { ">" };
                let behind = compared(&all, by, &texts, statement);
                match nulls {
                    Some(nulls) => format!("({nulls} AND {behind})"),
                    None => behind,
                }
            }
            None => {
                // Those without a cursor are ordered by what they have of it, NULL first: all of them come again.
                let nulls = nulls.unwrap_or("TRUE");
                let keys: Vec<&String> = place.key.iter().collect();
                match self.cursor.len() {
                    1 => format!("({nulls} OR {})", compared(&key, ">", &keys, statement)),
                    _ => "TRUE".to_owned(),
                }
            }
        }
    }
}

/// `(a > ? OR (a = ? AND (b > ?)))`
fn compared(
    columns: &[&Ordered],
    by: &str,
    texts: &[&String],
    statement: &mut Statement,
) -> String {
    let (Some(first), Some(text)) = (columns.first(), texts.first()) else {
        return "TRUE".to_owned();
    };
    let (name, parameter) = (first.quoted(), first.parameter());
    statement.parameters.push((*text).clone());
    if columns.len() == 1 {
        return format!("{name} {by} {parameter}");
    }
    statement.parameters.push((*text).clone());
    let rest = compared(&columns[1..], by, &texts[1..], statement);
    format!("({name} > {parameter} OR ({name} = {parameter} AND {rest}))")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(name: &str, order: Order) -> Ordered {
        Ordered {
            name: name.to_owned(),
            order,
        }
    }

    fn table(may_be_null: bool) -> Relation {
        Relation {
            of: "`shop`.`sales`".to_owned(),
            columns: vec!["id".to_owned(), "a`b".to_owned(), "at".to_owned()],
            cursor: vec![ordered("at", Order::Moment)],
            may_be_null,
            key: vec![ordered("id", Order::UInt)],
        }
    }

    #[test]
    fn a_pass_over_a_table() {
        let first = table(false).select(None, None);
        assert_eq!(
            first.text,
            "SELECT t.`id`, t.`a``b`, t.`at`, CAST(FLOOR(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', t.`at`) / 1000) AS SIGNED), 1, \
             CAST(t.`at` AS CHAR), CAST(t.`id` AS CHAR) FROM `shop`.`sales` AS t ORDER BY t.`at`, t.`id`"
        );
        let place = Place {
            cursor: Some(vec!["2026-01-01 00:00:00".to_owned()]),
            key: vec!["7'; DROP TABLE sales; --".to_owned()],
        };
        let next = table(false).select(Some(5), Some(&place));
        let want = "WHERE (t.`at` >= CAST('1970-01-01' AS DATETIME(6)) + INTERVAL 5000 MICROSECOND OR t.`at` = 0) AND \
                    (t.`at` > CAST(? AS DATETIME(6)) OR (t.`at` = CAST(? AS DATETIME(6)) AND t.`id` > CAST(? AS UNSIGNED))) ORDER";
        assert!(next.text.contains(want), "{}", next.text);
        assert_eq!(next.parameters[2], "7'; DROP TABLE sales; --");
        assert_eq!(next.parameters.len(), next.text.matches('?').count());
    }

    #[test]
    fn rows_without_a_cursor_come_first_and_each_time() {
        let of = table(true);
        let place = Place {
            cursor: None,
            key: vec!["7".to_owned()],
        };
        let next = of.select(Some(5), Some(&place)).text;
        assert!(next.contains("OR t.`at` IS NULL)"), "{next}");
        assert!(
            next.contains("((t.`at` IS NOT NULL) OR t.`id` > CAST(? AS UNSIGNED))"),
            "{next}"
        );
        assert!(
            next.ends_with("ORDER BY (t.`at` IS NOT NULL), t.`at`, t.`id`"),
            "{next}"
        );
    }

    #[test]
    fn a_pass_over_a_query() {
        let of = Relation {
            of: "(SELECT 1)".to_owned(),
            cursor: vec![ordered("n", Order::Int)],
            key: Vec::new(),
            ..table(false)
        };
        let place = Place {
            cursor: Some(vec!["12".to_owned()]),
            key: Vec::new(),
        };
        let text = of.select(Some(-3), Some(&place)).text;
        assert!(
            text.contains("(t.`n` IS NOT NULL) AND (t.`n` >= -3) AND t.`n` >= CAST(? AS SIGNED)"),
            "{text}"
        );
    }
}
