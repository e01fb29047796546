//! In which order a cluster opens its two sinks and writes to them.
//!
//! A run does both side by side, so that any order may come about; the engine of the simulator does one after the other,
//! always in the order of its sinks. So the order of the sinks is rolled, and whether the second is opened before the
//! first: two clusters that open at once may then get one sink each and each write to its own first.

use std::sync::{Arc, Mutex};

use standings_commit::refused::Letters;
use standings_commit::sink::{Shown, Sink, SinkError};
use standings_model::change::Commit;
use standings_model::identity::Opening;
use standings_model::plan::Plan;

use crate::world::Shared;

/// The sinks of a cluster, in rolled order.
pub fn rolled(world: &Shared, sinks: [Box<dyn Sink>; 2]) -> Vec<Box<dyn Sink>> {
    let roll = world.lock().dice.roll(4);
    let [mut first, mut second] = sinks;
    if roll & 1 == 1 {
        std::mem::swap(&mut first, &mut second);
    }
    if roll & 2 == 0 {
        return vec![first, second];
    }
    let second = Arc::new(Mutex::new(OpenedBefore {
        name: second.name().to_owned(),
        sink: second,
        shown: None,
    }));
    let first = OpensOther {
        sink: first,
        other: Arc::clone(&second),
        opened: false,
    };
    let name = second.lock().expect("one thread").name.clone();
    vec![Box::new(first), Box::new(Opened { name, of: second })]
}

struct OpenedBefore {
    name: String,
    sink: Box<dyn Sink>,
    /// What opening returned, until it is asked for.
    shown: Option<Shown>,
}

/// The first sink: opening it opens the other before.
struct OpensOther {
    sink: Box<dyn Sink>,
    other: Arc<Mutex<OpenedBefore>>,
    opened: bool,
}

impl Sink for OpensOther {
    fn name(&self) -> &str {
        self.sink.name()
    }

    fn letters(&mut self, letters: Letters) {
        self.sink.letters(letters);
    }

    fn look(&mut self, plan: &Plan, opening: &Opening) -> Result<(), SinkError> {
        self.sink.look(plan, opening)
    }

    fn open(&mut self, plan: &Plan, opening: &Opening) -> Result<Shown, SinkError> {
        // The first time: one that fell behind is opened anew by itself.
        if !std::mem::replace(&mut self.opened, true) {
            let mut other = self.other.lock().expect("one thread");
            let shown = other.sink.open(plan, opening)?;
            other.shown = Some(shown);
        }
        self.sink.open(plan, opening)
    }

    fn confirm(&mut self, plan: &Plan) -> Result<(), SinkError> {
        self.sink.confirm(plan)
    }

    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError> {
        self.sink.write(plan, commit)
    }
}

/// The second sink, which the first has opened.
struct Opened {
    name: String,
    of: Arc<Mutex<OpenedBefore>>,
}

impl Sink for Opened {
    fn name(&self) -> &str {
        &self.name
    }

    fn letters(&mut self, letters: Letters) {
        self.of.lock().expect("one thread").sink.letters(letters);
    }

    fn look(&mut self, plan: &Plan, opening: &Opening) -> Result<(), SinkError> {
        self.of.lock().expect("one thread").sink.look(plan, opening)
    }

    fn open(&mut self, plan: &Plan, opening: &Opening) -> Result<Shown, SinkError> {
        let mut this = self.of.lock().expect("one thread");
        match this.shown.take() {
            Some(shown) => Ok(shown),
            None => this.sink.open(plan, opening),
        }
    }

    fn confirm(&mut self, plan: &Plan) -> Result<(), SinkError> {
        self.of.lock().expect("one thread").sink.confirm(plan)
    }

    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError> {
        self.of.lock().expect("one thread").sink.write(plan, commit)
    }
}
