//! What a batch query over the tables as they stood comes to, from the words of docs/joins.md alone: every state of every table is
//! kept whole, and each row is looked up for itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::history::{Does, Fact, HOUR, History, MINUTE, OfFacts, OfRows, Row};

/// Start and end, ms.
pub type Window = (i64, i64);
/// How many records of each partition: of facts, of cities, of zones.
pub type Cut = [Vec<usize>; 3];
/// The rows of a ranking's window: by key, what is measured.
pub type Rows = BTreeMap<Option<String>, Value>;

/// A fact and what it is joined with.
type Beside<'a> = (&'a Fact, Option<&'a Row>, Option<&'a Row>);

/// A ranking, as SQL and by hand.
pub struct Ranking {
    pub name: &'static str,
    pub sql: String,
    hops: bool,
    /// The join with cities, and that with zones: whether rows without a partner stay, whether as it was.
    cities: (bool, bool),
    zones: Option<(bool, bool)>,
    passes: fn(&Beside<'_>) -> bool,
    key: fn(&Beside<'_>) -> Option<String>,
    measures: fn(&[Beside<'_>]) -> Value,
}

const TUMBLE: &str = "TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR))";
const HOP: &str =
    "TABLE(HOP(TABLE orders, DESCRIPTOR(at), INTERVAL '30' MINUTE, INTERVAL '90' MINUTE))";
const OF_FACT: &str =
    "SUM(s.amount) AS total, COUNT(*) AS n, MAX(s.amount) AS most, COUNT(DISTINCT s.city) AS d";
const OF_BOTH: &str = "SUM(s.amount * c.factor) AS total, COUNT(c.factor) AS n, MIN(c.factor) AS most, \
                       COUNT(DISTINCT c.region) AS d";
const OF_THREE: &str = "SUM(s.qty) AS total, COUNT(*) AS n, MAX(z.rate) AS most, \
                        SUM(z.rate) FILTER (WHERE c.factor > 1) AS d";

fn sql(from: &str, joins: &str, key: &str, measures: &str) -> String {
    format!(
        "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC) AS place FROM (
           SELECT window_start, window_end, {key} AS k, {measures} FROM {from} AS s {joins} GROUP BY window_start, window_end, {key}))"
    )
}

/// All that every history is asked.
pub fn rankings() -> Vec<Ranking> {
    let join = |(left, was): (bool, bool), table: &str, on: &str| {
        format!(
            "{}JOIN {table} {}AS {} ON {on}",
            if left { "LEFT " } else { "" },
            if was {
                "FOR SYSTEM_TIME AS OF s.at "
            } else {
                ""
            },
            &table[..1],
        )
    };
    type Of = (&'static str, bool, (bool, bool), Option<(bool, bool)>, u8);
    let all: [Of; 9] = [
        ("is_left", false, (true, false), None, 0),
        ("is_inner", false, (false, false), None, 1),
        ("was_left", false, (true, true), None, 0),
        ("was_inner", true, (false, true), None, 1),
        ("is_is", false, (true, false), Some((true, false)), 2),
        ("was_is", true, (false, true), Some((true, false)), 2),
        ("is_was", false, (true, false), Some((false, true)), 2),
        ("was_was", false, (true, true), Some((true, true)), 2),
        ("some", false, (true, false), None, 3),
    ];
    let ranking = |(name, hops, cities, zones, kind): Of| {
        let mut joins = join(cities, "cities", "s.city = c.name");
        if let Some(zones) = zones {
            joins += " ";
            joins += &join(zones, "zones", "c.zone = z.id");
        }
        if kind == 3 {
            joins += " WHERE (c.factor > 0 OR c.name IS NULL) AND s.qty > 0";
        }
        let (key, measures) = match kind {
            0 => ("c.region", OF_FACT),
            1 => ("c.region", OF_BOTH),
            2 => ("z.country", OF_THREE),
            _ => ("s.city", OF_BOTH),
        };
        Ranking {
            name,
            sql: sql(if hops { HOP } else { TUMBLE }, &joins, key, measures),
            hops,
            cities,
            zones,
            passes: match kind {
                3 => |(fact, city, _)| fact.qty > 0 && city.is_none_or(|city| city.number > 0),
                _ => |_| true,
            },
            key: match kind {
                2 => |(.., zone)| zone.and_then(|zone| zone.name).map(str::to_owned),
                3 => |(fact, ..)| fact.city.map(str::to_owned),
                _ => |(_, city, _)| city.and_then(|city| city.name).map(str::to_owned),
            },
            measures: match kind {
                0 => of_fact,
                2 => of_three,
                _ => of_both,
            },
        }
    };
    all.into_iter().map(ranking).collect()
}

fn money(cents: i64) -> Value {
    let sign = if cents < 0 { "-" } else { "" };
    Value::from(format!(
        "{sign}{}.{:02}",
        cents.abs() / 100,
        cents.abs() % 100
    ))
}

fn of_fact(rows: &[Beside<'_>]) -> Value {
    let cents = || rows.iter().map(|(fact, ..)| fact.cents);
    let cities: BTreeSet<_> = rows.iter().filter_map(|(fact, ..)| fact.city).collect();
    json!({"total": money(cents().sum()), "n": rows.len(), "most": cents().max().map(money), "d": cities.len()})
}

fn of_both(rows: &[Beside<'_>]) -> Value {
    let all: Vec<_> = rows
        .iter()
        .filter_map(|(fact, city, _)| Some((fact, (*city)?)))
        .collect();
    let total: i64 = all
        .iter()
        .map(|(fact, city)| fact.cents * city.number)
        .sum();
    let regions: BTreeSet<_> = all.iter().filter_map(|(_, city)| city.name).collect();
    json!({
        "total": (!all.is_empty()).then(|| money(total)),
        "n": all.len(),
        "most": all.iter().map(|(_, city)| city.number).min(),
        "d": regions.len(),
    })
}

fn of_three(rows: &[Beside<'_>]) -> Value {
    let rates = || {
        rows.iter()
            .filter_map(|(_, city, zone)| Some((*city, (*zone)?.number)))
    };
    let some: Vec<i64> = rates()
        .filter(|(city, _)| city.is_some_and(|city| city.number > 1))
        .map(|(_, rate)| rate)
        .collect();
    json!({
        "total": rows.iter().map(|(fact, ..)| fact.qty).sum::<i64>(),
        "n": rows.len(),
        "most": rates().map(|(_, rate)| rate).max(),
        "d": (!some.is_empty()).then(|| some.iter().sum::<i64>()),
    })
}

impl Ranking {
    fn windows(&self, time: i64) -> Vec<Window> {
        let (step, length) = match self.hops {
            true => (30 * MINUTE, 90 * MINUTE),
            false => (HOUR, HOUR),
        };
        let last = time.div_euclid(step) * step;
        let starts = (0..).map(|n| last - n * step);
        let starts = starts.take_while(|start| start + length > time);
        starts.map(|start| (start, start + length)).collect()
    }
}

/// A partition of facts: its rows and its watermark before each record, and after the last.
struct Partition {
    states: Vec<BTreeMap<i64, Fact>>,
    watermarks: Vec<Option<i64>>,
}

impl Partition {
    fn new(records: &OfFacts, out_of_orderness: i64) -> Self {
        let (mut rows, mut greatest) = (BTreeMap::new(), None);
        let mut all = Partition {
            states: vec![BTreeMap::new()],
            watermarks: vec![None],
        };
        for record in records {
            match record {
                Does::Put(key, fact) => {
                    rows.insert(*key, fact.clone());
                    greatest = greatest.max(Some(fact.at));
                }
                Does::End(key) => drop(rows.remove(key)),
                Does::Empty => rows.clear(),
            }
            all.states.push(rows.clone());
            all.watermarks.push(greatest.map(|t| t - out_of_orderness));
        }
        all
    }

    /// The first record at which a window could change no more.
    fn late(&self, window: Window, lateness: i64) -> Option<usize> {
        let is_late = |w: &Option<i64>| w.is_some_and(|w| w >= window.1 + lateness);
        self.watermarks.iter().position(is_late)
    }
}

/// A dimension at a cut: by key, the row now, and what it was from when on.
struct Dimension {
    now: BTreeMap<String, Row>,
    then: BTreeMap<String, Vec<(i64, Option<Row>)>>,
}

impl Dimension {
    fn new(partitions: &[OfRows], upto: &[usize]) -> Self {
        let (mut now, mut then) = (BTreeMap::new(), BTreeMap::new());
        // The lowest partition that has a key speaks.
        for (records, upto) in partitions.iter().zip(upto).rev() {
            let mut live: BTreeMap<String, Row> = BTreeMap::new();
            let mut versions: BTreeMap<String, BTreeMap<i64, Option<Row>>> = BTreeMap::new();
            let mut put = |key: &str, time, row| {
                let own = versions.entry(key.to_owned()).or_default();
                own.insert(time, row);
            };
            for (does, time) in &records[..*upto] {
                match does {
                    Does::Put(key, row) => {
                        put(key, *time, Some(row.clone()));
                        live.insert(key.clone(), row.clone());
                    }
                    Does::End(key) => {
                        put(key, *time, None);
                        live.remove(key);
                    }
                    Does::Empty => {
                        live.keys().for_each(|key| put(key, *time, None));
                        live.clear();
                    }
                }
            }
            now.extend(live);
            let sorted = versions
                .into_iter()
                .map(|(key, all)| (key, all.into_iter().collect()));
            then.extend(sorted);
        }
        Dimension { now, then }
    }

    fn find(&self, key: &str, was: bool, time: i64) -> Option<&Row> {
        if !was {
            return self.now.get(key);
        }
        let versions = self.then.get(key)?;
        let mut held = versions.iter().rev();
        held.find(|(from, _)| *from <= time)?.1.as_ref()
    }
}

/// All that was read.
pub struct Model<'a> {
    history: &'a History,
    partitions: Vec<Partition>,
}

impl<'a> Model<'a> {
    pub fn new(history: &'a History) -> Self {
        let each = history.facts.iter();
        let each = each.map(|records| Partition::new(records, history.out_of_orderness));
        Model {
            history,
            partitions: each.collect(),
        }
    }

    /// Whether no partition can change a window any more after a prefix of each.
    pub fn is_over(&self, window: Window, cut: &Cut) -> bool {
        let mut each = self.partitions.iter().zip(&cut[0]);
        each.all(|(of, upto)| {
            let late = of.late(window, self.history.lateness);
            late.is_some_and(|late| late <= *upto)
        })
    }

    /// What a ranking shows after a prefix of each partition: of one window, or of all.
    pub fn shown(
        &self,
        ranking: &Ranking,
        cut: &Cut,
        only: Option<Window>,
    ) -> BTreeMap<Window, Rows> {
        let cities = Dimension::new(&self.history.cities, &cut[1]);
        let zones = Dimension::new(&self.history.zones, &cut[2]);
        let mut groups: BTreeMap<Window, BTreeMap<Option<String>, Vec<Beside<'_>>>> =
            BTreeMap::new();
        for (partition, upto) in self.partitions.iter().zip(&cut[0]) {
            let times = partition.states[..=*upto]
                .iter()
                .flat_map(|rows| rows.values());
            let windows: BTreeSet<Window> =
                times.flat_map(|fact| ranking.windows(fact.at)).collect();
            for window in windows {
                if only.is_some_and(|only| only != window) {
                    continue;
                }
                let late = partition.late(window, self.history.lateness);
                let rows = &partition.states[late.unwrap_or(*upto).min(*upto)];
                let own = rows
                    .values()
                    .filter(|f| ranking.windows(f.at).contains(&window));
                for beside in own.filter_map(|fact| beside(ranking, fact, &cities, &zones)) {
                    let keys = groups.entry(window).or_default();
                    keys.entry((ranking.key)(&beside)).or_default().push(beside);
                }
            }
        }
        let rows = |keys: BTreeMap<_, Vec<_>>| {
            let rows = keys.into_iter();
            rows.map(|(key, all)| (key, (ranking.measures)(&all)))
                .collect()
        };
        groups
            .into_iter()
            .map(|(window, keys)| (window, rows(keys)))
            .collect()
    }
}

/// A fact beside what it is joined with, if it stays.
fn beside<'a>(
    ranking: &Ranking,
    fact: &'a Fact,
    cities: &'a Dimension,
    zones: &'a Dimension,
) -> Option<Beside<'a>> {
    let (left, was) = ranking.cities;
    let city = fact.city.and_then(|city| cities.find(city, was, fact.at));
    if city.is_none() && !left {
        return None;
    }
    let mut zone = None;
    if let Some((left, was)) = ranking.zones {
        let key = city.and_then(|city| city.zone).map(|zone| zone.to_string());
        zone = key.and_then(|key| zones.find(&key, was, fact.at));
        if zone.is_none() && !left {
            return None;
        }
    }
    let all = (fact, city, zone);
    (ranking.passes)(&all).then_some(all)
}
