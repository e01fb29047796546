//! A folder in place of a registry: a file a schema, named by its id.

use std::io;
use std::path::Path;

use super::client::NoClient;
use super::{BAD, UNKNOWN};
use standings_model::schema::{Language, Schema};

/// Bytes of a schema.
const MOST: u64 = 1 << 20;

/// What files of a language end with.
fn endings(language: Language) -> &'static [&'static str] {
    match language {
        Language::Avro => &["avsc", "json"],
        Language::Json => &["json"],
        Language::Protobuf => &["proto"],
    }
}

pub(super) fn check(path: &Path) -> Result<(), NoClient> {
    let is_folder = std::fs::metadata(path).and_then(|meta| match meta.is_dir() {
        true => Ok(()),
        false => Err(io::Error::other("it is no folder")),
    });
    is_folder.map_err(|source| NoClient::Folder {
        path: path.to_owned(),
        source,
    })
}

/// The schema of an id; the reason and the detail of a dead letter where there is none.
pub(super) fn find(
    folder: &Path,
    id: u32,
    language: Language,
) -> Result<Schema, (&'static str, String)> {
    for ending in endings(language) {
        let path = folder.join(format!("{id}.{ending}"));
        let shown = path.display();
        match std::fs::metadata(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err((BAD, format!("{shown}: {e}"))),
            Ok(meta) if meta.len() > MOST => {
                let detail = format!("{shown}: {} bytes; at most 1 MiB are taken", meta.len());
                return Err((BAD, detail));
            }
            Ok(_) => {}
        }
        return match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Schema::new(language, text)),
            Err(e) => Err((BAD, format!("{shown}: {e}"))),
        };
    }
    let ending = endings(language)[0];
    Err((
        UNKNOWN,
        format!("there is no file {id}.{ending} in {}", folder.display()),
    ))
}
