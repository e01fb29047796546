//! What a first ranking could be of: which time, whose ranks, what is added up. A guess, which the proposal says.

use std::collections::BTreeSet;

use super::decide::What;
use super::draft::{Leaf, Line};
use super::finding::Finding;
use super::lines;
use super::names::{self, literal, quoted, words};
use super::score::{SUMS, has, key_score, measure_score, time_score};
use super::times::{Written, clocks};

/// How far out of order a table may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watermark {
    /// Nothing is said: a file that is read to its end.
    None,
    /// As far as was seen.
    AsSeen,
    /// As far as there is, because only a WATERMARK names the time.
    Any,
}

/// What was chosen.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    /// Computed columns that it needs.
    pub(super) lines: Vec<Line>,
    /// The event time, as SQL has it.
    pub(super) time: String,
    pub(super) watermark: Watermark,
    /// Whether there is no time at all: one window holds everything.
    pub(super) is_timeless: bool,
    /// Whether its times are whole days.
    pub(super) is_day: bool,
    /// The key: as SQL has it, and its name in the ranking.
    pub(super) key: Option<(String, String)>,
    /// What is added up, and its name; else records are counted.
    pub(super) measure: Option<(String, String)>,
    /// An array whose elements are the rows that are added up, as SQL has it.
    pub(super) unnest: Option<String>,
    /// What is doubtful about it.
    pub(super) doubts: Vec<String>,
}

/// A name that nobody has.
fn free(names: &mut BTreeSet<String>, wanted: &str) -> String {
    let mut all = std::iter::once(wanted.to_owned()).chain((2..).map(|n| format!("{wanted}_{n}")));
    let taken = |name: &String| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    let name = all.find(|name| !taken(name)).unwrap_or_default();
    names.insert(name.clone());
    name
}

fn path(leaf: &Leaf<'_>) -> String {
    let parts = leaf.path.iter().filter_map(|name| quoted(name));
    parts.collect::<Vec<_>>().join(".")
}

fn computed(name: &str, expr: &str, comment: Option<String>) -> Line {
    Line {
        sql: format!("{} AS {expr}", quoted(name).unwrap_or_default()),
        is_out: false,
        comment,
    }
}

/// Chooses.
pub(super) fn chosen(
    finding: &Finding,
    leaves: &[Leaf<'_>],
    names: &mut BTreeSet<String>,
) -> Chosen {
    let time = best(leaves, |leaf| time_score(finding, leaf));
    let mut chosen = Chosen {
        lines: Vec::new(),
        time: String::new(),
        watermark: if finding.is_file {
            Watermark::None
        } else {
            Watermark::AsSeen
        },
        is_timeless: false,
        is_day: false,
        key: None,
        measure: None,
        unnest: None,
        doubts: Vec::new(),
    };
    let used = time.map(|leaf| leaf.path.clone());
    event_time(finding, time, leaves, names, &mut chosen);
    let others: Vec<&Leaf<'_>> = leaves
        .iter()
        .filter(|l| Some(&l.path) != used.as_ref())
        .collect();
    let key = best_of(&others, key_score);
    // A folder's name is a key that somebody chose.
    let part = finding
        .parts
        .first()
        .filter(|_| key.and_then(key_score).is_none_or(|score| score < 25));
    let key = key.filter(|_| part.is_none());
    if let Some(leaf) = key {
        chosen.key = Some(column(leaf, names, &mut chosen.lines));
    }
    if let Some(name) = part {
        chosen.key = quoted(name).map(|sql| (sql, names::shown(name)));
    }
    let rest: Vec<&Leaf<'_>> = others
        .into_iter()
        .filter(|l| key.is_none_or(|k| k.path != l.path))
        .collect();
    measure(&rest, names, &mut chosen);
    if chosen.measure.is_none() {
        lines::unnested(finding, leaves, &mut chosen);
    }
    chosen
}

fn best<'a, 'b>(
    leaves: &'a [Leaf<'b>],
    score: impl Fn(&Leaf<'b>) -> Option<i64>,
) -> Option<&'a Leaf<'b>> {
    let all: Vec<&Leaf<'b>> = leaves.iter().collect();
    best_of(&all, score)
}

/// The first of those with the greatest score.
fn best_of<'a, 'b>(
    leaves: &[&'a Leaf<'b>],
    score: impl Fn(&Leaf<'b>) -> Option<i64>,
) -> Option<&'a Leaf<'b>> {
    let scored = leaves.iter().filter_map(|leaf| Some((score(leaf)?, *leaf)));
    let best = scored.rev().max_by_key(|(score, _)| *score);
    best.map(|(_, leaf)| leaf)
}

/// The expression of a time, where it is not a column as it is; and what is to be said of it.
fn instant(leaf: &Leaf<'_>) -> Option<String> {
    let at = path(leaf);
    Some(match &leaf.what {
        What::Time { .. } if leaf.path.len() == 1 => return None,
        What::Epoch(digits) => format!("TO_TIMESTAMP_LTZ({at}, {digits})"),
        What::EpochFraction => format!("TO_TIMESTAMP_LTZ(CAST({at} * 1000 AS BIGINT), 3)"),
        What::DayNumber => format!("TO_TIMESTAMP(CAST({at} AS STRING), 'yyyyMMdd')"),
        What::EpochDay => format!("TO_TIMESTAMP_LTZ({at} * 86400, 0)"),
        What::Written { patterns, .. } => by_patterns(&at, patterns, ""),
        _ => at,
    })
}

/// A text as a time by the first pattern that it fits.
fn by_patterns(text: &str, patterns: &[Written], more: &str) -> String {
    let one = |w: &Written| {
        format!(
            "TO_TIMESTAMP({text}, {})",
            literal(&format!("{}{more}", w.pattern))
        )
    };
    match patterns {
        [w] => one(w),
        all => format!(
            "COALESCE({})",
            all.iter().map(one).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// A date and a clock in two columns, as one.
fn with_clock(leaf: &Leaf<'_>, leaves: &[Leaf<'_>]) -> Option<String> {
    let is_clock = |l: &&Leaf<'_>| {
        l.what == What::Text
            && l.path[..l.path.len() - 1] == leaf.path[..leaf.path.len() - 1]
            && words(&l.path[l.path.len() - 1])
                .iter()
                .any(|w| w.contains("time") || w.contains("hour"))
            && l.seen.values() > 0
    };
    let (clock, pattern) = leaves.iter().filter(is_clock).find_map(|l| {
        let pattern = clocks(l.seen.distinct.iter().map(String::as_str))?;
        Some((l, pattern))
    })?;
    let more = format!(" {pattern}");
    let (day, clock) = (path(leaf), path(clock));
    Some(match &leaf.what {
        What::Time { clock: false } => {
            format!(
                "TO_TIMESTAMP(CAST({day} AS STRING) || ' ' || {clock}, {})",
                literal(&format!("yyyy-MM-dd{more}"))
            )
        }
        What::Written {
            patterns,
            clock: false,
        } => by_patterns(&format!("{day} || ' ' || {clock}"), patterns, &more),
        What::DayNumber => {
            format!(
                "TO_TIMESTAMP(CAST({day} AS STRING) || ' ' || {clock}, {})",
                literal(&format!("yyyyMMdd{more}"))
            )
        }
        _ => return None,
    })
}

fn event_time(
    finding: &Finding,
    time: Option<&Leaf<'_>>,
    leaves: &[Leaf<'_>],
    names: &mut BTreeSet<String>,
    chosen: &mut Chosen,
) {
    let Some(leaf) = time else {
        return no_time(finding, names, chosen);
    };
    let name = leaf.path.join(".");
    let both = with_clock(leaf, leaves);
    chosen.is_day = both.is_none()
        && matches!(
            leaf.what,
            What::Time { clock: false }
                | What::Written { clock: false, .. }
                | What::DayNumber
                | What::EpochDay
        );
    let expr = both.clone().or_else(|| instant(leaf));
    let is_ready = expr.is_none();
    // A file needs no watermark; its time is then the column of this name.
    if is_ready && (!finding.is_file || name == "event_time") {
        chosen.time = quoted(&name).unwrap_or_default();
        return;
    }
    let own = free(names, "event_time");
    if finding.is_file && own != "event_time" {
        chosen.watermark = Watermark::Any;
    }
    let comment = match (&leaf.what, both.is_some()) {
        (_, true) => Some("day and time of the day stand apart".to_owned()),
        (What::Written { .. }, _) => Some(
            "as UTC, where the text has no offset; what fits no pattern is a dead letter"
                .to_owned(),
        ),
        _ => None,
    };
    let expr = expr.unwrap_or_else(|| path(leaf));
    chosen.lines.push(computed(&own, &expr, comment));
    chosen.time = quoted(&own).unwrap_or_default();
}

/// Records that have no time of their own.
fn no_time(finding: &Finding, names: &mut BTreeSet<String>, chosen: &mut Chosen) {
    let own = free(names, "event_time");
    let name = quoted(&own).unwrap_or_default();
    if finding.is_file {
        chosen.is_timeless = true;
        if own != "event_time" {
            chosen.watermark = Watermark::Any;
        }
        let comment =
            "the records have no time: this one stands for all, so that one window holds them"
                .to_owned();
        chosen.lines.push(computed(
            &own,
            "TIMESTAMP '2000-01-01 00:00:00'",
            Some(comment),
        ));
    } else {
        let sql = format!("{name} TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'");
        let comment =
            Some("the records have no time of their own: the topic's is taken".to_owned());
        chosen.lines.push(Line {
            sql,
            is_out: false,
            comment,
        });
    }
    chosen.time = name;
}

/// A column as a query names it, and its name in a ranking; one that lies in a row gets a name of its own.
fn column(
    leaf: &Leaf<'_>,
    names: &mut BTreeSet<String>,
    lines: &mut Vec<Line>,
) -> (String, String) {
    let last = leaf.path.last().cloned().unwrap_or_default();
    if leaf.path.len() == 1 {
        return (path(leaf), names::shown(&last));
    }
    let taken = names.iter().any(|n| n.eq_ignore_ascii_case(&last));
    let wanted = if taken { leaf.path.join("_") } else { last };
    let name = free(names, &names::plain(&wanted, "its"));
    lines.push(computed(&name, &path(leaf), None));
    (quoted(&name).unwrap_or_default(), names::shown(&name))
}

fn measure(leaves: &[&Leaf<'_>], names: &mut BTreeSet<String>, chosen: &mut Chosen) {
    let Some(leaf) = best_of(leaves, measure_score) else {
        return chosen
            .doubts
            .push("no number to add up: records are counted".to_owned());
    };
    let words = words(leaf.path.last().map_or("", String::as_str));
    let is_price = has(&words, &["price", "unitprice"]) && !has(&words, &SUMS);
    let is_count = |l: &&&Leaf<'_>| {
        let name = l.path.last().map_or("", String::as_str);
        l.what == What::Exact
            && has(&super::names::words(name), &["quantity", "qty", "units"])
            && l.path[..l.path.len() - 1] == leaf.path[..leaf.path.len() - 1]
    };
    if let (true, What::Exact, Some(count)) = (is_price, &leaf.what, leaves.iter().find(is_count)) {
        let name = free(names, "amount");
        let expr = format!("{} * {}", path(count), path(leaf));
        let comment = "no amount is in the records: quantity times price is taken".to_owned();
        chosen.lines.push(computed(&name, &expr, Some(comment)));
        chosen.measure = Some((name.clone(), format!("total_{name}")));
        return;
    }
    let (sql, name) = match leaf.what {
        What::Inexact => {
            let name = free(
                names,
                &names::plain(&format!("{}_exact", leaf.path.join("_")), "its"),
            );
            let expr = format!("CAST({} AS DECIMAL(28, 2))", path(leaf));
            chosen.lines.push(computed(
                &name,
                &expr,
                Some("rounded, so that its sum is exact".to_owned()),
            ));
            (name.clone(), name)
        }
        _ => column(leaf, names, &mut chosen.lines),
    };
    let is_minor =
        leaf.kind == "BIGINT" && has(&words, &["cents", "cent", "minor", "pence", "amount"]);
    if is_minor {
        let idea = free(names, "amount_of_cents");
        chosen.lines.push(Line {
            sql: format!("{idea} AS CAST(CAST({sql} AS DECIMAL(20, 2)) / 100 AS DECIMAL(28, 2))"),
            is_out: true,
            comment: Some("if these are cents".to_owned()),
        });
    }
    let plain = names::plain(&name, "value");
    let total = match words.first().is_some_and(|w| w == "total") {
        true => plain,
        false => format!("total_{plain}"),
    };
    // A key of the same name would be two columns.
    let is_taken = chosen.key.as_ref().is_some_and(|(_, key)| *key == total);
    chosen.measure = Some((
        sql,
        if is_taken {
            format!("sum_of_{total}")
        } else {
            total
        },
    ));
}
