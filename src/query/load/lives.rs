//! Times to live: what a ranking comes to, and what is said of it.

use crate::{explain, load_texts, meaning};

const TABLE: &str = "CREATE TABLE t (k STRING, g STRING NOT NULL, v INT, at TIMESTAMP_LTZ(3), WATERMARK FOR at AS at);";

#[test]
fn a_ranking_with_a_time_to_live_is_one_over_lives() {
    let text = |ttl: &str| {
        format!(
            "{TABLE} INSERT INTO r SELECT /*+ OPTIONS('state.ttl'='{ttl}') */ k, g, a, c, rn FROM (
               SELECT *, RANK() OVER (PARTITION BY g ORDER BY c DESC) AS rn FROM (
                 SELECT k, g, AVG(v) AS a, COUNT(*) AS c FROM t GROUP BY k, g HAVING SUM(v) > 3)) WHERE rn <= 2"
        )
    };
    let load = |ttl: &str| load_texts(&[("q", &text(ttl))]).unwrap().plan;
    let (plan, without) = (load("90 min"), load("0"));
    let (of, lives) = (&plan.rankings[0], &plan.hidden[0]);
    assert!(without.hidden.is_empty());
    assert_eq!(
        (lives.lets_go, lives.window.gap(), lives.limit),
        (true, 5_400_000, u64::MAX)
    );
    assert_eq!(lives.session_by, [0, 1]);
    // To whoever reads its rows it is the same ranking.
    let shown = |plan: &standings_model::plan::Plan| {
        let of = &plan.rankings[0];
        let fields = of.fields.iter();
        let fields = fields.map(|f| (of.field_name(*f).to_owned(), of.field_type(*f).0));
        (
            fields.collect::<Vec<_>>(),
            of.limit,
            of.partition.clone(),
            of.order.clone(),
        )
    };
    assert_eq!(shown(&plan), shown(&without));
    assert!(of.window.is_always() && of.retracts && !of.is_hidden);
    let meanings = ["90 min", "91 min", "0"].map(|ttl| {
        let plan = load(ttl);
        meaning(&plan, &plan.rankings[0])
    });
    assert!(meanings[0] != meanings[1] && meanings[0] != meanings[2]);
    assert_eq!(meanings[0], meaning(&plan, of));
    let said = explain(&plan);
    for words in [
        "in lives of its key: rows that follow each other within 90m",
        "until the watermark is 90m past its last row",
        "as long as its key lives",
    ] {
        assert!(said.contains(words), "wanted {words}\n{said}");
    }
}
