//! An object of a bucket: its address, and what was seen of it when it was listed.

use std::fmt;
use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use object_store::ObjectMeta;
use object_store::path::Path as Key;

use super::bucket::{Bucket, bucket};
use super::chosen::{Chosen, root};
use super::error::ObjectUrlError;
use super::patience::Patience;
use super::pieces::{Chunks, Pieces};
use super::{Meta, Site};
use crate::source::error::FolderError;
use crate::source::folder::Expanded;
use crate::source::glob::is_pattern;
use crate::source::url::SourceUrl;

/// How such addresses begin; Hadoop's and Flink's words for the same.
const SCHEMES: [&str; 5] = ["s3://", "s3a://", "s3p://", "s3n://", "s3:"];

/// Whether a text is the address of an object, or of several.
pub fn is_object(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| text.starts_with(scheme))
}

/// An object, or what stands for several: a folder, a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// `s3://BUCKET/KEY`.
    path: PathBuf,
    bucket: String,
    key: String,
    /// Once it was listed.
    seen: Option<Arc<Seen>>,
}

/// Which version of an object is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) size: u64,
    pub(super) modified: i64,
    /// Its ETag.
    pub(super) tag: Option<String>,
}

impl Seen {
    fn of(meta: &ObjectMeta) -> Self {
        Seen {
            size: meta.size,
            modified: meta.last_modified.timestamp_millis(),
            tag: meta.e_tag.clone(),
        }
    }
}

impl FromStr for Object {
    type Err = ObjectUrlError;

    fn from_str(text: &str) -> Result<Self, ObjectUrlError> {
        let rest = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme));
        let rest = rest.unwrap_or_default();
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(ObjectUrlError::NoBucket);
        }
        if bucket.contains(['@', ':', '?']) || key.contains("?X-Amz-") {
            return Err(ObjectUrlError::Secrets);
        }
        if Key::parse(key).is_err() {
            return Err(ObjectUrlError::Key(key.to_owned()));
        }
        Ok(Object::new(bucket, key, None))
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Object {
    fn new(bucket: &str, key: &str, seen: Option<Arc<Seen>>) -> Self {
        Object {
            path: format!("s3://{bucket}/{key}").into(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            seen,
        }
    }

    /// `s3://BUCKET/KEY`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What stands behind the bucket: a key, the begin of some, a pattern.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A key as the client has it. That it is one was seen when it was parsed, or listed.
    fn as_key(key: &str) -> io::Result<Key> {
        Key::parse(key).map_err(io::Error::other)
    }

    /// The objects that it stands for.
    pub(super) fn expand(&self) -> Result<Expanded, FolderError> {
        let url = || SourceUrl::File(Site::Object(self.clone()));
        let reading = |source| FolderError::Reading { url: url(), source };
        self.listed(&Patience::default())
            .map_err(reading)?
            .ok_or_else(|| FolderError::Empty(url()))
    }

    fn listed(&self, patience: &Patience) -> io::Result<Option<Expanded>> {
        let from = bucket(&self.bucket)?;
        let is_folder = self.key.is_empty() || self.key.ends_with('/');
        // An object may have such a name.
        if !is_folder && let Some(meta) = from.look(&Self::as_key(&self.key)?, patience)? {
            let seen = Some(Arc::new(Seen::of(&meta)));
            return Ok(Some(Expanded {
                files: vec![Site::Object(Object::new(&self.bucket, &self.key, seen))],
                root: None,
            }));
        }
        let pattern = is_pattern(&self.key).then_some(&*self.key);
        let root = pattern.map_or(&*self.key, root).trim_matches('/');
        let all = from.list(&Self::as_key(root)?, patience)?;
        let chosen = Chosen::new(root, pattern).map_err(io::Error::other)?;
        let all: Vec<(&str, &ObjectMeta)> = all.iter().map(|m| (m.location.as_ref(), m)).collect();
        let sizes: Vec<(&str, u64)> = all.iter().map(|(key, m)| (*key, m.size)).collect();
        let mut files: Vec<Object> = chosen
            .of(&sizes)
            .into_iter()
            .map(|n| (all[n].0, Arc::new(Seen::of(all[n].1))))
            .map(|(key, seen)| Object::new(&self.bucket, key, Some(seen)))
            .collect();
        // As the paths of a folder are.
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let root = Some(format!("s3://{}/{root}", self.bucket).into());
        Ok((!files.is_empty()).then(|| Expanded {
            files: files.into_iter().map(Site::Object).collect(),
            root,
        }))
    }

    /// The bucket, the key, and which version is read.
    fn there(&self, patience: &Patience) -> io::Result<(Arc<Bucket>, Key, Arc<Seen>)> {
        let (from, key) = (bucket(&self.bucket)?, Self::as_key(&self.key)?);
        let seen = match &self.seen {
            Some(seen) => Arc::clone(seen),
            None => match from.look(&key, patience)? {
                Some(meta) => Arc::new(Seen::of(&meta)),
                None => {
                    let text = "there is no such object";
                    return Err(io::Error::new(io::ErrorKind::NotFound, text));
                }
            },
        };
        Ok((from, key, seen))
    }

    pub(super) fn meta(&self, patience: &Patience) -> io::Result<Meta> {
        let (_, _, seen) = self.there(patience)?;
        Ok(Meta {
            size: seen.size,
            modified: seen.modified,
        })
    }

    /// Its bytes, one after the other.
    pub(super) fn pieces(&self, patience: &Patience) -> io::Result<Pieces> {
        let (from, key, seen) = self.there(patience)?;
        Ok(Pieces::new(from, key, seen, patience))
    }

    /// Its bytes, asked for by their places.
    pub(in crate::source) fn chunks(&self, patience: &Patience) -> io::Result<Chunks> {
        let (from, key, seen) = self.there(patience)?;
        Ok(Chunks::new(from, key, seen, patience))
    }

    /// All of it, in a file without a name that is gone with its last reader.
    pub(super) fn whole(&self, patience: &Patience) -> io::Result<File> {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut self.pieces(patience)?, &mut file)?;
        file.rewind()?;
        Ok(file)
    }
}
