//! Texts that are longer, wider or deeper than anybody means: each is refused at once, with its place, in a short message; or taken.

use std::time::{Duration, Instant};

use crate::load_texts;

const TABLE: &str =
    "CREATE TABLE t (k STRING, v INT, at TIMESTAMP_LTZ(3), WATERMARK FOR at AS at);\n";

/// How long one may take, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(40);

/// What is said of a text, in one line; none of one that is taken.
fn said(text: &str) -> Option<String> {
    let began = Instant::now();
    let loaded = load_texts(&[("q", text)]);
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    let shown = loaded.err()?.render();
    assert!(shown.len() < 10_000, "{} bytes are said", shown.len());
    Some(shown.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn of(sum: &str, condition: &str) -> String {
    format!("{TABLE}INSERT INTO r SELECT k, {sum} FROM t {condition} GROUP BY k;")
}

fn many(n: usize, separator: &str, one: impl Fn(usize) -> String) -> String {
    (0..n).map(one).collect::<Vec<_>>().join(separator)
}

#[test]
fn what_is_too_long_is_refused_at_its_place() {
    let n = 10_000;
    let where_of = |separator: &str| {
        let all = many(n, separator, |i| format!("v <> {i}"));
        of("SUM(v) AS s", &format!("WHERE {all}"))
    };
    let deep = |open: &str, close: &str| {
        let (open, close) = (open.repeat(n), close.repeat(n));
        of(&format!("SUM({open}v{close}) AS s"), "")
    };
    let select = |n: usize| of(&many(n, ", ", |i| format!("MAX(v) AS s{i}")), "");
    for (text, words) in [
        (where_of(" AND "), "q.sql:2:6449] 2 │ "),
        (where_of(" AND "), "`AND` is one operator more than the 500"),
        (where_of(" OR "), "`OR` is one operator more than the 500"),
        (
            of("SUM(v) AS s", &format!("WHERE {}(v = 1)", "NOT ".repeat(n))),
            "`NOT` is one operator more",
        ),
        (
            of(&format!("SUM({}) AS s", many(n, " + ", |_| "v".into())), ""),
            "`+` is one operator more",
        ),
        (
            of(
                "SUM(v) AS s",
                &format!("WHERE v IN ({})", many(n, ",", |i| i.to_string())),
            ),
            "at most 10000 parts",
        ),
        (deep("(", ")"), "nested too deep"),
        (deep("ABS(", ")"), "nested too deep"),
        (select(2_000), "`s1599`, one column more than the 1600"),
        (
            of(&format!("SUM(v) AS {}", "x".repeat(100_000)), ""),
            "at most 63 bytes",
        ),
        (
            of("SUM(v) AS s", &format!("WHERE v < {}", "9".repeat(100_000))),
            "at most 38 digits",
        ),
        (
            format!(
                "{TABLE}INSERT INTO r SELECT k, SUM(v) AS s FROM {}t{} GROUP BY k;",
                "(SELECT k, v FROM ".repeat(100),
                ")".repeat(100)
            ),
            "nested too deep",
        ),
        (
            format!(
                "CREATE TABLE t (x {}INT{});",
                "ARRAY<".repeat(n),
                ">".repeat(n)
            ),
            "a type more than 64 deep",
        ),
    ] {
        let shown = said(&text).unwrap_or_else(|| panic!("taken: {words}"));
        assert!(shown.contains(words), "wanted {words}\n{shown}");
        assert!(shown.contains("q.sql:"), "without a place: {shown}");
    }
}

/// What is written is short, and what it comes to would not be.
#[test]
fn what_grows_as_it_is_put_together_is_refused() {
    let views = |one: &dyn Fn(usize) -> String, n: usize| {
        let all = many(n, "\n", |i| {
            format!("CREATE VIEW v{} AS {};", i + 1, one(i))
        });
        let last = format!("INSERT INTO r SELECT k, SUM(v) AS s FROM v{n} GROUP BY k;");
        format!("{TABLE}CREATE VIEW v0 AS SELECT k, v, at FROM t;\n{all}\n{last}")
    };
    let sums = |i: usize| format!("SELECT k, v + v AS v, at FROM v{i}");
    let unions = |i: usize| format!("SELECT * FROM v{i} UNION ALL SELECT * FROM v{i}");
    let rankings = |n: usize| {
        let rest = many(n - 1, "\n", |i| {
            format!(
                "INSERT INTO r{} SELECT k, SUM(s) AS s FROM r{i} GROUP BY k;",
                i + 1
            )
        });
        format!("{TABLE}INSERT INTO r0 SELECT k, SUM(v) AS s FROM t GROUP BY k;\n{rest}")
    };
    for (text, words) in [
        (views(&sums, 40), "at most 10000 parts"),
        (views(&unions, 40), "UNION ALL of more than 500 tables"),
        (rankings(40), "`r30` is over more than 29 rankings"),
    ] {
        let shown = said(&text).unwrap_or_else(|| panic!("taken: {words}"));
        assert!(shown.contains(words), "wanted {words}\n{shown}");
        assert!(shown.contains("q.sql:"), "without a place: {shown}");
    }
    assert_eq!(said(&rankings(30)), None);
}

#[test]
fn what_is_only_much_is_taken() {
    let columns = many(10_000, ", ", |i| format!("c{i} INT"));
    let wide = format!(
        "CREATE TABLE t ({columns}); INSERT INTO r SELECT c7, SUM(c9999) AS s FROM t GROUP BY c7;"
    );
    assert_eq!(said(&wide), None);
    let rankings = many(1_000, "\n", |i| {
        format!("INSERT INTO r{i} SELECT k, SUM(v) AS s FROM t GROUP BY k;")
    });
    assert_eq!(said(&format!("{TABLE}{rankings}")), None);
    let long = "x".repeat(1 << 20);
    assert_eq!(
        said(&of("SUM(v) AS s", &format!("WHERE k <> '{long}'"))),
        None
    );
    assert_eq!(
        said(&format!(
            "{TABLE}-- {long}\n{};",
            of("SUM(v) AS s", "").replace(TABLE, "")
        )),
        None
    );
}

/// Of a long line what is next to the place is shown, and the place is what it was.
#[test]
fn of_a_long_line_a_part_is_shown() {
    let before = many(1_000, ", ", |i| format!("MAX(v) AS long_name_{i}"));
    let text = of(&format!("{before}, SUM(vv) AS s, {before}"), "");
    let line = text.lines().nth(1).unwrap();
    let shown = said(&text).unwrap();
    let place = format!("q.sql:2:{}]", line.find("vv").unwrap() + 1);
    assert!(shown.contains(&place), "wanted {place}\n{shown}");
    assert!(shown.contains("SUM(vv) AS s"), "{shown}");
    assert!(shown.contains("did you mean `v`?"), "{shown}");
}
