//! Times by a pattern: `csv.timestamp-format`.

use standings_model::table::Table;
use standings_model::table::format::Csv;
use standings_scalar::Zone;
use standings_scalar::time::optional::{outside_quotes, patterns};
use standings_scalar::time::pattern::Pattern;

use crate::source::instants;

/// How times are written.
#[derive(Debug)]
pub struct Times {
    /// With all that may be left out, to with none of it.
    patterns: Vec<Pattern>,
    zone: Zone,
    zone_name: String,
    /// As it was declared.
    pub text: String,
    /// It says no time of the day, so that dates are written by it too.
    pub is_date: bool,
}

/// Why a text is no time by the pattern.
pub enum NoTime {
    /// It does not fit.
    Form,
    /// The clocks of the zone never showed it.
    Gap,
}

impl Times {
    /// By the table's word; `Err` is a pattern that is none.
    pub fn new(csv: &Csv, table: &Table) -> Result<Option<Self>, String> {
        let Some(text) = &csv.timestamp_pattern else {
            return Ok(None);
        };
        let patterns = patterns(text).ok_or_else(|| text.clone())?;
        let zone_name = table.format.zone.clone().unwrap_or("UTC".to_owned());
        Ok(Some(Times {
            patterns,
            // A name that is none was refused with the table.
            zone: Zone::named(&zone_name).unwrap_or(Zone::UTC),
            zone_name,
            is_date: !outside_quotes(text).any(|(_, c)| "HhKkmsSaXxZ".contains(c)),
            text: text.clone(),
        }))
    }

    /// The instant, µs; a clock without an offset shows it in the table's zone.
    pub fn instant(&self, cell: &str) -> Result<i64, NoTime> {
        match self.read(cell).ok_or(NoTime::Form)? {
            (local, Some(ahead)) => Ok(local - ahead),
            (local, None) => {
                let instant = self.zone.instant(local);
                let is_there = self.zone.local(instant) == local;
                is_there.then_some(instant).ok_or(NoTime::Gap)
            }
        }
    }

    /// The date, as SQL writes it.
    pub fn date(&self, cell: &str) -> Option<String> {
        let mut text = Vec::new();
        instants::push_date(&mut text, self.read(cell)?.0.div_euclid(86_400_000_000));
        String::from_utf8(text).ok()
    }

    fn read(&self, cell: &str) -> Option<(i64, Option<i64>)> {
        self.patterns.iter().find_map(|pattern| pattern.read(cell))
    }

    /// What would have been a time.
    pub fn expected(&self, no: &NoTime) -> String {
        match no {
            NoTime::Form => format!("a time by the pattern '{}'", self.text),
            NoTime::Gap => format!(
                "a time that there was in {}: the clocks were put forward over it",
                self.zone_name
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(pattern: &str, zone: Option<&str>) -> Times {
        let csv = Csv {
            timestamp_pattern: Some(pattern.to_owned()),
            ..Csv::default()
        };
        let mut table = Table::sales();
        table.format.zone = zone.map(str::to_owned);
        Times::new(&csv, &table).unwrap().unwrap()
    }

    #[test]
    fn patterns_that_people_have() {
        const AT: i64 = 1_769_163_300_000_000;
        let day = AT - 36_900_000_000;
        for (pattern, text, want) in [
            ("dd/MM/yyyy HH:mm[:ss]", "23/01/2026 10:15", Some(AT)),
            ("dd/MM/yyyy HH:mm[:ss]", "23/01/2026 10:15:00", Some(AT)),
            ("dd/MM/yyyy HH:mm[:ss]", "23/01/2026 10:15:", None),
            (
                "yyyy-MM-dd'T'HH:mm[:ss[.SSS]][XXX]",
                "2026-01-23T11:15:00.000+01:00",
                Some(AT),
            ),
            (
                "yyyy-MM-dd'T'HH:mm[:ss[.SSS]][XXX]",
                "2026-01-23T10:15",
                Some(AT),
            ),
            ("M/d/yy", "1/23/26", Some(day)),
            ("M/d/yy", "23/1/26", None),
            ("M/d/yyyy h:mm a", "1/23/2026 10:15 AM", Some(AT)),
            ("yyyyMMdd", "20260123", Some(day)),
        ] {
            assert_eq!(times(pattern, None).instant(text).ok(), want, "{text}");
        }
        assert_eq!(
            times("M/d/yy", None).date("1/3/26").as_deref(),
            Some("2026-01-03")
        );
        assert!(times("M/d/yy", None).is_date && !times("M/d/yy H", None).is_date);
        assert!(times("yyyy'H'", None).is_date);
    }

    #[test]
    fn a_time_that_there_never_was() {
        let lisbon = times("yyyy-MM-dd HH:mm", Some("Europe/Lisbon"));
        assert!(
            lisbon
                .instant("2026-07-01 10:00")
                .is_ok_and(|us| us % 86_400_000_000 == 32_400_000_000)
        );
        assert!(matches!(
            lisbon.instant("2026-03-29 01:30"),
            Err(NoTime::Gap)
        ));
    }

    #[test]
    fn what_is_no_pattern() {
        for text in ["dd/MM/yyyy [HH", "HH]", "bb", "[y][M][d][H][m]", "yyyy'"] {
            let csv = Csv {
                timestamp_pattern: Some(text.to_owned()),
                ..Csv::default()
            };
            assert!(Times::new(&csv, &Table::sales()).is_err(), "{text}");
        }
    }
}
