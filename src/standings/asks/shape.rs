//! A ranking's columns, in the order of its query, and its windows.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{failed, get, not_understood};
use crate::client::{LineError, Server};
use crate::output::{Cell, Column};
use standings_process::exit::Failure;

/// A ranking, as the server describes it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) keys: Vec<String>,
    fields: Vec<Field>,
    /// Null of all time.
    window_ms: Option<i64>,
    /// Where a start does not say the window.
    #[serde(default)]
    named_by: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Field {
    name: String,
    kind: String,
}

#[derive(Deserialize)]
struct Window {
    window_start: Option<String>,
    window_end: Option<String>,
}

/// A row, or what is like one: each value as it stands.
pub(super) type Raw = HashMap<String, Box<RawValue>>;

impl Shape {
    /// Asks for it.
    pub(super) async fn of(server: &Server, name: &str) -> Result<Self, Failure> {
        let answer = get(server, server.url(["rankings"], &[])).await?;
        let all: Vec<Shape> =
            serde_json::from_str(&answer.text).map_err(|_| not_understood(server))?;
        let names: Vec<String> = all.iter().map(|r| r.name.clone()).collect();
        all.into_iter().find(|r| r.name == name).ok_or_else(|| {
            let said = match names.is_empty() {
                true => format!("no ranking `{name}`; none is to be seen with this key"),
                false => format!("no ranking `{name}`; there are: {}", names.join(", ")),
            };
            failed(server, &LineError::Refused { said, code: None })
        })
    }

    /// The window that is meant: as it is named, or the newest.
    pub(super) async fn window(
        &self,
        server: &Server,
        asked: Option<&str>,
    ) -> Result<String, Failure> {
        match asked {
            Some("newest") | None => {}
            Some(window) => return Ok(window.to_owned()),
        }
        if self.window_ms.is_none() {
            return Ok("all".to_owned());
        }
        let url = server.url(["rankings", &self.name, "windows"], &[("limit", "1")]);
        let answer = get(server, url).await?;
        let all: Vec<Window> =
            serde_json::from_str(&answer.text).map_err(|_| not_understood(server))?;
        let newest = all.into_iter().next();
        let newest = newest.and_then(|w| w.window_start.zip(w.window_end));
        let (start, end) = newest.ok_or_else(|| {
            let said = format!("`{}` has no window yet", self.name);
            failed(server, &LineError::Refused { said, code: None })
        })?;
        Ok(match self.named_by.is_empty() {
            true => start,
            false => format!("{start}..{end}"),
        })
    }

    /// The rank, and the query's fields.
    pub(super) fn columns(&self) -> Vec<Column> {
        let rank = Column {
            name: "rank".to_owned(),
            is_text: false,
        };
        let fields = self.fields.iter().map(|field| Column {
            name: field.name.clone(),
            is_text: !matches!(&field.kind[..], "integer" | "decimal" | "double"),
        });
        std::iter::once(rank).chain(fields).collect()
    }

    /// The kind of a column, as the server calls it.
    pub(super) fn kind(&self, column: &str) -> &str {
        let field = self.fields.iter().find(|field| field.name == column);
        field.map_or("integer", |field| &field.kind)
    }

    /// The cells of a row for some columns.
    pub(super) fn cells(columns: &[Column], of: &[&Raw]) -> Vec<Cell> {
        let cell = |column: &Column| {
            let found = of.iter().find_map(|raw| raw.get(&column.name));
            found.map_or(Cell::Null, |raw| Cell::of(raw))
        };
        columns.iter().map(cell).collect()
    }
}
