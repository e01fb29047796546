//! Commits on their way from the commit path to the board.
//!
//! ```text
//! committer ──► backlog ──► board thread ──► board
//! ```
//!
//! The board may be slow: many look at it, or other threads have the machine. A commit must not wait for a page, so the
//! committer cannot be held; and what waits must not take the memory of the totals. So what waits is bounded, and beyond the
//! bound the commits at its end become one, which says what all of them said:
//!
//! 1. The board shows every commit's rows in the end; what it skips is states between, and so it forgets which commits led
//!    there: who follows gets a snapshot, as one who fell behind does.
//! 2. Of each row only the last change is kept, and beyond twice the rows that the board keeps of a ranking the oldest
//!    windows go first, as on the board itself.
//! 3. The committer takes a lock for as long as it takes to move one commit, and never waits for the board.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::board::{MOST_LATE, Told};
use standings_model::window::Bounds;

/// Commits that wait one by one.
const MOST_COMMITS: usize = 1_024;
/// Bytes that wait one by one, roughly.
const MOST_BYTES: usize = 64 << 20;
/// What a change takes, roughly: a key, a few measures.
const CHANGE_BYTES: usize = 256;

/// What the board is told.
#[derive(Debug)]
pub(super) enum Message {
    /// A commit, or several as one.
    Committed(Box<Told>),
    /// The last commit of an earlier run.
    GoesOn(u64),
}

#[derive(Default)]
struct Waiting {
    messages: VecDeque<Message>,
    bytes: usize,
    /// The changes of the last message when it was last gone through.
    gone_through: usize,
    closed: bool,
}

/// What waits for the board.
pub(super) struct Backlog {
    waiting: Mutex<Waiting>,
    news: Condvar,
    /// Rows of a ranking that the board keeps.
    rows: usize,
}

impl Backlog {
    /// Nothing waits.
    pub(super) fn new(rows: usize) -> Self {
        Backlog {
            waiting: Mutex::default(),
            news: Condvar::new(),
            rows,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a message for the board.
    pub(super) fn push(&self, message: Message) {
        let mut waiting = self.waiting();
        let waiting = &mut *waiting;
        let is_full = waiting.messages.len() >= MOST_COMMITS || waiting.bytes >= MOST_BYTES;
        match (message, waiting.messages.back_mut()) {
            (Message::Committed(later), Some(Message::Committed(last))) if is_full => {
                if !last.skips {
                    tracing::warn!(
                        event = "page_behind",
                        commit = last.number,
                        "the page could not keep up with the commits; what waited is taken as one"
                    );
                    waiting.gone_through = last.changes.len();
                }
                absorb(last, *later);
                // Now and then, so that each change is looked at a few times at most.
                if last.changes.len() > 2 * waiting.gone_through + MOST_COMMITS {
                    last_of_each(last, self.rows);
                    waiting.gone_through = last.changes.len();
                }
            }
            (message, _) => {
                waiting.bytes += bytes(&message);
                waiting.messages.push_back(message);
            }
        }
        self.news.notify_one();
    }

    /// The next message; waits for it. `None` after the last.
    pub(super) fn pop(&self) -> Option<Message> {
        let mut waiting = self.waiting();
        loop {
            if let Some(message) = waiting.messages.pop_front() {
                // Of commits that became one, less was counted than there is.
                waiting.bytes = match waiting.messages.is_empty() {
                    true => 0,
                    false => waiting.bytes.saturating_sub(bytes(&message)),
                };
                return Some(message);
            }
            if waiting.closed {
                return None;
            }
            let woken = self.news.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting().messages.is_empty()
    }

    /// No message comes any more.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.news.notify_all();
    }
}

fn bytes(message: &Message) -> usize {
    match message {
        Message::Committed(told) => {
            let late = told.late.iter().map(|late| late.bytes.len());
            late.sum::<usize>() + (1 + told.changes.len()) * CHANGE_BYTES
        }
        Message::GoesOn(_) => CHANGE_BYTES,
    }
}

/// What both commits say, as of the later one.
fn absorb(one: &mut Told, later: Told) {
    one.skips = true;
    one.number = one.number.max(later.number);
    one.at = later.at;
    Arc::make_mut(&mut one.changes).extend(Arc::unwrap_or_clone(later.changes));
    one.offsets = later.offsets.or(one.offsets.take());
    one.watermark = later.watermark.or(one.watermark);
    // Each commit says this of every partition.
    one.watermarks = later.watermarks;
    one.idle = later.idle;
    one.finished = later.finished;
    let room = MOST_LATE.saturating_sub(one.late.len());
    one.late.extend(later.late.into_iter().take(room));
}

/// Keeps the last change of each row, and of each ranking no more than twice `rows`: the newest windows, and the newest of
/// all whole.
fn last_of_each(told: &mut Told, rows: usize) {
    let mut last = HashMap::new();
    for (i, change) in told.changes.iter().enumerate() {
        let at = (change.ranking, change.bounds(), change.key.clone());
        last.insert(at, i);
    }
    let mut windows: BTreeMap<usize, BTreeMap<Bounds, usize>> = BTreeMap::new();
    for (ranking, window, _) in last.keys() {
        let of_ranking = windows.entry(*ranking).or_default();
        *of_ranking.entry(*window).or_default() += 1;
    }
    for (ranking, mut windows) in windows {
        let mut all: usize = windows.values().sum();
        while all > 2 * rows
            && windows.len() > 1
            && let Some((window, gone)) = windows.pop_first()
        {
            all -= gone;
            told.forgets.insert(ranking, window.after());
        }
    }
    let forgets = &told.forgets;
    let mut i = 0;
    let changes = Arc::make_mut(&mut told.changes);
    changes.retain(|change| {
        let at = (change.ranking, change.bounds(), change.key.clone());
        let is_kept = forgets
            .get(&change.ranking)
            .is_none_or(|before| change.bounds() >= *before);
        i += 1;
        is_kept && last.get(&at) == Some(&(i - 1))
    });
    changes.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::board::{AsItWas, Board};
    use standings_engine::event_time::partition::Policy;
    use standings_model::change::Change;
    use standings_model::time::DAY;
    use standings_model::value::Value;

    fn told(number: u64, changes: Vec<Change>) -> Told {
        Told {
            number,
            at: number as i64,
            changes: Arc::new(changes),
            watermarks: vec![(0, Some(number as i64))],
            ..Told::default()
        }
    }

    fn window(day: i64) -> Bounds {
        Bounds {
            start: day * DAY,
            end: (day + 1) * DAY,
        }
    }

    fn upsert(day: i64, key: u64, rank: u64) -> Change {
        Change {
            ranking: 0,
            window_start: day * DAY,
            window_end: (day + 1) * DAY,
            key: Arc::from([Value::text(format!("city {key}"))]),
            rank: Some(rank),
            previous_rank: None,
            measures: Arc::from([const { Value::Integer(1) }; 4]),
            is_final: false,
        }
    }

    fn drain(backlog: &Backlog, mut each: impl FnMut(Told)) -> usize {
        backlog.close();
        let mut messages = 0;
        while let Some(message) = backlog.pop() {
            messages += 1;
            if let Message::Committed(told) = message {
                each(*told);
            }
        }
        messages
    }

    /// A board that stands still costs what its rows cost, however many commits there are; and then it shows the last.
    #[test]
    fn a_board_that_stands_still_is_bounded_and_comes_to_the_present() {
        let plan = standings_query::load_shipped().unwrap();
        let (slow, quick) = [(); 2]
            .map(|()| Board::new(&plan, &Policy::default(), 1_000))
            .into();
        let backlog = Backlog::new(1_000);
        for n in 1..=200_000 {
            let told = told(n, vec![upsert(0, n % 20, n % 10 + 1)]);
            quick.apply(&plan, told.clone());
            backlog.push(Message::Committed(Box::new(told)));
        }
        let held: usize = {
            let waiting = backlog.waiting();
            let changes = |m: &Message| match m {
                Message::Committed(told) => told.changes.capacity(),
                Message::GoesOn(_) => 0,
            };
            waiting.messages.iter().map(changes).sum()
        };
        assert!(held < 10 * MOST_COMMITS, "{held} changes wait");
        let messages = drain(&backlog, |told| slow.apply(&plan, told));
        assert_eq!(messages, MOST_COMMITS);
        let rows = |board: &Board| board.view(|v| v.rows(0, window(0), 100).unwrap().1);
        let ranks = |board: &Board| -> Vec<_> {
            let rows = rows(board);
            rows.into_iter().map(|r| (r.key, r.rank)).collect()
        };
        assert_eq!(ranks(&slow), ranks(&quick));
        // Nobody can go back, or on, to within what was skipped.
        slow.view(|view| {
            assert_eq!(view.as_of().commit, 200_000);
            assert!(view.after(150_000, 1).is_none());
            assert_eq!(
                view.rows_at(&plan, (0, window(0)), 150_000, 1),
                AsItWas::TooOld(200_000)
            );
        });
    }

    #[test]
    fn the_oldest_windows_go_first() {
        let plan = standings_query::load_shipped().unwrap();
        let board = Board::new(&plan, &Policy::default(), 50);
        let backlog = Backlog::new(50);
        for n in 1..=20_000 {
            let day = (n / 10) as i64;
            let told = told(n, vec![upsert(day, n % 10, n % 10 + 1)]);
            backlog.push(Message::Committed(Box::new(told)));
        }
        let mut most = 0;
        drain(&backlog, |told| {
            most = most.max(told.changes.len());
            board.apply(&plan, told);
        });
        assert!(most < 4 * MOST_COMMITS, "{most} changes in one");
        board.view(|view| {
            let windows = view.windows(0);
            assert_eq!(windows[0].bounds, window(2_000));
            assert_eq!(windows[1].rows, 10);
        });
    }

    #[test]
    fn late_sales_are_bounded_in_bytes() {
        let backlog = Backlog::new(1_000);
        for n in 1..=500 {
            let late = crate::board::LateSale {
                table: 0,
                partition: 0,
                offset: n,
                event_time: 0,
                missed: Vec::new(),
                bytes: vec![b'x'; 1 << 20],
            };
            let told = Told {
                late: vec![late],
                ..told(n, Vec::new())
            };
            backlog.push(Message::Committed(Box::new(told)));
        }
        let mut bytes = 0;
        drain(&backlog, |told| {
            bytes += told.late.iter().map(|l| l.bytes.len()).sum::<usize>();
        });
        assert!(bytes <= MOST_BYTES + (MOST_LATE << 20), "{bytes}");
    }
}
