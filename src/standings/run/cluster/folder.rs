//! The supervisor's own folder, with its control socket and the secret of its processes: there as long as it runs.
//!
//! 1. It goes at the end of the supervisor, also at one that waits for nothing (asked to stop twice, a panic).
//! 2. One that was killed leaves its folder: the next start removes it. It is left over if its process is not there and
//!    nobody listens at its socket (the process of another container that shares the temporary folder is not seen here).

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::control::{FOLDER, SOCKET};
use standings_process::exit;

/// Removed when dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes this process's own.
    pub(super) fn new() -> std::io::Result<Self> {
        let all = std::env::temp_dir();
        sweep(&all);
        let path = all.join(format!("{FOLDER}{}", std::process::id()));
        // Left by another of this number, which was killed.
        let _ = std::fs::remove_dir_all(&path);
        // Nobody else can look into it: one that is there already is of somebody else.
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        let also = path.clone();
        exit::on_failure(Box::new(move |_| {
            let _ = std::fs::remove_dir_all(&also);
            // Nothing is waited for.
            let (_, done) = crossbeam_channel::bounded(0);
            done
        }));
        Ok(Folder(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Removes what supervisors of this user left that are not there any more.
fn sweep(all: &Path) {
    let found = std::fs::read_dir(all).into_iter().flatten().flatten();
    for path in found.map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let process = name.strip_prefix(FOLDER).and_then(|p| p.parse().ok());
        if process.is_some_and(|p| !is_there(p)) && is_ours(&path) && !is_heard(&path) {
            // Somebody else may just be doing the same.
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}

fn is_there(process: libc::pid_t) -> bool {
    // SAFETY: signal 0 only asks.
    let asked = unsafe { libc::kill(process, 0) };
    asked == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// A folder, and of this user.
fn is_ours(path: &Path) -> bool {
    // SAFETY: it only asks.
    let user = unsafe { libc::geteuid() };
    std::fs::symlink_metadata(path).is_ok_and(|m| m.is_dir() && m.uid() == user)
}

/// Whether a supervisor listens.
fn is_heard(path: &Path) -> bool {
    UnixStream::connect(path.join(SOCKET)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// A process that has ended.
    fn gone() -> u32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[test]
    fn what_was_left_is_removed_and_nothing_else() {
        let all = tempfile::tempdir().unwrap();
        let make = |name: String| {
            let path = all.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("secret"), "x").unwrap();
            path
        };
        let left = make(format!("{FOLDER}{}", gone()));
        let runs = make(format!("{FOLDER}{}", std::process::id()));
        let elsewhere = make(format!("{FOLDER}{}", gone()));
        let _listener = UnixListener::bind(elsewhere.join(SOCKET)).unwrap();
        let others = [
            make(format!("{FOLDER}x")),
            make("standings-clusters".into()),
        ];
        sweep(all.path());
        assert!(!left.exists());
        for stays in [&runs, &elsewhere].into_iter().chain(&others) {
            assert!(stays.exists(), "{}", stays.display());
        }
    }
}
