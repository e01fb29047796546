//! What was found, for a person and for a program.

use serde_json::{Value, json};

use super::finding::Finding;
use super::proposal::Proposal;
use super::render::span;
use super::seen::{Seen, shortened};
use super::tried::Tried;
use standings_model::printable::printable;
use standings_model::time::format_rfc3339;

/// `1,234,567`.
pub(super) fn grouped(n: u64) -> String {
    crate::run::finished::grouped(n)
}

/// The sentences about a source, one a line.
pub(super) fn lines(finding: &Finding) -> Vec<String> {
    let mut all = vec![format!("{}: {}", finding.source, finding.container)];
    let read = grouped(finding.records);
    all.push(match finding.is_all {
        true => format!("{read} records, all that are there"),
        false => format!("the first {read} records"),
    });
    all.extend(finding.said.iter().cloned());
    if let Some(name) = finding.envelope.name() {
        all.push(format!("around the fields: {name}"));
    }
    if let Some(framing) = &finding.framing {
        let ids: Vec<String> = framing.ids.iter().take(10).map(u32::to_string).collect();
        let what = if framing.is_json {
            "JSON"
        } else {
            "Avro or Protobuf"
        };
        all.push(format!(
            "framed as Confluent's serializers do, a byte 0 and the number of a schema ({}), and {what} behind it",
            ids.join(", ")
        ));
    }
    if let Some(keys) = &finding.keys {
        let what = match (keys.is_json, keys.is_text) {
            (true, _) => "JSON objects",
            (_, true) => "text",
            _ => "bytes",
        };
        all.push(format!(
            "{} records have a key: {what}, such as {}",
            grouped(keys.count),
            keys.example
        ));
    }
    if !finding.headers.is_empty() {
        let names: Vec<&str> = finding
            .headers
            .iter()
            .take(12)
            .map(String::as_str)
            .collect();
        all.push(format!("headers: {}", names.join(", ")));
    }
    if finding.empties > 0 {
        all.push(format!(
            "{} records have no bytes: an end in a topic of present rows, else a dead letter",
            grouped(finding.empties)
        ));
    }
    if let Some((n, first)) = &finding.odd {
        all.push(format!(
            "{} records are no row, the first: {first}",
            grouped(*n)
        ));
    }
    if let Some(d) = &finding.dialect {
        let header = if d.header {
            "the first row names the columns"
        } else {
            "no row of names"
        };
        let charset = d.charset.unwrap_or("UTF-8");
        all.push(format!(
            "cells are apart by {:?}; {header}; {charset}",
            d.delimiter
        ));
    }
    all
}

/// What was tried.
pub(super) fn tried(tried: &Tried) -> Vec<String> {
    let mut all = vec![format!(
        "tried: of {} records {} fit this table",
        grouped(tried.read),
        grouped(tried.fits)
    )];
    if tried.refused() > 0 {
        for (reason, (n, first)) in &tried.dead {
            all.push(format!(
                "  {} would be dead letters, {reason}: {first}",
                grouped(*n)
            ));
        }
    }
    if let Some((low, high)) = tried.times {
        all.push(format!(
            "event times {} to {}, {}",
            format_rfc3339(low),
            format_rfc3339(high),
            span(high - low)
        ));
    }
    all
}

/// What is seen of a field, in a few words.
pub(super) fn field(name: &str, seen: &Seen, rows: u64) -> String {
    let kinds = [
        ("text", seen.texts.all),
        ("numbers", seen.numbers.all),
        ("booleans", seen.booleans),
        ("objects", seen.objects),
        ("arrays", seen.arrays),
    ];
    let kinds: Vec<&str> = kinds
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(k, _)| k)
        .collect();
    let mut text = format!(
        "{name}: {}",
        if kinds.is_empty() {
            "nothing".to_owned()
        } else {
            kinds.join(" and ")
        }
    );
    let (missing, nulls) = (rows.saturating_sub(seen.there), seen.nulls);
    if missing > 0 {
        text += &format!(", missing in {}", grouped(missing));
    }
    if nulls > 0 {
        text += &format!(", NULL in {}", grouped(nulls));
    }
    if let Some((low, high)) = seen.numbers.range.as_ref().filter(|_| seen.texts.all == 0) {
        text += &format!(", {low} to {high}");
    } else if !seen.examples.is_empty() {
        text += &format!(
            ", {} different: {}",
            different(seen),
            seen.examples.join(" | ")
        );
    }
    if seen.objects > 0 {
        let names: Vec<&str> = seen
            .fields
            .iter()
            .take(12)
            .map(|(n, _)| n.as_str())
            .collect();
        text += &format!(" of {}", names.join(", "));
    }
    text
}

fn different(seen: &Seen) -> String {
    grouped(seen.distinct.len() as u64)
}

/// All of it as comments of SQL.
pub(super) fn head(proposal: &Proposal) -> String {
    let finding = &proposal.finding;
    let mut all = lines(finding);
    for (name, seen) in finding.seen.fields.iter().take(200) {
        all.push(format!("  {}", field(name, seen, finding.rows)));
    }
    all.extend(proposal.tried.iter().flat_map(tried));
    all.extend(proposal.refused.iter().cloned());
    all.iter()
        .map(|line| format!("-- {}\n", printable(line)))
        .collect()
}

/// For programs.
pub(super) fn as_json(proposal: &Proposal) -> Value {
    let finding = &proposal.finding;
    let fields = finding.seen.fields.iter().map(|(name, seen)| {
        let decided = proposal
            .draft
            .as_ref()
            .and_then(|d| d.decided.iter().find(|(n, _)| n == name));
        let range = seen.numbers.range.as_ref().or(seen.texts.range.as_ref());
        json!({
            "name": name,
            "type": decided.and_then(|(_, d)| d.kind.clone()),
            "notes": decided.map(|(_, d)| d.notes.clone()),
            "doubts": decided.map(|(_, d)| d.doubts.clone()),
            "missing": finding.rows.saturating_sub(seen.there),
            "nulls": seen.nulls,
            "different": seen.distinct.len(),
            "least": range.map(|(low, _)| shortened(low)),
            "greatest": range.map(|(_, high)| shortened(high)),
            "examples": seen.examples,
        })
    });
    let tried = proposal.tried.as_ref().map(|t| {
        let dead = t
            .dead
            .iter()
            .map(|(reason, (n, first))| json!({"reason": reason, "count": n, "first": first}));
        json!({
            "read": t.read,
            "fits": t.fits,
            "dead": dead.collect::<Vec<_>>(),
            "first_time": t.times.map(|(low, _)| format_rfc3339(low)),
            "last_time": t.times.map(|(_, high)| format_rfc3339(high)),
            "out_of_order_ms": t.disorder,
        })
    });
    let dialect = finding.dialect.as_ref().map(|d| {
        json!({
            "delimiter": d.delimiter.to_string(),
            "quote": d.quote.map(String::from),
            "header": d.header,
            "charset": d.charset.unwrap_or("utf-8"),
            "decimal_separator": if finding.rules.signs.comma { "," } else { "." },
            "timestamp_format": finding.rules.pattern,
        })
    });
    json!({
        "source": finding.source,
        "container": finding.container,
        "said": finding.said,
        "table": finding.table,
        "format": finding.format,
        "records": finding.records,
        "rows": finding.rows,
        "is_all": finding.is_all,
        "not_a_row": finding.odd.as_ref().map_or(0, |(n, _)| *n),
        "empty": finding.empties,
        "envelope": finding.envelope.name(),
        "schema_ids": finding.framing.as_ref().map(|f| f.ids.iter().copied().collect::<Vec<_>>()),
        "keys": finding.keys.as_ref().map(|k| json!({"count": k.count, "example": k.example})),
        "headers": finding.headers,
        "dialect": dialect,
        "fields": fields.collect::<Vec<_>>(),
        "tried": tried,
        "refused": proposal.refused,
        "create_table": proposal.table,
        "ranking": proposal.ranking,
    })
}
