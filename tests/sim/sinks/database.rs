//! Connections to the database. A row is held by who claims a commit, until the transaction ends or the server ends it; a
//! connection that went silent is open there.

use std::time::Duration;

use standings_commit::database::{self as postgres, Patience};
use standings_commit::database::{Database, DatabaseIdentity, Found, Here, Opened};
use standings_commit::halving::Halving;
use standings_commit::refused::Refused;
use standings_commit::sink::{Shown, SinkError};
use standings_model::change::{Change, Commit};
use standings_model::error::{Failure, codes};
use standings_model::identity::{Known, Opening};
use standings_model::json::push_change;
use standings_model::plan::Plan;
use standings_model::reject::Refusal;

use super::{killed, rows};
use crate::cluster::take_over;
use crate::refusals::Line;
use crate::world::{self, Claim, Fate, Shared, Sink, World};

/// Rows of a statement.
const CHUNK: usize = 7;

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
    /// Some of the rows will be refused when the transaction ends.
    refusable: bool,
    /// What failed last was one of the rows.
    refuses: bool,
    /// A commit was begun.
    begun: bool,
    /// The engine's own: how long an answer is waited for.
    patience: Patience,
    /// The password that it was given.
    secret: u64,
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
            refusable: false,
            refuses: false,
            begun: false,
            patience: Patience::default(),
            secret: world.lock().file_now(),
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
        // What a server is slow with is given up, and ended there; but for a COMMIT.
        let (limit, slow) = (self.patience.allows(1), world.outages.slow);
        if fate == Fate::Silent || slow > limit {
            let arrives = match fate == Fate::Silent {
                true => world.apart.roll(2) == 0,
                false => name == "database commit",
            };
            if arrives {
                // Nobody hears of it.
                let heard = world.outages.login.refusals;
                let _ = effect(self, &mut world);
                world.outages.login.refusals = heard;
            }
            if fate == Fate::Silent {
                self.strand();
            }
            self.let_go(&mut world);
            return Err(self.not_answered(&mut world, name, limit));
        }
        if !slow.is_zero() && !world.wait(self.cluster, name, slow) {
            return Err(postgres::Trouble::Final(killed()));
        }
        let heard = world.outages.login.refusals;
        let done = effect(self, &mut world);
        self.patience.heard(limit, slow, done.is_ok());
        match fate {
            Fate::LoseAnswer => {
                world.outages.login.refusals = heard;
                self.let_go(&mut world);
                Err(lost("no answer"))
            }
            Fate::KilledAfter => {
                world.kill(self.cluster);
                Err(postgres::Trouble::Final(killed()))
            }
            _ => {
                world.has_let_in(Sink::Database, self.cluster, done.is_ok());
                done
            }
        }
    }

    /// It waits for an answer as long as the engine lets it, and none comes.
    fn not_answered(
        &mut self,
        world: &mut World,
        what: &'static str,
        limit: Duration,
    ) -> postgres::Trouble {
        match world.wait(self.cluster, what, limit) {
            true => self.patience.give_up(what, limit),
            false => postgres::Trouble::Final(killed()),
        }
    }

    /// The connection carries nothing any more, and the server takes it for open.
    fn strand(&mut self) {
        self.connection = None;
    }

    fn let_go(&mut self, world: &mut World) {
        if let Some(connection) = self.connection.take() {
            world.database.connections.remove(&connection);
            if world.database.lock == Some(connection) {
                world.database.lock = None;
            }
        }
        self.claim = None;
        self.lines.clear();
    }

    /// Connects, if it is let in.
    fn dial(&mut self, world: &mut World) -> Result<(), postgres::Trouble> {
        self.let_go(world);
        if !world.lets_in(Sink::Database, self.cluster, self.secret) {
            return Err(postgres::Trouble::Login(
                "password authentication failed (28P01)".to_owned(),
            ));
        }
        let connection = world.dice.roll(u64::MAX);
        world.database.connections.insert(connection);
        self.connection = Some(connection);
        Ok(())
    }

    /// Who else holds the row of the last commit, at a connection that the server takes for open.
    fn is_held(&self, world: &World) -> bool {
        let state = &world.database;
        state
            .lock
            .is_some_and(|lock| Some(lock) != self.connection && state.connections.contains(&lock))
    }

    /// Some of a part's rows are refused.
    fn is_refused(world: &World, plan: &Plan, part: &[&Change]) -> bool {
        let refuses = |change: &&Change| {
            let line = Line::read(&line(plan, change, 0));
            line.is_refused(&world.refusals, world::Sink::Database)
        };
        world.refusals.is_some() && part.iter().any(refuses)
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
            this.dial(world)?;
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
            if this.secret != world.outages.login.password {
                return this.dial(world).map(|()| Opened::default());
            }
            assert!(
                !this.begun || world.seen.put_back > 0,
                "I4: cluster {} takes commits for lost, and the database has lost none",
                this.cluster
            );
            // What an older cluster has committed without an answer holds the row until it is visible, or is ended.
            world.appear();
            // A transaction that an older cluster left open holds the row: it is ended.
            world.database.connections.clear();
            world.database.lock = None;
            this.dial(world)?;
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
                    source: opening.input().cloned(),
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
        self.call("database connect", |this, world| this.dial(world))
    }

    fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    fn disconnect(&mut self) {
        let world = self.world.clone();
        self.let_go(&mut world.lock());
    }

    fn renew(&mut self) {
        self.secret = self.world.lock().file_now();
    }

    fn end_stranded(&mut self) -> Result<(), postgres::Trouble> {
        self.call("database end", |this, world| {
            this.alive(world)?;
            if let Some(lock) = world.database.lock.filter(|_| this.is_held(world)) {
                world.database.connections.remove(&lock);
                world.database.lock = None;
            }
            Ok(())
        })
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
            this.refusable = false;
            this.begun = true;
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
            if this.is_held(world) {
                let limit = this.patience.allows(1);
                this.let_go(world);
                return Err(this.not_answered(world, "database claim", limit));
            }
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
            if ours {
                world.database.lock = this.connection;
            }
            Ok(ours)
        })
    }

    fn rows(&mut self, plan: &Plan, commit: &Commit) -> Result<(), postgres::Trouble> {
        self.call("database rows", |this, world| {
            this.alive(world)?;
            let changes: Vec<&Change> = commit.changes.iter().collect();
            let is_refused = Self::is_refused(world, plan, &changes);
            this.refusable = is_refused && world.refusals.at_commit;
            this.refuses = is_refused && !this.refusable;
            if this.refuses {
                return Err(violates());
            }
            this.lines = commit
                .changes
                .iter()
                .map(|c| line(plan, c, commit.number))
                .collect();
            Ok(())
        })
    }

    fn refuses(&mut self) -> bool {
        std::mem::take(&mut self.refuses)
    }

    fn give_up(&mut self) -> Result<(), postgres::Trouble> {
        self.call("database rollback", |this, world| {
            this.alive(world)?;
            this.roll_back(world);
            Ok(())
        })
    }

    fn each_row(
        &mut self,
        plan: &Plan,
        commit: &Commit,
    ) -> Result<Vec<Refused>, postgres::Trouble> {
        self.call("database each row", |this, world| {
            this.alive(world)?;
            this.lines.clear();
            this.refusable = false;
            let changes: Vec<&Change> = commit.changes.iter().collect();
            let mut halving = Halving::new(changes.rchunks(CHUNK).collect());
            while let Some(part) = halving.next_part() {
                if !Self::is_refused(world, plan, part) {
                    let lines = part.iter().map(|c| line(plan, c, commit.number));
                    this.lines.extend(lines);
                } else if let Some(change) =
                    halving.refuse(part, "it violates a rule", Refusal::Constraint)
                {
                    // What is shown of it is not shown any more.
                    let gone = Change {
                        rank: None,
                        measures: [].into(),
                        ..change.clone()
                    };
                    let gone = line(plan, &gone, commit.number);
                    let at = Line::read(&gone).at;
                    if world.database.shown.folding.rows.contains_key(&at) {
                        this.lines.push(gone);
                    }
                }
            }
            Ok(halving.refused())
        })
    }

    fn commit(&mut self) -> Result<(), postgres::Trouble> {
        let is_late = self.world.lock().apart.roll(40) == 0;
        self.call("database commit", |this, world| {
            this.alive(world)?;
            if std::mem::take(&mut this.refusable) {
                this.roll_back(world);
                this.refuses = true;
                return Err(violates());
            }
            let lines = std::mem::take(&mut this.lines);
            if world.database.lock == this.connection {
                world.database.lock = None;
            }
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

/// What the server says of a row that it refuses.
fn violates() -> postgres::Trouble {
    let text = "new row violates a rule (23514)";
    postgres::Trouble::Final(SinkError::Failed(Failure::of(&codes::sink::WRITING, text)))
}

impl SimDatabase {
    fn roll_back(&mut self, world: &mut World) {
        self.claim = None;
        self.lines.clear();
        if world.database.lock == self.connection {
            world.database.lock = None;
        }
    }
}

fn line(plan: &Plan, change: &Change, commit: u64) -> String {
    let mut text = Vec::new();
    push_change(&mut text, plan, change, commit);
    String::from_utf8(text).expect("changes are UTF-8")
}
