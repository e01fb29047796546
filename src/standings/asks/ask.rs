//! `standings ask`: where a key stands, and who is around it.

use std::io::Write;

use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::shape::{Raw, Shape};
use super::{get, not_understood, wait};
use crate::client::{Server, ServerArgs};
use crate::output::{self, Cell, Column, Output};
use standings_model::error::codes;
use standings_model::printable::printable;
use standings_process::exit::Failure;

/// `standings ask`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings ask top_salesmen S000123                       of the newest window
  standings ask top_salesmen S000123 --around 10 --window 2026-01-23T00:00:00Z
  standings ask top_salesmen_per_city Lisbon S000123       a key of two columns
  standings ask top_salesmen S000123 --output json         the whole answer, for a program

A key that is NULL is ~, an empty text ~e; a ~ at the beginning of a text is doubled. Exit code 1: there is no such key in the
window, or the server does not answer.")]
pub struct AskArgs {
    /// The ranking.
    #[arg(value_name = "RANKING")]
    pub ranking: String,
    /// The key, column by column, in the order of the ranking's keys.
    #[arg(value_name = "KEY", required = true)]
    pub key: Vec<String>,
    /// Neighbours on each side, 0 to 100.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub around: u8,
    /// The window: its start, START..END where a start does not say it, or newest.
    #[arg(long, value_name = "WINDOW")]
    pub window: Option<String>,
    /// How it is printed.
    #[arg(long, value_enum, value_name = "FORM", default_value = "table")]
    pub output: Output,
    /// Where it is asked.
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Deserialize)]
struct Position {
    window_start: Option<String>,
    window_end: Option<String>,
    rank: u64,
    count: u64,
    percentile: Box<RawValue>,
    keys: Raw,
    measures: Raw,
    above: Vec<Neighbour>,
    below: Vec<Neighbour>,
    limit: Option<u64>,
    distance_to_leader: Box<RawValue>,
    distance_to_limit: Box<RawValue>,
    #[serde(rename = "final")]
    is_final: bool,
    commit: u64,
}

#[derive(Deserialize)]
struct Neighbour {
    rank: u64,
    keys: Raw,
    measures: Raw,
    distance: Box<RawValue>,
}

/// Asks, and prints the answer.
pub fn ask(args: &AskArgs) -> Result<(), Failure> {
    let server = args.server.server()?;
    let (shape, text) = wait(asked(args, &server))?;
    let position: Position = serde_json::from_str(&text).map_err(|_| not_understood(&server))?;
    let mut out = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = match args.output {
        Output::Json => writeln!(out, "{text}"),
        Output::Table => {
            let above = writeln!(out, "{}", words(args, &position));
            above.and_then(|()| rows(&mut out, args.output, &shape, &position))
        }
        form => rows(&mut out, form, &shape, &position),
    };
    output::print(&out)
}

async fn asked(args: &AskArgs, server: &Server) -> Result<(Shape, String), Failure> {
    let shape = Shape::of(server, &args.ranking).await?;
    if args.key.len() != shape.keys.len() {
        return Err(Failure::of(
            &codes::line::FLAGS,
            format!(
                "a key of `{}` is {}; given are {}",
                shape.name,
                shape.keys.join(" "),
                args.key.len()
            ),
        ));
    }
    let window = shape.window(server, args.window.as_deref()).await?;
    let before = ["rankings", &shape.name, "windows", &window, "keys"];
    let key = args.key.iter().map(String::as_str);
    let path = before.into_iter().chain(key).chain(["position"]);
    let around = args.around.to_string();
    let answer = get(server, server.url(path, &[("around", &around)])).await?;
    Ok((shape, answer.text))
}

/// A value of JSON for a person, if it is one.
fn shown(raw: &RawValue) -> Option<String> {
    match Cell::of(raw) {
        Cell::Null => None,
        Cell::Text(text) | Cell::Bare(text) => Some(printable(&text).into_owned()),
    }
}

/// Where it stands, in words.
fn words(args: &AskArgs, found: &Position) -> String {
    let window = match (&found.window_start, &found.window_end) {
        (Some(start), Some(end)) => format!("{} to {}", printable(start), printable(end)),
        _ => "all time".to_owned(),
    };
    let state = if found.is_final {
        "final"
    } else {
        "provisional"
    };
    let key: Vec<String> = args.key.iter().map(|k| printable(k).into_owned()).collect();
    let percent = shown(&found.percentile).unwrap_or_default();
    let mut text = format!(
        "{}  {window}  {state}  commit {}\n{} is {} of {}, not behind {percent} % of the others",
        printable(&args.ranking),
        found.commit,
        key.join(" "),
        found.rank,
        found.count,
    );
    if let Some(distance) = shown(&found.distance_to_leader).filter(|_| found.rank > 1) {
        text += &format!("; {distance} behind the first");
    }
    if let (Some(limit), Some(distance)) = (found.limit, shown(&found.distance_to_limit)) {
        text += &match distance.strip_prefix('-') {
            Some(ahead) => format!("; {ahead} ahead of the last of the {limit}"),
            None => format!("; {distance} behind the last of the {limit}"),
        };
    }
    text
}

/// The key among its neighbours, the best first.
fn rows(
    out: &mut impl Write,
    form: Output,
    shape: &Shape,
    found: &Position,
) -> std::io::Result<()> {
    let mut columns = shape.columns();
    columns.push(Column {
        name: "distance".to_owned(),
        is_text: false,
    });
    let row = |rank: u64, of: [&Raw; 2], distance: Option<&RawValue>| {
        let mut cells = Shape::cells(&columns, &of);
        cells[0] = Cell::Bare(rank.to_string());
        if let (Some(last), Some(distance)) = (cells.last_mut(), distance) {
            *last = Cell::of(distance);
        }
        cells
    };
    let beside = |n: &Neighbour| row(n.rank, [&n.keys, &n.measures], Some(&n.distance));
    let mut rows: Vec<Vec<Cell>> = found.above.iter().rev().map(beside).collect();
    rows.push(row(found.rank, [&found.keys, &found.measures], None));
    rows.extend(found.below.iter().map(beside));
    output::write(out, form, &columns, &rows)
}
