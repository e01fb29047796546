//! Whether a source may go on with the database as it stands; if not, why, and what to do.
//!
//! 1. Another database than the one that was read is never read on: not after a restore, not after a failover, not by another name.
//! 2. A slot that is gone, or that somebody else has moved on, is told at once: what it kept nobody can give back.
//! 3. A table of which the log has not all is refused with the statement to run.

use standings_model::sabotage::{self, Mistake};

use super::at::{At, Phase};
use super::server::{Slot, Stood, Table};
use super::{Names, shown};
use crate::feed::Trouble;
use crate::postgres::sql::quoted;

/// What is lost can be read anew.
const ANEW: &str =
    "What is in the topic stays; to read the table anew, give the source another name";

fn broken<T>(why: String) -> Result<T, Trouble> {
    Err(Trouble::Broken(why))
}

/// Looks at all of it; the table.
pub(super) fn judge(at: &At, stood: &Stood, names: &Names) -> Result<Table, Trouble> {
    if at.phase != Phase::New {
        database(at, stood)?;
    }
    slot(at, stood, names)?;
    let table = table(at, stood, names)?;
    publication(at, stood, names, &table)?;
    Ok(table)
}

/// It is the one that was read, and behind nothing that was.
fn database(at: &At, stood: &Stood) -> Result<(), Trouble> {
    if sabotage::is(Mistake::IngestLogNotCompared) {
        return Ok(());
    }
    if at.system != stood.system || at.database != stood.database {
        return broken(format!(
            "this is not the database that was read (cluster {}, database {}; it is cluster {}, database {}): another server is at its address, \
             or the database was made anew. {ANEW}",
            at.system, at.database, stood.system, stood.database
        ));
    }
    if at.timeline != stood.timeline {
        return broken(format!(
            "the database is on timeline {}, and timeline {} was read up to {}: a standby has taken over, or it was restored to a moment, and \
             what was read may never have happened there. {ANEW}",
            stood.timeline,
            at.timeline,
            shown(at.lsn)
        ));
    }
    // Of a transaction that is written in part, its end is in the log too.
    let read = at
        .within
        .as_ref()
        .map_or(at.lsn, |within| within.lsn.max(at.lsn));
    if stood.end < read {
        return broken(format!(
            "the log of the database ends at {}, and was read up to {}: the database was put back. {ANEW}",
            shown(stood.end),
            shown(read)
        ));
    }
    Ok(())
}

fn slot(at: &At, stood: &Stood, names: &Names) -> Result<(), Trouble> {
    let name = &names.slot;
    let is_begun = matches!(at.phase, Phase::Snapshot | Phase::Streaming);
    let Some(slot) = &stood.slot else {
        if is_begun && !sabotage::is(Mistake::IngestSlotMadeAnew) {
            return broken(format!(
                "the replication slot `{name}` is gone: what has changed since {} is lost. {ANEW}",
                shown(at.lsn)
            ));
        }
        return Ok(());
    };
    of_us(slot, stood, name)?;
    if at.phase == Phase::New {
        return broken(format!(
            "there is a replication slot `{name}` that this source has not made: drop it where nobody needs it (SELECT \
             pg_drop_replication_slot('{name}')), or say slot = \"…\""
        ));
    }
    if !is_begun {
        return Ok(());
    }
    if let Some(why) = &slot.lost {
        return broken(format!(
            "the replication slot `{name}` is lost ({why}): the server has let go of its log since {}. {ANEW}; \
             max_slot_wal_keep_size says how much is kept",
            shown(slot.confirmed)
        ));
    }
    if slot.confirmed > at.lsn && !sabotage::is(Mistake::IngestSlotNotCompared) {
        return broken(format!(
            "the replication slot `{name}` was moved on to {} by somebody else; this source has read up to {}, and what is between is lost. {ANEW}",
            shown(slot.confirmed),
            shown(at.lsn)
        ));
    }
    Ok(())
}

/// It is one that this source can read.
fn of_us(slot: &Slot, stood: &Stood, name: &str) -> Result<(), Trouble> {
    if slot.plugin != "pgoutput" {
        return broken(format!(
            "the replication slot `{name}` is of the plugin `{}`, and not of `pgoutput`: it is somebody else's; say slot = \"…\"",
            slot.plugin
        ));
    }
    if slot.database != stood.called {
        return broken(format!(
            "the replication slot `{name}` is of the database `{}`, and not of `{}`: slots have one name in all databases of a server; \
             say slot = \"…\"",
            slot.database, stood.called
        ));
    }
    Ok(())
}

fn table(at: &At, stood: &Stood, names: &Names) -> Result<Table, Trouble> {
    let called = names.quoted();
    let Some(table) = &stood.table else {
        return broken(format!("there is no table {called}"));
    };
    if at.phase != Phase::New && at.table != table.id {
        return broken(format!(
            "the table {called} was dropped and made anew: what has changed of it since is not in the log of this source. {ANEW}"
        ));
    }
    if table.key.is_empty() {
        return broken(format!(
            "{called} has no primary key, and nothing else names a row: ALTER TABLE {called} ADD PRIMARY KEY (…)"
        ));
    }
    if !table.not_full.is_empty() {
        return broken(not_full(&table.not_full));
    }
    Ok(table.clone())
}

/// The statements that are wanted.
pub(super) fn not_full(tables: &[String]) -> String {
    let statements = tables.iter().take(20);
    let statements: Vec<String> = statements
        .map(|table| format!("ALTER TABLE {table} REPLICA IDENTITY FULL;"))
        .collect();
    format!(
        "the log has not all of a row that is changed or deleted: run {}",
        statements.join(" ")
    )
}

fn publication(at: &At, stood: &Stood, names: &Names, table: &Table) -> Result<(), Trouble> {
    let (name, called) = (quoted(&names.publication), names.quoted());
    let Some(publication) = &stood.publication else {
        return match at.phase {
            Phase::New | Phase::Making => Ok(()),
            _ => broken(format!(
                "the publication {name} is gone: what has changed since {} may be lost. {ANEW}",
                shown(at.lsn)
            )),
        };
    };
    let wanted = match () {
        () if !publication.has_table => format!("ALTER PUBLICATION {name} ADD TABLE {called}"),
        () if !publication.is_whole => {
            format!("ALTER PUBLICATION {name} SET TABLE {called}, without WHERE and columns")
        }
        () if !publication.has_all => {
            format!("ALTER PUBLICATION {name} SET (publish = 'insert, update, delete, truncate')")
        }
        () if table.is_partitioned && !publication.is_by_root => {
            format!("ALTER PUBLICATION {name} SET (publish_via_partition_root = true)")
        }
        () => return Ok(()),
    };
    let lost = match at.phase {
        Phase::New | Phase::Making => String::new(),
        _ => format!(". What it did not publish meanwhile is lost. {ANEW}"),
    };
    broken(format!(
        "the publication {name} does not publish all of {called}: {wanted}{lost}"
    ))
}
