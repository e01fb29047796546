//! A snapshot's rows, for the totals of one worker.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};

use super::error::{LoadError, PartError};
use super::manifest::read_part;
use super::store::Store;
use super::{part, state};
use crate::pack::deltas::{self, Deltas, Group};
use crate::pack::hash::hash;
use crate::pack::layout::Layout;
use crate::pack::top::{is_top, of_key};
use crate::snapshot::order::PartFile;
use standings_model::plan::Plan;

/// Texts that are loaded at once, and their bytes.
const BATCH: (usize, usize) = (16 << 10, 16 << 20);

/// Loads the keys of worker `worker` of `workers` from parts, of which later ones are over earlier ones; windows that
/// end at or before `horizon` are left out. Batches of a ranking are given to `apply`, with its number. How many rows there were.
pub fn load(
    store: &Store,
    plan: &Plan,
    parts: &[PartFile],
    horizon: i64,
    (worker, workers): (usize, usize),
    apply: &mut dyn FnMut(usize, &Deltas),
) -> Result<usize, LoadError> {
    let layouts: Vec<Layout> = plan.rankings.iter().map(Layout::new).collect();
    let numbers: HashMap<&str, usize> = plan
        .rankings
        .iter()
        .enumerate()
        .map(|(i, r)| (r.name.as_str(), i))
        .collect();
    // Who gathers makes rankings of rankings.
    let nested = plan.rankings.iter().map(|r| plan.is_nested(r));
    let nested: Vec<bool> = nested.collect();
    let tops: Vec<bool> = (0..plan.rankings.len()).map(|n| is_top(plan, n)).collect();
    let mut seen: HashSet<(usize, i64, Box<[u8]>)> = HashSet::new();
    let mut batches: BTreeMap<usize, Deltas> = BTreeMap::new();
    // The newest first: what is seen is not looked at again.
    for file in parts.iter().filter(|file| !file.held).rev() {
        part::read(read_part(store, file)?, |ranking, window, bin, bytes| {
            let end = window.end;
            let number = *numbers.get(ranking).ok_or(PartError::Nonsense)?;
            let key = state::key(bytes).ok_or(PartError::Nonsense)?;
            let owner = match of_key(key).filter(|_| tops[number]) {
                _ if nested[number] => 0,
                // An older version had their rows by their names.
                Some((_, partition)) => deltas::bin(hash(partition)) as usize % workers,
                None => bin as usize % workers,
            };
            if owner != worker {
                return Ok(());
            }
            let of = &plan.rankings[number].window;
            if end <= plan.rankings[number].horizon(horizon) {
                return Ok(());
            }
            if window.is_always() != of.is_always() {
                return Err(PartError::Nonsense);
            }
            let session_start = if of.is_session() { window.start } else { 0 };
            if !seen.insert((number, end, key.into())) {
                return Ok(());
            }
            // Of a group that was gone when the part was made it says that earlier ones no longer count.
            if state::is_gone(bytes, &layouts[number]).ok_or(PartError::Nonsense)? {
                return Ok(());
            }
            let batch = batches.entry(number).or_default();
            state::decode(bytes, &layouts[number], batch).ok_or(PartError::Nonsense)?;
            match batch.groups.last_mut() {
                Some(group) if (group.window_end, group.session_start) == (end, session_start) => {
                    group.rows += 1;
                }
                _ => batch.groups.push(Group {
                    ranking: number as u32,
                    rows: 1,
                    window_end: end,
                    windows: 1,
                    session_start,
                }),
            }
            if batch.texts.len() >= BATCH.0
                || batch.texts.byte_size() + batch.entries.byte_size() >= BATCH.1
            {
                apply(number, &std::mem::take(batch));
            }
            Ok(())
        })
        .map_err(|source| LoadError::Part {
            name: file.name.clone(),
            source,
        })?;
    }
    for (number, deltas) in batches {
        apply(number, &deltas);
    }
    Ok(seen.len())
}
