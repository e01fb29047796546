//! `examples/follow`: programs that follow the change log show what the tables show, also after they were killed, and after
//! what they had written down was lost in part.

#[path = "../../examples/follow/rust/main.rs"]
#[allow(dead_code)]
mod rust;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::kafka::{produce, topic, unique};
use crate::support::postgres::{database, rows_of};
use crate::support::{
    Dice, Rows, Running, free_port, keys_of, measures_of, millis, reference, sales, service,
    standings, until,
};
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;

/// The arguments of the follower in Rust, which this test is when it is run with them.
const RUST: &str = "STANDINGS_TEST_FOLLOW";
/// The ranking that the follower over HTTP shows: of few rows, so that some leave it.
const FOLLOWED: &str = "top_salesmen_per_city";

const LIMIT: Duration = Duration::from_secs(120);

/// A program, and the file that it keeps.
struct Follower {
    name: &'static str,
    command: Command,
    file: PathBuf,
    /// The rows of the file.
    read: fn(&Value) -> Rows,
}

impl Follower {
    fn start(&mut self) -> Running {
        let quiet = self.command.stdout(Stdio::null());
        Running(
            quiet
                .spawn()
                .unwrap_or_else(|e| panic!("{}: {e}", self.name)),
        )
    }

    fn shows(&self) -> Option<Rows> {
        let text = std::fs::read(&self.file).ok()?;
        Some((self.read)(&serde_json::from_slice(&text).unwrap()))
    }

    fn shows_soon(&self, want: &Rows, when: &str) {
        let mut want = want.clone();
        if self.file.ends_with("javascript.json") {
            want.retain(|(ranking, ..), _| ranking == FOLLOWED);
        }
        assert!(!want.is_empty());
        let what = format!("{} shows what the tables show: {when}", self.name);
        until(&what, LIMIT, || self.shows().as_ref() == Some(&want));
    }
}

/// Ranking, window and keys; rank and measures.
type Placed = ((String, i64, Vec<String>), (u64, Vec<Value>));

fn row(ranking: &str, start: &Value, fields: &Value, rank: &Value) -> Placed {
    let keys = keys_of(ranking)
        .iter()
        .map(|k| fields[*k].as_str().unwrap().to_owned());
    let measures = measures_of(ranking).iter().map(|m| fields[*m].clone());
    let at = (
        ranking.to_owned(),
        millis(start.as_str().unwrap()),
        keys.collect(),
    );
    (at, (rank.as_u64().unwrap(), measures.collect()))
}

/// Changes by message key.
fn of_the_log(file: &Value) -> Rows {
    let of = |(key, change): (&String, &Value)| {
        let named: Value = serde_json::from_str(key).unwrap();
        let ranking = named["ranking"].as_str().unwrap();
        row(
            ranking,
            &named["window_start"],
            &change["row"],
            &change["rank"],
        )
    };
    file["rows"].as_object().unwrap().iter().map(of).collect()
}

/// Flat rows of one ranking.
fn of_the_api(file: &Value) -> Rows {
    let all = file["rows"].as_object().unwrap().values();
    all.map(|flat| row(FOLLOWED, &flat["window_start"], flat, &flat["rank"]))
        .collect()
}

/// Whether a tool is there; what is skipped is said where `deploy/test` sees it.
fn has(tool: &str, follower: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        let _ = writeln!(
            std::io::stderr(),
            "no {tool} for the follower in {follower}"
        );
    }
    found
}

fn followers(dir: &Path, changes: &str, http: &str) -> Vec<Follower> {
    let brokers = service("KAFKA_BROKERS");
    let file = |name: &str| dir.join(format!("{name}.json"));
    let text = |path: &Path| path.display().to_string();
    let mut all = Vec::new();

    let mut itself = Command::new(std::env::current_exe().unwrap());
    let name = std::thread::current().name().unwrap().to_owned();
    let kept = file("rust");
    itself.args([&name, "--exact", "--nocapture"]);
    itself.env(RUST, [&brokers, changes, &text(&kept)].join("\n"));
    all.push(Follower {
        name: "Rust",
        command: itself,
        file: kept,
        read: of_the_log,
    });

    if has("node", "JavaScript") {
        let kept = file("javascript");
        let mut node = Command::new("node");
        node.args(["examples/follow/javascript/follow.mjs", http, FOLLOWED])
            .arg(&kept);
        all.push(Follower {
            name: "JavaScript",
            command: node,
            file: kept,
            read: of_the_api,
        });
    }

    if has("javac", "Java") && has("mvn", "Java") {
        let (jars, kept) = (dir.join("jars"), file("java"));
        let mut maven = Command::new("mvn");
        maven.args([
            "-q",
            "-B",
            "-f",
            "examples/follow/java/pom.xml",
            "dependency:copy-dependencies",
        ]);
        let fetched = maven
            .arg(format!("-DoutputDirectory={}", text(&jars)))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&fetched.stdout);
        assert!(fetched.status.success(), "Maven: {said}");
        let mut java = Command::new("java");
        java.args([
            "-XX:TieredStopAtLevel=1",
            "-cp",
            &format!("{}/*", text(&jars)),
        ]);
        java.args(["examples/follow/java/Follow.java", &brokers, changes])
            .arg(&kept);
        all.push(Follower {
            name: "Java",
            command: java,
            file: kept,
            read: of_the_log,
        });
    }
    all
}

/// Leaves a change in the topic that was never committed.
fn give_up(changes: &str) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .set("transactional.id", unique("given_up"))
        .create()
        .unwrap();
    producer.init_transactions(LIMIT).unwrap();
    producer.begin_transaction().unwrap();
    let key = r#"{"ranking":"top_salesmen","window_start":"2026-01-23T00:00:00Z","salesman_id":"nobody"}"#;
    let value = r#"{"ranking":"top_salesmen","op":"upsert","window_start":"2026-01-23T00:00:00Z","rank":1,"row":{"salesman_id":"nobody"}}"#;
    let record = BaseRecord::to(changes).partition(0).key(key).payload(value);
    producer.send(record).map_err(|(e, _)| e).unwrap();
    producer.flush(LIMIT).unwrap();
    producer.abort_transaction(LIMIT).unwrap();
}

#[test]
fn followers_show_what_the_tables_show() {
    if let Ok(args) = std::env::var(RUST) {
        let args: Vec<&str> = args.lines().collect();
        rust::follow(args[0], args[1], args[2]).unwrap();
    }
    let mut dice = Dice::new(11);
    let all: Vec<Vec<String>> = (0..2)
        .map(|_| sales(&mut dice, 600, 1_769_126_400_000, 40_000))
        .collect();
    let part = |from: usize, to: usize| -> Vec<Vec<String>> {
        all.iter().map(|lines| lines[from..to].to_vec()).collect()
    };
    let want = |upto: usize| reference(&part(0, upto), 60_000, 3_600_000).rows;
    let (source, changes, tables) = (topic("sales", 2), topic("changes", 3), database());
    let (brokers, http) = (
        service("KAFKA_BROKERS"),
        format!("127.0.0.1:{}", free_port()),
    );
    let dir = tempfile::tempdir().unwrap();
    let _engine = Running(
        standings(&[
            "run",
            "--queries",
            "queries",
            "--http",
            &http,
            "--sink",
            &tables,
        ])
        .args(["--source", &format!("kafka://{brokers}/{source}")])
        .args(["--sink", &format!("kafka://{brokers}/{changes}")])
        .args([
            "--dead-letter",
            "file:/dev/null",
            "--late",
            "file:/dev/null",
        ])
        .spawn()
        .unwrap(),
    );
    let mut followers = followers(dir.path(), &changes, &format!("http://{http}"));
    let mut running: Vec<Running> = followers.iter_mut().map(Follower::start).collect();
    // Over HTTP only the newest window is told of what was there before: this one is there before all.
    let began = |f: &Follower| f.file.exists() || !f.file.ends_with("javascript.json");
    until("the first snapshot", LIMIT, || followers.iter().all(began));

    produce(&source, &part(0, 200));
    until("the tables", LIMIT, || rows_of(&tables) == want(200));
    followers
        .iter()
        .for_each(|f| f.shows_soon(&want(200), "from the start"));
    let earlier: Vec<Vec<u8>> = followers
        .iter()
        .map(|f| std::fs::read(&f.file).unwrap())
        .collect();

    // What nobody committed is shown by nobody; what comes meanwhile is made up for.
    give_up(&changes);
    produce(&source, &part(200, 400));
    until("the tables", LIMIT, || rows_of(&tables) == want(400));
    followers
        .iter()
        .for_each(|f| f.shows_soon(&want(400), "as it goes on"));
    running.clear();
    produce(&source, &part(400, 600));
    until("the tables", LIMIT, || rows_of(&tables) == want(600));
    running.extend(followers.iter_mut().map(Follower::start));
    followers
        .iter()
        .for_each(|f| f.shows_soon(&want(600), "after a kill"));

    // The newest file is lost: from an older one much is read again, and comes to the same.
    running.clear();
    for (follower, earlier) in followers.iter().zip(earlier) {
        std::fs::write(&follower.file, earlier).unwrap();
        assert_eq!(follower.shows().map(|rows| rows == want(600)), Some(false));
    }
    running.extend(followers.iter_mut().map(Follower::start));
    followers
        .iter()
        .for_each(|f| f.shows_soon(&want(600), "read again"));
}
