//! Files, as they are known again: by path, size and the hash of their first bytes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use standings_engine::input::Input;
use standings_model::error::Failure;
use standings_model::identity::{FileIdentity, HEAD, HeadOf, SourceIdentity};

/// Files in the order of their flags.
pub struct Files(pub Vec<PathBuf>);

impl Input for Files {
    fn identity(&mut self) -> Result<Option<SourceIdentity>, Failure> {
        let files: Option<Vec<FileIdentity>> = self.0.iter().map(|path| identity(path)).collect();
        Ok(files.map(|files| SourceIdentity::Files { files }))
    }

    fn head_of(&self) -> Option<HeadOf> {
        Some(Arc::new(|file, bytes| {
            (file.size >= bytes).then(|| head(Path::new(&file.path), bytes))?
        }))
    }
}

/// `None` for what is no regular file: a pipe cannot be looked at without being read.
fn identity(path: &Path) -> Option<FileIdentity> {
    let meta = std::fs::metadata(path).ok().filter(|m| m.is_file())?;
    let absolute = std::fs::canonicalize(path).ok()?;
    Some(FileIdentity {
        path: absolute.display().to_string(),
        size: meta.len(),
        head: head(path, HEAD)?,
    })
}

fn head(path: &Path, bytes: u64) -> Option<String> {
    let mut first = Vec::new();
    let file = File::open(path).ok()?;
    file.take(bytes).read_to_end(&mut first).ok()?;
    Some(format!("{:016x}", xxh3_64(&first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_again_when_it_has_grown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ndjson");
        std::fs::write(&path, "one\n").unwrap();
        let mut input = Files(vec![path.clone()]);
        let then = input.identity().unwrap().unwrap();
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let now = input.identity().unwrap().unwrap();
        let differs = |now: &SourceIdentity| then.differs(now, &|f, n| input.head_of()?(f, n));
        assert_eq!(differs(&now), None);
        std::fs::write(&path, "on\ntwo\nthree\n").unwrap();
        let other = Files(vec![path.clone()]).identity().unwrap().unwrap();
        assert!(differs(&other).is_some());
        std::fs::write(&path, "o").unwrap();
        let shorter = Files(vec![path]).identity().unwrap().unwrap();
        assert!(differs(&shorter).is_some());
        let mut pipe = Files(vec![PathBuf::from("/dev/null")]);
        assert_eq!(pipe.identity().unwrap(), None);
    }
}
