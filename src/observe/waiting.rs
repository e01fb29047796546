//! What a process waits for: said in the log, once and then each minute, and kept for whoever asks (`/readyz`, the page, the
//! end of a run that was asked to stop).
//!
//! One line says for what, since when, how often it was tried, and what is likely the cause.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::live::Live;
use standings_model::clock::Clock;
use standings_model::error::Code;
use standings_model::time::format_rfc3339;

/// How often it is said again.
const REMIND: Duration = Duration::from_secs(60);
/// The least time between two lines where the problem is another one now.
const CHANGED: Duration = Duration::from_secs(1);

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Somewhere that commits go to.
    Sink,
    /// Where sales come from.
    Source,
    /// Where snapshots are kept.
    State,
    /// Where the schemas of records are.
    Registry,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::Sink => "the sink",
            What::Source => "the source",
            What::State => "the store of snapshots",
            What::Registry => "the schema registry",
        })
    }
}

/// One wait that goes on.
#[derive(Clone, Debug)]
pub struct Wait {
    what: What,
    /// The address, without secrets.
    name: String,
    since: SystemTime,
    started: Instant,
    tries: u64,
    problem: String,
    /// What the run would end with if it waited no longer, where that is known.
    code: Option<&'static Code>,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, name) = (self.what, &self.name);
        let problem = match self.problem.as_str() {
            "" => "no answer yet",
            problem => problem,
        };
        let since = rfc3339(self.since);
        write!(f, "waiting for {what} {name} since {since}: {problem}")?;
        if let Some(likely) = likely(&self.problem) {
            write!(f, "; {likely}")?;
        }
        match self.code {
            Some(code) => write!(f, " [{}]", code.id),
            None => Ok(()),
        }
    }
}

fn rfc3339(at: SystemTime) -> String {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    format_rfc3339(since.unwrap_or_default().as_secs() as i64 * 1000)
}

/// All waits of a process that go on.
#[derive(Debug, Default)]
pub struct Waits {
    all: Mutex<BTreeMap<u64, Wait>>,
    last: AtomicU64,
}

impl Waits {
    /// All that go on in one text, the oldest first; `None` where there is none.
    pub fn told(&self) -> Option<String> {
        self.told_after(Duration::ZERO)
    }

    /// The same of those that have lasted so long: what is over in a moment is no trouble.
    pub fn told_after(&self, least: Duration) -> Option<String> {
        let all = self.lock();
        let long = all.values().filter(|wait| wait.started.elapsed() >= least);
        let told: Vec<String> = long.map(ToString::to_string).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// How many of these go on.
    pub fn number(&self, what: What) -> usize {
        self.lock()
            .values()
            .filter(|wait| wait.what == what)
            .count()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Wait>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody waits, until this is dropped.
pub struct Waiting {
    wait: Wait,
    id: u64,
    started: Instant,
    /// When it was said last.
    said: Option<(Instant, String)>,
    live: Arc<Live>,
    clock: Clock,
}

impl Waiting {
    /// The first attempt begins now; when it has failed, that is said.
    pub fn new(what: What, name: &str, live: &Arc<Live>, clock: &Clock) -> Self {
        let waiting = Waiting {
            wait: Wait {
                what,
                name: name.to_owned(),
                since: clock.wall(),
                started: Instant::now(),
                tries: 0,
                problem: String::new(),
                code: None,
            },
            id: live.waits.last.fetch_add(1, Ordering::Relaxed),
            started: clock.now(),
            said: None,
            live: Arc::clone(live),
            clock: clock.clone(),
        };
        waiting.keep();
        waiting
    }

    fn keep(&self) {
        self.live.waits.lock().insert(self.id, self.wait.clone());
    }

    /// An attempt failed.
    pub fn tried(&mut self, problem: &str) {
        self.tried_as(problem, None);
    }

    /// The same of an error that has an entry in the table.
    pub fn tried_as(&mut self, problem: &str, code: Option<&'static Code>) {
        self.wait.code = code;
        self.wait.tries += 1;
        if self.wait.problem != problem {
            problem.clone_into(&mut self.wait.problem);
        }
        self.keep();
        let due = match &self.said {
            None => true,
            Some((at, before)) => {
                let since = self.clock.since(*at);
                since >= REMIND || (before != problem && since >= CHANGED)
            }
        };
        if due {
            self.said = Some((self.clock.now(), problem.to_owned()));
            self.say();
        }
    }

    /// How long it has been waited.
    pub fn elapsed(&self) -> Duration {
        self.clock.since(self.started)
    }

    fn say(&self) {
        let wait = &self.wait;
        let (name, problem, tries) = (&wait.name, &wait.problem, wait.tries);
        let since = rfc3339(wait.since);
        let waited_ms = self.elapsed().as_millis() as u64;
        let likely = likely(problem);
        let code = wait.code.map(|code| code.id);
        match wait.what {
            What::Sink => tracing::warn!(
                event = "sink_waiting",
                sink = name,
                problem,
                code,
                likely,
                since,
                tries,
                waited_ms,
                "commits wait"
            ),
            What::Source => tracing::warn!(
                event = "source_waiting",
                source = name,
                problem,
                code,
                likely,
                since,
                tries,
                waited_ms,
                "nothing is read"
            ),
            What::State => tracing::warn!(
                event = "state_waiting",
                state = name,
                problem,
                code,
                likely,
                since,
                tries,
                waited_ms,
                "the store of snapshots does not answer as it should"
            ),
            What::Registry => tracing::warn!(
                event = "registry_waiting",
                registry = name,
                problem,
                code,
                likely,
                since,
                tries,
                waited_ms,
                "partitions whose records need a schema that is not known wait"
            ),
        }
    }

    /// It goes on.
    pub fn done(self) {
        if self.said.is_none() {
            return;
        }
        let (name, waited_ms) = (&self.wait.name, self.elapsed().as_millis() as u64);
        match self.wait.what {
            What::Sink => {
                tracing::info!(
                    event = "sink_back",
                    sink = name,
                    waited_ms,
                    "the sink answers again"
                );
            }
            What::Source => {
                tracing::info!(
                    event = "source_back",
                    source = name,
                    waited_ms,
                    "the source answers again"
                );
            }
            What::State => {
                tracing::info!(
                    event = "state_back",
                    state = name,
                    waited_ms,
                    "the place of the snapshots answers again"
                );
            }
            What::Registry => {
                tracing::info!(
                    event = "registry_back",
                    registry = name,
                    waited_ms,
                    "the registry answers again"
                );
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.live.waits.lock().remove(&self.id);
    }
}

/// What a problem most likely comes from, by the words that clients and systems say it with.
const LIKELY: &[(&str, &str)] = &[
    (
        "Connection refused",
        "nothing listens there: is the server up, and are host and port right?",
    ),
    (
        "failed to lookup address",
        "the host's name has no address: is it spelled right, and known here?",
    ),
    (
        "Failed to resolve",
        "the host's name has no address: is it spelled right, and known here?",
    ),
    (
        "No route to host",
        "the host cannot be reached from here: is it up, and in this network?",
    ),
    (
        "Network is unreachable",
        "the host cannot be reached from here: is it up, and in this network?",
    ),
    (
        "not answered within",
        "the connection leads nowhere: a firewall or a balancer in between, or a server that hangs",
    ),
    (
        "unexpected message from server",
        "what listens there is no Postgres",
    ),
    (
        "error parsing response from server",
        "what listens there is no Postgres",
    ),
    (
        "connecting to a SSL listener",
        "the broker speaks TLS: set security.protocol to SSL or SASL_SSL; or it is no Kafka",
    ),
    (
        "connecting to a PLAINTEXT broker listener",
        "the broker speaks no TLS at this port: set security.protocol to PLAINTEXT or SASL_PLAINTEXT, or name its port for TLS",
    ),
    (
        "wrong version number",
        "what listens there speaks no TLS: another port, or security.protocol without SSL",
    ),
    (
        "packet length too long",
        "what listens there speaks no TLS: another port, or security.protocol without SSL",
    ),
    (
        "Unsupported ApiVersion",
        "what listens there is no Kafka, or speaks TLS",
    ),
    (
        "Receive failed: Invalid response size",
        "what listens there is no Kafka",
    ),
    ("does not exist yet", "make the topic, or correct its name"),
    (
        "Unknown topic",
        "the topic is gone: make it again, or correct its name",
    ),
    (
        "BrokerTransportFailure",
        "the brokers cannot be reached: are they up, and is what they advertise reachable from here?",
    ),
    (
        "AllBrokersDown",
        "the brokers cannot be reached: are they up, and is what they advertise reachable from here?",
    ),
    ("(57P03)", "it is starting or stopping"),
    (
        "(25006)",
        "it is a standby: is another server the primary now?",
    ),
    (
        "(57014)",
        "statement_timeout of the role or the database: is it too short, or the server too busy?",
    ),
    ("(55P03)", "somebody holds a lock: who, pg_locks shows"),
    ("(53300)", "all connections of the server are taken"),
    ("(53100)", "the server's disk is full"),
    ("(28P01)", "the password is wrong, or is being changed"),
    (
        "(28000)",
        "the role may not log in, or pg_hba.conf does not let it in",
    ),
];

/// What a problem most likely comes from.
fn likely(problem: &str) -> Option<&'static str> {
    let found = LIKELY.iter().find(|(words, _)| problem.contains(words));
    found.map(|(_, likely)| *likely)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_until_it_is_over() {
        let (live, clock) = (Arc::new(Live::default()), Clock::by_hand());
        let mut waiting = Waiting::new(What::Sink, "postgres://db/shop", &live, &clock);
        let begun = live.waits.told().unwrap_or_default();
        assert!(
            begun.ends_with("since 1970-01-01T01:00:00Z: no answer yet"),
            "{begun}"
        );
        assert!(live.waits.told_after(Duration::from_secs(5)).is_none());
        waiting.tried("error connecting to server: Connection refused (os error 111)");
        clock.sleep(Duration::from_secs(3));
        waiting.tried("error connecting to server: Connection refused (os error 111)");
        let told = live.waits.told().unwrap_or_default();
        let said = "waiting for the sink postgres://db/shop since 1970-01-01T01:00:00Z: error connecting to \
                    server: Connection refused (os error 111); nothing listens there: is the server up, and are host and \
                    port right?";
        assert_eq!(told, said);
        let code = &standings_model::error::codes::sink::REFUSED;
        waiting.tried_as("no such user (28P01)", Some(code));
        let told = live.waits.told().unwrap_or_default();
        assert!(told.ends_with("or is being changed [S0516]"), "{told}");
        assert_eq!(waiting.elapsed(), Duration::from_secs(3));
        waiting.done();
        assert!(live.waits.told().is_none());
    }

    #[test]
    fn it_is_said_at_once_and_each_minute_and_soon_when_it_is_another() {
        let (live, clock) = (Arc::new(Live::default()), Clock::by_hand());
        let mut waiting = Waiting::new(What::Source, "kafka://k/t", &live, &clock);
        let mut said = Vec::new();
        for second in 0..130 {
            let problem = if second < 62 { "a" } else { "b" };
            let before = waiting.said.clone();
            waiting.tried(problem);
            if waiting.said != before {
                said.push(second);
            }
            clock.sleep(Duration::from_secs(1));
        }
        assert_eq!(said, [0, 60, 62, 122]);
    }
}
