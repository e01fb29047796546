//! `standings top`: the rankings of a running process in a terminal, for people on a server.
//!
//! ```text
//! server ──► line (a thread: events, answers) ──► app (what is known, what keys do) ──► draw ──► terminal
//!                ▲                                    │                                   └──► once: plain tables
//!                └──────────── what to ask ───────────┘
//! ```

pub mod app;
pub mod board;
pub mod draw;
pub mod line;
pub mod once;
pub mod sse;
pub mod words;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::Receiver;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use self::app::App;
use self::draw::Paint;
use self::line::{Heard, Line};
use crate::client::{Server, key};
use crate::output::{Output, print};
use standings_model::error::codes;
use standings_process::exit::{Failure, say};

/// `standings top`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings top                                  the rankings of http://127.0.0.1:8080
  standings top http://wall:8080 --key-file key  of a server that asks for a key
  standings top --once                           plain tables, once, for scripts

Keys: ? help, q end, ↑↓ rows, ←→ windows, Tab the other ranking, Enter why, / search.
A key is read from --key-file, or from STANDINGS_KEY (or the file that STANDINGS_KEY_FILE names).")]
pub struct TopArgs {
    /// Address of a process that serves its rankings (`--http`).
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// A file that holds the key to send.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Which rankings, by name; repeat it. Without it those by city and by salesman.
    #[arg(long, value_name = "NAME")]
    pub ranking: Vec<String>,
    /// Print the rankings once as plain tables, and end.
    #[arg(long)]
    pub once: bool,
    /// How --once prints; csv and markdown want one --ranking.
    #[arg(
        long,
        value_enum,
        value_name = "FORM",
        requires = "once",
        default_value = "table"
    )]
    pub output: Output,
}

/// How long `--once` waits for the rankings.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at the keyboard; also the greatest time until a change is seen.
const TICK: Duration = Duration::from_millis(100);
/// Ages and fading moves are drawn anew at least so often.
const REDRAW: Duration = Duration::from_millis(500);

/// Shows the rankings until `q`, or once.
pub fn run(args: &TopArgs) -> Result<(), Failure> {
    if !args.once && !std::io::stdout().is_terminal() {
        return Err(Failure::of(
            &codes::line::FLAGS,
            "standard output is no terminal; `standings top --once` prints plain tables",
        ));
    }
    let server = Server::new(&args.url, key(args.key_file.as_deref())?.as_deref())?;
    let mut app = App::new(server.address().to_owned(), args.ranking.clone());
    let (heard, hears) = crossbeam_channel::unbounded();
    let line = Line::open(server, heard)?;
    if args.once {
        return once(&mut app, &hears, args.output);
    }
    let mut terminal = ratatui::try_init().map_err(|e| {
        Failure::of(
            &codes::process::SYSTEM,
            format!("cannot use the terminal: {e}"),
        )
    })?;
    let ended = watch(&mut terminal, &mut app, &line, &hears);
    ratatui::restore();
    ended
}

fn refused(why: &str) -> Failure {
    Failure::of(
        &codes::http::CLIENT,
        format!("the server refuses: {why}; give a key that it knows with --key-file"),
    )
}

fn once(app: &mut App, hears: &Receiver<Heard>, form: Output) -> Result<(), Failure> {
    let until = Instant::now() + PATIENCE;
    // A server that has no row yet is no failure; one that does not answer is.
    while app.board.rankings.is_empty() || app.health.is_none() {
        match hears.recv_deadline(until) {
            Ok(Heard::Refused(why)) => return Err(refused(&why.to_string())),
            Ok(Heard::Lost { why, .. }) if app.board.rankings.is_empty() => {
                return Err(Failure::of(
                    &codes::http::CLIENT,
                    format!("{}: {why}", app.address),
                ));
            }
            Ok(heard) => drop(app.hear(heard, Instant::now())),
            Err(_) if app.board.rankings.is_empty() => {
                return Err(Failure::of(
                    &codes::http::CLIENT,
                    format!("{}: no rankings within {PATIENCE:?}", app.address),
                ));
            }
            Err(_) => break,
        }
    }
    if let [missing, ..] = app.missing().as_slice() {
        let names: Vec<_> = app.board.rankings.iter().map(|r| r.name.as_str()).collect();
        return Err(Failure::of(
            &codes::line::FLAGS,
            format!(
                "--ranking {missing}: the server has no such ranking; there are: {}",
                names.join(", ")
            ),
        ));
    }
    match form {
        Output::Table => say(once::tables(app).trim_end()),
        form => {
            let rows = once::rows(app, form).ok_or_else(|| {
                Failure::of(
                    &codes::line::FLAGS,
                    "--output csv and markdown have the columns of one ranking: name it with --ranking",
                )
            })?;
            return print(&rows);
        }
    }
    Ok(())
}

fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    app: &mut App,
    line: &Line,
    hears: &Receiver<Heard>,
) -> Result<(), Failure> {
    let failed =
        |e: std::io::Error| Failure::of(&codes::process::SYSTEM, format!("the terminal: {e}"));
    let paint = Paint::from_environment();
    let mut drawn: Option<Instant> = None;
    while !app.ended {
        let now = Instant::now();
        let mut dirty = drawn.is_none_or(|at| now.duration_since(at) >= REDRAW);
        for heard in hears.try_iter() {
            for ask in app.hear(heard, now) {
                line.ask(ask);
            }
            dirty = true;
        }
        if let Some(why) = &app.refused {
            return Err(refused(why));
        }
        if dirty {
            drawn = Some(now);
            terminal
                .draw(|frame| draw::draw(frame, app, paint, now))
                .map_err(failed)?;
        }
        if event::poll(TICK).map_err(failed)? {
            match event::read().map_err(failed)? {
                Event::Key(key) if key.kind == KeyEventKind::Press => {
                    for ask in app.press(key) {
                        line.ask(ask);
                    }
                    drawn = None;
                }
                Event::Resize(..) => drawn = None,
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
