//! The schemas of framed records, asked for before a letter is decoded: a run has them from its source.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::run::registries::registries;
use standings_decode::Decoder;
use standings_edge::registry::{Lookup, Registries, Side};
use standings_model::error::codes;
use standings_model::plan::Plan;
use standings_model::schema::{Given, unframed};
use standings_model::table::Table;
use standings_process::exit::Failure;

/// How long a registry may take to say a schema.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the schemas of a plan's tables are, and which their decoders have.
pub(super) struct Schemas {
    registries: Registries,
    given: BTreeSet<(usize, u32)>,
}

impl Schemas {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// A secret, a file of certificates or a folder that is not there.
    pub(super) fn of(plan: &Plan, secrets: Option<&Path>) -> Result<Self, Failure> {
        Ok(Schemas {
            registries: registries(plan, secrets, &Arc::default())?,
            given: BTreeSet::new(),
        })
    }

    /// Gives the decoder of a table the schema that a record says; why the record would be refused, where there is none.
    ///
    /// # Errors
    /// The registry does not answer: nothing is known of the record then.
    pub(super) fn complete(
        &mut self,
        (number, table): (usize, &Table),
        decoder: &mut Decoder,
        record: &[u8],
    ) -> Result<Option<String>, Failure> {
        let registry = self.registries.of(number, Side::Value);
        let (Some(registry), Some((id, _))) = (registry, unframed(record)) else {
            return Ok(None);
        };
        if self.given.contains(&(number, id)) {
            return Ok(None);
        }
        let until = Instant::now() + PATIENCE;
        loop {
            match registry.get(id) {
                Lookup::Known(schema) => {
                    let of = (Arc::clone(registry.name()), id);
                    let given = Given {
                        of_key: false,
                        id: Some(of),
                        schema,
                    };
                    decoder.learn(table, &given);
                    self.given.insert((number, id));
                    return Ok(None);
                }
                Lookup::None(reason, why) => return Ok(Some(format!("{reason}: {why}"))),
                Lookup::Waits if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Lookup::Waits => {
                    let text = format!(
                        "the schema registry of the table {} has not said in {} s what the schema {id} is: what the record is \
                         cannot be told without it",
                        table.name,
                        PATIENCE.as_secs()
                    );
                    return Err(Failure::of(&codes::source::SILENT, text));
                }
            }
        }
    }
}
