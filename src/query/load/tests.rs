//! Statements of several files, put together; and what is refused of them, where.

use super::*;
use crate::explain;
use standings_model::plan::{Aggregate, Field};
use standings_model::types::Type;

/// A ranking over a source, by what it selects.
fn ranking(from: &str, key: &str, measure: &str) -> String {
    format!(
        "SELECT window_start, window_end, k, m, rn FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY m DESC) AS rn FROM (
    SELECT window_start, window_end, {key} AS k, {measure} AS m
    FROM TABLE(TUMBLE(TABLE {from}, INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, {key}))
WHERE rn <= 3"
    )
}

const FARES: &str = "CREATE TABLE fares (
  id STRING, ts TIMESTAMP_LTZ(3), city STRING, eur DECIMAL(8, 2), dist DOUBLE, n INT, Kind STRING,
  at ROW<town STRING, geo ROW<lat DOUBLE>>,
  WATERMARK FOR ts AS ts - INTERVAL '1' MINUTE
);\n";

fn compiled(files: &[(&str, &str)]) -> Result<Loaded, String> {
    load_texts(files).map_err(|errors| errors.render())
}

fn fine(files: &[(&str, &str)]) -> Loaded {
    compiled(files).unwrap_or_else(|shown| panic!("{shown}"))
}

#[test]
fn a_file_may_hold_all_kinds_of_statements() {
    let best = ranking("fares, DESCRIPTOR(ts)", "city", "SUM(eur)");
    let far = ranking("porto AS p, DESCRIPTOR(t)", "town", "COUNT(*)").replace(" AS p", "");
    let text = format!(
        "\u{feff}-- one file\nSET 'table.local-time-zone' = 'UTC';\n{FARES}
         CREATE TEMPORARY VIEW porto AS SELECT ts AS t, at.town, dist * 2 AS twice FROM near f WHERE f.city = 'Porto';
         CREATE VIEW near (ts, at, city, dist) AS SELECT ts, at, city, dist FROM fares WHERE dist < 9.5;
         EXECUTE STATEMENT SET BEGIN\nINSERT INTO best {best};\nINSERT INTO far (window_start, window_end, k, m, rn) {far};\nEND;
         CREATE TABLE best (window_start TIMESTAMP(3), window_end TIMESTAMP(3), k STRING, m DECIMAL(38, 2), rn BIGINT)
         WITH ('connector' = 'kafka', 'topic' = 'top', 'properties.bootstrap.servers' = 'h:9', 'whatever' = 'it says');
         {}",
        ranking("fares, DESCRIPTOR(ts)", "Kind", "MAX(n)").replace("Kind AS k", "kind AS k")
    );
    let loaded = fine(&[("own", &text)]);
    let names: Vec<&str> = loaded
        .plan
        .rankings
        .iter()
        .map(|r| r.name.as_str())
        .collect();
    assert_eq!(names, ["best", "far", "own"]);
    assert_eq!(
        loaded.plan.tables.len(),
        1,
        "what is written to is not read"
    );
    assert_eq!(loaded.plan.zone.as_deref(), Some("UTC"));
    let notes = loaded.notes.join("\n");
    assert!(
        notes.contains("--sink kafka://h:9/top") && notes.contains("`kind` is taken for `Kind`"),
        "{notes}"
    );

    let far = &loaded.plan.rankings[1];
    let table = &loaded.plan.tables[0];
    let input = &far.inputs[0];
    assert_eq!(
        table.columns[input.columns[far.keys[0].column]].name,
        "at.town"
    );
    let meaning = input.filter_meaning.as_deref().unwrap();
    assert!(
        meaning.contains("\"dist\" double") && meaning.contains("\"Porto\""),
        "both conditions: {meaning}"
    );
    assert!(input.filter.unwrap() >= table.declared);
    assert!(crate::meaning(&loaded.plan, far).contains("table \"fares\" time \"ts\" timestamp"));
}

#[test]
fn what_rankings_compute_are_columns_of_their_table_each_once() {
    let first = ranking(
        "fares, DESCRIPTOR(ts)",
        "UPPER(city)",
        "SUM(eur * n) FILTER (WHERE n > 2)",
    );
    let second = ranking("fares, DESCRIPTOR(ts)", "UPPER(city)", "AVG(eur * n)");
    let plan = fine(&[("fares_of", FARES), ("a", &first), ("b", &second)]).plan;
    let derived: Vec<&str> = plan.tables[0].columns[10..]
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(derived, ["UPPER(city)", "eur * n", "n > 2"]);
    let a = &plan.rankings[0];
    assert_eq!((a.keys[0].name.as_str(), a.keys[0].column), ("k", 0));
    assert_eq!(
        (a.measures[0].aggregate, a.measures[0].filter),
        (Aggregate::Sum(1), Some(2))
    );
    assert_eq!(a.inputs[0].columns, [10, 11, 12]);
    assert_eq!(a.field_type(Field::Measure(0)).0, Type::decimal(38, 2));
    let words = explain(&plan);
    assert!(
        words.contains("k STRING")
            && words.contains("sum of eur * n, exact, of those that pass its FILTER"),
        "{words}"
    );
}

#[test]
fn a_group_may_be_named_by_its_alias_and_a_measure_be_ordered_by_alone() {
    let text = format!(
        "{FARES}SELECT k, rn FROM (
           SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY m DESC) AS rn FROM (
             SELECT window_start, window_end, LOWER(city) AS k, SUM(n) AS m
             FROM HOP(DATA => TABLE fares, TIMECOL => DESCRIPTOR(ts), SLIDE => INTERVAL '1' MINUTE, SIZE => INTERVAL '1 hour')
             GROUP BY window_start, window_end, k)) WHERE rn <= 3"
    );
    let plan = fine(&[("top", &text)]).plan;
    assert_eq!(plan.rankings[0].fields, [Field::Key(0)]);
    assert_eq!(
        plan.rankings[0].window.words(),
        "1h long, one every 1m (UTC)"
    );
}

#[test]
fn the_table_that_nobody_declared_has_what_is_grouped_by() {
    let by = |key| ranking("sales, DESCRIPTOR(event_time)", key, "SUM(amount)");
    let plan = fine(&[("a", &by("city"))]).plan;
    let may: Vec<bool> = plan.tables[0].columns.iter().map(|c| c.nullable).collect();
    assert_eq!(may, [true, false, false, true, true, false]);
    assert!(!plan.tables[0].is_named && !plan.rankings[0].row[0].nullable);
    assert_eq!(plan.tables[0].out_of_orderness, Some(60_000));

    let shipped = load_shipped().unwrap();
    assert!(shipped.tables[0].is_declared && !shipped.tables[0].is_named);
    let own =
        "CREATE TABLE sales (event_time TIMESTAMP_LTZ(3), city STRING, amount DECIMAL(28, 2));";
    let plan = fine(&[("sales", own), ("a", &by("city"))]).plan;
    assert!(
        plan.tables[0].is_named && plan.tables[0].columns[1].nullable,
        "NULL is a group"
    );
}

#[test]
fn what_the_shipped_rankings_mean_has_not_changed() {
    let plan = load_shipped().unwrap();
    // Of a version that has landed: with another text every ranking out there would be computed anew.
    assert_eq!(
        crate::meaning(&plan, &plan.rankings[1]),
        "window 86400000 86400000\nkey \"salesman_id\" \"salesman_id\" text\n\
         measure \"salesman_name\" last_value \"salesman_name\" text filter \n\
         measure \"total_sales\" sum \"amount\" decimal(28) filter \nmeasure \"deals_closed\" count_all  filter \n\
         measure \"avg_deal_size\" avg \"amount\" decimal(28) filter \n\
         measure \"cities_covered\" count_distinct \"city\" text filter \n\
         partition []\norder \"total_sales\" true false\nrow_number 100"
    );
    let outline = crate::outline(&plan);
    assert!(outline.starts_with(
        "sales: sale_id STRING, event_time TIMESTAMP(3), city STRING, salesman_id STRING, salesman_name STRING, \
         amount DECIMAL(28, 2)\n\nranking top_sales_per_city\n  window     each 1d (UTC)\n  sales      all\n"
    ), "{outline}");
}

#[test]
fn a_ranking_means_something_else_in_another_zone() {
    let table = "CREATE TABLE t (ts TIMESTAMP(3), at TIMESTAMP_LTZ(3), WATERMARK FOR ts AS ts)";
    let of = |set: &str, with: &str| {
        let hours = ranking("t, DESCRIPTOR(ts)", "EXTRACT(HOUR FROM at)", "COUNT(*)");
        let loaded = fine(&[("a", &format!("{set}{table}{with};\n{hours}"))]);
        crate::meaning(&loaded.plan, &loaded.plan.rankings[0])
    };
    let zone = |zone: &str| of(&format!("SET 'table.local-time-zone' = '{zone}';\n"), "");
    let plain = of("", "");
    assert_eq!(zone("UTC"), plain);
    assert_eq!(
        zone("Asia/Kathmandu"),
        plain.replacen("\n", "\nlocal time Asia/Kathmandu\n", 1)
    );
    let written = of("", " WITH ('scan.time-zone' = 'Europe/Lisbon')");
    assert!(
        written.contains("times without an offset Europe/Lisbon"),
        "{written}"
    );
}

#[test]
fn what_does_not_go_together_is_refused_at_its_place() {
    let best = ranking("fares, DESCRIPTOR(ts)", "city", "SUM(eur)");
    let with = |more: &str| format!("{FARES}{more}");
    for (files, place, words) in [
        (vec![("a", with(FARES)), ("b", best.clone())], "a.sql:6:1", "two tables of one name"),
        (vec![("a", with(&best)), ("b", format!("INSERT INTO a {best}"))], "b.sql:1:1", "two rankings of one name"),
        (vec![("a", with(&format!("{best};\n{best}")))], "a.sql:12:1", "two rankings of one name"),
        (vec![("Top", with(&best))], "", "a ranking named `Top`"),
        (vec![("a", with(&format!("INSERT INTO standings_x {best}")))], "a.sql:6:13", "not standings_"),
        (vec![("a", with(&format!("INSERT INTO fares {best}"))), ], "a.sql:6:1", "the ranking `fares` reads itself"),
        (vec![("a", with(&best.replace("fares", "fairs")))], "a.sql:9:29", "did you mean `fares`?"),
        (vec![("a", with(&best.replace("(ts)", "(city)")))], "a.sql:9:", "DESCRIPTOR(ts)"),
        (vec![("a", with(&best.replace("SUM(eur)", "SUM(dist)")))], "a.sql:8:49", "DECIMAL(18, 6)"),
        (vec![("a", with(&best.replace("SUM(eur)", "AVG(dist)")))], "a.sql:8:49", "AVG of `dist`"),
        (vec![("a", with(&best.replace("city AS k", "at AS k")))], "a.sql:8:", "at.town"),
        (vec![("a", with(&best.replace("city AS k", "at.twn AS k")))], "a.sql:8:", "did you mean `town`?"),
        (vec![("a", with(&best.replace("city AS k", "n + 1 AS k")))], "a.sql:8:38", "is not in GROUP BY"),
        (vec![("a", with(&best.replace("SUM(eur)", "SUM(eur) / SUM(dist)")))], "a.sql:8:60", "SUM of `dist`"),
        (vec![("a", with(&best.replace("GROUP BY window_start, window_end, city", "GROUP BY window_start, window_end, 4")))], "a.sql:10:40", "GROUP BY 4, which is"),
        (vec![("a", with("CREATE VIEW v AS SELECT city FROM fares;")), ("b", best.replace("fares, DESCRIPTOR(ts)", "v, DESCRIPTOR(city)"))], "b.sql:4:", "select `ts` in the view `v`"),
        (vec![("a", with("CREATE VIEW v AS SELECT city, COUNT(*) AS n FROM fares GROUP BY 2;"))], "a.sql:6:65", "GROUP BY 2, which is"),
        (vec![("a", with("CREATE VIEW v AS SELECT city FROM w; CREATE VIEW w AS SELECT city FROM v;"))], "a.sql:6:1", "reads itself"),
        (vec![("a", with("CREATE VIEW fares AS SELECT 1 AS one FROM fares;"))], "a.sql:6:1", "of one name"),
        (vec![("a", with("CREATE VIEW v AS SELECT city FROM fares EXCEPT SELECT city FROM fares;"))], "a.sql:6:", "UNION ALL"),
        (vec![("a", with("CREATE VIEW v AS SELECT city FROM fares UNION ALL SELECT n FROM fares;"))], "a.sql:6:", "STRING in the first SELECT of the UNION and INT here"),
        (vec![("a", with("SET 'table.local-time-zone' = 'Europe/Lisbn';"))], "a.sql:6:31", "did you mean 'Europe/Lisbon'?"),
        (vec![("a", with("SET 'table.local-time-zone' = 'UTC';")), ("b", "SET 'table.local-time-zone' = 'Asia/Tokyo';".to_owned())], "b.sql:1:31", "one zone"),
        (vec![("a", "SET 'emit.provisionl' = 'all';".to_owned())], "a.sql:1:5", "did you mean 'emit.provisional'?"),
        (vec![("a", "SET 'emit.provisional' = 'last';".to_owned())], "a.sql:1:26", "'all', 'next' or 'none'"),
        (vec![("a", "SET 'table.exec.state.ttl' = 'long';".to_owned())], "a.sql:1:30", "a duration, such as '30 d'"),
        (vec![("a", "SET 'table.exec.state.ttl' = '40000 d';".to_owned())], "a.sql:1:30", "at most 36500 days"),
        (vec![("a", "CREATE TABLE t (k STRING); SET 'table.exec.state.ttl' = '30 d'; INSERT INTO x SELECT k, COUNT(*) AS c FROM t GROUP BY k;".to_owned())], "a.sql:1:57", "a time to live for `x`, which is made of `t`, a table without event time"),
        (vec![("a", "CREATE TABLE t (k STRING, at TIMESTAMP_LTZ(3), PRIMARY KEY (k) NOT ENFORCED, WATERMARK FOR at AS at) WITH ('changelog' = 'upsert'); INSERT INTO x SELECT /*+ OPTIONS('state.ttl' = '1 d') */ COUNT(*) AS c FROM t;".to_owned())], "a.sql:1:", "made of `t`, whose rows change"),
        (vec![("a", with("INSERT INTO x SELECT city, COUNT(*) AS c FROM fares GROUP BY city; INSERT INTO y SELECT /*+ OPTIONS('state.ttl' = '1 d') */ c, COUNT(*) AS d FROM x GROUP BY c;"))], "a.sql:6:", "the rows of the ranking `x`"),
        (vec![("a", "SET a = 1;".to_owned())], "a.sql:1:1", "'single quotes'"),
        (vec![("a", with(&format!("EXECUTE STATEMENT SET BEGIN INSERT INTO x {best};")))], "a.sql:6:1", "without its end"),
        (vec![("a", with(&best.replace("SELECT window_start, window_end, k, m, rn", "SELECT /*+ OPTIONS('a'='b') */ *")))], "a.sql:6:8", "the hint 'a' = 'b'"),
        (vec![("a", with(&best.replace("SELECT window_start, window_end, k, m, rn", "SELECT /*+ OPTIONS('state.ttl' = 'd') */ *")))], "a.sql:6:8", "a duration, such as '30 d'"),
        (vec![("a", with(&best.replace("SELECT *, ROW", "SELECT /*+ OPTIONS('state.ttl' = '0') */ *, ROW")))], "a.sql:7:10", "behind the outermost SELECT"),
        (vec![("a", with(&format!("{best} SELECT")))], "a.sql:11:", "after the end"),
        (vec![("a", with(&format!("INSERT INTO x (window_start, window_end, key, m, rn) {best}")))], "a.sql:6:42", "where the SELECT has `k`"),
        (vec![("a", with(&format!("CREATE TABLE x (window_start TIMESTAMP(3), window_end TIMESTAMP(3), k INT, m DECIMAL(38, 2), rn BIGINT);\nINSERT INTO x {best}")))], "a.sql:6:69", "`k` STRING"),
        (vec![("a", with(&format!("CREATE TABLE x (window_start TIMESTAMP(3));\nINSERT INTO x {best}")))], "a.sql:6:1", "1 columns, and 5"),
        (vec![("a", "CREATE TABLE t (id STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('changelog' = 'upsert', 'dedup.within' = '1h');".to_owned())], "a.sql:1:106", "'dedup.within' of a table whose rows change"),
        (vec![("a", "CREATE TABLE t (id STRING) WITH ('connector' = 'kafka', 'format' = 'avro');".to_owned())], "a.sql:1:68", "'avro' in a topic of `t`, which is not read yet"),
        (vec![("a", "CREATE TABLE t (id STRING) WITH ('connector' = 'kafka', 'format' = 'csv', 'csv.header' = 'true');".to_owned())], "a.sql:1:90", "'csv.header' of a topic"),
        (vec![("a", "CREATE TABLE t (id STRING, n INT) WITH ('format' = 'raw');".to_owned())], "a.sql:1:52", "'raw' as 2 columns of `t`"),
        (vec![("a", "CREATE TABLE t (id INT) WITH ('format' = 'raw');".to_owned())], "a.sql:1:42", "one column of type STRING or BYTES"),
        (vec![("a", "CREATE TABLE t (id STRING) WITH ('connector' = 'kafka', 'format' = 'json', 'key.format' = 'csv', 'key.fields' = 'id', 'value.fields-include' = 'EXCEPT_KEY');".to_owned())], "a.sql:1:91", "'csv' as the key of `t`"),
    ] {
        let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
        let Err(shown) = compiled(&files) else {
            panic!("accepted: {}", files[files.len() - 1].1);
        };
        assert!(shown.contains(place), "wanted {place}\n{shown}");
        let plain = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains(words), "wanted {words}\n{shown}");
        assert_eq!(shown.matches("  × ").count(), 1, "one cause, one error\n{shown}");
    }
}

#[test]
fn what_cannot_be_taken_back_is_refused_over_rows_that_change() {
    let table = "CREATE TABLE visits (id INT, at TIMESTAMP_LTZ(3), who STRING, PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at)
        WITH ('changelog' = 'upsert');";
    let view = "CREATE VIEW v AS SELECT at, LOWER(who) AS who FROM visits;";
    let windows = "TUMBLE(TABLE visits, DESCRIPTOR(at), INTERVAL '1' HOUR)";
    let sessions = "SESSION(TABLE visits PARTITION BY who, DESCRIPTOR(at), INTERVAL '1' HOUR)";
    let over = |source: &str, measure: &str| {
        format!(
            "{table} {view} INSERT INTO r SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC)
             AS rn FROM (SELECT window_start, window_end, who, {measure} AS n FROM TABLE({source}) GROUP BY window_start, window_end, who))
             WHERE rn <= 3;"
        )
    };
    let rough = "APPROX_COUNT_DISTINCT(who)";
    for (sql, words) in [
        (over(windows, rough), "COUNT(DISTINCT"),
        (
            over(&windows.replace("visits", "v"), rough),
            "COUNT(DISTINCT",
        ),
        (
            over(sessions, "COUNT(*)"),
            "SESSION over `visits`, whose rows change",
        ),
    ] {
        let Err(shown) = compiled(&[("a", &sql)]) else {
            panic!("accepted: {sql}");
        };
        let plain = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            plain.contains(words) && plain.contains("whose rows change"),
            "{shown}"
        );
    }
    assert!(compiled(&[("a", &over(windows, "COUNT(DISTINCT who)"))]).is_ok());
}

/// Of a file of columns those are read that a ranking, the time or what is computed needs.
#[test]
fn columns_that_somebody_reads() {
    let needed = |more: &str, ranking: &str| {
        let text = format!(
            "CREATE TABLE t (id BIGINT, `at` TIMESTAMP_LTZ(3), city STRING, seller STRING, amount DECIMAL(12, 2), n INT{more}, \
             WATERMARK FOR `at` AS `at`);
             CREATE TABLE names (seller STRING, name STRING, PRIMARY KEY (seller) NOT ENFORCED) WITH ('changelog' = 'upsert');
             SELECT {ranking}"
        );
        let plan = fine(&[("q", &text)]).plan;
        let of = plan.needed(plan.table("t").unwrap());
        let names = plan.tables[plan.table("t").unwrap()].columns.iter().zip(of);
        let names = names
            .filter(|(_, needed)| *needed)
            .map(|(c, _)| c.name.clone());
        names.collect::<Vec<_>>()
    };
    let window = "FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(`at`), INTERVAL '1' DAY)) GROUP BY window_start, window_end";
    let sum = format!("window_start, window_end, city, SUM(n) AS s {window}, city");
    // The amounts of a table are metrics.
    assert_eq!(needed("", &sum), ["at", "city", "amount", "n"]);
    assert_eq!(
        needed(", twice AS id * 2", &sum),
        ["id", "at", "city", "amount", "n"]
    );
    let filtered =
        format!("window_start, window_end, COUNT(*) AS c {window} HAVING MAX(seller) > 'a'");
    assert_eq!(needed("", &filtered), ["at", "seller", "amount"]);
    // What is joined is kept as a whole.
    let joined = "name, SUM(n) AS s FROM t JOIN names ON t.seller = names.seller GROUP BY name";
    assert_eq!(needed("", joined).len(), 7);
}
