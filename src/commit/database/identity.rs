//! Which database it is, and what is known of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use standings_model::identity::Known;

/// Which database, and which tables of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseIdentity {
    /// The server's system identifier; `None` where the role may not ask.
    #[serde(default)]
    pub system: Option<String>,
    /// Its timeline: a new one after each promotion.
    #[serde(default)]
    pub timeline: Option<String>,
    /// The schema that the tables are in.
    pub schema: String,
    /// The object identifier of each ranking's table, by ranking.
    pub tables: BTreeMap<String, u32>,
}

impl DatabaseIdentity {
    /// Whether `there` is another database than this: `None`, or what differs. A table that is not there differs not: what
    /// it showed is missing.
    pub fn differs(&self, there: &DatabaseIdentity) -> Option<String> {
        if let (Some(then), Some(now)) = (&self.system, &there.system)
            && then != now
        {
            return Some(format!(
                "the server's system identifier was {then} and is {now}"
            ));
        }
        self.tables.iter().find_map(|(name, then)| {
            let now = there.tables.get(name)?;
            (then != now).then(|| {
                format!(
                    "the table {name} in schema {} is not the one that was written to, it was made anew or restored",
                    there.schema
                )
            })
        })
    }

    /// The tables that were there and are not any more.
    pub fn missing_in<'a>(&'a self, there: &'a DatabaseIdentity) -> impl Iterator<Item = &'a str> {
        let names = self.tables.keys().map(String::as_str);
        names.filter(|name| !there.tables.contains_key(*name))
    }
}

/// What is found of all this.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What the last commit is of; `None` where an earlier version wrote it, or there is none.
    pub known: Option<Known>,
    /// The database as it was known.
    pub was: Option<DatabaseIdentity>,
    /// The database as it is.
    pub is: DatabaseIdentity,
    /// The last commit.
    pub commit: u64,
}
