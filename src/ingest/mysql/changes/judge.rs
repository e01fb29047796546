//! Whether a source may go on with the database as it stands; if not, why, and what to do.

use standings_model::sabotage::{self, Mistake};

use super::at::{At, Phase};
use super::server::{Stood, Table};
use super::{ANEW, Names, reached_of};
use crate::feed::Trouble;

/// Looks at all of it; the table.
pub(super) fn judge(at: &At, stood: &Stood, names: &Names) -> Result<Table, Trouble> {
    let broken = |why: String| Err(Trouble::Broken(why));
    if !stood.is_mariadb {
        return broken(format!(
            "the server is {}: the log of Oracle's MySQL is not read by this version; read the table by type = \"mysql\", or its log by \
             Debezium (deploy/connect)",
            stood.version
        ));
    }
    if let Some(first) = stood.wrong.first() {
        let all = stood.wrong.join("; ");
        let _ = first;
        return broken(format!(
            "the log of the database does not say all of a change: {all}. It holds for what is written from then on, by connections that are \
             made from then on"
        ));
    }
    // Also what is written in part was committed.
    let mut read = at.reached.clone();
    if let Some(within) = &at.within {
        read.add(within.gtid);
    }
    if at.phase != Phase::New
        && !reached_of(&stood.reached)?.has(&read)
        && !sabotage::is(Mistake::IngestLogNotCompared)
    {
        return broken(format!(
            "the log of the database is at {}, and was read up to {}: the database was put back, its log was begun anew (RESET MASTER), or it \
             is another one, or a replica that lags. {ANEW}",
            stood.reached,
            read.text()
        ));
    }
    let called = names.quoted();
    let Some(table) = &stood.table else {
        return broken(format!(
            "there is no table {called}, or this user may not read it"
        ));
    };
    if !table.engine.eq_ignore_ascii_case("InnoDB") {
        return broken(format!(
            "{called} is of the engine {}: no snapshot of it goes with the log; ALTER TABLE {called} ENGINE = InnoDB",
            table.engine
        ));
    }
    if table.key.is_empty() {
        return broken(format!(
            "{called} has no primary key, and nothing else names a row: ALTER TABLE {called} ADD PRIMARY KEY (…)"
        ));
    }
    Ok(table.clone())
}
