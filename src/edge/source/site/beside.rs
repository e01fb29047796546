//! Something done with each of many files: objects beside each other, as each is an answer to be waited for.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Site;

/// So many answers are waited for at once.
const BESIDE: usize = 32;

/// What is done with each, in their order.
pub(in crate::source) fn each<T: Send>(sites: &[Site], done: impl Fn(&Site) -> T + Sync) -> Vec<T> {
    let are_objects = sites.iter().any(|site| matches!(site, Site::Object(_)));
    if !are_objects || sites.len() < 2 {
        return sites.iter().map(done).collect();
    }
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..BESIDE.min(sites.len()) {
            scope.spawn(|| {
                while let Some((n, site)) = taken(&next, sites) {
                    let result = done(site);
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push((n, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(n, _)| *n);
    results.into_iter().map(|(_, result)| result).collect()
}

fn taken<'a>(next: &AtomicUsize, sites: &'a [Site]) -> Option<(usize, &'a Site)> {
    let n = next.fetch_add(1, Ordering::Relaxed);
    Some((n, sites.get(n)?))
}
