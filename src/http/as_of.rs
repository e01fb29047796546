//! What an answer is an answer of: the commit, the prefix of the input, the watermark. Every answer carries it, so that
//! a reader can ask for at least what another answer, or its own write, already stands for.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use standings_model::block::PartitionId;
use standings_model::time::{MAX_EVENT_TIME, format_rfc3339};

/// The next offset to read, by partition, in order. Small and shared: a board keeps thousands.
pub type Offsets = Arc<[(PartitionId, u64)]>;

/// A consistent cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// The last commit; 0 before the first.
    pub commit: u64,
    /// The prefix of the input.
    pub offsets: Offsets,
    /// The global watermark, ms.
    pub watermark: Option<i64>,
}

impl Default for AsOf {
    fn default() -> Self {
        AsOf {
            commit: 0,
            offsets: Arc::from([]),
            watermark: None,
        }
    }
}

/// Offsets of a map.
pub fn offsets(map: &BTreeMap<PartitionId, u64>) -> Offsets {
    map.iter().map(|(p, o)| (*p, *o)).collect()
}

/// `0:1234,1:99`: partition and next offset.
pub fn token(offsets: &[(PartitionId, u64)]) -> String {
    let mut text = String::new();
    for (i, (partition, offset)) in offsets.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{}{partition}:{offset}", if i > 0 { "," } else { "" });
    }
    text
}

/// Reads a token; `None` if it is none. At most 10,000 partitions, each once.
pub fn parse_token(text: &str) -> Option<BTreeMap<PartitionId, u64>> {
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let mut found = BTreeMap::new();
    for pair in text.split(',') {
        let (partition, offset) = pair.split_once(':')?;
        if !digits(partition) || !digits(offset) || found.len() >= 10_000 {
            return None;
        }
        let before = found.insert(partition.parse().ok()?, offset.parse().ok()?);
        if before.is_some() {
            return None;
        }
    }
    Some(found)
}

/// A time that RFC 3339 can write: the end of all input is its last millisecond.
pub fn time(ms: i64) -> String {
    format_rfc3339(ms.min(MAX_EVENT_TIME))
}

impl AsOf {
    /// Whether this stands for at least so much of each of these partitions.
    pub fn reaches(&self, wanted: &BTreeMap<PartitionId, u64>) -> bool {
        wanted.iter().all(|(partition, offset)| {
            let own = self.offsets.binary_search_by_key(partition, |(p, _)| *p);
            own.is_ok_and(|i| self.offsets[i].1 >= *offset)
        })
    }

    /// The watermark as RFC 3339.
    pub fn watermark_text(&self) -> Option<String> {
        self.watermark.map(time)
    }

    /// `{"commit":42,"offsets":"0:1","watermark":null}`.
    pub fn json(&self) -> String {
        let watermark = match self.watermark_text() {
            Some(text) => format!("\"{text}\""),
            None => "null".to_owned(),
        };
        format!(
            "{{\"commit\":{},\"offsets\":\"{}\",\"watermark\":{watermark}}}",
            self.commit,
            token(&self.offsets)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let map = BTreeMap::from([(0, 1234), (1, 99)]);
        assert_eq!(token(&offsets(&map)), "0:1234,1:99");
        assert_eq!(parse_token("0:1234,1:99"), Some(map));
        for wrong in [
            "",
            "0",
            "0:",
            ":1",
            "0:1,",
            "0:-1",
            "+0:1",
            "0:1,0:2",
            "0:99999999999999999999",
            "a:1",
            "0:1;1:2",
        ] {
            assert_eq!(parse_token(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn reaching_is_of_every_partition() {
        let at = AsOf {
            offsets: offsets(&BTreeMap::from([(0, 5), (2, 7)])),
            ..AsOf::default()
        };
        for (wanted, reached) in [
            ("0:5", true),
            ("0:5,2:7", true),
            ("0:6", false),
            ("1:0", false),
            ("2:8,0:1", false),
        ] {
            assert_eq!(
                at.reaches(&parse_token(wanted).unwrap()),
                reached,
                "{wanted}"
            );
        }
    }
}
