//! A ranking alone, as a picture: `GET /rankings/{name}.svg`.
//!
//! ```text
//!  Top cities                                   2026-01-23, open
//!  ───────────────────────────────────────── Total sales, EUR ──
//!  1  Lisbon                                        1,234.50
//!  ▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬
//!  2  Porto                                           980.00
//!  …
//!  All sales up to 2026-01-23 19:10:34 UTC are counted
//! ```
//!
//! 1. The picture loads nothing and runs nothing, and its policy forbids both: looks are attributes, there is no style and no script.
//! 2. It is XML whatever names hold: every text goes through [`push_escaped`].
//! 3. Its size does not depend on what names hold, only on how many rows are asked for.

use std::fmt::Write;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::face::ROWS;
use super::policy;
use super::words::{
    figure, name, push_escaped, score, shortened, table, title, value, window, words,
};
use crate::as_of::time;
use crate::board::Row;
use crate::openapi;
use crate::params::{self, Params};
use crate::problem::Problem;
use crate::security::Opened;
use crate::stage::{FRESH, Face};
use crate::watch::Shown;
use standings_model::plan::{Plan, Ranking};
use standings_model::time::MAX_EVENT_TIME;
use standings_model::value::Value;

/// Rows unless it is said.
const USUAL: usize = 10;
const WIDTH: usize = 520;
const MARGIN: usize = 20;
const HEAD: usize = 84;
const ROW: usize = 32;
const FOOT: usize = 36;
/// Columns of a name, and of all else.
const NAME: usize = 30;
const FIGURE: usize = 22;
const TITLE: usize = 34;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    limit: usize,
    dark: bool,
}

impl Look {
    /// Of `limit` and `theme`.
    pub(super) fn of(params: &Params) -> Result<Self, Problem> {
        let dark = match params.get("theme") {
            None | Some("light") => false,
            Some("dark") => true,
            Some(_) => return Err(Problem::bad("theme: write light or dark")),
        };
        Ok(Look {
            limit: params.limit(USUAL, ROWS)?,
            dark,
        })
    }
}

/// Colours, those of the page (`page/base.css`): ground, writing, faint writing, lines, the first rank, bars.
type Colours = [&'static str; 6];
const LIGHT: Colours = [
    "#faf9f6", "#16191e", "#5a626d", "#e2dfd7", "#8a5d00", "#2756b8",
];
const DARK: Colours = [
    "#0d1117", "#edf0f4", "#9ba6b5", "#252e3a", "#f5c451", "#86b1ff",
];

/// `GET /rankings/{name}.svg`.
#[utoipa::path(
    get,
    path = "/rankings/{name}.svg",
    tag = "public",
    summary = "One ranking as a picture",
    description = "The newest window of one ranking, drawn by the server. Of a ranking that `--http-public` names it needs no credentials.",
    params(("name" = String, Path, description = "Ranking"), openapi::Looks),
    responses((status = 200, description = "A picture", body = String, content_type = "image/svg+xml"), openapi::Refusals),
    security((), ("key" = []), ("token" = []))
)]
pub(crate) async fn picture(
    shown: &Arc<Shown>,
    opened: &Opened,
    query: Option<&str>,
) -> Result<Response, Problem> {
    let (number, ranking) = params::ranking(&shown.plan, &opened.subject.ranking)?;
    let look = Look::of(&Params::read(query, &["limit", "theme"])?)?;
    let face = shown.face(number).await?;
    let text = draw(&shown.plan, ranking, &face, look);
    let kind = HeaderValue::from_static("image/svg+xml; charset=utf-8");
    let loads = policy("default-src 'none'", "'none'");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, loads),
    ];
    let mut response = (headers, text).into_response();
    if opened.is_public {
        // Everybody's: a page elsewhere may have it as an image, and what is between may keep it for as long as it is new.
        let age = HeaderValue::from(FRESH.as_secs());
        let kept = format!("public, max-age={}", age.to_str().unwrap_or("1"));
        let kept = HeaderValue::from_str(&kept).unwrap_or(HeaderValue::from_static("no-cache"));
        response.headers_mut().insert(header::CACHE_CONTROL, kept);
        response.headers_mut().insert(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        );
    }
    Ok(response)
}

/// One line of text.
struct Line {
    x: usize,
    y: usize,
    size: usize,
    /// Ends at `x`, and does not begin there.
    ends: bool,
    bold: bool,
}

fn push_line(out: &mut String, line: &Line, colour: &str, text: &str) {
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        out,
        "<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{colour}\"",
        line.x, line.y, line.size
    );
    if line.ends {
        out.push_str(" text-anchor=\"end\"");
    }
    if line.bold {
        out.push_str(" font-weight=\"700\"");
    }
    out.push('>');
    push_escaped(out, text);
    out.push_str("</text>");
}

/// A figure as a length: a bar is a few hundred points wide, and the nearest float is close enough.
fn length(value: Option<&Value>) -> f64 {
    let number = match value {
        Some(Value::Integer(n)) => *n as f64,
        Some(Value::Decimal(d)) => d.unscaled as f64 / 10f64.powi(i32::from(d.scale)),
        Some(Value::Double(n)) => n.get(),
        _ => 0.0,
    };
    if number.is_finite() { number } else { 0.0 }
}

/// The picture of a face.
pub(super) fn draw(plan: &Plan, ranking: &Ranking, face: &Face, look: Look) -> String {
    let colours = if look.dark { DARK } else { LIGHT };
    let [_, _, faint, ..] = colours;
    let rows = face.window.as_ref().map_or(&[][..], |(_, rows)| rows);
    let rows = &rows[..rows.len().min(look.limit)];
    let height = HEAD + rows.len().max(1) * ROW + FOOT;
    let mut out = String::with_capacity(1024 + rows.len() * 512);
    push_head(&mut out, (plan, ranking), face, (rows, height), colours);
    let field = score(ranking);
    let lengths = rows
        .iter()
        .map(|row| length(field.and_then(|f| value(row, f))));
    let most = lengths.fold(0.0, f64::max);
    for (i, row) in rows.iter().enumerate() {
        push_row(&mut out, ranking, (row, most), HEAD + i * ROW, colours);
    }
    let (noun, _) = table(plan, ranking);
    let mut say = |y, size, text: String| {
        push_line(&mut out, &left(y, size), faint, &shortened(&text, 70));
    };
    if rows.is_empty() {
        say(
            HEAD + 20,
            14,
            format!("Waiting for the first of the {noun}"),
        );
    }
    match face.as_of.watermark {
        // The end of all input: there is no more to come.
        Some(end) if end >= MAX_EVENT_TIME => {
            say(height - 14, 12, format!("All {noun} are counted"));
        }
        Some(at) => {
            let time = time(at).chars().take(19).collect::<String>();
            let text = format!(
                "All {noun} up to {} UTC are counted",
                time.replace('T', " ")
            );
            say(height - 14, 12, text);
        }
        None => {}
    }
    out.push_str("</svg>");
    out
}

/// A line that begins at the margin.
fn left(y: usize, size: usize) -> Line {
    Line {
        x: MARGIN,
        y,
        size,
        ends: false,
        bold: false,
    }
}

/// A line that ends at the other one.
fn right(y: usize, size: usize) -> Line {
    Line {
        x: WIDTH - MARGIN,
        ends: true,
        ..left(y, size)
    }
}

/// What it is, of which window, in what.
fn push_head(
    out: &mut String,
    (plan, ranking): (&Plan, &Ranking),
    face: &Face,
    (rows, height): (&[Row], usize),
    [ground, ink, faint, rule, ..]: Colours,
) {
    let called = shortened(&title(ranking), TITLE);
    let when = match &face.window {
        None => String::new(),
        Some((info, _)) if info.bounds.is_always() => window(info.bounds),
        Some((info, _)) => {
            let state = if info.is_final { "final" } else { "open" };
            format!("{}, {state}", window(info.bounds))
        }
    };
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" xml:lang=\"en\" font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif\"><title>"
    );
    push_escaped(out, &called);
    out.push_str("</title><desc>");
    push_escaped(out, &told(ranking, rows, &when));
    let _ = write!(
        out,
        "</desc><rect width=\"{WIDTH}\" height=\"{height}\" rx=\"10\" fill=\"{ground}\"/>"
    );
    let first = Line {
        bold: true,
        ..left(36, 20)
    };
    push_line(out, &first, ink, &called);
    push_line(out, &right(36, 12), faint, &when);
    let figures = score(ranking).map_or(String::new(), |field| words(ranking.field_name(field)));
    let figures = match table(plan, ranking) {
        (_, Some(unit)) if has_amounts(ranking) => format!("{figures}, {unit}"),
        _ => figures,
    };
    push_line(out, &right(66, 12), faint, &shortened(&figures, 60));
    let end = WIDTH - MARGIN;
    let _ = write!(
        out,
        "<path d=\"M{MARGIN} 74H{end}\" stroke=\"{rule}\" fill=\"none\"/>"
    );
}

/// Whether what is shown is an amount: a unit is of amounts, not of counts.
fn has_amounts(ranking: &Ranking) -> bool {
    let kind = score(ranking).map(|field| ranking.field_type(field).0);
    matches!(kind, Some(standings_model::types::Type::Decimal { .. }))
}

/// The same for who does not see it: the first three.
fn told(ranking: &Ranking, rows: &[Row], when: &str) -> String {
    let mut text = when.to_owned();
    for row in rows.iter().take(3) {
        let figure = score(ranking).map(|field| figure(value(row, field)));
        let name = shortened(&name(ranking, row), NAME);
        let figure = shortened(&figure.unwrap_or_default(), FIGURE);
        let _ = write!(text, ". {} {name} {figure}", row.rank);
    }
    text
}

fn push_row(
    out: &mut String,
    ranking: &Ranking,
    (row, most): (&Row, f64),
    base: usize,
    [_, ink, faint, rule, gold, bar]: Colours,
) {
    let end = WIDTH - MARGIN;
    let first = row.rank == 1;
    let at = |x, ends| Line {
        x,
        y: base + 21,
        size: 15,
        ends,
        bold: first,
    };
    // Of a ranking that shows no ranks they are 0.
    let rank = match row.rank {
        0 => String::new(),
        rank => rank.to_string(),
    };
    let colour = if first { gold } else { faint };
    push_line(out, &at(MARGIN + 22, true), colour, &rank);
    let called = shortened(&name(ranking, row), NAME);
    push_line(out, &at(MARGIN + 36, false), ink, &called);
    let y = base + ROW - 2;
    let _ = write!(
        out,
        "<path d=\"M{MARGIN} {y}H{end}\" stroke=\"{rule}\" fill=\"none\"/>"
    );
    let Some(field) = score(ranking) else {
        return;
    };
    let own = value(row, field);
    push_line(out, &at(end, true), ink, &shortened(&figure(own), FIGURE));
    let share = match most > 0.0 {
        true => (length(own) / most).clamp(0.0, 1.0),
        false => 0.0,
    };
    let wide = share * (end - MARGIN) as f64;
    let _ = write!(
        out,
        "<path d=\"M{MARGIN} {y}h{wide:.1}\" stroke=\"{bar}\" stroke-width=\"2\" fill=\"none\"/>"
    );
}
