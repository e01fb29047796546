//! Windows that are dropped, and all rows as drafted last: what sinks that are behind are brought to.

use std::collections::BTreeMap;

use super::super::ends;
use super::Gather;
use crate::event_time::BEGINNING;
use standings_model::change::Whole;
use standings_model::plan::Plan;

/// How far windows are dropped of rankings by sessions, where those of others go up to `horizon`.
pub(super) fn later(plan: &Plan, horizon: i64) -> BTreeMap<usize, i64> {
    let all = plan.rankings.iter().enumerate();
    let later = all.map(|(number, ranking)| (number, ranking.horizon(horizon)));
    later
        .filter(|(number, own)| *own < horizon && !plan.rankings[*number].is_hidden)
        .collect()
}

impl Gather {
    /// All rows as drafted last.
    pub(super) fn whole(&self, watermark: i64) -> Whole {
        let mut rows = Vec::new();
        for (at, partitions) in &self.windows {
            for (partition, ranked) in partitions {
                ranked.rows(self.at(*at, partition, watermark), &mut rows);
            }
        }
        self.rows_of_tops(watermark, |_, _| true, &mut rows);
        match &self.dropped {
            Some(dropped) => Whole {
                rows: dropped.rows.iter().cloned().chain(rows).collect(),
                horizon: dropped.horizon,
                later: dropped.later.clone(),
            },
            None => Whole {
                rows,
                horizon: self.promised(),
                later: later(&self.plan, self.promised()),
            },
        }
    }

    /// Every sink has what it was to be brought to: rows of dropped windows are not needed any more.
    pub fn caught_up(&mut self) {
        self.dropped = None;
    }

    /// Drops the windows that every reader has promised to send nothing more for.
    pub(super) fn retire(&mut self, watermark: i64) {
        let horizon = self.promised();
        if horizon > BEGINNING {
            if let Some(mut dropped) = self.dropped.take() {
                for (key, partitions) in ends::gone(&self.windows, &self.plan.rankings, horizon) {
                    for (partition, ranked) in partitions {
                        let at = self.at(key, partition, watermark);
                        ranked.rows(at, &mut dropped.rows);
                    }
                }
                let is_gone =
                    |n: u32, end: i64| end <= self.plan.rankings[n as usize].horizon(horizon);
                self.rows_of_tops(watermark, is_gone, &mut dropped.rows);
                self.dropped = Some(dropped);
            }
            let rankings = &self.plan.rankings;
            let _gone = ends::take(&mut self.windows, rankings, horizon);
            let _gone = ends::take(&mut self.tops.windows, rankings, horizon);
        }
    }
}
