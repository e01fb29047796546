//! Schemas by their ids: asked of a registry, or found in a folder.
//!
//! ```text
//! reader thread ── get(id) ──► known? none? ──► else Waits, and the id is asked for
//!                                ▲                          │ one thread a registry
//!                                └── Fetch ◄── Client ◄─────┘ tries until it has an answer
//! ```
//!
//! 1. An id is asked for once, however many readers need it; what came is kept, and given on to the snapshot.
//! 2. That there is no such id is remembered for a minute, and at most ten such are asked a second.
//! 3. A registry that does not answer is waited for: nothing becomes a dead letter because of it.
//! 4. `https` beyond this machine, no redirects, 1 MiB a schema, 64 references deep, 100 in all.

mod client;
mod drift;
mod fetch;
mod folder;
mod tables;
mod wanted;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

pub use self::client::{Login, NoClient};
pub use self::tables::{Registries, Side};
use standings_model::schema::{Kept, Language, Schema};
use standings_observe::live::Live;

/// How long it is remembered that there is no such schema.
const NONE_FOR: Duration = Duration::from_secs(60);

/// Where schemas are.
#[derive(Clone)]
pub enum Place {
    /// Asked of a registry.
    Url(Box<Asked>),
    /// `ID.avsc`, `ID.json` or `ID.proto` in a folder.
    Folder(PathBuf),
}

/// How a registry is asked. Not `Debug`: its login is a secret.
#[derive(Clone)]
pub struct Asked {
    /// Its URL, without user and password.
    pub url: String,
    /// The subject that ids are asked of.
    pub subject: Option<String>,
    /// Who asks, as the options say it: `${…}`. What is the same in all is one registry.
    pub who: String,
    /// Who asks, read anew for each question; an error is waited over like any other.
    pub login: Arc<dyn Fn() -> Result<Login, String> + Send + Sync>,
    /// Whose certificates alone are trusted, a PEM file.
    pub truststore: Option<PathBuf>,
    /// The certificate and key that are shown, in a PEM file.
    pub keystore: Option<PathBuf>,
}

/// What is known of an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Its schema.
    Known(Arc<Schema>),
    /// There is none, and this is why: the reason of a dead letter, and its detail.
    None(&'static str, Arc<str>),
    /// It is being asked for.
    Waits,
}

/// There is no schema of an id.
pub const UNKNOWN: &str = "unknown_schema";
/// There is one, and it cannot be used.
pub const BAD: &str = "bad_schema";

/// One registry, for all readers of a process.
pub struct Registry {
    name: Arc<str>,
    place: Place,
    language: Language,
    live: Arc<Live>,
    state: Arc<Mutex<State>>,
    /// To the thread that asks, once there is one.
    ask: Mutex<Option<Sender<u32>>>,
}

/// What is known so far.
#[derive(Default)]
struct State {
    known: BTreeMap<u32, Arc<Schema>>,
    none: BTreeMap<u32, (Instant, &'static str, Arc<str>)>,
    /// Asked for, and not answered.
    open: std::collections::BTreeSet<u32>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    /// A registry whose schemas are of a language; nothing is asked yet. What can be found wrong without asking is: its
    /// certificates, its folder.
    ///
    /// # Errors
    /// A file of certificates that cannot be read, or holds none; a folder that is none.
    pub fn new(place: Place, language: Language, live: &Arc<Live>) -> Result<Self, NoClient> {
        let name = match &place {
            Place::Url(asked) => {
                client::Client::new(asked)?;
                Arc::from(asked.url.trim_end_matches('/'))
            }
            Place::Folder(path) => {
                folder::check(path)?;
                Arc::from("")
            }
        };
        Ok(Registry {
            name,
            place,
            language,
            live: Arc::clone(live),
            state: Arc::default(),
            ask: Mutex::default(),
        })
    }

    /// Its address, as snapshots name it; nothing for a folder, of which nothing needs to be kept.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether this is the same place, asked in the same way.
    fn is(&self, place: &Place, language: Language) -> bool {
        let same = match (&self.place, place) {
            (Place::Url(one), Place::Url(other)) => {
                let all = |a: &Asked| {
                    let texts = (a.url.clone(), a.who.clone(), a.subject.clone());
                    (texts, a.truststore.clone(), a.keystore.clone())
                };
                all(one) == all(other)
            }
            (Place::Folder(one), Place::Folder(other)) => one == other,
            _ => false,
        };
        same && self.language == language
    }

    /// What is known of an id; asks for it where nothing is.
    pub fn get(&self, id: u32) -> Lookup {
        let mut state = lock(&self.state);
        if let Some(schema) = state.known.get(&id) {
            return Lookup::Known(Arc::clone(schema));
        }
        match state.none.get(&id) {
            Some((at, reason, why)) if at.elapsed() < NONE_FOR => {
                return Lookup::None(reason, Arc::clone(why));
            }
            _ => {}
        }
        match &self.place {
            Place::Folder(path) => {
                let found = folder::find(path, id, self.language);
                state.answer(id, found)
            }
            Place::Url(asked) => {
                if state.open.insert(id) {
                    drop(state);
                    self.want(asked, id);
                }
                Lookup::Waits
            }
        }
    }

    /// Takes over what a snapshot kept of this registry.
    pub fn restore(&self, kept: &[Kept]) {
        let mut state = lock(&self.state);
        for kept in kept {
            if kept.registry == self.name && !self.name.is_empty() {
                let schema = Arc::clone(&kept.schema);
                state.known.entry(kept.id).or_insert(schema);
            }
        }
    }

    /// Hands an id to the thread that asks, which is started for the first.
    fn want(&self, asked: &Asked, id: u32) {
        let mut ask = lock(&self.ask);
        let sender = ask.get_or_insert_with(|| {
            wanted::start(
                asked.clone(),
                Arc::clone(&self.state),
                Arc::clone(&self.live),
            )
        });
        if sender.send(id).is_err() {
            // The thread could not be started, or has ended with a panic: the next who needs the id starts another.
            *ask = None;
            lock(&self.state).open.remove(&id);
        }
    }
}

impl State {
    /// Takes what was found of an id.
    fn answer(&mut self, id: u32, found: Result<Schema, (&'static str, String)>) -> Lookup {
        self.open.remove(&id);
        match found {
            Ok(schema) => {
                self.none.remove(&id);
                let schema = Arc::new(schema);
                self.known.insert(id, Arc::clone(&schema));
                Lookup::Known(schema)
            }
            Err((reason, why)) => {
                let why: Arc<str> = Arc::from(why);
                // What crafted records ask for is not kept for ever.
                self.none.retain(|_, (at, ..)| at.elapsed() < NONE_FOR);
                let none = (Instant::now(), reason, Arc::clone(&why));
                self.none.insert(id, none);
                Lookup::None(reason, why)
            }
        }
    }
}

#[cfg(test)]
mod tests;
