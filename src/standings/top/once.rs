//! `--once`: the rankings as plain tables, for scripts and for terminals that are none.

use std::fmt::Write;

use ratatui::text::Span;

use super::app::App;
use super::board::Ranking;
use super::draw::health_facts;
use super::words::{plain, window};

/// All shown rankings and the health line, as text. Numbers are as the API writes them.
pub fn tables(app: &App) -> String {
    let mut out = String::new();
    for ranking in app.shown() {
        table(&mut out, ranking);
    }
    if let Some(health) = &app.health {
        let facts = health_facts(health);
        let facts: Vec<_> = facts
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        out.push_str(&facts.join("  "));
        out.push('\n');
    }
    out
}

fn table(out: &mut String, ranking: &Ranking) {
    // Writing to a string cannot fail, here and below.
    let _ = write!(out, "{}", plain(&ranking.name));
    if let (Some(start), Some((end, state))) = (ranking.shown_start(), ranking.window()) {
        let state = match (state.is_final, state.corrected) {
            (_, true) => "corrected",
            (true, _) => "final",
            _ => "provisional",
        };
        let _ = write!(out, "  {}  {state}", window(start, end));
    }
    out.push('\n');
    let mut lines = vec![vec!["rank".to_owned()]];
    lines[0].extend(ranking.fields.iter().map(|f| plain(f)));
    for row in ranking.ordered() {
        let mut cells = vec![row.rank.to_string()];
        cells.extend(ranking.fields.iter().map(|f| plain(&row.text(f))));
        lines.push(cells);
    }
    let width = |text: &str| Span::raw(text).width();
    let widths: Vec<_> = (0..lines[0].len())
        .map(|i| {
            lines
                .iter()
                .map(|cells| width(&cells[i]))
                .max()
                .unwrap_or(0)
        })
        .collect();
    // Names stand left, numbers right.
    let is_text = |i: usize| {
        let field = i.checked_sub(1).map(|i| &ranking.fields[i]);
        field.is_some_and(|f| ranking.keys.contains(f) || ranking.label.as_ref() == Some(f))
    };
    for cells in &lines {
        let padded = cells.iter().enumerate().map(|(i, cell)| {
            let space = " ".repeat(widths[i] - width(cell));
            if is_text(i) {
                format!("{cell}{space}")
            } else {
                format!("{space}{cell}")
            }
        });
        out.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out.push('\n');
}
