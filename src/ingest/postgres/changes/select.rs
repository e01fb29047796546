//! What a snapshot asks the database for.
//!
//! ```text
//! SELECT the columns FROM ( the table, without the keys that were touched since
//!                           UNION ALL  what those had before )
//! WHERE it is behind the last place ORDER BY the event time, the primary key
//! ```
//!
//! 1. Columns are selected as they are, never cast: their texts are those that the log has.
//! 2. Names are quoted, values are parameters.

use serde_json::{Map, Value};

use super::super::sql::{Statement, quoted};
use super::server::Select;

impl Select {
    /// The statement, of a table by its quoted name.
    pub fn statement(&self, table: &str) -> Statement {
        let mut statement = Statement::default();
        let columns = self.columns.iter();
        let columns: Vec<String> = columns.map(|c| format!("t.{}", quoted(&c.name))).collect();
        let of = self.of(table, &mut statement);
        let mut order: Vec<String> = Vec::new();
        if let Some(name) = &self.event_time {
            order.push(format!("t.{} NULLS FIRST", quoted(name)));
        }
        order.extend(self.key.iter().map(|name| format!("t.{}", quoted(name))));
        let behind = self.behind(&mut statement);
        statement.text = format!(
            "SELECT {} FROM {of} AS t{behind} ORDER BY {}",
            columns.join(", "),
            order.join(", ")
        );
        statement
    }

    /// What is selected from.
    fn of(&self, table: &str, statement: &mut Statement) -> String {
        if self.touched.rows.is_empty() && !self.touched.is_emptied {
            return table.to_owned();
        }
        let names = self.columns.iter();
        let names: Vec<String> = names.map(|c| quoted(&c.name)).collect();
        let keys = self.touched.rows.keys().map(|key| {
            let pairs = self.key.iter().cloned().zip(key.iter().cloned());
            Value::Object(pairs.map(|(n, v)| (n, Value::from(v))).collect())
        });
        let keys = Value::Array(keys.collect()).to_string();
        let befores = self.touched.rows.values().flatten().map(|row| {
            let row = row.iter().map(|(n, v)| (n.clone(), Value::from(v.clone())));
            Value::Object(row.collect::<Map<String, Value>>())
        });
        let befores = Value::Array(befores.collect()).to_string();
        statement.parameters.push(befores);
        let before = self.recordset("$1", &self.names());
        if self.touched.is_emptied {
            return format!("({before})");
        }
        statement.parameters.push(keys);
        let key: Vec<String> = self.key.iter().map(|name| quoted(name)).collect();
        let touched = self.recordset("$2", &self.key);
        format!(
            "(SELECT {} FROM {table} WHERE ({}) NOT IN ({touched}) UNION ALL {before})",
            names.join(", "),
            key.join(", "),
        )
    }

    fn names(&self) -> Vec<String> {
        self.columns.iter().map(|c| c.name.clone()).collect()
    }

    /// Rows of a parameter that is JSON, each value cast from its text.
    fn recordset(&self, parameter: &str, names: &[String]) -> String {
        let texts: Vec<String> = names
            .iter()
            .map(|name| format!("{} text", quoted(name)))
            .collect();
        let cast = names.iter().map(|name| {
            let at = self.columns.iter().position(|c| c.name == *name);
            let cast = at.and_then(|at| self.casts.get(at));
            format!(
                "u.{}::{}",
                quoted(name),
                cast.map_or("text", String::as_str)
            )
        });
        let cast: Vec<String> = cast.collect();
        format!(
            "SELECT {} FROM json_to_recordset({parameter}::text::json) AS u({})",
            cast.join(", "),
            texts.join(", ")
        )
    }

    fn cast(&self, name: &str) -> &str {
        let at = self.columns.iter().position(|c| c.name == name);
        let cast = at.and_then(|at| self.casts.get(at));
        cast.map_or("text", String::as_str)
    }

    /// ` WHERE` it is behind the last place.
    fn behind(&self, statement: &mut Statement) -> String {
        let Some(place) = &self.behind else {
            return String::new();
        };
        let mut value = |name: &str, text: &String| {
            statement.parameters.push(text.clone());
            format!("${}::text::{}", statement.parameters.len(), self.cast(name))
        };
        let keys: Vec<String> = self
            .key
            .iter()
            .map(|n| format!("t.{}", quoted(n)))
            .collect();
        let pairs = self.key.iter().zip(&place.key);
        let (keys, values) = (
            keys.join(", "),
            pairs
                .map(|(name, text)| value(name, text))
                .collect::<Vec<_>>()
                .join(", "),
        );
        let behind = format!("({keys}) > ({values})");
        let Some(name) = &self.event_time else {
            return format!(" WHERE {behind}");
        };
        let time = format!("t.{}", quoted(name));
        match place.cursor.as_ref().and_then(|all| all.first()) {
            None => format!(" WHERE {time} IS NOT NULL OR {behind}"),
            Some(text) => {
                let at = value(name, text);
                format!(" WHERE {time} > {at} OR ({time} = {at} AND {behind})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sql::Place;
    use super::super::pgoutput::Column;
    use super::super::server::Touched;
    use super::*;

    fn select() -> Select {
        let column = |name: &str| Column {
            name: name.to_owned(),
            kind: 0,
            modifier: -1,
        };
        Select {
            columns: vec![column("id"), column("a\"t")],
            casts: vec![
                "bigint".to_owned(),
                "timestamp(3) with time zone".to_owned(),
            ],
            event_time: Some("a\"t".to_owned()),
            key: vec!["id".to_owned()],
            behind: None,
            touched: Touched::default(),
        }
    }

    #[test]
    fn a_snapshot_from_its_beginning_and_from_a_place() {
        let mut of = select();
        let all = of.statement("\"s\".\"t\"");
        assert_eq!(
            all.text,
            "SELECT t.\"id\", t.\"a\"\"t\" FROM \"s\".\"t\" AS t ORDER BY t.\"a\"\"t\" NULLS FIRST, t.\"id\""
        );
        of.behind = Some(Place {
            cursor: Some(vec!["2026-01-01".to_owned()]),
            key: vec!["7'".to_owned()],
        });
        let rest = of.statement("x");
        assert!(
            rest.text.contains(
                "WHERE t.\"a\"\"t\" > $2::text::timestamp(3) with time zone OR (t.\"a\"\"t\" = $2::text::timestamp(3) with time zone AND (t.\"id\") > ($1::text::bigint))"
            ),
            "{}",
            rest.text
        );
        assert_eq!(rest.parameters, ["7'", "2026-01-01"]);
        of.event_time = None;
        assert!(
            of.statement("x")
                .text
                .ends_with("FROM x AS t WHERE (t.\"id\") > ($1::text::bigint) ORDER BY t.\"id\"")
        );
    }

    #[test]
    fn what_was_touched_is_as_it_was() {
        let mut of = select();
        let before = [
            ("id".to_owned(), Some("1".to_owned())),
            ("a\"t".to_owned(), None),
        ];
        of.touched
            .rows
            .insert(vec!["1".to_owned()], Some(before.into()));
        of.touched.rows.insert(vec!["2".to_owned()], None);
        let said = of.statement("x");
        assert_eq!(
            said.parameters,
            [r#"[{"a\"t":null,"id":"1"}]"#, r#"[{"id":"1"},{"id":"2"}]"#]
        );
        assert!(said.text.contains(
            "FROM (SELECT \"id\", \"a\"\"t\" FROM x WHERE (\"id\") NOT IN (SELECT u.\"id\"::bigint FROM json_to_recordset($2::text::json) AS u(\"id\" text)) \
             UNION ALL SELECT u.\"id\"::bigint, u.\"a\"\"t\"::timestamp(3) with time zone FROM json_to_recordset($1::text::json)"
        ), "{}", said.text);
        of.touched.is_emptied = true;
        assert!(!of.statement("x").text.contains("FROM x"));
    }
}
