//! A change log read back: which rows it shows. What is written is what is read (`standings_model::json`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use standings_model::plan::{Field, Plan, Ranking};
use standings_model::time::parse_written;
use standings_model::value::Value;
use standings_model::window::Bounds;

use crate::sink::{Shown, ShownRow};

/// What a file of changes shows: it does not say which input it stands for.
pub fn fold_log(plan: &Plan, text: &[u8]) -> Result<Shown, LineError> {
    let mut rows = BTreeMap::new();
    let lines = text.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    for (number, line) in lines.enumerate().filter(|(_, line)| !is_offsets(line)) {
        fold(plan, &[], Some(line), &mut rows).map_err(|source| LineError {
            line: number + 1,
            source,
        })?;
    }
    Ok(Shown {
        rows: rows.into_values().collect(),
        ..Shown::default()
    })
}

/// A message that is none of a change log.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// No JSON of a change, or of a key.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A key that does not say of which row.
    #[error("a key without `{0}`")]
    Lacks(&'static str),
    /// A bound of a window.
    #[error("`{0}` is no time")]
    NoTime(String),
    /// A member that should be a text.
    #[error("`{name}`: {source}")]
    NoText {
        /// Which.
        name: String,
        /// What it is.
        source: serde_json::Error,
    },
    /// A member of another type.
    #[error("`{name}` is {found}")]
    Wrong {
        /// Which.
        name: String,
        /// What it is.
        found: String,
    },
    /// Nothing says where the row stands.
    #[error("an upsert without a rank")]
    NoRank,
}

/// A line of a file that is none of a change log.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is no change of ours: {source}")]
pub struct LineError {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub source: ChangeError,
}

/// What a commit stands for, as `?offsets=true` writes it before the changes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Offsets {
    #[serde(rename = "commit")]
    _commit: u64,
    #[serde(rename = "offsets")]
    _offsets: BTreeMap<String, Vec<u64>>,
}

/// Whether a line says a commit's offsets, and no change.
fn is_offsets(line: &[u8]) -> bool {
    line.starts_with(b"{\"commit\":") && serde_json::from_slice::<Offsets>(line).is_ok()
}

/// A change, as written.
#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow)]
    ranking: Cow<'a, str>,
    #[serde(borrow)]
    op: Cow<'a, str>,
    #[serde(borrow)]
    window_start: Option<Cow<'a, str>>,
    #[serde(borrow)]
    window_end: Option<Cow<'a, str>>,
    rank: Option<u64>,
    #[serde(borrow)]
    row: BTreeMap<Cow<'a, str>, &'a RawValue>,
    #[serde(rename = "final")]
    is_final: bool,
}

/// Names a row: ranking, window, group keys.
pub type RowKey = (usize, Bounds, Arc<[Value]>);

/// Applies one message of a change log to the rows that it shows; a message without a value is a tombstone.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
/// use standings_commit::change_log::fold;
///
/// let plan = standings_query::load_shipped().unwrap();
/// let upsert = br#"{"ranking":"top_sales_per_city","op":"upsert","window_start":"2026-01-23T00:00:00Z","window_end":"2026-01-24T00:00:00Z","rank":1,"previous_rank":null,"row":{"city":"Lisbon","total_sales":"12.00","transaction_count":2,"avg_sale":"6.00","max_sale":"7.00"},"final":false,"commit":1}"#;
/// let delete = br#"{"ranking":"top_sales_per_city","op":"delete","window_start":"2026-01-23T00:00:00Z","window_end":"2026-01-24T00:00:00Z","rank":null,"previous_rank":1,"row":{"city":"Lisbon"},"final":false,"commit":2}"#;
/// let mut rows = BTreeMap::new();
/// // A row's new state, not what is added to it: a commit that is read twice changes nothing.
/// for _ in 0..2 {
///     fold(&plan, b"", Some(upsert), &mut rows).unwrap();
///     assert_eq!(rows.len(), 1);
/// }
/// fold(&plan, b"", Some(delete), &mut rows).unwrap();
/// assert!(rows.is_empty());
/// ```
pub fn fold(
    plan: &Plan,
    key: &[u8],
    value: Option<&[u8]>,
    rows: &mut BTreeMap<RowKey, ShownRow>,
) -> Result<(), ChangeError> {
    let Some(value) = value else {
        // A tombstone: the key says which row.
        let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(key)?;
        let text = |name: &'static str| -> Result<String, ChangeError> {
            let raw = fields.get(name).ok_or(ChangeError::Lacks(name))?;
            Ok(serde_json::from_str(raw.get())?)
        };
        let named = text("ranking").ok();
        let mut rankings = plan.rankings.iter();
        let Some(ranking) = rankings.position(|r| named.as_ref() == Some(&r.name)) else {
            return Ok(());
        };
        let window = &plan.rankings[ranking].window;
        let bounds = match window.is_always() {
            true => Bounds::ALWAYS,
            false => {
                let start = time(&text("window_start")?)?;
                let end = match window.named(start) {
                    Some(end) => end,
                    None => time(&text("window_end")?)?,
                };
                Bounds { start, end }
            }
        };
        let keys = keys(&plan.rankings[ranking], &fields)?;
        rows.remove(&(ranking, bounds, keys));
        return Ok(());
    };
    let change: Change<'_> = serde_json::from_slice(value)?;
    // A ranking that is not loaded any more is left as it is.
    let Some(number) = plan.rankings.iter().position(|r| r.name == change.ranking) else {
        return Ok(());
    };
    let ranking = &plan.rankings[number];
    let bound = |text: &Option<Cow<'_, str>>| text.as_deref().map(time).transpose();
    let bounds = Bounds::of_shown(bound(&change.window_start)?, bound(&change.window_end)?);
    let key = keys(ranking, &change.row)?;
    let at = (number, ranking.window.of_row(bounds), Arc::clone(&key));
    if change.op == "delete" {
        rows.remove(&at);
        return Ok(());
    }
    let measures = (0..ranking.measures.len())
        .map(|i| match ranking.shows(i) {
            true => field(ranking, Field::Measure(i), &change.row),
            false => Ok(Value::Null),
        })
        .collect::<Result<Arc<[Value]>, ChangeError>>()?;
    let row = ShownRow {
        ranking: number,
        window_start: bounds.start,
        window_end: bounds.end,
        key,
        rank: match (change.rank, ranking.shows_rank) {
            (Some(rank), true) => rank,
            (None, true) => return Err(ChangeError::NoRank),
            (_, false) => 0,
        },
        measures,
        is_final: change.is_final,
    };
    rows.insert(at, row);
    Ok(())
}

fn time(text: &str) -> Result<i64, ChangeError> {
    parse_written(text).ok_or_else(|| ChangeError::NoTime(text.to_owned()))
}

type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

fn keys(ranking: &Ranking, fields: &Fields<'_>) -> Result<Arc<[Value]>, ChangeError> {
    (0..ranking.keys.len())
        .map(|i| field(ranking, Field::Key(i), fields))
        .collect()
}

fn field(ranking: &Ranking, field: Field, fields: &Fields<'_>) -> Result<Value, ChangeError> {
    let name = ranking.field_name(field);
    // A measure that the query did not have when the row was written: NULL, which the difference sets right.
    let raw = fields.get(name).map_or("null", |r| r.get());
    if raw == "null" {
        return Ok(Value::Null);
    }
    let (kind, _) = ranking.field_type(field);
    let text = match raw.starts_with('"') || kind.is_text() {
        true => serde_json::from_str::<String>(raw).map_err(|source| ChangeError::NoText {
            name: name.to_owned(),
            source,
        })?,
        false => raw.to_owned(),
    };
    Value::parse(&text, &kind).ok_or_else(|| ChangeError::Wrong {
        name: name.to_owned(),
        found: raw.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::change::Change;
    use standings_model::json::{push_change, push_key};
    use standings_model::window::{Cut, Length, Window};
    use standings_query::load_shipped;

    #[test]
    fn what_is_written_is_read_back() {
        let plan = load_shipped().unwrap_or_else(|e| panic!("{}", e.render()));
        let number = plan
            .rankings
            .iter()
            .position(|r| r.name == "top_salesmen")
            .unwrap();
        let mut change = Change {
            ranking: number,
            window_start: 1_769_126_400_000,
            window_end: 1_769_212_800_000,
            key: Arc::from([Value::text("S\"1\n")]),
            rank: Some(3),
            previous_rank: None,
            measures: Arc::from([
                Value::Null,
                Value::cents(-1234),
                Value::Integer(i128::from(u64::MAX) + 7),
                Value::cents(5),
                Value::Integer(2),
            ]),
            is_final: true,
        };
        let mut rows = BTreeMap::new();
        let (mut key, mut value) = (Vec::new(), Vec::new());
        push_key(&mut key, &plan, &change);
        push_change(&mut value, &plan, &change, 9);
        fold(&plan, &key, Some(&value), &mut rows).unwrap();
        let row = rows.values().next().unwrap();
        assert_eq!((row.rank, row.is_final, row.ranking), (3, true, number));
        assert_eq!((&row.key, &row.measures), (&change.key, &change.measures));
        assert_eq!(row.window_end, change.window_end);

        let mut by_tombstone = rows.clone();
        fold(&plan, &key, None, &mut by_tombstone).unwrap();
        assert!(by_tombstone.is_empty());
        change.rank = None;
        change.measures = Arc::from([]);
        value.clear();
        push_change(&mut value, &plan, &change, 10);
        fold(&plan, &key, Some(&value), &mut rows).unwrap();
        assert!(rows.is_empty());
        assert!(fold(&plan, b"x", Some(b"{}"), &mut rows).is_err());
    }

    #[test]
    fn offsets_of_commits_are_no_changes() {
        let plan = load_shipped().unwrap_or_else(|e| panic!("{}", e.render()));
        let log = "{\"commit\":7,\"offsets\":{\"sales\":[12,9],\"cities\":[]}}\n";
        assert!(fold_log(&plan, log.as_bytes()).unwrap().rows.is_empty());
        // What only begins like one, and what stands behind it, is still said with its line.
        for other in [
            "{\"commit\":7,\"offsets\":{},\"x\":1}",
            "{\"commit\":7}",
            "{}",
        ] {
            let text = format!("{log}{other}\n");
            let error = fold_log(&plan, text.as_bytes()).unwrap_err();
            assert_eq!(error.line, 2, "{other}");
        }
    }

    #[test]
    fn windows_that_share_their_start_are_told_apart() {
        let mut plan = load_shipped().unwrap_or_else(|e| panic!("{}", e.render()));
        let hour = 3_600_000;
        let growing = Window::family("CUMULATE").unwrap();
        let lengths = [hour, 24 * hour].map(Length::Time);
        plan.rankings[0].window = Window::new(growing, &lengths, Cut::default()).unwrap();
        let row = |end: i64, rank: Option<u64>| Change {
            ranking: 0,
            window_start: 0,
            window_end: end,
            key: Arc::from([Value::text("Faro")]),
            rank,
            previous_rank: None,
            measures: Arc::from([const { Value::Null }; 4]),
            is_final: false,
        };
        let written = |change: &Change| {
            let (mut key, mut value) = (Vec::new(), Vec::new());
            push_key(&mut key, &plan, change);
            push_change(&mut value, &plan, change, 9);
            (key, value)
        };
        let mut rows = BTreeMap::new();
        let mut keys = Vec::new();
        for end in [hour, 2 * hour, 3 * hour] {
            let (key, value) = written(&row(end, Some(1)));
            fold(&plan, &key, Some(&value), &mut rows).unwrap();
            keys.push(String::from_utf8(key).unwrap());
        }
        assert_eq!(
            keys[1],
            format!(
                r#"{{"ranking":"{}","window_start":"1970-01-01T00:00:00Z","window_end":"1970-01-01T02:00:00Z","{}":"Faro"}}"#,
                plan.rankings[0].name, plan.rankings[0].keys[0].name
            )
        );
        let ends = |rows: &BTreeMap<RowKey, ShownRow>| -> Vec<i64> {
            rows.values().map(|r| r.window_end / hour).collect()
        };
        assert_eq!(ends(&rows), [1, 2, 3]);
        fold(&plan, keys[1].as_bytes(), None, &mut rows).unwrap();
        assert_eq!(ends(&rows), [1, 3]);
        let (key, value) = written(&row(3 * hour, None));
        fold(&plan, &key, Some(&value), &mut rows).unwrap();
        assert_eq!(ends(&rows), [1]);
    }
}
