//! The demo's live page in a real headless browser, driven over WebDriver: a rank moves before its eyes.

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use support::{Running, free_port, http, standings, until};

struct Browser {
    address: String,
    session: String,
    _driver: Running,
}

impl Browser {
    fn open(url: &str) -> Self {
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: run `deploy/test`, which installs it");
        let mut browser = Browser {
            address: format!("127.0.0.1:{port}"),
            session: String::new(),
            _driver: Running(driver),
        };
        until("chromedriver answers", Duration::from_secs(30), || {
            http::request("GET", &browser.address, "/status", "").is_ok()
        });
        // Tests may run as root and in a container: no sandbox, no GPU, no shared memory.
        let mut args = vec![
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1400,1000",
        ];
        if std::env::var_os("STANDINGS_TEST_PICTURE").is_some() {
            // A picture shows rows in their places, not on their way.
            args.push("--force-prefers-reduced-motion");
        }
        let wanted =
            json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": args}}}});
        let made = browser.call("/session", &wanted);
        browser.session = made["sessionId"].as_str().unwrap().to_owned();
        browser.call(
            &format!("/session/{}/url", browser.session),
            &json!({"url": url}),
        );
        browser
    }

    fn call(&self, path: &str, body: &Value) -> Value {
        let (status, text) = http::request("POST", &self.address, path, &body.to_string()).unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str::<Value>(&text).unwrap()["value"].clone()
    }

    fn run(&self, script: &str) -> Value {
        let path = format!("/session/{}/execute/sync", self.session);
        self.call(&path, &json!({"script": script, "args": []}))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let path = format!("/session/{}", self.session);
        let _ = http::request("DELETE", &self.address, &path, "");
    }
}

/// The cities in the order in which a person sees them.
const CITIES: &str = "return [...document.querySelectorAll('[data-ranking=top_sales_per_city] .row')]
    .map((row) => [row.querySelector('.rank').textContent, row.querySelector('.who b').textContent])";

#[test]
fn a_person_sees_ranks_move() {
    let mut demo = standings(&[
        "demo",
        "--for",
        "60s",
        "--http",
        "127.0.0.1:0",
        "--rate",
        "2000",
    ])
    .stdout(Stdio::piped())
    .spawn()
    .map(Running)
    .unwrap();
    let mut printed = BufReader::new(demo.0.stdout.take().unwrap());
    let mut line = String::new();
    printed.read_line(&mut line).unwrap();
    let url = line.split_whitespace().last().unwrap().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{line}");

    let browser = Browser::open(&url);
    let wait = Duration::from_secs(30);
    until("ten cities are shown", wait, || {
        browser
            .run(CITIES)
            .as_array()
            .is_some_and(|rows| rows.len() == 10)
    });
    let ranks: Vec<_> = (1..=10).map(|n| n.to_string()).collect();
    let shown = browser.run(CITIES);
    let shown: Vec<_> = shown
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r[0].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(shown, ranks);
    let both =
        browser.run("return document.querySelectorAll('[data-ranking=top_salesmen] .row').length");
    assert_eq!(both, 10);

    let first = browser.run(CITIES);
    until("the order of the cities changes", wait, || {
        let now = browser.run(CITIES);
        let names = |rows: &Value| {
            rows.as_array()
                .unwrap()
                .iter()
                .map(|r| r[1].clone())
                .collect::<Vec<_>>()
        };
        names(&now).len() == 10 && names(&now) != names(&first)
    });
    until("the page counts moves and says it is live", wait, || {
        let moves = browser.run("return Number(document.body.dataset.moves)");
        moves.as_u64() > Some(0) && browser.run("return document.body.dataset.state") == "live"
    });
    let errors = browser.run("return performance.getEntriesByType('resource').filter((r) => r.responseStatus >= 400).length");
    assert_eq!(errors, 0);
    // A picture for the eye of whoever keeps the page: STANDINGS_TEST_PICTURE=page.png.
    if let Ok(path) = std::env::var("STANDINGS_TEST_PICTURE") {
        std::thread::sleep(Duration::from_secs(8));
        let path_of = format!("/session/{}/screenshot", browser.session);
        let (_, text) = http::request("GET", &browser.address, &path_of, "").unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        use base64::Engine;
        let png = base64::engine::general_purpose::STANDARD
            .decode(value["value"].as_str().unwrap())
            .unwrap();
        std::fs::write(path, png).unwrap();
    }
    drop(browser);
    demo.0.kill().unwrap();
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
        "5s",
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
        parts.iter().all(|n| *n > 0 || parts[3] == *n),
        "some of everything but filtered: {text}"
    );
    assert!(text.contains("p99"), "{text}");
}
