//! The positions thread: what was told with each commit, put into the windows.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::window::{Changed, note};
use super::{Positions, Slot, Stage};
use crate::as_of::AsOf;
use standings_model::placed::{Placed, Told, take_row};

/// How often it is looked whether a window is still asked for, at most.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Message {
    /// A window is asked for.
    Begin(Arc<Slot>),
    /// It is not any more.
    End(u64),
    /// A commit is durable.
    Committed(AsOf, Arc<Vec<Placed>>),
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Message>,
    closed: bool,
}

/// What waits for the thread.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    news: Condvar,
}

impl Queue {
    pub(super) fn push(&self, message: Message) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.messages.push_back(message);
        self.news.notify_one();
    }

    pub(super) fn close(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.closed = true;
        self.news.notify_one();
    }

    /// All there is; waits for some. `None` after the last.
    fn pop(&self) -> Option<VecDeque<Message>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.messages.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self
                .news
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Some(std::mem::take(&mut waiting.messages))
    }
}

/// A window on this side.
struct Own {
    slot: Arc<Slot>,
    changed: Changed,
    /// Workers that have told all their rows.
    wholes: u32,
    workers: u32,
    gone: bool,
}

impl Own {
    fn take(&mut self, placed: &Placed) {
        self.workers = placed.workers;
        match &placed.told {
            Told::Rows(rows) => {
                let mut rows = &rows[..];
                while let Some(row) = take_row(&mut rows) {
                    note(&mut self.changed, row);
                }
            }
            Told::Whole => self.wholes += 1,
            Told::Gone => self.gone = true,
        }
    }

    /// Brings the window to a commit.
    fn bring(&mut self, as_of: &AsOf) {
        let window = &self.slot.window;
        let changed = std::mem::take(&mut self.changed);
        if changed.is_empty() {
            let mut window = window.write().unwrap_or_else(PoisonError::into_inner);
            window.is_still(as_of.clone());
        } else {
            // Nobody else writes.
            let look = window.read().unwrap_or_else(PoisonError::into_inner);
            let batch = look.batch(changed);
            drop(look);
            let mut waits = window.write().unwrap_or_else(PoisonError::into_inner);
            waits.begin(batch);
            while !waits.step() {
                drop(waits);
                // Who asks comes in between two slices.
                std::thread::yield_now();
                waits = window.write().unwrap_or_else(PoisonError::into_inner);
            }
            waits.end(as_of.clone());
        }
        let is_filling = matches!(*self.slot.stage.borrow(), Stage::Filling(_));
        if is_filling {
            let rows = window
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .rows()
                .len();
            self.slot.stage.send_replace(match self.wholes {
                n if n > 0 && n == self.workers => Stage::Whole,
                _ => Stage::Filling(rows),
            });
        }
    }

    fn bytes(&self) -> usize {
        let window = self.slot.window.read();
        window.unwrap_or_else(PoisonError::into_inner).bytes()
    }
}

/// Takes what is told until there is no more.
pub(super) fn work(positions: &Positions) {
    let mut all: HashMap<u64, Own> = HashMap::new();
    let mut looked = Instant::now();
    while let Some(messages) = positions.queue.pop() {
        let mut reached = None;
        for message in messages {
            match message {
                Message::Begin(slot) => {
                    let own = Own {
                        changed: Changed::new(),
                        wholes: 0,
                        workers: 0,
                        gone: false,
                        slot,
                    };
                    all.insert(own.slot.id, own);
                }
                Message::End(id) => drop(all.remove(&id)),
                Message::Committed(as_of, placed) => {
                    for placed in placed.iter() {
                        if let Some(own) = all.get_mut(&placed.watch) {
                            own.take(placed);
                        }
                    }
                    reached = Some(as_of);
                }
            }
        }
        if let Some(as_of) = &reached {
            all.values_mut().for_each(|own| own.bring(as_of));
        }
        for own in all.values().filter(|own| own.gone) {
            own.slot.stage.send_replace(Stage::Gone);
            positions.forget(&own.slot);
        }
        all.retain(|_, own| !own.gone);
        bound(positions, &all);
        if looked.elapsed() > LOOK_AGAIN {
            looked = Instant::now();
            positions.forget_forgotten();
        }
    }
}

/// Lets windows go until all take no more than they may: those asked for longest ago, and what alone is too large.
fn bound(positions: &Positions, all: &HashMap<u64, Own>) {
    let mut left: Vec<(&Own, usize)> = all.values().map(|own| (own, own.bytes())).collect();
    left.sort_by_key(|(own, _)| own.slot.asked.load(Ordering::Relaxed));
    let mut bytes: usize = left.iter().map(|(_, bytes)| bytes).sum();
    let mut left = left.into_iter().peekable();
    while bytes > positions.most_bytes
        && let Some((own, of_it)) = left.next()
    {
        bytes -= of_it;
        if left.peek().is_none() {
            positions.refuse(&own.slot);
            tracing::warn!(
                event = "positions_too_large",
                bytes = of_it,
                most = positions.most_bytes,
                "the keys of a window take more than --http-positions-bytes allows: nobody is told their positions"
            );
        } else {
            positions.forget(&own.slot);
        }
    }
}
