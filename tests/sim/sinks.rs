//! The clients that the engine's commit protocols drive: a database with one transaction a connection, and a log with
//! a transactional id. Each call may fail, lose its answer, or find its process killed or frozen.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use standings_commit::change_log::fold_log;
use standings_commit::database as postgres;
use standings_commit::database::{Database, DatabaseIdentity, Found, Here, Opened};
use standings_commit::sink::RejectWriter;
use standings_commit::sink::{Shown, ShownRow, SinkError};
use standings_commit::transactions as kafka;
use standings_commit::transactions::{FORMAT, IDS, LogIdentity, Progress, Record, Transactions};
use standings_model::change::Commit;
use standings_model::identity::{Known, Opening};
use standings_model::json::push_change;
use standings_model::plan::Plan;
use standings_model::reject::Reject;

use crate::cluster::take_over;
use crate::world::{self, Claim, Fate, Shared, World};

fn killed() -> SinkError {
    SinkError::Failed("killed".to_owned())
}

/// The rows of a fold, as a sink gives them to the engine.
fn rows(plan: &Plan, lines: &[String]) -> Vec<ShownRow> {
    fold_log(plan, lines.join("\n").as_bytes())
        .expect("lines that were written")
        .rows
}

/// Connections to the database of one cluster.
pub struct SimDatabase {
    world: Shared,
    cluster: u64,
    connection: Option<u64>,
    /// The generation and the owner that opening gave.
    generation: i64,
    owner: String,
    claim: Option<Claim>,
    lines: Vec<String>,
}

impl SimDatabase {
    pub fn new(world: &Shared, cluster: u64) -> Self {
        SimDatabase {
            world: world.clone(),
            cluster,
            connection: None,
            generation: 0,
            owner: String::new(),
            claim: None,
            lines: Vec::new(),
        }
    }

    fn call<R>(
        &mut self,
        name: &'static str,
        effect: impl FnOnce(&mut Self, &mut World) -> Result<R, postgres::Trouble>,
    ) -> Result<R, postgres::Trouble> {
        let world = self.world.clone();
        let fate = world.lock().fate(self.cluster, name);
        if fate == Fate::Frozen {
            take_over(&world);
        }
        let mut world = world.lock();
        if matches!(fate, Fate::Dead | Fate::KilledBefore) {
            world.kill(self.cluster);
            return Err(postgres::Trouble::Final(killed()));
        }
        let lost = |what: &str| postgres::Trouble::Passing(format!("{name}: {what}"));
        if fate == Fate::Fail {
            self.let_go(&mut world);
            return Err(lost("no connection"));
        }
        let done = effect(self, &mut world);
        match fate {
            Fate::LoseAnswer => {
                self.let_go(&mut world);
                Err(lost("no answer"))
            }
            Fate::KilledAfter => {
                world.kill(self.cluster);
                Err(postgres::Trouble::Final(killed()))
            }
            _ => done,
        }
    }

    fn let_go(&mut self, world: &mut World) {
        if let Some(connection) = self.connection.take() {
            world.database.connections.remove(&connection);
        }
        self.claim = None;
        self.lines.clear();
    }

    fn dial(&mut self, world: &mut World) {
        self.let_go(world);
        let connection = world.dice.roll(u64::MAX);
        world.database.connections.insert(connection);
        self.connection = Some(connection);
    }

    /// Refused when a newer cluster has ended the connection.
    fn alive(&mut self, world: &mut World) -> Result<(), postgres::Trouble> {
        let alive = self
            .connection
            .is_some_and(|c| world.database.connections.contains(&c));
        if alive {
            return Ok(());
        }
        self.let_go(world);
        Err(postgres::Trouble::Passing("terminated".to_owned()))
    }
}

impl Drop for SimDatabase {
    fn drop(&mut self) {
        let world = self.world.clone();
        if let Some(mut world) = world.try_lock() {
            self.let_go(&mut world);
        }
    }
}

impl Database for SimDatabase {
    fn name(&self) -> &str {
        "database"
    }

    fn find(&mut self, _: &Plan) -> Result<Found, postgres::Trouble> {
        self.call("database find", |this, world| {
            this.dial(world);
            let state = &world.database;
            Ok(Found {
                known: state.shown.known.clone(),
                was: state.was.clone(),
                is: state.is.clone(),
                commit: state.shown.commit,
            })
        })
    }

    fn open(&mut self, plan: &Plan, opening: &Opening) -> Result<Opened, postgres::Trouble> {
        let opening = opening.clone();
        self.call("database open", |this, world| {
            // What an older cluster has committed without an answer holds the row until it is visible, or is ended.
            world.appear();
            // A transaction that an older cluster left open holds the row: it is ended.
            world.database.connections.clear();
            this.dial(world);
            let owner = world.dice.roll(u64::MAX);
            let state = &mut world.database;
            state.generation += 1;
            state.owner = format!("{owner:x}");
            state.was = Some(state.is.clone());
            this.generation = state.generation;
            this.owner.clone_from(&state.owner);
            let shown = &mut state.shown;
            if shown.known.is_none() && shown.commit > 0 {
                shown.known = Some(Known {
                    source: opening.source.clone(),
                    ..Known::default()
                });
            }
            let offsets = (!shown.offsets.is_empty()).then(|| shown.offsets.clone());
            let shown = Shown {
                commit: shown.commit,
                offsets,
                begins: shown.begins.clone(),
                watermark: shown.watermark,
                rows: rows(plan, &shown.lines),
                known: shown.known.clone(),
                remembers: true,
                lacks_tables: false,
            };
            Ok(Opened {
                shown,
                generation: state.generation,
                owner: state.owner.clone(),
                identity: state.is.clone(),
            })
        })
    }

    fn connect(&mut self, _: &Plan) -> Result<(), postgres::Trouble> {
        self.call("database connect", |this, world| {
            this.dial(world);
            Ok(())
        })
    }

    fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    fn disconnect(&mut self) {
        let world = self.world.clone();
        self.let_go(&mut world.lock());
    }

    fn last(&mut self) -> Result<Here, postgres::Trouble> {
        self.call("database last", |this, world| {
            this.alive(world)?;
            Ok(Here {
                commit: world.database.shown.commit,
                generation: world.database.generation,
                owner: world.database.owner.clone(),
            })
        })
    }

    fn identity(&mut self, _: &Plan) -> Result<DatabaseIdentity, postgres::Trouble> {
        self.call("database identity", |this, world| {
            this.alive(world)?;
            Ok(world.database.is.clone())
        })
    }

    fn begin(&mut self) -> Result<(), postgres::Trouble> {
        self.call("database begin", |this, world| {
            this.claim = None;
            this.lines.clear();
            this.alive(world)
        })
    }

    fn claim(
        &mut self,
        commit: &Commit,
        by: &postgres::Claim<'_>,
    ) -> Result<bool, postgres::Trouble> {
        let known = Known::of(by.opening, commit);
        let (generation, owner) = (by.generation, by.owner.to_owned());
        self.call("database claim", |this, world| {
            this.alive(world)?;
            // The row is locked until it is.
            world.appear();
            let state = &world.database;
            let ours = state.generation == generation
                && state.owner == owner
                && state.shown.commit < commit.number;
            let claim = Claim {
                commit: commit.number,
                offsets: commit.offsets.clone(),
                begins: commit.begins.clone(),
                watermark: commit.watermark,
                known: Some(known),
            };
            this.claim = ours.then_some(claim);
            Ok(ours)
        })
    }

    fn rows(&mut self, plan: &Plan, commit: &Commit) -> Result<(), postgres::Trouble> {
        self.call("database rows", |this, world| {
            this.alive(world)?;
            this.lines = commit
                .changes
                .iter()
                .map(|c| line(plan, c, commit.number))
                .collect();
            Ok(())
        })
    }

    fn commit(&mut self) -> Result<(), postgres::Trouble> {
        let is_late = self.world.lock().apart.roll(40) == 0;
        self.call("database commit", |this, world| {
            this.alive(world)?;
            let lines = std::mem::take(&mut this.lines);
            match this.claim.take() {
                Some(claim) => {
                    assert_eq!(
                        (this.generation, &this.owner),
                        (world.database.generation, &world.database.owner),
                        "I4: the database takes a zombie's commit"
                    );
                    if is_late && world.weather.lose_answer > 0 {
                        // The server waits for its standby, and the connection is lost.
                        world.database.unseen = Some((claim, lines));
                        this.let_go(world);
                        return Err(postgres::Trouble::Passing("no answer yet".to_owned()));
                    }
                    world.accept(world::Sink::Database, claim, &lines);
                }
                // Rows without a claim are there all the same.
                None => {
                    world.database.shown.write(&lines);
                    world.check(world::Sink::Database);
                }
            }
            Ok(())
        })
    }
}

fn line(plan: &Plan, change: &standings_model::change::Change, commit: u64) -> String {
    let mut text = Vec::new();
    push_change(&mut text, plan, change, commit);
    String::from_utf8(text).expect("changes are UTF-8")
}

/// The transactional producers of one cluster.
pub struct SimLog {
    world: Shared,
    cluster: u64,
    /// Of each id.
    epochs: RefCell<[u64; IDS]>,
    open: RefCell<Vec<(bool, String)>>,
    /// The present transaction is committed, though the engine may not know yet.
    ended: Cell<bool>,
}

impl SimLog {
    pub fn new(world: &Shared, cluster: u64) -> Self {
        SimLog {
            world: world.clone(),
            cluster,
            epochs: RefCell::default(),
            open: RefCell::default(),
            ended: Cell::new(false),
        }
    }

    fn call<R>(
        &self,
        name: &'static str,
        passing: fn(String) -> kafka::Trouble,
        effect: impl FnOnce(&mut World) -> Result<R, kafka::Trouble>,
    ) -> Result<R, kafka::Trouble> {
        let dead = || kafka::Trouble::Final("killed".to_owned());
        let fate = self.world.lock().fate(self.cluster, name);
        if fate == Fate::Frozen {
            take_over(&self.world);
        }
        let mut world = self.world.lock();
        match fate {
            Fate::Dead | Fate::KilledBefore => {
                world.kill(self.cluster);
                Err(dead())
            }
            Fate::Fail => Err(passing(format!("{name}: no answer"))),
            _ => {
                let done = effect(&mut world);
                match fate {
                    Fate::LoseAnswer if done.is_ok() => Err(passing(format!("{name}: timed out"))),
                    Fate::KilledAfter => {
                        world.kill(self.cluster);
                        Err(dead())
                    }
                    _ => done,
                }
            }
        }
    }

    fn read<R>(
        &self,
        name: &'static str,
        effect: impl FnOnce(&mut World) -> R,
    ) -> Result<R, SinkError> {
        // Reading waits inside while the log does not answer.
        let fate = self.world.lock().fate(self.cluster, name);
        if fate == Fate::Frozen {
            take_over(&self.world);
        }
        let mut world = self.world.lock();
        if matches!(fate, Fate::Dead | Fate::KilledBefore | Fate::KilledAfter) {
            world.kill(self.cluster);
            return Err(killed());
        }
        Ok(effect(&mut world))
    }

    fn fenced(&self, world: &World, id: usize) -> Result<(), kafka::Trouble> {
        if world.log.epochs[id] == self.epochs.borrow()[id] {
            return Ok(());
        }
        Err(kafka::Trouble::Fenced(
            "a newer producer has this transactional id".to_owned(),
        ))
    }
}

impl Transactions for SimLog {
    fn name(&self) -> &str {
        "log"
    }

    fn connect(&mut self) -> Result<(), SinkError> {
        self.read("log connect", |_| ())
    }

    fn identity(&self) -> Result<LogIdentity, SinkError> {
        self.read("log identity", |world| world.log.is.clone())
    }

    fn transaction_timeout(&self) -> Duration {
        Duration::MAX
    }

    fn take_over(&self, id: usize) -> Result<(), kafka::Trouble> {
        self.call("log take over", kafka::Trouble::Again, |world| {
            world.log.epochs[id] += 1;
            self.epochs.borrow_mut()[id] = world.log.epochs[id];
            Ok(())
        })
    }

    fn progress(&self) -> Result<Option<Progress>, SinkError> {
        self.read("log progress", |world| {
            let shown = &world.log.shown;
            (shown.commit > 0).then(|| Progress {
                commit: shown.commit,
                generation: world.log.generation,
                offsets: shown.offsets.clone(),
                begins: shown.begins.clone(),
                watermark: shown.watermark,
                format: FORMAT,
                known: shown.known.clone(),
                sink: world.log.was.clone(),
            })
        })
    }

    fn rows(&self, plan: &Plan) -> Result<Vec<ShownRow>, SinkError> {
        self.read("log rows", |world| rows(plan, &world.log.shown.lines))
    }

    fn begin(&self, id: usize) -> Result<(), kafka::Trouble> {
        self.call("log begin", kafka::Trouble::Again, |world| {
            self.fenced(world, id)?;
            self.open.borrow_mut().clear();
            self.ended.set(false);
            Ok(())
        })
    }

    fn send(&self, id: usize, record: &Record<'_>) -> Result<(), kafka::Trouble> {
        let value = record.value.expect("no tombstones here");
        let text = String::from_utf8(value.to_vec()).expect("changes are UTF-8");
        let progress = record.is_progress;
        self.call("log send", kafka::Trouble::Abort, |world| {
            self.fenced(world, id)?;
            self.open.borrow_mut().push((progress, text));
            Ok(())
        })
    }

    fn acknowledged(&self, id: usize) -> Result<(), kafka::Trouble> {
        self.call("log acknowledged", kafka::Trouble::Abort, |world| {
            self.fenced(world, id)
        })
    }

    fn commit(&self, id: usize) -> Result<(), kafka::Trouble> {
        self.call("log commit", kafka::Trouble::Again, |world| {
            if self.ended.get() {
                return Ok(());
            }
            self.fenced(world, id)?;
            self.ended.set(true);
            let mut lines = Vec::new();
            let mut claim = None;
            for (is_progress, text) in self.open.borrow_mut().drain(..) {
                if is_progress {
                    let progress: Progress =
                        serde_json::from_str(&text).expect("a progress record");
                    assert!(
                        progress.generation >= world.log.generation,
                        "I4: the log takes a commit of an older generation"
                    );
                    world.log.generation = progress.generation;
                    claim = Some(Claim {
                        commit: progress.commit,
                        offsets: progress.offsets,
                        begins: progress.begins,
                        watermark: progress.watermark,
                        known: progress.known,
                    });
                    world.log.was = progress.sink;
                } else {
                    lines.push(text);
                }
            }
            match claim {
                Some(claim) => {
                    world.accept(world::Sink::Log, claim, &lines);
                }
                None => {
                    world.log.shown.write(&lines);
                    world.check(world::Sink::Log);
                }
            }
            Ok(())
        })
    }

    fn abort(&self, id: usize) -> Result<(), kafka::Trouble> {
        self.call("log abort", kafka::Trouble::Again, |world| {
            self.fenced(world, id)?;
            self.open.borrow_mut().clear();
            Ok(())
        })
    }
}

/// The late output or the dead letters: at least once.
pub struct SimRejects {
    pub world: Shared,
    pub cluster: u64,
    pub dead: bool,
}

impl RejectWriter for SimRejects {
    fn open(&mut self, _: bool) -> Result<(), SinkError> {
        Ok(())
    }

    fn write(&mut self, _: &Plan, rejects: &[&Reject]) -> Result<(), SinkError> {
        let fate = self.world.lock().fate(self.cluster, "rejects write");
        if fate == Fate::Frozen {
            take_over(&self.world);
        }
        let mut world = self.world.lock();
        if matches!(fate, Fate::Dead | Fate::KilledBefore) {
            world.kill(self.cluster);
            return Err(killed());
        }
        for reject in rejects {
            tracing::debug!(?reject, "rejected");
        }
        let to = if self.dead {
            &mut world.dead
        } else {
            &mut world.late
        };
        to.extend(rejects.iter().map(|r| (r.partition, r.offset)));
        if fate == Fate::KilledAfter {
            world.kill(self.cluster);
            return Err(killed());
        }
        Ok(())
    }
}
