//! What is down for a while, says nothing, or lets nobody in; and processes that are asked to stop meanwhile.
//!
//! 1. What is down does not answer until it is up again: its callers wait, or fail and come again.
//! 2. A call that is taken and never answered costs its caller the engine's own limit. What the connection held at the
//!    server, it holds on.
//! 3. A password is changed at the server first, and in the file a while later: at a step, or in the midst of a commit.
//! 4. Who is asked to stop is gone after `--stop-timeout`, and says what was not committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use standings_observe::live::Live;
use standings_observe::stopping;

use crate::support::Dice;
use crate::world::{Sink, World};

/// `--stop-timeout`.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// A process is ended by a thread of its own; here it is looked after at its next call, which its own waits come before.
const SLACK: Duration = Duration::from_secs(6);
/// Nothing waits longer in one call.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// What may be down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Database,
    Log,
    Store,
    Rejects,
    Source,
}

impl Part {
    const ALL: [Part; 5] = [
        Part::Database,
        Part::Log,
        Part::Store,
        Part::Rejects,
        Part::Source,
    ];

    /// Whom a call is to.
    pub fn of(call: &str) -> Self {
        let begins = |word| call.starts_with(word);
        match call {
            _ if begins("database") => Part::Database,
            _ if begins("log") => Part::Log,
            _ if begins("rejects") => Part::Rejects,
            _ if begins("source") => Part::Source,
            _ => Part::Store,
        }
    }
}

/// What of this goes wrong, as one in so many; 0: nothing.
#[derive(Clone, Debug, Default)]
pub struct Odds {
    /// A call is never answered.
    pub silent: u64,
    /// A password is changed, at a step.
    pub login: u64,
    /// Something goes down for a while, at a step.
    pub down: u64,
    /// A process is asked to stop in the midst of a call.
    pub stop: u64,
}

/// What goes wrong at present.
#[derive(Default)]
pub struct Outages {
    pub odds: Odds,
    down: BTreeMap<Part, Instant>,
    /// How long the database takes for an answer, until it has accepted so many commits more in peace.
    pub slow: Duration,
    slow_commits: u64,
    pub login: Login,
    /// The processes that were started.
    stops: BTreeMap<u64, Stop>,
    /// The last step began then.
    step: Option<Instant>,
}

/// Which password counts, and which one the file has.
#[derive(Default)]
pub struct Login {
    pub password: u64,
    file_from: Option<Instant>,
    /// How often the first cluster heard that it is not let in, before it ever was, by sink.
    pub refusals: [u32; 2],
    /// It was let in once, by sink: a password may change between its first logins to the two.
    pub let_in: [bool; 2],
}

impl Login {
    /// The very first start was not let in: once, and once more after it had read its file again.
    pub fn is_wrong(&self) -> bool {
        self.refusals.iter().any(|n| *n > 1)
    }

    /// What the file says.
    pub fn file(&self, now: Instant) -> u64 {
        match self.file_from {
            Some(from) if now < from => self.password - 1,
            _ => self.password,
        }
    }

    /// For how long the file has been right.
    pub fn right_for(&self, now: Instant) -> Duration {
        self.file_from
            .map_or(Duration::MAX, |from| now.saturating_duration_since(from))
    }
}

/// A process, as a signal finds it.
struct Stop {
    live: Arc<Live>,
    flags: Vec<Arc<AtomicBool>>,
    asked: Option<Instant>,
    /// What it said when its time was over.
    said: Option<String>,
}

impl Outages {
    /// Of some seeds, by `kind`.
    pub fn roll(dice: &mut Dice, kind: u64) -> Self {
        let mut outages = Outages::default();
        let all = kind == 8;
        let odds = &mut outages.odds;
        if kind == 4 || all {
            odds.silent = [30, 150][dice.roll(2) as usize];
            if dice.roll(3) == 0 && !all {
                odds.silent = 0;
                outages.slow = Duration::from_secs([15, 40, 100][dice.roll(3) as usize]);
                outages.slow_commits = 2;
            }
        }
        if kind == 5 || all {
            odds.login = [150, 500][dice.roll(2) as usize];
            // The very first start may find a wrong one.
            outages.login.password = dice.roll(4);
        }
        if kind == 7 || all {
            let scale = if all { 4 } else { 1 };
            odds.down = scale * [100, 300][dice.roll(2) as usize];
            odds.stop = scale * [60, 300][dice.roll(2) as usize];
        }
        outages
    }
}

impl World {
    /// A step begins, at which something may go down, or a password be changed.
    pub fn go_wrong(&mut self) {
        let now = self.clock.now();
        self.outages.step = Some(now);
        let odds = self.outages.odds.clone();
        if odds.down > 0 && self.apart.roll(odds.down) == 0 {
            let part = Part::ALL[self.apart.roll(5) as usize];
            // Who cannot ask the store at its start ends, and is started again.
            let most = if part == Part::Store { 5_000 } else { 30_000 };
            let time = Duration::from_millis(self.apart.roll(most));
            tracing::info!(?part, ?time, "is down");
            self.outages.down.insert(part, now + time);
            self.seen.outages += 1;
        }
        if odds.login > 0 && self.apart.roll(odds.login) == 0 {
            self.rotate();
        }
    }

    /// Another password counts; the file is changed later.
    pub fn rotate(&mut self) {
        let later = [0, 5_000, 40_000, 90_000][self.apart.roll(4) as usize];
        let later = Duration::from_millis(self.apart.roll(later + 1));
        let now = self.clock.now();
        let login = &mut self.outages.login;
        // Two changes at once would be one.
        if login.right_for(now).is_zero() {
            return;
        }
        tracing::info!(?later, "another password counts");
        login.password += 1;
        login.file_from = Some(now + later);
        self.seen.rotations += 1;
        if self.apart.roll(2) == 0 {
            self.end_sessions();
        }
    }

    /// Whoever comes again is asked for the password.
    fn end_sessions(&mut self) {
        self.database.connections.clear();
        self.database.lock = None;
        self.log.sessions += 1;
    }

    /// Whether the answer to a commit of the log is lost because sessions are ended, with a change of the password: who made it
    /// comes back without knowing whether it is there.
    pub fn goes_unheard(&mut self) -> bool {
        let is_cut_off = self.outages.odds.login > 0 && self.apart.roll(20) == 0;
        if is_cut_off {
            self.rotate();
            self.end_sessions();
        }
        is_cut_off
    }

    /// What the file with the password says now.
    pub fn file_now(&self) -> u64 {
        self.outages.login.file(self.clock.now())
    }

    /// Whether a sink lets a cluster in that has this password.
    pub fn lets_in(&mut self, sink: Sink, cluster: u64, secret: u64) -> bool {
        let login = &mut self.outages.login;
        if secret == login.password {
            return true;
        }
        login.refusals[sink as usize] += u32::from(cluster == 1 && !login.let_in[sink as usize]);
        self.seen.logins += 1;
        false
    }

    /// A sink has answered, or not: who hears of it knows that it was let in.
    pub fn has_let_in(&mut self, sink: Sink, cluster: u64, answered: bool) {
        self.outages.login.let_in[sink as usize] |= cluster == 1 && answered;
    }

    /// The first cluster may find a password in its file that does not count.
    pub fn begin_wrong(&mut self) {
        if self.outages.login.password == 3 {
            let now = self.clock.now();
            self.outages.login.file_from = Some(now + Duration::from_secs(20));
        }
    }

    /// All is up; but a database may go on to be slow.
    pub fn all_up(&mut self) {
        self.outages.odds = Odds::default();
        self.outages.down.clear();
        if self.outages.login.file_from.is_some() {
            self.outages.login.file_from = Some(self.clock.now());
        }
    }

    /// A commit was accepted by the database.
    pub fn quicken(&mut self) {
        if !self.is_calm() || self.outages.slow.is_zero() {
            return;
        }
        self.outages.slow_commits -= 1;
        if self.outages.slow_commits == 0 {
            self.outages.slow = Duration::ZERO;
        }
    }

    /// Whether it is down, until when.
    pub fn down_until(&self, part: Part) -> Option<Instant> {
        let until = self.outages.down.get(&part).copied();
        until.filter(|until| self.clock.now() < *until)
    }

    /// Whether a call goes unanswered; more often in the midst of a commit, which then holds what the next one needs.
    pub fn goes_silent(&mut self, call: &str) -> bool {
        let in_commit = ["database claim", "database rows", "database commit"].contains(&call);
        let odds = match (self.outages.odds.silent, in_commit) {
            (0, _) => 0,
            (odds, true) => (odds / 10).max(4),
            (odds, false) => odds,
        };
        odds > 0 && self.apart.roll(odds) == 0
    }

    /// A cluster waits in a call; `false` if its time to end comes meanwhile.
    pub fn wait(&mut self, cluster: u64, call: &'static str, time: Duration) -> bool {
        let now = self.clock.now();
        let asked = self.outages.stops.get(&cluster).and_then(|s| s.asked);
        let left = asked.map_or(time, |asked| {
            (asked + STOP_TIMEOUT).saturating_duration_since(now)
        });
        self.clock.sleep(time.min(left));
        if self.ends(cluster, call) {
            return false;
        }
        self.clock.sleep(time.saturating_sub(left));
        !self.ends(cluster, call)
    }

    /// Waits in a call until it is up; `false` if the cluster's time to end comes before.
    pub fn sit_out(&mut self, cluster: u64, call: &'static str) -> bool {
        match self.down_until(Part::of(call)) {
            Some(until) => {
                let left = until.saturating_duration_since(self.clock.now());
                self.wait(cluster, call, left)
            }
            None => true,
        }
    }

    /// A cluster's processes are there, and can be asked to stop.
    pub fn started(&mut self, cluster: u64, live: &Arc<Live>, flags: &[Arc<AtomicBool>]) {
        let stop = Stop {
            live: Arc::clone(live),
            flags: flags.to_vec(),
            asked: None,
            said: None,
        };
        self.outages.stops.insert(cluster, stop);
    }

    /// One of its processes is asked to stop, if none was yet; which one.
    pub fn ask_to_stop(&mut self, cluster: u64) -> Option<usize> {
        let now = self.clock.now();
        let stop = self.outages.stops.get_mut(&cluster)?;
        if stop.flags.iter().any(|flag| flag.load(Ordering::Relaxed)) {
            return None;
        }
        let one = self.dice.roll(stop.flags.len() as u64) as usize;
        stop.flags[one].store(true, Ordering::Relaxed);
        // Only where something may be down: elsewhere it has the time that it needs.
        let has_limit = self.outages.odds.stop > 0;
        stop.asked = has_limit.then_some(now);
        Some(one)
    }

    /// Whether somebody asks for a stop now, at a step, because something will be down for long.
    pub fn wants_stop(&mut self) -> bool {
        if self.outages.odds.stop == 0 {
            return false;
        }
        let late = self.clock.now() + STOP_TIMEOUT;
        let is_down = self.outages.down.values().any(|until| *until > late);
        is_down && self.apart.roll(4) == 0
    }

    /// It may be asked in the midst of a call.
    pub fn ask_in_call(&mut self, cluster: u64) {
        let odds = self.outages.odds.stop;
        if odds > 0 && self.apart.roll(odds) == 0 {
            self.ask_to_stop(cluster);
        }
    }

    /// Whether any of its processes was asked to stop.
    pub fn is_asked(&self, cluster: u64) -> bool {
        let stop = self.outages.stops.get(&cluster);
        stop.is_some_and(|stop| stop.flags.iter().any(|flag| flag.load(Ordering::Relaxed)))
    }

    /// What a cluster said whose time was over.
    pub fn said(&self, cluster: u64) -> Option<&str> {
        self.outages.stops.get(&cluster)?.said.as_deref()
    }

    /// Asked to stop, a process ends in time, whatever it waits for in this call. Nothing waits for ever.
    pub fn ends(&mut self, cluster: u64, call: &str) -> bool {
        if self.is_gone(cluster) {
            return true;
        }
        if let Some(step) = self.outages.step {
            let waited = self.clock.since(step);
            assert!(
                waited < FOR_EVER,
                "I7: cluster {cluster} waits for {waited:?}, the last time in {call}"
            );
        }
        let Some(stop) = self.outages.stops.get_mut(&cluster) else {
            return false;
        };
        let Some(asked) = stop.asked else {
            return false;
        };
        let waited = self.clock.since(asked);
        let Some(failure) = stopping::over(waited, STOP_TIMEOUT, &stop.live) else {
            assert!(
                waited < STOP_TIMEOUT + SLACK,
                "I11: cluster {cluster} was asked to stop {waited:?} ago, and goes on in {call}"
            );
            return false;
        };
        let part = Part::of(call);
        let waits_in = part == Part::Database && call != "a step";
        assert!(
            !waits_in
                || failure
                    .to_string()
                    .contains("waiting for the sink database"),
            "I11: its end came in {call}, and it says: {}",
            failure
        );
        stop.said = Some(failure.to_string());
        self.seen.stopped_late += 1;
        self.kill(cluster);
        true
    }
}
