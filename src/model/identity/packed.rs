//! Many files in few bytes, as each commit keeps them: of ten thousand a list of objects would be megabytes, more than a message of
//! Kafka may have.
//!
//! ```text
//! {"files": [{"path": …, "size": …, "head": …}]}     up to 64 of them, and whatever an earlier version wrote
//! {"files": "AAovaW4vcGFydC0x…"}                     more: base64 of what follows, file by file
//!
//! shared   bytes of the path that are those of the path before    LEB128
//! rest     the others: how many, and they                         LEB128, bytes
//! size                                                            LEB128
//! head     0 and its eight bytes; of what is no hash 1 + how many, and they
//! ```

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::source::FileIdentity;
use crate::leb128;

/// So many are written as a list, which a person can read.
const FEW: usize = 64;

pub(super) fn serialize<S: Serializer>(files: &[FileIdentity], to: S) -> Result<S::Ok, S::Error> {
    // Between processes it is no text.
    match to.is_human_readable() && files.len() > FEW {
        true => to.serialize_str(&STANDARD.encode(packed(files))),
        false => files.serialize(to),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<FileIdentity>, D::Error> {
    match from.is_human_readable() {
        true => from.deserialize_any(Either),
        false => Vec::deserialize(from),
    }
}

/// A list, or a text.
struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Vec<FileIdentity>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of files, or the text that stands for one")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        let mut files = Vec::new();
        while let Some(file) = all.next_element()? {
            files.push(file);
        }
        Ok(files)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let bytes = STANDARD.decode(text).map_err(E::custom)?;
        unpacked(&bytes).ok_or_else(|| E::custom("what stands for a list of files is cut off"))
    }
}

fn packed(files: &[FileIdentity]) -> Vec<u8> {
    let (mut out, mut before) = (Vec::new(), "");
    for file in files {
        let pairs = before.bytes().zip(file.path.bytes());
        let shared = pairs.take_while(|(a, b)| a == b).count();
        leb128::push(&mut out, shared as u64);
        push_bytes(&mut out, 0, &file.path.as_bytes()[shared..]);
        leb128::push(&mut out, file.size);
        match hash(&file.head) {
            Some(hash) => {
                out.push(0);
                out.extend_from_slice(&hash.to_be_bytes());
            }
            None => push_bytes(&mut out, 1, file.head.as_bytes()),
        }
        before = &file.path;
    }
    out
}

fn push_bytes(out: &mut Vec<u8>, more: u64, bytes: &[u8]) {
    leb128::push(out, bytes.len() as u64 + more);
    out.extend_from_slice(bytes);
}

/// A head as the number that it is written from; `None` if it would not be written so again.
fn hash(head: &str) -> Option<u64> {
    let hash = u64::from_str_radix(head, 16).ok()?;
    (format!("{hash:016x}") == head).then_some(hash)
}

/// `None` for bytes that are no whole list.
fn unpacked(mut bytes: &[u8]) -> Option<Vec<FileIdentity>> {
    let (mut files, mut before): (Vec<FileIdentity>, Vec<u8>) = (Vec::new(), Vec::new());
    while !bytes.is_empty() {
        let shared = usize::try_from(leb128::take(&mut bytes)?).ok()?;
        let mut path = before.get(..shared)?.to_vec();
        let rest = leb128::take(&mut bytes)?;
        path.extend_from_slice(take(&mut bytes, rest)?);
        let size = leb128::take(&mut bytes)?;
        let head = match leb128::take(&mut bytes)? {
            0 => format!(
                "{:016x}",
                u64::from_be_bytes(take(&mut bytes, 8)?.try_into().ok()?)
            ),
            more => String::from_utf8(take(&mut bytes, more - 1)?.to_vec()).ok()?,
        };
        before.clone_from(&path);
        let path = String::from_utf8(path).ok()?;
        files.push(FileIdentity { path, size, head });
    }
    Some(files)
}

fn take<'b>(bytes: &mut &'b [u8], count: u64) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(count).ok()?)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::super::SourceIdentity;
    use super::*;
    use proptest::prelude::*;

    fn file(path: String, size: u64, head: String) -> FileIdentity {
        FileIdentity { path, size, head }
    }

    #[test]
    fn ten_thousand_files_are_no_megabytes() {
        let one = |n: u64| {
            let head = format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            file(
                format!("/data/sales/day=2026-01-{:02}/part-{n:05}.parquet", n % 28),
                700_000 + n,
                head,
            )
        };
        let mut files: Vec<FileIdentity> = (0..10_000).map(one).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let known = SourceIdentity::Files { files };
        let text = serde_json::to_string(&known).unwrap();
        assert!(text.len() < 400_000, "{} bytes", text.len());
        assert_eq!(
            serde_json::from_str::<SourceIdentity>(&text).unwrap(),
            known
        );
        // As a database gives it back.
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            serde_json::from_value::<SourceIdentity>(value).unwrap(),
            known
        );
    }

    #[test]
    fn few_files_are_a_list_as_they_were() {
        let files = vec![file("/a".to_owned(), 3, "x".to_owned())];
        let known = SourceIdentity::Files { files };
        let text = r#"{"files":{"files":[{"path":"/a","size":3,"head":"x"}]}}"#;
        assert_eq!(serde_json::to_string(&known).unwrap(), text);
        assert_eq!(serde_json::from_str::<SourceIdentity>(text).unwrap(), known);
        for wrong in [
            r#"{"files":{"files":"AA"}}"#,
            r#"{"files":{"files":"-"}}"#,
            r#"{"files":{"files":7}}"#,
        ] {
            assert!(
                serde_json::from_str::<SourceIdentity>(wrong).is_err(),
                "{wrong}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back(
            all in proptest::collection::vec(("[aé/]{0,9}", any::<u64>(), "[0-9a-fA-F]{0,17}"), 0..9)
        ) {
            let files = all.into_iter().map(|(path, size, head)| file(path, size, head));
            let files: Vec<FileIdentity> = files.collect();
            let bytes = packed(&files);
            prop_assert_eq!(unpacked(&bytes), Some(files));
        }

        #[test]
        fn any_bytes_are_a_list_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = unpacked(&bytes);
        }
    }
}
