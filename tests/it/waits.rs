//! What a run waits for, and how it ends while it waits: with real servers behind proxies, and with ports that take
//! connections and say nothing.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use crate::support::kafka::{block, topic};
use crate::support::postgres::connect;
use crate::support::{self, Bed, free_port, http, service, until};

/// `--stop-timeout` of these tests.
const STOP: Duration = Duration::from_secs(3);
/// What comes by itself; what comes when something was given up.
const SOON: Duration = Duration::from_secs(20);
const LATER: Duration = Duration::from_secs(40);

/// A port that takes connections and never answers.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn sale(n: usize) -> String {
    format!(
        r#"{{"event_time":"2026-01-23T10:00:00Z","sale_id":"{n}","city":"Lisbon","salesman_id":"S1","amount":1}}"#
    )
}

/// A topic of one partition, and this `--stop-timeout`.
fn bed() -> Bed {
    Bed::new("w").topic(1).flags(&["--stop-timeout", "3s"])
}

/// Waits until so many cities are shown.
fn cities(bed: &Bed, n: usize, what: &str, limit: Duration) {
    let is_city = |key: &&(String, i64, Vec<String>)| key.0 == "top_sales_per_city";
    until(what, limit, || {
        bed.rows().keys().filter(is_city).count() == n
    });
}

/// One signal ends it within `--stop-timeout`, whatever is down, and what was waited for is said.
#[test]
fn one_signal_ends_a_run_whatever_is_down() {
    let (_quiet, port) = silent();
    let nobody = free_port();
    let letters = format!("kafka://127.0.0.1:{nobody}/t");
    let states = [
        (
            "postgres refuses",
            bed().sink(format!("postgres://u@127.0.0.1:{nobody}/d")),
        ),
        (
            "postgres says nothing",
            bed().sink(format!("postgres://u@127.0.0.1:{port}/d")),
        ),
        (
            "kafka sink refuses",
            bed().sink(format!("kafka://127.0.0.1:{nobody}/t")),
        ),
        (
            "kafka sink says nothing",
            bed().sink(format!("kafka://127.0.0.1:{port}/t")),
        ),
        (
            "letters refused",
            bed().changes().flags(&["--dead-letter", &letters]),
        ),
    ];
    std::thread::scope(|all| {
        for (what, bed) in states {
            all.spawn(move || {
                let run = bed.start(&[]);
                std::thread::sleep(Duration::from_secs(5));
                let (code, took, text) = run.stop();
                println!("{what}: {took:?}");
                assert_eq!(code, Some(1), "{what}: {text}");
                assert!(took < STOP + Duration::from_millis(500), "{what}: {took:?}");
                let last = text.lines().filter(|l| l.starts_with("error: ")).count();
                assert_eq!(last, 1, "{what}: {text}");
                assert!(text.contains("stopped_uncommitted"), "{what}: {text}");
                assert!(text.contains("waiting for the s"), "{what}: {text}");
            });
        }
    });
}

/// Kafka that was never reached has given nothing: there is nothing that could be lost.
#[test]
fn a_source_that_was_never_reached_holds_up_no_end() {
    let bed = Bed::new("w").source(format!("kafka://127.0.0.1:{}/t", free_port()));
    let run = bed.database().start(&["--stop-timeout", "3s"]);
    std::thread::sleep(Duration::from_secs(10));
    let (code, took, text) = run.stop();
    assert!(took < STOP + Duration::from_secs(1), "{took:?}: {text}");
    assert!(matches!(code, Some(0 | 1)), "{code:?}: {text}");
    let line = text
        .lines()
        .find(|l| l.contains("source_waiting"))
        .unwrap_or_default();
    assert!(
        line.contains("Connection refused") && line.contains("nothing listens there"),
        "{text}"
    );
}

/// A store of snapshots that says nothing, or that is busy, is waited for, and said; a signal ends that.
#[test]
fn a_store_that_does_not_answer_is_waited_for() {
    let (_quiet, port) = silent();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy_port = busy.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in busy.incoming().flatten() {
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(
                b"HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            );
        }
    });
    for (port, cause) in [
        (busy_port, "503"),
        (port, "imed out"),
        (free_port(), "onnection refused"),
    ] {
        let bed = Bed::new("w").topic(1).sink("stdout");
        let mut command = bed.run(&["--state", "s3://b/p"]);
        for (name, value) in [
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}").as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", "k"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_REGION", "us-east-1"),
        ] {
            command.env(name, value);
        }
        let run = bed.spawn(&mut command);
        std::thread::sleep(Duration::from_secs(7));
        let (code, took, text) = run.stop();
        assert!(
            matches!(code, Some(0 | 1)) && took < Duration::from_secs(10),
            "{code:?} {took:?} {text}"
        );
        let line = text
            .lines()
            .find(|l| l.contains("state_waiting"))
            .unwrap_or_default();
        assert!(
            line.contains(cause) && line.contains("s3://b/p"),
            "{cause}: {text}"
        );
    }
}

/// What was read and could not be committed is named, and the next run commits it.
#[test]
fn what_was_not_committed_is_said_and_comes_with_the_next_start() {
    let bed = bed().database_by_proxy();
    bed.send(&[vec![sale(1)]]);
    let first = bed.start(&[]);
    cities(&bed, 1, "the first sale", SOON);
    bed.proxy().cut();
    bed.send(&[vec![sale(2).replace("Lisbon", "Porto")]]);
    std::thread::sleep(Duration::from_secs(2));
    let (code, took, text) = first.stop();
    assert_eq!(code, Some(1), "{text}");
    assert!(took < STOP + Duration::from_millis(500), "{took:?}");
    assert!(
        text.contains("bytes that were read are not committed"),
        "{text}"
    );
    bed.proxy().heal();
    let second = bed.start(&[]);
    cities(&bed, 2, "the second sale", SOON);
    assert_eq!(second.stop().0, Some(0));
}

/// Who gave it a time ends when it is over and says what was not there; what was there once is waited for as ever.
#[test]
fn a_run_that_reaches_nothing_ends_when_it_was_told_to() {
    let limit = ["--connect-timeout", "2s"];
    let nobody = free_port();
    let sink = bed().sink(format!("postgres://u@127.0.0.1:{nobody}/d"));
    let source = Bed::new("w").source(format!("kafka://127.0.0.1:{nobody}/t"));
    for (bed, what) in [
        (sink, "the sink postgres://"),
        (source.database(), "the source"),
    ] {
        let mut run = bed.start(&limit);
        let code = run.wait(SOON);
        let text = run.log();
        assert_eq!(code, Some(1), "{what}: {text}");
        assert!(text.contains("--connect-timeout (2s) is over"), "{text}");
        assert!(text.contains(&format!("waiting for {what}")), "{text}");
        assert!(text.contains("S0005"), "{text}");
    }
    let bed = bed().database_by_proxy();
    bed.send(&[vec![sale(1)]]);
    let mut run = bed.start(&limit);
    cities(&bed, 1, "the first sale", SOON);
    bed.proxy().cut();
    bed.send(&[vec![sale(2).replace("Lisbon", "Porto")]]);
    std::thread::sleep(Duration::from_secs(6));
    assert!(run.goes_on(), "it has begun");
    bed.proxy().heal();
    cities(&bed, 2, "the second sale", LATER);
    assert_eq!(run.stop().0, Some(0));
}

/// A terminal and a supervisor pass on what a person did once; a hangup is asked for the same.
#[test]
fn two_signals_at_once_are_one_and_a_later_one_ends_at_once() {
    for how in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT] {
        let run = bed().database().start(&[]);
        std::thread::sleep(Duration::from_secs(2));
        run.signal(libc::SIGINT);
        let (code, _, text) = run.stop_by(how);
        assert_eq!(code, Some(0), "{text}");
    }
    let sink = format!("postgres://u@127.0.0.1:{}/d", free_port());
    let bed = Bed::new("w").topic(1).sink(sink);
    let run = bed.start(&["--stop-timeout", "20s"]);
    std::thread::sleep(Duration::from_secs(2));
    run.signal(libc::SIGTERM);
    std::thread::sleep(Duration::from_millis(500));
    let (code, took, text) = run.stop();
    assert!(
        code == Some(1) && took < Duration::from_secs(3),
        "{took:?} {text}"
    );
    assert!(
        text.contains("stopped before everything was committed"),
        "{text}"
    );
}

/// Connections that carry nothing any more are given up, and commits go on by new ones.
#[test]
fn connections_that_went_silent_are_given_up() {
    let bed = bed().database_by_proxy();
    bed.send(&[vec![sale(1)]]);
    let run = bed.start(&["--runs-interval", "0s"]);
    cities(&bed, 1, "the first sale", SOON);
    bed.proxy().strand();
    bed.send(&[vec![sale(2).replace("Lisbon", "Porto")]]);
    cities(&bed, 2, "commits by a new connection", LATER);
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");
    let line = text
        .lines()
        .find(|l| l.contains("sink_waiting"))
        .unwrap_or_default();
    assert!(
        line.contains("was not answered within 10s; given up"),
        "{text}"
    );
}

/// A connection that went silent in the midst of a commit may hold at the server what the next one needs: it is ended there.
#[test]
fn what_a_silent_connection_left_open_is_ended() {
    let bed = bed().database_by_proxy();
    bed.send(&[vec![sale(1)]]);
    let run = bed.start(&["--runs-interval", "0s"]);
    cities(&bed, 1, "the first sale", SOON);
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN PERFORM pg_sleep(3); RETURN NEW; END $$;
        CREATE TRIGGER slow BEFORE INSERT ON top_sales_per_city FOR EACH ROW EXECUTE FUNCTION slow()";
    block(async {
        connect(bed.postgres())
            .await
            .batch_execute(slow)
            .await
            .unwrap()
    });
    bed.send(&[vec![sale(2).replace("Lisbon", "Porto")]]);
    until("rows on their way", Duration::from_secs(20), || {
        let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
        block(async { connect(bed.postgres()).await.query_one(sleeps, &[]).await })
            .is_ok_and(|row| row.get::<_, i64>(0) > 0)
    });
    bed.proxy().strand();
    cities(&bed, 2, "commits by a new connection", LATER);
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");
}

/// `/readyz` says for what it waits, and why.
#[test]
fn readyz_says_what_is_waited_for() {
    let (_quiet, port) = silent();
    for (sink, cause) in [
        (
            format!("postgres://u@127.0.0.1:{}/d", free_port()),
            "nothing listens there",
        ),
        (
            format!("postgres://u@127.0.0.1:{port}/d"),
            "the connection leads nowhere",
        ),
    ] {
        let bed = bed().sink(sink.clone()).http();
        let _run = bed.start(&[]);
        let mut said = String::new();
        until("the cause at /readyz", Duration::from_secs(20), || {
            let answer = http::request("GET", bed.address(), "/readyz", "");
            said = answer.map_or(String::new(), |(status, text)| format!("{status} {text}"));
            said.starts_with("503") && said.contains(cause)
        });
        let name = sink.replace("u@", "");
        assert!(
            said.contains(&format!("waiting for the sink {name} since 20")),
            "{said}"
        );
    }
}

/// What a server refuses for a while is waited for: a statement's time, a server that only reads, a login.
#[test]
fn what_passes_is_waited_for() {
    let own = Bed::new("w").topic(1).database();
    let (base, database) = own.postgres().rsplit_once('/').unwrap();
    let role = database.replace("test", "role");
    let say = |sql: &str| {
        let main = service("POSTGRES_URL");
        block(async { connect(&main).await.batch_execute(sql).await.unwrap() });
    };
    say(&format!("CREATE ROLE {role} LOGIN SUPERUSER"));
    let (scheme, rest) = base.split_once("://").unwrap();
    let host = rest.rsplit('@').next().unwrap();
    let sink = format!("{scheme}://{role}@{host}/{database}");
    own.send(&[vec![sale(1)]]);
    let bed = Bed::new("w").source(own.source_url()).sink(sink);
    let run = bed.start(&["--stop-timeout", "3s"]);
    cities(&own, 1, "the first sale", SOON);
    let kill =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'");
    let states = [
        (
            "login",
            format!("ALTER ROLE {role} NOLOGIN"),
            format!("ALTER ROLE {role} LOGIN"),
            "(28000)",
        ),
        (
            "reads only",
            format!("ALTER ROLE {role} SET default_transaction_read_only = on"),
            format!("ALTER ROLE {role} RESET ALL"),
            "(25006)",
        ),
        (
            "too short a time",
            format!("ALTER ROLE {role} SET statement_timeout = 1"),
            format!("ALTER ROLE {role} RESET ALL"),
            "(57014)",
        ),
    ];
    let mut others = ["Porto", "Braga", "Faro"].iter();
    for (n, (what, refuse, allow, _)) in states.iter().enumerate() {
        say(refuse);
        say(&kill);
        let more = sale(n + 2).replace("Lisbon", others.next().unwrap());
        own.send(&[vec![more]]);
        std::thread::sleep(Duration::from_secs(3));
        say(allow);
        // The connection has the settings that it was made with.
        say(&kill);
        cities(&own, n + 2, what, LATER);
    }
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");
    for (what, _, _, code) in &states[..2] {
        assert!(text.contains(code), "{what}: {text}");
    }
}

/// A password that is another one now is read anew from its file; a login that was never taken is wrong usage, as before.
#[test]
fn a_secret_that_was_changed_is_read_anew() {
    let own = Bed::new("w").topic(1).database();
    let (base, database) = own.postgres().rsplit_once('/').unwrap();
    let (scheme, rest) = base.split_once("://").unwrap();
    let host = rest.rsplit('@').next().unwrap().to_owned();
    let (old, new) = (
        database.replace("test", "old"),
        database.replace("test", "new"),
    );
    let say = |sql: String| {
        let main = service("POSTGRES_URL");
        block(async { connect(&main).await.batch_execute(&sql).await.unwrap() });
    };
    say(format!(
        "CREATE ROLE {old} LOGIN SUPERUSER; CREATE ROLE {new} LOGIN SUPERUSER"
    ));
    let file = own.path("sink");
    let sink = |role: &str| format!("{scheme}://{role}@{host}/{database}\n");
    std::fs::write(&file, sink(&old)).unwrap();
    own.send(&[vec![sale(1)]]);
    let bed = Bed::new("w").source(own.source_url());
    let mut command = bed.run(&[]);
    command.env("STANDINGS_SINK_FILE", &file);
    let run = bed.spawn(&mut command);
    cities(&own, 1, "the first sale", SOON);
    say(format!(
        "ALTER ROLE {old} NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{old}'"
    ));
    own.send(&[vec![sale(2).replace("Lisbon", "Porto")]]);
    std::thread::sleep(Duration::from_secs(2));
    std::fs::write(&file, sink(&new)).unwrap();
    cities(&own, 2, "commits by the new login", SOON);
    assert_eq!(run.stop().0, Some(0));
    std::fs::write(&file, sink(&old)).unwrap();
    let mut run = bed.spawn(&mut command);
    assert_eq!(run.wait(LATER), Some(2), "{}", run.log());
}

/// A topic of dead letters that is deleted is made again: commits do not wait for it for ever.
#[test]
fn a_topic_of_dead_letters_that_is_gone_is_made_again() {
    let dead = topic("dead", 1);
    let letters = format!("kafka://{}/{dead}", service("KAFKA_BROKERS"));
    let bed = bed().database().flags(&["--dead-letter", &letters]);
    bed.send(&[vec![sale(1), "no sale".to_owned()]]);
    let run = bed.start(&[]);
    cities(&bed, 1, "the first sale", SOON);
    support::kafka::delete(&dead);
    std::thread::sleep(Duration::from_secs(1));
    let more = vec![
        "no sale either".to_owned(),
        sale(2).replace("Lisbon", "Porto"),
    ];
    bed.send(&[more]);
    cities(&bed, 2, "the second sale", Duration::from_secs(60));
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");
    let letters = support::kafka::consume(&dead);
    assert!(
        letters.iter().any(|l| l.contains("no sale either")),
        "{letters:?}"
    );
}
