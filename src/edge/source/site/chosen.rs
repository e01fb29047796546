//! Which of the objects of a bucket a folder or a pattern stands for: those that would be read if their keys were paths of a
//! folder.

use std::collections::BTreeSet;

use crate::source::folder::{Step, is_hidden, steps};
use crate::source::glob::{alternatives, is_pattern};

/// What Hadoop writes beside a folder that it makes.
const FOLDER: &str = "_$folder$";

/// A folder's or a pattern's objects.
pub(super) struct Chosen {
    /// What keys begin with, without a slash at its end.
    root: String,
    /// Each one's parts; behind the root.
    patterns: Vec<Vec<Step>>,
}

/// The part of a pattern that is none: whole names.
pub(super) fn root(pattern: &str) -> &str {
    let mut end = 0;
    for part in pattern.split_inclusive('/') {
        if is_pattern(part) {
            break;
        }
        end += part.len();
    }
    &pattern[..end]
}

impl Chosen {
    /// Of a root, and the whole pattern, if it is one.
    pub(super) fn new(root: &str, pattern: Option<&str>) -> Result<Self, &'static str> {
        let behind = pattern.map_or("**", |p| p.trim_start_matches('/'));
        let behind = behind.strip_prefix(root).unwrap_or(behind);
        let patterns = alternatives(behind.trim_start_matches('/'))
            .ok_or("it stands for too many patterns, {a,b} by {a,b}")?;
        Ok(Chosen {
            root: root.to_owned(),
            patterns: patterns.iter().map(|pattern| steps(pattern)).collect(),
        })
    }

    /// The places of those that are chosen among all, each with its size.
    pub(super) fn of(&self, all: &[(&str, u64)]) -> Vec<usize> {
        let mut folders = BTreeSet::new();
        for (key, _) in all {
            let ends = key.match_indices('/').map(|(at, _)| at);
            folders.extend(ends.map(|at| &key[..at]));
        }
        let is_chosen = |(key, size): &(&str, u64)| {
            let name = key.rsplit('/').next().unwrap_or_default();
            // An object that stands for a folder; the client leaves the slash at its end out.
            let is_folder = *size == 0
                && (folders.contains(key)
                    || *key == self.root
                    || name.ends_with(FOLDER)
                    || name.contains('='));
            let behind = match self.root.is_empty() {
                true => Some(*key),
                false => key
                    .strip_prefix(&self.root[..])
                    .and_then(|k| k.strip_prefix('/')),
            };
            let Some(behind) = behind.filter(|_| !is_folder) else {
                return false;
            };
            let names: Vec<&str> = behind.split('/').collect();
            self.patterns.iter().any(|steps| fits(steps, &names))
        };
        let places = all.iter().enumerate();
        places
            .filter(|(_, one)| is_chosen(one))
            .map(|(n, _)| n)
            .collect()
    }
}

/// Whether folders and a name fit the parts of a pattern.
fn fits(steps: &[Step], names: &[&str]) -> bool {
    match (steps.split_first(), names.split_first()) {
        (None, None) => true,
        (Some((Step::Folders, after)), Some((folder, below))) => {
            fits(after, names) || (!below.is_empty() && !is_hidden(folder) && fits(steps, below))
        }
        (Some((Step::Name(pattern), after)), Some((name, below))) => {
            pattern.fits(name) && (!is_hidden(name) || pattern.is_hidden()) && fits(after, below)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::folder::expand;

    /// What a folder of the same files stands for, by the walk over a disk, which shares only the patterns of names.
    #[test]
    fn objects_are_chosen_as_files_are() {
        let all = [
            "a.json",
            "x/city=Porto/part-0.csv",
            "x/city=Faro/part-1.csv",
            "x/city=Faro/part-0.csv",
            "x/city=Faro/.part-0.csv.crc",
            "x/_temporary/0/part-9.csv",
            "x/_a=1/part-0.csv",
            "x/_SUCCESS",
            "x/y/z/b.csv",
            "xy/c.csv",
        ];
        let folder = tempfile::tempdir().unwrap();
        for key in all {
            let path = folder.path().join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let sizes = all.map(|key| (key, 1));
        for text in [
            "",
            "x",
            "x/y",
            "x/**/*.csv",
            "**/*.csv",
            "x/city=*/*.csv",
            "x/city=F?ro/*0*",
            "**",
            "x/**",
            "*/_SUC*",
            "x/{city=Porto/*,y/z/b}.{csv,json}",
            "{x,xy}/**",
            "x/*",
            "*.json",
            "x/_temporary/**",
            "x/**/**/b.csv",
            "x/city=[A-F]*/*[!1].csv",
            "nothing/*",
        ] {
            let pattern = is_pattern(text).then_some(text);
            let root = pattern.map_or(text, root).trim_matches('/');
            let places = Chosen::new(root, pattern).unwrap().of(&sizes);
            let mut found: Vec<&str> = places.iter().map(|n| all[*n]).collect();
            found.sort_by_key(|key| std::path::Path::new(*key).to_owned());
            let want = expand(&folder.path().join(text)).map(|found| found.files);
            let want = want.unwrap_or_default();
            let relative = want
                .iter()
                .map(|f| f.path().strip_prefix(folder.path()).unwrap());
            let want: Vec<&str> = relative.map(|f| f.to_str().unwrap()).collect();
            assert_eq!(found, want, "{text}");
        }
    }

    #[test]
    fn what_stands_for_a_folder_is_none_of_its_files() {
        let all = [
            ("x", 0),
            ("x/city=Porto", 0),
            ("x/y", 0),
            ("x/y/a.csv", 3),
            ("x/empty.csv", 0),
            ("x/z_$folder$", 0),
        ];
        let places = Chosen::new("x", None).unwrap().of(&all);
        assert_eq!(places, [3, 4]);
    }
}
