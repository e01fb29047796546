//! Snapshots and commits, and what a person sees of them.

use std::time::Duration;

use super::*;
use serde_json::json;

const DAY1: &str = "2026-01-23T00:00:00Z";
const DAY2: &str = "2026-01-24T00:00:00Z";

fn row(city: &str, rank: u64, total: &str) -> Value {
    json!({"window_start": DAY1, "window_end": DAY2, "rank": rank, "city": city, "total_sales": total, "final": false, "commit": 1})
}

fn board(now: Instant) -> Board {
    let mut board = Board::default();
    let data = json!({"commit": 1, "rankings": [{"name": "cities", "order_by": "total_sales", "partition": [],
        "fields": [{"name": "city", "key": true, "label": false, "kind": "text"},
                   {"name": "total_sales", "key": false, "label": false, "kind": "decimal"}],
        "windows": [{"window_start": DAY1, "window_end": DAY2, "final": false, "commit": 1}],
        "rows": [row("Lisbon", 1, "3.00"), row("Porto", 2, "2.00"), row("Faro", 3, "1.00")]}]});
    assert!(board.snapshot(&data, now).is_empty());
    board
}

fn change(city: &str, rank: Option<u64>, start: &str, is_final: bool, commit: u64) -> Value {
    let op = if rank.is_some() { "upsert" } else { "delete" };
    json!({"ranking": "cities", "op": op, "window_start": start, "window_end": DAY2, "rank": rank,
           "row": {"city": city, "total_sales": "9.00"}, "final": is_final, "commit": commit})
}

fn commit(board: &mut Board, number: u64, changes: &[Value], now: Instant) {
    board.commit(&json!({"commit": number, "changes": changes}), now);
}

fn seen(board: &Board, now: Instant) -> Vec<(String, u64, Move)> {
    let r = &board.rankings[0];
    r.ordered()
        .iter()
        .map(|row| (r.title(row), row.rank, row.moved(now)))
        .collect()
}

#[test]
fn moves_add_up_while_they_are_shown_and_then_fade() {
    let now = Instant::now();
    let mut b = board(now);
    assert!(
        seen(&b, now).iter().all(|(_, _, m)| *m == Move::None),
        "what is there at first is not new"
    );
    commit(
        &mut b,
        2,
        &[
            change("Faro", Some(2), DAY1, false, 2),
            change("Porto", Some(3), DAY1, false, 2),
        ],
        now,
    );
    let later = now + Duration::from_secs(3);
    commit(
        &mut b,
        3,
        &[
            change("Faro", Some(1), DAY1, false, 3),
            change("Lisbon", None, DAY1, false, 3),
            change("Braga", Some(2), DAY1, false, 3),
        ],
        later,
    );
    let told = [
        ("Faro".to_owned(), 1, Move::Up(2)),
        ("Braga".to_owned(), 2, Move::New),
        ("Porto".to_owned(), 3, Move::Down(1)),
    ];
    assert_eq!(seen(&b, later), told);
    // A commit that was seen changes nothing.
    commit(
        &mut b,
        3,
        &[change("Porto", Some(1), DAY1, false, 3)],
        later,
    );
    assert_eq!(seen(&b, later), told);
    assert!(
        seen(&b, later + MOVE_SHOWN)
            .iter()
            .all(|(_, _, m)| *m == Move::None)
    );
}

#[test]
fn a_window_closes_and_is_then_corrected() {
    let now = Instant::now();
    let mut b = board(now);
    let all = |n| {
        ["Lisbon", "Porto", "Faro"]
            .iter()
            .zip(1..)
            .map(|(c, r)| change(c, Some(r), DAY1, true, n))
            .collect::<Vec<_>>()
    };
    commit(&mut b, 2, &all(2), now);
    assert_eq!(
        b.rankings[0]
            .window()
            .map(|w| (w.1.is_final, w.1.corrected)),
        Some((true, false))
    );
    commit(&mut b, 3, &[change("Faro", Some(3), DAY1, true, 3)], now);
    assert_eq!(
        b.rankings[0]
            .window()
            .map(|w| (w.1.is_final, w.1.corrected)),
        Some((true, true))
    );
    // The row that changed is marked, and no other.
    let ranking = &b.rankings[0];
    let rows = ranking.ordered();
    let marked = rows.iter().map(|row| (ranking.title(row), row.corrected));
    let want = [("Lisbon", false), ("Porto", false), ("Faro", true)];
    assert_eq!(
        marked.collect::<Vec<_>>(),
        want.map(|(city, is)| (city.to_owned(), is))
    );
}

#[test]
fn the_newest_window_is_followed_unless_one_was_chosen() {
    let now = Instant::now();
    let mut b = board(now);
    commit(&mut b, 2, &[change("Porto", Some(1), DAY2, false, 2)], now);
    assert_eq!(b.rankings[0].start.as_deref(), Some(DAY2));
    assert_eq!(seen(&b, now).len(), 1);
    let older = b.step("cities", -1).unwrap();
    assert_eq!(b.pick(older), [("cities".to_owned(), DAY1.to_owned())]);
    // What comes while the rows are on their way is not lost, and not counted twice.
    commit(
        &mut b,
        3,
        &[
            change("Faro", Some(1), DAY1, false, 3),
            change("Braga", Some(1), DAY2, false, 3),
        ],
        now,
    );
    b.window(
        "cities",
        DAY1,
        &json!([row("Lisbon", 1, "3.00"), row("Faro", 3, "1.00")]),
        now,
    );
    assert_eq!(
        seen(&b, now)
            .iter()
            .map(|s| s.0.as_str())
            .collect::<Vec<_>>(),
        ["Faro", "Lisbon"]
    );
    assert_eq!(b.step("cities", -1), None);
    assert_eq!(
        b.step("cities", 1),
        Some(None),
        "the newest is followed again"
    );
}
