//! What is proposed: a table, and a first ranking of it.

use std::collections::{BTreeMap, BTreeSet};

use super::choose::{self, Chosen};
use super::decide::{Decided, Format, Rules, What, decide};
use super::finding::Finding;
use super::names::quoted;
use super::options::{Given, options};
use super::seen::Seen;
use standings_model::types::Type;

/// A line of a table.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// `city STRING`.
    pub(super) sql: String,
    /// It is only an idea, or cannot be: it stands in a comment.
    pub(super) is_out: bool,
    /// Beside it.
    pub(super) comment: Option<String>,
}

impl Line {
    fn of(sql: String, comment: Option<String>) -> Self {
        Line {
            sql,
            is_out: false,
            comment,
        }
    }
}

/// A field that is no object, and where it lies.
#[derive(Clone, Debug)]
pub(super) struct Leaf<'a> {
    pub(super) path: Vec<String>,
    pub(super) what: What,
    pub(super) seen: &'a Seen,
    pub(super) kind: String,
}

/// A proposal.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) lines: Vec<Line>,
    pub(super) options: Vec<Given>,
    pub(super) partitioned: Vec<String>,
    pub(super) chosen: Chosen,
    /// The field names that have a column, with what was decided of each.
    pub(super) decided: Vec<(String, Decided)>,
}

/// What must be another way than it seemed, by the field's name.
pub(super) type Forced = BTreeSet<String>;

/// Proposes a table.
pub(super) fn draft(finding: &Finding, forced: &Forced) -> Draft {
    let rules = &finding.rules;
    let types: BTreeMap<&str, Option<&Type>> = finding
        .typed
        .iter()
        .map(|(name, kind)| (name.as_str(), kind.as_ref()))
        .collect();
    let mut decided = Vec::new();
    for (name, seen) in &finding.seen.fields {
        let kind = types.get(name.as_str()).copied();
        let one = match kind {
            Some(None) => out("a type that is not read"),
            kind => decide(name, seen, kind.flatten(), rules),
        };
        let one = match () {
            () if finding.twice.contains(name) => out("two columns have this name"),
            () if forced.contains(name) => again(seen, one, rules),
            () => one,
        };
        decided.push((name.clone(), one));
    }
    let mut leaves = Vec::new();
    for ((name, one), (_, seen)) in decided.iter().zip(&finding.seen.fields) {
        leaves_of(vec![name.clone()], one, seen, rules, &mut leaves);
    }
    let mut names: BTreeSet<String> = decided.iter().map(|(name, _)| name.clone()).collect();
    names.extend(finding.parts.iter().cloned());
    let mut lines: Vec<Line> = decided
        .iter()
        .filter_map(|(name, one)| declared(name, one))
        .collect();
    lines.extend(finding.parts.iter().filter_map(|name| {
        let sql = format!("{} STRING", quoted(name)?);
        Some(Line::of(sql, Some("a part of the path".to_owned())))
    }));
    let chosen = choose::chosen(finding, &leaves, &mut names);
    lines.extend(chosen.lines.iter().cloned());
    lines.extend(row_key(finding, &decided));
    let partitioned = finding
        .parts
        .iter()
        .filter_map(|name| quoted(name))
        .collect();
    let options = options(finding, &decided);
    Draft {
        name: finding.table.clone(),
        lines,
        options,
        partitioned,
        chosen,
        decided,
    }
}

/// What names a row, where rows change and its columns are there.
fn row_key(finding: &Finding, decided: &[(String, Decided)]) -> Option<Line> {
    let key = &finding.key;
    let is_there = |name: &String| {
        decided
            .iter()
            .any(|(n, one)| n == name && one.kind.is_some())
    };
    if key.fields.is_empty() || !key.fields.iter().all(is_there) {
        return None;
    }
    let columns = key.fields.iter().filter_map(|name| quoted(name));
    let columns: Vec<String> = columns.collect();
    let sql = format!("PRIMARY KEY ({}) NOT ENFORCED", columns.join(", "));
    Some(Line::of(sql, key.doubt.clone()))
}

fn out(why: &str) -> Decided {
    Decided {
        kind: None,
        what: What::Nothing,
        notes: Vec::new(),
        doubts: vec![why.to_owned()],
        lacks_offset: false,
        coerced: false,
    }
}

/// A field whose values did not fit their type.
fn again(seen: &Seen, one: Decided, rules: &Rules) -> Decided {
    let is_text =
        rules.format == Format::Csv || seen.texts.all > 0 && seen.texts.all == seen.values();
    let kind = one.kind.clone().unwrap_or_default();
    let (kind, what, doubt) = match is_text {
        true => (
            "STRING",
            What::Text,
            format!("many of its values are no {kind}"),
        ),
        false if seen.numbers.all > 0 && seen.numbers.all == seen.values() => (
            "DOUBLE",
            What::Inexact,
            format!("many of its values are no {kind}"),
        ),
        false => return out(&format!("many of its values are no {kind}")),
    };
    Decided {
        kind: Some(kind.to_owned()),
        what,
        doubts: vec![doubt],
        lacks_offset: false,
        coerced: false,
        ..one
    }
}

fn leaves_of<'a>(
    path: Vec<String>,
    one: &Decided,
    seen: &'a Seen,
    rules: &Rules,
    all: &mut Vec<Leaf<'a>>,
) {
    let Some(kind) = &one.kind else { return };
    if !kind.starts_with("ROW<") {
        let (what, kind) = (one.what.clone(), kind.clone());
        all.push(Leaf {
            path,
            what,
            seen,
            kind,
        });
        return;
    }
    for (name, field) in &seen.fields {
        let inner = decide(name, field, None, rules);
        let path = [&path[..], std::slice::from_ref(name)].concat();
        leaves_of(path, &inner, field, rules, all);
    }
}

fn declared(name: &str, one: &Decided) -> Option<Line> {
    let said: Vec<&str> = one
        .notes
        .iter()
        .chain(&one.doubts)
        .map(String::as_str)
        .collect();
    let comment = (!said.is_empty()).then(|| said.join("; "));
    match (&one.kind, quoted(name)) {
        (Some(kind), Some(name)) => Some(Line::of(format!("{name} {kind}"), comment)),
        _ => Some(Line {
            sql: quoted(name).unwrap_or_else(|| format!("{name:?}")),
            is_out: true,
            comment,
        }),
    }
}
