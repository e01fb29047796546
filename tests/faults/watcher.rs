//! Somebody who looks at the database all the time, and holds every commit to the reference.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::postgres::{Snapshot, Watching};
use crate::support::{HOUR, Rows, reference};

/// The input so far.
pub type Parts = Arc<Mutex<Vec<Vec<String>>>>;

/// Looks at the database every now and then, far more often than 20 times a second.
pub struct Watcher {
    pub seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
pub struct Seen {
    pub commit: u64,
    generation: i64,
    changed: Option<Instant>,
    pub prefixes: BTreeMap<u64, BTreeMap<usize, u64>>,
    pub checked: u64,
    failure: Option<String>,
    /// Nobody looks.
    away: bool,
    pub may_lack: Option<String>,
}

impl Watcher {
    pub fn start(postgres: String, parts: Parts) -> Self {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut watching: Option<Watching> = None;
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(15));
                if watching.is_none() {
                    watching = Watching::at(&postgres);
                }
                let Some(open) = &watching else { continue };
                let last = match &*shared.lock().unwrap() {
                    seen if seen.away => continue,
                    seen => seen.commit,
                };
                match open.after(last) {
                    Ok(Some(found)) => {
                        let now = Instant::now();
                        let known = parts.lock().unwrap().clone();
                        let mut seen = shared.lock().unwrap();
                        if seen.away {
                            continue;
                        }
                        seen.changed = Some(now);
                        if let Err(problem) = seen.take(found, &known) {
                            seen.failure.get_or_insert(problem);
                        }
                    }
                    Ok(None) => {}
                    Err(_) => watching = None,
                }
            }
        });
        Watcher {
            seen,
            stop,
            thread: Some(thread),
        }
    }

    pub fn last_change(&self) -> Option<Instant> {
        self.seen.lock().unwrap().changed
    }

    pub fn look_away(&self) {
        self.seen.lock().unwrap().away = true;
    }

    pub fn look_again(&self) {
        let mut seen = self.seen.lock().unwrap();
        seen.prefixes.clear();
        (seen.generation, seen.away) = (0, false);
    }

    /// Fails with what was found wrong.
    pub fn check(&self) {
        let failure = self.seen.lock().unwrap().failure.clone();
        assert!(failure.is_none(), "{}", failure.unwrap_or_default());
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Seen {
    /// Takes out what may be missing and is.
    fn spare(&self, want: &mut Rows, found: &Rows) {
        let Some(city) = &self.may_lack else { return };
        want.retain(|at, _| {
            let (ranking, _, keys) = at;
            let may = ranking == "top_sales_per_city" && keys[0] == *city;
            !may || found.contains_key(at)
        });
    }

    /// I2 and I4 of one commit.
    fn take(&mut self, found: Snapshot, parts: &[Vec<String>]) -> Result<(), String> {
        let n = found.commit;
        if found.generation < self.generation {
            return Err(format!("I4: the generation went back at commit {n}"));
        }
        if let Some((last, before)) = self.prefixes.last_key_value() {
            for (p, offset) in before {
                if found.offsets.get(p).copied().unwrap_or(0) < *offset {
                    return Err(format!(
                        "I4: commit {n} goes back behind commit {last} in partition {p}"
                    ));
                }
            }
        }
        let prefix: Vec<Vec<String>> = parts
            .iter()
            .enumerate()
            .map(|(p, lines)| {
                lines[..found.offsets.get(&p).copied().unwrap_or(0) as usize].to_vec()
            })
            .collect();
        let mut want = reference(&prefix, 60_000, HOUR).rows;
        self.spare(&mut want, &found.rows);
        if found.rows != want {
            let wrong = want
                .iter()
                .find(|(at, row)| found.rows.get(*at) != Some(row));
            let more = found.rows.keys().find(|at| !want.contains_key(*at));
            return Err(format!(
                "I2: commit {n}, the cut {:?}: wanted {wrong:?}, and should not be there: {more:?}",
                found.offsets
            ));
        }
        self.commit = n;
        self.generation = found.generation;
        self.prefixes.insert(n, found.offsets);
        self.checked += 1;
        Ok(())
    }
}
