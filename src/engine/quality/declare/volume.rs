//! A check of the volume: the sales of a window against those of an earlier one.

use toml_edit::TableLike;

use super::{ChecksError, Reading};
use standings_model::check::{Action, Check, Condition, Volume};
use standings_model::duration::format_ms;

/// What a check of the volume may say.
pub(super) const KEYS: [&str; 6] = [
    "volume-of",
    "against",
    "min-share",
    "max-share",
    "min-sales",
    "fail-on",
];
/// A day, ms.
const DAY: i64 = 86_400_000;
/// The furthest that a window is held against, ms: four weeks and a day more than a month has.
const FURTHEST: i64 = 32 * DAY;
/// `min-sales` without the key.
const MIN_SALES: u64 = 100;

impl Reading<'_> {
    pub(super) fn of_volume(&self, table: &dyn TableLike) -> Result<Check, ChecksError> {
        let size = self.duration(table, "volume-of", DAY)?;
        if DAY % size != 0 {
            let said = format!("volume-of: {} is no divisor of a day", format_ms(size));
            return Err(self.wrong(table.get("volume-of"), &said));
        }
        let against = self.duration(table, "against", FURTHEST)?;
        if against % size != 0 {
            let said = format!(
                "against: {} is no multiple of volume-of, {}",
                format_ms(against),
                format_ms(size)
            );
            return Err(self.wrong(table.get("against"), &said));
        }
        let (min, max) = (
            self.share(table, "min-share")?,
            self.share(table, "max-share")?,
        );
        match (min, max) {
            (None, None) => return Err(self.wrong(None, "min-share or max-share is missing")),
            (Some(min), Some(max)) if min > max => {
                let said = "min-share is more than max-share: nothing passes";
                return Err(self.wrong(table.get("min-share"), said));
            }
            _ => {}
        }
        let min_sales = match table.get("min-sales") {
            None => MIN_SALES,
            Some(item) => match item.as_integer().map(u64::try_from) {
                Some(Ok(sales)) => sales,
                _ => {
                    let said = "min-sales: a whole number from 0 is allowed";
                    return Err(self.wrong(Some(item), said));
                }
            },
        };
        // A sale belongs to a window by it.
        let Some(column) = self.table.event_time else {
            let said = format!(
                "the table {} has no event time, so no windows",
                self.table.name
            );
            return Err(self.wrong(None, &said));
        };
        let condition = Condition::Volume(Volume {
            size,
            against,
            min,
            max,
            min_sales,
        });
        Ok(Check {
            name: self.check.to_owned(),
            table: self.number,
            column,
            also: Vec::new(),
            condition,
            action: Action::Count,
            fail_share: None,
            fail_on: None,
        })
    }
}
