//! The plan of a ranking as a tree: what becomes of rows on their way up, and what each step keeps, for how long.
//!
//! ```text
//! shown: city, total, rn
//! └─ ranks 1 to 10
//!    └─ ranked within each window: by total descending
//!       └─ groups by city: total
//!          keeps a row for each group and window, until the window is let go
//!          └─ in windows: each 1d (UTC)
//!             └─ the rows of sales
//! ```

use super::{computed, noun};
use standings_model::plan::{Aggregate, Input, Plan, Provisional, RankFunction, Ranking};
use standings_model::table::{Origin, Table};

/// A step, over those that it reads.
struct Step {
    says: String,
    keeps: Option<String>,
    reads: Vec<Step>,
}

impl Step {
    fn new(says: impl Into<String>, reads: Vec<Step>) -> Self {
        Step {
            says: says.into(),
            keeps: None,
            reads,
        }
    }

    fn keeps(mut self, what: impl Into<String>) -> Self {
        self.keeps = Some(what.into());
        self
    }

    fn over(self, says: impl Into<String>) -> Self {
        Step::new(says, vec![self])
    }

    /// Its lines, and those of what it reads, behind so many signs.
    fn lines(&self, first: &str, rest: &str, out: &mut Vec<String>) {
        out.push(format!("{first}{}", self.says));
        out.extend(
            self.keeps
                .iter()
                .map(|keeps| format!("{rest}keeps {keeps}")),
        );
        for (n, read) in self.reads.iter().enumerate() {
            let (mark, below) = match n + 1 == self.reads.len() {
                true => ("└─ ", "   "),
                false => ("├─ ", "│  "),
            };
            read.lines(&format!("{rest}{mark}"), &format!("{rest}{below}"), out);
        }
    }
}

/// The lines of a ranking's plan.
pub(super) fn of_ranking(plan: &Plan, ranking: &Ranking) -> Vec<String> {
    let mut out = Vec::new();
    top(plan, ranking).lines("", "", &mut out);
    out
}

fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    all.collect::<Vec<_>>().join(", ")
}

fn top(plan: &Plan, r: &Ranking) -> Step {
    let mut step = groups(plan, r);
    if let Some(function) = r.rank {
        step = ranked(step, r, function);
    }
    if let Some(Aggregate::Computed(n)) = r.shown_if.map(|m| r.measures[m].aggregate) {
        step = step.over(format!("those with {}", computed(r, n)));
    }
    let shown = names(r.fields.iter().map(|field| r.field_name(*field)));
    let rank = if r.shows_rank { ", and the rank" } else { "" };
    let when = match r.provisional {
        Provisional::All => "",
        Provisional::Next => "; of open windows up to the next that ends",
        Provisional::None => "; of closed windows alone",
    };
    step.over(format!("shown: {shown}{rank}{when}"))
        .keeps("what was written last of each row that is shown, as long as its window")
}

fn ranked(step: Step, r: &Ranking, function: RankFunction) -> Step {
    let by = r.partition.iter().map(|p| match r.keys.get(*p) {
        Some(key) => key.name.clone(),
        None => r
            .placed
            .get(p - r.keys.len())
            .map_or_else(String::new, |c| r.row[*c].meaning.clone()),
    });
    let mut within = vec![match r.window.is_always() {
        true => "all time".to_owned(),
        false => "each window".to_owned(),
    }];
    within.extend(by);
    let order = r.order.iter().map(|term| {
        let way = if term.descending {
            "descending"
        } else {
            "ascending"
        };
        format!("{} {way}", r.field_name(term.field))
    });
    let order = order.collect::<Vec<_>>().join(", then ");
    let ties = match function {
        RankFunction::RowNumber => "equal rows by their keys",
        RankFunction::Rank => "equal rows share a rank, with gaps",
        RankFunction::DenseRank => "equal rows share a rank, without gaps",
    };
    let says = format!("ranked within {}, by {order}; {ties}", within.join(" and "));
    let step = step.over(says);
    match (r.from, r.limit) {
        (1, u64::MAX) => step.keeps("the order of every row"),
        (from, u64::MAX) => step
            .keeps("the order of every row")
            .over(format!("ranks from {from}")),
        (from, limit) => step
            .keeps(format!(
                "the order of those that may be among the first {limit}"
            ))
            .over(format!("ranks {from} to {limit}")),
    }
}

/// Groups, or rows as they are.
fn groups(plan: &Plan, r: &Ranking) -> Step {
    let mut step = windows(plan, r);
    let keys = names(r.keys.iter().map(|key| key.name.as_str()));
    let of_rows =
        |m: &&standings_model::plan::Measure| !matches!(m.aggregate, Aggregate::Computed(_));
    let measured = names(r.measures.iter().filter(of_rows).map(|m| m.name.as_str()));
    let mut below = r.inputs.iter().filter_map(|input| plan.below(input));
    let is_of_lives = below.any(|inner| inner.lets_go);
    let long = match r.window.is_always() {
        _ if r.lets_go => format!("until the watermark is {} past its last row", lasts(r)),
        true if is_of_lives => "as long as its key lives".to_owned(),
        true => "for ever: it grows with its keys".to_owned(),
        false => "until the window is let go (--allowed-lateness, --retain)".to_owned(),
    };
    let whole = r.measures.iter().filter(|m| {
        matches!(
            m.aggregate,
            Aggregate::CountDistinct(_) | Aggregate::Percentile { rounded: false, .. }
        )
    });
    let whole = names(whole.map(|m| m.name.as_str()));
    let whole = match whole.is_empty() {
        true => String::new(),
        false => format!(" with every different value of {whole}"),
    };
    step = match (r.is_rows, r.as_they_are || r.is_rows, r.limit) {
        (true, _, limit) if limit < u64::MAX => step
            .over(format!("each row as it is: {measured}"))
            .keeps(format!(
                "the rows with ranks up to {} of each partition, {long}",
                r.limit
            )),
        (_, true, _) => step
            .over(format!("each row as it is, by {keys}: {measured}"))
            .keeps(format!("every row, {long}")),
        _ => {
            let by = match (keys.is_empty(), r.window.is_always()) {
                (true, true) => "all in one group".to_owned(),
                (true, false) => "each window a group".to_owned(),
                (false, _) => format!("groups by {keys}"),
            };
            step.over(format!("{by}: {measured}"))
                .keeps(format!("a row for each group{whole}, {long}"))
        }
    };
    let values = r
        .measures
        .iter()
        .filter(|m| matches!(m.aggregate, Aggregate::Computed(_)));
    let is_condition = |name: &str| name == "HAVING" || name == "WHERE";
    let values = names(values.map(|m| m.name.as_str()).filter(|n| !is_condition(n)));
    if !values.is_empty() {
        step = step.over(format!("computed of them: {values}"));
    }
    if let Some(Aggregate::Computed(n)) = r.having.map(|m| r.measures[m].aggregate) {
        step = step.over(format!("those with {}", computed(r, n)));
    }
    step
}

/// A time to live.
fn lasts(r: &Ranking) -> String {
    standings_model::window::Length::Time(r.window.gap()).to_string()
}

fn windows(plan: &Plan, r: &Ranking) -> Step {
    let mut inputs: Vec<Step> = r.inputs.iter().map(|input| scan(plan, input)).collect();
    let mut step = match inputs.len() {
        1 => inputs.remove(0),
        _ => Step::new("the rows of all of these", inputs),
    };
    if let Some(joined) = &r.joined {
        for join in &joined.joins {
            let name = &plan.tables[join.table].name;
            let how = if join.left {
                "those without one too"
            } else {
                "those that have one"
            };
            let when = match join.as_of {
                true => "as it was at the row's time",
                false => "as it is",
            };
            let partner = Step::new(format!("the rows of {name}"), Vec::new())
                .keeps("the row of each key, as long as windows are that may need it");
            step = Step::new(
                format!("each with its row of {name}, {when}; {how}"),
                vec![step, partner],
            );
        }
    }
    if let Some(paired) = &r.paired {
        let name = &plan.tables[paired.table].name;
        let partner = Step::new(format!("the rows of {name}"), Vec::new())
            .keeps("each row, as long as a window is open that a pair of it may be in; so of the other table");
        let pairs = format!("each beside every row of {name} of the same key that is near in time");
        step = Step::new(pairs, vec![step, partner]);
    }
    match (r.window.is_always(), r.keeps_windows) {
        (true, _) => step,
        _ if r.lets_go => step.over(format!(
            "in lives of its key: rows that follow each other within {}",
            lasts(r)
        )),
        (false, true) => step.over(format!(
            "in the windows that they are in: {}",
            r.window.words()
        )),
        (false, false) => step.over(format!("in windows: {}", r.window.words())),
    }
}

/// What is read.
fn scan(plan: &Plan, input: &Input) -> Step {
    let table = &plan.tables[input.table];
    let mut step = match plan.below(input) {
        Some(inner) => top(plan, inner),
        None => {
            let step = Step::new(format!("the {} of {}", noun(table), table.name), Vec::new());
            match table.changes() {
                true => step.keeps(
                    "each row of it as it was counted, until no window that it is in can change",
                ),
                false => step,
            }
        }
    };
    if let Some(array) = input.unnest {
        step = step.over(format!(
            "each element of {} a row",
            table.columns[array].name
        ));
    }
    match input.filter.and_then(|filter| condition(table, filter)) {
        Some(condition) => step.over(format!("those with {condition}")),
        None => step,
    }
}

/// A condition on rows, as SQL.
fn condition(table: &Table, filter: usize) -> Option<String> {
    let column = &table.columns[filter];
    match &column.origin {
        Origin::Derived(expr) => Some(standings_scalar::sql(expr, &|n| {
            table
                .columns
                .get(n)
                .map_or_else(String::new, |c| c.name.clone())
        })),
        Origin::Behind(_) => None,
        _ => Some(column.name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::of_ranking;
    use crate::load_texts;

    #[test]
    fn each_step_says_what_it_keeps() {
        let text = "CREATE TABLE orders (id STRING, at TIMESTAMP_LTZ(3), city STRING, lines ARRAY<ROW<sku STRING, eur DECIMAL(8, 2)>>,
              WATERMARK FOR at AS at);
            INSERT INTO best SELECT window_start, window_end, city, s, rn FROM (
              SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY s DESC) AS rn FROM (
                SELECT window_start, window_end, city, SUM(eur) AS s, COUNT(DISTINCT sku) AS kinds
                FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR)) CROSS JOIN UNNEST(lines) AS line (sku, eur)
                WHERE city <> 'x' GROUP BY window_start, window_end, city HAVING COUNT(*) > 1))
            WHERE rn BETWEEN 2 AND 5 AND kinds > 1;
            INSERT INTO often SELECT city, COUNT(*) AS times FROM best GROUP BY city;";
        let loaded = load_texts(&[("q", text)]);
        let plan = loaded.unwrap_or_else(|e| panic!("{}", e.render())).plan;
        let best = of_ranking(&plan, &plan.rankings[0]);
        let want = "\
shown: city, s, and the rank
keeps what was written last of each row that is shown, as long as its window
└─ those with kinds > 1
   └─ ranks 2 to 5
      └─ ranked within each window, by s descending; equal rows share a rank, with gaps
         keeps the order of those that may be among the first 5
         └─ those with COUNT(*) > 1
            └─ groups by city: s, kinds, COUNT(*)
               keeps a row for each group with every different value of kinds, until the window is let go (--allowed-lateness, --retain)
               └─ in windows: each 1h (UTC)
                  └─ those with city <> 'x'
                     └─ each element of lines a row
                        └─ the rows of orders";
        assert_eq!(best.join("\n"), want);
        // One over another has the other's plan below it.
        let often = of_ranking(&plan, &plan.rankings[1]);
        let at = often
            .iter()
            .position(|l| l.contains("groups by city: times"))
            .unwrap();
        assert!(often[at + 1].contains("for ever"), "{often:#?}");
        let below: Vec<&str> = often[at + 2..]
            .iter()
            .map(|l| l.trim_start_matches(['└', '─', ' ']))
            .collect();
        let inner: Vec<&str> = best
            .iter()
            .map(|l| l.trim_start_matches(['└', '─', ' ']))
            .collect();
        assert_eq!(below, inner);
    }
}
