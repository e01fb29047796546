//! From who answers for positions to worker 0: the windows that are to be told of.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use standings_model::placed::Watch;

/// Wakes worker 0.
type Ring = Box<dyn Fn() + Send + Sync>;

/// The windows that are to be told of; shared by both sides.
#[derive(Clone, Default)]
pub struct Wishes(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// There is something to take: most of the time there is not, and worker 0 asks often.
    is_new: AtomicBool,
    all: Mutex<Vec<Watch>>,
    ring: OnceLock<Ring>,
}

impl std::fmt::Debug for Wishes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wishes").finish_non_exhaustive()
    }
}

impl Wishes {
    /// From now on these are to be told of, and no others.
    pub fn set(&self, watches: Vec<Watch>) {
        *self.0.all.lock().unwrap_or_else(PoisonError::into_inner) = watches;
        self.0.is_new.store(true, Ordering::Release);
        if let Some(ring) = self.0.ring.get() {
            ring();
        }
    }

    /// How worker 0 is woken.
    pub(super) fn ring_by(&self, ring: impl Fn() + Send + Sync + 'static) {
        let _first = self.0.ring.set(Box::new(ring));
    }

    /// What was set since this was asked last.
    pub(super) fn take(&self) -> Option<Vec<Watch>> {
        let inner = &self.0;
        let is_new =
            inner.is_new.load(Ordering::Relaxed) && inner.is_new.swap(false, Ordering::Acquire);
        is_new.then(|| {
            inner
                .all
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        })
    }
}
