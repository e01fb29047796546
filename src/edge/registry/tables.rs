//! The registries of all tables, and what of their schemas is new.

use std::sync::Arc;

use super::drift::Drifts;
use super::{NoClient, Place, Registry};
use standings_model::schema::{Kept, Language, Schema};
use standings_model::table::Table;
use standings_observe::live::Live;

/// Whether it is a table's values or keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Values.
    Value,
    /// Keys.
    Key,
}

impl Side {
    /// Both.
    pub const BOTH: [Side; 2] = [Side::Value, Side::Key];
}

/// Of each table the registries of its values and its keys. None of them is asked before somebody needs a schema.
#[derive(Clone, Default)]
pub struct Registries {
    all: Vec<[Option<Arc<Registry>>; 2]>,
    drifts: Arc<Drifts>,
}

impl Registries {
    /// Those of these tables; `place` says where a side's schemas are, which are of that language.
    ///
    /// # Errors
    /// What can be found wrong without asking.
    pub fn new(
        tables: &[Table],
        live: &Arc<Live>,
        place: impl Fn(&Table, Side) -> Option<(Place, Language)>,
    ) -> Result<Self, NoClient> {
        let mut known: Vec<Arc<Registry>> = Vec::new();
        let mut open = |table: &Table, side| -> Result<Option<Arc<Registry>>, NoClient> {
            let Some((place, language)) = place(table, side) else {
                return Ok(None);
            };
            if let Some(same) = known.iter().find(|r| r.is(&place, language)) {
                return Ok(Some(Arc::clone(same)));
            }
            let registry = Arc::new(Registry::new(place, language, live)?);
            known.push(Arc::clone(&registry));
            Ok(Some(registry))
        };
        let mut all = Vec::with_capacity(tables.len());
        for table in tables {
            all.push([open(table, Side::Value)?, open(table, Side::Key)?]);
        }
        Ok(Registries {
            all,
            drifts: Arc::new(Drifts::new(tables, live)),
        })
    }

    /// The registry of a table's values or keys.
    pub fn of(&self, table: usize, side: Side) -> Option<&Arc<Registry>> {
        self.all.get(table)?[side as usize].as_ref()
    }

    /// Takes over what a snapshot kept: nothing of it is asked again, and nothing of it is new.
    pub fn restore(&self, kept: &[Kept]) {
        for (table, sides) in self.all.iter().enumerate() {
            for (side, registry) in Side::BOTH.into_iter().zip(sides) {
                let Some(registry) = registry else { continue };
                registry.restore(kept);
                for kept in kept.iter().filter(|k| k.registry == *registry.name()) {
                    self.drifts.known(table, side, kept.id, &kept.schema);
                }
            }
        }
    }

    /// A schema is used for a table's records; what it drops, adds or retypes is said once.
    pub fn used(&self, (table, side): (usize, Side), id: u32, schema: &Arc<Schema>, topic: &str) {
        self.drifts.used(table, side, id, schema, topic);
    }
}
