//! A folder as a store, for tests: they damage, remove and put back its files.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use standings_model::clock::Clock;

use super::{ObjectError, Objects, Store};

struct Folder(PathBuf);

/// The store in this folder.
pub fn store(folder: &Path) -> Store {
    let objects = Arc::new(Folder(folder.to_owned()));
    Store::of(folder.display().to_string(), objects, Clock::default())
}

fn failed(error: std::io::Error) -> ObjectError {
    match error.kind() {
        ErrorKind::AlreadyExists => ObjectError::Exists,
        ErrorKind::NotFound => ObjectError::Missing,
        _ => ObjectError::Failed(error.to_string()),
    }
}

impl Objects for Folder {
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), ObjectError> {
        let path = self.0.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut file = fs::File::create_new(path).map_err(failed)?;
        file.write_all(&bytes).map_err(failed)
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, ObjectError> {
        fs::read(self.0.join(name)).map_err(failed)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, ObjectError> {
        let mut names = Vec::new();
        let mut open = vec![self.0.join(folder)];
        while let Some(at) = open.pop() {
            let entries = match fs::read_dir(&at) {
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                read => read.map_err(failed)?,
            };
            for entry in entries {
                let path = entry.map_err(failed)?.path();
                match path.is_dir() {
                    true => open.push(path),
                    false => names.extend(
                        path.strip_prefix(&self.0)
                            .ok()
                            .map(|p| p.display().to_string()),
                    ),
                }
            }
        }
        Ok(names)
    }

    fn remove(&self, name: &str) -> Result<(), ObjectError> {
        match fs::remove_file(self.0.join(name)).map_err(failed) {
            Err(ObjectError::Missing) => Ok(()),
            done => done,
        }
    }
}
