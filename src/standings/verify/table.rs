//! Differences as a table.

use super::{At, Row};
use standings_model::json::push_value;
use standings_model::plan::Plan;
use standings_model::time::format_rfc3339;
use standings_model::value::Value;

/// One difference: ranking, window, key, what the source says, what the sink shows.
pub fn line(plan: &Plan, at: &At, wanted: Option<&Row>, found: Option<&Row>) -> [String; 5] {
    let row = |row: Option<&Row>| match row {
        None => "no row".to_owned(),
        Some((rank, measures)) => format!("{rank}: {}", values(measures)),
    };
    [
        plan.rankings[at.0].name.clone(),
        window(plan, at),
        values(&at.2),
        row(wanted),
        row(found),
    ]
}

/// A window: by its start, or by both ends where a start does not say which it is.
fn window(plan: &Plan, at: &At) -> String {
    if at.1.is_always() {
        return "all time".to_owned();
    }
    let start = format_rfc3339(at.1.start);
    match plan.rankings[at.0].window.is_named_by_start() {
        true => start,
        false => format!("{start} to {}", format_rfc3339(at.1.end)),
    }
}

fn values(values: &[Value]) -> String {
    let mut out = Vec::new();
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        push_value(&mut out, value);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The lines below their heads, column by column.
pub fn show(lines: Vec<[String; 5]>) -> String {
    let heads = [
        "ranking",
        "window",
        "key",
        "the source says",
        "the sink shows",
    ];
    let mut all = vec![heads.map(str::to_owned)];
    all.extend(lines);
    let mut widths = [0; 5];
    for line in &all {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for line in all {
        for (width, cell) in widths.iter().zip(&line) {
            out.push_str(cell);
            let fill = width - cell.chars().count() + 2;
            out.extend(std::iter::repeat_n(' ', fill));
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}
