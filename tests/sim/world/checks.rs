//! What must hold after every commit that a sink accepts, and at the end.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use standings_engine::rank::emit::Emit;
use standings_model::change::Counts;
use standings_model::plan::Plan;
use standings_model::reject::Reject;

use super::{Claim, OUT_OF_ORDERNESS, Offsets, Sink, World};
use crate::orders::{among, is_closed, shape};
use crate::support::{Folding, HOUR, Reference, Rows, reference};

impl World {
    /// What the reference says of a prefix.
    pub fn reference(&mut self, offsets: &Offsets) -> Arc<Reference> {
        let ends: Vec<u64> = (0..self.input.len() as u32)
            .map(|p| offsets.get(&p).copied().unwrap_or(0))
            .collect();
        let (input, duplicate, orders) = (&self.input, &self.duplicate, &self.orders);
        let found = self.references.entry(ends).or_insert_with_key(|ends| {
            if let Some(orders) = orders {
                return Arc::new(orders.reference(ends));
            }
            let mut prefix: Vec<Vec<String>> = ends
                .iter()
                .zip(input)
                .map(|(n, lines)| lines[..*n as usize].to_vec())
                .collect();
            // To the reference a duplicate is what is no sale.
            for (p, o) in duplicate {
                if let Some(line) = prefix[*p as usize].get_mut(*o as usize) {
                    *line = "{".to_owned();
                }
            }
            Arc::new(reference(&prefix, OUT_OF_ORDERNESS, HOUR))
        });
        Arc::clone(found)
    }

    /// Takes a commit over into what a sink shows, and holds it to I1 to I5.
    pub fn accept(&mut self, sink: Sink, claim: Claim, lines: &[String]) {
        if sink == Sink::Database && self.weather.put_back > 0 {
            self.keep_database();
        }
        let emit = self.emit;
        let (n, name) = (claim.commit, sink.name());
        for (p, offset) in &claim.offsets {
            let there = self.input[*p as usize].len() as u64;
            assert!(
                *offset <= there,
                "I10: {name}: commit {n} counts {offset} records of partition {p}, and the topic that it is of had {there}"
            );
        }
        assert!(
            self.files || claim.known.as_ref().is_some_and(|k| k.source.is_some()),
            "I10: {name}: commit {n} does not say what it is of"
        );
        self.excuse(sink);
        let shown = self.shown(sink);
        tracing::info!(sink = name, commit = n, offsets = ?claim.offsets, changes = lines.len(), "accepted");
        assert!(
            n > shown.commit,
            "I4: {name}: commit {n} came after {}",
            shown.commit
        );
        for (p, offset) in &shown.offsets {
            let now = claim.offsets.get(p).copied().unwrap_or(0);
            assert!(
                now >= *offset,
                "I4: {name}: commit {n} goes back from offset {offset} to {now} of partition {p}"
            );
        }
        assert!(
            claim.watermark >= shown.watermark,
            "{name}: commit {n}: the watermark went back"
        );
        if emit == Emit::Ranks {
            lines.iter().for_each(|line| moves(&shown.folding, line));
        }
        shown.write(lines);
        shown.commit = n;
        shown.offsets.clone_from(&claim.offsets);
        shown.begins = claim.begins;
        shown.known = claim.known;
        shown.watermark = claim.watermark;
        shown.history.insert(n, claim.offsets.clone());
        self.seen.commits += 1;
        self.note(format!("{name} {n} {:?}", claim.offsets).as_bytes());
        lines.iter().for_each(|l| self.note(l.as_bytes()));
        if let Some(other) = self.shown(sink.other()).history.get(&n) {
            // A partition of which nothing was read is in a prefix or not, as it was found before or after.
            let read = |o: &Offsets| -> Offsets {
                o.iter()
                    .filter(|(_, n)| **n > 0)
                    .map(|(p, n)| (*p, *n))
                    .collect()
            };
            assert_eq!(
                read(other),
                read(&claim.offsets),
                "I5: commit {n} stands for another prefix in the other sink"
            );
        }
        self.check(sink);
        self.check_letters(sink);
        if sink == Sink::Database {
            self.quicken();
        }
    }

    /// I2: what a sink shows is what a batch query over the prefix it names returns, and just the closed windows are
    /// final.
    pub fn check(&mut self, sink: Sink) {
        let offsets = self.shown(sink).offsets.clone();
        let want = self.reference(&offsets);
        let want = self.taken(sink, want.rows.clone());
        let emit = self.emit;
        let shown = self.shown(sink);
        let (n, name) = (shown.commit, sink.name());
        // Where only moves are written, a row's values are those of its last move, until its window closes; whom it is among is
        // always so.
        let finals = &shown.folding.finals;
        let only_moves = |rows: &Rows| -> Rows {
            let mut rows = rows.clone();
            for (at, row) in &mut rows {
                if finals.get(at) != Some(&true) {
                    let places = among(&at.0).iter();
                    row.1 = places.map(|n| row.1[*n].clone()).collect();
                }
            }
            rows
        };
        let (shows, wants) = match emit {
            Emit::Rows => (shown.folding.rows.clone(), want),
            Emit::Ranks => (only_moves(&shown.folding.rows), only_moves(&want)),
        };
        same(
            &shows,
            &wants,
            &format!("I2: {name}: commit {n}, the cut {offsets:?}"),
        );
        let watermark = shown.watermark.unwrap_or(i64::MIN);
        for (at, is_final) in &shown.folding.finals {
            assert_eq!(
                *is_final,
                is_closed(&at.0, at.1, watermark),
                "{name}: commit {n}, watermark {watermark}: whether {at:?} is final"
            );
        }
    }

    /// All is committed: both sinks show all of the input, and every reject was kept.
    pub fn check_end(&mut self) {
        let all: Offsets = (0u32..)
            .zip(&self.input)
            .map(|(p, lines)| (p, lines.len() as u64))
            .collect();
        for sink in [Sink::Database, Sink::Log] {
            assert_eq!(
                self.shown(sink).offsets,
                all,
                "I1: {} at the end",
                sink.name()
            );
            self.check(sink);
        }
        let want = self.reference(&all);
        assert_eq!(self.dead.len() as u64, want.dead, "I6: dead letters");
        let missed: Vec<_> = self.duplicate.difference(&self.dead).collect();
        assert!(
            missed.is_empty(),
            "I6: duplicates that were not found: {missed:?}"
        );
        assert_eq!(self.late.len() as u64, want.late, "I6: late sales");
        if let Some(orders) = &self.orders {
            assert_eq!(self.halves, orders.halves(), "I6: late halves");
        }
    }

    /// I6: of a table that changes each record became what it is, whatever was restarted before.
    pub fn check_kinds(&self, p: u32, of: Range<u64>, counts: &Counts) {
        let is_whole = self.topic.gone.range((p, of.start)..(p, of.end)).count() == 0;
        let Some(orders) = self.orders.as_ref().filter(|_| is_whole) else {
            return;
        };
        let found = crate::changes::model::Counts::from([
            ("read", counts.read),
            ("ranked", counts.ranked),
            ("updated", counts.updated),
            ("deleted", counts.deleted),
            ("unchanged", counts.unchanged),
            ("late", counts.late),
            ("filtered", counts.filtered),
            ("skipped", counts.skipped),
            ("dead_lettered", counts.dead),
            ("contradicted", counts.contradicted),
        ]);
        let want = orders.became(p, of.clone());
        assert_eq!(found, want, "I6: what became of partition {p}, {of:?}");
    }

    /// A late half comes to the late output.
    pub fn told(&mut self, plan: &Plan, reject: &Reject) {
        let half = self.orders.as_ref().and_then(|o| o.half(plan, reject));
        self.halves.extend(half);
    }
}

/// I3, where only moves are written: a row has another rank, is ranked among others, leaves, or has its final values.
fn moves(shown: &Folding, line: &str) {
    let change: serde_json::Value = serde_json::from_str(line).expect("a change");
    let ranking = change["ranking"].as_str().expect("its name");
    let names = shape(ranking).measures;
    let is_among_others = || {
        let (_, before) = shown.before(line).expect("it has a rank");
        let mut places = among(ranking).iter();
        places.any(|n| before[*n] != change["row"][names[*n]])
    };
    let moved = change["rank"] != change["previous_rank"];
    assert!(
        moved || change["final"] == true || is_among_others(),
        "I3: a row is written that has not moved: {line}"
    );
}

/// Equal rows, or a panic that names the first differences.
fn same(have: &Rows, want: &Rows, what: &str) {
    let ats: BTreeSet<_> = have.keys().chain(want.keys()).collect();
    let differ = ats.into_iter().filter(|at| have.get(*at) != want.get(*at));
    let list: Vec<String> = differ
        .map(|at| {
            format!(
                "{at:?} shows {:?} instead of {:?}",
                have.get(at),
                want.get(at)
            )
        })
        .collect();
    let shown = list.iter().take(8).cloned().collect::<Vec<_>>().join("; ");
    assert!(
        list.is_empty(),
        "{what}: {} rows differ: {shown}",
        list.len()
    );
}
