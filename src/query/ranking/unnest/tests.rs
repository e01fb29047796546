//! What UNNEST and the measures come to, and what is refused of them, where.

use crate::load_texts;
use standings_model::plan::{Aggregate, Ranking};
use standings_model::statistics::Spread;

const TABLE: &str = "CREATE TABLE carts (at TIMESTAMP_LTZ(3), shop STRING, eur DECIMAL(9, 3), speed DOUBLE, tags ARRAY<STRING>,
  more MAP<STRING, INT>, lines ARRAY<ROW<sku STRING, n INT>>, shape ROW<kinds ARRAY<STRING>>,
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE);\n";
const WINDOW: &str = "TABLE(TUMBLE(TABLE carts, DESCRIPTOR(at), INTERVAL '1' HOUR))";

/// A ranking of one measure, over a FROM.
fn loaded(measure: &str, from: &str, key: &str) -> Result<Ranking, String> {
    let from = from.replace("{W}", WINDOW);
    let text = format!(
        "{TABLE}INSERT INTO best\nSELECT window_start, window_end, {key}, m, rn FROM (
         SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY m DESC) AS rn FROM (
         SELECT window_start, window_end, {key}, {measure} AS m FROM {from} GROUP BY window_start, window_end, {key})) WHERE rn <= 3;"
    );
    let loaded = load_texts(&[("q", &text)]).map_err(|e| e.render())?;
    Ok(loaded.plan.rankings[0].clone())
}

fn measure(sql: &str) -> Aggregate {
    let found = loaded(sql, "{W}", "shop");
    let found = found.unwrap_or_else(|shown| panic!("{sql}\n{shown}"));
    found.measures[0].aggregate
}

fn is_refused(sql: &str, from: &str, words: &str) {
    match loaded(sql, from, "shop") {
        Ok(_) => panic!("{sql} from {from} is taken"),
        Err(shown) => {
            let plain: Vec<&str> = shown.split_whitespace().filter(|w| *w != "│").collect();
            assert!(
                plain.join(" ").contains(words),
                "{sql} from {from}: {shown}"
            );
        }
    }
}

#[test]
fn measures_by_all_their_names() {
    let of = |sample, root| Spread { sample, root };
    for (sql, want) in [
        ("VARIANCE(eur)", of(true, false)),
        ("var_samp(eur)", of(true, false)),
        ("VAR_POP(eur)", of(false, false)),
        ("STDDEV(eur)", of(true, true)),
        ("STDDEV_SAMP(eur)", of(true, true)),
        ("STDDEV_POP(eur)", of(false, true)),
    ] {
        assert!(
            matches!(measure(sql), Aggregate::Spread(_, found) if found == want),
            "{sql}"
        );
    }
    for (sql, want, is_rounded) in [
        ("MEDIAN(eur)", 500_000_000, false),
        ("PERCENTILE(eur, 0.5)", 500_000_000, false),
        ("PERCENTILE(eur, .999999999)", 999_999_999, false),
        ("PERCENTILE(eur, 1)", 1_000_000_000, false),
        ("PERCENTILE(eur, 0)", 0, false),
        (
            "PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY eur)",
            900_000_000,
            false,
        ),
        (
            "PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY eur DESC)",
            100_000_000,
            false,
        ),
        ("APPROX_PERCENTILE(eur, 0.25)", 250_000_000, true),
    ] {
        let found = measure(sql);
        let is = matches!(found, Aggregate::Percentile { at, rounded, .. } if (at, rounded) == (want, is_rounded));
        assert!(is, "{sql}: {found:?}");
    }
    for sql in ["ARG_MAX(shop, eur)", "MAX_BY(shop, eur)"] {
        assert!(matches!(measure(sql), Aggregate::ArgMax { .. }), "{sql}");
    }
    for sql in ["ARG_MIN(shop, speed)", "MIN_BY(shop, speed)"] {
        assert!(matches!(measure(sql), Aggregate::ArgMin { .. }), "{sql}");
    }
    assert!(matches!(
        measure("FIRST_VALUE(speed)"),
        Aggregate::FirstValue(_)
    ));
    assert!(matches!(
        measure("APPROX_COUNT_DISTINCT(tags)"),
        Aggregate::CountRoughly(_)
    ));
    assert!(matches!(
        measure("COUNT(DISTINCT more)"),
        Aggregate::CountDistinct(_)
    ));
}

#[test]
fn measures_that_are_refused() {
    for (sql, words) in [
        ("SUM(DISTINCT eur)", "DISTINCT in SUM"),
        (
            "APPROX_COUNT_DISTINCT(DISTINCT shop)",
            "DISTINCT in APPROX_COUNT_DISTINCT",
        ),
        ("LISTAGG(shop)", "LISTAGG, which is not computed"),
        ("COLLECT(shop)", "COLLECT, which is not computed"),
        (
            "PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY eur)",
            "PERCENTILE_DISC, which is not computed",
        ),
        ("STDDEV(speed)", "STDDEV of `speed`, a DOUBLE"),
        ("MEDIAN(shop)", "MEDIAN is for DECIMAL and whole numbers"),
        ("PERCENTILE(eur)", "it is written PERCENTILE(x, 0.95)"),
        ("PERCENTILE(eur, 1.5)", "a number from 0 to 1"),
        ("PERCENTILE(eur, 0.1234567891)", "up to nine digits"),
        ("PERCENTILE(eur, eur)", "a number from 0 to 1"),
        ("PERCENTILE_CONT(0.5)", "WITHIN GROUP (ORDER BY x)"),
        ("FIRST_VALUE(tags)", "FIRST_VALUE is of single values"),
        ("ARG_MAX(shop, tags)", "what has an order"),
        ("ARG_MAX(shop)", "it is written ARG_MAX(x, by)"),
        ("VAR_POP(eur, eur)", "it is written VAR_POP(x)"),
    ] {
        is_refused(sql, "{W}", words);
    }
}

#[test]
fn elements_in_all_their_forms() {
    for (from, key) in [
        ("{W} CROSS JOIN UNNEST(lines) AS l (sku, n)", "sku"),
        ("{W} CROSS JOIN UNNEST(lines) AS l", "sku"),
        ("{W} CROSS JOIN UNNEST(lines)", "sku"),
        ("{W}, UNNEST(carts.lines) AS l (a, b)", "a"),
        ("{W} INNER JOIN UNNEST(lines) AS l (a, b) ON TRUE", "a"),
        ("{W} CROSS JOIN UNNEST(tags) AS t (tag)", "tag"),
        ("{W} CROSS JOIN UNNEST(tags) AS tag", "tag"),
        ("{W} CROSS JOIN UNNEST(shape.kinds) AS k (kind)", "kind"),
        (
            "{W} CROSS JOIN UNNEST(tags) WITH ORDINALITY AS t (tag, place)",
            "place",
        ),
        (
            "{W} CROSS JOIN UNNEST(tags) WITH ORDINALITY AS t",
            "ordinality",
        ),
    ] {
        let found = loaded("COUNT(*)", from, key);
        let found = found.unwrap_or_else(|shown| panic!("{from}\n{shown}"));
        assert!(found.inputs[0].unnest.is_some(), "{from}");
    }
}

#[test]
fn elements_that_are_refused() {
    for (from, words) in [
        (
            "{W} LEFT JOIN UNNEST(lines) AS l ON TRUE",
            "CROSS JOIN UNNEST(…)",
        ),
        (
            "{W} CROSS JOIN UNNEST(lines) AS l (sku)",
            "1 names for the 2 columns",
        ),
        (
            "{W} CROSS JOIN UNNEST(shop) AS s (x)",
            "UNNEST of `shop`, a STRING",
        ),
        (
            "{W} CROSS JOIN UNNEST(more) AS m (k, v)",
            "UNNEST of `more`, a MAP",
        ),
        (
            "{W} CROSS JOIN UNNEST(lines) AS l CROSS JOIN UNNEST(tags) AS t",
            "several UNNEST",
        ),
        (
            "{W} CROSS JOIN UNNEST(lines, tags) AS l",
            "UNNEST of several arrays",
        ),
        ("{W} CROSS JOIN UNNEST(nothing) AS l", "no column `nothing`"),
    ] {
        is_refused("COUNT(*)", from, words);
    }
}
