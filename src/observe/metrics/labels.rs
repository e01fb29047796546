//! The labels of the metrics.

use std::fmt;

use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};

use crate::live::Live;
use standings_model::block::PartitionId;

/// A partition; of several topics its number there, and which.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PartitionLabel {
    partition: PartitionId,
    topic: Option<String>,
}

impl PartitionLabel {
    pub(super) fn of(live: &Live, partition: PartitionId) -> Self {
        let (topic, partition) = live.input_of(partition);
        PartitionLabel {
            partition,
            topic: topic.map(str::to_owned),
        }
    }
}

impl EncodeLabelSet for PartitionLabel {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        ("partition", self.partition).encode(encoder.encode_label())?;
        match &self.topic {
            Some(topic) => ("topic", topic.as_str()).encode(encoder.encode_label()),
            // A label without a value would be another series.
            None => Ok(()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ChangeLabel {
    pub(super) ranking: String,
    pub(super) op: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RankingLabel {
    pub(super) ranking: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SinkLabel {
    pub(super) sink: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RefusalLabel {
    pub(super) sink: String,
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DriftLabel {
    pub(super) table: String,
    pub(super) kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TableLabel {
    pub(super) table: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ServerLabel {
    pub(super) server: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CheckLabel {
    pub(super) check: String,
    pub(super) action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WindowCheckLabel {
    pub(super) check: String,
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct NameLabel {
    pub(super) check: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfLabel {
    pub(super) of: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LimitLabel {
    pub(super) limit: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ObjectiveLabel {
    pub(super) objective: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BurnLabel {
    pub(super) objective: &'static str,
    pub(super) span: &'static str,
}

/// A window by its place, not by its time: the number of series stays the same for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WindowLabel {
    pub(super) window: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AmountLabel {
    pub(super) window: &'static str,
    pub(super) stat: &'static str,
}
