//! A public ranking on somebody else's page: in a frame, and as an image.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::browser::Browser;
use super::shop::{Shop, key};

const CITY: &str = "top_sales_per_city";

/// A page of another origin, served for as long as the test runs; its address.
fn elsewhere(body: impl Fn() -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let body = body();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    address
}

#[test]
fn a_ranking_lives_in_a_frame_of_another_page() {
    let (secret, line) = key("own");
    let place = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let own = std::sync::Arc::clone(&place);
    let other = elsewhere(move || {
        let address = own.lock().unwrap().clone();
        format!(
            "<!doctype html><title>Intranet</title><iframe src=\"http://{address}/embed/{CITY}?limit=7\" width=480 height=520></iframe>\
             <img id=picture src=\"http://{address}/rankings/{CITY}.svg\">\
             <img id=other src=\"http://{address}/rankings/top_salesmen.svg\">"
        )
    });
    let origin = format!("http://{other}");
    let shop = Shop::open_with(
        Some(&line),
        &["--http-public", CITY, "--http-frame", &origin],
    );
    place.lock().unwrap().clone_from(&shop.address);

    // By itself: the rows, without a key; a name that would be markup is a name.
    let browser = Browser::start();
    browser.go(&format!("http://{}/embed/{CITY}", shop.address));
    let rows = "document.querySelectorAll('.row')";
    browser.until("six cities", &format!("{rows}.length === 6"));
    let texts = |what: &str| {
        browser
            .run(&format!(
                "return [...document.querySelectorAll('{what}')].map((n) => n.textContent)"
            ))
            .to_string()
    };
    assert_eq!(texts("h1"), "[\"Top cities\"]");
    assert!(
        texts(".row .who b").starts_with("[\"Lisbon\",\"Porto\""),
        "{}",
        texts(".row .who b")
    );
    assert!(texts(".row .score > span").contains("600.00"));
    browser.until("live", "document.body.dataset.state === 'live'");
    let hostile = "<img src=x onerror=document.title=1>";
    shop.sell(hostile, "S099", 70_000);
    browser.until(
        "a new first",
        &format!("{rows}[0].querySelector('b').textContent === '{hostile}'"),
    );
    assert!(browser.holds(
        "document.querySelectorAll('.row img').length === 0 && document.title === 'Top cities'"
    ));
    assert!(browser.holds(&format!(
        "{rows}[1].querySelector('.move').textContent === '▼ 1'"
    )));
    assert!(browser.holds(&format!(
        "{rows}[0].querySelector('.move').textContent === 'new'"
    )));
    let wrong = browser.complaints();
    assert_eq!(
        wrong,
        Vec::<String>::new(),
        "nothing is asked for that needs a key"
    );

    // On the page that the flag names. What is in the frame is of another origin: it is seen by what it asks for.
    browser.go(&format!("http://{other}/"));
    browser.until(
        "the picture",
        "document.getElementById('picture').naturalHeight > 100",
    );
    assert!(
        browser.holds("document.getElementById('other').naturalHeight === 0"),
        "the other ranking is no stranger's"
    );
    assert!(
        !browser
            .run("return document.documentElement.outerHTML")
            .to_string()
            .contains(&secret)
    );
    browser.until(
        "the frame is drawn",
        "performance.getEntriesByType('resource').some((e) => e.initiatorType === 'iframe')",
    );
    browser.inside_frame(
        "six cities and one in the frame",
        &format!("{rows}.length === 7"),
    );

    // On a page that it does not name, the browser refuses the frame.
    let stranger = elsewhere({
        let address = shop.address.clone();
        move || format!("<!doctype html><iframe src=\"http://{address}/embed/{CITY}\"></iframe>")
    });
    browser.complaints();
    browser.go(&format!("http://{stranger}/"));
    let mut said = Vec::new();
    crate::support::until("the frame is refused", super::browser::PATIENCE, || {
        said.extend(browser.complaints());
        said.iter().any(|line| line.contains("frame-ancestors"))
    });
}
