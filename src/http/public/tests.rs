//! That a picture is a picture whatever names hold, and a face tells what it may.

use std::sync::Arc;

use proptest::prelude::*;
use quick_xml::events::Event;
use standings_model::plan::Plan;
use standings_model::value::Value;
use standings_model::window::Bounds;

use super::picture::{Look, draw};
use super::words::{figure, shortened, title, window};
use crate::as_of::AsOf;
use crate::board::{Row, WindowInfo};
use crate::json;
use crate::params::Params;
use crate::stage::Face;

const DAY: i64 = 86_400_000;

fn plan() -> Plan {
    standings_query::load_shipped().unwrap()
}

fn look(query: &str) -> Look {
    Look::of(&Params::read(Some(query), &["limit", "theme"]).unwrap()).unwrap()
}

/// The face of the first shipped ranking: cities with their totals in cents.
fn face(cities: &[(&str, i128)]) -> Face {
    let row = |(i, (city, cents)): (usize, &(&str, i128))| Row {
        rank: i as u64 + 1,
        key: Arc::from([Value::text(*city)]),
        measures: Arc::from([
            Value::cents(*cents),
            Value::Integer(1),
            Value::cents(*cents),
            Value::cents(*cents),
        ]),
        is_final: false,
        commit: 7,
        at: 0,
        before: None,
        corrected: false,
        corrections: (0, 0),
    };
    let rows: Vec<Row> = cities.iter().enumerate().map(row).collect();
    let info = WindowInfo {
        bounds: Bounds { start: 0, end: DAY },
        is_final: false,
        rows: rows.len(),
        commit: 7,
        truncated: false,
    };
    let as_of = AsOf {
        commit: 7,
        offsets: Arc::from([(0, 99)]),
        watermark: Some(3_600_000),
    };
    let window = Some((info, rows));
    let text = json::face(&plan(), city_ranking(), &as_of, window.as_ref());
    Face {
        as_of,
        window,
        text,
    }
}

fn city_ranking() -> usize {
    let plan = plan();
    let mut all = plan.rankings.iter();
    all.position(|r| r.name == "top_sales_per_city").unwrap()
}

fn drawn(cities: &[(&str, i128)], query: &str) -> String {
    let plan = plan();
    draw(
        &plan,
        &plan.rankings[city_ranking()],
        &face(cities),
        look(query),
    )
}

/// Reads a picture as strictly as a reader of XML does; the texts of its `text` elements.
fn texts(svg: &str) -> Vec<String> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(
        svg.chars().all(allowed),
        "a character that XML does not know: {svg:?}"
    );
    let mut reader = quick_xml::Reader::from_str(svg);
    reader.config_mut().check_comments = true;
    let (mut within, mut texts, mut depth) = (Vec::new(), Vec::new(), 0);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                depth += 1;
                let name = String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
                check(&name, &tag);
                if name == "text" {
                    texts.push(String::new());
                }
                within.push(name);
            }
            Event::Empty(tag) => check(std::str::from_utf8(tag.name().as_ref()).unwrap(), &tag),
            Event::End(_) => {
                depth -= 1;
                within.pop();
            }
            Event::Text(text) => {
                let text = text.decode().unwrap();
                assert!(!text.contains(['<', '>', '"']), "{text}");
                if within.last().is_some_and(|w| w == "text") {
                    texts.last_mut().unwrap().push_str(&text);
                }
            }
            Event::GeneralRef(name) => {
                let c = match &*name.decode().unwrap() {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "#39" => '\'',
                    other => panic!("&{other};"),
                };
                if within.last().is_some_and(|w| w == "text") {
                    texts.last_mut().unwrap().push(c);
                }
            }
            Event::Eof => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(depth, 0);
    texts
}

fn check(name: &str, tag: &quick_xml::events::BytesStart<'_>) {
    assert!(
        ["svg", "title", "desc", "rect", "text", "path"].contains(&name),
        "<{name}>"
    );
    for attribute in tag.attributes() {
        let attribute = attribute.unwrap();
        let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
        let known = [
            "xmlns",
            "width",
            "height",
            "viewBox",
            "role",
            "xml:lang",
            "font-family",
            "x",
            "y",
            "rx",
            "fill",
            "font-size",
            "font-weight",
            "text-anchor",
            "d",
            "stroke",
            "stroke-width",
        ];
        assert!(known.contains(&key.as_str()), "{key}");
    }
}

#[test]
fn a_picture_shows_what_the_board_shows() {
    let svg = drawn(
        &[("Lisbon", 123_456_789), ("Porto", 98_000), ("Faro", -5)],
        "",
    );
    assert_eq!(
        texts(&svg),
        [
            "Top cities",
            "1970-01-01, open",
            "Total sales",
            "1",
            "Lisbon",
            "1,234,567.89",
            "2",
            "Porto",
            "980.00",
            "3",
            "Faro",
            "−0.05",
            "All sales up to 1970-01-01 01:00:00 UTC are counted",
        ]
    );
    assert_eq!(svg.matches("stroke-width=\"2\"").count(), 3, "a bar each");
    assert!(
        svg.contains("h0.0\""),
        "what is below nothing has no length: {svg}"
    );
    let two = drawn(&[("a", 3), ("b", 2), ("c", 1)], "limit=2&theme=dark");
    assert_eq!(texts(&two).len(), 3 + 6 + 1);
    assert!(two.contains("#0d1117") && !svg.contains("#0d1117"));
    let plan = plan();
    let mut ended = face(&[("Lisbon", 1)]);
    ended.as_of.watermark = Some(i64::MAX);
    let ended = draw(&plan, &plan.rankings[city_ranking()], &ended, look(""));
    assert_eq!(texts(&ended).last().unwrap(), "All sales are counted");
    let none = drawn(&[], "");
    assert!(texts(&none).contains(&"Waiting for the first of the sales".to_owned()));
}

#[test]
fn what_is_told_of_a_face_is_the_rows_and_nothing_of_the_input() {
    let told: serde_json::Value = serde_json::from_str(&face(&[("Lisbon", 5)]).text).unwrap();
    assert_eq!(told["rows"][0]["city"], "Lisbon");
    assert_eq!(told["rows"][0]["total_sales"], "0.05");
    assert_eq!(told["ranking"]["windows"].as_array().unwrap().len(), 1);
    let names: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(names, ["ranking", "rows", "watermark"]);
    assert!(!told.to_string().contains("offset"));
}

#[test]
fn names_that_would_be_markup_are_text() {
    for name in [
        "</text><script>alert(1)</script>",
        "<svg onload=alert(1)>",
        "]]><!--",
        "&lt;script&gt;",
        "&#x41;&xxe;",
        "\"' onclick='x",
        "<?xml version=\"1.1\"?>",
        "\u{0}\u{1}\u{8}\u{b}\u{1f}\u{7f}\u{85}",
        "\u{fffe}\u{ffff}\u{2028}",
    ] {
        let svg = drawn(&[(name, 100)], "");
        let shown = &texts(&svg)[4];
        assert_eq!(*shown, shortened(name, 30), "{name:?}");
        assert!(
            !svg.contains("<script") && !svg.contains("<!") && !svg.contains("<?"),
            "{svg}"
        );
    }
    let turned = drawn(&[("\u{202e}00.1 nobsiL\u{2066}", 100)], "");
    assert_eq!(texts(&turned)[4], "\u{fffd}00.1 nobsiL\u{fffd}");
}

#[test]
fn a_long_name_is_cut_and_moves_nothing() {
    for (name, columns, want) in [
        ("Lisbon", 6, "Lisbon"),
        ("Lisbon", 5, "Lisb…"),
        ("東京都東京都", 12, "東京都東京都"),
        ("東京都東京都", 11, "東京都東京…"),
        ("", 3, ""),
    ] {
        assert_eq!(shortened(name, columns), want);
    }
    // Marks that stand on one letter without end.
    let zalgo: String = std::iter::once('a')
        .chain(std::iter::repeat_n('\u{301}', 5_000))
        .collect();
    assert!(shortened(&zalgo, 30).chars().count() <= 121);
    let long = "x".repeat(100_000);
    let svg = drawn(&[(&long, 1)], "");
    assert!(svg.len() < 3_000, "{}", svg.len());
}

#[test]
fn figures_titles_and_windows_as_people_read_them() {
    for (value, want) in [
        (Value::cents(0), "0.00"),
        (Value::cents(-123_456), "−1,234.56"),
        (Value::Integer(999), "999"),
        (Value::Integer(1_000), "1,000"),
        (Value::Integer(-1_234_567), "−1,234,567"),
        (Value::text("1234"), "1234"),
        (Value::Null, "–"),
    ] {
        assert_eq!(figure(Some(&value)), want);
    }
    assert_eq!(figure(None), "–");
    let titles: Vec<String> = plan().rankings.iter().map(title).collect();
    assert!(titles.contains(&"Top cities".to_owned()), "{titles:?}");
    assert!(
        titles.contains(&"Top salesmen per city".to_owned()),
        "{titles:?}"
    );
    let of = |start, end| window(Bounds { start, end });
    assert_eq!(of(0, DAY), "1970-01-01");
    assert_eq!(of(0, 3_600_000), "1970-01-01 00:00 to 01:00 UTC");
    assert_eq!(
        of(3_600_000, 3_600_000 + DAY),
        "1970-01-01 01:00 to 1970-01-02 01:00 UTC"
    );
    assert_eq!(window(Bounds::ALWAYS), "All time");
}

#[test]
fn looks_are_strict() {
    let read = |query| Params::read(Some(query), &["limit", "theme"]).and_then(|p| Look::of(&p));
    for wrong in [
        "limit=0",
        "limit=26",
        "limit=x",
        "theme=blue",
        "key=standings_x",
        "theme=dark&theme=light",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    assert!(read("limit=25&theme=light").is_ok() && read("").is_ok());
}

proptest! {
    #[test]
    fn any_names_make_a_picture(names in prop::collection::vec(any::<String>(), 0..6), cents in any::<i64>()) {
        let cities: Vec<(&str, i128)> = names.iter().map(|n| (n.as_str(), i128::from(cents))).collect();
        let texts = texts(&drawn(&cities, ""));
        for (i, name) in names.iter().enumerate() {
            prop_assert_eq!(&texts[3 + 3 * i + 1], &shortened(name, 30));
        }
    }
}
