//! Several inputs of one run side by side: each topic, each recording, and all files together are a lane, read as if it were
//! alone.
//!
//! ```text
//! sales = topic a ──► lane 0: its partitions 0 1 2 ──► 0 2 4 ┐
//! cities = topic b ─► lane 1: its partitions 0 1   ──► 1 3   ┴──► one feed, one prefix, one commit
//! ```
//!
//! 1. A partition's number in the run is a function of its lane and its number there: it stays when any topic gets more
//!    partitions. Of one lane the numbers are its own.
//! 2. The order of the lanes is that of their addresses, whatever the order of flags and tables.
//! 3. A lane begins to read when all know where they begin.
//! 4. Several topics may be of one table: of its partitions these are told by the topic, and counted in turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::options::SourceOptions;
use super::order::Order;
use super::url::SourceUrl;
use standings_engine::input::{Input, Log, Offsets};
use standings_model::block::{PartitionId, SourceEvent};
use standings_model::error::Failure;
use standings_model::identity::{HeadOf, SourceIdentity};

/// Which lane, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    number: u32,
    of: u32,
}

impl Default for Lane {
    fn default() -> Self {
        Lane { number: 0, of: 1 }
    }
}

impl Lane {
    /// The number in the run of a partition of this lane.
    pub fn global(self, own: PartitionId) -> PartitionId {
        own * self.of + self.number
    }

    /// The number in this lane of a partition of the run; `None` of another lane's.
    pub fn own(self, global: PartitionId) -> Option<PartitionId> {
        (global % self.of == self.number).then_some(global / self.of)
    }

    /// Whether a worker reads a partition of this lane.
    pub fn is_of(self, own: PartitionId, worker: usize, workers: usize) -> bool {
        self.global(own) as usize % workers == worker
    }

    /// The same event, with the run's number of its partition.
    pub(super) fn event(self, event: SourceEvent) -> SourceEvent {
        match event {
            SourceEvent::Assigned {
                partition,
                home,
                offset,
                end,
            } => SourceEvent::Assigned {
                partition: self.global(partition),
                home,
                offset,
                end,
            },
            SourceEvent::Block(mut block) => {
                block.partition = self.global(block.partition);
                SourceEvent::Block(block)
            }
            SourceEvent::CaughtUp { partition } => SourceEvent::CaughtUp {
                partition: self.global(partition),
            },
            SourceEvent::Ended { partition } => SourceEvent::Ended {
                partition: self.global(partition),
            },
            event @ (SourceEvent::Ready | SourceEvent::Failed(_)) => event,
        }
    }

    fn only<T: Copy>(self, of: &BTreeMap<PartitionId, T>) -> BTreeMap<PartitionId, T> {
        let own = of.iter();
        own.filter_map(|(p, value)| Some((self.own(*p)?, *value)))
            .collect()
    }
}

/// The URLs of each lane, by their numbers among all.
fn split(urls: &[SourceUrl]) -> Vec<Vec<usize>> {
    let mut files = Vec::new();
    let mut lanes: Vec<(String, Vec<usize>)> = Vec::new();
    for (number, url) in urls.iter().enumerate() {
        match url {
            SourceUrl::File(_) => files.push(number),
            SourceUrl::Kafka { .. } | SourceUrl::Recording { .. } => {
                lanes.push((url.to_string(), vec![number]));
            }
        }
    }
    lanes.sort();
    let mut lanes: Vec<Vec<usize>> = lanes.into_iter().map(|(_, lane)| lane).collect();
    if !files.is_empty() {
        lanes.insert(0, files);
    }
    lanes
}

/// Of which table each partition is, and its number within it.
#[derive(Clone, Debug, Default)]
pub struct Homes {
    lanes: Vec<LaneHomes>,
    order: Order,
}

#[derive(Clone, Debug)]
struct LaneHomes {
    /// Table numbers of files, by partition; a topic's partitions are those of the first.
    of: Vec<usize>,
    is_files: bool,
    /// Table and number within it of each file, as they are given.
    given: Vec<(usize, u32)>,
    /// The same as they are numbered, once that is known.
    numbered: Arc<OnceLock<Vec<(usize, u32)>>>,
}

/// Tables, and how many of the same came before each.
fn counted(tables: impl Iterator<Item = usize>) -> Vec<(usize, u32)> {
    let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
    let one = |table| {
        let count = counts.entry(table).or_default();
        *count += 1;
        (table, *count - 1)
    };
    tables.map(one).collect()
}

impl Homes {
    /// The place of a file among those that are given, where all are files.
    pub fn place(&self, partition: PartitionId) -> usize {
        self.order.of(partition as usize)
    }

    /// The table of a partition, and the partition's number within it; of a table of several topics theirs in turn.
    pub fn of(&self, partition: PartitionId) -> (usize, u32) {
        let count = self.lanes.len().max(1) as u32;
        let own = partition / count;
        let Some(lane) = self.lanes.get((partition % count) as usize) else {
            return (0, own);
        };
        let table = |n: usize| lane.of.get(n).copied().unwrap_or_default();
        if !lane.is_files {
            let same = self.lanes.iter().enumerate();
            let same =
                same.filter(|(_, other)| !other.is_files && other.of.first() == lane.of.first());
            let (before, of) = same.fold((0, 0), |(before, of), (number, _)| {
                (
                    before + u32::from(number < (partition % count) as usize),
                    of + 1,
                )
            });
            return (table(0), own * of + before);
        }
        let all = match self.order.is_known() {
            false => &lane.given,
            true => lane
                .numbered
                .get_or_init(|| counted((0..lane.of.len()).map(|n| table(self.order.of(n))))),
        };
        all.get(own as usize).copied().unwrap_or((0, own))
    }
}

impl SourceOptions {
    /// What each lane reads, as if it were alone.
    pub fn lanes(&self) -> Vec<SourceOptions> {
        let lanes = split(&self.urls);
        if lanes.len() < 2 {
            return vec![self.clone()];
        }
        let of = lanes.len() as u32;
        let lane = |(number, urls): (usize, &Vec<usize>)| {
            let lane = Lane {
                number: number as u32,
                of,
            };
            let root = |n: &usize| self.roots.get(*n).cloned().flatten();
            SourceOptions {
                urls: urls.iter().map(|n| self.urls[*n].clone()).collect(),
                of: urls.iter().map(|n| self.table_of(*n)).collect(),
                roots: urls.iter().map(root).collect(),
                resume: lane.only(&self.resume),
                read_back: lane.only(&self.read_back),
                hold: self.hold.renamed(|p| lane.own(p)),
                expected: self.expected.as_ref().and_then(|all| part(all, number)),
                lane,
                ..self.clone()
            }
        };
        lanes.iter().enumerate().map(lane).collect()
    }

    /// Of which table each partition is, and its number within it.
    pub fn homes(&self) -> Homes {
        let lanes = split(&self.urls);
        let lanes = lanes.iter().map(|urls| LaneHomes {
            given: counted(urls.iter().map(|n| self.table_of(*n))),
            numbered: Arc::default(),
            of: urls.iter().map(|n| self.table_of(*n)).collect(),
            is_files: matches!(self.urls[urls[0]], SourceUrl::File(_)),
        });
        Homes {
            lanes: lanes.collect(),
            order: self.order.clone(),
        }
    }

    /// What each lane is called, by its number: a topic by its name, a recording by its address, files by nothing.
    pub fn input_names(&self) -> Vec<Option<String>> {
        let lanes = split(&self.urls);
        let name = |urls: &Vec<usize>| match &self.urls[urls[0]] {
            SourceUrl::File(_) => None,
            SourceUrl::Kafka { topic, .. } => Some(topic.clone()),
            recording @ SourceUrl::Recording { .. } => Some(recording.to_string()),
        };
        let names: Vec<_> = lanes.iter().map(name).collect();
        let is_twice =
            |name: &Option<String>| names.iter().filter(|other| *other == name).count() > 1;
        let whole = |(urls, name): (&Vec<usize>, &Option<String>)| match is_twice(name) {
            // Topics of one name, of two clusters.
            true => Some(self.urls[urls[0]].to_string()),
            false => name.clone(),
        };
        lanes.iter().zip(&names).map(whole).collect()
    }

    /// A table of files that is read from a topic or a recording too: when their end is reached means two things.
    pub(super) fn read_twice(&self) -> Option<usize> {
        let lanes = split(&self.urls);
        let tables = |urls: &Vec<usize>| -> BTreeSet<usize> {
            urls.iter().map(|n| self.table_of(*n)).collect()
        };
        let (files, rest) = lanes.split_first()?;
        if !matches!(self.urls[files[0]], SourceUrl::File(_)) {
            return None;
        }
        let files = tables(files);
        rest.iter()
            .flat_map(tables)
            .find(|table| files.contains(table))
    }
}

/// What a lane's input was.
fn part(all: &SourceIdentity, number: usize) -> Option<SourceIdentity> {
    match all {
        SourceIdentity::Several { inputs } => inputs.get(number).cloned(),
        _ => None,
    }
}

/// Several inputs, asked each for its own.
pub struct Several(pub Vec<(Lane, Box<dyn Input>)>);

impl Input for Several {
    fn identity(&mut self) -> Result<Option<SourceIdentity>, Failure> {
        let mut inputs = Vec::new();
        for (_, input) in &mut self.0 {
            let Some(identity) = input.identity()? else {
                return Ok(None);
            };
            inputs.push(identity);
        }
        Ok(Some(SourceIdentity::Several { inputs }))
    }

    fn head_of(&self) -> Option<HeadOf> {
        self.0.iter().find_map(|(_, input)| input.head_of())
    }

    fn logs(
        &mut self,
        partitions: &BTreeSet<PartitionId>,
    ) -> Result<Option<BTreeMap<PartitionId, Log>>, Failure> {
        let mut all = BTreeMap::new();
        for (lane, input) in &mut self.0 {
            let own: BTreeSet<PartitionId> =
                partitions.iter().filter_map(|p| lane.own(*p)).collect();
            let logs = input.logs(&own)?.unwrap_or_else(|| {
                // What cannot be asked holds whatever it is asked for.
                let whole = Log {
                    low: 0,
                    high: u64::MAX,
                };
                own.iter().map(|p| (*p, whole)).collect()
            });
            all.extend(logs.into_iter().map(|(p, log)| (lane.global(p), log)));
        }
        Ok(Some(all))
    }

    fn epochs_before(&mut self, offsets: &Offsets) -> Result<BTreeMap<PartitionId, i32>, Failure> {
        let mut all = BTreeMap::new();
        for (lane, input) in &mut self.0 {
            let found = input.epochs_before(&lane.only(offsets))?;
            all.extend(found.into_iter().map(|(p, epoch)| (lane.global(p), epoch)));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::hold::Hold;

    fn topic(name: &str) -> SourceUrl {
        SourceUrl::Kafka {
            brokers: "h:1".to_owned(),
            topic: name.to_owned(),
        }
    }

    fn options(urls: Vec<SourceUrl>, of: Vec<usize>) -> SourceOptions {
        SourceOptions {
            of,
            ..SourceOptions::new(urls)
        }
    }

    #[test]
    fn one_lane_is_as_it_was() {
        let file = |name: &str| SourceUrl::File(name.into());
        let files = options(vec![file("a"), file("b"), file("c")], vec![0, 1, 0]);
        assert_eq!(files.lanes().len(), 1);
        assert_eq!(files.lanes()[0].lane, Lane::default());
        let homes = files.homes();
        assert_eq!(
            [0, 1, 2].map(|p| homes.of(p)),
            [(0, 0), (1, 0), (0, 1)],
            "files are counted within their table"
        );
        let one = options(vec![topic("t")], vec![2]);
        assert_eq!(one.homes().of(7), (2, 7));
        assert_eq!(one.read_twice(), None);
    }

    #[test]
    fn numbers_go_there_and_back() {
        let mut two = options(vec![topic("b"), topic("a")], vec![0, 1]);
        two.resume = BTreeMap::from([(0, 5), (1, 6), (2, 7)]);
        two.hold = Hold::at(BTreeMap::from([(1, 9)]));
        let lanes = two.lanes();
        // By their addresses: `a` is the first.
        assert_eq!(lanes[0].urls, [topic("a")]);
        assert_eq!((lanes[0].of[0], lanes[1].of[0]), (1, 0));
        assert_eq!(lanes[0].resume, BTreeMap::from([(0, 5), (1, 7)]));
        assert_eq!(lanes[1].resume, BTreeMap::from([(0, 6)]));
        // The hold names no partition of the first lane: they wait where they begin.
        assert_eq!(lanes[0].hold.of(0, 5), Some(5));
        assert_eq!(lanes[1].hold.of(0, 6), Some(9));
        for lane in &lanes {
            for p in 0..5 {
                assert_eq!(lane.lane.own(lane.lane.global(p)), Some(p));
            }
        }
        let all: BTreeSet<u32> = (0..4)
            .flat_map(|p| lanes.iter().map(move |l| l.lane.global(p)))
            .collect();
        assert_eq!(all, (0..8).collect());
        let homes = two.homes();
        assert_eq!(
            [0, 1, 2, 3].map(|p| homes.of(p)),
            [(1, 0), (0, 0), (1, 1), (0, 1)]
        );
        let one = options(vec![topic("b"), topic("a"), topic("c")], vec![0, 1, 0]);
        assert_eq!(one.read_twice(), None);
        // Lanes: a of table 1, b and c of table 0, whose partitions are b0 c0 b1 c1.
        let homes = one.homes();
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|p| homes.of(p)),
            [(1, 0), (0, 0), (0, 1), (1, 1), (0, 2), (0, 3)]
        );
        let names = ["a", "b", "c"].map(|name| Some(name.to_owned()));
        assert_eq!(one.input_names(), names);
        let file = SourceUrl::File("f".into());
        assert_eq!(
            options(vec![topic("a"), file.clone()], vec![0, 0]).read_twice(),
            Some(0)
        );
        let beside = options(vec![topic("a"), file], vec![0, 1]);
        assert_eq!(
            (beside.read_twice(), beside.input_names()[0].clone()),
            (None, None)
        );
    }

    #[test]
    fn each_input_is_asked_for_its_own() {
        struct Topic(u64);
        impl Input for Topic {
            fn identity(&mut self) -> Result<Option<SourceIdentity>, Failure> {
                Ok(Some(SourceIdentity::Files { files: Vec::new() }))
            }
            fn logs(
                &mut self,
                partitions: &BTreeSet<PartitionId>,
            ) -> Result<Option<BTreeMap<PartitionId, Log>>, Failure> {
                let log = |p: &PartitionId| {
                    (
                        *p,
                        Log {
                            low: self.0,
                            high: u64::from(*p),
                        },
                    )
                };
                // It has one partition.
                let there = partitions.iter().filter(|p| **p == 0);
                Ok(Some(there.map(log).collect()))
            }
        }
        struct File;
        impl Input for File {
            fn identity(&mut self) -> Result<Option<SourceIdentity>, Failure> {
                Ok(Some(SourceIdentity::Files { files: Vec::new() }))
            }
        }
        let lane = |number| Lane { number, of: 2 };
        let mut several = Several(vec![
            (lane(0), Box::new(File)),
            (lane(1), Box::new(Topic(3))),
        ]);
        let logs = several
            .logs(&BTreeSet::from([0, 1, 2, 3]))
            .unwrap()
            .unwrap();
        let lows: Vec<(u32, u64)> = logs.iter().map(|(p, log)| (*p, log.low)).collect();
        assert_eq!(lows, [(0, 0), (1, 3), (2, 0)], "partition 3 is not there");
        let identity = several.identity().unwrap().unwrap();
        assert!(part(&identity, 1).is_some() && part(&identity, 2).is_none());
    }
}
