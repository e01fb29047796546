//! Drafts of a ranking whose provisional rows are chosen, and of one that computes of ranks.

use std::sync::Arc;

use super::Gather;
use crate::event_time::BEGINNING;
use crate::event_time::global::PartitionState;
use crate::event_time::partition::Policy;
use crate::rank::emit::Emit;
use crate::rank::messages::{Candidate, CandidateRow, PartitionProgress, Progress};
use crate::rank::order::OrderKey;
use standings_model::change::{Change, Counts};
use standings_model::identity::NO_EPOCH;
use standings_model::value::Value;

const HOUR: i64 = 3_600_000;

fn gather(ranking: &str) -> Gather {
    let table = "CREATE TABLE taps (at TIMESTAMP_LTZ(3), gate STRING, WATERMARK FOR at AS at);";
    let loaded = standings_query::load_texts(&[("q", &format!("{table}{ranking};"))]);
    let plan = Arc::new(loaded.unwrap_or_else(|e| panic!("{}", e.render())).plan);
    Gather::new(plan, Policy::default(), Emit::Rows, 1)
}

/// A row that came or changed, or left.
fn tell(gather: &mut Gather, end: i64, key: &[u8], row: Option<(i128, &[i64])>) {
    gather.candidate(Candidate {
        ranking: 0,
        window_end: end,
        partition: Arc::from([]),
        key: Arc::from(key),
        row: row.map(|(order, measures)| CandidateRow {
            order: OrderKey::of(order),
            measures: measures
                .iter()
                .map(|n| Value::Integer((*n).into()))
                .collect(),
        }),
    });
}

fn draft(gather: &mut Gather, watermark: i64, greatest: i64) -> Vec<Change> {
    let partition = PartitionProgress {
        partition: 0,
        leader_epoch: NO_EPOCH,
        next_offset: 1,
        state: PartitionState {
            watermark: Some(watermark),
            ..PartitionState::default()
        },
        begin: 0,
        greatest: Some(greatest),
        bootstrap: 0,
        found: None,
        counts: Counts::default(),
        ids_from: None,
    };
    gather.progress(Progress {
        partitions: vec![partition],
        ..Progress::default()
    });
    gather.advance();
    gather.draft(BEGINNING, false).changes.to_vec()
}

#[test]
fn of_open_windows_those_are_drafted_that_are_to_be_shown() {
    let ranking = |said: &str| {
        format!(
            "SELECT /*+ OPTIONS('emit.provisional'='{said}') */ window_start, window_end, COUNT(*) AS c
             FROM TABLE(HOP(TABLE taps, DESCRIPTOR(at), INTERVAL '1' HOUR, INTERVAL '3' HOUR)) GROUP BY window_start, window_end"
        )
    };
    // In each commit the ends of the windows that are written, in hours, and which of them are final.
    let run = |said: &str| {
        let mut gather = gather(&ranking(said));
        let mut written = Vec::new();
        // A row at 05:10, then one at 06:10 while the watermark is at 05:00, then nothing but the watermark.
        for (hours, watermark, greatest) in [
            ([6, 7, 8].as_slice(), 4 * HOUR, 5 * HOUR + 600_000),
            (&[7, 8, 9], 5 * HOUR, 6 * HOUR + 600_000),
            (&[], 7 * HOUR, 7 * HOUR + 600_000),
        ] {
            for hour in hours {
                let count = if written.is_empty() || *hour == 9 {
                    1
                } else {
                    2
                };
                tell(&mut gather, hour * HOUR, &[], Some((0, &[count])));
            }
            let changes = draft(&mut gather, watermark, greatest);
            let all = changes.iter().map(|c| (c.window_end / HOUR, c.is_final));
            written.push(all.collect::<Vec<_>>());
        }
        written
    };
    let (open, done) = (|hour| (hour, false), |hour| (hour, true));
    assert_eq!(
        run("all"),
        [
            vec![open(6), open(7), open(8)],
            vec![open(7), open(8), open(9)],
            vec![done(6), done(7)],
        ]
    );
    assert_eq!(
        run("next"),
        [
            vec![open(6)],
            vec![open(7)],
            vec![done(6), done(7), open(8)]
        ]
    );
    assert_eq!(run("none"), [vec![], vec![], vec![done(6), done(7)]]);
}

#[test]
fn what_is_computed_of_a_rank_changes_with_it() {
    let mut gather = gather(
        "SELECT gate, medal, rn FROM (SELECT *, CASE WHEN rn = 1 THEN 1 ELSE rn * c END AS medal FROM (
           SELECT gate, COUNT(*) AS c, ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC) AS rn FROM taps GROUP BY gate))
         WHERE rn <> 2",
    );
    let measures = &gather.plan.rankings[0].measures;
    let names: Vec<&str> = measures.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["c", "medal", "WHERE"]);
    // A key that is one text is its bytes.
    let key = |name: &str| name.as_bytes().to_vec();
    let end = standings_model::window::Window::ALWAYS
        .ends(0)
        .last()
        .unwrap();
    for (name, count) in [("a", 9), ("b", 7), ("c", 5)] {
        tell(
            &mut gather,
            end,
            &key(name),
            Some((-count, &[count as i64, 0, 0])),
        );
    }
    let shown = |changes: Vec<Change>| -> Vec<(String, Option<u64>, Option<u64>, String)> {
        let all = changes.iter().map(|c| {
            let medal = c
                .measures
                .get(1)
                .map_or("-".to_owned(), ToString::to_string);
            (c.key[0].to_string(), c.previous_rank, c.rank, medal)
        });
        all.collect()
    };
    let row = |key: &str, before, now, medal: &str| (key.to_owned(), before, now, medal.to_owned());
    // The second has its rank, and is not shown; what it is computed of is in no row.
    let first = draft(&mut gather, 0, 0);
    assert!(
        first.iter().all(|c| c.measures[0] == Value::Null),
        "{first:?}"
    );
    assert_eq!(
        shown(first),
        [row("a", None, Some(1), "1"), row("c", None, Some(3), "15")]
    );
    // One before the others: what it moves has other values, though nothing else of it changed.
    tell(&mut gather, end, &key("d"), Some((-10, &[10, 0, 0])));
    assert_eq!(
        shown(draft(&mut gather, 0, 0)),
        [
            row("a", Some(1), None, "-"),
            row("d", None, Some(1), "1"),
            row("b", None, Some(3), "21"),
            row("c", Some(3), Some(4), "20"),
        ]
    );
    // A measure that is read alone changes its row; one that is not shown through it does not.
    tell(&mut gather, end, &key("c"), Some((-5, &[6, 0, 0])));
    tell(&mut gather, end, &key("d"), Some((-10, &[11, 0, 0])));
    assert_eq!(
        shown(draft(&mut gather, 0, 0)),
        [row("c", Some(4), Some(4), "24")]
    );
}
