//! Expressions made up at random, evaluated by Flink in one job and here: the same types and the same values.
//!
//! What Flink does not take (its functions are other ones, or it wants other types) is left out and counted. Where it wraps or
//! gives NULL beyond a type, here is an error, which is left out too; [`DIFFERENCES`] has the rest.

use standings_model::value::Value;
use standings_query::expression;
use standings_scalar::{Program, Zone};

use super::flink;
use crate::expression_oracle::{COLUMNS, Maker, Values, row, table};
use crate::support::Dice;

const ROWS: usize = 12;

/// A time from 1970 on: of one before, Flink's EXTRACT gives a part of the next day.
fn later(values: Values) -> Values {
    let values = values.0.into_iter().map(|value| match value {
        Value::Timestamp(us) => Value::Timestamp(us.abs()),
        Value::Date(days) => Value::Date(days.abs()),
        other => other,
    });
    Values(values.collect())
}

/// A type of Flink's as it is here, where texts have no length until one is declared.
fn here(theirs: &str) -> &str {
    match theirs.starts_with("CHAR(") || theirs.starts_with("VARCHAR(") {
        true => "STRING",
        false => theirs,
    }
}

/// A row as Flink's JSON has it.
fn line(number: usize, values: &Values) -> String {
    let mut row = serde_json::Map::new();
    row.insert("number".to_owned(), number.into());
    for ((name, _), value) in COLUMNS.iter().zip(&values.0) {
        let value: serde_json::Value = match value {
            Value::Null => serde_json::Value::Null,
            Value::Boolean(b) => (*b).into(),
            Value::Integer(n) => (*n as i64).into(),
            Value::Timestamp(_) => value.to_string().replace('T', " ").into(),
            other => other.to_string().into(),
        };
        row.insert((*name).to_owned(), value);
    }
    serde_json::Value::Object(row).to_string()
}

/// A value as `Json.java` writes it.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Timestamp(_) => {
            let text = value.to_string().replace(' ', "T");
            Some(match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            })
        }
        other => Some(other.to_string()),
    }
}

/// Where the same text means something else to Flink: what is in it, and why.
const DIFFERENCES: &[(&str, &str)] = &[(
    " IN (",
    "what is in the list is cast to the type of what is looked for, and is NULL beyond it",
)];

fn differs(text: &str) -> bool {
    DIFFERENCES.iter().any(|(part, _)| text.contains(part))
}

#[test]
fn random_expressions_are_what_flink_says() {
    let setting =
        |name: &str, other: u64| std::env::var(name).map_or(other, |n| n.parse().unwrap());
    let seed = setting("STANDINGS_FUZZ_SEED", 1);
    let count = setting("STANDINGS_FLINK_EXPRESSIONS", 120);
    let mut maker = Maker {
        dice: Dice::new(seed),
        table: table(),
    };
    let rows: Vec<Values> = (0..ROWS).map(|_| later(row(&mut maker.dice).0)).collect();
    let made: Vec<String> = (0..count).map(|_| maker.any().ours).collect();

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let lines: Vec<String> = rows.iter().enumerate().map(|(n, r)| line(n, r)).collect();
    std::fs::write(at("rows.ndjson"), lines.join("\n")).unwrap();
    std::fs::write(at("expressions"), made.join("\n")).unwrap();
    let columns = maker
        .table
        .columns
        .iter()
        .map(|c| format!("{} {}", c.name, c.kind));
    let columns: Vec<String> = columns.collect();
    let ddl = format!(
        "CREATE TABLE r (number INT, {}) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'json');\n",
        columns.join(", "),
        at("rows.ndjson").display()
    );
    std::fs::write(at("table.sql"), ddl).unwrap();

    let answers = flink("Expressions", &[&at("table.sql"), &at("expressions")]);
    assert_eq!(answers.len(), made.len());
    let (mut compared, mut refused, mut failed, mut beyond) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for (sql, answer) in made.iter().zip(&answers) {
        if !answer["refused"].is_null() {
            refused += 1;
            continue;
        }
        if !answer["failed"].is_null() {
            failed += 1;
            continue;
        }
        if differs(sql) {
            continue;
        }
        let expr = expression::parse("oracle.sql", sql, &maker.table).unwrap();
        let theirs = answer["values"].as_array().unwrap();
        assert_eq!(theirs.len(), ROWS, "{sql}");
        let kind = here(answer["type"].as_str().unwrap());
        if kind != expr.kind.to_string() {
            wrong.push(format!("{sql}\n  is {} here, {kind} there", expr.kind));
            continue;
        }
        let name = |n: usize| COLUMNS[n].0.to_owned();
        let program = Program::new(&expr, &Zone::UTC, &name);
        for (row, theirs) in rows.iter().zip(theirs) {
            let Ok(ours) = program.eval(row) else {
                beyond += 1;
                continue;
            };
            let ours = written(&ours.into_value(&expr.kind));
            match ours.as_deref() == theirs.as_str() {
                true => compared += 1,
                false => wrong.push(format!(
                    "{sql}\n  is {ours:?} here, {theirs} there\n  {:?}",
                    row.0
                )),
            }
        }
    }
    println!(
        "{compared} values alike; of {count} expressions Flink refuses {refused} and fails at {failed}; {beyond} values are beyond \
         a type; seed {seed}"
    );
    assert!(
        wrong.is_empty(),
        "seed {seed}, {} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared as u64 > count * ROWS as u64 / 3, "{compared}");
}
