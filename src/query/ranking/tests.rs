//! Queries in all their forms: which are the same, what they come to, and what is refused of them, where.

mod ranks;

use crate::{explain, load_texts, meaning};
use standings_model::plan::{Aggregate, Field, RankFunction, Ranking};
use standings_model::types::Type;

const TABLES: &str = "CREATE TABLE fares (id STRING, ts TIMESTAMP_LTZ(3), city STRING, eur DECIMAL(8, 2), n INT,
  WATERMARK FOR ts AS ts - INTERVAL '1' MINUTE);
CREATE TABLE trams (id STRING, at TIMESTAMP_LTZ(3), town STRING, cents BIGINT, PRIMARY KEY (id) NOT ENFORCED,
  WATERMARK FOR at AS at);\n";
const WINDOW: &str = "TABLE(TUMBLE(TABLE fares, DESCRIPTOR(ts), INTERVAL '1' HOUR))";

fn told(text: &str) -> String {
    let text = text
        .replace("{W}", WINDOW)
        .replace("{B}", "window_start, window_end");
    format!("{TABLES}INSERT INTO best\n{text};")
}

fn loaded(text: &str) -> Result<crate::Loaded, String> {
    load_texts(&[("q", &told(text))]).map_err(|e| e.render())
}

fn ranking(text: &str) -> Ranking {
    let loaded = loaded(text).unwrap_or_else(|shown| panic!("{text}\n{shown}"));
    loaded.plan.rankings[0].clone()
}

fn means(text: &str) -> String {
    let loaded = loaded(text).unwrap_or_else(|shown| panic!("{text}\n{shown}"));
    meaning(&loaded.plan, &loaded.plan.rankings[0])
}

#[test]
fn one_meaning_in_all_its_forms() {
    let form = "SELECT {B}, city, s, rn FROM (
        SELECT *, ROW_NUMBER() OVER (PARTITION BY {B} ORDER BY s DESC) AS rn FROM (
          SELECT {B}, city, SUM(eur) AS s FROM {W} WHERE n > 1 GROUP BY {B}, city)) WHERE rn <= 3";
    let want = means(form);
    for same in [
        // Two selects, one, four.
        "SELECT {B}, city, s, ROW_NUMBER() OVER (PARTITION BY {B} ORDER BY s DESC) AS rn FROM (
           SELECT {B}, city, SUM(eur) AS s FROM {W} WHERE n > 1 GROUP BY {B}, city) QUALIFY rn <= 3",
        "SELECT {B}, city, SUM(eur) AS s, ROW_NUMBER() OVER (PARTITION BY {B} ORDER BY SUM(eur) DESC) AS rn
           FROM {W} WHERE n > 1 GROUP BY {B}, city QUALIFY rn <= 3",
        "SELECT {B}, city, SUM(eur) AS s, ROW_NUMBER() OVER (PARTITION BY {B} ORDER BY SUM(eur) DESC) AS rn
           FROM {W} WHERE n > 1 GROUP BY {B}, city
           QUALIFY ROW_NUMBER() OVER (PARTITION BY {B} ORDER BY SUM(eur) DESC) < 4",
        "SELECT {B}, town AS city, s, place FROM (SELECT * FROM (SELECT r.* FROM (
           SELECT g.*, ROW_NUMBER() OVER (PARTITION BY g.window_start, window_end ORDER BY g.s DESC) AS place FROM (
             SELECT {B}, city AS town, SUM(eur) AS s FROM (
               SELECT {B}, city, eur FROM {W} WHERE n > 1) AS w GROUP BY {B}, city) AS g) AS r)
         WHERE 3 >= place)",
        "WITH few AS (SELECT ts, city, eur FROM fares WHERE n > 1),
           g AS (SELECT {B}, city, SUM(eur) AS s FROM TABLE(TUMBLE(TABLE few, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY {B}, city)
         SELECT {B}, city, s, rn FROM (
           SELECT *, ROW_NUMBER() OVER (PARTITION BY {B} ORDER BY s DESC) AS rn FROM g) AS r WHERE r.rn BETWEEN 1 AND 3",
    ] {
        assert_eq!(means(same), want, "{same}");
    }
    for other in [
        form.replace("rn <= 3", "rn <= 4"),
        form.replace("rn <= 3", "rn = 3"),
        form.replace("rn <= 3", "rn <= 3 AND city <> 'x'"),
        form.replace(
            "GROUP BY {B}, city))",
            "GROUP BY {B}, city HAVING SUM(eur) > 1))",
        ),
        form.replace("ORDER BY s DESC", "ORDER BY -s"),
        form.replace("city, s, rn", "city, s"),
        form.replace("city, s, rn", "city, s * 2 AS s, rn"),
    ] {
        assert_ne!(means(&other), want, "{other}");
    }
}

#[test]
fn ranks_may_be_any_range() {
    let of = |condition: &str| {
        let r = ranking(&format!(
            "SELECT {{B}}, city, s, rn FROM (SELECT *, RANK() OVER (PARTITION BY {{B}} ORDER BY s) AS rn FROM (
               SELECT {{B}}, city, SUM(eur) AS s FROM {{W}} GROUP BY {{B}}, city)) {condition}"
        ));
        (r.from, r.limit)
    };
    for (condition, range) in [
        ("WHERE rn < 11", (1, 10)),
        ("WHERE rn = 2", (2, 2)),
        ("WHERE rn BETWEEN 2 AND 4", (2, 4)),
        ("WHERE rn > 1 AND 4 > rn", (2, 3)),
        ("WHERE (rn >= 2 AND city = 'x') AND rn <= 9", (2, 9)),
        ("WHERE rn >= 2", (2, u64::MAX)),
        ("WHERE city = 'x'", (1, u64::MAX)),
        ("", (1, u64::MAX)),
    ] {
        assert_eq!(of(condition), range, "{condition}");
    }
}

#[test]
fn what_is_computed_of_groups() {
    let r = ranking(
        "SELECT window_end AS until, window_time, UPPER(city) AS city, s / c AS mean, CASE WHEN s > 9 THEN 'much' ELSE 'little' END AS w
         FROM (SELECT {B}, window_time, city, SUM(eur) AS s, COUNT(*) AS c FROM {W} GROUP BY {B}, window_time, city)
         WHERE c > 2",
    );
    assert!(r.rank.is_none() && !r.shows_rank && r.having.is_some());
    let shown: Vec<&str> = r.fields.iter().map(|f| r.field_name(*f)).collect();
    // The key has given its name away, and is there all the same.
    assert_eq!(
        shown,
        ["until", "window_time", "city", "mean", "w", "city_1"]
    );
    let kind = |n: usize| r.field_type(r.fields[n]).0;
    assert_eq!(
        (kind(0), kind(1), kind(2)),
        (Type::Instant(3), Type::Instant(3), Type::STRING)
    );
    let Field::Measure(time) = r.fields[1] else {
        panic!()
    };
    assert_eq!(r.bound(time), Some(standings_model::plan::Bound::Time));
    let hidden = r
        .measures
        .iter()
        .filter(|m| ["s", "c"].contains(&m.name.as_str()));
    assert!(hidden.count() == 2 && !r.shows(0) && !r.tells(0));
    let computed = r
        .measures
        .iter()
        .filter(|m| matches!(m.aggregate, Aggregate::Computed(_)));
    assert_eq!(computed.count(), 6, "five are shown, and HAVING");
}

#[test]
fn rows_are_ranked_as_they_are_by_their_key_or_where_they_came_from() {
    let text = "SELECT {B}, town, half, rn FROM (
          SELECT *, ROW_NUMBER() OVER (PARTITION BY {B}, cents / 100 ORDER BY half DESC) AS rn FROM (
            SELECT {B}, town, cents, cents / 2 AS half
            FROM TABLE(TUMBLE(TABLE trams, DESCRIPTOR(at), INTERVAL '1' HOUR)) WHERE town IS NOT NULL))
        WHERE rn <= 2";
    let r = ranking(text);
    let keys: Vec<&str> = r.keys.iter().map(|k| k.name.as_str()).collect();
    assert_eq!((keys, r.is_rows, r.placed.len()), (vec!["id"], false, 1));
    let measures: Vec<&str> = r.measures.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(measures, ["town", "half"], "what nothing needs is not kept");
    assert_eq!(r.partition, [1]);

    let r = ranking(
        "SELECT {B}, city, eur FROM (
           SELECT *, ROW_NUMBER() OVER (PARTITION BY {B} ORDER BY eur DESC) AS rn FROM {W}) WHERE rn = 1",
    );
    assert!(r.is_rows && r.row[r.keys[0].column].is_row_id && !r.shows_rank);
    let same = ranking(
        "SELECT {B}, city, eur * 2 AS twice, ROW_NUMBER() OVER (PARTITION BY {B} ORDER BY eur DESC) AS rn FROM {W}
         QUALIFY rn = 1 AND twice > 3",
    );
    assert!(same.is_rows && same.shown_if.is_some() && (same.from, same.limit) == (1, 1));
    assert_eq!(
        (r.keys[0].name.as_str(), r.fields.last()),
        ("row_id", Some(&Field::Key(0)))
    );
}

#[test]
fn groups_of_which_nothing_is_measured_are_there() {
    let r = ranking("SELECT {B}, UPPER(city) AS town FROM {W} GROUP BY {B}, city");
    let measures: Vec<&str> = r.measures.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(measures, ["town", "COUNT(*)"]);
    assert!(!r.tells(1) && r.rank.is_none());
}

#[test]
fn a_union_counts_each_row_of_each() {
    let text = "CREATE VIEW moves AS SELECT ts, city, eur FROM fares WHERE n > 0
        UNION ALL SELECT at, UPPER(town), cents / 100 FROM trams UNION ALL SELECT at, town, NULL FROM trams;
      INSERT INTO best SELECT window_start, window_end, city, s, rn FROM (
        SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY s) AS rn FROM (
          SELECT window_start, window_end, city, SUM(eur) AS s
          FROM TABLE(TUMBLE(TABLE moves, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, city))
      WHERE rn <= 3";
    let loaded = load_texts(&[("q", &format!("{TABLES}{text}"))]);
    let loaded = loaded.unwrap_or_else(|e| panic!("{}", e.render()));
    let r = &loaded.plan.rankings[0];
    let tables: Vec<usize> = r.inputs.iter().map(|i| i.table).collect();
    assert_eq!(tables, [0, 1, 1]);
    assert!(r.inputs[0].filter.is_some() && r.inputs[1].filter.is_none());
    let common = &r.row[r.measures[0].aggregate.columns()[0]];
    assert_eq!(common.kind, Type::decimal(21, 2));
    for input in &r.inputs {
        for (row, column) in r.row.iter().zip(&input.columns) {
            let of = &loaded.plan.tables[input.table].columns[*column];
            assert_eq!(of.kind, row.kind, "{}", of.name);
        }
    }
    assert!(explain(&loaded.plan).contains("trams"));
}

#[test]
fn fetch_first_is_a_rank_without_a_column() {
    // Over all time it is one ranking; of windows it has no meaning of its own yet.
    let refused = loaded(
        "SELECT {B}, city, SUM(eur) AS s FROM {W} GROUP BY {B}, city ORDER BY s DESC LIMIT 3",
    );
    assert!(
        refused
            .unwrap_err()
            .contains("over the rows of all windows")
    );
    let r = ranking(
        "SELECT {B}, city, SUM(eur) AS s, DENSE_RANK() OVER (PARTITION BY {B} ORDER BY AVG(eur) DESC, city) AS r
         FROM {W} GROUP BY {B}, city",
    );
    assert_eq!((r.rank, r.order.len()), (Some(RankFunction::DenseRank), 2));
}

#[test]
fn what_has_no_form_is_refused_at_its_place() {
    let ranked =
        "SELECT {B}, city, s, ROW_NUMBER() OVER (PARTITION BY {B} ORDER BY s DESC) AS rn FROM (
      SELECT {B}, city, SUM(eur) AS s FROM {W} GROUP BY {B}, city)";
    let with = |from: &str, to: &str| ranked.replacen(from, to, 1);
    for (text, place, words) in [
        (
            with("ORDER BY s DESC", "ORDER BY 1"),
            "q.sql:6:",
            "a number is no column",
        ),
        (
            with(
                "AS rn",
                "AS rn, RANK() OVER (PARTITION BY {B} ORDER BY city) AS other",
            ),
            "q.sql:6:",
            "beside a rank over another OVER",
        ),
        (
            with(
                "AS rn",
                "AS rn, LAG(s) OVER (PARTITION BY {B} ORDER BY s DESC) AS other",
            ),
            "q.sql:6:",
            "`LAG(s) OVER",
        ),
        (
            with("OVER (PARTITION BY {B} ORDER BY s DESC)", "OVER w"),
            "q.sql:6:",
            "the window `w`",
        ),
        (
            "SELECT n, COUNT(*) AS c FROM fares GROUP BY 3".to_owned(),
            "q.sql:6:45",
            "GROUP BY 3",
        ),
        (
            "SELECT n, COUNT(*) AS c FROM fares GROUP BY 1, 2".to_owned(),
            "q.sql:6:48",
            "GROUP BY 2, which is `COUNT(*)`",
        ),
        (
            with("PARTITION BY {B}", "PARTITION BY {B}, s"),
            "q.sql:6:",
            "PARTITION BY `s`",
        ),
        (
            with("PARTITION BY {B}", "PARTITION BY city"),
            "q.sql:6:",
            "PARTITION BY window_start, window_end in OVER (…)",
        ),
        (
            with("GROUP BY {B}, city)", "GROUP BY {B}, city) WHERE rn <= 3"),
            "q.sql:7:",
            "no column `rn`",
        ),
        (
            with("GROUP BY {B}, city)", "GROUP BY {B}, city) QUALIFY rn <= 0"),
            "q.sql:7:",
            "a limit from 1",
        ),
        (
            with("GROUP BY {B}, city)", "GROUP BY {B}, city) LIMIT 3"),
            "q.sql:6:",
            "LIMIT without ORDER BY",
        ),
        (
            with(
                "GROUP BY {B}, city)",
                "GROUP BY {B}, city) ORDER BY s LIMIT 0",
            ),
            "q.sql:7:",
            "`0`",
        ),
        (
            with("GROUP BY {B}, city)", "GROUP BY {B}, city) ORDER BY s"),
            "q.sql:6:",
            "without LIMIT",
        ),
        (
            with("SUM(eur) AS s", "SUM(eur) AS s, eur"),
            "q.sql:7:",
            "`eur` is not in GROUP BY",
        ),
        (
            with("SUM(eur) AS s", "SUM(eur) + n AS s"),
            "q.sql:7:",
            "`n` is not in GROUP BY",
        ),
        (
            with("FROM {W}", "FROM {W} WHERE SUM(eur) > 1"),
            "q.sql:7:",
            "HAVING",
        ),
        (
            with("FROM {W}", "FROM {W} WHERE n > 1 OR window_start > ts"),
            "q.sql:7:",
            "in one",
        ),
        (
            // The rows of both are rows of rankings, to be ranked; nothing ranks them.
            format!("SELECT * FROM ({ranked}) UNION ALL SELECT * FROM ({ranked})"),
            "q.sql:6:",
            "no rank and no measure",
        ),
        (
            "SELECT DISTINCT city FROM {W}".to_owned(),
            "q.sql:6:",
            "SELECT DISTINCT of rows in windows, without window_start and window_end",
        ),
        (
            "SELECT DISTINCT ON (city) city, n FROM fares ORDER BY n, city".to_owned(),
            "q.sql:6:",
            "than ORDER BY begins with",
        ),
        (
            "SELECT city FROM fares INTERSECT SELECT town FROM trams".to_owned(),
            "q.sql:6:",
            "INTERSECT",
        ),
        (
            "SELECT city FROM fares QUALIFY city = 'x'".to_owned(),
            "q.sql:6:",
            "QUALIFY without a rank",
        ),
        (
            "SELECT city, n FROM fares".to_owned(),
            "q.sql:6:",
            "no rank and no measure",
        ),
        (
            "SELECT COUNT(id) AS c FROM fares f JOIN trams t ON f.id = t.id".to_owned(),
            "q.sql:6:14",
            "`id` is ambiguous",
        ),
        (
            "SELECT t.town, COUNT(*) AS c FROM trams t JOIN fares f ON f.id = t.id GROUP BY t.town"
                .to_owned(),
            "q.sql:6:",
            "a join with `fares`, which has no primary key",
        ),
        (
            "WITH RECURSIVE a AS (SELECT 1 AS x FROM fares) SELECT x FROM a".to_owned(),
            "q.sql:6:",
            "WITH RECURSIVE",
        ),
        ("SELECT g.* FROM fares AS f".to_owned(), "q.sql:6:", "f.*"),
        (
            "SELECT city, city FROM fares".to_owned(),
            "q.sql:6:14",
            "the name `city` twice",
        ),
    ] {
        let shown = loaded(&text)
            .err()
            .unwrap_or_else(|| panic!("accepted: {text}"));
        let plain = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            shown.contains(place) && plain.contains(words),
            "{text}\nwanted {place} {words}\n{shown}"
        );
        assert_eq!(shown.matches("  × ").count(), 1, "{shown}");
    }
}

/// What somebody writes who wants to find an end: refused where it stands, or taken, and soon.
#[test]
fn there_is_an_end_to_everything() {
    let begun = std::time::Instant::now();
    // Each view doubles what it reads.
    let mut views = String::from("CREATE VIEW v0 AS SELECT ts, n AS x FROM fares;\n");
    for n in 1..60 {
        let before = n - 1;
        views += &format!("CREATE VIEW v{n} AS SELECT ts, x + x AS x FROM v{before};\n");
    }
    let grown = load_texts(&[("q", &format!("{TABLES}{views}"))])
        .unwrap_err()
        .render();
    assert!(grown.contains("grows too large"), "{grown:.500}");

    let nested = format!(
        "{}SELECT city, n FROM fares{}",
        "SELECT * FROM (".repeat(400),
        ")".repeat(400)
    );
    assert!(loaded(&nested).is_err());
    let ands = format!(
        "SELECT {{B}}, city, COUNT(*) AS c FROM {{W}} WHERE n > 1{} GROUP BY {{B}}, city",
        " AND n > 1".repeat(10_000)
    );
    assert!(loaded(&ands).unwrap_err().contains("one operator more"));
    let wide: Vec<String> = (0..10_000).map(|n| format!("city AS c{n}")).collect();
    let wide = format!("SELECT {} FROM fares", wide.join(", "));
    assert!(loaded(&wide).unwrap_err().contains("one column more than"));

    let columns: Vec<String> = (0..10_000).map(|n| format!("c{n} INT")).collect();
    let mut many = format!(
        "CREATE TABLE t (ts TIMESTAMP(3), {}, WATERMARK FOR ts AS ts);\n",
        columns.join(", ")
    );
    for n in 0..1_000 {
        many += &format!(
            "INSERT INTO r{n} SELECT window_start, window_end, c{n} + 1 AS k, COUNT(*) AS m
             FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, c{n} + 1;\n"
        );
    }
    let loaded = load_texts(&[("q", &many)]).unwrap_or_else(|e| panic!("{:.500}", e.render()));
    assert_eq!(loaded.plan.rankings.len(), 1_000);
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}
