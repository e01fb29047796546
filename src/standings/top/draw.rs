//! Draws what is known into a frame. Without colours (`NO_COLOR`) every difference is also a sign or a weight.

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Block, BorderType, Cell, Clear, Paragraph, Row, Table, TableState, Wrap};
use serde_json::Value;

use super::app::{App, Line, Over};
use super::board::{Move, Ranking};
use super::words::{grouped, latency, plain, title, window};
use crate::client::LineError;

/// Which colours may be used.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    /// False with `NO_COLOR`.
    pub colours: bool,
}

impl Paint {
    /// As the environment asks: <https://no-color.org>.
    pub fn from_environment() -> Self {
        let no = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        Paint { colours: !no }
    }

    fn fg(self, colour: Color) -> Style {
        match self.colours {
            true => Style::new().fg(colour),
            false => Style::new(),
        }
    }

    fn soft(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }
}

/// Side by side where each ranking has at least so many columns.
const WIDE: u16 = 108;
const BAR: u16 = 10;

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, app: &App, paint: Paint, now: Instant) {
    let [top, middle, bottom] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Min(3),
        Constraint::Length(2),
    ])
    .areas(frame.area().inner(Margin::new(1, 0)));
    head(frame, top, app, paint, now);
    let shown = app.shown();
    if shown.is_empty() {
        let say = match app.missing().as_slice() {
            _ if app.board.rankings.is_empty() => "Waiting for the server".to_owned(),
            missing => plain(&format!("The server has no ranking {}", missing.join(", "))),
        };
        frame.render_widget(Paragraph::new(Span::styled(say, paint.soft())), middle);
    } else {
        let each = vec![Constraint::Fill(1); shown.len()];
        let areas = match middle.width >= WIDE {
            true => Layout::horizontal(each).spacing(4).split(middle),
            false => Layout::vertical(each).spacing(1).split(middle),
        };
        for (i, (ranking, area)) in shown.iter().zip(areas.iter()).enumerate() {
            let cursor = (i == app.focus).then_some(app.cursor);
            board(frame, *area, ranking, cursor, paint, now);
        }
    }
    health(frame, bottom, app, paint);
    match &app.over {
        Over::Nothing => {}
        Over::Help => over(frame, "Keys", help(paint), paint),
        Over::Search { text, found, at } => {
            over(frame, "Search", search(text, found, *at, paint), paint)
        }
        Over::Why { name, answer, .. } => over(frame, name, why(answer.as_ref(), paint), paint),
    }
}

fn head(frame: &mut Frame<'_>, area: Rect, app: &App, paint: Paint, now: Instant) {
    let age = app.age(now).map_or(0, |age| age.as_secs());
    let line = match &app.line {
        Line::Connecting => Span::styled("○ connecting", paint.fg(Color::Yellow)),
        Line::Live => Span::styled("● live", paint.fg(Color::Green)),
        Line::Lost { why, next } => {
            let wait = next.saturating_duration_since(now).as_secs_f64().ceil();
            let old = if app.heard.is_some() {
                format!("; what is shown is {age} s old")
            } else {
                String::new()
            };
            let why = plain(why);
            let text = format!("✕ connection lost ({why}){old}; next try in {wait} s");
            Span::styled(text, paint.fg(Color::Red).add_modifier(Modifier::BOLD))
        }
    };
    let parts = vec![
        Span::styled("Standings", paint.bold()),
        Span::raw("  "),
        line,
        Span::raw("  "),
        Span::styled(plain(&app.address), paint.soft()),
    ];
    frame.render_widget(Paragraph::new(Text::from(parts)), area);
}

fn board(
    frame: &mut Frame<'_>,
    area: Rect,
    ranking: &Ranking,
    cursor: Option<usize>,
    paint: Paint,
    now: Instant,
) {
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(1)]).areas(area);
    let mut parts = vec![Span::styled(title(&ranking.name), paint.bold())];
    if let (Some(start), Some((end, state))) = (ranking.shown_start(), ranking.window()) {
        parts.push(Span::styled(
            format!("  {}  ", window(start, end)),
            paint.soft(),
        ));
        parts.push(match (state.is_final, state.corrected) {
            (_, true) => Span::styled("↻ final, corrected", paint.fg(Color::Cyan)),
            (true, _) => Span::styled("● final", paint.fg(Color::Green)),
            _ => Span::styled("○ provisional", paint.fg(Color::Yellow)),
        });
    }
    frame.render_widget(Paragraph::new(Text::from(parts)), head);

    let rows = ranking.ordered();
    let score = |row: &super::board::Row| {
        ranking
            .score
            .as_ref()
            .map(|s| row.text(s))
            .unwrap_or_default()
    };
    // For the bars only; what is shown stays exact.
    let size = |row: &super::board::Row| score(row).parse::<f64>().unwrap_or(0.0).max(0.0);
    let most = rows.iter().map(|r| size(r)).fold(0.0, f64::max);
    let widest = rows
        .iter()
        .map(|r| Span::raw(grouped(&score(r))).width())
        .max()
        .unwrap_or(0);
    let table = rows.iter().map(|row| {
        let moved = match row.moved(now) {
            // It changed after its window was closed.
            Move::None if row.corrected => Span::styled("↻", paint.fg(Color::Cyan)),
            Move::None => Span::raw(""),
            Move::Up(by) => Span::styled(format!("▲{by}"), paint.fg(Color::Green)),
            Move::Down(by) => Span::styled(format!("▼{by}"), paint.fg(Color::Red)),
            Move::New => Span::styled("new", paint.fg(Color::Cyan)),
        };
        let first = row.rank == 1;
        let weight = if first { paint.bold() } else { Style::new() };
        let rank = Style::new().patch(if first {
            paint.fg(Color::Yellow)
        } else {
            paint.soft()
        });
        Row::new([
            Cell::from(
                Text::from(Span::styled(row.rank.to_string(), rank.patch(weight))).right_aligned(),
            ),
            Cell::from(moved),
            Cell::from(Span::styled(plain(&ranking.title(row)), weight)),
            Cell::from(Text::from(Span::styled(grouped(&score(row)), weight)).right_aligned()),
            Cell::from(Span::styled(bar(size(row), most), paint.fg(Color::Cyan))),
        ])
    });
    let widths = [
        Constraint::Length(3),
        Constraint::Length(4),
        Constraint::Fill(1),
        Constraint::Length(u16::try_from(widest).unwrap_or(u16::MAX)),
        Constraint::Length(if area.width >= 50 { BAR } else { 0 }),
    ];
    let table = Table::new(table, widths)
        .column_spacing(1)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let cursor = cursor
        .filter(|_| !rows.is_empty())
        .map(|c| c.min(rows.len() - 1));
    frame.render_stateful_widget(table, body, &mut TableState::new().with_selected(cursor));
}

/// A bar in eighths of a column.
fn bar(value: f64, most: f64) -> String {
    if most <= 0.0 {
        return String::new();
    }
    let eighths = (value / most * f64::from(BAR) * 8.0).round() as usize;
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    "█".repeat(eighths / 8) + part
}

/// The health numbers, each with its name.
pub fn health_facts(health: &Value) -> Vec<(&'static str, String)> {
    let count = |name: &str| {
        let number = health[name].as_f64();
        number.map(|n| grouped(&format!("{n:.0}")))
    };
    let ms = |name: &str| latency(health[name].as_f64());
    let mut facts = vec![
        (
            "sales/s",
            count("sales_per_second").unwrap_or_else(|| "–".to_owned()),
        ),
        ("p50", ms("latency_p50_ms")),
        ("p99", ms("latency_p99_ms")),
    ];
    for (name, field) in [
        ("lag", "lag_records"),
        ("read", "read"),
        ("late", "late"),
        ("dead letters", "dead_letters"),
    ] {
        // An older server does not say all of them.
        facts.extend(count(field).map(|n| (name, n)));
    }
    let mark = health["watermark"].as_str().and_then(|m| m.get(..19));
    facts.push((
        "watermark",
        mark.map_or_else(|| "–".to_owned(), |m| plain(m).replace('T', " ")),
    ));
    facts
}

fn health(frame: &mut Frame<'_>, area: Rect, app: &App, paint: Paint) {
    let [_, line] = Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(area);
    let keys = "? keys  q quit";
    let [left, right] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(keys.len() as u16)])
            .spacing(2)
            .areas(line);
    let mut parts: Vec<Span<'_>> = Vec::new();
    let mut room = usize::from(left.width);
    for (name, value) in app.health.as_ref().map(health_facts).unwrap_or_default() {
        let warn = name == "dead letters" && value != "0";
        let style = if warn {
            paint.fg(Color::Yellow)
        } else {
            Style::new()
        };
        let fact = [
            Span::styled(format!("{name} "), paint.soft()),
            Span::styled(value, style.patch(paint.bold())),
            Span::raw("   "),
        ];
        // A fact that does not fit is left out, not cut.
        let width = fact[0].width() + fact[1].width();
        if width > room {
            continue;
        }
        room = room.saturating_sub(width + 3);
        parts.extend(fact);
    }
    frame.render_widget(Paragraph::new(Text::from(parts)), left);
    frame.render_widget(Paragraph::new(Span::styled(keys, paint.soft())), right);
}

/// A box in the middle, as large as its text.
fn over(frame: &mut Frame<'_>, name: &str, lines: Vec<Text<'static>>, paint: Paint) {
    let whole = frame.area();
    let width = lines.iter().map(Text::width).max().unwrap_or(0).max(44) + 4;
    let width = u16::try_from(width)
        .unwrap_or(u16::MAX)
        .min(whole.width.saturating_sub(4));
    // A long line is wrapped; where exactly, the paragraph knows.
    let room = usize::from(width.saturating_sub(4)).max(1);
    let height: usize = lines.iter().map(|l| l.width().div_ceil(room).max(1)).sum();
    let height = u16::try_from(height + 2)
        .unwrap_or(u16::MAX)
        .min(whole.height);
    let text = Paragraph::new(lines).wrap(Wrap { trim: false });
    let area = whole.centered(Constraint::Length(width), Constraint::Length(height));
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(paint.soft())
        .title(Span::styled(format!(" {} ", plain(name)), paint.bold()))
        .padding(ratatui::widgets::Padding::horizontal(1));
    frame.render_widget(Clear, area);
    frame.render_widget(text.block(block), area);
}

fn help(paint: Paint) -> Vec<Text<'static>> {
    [
        ("↑ ↓", "choose a row"),
        ("← →", "an older or a newer window"),
        ("Tab", "the other ranking"),
        ("Enter", "why the row has its rank"),
        ("/", "search for a salesman or a city"),
        ("q", "end"),
    ]
    .into_iter()
    .map(|(key, does)| {
        Text::from(vec![
            Span::styled(format!("{key:<7}"), paint.bold()),
            Span::raw(does),
        ])
    })
    .collect()
}

fn search(
    text: &str,
    found: &Result<Vec<super::app::Found>, LineError>,
    at: usize,
    paint: Paint,
) -> Vec<Text<'static>> {
    let mut lines = vec![Text::from(vec![
        Span::styled("/ ", paint.soft()),
        Span::raw(format!("{text}▏")),
    ])];
    match found {
        Err(why) => {
            let why = plain(&why.to_string());
            lines.push(Text::from(Span::styled(why, paint.fg(Color::Red))));
        }
        Ok(all) => {
            for (i, f) in all.iter().enumerate().take(12) {
                let style = if i == at {
                    Style::new().add_modifier(Modifier::REVERSED)
                } else {
                    Style::new()
                };
                let key = if f.keys.join(" · ") == f.name {
                    String::new()
                } else {
                    format!("  {}", plain(&f.keys.join(" · ")))
                };
                let rest = format!("{key}  {}, rank {}", title(&f.ranking), f.rank);
                lines.push(Text::from(vec![
                    Span::styled(plain(&f.name), style),
                    Span::styled(rest, paint.soft()),
                ]));
            }
        }
    }
    lines
}

fn why(answer: Option<&Result<Value, LineError>>, paint: Paint) -> Vec<Text<'static>> {
    let w = match answer {
        None => return vec![Text::from(Span::styled("asking …", paint.soft()))],
        Some(Err(why)) => return vec![Text::from(plain(&why.to_string()))],
        Some(Ok(w)) => w,
    };
    let step = |n: &Value, far: &str| match n.is_null() {
        true => Text::from(Span::styled(format!("      nobody {far}"), paint.soft())),
        false => Text::from(vec![
            Span::styled(format!("{:>4}  ", text(&n["rank"])), paint.soft()),
            Span::raw(format!("{}  {}", name(n), text(&n["value"]))),
            Span::styled(
                format!(
                    "  {} {}",
                    text(&n["gap"]),
                    if far == "above" {
                        "ahead of it"
                    } else {
                        "behind it"
                    }
                ),
                paint.soft(),
            ),
        ]),
    };
    let order = w["order_by"].as_str().unwrap_or_default();
    let state = if w["final"] == true {
        "final"
    } else {
        "provisional"
    };
    let mut lines = vec![
        Text::from(Span::styled(
            format!(
                "{}, {}, {state}",
                title(w["ranking"].as_str().unwrap_or_default()),
                window(
                    w["window_start"].as_str().unwrap_or_default(),
                    w["window_end"].as_str().unwrap_or_default()
                )
            ),
            paint.soft(),
        )),
        Text::default(),
        step(&w["above"], "above"),
        Text::from(Span::styled(
            format!(
                "{:>4}  {}  {}",
                text(&w["rank"]),
                name(w),
                text(&w["row"][order])
            ),
            paint.bold(),
        )),
        step(&w["below"], "below"),
        Text::default(),
    ];
    lines.extend(last_change(&w["last_change"]));
    lines.push(Text::from(format!(
        "corrections  {}",
        text(&w["corrections"]["count"])
    )));
    lines.push(Text::from(format!(
        "late         {}",
        text(&w["late"]["count"])
    )));
    lines
}

/// The keys of a row, as one text.
fn name(row: &Value) -> String {
    let keys = row["key"].as_object().into_iter().flatten();
    let each = keys.map(|(_, value)| match value {
        Value::String(text) => plain(text),
        Value::Null => "–".to_owned(),
        other => plain(&other.to_string()),
    });
    each.collect::<Vec<_>>().join(" · ")
}

/// What changed a row last.
fn last_change(change: &Value) -> Vec<Text<'static>> {
    if change.is_null() {
        return Vec::new();
    }
    let from = match change["previous_rank"].as_u64() {
        Some(from) if change["rank"] == from => format!("stayed at {from}"),
        Some(from) => format!("went from {from} to {}", text(&change["rank"])),
        None => format!("entered at {}", text(&change["rank"])),
    };
    let at = change["at"]
        .as_str()
        .and_then(|t| t.get(..19))
        .unwrap_or("–");
    let at = plain(at).replace('T', " ");
    let correction = if change["correction"] == true {
        ", a correction"
    } else {
        ""
    };
    let mut lines = vec![Text::from(format!(
        "last change  {from}, commit {}, {at} UTC{correction}",
        text(&change["commit"])
    ))];
    let delta = change["delta"].as_object().into_iter().flatten();
    let delta: Vec<_> = delta
        .map(|(k, v)| {
            let value = v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            plain(&format!("{value} {}", k.replace('_', " ")))
        })
        .collect();
    if !delta.is_empty() {
        lines.push(Text::from(format!("             {}", delta.join(", "))));
    }
    // An older server does not say it.
    for mover in change["moved_by"].as_array().into_iter().flatten() {
        let ranks = match (mover["previous_rank"].as_u64(), mover["rank"].as_u64()) {
            (None, now) => format!("came at {}", now.unwrap_or(0)),
            (Some(was), None) => format!("left, it was at {was}"),
            (Some(was), Some(now)) if was == now => format!("stayed at {now}"),
            (Some(was), Some(now)) => format!("went from {was} to {now}"),
        };
        lines.push(Text::from(format!("  moved by   {} {ranks}", name(mover))));
    }
    lines
}

/// A value of an answer, as it is shown.
fn text(value: &Value) -> String {
    match value {
        Value::String(s) => grouped(s),
        Value::Null => "–".to_owned(),
        other => grouped(&other.to_string()),
    }
}
