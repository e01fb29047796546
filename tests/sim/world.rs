//! Everything outside the engine: the input topic, a database, a log with transactions, an object store, the clock,
//! and the dice that decide what goes wrong. What is checked after every commit is here too.

mod checks;

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::Hasher;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use standings_commit::database::DatabaseIdentity;
use standings_commit::transactions::{IDS, LogIdentity, Progress};
use standings_engine::event_time::partition::Policy;
use standings_engine::rank::emit::Emit;
use standings_model::check::{Action, Check, Condition, Share};
use standings_model::clock::Clock;
use standings_model::identity::Known;
use standings_model::plan::Plan;
use standings_query::load_shipped;

use crate::changes::model::Half;
use crate::orders::{self, Orders, shape};
use crate::outages::{Outages, Part};
use crate::refusals::{At, Refusals};
use crate::store::StoreState;
use crate::support::{
    DAY, Dice, Folding, HOUR, Reference, duplicates, sales, time_of, with_repeated_ids,
};
use crate::topic::Topic;

/// Allowed lateness is an hour; the watermark stays a minute behind.
pub const OUT_OF_ORDERNESS: i64 = 60_000;

/// The next offset by partition.
pub type Offsets = BTreeMap<u32, u64>;

/// Shared by everything of a run, all on one thread. Never held while something else runs.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub fn new(world: World) -> Self {
        Shared(Arc::new(Mutex::new(world)))
    }

    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.try_lock().expect("the world is looked at twice")
    }

    /// `None` while a check that failed unwinds.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, World>> {
        self.0.try_lock().ok()
    }
}

/// What becomes of one call from the engine into the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It works.
    Go,
    /// It fails, and has done nothing.
    Fail,
    /// It works, and the answer is lost.
    LoseAnswer,
    /// The process is killed before it.
    KilledBefore,
    /// The process is killed after it.
    KilledAfter,
    /// The process stands still before it, and a newer cluster takes over meanwhile.
    Frozen,
    /// It is taken, and perhaps works; there is never an answer.
    Silent,
    /// The process is no more.
    Dead,
}

/// How often things go wrong, as one in so many calls; 0: never.
#[derive(Clone, Debug)]
pub struct Weather {
    pub fail: u64,
    pub lose_answer: u64,
    pub kill: u64,
    pub freeze: u64,
    /// The same, in a call that opens a sink.
    pub freeze_opening: u64,
    /// At a step, not in a call.
    pub kill_between: u64,
    /// Asked to stop, at a step.
    pub stop: u64,
    /// The database is put back to what it was some commits ago (a standby promoted behind, a backup), at a step.
    pub put_back: u64,
    /// The store of snapshots is put back to what it held some objects ago, at a step.
    pub store_put_back: u64,
    /// At a start.
    pub corrupt: u64,
    /// The longest between two snapshots, ms.
    pub snapshots: u64,
    /// Steps of the storm.
    pub steps: u64,
}

impl Weather {
    /// Of every second seed anything with anything; the others have one trouble often, and hardly anything else, since
    /// some mistakes need the same twice in a row and then peace to show what became of it.
    fn roll(dice: &mut Dice) -> Self {
        let mut some = |choices: &[u64]| choices[dice.roll(choices.len() as u64) as usize];
        let freeze = some(&[0, 60, 300]);
        let mixed = Weather {
            fail: some(&[0, 30, 100]),
            lose_answer: some(&[0, 20, 60]),
            kill: some(&[0, 40, 150]),
            freeze,
            freeze_opening: freeze,
            snapshots: 600,
            kill_between: some(&[0, 200, 1000]),
            stop: some(&[0, 150, 600]),
            put_back: 0,
            store_put_back: 0,
            corrupt: some(&[0, 2, 6]),
            steps: some(&[600, 1500, 3000]),
        };
        match some(&[0, 1, 2, 3]) {
            // One cluster stands still while it opens its sinks, and another takes over, again and again.
            0 => Weather {
                freeze: 100,
                freeze_opening: 4,
                kill_between: 150,
                ..Weather::calm_for(3000)
            },
            // Each start is from a snapshot that was made not long ago, or from one that is damaged.
            1 => Weather {
                kill: some(&[25, 60]),
                kill_between: some(&[150, 300]),
                corrupt: some(&[0, 1, 4]),
                snapshots: some(&[60, 600]),
                ..Weather::calm_for(3000)
            },
            _ => mixed,
        }
    }

    fn calm_for(steps: u64) -> Self {
        Weather {
            steps,
            ..Weather::calm()
        }
    }

    fn calm() -> Self {
        Weather {
            fail: 0,
            lose_answer: 0,
            kill: 0,
            freeze: 0,
            freeze_opening: 0,
            snapshots: 600,
            kill_between: 0,
            stop: 0,
            put_back: 0,
            store_put_back: 0,
            corrupt: 0,
            steps: 0,
        }
    }
}

/// The database as committed.
#[derive(Clone, Default)]
pub struct DatabaseState {
    pub generation: i64,
    /// Who has the newest generation.
    pub owner: String,
    /// Which database it is, and which it was when it was opened last.
    pub is: DatabaseIdentity,
    pub was: Option<DatabaseIdentity>,
    pub shown: Shown,
    /// Connections whose transactions may still commit.
    pub connections: BTreeSet<u64>,
    /// The one of them that holds the row of the last commit.
    pub lock: Option<u64>,
    /// What it was, some commits ago.
    pub before: VecDeque<DatabaseState>,
    /// A commit that has no answer and is not visible yet: a standby is waited for.
    pub unseen: Option<(Claim, Vec<String>)>,
}

/// The log as committed.
#[derive(Default)]
pub struct LogState {
    /// Of each transactional id: who has an older one is refused.
    pub epochs: [u64; IDS],
    /// How often all connections were ended: whoever comes again is asked for the password.
    pub sessions: u64,
    /// Which topics they are.
    pub is: LogIdentity,
    /// What the topic of progress says.
    pub progress: Option<Progress>,
    pub shown: Shown,
}

/// What a sink shows, and has shown.
#[derive(Clone)]
pub struct Shown {
    pub commit: u64,
    pub offsets: Offsets,
    pub begins: Offsets,
    pub watermark: Option<i64>,
    /// What the last commit is of.
    pub known: Option<Known>,
    pub folding: Folding,
    /// The last change of each row that it shows, and how many changes there were.
    pub lines: BTreeMap<At, String>,
    pub changes: usize,
    history: BTreeMap<u64, Offsets>,
}

impl Default for Shown {
    fn default() -> Self {
        Shown {
            commit: 0,
            offsets: Offsets::new(),
            begins: Offsets::new(),
            watermark: None,
            known: None,
            folding: Folding::of(shape),
            lines: BTreeMap::new(),
            changes: 0,
            history: BTreeMap::new(),
        }
    }
}

impl Shown {
    /// Takes changes over, whatever commit they are said to belong to.
    pub fn write(&mut self, lines: &[String]) {
        self.changes += lines.len();
        for line in lines {
            let at = self.folding.row(line);
            match self.folding.rows.contains_key(&at) {
                true => drop(self.lines.insert(at, line.clone())),
                false => drop(self.lines.remove(&at)),
            }
        }
    }
}

/// What a commit says of itself.
#[derive(Clone)]
pub struct Claim {
    pub commit: u64,
    pub offsets: Offsets,
    pub begins: Offsets,
    pub watermark: Option<i64>,
    pub known: Option<Known>,
}

/// What was seen in a run, for the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub commits: u64,
    pub kills: u64,
    pub takeovers: u64,
    pub corruptions: u64,
    /// Times that the database was put back, and commits that became visible late.
    pub put_back: u64,
    pub late_commits: u64,
    pub manifests: u64,
    /// Times that the store was opened, and put back.
    pub fences: u64,
    pub store_put_back: u64,
    /// Times that the topic became another, and that a start said so.
    pub disasters: u64,
    pub refused: u64,
    /// Letters of rows that a sink refused.
    pub letters: u64,
    /// Windows of which all keys were held to the reference, by commit.
    pub windows: u64,
    /// Times that something was down, that a password was changed, that a login was refused, and that a process which was
    /// asked to stop was ended because its time was over.
    pub outages: u64,
    pub rotations: u64,
    pub logins: u64,
    pub stopped_late: u64,
    /// The longest time from the storm's end to the run's.
    pub longest: Duration,
    pub sales: u64,
    pub duplicates: u64,
    /// Records of tables that change, and these.
    pub changes: u64,
    pub tables: u64,
    /// Calls, by name and what became of them.
    pub fates: BTreeMap<(&'static str, Fate), u64>,
}

pub struct World {
    pub seed: u64,
    pub dice: Dice,
    /// For what was added later, so that the other seeds stay what they were.
    pub apart: Dice,
    pub weather: Weather,
    pub clock: Clock,
    pub plan: Arc<Plan>,
    /// Of a world whose table changes.
    pub orders: Option<Orders>,
    /// Every line that will ever be in the topic.
    pub input: Vec<Vec<String>>,
    /// Partition and offset of the sales that must be found to be duplicates.
    pub duplicate: BTreeSet<(u32, u64)>,
    /// How many of them are there.
    pub visible: Vec<u64>,
    /// The input is files, read with `--until-end`: a partition ends where its lines do.
    pub files: bool,
    /// Which changes are written: in some seeds only moves.
    pub emit: Emit,
    pub database: DatabaseState,
    pub log: LogState,
    pub store: StoreState,
    pub topic: Topic,
    /// Rows that sinks refuse.
    pub refusals: Refusals,
    /// What is down, says nothing, or lets nobody in.
    pub outages: Outages,
    /// Since when nothing goes wrong any more.
    calm_since: Option<Instant>,
    /// Partition and offset of what came to the late output and the dead letters.
    pub late: BTreeSet<(u32, u64)>,
    pub dead: BTreeSet<(u32, u64)>,
    /// Late halves that were told.
    pub halves: BTreeSet<Half>,
    /// The clusters that were started; the newest has this number.
    pub newest: u64,
    /// Some snapshot stood for all of the input.
    pub kept_all: bool,
    /// What the newest snapshot stands for.
    pub kept: Offsets,
    gone: BTreeSet<u64>,
    /// Clusters that stand still now, each within the one before it.
    pub frozen: u64,
    pub seen: Seen,
    trace: DefaultHasher,
    references: BTreeMap<Vec<u64>, Arc<Reference>>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut weather = Weather::roll(&mut dice);
        // Rolled apart, so that the other seeds stay what they were.
        if seed.is_multiple_of(4) {
            weather.put_back = 150;
        }
        if seed % 8 == 6 {
            weather.store_put_back = 200;
        }
        let partitions = 1 + dice.roll(4);
        let step = [20_000, 200_000, 900_000][dice.roll(3) as usize];
        let first = 1 + dice.roll(partitions);
        let files = seed % 4 == 3;
        // Files are all there from the start.
        let first = if files { partitions } else { first };
        // Apart, too.
        let orders = orders::is_in(seed).then(|| {
            let mut dice = Dice::new(seed ^ 0x0dde5);
            Orders::roll(&mut dice, partitions as usize, first as usize)
        });
        let mut input = match &orders {
            Some(orders) => orders.lines(),
            None => lines_of_sales(&mut dice, (partitions, first), step),
        };
        // Rolled apart, so that the other seeds stay what they were.
        let mut within = None;
        if seed.is_multiple_of(5) && orders.is_none() {
            let mut dice = Dice::new(!seed);
            for lines in &mut input {
                with_repeated_ids(&mut dice, lines);
            }
            within = Some([60_000, HOUR, 12 * HOUR][dice.roll(3) as usize]);
        }
        let mut plan = match &orders {
            Some(orders) => orders.plan(),
            None => load_shipped().expect("the shipped queries are right"),
        };
        let mut duplicate = BTreeSet::new();
        if let Some(within) = within {
            plan.checks.push(Check {
                name: "sale-once".to_owned(),
                table: 0,
                column: plan.tables[0].find("sale_id").expect("its column"),
                also: Vec::new(),
                condition: Condition::Unique { within },
                action: Action::DeadLetter,
                fail_share: Share::parse("10%"),
                fail_on: None,
            });
            for (p, lines) in (0..).zip(&input) {
                let found = duplicates(lines, within, OUT_OF_ORDERNESS);
                duplicate.extend(found.into_iter().map(|o| (p, o as u64)));
            }
        }
        // Apart, again.
        let (kind, is_ranks) = (seed % 9, seed % 16 == 9);
        let mut dice_apart = Dice::new(seed ^ 0x0dd5);
        let refusals = match matches!(kind, 1 | 8) && !is_ranks {
            true => Refusals::roll(&mut dice_apart, &mut input, orders.is_none()),
            false => Refusals::default(),
        };
        let outages = Outages::roll(&mut dice_apart, kind);
        let records = input.iter().map(|p| p.len() as u64).sum();
        let (sales, changes) = match orders {
            None => (records, 0),
            Some(_) => (0, records),
        };
        let seen = Seen {
            duplicates: duplicate.len() as u64,
            sales,
            changes,
            tables: u64::from(orders.is_some()),
            ..Seen::default()
        };
        let mut world = World {
            seed,
            dice,
            apart: Dice::new(seed ^ 0x5eed),
            weather,
            clock: Clock::by_hand(),
            plan: Arc::new(plan),
            orders,
            input,
            duplicate,
            visible: vec![0; first as usize],
            files,
            emit: match is_ranks {
                true => Emit::Ranks,
                false => Emit::Rows,
            },
            database: DatabaseState::default(),
            log: LogState::default(),
            store: StoreState::default(),
            topic: Topic::new(seed),
            refusals,
            outages,
            calm_since: None,
            late: BTreeSet::new(),
            dead: BTreeSet::new(),
            halves: BTreeSet::new(),
            newest: 0,
            kept_all: false,
            kept: Offsets::new(),
            gone: BTreeSet::new(),
            frozen: 0,
            seen,
            trace: DefaultHasher::new(),
            references: BTreeMap::new(),
        };
        world.begin_wrong();
        world
    }

    /// How event time is judged.
    pub fn policy(&self) -> Policy {
        let policy = Policy {
            out_of_orderness: OUT_OF_ORDERNESS,
            allowed_lateness: HOUR,
            max_ahead: HOUR,
            // Nothing is dropped because of pace, which the reference does not know.
            retain: i64::MAX / 4,
        };
        match &self.orders {
            Some(orders) => orders.policy(policy),
            None => policy,
        }
    }

    /// What becomes of a call of a cluster.
    pub fn fate(&mut self, cluster: u64, call: &'static str) -> Fate {
        if self.ends(cluster, call) {
            return Fate::Dead;
        }
        self.ask_in_call(cluster);
        // A commit sends a hundred records: were each as endangered as other calls, hardly one would get through.
        let spared = call == "log send" && self.dice.roll(20) > 0;
        let trouble = match self.down_until(Part::of(call)) {
            Some(_) => Some(Fate::Fail),
            None => (!spared && self.goes_silent(call)).then_some(Fate::Silent),
        };
        if let Some(fate) = trouble {
            *self.seen.fates.entry((call, fate)).or_default() += 1;
            tracing::debug!(cluster, call, ?fate);
            return fate;
        }
        let w = &self.weather;
        let opening = ["database open", "log connect", "log take over"];
        let freeze = match opening.contains(&call) {
            true => w.freeze_opening,
            false => w.freeze,
        };
        let fate = [
            (w.fail, Fate::Fail),
            (w.lose_answer, Fate::LoseAnswer),
            (w.kill, Fate::KilledBefore),
            (w.kill, Fate::KilledAfter),
            (freeze, Fate::Frozen),
        ]
        .into_iter()
        .find(|(odds, _)| *odds > 0 && !spared && self.dice.roll(*odds) == 0)
        .map_or(Fate::Go, |(_, fate)| fate);
        let fate = match fate {
            Fate::Frozen if self.frozen >= 2 => Fate::Go,
            other => other,
        };
        *self.seen.fates.entry((call, fate)).or_default() += 1;
        tracing::debug!(cluster, call, ?fate);
        fate
    }

    pub fn kill(&mut self, cluster: u64) {
        if self.gone.insert(cluster) {
            self.seen.kills += 1;
        }
    }

    pub fn is_gone(&self, cluster: u64) -> bool {
        self.gone.contains(&cluster)
    }

    /// Nothing goes wrong any more, and all of the input is there.
    pub fn calm(&mut self) {
        self.weather = Weather::calm();
        self.all_up();
        self.calm_since = Some(self.clock.now());
        self.visible = (0..self.input.len()).map(|p| self.shown_until(p)).collect();
    }

    /// Whether nothing goes wrong any more.
    pub fn is_calm(&self) -> bool {
        self.calm_since.is_some()
    }

    /// How long nothing has gone wrong.
    pub fn calm_for(&self) -> Duration {
        self.calm_since
            .map_or(Duration::ZERO, |since| self.clock.since(since))
    }

    /// How many lines of a partition come in the storm: the longest file goes on when all others have ended.
    fn shown_until(&self, p: usize) -> u64 {
        let whole = self.input[p].len() as u64;
        let longest = (0..self.input.len()).max_by_key(|p| self.input[*p].len());
        match self.files && longest == Some(p) {
            true => whole * 2 / 3,
            false => whole,
        }
    }

    /// Whether all of the input has come.
    pub fn shows_all(&self) -> bool {
        let whole = self.input.iter().map(|lines| lines.len() as u64);
        whole.eq(self.visible.iter().copied())
    }

    /// Some more of the longest file comes.
    pub fn show_more(&mut self) {
        for (visible, lines) in self.visible.iter_mut().zip(&self.input) {
            let more = *visible + 1 + lines.len() as u64 / 8;
            *visible = more.min(lines.len() as u64);
        }
    }

    /// Whether a snapshot stands for all that is there.
    pub fn has_kept_visible(&self) -> bool {
        let kept = |p: u32| self.kept.get(&p).copied().unwrap_or(0);
        (0..).zip(&self.visible).all(|(p, n)| kept(p) >= *n)
    }

    /// Time passes, and some more of the input comes.
    pub fn pass(&mut self) {
        self.go_wrong();
        let odds = self.weather.put_back;
        if odds > 0 && self.apart.roll(odds) == 0 {
            self.put_back();
        }
        let odds = self.weather.store_put_back;
        if odds > 0 && self.apart.roll(odds) == 0 {
            self.put_store_back();
        }
        if self.database.unseen.is_some() && self.apart.roll(20) == 0 {
            self.appear();
        }
        let time = self.dice.roll(20);
        self.clock.sleep(Duration::from_millis(time));
        if self.dice.roll(6) == 0 {
            let p = self.dice.roll(self.input.len() as u64) as usize;
            if p == self.visible.len() && self.dice.roll(4) == 0 {
                self.visible.push(0);
            } else if p < self.visible.len() {
                let more = self.visible[p] + 1 + self.dice.roll(12);
                self.visible[p] = more.min(self.shown_until(p));
            }
        }
    }

    /// Puts the store back to what it held some objects ago.
    fn put_store_back(&mut self) {
        let n = 1 + self.apart.roll(8) as usize;
        tracing::info!(objects = n, "the store is put back");
        self.store.put_back(n);
        self.seen.store_put_back += 1;
    }

    /// Puts the database back to what it was some commits ago. Whoever was connected is not any more.
    fn put_back(&mut self) {
        let n = self.apart.roll(4) as usize;
        let mut before = std::mem::take(&mut self.database.before);
        before.truncate(before.len().saturating_sub(n));
        let Some(mut then) = before.pop_back() else {
            return;
        };
        tracing::info!(commit = then.shown.commit, "the database is put back");
        then.connections.clear();
        then.lock = None;
        then.unseen = None;
        then.before = before;
        self.database = then;
        self.seen.put_back += 1;
    }

    /// What was not visible yet is now.
    pub fn appear(&mut self) {
        let Some((claim, lines)) = self.database.unseen.take() else {
            return;
        };
        self.seen.late_commits += 1;
        self.accept(Sink::Database, claim, &lines);
    }

    /// Keeps what the database is, to be put back to it.
    fn keep_database(&mut self) {
        let mut now = self.database.clone();
        now.before.clear();
        self.database.before.push_back(now);
        if self.database.before.len() > 6 {
            self.database.before.pop_front();
        }
    }

    /// Damages one object, as a disk might.
    pub fn corrupt(&mut self) {
        let odds = self.weather.corrupt;
        if odds == 0 || self.store.objects.is_empty() || self.dice.roll(odds) != 0 {
            return;
        }
        let name = self.prey();
        let how = self.dice.roll(3);
        let Some(bytes) = self.store.objects.get_mut(&name).filter(|b| !b.is_empty()) else {
            return;
        };
        self.seen.corruptions += 1;
        let at = self.dice.roll(bytes.len() as u64) as usize;
        match how {
            0 => bytes[at] ^= 1 << self.dice.roll(8),
            1 => bytes.truncate(at),
            _ => drop(self.store.objects.remove(&name)),
        }
    }

    /// The object that is damaged: any, or one that the next start would read.
    fn prey(&mut self) -> String {
        let newest = self.store.snapshots().next();
        let parts = newest.as_ref().and_then(|m| m["parts"].as_array());
        let names: Vec<String> = match parts.filter(|_| self.dice.roll(2) == 0) {
            Some(parts) => {
                let names = parts.iter().filter_map(|part| part["name"].as_str());
                let there = names.filter(|name| self.store.objects.contains_key(*name));
                there.map(str::to_owned).collect()
            }
            None => Vec::new(),
        };
        let names = match names.is_empty() {
            true => self.store.objects.keys().cloned().collect(),
            false => names,
        };
        names[self.dice.roll(names.len() as u64) as usize].clone()
    }

    pub fn shown(&mut self, sink: Sink) -> &mut Shown {
        match sink {
            Sink::Database => &mut self.database.shown,
            Sink::Log => &mut self.log.shown,
        }
    }

    fn note(&mut self, bytes: &[u8]) {
        self.trace.write(bytes);
    }

    /// Names all that was committed: equal for equal runs.
    pub fn trace(&self) -> u64 {
        self.trace.finish()
    }
}

/// Sales by partition; those from `first` on are added later.
fn lines_of_sales(dice: &mut Dice, (partitions, first): (u64, u64), step: u64) -> Vec<Vec<String>> {
    let mut input: Vec<Vec<String>> = Vec::new();
    for p in 0..partitions {
        let n = dice.roll(90) as usize;
        let from = 1_769_126_400_000 + dice.roll(DAY as u64) as i64;
        let mut lines = sales(dice, n, from, step);
        if p >= first {
            // It is added later: it does not reach back to windows that the others have left behind.
            let times = input.iter().flatten().filter_map(|l| time_of(l));
            let newest = times.max().unwrap_or(0);
            lines.retain(|l| time_of(l).is_none_or(|t| t >= newest));
        }
        input.push(lines);
    }
    input
}

/// One of the two sinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    Database,
    Log,
}

impl Sink {
    pub fn name(self) -> &'static str {
        match self {
            Sink::Database => "database",
            Sink::Log => "log",
        }
    }

    pub fn other(self) -> Self {
        match self {
            Sink::Database => Sink::Log,
            Sink::Log => Sink::Database,
        }
    }
}
