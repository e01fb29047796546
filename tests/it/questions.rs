//! `standings check -- run …` asks the source and the sinks what they say, and writes nothing: what a run would fail by
//! later fails here.

use std::time::{Duration, Instant};

use crate::support::kafka::{block, produce, topic, unique};
use crate::support::postgres::{connect, database};
use crate::support::{self, service, standings};

const SALE: &str = r#"{"sale_id":"s1","event_time":1769126400000,"city":"Lisbon","salesman_id":"S1","salesman_name":"Ana","amount":1}"#;

/// Exit code, standard output, standard error.
fn check(before: &[&str], args: &[&str]) -> (Option<i32>, String, String) {
    let output = standings(&["check"])
        .args(before)
        .args(["--", "run", "--queries", "queries"])
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn sql(url: &str, text: &str) {
    block(async { connect(url).await.batch_execute(text).await.unwrap() });
}

fn tables(url: &str) -> i64 {
    block(async {
        let client = connect(url).await;
        let asked = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
        client.query_one(asked, &[]).await.unwrap().get(0)
    })
}

#[test]
fn source_and_sinks_are_asked_and_nothing_is_written() {
    let (from, url, changes) = (topic("sales", 1), database(), unique("changes"));
    produce(&from, &[[SALE, "{", SALE].map(str::to_owned).to_vec()]);
    let brokers = service("KAFKA_BROKERS");
    let (source, to) = (
        format!("kafka://{brokers}/{from}"),
        format!("kafka://{brokers}/{changes}"),
    );
    let args = [
        "--source",
        &source,
        "--sink",
        &url,
        "--sink",
        &to,
        "--late",
        "file:/dev/null",
    ];
    let (code, said, wrong) = check(&[], &args);
    assert_eq!(code, Some(0), "{wrong}");
    for word in [
        "of the first 3 2 would be ranked, 0 late, 1 dead letters",
        "malformed 1, first: partition 0, offset 1",
        "encoding UTF8",
        "will be made: standings_commit",
        "-progress` will be made",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(tables(&url), 0, "something was made");
    let offline = check(&["--offline"], &args).1;
    assert!(
        !offline.contains("encoding") && offline.contains("configuration"),
        "{offline}"
    );

    // After a run all is there.
    support::run(&[&["run", "--queries", "queries", "--until-end"][..], &args].concat());
    let (code, said, wrong) = check(&[], &args);
    assert_eq!(code, Some(0), "{wrong}");
    assert!(
        said.contains("its tables are there") && said.contains("messages of up to 1000000 bytes"),
        "{said}"
    );

    // What a run would fail by.
    let role = unique("role");
    sql(
        &url,
        &format!(
            "CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}; \
        REVOKE DELETE ON top_salesmen FROM {role}"
        ),
    );
    let (_, rest) = url.split_once('@').unwrap();
    let as_role = format!("postgres://{role}@{rest}");
    let ask = |sink: &str| check(&[], &["--source", &source, "--sink", sink]);
    let (code, _, wrong) = ask(&as_role);
    assert!(
        code == Some(2) && wrong.contains("lacks DELETE on the table top_salesmen"),
        "{wrong}"
    );
    sql(
        &url,
        &format!(
            "GRANT DELETE ON top_salesmen TO {role}; ALTER TABLE top_salesmen DROP CONSTRAINT top_salesmen_pkey"
        ),
    );
    let (code, _, wrong) = ask(&as_role);
    assert!(
        code == Some(2) && wrong.contains("top_salesmen has no unique key"),
        "{wrong}"
    );
    sql(&url, "ALTER TABLE top_salesmen DROP COLUMN rank CASCADE");
    let (code, _, wrong) = ask(&as_role);
    assert!(
        code == Some(2) && wrong.contains("has no column rank"),
        "{wrong}"
    );
    // Another topic's database.
    let other = topic("other", 1);
    let (code, _, wrong) = check(
        &[],
        &[
            "--source",
            &format!("kafka://{brokers}/{other}"),
            "--sink",
            &url,
        ],
    );
    assert!(
        code == Some(2) && wrong.contains(&url[url.len() - 8..]),
        "{wrong}"
    );
}

#[test]
fn what_does_not_answer_is_said_in_time() {
    // It takes connections, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in.ndjson");
    std::fs::write(&path, format!("{SALE}\n")).unwrap();
    let source = format!("file:{}", path.display());
    let began = Instant::now();
    let postgres = format!("postgres://u:canary@127.0.0.1:{port}/d?sslmode=disable");
    let (code, said, wrong) = check(&[], &["--source", &source, "--sink", &postgres]);
    assert!(
        code == Some(1) && wrong.contains("no answer within 5 s"),
        "{wrong}"
    );
    assert!(!said.contains("canary") && !wrong.contains("canary"));
    let kafka = format!("kafka://127.0.0.1:{port}/t");
    let (code, _, wrong) = check(&[], &["--source", &source, "--sink", &kafka]);
    assert!(code == Some(1) && wrong.contains("no answer"), "{wrong}");
    assert!(
        began.elapsed() < Duration::from_secs(25),
        "{:?}",
        began.elapsed()
    );
    // Nothing of it would be ranked.
    std::fs::write(&path, "{\nno\n").unwrap();
    let (code, _, wrong) = check(
        &[],
        &["--source", &source, "--sink", "stdout", "--until-end"],
    );
    assert!(
        code == Some(1) && wrong.contains("2 dead letters"),
        "{wrong}"
    );
    let missing = dir.path().join("none").join("late");
    let late = format!("file:{}", missing.display());
    let (code, _, wrong) = check(
        &[],
        &["--source", &source, "--sink", "stdout", "--late", &late],
    );
    assert!(code == Some(2) && wrong.contains("cannot write"), "{wrong}");
}
