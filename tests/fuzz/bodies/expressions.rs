// What both ways of fuzzing do with expressions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use standings_model::table::{Column, Origin, Table};
use standings_model::types::{Type, Width};
use standings_model::value::Value;
use standings_scalar::{Datum, Program, Row, Zone};

/// A row of these values.
struct Values<'a>(&'a [Value]);

impl Row for Values<'_> {
    fn datum(&self, column: usize) -> Datum<'_> {
        Datum::of(&self.0[column])
    }
}

/// Columns of all kinds, and rows of extremes.
pub struct Expressions {
    table: Table,
    rows: Vec<Vec<Value>>,
    zone: Zone,
}

impl Default for Expressions {
    fn default() -> Self {
        Self::new()
    }
}

impl Expressions {
    pub fn new() -> Self {
        let most = 10i128.pow(38) - 1;
        let text = Value::text;
        let list = |all: Vec<Value>| Value::Array(Arc::from(all));
        let columns = vec![
            (
                "i",
                Type::Integer(Width::Int),
                [Value::Integer(7), Value::Integer(i128::from(i32::MIN))],
            ),
            (
                "n",
                Type::BIGINT,
                [Value::Integer(-1), Value::Integer(i128::from(i64::MAX))],
            ),
            (
                "d",
                Type::decimal(12, 3),
                [Value::decimal(-1250, 3), Value::decimal(999_999_999_999, 3)],
            ),
            (
                "e",
                Type::decimal(38, 0),
                [Value::decimal(most, 0), Value::decimal(-most, 0)],
            ),
            (
                "f",
                Type::decimal(38, 38),
                [Value::decimal(1, 38), Value::decimal(-most, 38)],
            ),
            (
                "g",
                Type::Double,
                [Value::double(f64::MAX), Value::double(f64::NAN)],
            ),
            ("x", Type::STRING, [text("Olá, 世界 12"), text("")]),
            (
                "doc",
                Type::STRING,
                [text(r#"{"a": [1, {"b": "c"}]}"#), text("[[[")],
            ),
            (
                "t",
                Type::Timestamp(3),
                [
                    Value::Timestamp(-62_167_219_200_000_000),
                    Value::Timestamp(253_402_300_799_999_999),
                ],
            ),
            (
                "z",
                Type::Instant(6),
                [
                    Value::Instant(1_792_888_200_000_000),
                    Value::Instant(-62_167_219_200_000_000),
                ],
            ),
            (
                "day",
                Type::Date,
                [Value::Date(-719_528), Value::Date(2_932_896)],
            ),
            (
                "clock",
                Type::Time,
                [Value::Time(0), Value::Time(86_399_999_999)],
            ),
            (
                "ok",
                Type::Boolean,
                [Value::Boolean(true), Value::Boolean(false)],
            ),
            (
                "tags",
                Type::Array(Arc::new(Type::STRING)),
                [list(vec![text("a"), Value::Null]), list(Vec::new())],
            ),
        ];
        let mut rows = vec![Vec::new(), Vec::new(), vec![Value::Null; columns.len()]];
        let mut all = Vec::new();
        for (name, kind, [first, second]) in columns {
            rows[0].push(first);
            rows[1].push(second);
            all.push(Column {
                name: name.to_owned(),
                kind,
                nullable: true,
                origin: Origin::Field(Arc::from([name.to_owned()])),
                comment: None,
            });
        }
        Expressions {
            table: Table::new("r", all),
            rows,
            zone: Zone::named("Europe/Lisbon").unwrap_or_default(),
        }
    }

    /// Any text is an expression that comes to a value of its type or to an error for any row, or is refused with a word;
    /// and in no time to speak of.
    pub fn check(&self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        let began = Instant::now();
        match standings_query::expression::parse("fuzzed.sql", &text, &self.table) {
            Err(refused) => assert!(!refused.to_string().is_empty()),
            Ok(expr) => {
                let program =
                    Program::new(&expr, &self.zone, &|n| self.table.columns[n].name.clone());
                for row in &self.rows {
                    match program.eval(&Values(row)) {
                        Ok(datum) => {
                            assert!(
                                expr.nullable || !datum.is_null(),
                                "NULL where it is said that there is none"
                            );
                            drop(datum.into_value(&expr.kind).to_string());
                        }
                        Err(error) => assert!(error.to_string().contains(": ")),
                    }
                }
            }
        }
        // A machine that is busy stands still for seconds at times; what grows beyond its text does for minutes.
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{:?}",
            began.elapsed()
        );
    }
}
