//! An API that is asked page by page.
//!
//! ```text
//! bucket ──► GET url(cursor) ──► 200: rows that this cursor has not brought yet ──► records ──► the next cursor
//!                            ├─► 429, 503, 5xx: later, not before Retry-After
//!                            └─► anything else: broken
//! ```
//!
//! 1. Under one cursor a row is written once: a page that is asked for again brings only what is new in it.
//! 2. A cursor that comes back within one pass is a circle, and breaks the source rather than write without end.
//! 3. No redirect is followed and no other origin asked: a next link that leads there breaks the source.

pub mod path;
pub mod retry;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use standings_model::clock::Clock;
use xxhash_rust::xxh3::xxh3_128;

use self::path::Path;
use super::batch::{Batch, Letter, Record};
use super::bucket::{Bucket, Rate};
use super::feed::{Feed, Polled, Trouble};
use super::row::Shape;

/// What an endpoint answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// `Location`, for people.
    pub location: Option<String>,
    /// Body, decompressed.
    pub body: Vec<u8>,
}

/// Asks an endpoint.
pub trait Fetch: Send {
    /// GET. The credentials go to the configured origin alone.
    ///
    /// # Errors
    /// No answer, or an address that may not be asked.
    fn get(&mut self, url: &str) -> Result<Answer, Trouble>;
}

/// How an API is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// With `{cursor}` where the cursor goes.
    pub url: String,
    /// Where the rows are.
    pub rows: Path,
    /// Where the next cursor is.
    pub cursor: Option<Path>,
    /// How often, once all is read.
    pub every: Duration,
    /// How often at most.
    pub rate: Option<Rate>,
}

/// An API as a source.
pub struct RestFeed<F> {
    fetch: F,
    settings: Settings,
    shape: Shape,
    clock: Clock,
    bucket: Option<Bucket>,
    /// What goes into the URL.
    cursor: String,
    /// The rows that it has brought, by their hashes.
    known: BTreeSet<u128>,
    /// Cursors of this pass.
    passed: BTreeSet<String>,
    /// All was read, up to here.
    at_end: bool,
}

/// Cursors of a pass that are remembered.
const PASS: usize = 100_000;

impl<F: Fetch> RestFeed<F> {
    /// Nothing is asked yet.
    pub fn new(fetch: F, settings: Settings, shape: Shape, clock: Clock) -> Self {
        RestFeed {
            fetch,
            bucket: settings.rate.map(|rate| Bucket::new(rate, clock.clone())),
            settings,
            shape,
            clock,
            cursor: String::new(),
            known: BTreeSet::new(),
            passed: BTreeSet::new(),
            at_end: false,
        }
    }

    /// The URL of the present cursor.
    fn url(&self) -> Result<String, Trouble> {
        let url = &self.settings.url;
        if url.contains("{cursor}") {
            return Ok(url.replace("{cursor}", &encoded(&self.cursor)));
        }
        if self.cursor.is_empty() {
            return Ok(url.clone());
        }
        // The cursor is a link.
        let origin = origin(url);
        match self.cursor.strip_prefix(origin) {
            Some(rest) if rest.is_empty() || rest.starts_with(['/', '?']) => {
                Ok(self.cursor.clone())
            }
            _ if self.cursor.starts_with('/') && !self.cursor.starts_with("//") => {
                Ok(format!("{origin}{}", self.cursor))
            }
            _ => Err(Trouble::Broken(format!(
                "the next link leads to another place than {origin}: nothing of this source is asked there"
            ))),
        }
    }

    /// The rows of an answer that are new under this cursor, and its next cursor.
    fn page(&mut self, body: &[u8]) -> Result<Polled, Trouble> {
        let broken =
            |said: String| Trouble::Broken(format!("the answer is not as configured: {said}"));
        let text = std::str::from_utf8(body).map_err(|e| broken(format!("no UTF-8: {e}")))?;
        let text = text.trim_start_matches('\u{feff}');
        let rows = self
            .settings
            .rows
            .rows(text)
            .map_err(|e| broken(format!("`rows`: {e}")))?;
        let next = match &self.settings.cursor {
            Some(path) => path
                .find(text)
                .map_err(|e| broken(format!("`cursor`: {e}")))?,
            None => Vec::new(),
        };
        let next = next
            .first()
            .map(|raw| plain(raw))
            .filter(|next| !next.is_empty());
        let at = self.clock.wall();
        let mut batch = Batch::default();
        for (n, row) in rows.iter().enumerate() {
            if !self.known.insert(xxh3_128(row.as_bytes())) {
                batch.duplicates += 1;
                continue;
            }
            let position = format!(
                "{}#{n}",
                if self.cursor.is_empty() {
                    "first"
                } else {
                    &self.cursor
                }
            );
            match self.shape.record(row.as_bytes()) {
                Ok((key, value)) => batch.records.push(Record {
                    key,
                    value,
                    position,
                    read_at: at,
                }),
                Err(no) => batch.letters.push(Letter {
                    position,
                    reason: no.reason.to_owned(),
                    detail: no.detail,
                    record: row.as_bytes().to_vec(),
                    read_at: at,
                }),
            }
        }
        let moves = next.as_ref().is_some_and(|next| *next != self.cursor);
        self.at_end = !moves;
        if let Some(next) = next.filter(|_| moves) {
            if self.passed.contains(&next) {
                return Err(Trouble::Broken(format!(
                    "the cursor goes back to `{next}`, which was asked before in this pass"
                )));
            }
            if self.passed.len() < PASS {
                self.passed
                    .insert(std::mem::replace(&mut self.cursor, next));
            } else {
                self.cursor = next;
            }
            self.known.clear();
        } else if batch.records.is_empty() && batch.letters.is_empty() {
            self.passed.clear();
            return Ok(Polled::Ended(self.settings.every));
        }
        batch.cursor = self.written();
        Ok(Polled::Batch(Box::new(batch)))
    }

    fn written(&self) -> Value {
        let known: Vec<String> = self
            .known
            .iter()
            .map(|hash| format!("{hash:032x}"))
            .collect();
        json!({ "cursor": self.cursor, "rows": known })
    }
}

/// A cursor as a text: a string without its quotes, a number as it is written.
fn plain(raw: &str) -> String {
    serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned())
}

/// `https://host:port` of a URL.
pub fn origin(url: &str) -> &str {
    let from = url.find("://").map_or(0, |at| at + 3);
    let end = url[from..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| from + at);
    &url[..end]
}

/// As a part of a query.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte))
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

impl<F: Fetch> Feed for RestFeed<F> {
    fn open(&mut self, cursor: &Value, _: &BTreeMap<String, String>) -> Result<(), Trouble> {
        self.cursor = cursor
            .get("cursor")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let rows = cursor.get("rows").and_then(Value::as_array);
        let rows = rows.into_iter().flatten().filter_map(Value::as_str);
        self.known = rows
            .filter_map(|hash| u128::from_str_radix(hash, 16).ok())
            .collect();
        self.passed.clear();
        self.at_end = false;
        Ok(())
    }

    fn poll(&mut self) -> Result<Polled, Trouble> {
        if std::mem::take(&mut self.at_end) {
            self.passed.clear();
            return Ok(Polled::Ended(self.settings.every));
        }
        if let Some(bucket) = &mut self.bucket
            && let Err(wait) = bucket.take()
        {
            return Ok(Polled::Idle(wait));
        }
        let url = self.url()?;
        let answer = self.fetch.get(&url)?;
        let status = answer.status;
        match status {
            200..=299 => self.page(&answer.body),
            408 | 425 | 429 | 500..=599 => {
                let said = answer.retry_after.as_deref();
                Err(Trouble::Later {
                    why: format!("the endpoint answered {status}"),
                    after: said.and_then(|text| retry::after(text, self.clock.wall())),
                })
            }
            300..=399 => Err(Trouble::Broken(format!(
                "the endpoint answered {status}, which leads elsewhere: no redirect is followed; give the URL that is meant"
            ))),
            401 | 403 => Err(Trouble::Broken(format!(
                "the endpoint answered {status}: the credentials are not taken"
            ))),
            _ => Err(Trouble::Broken(format!("the endpoint answered {status}"))),
        }
    }

    fn committed(&mut self) -> Result<(), Trouble> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
