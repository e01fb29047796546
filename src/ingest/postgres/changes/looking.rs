//! A snapshot that was broken off goes on as if it had not been.
//!
//! The snapshot of the slot's beginning is gone with its connection; the slot is not, and with it the log since then. So another snapshot
//! is opened, and what the log has between the two is undone:
//!
//! ```text
//! slot begins ──────── changes ────────► another snapshot            rows of it behind the last place
//!      ▲                                        │                    less the keys that were changed between
//!      └── as it was then ◄── undone ◄──────────┘                    with what those had before their first change
//! ```
//!
//! 1. A transaction belongs to the changes between the two where the other snapshot has seen it: that it says itself.
//! 2. The log is read here without being acknowledged: it is read again from its beginning once the snapshot is whole.
//! 3. Where the table was emptied between the two, what is left of it then is not there any more: only what was changed before that is.

use std::time::Duration;

use standings_model::sabotage::{self, Mistake};

use super::kind::Types;
use super::known::Known;
use super::pgoutput::{Message, Relation, Tuple};
use super::server::{Said, Seen, Server, Stood, Touched};
use super::{ChangesFeed, Stage, judge};
use crate::feed::{Polled, Trouble};

/// Pieces of the log that are looked at in one step.
const AT_ONCE: usize = 20_000;
/// Rows that may have changed meanwhile: they are all in memory.
const MOST: usize = 2_000_000;

/// What is looked for.
#[derive(Debug)]
pub(super) struct Looking {
    seen: Seen,
    end: u64,
    stood: Stood,
    touched: Touched,
    /// A transaction is open, and was seen.
    open: Option<bool>,
    /// The table as the log has it: its number, and its columns.
    known: Option<(u32, Known)>,
}

impl<S: Server> ChangesFeed<S> {
    /// Opens another snapshot, and begins to read the log up to it.
    pub(super) fn looked(&mut self) -> Result<Polled, Trouble> {
        let (seen, end) = self.server.look()?;
        // As the table is in that snapshot.
        let stood = self.judged()?;
        self.server.stream(self.at.lsn)?;
        self.stage = Stage::Looking(Box::new(Looking {
            seen,
            end,
            stood,
            touched: Touched::default(),
            open: None,
            known: None,
        }));
        Ok(Polled::Idle(Duration::ZERO))
    }

    /// Goes on with that.
    pub(super) fn looking(&mut self) -> Result<Polled, Trouble> {
        for _ in 0..AT_ONCE {
            let said = self.said(Duration::from_millis(50))?;
            let Stage::Looking(looking) = &mut self.stage else {
                return Err(Trouble::later("no snapshot is looked for"));
            };
            let is_there = match said {
                None => return Ok(Polled::Idle(Duration::ZERO)),
                Some(Said::Alive { end }) => looking.open.is_none() && end >= looking.end,
                Some(Said::Log { message, .. }) => {
                    if let Message::Relation(relation) = &message {
                        self.types
                            .extend(missing(&mut self.server, relation, &self.types)?);
                    }
                    let key = self.table.as_ref().map_or(&[][..], |table| &table.key);
                    let names = (self.names.schema.as_str(), self.names.table.as_str());
                    looking.message(message, key, names, &self.types)?
                }
            };
            if is_there {
                let touched = match sabotage::is(Mistake::IngestTouchedAsItIs) {
                    true => Touched::default(),
                    false => std::mem::take(&mut looking.touched),
                };
                let stood = looking.stood.clone();
                return self.selected(touched, &stood);
            }
        }
        Ok(Polled::Idle(Duration::ZERO))
    }
}

/// The types of a table that are not known yet.
pub(super) fn missing<S: Server>(
    server: &mut S,
    relation: &Relation,
    types: &Types,
) -> Result<Types, Trouble> {
    let of = relation.columns.iter().map(|column| column.kind);
    let of: Vec<u32> = of.filter(|kind| !types.contains_key(kind)).collect();
    match of.is_empty() {
        true => Ok(Types::new()),
        false => server.types(&of),
    }
}

impl Looking {
    /// Takes a message; whether that was all.
    fn message(
        &mut self,
        message: Message,
        key: &[String],
        (schema, name): (&str, &str),
        types: &Types,
    ) -> Result<bool, Trouble> {
        match message {
            Message::Begin { lsn, .. } if lsn > self.end => return Ok(true),
            Message::Begin { xid, .. } => self.open = Some(self.seen.has(xid)),
            Message::Commit { end } => {
                self.open = None;
                return Ok(end >= self.end);
            }
            Message::Relation(relation) if relation.schema == schema && relation.name == name => {
                self.known = Some((relation.id, Known::new(&relation.columns, types, false)));
            }
            _ if self.open != Some(true) || self.touched.is_emptied => {}
            Message::Insert { of, new } if self.is_of(of) => self.touch(key, None, Some(&new))?,
            Message::Update { of, old, new } if self.is_of(of) => {
                let old = old.ok_or_else(|| not_full(schema, name))?;
                let new = super::known::whole(new, &old);
                self.touch(key, Some(&old), Some(&new))?;
            }
            Message::Delete { of, old } if self.is_of(of) => {
                let old = old.ok_or_else(|| not_full(schema, name))?;
                self.touch(key, Some(&old), None)?;
            }
            Message::Truncate { of } if of.iter().any(|of| self.is_of(*of)) => {
                self.touched.is_emptied = true;
            }
            _ => {}
        }
        Ok(false)
    }

    fn is_of(&self, of: u32) -> bool {
        self.known.as_ref().is_some_and(|(id, _)| *id == of)
    }

    /// Remembers what a row was before its first change.
    fn touch(
        &mut self,
        key: &[String],
        old: Option<&Tuple>,
        new: Option<&Tuple>,
    ) -> Result<(), Trouble> {
        let Some((_, known)) = &self.known else {
            return Ok(());
        };
        if let Some(old) = old
            && let Some(key) = known.texts(old, key)
        {
            let before = || Some(known.by_name(old));
            self.touched.rows.entry(key).or_insert_with(before);
        }
        if let Some(key) = new.and_then(|new| known.texts(new, key)) {
            self.touched.rows.entry(key).or_insert(None);
        }
        match self.touched.rows.len() > MOST {
            true => Err(Trouble::Broken(format!(
                "more than {MOST} rows have changed since the snapshot was broken off: drop the slot, and give the source another name"
            ))),
            false => Ok(()),
        }
    }
}

fn not_full(schema: &str, name: &str) -> Trouble {
    let table = format!("{}.{}", super::quoted(schema), super::quoted(name));
    Trouble::Broken(judge::not_full(&[table]))
}
