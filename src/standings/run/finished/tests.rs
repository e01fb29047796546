use super::*;
use standings_model::reject::{MissedWindow, Reject};
use standings_model::time::HOUR;

fn finished(until_end: bool, dead: &str) -> Arc<Finished> {
    let shares = Shares {
        dead: Share::parse(dead),
        late: None,
    };
    let by = Telling {
        shares,
        until_end,
        ..Telling::default()
    };
    let plan = Plan {
        tables: vec![standings_model::table::Table::sales()],
        rankings: Vec::new(),
        hidden: Vec::new(),
        checks: Vec::new(),
        max_key_bytes: usize::MAX,
        zone: None,
    };
    Finished::new(by, &Arc::new(plan), &Arc::default(), &Arc::default())
}

fn commit(counts: Counts, watermark: i64) -> Commit {
    Commit {
        counts: BTreeMap::from([(0, counts)]),
        watermarks: BTreeMap::from([(0, Some(watermark))]),
        ..Commit::default()
    }
}

const NOW: i64 = 1_769_126_400_000;

fn refused(finished: &Finished) -> String {
    finished.tell(false).expect_err("in vain").to_string()
}

#[test]
fn nothing_ranked_is_a_failure_unless_asked_to_stop() {
    let counts = Counts {
        read: 2,
        late: 1,
        dead: 1,
        ..Counts::default()
    };
    let mut commit = commit(counts, NOW);
    let missed = MissedWindow {
        ranking: 0,
        start: 0,
        end: 1,
        retired: false,
    };
    let reject = |kind| Reject {
        table: 0,
        partition: 0,
        offset: 7,
        kind,
        bytes: Vec::new(),
    };
    commit.rejects = vec![
        reject(RejectKind::Late {
            missed: vec![missed],
            event_time: NOW - 3 * 365 * 24 * HOUR,
            half: None,
        }),
        reject(RejectKind::Dead {
            reason: "bad_time".to_owned(),
            check: None,
            detail: "found \"x\"".to_owned(),
        }),
    ];
    let all = finished(true, "");
    all.add(&commit);
    let said = refused(&all);
    for word in [
        "2 records",
        "late 1",
        "offset 7",
        "three years behind",
        "bad_time 1",
        "found \"x\"",
        "milliseconds",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(all.tell(true).is_ok());
    for ok in [
        Counts {
            read: 2,
            dead: 1,
            filtered: 1,
            ..Counts::default()
        },
        Counts {
            read: 2,
            dead: 1,
            duplicate: 1,
            ..Counts::default()
        },
        Counts {
            read: 2,
            dead: 1,
            ranked: 1,
            ..Counts::default()
        },
        Counts::default(),
    ] {
        let all = finished(true, "");
        all.add(&super::tests::commit(ok, NOW));
        assert!(all.tell(false).is_ok(), "{ok:?}");
    }
}

#[test]
fn a_share_is_of_all_or_of_the_last_records() {
    let counts = |read, dead| Counts {
        read,
        dead,
        ranked: read - dead,
        ..Counts::default()
    };
    let end = finished(true, "1%");
    end.add(&commit(counts(1000, 10), NOW));
    assert!(end.tell(false).is_ok());
    end.add(&commit(counts(1001, 11), NOW));
    assert!(refused(&end).contains("1,001 records 11 were dead"));

    // A good year, and then a bad minute.
    let stream = finished(false, "1%");
    for n in 1..=100 {
        stream.add(&commit(counts(n * 10_000, 0), NOW));
    }
    stream.add(&commit(counts(1_005_000, 90), NOW));
    assert!(stream.tell(true).is_ok());
    stream.add(&commit(counts(1_010_000, 101), NOW));
    assert!(stream.stop.load(Ordering::Relaxed));
    assert!(
        stream
            .tell(true)
            .expect_err("ends")
            .to_string()
            .contains("101 were dead")
    );
    // Few records say nothing yet.
    let begun = finished(false, "1%");
    begun.add(&commit(counts(10, 9), NOW));
    assert!(begun.tell(true).is_ok());
}

#[test]
fn times_far_from_now_are_named() {
    let said = |time| {
        let all = finished(true, "");
        all.add(&commit(Counts::default(), time));
        all.odd_times(&all.lock())
    };
    assert_eq!(said(NOW), None);
    assert!(said(NOW / 1000).is_some_and(|s| s.contains("seconds") && s.contains("2026-01-23")));
    assert!(said(100).is_some_and(|s| s.contains("1990")));
    assert!(said(253_402_300_000_000).is_some_and(|s| s.contains("9999") && s.contains("late")));
}
