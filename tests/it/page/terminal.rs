//! `standings top --once`: what the page shows, as a plain table.

use super::browser::PATIENCE;
use super::shop::{self, Shop};
use crate::support::{standings, until};

fn top(args: &[&str]) -> (i32, String, String) {
    let made = standings(&["top"]).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        made.status.code().unwrap(),
        text(made.stdout),
        text(made.stderr),
    )
}

#[test]
fn once_prints_what_the_server_has() {
    let (key, line) = shop::key("wall");
    let shop = Shop::open_with_keys(&line);
    let url = format!("http://{}", shop.address);
    let (code, _, said) = top(&[&url, "--once"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("--key-file"), "{said}");

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, format!("{key}\n")).unwrap();
    let with_key = |more: &[&str]| {
        let file = file.to_str().unwrap();
        top(&[&[url.as_str(), "--once", "--key-file", file], more].concat())
    };
    let cities = || {
        let (code, text, said) = with_key(&["--ranking", "top_sales_per_city"]);
        assert_eq!(code, 0, "{said}");
        text
    };
    // The server answers before it has read the first sale.
    until("all cities are ranked", PATIENCE, || {
        cities().contains("Aveiro")
    });
    let text = cities();
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("top_sales_per_city  2026-01-23  provisional")
    );
    let rows: Vec<Vec<&str>> = lines.map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..3], ["rank", "city", "total_sales"]);
    assert_eq!(rows[1][..3], ["1", "Lisbon", "600.00"]);
    assert_eq!(rows[5][..3], ["5", "Évora", "200.00"]);
    assert!(
        text.contains("sales/s") && text.contains("watermark"),
        "{text}"
    );

    let (code, _, said) = with_key(&["--ranking", "nothing"]);
    assert!(code == 2 && said.contains("top_salesmen"), "{said}");
    let (code, _, said) = top(&[&url]);
    assert!(code == 2 && said.contains("--once"), "no terminal: {said}");
}

#[test]
fn a_server_that_is_not_there_is_said() {
    let nobody = format!("127.0.0.1:{}", crate::support::free_port());
    let (code, _, said) = top(&[&nobody, "--once"]);
    assert!(code == 1 && said.contains(&nobody), "{said}");
}
