//! Late sales and dead letters, and outputs in general: none of them destroys what is read or another output, a disk that
//! is full or a process that is killed leaves no torn line that ends all reading, and what was written once is not
//! written again at each start.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use crate::support::{Running, kafka, postgres, service, standings, until};

const SALE: &str = r#"{"sale_id":"s1","event_time":1769126400000,"city":"Lisbon","salesman_id":"S1","salesman_name":"Ana","amount":1}"#;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn file(dir: &Path, name: &str) -> String {
    format!("file:{}", dir.join(name).display())
}

fn run(args: &[&str]) -> Output {
    standings(&["run", "--queries", "queries", "--until-end"])
        .args(args)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// An output that is the source, by its name, a link, a hard link, or standard output, is refused before it is opened: the
/// source is as it was. So are two outputs in one place, and a source that is named twice.
#[test]
fn what_is_read_is_not_written() {
    let dir = folder();
    let dir = dir.path();
    let sales = format!("{SALE}\n");
    std::fs::write(dir.join("sales.ndjson"), &sales).unwrap();
    std::os::unix::fs::symlink("sales.ndjson", dir.join("soft")).unwrap();
    std::fs::hard_link(dir.join("sales.ndjson"), dir.join("hard")).unwrap();
    let source = file(dir, "sales.ndjson");
    let (soft, hard, x) = (file(dir, "soft"), file(dir, "hard"), file(dir, "x"));
    let (inside, state) = (file(dir, "state/parts/x"), file(dir, "state"));
    let sales_as_state = source.clone();
    let topic = "kafka://localhost:1/sales";
    let refused: &[(&[&str], [&str; 2])] = &[
        (
            &["--source", &source, "--sink", &source],
            ["--source", "--sink"],
        ),
        (
            &["--source", &source, "--sink", &soft],
            ["--source", "--sink"],
        ),
        (
            &["--source", &source, "--sink", "stdout", "--late", &hard],
            ["--source", "--late"],
        ),
        (
            &[
                "--source",
                &source,
                "--sink",
                "stdout",
                "--dead-letter",
                &soft,
            ],
            ["--source", "--dead-letter"],
        ),
        (
            &["--source", &source, "--sink", "stdout", "--lineage", &hard],
            ["--source", "--lineage"],
        ),
        (
            &[
                "--source",
                &source,
                "--sink",
                "stdout",
                "--state",
                &sales_as_state,
            ],
            ["--source", "--state"],
        ),
        (
            &["--source", &source, "--sink", &x, "--late", &x],
            ["--sink", "--late"],
        ),
        (
            &[
                "--source",
                &source,
                "--sink",
                "stdout",
                "--late",
                &x,
                "--dead-letter",
                &x,
            ],
            ["--late", "--dead-letter"],
        ),
        (
            &[
                "--source", &source, "--sink", "stdout", "--state", &state, "--late", &inside,
            ],
            ["--state", "--late"],
        ),
        (
            &["--source", &source, "--source", &hard, "--sink", "stdout"],
            ["--source", "twice"],
        ),
        (
            &["--source", topic, "--sink", "kafka://127.0.0.1:1/sales"],
            ["--source", "--sink"],
        ),
        (
            &[
                "--source",
                topic,
                "--sink",
                "stdout",
                "--dead-letter",
                topic,
            ],
            ["--source", "--dead-letter"],
        ),
        (
            &[
                "--source",
                topic,
                "--sink",
                "kafka://b:1/c",
                "--late",
                "kafka://b:1/c-progress",
            ],
            ["--sink", "--late"],
        ),
        (
            &[
                "--source",
                topic,
                "--sink",
                "postgres://u@h/d",
                "--sink",
                "postgres://u@h/d",
            ],
            ["--sink", "two outputs"],
        ),
    ];
    for (args, words) in refused {
        let output = run(args);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{args:?}: {said}");
        }
        let kept = std::fs::read_to_string(dir.join("sales.ndjson")).unwrap();
        assert_eq!(kept, sales, "{args:?}");
        let mut check = standings(&["check", "--", "run", "--queries", "queries"]);
        let code = check.args(*args).output().unwrap().status.code();
        assert_eq!(code, Some(2), "check {args:?}");
    }
    // As a shell does it: `>>` opens the source for what is written.
    let appended = std::fs::File::options().append(true).open(dir.join("hard"));
    let output = standings(&[
        "run",
        "--queries",
        "queries",
        "--until-end",
        "--source",
        &source,
    ])
    .args(["--sink", "stdout"])
    .stdout(appended.unwrap())
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let replay = standings(&[
        "dead-letter",
        "replay",
        "--queries",
        "queries",
        "--from",
        &source,
        "--to",
        &soft,
    ])
    .args(["--progress", &dir.join("p").display().to_string()])
    .output()
    .unwrap();
    assert_eq!(replay.status.code(), Some(2), "{}", text(&replay));
    let repair = standings(&[
        "repair",
        "--queries",
        "queries",
        "--source",
        topic,
        "--sink",
        topic,
    ])
    .output()
    .unwrap();
    assert_eq!(repair.status.code(), Some(2), "{}", text(&repair));
    assert_eq!(
        std::fs::read_to_string(dir.join("sales.ndjson")).unwrap(),
        sales
    );

    let beside = file(dir, "late");
    let output = run(&[
        "--source",
        &source,
        "--sink",
        "stdout",
        "--state",
        &file(dir, "kept"),
        "--late",
        &beside,
        "--dead-letter",
        &file(dir, "dead"),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

/// A file system of a few blocks, if this process may mount one.
struct Small(tempfile::TempDir);

impl Small {
    fn mounted() -> Option<Small> {
        let dir = folder();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16k", "none"])
            .arg(dir.path())
            .output();
        mount.is_ok_and(|m| m.status.success()).then(|| Small(dir))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg(self.0.path())
            .output();
    }
}

/// A disk that is full ends the run, and what can be read of the letters are whole ones.
#[test]
fn a_full_disk_tears_no_line() {
    let dir = folder();
    let mut lines = String::new();
    for n in 0..200 {
        lines += &format!("no sale {n} {}\n", "x".repeat(n * 7 % 300));
    }
    std::fs::write(dir.path().join("in.ndjson"), lines + SALE + "\n").unwrap();
    let source = file(dir.path(), "in.ndjson");
    // A limit on the file's size is a disk that is full, for who may not mount.
    let (small, limit) = (Small::mounted(), "16");
    let place = small.as_ref().map_or(dir.path(), |s| s.0.path());
    let dead = file(place, "dead");
    let program = standings(&[]).get_program().to_owned();
    // Small epochs: many writes, of which the last does not fit.
    let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$@\"");
    let output = std::process::Command::new("bash")
        .args(["-c", &script, "bash"])
        .arg(program)
        .args([
            "run",
            "--queries",
            "queries",
            "--until-end",
            "--sink",
            "stdout",
            "--source",
            &source,
        ])
        .args(["--dead-letter", &dead, "--epoch-bytes", "64"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let kept = std::fs::read_to_string(place.join("dead")).unwrap();
    assert!(kept.is_empty() || kept.ends_with('\n'), "{kept:?}");
    let list = standings(&["dead-letter", "list", &dead]).output().unwrap();
    assert_eq!(list.status.code(), Some(0), "{}", text(&list));
}

/// What a crash left of a line is passed over with a warning, and cut off before a run goes on with the file.
#[test]
fn a_torn_last_line_is_passed_over() {
    let dir = folder();
    let letter = serde_json::json!({"reason": "malformed", "detail": "", "partition": 0, "offset": 1, "record": "x"});
    let torn = format!("{letter}\n{letter}\n{{\"reason\":\"malf");
    std::fs::write(dir.path().join("dead"), &torn).unwrap();
    let dead = file(dir.path(), "dead");
    let list = standings(&["dead-letter", "list", &dead]).output().unwrap();
    assert_eq!(list.status.code(), Some(0), "{}", text(&list));
    assert_eq!(String::from_utf8_lossy(&list.stdout).lines().count(), 2);
    assert!(text(&list).contains("torn_letter"), "{}", text(&list));
    // What was written by hand, and has no end of line, is whole.
    std::fs::write(dir.path().join("dead"), format!("{letter}\n{letter}")).unwrap();
    let list = standings(&["dead-letter", "list", &dead]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&list.stdout).lines().count(), 2);
    // What is no letter in the midst of a file is no crash.
    std::fs::write(dir.path().join("dead"), format!("{letter}\nno\n{letter}\n")).unwrap();
    let list = standings(&["dead-letter", "list", &dead]).output().unwrap();
    assert_eq!(list.status.code(), Some(1));
}

/// Two addresses of one cluster are told by what the cluster says it is.
#[test]
fn one_topic_by_two_addresses_is_refused() {
    let brokers = service("KAFKA_BROKERS");
    let (_, port) = brokers.rsplit_once(':').unwrap();
    let sales = kafka::topic("sales", 1);
    kafka::produce(&sales, &[vec![SALE.to_owned()]]);
    let (one, other) = (
        format!("kafka://{brokers}/{sales}"),
        format!("kafka://127.1:{port}/{sales}"),
    );
    let output = run(&["--source", &one, "--sink", &other]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("of one cluster") && said.contains("--source"),
        "{said}"
    );
    assert_eq!(kafka::consume(&sales).len(), 1);
}

/// Letters of records that changed nothing are written once, and not again at each start after a kill: that they were is
/// recorded, in both kinds of sinks that remember.
#[test]
fn letters_do_not_come_again_at_each_start() {
    let (brokers, database) = (service("KAFKA_BROKERS"), postgres::database());
    let (sales, dead, changes) = (
        kafka::topic("sales", 1),
        kafka::topic("dead", 1),
        kafka::unique("changes"),
    );
    let at = |topic: &str| format!("kafka://{brokers}/{topic}");
    let start = || {
        let run = standings(&["run", "--queries", "queries", "--source", &at(&sales)])
            .args(["--sink", &database, "--sink", &at(&changes)])
            .args([
                "--dead-letter",
                &at(&dead),
                "--late",
                &at(&dead_late(&dead)),
            ])
            .spawn();
        Running(run.unwrap())
    };
    kafka::produce(&sales, &[vec![SALE.to_owned()]]);
    let first = start();
    until("the sale is shown", Duration::from_secs(60), || {
        !postgres::rows_of(&database).is_empty()
    });
    let bad: Vec<String> = (0..50).map(|n| format!("no sale {n}")).collect();
    kafka::produce(&sales, &[bad]);
    let prefix = || {
        kafka::block(async {
            let client = postgres::connect(&database).await;
            let row = client
                .query_one("SELECT offsets::text FROM standings_commit", &[])
                .await;
            row.unwrap().get::<_, String>(0)
        })
    };
    until("the letters are recorded", Duration::from_secs(30), || {
        prefix().contains("51")
    });
    drop(first);
    assert_eq!(kafka::consume(&dead).len(), 50);
    for number in 0..2 {
        let again = start();
        kafka::produce(&sales, &[vec![SALE.to_owned(), format!("bad {number}")]]);
        until("it goes on", Duration::from_secs(60), || {
            prefix().contains(&format!("{}", 53 + 2 * number))
        });
        drop(again);
        assert_eq!(kafka::consume(&dead).len(), 51 + number);
    }
}

fn dead_late(dead: &str) -> String {
    format!("{dead}-late")
}

/// Of several tables each letter says its partition by the number within its table.
#[test]
fn a_letter_is_of_a_partition_of_its_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let url = |name: &str| format!("file:{}", path(name).display());
    std::fs::create_dir(path("queries")).unwrap();
    for table in ["one", "two"] {
        let sql = format!(
            "CREATE TABLE {table} (city STRING, n INT) WITH ('format' = 'json');
             SELECT city, SUM(n) AS total FROM {table} GROUP BY city;"
        );
        std::fs::write(path(&format!("queries/of_{table}.sql")), sql).unwrap();
    }
    let good = "{\"city\":\"Porto\",\"n\":1}\n";
    let bad = format!("{good}{{\"city\":\"Porto\",\"n\":\"x\"}}\n");
    let queries = path("queries").display().to_string();
    let (sink, dead) = (url("changes"), url("dead"));
    let mut args = vec!["run", "--queries", &queries, "--until-end"];
    args.extend(["--sink", &sink, "--dead-letter", &dead]);
    let files = [
        ("one", "a", good),
        ("one", "b", &bad),
        ("two", "c", &bad),
        ("two", "d", &bad),
    ];
    let sources = files.map(|(table, name, text)| {
        std::fs::write(path(name), text).unwrap();
        format!("{table}={}", url(name))
    });
    args.extend(sources.iter().flat_map(|s| ["--source", s]));
    crate::support::run(&args);
    let text = std::fs::read_to_string(path("dead")).unwrap();
    let letters = text.lines().map(|line| {
        let letter: serde_json::Value = serde_json::from_str(line).unwrap();
        let table = letter["table"].as_str().unwrap().to_owned();
        (table, letter["partition"].as_u64().unwrap())
    });
    let mut letters: Vec<_> = letters.collect();
    letters.sort();
    let want = [("one", 1), ("two", 0), ("two", 1)].map(|(t, p)| (t.to_owned(), p));
    assert_eq!(letters, want);
}
