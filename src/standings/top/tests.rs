//! What a person sees, drawn into a terminal that is none.

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::app::{App, Over};
use super::draw::{Paint, draw};
use super::line::{Ask, Heard};
use super::once;
use crate::client::LineError;

const DAY: &str = "2026-01-23T00:00:00Z";
const NEXT: &str = "2026-01-24T00:00:00Z";

fn city(rank: u64, city: &str, total: &str) -> Value {
    json!({"window_start": DAY, "window_end": NEXT, "rank": rank, "city": city, "total_sales": total,
           "transaction_count": 17, "final": false, "commit": 41})
}

fn person(rank: u64, id: &str, name: &str, total: &str) -> Value {
    json!({"window_start": DAY, "window_end": NEXT, "rank": rank, "salesman_id": id, "salesman_name": name,
           "total_sales": total, "final": false, "commit": 41})
}

fn snapshot() -> Value {
    let field = |name: &str, key: bool, label: bool, kind: &str| json!({"name": name, "key": key, "label": label, "kind": kind});
    let windows = json!([{"window_start": DAY, "window_end": NEXT, "final": false, "commit": 41},
                         {"window_start": "2026-01-22T00:00:00Z", "window_end": DAY, "final": true, "commit": 30}]);
    json!({"commit": 41, "rankings": [
        {"name": "top_sales_per_city", "order_by": "total_sales", "partition": [], "windows": windows,
         "fields": [field("city", true, false, "text"), field("total_sales", false, false, "decimal"), field("transaction_count", false, false, "integer")],
         "rows": [city(1, "São Paulo", "156272.66"), city(2, "東京", "143744.84"), city(3, "Lisbon", "9010.00"), city(4, "Porto", "-12.50")]},
        {"name": "top_salesmen", "order_by": "total_sales", "partition": [], "windows": windows,
         "fields": [field("salesman_id", true, false, "text"), field("salesman_name", false, true, "text"), field("total_sales", false, false, "decimal")],
         "rows": [person(1, "S000005", "João Silva", "28168.92"), person(2, "S000003", "Arjun Nilsson", "23604.13")]}]})
}

fn event(name: &str, data: Value) -> Heard {
    Heard::Event {
        name: name.to_owned(),
        data,
    }
}

fn change(rank: u64, name: &str, commit: u64) -> Value {
    json!({"ranking": "top_sales_per_city", "op": "upsert", "window_start": DAY, "window_end": NEXT, "rank": rank, "previous_rank": null,
           "row": {"city": name, "total_sales": "150000.00", "transaction_count": 18}, "final": false, "commit": commit})
}

/// A terminal that has heard a snapshot, a commit that moved three rows, and the health numbers.
fn app(now: Instant) -> App {
    let mut app = App::new("http://127.0.0.1:8080".to_owned(), Vec::new());
    app.hear(event("snapshot", snapshot()), now);
    let changes = [
        change(2, "Lisbon", 42),
        change(3, "東京", 42),
        change(5, "Braga", 42),
    ];
    app.hear(
        event("commit", json!({"commit": 42, "changes": changes})),
        now,
    );
    app.hear(
        event("health", json!({"sales_per_second": 2284.6, "read": 18587, "late": 24, "dead_letters": 10, "changes": 5,
            "latency_p50_ms": 7.51, "latency_p99_ms": 87.2, "lag_records": 1200, "watermark": "2026-01-23T10:46:05.120Z"})),
        now,
    );
    app
}

fn seen(app: &App, size: (u16, u16), now: Instant) -> String {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal
        .draw(|frame| draw(frame, app, Paint { colours: true }, now))
        .unwrap();
    terminal.backend().to_string()
}

fn press(app: &mut App, code: KeyCode) -> Vec<Ask> {
    app.press(KeyEvent::new(code, KeyModifiers::NONE))
}

#[test]
fn both_rankings_with_moves_window_and_health() {
    let now = Instant::now();
    let app = app(now);
    insta::assert_snapshot!("wide", seen(&app, (130, 12), now));
    insta::assert_snapshot!("narrow", seen(&app, (70, 18), now));
}

#[test]
fn a_lost_line_is_said_plainly() {
    let now = Instant::now();
    let mut app = app(now);
    let later = now + Duration::from_secs(12);
    app.hear(
        Heard::Lost {
            why: LineError::Connection("Connection refused".to_owned()),
            pause: Duration::from_secs(2),
        },
        later,
    );
    insta::assert_snapshot!("lost", seen(&app, (130, 8), later));
}

#[test]
fn enter_asks_why_and_shows_the_answer() {
    let now = Instant::now();
    let mut app = app(now);
    press(&mut app, KeyCode::Down);
    let asked = press(&mut app, KeyCode::Enter);
    let ask = Ask::Why {
        ranking: "top_sales_per_city".to_owned(),
        start: DAY.to_owned(),
        keys: vec!["Lisbon".to_owned()],
    };
    assert_eq!(asked, std::slice::from_ref(&ask));
    let answer = json!({"ranking": "top_sales_per_city", "window_start": DAY, "window_end": NEXT, "final": false,
        "key": {"city": "Lisbon"}, "rank": 2, "row": {"total_sales": "150000.00"}, "order_by": "total_sales",
        "above": {"rank": 1, "key": {"city": "São Paulo"}, "value": "156272.66", "gap": "6272.66"}, "below": null,
        "last_change": {"commit": 42, "at": "2026-01-23T10:46:07.1Z", "rank": 2, "previous_rank": 3, "offsets": {"0": [1, 2]},
            "delta": {"total_sales": "+140990.00", "transaction_count": 1}, "was": {"total_sales": "9010.00"}, "correction": false,
            "moved_by": [{"key": {"city": "東京"}, "previous_rank": 2, "rank": 3}, {"key": {"city": "Faro"}, "previous_rank": 1, "rank": null}]},
        "corrections": {"count": 0, "last_commit": null}, "late": {"count": 3, "last": null}});
    app.hear(Heard::Answer(ask, Ok(answer)), now);
    insta::assert_snapshot!("why", seen(&app, (90, 22), now));
    press(&mut app, KeyCode::Esc);
    assert!(matches!(app.over, Over::Nothing) && !app.ended);
}

#[test]
fn a_search_finds_and_leads_to_why() {
    let now = Instant::now();
    let mut app = app(now);
    press(&mut app, KeyCode::Char('/'));
    assert!(
        press(&mut app, KeyCode::Char('q')).len() == 2 && !app.ended,
        "letters are text here"
    );
    press(&mut app, KeyCode::Backspace);
    let asked: Vec<_> = "joa"
        .chars()
        .flat_map(|c| press(&mut app, KeyCode::Char(c)))
        .collect();
    let ask = Ask::Search {
        ranking: "top_salesmen".to_owned(),
        text: "joa".to_owned(),
    };
    assert!(asked.contains(&ask));
    // An answer to an older question is not shown.
    let found = json!({"matches": [{"key": {"salesman_id": "S000005"}, "label": "João Silva", "window_start": DAY, "rank": 1}]});
    let old = Ask::Search {
        ranking: "top_salesmen".to_owned(),
        text: "jo".to_owned(),
    };
    app.hear(Heard::Answer(old, Ok(found.clone())), now);
    assert!(!seen(&app, (90, 18), now).contains("rank 1"));
    app.hear(Heard::Answer(ask, Ok(found)), now);
    insta::assert_snapshot!("search", seen(&app, (90, 18), now));
    let asked = press(&mut app, KeyCode::Enter);
    assert_eq!(
        asked,
        [Ask::Why {
            ranking: "top_salesmen".to_owned(),
            start: DAY.to_owned(),
            keys: vec!["S000005".to_owned()]
        }]
    );
}

#[test]
fn arrows_choose_the_window() {
    let now = Instant::now();
    let mut app = app(now);
    let asked = press(&mut app, KeyCode::Left);
    assert_eq!(asked.len(), 2);
    assert_eq!(
        asked[0],
        Ask::Window {
            ranking: "top_sales_per_city".to_owned(),
            start: "2026-01-22T00:00:00Z".to_owned()
        }
    );
    let rows = json!([{"window_start": "2026-01-22T00:00:00Z", "window_end": DAY, "rank": 1, "city": "Faro", "total_sales": "5.00", "final": true, "commit": 30}]);
    app.hear(Heard::Answer(asked[0].clone(), Ok(rows)), now);
    let screen = seen(&app, (130, 12), now);
    assert!(
        screen.contains("2026-01-22  ● final") && screen.contains("Faro"),
        "{screen}"
    );
    assert_eq!(
        press(&mut app, KeyCode::Left),
        [],
        "there is none before it"
    );
}

#[test]
fn once_is_a_plain_table() {
    insta::assert_snapshot!("once", once::tables(&app(Instant::now())));
}

/// Names that would recolour, reorder or hide what a terminal shows, in every place where the server's words are.
#[test]
fn what_a_server_says_moves_no_cursor() {
    let now = Instant::now();
    let hostile = "\u{1b}]0;OWNED\u{7}\u{1b}[2J\u{9b}31m\u{202e}abc\u{200b}\n1 forged";
    let mut app = app(now);
    app.hear(
        event(
            "commit",
            json!({"commit": 43, "changes": [change(1, hostile, 43)]}),
        ),
        now,
    );
    let mut shown = vec![once::tables(&app), seen(&app, (130, 12), now)];
    press(&mut app, KeyCode::Enter);
    if let Over::Why { answer, .. } = &mut app.over {
        let answered = json!({"ranking": hostile, "window_start": DAY, "window_end": NEXT, "rank": 1, "order_by": "total_sales",
            "key": {"city": hostile}, "row": {"total_sales": hostile}, "above": null,
            "below": {"rank": 2, "key": {"city": hostile}, "value": "1", "gap": "2"}, "last_change": null,
            "corrections": {"count": 0}, "late": {"count": 0}, "final": false});
        *answer = Some(Ok(answered));
    } else {
        panic!("Enter asks why");
    }
    shown.push(seen(&app, (130, 24), now));
    app.hear(
        Heard::Lost {
            why: LineError::Connection(hostile.to_owned()),
            pause: Duration::from_secs(2),
        },
        now,
    );
    shown.push(seen(&app, (130, 24), now));
    for text in shown {
        for raw in ["\u{1b}", "\u{7}", "\u{9b}", "\u{202e}", "\u{200b}"] {
            assert!(!text.contains(raw), "{raw:?}: {text:?}");
        }
        assert!(text.contains("\\u{1b}]0;OWNED"), "it is shown: {text}");
        assert!(
            !text.lines().any(|l| l.trim_start().starts_with("1 forged")),
            "{text}"
        );
    }
}
