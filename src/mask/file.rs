//! The key file: made once, kept as a password, read at each start.
//!
//! 1. A file that is there is never written over: a key that is lost takes all its tokens with it.
//! 2. It is its owner's alone from the first byte on.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use ring::rand::{SecureRandom, SystemRandom};

use super::keys::{ID, KeyError, Keys, OF_HASHES, OF_TOKENS, push_hex};

/// Bytes of a key file that are read: hundreds of keys.
const MOST: u64 = 256 << 10;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read, or written.
    #[error("{path}: {error}")]
    Io {
        /// Which file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// Others may read it.
    #[error("{path} can be read by others (mode {mode:04o}): chmod 600 {path}")]
    Open {
        /// Which file.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// No keys.
    #[error("{path}: {error}")]
    Key {
        /// Which file.
        path: String,
        /// Why.
        error: KeyError,
    },
    /// The system gives no dice.
    #[error("the system gives no random numbers: no key can be made")]
    NoDice,
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> FileError + '_ {
    |error| FileError::Io {
        path: path.display().to_string(),
        error,
    }
}

/// Reads a key file.
///
/// # Errors
/// It cannot be read, others can, or it has no keys.
pub fn read(path: &Path) -> Result<Keys, FileError> {
    let wrong = io_error(path);
    let file = File::open(path).map_err(&wrong)?;
    let mode = file.metadata().map_err(&wrong)?.mode() & 0o777;
    // A group may: that is how a cluster gives a secret to a process.
    if mode & 0o007 != 0 {
        return Err(FileError::Open {
            path: path.display().to_string(),
            mode,
        });
    }
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text).map_err(&wrong)?;
    Keys::parse(&text).map_err(|error| FileError::Key {
        path: path.display().to_string(),
        error,
    })
}

/// Makes a file with one new key; its id.
///
/// # Errors
/// There is such a file, or it cannot be written.
pub fn make(path: &Path) -> Result<String, FileError> {
    let (id, line) = line()?;
    let text = format!(
        "# Keys of masked columns: an id, a key of hashes, a key of tokens. Keep them as a password. The first line masks;\n\
         # tokens are read by all of them. To change the key put a new one before it, and keep the old one as long as its tokens.\n\
         {line}\n"
    );
    let wrong = io_error(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(&wrong)?;
    let written = file.write_all(text.as_bytes());
    written.and_then(|()| file.sync_all()).map_err(&wrong)?;
    Ok(id)
}

/// A new key, as a line of a file, and its id.
///
/// # Errors
/// The system gives no dice.
pub fn line() -> Result<(String, String), FileError> {
    let mut dice = [0; ID / 2 + OF_HASHES + OF_TOKENS];
    SystemRandom::new()
        .fill(&mut dice)
        .map_err(|_| FileError::NoDice)?;
    let (id, keys) = dice.split_at(ID / 2);
    let (hashes, tokens) = keys.split_at(OF_HASHES);
    let hex = |bytes: &[u8]| {
        let mut out = Vec::new();
        push_hex(bytes, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    };
    let id = hex(id);
    let line = format!("{id} {} {}", hex(hashes), hex(tokens));
    Ok((id, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::mask::{Mask, Method};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_made_once_and_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.key");
        let id = make(&path).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        let keys = read(&path).unwrap();
        assert_eq!(keys.ids().collect::<Vec<_>>(), [id]);
        let before = std::fs::read(&path).unwrap();
        assert!(make(&path).is_err(), "it is there");
        assert_eq!(std::fs::read(&path).unwrap(), before);
        let other = folder.path().join("other.key");
        make(&other).unwrap();
        let hash = |path: &Path| {
            let mut out = Vec::new();
            read(path).unwrap().mask(Method::Hash, b"x", &mut out);
            out
        };
        assert_ne!(hash(&path), hash(&other));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.key");
        make(&path).unwrap();
        for (mode, fine) in [(0o644, false), (0o604, false), (0o640, true), (0o400, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let said = read(&path).map(drop).map_err(|e| e.to_string());
            assert_eq!(said.is_ok(), fine, "{mode:o}: {said:?}");
        }
        assert!(matches!(
            read(&folder.path().join("none")),
            Err(FileError::Io { .. })
        ));
    }
}
