//! One side of `bench/run`, and its twin with another binary.

use std::path::Path;
use std::rc::Rc;

use clap::ValueEnum;

use super::check::Check;
use crate::harness::measure::{Invocation, Took};
use crate::harness::place;
use crate::problem::Problem;

/// What belongs together, for `--only`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// Hand-written loops.
    Bounds,
    /// Standings from files, into nothing.
    Standings,
    /// Standings with epochs of a fixed size.
    Epochs,
    /// Standings into sinks.
    Sinks,
    /// From Kafka.
    Kafka,
    /// Other engines.
    Peers,
}

/// Makes what a round needs, and says how to run it.
type Fresh = Rc<dyn Fn(usize) -> Result<Invocation, Problem>>;
/// Takes away what a round needed.
type After = Rc<dyn Fn(usize) -> Result<(), Problem>>;

#[derive(Clone)]
enum Recipe {
    Same(Invocation),
    /// The round's number; who is another's twin counts from `.1`.
    Fresh(Fresh, usize, After),
}

/// A side, and what it has taken so far.
pub struct Side {
    /// Its group.
    pub group: Group,
    /// Its name in the table.
    pub name: String,
    recipe: Recipe,
    /// How its results are looked at before it counts.
    pub check: Option<Check>,
    /// Instead of the binary in the recipe.
    binary: Option<std::path::PathBuf>,
    /// Each round.
    pub took: Vec<Took>,
    /// Rows written.
    pub rows: Option<u64>,
    /// Of these, with another rank than before or made final.
    pub moved: Option<u64>,
}

/// After the name of a side: run by the other binary.
pub const OTHER: &str = " (other)";

impl Side {
    /// Run the same way each time.
    pub fn new(group: Group, name: &str, command: Invocation) -> Self {
        Side::of(group, name, Recipe::Same(command))
    }

    /// Run another way each time: what it needs is made anew, outside the clock.
    pub fn fresh(
        group: Group,
        name: &str,
        fresh: impl Fn(usize) -> Result<Invocation, Problem> + 'static,
    ) -> Self {
        Side::of(
            group,
            name,
            Recipe::Fresh(Rc::new(fresh), 0, Rc::new(|_| Ok(()))),
        )
    }

    fn of(group: Group, name: &str, recipe: Recipe) -> Self {
        Side {
            group,
            name: name.to_owned(),
            recipe,
            check: None,
            binary: None,
            took: Vec::new(),
            rows: None,
            moved: None,
        }
    }

    /// With its results looked at.
    pub fn checked(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// With what it needed taken away after each round.
    pub fn after(mut self, after: impl Fn(usize) -> Result<(), Problem> + 'static) -> Self {
        if let Recipe::Fresh(_, _, place) = &mut self.recipe {
            *place = Rc::new(after);
        }
        self
    }

    /// How to run it in a round.
    pub fn command(&self, round: usize) -> Result<Invocation, Problem> {
        let command = match &self.recipe {
            Recipe::Same(command) => command.clone(),
            Recipe::Fresh(fresh, from, _) => fresh(from + round)?,
        };
        Ok(match &self.binary {
            Some(other) => command.by(other),
            None => command,
        })
    }

    /// A round is over.
    pub fn done(&self, round: usize) -> Result<(), Problem> {
        match &self.recipe {
            Recipe::Same(_) => Ok(()),
            Recipe::Fresh(_, from, after) => after(from + round),
        }
    }

    /// The same with another binary, where it is Standings; what is made anew for each round has another number.
    pub fn twin(&self, binary: &Path) -> Option<Side> {
        let recipe = match &self.recipe {
            Recipe::Same(command) if command.program == place::standings() => self.recipe.clone(),
            Recipe::Fresh(fresh, _, after) if self.is_standings() => {
                Recipe::Fresh(Rc::clone(fresh), 1000, Rc::clone(after))
            }
            _ => return None,
        };
        let mut twin = Side::of(self.group, &format!("{}{OTHER}", self.name), recipe);
        twin.binary = Some(binary.to_owned());
        Some(twin)
    }

    fn is_standings(&self) -> bool {
        matches!(
            self.group,
            Group::Standings | Group::Epochs | Group::Sinks | Group::Kafka
        ) && !self.name.starts_with("a consumer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twin_is_the_same_with_another_binary_and_other_numbers() {
        let own = place::standings();
        let fresh = move |n: usize| Ok(Invocation::new(&own).args([format!("topic-{n}")]));
        let side = Side::fresh(Group::Sinks, "sink: Kafka", fresh);
        let twin = side.twin(Path::new("/other")).unwrap();
        assert_eq!(twin.name, "sink: Kafka (other)");
        assert_eq!(side.command(2).unwrap().args, ["topic-2"]);
        let command = twin.command(2).unwrap();
        assert_eq!(command.to_string(), "/other topic-1002");
        let bound = Side::new(Group::Bounds, "loop", Invocation::new("/loop"));
        assert!(bound.twin(Path::new("/other")).is_none());
    }
}
