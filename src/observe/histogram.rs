//! A Prometheus histogram that takes weights: a commit names how many records arrived at one moment, and observing
//! each of them alone would cost more than ranking them.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds in seconds, 0.5 ms to 10 s.
pub const BOUNDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

#[derive(Clone, Copy, Debug, Default)]
struct Buckets {
    /// Observations per bound, not cumulated; the last is beyond every bound.
    counts: [u64; BOUNDS.len() + 1],
    sum: f64,
}

/// Seconds, weighted. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct WeightedHistogram(Arc<Mutex<Buckets>>);

impl WeightedHistogram {
    /// Shows what another shows.
    pub fn set(&self, other: &Self) {
        let state = *other.0.lock().unwrap_or_else(PoisonError::into_inner);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Adds `weight` observations of `seconds`.
    pub fn observe(&self, seconds: f64, weight: u64) {
        let slot = BOUNDS
            .iter()
            .position(|b| seconds <= *b)
            .unwrap_or(BOUNDS.len());
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.counts[slot] += weight;
        state.sum += seconds * weight as f64;
    }
}

impl TypedMetric for WeightedHistogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for WeightedHistogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bounds = BOUNDS.into_iter().chain([f64::MAX]);
        let buckets: Vec<(f64, u64)> = bounds.zip(state.counts).collect();
        encoder.encode_histogram::<NoLabelSet>(state.sum, state.counts.iter().sum(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}
