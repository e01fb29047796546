//! Joins of two tables of events: what they come to, and what is refused of them.

use crate::{explain, load_texts, meaning};
use standings_model::plan::Plan;

const TABLES: &str = "CREATE TABLE sales (id STRING, at TIMESTAMP_LTZ(3), city STRING, eur DECIMAL(8, 2), WATERMARK FOR at AS at);
CREATE TABLE returns (sale STRING, at TIMESTAMP_LTZ(3), city STRING, eur DECIMAL(8, 2), WATERMARK FOR at AS at);
CREATE TABLE days (sale STRING, d DATE, WATERMARK FOR d AS d);
CREATE TABLE loose (sale STRING, x STRING, PRIMARY KEY (sale) NOT ENFORCED);
CREATE TABLE moving (sale STRING, at TIMESTAMP_LTZ(3), PRIMARY KEY (sale) NOT ENFORCED, WATERMARK FOR at AS at)
  WITH ('format' = 'debezium-json');\n";

const NEAR: &str = "r.at BETWEEN s.at AND s.at + INTERVAL '30' DAY";
const DAY: i64 = 86_400_000_000;

fn loaded(query: &str) -> Result<Plan, String> {
    let text = format!("{TABLES}INSERT INTO best\n{query}");
    let loaded = load_texts(&[("q", &text)]).map_err(|e| e.render())?;
    Ok(loaded.plan)
}

fn all_time(from: &str) -> Result<Plan, String> {
    loaded(&format!(
        "SELECT s.city, COUNT(*) AS n, SUM(s.eur * 2) AS a FROM {from} GROUP BY s.city"
    ))
}

/// In windows over a time, of what is named.
fn windows(on: &str, time: &str) -> Result<Plan, String> {
    loaded(&format!(
        "WITH p AS (SELECT s.at AS sold, r.at AS came, s.city AS city, s.eur - r.eur AS kept FROM sales s JOIN returns r ON {on})
         SELECT window_start, window_end, city, SUM(kept) AS k
         FROM TABLE(TUMBLE(TABLE p, DESCRIPTOR({time}), INTERVAL '1' DAY)) GROUP BY window_start, window_end, city"
    ))
}

#[test]
fn however_it_is_written_it_is_one_distance() {
    for (on, within) in [
        (format!("s.id = r.sale AND {NEAR}"), (0, 30 * DAY)),
        (
            "r.sale = s.id AND s.at BETWEEN r.at - INTERVAL '30' DAY AND r.at".to_owned(),
            (0, 30 * DAY),
        ),
        (
            "r.sale = s.id AND (s.at <= r.at AND r.at - INTERVAL '30' DAY <= s.at)".to_owned(),
            (0, 30 * DAY),
        ),
        (
            "r.at > s.at - INTERVAL '1' DAY AND r.at < s.at + INTERVAL '1' DAY AND r.sale = s.id AND r.city = s.city"
                .to_owned(),
            (1 - DAY, DAY - 1),
        ),
        ("r.sale = s.id AND r.at = s.at".to_owned(), (0, 0)),
    ] {
        let plan = all_time(&format!("sales s JOIN returns r ON {on}"));
        let plan = plan.unwrap_or_else(|shown| panic!("{on}\n{shown}"));
        let ranking = &plan.rankings[0];
        assert!(ranking.joined.is_none() && !ranking.retracts);
        let paired = ranking.paired.as_ref().unwrap();
        assert_eq!(paired.within, within, "{on}");
        assert_eq!(plan.tables[paired.table].name, "returns");
        assert!(plan.is_paired(0) && plan.is_paired(1) && !plan.is_only_joined(paired.table));
    }
}

#[test]
fn a_pair_is_of_the_later_of_the_two_times() {
    let (after, around) = (
        format!("s.id = r.sale AND {NEAR}"),
        "s.id = r.sale AND r.at BETWEEN s.at - INTERVAL '1' HOUR AND s.at + INTERVAL '1' HOUR",
    );
    let before = "s.id = r.sale AND r.at BETWEEN s.at - INTERVAL '1' HOUR AND s.at";
    for (on, sold, came) in [
        (&*after, false, true),
        (around, true, true),
        (before, true, false),
    ] {
        assert_eq!(windows(on, "sold").is_ok(), sold, "{on}");
        assert_eq!(windows(on, "came").is_ok(), came, "{on}");
    }
    let plan = windows(&after, "came").unwrap();
    let shown = explain(&plan);
    for words in [
        "each with every row of returns by sale = id, from at the same time to 30d after it",
        "a row of sales until the last window of pairs 30d after it is dropped",
        "a row of returns until that of pairs of its own time is",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    let paired = plan.rankings[0].paired.as_ref().unwrap();
    assert_eq!(paired.times(false, 5), (5, 5 + DAY / 1_000 * 30));
    assert_eq!(paired.times(true, 5), (5, 5));
}

#[test]
fn whatever_changes_pairs_changes_the_meaning() {
    let of = |on: &str| {
        let plan = all_time(&format!("sales s JOIN returns r ON {on}")).unwrap();
        meaning(&plan, &plan.rankings[0])
    };
    let base = of(&format!("s.id = r.sale AND {NEAR}"));
    for on in [
        "s.id = r.sale AND r.at BETWEEN s.at AND s.at + INTERVAL '31' DAY",
        "s.city = r.sale AND r.at BETWEEN s.at AND s.at + INTERVAL '30' DAY",
        "s.id = r.city AND r.at BETWEEN s.at AND s.at + INTERVAL '30' DAY",
    ] {
        assert_ne!(base, of(on), "{on}");
    }
    assert_eq!(base, of(&format!("{NEAR} AND r.sale = s.id")));
}

#[test]
fn what_is_no_pair_is_refused_by_name() {
    let near =
        |join: &str| format!("SELECT s.city, COUNT(*) AS n FROM sales s {join} GROUP BY s.city");
    for (query, words) in [
        (near(&format!("LEFT JOIN returns r ON s.id = r.sale AND {NEAR}")), "LEFT JOIN by how far"),
        (near("JOIN returns r ON s.id = r.sale AND r.at >= s.at"), "on one side alone"),
        (near(&format!("JOIN returns r ON {NEAR}")), "an ON of event times alone"),
        (
            near("JOIN returns r ON s.id = r.sale AND r.at BETWEEN s.at AND s.at - INTERVAL '1' DAY"),
            "no two event times",
        ),
        (near(&format!("JOIN returns r ON s.id = r.sale AND {NEAR} AND r.eur > 5")), "stands in WHERE"),
        (near(&format!("JOIN moving r ON s.id = r.sale AND {NEAR}")), "whose rows change"),
        (
            near("JOIN days r ON s.id = r.sale AND r.d BETWEEN s.at AND s.at + INTERVAL '30' DAY"),
            "event times of two types",
        ),
        (
            near(&format!("JOIN returns r ON s.id = r.sale AND {NEAR} JOIN loose l ON l.sale = s.id")),
            "beside another join",
        ),
        (
            near(&format!("JOIN loose l ON l.sale = s.id JOIN returns r ON s.id = r.sale AND {NEAR}")),
            "beside another join",
        ),
        (
            format!("SELECT window_start, window_end, s.city, COUNT(*) AS n
               FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(at), INTERVAL '1' DAY)) AS s JOIN returns r ON s.id = r.sale AND {NEAR}
               GROUP BY window_start, window_end, s.city"),
            "a window under a join of two tables of events",
        ),
        (
            format!("SELECT * FROM (SELECT s.city, r.eur, ROW_NUMBER() OVER (PARTITION BY s.city ORDER BY r.eur DESC) AS n
               FROM sales s JOIN returns r ON s.id = r.sale AND {NEAR}) WHERE n < 3"),
            "pairs ranked as they are",
        ),
        (
            near(&format!("JOIN returns r ON s.id = r.sale AND {NEAR}")).replace("COUNT(*)", "LAST_VALUE(r.eur)"),
            "a first or last value of pairs",
        ),
        (near("JOIN returns r ON s.id = r.sale"), "AND b.event_time BETWEEN"),
    ] {
        let shown = loaded(&query).err().unwrap_or_else(|| panic!("accepted: {query}"));
        let plain: Vec<&str> = shown.split_whitespace().filter(|w| *w != "│").collect();
        assert!(plain.join(" ").contains(words), "{query}\nwanted {words}\n{shown}");
    }
}
