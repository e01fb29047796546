//! Pairs of rows of two tables of events against a plain model, which shares no code with the engine: for each cut it takes, of
//! each window, the rows that came before their own partition had passed it, puts each beside each, and looks.
//!
//! `sales s JOIN returns r ON r.sale = s.id AND r.at BETWEEN s.at + lo AND s.at + hi`, the window by the later of the two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use standings_engine::event_time::partition::Policy;
use standings_model::block::{NO_TIMESTAMP, PartitionId};
use standings_model::change::Commit;
use standings_model::json::push_change;
use standings_model::plan::Plan;

use crate::engine::{Keeps, Part, run};
use crate::history::{Dice, HOUR, MINUTE};
use crate::run::bound;
use crate::written::iso;

const FROM: i64 = 1_767_225_600_000;

/// A row of either table.
#[derive(Clone, Debug)]
struct Row {
    at: i64,
    id: Option<i64>,
    city: Option<&'static str>,
    n: i64,
}

struct History {
    /// How much later the other row is, ms.
    apart: (i64, i64),
    /// How it is written.
    written: u64,
    out_of_orderness: [i64; 2],
    lateness: i64,
    /// Windows are dropped so long after they can change no more, ms.
    retain: i64,
    /// Of sales, and of returns: by partition.
    tables: [Vec<Vec<Row>>; 2],
}

fn rows(dice: &mut Dice) -> Vec<Row> {
    let mut now = FROM;
    let mut out = Vec::new();
    for _ in 0..12 + dice.roll(40) {
        now += match dice.roll(8) {
            0..=2 => 0,
            3..=5 => dice.roll(4 * MINUTE as u64) as i64,
            6 => dice.roll(20 * MINUTE as u64) as i64,
            _ => dice.roll(120 * MINUTE as u64) as i64,
        };
        let back = match dice.roll(5) {
            0..=2 => 0,
            3 => dice.roll(MINUTE as u64) as i64,
            _ => dice.roll(90 * MINUTE as u64) as i64,
        };
        let time = now - back;
        let border = time.div_euclid(30 * MINUTE) * 30 * MINUTE;
        let at = match dice.roll(8) {
            0 => border,
            1 => border - 1,
            _ => time,
        };
        out.push(Row {
            at,
            id: (dice.roll(12) > 0).then(|| dice.roll(4) as i64),
            city: [Some("Faro"), Some("Porto"), None][dice.roll(3) as usize],
            n: dice.roll(9) as i64 - 3,
        });
    }
    out
}

impl History {
    fn new(seed: u64) -> Self {
        let dice = &mut Dice::new(seed ^ 0x5EED);
        let mut table = || {
            let partitions = 1 + dice.roll(3);
            (0..partitions).map(|_| rows(dice)).collect::<Vec<_>>()
        };
        let tables = [table(), table()];
        let lengths = [0, MINUTE, 30 * MINUTE, HOUR, 3 * HOUR];
        let mut pick = |all: &[i64]| all[dice.roll(all.len() as u64) as usize];
        let (low, length) = (
            pick(&[0, 0, 0, -HOUR, -2 * HOUR, 10 * MINUTE]),
            pick(&lengths),
        );
        History {
            apart: (low, low + length),
            written: pick(&[0, 1, 2, 3]) as u64,
            out_of_orderness: [pick(&[0, MINUTE, 10 * MINUTE]), pick(&[0, 5 * MINUTE])],
            lateness: pick(&[0, 5 * MINUTE, HOUR]),
            retain: pick(&[0, 0, 7 * 24 * HOUR]),
            tables,
        }
    }

    /// The condition, in one of its ways to be written.
    fn on(&self) -> String {
        let by = |ms: i64| {
            let sign = if ms < 0 { '-' } else { '+' };
            format!("{sign} INTERVAL '{}' MINUTE", ms.abs() / MINUTE)
        };
        let back = |ms: i64| by(-ms);
        let (low, high) = self.apart;
        match self.written {
            0 => format!(
                "r.sale = s.id AND r.at BETWEEN s.at {} AND s.at {}",
                by(low),
                by(high)
            ),
            1 => format!(
                "s.id = r.sale AND s.at BETWEEN r.at {} AND r.at {}",
                back(high),
                back(low)
            ),
            2 => format!(
                "r.at >= s.at {} AND (r.sale = s.id AND r.at {} <= s.at)",
                by(low),
                back(high)
            ),
            // Beyond by the least step on either side.
            _ => format!(
                "r.sale = s.id AND r.at > s.at {} - INTERVAL '0.001' SECOND AND s.at {} + INTERVAL '0.001' SECOND > r.at",
                by(low),
                by(high)
            ),
        }
    }

    /// The name of the column that windows are over.
    fn time(&self) -> &'static str {
        let (low, high) = self.apart;
        match (low < 0 || high == 0, high > 0 || low == 0) {
            (true, false) => "sold",
            (true, true) if self.written.is_multiple_of(2) => "sold",
            _ => "came",
        }
    }

    fn plan(&self) -> Arc<Plan> {
        let seconds = self.out_of_orderness.map(|ms| ms / 1000);
        let tables = format!(
            "CREATE TABLE sales (id BIGINT, at TIMESTAMP_LTZ(3), city STRING, n BIGINT,
               WATERMARK FOR at AS at - INTERVAL '{}' SECOND) WITH ('format' = 'json');
             CREATE TABLE returns (sale DECIMAL(6, 1), at TIMESTAMP_LTZ(3), city STRING, n BIGINT,
               WATERMARK FOR at AS at - INTERVAL '{}' SECOND) WITH ('format' = 'json');
             CREATE VIEW both_rows AS SELECT s.at AS sold, r.at AS came, s.city AS city, r.city AS other, s.n AS n, r.n AS m
               FROM sales s JOIN returns AS r ON {};",
            seconds[0],
            seconds[1],
            self.on()
        );
        let ranking = |over: String, from: &str| {
            format!(
                "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC) AS place FROM (
                   SELECT window_start, window_end, {over} AS k, COUNT(*) AS n, SUM(n * m) AS total, MAX(m) AS most,
                     COUNT(DISTINCT other) AS d FROM TABLE({from}) GROUP BY window_start, window_end, {over}))"
            )
        };
        let time = self.time();
        let tumble = ranking(
            "city".to_owned(),
            &format!("TUMBLE(TABLE both_rows, DESCRIPTOR({time}), INTERVAL '1' HOUR)"),
        );
        let hop = ranking(
            "other".to_owned(),
            &format!(
                "HOP(TABLE some, DESCRIPTOR({time}), INTERVAL '30' MINUTE, INTERVAL '90' MINUTE)"
            ),
        );
        let hop =
            format!("WITH some AS (SELECT * FROM both_rows WHERE n > 0 AND n + m <> 3) {hop}");
        let texts = [("tables", &tables[..]), ("hop", &hop), ("tumble", &tumble)];
        let loaded = standings_query::load_texts(&texts);
        Arc::new(
            loaded
                .unwrap_or_else(|e| panic!("{}\n{}", self.on(), e.render()))
                .plan,
        )
    }

    fn parts(&self, plan: &Plan) -> Vec<Part> {
        let mut all = Vec::new();
        for (name, partitions) in ["sales", "returns"].into_iter().zip(&self.tables) {
            let table = plan.tables.iter().position(|t| t.name == name).unwrap();
            for rows in partitions {
                let record = |row: &Row| {
                    let id = if name == "sales" { "id" } else { "sale" };
                    let value =
                        json!({id: row.id, "at": iso(row.at), "city": row.city, "n": row.n});
                    (None, Some(value.to_string()), NO_TIMESTAMP)
                };
                all.push(Part {
                    id: all.len() as PartitionId,
                    table,
                    is_fact: true,
                    records: rows.iter().map(record).collect(),
                });
            }
        }
        all
    }

    /// The rows of a table that a window shows, of some records of each partition: those before its own partition had passed it.
    fn of_window(&self, table: usize, end: i64, cut: &[usize]) -> Vec<&Row> {
        let mut out = Vec::new();
        for (rows, upto) in self.tables[table].iter().zip(cut) {
            let mut greatest = None;
            for row in &rows[..*upto] {
                let watermark = greatest.map(|g: i64| g - self.out_of_orderness[table]);
                if watermark.is_none_or(|w| w < end + self.lateness) {
                    out.push(row);
                }
                greatest = greatest.max(Some(row.at));
            }
        }
        out
    }

    /// Windows that end at or before this may be dropped.
    fn dropped(&self, cut: &[Vec<usize>; 2]) -> i64 {
        let tables = [0, 1].into_iter().flat_map(|t| {
            let partitions = self.tables[t].iter().zip(&cut[t]);
            partitions.map(move |(rows, upto)| {
                let greatest = rows[..*upto].iter().map(|row| row.at).max();
                greatest.map_or(i64::MIN, |g| g - self.out_of_orderness[t] - self.lateness)
            })
        });
        tables.min().unwrap_or(i64::MIN)
    }

    /// How many rows were late in some window.
    fn late(&self) -> u64 {
        let mut late = 0;
        for (n, partitions) in self.tables.iter().enumerate() {
            for rows in partitions {
                let mut greatest = i64::MIN / 2;
                for row in rows {
                    let end = row.at.div_euclid(HOUR) * HOUR + HOUR;
                    late += u64::from(greatest - self.out_of_orderness[n] >= end + self.lateness);
                    greatest = greatest.max(row.at);
                }
            }
        }
        late
    }

    /// What a ranking shows: by window, by key. And how many pairs are in it.
    fn shown(&self, hops: bool, cut: &[Vec<usize>; 2]) -> (Shown, u64) {
        let mut shown = Shown::new();
        let mut count = 0;
        let (step, length) = if hops {
            (30 * MINUTE, 90 * MINUTE)
        } else {
            (HOUR, HOUR)
        };
        let times = self.tables.iter().flatten().flatten().map(|row| row.at);
        let (first, last) = (times.clone().min().unwrap(), times.max().unwrap());
        let mut start = (first - length).div_euclid(step) * step;
        while start <= last {
            let window = (start, start + length);
            let both = [0, 1].map(|t| self.of_window(t, window.1, &cut[t]));
            let mut groups: BTreeMap<Option<&str>, Vec<(&Row, &Row)>> = BTreeMap::new();
            for s in &both[0] {
                for r in &both[1] {
                    let is_near = (self.apart.0..=self.apart.1).contains(&(r.at - s.at));
                    let is_pair = s.id.is_some() && s.id == r.id && is_near;
                    let is_in = (window.0..window.1).contains(&s.at.max(r.at));
                    let passes = !hops || (s.n > 0 && s.n + r.n != 3);
                    if is_pair && is_in && passes {
                        let key = if hops { r.city } else { s.city };
                        groups.entry(key).or_default().push((s, r));
                        count += 1;
                    }
                }
            }
            for (key, all) in groups {
                let total: i64 = all.iter().map(|(s, r)| s.n * r.n).sum();
                let cities: BTreeSet<&str> = all.iter().filter_map(|(_, r)| r.city).collect();
                let most = all.iter().map(|(_, r)| r.n).max();
                let row = json!({"n": all.len(), "total": total, "most": most, "d": cities.len()});
                shown.insert((window, key.map(str::to_owned)), row);
            }
            start += step;
        }
        (shown, count)
    }
}

type Shown = BTreeMap<((i64, i64), Option<String>), Value>;

/// What a run came to.
pub struct Run {
    pub kept: Option<Keeps>,
    pub late: u64,
    pub pairs: u64,
}

fn checked(seed: u64, orders: u64, workers: usize, kept: Option<Keeps>) -> Run {
    let history = History::new(seed);
    let plan = history.plan();
    let goes_on = kept.is_some();
    let about = format!(
        "seed {seed}, {workers} workers{}",
        if goes_on { ", from a snapshot" } else { "" }
    );
    let policy = |table: &standings_model::table::Table| Policy {
        out_of_orderness: history.out_of_orderness[usize::from(table.name == "returns")],
        allowed_lateness: history.lateness,
        retain: history.retain,
        ..Policy::default()
    };
    let policies = plan.tables.iter().map(policy).collect();
    let parts = history.parts(&plan);
    let (commits, kept) = run(parts, (&plan, policies), (orders, workers), kept);
    let mut rankings: BTreeMap<String, Shown> = BTreeMap::new();
    let (mut line, mut told, mut pairs) = (Vec::new(), false, 0);
    for (number, commit) in commits.iter().enumerate() {
        for change in commit.changes.iter() {
            line.clear();
            push_change(&mut line, &plan, change, number as u64 + 1);
            take(&mut rankings, &line);
        }
        told |= !commit.changes.is_empty();
        if !told && goes_on {
            continue;
        }
        let cut = cut(&history, commit);
        for (name, hops) in [("tumble", false), ("hop", true)] {
            let (mut want, count) = history.shown(hops, &cut);
            let found = rankings.get(name).cloned().unwrap_or_default();
            if goes_on {
                // What was dropped before is not told again.
                let is_told = |window| found.keys().any(|(w, _)| *w == window);
                let dropped = history.dropped(&cut);
                want.retain(|(window, _), _| window.1 > dropped || is_told(*window));
            }
            assert_eq!(
                found,
                want,
                "{about}, {name} at {cut:?}, ON {}",
                history.on()
            );
            pairs += count;
        }
    }
    let whole = commits.last().map(|last| cut(&history, last));
    let all = [0, 1].map(|t| history.tables[t].iter().map(Vec::len).collect::<Vec<_>>());
    assert_eq!(
        whole,
        Some(all),
        "{about}: the last commit is of all there is"
    );
    Run {
        kept,
        late: history.late(),
        pairs,
    }
}

fn cut(history: &History, commit: &Commit) -> [Vec<usize>; 2] {
    let mut ids = 0..;
    [0, 1].map(|table: usize| {
        let ids = ids.by_ref().take(history.tables[table].len());
        let offset = |id: PartitionId| commit.offsets.get(&id).copied().unwrap_or(0) as usize;
        ids.map(offset).collect()
    })
}

fn take(rankings: &mut BTreeMap<String, Shown>, line: &[u8]) {
    let change: Value = serde_json::from_slice(line).unwrap();
    let shown = rankings.entry(change["ranking"].as_str().unwrap().to_owned());
    let shown = shown.or_default();
    let window = (bound(&change["window_start"]), bound(&change["window_end"]));
    let row = &change["row"];
    let at = (window, row["k"].as_str().map(str::to_owned));
    if change["op"] == "delete" {
        assert!(shown.remove(&at).is_some(), "a delete of nothing: {change}");
        return;
    }
    let measures = ["n", "total", "most", "d"].map(|name| (name.to_owned(), row[name].clone()));
    shown.insert(at, Value::Object(measures.into_iter().collect()));
}

/// Reads all of a history; with the snapshot that was made on the way, if it was long enough.
pub fn whole(seed: u64, workers: usize) -> Run {
    checked(seed, seed, workers, None)
}

/// Goes on from a snapshot.
pub fn from(seed: u64, workers: usize, kept: Keeps) {
    checked(seed, seed + 1_000_000, workers, Some(kept));
}
