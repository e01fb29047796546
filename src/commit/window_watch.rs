//! Tells what the checks' windows came to, once the commit that says so is durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::committer::Observer;
use standings_model::change::Commit;
use standings_model::plan::Plan;
use standings_observe::live::Live;

/// Counts windows that passed or failed; one that fails may end the run, as a signal would.
pub struct WindowWatch {
    live: Arc<Live>,
    stop: Arc<AtomicBool>,
}

impl WindowWatch {
    /// Tells `live`; `stop` is set when a window ends the run. `None` where no check has windows.
    pub fn new(plan: &Plan, live: &Arc<Live>, stop: &Arc<AtomicBool>) -> Option<Self> {
        let windowed: Vec<_> = plan
            .checks
            .iter()
            .filter(|c| c.window().is_some())
            .collect();
        windowed.iter().for_each(|check| live.has_windows(check));
        (!windowed.is_empty()).then(|| WindowWatch {
            live: Arc::clone(live),
            stop: Arc::clone(stop),
        })
    }
}

impl Observer for WindowWatch {
    fn opened(&mut self) {}

    fn committed(&mut self, plan: &Plan, commit: &Commit) {
        for judged in &commit.judgements {
            let Some(check) = plan.checks.get(judged.check) else {
                continue;
            };
            if self.live.window_judged(check, judged) {
                self.stop.store(true, Ordering::Relaxed);
            }
        }
    }
}
