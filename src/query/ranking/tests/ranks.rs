//! What is computed of ranks, which rows are told apart, and which are written.

use super::{TABLES, WINDOW, means, ranking};
use crate::{explain, load_texts};
use standings_model::plan::{Provisional, RankFunction};

#[test]
fn what_is_computed_of_the_rank() {
    let of = |columns: &str, condition: &str| {
        ranking(&format!(
            "SELECT {{B}}, city, {columns} FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY {{B}} ORDER BY s) AS rn,
               RANK() OVER (PARTITION BY {{B}} ORDER BY s) AS rk FROM (
               SELECT {{B}}, city, SUM(eur) AS s, COUNT(*) AS c FROM {{W}} GROUP BY {{B}}, city)) {condition}"
        ))
    };
    let r = of(
        "CASE WHEN rn = 1 THEN 'gold' ELSE UPPER(city) END AS medal, rn",
        "WHERE rn <= 3",
    );
    assert_eq!(
        (r.from, r.limit, r.shows_rank, r.shown_if),
        (1, 3, true, None)
    );
    let computed: Vec<bool> = (0..r.measures.len()).map(|m| r.is_of_rank(m)).collect();
    let names: Vec<&str> = r.measures.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(
        (names, computed),
        (vec!["s", "c", "medal"], vec![false, false, true])
    );
    // What it reads is told where rows are ranked, though it is not shown; it itself is not known before.
    let r = of("s, rn * c AS weight", "WHERE rn <= 3 AND rn <> 2");
    let told = |name: &str| {
        let m = r.measures.iter().position(|m| m.name == name).unwrap();
        (r.tells(m), r.shows(m))
    };
    assert_eq!([told("c"), told("weight")], [(true, false), (false, true)]);
    assert!(r.shown_if.is_some() && r.limit == 3 && !r.shows_rank);
    // Of several functions the one that is limited is the rank, and the others are values.
    let function = |condition: &str| {
        let r = of("rn, rk", condition);
        let shown: Vec<&str> = r.fields.iter().map(|f| r.field_name(*f)).collect();
        (r.rank.unwrap(), r.limit, shown.join(" "))
    };
    let (rows, ranks) = (RankFunction::RowNumber, RankFunction::Rank);
    assert_eq!(function(""), (rows, u64::MAX, "city rk".to_owned()));
    assert_eq!(function("WHERE rk <= 3"), (ranks, 3, "city rn".to_owned()));
    assert_eq!(
        function("WHERE rn <= 5 AND rk <= 3"),
        (rows, 5, "city rk".to_owned())
    );
    for (condition, limit) in [
        ("WHERE rn IN (1, 3)", 3),
        ("WHERE rn <= 2 OR s > 4", u64::MAX),
        ("WHERE rn <= 2 OR rn = 7", 7),
        ("WHERE rn <= 2 OR rk <= 7", u64::MAX),
        ("WHERE rn <= 9 AND MOD(rn, 2) = 1", 9),
        ("WHERE rn <= c", u64::MAX),
    ] {
        let r = of("s", condition);
        assert_eq!(
            (r.limit, r.is_of_rank(r.shown_if.unwrap())),
            (limit, true),
            "{condition}"
        );
    }
}

#[test]
fn distinct_rows_are_groups() {
    let groups = means(
        "SELECT {B}, city, UPPER(id) AS up FROM {W} WHERE n > 1 GROUP BY {B}, city, UPPER(id)",
    );
    for same in [
        "SELECT DISTINCT {B}, city, UPPER(id) AS up FROM {W} WHERE n > 1",
        "SELECT DISTINCT * FROM (SELECT {B}, city, UPPER(id) AS up FROM {W} WHERE n > 1)",
        // Groups are distinct already.
        "SELECT DISTINCT {B}, city, UPPER(id) AS up FROM {W} WHERE n > 1 GROUP BY {B}, city, UPPER(id)",
        "SELECT {B}, city, UPPER(id) AS up FROM {W} WHERE n > 1 GROUP BY 1, 2, 3, 4",
    ] {
        assert_eq!(means(same), groups, "{same}");
    }
    // The first of each.
    assert_eq!(
        means("SELECT DISTINCT ON (city) city, n, id FROM fares ORDER BY city, n DESC, id"),
        means(
            "SELECT city, n, id FROM (SELECT city, n, id, ROW_NUMBER() OVER (PARTITION BY city ORDER BY n DESC, id) AS rn FROM fares) WHERE rn = 1"
        )
    );
    let all = means(
        "SELECT city, COUNT(*) AS c FROM (SELECT city FROM fares UNION ALL SELECT town FROM trams) GROUP BY city",
    );
    let each = "SELECT city FROM fares UNION SELECT town FROM trams";
    assert_eq!(ranking(each).inputs.len(), 2);
    assert_ne!(means(each), all);
    let top = ranking("SELECT DISTINCT city, n FROM fares ORDER BY 2 DESC, city LIMIT 3");
    assert_eq!((top.keys.len(), top.limit, top.order.len()), (2, 3, 2));
    assert_eq!(
        means(
            "SELECT city, COUNT(*) AS c, RANK() OVER w AS r FROM fares GROUP BY city WINDOW v AS (ORDER BY city), w AS (ORDER BY COUNT(*))"
        ),
        means(
            "SELECT city, COUNT(*) AS c, RANK() OVER (ORDER BY COUNT(*)) AS r FROM fares GROUP BY city"
        )
    );
}

#[test]
fn a_window_is_told_by_a_bound_where_one_is_enough() {
    let form = |by: &str| {
        format!("SELECT window_end, city, s FROM (SELECT *, RANK() OVER (PARTITION BY {by} ORDER BY s) AS rn FROM (
           SELECT {{B}}, city, SUM(eur) AS s FROM {{W}} GROUP BY {by}, city)) WHERE rn <= 3")
    };
    let both = means(&form("{B}"));
    assert_eq!(means(&form("window_start")), both);
    assert_eq!(means(&form("window_end")), both);
    // Those of CUMULATE begin together.
    let cumulated = |by: &str| {
        let from =
            "TABLE(CUMULATE(TABLE fares, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL '1' DAY))";
        let text = format!("SELECT {by}, COUNT(*) AS c FROM {from} GROUP BY {by}");
        load_texts(&[("q", &format!("{TABLES}{text};"))])
    };
    assert!(cumulated("window_end").is_ok());
    let refused = cumulated("window_start").unwrap_err().render();
    assert!(refused.contains("GROUP BY without window_end"), "{refused}");
}

#[test]
fn groups_of_windows_may_be_ranked_across_them() {
    let groups = "(SELECT {B}, city, SUM(eur) AS s FROM {W} GROUP BY {B}, city)";
    for text in [
        format!(
            "SELECT window_start AS hour_of_day, city, s FROM {groups} ORDER BY s DESC LIMIT 3"
        ),
        format!(
            "SELECT city, s, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY city ORDER BY s DESC) AS rn FROM {groups}) WHERE rn <= 3"
        ),
    ] {
        let r = ranking(&text);
        assert!(r.window.is_always() && r.limit == 3, "{text}");
        let keys: Vec<&str> = r.keys.iter().map(|k| k.name.as_str()).collect();
        assert_eq!(keys, ["window_time_1", "city"], "{text}");
    }
    // Within windows they stay there.
    let within = ranking(&format!(
        "SELECT city, s, RANK() OVER (PARTITION BY window_end ORDER BY s DESC) AS rn FROM {groups}"
    ));
    assert!(!within.window.is_always());
}

#[test]
fn which_provisional_rows_are_written() {
    let load =
        |text: &str| load_texts(&[("q", &format!("{TABLES}{}", text.replace("{W}", WINDOW)))]);
    let select =
        "window_start, window_end, COUNT(*) AS c FROM {W} GROUP BY window_start, window_end";
    let loaded = load(&format!(
        "SET 'table.exec.state.ttl' = '7 days'; INSERT INTO a SELECT {select}; SET 'table.exec.state.ttl' = '0'; SET 'emit.provisional' = 'next'; INSERT INTO b SELECT {select};
         INSERT INTO c SELECT /*+ OPTIONS('emit.provisional'='none') */ {select}; SET 'emit.provisional' = 'all';
         INSERT INTO d SELECT {select}; INSERT INTO e SELECT /*+ OPTIONS('emit.provisional' = 'next') */ COUNT(*) AS c FROM fares;"
    ));
    let loaded = loaded.unwrap_or_else(|e| panic!("{}", e.render()));
    let said: Vec<Provisional> = loaded.plan.rankings.iter().map(|r| r.provisional).collect();
    use Provisional::{All, Next, None};
    assert_eq!(said, [All, Next, None, All, All]);
    assert!(
        loaded
            .notes
            .iter()
            .any(|n| n.starts_with("ranking e: 'emit.provisional'")),
        "{:?}",
        loaded.notes
    );
    assert!(
        loaded
            .notes
            .iter()
            .any(|n| n.starts_with("ranking a: a time to live")),
        "{:?}",
        loaded.notes
    );
    assert!(explain(&loaded.plan).contains("when its window has closed"));
    let wrong = load(&format!(
        "INSERT INTO a SELECT /*+ OPTIONS('emit.provisional'='first') */ {select};"
    ));
    assert!(
        wrong
            .unwrap_err()
            .render()
            .contains("'all', 'next' or 'none'")
    );
}
