//! When events are made, and how they wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::events::{Description, Stage};
use super::send::Transport;
use standings_commit::tally::Tally;
use standings_edge::post::Sending;
use standings_model::plan::Plan;
use standings_model::time::{format_rfc3339, unix_ms};
use standings_observe::live::{Export, Live};
use standings_process::witness::{End, Keeper};

/// Events that wait at most.
const MOST: usize = 256;
/// The first and the longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

struct Waiting {
    key: String,
    text: String,
    /// A later one says the same and more.
    is_running: bool,
}

/// Makes the events of a stage.
pub trait Tells: Send + 'static {
    /// One a job. `at`: RFC 3339.
    fn events(&self, stage: &Stage, at: &str) -> Vec<Value>;
}

/// What a run of rankings tells.
pub struct OfRun {
    /// What does not change.
    pub description: Description,
    /// The rankings.
    pub plan: Arc<Plan>,
    /// What was read and written.
    pub tally: Arc<Tally>,
}

impl Tells for OfRun {
    fn events(&self, stage: &Stage, at: &str) -> Vec<Value> {
        let done = self.tally.done();
        self.description.events(&self.plan, stage, &done, at)
    }
}

/// Tells lineage.
pub struct Lineage {
    tells: Box<dyn Tells>,
    transport: Transport,
    /// For logs.
    name: String,
    interval: Duration,
    live: Arc<Live>,
    queue: VecDeque<Waiting>,
    last: Instant,
    /// The pause after the last failure; `None` after a success.
    pause: Option<Duration>,
}

impl Lineage {
    /// `name`: where it goes, for logs; without secrets.
    pub fn new(
        tells: impl Tells,
        transport: Transport,
        name: String,
        interval: Duration,
        live: Arc<Live>,
    ) -> Self {
        Lineage {
            tells: Box::new(tells),
            transport,
            name,
            interval,
            live,
            queue: VecDeque::new(),
            last: Instant::now(),
            pause: None,
        }
    }

    fn tell(&mut self, stage: &Stage) {
        self.last = Instant::now();
        let at = format_rfc3339(unix_ms(SystemTime::now()));
        let is_running = *stage == Stage::Running;
        if is_running {
            // What waits of this kind says less than what comes now.
            let before = self.queue.len();
            self.queue.retain(|event| !event.is_running);
            self.dropped(before - self.queue.len());
        }
        for event in self.tells.events(stage, &at) {
            let key = event["run"]["runId"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            self.queue.push_back(Waiting {
                key,
                text: event.to_string(),
                is_running,
            });
        }
        while self.queue.len() > MOST {
            self.queue.pop_front();
            self.dropped(1);
        }
    }

    fn dropped(&self, events: usize) {
        self.live.exported(Export::LineageDropped, events as u64);
    }

    /// Sends what waits, up to the first failure.
    fn send(&mut self) {
        while let Some(event) = self.queue.front() {
            match self.transport.send(&event.key, &event.text) {
                Sending::Taken => {
                    self.live.exported(Export::Lineage, 1);
                    if self.pause.take().is_some() {
                        tracing::info!(
                            event = "lineage_back",
                            to = self.name,
                            "lineage is taken again"
                        );
                    }
                    self.queue.pop_front();
                }
                Sending::Later(problem) => {
                    if self.pause.is_none() {
                        let to = &self.name;
                        tracing::warn!(event = "lineage_waiting", to, problem, "the run goes on");
                    }
                    let longer = self.pause.map_or(PAUSES.0, |pause| pause * 2);
                    self.pause = Some(longer.min(PAUSES.1));
                    return;
                }
                Sending::Refused(problem) => {
                    tracing::warn!(
                        event = "lineage_refused",
                        to = self.name,
                        problem,
                        "lineage was not taken; the run goes on without it"
                    );
                    self.dropped(1);
                    self.queue.pop_front();
                }
            }
        }
    }
}

impl Keeper for Lineage {
    fn began(&mut self) {
        self.tell(&Stage::Start);
        self.send();
    }

    fn goes_on(&mut self) {
        if !self.interval.is_zero() && self.last.elapsed() >= self.interval {
            self.tell(&Stage::Running);
        }
        self.send();
    }

    fn ended(&mut self, end: &End) {
        self.tell(&match end {
            End::Done => Stage::Complete,
            End::Failed(problem) => Stage::Fail(problem.clone()),
        });
        self.send();
        self.dropped(self.queue.len());
    }

    fn wait(&self) -> Duration {
        let next = match self.interval.is_zero() {
            true => PAUSES.1,
            // Zero would be no pause at all.
            false => {
                (self.interval.saturating_sub(self.last.elapsed())).max(Duration::from_millis(1))
            }
        };
        self.pause.map_or(next, |pause| next.min(pause))
    }
}
