//! What a snapshot asks the database for: rows in the order of event time and primary key, behind a place.
//!
//! Texts are ordered by their bytes, not by the column's collation: so a row of the log can be put among those of the table.

use super::server::Select;
use crate::mysql::sql::{Order, Ordered, quoted};
use crate::postgres::sql::Statement;

fn ordered(column: &Ordered) -> String {
    let name = format!("t.{}", quoted(&column.name));
    match column.order {
        Order::Text => format!("CAST(CONVERT({name} USING utf8mb4) AS BINARY)"),
        _ => name,
    }
}

fn parameter(column: &Ordered) -> &'static str {
    match column.order {
        // Of whatever size and sign.
        Order::Int | Order::UInt => "CAST(? AS DECIMAL(65, 0))",
        Order::Decimal => "CAST(? AS DECIMAL(65, 30))",
        Order::Moment => "CAST(? AS DATETIME(6))",
        Order::Text => "CAST(? AS BINARY)",
        Order::Bytes => "UNHEX(?)",
    }
}

/// `(a > ? OR (a = ? AND b > ?))`
fn behind(columns: &[Ordered], texts: &[String], statement: &mut Statement) -> String {
    let (Some(column), Some(text)) = (columns.first(), texts.first()) else {
        return "FALSE".to_owned();
    };
    let (name, parameter) = (ordered(column), parameter(column));
    statement.parameters.push(text.clone());
    if columns.len() == 1 {
        return format!("{name} > {parameter}");
    }
    statement.parameters.push(text.clone());
    let rest = behind(&columns[1..], &texts[1..], statement);
    format!("({name} > {parameter} OR ({name} = {parameter} AND {rest}))")
}

impl Select {
    /// The statement, of a table by its quoted name.
    pub fn statement(&self, table: &str) -> Statement {
        let mut statement = Statement::default();
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|c| format!("t.{}", quoted(c)))
            .collect();
        let order: Vec<String> = self
            .event_time
            .iter()
            .chain(&self.key)
            .map(ordered)
            .collect();
        let condition = match (&self.behind, &self.event_time) {
            (None, _) => String::new(),
            (Some(place), None) => {
                format!(" WHERE {}", behind(&self.key, &place.key, &mut statement))
            }
            (Some(place), Some(time)) => match &place.cursor {
                // Those without a time are first.
                None => {
                    let keys = behind(&self.key, &place.key, &mut statement);
                    format!(" WHERE (t.{} IS NOT NULL OR {keys})", quoted(&time.name))
                }
                Some(cursor) => {
                    let all: Vec<Ordered> =
                        std::iter::once(time).chain(&self.key).cloned().collect();
                    let texts: Vec<String> = cursor.iter().chain(&place.key).cloned().collect();
                    format!(" WHERE {}", behind(&all, &texts, &mut statement))
                }
            },
        };
        statement.text = format!(
            "SELECT {} FROM {table} AS t{condition} ORDER BY {}",
            columns.join(", "),
            order.join(", ")
        );
        statement
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::sql::Place;

    #[test]
    fn a_snapshot_from_a_place_on() {
        let column = |name: &str, order| Ordered {
            name: name.to_owned(),
            order,
        };
        let select = Select {
            columns: vec!["id".to_owned(), "at".to_owned()],
            event_time: Some(column("at", Order::Moment)),
            key: vec![column("id", Order::Text)],
            behind: Some(Place {
                cursor: Some(vec!["2026-01-01".to_owned()]),
                key: vec!["7'".to_owned()],
            }),
        };
        let said = select.statement("`s`.`t`");
        assert_eq!(
            said.text,
            "SELECT t.`id`, t.`at` FROM `s`.`t` AS t WHERE (t.`at` > CAST(? AS DATETIME(6)) OR (t.`at` = CAST(? AS DATETIME(6)) AND \
             CAST(CONVERT(t.`id` USING utf8mb4) AS BINARY) > CAST(? AS BINARY))) ORDER BY t.`at`, CAST(CONVERT(t.`id` USING utf8mb4) AS BINARY)"
        );
        assert_eq!(said.parameters, ["2026-01-01", "2026-01-01", "7'"]);
    }
}
