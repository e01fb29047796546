//! Rows made up at random, for both.

use std::fmt::Write;

use crate::support::Dice;

/// The tables and views for the binary.
pub const OURS: &str = "
CREATE TABLE t (id INT, k STRING, g STRING, n INT, d DECIMAL(10, 2), ts TIMESTAMP_LTZ(3),
  WATERMARK FOR ts AS ts - INTERVAL '2' DAY);
CREATE TABLE u (k STRING, n INT, d DECIMAL(10, 2), tags ARRAY<STRING>, ts TIMESTAMP_LTZ(3),
  WATERMARK FOR ts AS ts - INTERVAL '2' DAY);
CREATE VIEW both_of_them AS SELECT ts, k, g, n, d FROM t WHERE n IS NOT NULL UNION ALL SELECT ts, k, 'u', n, d FROM u;
CREATE VIEW tagged AS SELECT ts, k, tag AS g, n, d FROM u CROSS JOIN UNNEST(tags) AS x (tag);
";

/// The same for Postgres: texts are ordered by their bytes.
const THEIRS: &str = "
CREATE TABLE t (id int, k text COLLATE \"C\", g text COLLATE \"C\", n int, d numeric(10, 2), ts timestamp);
CREATE TABLE u (k text COLLATE \"C\", n int, d numeric(10, 2), tags text[] COLLATE \"C\", ts timestamp);
CREATE VIEW both_of_them AS SELECT ts, k, g, n, d FROM t WHERE n IS NOT NULL UNION ALL SELECT ts, k, 'u', n, d FROM u;
CREATE VIEW tagged AS SELECT ts, k, tag AS g, n, d FROM u CROSS JOIN UNNEST(tags) AS x (tag);
";

/// What both are given.
pub struct Given {
    /// Lines of the tables.
    pub t: String,
    pub u: String,
    /// Statements for Postgres.
    pub theirs: String,
}

/// A value as JSON and as SQL; sometimes NULL.
fn value(dice: &mut Dice, json: String, sql: String) -> (String, String) {
    match dice.roll(8) {
        0 => ("null".to_owned(), "NULL".to_owned()),
        _ => (json, sql),
    }
}

fn text(dice: &mut Dice, all: &[&str]) -> (String, String) {
    let word = all[dice.roll(all.len() as u64) as usize];
    value(dice, format!("{word:?}"), format!("'{word}'"))
}

fn number(dice: &mut Dice) -> (String, String) {
    let n = (dice.roll(11) as i64 - 5).to_string();
    value(dice, n.clone(), n)
}

fn cents(dice: &mut Dice) -> (String, String) {
    let n = dice.roll(11_000) as i64 - 2_000;
    let sign = if n < 0 { "-" } else { "" };
    let n = format!("{sign}{}.{:02}", n.abs() / 100, n.abs() % 100);
    value(dice, format!("\"{n}\""), n)
}

fn time(dice: &mut Dice) -> String {
    let second = dice.roll(36_000);
    let (minute, second) = (second / 60, second % 60);
    format!(
        "2026-03-02 {:02}:{:02}:{second:02}",
        minute / 60,
        minute % 60
    )
}

/// Rows of both tables.
pub fn made(dice: &mut Dice) -> Given {
    const PEOPLE: [&str; 6] = ["ann", "bob", "cid", "Dan", "Zoe", ""];
    let (mut t, mut u, mut theirs) = (String::new(), String::new(), THEIRS.to_owned());
    for id in 0..20 + dice.roll(150) {
        let (k, g) = (text(dice, &PEOPLE), text(dice, &["x", "y", "z"]));
        let (n, d, ts) = (number(dice), cents(dice), time(dice));
        let at = ts.replace(' ', "T");
        let line = format!(
            r#"{{"id":{id},"k":{},"g":{},"n":{},"d":{},"ts":"{at}Z"}}"#,
            k.0, g.0, n.0, d.0
        );
        // Writing to a String cannot fail.
        let _ = writeln!(t, "{line}");
        let _ = writeln!(
            theirs,
            "INSERT INTO t VALUES ({id}, {}, {}, {}, {}, '{ts}');",
            k.1, g.1, n.1, d.1
        );
    }
    for _ in 0..10 + dice.roll(80) {
        let (k, n, d, ts) = (text(dice, &PEOPLE), number(dice), cents(dice), time(dice));
        let tags: Vec<(String, String)> = (0..dice.roll(4))
            .map(|_| text(dice, &["x", "y", "w"]))
            .collect();
        let list = |of: fn(&(String, String)) -> &str| {
            let all: Vec<&str> = tags.iter().map(of).collect();
            all.join(",")
        };
        let (json, sql) = (list(|t| &t.0), list(|t| &t.1));
        let (json, sql) = value(dice, format!("[{json}]"), format!("ARRAY[{sql}]::text[]"));
        let at = ts.replace(' ', "T");
        let _ = writeln!(
            u,
            r#"{{"k":{},"n":{},"d":{},"tags":{json},"ts":"{at}Z"}}"#,
            k.0, n.0, d.0
        );
        let _ = writeln!(
            theirs,
            "INSERT INTO u VALUES ({}, {}, {}, {sql}, '{ts}');",
            k.1, n.1, d.1
        );
    }
    Given { t, u, theirs }
}
