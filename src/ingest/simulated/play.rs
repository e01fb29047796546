//! One game: dice say what happens, and the log is asked in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::api;
use super::changes;
use super::folder::{Files, MadeUp};
use super::log::{Brokers, Client, Dice, Shared};
use super::service;
use super::table;
use super::window;
use crate::cursor::{About, Cursor};
use crate::files::{FilesFeed, Settings};
use crate::log::To;
use crate::row::Shape;
use crate::state::State;
use crate::task::{End, How, Next, Task};
use crate::told::Told;
use crate::webhook::WebhookFeed;
use crate::webhook::door::{Answer, Delivery, Door, door};
use standings_model::clock::Clock;

/// What happened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) kills: u64,
    pub(super) zombies: u64,
    pub(super) lost_answers: u64,
    pub(super) aborts: u64,
    pub(super) rows: u64,
    pub(super) deliveries: u64,
    /// Answers of endpoints that were none, or lies.
    pub(super) lies: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Tally) {
        self.kills += other.kills;
        self.zombies += other.zombies;
        self.lost_answers += other.lost_answers;
        self.aborts += other.aborts;
        self.rows += other.rows;
        self.deliveries += other.deliveries;
        self.lies += other.lies;
    }
}

pub(super) type Outcome = Result<Tally, String>;

/// Plays a game.
pub(super) fn play(seed: u64) -> Outcome {
    let mut tally = Tally::default();
    for game in [
        files,
        webhook,
        older,
        other,
        goes_back,
        shown,
        api::goes_on,
        api::by_page,
        api::by_time,
        api::soap_goes_on,
        api::soap_by_page,
        api::soap_by_time,
        service::refused,
        table::read,
        table::put_back,
        window::read,
        window::put_back,
        changes::postgres,
        changes::postgres_lost,
        changes::binlog,
        changes::binlog_lost,
    ] {
        tally.add(&game(seed)?);
    }
    Ok(tally)
}

fn about(path: &str) -> About {
    About {
        name: "s".to_owned(),
        configuration: [("path".to_owned(), path.to_owned())].into(),
    }
}

fn settings() -> Settings {
    Settings {
        settle: Duration::ZERO,
        marker: None,
        goes: true,
        changed_is_new: false,
        every: Duration::from_secs(1),
        mapped: BTreeSet::new(),
    }
}

fn told() -> Arc<Told> {
    Told::new("s", "files", "t", SystemTime::UNIX_EPOCH)
}

struct World {
    brokers: Shared<Brokers>,
    dice: Shared<Dice>,
    files: Shared<Files>,
    clock: Clock,
}

type FilesTask = Task<FilesFeed<MadeUp>, Client>;

impl World {
    fn new(seed: u64, trouble: u64) -> Self {
        let brokers = Brokers {
            trouble,
            ..Brokers::default()
        };
        World {
            brokers: Shared::new(brokers),
            dice: Shared::new(Dice(seed)),
            files: Shared::new(Files::default()),
            clock: Clock::by_hand(),
        }
    }

    fn roll(&self, below: u64) -> u64 {
        self.dice.0.borrow_mut().roll(below)
    }

    fn task(&self, told: &Arc<Told>, once: bool, path: &str) -> FilesTask {
        let place = MadeUp(self.files.clone());
        let feed = FilesFeed::new(place, settings(), Shape::default(), self.clock.clone());
        let how = How { once, adopt: false };
        let log = Client::new(&self.brokers, &self.dice);
        Task::new(
            about(path),
            how,
            feed,
            log,
            Arc::clone(told),
            self.clock.clone(),
            1,
        )
    }

    fn write(&self, path: &str, rows: Vec<String>) {
        let mut files = self.files.0.borrow_mut();
        files.there.insert(path.to_owned(), (rows, 1));
    }

    /// The values of the topic, in order.
    fn values(&self) -> Vec<String> {
        let brokers = self.brokers.0.borrow();
        let all = brokers.committed.iter().filter(|w| w.to == To::Records);
        all.map(|w| w.value.clone().unwrap()).collect()
    }

    fn tally(&self) -> Tally {
        let brokers = self.brokers.0.borrow();
        Tally {
            lost_answers: brokers.lost_answers,
            aborts: brokers.aborts,
            ..Tally::default()
        }
    }
}

/// Steps until it ends, waiting by the clock.
fn to_its_end(task: &mut FilesTask, clock: &Clock) -> Result<End, String> {
    for _ in 0..20_000 {
        match task.turn() {
            Next::Now => {}
            Next::After(wait) => clock.sleep(wait),
            Next::Ended(end) => return Ok(end),
        }
    }
    Err("it does not come to its end".to_owned())
}

/// Files, kills, zombies: every row once, in the order of its file.
fn files(seed: u64) -> Outcome {
    let world = World::new(seed, 6);
    let mut tally = Tally::default();
    let mut want: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for n in 0..1 + world.roll(4) {
        let name = format!("f{n}");
        // Some are more than one transaction.
        let rows = if world.roll(3) == 0 {
            5_001 + world.roll(8)
        } else {
            world.roll(20)
        };
        let rows: Vec<String> = (0..rows)
            .map(|r| format!("{{\"f\":{n},\"r\":{r}}}"))
            .collect();
        want.insert(name.clone(), rows.clone());
        world.write(&name, rows);
    }
    let told = told();
    let mut tasks = vec![world.task(&told, false, "/in")];
    for _ in 0..60 {
        // Killed: nothing of it is left but what the log and the folder have. A zombie goes on beside.
        match world.roll(12) {
            0 => {
                tasks = vec![world.task(&told, false, "/in")];
                tally.kills += 1;
            }
            1 if tasks.len() < 3 => {
                tasks.push(world.task(&told, false, "/in"));
                tally.zombies += 1;
            }
            _ => {}
        }
        let at = world.roll(tasks.len() as u64) as usize;
        match tasks[at].turn() {
            Next::Now => {}
            Next::After(wait) => world.clock.sleep(wait),
            Next::Ended(_) => drop(tasks.remove(at)),
        }
        if tasks.is_empty() {
            tasks.push(world.task(&told, false, "/in"));
        }
    }
    // One of two that were both alive is the last, and it alone goes on.
    let before = tasks.len();
    for mut task in tasks {
        for _ in 0..20 {
            if let Next::Ended(_) = task.turn() {
                break;
            }
            world.clock.sleep(Duration::from_millis(10));
        }
    }
    world.brokers.0.borrow_mut().trouble = 0;
    let mut last = world.task(&told, true, "/in");
    let end = to_its_end(&mut last, &world.clock)?;
    if end != End::Read {
        return Err(format!("it ended with {end:?} ({before} were alive)"));
    }
    let values = world.values();
    for (n, (name, rows)) in want.iter().enumerate() {
        let prefix = format!("{{\"f\":{n},");
        let own: Vec<&String> = values.iter().filter(|v| v.starts_with(&prefix)).collect();
        if own.len() != rows.len() || own.iter().zip(rows).any(|(a, b)| *a != b) {
            return Err(format!("{name}: {} rows of {}", own.len(), rows.len()));
        }
        if world.files.0.borrow().done.get(name) != Some(&1) {
            return Err(format!("{name} was not moved once"));
        }
    }
    tally.rows += values.len() as u64;
    tally.add(&world.tally());
    alive_twice(seed)?;
    Ok(tally)
}

/// Of two instances that both go on, the older ends: it does not take the source back.
fn alive_twice(seed: u64) -> Result<(), String> {
    let world = World::new(seed, 0);
    let told = told();
    let (mut old, mut new) = (
        world.task(&told, false, "/in"),
        world.task(&told, false, "/in"),
    );
    let mut ended = 0;
    let mut fencing = 0;
    for n in 0..40 {
        world.write(&format!("f{n}"), vec![format!("{{\"n\":{n}}}")]);
        for task in [&mut old, &mut new] {
            if let Next::Ended(End::TakenOver(_)) = task.turn() {
                ended += 1;
            }
        }
        fencing = told.now().failures;
    }
    match ended {
        0 => Err(format!(
            "two instances fence each other without end, {fencing} times"
        )),
        _ => Ok(()),
    }
}

/// Senders come again until they are told 200: all that was told so is there, and nothing twice.
fn webhook(seed: u64) -> Outcome {
    let world = World::new(seed ^ 0x5eed, 5);
    let mut tally = Tally::default();
    let answered: Arc<Mutex<BTreeSet<u64>>> = Arc::default();
    let told = told();
    let make = |told: &Arc<Told>| -> (Door, Task<WebhookFeed, Client>) {
        let (outer, inside) = door(Arc::clone(told));
        let feed = WebhookFeed::new(inside, Shape::default(), world.clock.clone());
        let log = Client::new(&world.brokers, &world.dice);
        (
            outer,
            Task::new(
                about("/ingest/s"),
                How::default(),
                feed,
                log,
                Arc::clone(told),
                world.clock.clone(),
                2,
            ),
        )
    };
    let (mut outer, mut task) = make(&told);
    let most = 5 + world.roll(10);
    for step in 0..400 {
        let quiet = step >= 300;
        if quiet {
            world.brokers.0.borrow_mut().trouble = 0;
        }
        if !quiet && world.roll(15) == 0 {
            (outer, task) = make(&told);
            tally.kills += 1;
        }
        let id = world.roll(most);
        let is_told = answered.lock().unwrap().contains(&id);
        // Who was told sends again now and then; who was not does so until it is.
        if !is_told || world.roll(4) == 0 {
            let answered = Arc::clone(&answered);
            let teller = Box::new(move |answer| {
                if answer == Answer::Taken {
                    answered.lock().unwrap().insert(id);
                }
            });
            let body = format!("{{\"id\":{id}}}").into_bytes();
            outer.hand_in(Delivery::new(
                body,
                vec![format!("id:{id}")],
                format!("{id}"),
                world.clock.wall(),
                teller,
            ));
            tally.deliveries += 1;
        }
        match task.turn() {
            Next::Now => {}
            Next::After(wait) => world.clock.sleep(wait),
            Next::Ended(end) => return Err(format!("a webhook ended: {end:?}")),
        }
        let there: BTreeSet<String> = world.values().into_iter().collect();
        let missing = answered
            .lock()
            .unwrap()
            .iter()
            .find(|id| !there.contains(&format!("{{\"id\":{id}}}")))
            .copied();
        if let Some(id) = missing {
            return Err(format!("{id} was answered, and is not there"));
        }
    }
    let values = world.values();
    let different: BTreeSet<&String> = values.iter().collect();
    if different.len() != values.len() {
        return Err(format!(
            "{} of {} deliveries are there twice",
            values.len() - different.len(),
            values.len()
        ));
    }
    tally.add(&world.tally());
    Ok(tally)
}

/// A cursor of an older generation, which something else wrote, is refused.
fn older(seed: u64) -> Outcome {
    let world = World::new(seed, 0);
    world.write("a", vec!["{\"a\":1}".to_owned()]);
    let told = told();
    for _ in 0..2 {
        to_its_end(&mut world.task(&told, true, "/in"), &world.clock)?;
    }
    let mut brokers = world.brokers.0.borrow_mut();
    let first = brokers
        .committed
        .iter()
        .find(|w| w.to == To::Cursors)
        .unwrap()
        .clone();
    brokers.committed.push(first);
    drop(brokers);
    match to_its_end(&mut world.task(&told, true, "/in"), &world.clock)? {
        End::Failed(why) if why.contains("generation") => Ok(Tally::default()),
        other => Err(format!("an older cursor was gone on from: {other:?}")),
    }
}

/// A cursor of another folder is refused.
fn other(seed: u64) -> Outcome {
    let world = World::new(seed, 0);
    let told = told();
    to_its_end(&mut world.task(&told, true, "/in"), &world.clock)?;
    match to_its_end(&mut world.task(&told, true, "/out"), &world.clock)? {
        End::Failed(why) if why.contains("`/in`") => Ok(Tally::default()),
        other => Err(format!(
            "a cursor of another folder was gone on from: {other:?}"
        )),
    }
}

/// A file that is another one when it is gone on with breaks the source, and no row of the other is written.
fn goes_back(seed: u64) -> Outcome {
    let world = World::new(seed, 0);
    let rows =
        |word: &str| -> Vec<String> { (0..6_000).map(|r| format!("{{\"{word}\":{r}}}")).collect() };
    world.write("a", rows("old"));
    let told = told();
    let mut task = world.task(&told, false, "/in");
    // Opened, and one batch of it is written.
    for _ in 0..2 {
        task.turn();
    }
    let half = world.values().len();
    if half == 0 || half >= 6_000 {
        return Err(format!("{half} rows after the first batch"));
    }
    world.write("a", rows("new"));
    let end = to_its_end(&mut world.task(&told, true, "/in"), &world.clock)?;
    let is_mixed = world.values().iter().any(|v| v.contains("new"));
    match end {
        End::Failed(why) if why.contains("other content") && !is_mixed => Ok(Tally::default()),
        other => Err(format!("another file was gone on with: {other:?}")),
    }
}

/// What cannot go on is not shown as running.
fn shown(seed: u64) -> Outcome {
    let world = World::new(seed, 0);
    world.write("a", vec!["{\"a\":1}".to_owned()]);
    let told = told();
    let mut task = world.task(&told, false, "/in");
    for _ in 0..4 {
        if let Next::After(wait) = task.turn() {
            world.clock.sleep(wait);
        }
    }
    if told.now().state != State::Streaming {
        return Err(format!("it is {}", told.now().state));
    }
    // The same name with other content.
    world.write("a", vec!["{\"a\":2}".to_owned()]);
    for _ in 0..3 {
        if let Next::After(wait) = task.turn() {
            world.clock.sleep(wait);
        }
    }
    let state = told.now().state;
    let cursors = world
        .brokers
        .0
        .borrow()
        .committed
        .iter()
        .filter(|w| w.to == To::Cursors)
        .count();
    let newest: Vec<Cursor> = world
        .brokers
        .0
        .borrow()
        .committed
        .iter()
        .filter(|w| w.to == To::Cursors)
        .map(|w| serde_json::from_str(w.value.as_deref().unwrap()).unwrap())
        .collect();
    let grows = newest.is_sorted_by_key(|c| c.generation);
    match state {
        State::Broken(why) if why.contains("other content") && grows && cursors > 1 => {
            Ok(Tally::default())
        }
        other => Err(format!("it is shown as {other}")),
    }
}
