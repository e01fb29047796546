//! Who may be connected at the same time.
//!
//! ```text
//! accepted ──► a place is free, and this address has not its share yet ──► served
//!          └─► else ──► the lobby: one request; a probe is answered, all else told that it is too many
//! ```
//!
//! 1. Nobody waits to be accepted: who finds no place is told so.
//! 2. One address (of IPv6 the network of 64 bits) has half of all places at most.
//! 3. The lobby cannot be held: who is in it has two seconds, and when it is full whoever came first has to go. So a
//!    supervisor's question is answered whatever others do.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::security::Client;

/// Connections at the same time, where the process may have as many files open.
const MOST: usize = 4_096;
/// Those in the lobby.
const LOBBY: usize = 64;
/// How long one may stay there.
pub(super) const LOBBY_TIME: Duration = Duration::from_secs(2);
/// How often it is said that there are too many.
const REMIND: Duration = Duration::from_secs(60);

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<Client, usize>,
    lobby: VecDeque<Arc<Notify>>,
    reminded: Option<Instant>,
}

/// What one who was accepted has; given back when dropped.
#[derive(Debug)]
pub(super) enum Admission {
    Place(#[allow(dead_code, reason = "held")] Place),
    Lobby(Waiting),
}

/// A place.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    client: Client,
}

/// One in the lobby.
#[derive(Debug)]
pub(super) struct Waiting {
    places: Arc<Places>,
    leave: Arc<Notify>,
}

impl Places {
    /// As many as this process can have open files for; half of those are left to everything else.
    pub(super) fn new() -> Arc<Self> {
        Places::of(MOST.min(open_files(2 * MOST) / 2).max(LOBBY))
    }

    /// So many.
    pub(super) fn of(most: usize) -> Arc<Self> {
        Arc::new(Places {
            most,
            of_one: most / 2,
            taken: Mutex::default(),
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one who comes from here, or room in the lobby.
    pub(super) fn admit(self: &Arc<Self>, from: IpAddr) -> Admission {
        let client = Client::at(from);
        let mut taken = self.taken();
        let own = taken.by.get(&client).copied().unwrap_or(0);
        if taken.all < self.most && own < self.of_one {
            taken.all += 1;
            taken.by.insert(client.clone(), own + 1);
            let places = Arc::clone(self);
            return Admission::Place(Place { places, client });
        }
        if taken.reminded.is_none_or(|at| at.elapsed() >= REMIND) {
            taken.reminded = Some(Instant::now());
            tracing::warn!(event = "http_too_many", connections = taken.all, address = %from, of_it = own, "more connections than there are places; those who come now are told so");
        }
        let leave = Arc::new(Notify::new());
        if taken.lobby.len() >= LOBBY
            && let Some(first) = taken.lobby.pop_front()
        {
            first.notify_one();
        }
        taken.lobby.push_back(Arc::clone(&leave));
        let places = Arc::clone(self);
        Admission::Lobby(Waiting { places, leave })
    }
}

impl Waiting {
    /// When it has to go: its time is over, or the lobby is full.
    pub(super) async fn over(&self) {
        let _ = tokio::time::timeout(LOBBY_TIME, self.leave.notified()).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        if let Some(own) = taken.by.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                taken.by.remove(&self.client);
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.lobby.retain(|leave| !Arc::ptr_eq(leave, &self.leave));
    }
}

/// How many files this process may have open, after asking for so many: what is allowed at first is often fewer than
/// what may be asked for.
fn open_files(wanted: usize) -> usize {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both calls read and write only the struct that is given.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) != 0 {
            return wanted;
        }
        let wanted = wanted as libc::rlim_t;
        if limit.rlim_cur < wanted {
            let more = libc::rlimit {
                rlim_cur: wanted.min(limit.rlim_max),
                ..limit
            };
            if libc::setrlimit(libc::RLIMIT_NOFILE, &raw const more) == 0 {
                limit = more;
            }
        }
    }
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_has_half_and_gives_it_back() {
        let places = Places::of(10);
        let one: Vec<_> = (0..6).map(|_| places.admit(at("10.0.0.1"))).collect();
        let served = |all: &[Admission]| {
            let places = all.iter().filter(|a| matches!(a, Admission::Place(_)));
            places.count()
        };
        assert_eq!(served(&one), 5);
        let others: Vec<_> = (0..6)
            .map(|n| places.admit(at(&format!("10.0.1.{n}"))))
            .collect();
        assert_eq!(served(&others), 5, "all places are taken");
        drop(one);
        let again: Vec<_> = (0..6)
            .map(|_| places.admit(at("::ffff:10.0.0.1")))
            .collect();
        assert_eq!(served(&again), 5);
        drop((others, again));
        let taken = places.taken();
        assert!(taken.all == 0 && taken.by.is_empty() && taken.lobby.is_empty());
    }

    #[tokio::test]
    async fn a_full_lobby_lets_the_first_go() {
        let places = Places::of(0);
        let all: Vec<Waiting> = (0..=LOBBY)
            .map(|_| match places.admit(at("10.0.0.1")) {
                Admission::Lobby(waiting) => waiting,
                Admission::Place(_) => panic!("there is no place"),
            })
            .collect();
        assert_eq!(places.taken().lobby.len(), LOBBY);
        let started = Instant::now();
        all[0].over().await;
        assert!(
            started.elapsed() < LOBBY_TIME / 2,
            "the first has to go at once"
        );
        all[1].over().await;
        assert!(started.elapsed() >= LOBBY_TIME, "the second has its time");
    }
}
