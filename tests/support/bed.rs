//! What most tests stand on: one run of the binary, what it reads and what it writes, and a folder for its files. Words one
//! after the other say what there is; `start` puts the process up, and it is ended when dropped.
//!
//! ```text
//! send ──► topic ┐                ┌──► database ──► rows
//!                ├──► process ────┼──► topic of changes ──► changes
//! file in folder ┘       │        └──► file of changes ──► changes
//!                        └──► folder: state, dead letters, late sales, its log
//! ```

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::bucket::Bucket;
use super::kafka::{consume, produce, topic};
use super::postgres::{database, rows_of};
use super::proxy::Proxy;
use super::{
    HOUR, Rows, Running, fold, free_port, http, newest_snapshot, reference, service, standings,
    until,
};

/// How long anything may take that a test waits for, unless it says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What one run of the binary stands on.
pub struct Bed {
    name: &'static str,
    folder: Arc<tempfile::TempDir>,
    queries: String,
    /// `--source` and `--sink`, in the order in which they were asked for; what `verify` and `repair` take too.
    edges: Vec<String>,
    /// What only `run` takes.
    flags: Vec<String>,
    topic: Option<String>,
    database: Option<String>,
    proxy: Option<Proxy>,
    bucket: Option<Bucket>,
    changes: Changes,
    address: Option<String>,
    started: AtomicUsize,
    sent: Mutex<Vec<Vec<String>>>,
}

/// Where the changes go.
enum Changes {
    Nowhere,
    Topic(String),
    File,
}

impl Bed {
    /// Nothing yet but a folder; `name` is in the names of what is put up.
    pub fn new(name: &'static str) -> Self {
        Bed {
            name,
            folder: Arc::new(tempfile::tempdir().unwrap()),
            queries: "queries".to_owned(),
            edges: Vec::new(),
            flags: Vec::new(),
            topic: None,
            database: None,
            proxy: None,
            bucket: None,
            changes: Changes::Nowhere,
            address: None,
            started: AtomicUsize::new(0),
            sent: Mutex::default(),
        }
    }

    fn edge(mut self, flag: &str, value: String) -> Self {
        self.edges.extend([flag.to_owned(), value]);
        self
    }

    /// Other queries than the shipped ones.
    pub fn queries(mut self, folder: impl AsRef<Path>) -> Self {
        self.queries = folder.as_ref().display().to_string();
        self
    }

    /// The shipped queries with these checks beside them.
    pub fn checks(self, text: &str) -> Self {
        let queries = super::queries_with(self.folder.path(), text);
        self.queries(queries)
    }

    /// A topic to read.
    pub fn topic(mut self, partitions: i32) -> Self {
        self.topic = Some(topic(self.name, partitions));
        let source = self.source_url();
        self.edge("--source", source)
    }

    /// A file of the folder to read; `write` says what is in it.
    pub fn file(self, name: &str) -> Self {
        let source = self.url(name);
        self.edge("--source", source)
    }

    /// A bucket, which its commands know; what of it is read says `source`.
    pub fn bucket(mut self) -> Self {
        self.bucket = Some(Bucket::start());
        self
    }

    /// The bucket.
    pub fn objects(&self) -> &Bucket {
        self.bucket.as_ref().expect("a bed with a bucket")
    }

    /// Something else to read.
    pub fn source(self, url: impl Into<String>) -> Self {
        self.edge("--source", url.into())
    }

    /// A database of its own to write.
    pub fn database(mut self) -> Self {
        let url = database();
        self.database = Some(url.clone());
        self.edge("--sink", url)
    }

    /// The same, by a proxy that can be cut.
    pub fn database_by_proxy(mut self) -> Self {
        let url = database();
        let (user, rest) = url.split_once('@').expect("a URL with a user");
        let (server, name) = rest.split_once('/').expect("a URL with a database");
        let proxy = Proxy::to(server.to_owned());
        let port = proxy.port;
        let through = format!("{user}@127.0.0.1:{port}/{name}?connect_timeout=2");
        self.proxy = Some(proxy);
        self.database = Some(url);
        self.edge("--sink", through)
    }

    /// A topic of changes to write.
    pub fn changes(mut self) -> Self {
        self.changes = Changes::Topic(topic(&format!("{}_changes", self.name), 1));
        let sink = self.changes_url();
        self.edge("--sink", sink)
    }

    /// The file of changes to write: `changes` in the folder.
    pub fn changes_file(mut self) -> Self {
        self.changes = Changes::File;
        let sink = self.changes_url();
        self.edge("--sink", sink)
    }

    /// Something else to write.
    pub fn sink(self, url: impl Into<String>) -> Self {
        self.edge("--sink", url.into())
    }

    /// Snapshots in the folder, in `state`.
    pub fn state(self) -> Self {
        let state = self.url("state");
        self.flags(&["--state", &state])
    }

    /// `--http` at a port that is free.
    pub fn http(mut self) -> Self {
        // The second process of a cluster takes the next one.
        let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", port + 1)).is_ok();
        let ports = std::iter::repeat_with(free_port);
        let port = ports.take(50).find(is_free).unwrap_or_else(free_port);
        let address = format!("127.0.0.1:{port}");
        self.address = Some(address.clone());
        self.flags(&["--http", &address])
    }

    /// A flag whose value is a file of the folder, such as `--late late`.
    pub fn keep(self, flag: &str, name: &str) -> Self {
        let url = self.url(name);
        self.flags(&[flag, &url])
    }

    /// More flags of `run`.
    pub fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|f| (*f).to_owned()));
        self
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as a URL.
    pub fn url(&self, name: &str) -> String {
        format!("file:{}", self.path(name).display())
    }

    /// The text of a file of the folder; empty while there is none.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Writes a file of the folder, a line for each.
    pub fn write(&self, name: &str, lines: &[String]) {
        let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The topic's name.
    pub fn topic_name(&self) -> &str {
        self.topic.as_deref().expect("a bed with a topic")
    }

    /// Where `--http` is.
    pub fn address(&self) -> &str {
        self.address.as_deref().expect("a bed with --http")
    }

    /// Its metrics; empty while nobody answers.
    pub fn metrics(&self) -> String {
        http::request("GET", self.address(), "/metrics", "").map_or(String::new(), |r| r.1)
    }

    /// The database's URL.
    pub fn postgres(&self) -> &str {
        self.database.as_deref().expect("a bed with a database")
    }

    /// The way to the database.
    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("a bed with a proxy")
    }

    /// The topic's URL.
    pub fn source_url(&self) -> String {
        format!("kafka://{}/{}", service("KAFKA_BROKERS"), self.topic_name())
    }

    /// Where the changes go.
    pub fn changes_url(&self) -> String {
        match &self.changes {
            Changes::Topic(name) => format!("kafka://{}/{name}", service("KAFKA_BROKERS")),
            Changes::File => self.url("changes"),
            Changes::Nowhere => panic!("a bed without changes"),
        }
    }

    /// Each partition's next lines.
    pub fn send(&self, partitions: &[Vec<String>]) {
        produce(self.topic_name(), partitions);
        let mut sent = self.sent.lock().unwrap();
        let all = partitions.len().max(sent.len());
        sent.resize(all, Vec::new());
        for (sent, more) in sent.iter_mut().zip(partitions) {
            sent.extend(more.iter().cloned());
        }
    }

    /// All that was sent so far.
    pub fn sent(&self) -> Vec<Vec<String>> {
        self.sent.lock().unwrap().clone()
    }

    /// What all that was sent comes to, by the reference.
    pub fn want(&self) -> Rows {
        reference(&self.sent.lock().unwrap(), 60_000, HOUR).rows
    }

    /// What the tables show.
    pub fn rows(&self) -> Rows {
        rows_of(self.postgres())
    }

    /// The changes so far, in order.
    pub fn changed(&self) -> Vec<String> {
        match &self.changes {
            Changes::Topic(name) => consume(name),
            Changes::File => self.read("changes").lines().map(str::to_owned).collect(),
            Changes::Nowhere => panic!("a bed without changes"),
        }
    }

    /// What the changes so far show.
    pub fn folded(&self) -> Rows {
        fold(self.changed().iter().map(String::as_str)).0
    }

    /// The number of the newest snapshot; 0 for none.
    pub fn newest_snapshot(&self) -> u64 {
        newest_snapshot(&self.path("state"))
    }

    /// `standings VERB` over the same queries, sources and sinks.
    pub fn command(&self, verb: &str, more: &[&str]) -> Command {
        let mut command = standings(&[verb, "--queries", &self.queries]);
        command.args(&self.edges).args(more);
        if let Some(bucket) = &self.bucket {
            bucket.tell(&mut command);
        }
        command
    }

    /// The same, run to its end: its exit code, and all that it said.
    pub fn say(&self, verb: &str, more: &[&str]) -> (Option<i32>, String) {
        let output = self.command(verb, more).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        (output.status.code(), text)
    }

    /// The run that `start` starts, with what only this time is asked for.
    pub fn run(&self, more: &[&str]) -> Command {
        let mut command = self.command("run", &[]);
        command.args(&self.flags).args(more);
        command
    }

    /// Runs to the present end; panics with what was said unless that succeeds.
    pub fn to_end(&self, more: &[&str]) -> String {
        let mut process = self.start(&[&["--until-end"], more].concat());
        let code = process.wait(Duration::from_secs(90));
        assert_eq!(code, Some(0), "run {more:?}: {}", process.log());
        process.log()
    }

    /// Runs to the present end: its exit code, and what it said.
    pub fn ends(&self, more: &[&str]) -> (Option<i32>, String) {
        let mut process = self.start(&[&["--until-end"], more].concat());
        (process.wait(Duration::from_secs(90)), process.log())
    }

    /// Starts the process. What it says goes into a file of the folder; it is shown when the test fails.
    pub fn start(&self, more: &[&str]) -> Process {
        self.spawn(&mut self.run(more))
    }

    /// Starts this command as `start` does.
    pub fn spawn(&self, command: &mut Command) -> Process {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let log = self.path(&format!("{number}.log"));
        let file = std::fs::File::create(&log).unwrap();
        let child = command.stdout(Stdio::null()).stderr(file).spawn();
        let what = format!("{} {number}", self.name);
        Process {
            running: Running(child.unwrap()),
            _folder: Arc::clone(&self.folder),
            what,
            log,
            address: self.address.clone(),
        }
    }

    /// Starts a supervised cluster of so many processes, with flags of its own and of the run.
    pub fn cluster(&self, processes: &str, own: &[&str], more: &[&str]) -> Process {
        let mut command = standings(&["cluster", "-n", processes]);
        command.args(own).args(["--", "run"]);
        command.args(["--queries", &self.queries]).args(&self.edges);
        command.args(&self.flags).args(more);
        self.spawn(&mut command)
    }

    /// Waits until the tables show all that was sent.
    pub fn shows_all(&self, what: &str) {
        let want = self.want();
        until(what, PATIENCE, || self.rows() == want);
    }

    /// Waits until the newest snapshot's manifest has these words.
    pub fn snapshot_with(&self, words: &[&str]) {
        until(&format!("a snapshot with {words:?}"), PATIENCE, || {
            let manifest = format!("state/manifests/{:010}.json", self.newest_snapshot());
            let text = self.read(&manifest);
            words.iter().all(|word| text.contains(word))
        });
    }

    /// Waits until there is a newer snapshot than this.
    pub fn snapshot_after(&self, number: u64) {
        let what = format!("a snapshot after {number}");
        until(&what, PATIENCE, || self.newest_snapshot() > number);
    }
}

/// A process of a bed.
pub struct Process {
    pub running: Running,
    /// Its log is in it.
    _folder: Arc<tempfile::TempDir>,
    what: String,
    log: PathBuf,
    address: Option<String>,
}

impl Process {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.running.0.id()
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until `/readyz` says so.
    pub fn ready(self) -> Self {
        let address = self.address.as_deref().expect("a bed with --http");
        until("ready", PATIENCE, || {
            http::request("GET", address, "/readyz", "").is_ok_and(|(status, _)| status == 200)
        });
        self
    }

    /// Sends a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: it has not been waited for, so its process id is still its own.
        let sent = unsafe { libc::kill(self.id() as i32, signal) };
        assert_eq!(sent, 0, "{}: signal {signal}", self.what);
    }

    /// Ends it at once; what it said.
    pub fn kill(mut self) -> String {
        self.running.0.kill().unwrap();
        self.running.0.wait().unwrap();
        self.log()
    }

    /// Asks it to stop: its exit code, how long that took, and all that it said.
    pub fn stop(self) -> (Option<i32>, Duration, String) {
        self.stop_by(libc::SIGTERM)
    }

    /// The same by another signal.
    pub fn stop_by(mut self, signal: i32) -> (Option<i32>, Duration, String) {
        let asked = Instant::now();
        self.signal(signal);
        let code = self.wait(PATIENCE);
        (code, asked.elapsed(), self.log())
    }

    /// Waits for its end: its exit code.
    pub fn wait(&mut self, limit: Duration) -> Option<i32> {
        let mut status = None;
        until(&format!("{} ends", self.what), limit, || {
            status = self.running.0.try_wait().unwrap();
            status.is_some()
        });
        status.and_then(|s| s.code())
    }

    /// Whether it goes on.
    pub fn goes_on(&mut self) -> bool {
        self.running.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let last = log.lines().count().saturating_sub(40);
            let shown: Vec<&str> = log.lines().skip(last).collect();
            eprintln!("{} said last:\n{}", self.what, shown.join("\n"));
        }
    }
}
