//! The most memory that a side had, where the system's account of it does not say.
//!
//! Linux counts what the bench itself has had as the side's, before that runs its program. A side that had more is told right by the
//! account. One that had less is looked at while it runs, by a value that only grows: what it got in the last moment is not seen.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a side is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Looks at a process as long as this lives.
pub struct Resident {
    most: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Resident {
    /// Begins to look at a process.
    pub fn of(process: u32) -> Self {
        let (most, over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (seen, ends) = (Arc::clone(&most), Arc::clone(&over));
        let look = move || {
            while !ends.load(Ordering::Relaxed) {
                if let Some(bytes) = peak(&process.to_string()) {
                    seen.fetch_max(bytes, Ordering::Relaxed);
                }
                std::thread::sleep(LOOK);
            }
        };
        Resident {
            most,
            over,
            // Without one there is the system's account.
            thread: std::thread::Builder::new().spawn(look).ok(),
        }
    }

    /// The most bytes of a side that has ended, by the system's account of it, or as it was seen.
    pub fn most(mut self, account: u64) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It does not panic.
            let _ = thread.join();
        }
        let seen = self.most.load(Ordering::Relaxed);
        match peak("self") {
            Some(own) if account <= own && seen > 0 => seen.min(account),
            _ => account,
        }
    }
}

/// The most bytes that a process had resident since it runs its program.
fn peak(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::super::measure::{Invocation, run};
    use super::*;

    #[test]
    fn a_side_has_not_what_the_bench_had() {
        // Written to, or it would be nowhere.
        let held = std::hint::black_box(vec![1u8; 96 << 20]);
        let took = run(&Invocation::new("sleep").args(["0.3"])).unwrap();
        assert!(took.memory > 0 && took.memory < 48 << 20, "{}", took.memory);
        drop(held);
        // And still: what it was once counts.
        let took = run(&Invocation::new("sleep").args(["0.3"])).unwrap();
        assert!(took.memory > 0 && took.memory < 48 << 20, "{}", took.memory);
        assert!(peak("self").is_some_and(|own| own > 96 << 20));
    }
}
