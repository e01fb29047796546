//! The thread that asks a registry: for one id after the other, each until there is an answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError};

use super::client::Client;
use super::fetch::{NotFetched, fetch};
use super::{Asked, State, lock};
use standings_model::clock::Clock;
use standings_observe::live::Live;
use standings_observe::waiting::{Waiting, What};

/// Between two attempts, at first and at last.
const AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// Between two ids that there are none of: ten a second.
const BETWEEN: Duration = Duration::from_millis(100);

/// Starts it; it ends when nobody can ask any more. If it cannot be started, nobody takes what is sent.
pub(super) fn start(asked: Asked, state: Arc<Mutex<State>>, live: Arc<Live>) -> Sender<u32> {
    let (send, wanted) = crossbeam_channel::unbounded();
    let body = move || {
        let asker = Asker {
            asked,
            state,
            live,
            wanted,
        };
        asker.run();
    };
    let thread = std::thread::Builder::new().name("registry".to_owned());
    if let Err(e) = thread.spawn(body) {
        tracing::warn!(event = "registry_waiting", problem = %e, "no thread to ask it with");
    }
    send
}

struct Asker {
    asked: Asked,
    state: Arc<Mutex<State>>,
    live: Arc<Live>,
    wanted: Receiver<u32>,
}

impl Asker {
    fn run(self) {
        let mut queue = std::collections::VecDeque::new();
        while let Some(id) = queue.pop_front().or_else(|| self.wanted.recv().ok()) {
            let Some(found) = self.until_answered(id, &mut queue) else {
                return;
            };
            let is_none = found.is_err();
            lock(&self.state).answer(id, found);
            if is_none {
                std::thread::sleep(BETWEEN);
            }
        }
    }

    /// The schema of an id, or why there is none; `None` when nobody needs it any more.
    fn until_answered(
        &self,
        id: u32,
        queue: &mut std::collections::VecDeque<u32>,
    ) -> Option<Result<standings_model::schema::Schema, (&'static str, String)>> {
        let mut waiting = Waiting::new(
            What::Registry,
            &self.asked.url,
            &self.live,
            &Clock::default(),
        );
        let mut again = AGAIN.0;
        loop {
            // Anew each time: its certificates may be others by now.
            let found = match Client::new(&self.asked) {
                Ok(client) => fetch(&client, id, self.asked.subject.as_deref()),
                Err(e) => Err(NotFetched::Later(e.to_string())),
            };
            match found {
                Ok(schema) => {
                    tracing::info!(
                        event = "schema_found",
                        registry = self.asked.url,
                        id,
                        "the registry has told a schema"
                    );
                    waiting.done();
                    return Some(Ok(schema));
                }
                Err(NotFetched::None(reason, detail)) => {
                    tracing::warn!(
                        event = "schema_not_found",
                        registry = self.asked.url,
                        id,
                        reason,
                        detail,
                        "the registry does not know the schema of these records"
                    );
                    waiting.done();
                    return Some(Err((reason, detail)));
                }
                Err(NotFetched::Later(problem)) => waiting.tried(&problem),
            }
            std::thread::sleep(again);
            again = (again * 2).min(AGAIN.1);
            loop {
                match self.wanted.try_recv() {
                    Ok(id) => queue.push_back(id),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return None,
                }
            }
        }
    }
}
