//! Two openings of the same topics, one of which comes back after the other has opened them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::*;

/// The topics as they are committed.
#[derive(Default)]
struct Topics {
    epochs: [u64; IDS],
    progress: Vec<Progress>,
    /// Whose next commit is not let in.
    refuses: Option<&'static str>,
}

/// What happens while somebody waits to be let in again.
type Meanwhile = Box<dyn FnOnce() + Send>;

/// The producers of one opening.
struct Producers {
    name: &'static str,
    topics: Arc<Mutex<Topics>>,
    epochs: RefCell<[u64; IDS]>,
    open: RefCell<Option<Progress>>,
    meanwhile: Option<Meanwhile>,
}

impl Producers {
    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, id: usize) -> Result<MutexGuard<'_, Topics>, Trouble> {
        let topics = self.topics();
        match topics.epochs[id] == self.epochs.borrow()[id] {
            true => Ok(topics),
            false => Err(Trouble::Fenced("a newer producer has it".to_owned())),
        }
    }
}

impl Transactions for Producers {
    fn name(&self) -> &str {
        "log"
    }

    fn owner(&self) -> &str {
        self.name
    }

    fn connect(&mut self) -> Result<(), Trouble> {
        Ok(())
    }

    fn renew(&mut self) {
        *self.epochs.borrow_mut() = [0; IDS];
        if let Some(meanwhile) = self.meanwhile.take() {
            meanwhile();
        }
    }

    fn identity(&self) -> Result<LogIdentity, Trouble> {
        Ok(LogIdentity::default())
    }

    fn transaction_timeout(&self) -> Duration {
        Duration::MAX
    }

    fn take_over(&self, id: usize) -> Result<(), Trouble> {
        let mut topics = self.topics();
        topics.epochs[id] += 1;
        self.epochs.borrow_mut()[id] = topics.epochs[id];
        Ok(())
    }

    fn progress(&self) -> Result<Option<Progress>, Trouble> {
        Ok(self.topics().progress.last().cloned())
    }

    fn rows(&self, _: &Plan) -> Result<Vec<ShownRow>, Trouble> {
        Ok(Vec::new())
    }

    fn begin(&self, id: usize) -> Result<(), Trouble> {
        self.of(id).map(drop)
    }

    fn send(&self, id: usize, record: &Record<'_>) -> Result<(), Trouble> {
        let _topics = self.of(id)?;
        if record.is_progress {
            let value = record.value.unwrap();
            *self.open.borrow_mut() = Some(serde_json::from_slice(value).unwrap());
        }
        Ok(())
    }

    fn acknowledged(&self, id: usize) -> Result<(), Trouble> {
        self.of(id).map(drop)
    }

    fn commit(&self, id: usize) -> Result<(), Trouble> {
        let mut topics = self.of(id)?;
        if topics.refuses.take_if(|whose| *whose == self.name).is_some() {
            return Err(Trouble::Login("not let in (28P01)".to_owned()));
        }
        topics.progress.extend(self.open.take());
        Ok(())
    }

    fn abort(&self, id: usize) -> Result<(), Trouble> {
        self.open.take();
        self.of(id).map(drop)
    }
}

type Topic = Arc<Mutex<Topics>>;

fn sink(name: &'static str, topics: &Topic) -> TransactionalSink<Producers> {
    let producers = Producers {
        name,
        topics: Arc::clone(topics),
        epochs: RefCell::default(),
        open: RefCell::default(),
        meanwhile: None,
    };
    TransactionalSink::over(producers, false, Arc::default(), Clock::by_hand())
}

fn plan() -> Plan {
    standings_query::load_shipped().unwrap()
}

fn opened(name: &'static str, topics: &Topic) -> TransactionalSink<Producers> {
    let mut sink = sink(name, topics);
    sink.open(&plan(), &Opening::default()).unwrap();
    sink
}

fn commit(number: u64) -> Commit {
    Commit {
        number,
        offsets: BTreeMap::from([(0, number * 10)]),
        ..Commit::default()
    }
}

/// What was committed: number, generation, whose.
fn told(topics: &Topic) -> Vec<(u64, u64, String)> {
    let topics = topics.lock().unwrap();
    let all = topics.progress.iter();
    all.map(|p| (p.commit, p.generation, p.owner.clone().unwrap()))
        .collect()
}

fn record(commit: u64, generation: u64, owner: &str) -> (u64, u64, String) {
    (commit, generation, owner.to_owned())
}

#[test]
fn an_opening_says_again_what_it_found() {
    let topics = Topic::default();
    let mut first = opened("first", &topics);
    first.confirm(&plan()).unwrap();
    first.write(&plan(), &commit(1)).unwrap();
    let mut second = opened("second", &topics);
    second.confirm(&plan()).unwrap();
    let want = [record(0, 1, "first"), record(1, 1, "first"), record(1, 2, "second")];
    assert_eq!(told(&topics), want);
    let topics_now = topics.lock().unwrap();
    assert_eq!(topics_now.progress[2].offsets, commit(1).offsets);
    drop(topics_now);
    assert!(first.write(&plan(), &commit(2)).is_err());
    second.write(&plan(), &commit(2)).unwrap();
}

#[test]
fn a_mark_of_nothing_is_no_commit() {
    let topics = Topic::default();
    opened("first", &topics).confirm(&plan()).unwrap();
    let shown = sink("second", &topics).open(&plan(), &Opening::default());
    let shown = shown.unwrap();
    assert_eq!((shown.commit, shown.offsets, shown.known), (0, None, None));
}

/// Whoever is not let in within a commit, and comes back when another has opened the topics, has nothing to write there any more,
/// though that one has committed nothing yet.
#[test]
fn who_was_taken_over_while_it_was_not_let_in_ends() {
    let topics = Topic::default();
    let mut first = opened("first", &topics);
    first.confirm(&plan()).unwrap();
    first.write(&plan(), &commit(1)).unwrap();
    topics.lock().unwrap().refuses = Some("first");
    let theirs = Arc::clone(&topics);
    first.log.meanwhile = Some(Box::new(move || {
        opened("second", &theirs).confirm(&plan()).unwrap();
    }));
    let ended = first.write(&plan(), &commit(2)).unwrap_err().to_string();
    assert!(ended.contains("taken over"), "{ended}");
    assert_eq!(told(&topics).last(), Some(&record(1, 2, "second")));
    // And the ids are still the second's.
    assert_eq!(topics.lock().unwrap().epochs, [2, 2]);
}

/// The same where nobody has marked anything yet: both have the generation 1, and only one mark can be there.
#[test]
fn of_two_that_open_at_once_one_leaves_its_mark() {
    let topics = Topic::default();
    let mut first = opened("first", &topics);
    first.back.was_in = true;
    topics.lock().unwrap().refuses = Some("first");
    let theirs = Arc::clone(&topics);
    first.log.meanwhile = Some(Box::new(move || {
        opened("second", &theirs).confirm(&plan()).unwrap();
    }));
    let ended = first.confirm(&plan()).unwrap_err().to_string();
    assert!(ended.contains("taken over"), "{ended}");
    assert_eq!(told(&topics), [record(0, 1, "second")]);
}

/// A commit whose answer was a refusal is made anew by who has the topics still.
#[test]
fn who_was_not_taken_over_goes_on() {
    let topics = Topic::default();
    let mut first = opened("first", &topics);
    for refused in [false, true] {
        topics.lock().unwrap().refuses = refused.then_some("first");
        first.confirm(&plan()).unwrap();
        topics.lock().unwrap().refuses = Some("first");
        let number = told(&topics).last().unwrap().0 + 1;
        first.write(&plan(), &commit(number)).unwrap();
        assert_eq!(told(&topics).last(), Some(&record(number, 1, "first")));
    }
}
