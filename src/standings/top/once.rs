//! `--once`: the rankings as plain tables, for scripts and for terminals that are none.

use std::fmt::Write;

use ratatui::text::Span;
use serde_json::Value;

use super::app::App;
use super::board::{Ranking, Row};
use super::draw::health_facts;
use super::words::{plain, window};
use crate::output::{self, Cell, Column, Output};

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

/// All shown rankings in a form for programs, each row with the name of its own; none where a form has room for the columns of
/// one alone.
pub fn rows(app: &App, form: Output) -> Option<Vec<u8>> {
    let shown = app.shown();
    if shown.len() > 1 && matches!(form, Output::Csv | Output::Markdown) {
        return None;
    }
    let mut out = Vec::new();
    for (n, ranking) in shown.iter().enumerate() {
        let mut columns = vec![column("ranking", true), column("rank", false)];
        columns.extend(ranking.fields.iter().map(|f| {
            let is_text = ranking.keys.contains(f) || ranking.label.as_ref() == Some(f);
            column(f, is_text)
        }));
        let cells = |row: &Row| {
            let own = [
                Cell::Text(ranking.name.clone()),
                Cell::Bare(row.rank.to_string()),
            ];
            let fields = ranking.fields.iter().map(|f| match row.fields.get(f) {
                None | Some(Value::Null) => Cell::Null,
                Some(Value::String(text)) => Cell::Text(text.clone()),
                Some(other) => Cell::Bare(other.to_string()),
            });
            own.into_iter().chain(fields).collect()
        };
        let rows: Vec<Vec<Cell>> = ranking.ordered().into_iter().map(cells).collect();
        let form = match (form, shown.len()) {
            // Several lists would be no document.
            (Output::Json, 2..) => {
                out.extend_from_slice(if n > 0 { b",\n" } else { b"[" });
                Output::Json
            }
            (form, _) => form,
        };
        // Writing to a Vec cannot fail.
        let _ = output::write(&mut out, form, &columns, &rows);
    }
    if shown.len() > 1 && form == Output::Json {
        out.extend_from_slice(b"]\n");
    }
    Some(out)
}

fn column(name: &str, is_text: bool) -> Column {
    Column {
        name: name.to_owned(),
        is_text,
    }
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
