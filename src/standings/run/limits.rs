//! What a process may take: memory, keys, windows.
//!
//! How much state there is depends on the keys that come, and what is ranked may not depend on how much memory there is, nor
//! on workers and pace: so nothing is dropped. A process beyond a limit says so and ends (exit code 1) without the epoch
//! that was too much; what was committed stays, and the same input comes to the same end again.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use standings_engine::rank::totals::{Held, Overdrawn, TooWide, Totals};
use standings_model::error::{Code, Coded, codes};
use standings_model::plan::Plan;
use standings_model::printable::printable;
use standings_model::value::Value;
use standings_observe::live::{Limit, Live};
use standings_observe::memory::{MemoryLimit, parse_memory, resident};
use standings_process::exit::{self, Failure, NoThread};

/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(250);

/// `--max-…` of a process.
#[derive(Args, Clone, Copy, Debug)]
pub struct LimitArgs {
    /// Memory that this process may hold, in bytes or as a share of what it may take (its control group's limit, and not more
    /// than what is free of the machine's memory when it starts); beyond it the process ends with a message (exit code 1) instead of being killed by the machine.
    /// 0 for no limit.
    #[arg(
        long,
        env = "STANDINGS_MAX_MEMORY_BYTES",
        value_name = "BYTES|SHARE%",
        default_value = "90%",
        value_parser = parse_memory
    )]
    pub max_memory_bytes: MemoryLimit,
    /// Keys that this process may hold, counted in each window and ranking; beyond it the process ends with a message
    /// (exit code 1). 0 for no limit.
    #[arg(
        long,
        env = "STANDINGS_MAX_KEYS",
        value_name = "N",
        default_value_t = 0
    )]
    pub max_keys: u64,
    /// Windows of one ranking that may be open at once, as one worker holds them; beyond it the process ends with a message
    /// (exit code 1). 0 for no limit.
    #[arg(
        long,
        env = "STANDINGS_MAX_WINDOWS",
        value_name = "N",
        default_value_t = 0
    )]
    pub max_windows: u64,
}

/// The limits in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory; 0 for no limit.
    pub memory_bytes: u64,
    /// Keys of the process; 0 for no limit.
    pub keys: u64,
    /// Windows of one ranking on one worker; 0 for no limit.
    pub windows: u64,
}

impl LimitArgs {
    /// As they are on this machine.
    pub fn in_force(&self) -> Limits {
        Limits {
            memory_bytes: self.max_memory_bytes.bytes(),
            keys: self.max_keys,
            windows: self.max_windows,
        }
    }
}

impl Limits {
    /// Says once what is in force, to the log and to the metrics.
    pub fn tell(&self, live: &Live) {
        tracing::info!(
            event = "limits",
            memory_bytes = self.memory_bytes,
            keys = self.keys,
            windows = self.windows,
            "what this process may hold; 0 is no limit"
        );
        live.set_limit(Limit::Keys, self.keys);
        live.set_limit(Limit::Windows, self.windows);
        live.set_limit(Limit::MemoryBytes, self.memory_bytes);
    }

    /// Ends the process when it holds more memory than it may.
    pub fn watch_memory(self) -> Result<(), Failure> {
        let most = self.memory_bytes;
        if most == 0 {
            return Ok(());
        }
        let watch = move || {
            loop {
                if let Some(held) = resident().filter(|held| *held > most) {
                    exit::now(&LimitError::Memory { held, most }.into());
                }
                std::thread::sleep(LOOK);
            }
        };
        let thread = std::thread::Builder::new().name("memory".to_owned());
        Ok(thread.spawn(watch).map(drop).map_err(NoThread)?)
    }

    /// What a worker calls with its totals after each epoch: ends the process when they are too much.
    pub fn watch_totals(self, plan: Arc<Plan>, live: Arc<Live>, worker: usize) -> impl Fn(&Totals) {
        let looked = std::cell::RefCell::new(Held::default());
        let plan = plan.whole();
        move |totals: &Totals| {
            let mut held = looked.borrow_mut();
            totals.held(&mut held);
            live.set_keys(worker, held.keys());
            live.set_windows(worker, held.most_windows().1);
            for (number, ranking) in plan.rankings.iter().enumerate() {
                let errors = totals.take_value_errors(number);
                if errors > 0 {
                    live.count_value_errors(&ranking.name, errors);
                }
            }
            for (number, keys) in totals.take_expired() {
                live.count_expired(&plan.rankings[number].name, keys);
            }
            if let Some(wide) = totals.too_wide() {
                exit::now(&LimitError::digits(&plan, wide).into());
            }
            if let Some(of) = totals.overdrawn() {
                exit::now(&LimitError::overdrawn(&plan, of).into());
            }
            if let Err(error) = self.allow(&held, live.keys(), &plan) {
                exit::now(&error.into());
            }
        }
    }

    /// Whether a worker may hold so much, in a process with so many keys.
    fn allow(&self, held: &Held, keys: u64, plan: &Plan) -> Result<(), LimitError> {
        let name = |ranking: usize| plan.rankings[ranking].name.clone();
        let (ranking, windows) = held.most_windows();
        if self.windows > 0 && windows as u64 > self.windows {
            return Err(LimitError::Windows {
                ranking: name(ranking),
                windows,
                most: self.windows,
            });
        }
        if self.keys > 0 && keys > self.keys {
            let (ranking, of_it) = held.most_keys();
            return Err(LimitError::Keys {
                keys,
                most: self.keys,
                ranking: name(ranking),
                of_it,
                windows: held.windows(ranking),
            });
        }
        Ok(())
    }
}

/// More than a process may hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Windows of one ranking.
    #[error(
        "`{ranking}` has {windows} open windows, more than --max-windows ({most}): are there event times far apart? If they \
         are right, use a larger window or step, a shorter --retain and --allowed-lateness, or raise \
         --max-windows (0 for no limit)"
    )]
    Windows {
        /// Which.
        ranking: String,
        /// As many as it has.
        windows: usize,
        /// As many as it may have.
        most: u64,
    },
    /// Keys of all rankings.
    #[error(
        "this process holds {keys} keys, more than --max-keys ({most}); most are of `{ranking}` ({of_it} on this worker, in \
         {windows} windows): does it group by something without bound, such as an id? If not, use more processes (-n), \
         shorter windows, --retain and --allowed-lateness, or raise --max-keys (0 for no limit)"
    )]
    Keys {
        /// As many as there are.
        keys: u64,
        /// As many as there may be.
        most: u64,
        /// The ranking with most of them.
        ranking: String,
        /// As many as it has on this worker.
        of_it: usize,
        /// In so many windows.
        windows: usize,
    },
    /// A sum.
    #[error(
        "a sum or an average of `{ranking}` needs more than the 38 digits of a decimal, for the key ({key}): rather than \
         another number nothing is written; declare the column with fewer digits, or divide it in the query"
    )]
    Digits {
        /// Which.
        ranking: String,
        /// Of which row, shortened.
        key: String,
    },
    /// More rows were taken back than came.
    #[error(
        "a group of `{ranking}` has fewer rows than none, for the key ({key}): more was taken back than came, which no input \
         does, so nothing more is written; this is a mistake of standings: please report it"
    )]
    Overdrawn {
        /// Which.
        ranking: String,
        /// Of which row, shortened.
        key: String,
    },
    /// Memory.
    #[error(
        "this process holds {} MiB of memory, more than --max-memory-bytes ({} MiB): more keys and open windows than it can \
         keep; give it more memory, more processes (-n), or shorter windows, --retain and --allowed-lateness",
        .held >> 20, .most >> 20
    )]
    Memory {
        /// Bytes that it holds.
        held: u64,
        /// Bytes that it may hold.
        most: u64,
    },
}

impl LimitError {
    fn digits(plan: &Plan, wide: &TooWide) -> Self {
        let (ranking, key) = named(plan, wide.ranking, &wide.key);
        LimitError::Digits { ranking, key }
    }

    fn overdrawn(plan: &Plan, of: &Overdrawn) -> Self {
        let (ranking, key) = named(plan, of.ranking, &of.key);
        LimitError::Overdrawn { ranking, key }
    }
}

/// A ranking's name, and a group's key, shortened.
fn named(plan: &Plan, ranking: usize, key: &[Value]) -> (String, String) {
    let ranking = &plan.rankings[ranking];
    let parts = ranking.keys.iter().zip(key);
    let parts = parts.map(|(key, value)| format!("{} {value}", key.name));
    let key = parts.collect::<Vec<_>>().join(", ");
    let key: String = key.chars().take(200).collect();
    (ranking.name.clone(), printable(&key).to_string())
}

impl Coded for LimitError {
    fn code(&self) -> &'static Code {
        match self {
            LimitError::Windows { .. } => &codes::limits::WINDOWS,
            LimitError::Keys { .. } => &codes::limits::KEYS,
            LimitError::Memory { .. } => &codes::limits::MEMORY,
            LimitError::Digits { .. } => &codes::limits::DIGITS,
            LimitError::Overdrawn { .. } => &codes::process::DEFECT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_mib() {
        let (held, most) = (300 << 20, 200 << 20);
        let error = LimitError::Memory { held, most };
        assert_eq!(error.code().id, "S1003");
        assert!(
            error
                .to_string()
                .contains("holds 300 MiB of memory, more than --max-memory-bytes (200 MiB)")
        );
    }

    #[test]
    fn a_share_is_of_what_the_process_may_take() {
        assert_eq!(parse_memory("0").unwrap().bytes(), 0);
        assert_eq!(parse_memory("4096").unwrap(), MemoryLimit::Bytes(4096));
        let whole = parse_memory("100%").unwrap().bytes();
        let most = parse_memory("90 %").unwrap().bytes();
        assert!(
            0 < most && most < whole && whole <= standings_observe::memory::may_take().unwrap()
        );
        for wrong in ["", "%", "0%", "101%", "-1", "1GiB", "1.5%"] {
            assert!(parse_memory(wrong).is_err(), "{wrong}");
        }
    }
}
