//! Where any key of a window stands, inside the limit or not: exact, as of a commit, without waiting for the stream.
//!
//! ```text
//! ask ─► is the window watched? ─no─► Wishes ─► worker 0 ─► every worker tells its rows, epoch by epoch
//!          │ yes                                              └─► gathered ─► draft ─► durable: a commit ─┐
//!          ▼                                                                                              ▼
//!        Window: rows in order, counted ◄── slices, between questions ◄── positions thread ◄── queue ◄────┘
//! ```
//!
//! 1. An answer is of one commit: what workers told travels with the draft that it is of, and counts when that is durable. While
//!    the rows of a later commit are put in, whoever asks sees the one before (`cut`).
//! 2. An ask waits for a lock for as long as it takes to put in a few rows; only the first of a window waits for its rows.
//! 3. Nobody asks: nothing is kept, and workers tell nothing. A window that nobody has asked for for a while is let go.
//! 4. What all windows take is bounded (`--http-positions-bytes`): those asked for longest ago go first.

mod asked;
mod cut;
mod feed;
mod leaf;
#[cfg(test)]
mod tests;
mod tree;
mod window;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::sync::watch;

use self::asked::Shape;
use self::feed::{Message, Queue};
use self::window::Window;
use super::as_of::AsOf;
use super::board::Told;
use super::problem::Problem;
use standings_commit::committer::Wishes;
use standings_engine::rank::watched::is_kept;
use standings_model::placed::{Placed, Watch};
use standings_model::plan::{Plan, RankFunction, Ranking};
use standings_model::window::Bounds;

pub(crate) use self::asked::Around;

/// How long the first ask of a window waits for its rows.
const PATIENCE: Duration = Duration::from_secs(5);
/// Windows that are kept at the same time.
const MOST_WINDOWS: usize = 64;
/// A window that nobody has asked for for so long is let go.
const FORGOTTEN: Duration = Duration::from_mins(10);

/// How far a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// So many rows are there.
    Filling(u64),
    /// All are.
    Whole,
    /// The engine has dropped the window.
    Gone,
    /// It takes more than all windows may.
    TooLarge,
}

/// A window that somebody asks for.
#[derive(Debug)]
pub(crate) struct Slot {
    id: u64,
    ranking: usize,
    bounds: Bounds,
    shape: Shape,
    window: RwLock<Window>,
    stage: watch::Sender<Stage>,
    /// Milliseconds from the process's start to the last ask.
    asked: AtomicU64,
}

#[derive(Debug, Default)]
struct Windows {
    all: HashMap<(usize, Bounds), Arc<Slot>>,
    next: u64,
    as_of: AsOf,
}

/// The windows that are asked for.
#[derive(Debug)]
pub(crate) struct Positions {
    wishes: Wishes,
    windows: Mutex<Windows>,
    queue: Queue,
    most_bytes: usize,
    began: Instant,
}

/// Whether equal places are counted once somewhere in a ranking.
fn counts_orders(ranking: &Ranking) -> bool {
    let of_rank = (0..ranking.measures.len()).any(|m| ranking.is_of_rank(m));
    ranking.rank == Some(RankFunction::DenseRank) || of_rank
}

impl Positions {
    /// Nothing is asked for; all windows may take so many bytes.
    pub(crate) fn new(most_bytes: usize) -> Self {
        Positions {
            wishes: Wishes::default(),
            windows: Mutex::default(),
            queue: Queue::default(),
            most_bytes,
            began: Instant::now(),
        }
    }

    /// How workers come to know what is asked for.
    pub(crate) fn wishes(&self) -> Wishes {
        self.wishes.clone()
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A window with all its keys, as soon as they are there.
    pub(crate) async fn of(
        &self,
        plan: &Plan,
        ranking: usize,
        bounds: Bounds,
    ) -> Result<Arc<Slot>, Problem> {
        let name = &plan.rankings[ranking].name;
        if self.most_bytes == 0 {
            return Err(Problem::new(
                StatusCode::NOT_FOUND,
                "positions are off here (--http-positions-bytes 0)",
            ));
        }
        if !is_kept(plan, ranking) {
            return Err(not_kept(&plan.rankings[ranking]));
        }
        let slot = self.slot(plan, ranking, bounds);
        let mut stage = slot.stage.subscribe();
        let settled = stage.wait_for(|stage| !matches!(stage, Stage::Filling(_)));
        let settled = tokio::time::timeout(PATIENCE, settled).await;
        let stage = match settled {
            Ok(Ok(stage)) => *stage,
            Ok(Err(_)) => return Err(Problem::unavailable("the server ends")),
            Err(_) => *slot.stage.borrow(),
        };
        match stage {
            Stage::Whole => Ok(slot),
            Stage::Gone => Err(Problem::new(
                StatusCode::GONE,
                format!(
                    "the engine keeps this window of `{name}` no more: none of its keys can change, and only what is ranked is still there"
                ),
            )),
            Stage::TooLarge => Err(Problem::unavailable(format!(
                "the keys of this window of `{name}` take more than --http-positions-bytes allows ({} bytes)",
                self.most_bytes
            ))),
            Stage::Filling(rows) => Err(Problem {
                retry_after: Some(1),
                ..Problem::unavailable(format!(
                    "the keys of this window of `{name}` are being put in order, {rows} so far; ask again"
                ))
            }),
        }
    }

    fn slot(&self, plan: &Plan, ranking: usize, bounds: Bounds) -> Arc<Slot> {
        let mut windows = self.windows();
        if let Some(slot) = windows.all.get(&(ranking, bounds)) {
            slot.asked.store(self.now(), Ordering::Relaxed);
            return Arc::clone(slot);
        }
        while windows.all.len() >= MOST_WINDOWS {
            self.forget_oldest(&mut windows, None);
        }
        windows.next += 1;
        let slot = Arc::new(Slot {
            id: windows.next,
            ranking,
            bounds,
            shape: Shape::new(&plan.rankings[ranking]),
            window: RwLock::new(Window::new(counts_orders(&plan.rankings[ranking]))),
            stage: watch::Sender::new(Stage::Filling(0)),
            asked: AtomicU64::new(self.now()),
        });
        windows.all.insert((ranking, bounds), Arc::clone(&slot));
        // Before any worker can tell of it.
        self.queue.push(Message::Begin(Arc::clone(&slot)));
        self.wish(&windows);
        slot
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// Says to the workers what is asked for.
    fn wish(&self, windows: &Windows) {
        let watch = |slot: &Arc<Slot>| Watch {
            id: slot.id,
            ranking: slot.ranking as u32,
            window_end: slot.bounds.end,
        };
        let all = windows.all.values();
        let all = all.filter(|slot| *slot.stage.borrow() != Stage::TooLarge);
        self.wishes.set(all.map(watch).collect());
    }

    fn forget_oldest(&self, windows: &mut Windows, but: Option<u64>) -> bool {
        let others = windows.all.values().filter(|slot| Some(slot.id) != but);
        let oldest = others.min_by_key(|slot| slot.asked.load(Ordering::Relaxed));
        let Some((at, id)) = oldest.map(|slot| ((slot.ranking, slot.bounds), slot.id)) else {
            return false;
        };
        windows.all.remove(&at);
        self.queue.push(Message::End(id));
        true
    }

    /// Lets a window go: it is gone, or there is nothing in it.
    pub(crate) fn forget(&self, slot: &Slot) {
        let mut windows = self.windows();
        let at = (slot.ranking, slot.bounds);
        if windows.all.get(&at).is_some_and(|own| own.id == slot.id) {
            windows.all.remove(&at);
            self.queue.push(Message::End(slot.id));
            self.wish(&windows);
        }
    }

    /// A window takes too much: until it is forgotten, who asks is told so.
    fn refuse(&self, slot: &Slot) {
        slot.stage.send_replace(Stage::TooLarge);
        *slot.window.write().unwrap_or_else(PoisonError::into_inner) = Window::default();
        self.queue.push(Message::End(slot.id));
        self.wish(&self.windows());
    }

    /// Lets windows go that nobody has asked for for a while.
    fn forget_forgotten(&self) {
        let mut windows = self.windows();
        let now = self.now();
        let before = windows.all.len();
        let is_asked = |slot: &Arc<Slot>| {
            let since = now.saturating_sub(slot.asked.load(Ordering::Relaxed));
            since < FORGOTTEN.as_millis() as u64
        };
        windows.all.retain(|_, slot| {
            let stays = is_asked(slot);
            if !stays {
                self.queue.push(Message::End(slot.id));
            }
            stays
        });
        if windows.all.len() < before {
            self.wish(&windows);
        }
    }

    /// A commit is durable; with what workers told of it.
    pub(crate) fn committed(&self, told: &Told, placed: &Arc<Vec<Placed>>) {
        let mut windows = self.windows();
        let as_of = &mut windows.as_of;
        as_of.commit = as_of.commit.max(told.number);
        if let Some(offsets) = &told.offsets {
            as_of.offsets = Arc::clone(offsets);
        }
        as_of.watermark = told.watermark.or(as_of.watermark);
        if !windows.all.is_empty() || !placed.is_empty() {
            let as_of = windows.as_of.clone();
            self.queue
                .push(Message::Committed(as_of, Arc::clone(placed)));
        }
    }

    /// What is committed next goes on from this.
    pub(crate) fn goes_on(&self, commit: u64) {
        let mut windows = self.windows();
        windows.as_of.commit = windows.as_of.commit.max(commit);
    }

    /// Puts in what is told, until the server ends.
    pub(crate) fn work(&self) {
        feed::work(self);
    }

    /// The server ends.
    pub(crate) fn close(&self) {
        self.queue.close();
    }
}

/// Why there are no positions of a ranking.
fn not_kept(ranking: &Ranking) -> Problem {
    let name = &ranking.name;
    Problem::new(
        StatusCode::NOT_FOUND,
        match () {
            () if ranking.rank.is_none() => {
                format!("`{name}` ranks nothing: its rows have no positions")
            }
            () if ranking.is_rows => format!(
                "of `{name}` only the rows within the limit are kept: there are no positions behind them"
            ),
            () => format!(
                "positions are of rankings of groups in windows that all their keys share, which `{name}` is not: its rows are at windows/{{start}}"
            ),
        },
    )
}
