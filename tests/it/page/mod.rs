//! The live page in a real headless browser, driven over WebDriver, over the real Kafka.
//!
//! `STANDINGS_TEST_PICTURE=docs` keeps its pictures there.

mod browser;
mod demo;
mod frame;
mod look;
mod motion;
mod pace;
mod shop;
mod terminal;

use serde_json::Value;

use browser::Browser;
use shop::{Shop, row};

fn text(browser: &Browser, expression: &str) -> String {
    match browser.run(&format!("return {expression}")) {
        Value::String(text) => text,
        other => panic!("{expression}: {other}"),
    }
}

#[test]
fn a_sale_moves_a_rank_before_a_persons_eyes() {
    let shop = Shop::open();
    let browser = shop.browser();
    let aveiro = row("Aveiro");
    assert_eq!(
        text(
            &browser,
            &format!("{aveiro}.querySelector('.rank').textContent")
        ),
        "6"
    );
    shop.sell("Aveiro", "S010", 45_000);
    browser.until(
        "Aveiro is second",
        &format!("{aveiro}.dataset.rank === '2'"),
    );
    assert_eq!(
        text(
            &browser,
            &format!("{aveiro}.querySelector('.score > span').textContent")
        ),
        "550.00"
    );
    assert_eq!(
        text(
            &browser,
            &format!("{aveiro}.querySelector('.move').textContent")
        ),
        "up 4▲ 4"
    );
    assert_eq!(
        text(
            &browser,
            &format!("{}.querySelector('.move').textContent", row("Porto"))
        ),
        "down 1▼ 1"
    );
    // Seen, too: it moved, it did not jump. Its animation has begun, and ends in its place.
    browser.until(
        "the move is over",
        &format!("{aveiro}.getAnimations().length === 0"),
    );
    let places = browser.run(&format!(
        "return [...{}].map((row) => row.getBoundingClientRect().top)",
        shop::CITY_ROWS
    ));
    let places: Vec<_> = places
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");

    // It is told in a sentence, by names, and how far it is to the leader.
    assert_eq!(
        text(
            &browser,
            "[...document.querySelectorAll('#news-list button')].find((b) => b.textContent.startsWith('Aveiro')).textContent"
        ),
        "Aveiro rose to 2, past Porto"
    );
    assert_eq!(
        text(
            &browser,
            &format!("{aveiro}.querySelector('.gap').textContent")
        ),
        "−50.00"
    );

    // A city that was not there.
    shop.sell("Sintra", "S900", 1_000);
    let sintra = row("Sintra");
    browser.until("Sintra is there", &sintra);
    assert_eq!(
        text(
            &browser,
            &format!("{sintra}.querySelector('.move').textContent")
        ),
        "newnew"
    );
    let total = "document.querySelector('.total').textContent";
    browser.until("the sum of all", &format!("{total} === '2,560.00'"));
    let title = "document.getElementById('share-title').textContent";
    browser.until(
        "which is of all sales, and says so",
        &format!("{title} === 'total sales of all sales (14)'"),
    );
    shop.sell("Aveiro", "S010", 20_000);
    browser.until(
        "who took the lead, from whom, by how much",
        "[...document.querySelectorAll('#news-list button')].some((b) => b.textContent === 'Aveiro took the lead from Lisbon, by 150.00')",
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_lost_server_is_seen_and_survived() {
    let mut shop = Shop::open();
    let browser = shop.browser();
    let line = "document.getElementById('line-text').textContent";
    browser.until("it is live", "document.body.dataset.state === 'live'");
    shop.stop();
    browser.until("the loss is seen", "document.body.dataset.state === 'lost'");
    let said = text(&browser, line);
    assert!(said.starts_with("Connection lost. Shown as of "), "{said}");
    browser.until(
        "how old it is, and that it tries",
        "/^\\d+ s old, (next try in \\d+ s|trying)$/.test(document.getElementById('line-age').textContent)",
    );
    assert!(
        browser.holds(&format!("{}.length === 6", shop::CITY_ROWS)),
        "what was known stays"
    );
    browser.run("document.querySelector('[data-ranking=top_sales_per_city] .row button').click()");
    browser.until(
        "why cannot be asked, and the panel says so",
        "/cannot be asked now/.test(document.getElementById('panel-body').textContent)",
    );
    browser.press(&["Escape"]);
    shop.start();
    browser.until(
        "it goes on by itself",
        "document.body.dataset.state === 'live' && document.getElementById('line-text').textContent === 'Live'",
    );
    shop.sell("Aveiro", "S010", 90_000);
    browser.until(
        "ranks move again",
        &format!("{}.dataset.rank === '1'", row("Aveiro")),
    );
}

#[test]
fn everything_is_reached_by_keyboard_alone() {
    let shop = Shop::open();
    let browser = shop.browser();
    let panel = "document.getElementById('panel')";

    // Search, choose, read why, close.
    browser.press(&["/"]);
    assert!(browser.holds("document.activeElement.id === 'q'"));
    browser.press(&["e", "r", "s", "o", "n", " ", "s", "0", "0", "3"]);
    browser.until(
        "the one is found",
        "document.querySelectorAll('#found [role=option]').length === 1
           && document.querySelector('#found [aria-selected=true] b')?.textContent === 'Person S003'",
    );
    browser.press(&["Enter"]);
    browser.until("why is open", &format!("{panel}.open"));
    let title = "document.getElementById('panel-title').textContent";
    browser.until("who it is about", &format!("{title} === 'Person S003'"));
    browser.until(
        "the neighbours and the distances",
        "document.querySelectorAll('.ladder li').length === 5",
    );
    assert_eq!(
        text(
            &browser,
            "document.querySelector('.ladder .self .score').textContent"
        ),
        "250.00"
    );
    browser.until(
        "the history",
        "document.querySelectorAll('#panel .chart g').length === 1",
    );
    browser.until(
        "the address names it",
        "location.hash === '#top_salesmen/newest/S003'",
    );
    assert!(
        browser.holds("document.activeElement.closest('#panel')"),
        "the focus is inside"
    );
    browser.press(&["Escape"]);
    browser.until("it is closed", &format!("!{panel}.open"));
    assert!(
        browser.holds("document.activeElement.id === 'q'"),
        "back where it was"
    );
    browser.until("the address too", "location.hash === ''");

    // A row is a button; arrows go from row to row.
    browser.run("document.querySelector('[data-ranking=top_sales_per_city] .row button').focus()");
    browser.press(&["Down", "Down", "Enter"]);
    browser.until(
        "the third city",
        &format!("{panel}.open && {title} === 'Faro'"),
    );
    browser.press(&["Escape"]);
    browser.until("closed again", &format!("!{panel}.open"));

    // Every number of the health strip says what it means, and a window why it is open.
    browser.run("document.querySelector('#health button[data-about=watermark]').focus()");
    browser.press(&["Enter"]);
    browser.until(
        "the partitions",
        &format!("{panel}.open && {panel}.querySelectorAll('tbody tr').length === 1"),
    );
    assert_eq!(text(&browser, title), "Watermark");
    browser.press(&["Escape"]);
    browser.until("closed once more", &format!("!{panel}.open"));

    // A link leads a colleague to the same place.
    browser.go(&format!(
        "http://{}/#top_sales_per_city/2026-01-23T00%3A00%3A00Z/Braga",
        shop.address
    ));
    browser.until("Braga", &format!("{panel}.open && {title} === 'Braga'"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_key_is_asked_for_and_kept_in_the_tab() {
    let (key, line) = shop::key("wall");
    let shop = Shop::open_with_keys(&line);
    let browser = Browser::open(&shop.address);
    browser.until("it asks", "document.getElementById('key-ask').open");
    assert!(browser.holds("document.activeElement.id === 'key'"));
    browser.press(&["x", "Enter"]);
    browser.until(
        "a wrong key is refused in words",
        "document.getElementById('key-ask').open && /does not take this key/.test(document.getElementById('key-why').textContent)",
    );
    let typed: Vec<_> = key.chars().map(String::from).collect();
    let mut keys: Vec<&str> = typed.iter().map(String::as_str).collect();
    keys.push("Enter");
    browser.press(&keys);
    let shown = format!("{}.length === 6", shop::CITY_ROWS);
    browser.until("the rankings are shown", &shown);
    assert!(browser.holds("!document.getElementById('key-ask').open"));
    assert!(!browser.holds(&format!("location.href.includes('{key}')")));
    browser.run("location.reload()");
    browser.until("it is not asked again", &shown);
}

#[test]
fn why_records_were_refused_is_told_by_reason_and_by_the_last() {
    let shop = Shop::open();
    let browser = shop.browser();
    shop.send("{\"event_time\":\"2026-01-23T10:15:00Z\",\"city\":\"<b>Faro</b>\",\"salesman_id\":\"S1\",\"amount\":\"x<i>y\"}");
    shop.send("no json");
    browser.until(
        "both are counted",
        "document.querySelector('[data-about=dead] b').textContent === '2'",
    );
    browser.run("document.querySelector('[data-about=dead]').click()");
    let body = "document.getElementById('panel-body').textContent";
    for part in ["Malformed", "Bad amount", "offset 12", "offset 13"] {
        browser.until(part, &format!("{body}.includes('{part}')"));
    }
    assert!(
        browser.holds("document.querySelectorAll('#panel-body i').length === 0"),
        "what was found is text"
    );
    let told = crate::support::calls::get(&shop.address, "/api/v1/dead-letters").json();
    assert_eq!(told["reasons"].as_array().unwrap().len(), 2, "{told}");
    assert_eq!(told["last"][0]["reason"], "malformed");
    assert_eq!(told["last"][0]["table"], "sales");
    assert_eq!(told["others"], 0);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
