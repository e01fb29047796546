//! Rankings of all time with a time to live: into both sinks over several stops, with another number of workers each time, against the
//! definition: a key is its newest life, rows that follow each other within the time to live, until the watermark is that far past its
//! last row.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::kafka::block;
use crate::support::postgres::connect;
use crate::support::{Bed, Dice};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const BEGIN: i64 = 1_769_126_400_000;
const LATE_BY: i64 = 5 * MINUTE;
const OUT_OF_ORDER: i64 = 30 * SECOND;

const QUERIES: &str = "
CREATE TABLE taps (k STRING, g STRING, v INT, at TIMESTAMP_LTZ(3), WATERMARK FOR at AS at - INTERVAL '30' SECOND);
SET 'table.exec.state.ttl' = '10 min';
INSERT INTO best SELECT k, s, c, lo, d, rn FROM (
  SELECT *, RANK() OVER (ORDER BY s DESC) AS rn FROM (
    SELECT k, SUM(v) AS s, COUNT(*) AS c, MIN(v) AS lo, COUNT(DISTINCT g) AS d FROM taps GROUP BY k HAVING COUNT(*) <> 2)) WHERE rn <= 3;
INSERT INTO newest SELECT /*+ OPTIONS('state.ttl'='3 min') */ g, v, rn FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY g ORDER BY v DESC) AS rn FROM taps WHERE v >= 0) WHERE rn <= 2;
INSERT INTO pairs SELECT k, g, COUNT(*) AS c, SUM(v) / COUNT(*) AS mean FROM taps GROUP BY k, g;
";

#[derive(Clone)]
struct Tap {
    k: Option<u64>,
    g: Option<u64>,
    v: i64,
    at: i64,
    /// Partition and offset.
    place: (usize, usize),
}

impl Tap {
    fn json(&self) -> String {
        let text = |of: Option<u64>| of.map_or(Value::Null, |n| format!("k{n}").into());
        serde_json::json!({"k": text(self.k), "g": text(self.g), "v": self.v, "at": self.at})
            .to_string()
    }
}

/// Taps of one partition from a moment on: out of order, in bursts, with silences about as long as a life; some are late.
fn taps(dice: &mut Dice, n: usize, partition: usize, before: usize, now: &mut i64) -> Vec<Tap> {
    let mut all = Vec::new();
    for i in 0..n {
        *now += match dice.roll(12) {
            0 => dice.roll(8 * MINUTE as u64) as i64,
            1 => 0,
            _ => dice.roll(40 * SECOND as u64) as i64,
        };
        let back = match dice.roll(15) {
            0 => dice.roll(25 * MINUTE as u64) as i64,
            1 => 10 * MINUTE,
            _ => dice.roll(OUT_OF_ORDER as u64) as i64,
        };
        let one = |dice: &mut Dice, of: u64| Some(dice.roll(of)).filter(|n| *n > 0);
        all.push(Tap {
            k: one(dice, 20),
            g: one(dice, 4),
            v: dice.roll(9) as i64 - 2,
            at: *now - back,
            place: (partition, before + i),
        });
    }
    all
}

/// The rows of a ranking: their identity, and all of them.
type Rows = BTreeMap<String, String>;

/// What is in time for a time to live.
fn in_time(parts: &[Vec<Tap>], ttl: i64) -> Vec<Tap> {
    let mut all = Vec::new();
    for part in parts {
        let mut greatest = i64::MIN;
        for tap in part {
            let watermark = greatest.saturating_sub(OUT_OF_ORDER);
            if greatest == i64::MIN || watermark < tap.at + ttl + LATE_BY {
                all.push(tap.clone());
            }
            greatest = greatest.max(tap.at);
        }
    }
    all
}

/// The newest life of each key, if it is not over.
fn lives<K: Ord + Clone>(
    parts: &[Vec<Tap>],
    ttl: i64,
    key: impl Fn(&Tap) -> Option<K>,
) -> BTreeMap<K, Vec<Tap>> {
    let mut by_key: BTreeMap<K, Vec<Tap>> = BTreeMap::new();
    for tap in in_time(parts, ttl) {
        if let Some(key) = key(&tap) {
            by_key.entry(key).or_default().push(tap);
        }
    }
    let greatest = |part: &Vec<Tap>| part.iter().map(|t| t.at).max().unwrap();
    let watermark = parts.iter().map(greatest).min().unwrap() - OUT_OF_ORDER;
    for taps in by_key.values_mut() {
        taps.sort_by_key(|t| t.at);
        let mut from = taps.len() - 1;
        while from > 0 && taps[from].at - taps[from - 1].at <= ttl {
            from -= 1;
        }
        taps.drain(..from);
    }
    by_key.retain(|_, taps| taps.last().unwrap().at + ttl > watermark);
    by_key
}

fn name(of: Option<u64>) -> String {
    of.map_or("null".to_owned(), |n| format!("\"k{n}\""))
}

fn best(parts: &[Vec<Tap>]) -> Rows {
    let mut groups = Vec::new();
    for (k, taps) in lives(parts, 10 * MINUTE, |t| Some(t.k)) {
        let sum: i64 = taps.iter().map(|t| t.v).sum();
        let least = taps.iter().map(|t| t.v).min().unwrap();
        let kinds: BTreeSet<u64> = taps.iter().filter_map(|t| t.g).collect();
        if taps.len() != 2 {
            groups.push((sum, k, taps.len(), least, kinds.len()));
        }
    }
    let mut rows = Rows::new();
    for (sum, k, c, least, kinds) in &groups {
        let rank = 1 + groups.iter().filter(|g| g.0 > *sum).count();
        if rank <= 3 {
            rows.insert(name(*k), format!("{rank} {sum} {c} {least} {kinds}"));
        }
    }
    rows
}

fn newest(parts: &[Vec<Tap>]) -> Rows {
    let alive = lives(parts, 3 * MINUTE, |t| (t.v >= 0).then_some(t.place));
    let mut by: BTreeMap<Option<u64>, Vec<&Tap>> = BTreeMap::new();
    for tap in alive.values().flatten() {
        by.entry(tap.g).or_default().push(tap);
    }
    let mut rows = Rows::new();
    for taps in by.values_mut() {
        taps.sort_by_key(|t| (-t.v, t.place));
        for (n, tap) in taps.iter().take(2).enumerate() {
            let id = format!("\"{}:{}\"", tap.place.0, tap.place.1);
            rows.insert(id, format!("{} {} {}", n + 1, name(tap.g), tap.v));
        }
    }
    rows
}

fn pairs(parts: &[Vec<Tap>]) -> Rows {
    let row = |((k, g), taps): ((Option<u64>, Option<u64>), Vec<Tap>)| {
        let sum: i64 = taps.iter().map(|t| t.v).sum();
        let n = taps.len() as i64;
        // A sum of integers over a number of rows is an integer, cut.
        (
            format!("{} {}", name(k), name(g)),
            format!("{n} {}", sum / n),
        )
    };
    let all = lives(parts, 10 * MINUTE, |t| Some((t.k, t.g)));
    all.into_iter().map(row).collect()
}

/// What the changes come to, by ranking.
fn folded(changes: &[String]) -> BTreeMap<String, Rows> {
    let mut all: BTreeMap<String, Rows> = BTreeMap::new();
    for text in changes {
        let change: Value = serde_json::from_str(text).unwrap();
        assert!(change["window_start"].is_null() && change["window_end"].is_null());
        assert_eq!(change["final"], false);
        let (ranking, row) = (change["ranking"].as_str().unwrap(), &change["row"]);
        let (id, columns): (String, &[&str]) = match ranking {
            "best" => (row["k"].to_string(), &["s", "c", "lo", "d"]),
            "newest" => (row["row_id"].to_string(), &["g", "v"]),
            _ => (format!("{} {}", row["k"], row["g"]), &["c", "mean"]),
        };
        let rows = all.entry(ranking.to_owned()).or_default();
        if change["op"] == "delete" {
            assert!(rows.remove(&id).is_some(), "deleted and not there: {text}");
            continue;
        }
        let rank = change["rank"].as_u64().map(|n| n.to_string());
        let values = columns.iter().map(|c| row[*c].to_string());
        let all: Vec<String> = rank.into_iter().chain(values).collect();
        rows.insert(id, all.join(" "));
    }
    all
}

/// The same out of Postgres, in part: the identities and the ranks.
fn ranks(url: &str, table: &str, id: &str) -> BTreeMap<String, Option<i32>> {
    let text = format!("SELECT {id}, rank FROM {table}");
    let rows = block(async { connect(url).await.query(&text, &[]).await.unwrap() });
    rows.iter().map(|r| (r.get(0), r.get(1))).collect()
}

#[test]
fn a_key_is_let_go_when_the_watermark_is_past_its_last_row() {
    let read = std::env::var("STANDINGS_FUZZ_SEED").ok();
    let seed = read.map_or(31, |seed| seed.parse().unwrap());
    println!("STANDINGS_FUZZ_SEED={seed}");
    let mut dice = Dice::new(seed);
    let bed = Bed::new("lives").topic(2).database().changes().state();
    let bed = bed.keep("--late", "late").http();
    let queries = bed.path("queries");
    std::fs::create_dir(&queries).unwrap();
    std::fs::write(queries.join("q.sql"), QUERIES).unwrap();
    let bed = bed.queries(&queries);
    let mut parts = vec![Vec::new(), Vec::new()];
    let mut now = [BEGIN, BEGIN + MINUTE];
    let (mut shown, mut gone) = (BTreeSet::new(), 0);
    for round in 0..5 {
        let mut sent = Vec::new();
        for (n, part) in parts.iter_mut().enumerate() {
            let new = taps(
                &mut dice,
                40 + 150 * (round % 2),
                n,
                part.len(),
                &mut now[n],
            );
            sent.push(new.iter().map(Tap::json).collect());
            part.extend(new);
        }
        bed.send(&sent);
        let workers = (1 + (seed as usize + round) % 3).to_string();
        let often = [
            "--snapshot-interval",
            "50ms",
            "--allowed-lateness",
            "5m",
            "-w",
            &workers,
        ];
        bed.to_end(&often);
        let want = [
            ("best", best(&parts)),
            ("newest", newest(&parts)),
            ("pairs", pairs(&parts)),
        ];
        let found = folded(&bed.changed());
        for (ranking, want) in &want {
            let found = found.get(*ranking).cloned().unwrap_or_default();
            assert_eq!(
                &found, want,
                "{ranking} after round {round} with {workers} workers"
            );
        }
        let keys: BTreeSet<String> = want[2].1.keys().cloned().collect();
        gone += shown.difference(&keys).count();
        shown = keys;
        let of_best = ranks(bed.postgres(), "best", "coalesce(to_json(k)::text, 'null')");
        let of_newest = ranks(bed.postgres(), "newest", "to_json(row_id)::text");
        for (found, want) in [(of_best, &want[0].1), (of_newest, &want[1].1)] {
            let rank = |row: &String| row.split(' ').next().unwrap().parse().ok();
            let want = want.iter().map(|(id, row)| (id.clone(), rank(row)));
            assert_eq!(found, want.collect(), "in Postgres after round {round}");
        }
    }
    assert!(gone > 2, "{gone} keys were let go");
    assert!(!bed.read("late").is_empty(), "none was late");
}

/// An earlier run that came to the end of its files let keys go: they are not shown again on the way through them, once there are more.
#[test]
fn a_key_that_an_earlier_run_let_go_does_not_come_back() {
    let bed = Bed::new("lives")
        .database()
        .changes()
        .keep("--late", "late");
    let queries = bed.path("queries");
    std::fs::create_dir(&queries).unwrap();
    let sql = "CREATE TABLE taps (k STRING, v INT, at TIMESTAMP_LTZ(3), WATERMARK FOR at AS at - INTERVAL '30' SECOND);
        INSERT INTO best SELECT /*+ OPTIONS('state.ttl'='10 min') */ k, COUNT(*) AS c FROM taps GROUP BY k;";
    std::fs::write(queries.join("q.sql"), sql).unwrap();
    let lines = |all: &[(&str, i64)]| -> Vec<String> {
        let line = |(k, minute): &(&str, i64)| {
            format!(r#"{{"k":"{k}","v":1,"at":{}}}"#, BEGIN + minute * MINUTE)
        };
        all.iter().map(line).collect()
    };
    bed.write(
        "taps-1.ndjson",
        &lines(&[("a", 0), ("b", 1), ("c", 12), ("d", 15)]),
    );
    let bed = bed.queries(&queries);
    let source = bed.url("taps-*.ndjson");
    let bed = bed.source(source);
    let key = |text: &String| -> (String, String) {
        let change: Value = serde_json::from_str(text).unwrap();
        (change["op"].to_string(), change["row"]["k"].to_string())
    };
    let pair = |op: &str, k: &str| (format!("\"{op}\""), format!("\"{k}\""));
    bed.to_end(&[]);
    let first = bed.changed();
    let shown: BTreeSet<_> = first.iter().map(key).collect();
    assert_eq!(shown, [pair("upsert", "c"), pair("upsert", "d")].into());
    bed.write("taps-2.ndjson", &lines(&[("c", 16), ("b", 17), ("e", 26)]));
    bed.to_end(&[]);
    let more: BTreeSet<_> = bed.changed()[first.len()..].iter().map(key).collect();
    let want = [
        pair("upsert", "c"),
        pair("upsert", "b"),
        pair("upsert", "e"),
        pair("delete", "d"),
    ];
    assert_eq!(more, want.into());
}
