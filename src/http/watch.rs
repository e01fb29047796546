//! What the committer tells, kept for those who ask over HTTP.
//!
//! The committer only hands a commit over; folding it into the board is another thread's. So a reader that looks at
//! the board for long holds back what readers see next, and never a commit (`backlog`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::backlog::{Backlog, Message};
use super::board::{Board, Told};
use super::database::Database;
use super::forward::Elsewhere;
use super::letters::Letters;
use super::positions::Positions;
use super::problem::Problem;
use super::stage::Stage;
use standings_commit::committer::{Observer, Wishes};
use standings_engine::event_time::partition::Policy;
use standings_model::change::Commit;
use standings_model::error::codes;
use standings_model::plan::Plan;
use standings_observe::metrics::Metrics;
use standings_process::exit::{Failure, NoThread};

/// What a process says of itself.
#[derive(Clone, Debug)]
pub struct About {
    /// How event time is judged; `None` where that is not known (`standings serve`).
    pub policy: Option<Policy>,
    /// `--idle-timeout`.
    pub idle_timeout: Option<Duration>,
    /// Only process 0 commits, so only its board has rows.
    pub commits_here: bool,
    /// Worker threads.
    pub workers: usize,
    /// Rows of each ranking that are kept in memory.
    pub rows: u32,
    /// Memory for positions; 0 where there are none.
    pub positions_bytes: usize,
    /// The configuration in force, without secrets.
    pub configuration: serde_json::Value,
    /// What feeds the topics that are read.
    pub sources: Sources,
}

/// Where sources of ingestion tell of themselves.
#[derive(Clone, Debug)]
pub enum Sources {
    /// Nobody knows of any.
    Nowhere,
    /// They run in this process.
    Here(standings_ingest::told::Board),
    /// `--http-sources`.
    At(Box<Elsewhere>),
}

impl From<Option<Elsewhere>> for Sources {
    fn from(at: Option<Elsewhere>) -> Self {
        at.map_or(Sources::Nowhere, |at| Sources::At(Box::new(at)))
    }
}

/// What a process shows over HTTP.
#[derive(Debug)]
pub struct Shown {
    /// The rankings.
    pub plan: Arc<Plan>,
    /// Their rows now.
    pub board: Board,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// What the process says of itself.
    pub about: About,
    /// When it was started.
    pub started: SystemTime,
    /// Who is asked for positions, where rows are read in a database.
    pub(super) engine: Option<Elsewhere>,
    /// Where rows are read, if not on the board.
    pub(super) database: Option<Arc<Database>>,
    /// Where runs are recorded.
    pub(super) runs: Option<Arc<Database>>,
    /// What everybody may see.
    pub(super) stage: Stage,
    /// Why records were none.
    pub(super) letters: Letters,
    /// Where keys stand.
    pub(super) positions: Positions,
    pub(super) ready: AtomicBool,
    /// Why rows cannot be shown now, though they could be before.
    trouble: Mutex<Option<String>>,
}

impl Shown {
    /// Nothing yet.
    pub fn new(plan: Arc<Plan>, metrics: Arc<Metrics>, about: About) -> Arc<Self> {
        Shown::over(plan, metrics, about, None, None)
    }

    /// Nothing yet; runs are recorded in this database.
    pub fn recorded(
        plan: Arc<Plan>,
        metrics: Arc<Metrics>,
        about: About,
        runs: Option<Database>,
    ) -> Arc<Self> {
        Shown::over(plan, metrics, about, None, runs.map(Arc::new))
    }

    /// Nothing yet; rows are read in a database, and an engine is asked for what is not there.
    pub fn beside(
        plan: Arc<Plan>,
        metrics: Arc<Metrics>,
        about: About,
        database: Arc<Database>,
        engine: Option<&str>,
    ) -> Result<Arc<Self>, Failure> {
        let asked = engine.map(|url| Elsewhere::at("the engine", url));
        let engine = asked.transpose().map_err(|e| {
            let url = engine.unwrap_or_default();
            Failure::of(&codes::line::FLAGS, format!("--engine {url}: {e}"))
        })?;
        let runs = Some(Arc::clone(&database));
        let mut shown = Shown::over(plan, metrics, about, Some(database), runs);
        if let Some(own) = Arc::get_mut(&mut shown) {
            own.engine = engine;
        }
        Ok(shown)
    }

    /// Passes a request on that only an engine can answer, where there is none here.
    pub(super) async fn forward(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<Result<Response, Problem>> {
        self.database.as_ref()?;
        Some(match &self.engine {
            Some(engine) => engine.ask(uri, headers).await,
            None => Err(Problem::new(
                StatusCode::NOT_IMPLEMENTED,
                "this server reads a database, where only what is ranked is; positions are the engine's: give --engine URL, or ask it",
            )),
        })
    }

    /// Nothing yet; rows are read in a database.
    pub fn over(
        plan: Arc<Plan>,
        metrics: Arc<Metrics>,
        about: About,
        database: Option<Arc<Database>>,
        runs: Option<Arc<Database>>,
    ) -> Arc<Self> {
        Arc::new(Shown {
            board: Board::new(
                &plan,
                &about.policy.unwrap_or_default(),
                about.rows as usize,
            ),
            stage: Stage::new(plan.rankings.len()),
            letters: Letters::default(),
            positions: Positions::new(about.positions_bytes),
            plan,
            metrics,
            about,
            started: SystemTime::now(),
            engine: None,
            database,
            runs,
            ready: AtomicBool::new(false),
            trouble: Mutex::default(),
        })
    }

    /// How workers come to know which windows are asked for.
    pub fn wishes(&self) -> Wishes {
        self.positions.wishes()
    }

    /// From now on `/readyz` says yes.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Why `/readyz` says no although it has said yes, until that is over.
    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    pub(super) fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The committer's side.
pub struct Watch {
    shown: Arc<Shown>,
    backlog: Arc<Backlog>,
}

impl Watch {
    /// Starts the thread that folds commits into the board.
    pub fn start(shown: Arc<Shown>) -> Result<Self, Failure> {
        let backlog = Arc::new(Backlog::new(shown.about.rows as usize));
        let (own, messages) = (Arc::clone(&shown), Arc::clone(&backlog));
        std::thread::Builder::new()
            .name("board".to_owned())
            .spawn(move || {
                give_way();
                while let Some(message) = messages.pop() {
                    match message {
                        Message::Committed(told) => own.board.apply(&own.plan, *told),
                        Message::GoesOn(number) => own.board.goes_on(number),
                    }
                    if messages.is_empty() {
                        own.board.rest();
                    }
                }
            })
            .map_err(NoThread)?;
        let own = Arc::clone(&shown);
        std::thread::Builder::new()
            .name("positions".to_owned())
            // It does not give way as the other does: who asks waits while it puts rows in, and must not wait until it gets a core.
            .spawn(move || own.positions.work())
            .map_err(NoThread)?;
        Ok(Watch { shown, backlog })
    }
}

/// This thread takes a core only when nobody else wants it: who looks at the page may wait, commits may not. Where the
/// system knows no such thing, it goes on as any other.
fn give_way() {
    #[cfg(target_os = "linux")]
    // SAFETY: asks for nothing but another priority for the calling thread, which 0 stands for.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, 10);
    }
}

impl Observer for Watch {
    fn opened(&mut self) {
        self.shown.set_ready();
    }

    fn goes_on(&mut self, last: u64) {
        self.backlog.push(Message::GoesOn(last));
        self.shown.positions.goes_on(last);
    }

    fn committed(&mut self, plan: &Plan, commit: &Commit) {
        let metrics = &self.shown.metrics;
        metrics.observe_commit(commit, plan, SystemTime::now());
        self.shown.letters.note(&commit.rejects);
        let told = Told::of(commit);
        self.shown.positions.committed(&told, &commit.placed);
        self.backlog.push(Message::Committed(Box::new(told)));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.backlog.close();
        self.shown.positions.close();
    }
}
