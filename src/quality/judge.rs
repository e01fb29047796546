//! Sales held against the checks.

use crate::decode::{Cell, Sale};
use crate::model::check::{Action, Check, Condition};
use crate::model::decimal::format_minor;
use crate::model::schema::{ColumnType, Schema};

/// Judges the sales of one partition.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The plan's checks.
    checks: Vec<Check>,
    /// The names of their columns.
    columns: Vec<(String, ColumnType)>,
    /// How many sales failed each since [`Judge::take`].
    failed: Vec<u64>,
}

/// Why a sale is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The check's name.
    pub check: String,
    /// What was found, for a person.
    pub detail: String,
}

impl Judge {
    /// For these checks of sales of this schema.
    pub fn new(checks: &[Check], schema: &Schema) -> Self {
        let column = |c: &Check| {
            let column = &schema.columns[c.column];
            (column.name.clone(), column.kind)
        };
        Judge {
            columns: checks.iter().map(column).collect(),
            checks: checks.to_vec(),
            failed: vec![0; checks.len()],
        }
    }

    /// Whether there is nothing to ask.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    /// Asks everything of a sale; why it is a dead letter, if it is one.
    pub fn judge(&mut self, sale: &Sale<'_>) -> Option<Failed> {
        let mut dead = None;
        for (i, check) in self.checks.iter().enumerate() {
            if check.action == Action::Pass || holds(check, sale) {
                continue;
            }
            self.failed[i] += 1;
            if check.action == Action::DeadLetter {
                dead = dead.or(Some(i));
            }
        }
        dead.map(|i| Failed {
            check: self.checks[i].name.clone(),
            detail: self.detail(i, sale),
        })
    }

    /// How many sales failed each check since the last call.
    pub fn take(&mut self, into: &mut Vec<u64>) {
        into.resize(self.failed.len(), 0);
        for (sum, failed) in into.iter_mut().zip(&mut self.failed) {
            *sum += std::mem::take(failed);
        }
    }

    fn detail(&self, number: usize, sale: &Sale<'_>) -> String {
        let check = &self.checks[number];
        let (column, kind) = &self.columns[number];
        let found = match sale.cells[check.column] {
            Cell::Null => "missing or null".to_owned(),
            Cell::Int(n) | Cell::Time(n) => n.to_string(),
            Cell::Decimal(n) => format_minor(n),
            Cell::Text { .. } => short(sale.text(check.column).unwrap_or_default()),
        };
        format!(
            "{column} is {found}, and must be {}",
            wanted(&check.condition, *kind)
        )
    }
}

fn holds(check: &Check, sale: &Sale<'_>) -> bool {
    let cell = sale.cells[check.column];
    let text = || sale.text(check.column).unwrap_or_default();
    match (&check.condition, cell) {
        (Condition::NotNull, cell) => cell != Cell::Null,
        (_, Cell::Null) => true,
        (Condition::Range { min, max }, cell) => {
            let number = match cell {
                Cell::Int(n) | Cell::Time(n) => i128::from(n),
                Cell::Decimal(n) => n,
                Cell::Null | Cell::Text { .. } => return true,
            };
            min.is_none_or(|min| min <= number) && max.is_none_or(|max| number <= max)
        }
        (Condition::Pattern(pattern), _) => pattern.matches(text()),
        (Condition::Allowed(list), _) => {
            let found = list.binary_search_by(|one| one.as_bytes().cmp(text()));
            found.is_ok()
        }
        (Condition::MaxLength(most), _) => {
            let text = text();
            // As many characters as there are bytes that begin one.
            text.len() <= *most
                || text
                    .iter()
                    .filter(|b| **b & 0xC0 != 0x80)
                    .take(most + 1)
                    .count()
                    <= *most
        }
    }
}

/// What a condition asks, after "must be".
pub(super) fn wanted(condition: &Condition, kind: ColumnType) -> String {
    let number = |n: &i128| match kind {
        ColumnType::Decimal { .. } => format_minor(*n),
        _ => n.to_string(),
    };
    match condition {
        Condition::NotNull => "there".to_owned(),
        Condition::Range { min, max } => match (min, max) {
            (Some(min), Some(max)) => format!("{} to {}", number(min), number(max)),
            (Some(min), None) => format!("at least {}", number(min)),
            (None, Some(max)) => format!("at most {}", number(max)),
            (None, None) => "any number".to_owned(),
        },
        Condition::Pattern(pattern) => format!("of the form {}", pattern.text()),
        Condition::Allowed(list) => format!("one of {}", list.join(", ")),
        Condition::MaxLength(most) => format!("at most {most} characters long"),
    }
}

/// The beginning of a text, in quotes.
fn short(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
