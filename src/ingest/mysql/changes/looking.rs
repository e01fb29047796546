//! A snapshot that was broken off goes on as if it had not been.
//!
//! The snapshot of the beginning is gone with its connection; the log since then is not. So another snapshot is opened, and what the log has
//! between the two is undone:
//!
//! ```text
//! the beginning ──────── changes ────────► another snapshot            rows of it behind the last place
//!      ▲                                        │                    less the keys that were changed between
//!      └── as it was then ◄── undone ◄──────────┘                    with what those had before their first change
//! ```
//!
//! Both snapshots say how far the log is in them: what is between is between their numbers. It is read again once the snapshot is whole.

use std::time::Duration;

use standings_model::sabotage::{self, Mistake};

use super::at::Reached;
use super::event::{Gtid, Message, decode};
use super::flow::{Pair, Tables};
use super::found::Touched;
use super::server::Server;
use super::statement::{Does, does};
use super::{ANEW, ChangesFeed, Stage, reached_of};
use crate::feed::{Polled, Trouble};

/// Events that are looked at in one step.
const AT_ONCE: usize = 20_000;
/// Rows that may have changed meanwhile: they are all in memory.
const MOST: usize = 2_000_000;

/// What is looked for.
pub(super) struct Looking {
    /// Up to where, and how far it is.
    until: Reached,
    came: Reached,
    open: Option<(Gtid, bool)>,
    tables: Tables,
    touched: Touched,
}

impl<S: Server> ChangesFeed<S> {
    /// Opens another snapshot, and begins to read the log up to it.
    pub(super) fn looked(&mut self) -> Result<Polled, Trouble> {
        self.same()?;
        let until = reached_of(&self.server.look()?.0)?;
        let came = self.at.reached.clone();
        if came.has(&until) {
            return self.selected(Touched::default());
        }
        self.server.stream(&came.text())?;
        self.stage = Stage::Looking(Box::new(Looking {
            until,
            came,
            open: None,
            tables: Tables::default(),
            touched: Touched::default(),
        }));
        Ok(Polled::Idle(Duration::ZERO))
    }

    /// Goes on with that.
    pub(super) fn looking(&mut self) -> Result<Polled, Trouble> {
        let Stage::Looking(mut looking) = std::mem::replace(&mut self.stage, Stage::Closed) else {
            return Err(Trouble::later("no snapshot is looked for"));
        };
        for _ in 0..AT_ONCE {
            let Some(raw) = self.said(Duration::from_millis(50))? else {
                break;
            };
            let message = decode(&raw).map_err(|e| Trouble::Broken(e.to_string()))?;
            if self.looked_at(&mut looking, message)? {
                let touched = match sabotage::is(Mistake::IngestTouchedAsItIs) {
                    true => Touched::default(),
                    false => looking.touched,
                };
                return self.selected(touched);
            }
        }
        self.stage = Stage::Looking(looking);
        Ok(Polled::Idle(Duration::ZERO))
    }

    /// Takes a message; whether that was all.
    fn looked_at(&self, looking: &mut Looking, message: Message) -> Result<bool, Trouble> {
        match message {
            Message::Begin { gtid, is_alone, .. } => looking.open = Some((gtid, is_alone)),
            Message::Map(map) => {
                looking.tables.mapped(map, &self.names, &self.collations)?;
            }
            Message::Rows(rows) if !looking.touched.is_emptied => {
                if let Some((known, pairs)) = looking.tables.rows(&rows)? {
                    for pair in pairs {
                        self.touch(known, &mut looking.touched, pair)?;
                    }
                }
            }
            Message::Query { database, text } => {
                let own = (self.names.database.as_str(), self.names.table.as_str());
                match does(&text, &database, own) {
                    Does::Nothing => {}
                    Does::Empties => looking.touched.is_emptied = true,
                    Does::Replaces | Does::Changes => {
                        return Err(Trouble::Broken(format!(
                            "{} was made anew, or changed by a statement, while its snapshot was broken off. {ANEW}",
                            self.names.quoted()
                        )));
                    }
                }
                if looking.open.is_some_and(|(_, is_alone)| is_alone) {
                    return Ok(looking.ended());
                }
            }
            Message::Commit => return Ok(looking.ended()),
            _ => {}
        }
        Ok(false)
    }

    /// Remembers what a row was before its first change.
    fn touch(
        &self,
        known: &super::known::Known,
        touched: &mut Touched,
        (old, new): Pair,
    ) -> Result<(), Trouble> {
        if let Some(old) = old {
            let placed = self.placed(known, &old)?;
            touched
                .rows
                .entry(placed.place.key.clone())
                .or_insert(Some(placed));
        }
        if let Some(key) = new.and_then(|new| known.texts(&new, &self.table.key)) {
            touched.rows.entry(key).or_insert(None);
        }
        match touched.rows.len() > MOST {
            true => Err(Trouble::Broken(format!(
                "more than {MOST} rows have changed since the snapshot was broken off: give the source another name"
            ))),
            false => Ok(()),
        }
    }
}

impl Looking {
    fn ended(&mut self) -> bool {
        if let Some((gtid, _)) = self.open.take() {
            self.came.add(gtid);
        }
        self.came.has(&self.until)
    }
}
