//! How the page looks: no violation that axe finds, on any device; its weight; its pictures for the documentation.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::browser::{Browser, Look};
use super::demo::Demo;
use crate::support::until;

const LOOKS: [Look; 5] = [
    Look {
        name: "live-page",
        size: (1400, 1120),
        dark: false,
        query: "",
    },
    Look {
        name: "live-page-dark",
        size: (1400, 1040),
        dark: true,
        query: "",
    },
    Look {
        name: "live-page-phone",
        size: (390, 844),
        dark: false,
        query: "",
    },
    Look {
        name: "live-page-wall",
        size: (1600, 900),
        dark: true,
        query: "?wall",
    },
    // A television of 4K: as the one before, and no picture.
    Look {
        name: "",
        size: (3840, 2160),
        dark: false,
        query: "?wall",
    },
];

/// Where axe is: fetched by `deploy/axe`, once.
fn axe() -> String {
    let made = Command::new("deploy/axe").output().unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let path = PathBuf::from(String::from_utf8(made.stdout).unwrap().trim());
    std::fs::read_to_string(path).unwrap()
}

/// Runs axe on what is seen now. Its complaints, in words.
fn violations(browser: &Browser, axe: &str) -> Vec<String> {
    browser.run(axe);
    // Its own frames would be messages between windows; there are none.
    let found = browser.run_async(
        "const done = arguments[0];
         axe.run(document, { iframes: false }).then((r) => done(r.violations.map((v) =>
           `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 160) + ' ' + n.any.map((a) => a.message).join('; ')).join(' | ')}`)),
           (e) => done(['axe failed: ' + e]))",
    );
    found
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn nothing_stands_in_anybodys_way() {
    let pictures = std::env::var_os("STANDINGS_TEST_PICTURE").map(PathBuf::from);
    let demo = match &pictures {
        // Pictures show a busy afternoon after some days that are over.
        Some(_) => {
            let demo = Demo::with_days_of("50s");
            std::thread::sleep(std::time::Duration::from_secs(172));
            demo
        }
        None => Demo::start(),
    };
    let browser = Browser::start();
    let axe = axe();
    let mut all = Vec::new();
    for (i, look) in LOOKS.into_iter().enumerate() {
        browser.look(look);
        browser.go(&format!("http://{}/{}", demo.address, look.query));
        browser.until(
            "both rankings",
            "document.querySelectorAll('.row').length === 20",
        );
        browser.until(
            "health",
            "document.querySelector('#health b').textContent !== '–'",
        );
        if pictures.is_some() && !look.name.is_empty() {
            // Lines, and a few moves to show.
            std::thread::sleep(std::time::Duration::from_secs(if i == 0 { 6 } else { 4 }));
        }
        keep(&browser, &pictures, look.name);
        if i == 0 {
            weigh(&browser);
        }
        let mut found = violations(&browser, &axe);
        assert!(
            browser.holds("document.documentElement.scrollWidth <= innerWidth"),
            "{}: something is wider than the screen",
            look.name
        );
        assert!(
            look.query.is_empty()
                || browser.holds("document.documentElement.scrollHeight <= innerHeight"),
            "a wall screen is not scrolled"
        );
        if look.query.is_empty() {
            browser.run("document.querySelector('[data-ranking=top_salesmen] .row:nth-child(3) button').click()");
            browser.until(
                "why",
                "document.querySelectorAll('#panel .ladder li').length > 3",
            );
            keep(
                &browser,
                &pictures.clone().filter(|_| look.dark),
                "live-page-why",
            );
            found.extend(violations(&browser, &axe));
            browser.press(&["Escape"]);
            browser.run("document.querySelector('.badge').click()");
            browser.until(
                "what holds the window",
                "document.querySelectorAll('#panel tbody tr').length > 0",
            );
            found.extend(violations(&browser, &axe));
            browser.press(&["Escape"]);
            operations(&browser);
            found.extend(violations(&browser, &axe));
            browser.run("document.querySelector('#operations > summary').click()");
        }
        if look.name == "live-page-phone" {
            tabs(&browser);
        }
        all.extend(found.into_iter().map(|v| format!("{}: {v}", look.name)));
    }
    assert!(
        all.is_empty(),
        "axe finds {}:\n{}",
        all.len(),
        all.join("\n")
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Who looks at ranks reads one sentence and a rate; latency, lag, late and the stages are a click away.
fn operations(browser: &Browser) {
    let seen = "['operations-health', 'flow-picture'].filter((id) => document.getElementById(id).checkVisibility()).length";
    assert_eq!(browser.run(&format!("return {seen}")), 0);
    let foot = browser.run(
        "return [...document.querySelectorAll('#health li:not([hidden]) [data-about]')].map((b) => b.dataset.about)",
    );
    // What is wrong joins them: the demo writes a record now and then that is none.
    let foot: Vec<&str> = foot
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        foot == ["watermark", "rate"] || foot == ["watermark", "rate", "dead"],
        "{foot:?}"
    );
    browser.run("document.querySelector('#operations > summary').click()");
    browser.until("what is for operators", &format!("{seen} === 2"));
    browser.until(
        "what feeds it",
        "document.querySelectorAll('#flow-picture .feed').length === 2",
    );
    assert!(
        browser.holds("document.documentElement.scrollWidth <= innerWidth"),
        "the stages are wider than the screen"
    );
}

/// On a phone the boards' names lead from one to the other.
fn tabs(browser: &Browser) {
    let here = "document.querySelector('#tabs [aria-current]').textContent";
    let named = browser
        .run("return [...document.querySelectorAll('#tabs button')].map((b) => b.textContent)");
    assert_eq!(browser.run(&format!("return {here}")), named[0]);
    for at in [1, 0] {
        browser.run(&format!(
            "document.querySelectorAll('#tabs button')[{at}].click()"
        ));
        browser.until("the other board", &format!("{here} === {}", named[at]));
    }
}

fn keep(browser: &Browser, folder: &Option<PathBuf>, name: &str) {
    if let Some(folder) = folder.as_ref().filter(|_| !name.is_empty()) {
        let path = Path::new(folder).join(format!("{name}.png"));
        browser.picture(&path);
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size < 400_000, "{}: {size} bytes", path.display());
    }
}

/// All that crosses the wire before the first rank is seen, and how long that takes.
fn weigh(browser: &Browser) {
    let mut figures = Value::Null;
    until("the page is weighed", super::browser::PATIENCE, || {
        figures = browser.run(
            "const files = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
               .filter((e) => !e.name.includes('/api/'));
             return [files.length, files.reduce((sum, e) => sum + e.transferSize, 0), Number(document.body.dataset.first),
               performance.getEntriesByType('resource').filter((e) => e.responseStatus >= 400).length]",
        );
        figures[2].as_f64().is_some()
    });
    let (files, bytes, first) = (
        &figures[0],
        figures[1].as_u64().unwrap(),
        figures[2].as_u64().unwrap(),
    );
    eprintln!("page: {files} files, {bytes} bytes over the wire, first rank after {first} ms");
    assert!(bytes <= 150 * 1024, "{bytes} bytes over the wire");
    assert!(first < 5_000, "first rank after {first} ms");
    assert_eq!(figures[3], 0, "an answer was an error");
}
