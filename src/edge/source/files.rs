//! Files, as they are known again: by path, size and the hash of their first bytes.

use std::io;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::error::FileError;
use super::site::{Site, each};
use standings_engine::input::Input;
use standings_model::error::Failure;
use standings_model::identity::{FileIdentity, HEAD, HeadOf, SourceIdentity};

/// Files in the order of their flags.
pub struct Files(pub Vec<Site>);

impl Input for Files {
    fn identity(&mut self) -> Result<Option<SourceIdentity>, Failure> {
        let files = each(&self.0, identity);
        let files: Result<Option<Vec<FileIdentity>>, FileError> = files.into_iter().collect();
        Ok(files?.map(|files| SourceIdentity::Files { files }))
    }

    fn head_of(&self) -> Option<HeadOf> {
        Some(Arc::new(|file, bytes| {
            (file.size >= bytes).then(|| head(&Site::of_absolute(&file.path), bytes))?
        }))
    }
}

/// `None` for what is no regular file: a pipe cannot be looked at without being read.
fn identity(site: &Site) -> Result<Option<FileIdentity>, FileError> {
    let known = || -> io::Result<FileIdentity> {
        Ok(FileIdentity {
            path: site.absolute().ok_or(io::ErrorKind::NotFound)?,
            size: site.meta()?.size,
            head: format!("{:016x}", xxh3_64(&site.head(HEAD)?)),
        })
    };
    match site {
        Site::Disk(_) => Ok(site.is_regular().then(|| known().ok()).flatten()),
        // A bucket that gives no answer is no reason to take it for any.
        Site::Object(_) => known().map(Some).map_err(FileError::reading(site.path())),
    }
}

fn head(site: &Site, bytes: u64) -> Option<String> {
    let first = site.head(bytes).ok()?;
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
        let mut input = Files(vec![path.clone().into()]);
        let then = input.identity().unwrap().unwrap();
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let now = input.identity().unwrap().unwrap();
        let differs = |now: &SourceIdentity| then.differs(now, &|f, n| input.head_of()?(f, n));
        assert_eq!(differs(&now), None);
        std::fs::write(&path, "on\ntwo\nthree\n").unwrap();
        let other = Files(vec![path.clone().into()])
            .identity()
            .unwrap()
            .unwrap();
        assert!(differs(&other).is_some());
        std::fs::write(&path, "o").unwrap();
        let shorter = Files(vec![path.into()]).identity().unwrap().unwrap();
        assert!(differs(&shorter).is_some());
        let mut pipe = Files(vec!["/dev/null".into()]);
        assert_eq!(pipe.identity().unwrap(), None);
    }
}
