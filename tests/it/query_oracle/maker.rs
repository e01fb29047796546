//! Queries made up at random, each as two texts: for the binary, and for Postgres.
//!
//! ```text
//! relation ─ window ─► groups, or rows as they are ─► HAVING ─► rank ─► what of it ─► another level over it
//! ```
//!
//! Where both mean the same by the same text they get the same text. What Postgres gets otherwise is written where it is made: the
//! windows, NULL's place in an order, the last tie-break, and the digits of `AVG` and its like.

use crate::support::Dice;

/// A query for both.
#[derive(Clone)]
pub struct Made {
    pub ours: String,
    pub theirs: String,
    pub columns: Vec<String>,
    /// It shows `window_start` and `window_end`.
    pub windowed: bool,
    /// The column with the rank, if it shows one.
    pub rank: Option<String>,
}

/// A column: its name, whether it is a number.
type Named = (String, bool);

/// Groups, or rows that are ranked as they are.
struct Inner {
    ours: String,
    theirs: String,
    /// What names a row, in the order of its ties.
    keys: Vec<Named>,
    all: Vec<Named>,
    windowed: bool,
}

pub struct Maker {
    pub dice: Dice,
}

const BOUNDS: &str = "window_start, window_end";

/// Keys: as expressions over what all relations have, and whether they are numbers.
const KEYS: &[(&str, bool)] = &[
    ("k", false),
    ("g", false),
    ("n", true),
    ("UPPER(k)", false),
    ("COALESCE(k, '?')", false),
    ("k || '-' || g", false),
    ("SUBSTRING(k, 1, 2)", false),
    ("CASE WHEN n > 1 THEN 'hi' WHEN n < 0 THEN 'lo' END", false),
    ("CHAR_LENGTH(k)", true),
    ("ABS(n)", true),
    ("MOD(n, 3)", true),
    ("n / 2", true),
];

/// Measures for both, and where Postgres' has other digits its own; `{F}` is the place of the filter.
const MEASURES: &[(&str, &str)] = &[
    ("COUNT(*){F}", ""),
    ("COUNT(n){F}", ""),
    ("SUM(n){F}", ""),
    ("SUM(d){F}", ""),
    ("MIN(n){F}", ""),
    ("MAX(d){F}", ""),
    ("MIN(k){F}", ""),
    ("MAX(k){F}", ""),
    ("COUNT(DISTINCT k){F}", ""),
    ("COUNT(DISTINCT n){F}", ""),
    ("SUM(CASE WHEN n > 0 THEN d ELSE 0 END)", ""),
    ("MAX(n) - MIN(n)", ""),
    ("SUM(d) * 2 + COUNT(*)", ""),
    ("COALESCE(SUM(n), 0)", ""),
    ("AVG(d){F}", "round(avg(d){F}, 2)"),
    ("AVG(n){F}", "round(avg(n){F}, 2)"),
    ("VAR_POP(n){F}", "round(var_pop(n::numeric(60, 30)){F}, 6)"),
    (
        "STDDEV_SAMP(d){F}",
        "round(stddev_samp(d::numeric(60, 30)){F}, 6)",
    ),
    (
        "PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY n){F}",
        "round((percentile_cont(0.25) WITHIN GROUP (ORDER BY n){F})::numeric, 6)",
    ),
];

const CONDITIONS: &[&str] = &[
    "n > 0",
    "n IS NOT NULL",
    "k <> 'bob'",
    "k LIKE '%n%'",
    "k NOT LIKE 'a_n'",
    "d BETWEEN 1 AND 50",
    "g IN ('x', 'y')",
    "n NOT IN (1, 2)",
    "NOT (n = 2)",
    "n IS DISTINCT FROM 1",
    "g IS NOT DISTINCT FROM NULL",
    "CHAR_LENGTH(k) > 3",
    "d > n",
    "(n > 1) IS NOT TRUE",
];

const HAVING: &[&str] = &[
    "COUNT(*) > 1",
    "SUM(n) > 0",
    "MAX(d) IS NOT NULL",
    "COUNT(*) < 5 AND MIN(n) < 3",
    "SUM(d) BETWEEN -20 AND 120 OR COUNT(DISTINCT k) = 1",
];

impl Maker {
    pub fn roll(&mut self, n: u64) -> usize {
        self.dice.roll(n) as usize
    }

    fn one<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let at = self.roll(all.len() as u64);
        &all[at]
    }

    fn condition(&mut self) -> String {
        let a = *self.one(CONDITIONS);
        match self.roll(4) {
            0 => {
                let (b, op) = (*self.one(CONDITIONS), *self.one(&["AND", "OR"]));
                format!("({a} {op} {b})")
            }
            _ => a.to_owned(),
        }
    }

    fn filter(&mut self) -> String {
        match self.roll(3) {
            0 => format!(" WHERE {}", self.condition()),
            _ => String::new(),
        }
    }

    /// One that is a ranking, or groups.
    pub fn any(&mut self) -> Made {
        match self.roll(10) {
            0 => self.distinct(),
            1 | 2 => self.nested(),
            _ => self.plain(),
        }
    }

    fn plain(&mut self) -> Made {
        let inner = match self.roll(4) {
            0 => self.rows(),
            _ => self.groups(),
        };
        let is_rows = inner.keys.iter().any(|(key, _)| key == "id");
        let is_across = inner.windowed && !is_rows && !inner.ours.contains("SESSION");
        match self.roll(5) {
            0 if !inner.keys.iter().any(|(key, _)| key == "id") => self.unranked(inner),
            1 if !inner.windowed || is_across => self.limited(inner),
            _ if is_across && self.roll(8) == 0 => self.across(inner),
            _ => self.ranked(inner),
        }
    }

    /// Ranked across windows: which one a row is of is one of its keys, and no window any more.
    fn across(&mut self, mut inner: Inner) -> Made {
        inner.windowed = false;
        inner.keys.insert(0, ("window_end".to_owned(), false));
        self.ranked(inner)
    }

    /// What is read, for both: in windows, or not. Of sessions also what they are by.
    fn from(&mut self, relation: &str) -> (String, String, bool, bool) {
        let hours = 1 + self.roll(3);
        let binned = |seconds: usize, offset: usize| {
            format!("date_bin('{seconds} s', ts, timestamp '1970-01-01' + interval '{offset} s')")
        };
        match self.roll(6) {
            0 | 1 => (relation.to_owned(), relation.to_owned(), false, false),
            2 => {
                let offset = self.roll(3) * 15;
                let start = binned(hours * 3600, offset * 60);
                let ours = match (offset, self.roll(3)) {
                    (0, 0) => format!("TUMBLE({relation}, ts, INTERVAL '{hours} hours')"),
                    _ => format!(
                        "TABLE(TUMBLE(TABLE {relation}, DESCRIPTOR(ts), INTERVAL '{hours}' HOUR, INTERVAL '{offset}' MINUTE))"
                    ),
                };
                let theirs = format!(
                    "(SELECT r.*, {start} AS window_start, {start} + interval '{hours} hours' AS window_end FROM {relation} AS r) AS w"
                );
                (ours, theirs, true, false)
            }
            3 => {
                let size = hours * (1 + self.roll(3));
                let start = binned(hours * 3600, 0);
                let start = format!("{start} - i * interval '{hours} hours'");
                let ours = format!(
                    "TABLE(HOP(TABLE {relation}, DESCRIPTOR(ts), INTERVAL '{hours}' HOUR, INTERVAL '{size}' HOUR))"
                );
                let last = size / hours - 1;
                let theirs = format!(
                    "(SELECT r.*, {start} AS window_start, {start} + interval '{size} hours' AS window_end \
                     FROM {relation} AS r, generate_series(0, {last}) AS i) AS w"
                );
                (ours, theirs, true, false)
            }
            4 => {
                let steps = 2 + self.roll(3);
                let size = hours * steps;
                let start = binned(size * 3600, 0);
                let end = format!("{start} + i * interval '{hours} hours'");
                let ours = format!(
                    "TABLE(CUMULATE(TABLE {relation}, DESCRIPTOR(ts), INTERVAL '{hours}' HOUR, INTERVAL '{size}' HOUR))"
                );
                let theirs = format!(
                    "(SELECT r.*, {start} AS window_start, {end} AS window_end \
                     FROM {relation} AS r, generate_series(1, {steps}) AS i WHERE ts < {end}) AS w"
                );
                (ours, theirs, true, false)
            }
            _ => {
                let gap = 5 + self.roll(30);
                let ours = format!(
                    "TABLE(SESSION(TABLE {relation} PARTITION BY k, DESCRIPTOR(ts), INTERVAL '{gap}' MINUTE))"
                );
                let theirs = format!(
                    "(SELECT s.*, min(ts) OVER (PARTITION BY k, run) AS window_start, \
                     max(ts) OVER (PARTITION BY k, run) + interval '{gap} minutes' AS window_end FROM ( \
                     SELECT q.*, sum(starts) OVER (PARTITION BY k ORDER BY ts) AS run FROM ( \
                     SELECT r.*, CASE WHEN ts > lag(ts) OVER (PARTITION BY k ORDER BY ts) + interval '{gap} minutes' \
                     THEN 1 ELSE 0 END AS starts FROM {relation} AS r) AS q) AS s) AS w"
                );
                (ours, theirs, true, true)
            }
        }
    }

    fn groups(&mut self) -> Inner {
        let relation = *self.one(&["t", "t", "both_of_them", "tagged"]);
        let (ours, theirs, windowed, by_session) = self.from(relation);
        let mut picked: Vec<(&str, bool)> = match by_session {
            true => vec![("k", false)],
            false => Vec::new(),
        };
        for _ in 0..self.roll(3) {
            let key = *self.one(KEYS);
            if !picked.contains(&key) {
                picked.push(key);
            }
        }
        let mut all: Vec<Named> = Vec::new();
        let (mut list, mut list_of_theirs) = (Vec::new(), Vec::new());
        if windowed {
            list.push(BOUNDS.to_owned());
            list_of_theirs.push(BOUNDS.to_owned());
        }
        for (n, (key, is_number)) in picked.iter().enumerate() {
            list.push(format!("{key} AS c{n}"));
            list_of_theirs.push(format!("{key} AS c{n}"));
            all.push((format!("c{n}"), *is_number));
        }
        let keys = all.clone();
        for n in 0..1 + self.roll(3) {
            let (of_both, of_theirs) = *self.one(MEASURES);
            let filter = match self.roll(3) {
                0 => format!(" FILTER (WHERE {})", self.condition()),
                _ => String::new(),
            };
            let of_theirs = if of_theirs.is_empty() {
                of_both
            } else {
                of_theirs
            };
            list.push(format!("{} AS m{n}", of_both.replace("{F}", &filter)));
            list_of_theirs.push(format!("{} AS m{n}", of_theirs.replace("{F}", &filter)));
            let is_text = of_both.starts_with("MIN(k") || of_both.starts_with("MAX(k");
            all.push((format!("m{n}"), !is_text));
        }
        let filter = self.filter();
        let bounds = if windowed { BOUNDS } else { "" };
        let by: Vec<&str> = bounds
            .split(", ")
            .filter(|b| !b.is_empty())
            .chain(picked.iter().map(|(key, _)| *key))
            .collect();
        let mut tail = match by.is_empty() {
            true => String::new(),
            false => format!(" GROUP BY {}", by.join(", ")),
        };
        // Without groups Postgres has a row of no rows: here there is none.
        let having = match self.roll(4) {
            0 => Some(*self.one(HAVING)),
            _ => None,
        };
        let mut tail_of_theirs = tail.clone();
        if windowed && !by_session && self.roll(4) == 0 {
            // Here the end says which window it is.
            tail = tail.replacen(BOUNDS, "window_end", 1);
        }
        let some = by.is_empty().then_some("COUNT(*) > 0");
        let theirs_having: Vec<String> = having
            .into_iter()
            .chain(some)
            .map(|h| format!("({h})"))
            .collect();
        if !theirs_having.is_empty() {
            tail_of_theirs += &format!(" HAVING {}", theirs_having.join(" AND "));
        }
        if let Some(having) = having {
            tail += &format!(" HAVING {having}");
        }
        Inner {
            ours: format!("SELECT {} FROM {ours}{filter}{tail}", list.join(", ")),
            theirs: format!(
                "SELECT {} FROM {theirs}{filter}{tail_of_theirs}",
                list_of_theirs.join(", ")
            ),
            keys,
            all,
            windowed,
        }
    }

    /// Rows as they are, of the table whose `id` counts them.
    fn rows(&mut self) -> Inner {
        let (ours, theirs, windowed, _) = self.from("t");
        let filter = self.filter();
        let bounds = if windowed {
            "window_start, window_end, "
        } else {
            ""
        };
        let list = format!("{bounds}id, k, g, n, d, UPPER(k) || '!' AS e, n * 2 AS f");
        let named = [
            ("id", true),
            ("k", false),
            ("g", false),
            ("n", true),
            ("d", true),
            ("e", false),
            ("f", true),
        ];
        Inner {
            ours: format!("SELECT {list} FROM {ours}{filter}"),
            theirs: format!("SELECT {list} FROM {theirs}{filter}"),
            keys: vec![("id".to_owned(), true)],
            all: named.map(|(n, is)| (n.to_owned(), is)).to_vec(),
            windowed,
        }
    }

    fn unranked(&mut self, inner: Inner) -> Made {
        let columns = inner.all.into_iter().map(|(name, _)| name);
        Made {
            ours: inner.ours,
            theirs: inner.theirs,
            columns: columns.collect(),
            windowed: inner.windowed,
            rank: None,
        }
    }

    /// Terms of an order for both; the last of theirs are what ties go by here.
    fn order(&mut self, inner: &Inner, with_ties: bool) -> (String, String) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..1 + self.roll(2) {
            let column = self.one(&inner.all).0.clone();
            let (way, of_theirs) = *self.one(&[
                ("", " ASC NULLS FIRST"),
                (" DESC", " DESC NULLS LAST"),
                (" NULLS LAST", " ASC NULLS LAST"),
                (" DESC NULLS FIRST", " DESC NULLS FIRST"),
            ]);
            ours.push(format!("{column}{way}"));
            theirs.push(format!("{column}{of_theirs}"));
        }
        if with_ties {
            theirs.extend(
                inner
                    .keys
                    .iter()
                    .map(|(key, _)| format!("{key} ASC NULLS FIRST")),
            );
        }
        (ours.join(", "), theirs.join(", "))
    }

    /// `ORDER BY … LIMIT`.
    fn limited(&mut self, mut inner: Inner) -> Made {
        if inner.windowed {
            inner.keys.insert(0, ("window_end".to_owned(), false));
        }
        let (ours, theirs) = self.order(&inner, true);
        let offset = match self.roll(3) {
            0 => format!(" OFFSET {}", self.roll(4)),
            _ => String::new(),
        };
        let limit = format!("LIMIT {}{offset}", 1 + self.roll(6));
        let columns: Vec<String> = inner.all.iter().map(|(name, _)| name.clone()).collect();
        let list = columns.join(", ");
        Made {
            ours: format!(
                "SELECT {list} FROM ({}) ORDER BY {ours} {limit}",
                inner.ours
            ),
            theirs: format!(
                "SELECT {list} FROM ({}) AS i ORDER BY {theirs} {limit}",
                inner.theirs
            ),
            columns,
            windowed: false,
            rank: None,
        }
    }

    fn ranked(&mut self, inner: Inner) -> Made {
        let function = self.roll(3);
        let names = ["ROW_NUMBER", "RANK", "DENSE_RANK"];
        let (ours, theirs) = self.order(&inner, false);
        let ties: String = inner
            .keys
            .iter()
            .map(|(key, _)| format!(", {key} ASC NULLS FIRST"))
            .collect();
        let is_told_by_end = !inner.ours.contains("SESSION") && self.roll(4) == 0;
        let mut by: Vec<String> = match (inner.windowed, is_told_by_end) {
            (true, true) => vec!["window_end".to_owned()],
            (true, false) => vec![BOUNDS.to_owned()],
            (false, _) => Vec::new(),
        };
        let places: Vec<&Named> = match inner.keys[..] {
            [ref key] if key.0 == "id" => inner.all.iter().filter(|(c, _)| c == "g").collect(),
            _ => inner.keys.iter().collect(),
        };
        if !places.is_empty() && self.roll(3) == 0 {
            let place = self.one(&places).0.clone();
            by.push(place);
        }
        let by = match by.is_empty() {
            true => String::new(),
            false => format!("PARTITION BY {} ", by.join(", ")),
        };
        let call = |function: usize, order: &str, ties: &str| {
            let ties = if function == 0 { ties } else { "" };
            format!("{}() OVER ({by}ORDER BY {order}{ties})", names[function])
        };
        let second = (self.roll(4) == 0).then(|| (function + 1 + self.roll(2)) % 3);
        let mut columns: Vec<String> = inner.all.iter().map(|(name, _)| name.clone()).collect();
        let mut list = columns.clone();
        let (mut more, mut more_of_theirs) = (String::new(), String::new());
        if let Some(second) = second {
            more = format!(", {} AS r2", call(second, &ours, ""));
            more_of_theirs = format!(", {} AS r2", call(second, &theirs, &ties));
            list.push("r2".to_owned());
            columns.push("r2".to_owned());
        }
        match self.roll(6) {
            0 => {
                list.push("CASE WHEN rn = 1 THEN 'first' ELSE 'other' END AS medal".to_owned());
                columns.push("medal".to_owned());
            }
            1 => {
                let number = inner.all.iter().find(|(_, is_number)| *is_number);
                let of = number.map_or("1", |(name, _)| name);
                list.push(format!("rn * 10 + COALESCE({of}, 0) AS mixed"));
                columns.push("mixed".to_owned());
            }
            _ => {}
        }
        let rank = (self.roll(4) > 0).then(|| "rn".to_owned());
        list.extend(rank.clone());
        if inner.windowed {
            list.insert(0, BOUNDS.to_owned());
        }
        let (list, condition) = (list.join(", "), self.of_rank(&inner));
        let over = |inner: &str, call: String, more: &str, name: &str| {
            format!(
                "SELECT {list} FROM (SELECT *, {call} AS rn{more} FROM ({inner}){name}){name}{condition}"
            )
        };
        Made {
            ours: over(&inner.ours, call(function, &ours, ""), &more, ""),
            theirs: over(
                &inner.theirs,
                call(function, &theirs, &ties),
                &more_of_theirs,
                " AS i",
            ),
            columns,
            windowed: inner.windowed,
            rank,
        }
    }

    /// Which of the ranked rows.
    fn of_rank(&mut self, inner: &Inner) -> String {
        let n = 1 + self.roll(4);
        let column = self.one(&inner.all).clone();
        let beside = match column {
            (name, true) => format!("{name} > 1"),
            (name, false) => format!("{name} IS NOT NULL"),
        };
        let condition = match self.roll(14) {
            0 => return String::new(),
            1 => format!("rn = {n}"),
            2 => format!("rn BETWEEN {n} AND {}", n + 2),
            3 => format!("rn > {n} AND rn <= {}", n + 2),
            4 => format!("{} > rn", n + 1),
            5 => "rn IN (1, 3)".to_owned(),
            6 => format!("rn <> {n} AND rn <= 5"),
            7 => "MOD(rn, 2) = 1".to_owned(),
            8 => format!("rn <= {n} OR {beside}"),
            9 => format!("rn <= {n} AND {beside}"),
            10 => format!("rn >= {n}"),
            _ => format!("rn <= {n}"),
        };
        format!(" WHERE {condition}")
    }

    fn distinct(&mut self) -> Made {
        let relation = *self.one(&["t", "both_of_them", "tagged"]);
        let (ours, theirs, windowed) = loop {
            // What sessions are by would have to be selected.
            let (ours, theirs, windowed, by_session) = self.from(relation);
            if !by_session {
                break (ours, theirs, windowed);
            }
        };
        let mut picked: Vec<&str> = Vec::new();
        for _ in 0..1 + self.roll(2) {
            let key = self.one(KEYS).0;
            if !picked.contains(&key) {
                picked.push(key);
            }
        }
        let columns: Vec<String> = (0..picked.len()).map(|n| format!("c{n}")).collect();
        let mut list: Vec<String> = picked
            .iter()
            .zip(&columns)
            .map(|(key, name)| format!("{key} AS {name}"))
            .collect();
        if windowed {
            list.insert(0, BOUNDS.to_owned());
        }
        let (list, filter) = (list.join(", "), self.filter());
        Made {
            ours: format!("SELECT DISTINCT {list} FROM {ours}{filter}"),
            theirs: format!("SELECT DISTINCT {list} FROM {theirs}{filter}"),
            columns,
            windowed,
            rank: None,
        }
    }

    /// Groups over what is groups or ranked already.
    fn nested(&mut self) -> Made {
        let inner = loop {
            let inner = self.plain();
            // Groups in the windows of sessions are refused.
            if !inner.ours.contains("SESSION") {
                break inner;
            }
        };
        let mut keys: Vec<String> = Vec::new();
        if self.roll(3) > 0 {
            keys.push(self.one(&inner.columns).clone());
        }
        let keeps = inner.windowed && self.roll(2) == 0;
        let mut list: Vec<String> = Vec::new();
        let mut by = keys.clone();
        if keeps {
            list.push(BOUNDS.to_owned());
            by.insert(0, BOUNDS.to_owned());
        }
        list.extend(keys.iter().map(|key| format!("{key} AS o0")));
        let counted = self.one(&inner.columns).clone();
        list.push("COUNT(*) AS many".to_owned());
        list.push(format!("COUNT(DISTINCT {counted}) AS different"));
        list.push(format!("MAX({counted}) AS greatest"));
        let mut columns: Vec<String> = keys.iter().map(|_| "o0".to_owned()).collect();
        columns.extend(["many", "different", "greatest"].map(str::to_owned));
        if let Some(rank) = &inner.rank {
            list.push(format!("SUM({rank}) AS ranks"));
            columns.push("ranks".to_owned());
        }
        let list = list.join(", ");
        let (tail, some) = match by.is_empty() {
            true => (String::new(), " HAVING COUNT(*) > 0"),
            false => (format!(" GROUP BY {}", by.join(", ")), ""),
        };
        Made {
            ours: format!("SELECT {list} FROM ({}){tail}", inner.ours),
            theirs: format!("SELECT {list} FROM ({}) AS o{tail}{some}", inner.theirs),
            columns,
            windowed: keeps,
            rank: None,
        }
    }
}
