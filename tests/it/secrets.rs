//! Secrets that a run is given are in nothing that it tells: logs, metrics, traces, lineage, API, table of runs.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::calls::call;
use crate::support::kafka::{block, produce, topic};
use crate::support::postgres::{connect, database};
use crate::support::receiver::Receiver;
use crate::support::{self, Dice, free_port, sales, service, standings, until, wait};

/// What no output may hold. Each is a secret of another kind.
const CANARIES: [&str; 7] = [
    "canary-kafka-flag",
    "canary-kafka-file",
    "canary-postgres",
    "canary-lineage",
    "canary-trace",
    "canary-environment",
    "canary-serve",
];

/// The database's URL with a password, which the server, trusting everybody, does not ask for.
fn with_password(url: &str, password: &str) -> String {
    let (before, after) = url.split_once('@').unwrap();
    let user = before
        .rsplit('/')
        .next()
        .unwrap()
        .split(':')
        .next()
        .unwrap();
    format!("postgres://{user}:{password}@{after}")
}

fn ask(address: &str, key: &str, path: &str) -> String {
    let answer = call(address, "GET", path, &[("X-API-Key", key)]);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    format!("{:?} {}", answer.headers, answer.body)
}

/// What was told, by where.
type Told = Vec<(String, String)>;

fn secret_free(told: &Told, key: &str) {
    for (place, text) in told {
        assert!(!text.is_empty(), "{place} says nothing");
        for canary in CANARIES.iter().chain([&key]) {
            if let Some(at) = text.find(canary) {
                let from = text[..at]
                    .char_indices()
                    .rev()
                    .nth(120)
                    .map_or(0, |(i, _)| i);
                panic!(
                    "{place} shows {canary}: …{}",
                    &text[from..at + canary.len()]
                );
            }
        }
    }
}

fn tell(child: &mut std::process::Child, limit: Duration) {
    // SAFETY: the child has not been waited for, so its process id is still its own.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
    wait(child, limit, &["asked to stop"]);
}

#[test]
fn no_secret_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    // A key of the API; its hash is in a file.
    let made = standings(&["key", "new", "--role", "admin", "--name", "boss"])
        .output()
        .unwrap();
    let text = String::from_utf8(made.stdout).unwrap();
    let word = |start: &str| {
        text.split_whitespace()
            .find(|w| w.starts_with(start))
            .unwrap()
    };
    let key = word("standings_").to_owned();
    std::fs::write(path("keys"), format!("admin boss {}\n", word("sha256:"))).unwrap();
    std::fs::write(path("kafka"), "ssl.key.password=canary-kafka-file\n").unwrap();
    std::fs::write(path("lineage-token"), "canary-lineage\n").unwrap();

    let (lineage, traces) = (Receiver::start(), Receiver::start());
    let (input, direct) = (topic("secrets", 1), database());
    let url = with_password(&direct, "canary-postgres");
    let brokers = service("KAFKA_BROKERS");
    let source = format!("kafka://{brokers}/{input}");
    let http = format!("127.0.0.1:{}", free_port());
    let log = std::fs::File::create(path("log")).unwrap();
    let start = |extra: &[&str], log: std::fs::File| {
        let mut command: Command = standings(&["run", "--queries", "queries"]);
        command
            .args(["--source", &source, "--sink", &url, "--sink", "stdout"])
            .args(["--kafka-property", "sasl.password=canary-kafka-flag"])
            .args(["--http", &http, "--lineage-interval", "200ms"])
            .args(["--trace-sample", "100ms", "--runs-interval", "200ms"])
            .args(extra)
            .env("STANDINGS_KAFKA_PROPERTIES", path("kafka"))
            .env("STANDINGS_HTTP_KEYS", path("keys"))
            .env(
                "STANDINGS_LINEAGE",
                format!("http://127.0.0.1:{}", lineage.port),
            )
            .env("STANDINGS_LINEAGE_TOKEN_FILE", path("lineage-token"))
            .env(
                "STANDINGS_TRACE",
                format!("http://127.0.0.1:{}", traces.port),
            )
            .env("STANDINGS_TRACE_TOKEN", "canary-trace")
            .env("SOME_PASSWORD", "canary-environment")
            .env("STANDINGS_LOG", "debug")
            .stderr(log);
        command
    };
    let out = std::fs::File::create(path("out")).unwrap();
    let mut child = support::Running(
        start(&[], log.try_clone().unwrap())
            .stdout(out)
            .spawn()
            .unwrap(),
    );
    let lines = sales(&mut Dice::new(14), 200, 1_769_126_400_000, 20_000);
    produce(&input, &[lines]);
    until(
        "everything has told something",
        Duration::from_secs(40),
        || {
            let answers = support::http::request("GET", &http, "/readyz", "");
            answers.is_ok_and(|(status, _)| status == 200)
                && lineage.posted().len() > 8
                && !traces.posted().is_empty()
        },
    );
    let mut told = Told::new();
    for at in [
        "/metrics",
        "/api/v1/process",
        "/api/v1/runs",
        "/api/v1/watermarks",
        "/api/v1/openapi.json",
    ] {
        told.push((at.to_owned(), ask(&http, &key, at)));
    }
    // `serve` has the same secrets, and says as little.
    let other = format!("127.0.0.1:{}", free_port());
    let from = with_password(&direct, "canary-serve");
    let mut serve = support::Running(
        standings(&[
            "serve",
            "--queries",
            "queries",
            "--http",
            &other,
            "--from",
            &from,
        ])
        .env("STANDINGS_HTTP_KEYS", path("keys"))
        .env("STANDINGS_LOG", "debug")
        .stderr(log.try_clone().unwrap())
        .spawn()
        .unwrap(),
    );
    until("served", Duration::from_secs(20), || {
        support::http::request("GET", &other, "/healthz", "").is_ok_and(|(s, _)| s == 200)
    });
    for at in ["/api/v1/process", "/api/v1/runs", "/metrics"] {
        told.push((format!("serve {at}"), ask(&other, &key, at)));
    }
    tell(&mut serve.0, Duration::from_secs(20));
    tell(&mut child.0, Duration::from_secs(20));
    // And one that fails: its last words are in the table, in lineage and in the log.
    block(async {
        let sql = "ALTER TABLE top_salesmen DROP COLUMN total_sales CASCADE";
        connect(&direct).await.batch_execute(sql).await.unwrap();
    });
    let failed = start(&[], log.try_clone().unwrap())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(failed.code(), Some(2));
    // A database that nobody can reach, at a place that is no database.
    let nowhere = format!(
        "postgres://u:canary-postgres@127.0.0.1:{}/d?connect_timeout=1",
        free_port()
    );
    let mut lost = support::Running(
        start(&["--sink", &nowhere], log)
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    until(
        "it is said that it is away",
        Duration::from_secs(20),
        || {
            let text = std::fs::read_to_string(path("log")).unwrap();
            text.contains("sink_waiting") && text.contains("run_not_recorded")
        },
    );
    let _ = lost.0.kill();

    // Help names the variables and not what they hold.
    for (command, variable) in [("run", "STANDINGS_SINK"), ("serve", "STANDINGS_FROM")] {
        let mut help = standings(&[command, "--help"]);
        help.env(variable, &url)
            .env("STANDINGS_LINEAGE_TOKEN", "canary-lineage");
        let help = String::from_utf8(help.output().unwrap().stdout).unwrap();
        assert!(help.contains(variable), "{help}");
        told.push((format!("{command} --help"), help));
    }
    for name in ["log", "out"] {
        told.push((
            name.to_owned(),
            std::fs::read_to_string(path(name)).unwrap(),
        ));
    }
    let posted = |receiver: &Receiver| {
        let bodies = receiver.posted();
        bodies
            .iter()
            .map(|p| p.body.to_string())
            .collect::<String>()
    };
    told.push(("lineage".to_owned(), posted(&lineage)));
    told.push(("traces".to_owned(), posted(&traces)));
    told.push((
        "runs".to_owned(),
        block(async {
            let sql = "SELECT string_agg(to_jsonb(r)::text, ' ') FROM standings_runs r";
            let row = connect(&direct).await.query_one(sql, &[]).await.unwrap();
            row.get(0)
        }),
    ));
    // What is looked through is what they are about.
    let of = |place: &str| &told.iter().find(|(p, _)| p == place).unwrap().1;
    assert!(of("lineage").contains("FAIL") && of("runs").contains("failed"));
    assert!(of("log").contains("\"committed\"") && of("traces").contains("standings.commit"));
    assert!(
        of("/api/v1/process").contains("sasl.password"),
        "settings are named"
    );
    // The secrets did arrive where they belong.
    assert_eq!(
        lineage.posted()[0].authorization.as_deref(),
        Some("Bearer canary-lineage")
    );
    assert_eq!(
        traces.posted()[0].authorization.as_deref(),
        Some("Bearer canary-trace")
    );
    secret_free(&told, &key);
}

/// What is looked for in every spelling of a secret.
const SPELT: &str = "canary-9f3a";

/// All that a command says with these variables.
fn said(args: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = standings(args);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn a_secret_is_shown_in_no_spelling() {
    let run = ["run", "--queries", "queries", "--source", "file:/dev/null"];
    let lines: Vec<Vec<&str>> = vec![
        vec!["--sink", "postgres://u:x?canary-9f3a@127.0.0.1:1/d"],
        vec![
            "--sink",
            "postgres://u:x@127.0.0.1:1/d?password=y@canary-9f3a",
        ],
        vec!["--sink", "kafka://u:canary-9f3a@127.0.0.1:1/t"],
        vec!["--sink", "kafka://127.0.0.1:1/t?sasl.password=canary-9f3a"],
        vec!["--sink", "host=h user=u password=canary-9f3a"],
        vec![
            "--sink",
            "stdout",
            "--source",
            "kafka://u:canary-9f3a@127.0.0.1:1/t",
        ],
        vec![
            "--sink",
            "stdout",
            "--source",
            "host=h password=canary-9f3a",
        ],
        vec![
            "--sink",
            "stdout",
            "--state",
            "s3://key:canary-9f3a@bucket/p",
        ],
        vec!["--sink", "stdout", "--state", "password=canary-9f3a"],
        vec!["--sink", "stdout", "--late", "user:canary-9f3a@h"],
        vec![
            "--sink",
            "stdout",
            "--lineage",
            "kafka://u:canary-9f3a@127.0.0.1:1/t",
        ],
        vec!["--sink", "stdout", "--cluster-secret", "canary-9f3a"],
        vec!["--sink", "stdout", "postgres://u:canary-9f3a@h/d"],
    ];
    for more in &lines {
        for before in [&["check", "--"][..], &["config", "show", "--"]] {
            let args: Vec<&str> = [before, &run, more].concat();
            let text = said(&args, &[]);
            assert!(
                !text.is_empty() && !text.contains(SPELT),
                "{args:?}: {text}"
            );
        }
    }
    let text = said(&["postgres://u:canary-9f3a@h/d"], &[]);
    assert!(!text.contains(SPELT), "{text}");
    // Help: whatever the environment holds.
    for command in [
        "run", "serve", "verify", "cluster", "replica", "check", "demo", "health",
    ] {
        let help = said(&[command, "--help"], &[]);
        let names: Vec<String> = help
            .split("[env: ")
            .skip(1)
            .filter_map(|rest| rest.split([']', '=']).next().map(str::to_owned))
            .filter(|name| name != "STANDINGS_CONFIG")
            .collect();
        assert!(!names.is_empty(), "{help}");
        let variables: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), SPELT)).collect();
        let text = said(&[command, "--help"], &variables);
        assert!(
            text.contains("[env: ") && !text.contains(SPELT),
            "{command}: {text}"
        );
    }
}

/// What `standings cluster` hands to its processes cannot be seen where others look: the list of processes, and what a
/// process was started with holds no more than the supervisor's own does.
#[test]
fn a_cluster_makes_its_secret_and_shows_none() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("sales.ndjson"), "").unwrap();
    let sink = at("sink-url");
    std::fs::write(&sink, "file:/dev/null\n").unwrap();
    std::fs::write(at("token"), "canary-of-a-file\n").unwrap();
    let source = format!("file:{}", at("sales.ndjson").display());
    let log = std::fs::File::create(at("log")).unwrap();
    let mut command = standings(&["cluster", "-n", "2", "--", "run", "--queries", "queries"]);
    command
        .args(["--source", &source])
        .env("STANDINGS_SINK_FILE", &sink)
        .env("STANDINGS_LINEAGE_TOKEN_FILE", at("token"))
        .env("STANDINGS_LOG", "info")
        .stderr(log);
    let cluster = support::Running(command.spawn().unwrap());
    until("complete", Duration::from_secs(30), || {
        let text = std::fs::read_to_string(at("log")).unwrap();
        text.matches("cluster_complete").count() == 2
    });
    let folder = std::env::temp_dir().join(format!("standings-cluster-{}", cluster.0.id()));
    let secret = std::fs::read_to_string(folder.join("secret")).unwrap();
    let mode = |path: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(
        (mode(&folder), mode(&folder.join("secret"))),
        (0o700, 0o600)
    );
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", cluster.0.id()));
    let mut seen = 0;
    for child in children.unwrap().split_whitespace() {
        for what in ["environ", "cmdline"] {
            let text = std::fs::read(format!("/proc/{child}/{what}")).unwrap();
            let text = String::from_utf8_lossy(&text).into_owned();
            assert!(!text.contains(secret.trim()), "{what} shows the secret");
            assert!(
                !text.contains("canary-of-a-file"),
                "{what} shows what a file holds"
            );
            seen += usize::from(text.contains("STANDINGS_SINK_FILE"));
        }
    }
    assert_eq!(seen, 2, "both processes read the file themselves");
}
