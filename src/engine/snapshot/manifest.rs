//! The manifest: what a snapshot stands for, and the parts that rebuild it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{Damage, Newer, Unreadable};
use super::log::{self, Entry, Fence};
use super::objects::{ObjectError, StoreError};
use super::store::{Store, checksum};
use crate::quality;
use crate::rank::state::GatherState;
use crate::snapshot::order::PartFile;
use crate::snapshot::zones::Zones;
use standings_model::identity::SourceIdentity;
use standings_model::plan::Plan;
use standings_model::sabotage::{self, Mistake};

/// The form of manifests, which this version writes: 2 knows generations and fences. 1 is read too.
pub const FORMAT: u32 = 2;

/// One snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `FORMAT`, or the older one that it was written in.
    pub format: u32,
    /// Its number in the log, which its name says too.
    pub id: u64,
    /// The generation of the cluster that made it; 0 in format 1.
    #[serde(default)]
    pub generation: u64,
    /// The number that the names of its own parts begin with; 0 in format 1, where it was that of the manifest.
    #[serde(default)]
    pub attempt: u64,
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
    /// By which clocks windows were cut; `None` where none is of a zone, or an earlier version made it.
    #[serde(default)]
    pub zones: Option<Zones>,
}

/// Names the meaning of rows: with other queries or checks they cannot be loaded.
pub fn fingerprint(plan: &Plan) -> String {
    checksum((standings_query::outline(plan) + &quality::meaning(plan)).as_bytes())
}

/// Names the meaning of each ranking's rows.
pub fn fingerprints(plan: &Plan) -> BTreeMap<String, String> {
    let rankings = plan.rankings.iter();
    let one = |r| checksum(standings_query::meaning(plan, r).as_bytes());
    rankings.map(|r| (r.name.clone(), one(r))).collect()
}

/// Names the queries and all that is said of checks: what the processes of one cluster must have in common, since they
/// name checks by number.
pub fn agreement(plan: &Plan) -> String {
    let rankings = plan.rankings.iter();
    let meanings: String = rankings
        .map(|r| standings_query::meaning(plan, r))
        .collect();
    checksum((standings_query::outline(plan) + &meanings + &quality::explain(plan)).as_bytes())
}

impl From<StoreError> for Unreadable {
    fn from(error: StoreError) -> Self {
        match error.why {
            ObjectError::Failed(_) => Unreadable::NoAnswer(error),
            ObjectError::Missing | ObjectError::Exists => Damage::Missing(error).into(),
        }
    }
}

/// What is written of an object of the log: JSON, a line end, and the checksum of what is before the line end.
pub(super) fn lines(entry: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(entry)?;
    let sum = checksum(&bytes);
    bytes.extend_from_slice(format!("\n{sum}\n").as_bytes());
    Ok(bytes)
}

/// An object that is no JSON of ours.
fn json_of(name: &str) -> impl Fn(serde_json::Error) -> Damage {
    |source| Damage::Json {
        name: name.to_owned(),
        source,
    }
}

/// What every object of the log says.
#[derive(Deserialize)]
struct Head {
    format: u32,
    /// Only fences have it.
    fence: Option<serde::de::IgnoredAny>,
}

impl Manifest {
    /// What lies under a number.
    pub(super) fn entry(store: &Store, name: &str, id: u64) -> Result<Entry, Unreadable> {
        let (json, head) = Manifest::whole(store, name)?;
        let format = head.format;
        if !(1..=FORMAT).contains(&format) {
            return Err(Damage::Format {
                name: name.to_owned(),
                format,
                known: FORMAT,
            }
            .into());
        }
        let wrong = json_of(name);
        let (entry, says) = match head.fence {
            Some(_) => {
                let fence: Fence = serde_json::from_str(&json).map_err(&wrong)?;
                let id = fence.id();
                (Entry::Fence(fence), id)
            }
            None => {
                let manifest: Box<Manifest> = serde_json::from_str(&json).map_err(&wrong)?;
                let id = manifest.id;
                (Entry::Snapshot(manifest), id)
            }
        };
        match says == id {
            true => Ok(entry),
            false => Err(Damage::Copy {
                name: name.to_owned(),
                says,
            }
            .into()),
        }
    }

    /// An object's JSON, which its checksum says is what was written, and what it says first.
    fn whole(store: &Store, name: &str) -> Result<(String, Head), Unreadable> {
        let bytes = store.get(name)?;
        let damaged = || Damage::Checksum {
            name: name.to_owned(),
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        let (json, sum) = text.split_once('\n').ok_or_else(damaged)?;
        if sum.trim_end() != checksum(json.as_bytes()) {
            return Err(damaged().into());
        }
        let head = serde_json::from_str(json).map_err(json_of(name))?;
        Ok((json.to_owned(), head))
    }

    /// What a newer version left here, which this one must not write over; `None` if the newest object is of a form that
    /// is known: whoever opens the log writes there first. What is damaged is no newer form; it is named when a snapshot
    /// is chosen.
    pub fn newer(store: &Store) -> Result<Option<Newer>, StoreError> {
        for (name, _) in Manifest::list(store)? {
            match Manifest::whole(store, &name) {
                Ok((_, Head { format, .. })) if format <= FORMAT => return Ok(None),
                Ok((_, Head { format, .. })) => {
                    return Ok(Some(Newer {
                        name,
                        store: store.name().to_owned(),
                        format,
                        known: FORMAT,
                    }));
                }
                Err(Unreadable::Damaged(_)) => {}
                Err(Unreadable::NoAnswer(problem)) => return Err(problem),
            }
        }
        Ok(None)
    }

    /// The objects of the log, newest first: name and number.
    pub fn list(store: &Store) -> Result<Vec<(String, u64)>, StoreError> {
        log::list(store)
    }

    /// The snapshots that are whole and of these queries, newest first; each is read when it is asked for. What is passed
    /// over is named in the log. An error where the store does not say whether one is whole: that is no reason to begin
    /// with an older one.
    pub fn usable<'a>(
        store: &'a Store,
        plan: &Plan,
    ) -> Result<impl Iterator<Item = Result<Self, StoreError>> + 'a, StoreError> {
        let (queries, rankings) = (fingerprint(plan), fingerprints(plan));
        let whole = move |name: &str, id: u64| -> Result<Option<Self>, Unreadable> {
            let Entry::Snapshot(found) = Manifest::entry(store, name, id)? else {
                return Ok(None);
            };
            let is_others = found.queries != queries
                || !found.rankings.is_empty() && found.rankings != rankings;
            if is_others {
                return Err(Damage::OtherQueries.into());
            }
            for part in &found.parts {
                read_part(store, part)?;
            }
            Ok(Some(*found))
        };
        let look = move |(name, id): (String, u64)| match whole(&name, id) {
            Ok(found) => found.map(Ok),
            Err(Unreadable::NoAnswer(problem)) => Some(Err(problem)),
            Err(Unreadable::Damaged(problem)) => {
                tracing::warn!(
                    event = "snapshot_unusable",
                    snapshot = id,
                    %problem,
                    "the one before it is tried"
                );
                None
            }
        };
        Ok(Manifest::list(store)?.into_iter().filter_map(look))
    }
}

/// A part's bytes, if they are what the manifest says. What is not is read once more: not all that is read wrong is
/// written wrong.
pub fn read_part(store: &Store, part: &PartFile) -> Result<Vec<u8>, Unreadable> {
    let read = || {
        let bytes = store.get(&part.name)?;
        match problem(&bytes, part) {
            Some(damage) => Err(damage.into()),
            None => Ok(bytes),
        }
    };
    read().or_else(|first| match first {
        Unreadable::Damaged(_) => read(),
        no_answer @ Unreadable::NoAnswer(_) => Err(no_answer),
    })
}

fn problem(bytes: &[u8], part: &PartFile) -> Option<Damage> {
    if sabotage::is(Mistake::ChecksumIgnored) {
        return None;
    }
    if bytes.len() as u64 != part.size {
        return Some(Damage::Size {
            name: part.name.clone(),
            found: bytes.len(),
            wanted: part.size,
        });
    }
    let is_other = checksum(bytes) != part.checksum;
    is_other.then(|| Damage::Checksum {
        name: part.name.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::log::{Log, name};
    use standings_query::load_shipped;

    #[test]
    fn an_older_snapshot_is_given_after_a_newer_one() {
        let plan = load_shipped().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = crate::snapshot::folder::store(folder.path());
        let (mut log, _) = Log::open(&store, "a", || Ok(())).unwrap();
        let manifest = Manifest {
            queries: fingerprint(&plan),
            rankings: fingerprints(&plan),
            ..Manifest::default()
        };
        for _ in 2..=5 {
            log.append(&mut manifest.clone()).unwrap();
        }
        let mut others = manifest;
        others.rankings.clear();
        others.rankings.insert("r".to_owned(), "x".to_owned());
        log.append(&mut others).unwrap();
        std::fs::write(folder.path().join(name(4)), "{}").unwrap();
        let copied = std::fs::read(folder.path().join(name(2))).unwrap();
        std::fs::write(folder.path().join(name(7)), copied).unwrap();
        let given: Vec<u64> = Manifest::usable(&store, &plan)
            .unwrap()
            .map(|m| m.unwrap().id)
            .collect();
        assert_eq!(given, [5, 3, 2]);
        assert_eq!(Manifest::newer(&store).unwrap(), None);
    }

    #[test]
    fn a_flipped_bit_is_no_newer_form() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::snapshot::folder::store(folder.path());
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
                .is_some_and(|m| m.to_string().contains("format 99"))
        );
    }
}
