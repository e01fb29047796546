//! Where any key stands, against a plain model: each answer names the prefix of the input that it is of, and is exactly that.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::calls::{self, Answer, get};
use crate::support::{Bed, Process, standings, until};

const DAY_ONE: i64 = 1_769_126_400_000; // 2026-01-23T00:00:00Z
const DAY: &str = "2026-01-23T00:00:00Z";
const WAIT: Duration = Duration::from_secs(30);

/// The windows' rankings: name, SELECT's keys, rank function, its PARTITION BY beyond the window, ORDER BY, limit.
const RANKINGS: [(&str, &str, &str, &str, &str, u64); 4] = [
    ("best", "salesman_id", "ROW_NUMBER", "", "total DESC", 3),
    ("ties", "salesman_id", "RANK", "", "n DESC", 2),
    ("dense", "salesman_id", "DENSE_RANK", "", "n DESC", 2),
    (
        "by_city",
        "city, salesman_id",
        "ROW_NUMBER",
        ", city",
        "total DESC",
        1,
    ),
];

const TABLE: &str = "CREATE TABLE sales (sale_id STRING, event_time TIMESTAMP_LTZ(3) NOT NULL, city STRING, salesman_id STRING, \
    amount DECIMAL(28, 2) NOT NULL, WATERMARK FOR event_time AS event_time - INTERVAL '1' MINUTE);";

fn queries(bed: &Bed) -> String {
    let folder = bed.path("queries");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("sales.sql"), TABLE).unwrap();
    for (name, keys, function, partition, order, limit) in RANKINGS {
        let text = format!(
            "SELECT window_start, window_end, {keys}, total, n, rownum FROM (SELECT *, {function}() OVER (PARTITION BY window_start, \
             window_end{partition} ORDER BY {order}) AS rownum FROM (SELECT window_start, window_end, {keys}, SUM(amount) AS total, \
             COUNT(*) AS n FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY)) GROUP BY window_start, window_end, \
             {keys})) WHERE rownum <= {limit};"
        );
        std::fs::write(folder.join(format!("{name}.sql")), text).unwrap();
    }
    folder.display().to_string()
}

fn bed(name: &'static str) -> Bed {
    let bed = Bed::new(name);
    let folder = queries(&bed);
    bed.queries(folder).topic(2).changes_file().http()
}

/// Numbers that look thrown.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// A sale: city, salesman (each may be NULL), cents.
type Sale = (Option<String>, Option<String>, i64);

fn sale(dice: &mut Dice) -> Sale {
    let cities = [Some("Lisbon"), Some("a/b, c"), Some("São Paulo"), None];
    let city = cities[dice.below(4) as usize].map(str::to_owned);
    let salesman = match dice.below(60) {
        0 => None,
        1 => Some(String::new()),
        2 => Some("~tilde".to_owned()),
        n => Some(format!("S{n:03}")),
    };
    (city, salesman, dice.below(500) as i64 - 100)
}

fn line((city, salesman, cents): &Sale) -> String {
    serde_json::json!({"event_time": DAY_ONE + 1, "city": city, "salesman_id": salesman, "amount": format!("{}e-2", cents)}).to_string()
}

/// What a key's rows come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    cents: i64,
    n: i64,
}

type Key = Vec<Option<String>>;

/// NULL first, then bytewise.
fn bytes(key: &Key) -> Vec<(bool, &[u8])> {
    key.iter()
        .map(|part| (part.is_some(), part.as_deref().unwrap_or("").as_bytes()))
        .collect()
}

/// All rows of a ranking, in order, each with its rank, by partition.
fn model(name: &str, sales: &[&Sale]) -> Vec<(Key, Sum, u64, u64)> {
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    for (city, salesman, cents) in sales {
        let key = match name {
            "by_city" => vec![city.clone(), salesman.clone()],
            _ => vec![salesman.clone()],
        };
        let sum = sums.entry(key).or_default();
        (sum.cents, sum.n) = (sum.cents + cents, sum.n + 1);
    }
    let by = |sum: &Sum| {
        if matches!(name, "best" | "by_city") {
            sum.cents
        } else {
            sum.n
        }
    };
    let partition = |key: &Key| {
        if name == "by_city" {
            key[0].clone()
        } else {
            None
        }
    };
    let all: BTreeSet<Option<String>> = sums.keys().map(partition).collect();
    let mut rows = Vec::new();
    for own in all {
        let mut list: Vec<(&Key, &Sum)> = sums
            .iter()
            .filter(|(key, _)| partition(key) == own)
            .collect();
        list.sort_by(|a, b| {
            by(b.1)
                .cmp(&by(a.1))
                .then_with(|| bytes(a.0).cmp(&bytes(b.0)))
        });
        let count = list.len() as u64;
        for (n, (key, sum)) in list.iter().enumerate() {
            let better = list.iter().filter(|(_, other)| by(other) > by(sum));
            let rank = match name {
                "ties" => better.count() as u64 + 1,
                "dense" => {
                    better
                        .map(|(_, other)| by(other))
                        .collect::<BTreeSet<_>>()
                        .len() as u64
                        + 1
                }
                _ => n as u64 + 1,
            };
            rows.push(((*key).clone(), **sum, rank, count));
        }
    }
    rows
}

/// A key as a path of positions names it.
fn named(key: &Key) -> String {
    let part = |part: &Option<String>| match part.as_deref() {
        None => "~".to_owned(),
        Some("") => "~e".to_owned(),
        Some(text) => {
            let doubled = text.strip_prefix('~').map(|rest| format!("~~{rest}"));
            let text = doubled.unwrap_or_else(|| text.to_owned());
            text.bytes()
                .map(|b| match b {
                    b'~' | b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(b).to_string(),
                    b => format!("%{b:02X}"),
                })
                .collect()
        }
    };
    key.iter().map(part).collect::<Vec<_>>().join("/")
}

fn money(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// The sales of the prefix that an answer names.
fn prefix<'a>(offsets: &str, sent: &'a [Vec<Sale>]) -> Vec<&'a Sale> {
    let mut all = Vec::new();
    for pair in offsets.split(',').filter(|p| !p.is_empty()) {
        let (partition, next) = pair.split_once(':').unwrap();
        let partition: usize = partition.parse().unwrap();
        all.extend(&sent[partition][..next.parse().unwrap()]);
    }
    all
}

fn key_of(keys: &Value, name: &str) -> Key {
    let columns: &[&str] = if name == "by_city" {
        &["city", "salesman_id"]
    } else {
        &["salesman_id"]
    };
    columns
        .iter()
        .map(|c| keys[*c].as_str().map(str::to_owned))
        .collect()
}

/// Holds an answer against the model.
fn check(name: &str, key: &Key, around: usize, answer: &Answer, sent: &[Vec<Sale>]) {
    let offsets = &answer.headers["standings-offsets"];
    let rows = model(name, &prefix(offsets, sent));
    let at = rows.iter().position(|(own, ..)| own == key);
    let Some(at) = at else {
        assert_eq!(answer.status, 404, "{name} {key:?}: {answer:?}");
        return;
    };
    assert_eq!(answer.status, 200, "{name} {key:?}: {answer:?}");
    let found = answer.json();
    let (_, sum, rank, count) = &rows[at];
    let what = format!("{name} {key:?} at {offsets}: {found}");
    assert_eq!(found["rank"], *rank, "{what}");
    assert_eq!(found["count"], *count, "{what}");
    assert_eq!(found["offsets"], **offsets, "{what}");
    assert_eq!(found["final"], false, "{what}");
    assert_eq!(found["measures"]["total"], money(sum.cents), "{what}");
    assert_eq!(found["measures"]["n"], sum.n, "{what}");
    assert_eq!(&key_of(&found["keys"], name), key, "{what}");
    let same = |row: &&(Key, Sum, u64, u64)| name != "by_city" || row.0[0] == key[0];
    let own: Vec<_> = rows.iter().filter(same).collect();
    let here = own.iter().position(|row| row.0 == *key).unwrap();
    let is_total = matches!(name, "best" | "by_city");
    let by = |sum: &Sum| if is_total { sum.cents } else { sum.n };
    let told = |n: i64| {
        if is_total {
            Value::from(money(n))
        } else {
            Value::from(n)
        }
    };
    let neighbours = |side: &str| found[side].as_array().unwrap().clone();
    let above: Vec<_> = own[..here].iter().rev().take(around).collect();
    let below: Vec<_> = own[here + 1..].iter().take(around).collect();
    for (side, want, sign) in [("above", above, 1), ("below", below, -1)] {
        let got = neighbours(side);
        assert_eq!(got.len(), want.len(), "{side} {what}");
        for (got, want) in got.iter().zip(want) {
            assert_eq!(key_of(&got["keys"], name), want.0, "{side} {what}");
            assert_eq!(got["rank"], want.2, "{side} {what}");
            assert_eq!(
                got["distance"],
                told(sign * (by(&want.1) - by(sum))),
                "{side} {what}"
            );
        }
    }
    assert_eq!(
        found["distance_to_leader"],
        told(by(&own[0].1) - by(sum)),
        "{what}"
    );
    let limit = RANKINGS.iter().find(|r| r.0 == name).unwrap().5;
    let last = own
        .iter()
        .rev()
        .find(|row| row.2 <= limit)
        .filter(|_| own.iter().any(|row| row.2 > limit));
    let last = last.map_or(Value::Null, |last| told(by(&last.1) - by(sum)));
    assert_eq!(found["distance_to_limit"], last, "{what}");
}

fn path(name: &str, key: &Key) -> String {
    format!(
        "/api/v1/rankings/{name}/windows/{DAY}/keys/{}/position",
        named(key)
    )
}

/// Sends and asks by turns, and holds every answer against the model.
fn every_answer(bed: &Bed, seed: u64, rounds: usize) {
    let mut dice = Dice(seed);
    let mut sent: Vec<Vec<Sale>> = vec![Vec::new(), Vec::new()];
    let mut answered = 0;
    for round in 0..rounds {
        let mut lines = vec![Vec::new(), Vec::new()];
        for _ in 0..=dice.below(40) {
            let (partition, sale) = (dice.below(2) as usize, sale(&mut dice));
            lines[partition].push(line(&sale));
            sent[partition].push(sale);
        }
        bed.send(&lines);
        for (name, ..) in RANKINGS {
            let (city, salesman, _) = sale(&mut dice);
            let key = if name == "by_city" {
                vec![city, salesman]
            } else {
                vec![salesman]
            };
            let around = dice.below(4) as usize;
            let asked = || {
                get(
                    bed.address(),
                    &format!("{}?around={around}", path(name, &key)),
                )
            };
            let mut answer = asked();
            if round == 0 {
                // Of the first sales no commit may be there yet.
                until("a window", WAIT, || {
                    answer = asked();
                    answer
                        .headers
                        .get("standings-offsets")
                        .is_some_and(|o| !o.is_empty())
                        && !answer.body.contains("no window")
                });
            }
            answered += usize::from(answer.status == 200);
            check(name, &key, around, &answer, &sent);
        }
    }
    assert!(answered > rounds, "{answered} of {rounds}");
    // And in the end all of it.
    let total: Vec<usize> = sent.iter().map(Vec::len).collect();
    let all = format!("0:{},1:{}", total[0], total[1]);
    for (name, ..) in RANKINGS {
        let rows = model(name, &sent.iter().flatten().collect::<Vec<_>>());
        for (key, ..) in rows.iter().step_by(7) {
            let answer = get(
                bed.address(),
                &format!("{}?around=2&at_least={all}&wait=20s", path(name, key)),
            );
            assert_eq!(answer.headers["standings-offsets"], all);
            check(name, key, 2, &answer, &sent);
        }
        pages(bed, name, &rows, &all);
    }
}

/// Pages over all keys are the model's rows, in order; several keys at once stand where each does.
fn pages(bed: &Bed, name: &str, rows: &[(Key, Sum, u64, u64)], all: &str) {
    let mut got = Vec::new();
    loop {
        let page = format!(
            "/api/v1/rankings/{name}/windows/{DAY}?offset={}&limit=13&at_least={all}&wait=20s",
            got.len()
        );
        let answer = get(bed.address(), &page);
        assert_eq!(
            answer.headers["standings-count"],
            rows.len().to_string(),
            "{answer:?}"
        );
        let page = answer.json();
        let page = page.as_array().unwrap();
        got.extend(page.iter().map(|row| {
            (
                key_of(row, name),
                row["rank"].as_u64().unwrap(),
                row["total"].clone(),
            )
        }));
        if page.len() < 13 {
            break;
        }
    }
    let want: Vec<_> = rows
        .iter()
        .map(|(key, sum, rank, _)| (key.clone(), *rank, Value::from(money(sum.cents))))
        .collect();
    assert_eq!(got, want, "{name}");
    let some: Vec<&(Key, Sum, u64, u64)> = rows.iter().step_by(5).collect();
    let keys: Vec<String> = some.iter().map(|row| named(&row.0)).collect();
    let missing = if name == "by_city" {
        "Nowhere/nobody"
    } else {
        "nobody"
    };
    let asked = format!(
        "/api/v1/rankings/{name}/windows/{DAY}/positions?keys={},{missing}&at_least={all}",
        keys.join(",")
    );
    let answer = get(bed.address(), &asked);
    let answer = answer.json();
    let ranks: Vec<Value> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["rank"].clone())
        .collect();
    let want = some
        .iter()
        .map(|row| Value::from(row.2))
        .chain([Value::Null]);
    assert_eq!(ranks, want.collect::<Vec<_>>(), "{name}");
}

#[test]
fn every_answer_is_of_the_prefix_that_it_names() {
    let bed = bed("positions");
    let run = bed.start(&["-w", "1"]).ready();
    every_answer(&bed, 1, 30);
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn workers_and_processes_make_no_difference() {
    let bed = bed("positions_cluster");
    let run = bed.cluster("2", &[], &["-w", "2"]).ready();
    every_answer(&bed, 2, 15);
    // The other process computes, and says who answers.
    let (host, port) = bed.address().rsplit_once(':').unwrap();
    let other = format!("{host}:{}", port.parse::<u16>().unwrap() + 1);
    let answer = get(&other, &path("best", &vec![Some("S010".to_owned())]));
    assert!(answer.problem(421).contains("process 0"), "{answer:?}");
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");
}

/// A run over some sales, of which everything is committed.
fn started(name: &'static str, flags: &[&str]) -> (Bed, Process) {
    let bed = bed(name);
    let run = bed.start(flags).ready();
    let sale = |n: i64| {
        (
            Some("Lisbon".to_owned()),
            Some(format!("S{n:03}")),
            1_000 - n,
        )
    };
    let lines: Vec<String> = (0..50).map(|n| line(&sale(n))).collect();
    bed.send(&[lines, Vec::new()]);
    until("all is committed", WAIT, || {
        bed.metrics()
            .lines()
            .any(|l| l.starts_with("standings_records_read_total") && l.ends_with(" 50"))
            || get(bed.address(), "/api/v1/rankings/best/windows")
                .body
                .contains(DAY)
    });
    until("all keys", WAIT, || {
        get(bed.address(), &path("best", &vec![Some("S049".to_owned())])).status == 200
    });
    (bed, run)
}

#[test]
fn what_is_asked_wrongly_is_refused_with_the_reason() {
    let (bed, run) = started("positions_refused", &[]);
    let window = format!("/api/v1/rankings/best/windows/{DAY}");
    for (path, status, words) in [
        (format!("{window}/keys/nobody/position"), 404, "not ranked"),
        (
            format!("{window}/keys/S001/position?around=101"),
            400,
            "0 to 100",
        ),
        (
            format!("{window}/keys/S001/position?round=1"),
            400,
            "around",
        ),
        (format!("{window}/keys/~x/position"), 400, "two of them"),
        (format!("{window}/keys/a/b/position"), 404, "2 keys"),
        (
            "/api/v1/rankings/best/windows/2020-01-01T00:00:00Z/keys/S001/position".to_owned(),
            404,
            "no window",
        ),
        (
            "/api/v1/rankings/best/windows/x/keys/S001/position".to_owned(),
            400,
            "write its start",
        ),
        (format!("{window}?offset=1&at=1"), 400, "of now"),
        (format!("{window}?offset=-1"), 400, "offset=-1"),
        (format!("{window}?format=xml"), 400, "csv"),
        (format!("{window}/positions"), 400, "keys"),
        (format!("{window}/positions?keys="), 400, "keys"),
    ] {
        let detail = get(bed.address(), &path).problem(status);
        assert!(detail.contains(words), "{path}: {detail}");
    }
    // A window may be named by both of its bounds.
    let both =
        format!("/api/v1/rankings/best/windows/{DAY}..2026-01-24T00:00:00Z/keys/S001/position");
    assert_eq!(get(bed.address(), &both).json()["rank"], 2);
    let wrong = both.replace("2026-01-24", "2026-01-25");
    assert_eq!(get(bed.address(), &wrong).status, 404);
    let csv = get(bed.address(), &format!("{window}?offset=48&format=csv"));
    assert_eq!(
        csv.headers["content-type"],
        "text/csv; charset=utf-8; header=present"
    );
    let lines: Vec<&str> = csv.body.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "window_start,window_end,rank,salesman_id,total,n,final,commit"
    );
    assert!(
        lines[1].starts_with(&format!("{DAY},2026-01-24T00:00:00Z,49,S048,9.52,1,false,")),
        "{csv:?}"
    );
    assert_eq!(lines.len(), 4, "{csv:?}");
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");
}

/// A key, and its line for `--http-keys`.
fn key(flags: &[&str]) -> (String, String) {
    let out = standings(&["key", "new"]).args(flags).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let word = |line: &str| {
        text.lines()
            .find_map(|l| l.strip_prefix(line))
            .unwrap()
            .trim()
            .to_owned()
    };
    (word("key (shown only now):"), word("line for --http-keys:"))
}

#[test]
fn a_key_sees_what_it_is_for() {
    let limit = key(&["--name", "old"]);
    let all = key(&["--name", "far", "--reach", "all"]);
    let some = key(&[
        "--name",
        "some",
        "--ranking",
        "t*",
        "--ranking",
        "dense",
        "--reach",
        "all",
    ]);
    let boss = key(&["--name", "boss", "--role", "admin"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(
        &file,
        [&limit.1, &all.1, &some.1, &boss.1]
            .map(|l| format!("{l}\n"))
            .concat(),
    )
    .unwrap();
    let bed = bed("positions_keys");
    let run = bed.start(&["--http-keys", file.to_str().unwrap()]).ready();
    let sale = |n: i64| {
        (
            Some("Lisbon".to_owned()),
            Some(format!("S{n:03}")),
            1_000 - n,
        )
    };
    let lines: Vec<String> = (0..50).map(|n| line(&sale(n))).collect();
    bed.send(&[lines, Vec::new()]);
    let ask = |key: &(String, String), path: &str| {
        calls::call(
            bed.address(),
            "GET",
            path,
            &[("authorization", &format!("Bearer {}", key.0))],
        )
    };
    let position = |n: &str| path("best", &vec![Some(n.to_owned())]);
    until("all keys", WAIT, || {
        ask(&boss, &position("S049")).status == 200
    });
    for (who, far) in [(&boss, true), (&all, true), (&limit, false)] {
        assert_eq!(ask(who, &position("S002")).json()["rank"], 3);
        let answer = ask(who, &position("S020"));
        let page = format!("/api/v1/rankings/best/windows/{DAY}?offset=0");
        let rows = ask(who, &page).json().as_array().unwrap().len();
        let below = ask(who, &format!("{}?around=9", position("S001"))).json()["below"]
            .as_array()
            .unwrap()
            .len();
        match far {
            true => assert_eq!(
                (answer.json()["rank"].as_u64(), rows, below),
                (Some(21), 50, 9)
            ),
            false => {
                // Whether there is such a key is not said either.
                assert_eq!(
                    answer.problem(403),
                    ask(who, &position("nobody")).problem(403)
                );
                assert_eq!((rows, below), (3, 1));
            }
        }
    }
    let names = |who: &(String, String)| {
        let all = ask(who, "/api/v1/rankings").json();
        let names: Vec<String> = all
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["name"].as_str().unwrap().to_owned())
            .collect();
        names
    };
    assert_eq!(names(&some), ["dense", "ties"]);
    assert_eq!(names(&all).len(), 4);
    assert_eq!(
        ask(
            &some,
            &format!("/api/v1/rankings/ties/windows/{DAY}?offset=0")
        )
        .status,
        200
    );
    for path in [
        &position("S001")[..],
        "/api/v1/rankings/best/windows",
        "/api/v1/rankings/best/changes",
        "/api/v1/events",
        "/api/v1/dead-letters",
        "/metrics",
    ] {
        let detail = ask(&some, path).problem(403);
        assert!(detail.contains("t*, dense"), "{path}: {detail}");
    }
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");
}

fn said(command: &mut Command) -> (Option<i32>, String, String) {
    let out = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code(), text(out.stdout), text(out.stderr))
}

#[test]
fn a_shell_asks_tails_and_exports() {
    let (bed, run) = started("positions_shell", &[]);
    let url = format!("http://{}", bed.address());
    let ask = |words: &[&str]| said(standings(words).args(["--url", &url]));
    let (code, out, err) = ask(&["ask", "best", "S020", "--around", "1"]);
    assert_eq!(code, Some(0), "{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[1].starts_with("S020 is 21 of 50, not behind 59.18 % of the others; 0.20 behind the first; 0.18 behind the last of the 3"), "{out}");
    assert_eq!(
        lines[2].split_whitespace().collect::<Vec<_>>(),
        ["rank", "salesman_id", "total", "n", "distance"]
    );
    assert_eq!(
        lines[3].split_whitespace().collect::<Vec<_>>(),
        ["20", "S019", "9.81", "1", "0.01"]
    );
    assert_eq!(lines.len(), 6, "{out}");
    let (_, out, _) = ask(&["ask", "by_city", "Lisbon", "S001", "--output", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["rank"], 2);
    let (code, _, err) = ask(&["ask", "best", "nobody"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("not ranked") && err.contains("S0907"), "{err}");
    let (code, _, err) = ask(&["ask", "by_city", "Lisbon"]);
    assert!(code == Some(2) && err.contains("city salesman_id"), "{err}");
    let (code, _, err) = ask(&["ask", "worst", "x"]);
    assert!(code == Some(1) && err.contains("best, "), "{err}");

    let (code, out, err) = ask(&["export", "best"]);
    assert_eq!((code, out.lines().count()), (Some(0), 4), "{err}");
    let to = |name: &str| bed.path(name).display().to_string();
    let (code, _, err) = ask(&["export", "best", "--all", "--out", &to("all.ndjson")]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(bed.read("all.ndjson").lines().count(), 50);
    let (code, _, err) = ask(&["export", "best", "--all", "--out", &to("all.parquet")]);
    assert_eq!(code, Some(0), "{err}");
    let parquet = std::fs::read(bed.path("all.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let (code, _, err) = ask(&[
        "export",
        "by_city",
        "--all",
        "--format",
        "csv",
        "--partition-by",
        "city",
        "--out",
        &to("parts"),
    ]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(bed.read("parts/city=Lisbon/part-0.csv").lines().count(), 51);

    // What changes from a commit on: at first everything has.
    let (code, out, err) = ask(&[
        "tail", "best", "--since", "0", "-n", "1", "--output", "ndjson",
    ]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(
        serde_json::from_str::<Value>(out.lines().next().unwrap()).unwrap()["ranking"]
            .as_str()
            .unwrap_or("best"),
        "best"
    );
    let (code, out, err) = ask(&["tail", "best", "--for", "300ms"]);
    assert_eq!((code, &out[..]), (Some(0), ""), "{err}");
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");
    // Nobody is there any more.
    let (code, _, err) = ask(&["tail", "best"]);
    assert_eq!(code, Some(1), "{err}");
}
