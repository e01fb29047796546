//! A check of sales: of one column, one thing.

use toml_edit::{Item, TableLike, Value};

use super::{ChecksError, Reading};
use crate::quality::ids::LONGEST as LONGEST_WITHIN;
use standings_model::check::{Action, Check, Condition, Pattern};
use standings_model::decimal;
use standings_model::table::Column;
use standings_model::types::Type;

/// What a check of sales may say.
pub(super) const KEYS: [&str; 12] = [
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

/// Reads the value of a key.
type Read = fn(&Reading<'_>, &Item) -> Result<Condition, ChecksError>;

/// What may be asked of texts.
const TEXT_CONDITIONS: [(&str, Read); 3] = [
    ("pattern", |r, item| r.pattern(item)),
    ("allowed", |r, item| r.allowed(item)),
    ("max-length", |r, item| r.max_length(item)),
];

impl Reading<'_> {
    pub(super) fn of_sales(&self, table: &dyn TableLike) -> Result<Check, ChecksError> {
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
            table: self.number,
            column,
            also: Vec::new(),
            condition: self.condition(table, &self.table.columns[column])?,
            action,
            fail_share: self.share(table, "fail-share")?,
            fail_on: None,
        })
    }

    fn column(&self, table: &dyn TableLike) -> Result<usize, ChecksError> {
        let names = || {
            let all: Vec<&str> = self.table.declared().iter().map(|c| &c.name[..]).collect();
            all.join(", ")
        };
        let item = table.get("column");
        let Some(name) = item.and_then(Item::as_str) else {
            let said = format!("`column` is missing; allowed are {}", names());
            return Err(self.wrong(item, &said));
        };
        self.table.find(name).ok_or_else(|| {
            let said = format!("there is no column `{name}`; allowed are {}", names());
            self.wrong(item, &said)
        })
    }

    /// The one thing that is asked.
    fn condition(&self, table: &dyn TableLike, column: &Column) -> Result<Condition, ChecksError> {
        let mut found: Vec<(&str, Condition)> = Vec::new();
        let is_text = column.kind.is_text();
        let need = |item: &Item, key: &str, fits: bool, what: &str| match fits {
            true => Ok(()),
            false => Err(self.wrong(
                Some(item),
                &format!("{key} is for columns of {what}; `{}` is none", column.name),
            )),
        };
        let is_number = column.kind.is_exact_number();
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
        match bounds {
            [None, None] => {}
            [Some(min), Some(max)] if min > max => {
                return Err(self.wrong(table.get("min"), "min is more than max: nothing passes"));
            }
            [min, max] => found.push(("min and max", Condition::Range { min, max })),
        }
        for (key, of) in TEXT_CONDITIONS {
            if let Some(item) = table.get(key) {
                need(item, key, is_text, "text")?;
                found.push((key, of(self, item)?));
            }
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

    fn pattern(&self, item: &Item) -> Result<Condition, ChecksError> {
        let text = item.as_str().ok_or_else(|| {
            self.wrong(
                Some(item),
                "pattern: allowed is a string, a regular expression",
            )
        })?;
        Pattern::new(text).map(Condition::Pattern).map_err(|e| {
            self.wrong(
                Some(item),
                &format!("pattern: {}", e.to_string().trim_end()),
            )
        })
    }

    fn allowed(&self, item: &Item) -> Result<Condition, ChecksError> {
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
        Ok(Condition::Allowed(list))
    }

    fn max_length(&self, item: &Item) -> Result<Condition, ChecksError> {
        let length = item.as_integer().and_then(|n| usize::try_from(n).ok());
        length.map(Condition::MaxLength).ok_or_else(|| {
            self.wrong(
                Some(item),
                "max-length: a whole number of characters is allowed",
            )
        })
    }

    /// A bound as the file writes it: exact, so not by way of a floating-point number.
    fn number(&self, item: &Item, key: &str, column: &Column) -> Result<i128, ChecksError> {
        let written = item
            .span()
            .and_then(|s| self.text.get(s))
            .unwrap_or_default();
        let written = written.trim_matches(['"', '\'']).replace('_', "");
        let number = match column.kind {
            Type::Decimal { precision, scale } => {
                decimal::parse(written.as_bytes(), precision, scale, false).ok()
            }
            _ => written.parse().ok(),
        };
        number.ok_or_else(|| {
            let said = format!("{key}: `{written}` is no value of `{}`", column.name);
            self.wrong(Some(item), &said)
        })
    }
}
