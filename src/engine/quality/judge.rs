//! Sales held against the checks.

use super::ids::{Id, Ids};
use super::windows::Tallies;
use crate::event_time::BEGINNING;
use standings_decode::{Cell, Sale};
use standings_model::check::{Action, Check, Condition};
use standings_model::duration::format_ms;
use standings_model::reject::{CHECK, DUPLICATE};
use standings_model::table::Table;
use standings_model::types::Type;
use standings_model::value::Value;
use standings_model::window_check::WindowCount;

/// Judges the sales of a worker's partitions.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The plan's checks.
    checks: Vec<Check>,
    /// Of each the name and type of its column, and of those that are one with it.
    columns: Vec<Vec<(String, Type)>>,
    /// By table.
    tables: Vec<Asked>,
    /// How many sales failed each since [`Judge::take`].
    failed: Vec<u64>,
    tallies: Tallies,
}

/// What is asked of the sales of one table, by the numbers of checks.
#[derive(Clone, Debug, Default)]
struct Asked {
    alone: Vec<usize>,
    /// In the order of [`Memory`].
    unique: Vec<usize>,
}

/// What a partition remembers of its sales, for the checks of uniqueness.
#[derive(Debug)]
pub struct Memory(Vec<Ids>);

impl Memory {
    /// The offset from which all that is remembered was read, if that is before `next`, which is read next. `None` if
    /// no check needs a memory.
    pub fn from(&self, next: u64) -> Option<u64> {
        let oldest = self.0.iter().filter_map(Ids::from).min();
        (!self.0.is_empty()).then(|| oldest.unwrap_or(next).min(next))
    }
}

/// Where a sale is in its partition.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Its offset.
    pub offset: u64,
    /// The partition's own watermark before it, ms.
    pub watermark: Option<i64>,
}

/// Why a sale is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// [`CHECK`] or [`DUPLICATE`].
    pub reason: &'static str,
    /// The check's name.
    pub check: String,
    /// What was found, for a person.
    pub detail: String,
}

impl Judge {
    /// For these checks of sales of these tables.
    pub fn new(checks: &[Check], tables: &[Table]) -> Self {
        let columns = |c: &Check| {
            let all = std::iter::once(&c.column).chain(&c.also);
            let all = all.map(|column| &tables[c.table].columns[*column]);
            all.map(|column| (column.name.clone(), column.kind.clone()))
                .collect()
        };
        let mut asked = vec![Asked::default(); tables.len()];
        for (i, check) in checks.iter().enumerate() {
            let of = &mut asked[check.table];
            match check.condition {
                _ if check.action == Action::Pass => {}
                Condition::Unique { .. } => of.unique.push(i),
                _ => of.alone.push(i),
            }
        }
        Judge {
            columns: checks.iter().map(columns).collect(),
            tables: asked,
            failed: vec![0; checks.len()],
            tallies: Tallies::new(checks),
            checks: checks.to_vec(),
        }
    }

    /// Whether there is nothing to ask.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    /// The memory of a partition of a table that has shown nothing.
    pub fn memory(&self, table: usize) -> Memory {
        let within = |i: &usize| match self.checks[*i].condition {
            Condition::Unique { within } => Some(Ids::new(within)),
            _ => None,
        };
        Memory(
            self.tables[table]
                .unique
                .iter()
                .filter_map(within)
                .collect(),
        )
    }

    /// Asks everything of a sale of a table; why it is a dead letter, if it is one.
    pub fn judge(
        &mut self,
        table: usize,
        sale: &Sale<'_>,
        place: Moment,
        memory: &mut Memory,
    ) -> Option<Failed> {
        let failed = self.judge_alone(table, sale);
        let unique = &self.tables[table].unique;
        if failed.is_some() || unique.is_empty() {
            return failed;
        }
        let watermark = place.watermark.unwrap_or(BEGINNING);
        let mut dead = None;
        for (&i, ids) in unique.iter().zip(&mut memory.0) {
            let Some(id) = id_of(sale, &self.checks[i]) else {
                self.tallies.note(i, sale.event_time, false);
                continue;
            };
            let seen = ids.has(id, sale.event_time, watermark);
            ids.remember(id, sale.event_time, watermark, place.offset);
            self.failed[i] += u64::from(seen);
            self.tallies.note(i, sale.event_time, seen);
            if seen && self.checks[i].action == Action::DeadLetter {
                dead = dead.or(Some(i));
            }
        }
        dead.map(|i| self.refused(i, sale, DUPLICATE))
    }

    /// Asks of a sale of a table what can be said of it alone; why it is a dead letter, if it is one.
    pub fn judge_alone(&mut self, table: usize, sale: &Sale<'_>) -> Option<Failed> {
        let mut dead = None;
        for &i in &self.tables[table].alone {
            let check = &self.checks[i];
            let fails = !holds(check, sale);
            self.tallies.note(i, sale.event_time, fails);
            if !fails {
                continue;
            }
            self.failed[i] += 1;
            if check.action == Action::DeadLetter {
                dead = dead.or(Some(i));
            }
        }
        dead.map(|i| self.refused(i, sale, CHECK))
    }

    /// Remembers an earlier sale, and asks and counts nothing. `watermark` is that of the place where reading goes on.
    pub fn remember(&self, table: usize, sale: &Sale<'_>, place: Moment, memory: &mut Memory) {
        let Asked { alone, unique } = &self.tables[table];
        let checks = alone.iter().map(|i| &self.checks[*i]);
        let refuses = |c: &Check| c.action == Action::DeadLetter && !holds(c, sale);
        if unique.is_empty() || checks.into_iter().any(refuses) {
            return;
        }
        let watermark = place.watermark.unwrap_or(BEGINNING);
        for (&i, ids) in unique.iter().zip(&mut memory.0) {
            if let Some(id) = id_of(sale, &self.checks[i]) {
                ids.remember(id, sale.event_time, watermark, place.offset);
            }
        }
    }

    /// How many sales failed each check since the last call.
    pub fn take(&mut self, into: &mut Vec<u64>) {
        into.resize(self.failed.len(), 0);
        for (sum, failed) in into.iter_mut().zip(&mut self.failed) {
            *sum += std::mem::take(failed);
        }
    }

    /// What was counted by window since the last call.
    pub fn take_windows(&mut self) -> Vec<WindowCount> {
        self.tallies.take()
    }

    fn refused(&self, check: usize, sale: &Sale<'_>, reason: &'static str) -> Failed {
        Failed {
            reason,
            check: self.checks[check].name.clone(),
            detail: self.detail(check, sale),
        }
    }

    fn detail(&self, number: usize, sale: &Sale<'_>) -> String {
        let check = &self.checks[number];
        let columns = &self.columns[number];
        let shown = |column: usize, kind: &Type| match sale.cells[column] {
            Cell::Null | Cell::Error(_) => "missing or null".to_owned(),
            Cell::Text { .. } => short(sale.bytes(column).unwrap_or_default()),
            Cell::Int(n) => {
                ms_of(n, kind).map_or_else(|| sale.value(column).to_string(), |ms| ms.to_string())
            }
            Cell::Decimal(_) | Cell::Double(_) | Cell::Nested(_) => sale.value(column).to_string(),
        };
        let (column, kind) = &columns[0];
        let found = shown(check.column, kind);
        if let Condition::Unique { within } = check.condition {
            let within = format_ms(within);
            let also = check.also.iter().zip(&columns[1..]);
            let also = also.map(|(c, (name, kind))| format!(", {name} {}", shown(*c, kind)));
            let also: String = also.collect();
            return format!("{column} is {found}{also}, as of an earlier sale within {within}");
        }
        format!(
            "{column} is {found}, and must be {}",
            wanted(&check.condition, kind)
        )
    }
}

/// The hash of what must not come twice: of a column's value, or of those of several.
fn id_of(sale: &Sale<'_>, check: &Check) -> Option<Id> {
    let first = hash_of(sale, check.column)?;
    if check.also.is_empty() {
        return Some(first);
    }
    let mut all = first.bytes().to_vec();
    for column in &check.also {
        all.extend(hash_of(sale, *column)?.bytes());
    }
    Some(Id::of(&all))
}

/// The hash of a column's value; `None` for NULL, which is the same as nothing. A text is its bytes as decoded, so that
/// `"sale_id":"1"` and `"sale_id":1` are the same, as they are to a query.
fn hash_of(sale: &Sale<'_>, column: usize) -> Option<Id> {
    match sale.cells[column] {
        Cell::Null | Cell::Error(_) => None,
        Cell::Int(n) => Some(Id::of(&n.to_le_bytes())),
        Cell::Decimal(n) => Some(Id::of(&n.to_le_bytes())),
        Cell::Double(n) => Some(Id::of(&n.to_ordered().to_le_bytes())),
        Cell::Text { .. } => sale.bytes(column).map(Id::of),
        Cell::Nested(_) => sale
            .nested(column)
            .map(|v| Id::of(v.to_string().as_bytes())),
    }
}

/// Whether a sale alone is as a check wants it.
fn holds(check: &Check, sale: &Sale<'_>) -> bool {
    let cell = sale.cells[check.column];
    let text = || sale.bytes(check.column).unwrap_or_default();
    match (&check.condition, cell) {
        (Condition::NotNull, cell) => cell != Cell::Null,
        // These two are not about one sale.
        (Condition::Unique { .. } | Condition::Volume(_), _) | (_, Cell::Null) => true,
        (Condition::Range { min, max }, cell) => {
            let number = match cell {
                Cell::Int(n) => i128::from(n),
                Cell::Decimal(n) => n,
                // Ranges are declared of exact numbers and times alone.
                _ => return true,
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

/// A time as checks are declared: ms since the Unix epoch.
fn ms_of(n: i64, kind: &Type) -> Option<i64> {
    matches!(kind, Type::Timestamp(_) | Type::Instant(_)).then(|| n.div_euclid(1000))
}

/// What a condition asks, after "must be".
pub(super) fn wanted(condition: &Condition, kind: &Type) -> String {
    let number = |n: &i128| match i64::try_from(*n).ok().and_then(|n| ms_of(n, kind)) {
        Some(ms) => ms.to_string(),
        None => Value::of_number(*n, kind).to_string(),
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
        Condition::Unique { within } => format!(
            "another than that of every earlier sale of the partition within {}",
            format_ms(*within)
        ),
        Condition::Volume(_) => "any".to_owned(),
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
