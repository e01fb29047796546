//! Starts everything of one process and runs it to its end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use timely::communication::allocator::ProcessBuilder;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::{AllocatorBuilder, Hooks};
use timely::worker::Worker;
use timely::{CommunicationConfig, WorkerConfig};

use super::args::RunArgs;
use super::limits::Limits;
use super::size;
use standings_commit::committer::{self, CommitGate, Outputs};
use standings_edge::peers::{self, Hello, Line, Trust};
use standings_edge::source::{self, Reader, SourceOptions, SourceUrl};
use standings_engine::dataflow::control::Start;
use standings_engine::dataflow::gate::Gate;
use standings_engine::dataflow::graph;
use standings_engine::driver::{self, Settings};
use standings_engine::event_time::partition::Policy;
use standings_engine::rank::emit::Emit;
use standings_engine::snapshot;
use standings_model::error::codes;
use standings_model::plan::Plan;
use standings_process::exit::{self, Failure};

/// Which part of a cluster this process is.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Worker threads of each process.
    pub workers: usize,
    /// Address of every process, in order; one entry or none for a single process.
    pub hosts: Vec<String>,
    /// Which of them this is.
    pub process: usize,
    /// `--cluster-id`.
    pub id: String,
    /// `--generation`.
    pub generation: u64,
    /// `--peer-timeout`.
    pub peer_timeout: Duration,
    /// `--source`, in short: the same in all processes.
    pub source: String,
    /// `--state`: the same in all processes; empty without one.
    pub state: String,
    /// By what the processes know each other.
    pub trust: Trust,
}

impl Cluster {
    /// One process.
    pub fn single(workers: usize) -> Self {
        Cluster {
            workers,
            hosts: Vec::new(),
            process: 0,
            id: String::new(),
            generation: 0,
            peer_timeout: Duration::from_secs(10),
            source: String::new(),
            state: String::new(),
            trust: Trust::default(),
        }
    }

    /// Checks what the flags say: `processes` and `process` against the hosts file.
    pub fn from_flags(args: &RunArgs, sources: &[SourceUrl]) -> Result<Self, Failure> {
        let (workers, processes, process) = (args.workers, args.processes, args.process);
        if workers == 0 || processes == 0 {
            return Err(Failure::of(
                &codes::cluster::SIZE,
                "-w and -n must be at least 1",
            ));
        }
        size::allowed(processes, workers)?;
        if process >= processes {
            return Err(Failure::of(
                &codes::cluster::SIZE,
                format!(
                    "-p {process}: with -n {processes} the processes are 0 to {}",
                    processes - 1
                ),
            ));
        }
        if processes == 1 {
            return Ok(Cluster::single(workers));
        }
        let Some(path) = args.hosts.as_deref() else {
            return Err(Failure::of(
                &codes::cluster::SIZE,
                format!(
                    "-n {processes} needs --hosts FILE with one host:port per process; on one machine \
                 `standings cluster -n {processes} -- run …` does it all"
                ),
            ));
        };
        let text = std::fs::read_to_string(path).map_err(|e| {
            Failure::of(
                &codes::line::FILE,
                format!("cannot read the hosts file {}: {e}", path.display()),
            )
        })?;
        let hosts: Vec<String> = text
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty() && !l.starts_with('#'))
            .map(str::to_owned)
            .collect();
        if hosts.len() < processes {
            return Err(Failure::of(
                &codes::cluster::SIZE,
                format!(
                    "{} has {} addresses; -n {processes} needs {processes}, one host:port a line",
                    path.display(),
                    hosts.len()
                ),
            ));
        }
        let hosts = hosts[..processes].to_vec();
        let trust = args.peers.trust(&hosts)?;
        Ok(Cluster {
            workers,
            trust,
            hosts,
            process,
            id: args.cluster_id.clone(),
            generation: args.generation,
            peer_timeout: args.peer_timeout,
            source: Hello::source_of(sources),
            state: args
                .state
                .as_ref()
                .map_or(String::new(), ToString::to_string),
        })
    }

    fn is_first(&self) -> bool {
        self.process == 0
    }

    /// What timely's workers talk through, once all processes are there; `None` when asked to stop before.
    fn connect(&self, settings: &Settings) -> Result<Option<Connected>, Failure> {
        let failed = |e: &dyn std::fmt::Display| {
            Failure::of(
                &codes::process::SYSTEM,
                format!("cannot connect the workers: {e}"),
            )
        };
        if self.hosts.len() < 2 {
            let config = match self.workers {
                1 => CommunicationConfig::Thread,
                n => CommunicationConfig::Process(n),
            };
            return config.try_build().map(Some).map_err(|e| failed(&e));
        }
        let own = Hello {
            cluster: self.id.clone(),
            generation: self.generation,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: self.process,
            processes: self.hosts.len(),
            workers: self.workers,
            queries: snapshot::agreement(&settings.fold.plan),
            source: self.source.clone(),
            state: self.state.clone(),
            line: Line::Data,
        };
        let sockets = peers::connect(
            &own,
            &self.hosts,
            &self.trust,
            self.peer_timeout,
            &settings.stop,
        )?;
        let Some(sockets) = sockets else {
            return Ok(None);
        };
        let hooks = Hooks::default();
        let (refill, spill) = (hooks.refill.clone(), hooks.spill.clone());
        let inner = ProcessBuilder::new_typed_vector(self.workers, refill, spill);
        let (builders, guard) =
            initialize_networking_from_sockets(inner, sockets, self.process, self.workers, hooks)
                .map_err(|e| failed(&e))?;
        let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
        Ok(Some((builders, Box::new(guard))))
    }
}

/// What workers are made from, and what must live as long as they.
type Connected = (Vec<AllocatorBuilder>, Box<dyn std::any::Any + Send>);

/// What an engine runs.
pub struct Engine {
    /// Which part of a cluster this is.
    pub cluster: Cluster,
    /// What every driver needs to know.
    pub settings: Settings,
    /// What this process may hold.
    pub limits: Limits,
    /// Which changes are written.
    pub emit: Emit,
    /// `--commit-interval`.
    pub commit_interval: Duration,
    /// Where sales come from.
    pub source: SourceOptions,
    /// Where commits go; used by process 0 alone.
    pub outputs: Outputs,
}

impl Engine {
    /// Runs until the input's end or until asked to stop, and everything is durable.
    pub fn run(self) -> Result<(), Failure> {
        let Engine {
            cluster,
            settings,
            limits,
            emit,
            commit_interval,
            source,
            outputs,
        } = self;
        let failed = |what: &str, e: String| {
            Failure::of(&codes::process::SYSTEM, format!("cannot {what}: {e}"))
        };
        // No sink is opened, and so no older cluster refused, before this one is complete.
        let Some((builders, guard)) = cluster.connect(&settings)? else {
            return Ok(());
        };
        let mut committer = None;
        let mut gate = None;
        if cluster.is_first() {
            let (plan, stop) = (Arc::clone(&settings.fold.plan), Arc::clone(&settings.stop));
            let outputs = Outputs {
                input: Some(source.ask(&stop)),
                emit,
                ..outputs
            };
            let (made, thread) = committer::start(plan, outputs, commit_interval, stop)
                .map_err(|e| failed("start the committer", e.to_string()))?;
            committer = Some(thread);
            gate = Some(made);
        }
        let gate: Mutex<Option<CommitGate>> = Mutex::new(gate);
        let (source, needed) = (Arc::new(source), needed(&settings.fold.plan));
        let work = move |worker: &mut Worker| {
            let gate = (worker.index() == 0).then(|| gate.lock().ok()?.take());
            let gate = gate.flatten().map(|g| Box::new(g) as Box<dyn Gate>);
            let (index, peers) = (worker.index(), worker.peers());
            let (plan, live) = (Arc::clone(&settings.fold.plan), Arc::clone(&settings.live));
            let watch = limits.watch_totals(plan, live, index);
            let wiring = graph::build(
                worker,
                &settings.fold.plan,
                Policy::widest(&settings.fold.policies),
                emit,
                gate,
                watch,
            );
            let (source, needed) = (Arc::clone(&source), Arc::clone(&needed));
            let open = move |start: &Start| {
                let thread = std::thread::current();
                let wake = Box::new(move || thread.unpark());
                source.registries.restore(&start.schemas);
                let numbered = source.numbered(start.source.as_ref());
                let source = numbered.unwrap_or_else(|failure| exit::now(&failure));
                let source = SourceOptions {
                    resume: start.resume.clone(),
                    read_back: start.ids_from.clone(),
                    hold: start.hold.clone(),
                    expected: start.source.clone(),
                    columns: Some(Arc::clone(&needed)),
                    ..source
                };
                source::start(Arc::new(source), index, peers, wake)
            };
            match driver::run(worker, wiring, settings.clone(), open) {
                Ok(reader) => reader.into_iter().for_each(Reader::stop),
                // The other workers cannot go on without this one.
                Err(failure) => exit::now(&failure),
            }
        };
        let workers = timely::execute::execute_from(builders, guard, WorkerConfig::default(), work)
            .map_err(|e| failed("start the workers", e))?;
        for worker in workers.join() {
            worker.map_err(|e| failed("end a worker", e))?;
        }
        if let Some(thread) = committer {
            thread
                .join()
                .map_err(|_| Failure::of(&codes::process::DEFECT, "the committer panicked"))?;
        }
        Ok(())
    }
}

/// By table which of its columns somebody reads.
fn needed(plan: &Plan) -> Arc<Vec<Vec<bool>>> {
    let tables = (0..plan.tables.len()).map(|table| plan.needed(table));
    Arc::new(tables.collect())
}
