//! What every fault happens to: a topic that sales go on coming into, both sinks, snapshots, a cluster, and somebody
//! who looks at the database all the time and holds every commit to the reference.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::kafka::{self, consume, held_by_transactions, produce, topic, unique};
use crate::support::postgres::{connect, database, rows_of};
use crate::support::proxy::Proxy;
use crate::support::{Dice, HOUR, fold, reference, sales, service, standings, until};
use crate::watcher::{Parts, Watcher};

/// Partitions of the topic.
pub const PARTITIONS: usize = 3;

pub struct Bed {
    dice: Dice,
    topic: String,
    changes: String,
    /// The database, not through the proxy.
    postgres: String,
    pub proxy: Proxy,
    pub folder: tempfile::TempDir,
    parts: Parts,
    from: i64,
    watcher: Watcher,
}

impl Bed {
    pub fn new(seed: u64) -> Self {
        let postgres = database();
        let (_, address) = postgres.split_once('@').expect("a URL with a user");
        let (address, _) = address.split_once('/').expect("a URL with a database");
        let parts: Parts = Arc::new(Mutex::new(vec![Vec::new(); PARTITIONS]));
        Bed {
            dice: Dice::new(seed),
            topic: topic("faults", PARTITIONS as i32),
            // Made by the sink, as it makes them.
            changes: unique("faults_changes"),
            proxy: Proxy::to(address.to_owned()),
            folder: tempfile::tempdir().unwrap(),
            watcher: Watcher::start(postgres.clone(), Arc::clone(&parts)),
            postgres,
            parts,
            from: 1_769_130_000_000,
        }
    }

    /// Flags of `standings run`; the database is reached through the proxy.
    pub fn run(&self, state: &Path) -> Vec<String> {
        let brokers = service("KAFKA_BROKERS");
        let name = self.postgres.rsplit('/').next().unwrap();
        let port = self.proxy.port;
        let args = [
            "run",
            "--queries",
            "queries",
            "--source",
            &format!("kafka://{brokers}/{}", self.topic),
            "--sink",
            &format!(
                "postgres://standings@127.0.0.1:{port}/{name}?connect_timeout=2&sslmode=disable"
            ),
            "--sink",
            &format!("kafka://{brokers}/{}", self.changes),
            "--state",
            &format!("file:{}", state.display()),
            "--snapshot-interval",
            "300ms",
            "--commit-interval",
            "1ms",
            "--peer-timeout",
            "2s",
            "--kafka-property",
            "transaction.timeout.ms=5000",
        ];
        args.map(str::to_owned).to_vec()
    }

    /// Has the database do something, not through the proxy.
    pub fn sql(&self, sql: &str) {
        kafka::block(async { connect(&self.postgres).await.batch_execute(sql).await }).unwrap();
    }

    /// Has the server do something, from another database: whatever this one is set to.
    pub fn server_sql(&self, sql: &str) {
        let url = service("POSTGRES_URL");
        kafka::block(async { connect(&url).await.batch_execute(sql).await }).unwrap();
    }

    /// What a transaction holds while something else happens.
    pub fn held<T>(&mut self, sql: &str, meanwhile: impl FnOnce(&mut Bed) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let client = runtime.block_on(async {
            let client = connect(&self.postgres).await;
            let begin = format!("BEGIN; SET LOCAL statement_timeout = 0; {sql}");
            client.batch_execute(&begin).await.unwrap();
            client
        });
        let done = meanwhile(self);
        runtime.block_on(client.batch_execute("ROLLBACK")).unwrap();
        done
    }

    /// The database, not through the proxy.
    pub fn database(&self) -> &str {
        &self.postgres
    }

    /// Deletes the topic, and makes another one of its name, which is empty. All that was sent must be committed.
    pub fn topic_anew(&mut self) {
        self.watcher.look_away();
        kafka::delete(&self.topic);
        until("a topic of that name", Duration::from_secs(20), || {
            kafka::make(&self.topic, PARTITIONS as i32, "20000000")
        });
        self.parts.lock().unwrap().iter_mut().for_each(Vec::clear);
    }

    /// Nobody looks at the database while it does not say what its rows are of.
    pub fn look_away(&self) {
        self.watcher.look_away();
    }

    /// Looks again, at what comes after the commits seen so far; offsets and generations may begin anew.
    pub fn look_again(&self) {
        self.watcher.look_again();
    }

    /// The database may lack rows of this city in the ranking of cities, if it holds no wrong ones.
    pub fn may_lack(&self, city: Option<&str>) {
        self.watcher.seen.lock().unwrap().may_lack = city.map(str::to_owned);
    }

    /// The usual folder of snapshots.
    pub fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state")
    }

    /// A supervised cluster.
    pub fn cluster(&self, processes: usize, workers: usize) -> Cluster {
        self.cluster_with(processes, workers, &self.run(&self.state()))
    }

    pub fn cluster_with(&self, processes: usize, workers: usize, run: &[String]) -> Cluster {
        let n = processes.to_string();
        let child = standings(&["cluster", "-n", &n, "--"])
            .args(run)
            .args(["-w", &workers.to_string()])
            .env("STANDINGS_LOG", "warn")
            .stdout(Stdio::null())
            .stderr(self.log("cluster"))
            .spawn();
        Cluster(child.unwrap())
    }

    /// A log file, to which is added.
    pub fn log(&self, name: &str) -> Stdio {
        let path = self.folder.path().join(format!("{name}.log"));
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path);
        Stdio::from(file.unwrap())
    }

    pub fn read_log(&self, name: &str) -> String {
        let path = self.folder.path().join(format!("{name}.log"));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// Some more sales into every partition.
    pub fn send(&mut self, n: usize) {
        let more: Vec<Vec<String>> = (0..PARTITIONS)
            .map(|_| sales(&mut self.dice, n, self.from, 40_000))
            .collect();
        self.from += n as i64 * 20_000;
        // Known before they are there: who reads them can be held to them.
        for (all, more) in self.parts.lock().unwrap().iter_mut().zip(&more) {
            all.extend(more.iter().cloned());
        }
        produce(&self.topic, &more);
    }

    /// A record that must become a dead letter, into every partition.
    pub fn send_broken(&mut self, line: &str) {
        // The reference knows it as one.
        for all in self.parts.lock().unwrap().iter_mut() {
            all.push("{".to_owned());
        }
        produce(&self.topic, &vec![vec![line.to_owned()]; PARTITIONS]);
    }

    /// How many dead letters the input so far makes.
    pub fn dead(&self) -> u64 {
        reference(&self.parts.lock().unwrap(), 60_000, HOUR).dead
    }

    /// Sales go on coming for so long.
    pub fn flow(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.send(4);
            std::thread::sleep(Duration::from_millis(80));
        }
    }

    /// Sends until a commit is there that is later than this moment; how long that took.
    pub fn recover(&mut self, limit: Duration) -> Duration {
        let began = Instant::now();
        loop {
            self.send(3);
            std::thread::sleep(Duration::from_millis(25));
            if let Some(at) = self.watcher.last_change().filter(|at| *at > began) {
                return at - began;
            }
            self.watcher.check();
            assert!(began.elapsed() < limit, "I7: no commit within {limit:?}");
        }
    }

    pub fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// Records of the change topic that an open transaction hides.
    pub fn hidden(&self) -> i64 {
        held_by_transactions(&self.changes)
    }

    /// Commits in the change topic that an older generation made after a newer one had begun.
    pub fn zombie_commits(&self) -> usize {
        let mut newest = 0;
        let generations = consume(&format!("{}-progress", self.changes));
        let generations = generations.iter().map(|text| {
            let progress: serde_json::Value = serde_json::from_str(text).unwrap();
            progress["generation"].as_u64().unwrap()
        });
        generations
            .filter(|generation| {
                newest = newest.max(*generation);
                *generation < newest
            })
            .count()
    }

    /// The last commit that was seen.
    pub fn last_commit(&self) -> u64 {
        self.watcher.seen.lock().unwrap().commit
    }

    /// Both sinks come to show all of the input; then the whole log of changes is looked at, and the two sinks are
    /// compared commit by commit. How many commits were held to the reference.
    pub fn settle(&mut self) -> u64 {
        let parts = self.parts.lock().unwrap().clone();
        let want = reference(&parts, 60_000, HOUR).rows;
        let began = Instant::now();
        let limit = Duration::from_secs(60);
        while rows_of(&self.postgres) != want {
            self.watcher.check();
            assert!(
                began.elapsed() < limit,
                "I1, I7: the tables are not right within {limit:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = loop {
            let log = consume(&self.changes);
            // The fold holds the log to I3.
            if fold(log.iter().map(String::as_str)).0 == want {
                break log;
            }
            assert!(
                began.elapsed() < limit,
                "I1, I7: the topic is not right within {limit:?}"
            );
            std::thread::sleep(Duration::from_millis(100));
        };
        while self.hidden() > 0 {
            assert!(began.elapsed() < limit, "I7: a transaction hangs");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(self.zombie_commits(), 0, "I4: commits of zombies");
        self.watcher.check();
        let seen = self.watcher.seen.lock().unwrap();
        let mut last = (0, BTreeMap::new());
        let mut checked = 0;
        for text in consume(&format!("{}-progress", self.changes)) {
            let progress: serde_json::Value = serde_json::from_str(&text).unwrap();
            let commit = progress["commit"].as_u64().unwrap();
            let offsets: BTreeMap<usize, u64> =
                serde_json::from_value(progress["offsets"].clone()).unwrap();
            // An opening says again what it found.
            let is_mark = (commit, &offsets) == (last.0, &last.1);
            assert!(
                commit > last.0 || is_mark,
                "I4: commit {commit} of the topic comes after {}",
                last.0
            );
            last = (commit, offsets.clone());
            if let Some(other) = seen.prefixes.get(&commit) {
                checked += 1;
                assert_eq!(*other, offsets, "I5: the prefix of commit {commit}");
            }
        }
        assert!(!log.is_empty() && checked > 0, "nothing was compared");
        seen.checked
    }
}

/// A supervisor and its processes, ended when dropped.
pub struct Cluster(pub Child);

impl Cluster {
    /// Its processes.
    pub fn processes(&self) -> Vec<i32> {
        children(self.0.id())
    }

    /// Kills all of it.
    pub fn kill(&mut self) {
        let all = self.processes();
        let _ = self.0.kill();
        all.into_iter().for_each(|pid| signal(pid, libc::SIGKILL));
        let _ = self.0.wait();
    }
}

/// What went wrong may not come again soon: the logs are shown, and the folder stays.
impl Drop for Bed {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        self.folder.disable_cleanup(true);
        let folder = self.folder.path();
        let (topic, postgres) = (&self.topic, &self.postgres);
        eprintln!(
            "kept: {}; input {topic}, database {postgres}",
            folder.display()
        );
        let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for path in found.map(|entry| entry.path()) {
            if path.extension().is_some_and(|e| e == "log") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                let last = lines.len().saturating_sub(300);
                eprintln!("{}:\n{}", path.display(), lines[last..].join("\n"));
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Process ids of the direct children, in order.
fn children(parent: u32) -> Vec<i32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut found: Vec<i32> = text
        .split_whitespace()
        .filter_map(|p| p.parse().ok())
        .collect();
    found.sort_unstable();
    found
}

pub fn signal(pid: i32, signal: i32) {
    // SAFETY: sends a signal; the processes are ours, and not waited for yet.
    unsafe {
        libc::kill(pid, signal);
    }
}

/// Whether it ends within the limit, and how.
pub fn wait(child: &mut Child, limit: Duration) -> Option<i32> {
    let began = Instant::now();
    while began.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.code().unwrap_or(-1));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

/// A command of `deploy/services`.
pub fn services(command: &str) {
    let done = Command::new("deploy/services")
        .args(command.split(' '))
        .stderr(Stdio::null())
        .status();
    assert!(done.unwrap().success(), "deploy/services {command}");
}
