//! Where we stand with the shapes that the public suites of seven engines try: each is run by the binary and asked of Postgres over the same
//! rows. What they come to is a table, `docs/suites.md`, which this renews with `STANDINGS_UPDATE_DOCS=1`.

mod shapes;

use std::collections::BTreeMap;
use std::fmt::Write;

use self::shapes::{SHAPES, Shape, shape};
use crate::query_oracle::{Made, asked, run};
use crate::support::Dice;
use crate::support::kafka::block;
use crate::support::postgres::{connect, database};

const OURS: &str = "
CREATE TABLE bids (id INT, auction BIGINT, k STRING, g STRING, price DECIMAL(10, 2), qty INT, at TIMESTAMP_LTZ(3),
  WATERMARK FOR at AS at - INTERVAL '2' DAY);
CREATE TABLE items (seller STRING, qty INT, tags ARRAY<STRING>, at TIMESTAMP_LTZ(3), WATERMARK FOR at AS at - INTERVAL '2' DAY);
";

const THEIRS: &str = "
CREATE TABLE bids (id int, auction bigint, k text COLLATE \"C\", g text COLLATE \"C\", price numeric(10, 2), qty int, at timestamp);
CREATE TABLE items (seller text COLLATE \"C\", qty int, tags text[] COLLATE \"C\", at timestamp);
";

/// Lines of both tables, and the statements of Postgres.
fn rows() -> (String, String, String) {
    let mut dice = Dice::new(5);
    let (mut bids, mut items, mut theirs) = (String::new(), String::new(), THEIRS.to_owned());
    let mut one = |all: &[&str]| {
        let word = all[dice.roll(all.len() as u64) as usize];
        let json = if word == "NULL" {
            "null".to_owned()
        } else {
            format!("{word:?}")
        };
        let sql = if word == "NULL" {
            "NULL".to_owned()
        } else {
            format!("'{word}'")
        };
        (json, sql)
    };
    for n in 0..140 {
        let (k, g) = (
            one(&["ann", "bob", "cid", "dan", "NULL"]),
            one(&["x", "y", "NULL"]),
        );
        let price = one(&["1.50", "19.99", "20.00", "7.25", "31.10", "NULL"]);
        let (qty, auction) = (one(&["1", "2", "3", "5", "NULL"]), one(&["7", "8", "9"]));
        let minute = one(&["03", "17", "29", "41", "58"]).0.replace('"', "");
        let hour = one(&["00", "01", "02", "03", "04", "05"])
            .0
            .replace('"', "");
        let bare = |value: &str| value.replace(['"', '\''], "");
        let at = format!("2026-03-02 {hour}:{minute}:{:02}", n % 60);
        // Writing to a String cannot fail.
        let _ = writeln!(
            bids,
            r#"{{"id":{n},"auction":{},"k":{},"g":{},"price":{},"qty":{},"at":"{}Z"}}"#,
            bare(&auction.0),
            k.0,
            g.0,
            price.0,
            bare(&qty.0),
            at.replace(' ', "T")
        );
        let _ = writeln!(
            theirs,
            "INSERT INTO bids VALUES ({n}, {}, {}, {}, {}, {}, '{at}');",
            bare(&auction.1),
            k.1,
            g.1,
            bare(&price.1),
            bare(&qty.1)
        );
        if n % 4 == 0 {
            let seller = one(&["bob", "eve", "NULL"]);
            let _ = writeln!(
                items,
                r#"{{"seller":{},"qty":{},"tags":[{},{}],"at":"{}Z"}}"#,
                seller.0,
                bare(&qty.0),
                k.0,
                g.0,
                at.replace(' ', "T")
            );
            let _ = writeln!(
                theirs,
                "INSERT INTO items VALUES ({}, {}, ARRAY[{}, {}]::text[], '{at}');",
                seller.1,
                bare(&qty.1),
                k.1,
                g.1
            );
        }
    }
    (bids, items, theirs)
}

/// `1 hour` as an interval of Flink.
fn interval(number: &str, unit: &str) -> String {
    format!("INTERVAL '{number}' {}", unit.to_uppercase())
}

/// The windows of `bids`, in a text for one of both.
fn windows(text: &str, is_ours: bool) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (named, behind) = after.split_once('}').unwrap();
        let words: Vec<&str> = named.split(' ').collect();
        let kind = words[0].to_uppercase();
        let lengths: Vec<(&str, &str)> = words[1..].chunks(2).map(|w| (w[0], w[1])).collect();
        let window = match is_ours {
            true => {
                let lengths: Vec<String> =
                    lengths.iter().map(|(n, unit)| interval(n, unit)).collect();
                format!(
                    "TABLE({kind}(TABLE bids, DESCRIPTOR(at), {}))",
                    lengths.join(", ")
                )
            }
            false => {
                let length = |n: usize| format!("{} {}", lengths[n].0, lengths[n].1);
                let number = |n: usize| lengths[n].0.parse::<u32>().unwrap();
                let (start, end, times) = match kind.as_str() {
                    "TUMBLE" => ("s".to_owned(), format!("s + interval '{}'", length(0)), 1),
                    "HOP" => {
                        let start = format!("s - (i - 1) * interval '{}'", length(0));
                        (
                            start.clone(),
                            format!("{start} + interval '{}'", length(1)),
                            number(1) / number(0),
                        )
                    }
                    _ => (
                        "s".to_owned(),
                        format!("s + i * interval '{}'", length(0)),
                        number(1) / number(0),
                    ),
                };
                let bin = if kind == "CUMULATE" {
                    length(1)
                } else {
                    length(0)
                };
                format!(
                    "(SELECT * FROM (SELECT b.*, {start} AS window_start, {end} AS window_end \
                     FROM (SELECT *, date_bin('{bin}', at, timestamp '1970-01-01') AS s FROM bids) AS b, generate_series(1, {times}) AS i) AS v \
                     WHERE at < window_end) AS w"
                )
            }
        };
        let _ = write!(out, "{before}{window}");
        rest = behind;
    }
    out + rest
}

fn made(shape: &Shape) -> Made {
    let theirs = if shape.theirs.is_empty() {
        shape.ours
    } else {
        shape.theirs
    };
    let words: Vec<&str> = shape.columns.split(' ').collect();
    let columns = words.iter().filter(|w| !["w", "rn"].contains(*w));
    Made {
        ours: windows(shape.ours, true),
        theirs: windows(theirs, false),
        columns: columns.map(|w| (*w).to_owned()).collect(),
        windowed: words.contains(&"w"),
        rank: words.contains(&"rn").then(|| "rn".to_owned()),
    }
}

/// The shapes of `more.sql`.
fn more() -> Vec<Shape> {
    let text = include_str!("more.sql");
    let blocks = text.split("\n-- ").skip(1);
    let mut all: Vec<Shape> = Vec::new();
    for block in blocks {
        let (head, sql) = block.split_once('\n').unwrap();
        let sql = sql.trim().strip_suffix(';').unwrap_or_default();
        if head == "Postgres:" {
            all.last_mut().unwrap().theirs = sql;
        } else if let Some((suite, rest)) = head.split_once(": ") {
            let (what, columns) = rest.rsplit_once(" | ").unwrap();
            all.push(shape(suite, what, columns, sql, ""));
        }
    }
    assert!(all.len() > 150, "{} were read", all.len());
    all
}

/// Why a query is refused, in a line; none of one that is taken.
fn refused(made: &Made) -> Option<String> {
    let text = format!("{OURS}INSERT INTO q0 {};", made.ours);
    let errors = standings_query::load_texts(&[("q", &text)]).err()?;
    let shown = errors.render();
    let line = shown.lines().find(|l| l.contains('×'))?;
    Some(line.trim_start_matches([' ', '×']).trim().to_owned())
}

#[test]
fn the_table_of_suites_is_what_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let (bids, items, set_up) = rows();
    let mut by_suite: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let (mut refusals, mut taken) = (String::new(), Vec::new());
    let all: Vec<Shape> = more();
    for shape in SHAPES.iter().chain(&all) {
        let made = made(shape);
        let counts = by_suite.entry(shape.suite).or_default();
        match refused(&made) {
            Some(why) => {
                counts[2] += 1;
                let _ = writeln!(
                    refusals,
                    "| {} | {} | {} |",
                    shape.suite,
                    shape.what,
                    why.replace('|', "\\|")
                );
            }
            None => taken.push((shape, made)),
        }
    }
    let all: Vec<Made> = taken.iter().map(|(_, made)| made.clone()).collect();
    let files = [("bids", bids.as_str()), ("items", items.as_str())];
    let found = run(folder.path(), OURS, &files, &all, "suites");
    let url = database();
    let mut wrong = String::new();
    block(async {
        let client = connect(&url).await;
        client.batch_execute(&set_up).await.unwrap();
        for ((shape, made), ours) in taken.iter().zip(found) {
            let theirs = asked(&client, made, shape.what).await;
            let counts = by_suite.get_mut(shape.suite).unwrap();
            let is_right = ours == theirs;
            counts[usize::from(!is_right)] += 1;
            if !is_right {
                let _ = writeln!(
                    wrong,
                    "{}: {}\n  {}\n  ours {ours:?}\n  theirs {theirs:?}",
                    shape.suite, shape.what, made.ours
                );
            }
            assert!(!theirs.is_empty(), "{} has no rows", shape.what);
        }
    });
    assert!(wrong.is_empty(), "{wrong}");
    let mut page = String::from(
        "# The shapes that public suites try\n\n\
         Shapes of rankings that the public tests of seven engines try, as their users write them: a selection, in our own words and over our own\n\
         rows (no text of theirs is here). Each is run by `standings`, and asked of Postgres over the same rows. Made by\n\
         `STANDINGS_UPDATE_DOCS=1 deploy/test suites`.\n\n\
         | suite | shapes | right | wrong | refused |\n| --- | ---: | ---: | ---: | ---: |\n",
    );
    let mut sum = [0; 3];
    for (suite, counts) in &by_suite {
        let [right, wrong, refused] = counts;
        let _ = writeln!(
            page,
            "| {suite} | {} | {right} | {wrong} | {refused} |",
            right + wrong + refused
        );
        sum.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
    }
    let [right, wrong, refused] = sum;
    let _ = writeln!(
        page,
        "| all | {} | {right} | {wrong} | {refused} |",
        right + wrong + refused
    );
    let _ = write!(
        page,
        "\nRefused, each with its place and what is allowed there:\n\n| suite | shape | what is said |\n| --- | --- | --- |\n{refusals}"
    );
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/suites.md");
    if std::env::var_os("STANDINGS_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        there, page,
        "STANDINGS_UPDATE_DOCS=1 deploy/test suites renews it"
    );
}
