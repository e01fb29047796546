//! The line to the server, on a thread of its own: follows the events, asks what it is told to ask, connects again by
//! itself. Nothing here knows what is shown.

use std::time::Duration;

use crossbeam_channel::Sender;
use reqwest::{Response, StatusCode, Url, header};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::sse::Parser;
use crate::client::{LineError, Server, problem};
use standings_process::exit::{Failure, NoThread};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What is asked beside the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Rows of a window.
    Window {
        /// Of which ranking.
        ranking: String,
        /// The window's name, by its times as the server wrote them.
        start: String,
    },
    /// Why a row has its rank.
    Why {
        /// Of which ranking.
        ranking: String,
        /// The window's name.
        start: String,
        /// Keys, in the query's order.
        keys: Vec<String>,
    },
    /// Keys and labels that contain a text.
    Search {
        /// In which ranking.
        ranking: String,
        /// The text.
        text: String,
    },
}

/// What came over the line.
#[derive(Debug)]
pub enum Heard {
    /// One server-sent event.
    Event {
        /// `snapshot`, `commit` or `health`.
        name: String,
        /// What it carries.
        data: Value,
    },
    /// An answer, or why there is none.
    Answer(Ask, Result<Value, LineError>),
    /// The line is lost; it is tried again after the pause.
    Lost {
        /// Why.
        why: LineError,
        /// Until the next attempt.
        pause: Duration,
    },
    /// The server does not talk to us without another key; it is not tried again.
    Refused(LineError),
}

/// Where what is asked is answered.
fn asked(server: &Server, ask: &Ask) -> Url {
    match ask {
        Ask::Window { ranking, start } => {
            let before = ["rankings", ranking, "windows"];
            let window = before.into_iter().chain(start.split('/'));
            server.url(window, &[("limit", "100")])
        }
        Ask::Why {
            ranking,
            start,
            keys,
        } => {
            let before = ["rankings", ranking, "windows"];
            let window = before.into_iter().chain(start.split('/'));
            let keys = keys.iter().map(String::as_str);
            let row = window.chain(["keys"]).chain(keys).chain(["why"]);
            server.url(row, &[])
        }
        Ask::Search { ranking, text } => {
            server.url(["rankings", ranking, "search"], &[("q", text)])
        }
    }
}
/// A line that is followed.
#[derive(Debug)]
pub struct Line(UnboundedSender<Ask>);

impl Line {
    /// Follows the server's events until the receiver of `heard` is gone.
    pub fn open(server: Server, heard: Sender<Heard>) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(NoThread)?;
        let (asks, asked) = unbounded_channel();
        std::thread::Builder::new()
            .name("line".to_owned())
            .spawn(move || runtime.block_on(run(server, heard, asked)))
            .map_err(NoThread)?;
        Ok(Line(asks))
    }

    /// Asks; the answer is heard.
    pub fn ask(&self, ask: Ask) {
        // Fails when the thread has ended, which was heard.
        let _ = self.0.send(ask);
    }
}

async fn run(server: Server, heard: Sender<Heard>, mut asked: UnboundedReceiver<Ask>) {
    let following = follow(server.clone(), heard.clone());
    tokio::pin!(following);
    loop {
        tokio::select! {
            () = &mut following => return,
            ask = asked.recv() => match ask {
                Some(ask) => { tokio::spawn(answer(server.clone(), ask, heard.clone())); }
                None => return,
            }
        }
    }
}

async fn answer(server: Server, ask: Ask, heard: Sender<Heard>) {
    let sent = server.client.get(asked(&server, &ask)).send().await;
    let found = match sent {
        Ok(response) if response.status().is_success() => {
            let text = response.text().await.map_err(LineError::from);
            text.and_then(|t| serde_json::from_str(&t).map_err(|_| LineError::NotJson))
        }
        Ok(response) => Err(problem(response).await),
        Err(e) => Err(e.into()),
    };
    // Fails when nobody listens any more.
    let _ = heard.send(Heard::Answer(ask, found));
}

/// Follows the events, again and again. Ends when it is refused, or when nobody listens.
async fn follow(server: Server, heard: Sender<Heard>) {
    let mut pause = Duration::ZERO;
    let mut last: Option<String> = None;
    loop {
        let mut request = server.client.get(server.url(["events"], &[]));
        request = request.header(header::ACCEPT, "text/event-stream");
        if let Some(id) = &last {
            request = request.header("last-event-id", id);
        }
        let why = match request.send().await {
            Ok(response) if response.status().is_success() => {
                pause = Duration::ZERO;
                match listen(response, &heard, &mut last).await {
                    Some(why) => why,
                    None => return,
                }
            }
            Ok(response) => {
                let status = response.status();
                let why = problem(response).await;
                if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                    let _ = heard.send(Heard::Refused(why));
                    return;
                }
                why
            }
            Err(e) => {
                // Who did not answer may come back as another, which counts its commits anew.
                last = None;
                e.into()
            }
        };
        pause = (pause * 17 / 10).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        if heard.send(Heard::Lost { why, pause }).is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
    }
}

/// Hands on events until the line breaks, and says why it did; `None` when nobody listens.
async fn listen(
    mut response: Response,
    heard: &Sender<Heard>,
    last: &mut Option<String>,
) -> Option<LineError> {
    let mut parser = Parser::default();
    loop {
        let bytes = match response.chunk().await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Some(LineError::Ended),
            Err(e) => return Some(e.into()),
        };
        for event in parser.push(&bytes) {
            let Ok(data) = serde_json::from_str(&event.data) else {
                return Some(LineError::NotJson);
            };
            let name = event.name;
            heard.send(Heard::Event { name, data }).ok()?;
            *last = event.id.or(last.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_one_part_of_the_path_each() {
        let server = Server::new("http://wall:8080/sales/", None).unwrap();
        let ask = Ask::Why {
            ranking: "top".to_owned(),
            start: "2026-01-23T00:00:00Z".to_owned(),
            keys: vec!["São/Paulo".to_owned(), "a b?".to_owned()],
        };
        assert_eq!(
            asked(&server, &ask).as_str(),
            "http://wall:8080/sales/api/v1/rankings/top/windows/2026-01-23T00:00:00Z/keys/S%C3%A3o%2FPaulo/a%20b%3F/why"
        );
        assert_eq!(
            Server::new("wall:80", None).unwrap().address(),
            "http://wall"
        );
        assert!(Server::new("ftp://wall", None).is_err());
        assert!(Server::new("http://wall", Some("a\nb")).is_err());
    }
}
