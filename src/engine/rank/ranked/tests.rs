use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use standings_model::plan::RankFunction;

/// What readers know of a row: rank, measure, final.
type Known = (u64, i128, bool);

/// All rows in order, ranked anew each time, against what was known.
#[derive(Default)]
struct Plain {
    rows: BTreeMap<u8, (i128, i128)>,
    known: BTreeMap<u8, Known>,
}

impl Plain {
    /// Deletes as key and rank before; upserts as key, rank, rank before and measure.
    #[allow(clippy::type_complexity)]
    fn draft(
        &mut self,
        function: RankFunction,
        limit: u64,
        emit: Emit,
        is_final: bool,
    ) -> (Vec<(u64, u8)>, Vec<(u8, u64, Option<u64>, i128)>) {
        let mut order: Vec<(i128, u8)> = self.rows.iter().map(|(k, r)| (r.0, *k)).collect();
        order.sort_unstable();
        let rank = |i: usize| -> u64 {
            let better = order.iter().filter(|o| o.0 < order[i].0);
            match function {
                RankFunction::RowNumber => i as u64 + 1,
                RankFunction::Rank => better.count() as u64 + 1,
                RankFunction::DenseRank => {
                    let mut values: Vec<i128> = better.map(|o| o.0).collect();
                    values.dedup();
                    values.len() as u64 + 1
                }
            }
        };
        let now: BTreeMap<u8, u64> = (0..order.len())
            .map(|i| (order[i].1, rank(i)))
            .filter(|(_, rank)| *rank <= limit)
            .collect();
        let mut gone = Vec::new();
        self.known.retain(|key, known| {
            let stays = now.contains_key(key);
            if !stays {
                gone.push((known.0, *key));
            }
            stays
        });
        let mut changed = Vec::new();
        for (_, key) in &order {
            let Some(rank) = now.get(key) else { continue };
            let measure = self.rows[key].1;
            let before = self.known.get(key).copied();
            let quiet = emit == Emit::Ranks && !is_final;
            if before
                .is_some_and(|(r, m, f)| r == *rank && f == is_final && (m == measure || quiet))
            {
                continue;
            }
            changed.push((*key, *rank, before.map(|b| b.0), measure));
            self.known.insert(*key, (*rank, measure, is_final));
        }
        gone.sort_unstable();
        (gone, changed)
    }
}

fn candidate(key: u8, row: Option<(i128, i128)>) -> Candidate {
    let row = row.map(|(order, measure)| CandidateRow {
        order: OrderKey::of(order),
        measures: Arc::from([Value::Integer(measure)]),
    });
    Candidate {
        ranking: 0,
        window_end: 10,
        partition: Arc::from([]),
        key: Arc::from([b'a' + key]),
        row,
    }
}

fn key(change: &Change) -> u8 {
    match &change.key[..] {
        [Value::Text(text)] => text.as_bytes()[0] - b'a',
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn drafts_are_those_of_a_plain_ranking(
        drafts in prop::collection::vec(
            prop::collection::vec((0..9u8, prop::option::of((0..5i128, 0..3i128))), 0..8),
            1..12,
        ),
        function in prop::sample::select(vec![
            RankFunction::RowNumber, RankFunction::Rank, RankFunction::DenseRank,
        ]),
        limit in 1..7u64,
        ranks_only: bool,
    ) {
        let emit = if ranks_only { Emit::Ranks } else { Emit::Rows };
        let loaded = standings_query::load_shipped().unwrap();
        // One whose whole key is a text.
        let codecs = loaded.rankings.iter().map(KeyCodec::new);
        let (n, codec) = codecs.enumerate().find(|(_, c)| c.plain_text().is_some()).unwrap();
        let plan = Ranking { rank: Some(function), limit, ..loaded.rankings[n].clone() };
        let (mut ranked, mut plain) = (Ranked::default(), Plain::default());
        let last = drafts.len() - 1;
        for (n, candidates) in drafts.into_iter().enumerate() {
            for (key, row) in candidates {
                ranked.update(candidate(key, row), &codec);
                match row {
                    Some(row) => drop(plain.rows.insert(key, row)),
                    None => drop(plain.rows.remove(&key)),
                }
            }
            let at = At { ranking: 0, window: (0, 10), is_final: n == last };
            let mut changes = Vec::new();
            ranked.difference(&plan, None, emit, at, &mut changes);
            let (deletes, upserts): (Vec<_>, Vec<_>) =
                changes.iter().partition(|c| c.rank.is_none());
            prop_assert!(changes.iter().skip(deletes.len()).all(|c| c.rank.is_some()));
            let gone: Vec<_> =
                deletes.iter().map(|c| (c.previous_rank.unwrap(), key(c))).collect();
            let changed: Vec<_> = upserts
                .iter()
                .map(|c| match c.measures[..] {
                    [Value::Integer(m)] => (key(c), c.rank.unwrap(), c.previous_rank, m),
                    _ => panic!("{c:?}"),
                })
                .collect();
            let (mut want_gone, want) = plain.draft(function, limit, emit, at.is_final);
            // Ties leave in any order.
            let mut gone_sorted = gone.clone();
            gone_sorted.sort_unstable();
            want_gone.sort_unstable();
            prop_assert!(gone.is_sorted_by_key(|g| g.0));
            prop_assert_eq!(gone_sorted, want_gone);
            prop_assert_eq!(changed, want);
            // What is neither a row nor shown is forgotten.
            let mut held: Vec<u8> = plain.rows.keys().chain(plain.known.keys()).copied().collect();
            held.sort_unstable();
            held.dedup();
            prop_assert_eq!(ranked.by_key.len(), held.len());
            prop_assert_eq!(ranked.slots.len() - ranked.free.len(), held.len());
        }
    }
}
