//! The manifest: what a snapshot stands for, and the parts that rebuild it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::store::{Store, checksum};
use crate::dataflow::control::{GatherState, PartFile};
use crate::model::identity::SourceIdentity;
use crate::model::plan::Plan;
use crate::model::sabotage::{self, Mistake};
use crate::quality;
use crate::query;

/// The form of manifests and of `state` in parts. A reader takes only its own.
pub const FORMAT: u32 = 1;
const FOLDER: &str = "manifests";

/// One snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Its number; grows.
    pub id: u64,
    /// What the queries were: [`fingerprint`].
    pub queries: String,
    /// Input prefix, clocks, counts.
    pub state: GatherState,
    /// Files, later ones over earlier ones.
    pub parts: Vec<PartFile>,
    /// The fingerprint of each ranking; empty where an earlier version made it, whose `queries` does not tell one
    /// condition from another.
    #[serde(default)]
    pub rankings: BTreeMap<String, String>,
    /// What its offsets are of; `None` where an earlier version made it, or nobody knows.
    #[serde(default)]
    pub source: Option<SourceIdentity>,
}

/// Names the meaning of rows: with other queries or checks they cannot be loaded.
pub fn fingerprint(plan: &Plan) -> String {
    checksum((query::explain(plan) + &quality::meaning(plan)).as_bytes())
}

/// Names the meaning of each ranking's rows.
pub fn fingerprints(plan: &Plan) -> BTreeMap<String, String> {
    let rankings = plan.rankings.iter();
    let one = |r| checksum(query::meaning(plan, r).as_bytes());
    rankings.map(|r| (r.name.clone(), one(r))).collect()
}

/// Names the queries and all that is said of checks: what the processes of one cluster must have in common, since they
/// name checks by number.
pub fn agreement(plan: &Plan) -> String {
    checksum((query::explain(plan) + &quality::explain(plan)).as_bytes())
}

fn name(id: u64) -> String {
    format!("{FOLDER}/{id:010}.json")
}

impl Manifest {
    /// Writes it: JSON, a line end, and the checksum of what is before the line end.
    pub fn write(&self, store: &Store) -> Result<(), String> {
        let mut bytes = serde_json::to_vec(self).map_err(|e| e.to_string())?;
        let sum = checksum(&bytes);
        bytes.extend_from_slice(format!("\n{sum}\n").as_bytes());
        store.put(&name(self.id), bytes)
    }

    fn read(store: &Store, name: &str) -> Result<Self, String> {
        let (json, format) = Manifest::whole(store, name)?;
        if format != FORMAT {
            return Err(format!(
                "{name} has format {format}, and this version reads {FORMAT}"
            ));
        }
        serde_json::from_str(&json).map_err(|e| format!("{name}: {e}"))
    }

    /// A manifest's JSON, which its checksum says is what was written, and its form.
    fn whole(store: &Store, name: &str) -> Result<(String, u32), String> {
        let bytes = store.get(name)?;
        let damaged = || format!("{name} is damaged: its checksum is wrong");
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        let (json, sum) = text.split_once('\n').ok_or_else(damaged)?;
        if sum.trim_end() != checksum(json.as_bytes()) {
            return Err(damaged());
        }
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let version: Version = serde_json::from_str(json).map_err(|e| format!("{name}: {e}"))?;
        Ok((json.to_owned(), version.format))
    }

    /// What a newer version left here, which this one must not write over; `None` if it knows all forms. What is damaged or
    /// cannot be read is no newer form: it is named when a snapshot is chosen.
    pub fn newer(store: &Store) -> Result<Option<String>, String> {
        for (name, _) in Manifest::list(store)? {
            let found = Manifest::whole(store, &name).ok();
            if let Some((_, format)) = found.filter(|(_, format)| *format > FORMAT) {
                return Ok(Some(format!(
                    "{name} in {} has format {format}, and this version ({}) knows {FORMAT}: a newer version keeps its \
                     snapshots there. Nothing was written; use that version, or another --state",
                    store.name(),
                    env!("CARGO_PKG_VERSION")
                )));
            }
        }
        Ok(None)
    }

    /// The manifests there are, newest first: name and number.
    pub fn list(store: &Store) -> Result<Vec<(String, u64)>, String> {
        let mut found: Vec<(String, u64)> = store
            .list(FOLDER)?
            .into_iter()
            .filter_map(|name| {
                let id = name.strip_prefix(FOLDER)?.strip_prefix('/')?;
                Some((name.clone(), id.strip_suffix(".json")?.parse().ok()?))
            })
            .collect();
        found.sort_by_key(|(_, id)| std::cmp::Reverse(*id));
        Ok(found)
    }

    /// The snapshots that are whole and of these queries, newest first; each is read when it is asked for. What is passed
    /// over is named in the log.
    pub fn usable<'a>(
        store: &'a Store,
        plan: &Plan,
    ) -> Result<impl Iterator<Item = Self> + 'a, String> {
        let (queries, rankings) = (fingerprint(plan), fingerprints(plan));
        let look = move |(name, id): (String, u64)| {
            let found = Manifest::read(store, &name).and_then(|found| {
                let is_others = found.queries != queries
                    || !found.rankings.is_empty() && found.rankings != rankings;
                if is_others {
                    return Err("the queries were others when it was made".to_owned());
                }
                match found.parts.iter().find_map(|p| part_problem(store, p)) {
                    Some(problem) => Err(problem),
                    None => Ok(found),
                }
            });
            found.map_err(|problem| {
                tracing::warn!(
                    event = "snapshot_unusable",
                    snapshot = id,
                    problem,
                    "the one before it is tried"
                );
            })
        };
        Ok(Manifest::list(store)?
            .into_iter()
            .filter_map(move |at| look(at).ok()))
    }

    /// Removes this and older manifests but the newest `keep`, and parts that no kept manifest names.
    pub fn collect(store: &Store, keep: usize) -> Result<(), String> {
        let all = Manifest::list(store)?;
        let Some((_, newest)) = all.first() else {
            return Ok(());
        };
        let mut kept = Vec::new();
        for (name, _) in all.iter().take(keep) {
            match Manifest::read(store, name) {
                Ok(manifest) => kept.extend(manifest.parts.into_iter().map(|p| p.name)),
                // Not known what it names: nothing is removed.
                Err(_) => return Ok(()),
            }
        }
        for (name, _) in all.iter().skip(keep) {
            store.remove(name);
        }
        for part in store.list("parts")? {
            // Parts of a snapshot that is still being made are newer than every manifest.
            let id = part
                .strip_prefix("parts/")
                .and_then(|p| p.get(..10)?.parse().ok());
            if id.is_some_and(|id: u64| id <= *newest) && !kept.contains(&part) {
                store.remove(&part);
            }
        }
        Ok(())
    }
}

fn part_problem(store: &Store, part: &PartFile) -> Option<String> {
    read_part(store, part).err()
}

/// A part's bytes, if they are what the manifest says.
pub fn read_part(store: &Store, part: &PartFile) -> Result<Vec<u8>, String> {
    let bytes = store.get(&part.name)?;
    if sabotage::is(Mistake::ChecksumIgnored) {
        return Ok(bytes);
    }
    if bytes.len() as u64 != part.size {
        return Err(format!(
            "{} has {} bytes instead of {}",
            part.name,
            bytes.len(),
            part.size
        ));
    }
    if checksum(&bytes) != part.checksum {
        return Err(format!("{} is damaged: its checksum is wrong", part.name));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::load_shipped;
    use crate::snapshot::StateUrl;

    #[test]
    fn an_older_snapshot_is_given_after_a_newer_one() {
        let plan = load_shipped().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&StateUrl::File(folder.path().to_owned())).unwrap();
        let manifest = |id| Manifest {
            format: FORMAT,
            id,
            queries: fingerprint(&plan),
            state: GatherState::default(),
            parts: Vec::new(),
            rankings: fingerprints(&plan),
            source: None,
        };
        for id in 1..=4 {
            manifest(id).write(&store).unwrap();
        }
        let mut others = manifest(5);
        others.rankings.clear();
        others.rankings.insert("r".to_owned(), "x".to_owned());
        others.write(&store).unwrap();
        std::fs::write(folder.path().join(name(3)), "{}").unwrap();
        let given: Vec<u64> = Manifest::usable(&store, &plan)
            .unwrap()
            .map(|m| m.id)
            .collect();
        assert_eq!(given, [4, 2, 1]);
        assert_eq!(Manifest::newer(&store).unwrap(), None);
    }

    #[test]
    fn a_flipped_bit_is_no_newer_form() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&StateUrl::File(folder.path().to_owned())).unwrap();
        let plan = load_shipped().unwrap();
        let put = |id: u64, format: u32| {
            let mut written =
                serde_json::to_string(&serde_json::json!({ "format": FORMAT })).unwrap();
            let sum = checksum(written.replace(&FORMAT.to_string(), "99").as_bytes());
            written = written.replace(&FORMAT.to_string(), &format.to_string());
            store
                .put(&name(id), format!("{written}\n{sum}\n").into_bytes())
                .unwrap();
        };
        put(1, 5);
        assert_eq!(
            Manifest::newer(&store).unwrap(),
            None,
            "its checksum is wrong"
        );
        assert_eq!(Manifest::usable(&store, &plan).unwrap().count(), 0);
        put(2, 99);
        assert!(
            Manifest::newer(&store)
                .unwrap()
                .is_some_and(|m| m.contains("format 99"))
        );
    }
}
