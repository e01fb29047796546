//! `queries/sales.checks.toml`: one table a check.

use std::ops::Range;
use std::path::Path;

use toml_edit::{Item, TableLike, Value};

use super::ids::LONGEST as LONGEST_WITHIN;
use crate::config::toml::{self, kind, nearest};
use crate::model::check::{Action, Check, Condition, FailOn, Pattern, Share, Volume};
use crate::model::decimal::parse_minor;
use crate::model::duration::{format_ms, parse_duration};
use crate::model::schema::{Column, ColumnType, Schema};

/// The file's name, in the folder of the queries.
pub const FILE: &str = "sales.checks.toml";

/// What a check of sales may say.
const KEYS: [&str; 12] = [
    "column",
    "action",
    "fail-on",
    "fail-share",
    "not-null",
    "non-negative",
    "min",
    "max",
    "pattern",
    "allowed",
    "max-length",
    "unique-within",
];
/// What a check of the volume may say.
const VOLUME_KEYS: [&str; 6] = [
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
/// The longest name of a check: it is a label of a metric.
const LONGEST: usize = 64;

/// The checks of a folder; none if it has no such file. What is wrong is told with its place.
pub fn load(dir: &Path, schema: &Schema) -> Result<Vec<Check>, String> {
    let path = dir.join(FILE);
    let name = path.display().to_string();
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&name, &text, schema),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(format!("cannot read {name}: {e}")),
    }
}

/// `--fail-on CHECK=N` or `CHECK=window` over what the file says.
pub fn limit(checks: &mut [Check], name: &str, fail_on: FailOn) -> Result<(), String> {
    if let Some(check) = checks.iter_mut().find(|c| c.name == name) {
        if let Some(problem) = misplaced(fail_on, check) {
            return Err(format!("--fail-on: `{name}`: {problem}"));
        }
        check.fail_on = Some(fail_on);
        return Ok(());
    }
    let names: Vec<&str> = checks.iter().map(|c| c.name.as_str()).collect();
    let allowed = match &names[..] {
        [] => format!("no check is declared in {FILE}"),
        names => format!("declared are {}", names.join(", ")),
    };
    Err(format!("--fail-on: there is no check `{name}`; {allowed}"))
}

/// Why a check cannot end a run by this.
fn misplaced(fail_on: FailOn, check: &Check) -> Option<&'static str> {
    let is_volume = matches!(check.condition, Condition::Volume(_));
    match fail_on {
        FailOn::Window if !is_volume && check.fail_share.is_none() => {
            Some("it has no windows; give it a fail-share")
        }
        FailOn::Failures(_) if is_volume => {
            Some("no sale fails a volume; `window` is allowed: a window that fails ends the run")
        }
        _ => None,
    }
}

fn parse(name: &str, text: &str, schema: &Schema) -> Result<Vec<Check>, String> {
    let document = toml::parse(name, text)?;
    let mut checks = Vec::new();
    for (check, item) in document.iter() {
        let span = document.key(check).and_then(|k| k.span()).or(item.span());
        let reading = Reading {
            file: name,
            text,
            check,
            span,
            schema,
        };
        let Some(table) = item.as_table_like() else {
            return Err(reading.wrong(
                None,
                &format!("{} is not allowed; write a table: [{check}]", kind(item)),
            ));
        };
        checks.push(reading.check(table)?);
    }
    Ok(checks)
}

/// One check's table.
struct Reading<'a> {
    file: &'a str,
    text: &'a str,
    check: &'a str,
    span: Option<Range<usize>>,
    schema: &'a Schema,
}

impl Reading<'_> {
    fn wrong(&self, at: Option<&Item>, said: &str) -> String {
        let span = at.and_then(Item::span).or(self.span.clone());
        let place = toml::place(self.file, self.text, span);
        format!("{place}: {}: {said}", self.check)
    }

    fn check(&self, table: &dyn TableLike) -> Result<Check, String> {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if self.check.is_empty() || self.check.len() > LONGEST || !self.check.chars().all(letters) {
            let allowed =
                format!("a check's name is of a to z, 0 to 9, - and _, at most {LONGEST}");
            return Err(self.wrong(None, &allowed));
        }
        let is_volume = table.contains_key("volume-of");
        let keys: &[&str] = if is_volume { &VOLUME_KEYS } else { &KEYS };
        for (key, item) in table.iter() {
            if !keys.contains(&key) {
                let of = if is_volume { " of a volume" } else { "" };
                let said = match nearest(key, keys.iter().copied()) {
                    Some(near) => format!("unknown key `{key}`{of}; did you mean `{near}`?"),
                    None => format!("unknown key `{key}`{of}; allowed are {}", keys.join(", ")),
                };
                return Err(self.wrong(Some(item), &said));
            }
        }
        let mut check = match is_volume {
            true => self.of_volume(table)?,
            false => self.of_sales(table)?,
        };
        if let Some(item) = table.get("fail-on") {
            let fail_on = match (item.as_str(), item.as_integer().map(u64::try_from)) {
                (Some("window"), _) => FailOn::Window,
                (_, Some(Ok(most))) => FailOn::Failures(most),
                _ => {
                    let said = "fail-on: a whole number from 0 is allowed: more failures end the run; or \"window\"";
                    return Err(self.wrong(Some(item), said));
                }
            };
            if let Some(problem) = misplaced(fail_on, &check) {
                return Err(self.wrong(Some(item), &format!("fail-on: {problem}")));
            }
            check.fail_on = Some(fail_on);
        }
        Ok(check)
    }

    fn of_sales(&self, table: &dyn TableLike) -> Result<Check, String> {
        let column = self.column(table)?;
        let action = match table.get("action") {
            None => Action::Count,
            Some(item) => match item.as_str() {
                Some("pass") => Action::Pass,
                Some("count") => Action::Count,
                Some("dead-letter") => Action::DeadLetter,
                _ => {
                    return Err(self.wrong(
                        Some(item),
                        "action: allowed are \"pass\", \"count\" and \"dead-letter\"",
                    ));
                }
            },
        };
        Ok(Check {
            name: self.check.to_owned(),
            column,
            condition: self.condition(table, &self.schema.columns[column])?,
            action,
            fail_share: self.share(table, "fail-share")?,
            fail_on: None,
        })
    }

    fn of_volume(&self, table: &dyn TableLike) -> Result<Check, String> {
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
        // Every schema has it; a sale belongs to a window by it.
        let column = self.schema.find("event_time").unwrap_or_default();
        let condition = Condition::Volume(Volume {
            size,
            against,
            min,
            max,
            min_sales,
        });
        Ok(Check {
            name: self.check.to_owned(),
            column,
            condition,
            action: Action::Count,
            fail_share: None,
            fail_on: None,
        })
    }

    /// A duration of 1 ms to `longest`, in ms.
    fn duration(&self, table: &dyn TableLike, key: &str, longest: i64) -> Result<i64, String> {
        let item = table.get(key);
        let Some(text) = item.and_then(Item::as_str) else {
            let said = format!("{key}: a duration is allowed, such as \"1h\"");
            return Err(self.wrong(item, &said));
        };
        let wrong = |e: String| self.wrong(item, &format!("{key}: {e}"));
        let ms = parse_duration(text).map_err(wrong)?.as_millis();
        match i64::try_from(ms) {
            Ok(ms) if (1..=longest).contains(&ms) => Ok(ms),
            _ => {
                let longest = format_ms(longest);
                Err(self.wrong(item, &format!("{key}: 1ms to {longest} are allowed")))
            }
        }
    }

    fn share(&self, table: &dyn TableLike, key: &str) -> Result<Option<Share>, String> {
        let Some(item) = table.get(key) else {
            return Ok(None);
        };
        let share = item.as_str().and_then(Share::parse);
        let said = format!("{key}: a percentage is allowed, such as \"1%\" or \"0.25%\"");
        share.map(Some).ok_or_else(|| self.wrong(Some(item), &said))
    }

    fn column(&self, table: &dyn TableLike) -> Result<usize, String> {
        let names = || {
            let all: Vec<&str> = self.schema.columns.iter().map(|c| &c.name[..]).collect();
            all.join(", ")
        };
        let item = table.get("column");
        let Some(name) = item.and_then(Item::as_str) else {
            let said = format!("`column` is missing; allowed are {}", names());
            return Err(self.wrong(item, &said));
        };
        self.schema.find(name).ok_or_else(|| {
            let said = format!("there is no column `{name}`; allowed are {}", names());
            self.wrong(item, &said)
        })
    }

    /// The one thing that is asked.
    fn condition(&self, table: &dyn TableLike, column: &Column) -> Result<Condition, String> {
        let mut found: Vec<(&str, Condition)> = Vec::new();
        let is_text = column.kind == ColumnType::Text;
        let need = |item: &Item, key: &str, fits: bool, what: &str| match fits {
            true => Ok(()),
            false => Err(self.wrong(
                Some(item),
                &format!("{key} is for columns of {what}; `{}` is none", column.name),
            )),
        };
        let is_number = matches!(column.kind, ColumnType::Decimal { .. } | ColumnType::BigInt);
        for key in ["not-null", "non-negative"] {
            let Some(item) = table.get(key) else { continue };
            if item.as_bool() != Some(true) {
                return Err(self.wrong(Some(item), &format!("{key}: allowed is true")));
            }
            if key == "not-null" {
                found.push((key, Condition::NotNull));
            } else {
                need(item, key, is_number, "numbers")?;
                let (min, max) = (Some(0), None);
                found.push((key, Condition::Range { min, max }));
            }
        }
        let mut bounds = [None, None];
        for (key, bound) in ["min", "max"].into_iter().zip(&mut bounds) {
            let Some(item) = table.get(key) else { continue };
            need(item, key, is_number, "numbers")?;
            *bound = Some(self.number(item, key, column)?);
        }
        if let [min, max] = bounds
            && (min.is_some() || max.is_some())
        {
            if let (Some(min), Some(max)) = (min, max)
                && min > max
            {
                return Err(self.wrong(table.get("min"), "min is more than max: nothing passes"));
            }
            found.push(("min and max", Condition::Range { min, max }));
        }
        if let Some(item) = table.get("pattern") {
            need(item, "pattern", is_text, "text")?;
            let text = item.as_str().ok_or_else(|| {
                self.wrong(
                    Some(item),
                    "pattern: allowed is a string, a regular expression",
                )
            })?;
            let pattern = Pattern::new(text)
                .map_err(|e| self.wrong(Some(item), &format!("pattern: {}", e.trim_end())))?;
            found.push(("pattern", Condition::Pattern(pattern)));
        }
        if let Some(item) = table.get("allowed") {
            need(item, "allowed", is_text, "text")?;
            let list: Option<Vec<String>> = item.as_array().and_then(|list| {
                let text = |v: &Value| v.as_str().map(str::to_owned);
                list.iter().map(text).collect()
            });
            let mut list = list
                .filter(|l| !l.is_empty())
                .ok_or_else(|| self.wrong(Some(item), "allowed: a list of strings is allowed"))?;
            // Looked up by halves.
            list.sort();
            list.dedup();
            found.push(("allowed", Condition::Allowed(list)));
        }
        if let Some(item) = table.get("max-length") {
            need(item, "max-length", is_text, "text")?;
            let length = item.as_integer().and_then(|n| usize::try_from(n).ok());
            let length = length.ok_or_else(|| {
                self.wrong(
                    Some(item),
                    "max-length: a whole number of characters is allowed",
                )
            })?;
            found.push(("max-length", Condition::MaxLength(length)));
        }
        if table.contains_key("unique-within") {
            let within = self.duration(table, "unique-within", LONGEST_WITHIN)?;
            found.push(("unique-within", Condition::Unique { within }));
        }
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (Some((_, condition)), None) => Ok(condition),
            (Some((one, _)), Some((other, _))) => Err(self.wrong(
                None,
                &format!(
                    "one check asks one thing, and this asks {one} and {other}; make two of it"
                ),
            )),
            (None, _) => Err(self.wrong(
                None,
                &format!("it asks nothing; allowed are {}", KEYS[4..].join(", ")),
            )),
        }
    }

    /// A bound as the file writes it: exact, so not by way of a floating-point number.
    fn number(&self, item: &Item, key: &str, column: &Column) -> Result<i128, String> {
        let written = item
            .span()
            .and_then(|s| self.text.get(s))
            .unwrap_or_default();
        let written = written.trim_matches(['"', '\'']).replace('_', "");
        let number = match column.kind {
            ColumnType::Decimal { precision } => parse_minor(written.as_bytes(), precision).ok(),
            _ => written.parse().ok(),
        };
        number.ok_or_else(|| {
            let said = format!("{key}: `{written}` is no value of `{}`", column.name);
            self.wrong(Some(item), &said)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Check>, String> {
        parse("c.toml", text, &Schema::sales())
    }

    #[test]
    fn checks_are_what_the_file_says() {
        let found = read(
            "[a]\ncolumn = \"amount\"\nmin = -1_000.5\nmax = 20\naction = \"dead-letter\"\nfail-on = 7\n\
             [b]\ncolumn = \"city\"\nallowed = [\"b\", \"a\", \"b\"]\n",
        )
        .unwrap();
        let (min, max) = (Some(-100_050), Some(2_000));
        assert_eq!(found[0].condition, Condition::Range { min, max });
        assert_eq!(
            (found[0].action, found[0].fail_on),
            (Action::DeadLetter, Some(FailOn::Failures(7)))
        );
        let both = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(found[1].condition, Condition::Allowed(both));
        assert_eq!((found[1].action, found[1].fail_on), (Action::Count, None));
    }

    #[test]
    fn uniqueness_shares_and_volume_are_what_the_file_says() {
        let found = read(
            "[once]\ncolumn = \"sale_id\"\nunique-within = \"1h\"\nfail-share = \"0.5%\"\nfail-on = \"window\"\n\
             [volume]\nvolume-of = \"1h\"\nagainst = \"1d\"\nmin-share = \"50%\"\n",
        )
        .unwrap();
        let hour = 3_600_000;
        assert_eq!(found[0].condition, Condition::Unique { within: hour });
        assert_eq!(
            (found[0].fail_share, found[0].fail_on, found[0].window()),
            (Some(Share(5_000)), Some(FailOn::Window), Some(hour))
        );
        let volume = Volume {
            size: hour,
            against: 24 * hour,
            min: Some(Share(500_000)),
            max: None,
            min_sales: 100,
        };
        assert_eq!(found[1].condition, Condition::Volume(volume));
        let mut found = found;
        let said = limit(&mut found, "volume", FailOn::Failures(1)).unwrap_err();
        assert!(said.contains("no sale fails a volume"), "{said}");
        limit(&mut found, "volume", FailOn::Window).unwrap();
        assert_eq!(found[1].fail_on, Some(FailOn::Window));
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_place() {
        for (text, expected) in [
            (
                "[a]\ncolumn = \"town\"\nnot-null = true",
                "c.toml:2: a: there is no column `town`; allowed are sale_id, ",
            ),
            ("[a]\nnot-null = true", "c.toml:1: a: `column` is missing"),
            (
                "[a]\ncolumn = \"city\"",
                "a: it asks nothing; allowed are not-null, ",
            ),
            (
                "[a]\ncolumn = \"city\"\nnot-null = true\nmax-length = 3",
                "asks not-null and max-length",
            ),
            (
                "[a]\ncolumn = \"city\"\nmin = 3",
                "c.toml:3: a: min is for columns of numbers; `city` is none",
            ),
            (
                "[a]\ncolumn = \"amount\"\nmin = 0.001",
                "a: min: `0.001` is no value of `amount`",
            ),
            (
                "[a]\ncolumn = \"amount\"\nmin = 2\nmax = 1",
                "a: min is more than max",
            ),
            (
                "[a]\ncolumn = \"city\"\npattern = \"(\"",
                "c.toml:3: a: pattern: regex parse error",
            ),
            (
                "[a]\ncolumn = \"city\"\npatern = \"x\"",
                "c.toml:3: a: unknown key `patern`; did you mean `pattern`?",
            ),
            (
                "[a]\ncolumn = \"city\"\nnot-null = false",
                "a: not-null: allowed is true",
            ),
            (
                "[a]\ncolumn = \"city\"\nnot-null = true\naction = \"drop\"",
                "c.toml:4: a: action: allowed are",
            ),
            (
                "[a]\ncolumn = \"city\"\nnot-null = true\nfail-on = -1",
                "a: fail-on: a whole number",
            ),
            (
                "[A]\ncolumn = \"city\"\nnot-null = true",
                "a check's name is of a to z",
            ),
            (
                "a = 1",
                "c.toml:1: a: an integer is not allowed; write a table: [a]",
            ),
            ("[a", "c.toml:1: "),
            (
                "[a]\ncolumn = \"city\"\nunique-within = 5",
                "c.toml:3: a: unique-within: a duration is allowed",
            ),
            (
                "[a]\ncolumn = \"city\"\nunique-within = \"31d\"",
                "c.toml:3: a: unique-within: 1ms to 30d are allowed",
            ),
            (
                "[a]\ncolumn = \"city\"\nnot-null = true\nfail-share = 1",
                "c.toml:4: a: fail-share: a percentage is allowed",
            ),
            (
                "[a]\ncolumn = \"city\"\nnot-null = true\nfail-on = \"window\"",
                "c.toml:4: a: fail-on: it has no windows; give it a fail-share",
            ),
            (
                "[a]\nvolume-of = \"7h\"\nagainst = \"1d\"\nmin-share = \"1%\"",
                "c.toml:2: a: volume-of: 7h is no divisor of a day",
            ),
            (
                "[a]\nvolume-of = \"2h\"\nagainst = \"25h\"\nmin-share = \"1%\"",
                "c.toml:3: a: against: 25h is no multiple of volume-of, 2h",
            ),
            (
                "[a]\nvolume-of = \"1h\"\nagainst = \"1d\"",
                "c.toml:1: a: min-share or max-share is missing",
            ),
            (
                "[a]\nvolume-of = \"1h\"\nmin-share = \"1%\"",
                "a: against: a duration is allowed",
            ),
            (
                "[a]\nvolume-of = \"1h\"\nagainst = \"1d\"\nmin-share = \"2%\"\nmax-share = \"1%\"",
                "c.toml:4: a: min-share is more than max-share",
            ),
            (
                "[a]\nvolume-of = \"1h\"\ncolumn = \"city\"",
                "c.toml:3: a: unknown key `column` of a volume; allowed are volume-of, ",
            ),
        ] {
            let said = read(text).expect_err(text);
            assert!(
                said.contains(expected),
                "{text}:\n{said}\nexpected {expected}"
            );
        }
    }
}
