//! What is ranked, and how event time is judged.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use standings_commit::sink::{RejectWriter, SinkError};
use standings_engine::event_time::partition::Policy;
use standings_engine::quality;
use standings_model::json::push_reject;
use standings_model::mask::{Mask, Masking};
use standings_model::plan::Plan;
use standings_model::reject::Reject;
use standings_model::table::Table;

use super::Rankings;
use super::engine::Engine;
use super::error::Error;

/// Queries, and what `standings run` has flags for, with the same defaults.
pub struct Queries {
    plan: Plan,
    policy: Policy,
    /// As it was asked for; else each table's own.
    out_of_orderness: Option<i64>,
    rejects: Option<Told>,
}

impl Queries {
    fn of(plan: Plan) -> Self {
        Queries {
            plan,
            policy: Policy::default(),
            out_of_orderness: None,
            rejects: None,
        }
    }

    /// All rankings of a folder, one SQL file each, with `sales.sql` and the checks where they are there: docs/queries.md.
    pub fn from_dir(dir: impl AsRef<Path>) -> Result<Self, Error> {
        let mut plan = standings_query::load_dir(dir.as_ref())?;
        plan.checks = quality::load(dir.as_ref(), &plan.tables)
            .map_err(|problem| Error::Checks(problem.to_string()))?;
        Ok(Queries::of(plan))
    }

    /// One ranking of the six columns that a sale has without a declaration.
    pub fn from_sql(name: &str, sql: &str) -> Result<Self, Error> {
        let mut tables = vec![Table::sales()];
        let ranking = standings_query::parse_ranking(name, name, sql, &mut tables)?;
        Ok(Queries::of(Plan {
            tables,
            rankings: vec![ranking],
            hidden: Vec::new(),
            checks: Vec::new(),
            max_key_bytes: usize::MAX,
            zone: None,
        }))
    }

    /// The three rankings that are shipped: cities, salesmen, salesmen within each city.
    pub fn shipped() -> Result<Self, Error> {
        Ok(Queries::of(standings_query::load_shipped()?))
    }

    /// How far a partition's event time may go back without a sale being late, if its window has ended: of all tables. Without
    /// it that of the table's `WATERMARK`, or 1 minute.
    pub fn out_of_orderness(mut self, time: Duration) -> Self {
        self.out_of_orderness = Some(ms(time));
        self
    }

    /// How long after its end a window still takes sales, and corrects its rows; 1 hour.
    pub fn allowed_lateness(mut self, time: Duration) -> Self {
        self.policy.allowed_lateness = ms(time);
        self
    }

    /// How far the slowest partition may be behind before windows are dropped without it; 7 days.
    pub fn retain(mut self, time: Duration) -> Self {
        self.policy.retain = ms(time);
        self
    }

    /// Tells each late sale and dead letter, as the JSON line that `--late` and `--dead-letter` write. Without it they are
    /// only counted.
    pub fn on_reject(mut self, told: impl FnMut(&str) + Send + 'static) -> Self {
        self.rejects = Some(Told(Arc::new(Mutex::new(told))));
        self
    }

    /// What masks columns where tables say so: the keys of `standings mask-key`.
    pub fn masks(mut self, by: Arc<dyn Mask>) -> Self {
        for table in &mut self.plan.tables {
            table.masking.by = Some(Arc::clone(&by));
        }
        self
    }

    /// Starts the engine; nothing is read yet.
    pub fn start(self) -> Result<Rankings, Error> {
        let mut tables = self.plan.tables.iter().map(|table| (table, &table.masking));
        let lacks = |of: &Masking| of.needs_key() && of.by.is_none();
        if let Some((table, _)) = tables.find(|(_, masking)| lacks(masking)) {
            return Err(Error::Mask(table.name.clone()));
        }
        let plan = Arc::new(self.plan);
        let policies = plan.tables.iter().map(|table| Policy {
            out_of_orderness: self
                .out_of_orderness
                .or(table.out_of_orderness)
                .unwrap_or(self.policy.out_of_orderness),
            ..self.policy
        });
        let engine = Engine::start(&plan, policies.collect(), self.rejects)?;
        Ok(Rankings::new(plan, engine))
    }
}

/// Durations beyond what event time can hold are as good as for ever.
fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}

/// What is called with each line.
type Listener = dyn FnMut(&str) + Send;

/// Late sales and dead letters, to who asked for them.
#[derive(Clone)]
pub(super) struct Told(Arc<Mutex<Listener>>);

impl RejectWriter for Told {
    fn open(&mut self, _: bool) -> Result<(), SinkError> {
        Ok(())
    }

    fn write(&mut self, plan: &Plan, rejects: &[&Reject]) -> Result<(), SinkError> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = Vec::new();
        for reject in rejects {
            line.clear();
            push_reject(&mut line, plan, reject, reject.partition);
            told(&String::from_utf8_lossy(&line));
        }
        Ok(())
    }
}
