//! `standings tail`: what changes in a ranking, as it comes.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;
use reqwest::{Response, header};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::shape::{Raw, Shape};
use super::{failed, not_understood, wait};
use crate::client::{LineError, Server, ServerArgs, problem};
use crate::output::{self, Cell, Column, Output};
use crate::top::sse::Parser;
use standings_model::duration::parse_some_duration;
use standings_process::exit::Failure;

/// Between two attempts, when the line is lost.
const PAUSE: Duration = Duration::from_secs(1);

/// `standings tail`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings tail top_salesmen                         what changes from now on
  standings tail top_salesmen --since 4711            and what has changed since commit 4711
  standings tail top_salesmen --output ndjson --for 1m | jq .rank

A line lost is taken up again after the last commit that was seen. Where the server does not keep that commit any more, it is said
on standard error, and the rows as they are now follow.")]
pub struct TailArgs {
    /// The ranking.
    #[arg(value_name = "RANKING")]
    pub ranking: String,
    /// Begin after this commit rather than now.
    #[arg(long, value_name = "COMMIT")]
    pub since: Option<u64>,
    /// End after so many changes.
    #[arg(short = 'n', long, value_name = "N")]
    pub changes: Option<u64>,
    /// End after so long.
    #[arg(long = "for", value_name = "D", value_parser = parse_some_duration)]
    pub duration: Option<Duration>,
    /// How a change is printed; json is ndjson here.
    #[arg(long, value_enum, value_name = "FORM", default_value = "table")]
    pub output: Output,
    /// Where it is asked.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What an event carries; what else it says is passed over.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    changes: Vec<Box<RawValue>>,
    #[serde(default)]
    rows: Vec<Box<RawValue>>,
}

/// A change, or a row of a snapshot.
#[derive(Deserialize)]
struct Change {
    #[serde(default)]
    op: Option<String>,
    window_start: Option<String>,
    rank: Option<u64>,
    #[serde(default)]
    previous_rank: Option<u64>,
    #[serde(default)]
    row: Option<Raw>,
    #[serde(rename = "final", default)]
    is_final: bool,
    #[serde(default)]
    commit: u64,
}

/// Prints changes until it is told enough.
pub fn tail(args: &TailArgs) -> Result<(), Failure> {
    let server = args.server.server()?;
    let ends = args.duration.map(|d| Instant::now() + d);
    wait(async {
        let shape = Shape::of(&server, &args.ranking).await?;
        let mut seen = Seen {
            args,
            columns: columns(&shape),
            last: args.since,
            left: args.changes,
            begun: args.since.is_some(),
            named: false,
        };
        let work = follow(&server, &mut seen);
        match ends {
            None => work.await,
            Some(at) => tokio::time::timeout_at(at.into(), work)
                .await
                .unwrap_or(Ok(())),
        }
    })
}

/// What is known of the stream.
struct Seen<'a> {
    args: &'a TailArgs,
    columns: Vec<Column>,
    /// The last commit of which everything was printed.
    last: Option<u64>,
    left: Option<u64>,
    /// A snapshot that comes now is no beginning but a gap.
    begun: bool,
    /// The names of columns were printed.
    named: bool,
}

fn columns(shape: &Shape) -> Vec<Column> {
    let column = |name: &str, is_text| Column {
        name: name.to_owned(),
        is_text,
    };
    let mut all = vec![
        column("commit", false),
        column("window_start", true),
        column("op", true),
        column("previous_rank", false),
    ];
    all.extend(shape.columns());
    all.push(column("final", true));
    all
}

async fn follow(server: &Server, seen: &mut Seen<'_>) -> Result<(), Failure> {
    let mut lost = false;
    loop {
        let path = ["rankings", &seen.args.ranking, "changes"];
        let mut request = server.client.get(server.url(path, &[]));
        request = request.header(header::ACCEPT, "text/event-stream");
        if let Some(last) = seen.last {
            request = request.header("last-event-id", last.to_string());
        }
        let why = match request.send().await {
            Ok(response) if response.status().is_success() => {
                if std::mem::take(&mut lost) {
                    tracing::warn!(
                        event = "line_again",
                        server = server.address(),
                        "the line is there again"
                    );
                }
                match listen(server, response, seen).await? {
                    Some(why) => why,
                    None => return Ok(()),
                }
            }
            Ok(response) => return Err(failed(server, &problem(response).await)),
            Err(e) => e.into(),
        };
        if !lost && seen.last.is_none() {
            // It was never there.
            return Err(failed(server, &why));
        }
        if !std::mem::replace(&mut lost, true) {
            tracing::warn!(event = "line_lost", server = server.address(), %why, "the line is lost; it is tried again");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Prints what comes until the line breaks, and says why it did; none when enough was printed.
async fn listen(
    server: &Server,
    mut response: Response,
    seen: &mut Seen<'_>,
) -> Result<Option<LineError>, Failure> {
    let mut parser = Parser::default();
    loop {
        let bytes = match response.chunk().await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Some(LineError::Ended)),
            Err(e) => return Ok(Some(e.into())),
        };
        for event in parser.push(&bytes) {
            let told: Told =
                serde_json::from_str(&event.data).map_err(|_| not_understood(server))?;
            let is_snapshot = event.name == "snapshot";
            if is_snapshot && seen.begun {
                tracing::warn!(
                    event = "commits_not_kept",
                    after = seen.last.unwrap_or_default(),
                    "the server does not keep these commits any more: the rows as they are now follow, and changes between are not known"
                );
            }
            let lines = match is_snapshot && !seen.begun {
                true => Vec::new(),
                false => [told.changes, told.rows].concat(),
            };
            seen.begun = true;
            let enough = seen.print(server, &lines)?;
            if let Some(id) = event.id.and_then(|id| id.parse().ok()) {
                seen.last = Some(id);
            }
            if enough {
                return Ok(None);
            }
        }
    }
}

impl Seen<'_> {
    /// Prints changes; whether it was enough.
    fn print(&mut self, server: &Server, lines: &[Box<RawValue>]) -> Result<bool, Failure> {
        let most = self.left.unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        for raw in lines
            .iter()
            .take(usize::try_from(most).unwrap_or(usize::MAX))
        {
            if matches!(self.args.output, Output::Ndjson | Output::Json) {
                bytes.extend_from_slice(raw.get().as_bytes());
                bytes.push(b'\n');
            } else {
                let cells = self.cells(server, raw)?;
                // Writing to a Vec cannot fail.
                let _ = self.line(&mut bytes, &cells);
            }
            if let Some(left) = &mut self.left {
                *left -= 1;
            }
        }
        output::print(&bytes)?;
        Ok(self.left == Some(0))
    }

    fn cells(&self, server: &Server, raw: &RawValue) -> Result<Vec<Cell>, Failure> {
        let not = |_| not_understood(server);
        let change: Change = serde_json::from_str(raw.get()).map_err(not)?;
        let flat: Raw = match change.row {
            Some(row) => row,
            None => serde_json::from_str(raw.get()).map_err(not)?,
        };
        let number = |n: Option<u64>| n.map_or(Cell::Null, |n| Cell::Bare(n.to_string()));
        let mut cells = Shape::cells(&self.columns, &[&flat]);
        cells[0] = Cell::Bare(change.commit.to_string());
        cells[1] = change.window_start.map_or(Cell::Null, Cell::Text);
        cells[2] = Cell::Text(change.op.unwrap_or_else(|| "row".to_owned()));
        cells[3] = number(change.previous_rank);
        cells[4] = number(change.rank);
        if let Some(last) = cells.last_mut() {
            *last = Cell::Bare(change.is_final.to_string());
        }
        Ok(cells)
    }

    /// One change. Lines come one by one: what is wider than the names moves the rest of its own line.
    fn line(&mut self, out: &mut Vec<u8>, cells: &[Cell]) -> std::io::Result<()> {
        let named = std::mem::replace(&mut self.named, true);
        match self.args.output {
            Output::Csv => {
                if !named {
                    output::csv_names(out, &self.columns);
                }
                output::csv(out, &self.columns, cells);
                Ok(())
            }
            form => {
                let mut text = Vec::new();
                output::write(&mut text, form, &self.columns, &[cells.to_vec()])?;
                let text = String::from_utf8_lossy(&text);
                let heads = if form == Output::Markdown { 2 } else { 1 };
                let from = if named { heads } else { 0 };
                for line in text.lines().skip(from) {
                    writeln!(out, "{line}")?;
                }
                Ok(())
            }
        }
    }
}
