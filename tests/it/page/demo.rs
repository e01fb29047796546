//! `standings demo`: its page, and its summary.

use std::io::{BufRead, BufReader, Read};
use std::process::{ChildStdout, Stdio};

use serde_json::Value;

use super::browser::{Browser, PATIENCE};
use crate::support::{Running, http, standings, until};

/// A running demo.
pub struct Demo {
    pub address: String,
    printed: BufReader<ChildStdout>,
    _child: Running,
}

impl Demo {
    pub fn start() -> Self {
        Demo::with_days_of("3m")
    }

    /// A demo whose days pass in so much time.
    pub fn with_days_of(day: &str) -> Self {
        Demo::of("600", day)
    }

    /// A demo of so many sales a second.
    pub fn of(rate: &str, day: &str) -> Self {
        let mut child = standings(&["demo", "--for", "5m", "--http", "127.0.0.1:0"])
            .args(["--rate", rate, "--day", day])
            .stdout(Stdio::piped())
            .spawn()
            .map(Running)
            .unwrap();
        let mut printed = BufReader::new(child.0.stdout.take().unwrap());
        let mut line = String::new();
        printed.read_line(&mut line).unwrap();
        let url = line.split_whitespace().last().unwrap();
        let address = url
            .strip_prefix("http://")
            .unwrap_or_else(|| panic!("{line}"));
        Demo {
            address: address.trim_end_matches('/').to_owned(),
            printed,
            _child: child,
        }
    }
}

/// The cities in the order in which a person sees them.
const CITIES: &str = "return [...document.querySelectorAll('[data-ranking=top_sales_per_city] .row')]
    .map((row) => [row.querySelector('.rank').textContent, row.querySelector('.name b').textContent])";

#[test]
fn a_person_sees_ranks_move() {
    let demo = Demo::start();
    let browser = Browser::open(&demo.address);
    browser.until(
        "both rankings",
        "document.querySelectorAll('.row').length === 20",
    );
    let cities = || match browser.run(CITIES) {
        Value::Array(rows) => rows,
        other => panic!("{other}"),
    };
    let ranks: Vec<_> = (1..=10).map(|n| n.to_string()).collect();
    let first = cities();
    let shown: Vec<_> = first
        .iter()
        .map(|r| r[0].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(shown, ranks);
    let names = |rows: &[Value]| rows.iter().map(|r| r[1].clone()).collect::<Vec<_>>();
    until(
        "the order of the cities changes",
        super::browser::PATIENCE,
        || {
            let now = cities();
            now.len() == 10 && names(&now) != names(&first)
        },
    );
    browser.until(
        "moves are counted",
        "Number(document.body.dataset.moves) > 0",
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_demo_ends_with_a_summary_that_adds_up() {
    let mut demo = standings(&[
        "demo",
        "--for",
        "4s",
        "--http",
        "127.0.0.1:0",
        "--rate",
        "3000",
        "--day",
        "1s",
    ])
    .stdout(Stdio::piped())
    .spawn()
    .map(Running)
    .unwrap();
    let mut text = String::new();
    demo.0
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(demo.0.wait().unwrap().success(), "{text}");
    let number = |label: &str| -> u64 {
        let line = text
            .lines()
            .find(|l| l.starts_with(label))
            .unwrap_or_else(|| panic!("{label}: {text}"));
        line[label.len()..]
            .split_whitespace()
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    let read = number("Sales read");
    assert!(
        read > 5000 && number("Sales made") == read && number("Changes written") > 100,
        "{text}"
    );
    let sum = text
        .lines()
        .find(|l| l.starts_with("  = ") && l.contains(" + ") && l.contains(char::is_numeric))
        .unwrap();
    let parts: Vec<u64> = sum[4..]
        .split(" + ")
        .map(|n| n.trim().parse().unwrap())
        .collect();
    assert_eq!(parts.iter().sum::<u64>(), read, "{text}");
    assert!(
        parts[..3].iter().all(|n| *n > 0),
        "some of everything but duplicates and filtered: {text}"
    );
    // Its days pass faster than this machine's clock goes: that makes no dead letters.
    assert!(parts[2] * 20 < read, "{parts:?}: {text}");
    assert!(text.contains("p99"), "{text}");
}

/// What the demo printed behind its first line, up to the line that starts with `until`.
fn printed(demo: &mut Demo, until: &str) -> String {
    let mut all = String::new();
    while !all.lines().any(|line| line.starts_with(until)) {
        assert_ne!(demo.printed.read_line(&mut all).unwrap(), 0, "{all}");
    }
    all
}

/// What stands in the panels of operations of what feeds the topics.
const FEEDS: &str =
    "[...document.querySelectorAll('#flow-picture .feed')].map((f) => f.textContent).join('|')";

#[test]
fn what_is_dropped_and_posted_is_ranked_and_its_sources_are_seen() {
    let mut demo = Demo::start();
    let said = printed(&mut demo, "A webhook:");
    let word = |line: &str, n: usize| {
        let line = said.lines().find(|l| l.starts_with(line)).unwrap();
        line.split_whitespace().nth(n).unwrap().to_owned()
    };
    let (sale, inbox) = (word("A folder:", 3), word("A folder:", 4));
    until("there is a sale of now", PATIENCE, || {
        std::path::Path::new(&sale).exists()
    });
    std::fs::copy(&sale, format!("{inbox}/one.json")).unwrap();
    let url = word("A webhook:", 5);
    let to = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let body = std::fs::read_to_string(&sale).unwrap();
    // Another sale than the one that was dropped.
    let body = body.replace("mine-", "posted-");
    let path = format!("/{}", to.1);
    // 503 while the source has not begun: who sends comes again.
    until("what is posted is taken", PATIENCE, || {
        http::request("POST", to.0, &path, &body).unwrap().0 == 200
    });
    let browser = Browser::open(&demo.address);
    browser.until(
        "both sales are ranked",
        "[...document.querySelectorAll('[data-ranking=top_sales_per_city] .row')].some((r) => \
         r.textContent.includes('Utopia') && r.textContent.includes('500,000'))",
    );
    browser.run("document.getElementById('operations').open = true");
    browser.until("both sources", &format!("{FEEDS}.split('|').length === 2"));
    browser.until(
        "their records",
        &format!("/inboxstreaming · 1 · \\d.*\\|.*tillstreaming · 1 · \\d/.test({FEEDS})"),
    );
    let said = "document.getElementById('flow-text').textContent";
    assert!(browser.holds(&format!("{said}.includes('Sources: inbox streaming · 1')")));
    // One that cannot go on comes first, and says why.
    let gone = std::path::Path::new(&inbox).with_file_name("gone");
    std::fs::rename(&inbox, &gone).unwrap();
    browser.until(
        "it is broken, and says why",
        "document.getElementById('feeds').textContent.includes('inbox broken: cannot read the folder')",
    );
    browser.until(
        "in the picture, too",
        &format!("{FEEDS}.startsWith('inbox: ')"),
    );
    assert!(
        browser.holds("document.querySelectorAll('#flow-picture .feed .unit.bad').length === 1")
    );
    std::fs::rename(&gone, &inbox).unwrap();
    browser.until("it goes on", "document.getElementById('feeds').hidden");
}
