//! The case `elements-of-arrays`, by the engine alone: its rows and letters, and what its records are counted as.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use standings_model::block::{Block, Home, NO_TIMESTAMP};
use standings_model::json::push_value;
use standings_model::plan::Field;
use standings_model::reject::RejectKind;

use crate::event_time::BEGINNING;
use crate::event_time::partition::Policy;
use crate::fold::{Fold, GoesOn, Settings};
use crate::pack::key::KeyCodec;
use crate::rank::totals::Totals;

#[test]
fn elements_are_rows_and_records_are_counted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/elements-of-arrays");
    let plan = standings_query::load_dir(&root.join("queries"));
    let plan = Arc::new(plan.unwrap_or_else(|e| panic!("{}", e.render())));
    let mut fold = Fold::new(Settings {
        plan: Arc::clone(&plan),
        policies: vec![Policy::default()],
        summary_window: None,
        max_record_bytes: 1 << 20,
    });
    let from = GoesOn {
        offset: 0,
        greatest: None,
        found: None,
        bootstrap: None,
        ids_from: None,
        hold: None,
    };
    fold.begin(0, &Home::default(), from);
    let input = std::fs::read_to_string(root.join("input.orders.ndjson")).unwrap();
    let mut block = Block::new(0);
    for (offset, line) in input.lines().enumerate() {
        block.push(line.as_bytes(), offset as u64, NO_TIMESTAMP);
    }
    fold.block(&block, BEGINNING).unwrap();
    let (batches, progress) = fold.end_epoch(1, &mut Vec::new());
    let progress = progress.unwrap();
    let mut totals = Totals::new(Arc::clone(&plan));
    batches.iter().for_each(|deltas| totals.apply(deltas));

    let mut found = BTreeSet::new();
    for candidate in totals.settle() {
        let ranking = &plan.rankings[candidate.ranking as usize];
        let key = KeyCodec::new(ranking).decode(&candidate.key);
        let measures = candidate.row.unwrap().measures;
        let mut line = ranking.name.clone();
        for field in &ranking.fields {
            let value = match *field {
                Field::Key(i) => &key[i],
                Field::Measure(i) => &measures[i],
            };
            let mut shown = Vec::new();
            push_value(&mut shown, value);
            let shown = String::from_utf8(shown).unwrap();
            write!(line, " {}={shown}", ranking.field_name(*field)).unwrap();
        }
        found.insert(line);
    }
    for reject in &progress.rejects {
        let RejectKind::Dead { reason, detail, .. } = &reject.kind else {
            panic!("{reject:?}");
        };
        found.insert(format!("dead orders {} {reason}: {detail}", reject.offset));
    }
    let expected = std::fs::read_to_string(root.join("expected.txt")).unwrap();
    let expected: BTreeSet<String> = expected
        .lines()
        .map(|line| match line.split_once(" 2026-03-02T00:00:00Z ") {
            // The rank is gather's.
            Some((name, rest)) => format!("{name} {}", rest.split_once(' ').unwrap().1),
            None => line.to_owned(),
        })
        .collect();
    assert_eq!(found, expected);

    // Of nothing and NULL there is no row: these two pass no ranking. Of the array that is a record each element is one.
    let counts = progress.partitions[0].counts;
    assert_eq!((counts.read, counts.ranked), (7, 4));
    assert_eq!((counts.filtered, counts.dead), (2, 1));
    assert!(counts.balanced());
}
