//! The transactional producers of one cluster, and the topics that they write.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use standings_commit::sink::ShownRow;
use standings_commit::transactions as kafka;
use standings_commit::transactions::{IDS, LogIdentity, Progress, Record, Transactions};
use standings_model::plan::Plan;

use super::{killed, rows};
use crate::cluster::take_over;
use crate::world::{self, Claim, Fate, Shared, Sink, World};

/// How long the client waits for an answer before its call fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// The transactional producers of one cluster.
pub struct SimLog {
    world: Shared,
    cluster: u64,
    owner: String,
    /// Of each id.
    epochs: RefCell<[u64; IDS]>,
    open: RefCell<Vec<(bool, String)>>,
    /// The present transaction is committed, though the engine may not know yet.
    ended: Cell<bool>,
    /// The largest message that the log takes is known: from the start, or since it has refused one.
    knows_largest: Cell<bool>,
    /// One of the present transaction's messages is larger.
    too_large: Cell<bool>,
    /// The password that it came with, and the sessions that it may go on with.
    secret: u64,
    session: Cell<Option<u64>>,
}

impl SimLog {
    pub fn new(world: &Shared, cluster: u64) -> Self {
        SimLog {
            world: world.clone(),
            cluster,
            owner: format!("cluster {cluster}"),
            epochs: RefCell::default(),
            open: RefCell::default(),
            ended: Cell::new(false),
            knows_largest: Cell::new(cluster.is_multiple_of(2)),
            too_large: Cell::new(false),
            secret: world.lock().file_now(),
            session: Cell::new(None),
        }
    }

    fn call<R>(
        &self,
        name: &'static str,
        passing: fn(String) -> kafka::Trouble,
        effect: impl FnOnce(&mut World) -> Result<R, kafka::Trouble>,
    ) -> Result<R, kafka::Trouble> {
        let dead = || kafka::Trouble::Final(killed().into());
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
            Fate::Silent => {
                let heard = world.outages.login.refusals;
                if world.apart.roll(2) == 0 && self.is_let_in(&mut world).is_ok() {
                    // Nobody hears of it.
                    let _ = effect(&mut world);
                }
                world.outages.login.refusals = heard;
                match world.wait(self.cluster, name, PATIENCE) {
                    true => Err(passing(format!("{name}: timed out"))),
                    false => Err(dead()),
                }
            }
            _ => {
                let done = self.is_let_in(&mut world).and_then(|()| effect(&mut world));
                let is_commit = name == "log commit" && done.is_ok();
                let is_cut_off = is_commit && world.goes_unheard();
                match fate {
                    Fate::LoseAnswer if done.is_ok() => Err(passing(format!("{name}: timed out"))),
                    Fate::KilledAfter => {
                        world.kill(self.cluster);
                        Err(dead())
                    }
                    _ if is_cut_off => Err(passing(format!("{name}: connection reset"))),
                    _ => {
                        world.has_let_in(Sink::Log, self.cluster, done.is_ok());
                        done
                    }
                }
            }
        }
    }

    fn read<R>(
        &self,
        name: &'static str,
        effect: impl FnOnce(&mut World) -> R,
    ) -> Result<R, kafka::Trouble> {
        // Reading waits inside while the log does not answer.
        let fate = self.world.lock().fate(self.cluster, name);
        if fate == Fate::Frozen {
            take_over(&self.world);
        }
        let mut world = self.world.lock();
        if matches!(fate, Fate::Dead | Fate::KilledBefore | Fate::KilledAfter) {
            world.kill(self.cluster);
            return Err(killed().into());
        }
        if !world.sit_out(self.cluster, name)
            || (fate == Fate::Silent && !world.wait(self.cluster, name, PATIENCE))
        {
            return Err(killed().into());
        }
        self.is_let_in(&mut world)?;
        world.has_let_in(Sink::Log, self.cluster, true);
        Ok(effect(&mut world))
    }

    /// Whether its connection is still one, or it gets another; a password that counts no more is asked for only then.
    fn is_let_in(&self, world: &mut World) -> Result<(), kafka::Trouble> {
        let now = world.log.sessions;
        if self.session.get() == Some(now) {
            return Ok(());
        }
        self.session.set(None);
        if !world.lets_in(Sink::Log, self.cluster, self.secret) {
            let why = "SASL authentication failed (28P01)".to_owned();
            return Err(kafka::Trouble::Login(why));
        }
        self.session.set(Some(now));
        Ok(())
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

    fn owner(&self) -> &str {
        &self.owner
    }

    fn connect(&mut self) -> Result<(), kafka::Trouble> {
        self.read("log connect", |_| ())
    }

    fn renew(&mut self) {
        // What these producers had open stays with them.
        self.open.borrow_mut().clear();
        self.ended.set(false);
        self.session.set(None);
        *self.epochs.borrow_mut() = Default::default();
        self.secret = self.world.lock().file_now();
    }

    fn identity(&self) -> Result<LogIdentity, kafka::Trouble> {
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

    fn progress(&self) -> Result<Option<Progress>, kafka::Trouble> {
        self.read("log progress", |world| world.log.progress.clone())
    }

    fn rows(&self, plan: &Plan) -> Result<Vec<ShownRow>, kafka::Trouble> {
        self.read("log rows", |world| rows(plan, &world.log.shown.lines))
    }

    fn largest(&self) -> usize {
        match self.knows_largest.get() {
            true => self.world.lock().refusals.largest(),
            false => usize::MAX,
        }
    }

    fn begin(&self, id: usize) -> Result<(), kafka::Trouble> {
        self.call("log begin", kafka::Trouble::Again, |world| {
            self.fenced(world, id)?;
            self.too_large.set(false);
            self.open.borrow_mut().clear();
            self.ended.set(false);
            Ok(())
        })
    }

    fn send(&self, id: usize, record: &Record<'_>) -> Result<(), kafka::Trouble> {
        let value = record.value.expect("no tombstones here");
        let text = String::from_utf8(value.to_vec()).expect("changes are UTF-8");
        let progress = record.is_progress;
        let size = record.key.len() + value.len();
        self.call("log send", kafka::Trouble::Abort, |world| {
            self.fenced(world, id)?;
            let is_too_large = !progress && size > world.refusals.largest();
            self.too_large.set(self.too_large.get() || is_too_large);
            self.open.borrow_mut().push((progress, text));
            Ok(())
        })
    }

    fn acknowledged(&self, id: usize) -> Result<(), kafka::Trouble> {
        self.call("log acknowledged", kafka::Trouble::Abort, |world| {
            self.fenced(world, id)?;
            if !self.too_large.get() {
                return Ok(());
            }
            self.knows_largest.set(true);
            let problem = "a message is too large".to_owned();
            Err(kafka::Trouble::Abort(problem))
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
            let mut progress: Option<Progress> = None;
            for (is_progress, text) in self.open.borrow_mut().drain(..) {
                match is_progress {
                    true => progress = serde_json::from_str(&text).expect("a progress record"),
                    false => lines.push(text),
                }
            }
            match progress {
                Some(progress) => world.take_progress(progress, &lines),
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

impl World {
    /// A transaction of the log is there: its progress, and its changes.
    fn take_progress(&mut self, progress: Progress, lines: &[String]) {
        if let Some(before) = &self.log.progress {
            let of = |p: &Progress| (p.generation, p.owner.clone());
            assert!(
                progress.generation > before.generation || of(&progress) == of(before),
                "I4: the log takes commit {} of {:?} after one of {:?}",
                progress.commit,
                of(&progress),
                of(before)
            );
        }
        let claim = Claim {
            commit: progress.commit,
            offsets: progress.offsets.clone(),
            begins: progress.begins.clone(),
            watermark: progress.watermark,
            known: progress.known.clone(),
        };
        let shown = &self.log.shown;
        let is_mark = lines.is_empty() && progress.commit == shown.commit;
        if is_mark {
            assert_eq!(
                progress.offsets, shown.offsets,
                "I4: the mark of an opening says another prefix than the commit that it found"
            );
        }
        self.log.progress = Some(progress);
        if !is_mark {
            self.accept(world::Sink::Log, claim, lines);
        }
    }
}
