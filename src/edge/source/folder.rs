//! A folder or a pattern as the files that it stands for, in the order of their paths: each is a partition.
//!
//! ```text
//! file:sales            sales/city=Porto/part-0.parquet   every file below, hidden ones and `_SUCCESS` not
//! file:sales/**/*.csv   `*` and `?` within a name, `**` over folders
//! ```

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::FolderError;
use super::pattern::fits_name;

/// So deep folders are looked into: what goes on for longer is a link to a folder above.
const DEEPEST: usize = 32;

/// Files, and the folder that their paths are relative to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expanded {
    /// The files, by their paths.
    pub files: Vec<PathBuf>,
    /// The folder.
    pub root: PathBuf,
}

/// The files of a folder or a pattern; `None` for what is one file.
pub fn expand(path: &Path) -> Result<Option<Expanded>, FolderError> {
    if path.is_dir() {
        let mut files = Vec::new();
        walk(
            path,
            &[Step::Folders, Step::Name("*".to_owned())],
            0,
            &mut files,
        )
        .map_err(|source| reading(path, source))?;
        return sorted(path, path.to_owned(), files).map(Some);
    }
    let text = path.to_string_lossy();
    // A file may have such a name.
    if !text.contains(['*', '?']) || path.exists() {
        return Ok(None);
    }
    let mut root = PathBuf::new();
    let mut steps = Vec::new();
    for part in path.components() {
        let name = part.as_os_str().to_string_lossy();
        match &*name {
            "**" => steps.push(Step::Folders),
            name if !steps.is_empty() || name.contains(['*', '?']) => {
                steps.push(Step::Name(name.to_owned()));
            }
            _ => root.push(part),
        }
    }
    if steps.last() == Some(&Step::Folders) {
        steps.push(Step::Name("*".to_owned()));
    }
    let mut files = Vec::new();
    let from = match root.as_os_str().is_empty() {
        true => Path::new("."),
        false => &root,
    };
    walk(from, &steps, 0, &mut files).map_err(|e| reading(from, e))?;
    if root.as_os_str().is_empty() {
        let plain = files
            .iter()
            .map(|file| file.strip_prefix(".").unwrap_or(file).to_owned());
        files = plain.collect();
    }
    sorted(path, root, files).map(Some)
}

fn reading(path: &Path, source: io::Error) -> FolderError {
    FolderError::Reading {
        path: path.to_owned(),
        source,
    }
}

fn sorted(path: &Path, root: PathBuf, mut files: Vec<PathBuf>) -> Result<Expanded, FolderError> {
    files.sort();
    files.dedup();
    match files.is_empty() {
        true => Err(FolderError::Empty(path.to_owned())),
        false => Ok(Expanded { files, root }),
    }
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Any number of folders.
    Folders,
    /// A name.
    Name(String),
}

/// Adds the files below `at` that fit the steps.
fn walk(at: &Path, steps: &[Step], depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let Some((step, after)) = steps.split_first() else {
        return Ok(());
    };
    if depth > DEEPEST {
        let text = format!(
            "{}: folders in folders, more than {DEEPEST} deep",
            at.display()
        );
        return Err(io::Error::other(text));
    }
    if *step == Step::Folders {
        walk(at, after, depth, files)?;
    }
    for entry in fs::read_dir(at)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let is_folder = fs::metadata(&path).is_ok_and(|meta| meta.is_dir());
        match step {
            Step::Folders if is_folder && !is_hidden(&name) => {
                walk(&path, steps, depth + 1, files)?;
            }
            Step::Folders => {}
            Step::Name(pattern) => {
                let asked = pattern.starts_with(['.', '_']);
                if !fits_name(pattern, &name.to_string_lossy()) || (is_hidden(&name) && !asked) {
                    continue;
                }
                match (after.is_empty(), is_folder) {
                    (true, false) => files.push(path),
                    (false, true) => walk(&path, after, depth + 1, files)?,
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// Whether a name is of what writers keep beside their data; `_x=1` is a partition.
fn is_hidden(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

/// The parts of a path that name a value: `city=Porto`, with `%20` for a space; of the names that stand for NULL none.
pub fn parts(relative: &Path) -> Vec<(String, Option<String>)> {
    let folders = relative.parent().into_iter().flat_map(Path::components);
    let names = folders.filter_map(|part| {
        let text = part.as_os_str().to_string_lossy();
        let (name, value) = text.split_once('=')?;
        let is_null = matches!(
            value,
            "__HIVE_DEFAULT_PARTITION__" | "__DEFAULT_PARTITION__"
        );
        Some((unescaped(name), (!is_null).then(|| unescaped(value))))
    });
    names.collect()
}

/// Without `%`; what is not two digits behind it stays.
fn unescaped(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|d| std::str::from_utf8(d).ok());
        let byte = digits
            .filter(|d| *first == b'%' && d.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|d| u8::from_str_radix(d, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path, pattern: &str) -> Result<Vec<String>, String> {
        let found = expand(&root.join(pattern)).map_err(|e| e.to_string())?;
        let found = found.expect("several");
        let relative = |file: &PathBuf| file.strip_prefix(root).unwrap().display().to_string();
        Ok(found.files.iter().map(relative).collect())
    }

    #[test]
    fn folders_and_patterns() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for file in [
            "city=Porto/part-0.csv",
            "city=Faro/part-1.csv",
            "city=Faro/part-0.csv",
            "city=Faro/.part-0.csv.crc",
            "_temporary/0/part-9.csv",
            "_SUCCESS",
            "a.json",
        ] {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        fs::create_dir(root.join("none")).unwrap();
        let all = [
            "city=Faro/part-0.csv",
            "city=Faro/part-1.csv",
            "city=Porto/part-0.csv",
        ];
        assert_eq!(names(root, "**/*.csv").unwrap(), all);
        assert_eq!(names(root, "city=*/*.csv").unwrap(), all);
        assert_eq!(names(root, "city=F?ro/*0*").unwrap(), all[..1]);
        let whole = names(root, "").unwrap();
        assert_eq!((whole.len(), &whole[0][..]), (4, "a.json"));
        assert_eq!(names(root, "**").unwrap(), whole);
        assert_eq!(names(root, "_SUC*").unwrap(), ["_SUCCESS"]);
        assert!(names(root, "none").unwrap_err().contains("no file"));
        assert!(names(root, "*.parquet").unwrap_err().contains("no file"));
        assert_eq!(expand(&root.join("a.json")).unwrap(), None);
        assert_eq!(expand(&root.join("b.json")).unwrap(), None);
    }

    #[test]
    fn names_and_patterns() {
        for (pattern, name, want) in [
            ("*", "", true),
            ("*a*b", "xaybzb", true),
            ("*a*b", "xayb ", false),
            ("?", "é", true),
            ("?", "", false),
            ("a*", "b", false),
        ] {
            assert_eq!(fits_name(pattern, name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn values_in_paths() {
        let found = parts(Path::new(
            "city=S%C3%A3o%20Paulo/n=__HIVE_DEFAULT_PARTITION__/x/a=b.csv",
        ));
        let want = [
            ("city".to_owned(), Some("São Paulo".to_owned())),
            ("n".to_owned(), None),
        ];
        assert_eq!(found, want);
        assert_eq!(unescaped("100%"), "100%");
        assert_eq!(unescaped("%zz%+1%41"), "%zz%+1A");
    }
}
