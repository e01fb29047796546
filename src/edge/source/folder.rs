//! A folder or a pattern as the files that it stands for, in the order of their paths: each is a partition.
//!
//! ```text
//! file:sales            sales/city=Porto/part-0.parquet   every file below, hidden ones and `_SUCCESS` not
//! file:sales/**/*.csv   `*`, `?` and `[a-z]` within a name, `**` over folders, `{a,b}` one or the other
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::FolderError;
use super::glob::{Glob, alternatives, is_pattern};
use super::site::Site;
use super::url::SourceUrl;

/// So deep folders are looked into: what goes on for longer is a link to a folder above.
const DEEPEST: usize = 32;

/// Files, and the folder that their paths are relative to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expanded {
    /// The files, by their paths.
    pub files: Vec<Site>,
    /// The folder; none of what is one file.
    pub root: Option<PathBuf>,
}

/// The files of a folder or a pattern; of what is one file itself.
pub fn expand(path: &Path) -> Result<Expanded, FolderError> {
    if path.is_dir() {
        let mut files = Vec::new();
        walk(
            path,
            &[Step::Folders, Step::Name(Glob::new("*"))],
            0,
            &mut files,
        )
        .map_err(|source| reading(path, source))?;
        return sorted(path, path.to_owned(), files);
    }
    let text = path.to_string_lossy();
    // A file may have such a name.
    if !is_pattern(&text) || path.exists() {
        return Ok(Expanded {
            files: vec![path.into()],
            root: None,
        });
    }
    let is_plain =
        |part: &std::path::Component<'_>| !is_pattern(&part.as_os_str().to_string_lossy());
    let root: PathBuf = path.components().take_while(is_plain).collect();
    let from = match root.as_os_str().is_empty() {
        true => Path::new("."),
        false => &root,
    };
    let behind = path.strip_prefix(&root).unwrap_or(path).to_string_lossy();
    let mut files = Vec::new();
    let patterns = alternatives(&behind).ok_or_else(|| {
        let text = "it stands for too many patterns, {a,b} by {a,b}";
        reading(path, io::Error::new(io::ErrorKind::InvalidInput, text))
    })?;
    for pattern in patterns {
        match walk(from, &steps(&pattern), 0, &mut files) {
            // Of several a folder may be lacking; that none has a file is said below.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            found => found.map_err(|e| reading(from, e))?,
        }
    }
    if root.as_os_str().is_empty() {
        let plain = files
            .iter()
            .map(|file| file.strip_prefix(".").unwrap_or(file).to_owned());
        files = plain.collect();
    }
    sorted(path, root, files)
}

fn reading(path: &Path, source: io::Error) -> FolderError {
    FolderError::Reading {
        url: SourceUrl::File(path.into()),
        source,
    }
}

fn sorted(path: &Path, root: PathBuf, mut files: Vec<PathBuf>) -> Result<Expanded, FolderError> {
    files.sort();
    files.dedup();
    match files.is_empty() {
        true => Err(FolderError::Empty(SourceUrl::File(path.into()))),
        false => Ok(Expanded {
            files: files.into_iter().map(Site::from).collect(),
            root: Some(root),
        }),
    }
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Any number of folders.
    Folders,
    /// A name.
    Name(Glob),
}

/// The parts of a pattern without alternatives.
pub(super) fn steps(pattern: &str) -> Vec<Step> {
    let names = pattern.split('/').filter(|name| !name.is_empty());
    let step = |name: &str| match name {
        "**" => Step::Folders,
        name => Step::Name(Glob::new(name)),
    };
    let mut steps: Vec<Step> = names.map(step).collect();
    if steps.last() == Some(&Step::Folders) {
        steps.push(Step::Name(Glob::new("*")));
    }
    steps
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
        let name = name.to_string_lossy();
        let is_folder = fs::metadata(&path).is_ok_and(|meta| meta.is_dir());
        match step {
            Step::Folders if is_folder && !is_hidden(&name) => {
                walk(&path, steps, depth + 1, files)?;
            }
            Step::Folders => {}
            Step::Name(pattern) => {
                let asked = pattern.is_hidden();
                if !pattern.fits(&name) || (is_hidden(&name) && !asked) {
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
pub(super) fn is_hidden(name: &str) -> bool {
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
        let relative = |file: &Site| {
            file.path()
                .strip_prefix(root)
                .unwrap()
                .display()
                .to_string()
        };
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
        assert_eq!(names(root, "city=[A-F]*/*[!1].csv").unwrap(), all[..1]);
        assert_eq!(
            names(root, "{city=Porto/*,a}.{csv,json}").unwrap(),
            ["a.json", all[2]]
        );
        assert_eq!(names(root, "{city=Porto,nowhere}/*.csv").unwrap(), all[2..]);
        assert!(names(root, "{x,y}.csv").unwrap_err().contains("no file"));
        // A file may be called so.
        fs::write(root.join("b[1].csv"), "x").unwrap();
        assert_eq!(expand(&root.join("b[1].csv")).unwrap().root, None);
        fs::remove_file(root.join("b[1].csv")).unwrap();
        assert!(names(root, "none").unwrap_err().contains("no file"));
        assert!(names(root, "*.parquet").unwrap_err().contains("no file"));
        assert_eq!(expand(&root.join("a.json")).unwrap().root, None);
        assert_eq!(expand(&root.join("b.json")).unwrap().root, None);
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
