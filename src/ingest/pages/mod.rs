//! An endpoint that is gone through page by page, whatever it speaks: REST and SOAP are two of these.
//!
//! ```text
//! bucket ──► Endpoint.ask(page) ──► Brought: rows, the next cursor ──► rows that were not written yet ──► records ──► the next page,
//!                  │                                                                                       or the end of the pass
//!                  └──► Trouble
//! ```
//!
//! Two ways: with a cursor or links a source *goes on* where it was, for ever. With pages or offsets, which move under the reader, and
//! with `time`, it goes through all of it in *passes*, each from the start or from a moment, and knows rows by their ids.
//!
//! 1. Under one cursor a row is written once; in passes once as long as it is as it was. What says so is in the transaction.
//! 2. A cursor that comes back is a circle, and a page that comes again under other numbers is none: both break the source rather than
//!    write, or ask, without end.

mod judge;
mod known;
pub mod paging;
mod passed;
pub mod times;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use standings_model::clock::Clock;
use standings_model::sabotage::{self, Mistake};
use standings_model::time::unix_ms;

use self::known::Known;
use self::paging::{Page, Paging};
use self::passed::{Counted, Passed};
use self::times::Times;
use super::batch::Batch;
use super::bucket::{Bucket, Rate};
use super::feed::{Feed, Polled, Trouble};
use super::row::Shape;
use super::seen::Seen;

/// A row, or a piece that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// The text of its JSON.
    Text(String),
    /// As it came, and why it is no row.
    Wrong(String, String),
}

/// A row of an answer, and where in it that is: `$.orders[3]`; nothing where rows follow each other as lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// As a path.
    pub path: Option<String>,
    /// What is there.
    pub row: Row,
}

/// Which page is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filling<'a> {
    /// The cursor; empty at first.
    pub cursor: &'a str,
    /// The page, or how many rows are before it.
    pub number: u64,
    /// Rows of a page.
    pub size: u64,
    /// A time, as the endpoint takes it.
    pub since: &'a str,
}

/// What a page brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Its rows.
    pub rows: Vec<Piece>,
    /// The cursor, or the link, of the page behind it, if the answer has one.
    pub next: Option<String>,
    /// By which a page is told from another: the text of its answer, without what is new each time.
    pub text: String,
}

/// What is asked.
pub trait Endpoint: Send {
    /// Asks for a page.
    ///
    /// # Errors
    /// It did not come, or is not as configured.
    fn ask(&mut self, page: Filling<'_>) -> Result<Brought, Trouble>;
}

/// How an endpoint is gone through.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How pages follow each other.
    pub paging: Paging,
    /// Where the time of a row is, where it is asked by it.
    pub times: Option<Times>,
    /// The columns that name a row, as the endpoint calls them; none: all of the row.
    pub id: Vec<String>,
    /// The cursor that the first page is asked by; empty: none.
    pub start: String,
    /// How often, once all is read.
    pub every: Duration,
    /// How often at most.
    pub rate: Option<Rate>,
}

impl Settings {
    /// Whether it is gone through in passes.
    pub fn is_in_passes(&self) -> bool {
        self.times.is_some() || self.paging.is_counted()
    }
}

/// An endpoint as a source.
pub struct PagesFeed<E> {
    pub(crate) endpoint: E,
    pub(crate) settings: Settings,
    shape: Shape,
    pub(crate) clock: Clock,
    pub(crate) bucket: Option<Bucket>,
    /// The page that is asked for.
    page: Page,
    /// Going on: the rows that this page has brought.
    known: Known,
    /// In passes: the rows that were written.
    seen: Seen,
    /// From when on this pass asks, and the greatest time that it saw; ms.
    since: i64,
    greatest: Option<i64>,
    /// When this pass began, ms: what is shown later may be on a page that it has read.
    begun: i64,
    /// The pages before, in passes of this one alone.
    passed: Passed,
    /// This pass was begun by somebody who is gone: it is not known what its pages had.
    is_resumed: bool,
    /// All was read, up to here.
    at_end: bool,
}

/// When a page is asked for again that is the one before it.
const AGAIN: Duration = Duration::from_secs(1);

impl<E: Endpoint> PagesFeed<E> {
    /// Nothing is asked yet.
    pub fn new(endpoint: E, settings: Settings, shape: Shape, clock: Clock) -> Self {
        PagesFeed {
            endpoint,
            bucket: settings.rate.map(|rate| Bucket::new(rate, clock.clone())),
            page: settings.paging.first(),
            since: settings.times.as_ref().map_or(0, |times| times.start),
            settings,
            shape,
            clock,
            known: Known::default(),
            seen: Seen::default(),
            greatest: None,
            begun: 0,
            passed: Passed::default(),
            is_resumed: false,
            at_end: false,
        }
    }

    /// Asks for the present page.
    fn ask(&mut self) -> Result<Brought, Trouble> {
        let times = self.settings.times.as_ref();
        let since = times.map_or_else(String::new, |times| times.text(self.since));
        let cursor = match self.page.cursor.as_str() {
            "" => self.settings.start.as_str(),
            cursor => cursor,
        };
        self.endpoint.ask(Filling {
            cursor,
            number: self.page.number,
            size: self.settings.paging.size(),
            since: &since,
        })
    }

    /// What a page brings.
    fn page(&mut self, brought: Brought) -> Result<Polled, Trouble> {
        let Brought { rows, next, text } = brought;
        let next = self.settings.paging.next(&self.page, next, rows.len());
        let mut batch = Batch::default();
        if self.settings.is_in_passes() {
            if self.is_again(&text, rows.len())? {
                return Ok(Polled::Idle(AGAIN));
            }
            self.judge_of_pass(rows, &mut batch)?;
            return self.after_page(next, batch);
        }
        self.judge_going_on(rows, &mut batch);
        self.at_end = next.is_none();
        match next {
            Some(next) => {
                self.move_to(next)?;
                batch.notes.extend(self.known.clear());
            }
            None if batch.records.is_empty() && batch.letters.is_empty() => {
                self.at_end = false;
                return Ok(Polled::Ended(self.settings.every));
            }
            None => batch.notes.extend(self.known.notes()),
        }
        batch.cursor = self.written();
        Ok(Polled::Batch(Box::new(batch)))
    }

    /// Whether a counted page has to be asked for again, because it is the one before it once more.
    fn is_again(&mut self, text: &str, rows: usize) -> Result<bool, Trouble> {
        if rows == 0 || !self.settings.paging.is_counted() {
            return Ok(false);
        }
        if self.page == self.settings.paging.first() {
            self.passed.first(text);
            return Ok(false);
        }
        match self.passed.counted(text) {
            Counted::Fine => Ok(false),
            Counted::AskAgain => Ok(true),
            Counted::Never => Err(Trouble::Broken(format!(
                "page {} is as those before it: does the endpoint look where {{page}} or {{offset}} stands?",
                self.page
            ))),
        }
    }

    /// The next page of a pass, or its end.
    fn after_page(&mut self, next: Option<Page>, mut batch: Batch) -> Result<Polled, Trouble> {
        match next {
            Some(next) => {
                if let Some(times) = &self.settings.times
                    && sabotage::is(Mistake::IngestMomentEarly)
                {
                    self.since = times.next(self.since, self.greatest, i64::MAX);
                }
                self.move_to(next)?;
            }
            None if sabotage::is(Mistake::IngestPassesEnd) => self.at_end = true,
            None => {
                let first = self.settings.paging.first();
                let was_first = self.page == first;
                let before = self.since;
                if let Some(times) = &self.settings.times {
                    self.since = times.next(self.since, self.greatest, self.begun);
                }
                let since = self.settings.times.is_some().then_some(self.since);
                batch.notes.extend(self.seen.end_of_pass(since));
                (self.page, self.greatest) = (first, None);
                self.passed.clear();
                let is_empty =
                    batch.records.is_empty() && batch.letters.is_empty() && batch.notes.is_empty();
                let is_resumed = std::mem::take(&mut self.is_resumed);
                if is_empty && was_first && self.since == before {
                    return Ok(Polled::Ended(self.settings.every));
                }
                // Of a pass whose beginning nobody here has seen the end is none: rows may have come in front.
                self.at_end = !is_resumed;
            }
        }
        batch.cursor = self.written();
        Ok(Polled::Batch(Box::new(batch)))
    }

    /// Goes to another page; one that was asked for in this pass is a circle.
    fn move_to(&mut self, next: Page) -> Result<(), Trouble> {
        if !next.cursor.is_empty() {
            let is_circle = self.passed.has(&next.cursor);
            if is_circle && !sabotage::is(Mistake::IngestCircleFollowed) {
                return Err(Trouble::Broken(format!(
                    "the cursor goes back to `{}`, which was asked before",
                    next.cursor
                )));
            }
            self.passed.add(&self.page.cursor);
        }
        self.page = next;
        Ok(())
    }

    fn written(&self) -> Value {
        if self.settings.is_in_passes() {
            return json!({
                "cursor": self.page.cursor,
                "number": self.page.number,
                "since": self.since,
                "greatest": self.greatest,
                "begun": self.begun,
                "passed": self.passed.json(),
            });
        }
        json!({ "cursor": self.page.cursor, "rows": self.known.json(), "passed": self.passed.json() })
    }
}

impl<E: Endpoint> Feed for PagesFeed<E> {
    fn open(&mut self, cursor: &Value, notes: &BTreeMap<String, String>) -> Result<(), Trouble> {
        let of = |name: &str| cursor.get(name);
        let first = self.settings.paging.first();
        let text = of("cursor").and_then(Value::as_str);
        self.page = Page {
            cursor: text.unwrap_or_default().to_owned(),
            number: of("number").and_then(Value::as_u64).unwrap_or(first.number),
        };
        let start = self.settings.times.as_ref().map_or(0, |times| times.start);
        self.since = of("since").and_then(Value::as_i64).unwrap_or(start);
        self.greatest = of("greatest").and_then(Value::as_i64);
        self.begun = of("begun").and_then(Value::as_i64).unwrap_or(0);
        self.known = Known::of(of("rows").unwrap_or(&Value::Null), notes);
        if self.settings.is_in_passes() {
            // What is noted of a page is of a source that went on, and was adopted.
            let own = notes.iter().filter(|(key, _)| !known::is_noted(key));
            self.seen.read(own)?;
        }
        self.passed = Passed::of(of("passed").unwrap_or(&Value::Null));
        self.is_resumed = self.page != first;
        self.at_end = false;
        Ok(())
    }

    fn poll(&mut self) -> Result<Polled, Trouble> {
        if std::mem::take(&mut self.at_end) {
            return Ok(Polled::Ended(self.settings.every));
        }
        if let Some(bucket) = &mut self.bucket
            && let Err(wait) = bucket.take()
        {
            return Ok(Polled::Idle(wait));
        }
        if self.page == self.settings.paging.first() {
            self.begun = unix_ms(self.clock.wall());
        }
        let brought = self.ask()?;
        self.page(brought)
    }

    fn committed(&mut self) -> Result<(), Trouble> {
        Ok(())
    }
}
