//! What the terminal shows and what its keys do. Pure: what is heard and pressed comes in, what to ask comes out.

use std::time::{Duration, Instant};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::Value;

use super::board::{Board, Ranking};
use super::line::{Ask, Heard};
use crate::client::LineError;

/// The line to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing was heard yet.
    Connecting,
    /// Events come.
    Live,
    /// They do not; it is tried again then.
    Lost {
        /// Why.
        why: String,
        /// The next attempt.
        next: Instant,
    },
}

/// What lies over the rankings.
#[derive(Clone, Debug, Default)]
pub enum Over {
    /// Nothing.
    #[default]
    Nothing,
    /// What the keys do.
    Help,
    /// A text that is searched for, and what was found.
    Search {
        /// The text.
        text: String,
        /// What was found: ranking, window, keys, name, rank; or what went wrong.
        found: Result<Vec<Found>, LineError>,
        /// Which of it is chosen.
        at: usize,
    },
    /// Why a row has its rank: what was asked, and the answer once it came.
    Why {
        /// Name of the row.
        name: String,
        /// What was asked.
        ask: Ask,
        /// The answer.
        answer: Option<Result<Value, LineError>>,
    },
}

/// One match of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Ranking.
    pub ranking: String,
    /// Start of the newest window where it is ranked.
    pub start: String,
    /// Keys, in the query's order.
    pub keys: Vec<String>,
    /// Name for people.
    pub name: String,
    /// Rank there.
    pub rank: u64,
}

/// Everything that is shown.
#[derive(Debug)]
pub struct App {
    /// The server's address, for people.
    pub address: String,
    /// The rankings.
    pub board: Board,
    /// Rankings that were asked for by name; empty: the usual two.
    names: Vec<String>,
    /// Which of the shown rankings has the cursor.
    pub focus: usize,
    /// The cursor's row.
    pub cursor: usize,
    /// The newest health numbers.
    pub health: Option<Value>,
    /// The line.
    pub line: Line,
    /// When something was last heard.
    pub heard: Option<Instant>,
    /// What lies over it.
    pub over: Over,
    /// It is time to end.
    pub ended: bool,
    /// Why it cannot go on.
    pub refused: Option<String>,
}

impl App {
    /// Nothing heard yet.
    pub fn new(address: String, names: Vec<String>) -> Self {
        App {
            address,
            board: Board::default(),
            names,
            focus: 0,
            cursor: 0,
            health: None,
            line: Line::Connecting,
            heard: None,
            over: Over::Nothing,
            ended: false,
            refused: None,
        }
    }

    /// The rankings that are shown: those asked for, else by city and by salesman where they are loaded, else what
    /// there is.
    pub fn shown(&self) -> Vec<&Ranking> {
        let all = &self.board.rankings;
        if !self.names.is_empty() {
            return self
                .names
                .iter()
                .filter_map(|n| self.board.find(n))
                .collect();
        }
        let mut shown: Vec<&Ranking> = ["top_sales_per_city", "top_salesmen"]
            .iter()
            .filter_map(|n| self.board.find(n))
            .collect();
        for ranking in all {
            if shown.len() < 2 && !shown.iter().any(|r| r.name == ranking.name) {
                shown.push(ranking);
            }
        }
        shown
    }

    /// Names that were asked for and that the server does not have.
    pub fn missing(&self) -> Vec<&str> {
        let missing = self.names.iter().filter(|n| self.board.find(n).is_none());
        missing.map(String::as_str).collect()
    }

    /// Takes what was heard. Returns what to ask.
    pub fn hear(&mut self, heard: Heard, now: Instant) -> Vec<Ask> {
        match heard {
            Heard::Event { name, data } => {
                self.heard = Some(now);
                self.line = Line::Live;
                match name.as_str() {
                    "snapshot" => {
                        let ask = self.board.snapshot(&data, now);
                        let start = self.board.picked.clone().unwrap_or_default();
                        let window = |ranking| Ask::Window {
                            ranking,
                            start: start.clone(),
                        };
                        return ask.into_iter().map(window).collect();
                    }
                    "commit" => self.board.commit(&data, now),
                    "health" => self.health = Some(data),
                    _ => {}
                }
            }
            Heard::Lost { why, pause } => {
                self.line = Line::Lost {
                    why: why.to_string(),
                    next: now + pause,
                };
            }
            Heard::Refused(why) => self.refused = Some(why.to_string()),
            Heard::Answer(ask, answer) => self.answer(ask, answer, now),
        }
        Vec::new()
    }

    fn answer(&mut self, ask: Ask, answer: Result<Value, LineError>, now: Instant) {
        match (&ask, &mut self.over) {
            (Ask::Window { ranking, start }, _) => match answer {
                Ok(rows) => self.board.window(ranking, start, &rows, now),
                Err(_) => self.board.window_failed(ranking, start),
            },
            (
                Ask::Why { .. },
                Over::Why {
                    ask: asked,
                    answer: place,
                    ..
                },
            ) if *asked == ask => {
                *place = Some(answer);
            }
            (
                Ask::Search {
                    ranking,
                    text: asked,
                },
                Over::Search { text, found, .. },
            ) if asked == text => {
                let Some(ranking) = self.board.find(ranking) else {
                    return;
                };
                match answer {
                    Ok(answer) => {
                        // The other ranking's matches stay; a failure of it gives way.
                        let mut all = std::mem::replace(found, Ok(Vec::new())).unwrap_or_default();
                        all.retain(|f| f.ranking != ranking.name);
                        all.extend(matches(ranking, &answer));
                        *found = Ok(all);
                    }
                    Err(why) => *found = Err(why),
                }
            }
            _ => {}
        }
    }

    /// A key was pressed. Returns what to ask.
    pub fn press(&mut self, key: KeyEvent) -> Vec<Ask> {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            self.ended = true;
            return Vec::new();
        }
        match std::mem::take(&mut self.over) {
            Over::Nothing => self.press_board(key.code),
            Over::Search { text, found, at } => self.press_search(key.code, text, found, at),
            // Any key closes what only says something.
            Over::Help | Over::Why { .. } => Vec::new(),
        }
    }

    fn press_board(&mut self, key: KeyCode) -> Vec<Ask> {
        let Some(name) = self.shown().get(self.focus).map(|r| r.name.clone()) else {
            self.ended = matches!(key, KeyCode::Char('q') | KeyCode::Esc);
            return Vec::new();
        };
        let rows = self.board.find(&name).map_or(0, |r| r.ordered().len());
        let last = rows.saturating_sub(1);
        match key {
            KeyCode::Char('q') | KeyCode::Esc => self.ended = true,
            KeyCode::Char('?') => self.over = Over::Help,
            KeyCode::Char('/') => {
                self.over = Over::Search {
                    text: String::new(),
                    found: Ok(Vec::new()),
                    at: 0,
                };
            }
            KeyCode::Tab | KeyCode::BackTab => {
                self.focus = (self.focus + 1) % self.shown().len().max(1);
                self.cursor = 0;
            }
            KeyCode::Up | KeyCode::Char('k') => {
                self.cursor = self.cursor.min(last).saturating_sub(1)
            }
            KeyCode::Down | KeyCode::Char('j') => self.cursor = (self.cursor + 1).min(last),
            KeyCode::PageUp => self.cursor = self.cursor.saturating_sub(10),
            KeyCode::PageDown => self.cursor = (self.cursor + 10).min(last),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = last,
            KeyCode::Left | KeyCode::Right => {
                let by = if key == KeyCode::Left { -1 } else { 1 };
                if let Some(start) = self.board.step(&name, by) {
                    let ask = self.board.pick(start).into_iter();
                    return ask
                        .map(|(ranking, start)| Ask::Window { ranking, start })
                        .collect();
                }
            }
            KeyCode::Enter => return self.why(&name),
            _ => {}
        }
        Vec::new()
    }

    fn why(&mut self, name: &str) -> Vec<Ask> {
        let asked = self.board.find(name).and_then(|r| {
            let row = *r.ordered().get(self.cursor)?;
            let (start, keys) = (r.start.clone()?, r.key(&row.fields));
            Some((
                r.title(row),
                Ask::Why {
                    ranking: r.name.clone(),
                    start,
                    keys,
                },
            ))
        });
        let Some((name, ask)) = asked else {
            return Vec::new();
        };
        self.over = Over::Why {
            name,
            ask: ask.clone(),
            answer: None,
        };
        vec![ask]
    }

    fn press_search(
        &mut self,
        key: KeyCode,
        mut text: String,
        found: Result<Vec<Found>, LineError>,
        at: usize,
    ) -> Vec<Ask> {
        let n = found.as_ref().map_or(0, Vec::len);
        let mut next = at;
        match key {
            KeyCode::Esc => return Vec::new(),
            KeyCode::Up => next = at.saturating_sub(1),
            KeyCode::Down => next = (at + 1).min(n.saturating_sub(1)),
            KeyCode::Enter => {
                if let Some(f) = found.ok().and_then(|all| all.into_iter().nth(at)) {
                    let ask = Ask::Why {
                        ranking: f.ranking,
                        start: f.start,
                        keys: f.keys,
                    };
                    self.over = Over::Why {
                        name: f.name,
                        ask: ask.clone(),
                        answer: None,
                    };
                    return vec![ask];
                }
                return Vec::new();
            }
            KeyCode::Backspace => drop(text.pop()),
            KeyCode::Char(c) => text.push(c),
            _ => {}
        }
        if !matches!(key, KeyCode::Backspace | KeyCode::Char(_)) {
            self.over = Over::Search {
                text,
                found,
                at: next,
            };
            return Vec::new();
        }
        let ask = match text.trim().is_empty() {
            true => Vec::new(),
            false => {
                let shown = self.shown();
                let ask = |r: &&Ranking| Ask::Search {
                    ranking: r.name.clone(),
                    text: text.clone(),
                };
                shown.iter().map(ask).collect()
            }
        };
        self.over = Over::Search {
            text,
            found: Ok(Vec::new()),
            at: 0,
        };
        ask
    }

    /// How long ago the last thing was heard.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        self.heard.map(|at| now.saturating_duration_since(at))
    }
}

/// The matches of one ranking's answer.
fn matches(ranking: &Ranking, answer: &Value) -> Vec<Found> {
    let all = answer["matches"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let found = |m: &Value| {
        let keys = ranking.key(m["key"].as_object()?);
        Some(Found {
            ranking: ranking.name.clone(),
            start: ranking.window_name(m),
            name: m["label"]
                .as_str()
                .map_or_else(|| keys.join(" · "), str::to_owned),
            keys,
            rank: m["rank"].as_u64()?,
        })
    };
    all.iter().filter_map(found).collect()
}
