//! A proposal, tried: the same records through the real decoder, so that what is printed works.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::sample::{From, Given, Limits, read};
use crate::run::registries::registries;
use standings_decode::change::Op;
use standings_decode::{About, Cell, DecodeError, Decoder, Sale};
use standings_edge::source::SourceOptions;
use standings_model::error::Failure;
use standings_model::json_values;
use standings_model::plan::Plan;
use standings_model::time::{DAY, HOUR};

/// What would become of the records.
#[derive(Clone, Debug, Default)]
pub(super) struct Tried {
    pub(super) read: u64,
    pub(super) fits: u64,
    /// Dead letters: by reason how many, and the first detail.
    pub(super) dead: BTreeMap<String, (u64, String)>,
    /// By the column that their detail names, of values that are there.
    pub(super) by_column: BTreeMap<String, u64>,
    /// Least and greatest event time, ms.
    pub(super) times: Option<(i64, i64)>,
    /// How far a record was behind the greatest before it, at most, ms.
    pub(super) disorder: i64,
}

impl Tried {
    fn refuse(&mut self, error: &DecodeError) {
        self.letter(error.reason, &error.detail);
    }

    fn letter(&mut self, reason: &str, detail: &str) {
        let first = || (0, detail.to_owned());
        self.dead.entry(reason.to_owned()).or_insert_with(first).0 += 1;
        // What is not there fits no other type better.
        let is_there = reason != "missing_field";
        if let Some(name) = column_of(detail).filter(|_| is_there) {
            *self.by_column.entry(name.to_owned()).or_default() += 1;
        }
    }

    /// The rows of a record that says what changed.
    fn changes(&mut self, decoder: &mut Decoder, bytes: &[u8], about: About<'_>, newest: &mut i64) {
        let rows = match decoder.changes(bytes, about) {
            Ok(rows) => rows,
            Err(error) => {
                self.read += 1;
                return self.refuse(&error);
            }
        };
        self.read += rows.max(1) as u64;
        if rows == 0 {
            self.fits += 1;
        }
        for row in 0..rows {
            match decoder.op(row) {
                Op::Put | Op::Found => self.row(decoder.now(bytes, about, row), newest),
                Op::End => match decoder.ended(bytes, about, row) {
                    Ok(_) => self.fits += 1,
                    Err(error) => self.refuse(&error),
                },
                Op::Empty | Op::Skip => self.fits += 1,
            }
        }
    }

    /// A row, and the greatest time of its partition before it.
    fn row(&mut self, decoded: Result<Sale<'_>, DecodeError>, newest: &mut i64) {
        let sale = match decoded {
            Ok(sale) => sale,
            Err(error) => return self.refuse(&error),
        };
        let failed = (0..sale.cells.len()).find(|n| matches!(sale.cells[*n], Cell::Error(_)));
        if let Some(error) = failed.and_then(|n| sale.error(n)) {
            return self.letter(error.reason, &error.detail);
        }
        self.fits += 1;
        let at = sale.event_time;
        let (low, high) = self.times.unwrap_or((at, at));
        self.times = Some((low.min(at), high.max(at)));
        let behind = newest.saturating_sub(at).min(i64::MAX / 2);
        self.disorder = self.disorder.max(behind);
        *newest = (*newest).max(at);
    }

    /// How many would be dead letters.
    pub(super) fn refused(&self) -> u64 {
        self.read - self.fits
    }

    /// The span of the times, ms.
    pub(super) fn span(&self) -> i64 {
        self.times.map_or(0, |(low, high)| high - low)
    }

    /// How far out of order a table with such records may be: a round time above what was seen.
    pub(super) fn out_of_orderness(&self) -> &'static str {
        const STEPS: [(i64, &str); 11] = [
            (1_000, "'5' SECOND"),
            (10_000, "'30' SECOND"),
            (30_000, "'1' MINUTE"),
            (150_000, "'5' MINUTE"),
            (450_000, "'15' MINUTE"),
            (HOUR / 2, "'1' HOUR"),
            (HOUR * 3, "'6' HOUR"),
            (HOUR * 12, "'1' DAY"),
            (DAY * 4, "'7' DAY"),
            (DAY * 15, "'30' DAY"),
            (DAY * 180, "'365' DAY"),
        ];
        let fits = STEPS.iter().find(|(most, _)| self.disorder <= *most);
        fits.map_or("'36500' DAY", |(_, text)| text)
    }

    /// A window that suits the span of the times, which may be whole days.
    pub(super) fn window(&self, is_day: bool) -> &'static str {
        match self.span() {
            1.. if !is_day && self.span() <= 2 * HOUR => "'10' MINUTE",
            1.. if !is_day && self.span() <= 3 * DAY => "'1' HOUR",
            span if span <= 800 * DAY => "'1' DAY",
            span if span <= 3000 * DAY => "'7' DAY",
            _ => "'30' DAY",
        }
    }
}

/// The field or column that a detail is about.
fn column_of(detail: &str) -> Option<&str> {
    let rest = detail
        .strip_prefix("field \"")
        .or(detail.strip_prefix("column \""))?;
    rest.split('"').next()
}

/// Reads records by a plan of one table.
pub(super) fn tried(from: &From, plan: &Plan, limits: Limits) -> Result<Tried, Failure> {
    let mut tried = Tried::default();
    let Some(table) = plan.tables.first() else {
        return Ok(tried);
    };
    let mut decoders = BTreeMap::new();
    let mut greatest: BTreeMap<u32, i64> = BTreeMap::new();
    let is_json = table.format.is_json();
    let options = SourceOptions {
        registries: registries(plan, None, &Arc::default())?,
        ..from.options(table.clone())
    };
    read(options, limits, |given| {
        let block = match given {
            Given::Begins(partition, home) => {
                let decoder = Decoder::new(table, plan.zone.as_deref(), 1 << 20);
                decoders.insert(partition, decoder.at(table, &home));
                return;
            }
            Given::Block(block) => block,
        };
        let Some(decoder) = decoders.get_mut(&block.partition) else {
            return;
        };
        for given in &block.schemas {
            decoder.learn(table, given);
        }
        let newest = greatest.entry(block.partition).or_insert(i64::MIN);
        for (number, record) in block.records.iter().enumerate() {
            let is_it = |r: &&standings_model::block::Refused| r.record as usize == number;
            if let Some(refused) = block.refused.iter().find(is_it) {
                tried.read += 1;
                tried.letter(refused.reason, &refused.detail);
                continue;
            }
            let bytes = block.slice((record.start, record.end));
            let about = About::of(&block, number);
            if decoder.has_changes() {
                tried.changes(decoder, bytes, about, newest);
                continue;
            }
            let is_array = is_json && bytes.trim_ascii_start().first() == Some(&b'[');
            let elements = is_array.then(|| json_values::elements(bytes)).flatten();
            let whole = || std::iter::once(0..bytes.len()).collect();
            for element in elements.filter(|all| !all.is_empty()).unwrap_or_else(whole) {
                tried.read += 1;
                tried.row(decoder.decode_about(&bytes[element], about), newest);
            }
        }
    })?;
    Ok(tried)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_that_fit_what_was_seen() {
        let of = |disorder, span| Tried {
            disorder,
            times: Some((0, span)),
            ..Tried::default()
        };
        assert_eq!(of(0, 0).out_of_orderness(), "'5' SECOND");
        assert_eq!(of(29_000, 0).out_of_orderness(), "'1' MINUTE");
        assert_eq!(of(DAY * 400, 0).out_of_orderness(), "'36500' DAY");
        assert_eq!(
            (of(0, 0).window(false), of(0, HOUR).window(false)),
            ("'1' DAY", "'10' MINUTE")
        );
        assert_eq!(
            (of(0, DAY).window(false), of(0, 9 * DAY).window(false)),
            ("'1' HOUR", "'1' DAY")
        );
        assert_eq!(of(0, 4000 * DAY).window(true), "'30' DAY");
        assert_eq!(of(0, DAY).window(true), "'1' DAY");
        assert_eq!(column_of("field \"a b\": found 1"), Some("a b"));
        assert_eq!(column_of("the record has no bytes"), None);
    }
}
