//! Files keep the numbers that they got first: which of the files that are given has which number.
//!
//! ```text
//! given, by path:   a  b  c  d        known from the last run:  b d
//! numbers:          2  0  3  1        those that are new get the next ones, in the order of their paths
//! ```
//!
//! What the last run knew is known when sinks and snapshots were asked; until then the order is that of the paths.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::files::Files;
use super::options::SourceOptions;
use super::site::Site;
use super::url::SourceUrl;
use standings_engine::input::Input;
use standings_model::error::Failure;
use standings_model::identity::{Conflict, FileIdentity, SourceIdentity};

/// The place among the files that are given of each number; of all copies.
#[derive(Clone, Debug, Default)]
pub struct Order(Arc<OnceLock<Vec<usize>>>);

impl Order {
    /// Whether it is known.
    pub(super) fn is_known(&self) -> bool {
        self.0.get().is_some()
    }

    /// The place of a number.
    pub fn of(&self, number: usize) -> usize {
        let order = self.0.get().and_then(|order| order.get(number));
        order.copied().unwrap_or(number)
    }
}

impl SourceOptions {
    /// The same with its files in the order of their numbers, which `known` says; all that was made of these options before knows
    /// it from now on.
    ///
    /// # Errors
    /// These files are others than those that are known: another process sees other ones.
    pub fn numbered(&self, known: Option<&SourceIdentity>) -> Result<SourceOptions, Failure> {
        let is_file = |n: &usize| matches!(self.urls[*n], SourceUrl::File(_));
        let places: Vec<usize> = (0..self.urls.len()).filter(is_file).collect();
        let files = match known {
            Some(SourceIdentity::Files { files }) => files,
            Some(SourceIdentity::Several { inputs }) => match inputs.first() {
                Some(SourceIdentity::Files { files }) => files,
                _ => return Ok(self.clone()),
            },
            _ => return Ok(self.clone()),
        };
        if places.is_empty() {
            return Ok(self.clone());
        }
        let sites = places.iter().filter_map(|n| match &self.urls[*n] {
            SourceUrl::File(site) => Some(site),
            _ => None,
        });
        let order = order(files, &sites.collect::<Vec<_>>())?;
        let mut numbered = self.clone();
        numbered.order = Order::default();
        numbered.of.resize(self.urls.len(), 0);
        numbered.roots.resize(self.urls.len(), None);
        for (place, from) in places.iter().zip(&order) {
            let from = places[*from];
            numbered.urls[*place] = self.urls[from].clone();
            numbered.of[*place] = self.table_of(from);
            numbered.roots[*place] = self.roots.get(from).cloned().flatten();
        }
        // Every worker of the process says the same.
        let _ = self.order.0.set(order);
        Ok(numbered)
    }
}

/// The places of these files in the order of those that are known.
fn order(files: &[FileIdentity], sites: &[&Site]) -> Result<Vec<usize>, Failure> {
    let named = sites.iter().enumerate();
    let named: BTreeMap<String, usize> = named
        .filter_map(|(n, site)| Some((site.absolute()?, n)))
        .collect();
    let by_path: Option<Vec<usize>> = files.iter().map(|f| named.get(&f.path).copied()).collect();
    if let Some(order) = by_path.filter(|order| order.len() == sites.len()) {
        return Ok(order);
    }
    // On another machine they may lie elsewhere.
    let mut there = Files(sites.iter().copied().cloned().collect());
    let known = SourceIdentity::Files {
        files: files.to_vec(),
    };
    let Some(there) = there.identity()? else {
        // What cannot be looked at is in the order that it is given in.
        return Ok((0..sites.len()).collect());
    };
    let head_of = Files(Vec::new()).head_of();
    let differs = known.differs(&there, &|f, n| head_of.as_ref()?(f, n));
    if let Some(differs) = differs.or_else(|| {
        (files.len() != sites.len())
            .then(|| format!("{} files there, {} here", files.len(), sites.len()))
    }) {
        return Err(Conflict::OtherSource {
            holder: "the first process of this cluster".to_owned(),
            differs,
            known: Box::new(known),
            there: Box::new(there),
        }
        .into());
    }
    let arranged = there.arranged(&known);
    let (SourceIdentity::Files { files: now }, SourceIdentity::Files { files: arranged }) =
        (&there, &arranged)
    else {
        return Ok((0..sites.len()).collect());
    };
    let places = now.iter().enumerate().map(|(n, f)| (&f.path[..], n));
    let places: BTreeMap<&str, usize> = places.collect();
    let place = |file: &FileIdentity| places.get(&file.path[..]).copied();
    Ok(arranged.iter().filter_map(place).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(options: &SourceOptions) -> SourceIdentity {
        let stop = Arc::default();
        options.ask(&stop).identity().unwrap().unwrap()
    }

    #[test]
    fn files_are_read_by_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let url = |name: &str| SourceUrl::File(path(name).into());
        for name in ["a", "b", "c", "d"] {
            std::fs::write(path(name), name).unwrap();
        }
        let old = SourceOptions::new(vec![url("b"), url("d")]);
        let known = identity(&old);
        // Files of two tables, and a topic between them.
        let topic = SourceUrl::Kafka {
            brokers: "h:1".to_owned(),
            topic: "t".to_owned(),
        };
        let mut now =
            SourceOptions::new(vec![url("a"), url("b"), topic.clone(), url("c"), url("d")]);
        now.of = vec![1, 0, 2, 1, 0];
        now.roots = vec![None, Some(path("")), None, None, None];
        let homes = now.homes();
        let files = SourceOptions::new(vec![url("a"), url("b"), url("c"), url("d")]);
        let arranged = identity(&files).arranged(&known);
        let kafka = SourceIdentity::Kafka {
            topic: "t".to_owned(),
            id: None,
            cluster: None,
        };
        let several = SourceIdentity::Several {
            inputs: vec![arranged, kafka],
        };
        let numbered = now.numbered(Some(&several)).unwrap();
        assert_eq!(
            numbered.urls,
            [url("b"), url("d"), topic, url("a"), url("c")]
        );
        assert_eq!(numbered.of, [0, 0, 2, 1, 1]);
        assert_eq!(numbered.roots[0], Some(path("")));
        // Files are lane 0 of two: their numbers are even. What was asked for before knows it as well.
        let of = [0, 2, 4, 6].map(|p| homes.of(p));
        assert_eq!(of, [(0, 0), (0, 1), (1, 0), (1, 1)]);
        assert_eq!(of, [0, 2, 4, 6].map(|p| numbered.homes().of(p)));
        assert_eq!(homes.of(5), (2, 2));
    }

    #[test]
    fn another_process_sees_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a", "b", "x-b", "x-a"] {
            std::fs::write(path(name), name.trim_start_matches("x-")).unwrap();
        }
        let url = |name: &str| SourceUrl::File(path(name).into());
        let first = identity(&SourceOptions::new(vec![url("b"), url("a")]));
        // The same bytes by other names are the same files.
        let here = SourceOptions::new(vec![url("x-a"), url("x-b")]);
        let numbered = here.numbered(Some(&first)).unwrap();
        assert_eq!(numbered.urls, [url("x-b"), url("x-a")]);
        std::fs::write(path("x-a"), "other").unwrap();
        let refused = here.numbered(Some(&first)).map(|_| ()).unwrap_err();
        assert_eq!(refused.code().id, "S0310");
        assert_eq!(here.numbered(None).unwrap().urls, here.urls);
    }
}
