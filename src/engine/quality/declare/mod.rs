//! `queries/sales.checks.toml`, and such a file of any other table: one TOML table a check.

mod error;
mod sales;
mod volume;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Item, TableLike};

pub use self::error::ChecksError;
use standings_model::check::{Action, Check, Condition, FailOn, RESERVED, Share};
use standings_model::duration::{DurationError, format_ms, parse_duration};
use standings_model::table::Table;
use standings_query::toml::{self, kind, nearest};

/// How the name of a table's file ends, in the folder of the queries; before it stands the table's name.
pub const ENDING: &str = ".checks.toml";

/// The longest name of a check: it is a label of a metric.
const LONGEST: usize = 64;

/// The checks of a folder, in the order of the tables; none if it has no such file. What is wrong is told with its place.
pub fn load(dir: &Path, tables: &[Table]) -> Result<Vec<Check>, ChecksError> {
    let file = |table: &Table| dir.join(format!("{}{ENDING}", table.name));
    let known: Vec<PathBuf> = tables.iter().map(file).collect();
    if let Some(path) = files(dir).into_iter().find(|p| !known.contains(p)) {
        return Err(ChecksError::NoTable {
            path,
            tables: tables.iter().map(|t| t.name.clone()).collect(),
        });
    }
    let mut checks: Vec<Check> = Vec::new();
    let mut names = BTreeSet::new();
    for (number, (table, path)) in tables.iter().zip(known).enumerate() {
        let name = path.display().to_string();
        let found = match std::fs::read_to_string(&path) {
            Ok(text) => parse(&name, &text, (number, table))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => return Err(ChecksError::Reading { path, source }),
        };
        // Reasons, metrics and `--fail-on` know a check by its name alone.
        if let Some(twice) = found.iter().find(|c| !names.insert(c.name.clone())) {
            return Err(ChecksError::Declared {
                place: name,
                check: twice.name.clone(),
                problem: "another table has a check of this name; give it another".to_owned(),
            });
        }
        checks.extend(found);
    }
    checks.extend(of_tables(tables));
    Ok(checks)
}

/// What tables say themselves: `'dedup.within'`, by which a record whose key came before is not counted again.
fn of_tables(tables: &[Table]) -> Vec<Check> {
    let all = tables.iter().enumerate();
    let checks = all.filter_map(|(table, of)| {
        Some(Check {
            name: format!("dedup of {}", of.name),
            table,
            column: *of.primary_key.first()?,
            also: of.primary_key[1..].to_vec(),
            condition: Condition::Unique {
                within: of.dedup_within?,
            },
            action: Action::DeadLetter,
            fail_share: None,
            fail_on: None,
        })
    });
    checks.collect()
}

/// The files of checks of a folder. One that cannot be read has none: its queries could not be read either.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let is_one = |path: &PathBuf| {
        let name = path.file_name().and_then(|n| n.to_str());
        name.is_some_and(|n| n.ends_with(ENDING))
    };
    paths.filter(is_one).collect()
}

/// `--fail-on CHECK=N` or `CHECK=window` over what the file says.
pub fn limit(checks: &mut [Check], name: &str, fail_on: FailOn) -> Result<(), ChecksError> {
    if let Some(check) = checks.iter_mut().find(|c| c.name == name) {
        if let Some(problem) = misplaced(fail_on, check) {
            let name = name.to_owned();
            return Err(ChecksError::Misplaced { name, problem });
        }
        check.fail_on = Some(fail_on);
        return Ok(());
    }
    Err(ChecksError::NoSuch {
        name: name.to_owned(),
        declared: checks.iter().map(|c| c.name.clone()).collect(),
    })
}

/// Why a check cannot end a run by this.
fn misplaced(fail_on: FailOn, check: &Check) -> Option<&'static str> {
    let is_volume = matches!(check.condition, Condition::Volume(_));
    match fail_on {
        FailOn::Share(_) => Some("a share is of `dead` and `late`; a check takes a number"),
        FailOn::Window if !is_volume && check.fail_share.is_none() => {
            Some("it has no windows; give it a fail-share")
        }
        FailOn::Failures(_) if is_volume => {
            Some("no sale fails a volume; `window` is allowed: a window that fails ends the run")
        }
        _ => None,
    }
}

fn parse(name: &str, text: &str, (number, of): (usize, &Table)) -> Result<Vec<Check>, ChecksError> {
    let document = toml::parse(name, text)?;
    let mut checks = Vec::new();
    for (check, item) in document.iter() {
        let span = document.key(check).and_then(|k| k.span()).or(item.span());
        let reading = Reading {
            file: name,
            text,
            check,
            span,
            number,
            table: of,
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
    /// The table that it is of, and its number in the plan.
    number: usize,
    table: &'a Table,
}

impl Reading<'_> {
    fn wrong(&self, at: Option<&Item>, problem: &str) -> ChecksError {
        let span = at.and_then(Item::span).or(self.span.clone());
        ChecksError::Declared {
            place: toml::place(self.file, self.text, span),
            check: self.check.to_owned(),
            problem: problem.to_owned(),
        }
    }

    fn check(&self, table: &dyn TableLike) -> Result<Check, ChecksError> {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if self.check.is_empty() || self.check.len() > LONGEST || !self.check.chars().all(letters) {
            let allowed =
                format!("a check's name is of a to z, 0 to 9, - and _, at most {LONGEST}");
            return Err(self.wrong(None, &allowed));
        }
        if RESERVED.contains(&self.check) {
            let said =
                "the name is kept for `--fail-on dead=1%` and `late=1%`; give the check another";
            return Err(self.wrong(None, said));
        }
        let is_volume = table.contains_key("volume-of");
        let keys: &[&str] = if is_volume {
            &volume::KEYS
        } else {
            &sales::KEYS
        };
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

    /// A duration of 1 ms to `longest`, in ms.
    fn duration(&self, table: &dyn TableLike, key: &str, longest: i64) -> Result<i64, ChecksError> {
        let item = table.get(key);
        let Some(text) = item.and_then(Item::as_str) else {
            let said = format!("{key}: a duration is allowed, such as \"1h\"");
            return Err(self.wrong(item, &said));
        };
        let wrong = |e: DurationError| self.wrong(item, &format!("{key}: {e}"));
        let ms = parse_duration(text).map_err(wrong)?.as_millis();
        match i64::try_from(ms) {
            Ok(ms) if (1..=longest).contains(&ms) => Ok(ms),
            _ => {
                let longest = format_ms(longest);
                Err(self.wrong(item, &format!("{key}: 1ms to {longest} are allowed")))
            }
        }
    }

    fn share(&self, table: &dyn TableLike, key: &str) -> Result<Option<Share>, ChecksError> {
        let Some(item) = table.get(key) else {
            return Ok(None);
        };
        let share = item.as_str().and_then(Share::parse);
        let said = format!("{key}: a percentage is allowed, such as \"1%\" or \"0.25%\"");
        share.map(Some).ok_or_else(|| self.wrong(Some(item), &said))
    }
}

#[cfg(test)]
mod tests;
