//! The questions of the API as SQL.

use std::sync::Arc;

use tokio_postgres::Row as Record;

use super::told::names_cause;
use super::{Database, problem, words};
use crate::as_of::AsOf;
use crate::board::{Row, WindowInfo};
use crate::problem::Problem;
use standings_commit::database::Trouble;
use standings_model::plan::{Field, Ranking};
use standings_model::time::{DAY, format_rfc3339};
use standings_model::value::Value;
use standings_model::window::Bounds;
use standings_postgres::{fields, parts, quoted, selected, sql_type, value};

/// A row with its window.
pub(super) type Placed = (WindowInfo, Row);

/// A parameter that is sent as text, whatever the column's type.
type Parameter = Box<dyn standings_postgres::Parameter + Send>;

/// What is selected of a row: window, rank, final, commit, then keys and measures as text.
pub(super) fn columns(ranking: &Ranking) -> String {
    let column = |field: &Field| {
        let name = quoted(ranking.field_name(*field));
        format!(", {}", selected(&ranking.field_type(*field).0, &name))
    };
    format!(
        "(extract(epoch FROM window_start) * 1000)::bigint, (extract(epoch FROM window_end) * 1000)::bigint,
         rank, final, commit{}",
        fields(ranking).iter().map(column).collect::<String>()
    )
}

/// The order of display: partition beyond the window, rank, keys bytewise.
fn order(ranking: &Ranking) -> String {
    let key = |i: usize| {
        let name = quoted(&ranking.keys[i].name);
        let (kind, nullable) = ranking.field_type(Field::Key(i));
        let collate = if kind.is_text() { " COLLATE \"C\"" } else { "" };
        // NULL is least.
        let nulls = if nullable { " NULLS FIRST" } else { "" };
        format!("{name}{collate}{nulls}")
    };
    let partition = ranking.partition_keys().map(key);
    let keys = (0..ranking.keys.len()).map(key);
    let all: Vec<String> = partition.chain(["rank".to_owned()]).chain(keys).collect();
    all.join(", ")
}

/// The order of windows, newest first.
fn newest_first(ranking: &Ranking) -> String {
    let by = ranking.window.named_by().iter();
    let by: Vec<String> = by.map(|c| format!("{c} DESC")).collect();
    by.join(", ")
}

/// A row as it was selected by [`columns`]; `None` if it holds what standings does not write.
pub(super) fn row(ranking: &Ranking, record: &Record) -> Option<Placed> {
    let mut values = Vec::new();
    for (i, field) in fields(ranking).into_iter().enumerate() {
        values.push(match record.get::<_, Option<&str>>(5 + i) {
            None => Value::Null,
            Some(text) => value(&ranking.field_type(field).0, text)?,
        });
    }
    let (key, measures) = parts(ranking, values);
    let is_final = record.get::<_, Option<bool>>(3).unwrap_or(false);
    let commit = record.get::<_, Option<i64>>(4).unwrap_or(0).max(0) as u64;
    let window = WindowInfo {
        bounds: Bounds {
            start: record.get(0),
            end: record.get(1),
        },
        is_final,
        rows: 0,
        commit,
        truncated: false,
    };
    let row = Row {
        rank: u64::from(record.get::<_, Option<i32>>(2).unwrap_or(0).unsigned_abs()),
        key: Arc::from(key),
        measures: Arc::from(measures),
        is_final,
        commit,
        at: 0,
        before: None,
        corrected: false,
        corrections: (0, 0),
    };
    Some((window, row))
}

impl Database {
    /// Asks the servers in turn until one answers.
    pub(super) async fn ask(
        &self,
        sql: &str,
        parameters: &[Parameter],
    ) -> Result<(AsOf, Vec<Record>), Problem> {
        let parameters: Vec<&dyn standings_postgres::Parameter> = parameters
            .iter()
            .map(|p| &**p as &dyn standings_postgres::Parameter)
            .collect();
        let mut last = None;
        for server in self.order() {
            match server.snapshot(sql, &parameters).await {
                Ok(found) => return Ok(found),
                // A statement that takes too long takes too long elsewhere; what is missing in one may be in another.
                Err(trouble) if words(&trouble).contains("(57014)") => {
                    return Err(problem(&trouble));
                }
                // One that is away says less than one that says what is wrong.
                Err(trouble) if last.as_ref().is_some_and(|l| names_cause(&words(l))) => {
                    drop(trouble)
                }
                Err(trouble) => last = Some(trouble),
            }
        }
        let nobody = || Trouble::Passing("no server".to_owned());
        Err(problem(&last.unwrap_or_else(nobody)))
    }

    async fn placed(
        &self,
        number: usize,
        rest: &str,
        parameters: &[Parameter],
    ) -> Result<(AsOf, Vec<Placed>), Problem> {
        let Some(ranking) = self.plan.rankings.get(number) else {
            return Ok((AsOf::default(), Vec::new()));
        };
        let (columns, table) = (columns(ranking), quoted(&ranking.name));
        let sql = format!("SELECT {columns} FROM {table} {rest}");
        let (as_of, records) = self.ask(&sql, parameters).await?;
        let rows = records.iter().map(|r| row(ranking, r));
        let rows: Option<Vec<Placed>> = rows.collect();
        let rows = rows.ok_or_else(|| {
            Problem::unavailable("the table holds a value that standings does not write")
        })?;
        Ok((as_of, rows))
    }

    async fn one_window(
        &self,
        number: usize,
        condition: &str,
        mut parameters: Vec<Parameter>,
        limit: usize,
    ) -> Result<(AsOf, Option<(WindowInfo, Vec<Row>)>), Problem> {
        let Some(ranking) = self.plan.rankings.get(number) else {
            return Ok((AsOf::default(), None));
        };
        parameters.push(Box::new(i64::try_from(limit).unwrap_or(i64::MAX)));
        let rest = format!(
            "WHERE ({}) = {condition} ORDER BY {} LIMIT ${}",
            ranking.window.named_by().join(", "),
            order(ranking),
            parameters.len()
        );
        let (as_of, placed) = self.placed(number, &rest, &parameters).await?;
        let mut info = None;
        let mut rows = Vec::with_capacity(placed.len());
        for (window, row) in placed {
            let info: &mut WindowInfo = info.get_or_insert(window);
            info.is_final |= window.is_final;
            info.commit = info.commit.max(window.commit);
            info.rows += 1;
            rows.push(row);
        }
        Ok((as_of, info.map(|info| (info, rows))))
    }

    /// The newest window of those that satisfy a condition, as a subselect.
    fn newest_where(&self, number: usize, condition: &str) -> String {
        let Some(ranking) = self.plan.rankings.get(number) else {
            return String::new();
        };
        format!(
            "(SELECT {} FROM {} WHERE {condition} ORDER BY {} LIMIT 1)",
            ranking.window.named_by().join(", "),
            quoted(&ranking.name),
            newest_first(ranking)
        )
    }

    /// The newest window, or the newest that starts on a date.
    pub(crate) async fn newest(
        &self,
        number: usize,
        date: Option<i64>,
        limit: usize,
    ) -> Result<(AsOf, Option<(WindowInfo, Vec<Row>)>), Problem> {
        match date {
            None => {
                let newest = self.newest_where(number, "true");
                self.one_window(number, &newest, Vec::new(), limit).await
            }
            Some(date) => {
                let on_date = "window_start >= $1::text::timestamptz AND window_start < $2::text::timestamptz";
                let newest = self.newest_where(number, on_date);
                let bounds: Vec<Parameter> = vec![time(date), time(date.saturating_add(DAY))];
                self.one_window(number, &newest, bounds, limit).await
            }
        }
    }

    /// A window's rows.
    pub(crate) async fn window(
        &self,
        number: usize,
        bounds: Bounds,
        limit: usize,
    ) -> Result<(AsOf, Option<(WindowInfo, Vec<Row>)>), Problem> {
        let ranking = self.plan.rankings.get(number);
        let by_start = ranking.is_none_or(|r| r.window.is_named_by_start());
        let (condition, parameters): (_, Vec<Parameter>) = match by_start {
            true => ("($1::text::timestamptz)", vec![time(bounds.start)]),
            false => (
                "($1::text::timestamptz, $2::text::timestamptz)",
                vec![time(bounds.start), time(bounds.end)],
            ),
        };
        self.one_window(number, condition, parameters, limit).await
    }

    /// The windows, newest first.
    pub(crate) async fn windows(
        &self,
        number: usize,
        limit: usize,
    ) -> Result<(AsOf, Vec<WindowInfo>), Problem> {
        let Some(ranking) = self.plan.rankings.get(number) else {
            return Ok((AsOf::default(), Vec::new()));
        };
        let (table, by) = (quoted(&ranking.name), ranking.window.named_by().join(", "));
        let sql = format!(
            "SELECT (extract(epoch FROM window_start) * 1000)::bigint, (extract(epoch FROM max(window_end)) * 1000)::bigint,
               coalesce(bool_or(final), false), count(*), coalesce(max(commit), 0)
             FROM {table} GROUP BY {by} ORDER BY {} LIMIT $1",
            newest_first(ranking)
        );
        let limit: Parameter = Box::new(i64::try_from(limit).unwrap_or(i64::MAX));
        let (as_of, records) = self.ask(&sql, &[limit]).await?;
        let window = |r: &Record| WindowInfo {
            bounds: Bounds {
                start: r.get(0),
                end: r.get(1),
            },
            is_final: r.get(2),
            rows: usize::try_from(r.get::<_, i64>(3)).unwrap_or(0),
            commit: r.get::<_, i64>(4).max(0) as u64,
            truncated: false,
        };
        Ok((as_of, records.iter().map(window).collect()))
    }

    /// A key's rows, newest window first.
    pub(crate) async fn history(
        &self,
        number: usize,
        key: &[Value],
        limit: usize,
    ) -> Result<(AsOf, Vec<Placed>), Problem> {
        let Some(ranking) = self.plan.rankings.get(number) else {
            return Ok((AsOf::default(), Vec::new()));
        };
        let mut conditions = Vec::new();
        let mut parameters: Vec<Parameter> = Vec::new();
        for (i, value) in key.iter().enumerate() {
            let name = quoted(&ranking.keys[i].name);
            let kind = sql_type(ranking, Field::Key(i));
            let Some(text) = standings_postgres::text(value) else {
                conditions.push(format!("{name} IS NULL"));
                continue;
            };
            // Postgres has no text with U+0000, so no row has it either.
            parameters.push(Box::new(text.replace('\0', "\u{fffd}")));
            conditions.push(format!("{name} = ${}::text::{kind}", parameters.len()));
        }
        let condition = match conditions.is_empty() {
            true => "true".to_owned(),
            false => conditions.join(" AND "),
        };
        parameters.push(Box::new(i64::try_from(limit).unwrap_or(i64::MAX)));
        let rest = format!(
            "WHERE {condition} ORDER BY {} LIMIT ${}",
            newest_first(ranking),
            parameters.len()
        );
        self.placed(number, &rest, &parameters).await
    }
}

fn time(ms: i64) -> Parameter {
    Box::new(format_rfc3339(ms))
}
