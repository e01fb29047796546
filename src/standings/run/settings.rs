//! What the engine is told of a command line.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::args::RunArgs;
use standings_edge::source::SourceOptions;
use standings_engine::driver::{self, Snapshots};
use standings_engine::event_time::partition::Policy;
use standings_engine::fold;
use standings_model::clock::Clock;
use standings_model::plan::Plan;

fn ms(d: Duration) -> i64 {
    // Durations are at most 400000 days, which fits.
    d.as_millis() as i64
}

/// How event time is judged, but for how far out of order a table may be.
pub(super) fn policy(args: &RunArgs) -> Policy {
    Policy {
        allowed_lateness: ms(args.allowed_lateness),
        max_ahead: ms(args.max_ahead),
        retain: ms(args.retain),
        ..Policy::default()
    }
}

/// What every worker is given.
pub(super) fn driver_settings(
    args: &RunArgs,
    plan: &Arc<Plan>,
    (source, policies): (&SourceOptions, &[Policy]),
    stop: Arc<AtomicBool>,
    snapshots: Option<Snapshots>,
) -> driver::Settings {
    driver::Settings {
        fold: fold::Settings {
            plan: Arc::clone(plan),
            policies: policies.to_vec(),
            summary_window: Some(ms(args.summary_window)).filter(|size| *size > 0),
            max_record_bytes: args.max_record_bytes,
        },
        idle_timeout: args.idle_timeout,
        until_end: source.until_end,
        ends_are_final: source.is_files(),
        in_flight_bytes: args.in_flight_bytes,
        epoch_bytes: args.epoch_bytes,
        stop,
        snapshots,
        live: Arc::clone(&source.live),
        clock: Clock::default(),
    }
}
