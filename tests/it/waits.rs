//! What a run waits for, and how it ends while it waits: with real servers behind proxies, and with ports that take
//! connections and say nothing.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::kafka::{block, produce, topic};
use crate::support::postgres::{connect, database, rows_of};
use crate::support::proxy::Proxy;
use crate::support::{self, Running, free_port, http, service, standings, until};

/// `--stop-timeout` of these tests.
const STOP: Duration = Duration::from_secs(3);

fn signal(child: &Child, signal: i32) {
    // SAFETY: the child has not been waited for, so its process id is still its own.
    unsafe { libc::kill(child.id() as i32, signal) };
}

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

fn source(name: &str) -> String {
    format!("kafka://{}/{name}", service("KAFKA_BROKERS"))
}

/// A run that has begun.
fn run(source: &str, sink: &str, more: &[&str]) -> Running {
    let mut command = standings(&["run", "--queries", "queries", "--source", source]);
    command
        .args(["--sink", sink])
        .env("STANDINGS_STOP_TIMEOUT", "3s");
    let child = command.args(more).stdout(Stdio::null());
    Running(child.stderr(Stdio::piped()).spawn().unwrap())
}

/// Asks it to stop: the exit code, how long it took, and what it said.
fn stop(mut run: Running, how: i32) -> (Option<i32>, Duration, String) {
    signal(&run.0, how);
    let asked = Instant::now();
    until("an end after a signal", Duration::from_secs(30), || {
        run.0.try_wait().unwrap().is_some()
    });
    let took = asked.elapsed();
    let mut text = String::new();
    run.0
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    (run.0.wait().unwrap().code(), took, text)
}

fn count(url: &str) -> i64 {
    let shown = rows_of(url);
    let counts = shown
        .into_iter()
        .filter(|(key, _)| format!("{key:?}").contains("top_sales_per_city"));
    counts.count() as i64
}

/// A proxy before a database's server, and the database's address by it.
fn behind_proxy(url: &str) -> (Proxy, String) {
    let server = url
        .split(['@', '/'])
        .find(|part| part.contains(':') && part.contains('.'));
    let server = server.unwrap().to_owned();
    let proxy = Proxy::to(server.clone());
    let through = url.replace(&server, &format!("127.0.0.1:{}", proxy.port));
    (proxy, through)
}

/// One signal ends it within `--stop-timeout`, whatever is down, and what was waited for is said.
#[test]
fn one_signal_ends_a_run_whatever_is_down() {
    let brokers = service("KAFKA_BROKERS");
    let (_quiet, port) = silent();
    let nobody = free_port();
    let states: Vec<(&str, String, String, Vec<String>)> = vec![
        (
            "postgres refuses",
            source(&topic("w", 1)),
            format!("postgres://u@127.0.0.1:{nobody}/d"),
            vec![],
        ),
        (
            "postgres says nothing",
            source(&topic("w", 1)),
            format!("postgres://u@127.0.0.1:{port}/d"),
            vec![],
        ),
        (
            "kafka sink refuses",
            source(&topic("w", 1)),
            format!("kafka://127.0.0.1:{nobody}/t"),
            vec![],
        ),
        (
            "kafka sink says nothing",
            source(&topic("w", 1)),
            format!("kafka://127.0.0.1:{port}/t"),
            vec![],
        ),
        (
            "letters refused",
            source(&topic("w", 1)),
            format!("kafka://{brokers}/{}", topic("w", 1)),
            vec![
                "--dead-letter".to_owned(),
                format!("kafka://127.0.0.1:{nobody}/t"),
            ],
        ),
    ];
    std::thread::scope(|all| {
        for (what, source, sink, more) in &states {
            all.spawn(move || {
                let mut command = standings(&["run", "--queries", "queries", "--source", source]);
                command
                    .args(["--sink", sink, "--stop-timeout", "3s"])
                    .args(more);
                let run = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
                std::thread::sleep(Duration::from_secs(5));
                let (code, took, text) = stop(Running(run.unwrap()), libc::SIGTERM);
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
    let run = run(
        &format!("kafka://127.0.0.1:{}/t", free_port()),
        &database(),
        &[],
    );
    std::thread::sleep(Duration::from_secs(10));
    let (code, took, text) = stop(run, libc::SIGTERM);
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
        let mut command = standings(&[
            "run",
            "--queries",
            "queries",
            "--source",
            &source(&topic("w", 1)),
        ]);
        command
            .args(["--sink", "stdout", "--state", "s3://b/p"])
            .stdout(Stdio::null());
        for (name, value) in [
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}").as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", "k"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_REGION", "us-east-1"),
        ] {
            command.env(name, value);
        }
        let run = Running(command.stderr(Stdio::piped()).spawn().unwrap());
        std::thread::sleep(Duration::from_secs(7));
        let (code, took, text) = stop(run, libc::SIGTERM);
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
    let (url, name) = (database(), topic("w", 1));
    let (proxy, through) = behind_proxy(&url);
    produce(&name, &[vec![sale(1)]]);
    let first = run(&source(&name), &through, &[]);
    until("the first sale", Duration::from_secs(20), || {
        count(&url) == 1
    });
    proxy.cut();
    produce(&name, &[vec![sale(2).replace("Lisbon", "Porto")]]);
    std::thread::sleep(Duration::from_secs(2));
    let (code, took, text) = stop(first, libc::SIGTERM);
    assert_eq!(code, Some(1), "{text}");
    assert!(took < STOP + Duration::from_millis(500), "{took:?}");
    assert!(
        text.contains("bytes that were read are not committed"),
        "{text}"
    );
    let second = run(&source(&name), &url, &[]);
    until("the second sale", Duration::from_secs(20), || {
        count(&url) == 2
    });
    assert_eq!(stop(second, libc::SIGTERM).0, Some(0));
}

/// A terminal and a supervisor pass on what a person did once; a hangup is asked for the same.
#[test]
fn two_signals_at_once_are_one_and_a_later_one_ends_at_once() {
    let name = topic("w", 1);
    for how in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT] {
        let run = run(&source(&name), &database(), &[]);
        std::thread::sleep(Duration::from_secs(2));
        signal(&run.0, libc::SIGINT);
        let (code, _, text) = stop(run, how);
        assert_eq!(code, Some(0), "{text}");
    }
    let sink = format!("postgres://u@127.0.0.1:{}/d", free_port());
    let run = run(&source(&name), &sink, &["--stop-timeout", "20s"]);
    std::thread::sleep(Duration::from_secs(2));
    signal(&run.0, libc::SIGTERM);
    std::thread::sleep(Duration::from_millis(500));
    let (code, took, text) = stop(run, libc::SIGTERM);
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
    let (url, name) = (database(), topic("w", 1));
    let (proxy, through) = behind_proxy(&url);
    produce(&name, &[vec![sale(1)]]);
    let run = run(&source(&name), &through, &["--runs-interval", "0s"]);
    until("the first sale", Duration::from_secs(20), || {
        count(&url) == 1
    });
    proxy.strand();
    produce(&name, &[vec![sale(2).replace("Lisbon", "Porto")]]);
    until(
        "commits by a new connection",
        Duration::from_secs(30),
        || count(&url) == 2,
    );
    let (code, _, text) = stop(run, libc::SIGTERM);
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
    let (url, name) = (database(), topic("w", 1));
    let (proxy, through) = behind_proxy(&url);
    produce(&name, &[vec![sale(1)]]);
    let run = run(&source(&name), &through, &["--runs-interval", "0s"]);
    until("the first sale", Duration::from_secs(20), || {
        count(&url) == 1
    });
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN PERFORM pg_sleep(3); RETURN NEW; END $$;
        CREATE TRIGGER slow BEFORE INSERT ON top_sales_per_city FOR EACH ROW EXECUTE FUNCTION slow()";
    block(async { connect(&url).await.batch_execute(slow).await.unwrap() });
    produce(&name, &[vec![sale(2).replace("Lisbon", "Porto")]]);
    until("rows on their way", Duration::from_secs(20), || {
        let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
        block(async { connect(&url).await.query_one(sleeps, &[]).await })
            .is_ok_and(|row| row.get::<_, i64>(0) > 0)
    });
    proxy.strand();
    until(
        "commits by a new connection",
        Duration::from_secs(40),
        || count(&url) == 2,
    );
    let (code, _, text) = stop(run, libc::SIGTERM);
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
        let address = format!("127.0.0.1:{}", free_port());
        let _run = run(&source(&topic("w", 1)), &sink, &["--http", &address]);
        let mut said = String::new();
        until("the cause at /readyz", Duration::from_secs(20), || {
            let answer = http::request("GET", &address, "/readyz", "");
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
    let (url, name) = (database(), topic("w", 1));
    let (base, database) = url.rsplit_once('/').unwrap();
    let role = database.replace("test", "role");
    let say = |sql: &str| {
        let main = service("POSTGRES_URL");
        block(async { connect(&main).await.batch_execute(sql).await.unwrap() });
    };
    say(&format!("CREATE ROLE {role} LOGIN SUPERUSER"));
    let (scheme, rest) = base.split_once("://").unwrap();
    let host = rest.rsplit('@').next().unwrap();
    let sink = format!("{scheme}://{role}@{host}/{database}");
    produce(&name, &[vec![sale(1)]]);
    let run = run(&source(&name), &sink, &[]);
    until("the first sale", Duration::from_secs(20), || {
        count(&url) == 1
    });
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
    let mut cities = ["Porto", "Braga", "Faro"].iter();
    for (n, (what, refuse, allow, _)) in states.iter().enumerate() {
        say(refuse);
        say(&kill);
        let more = sale(n + 2).replace("Lisbon", cities.next().unwrap());
        produce(&name, &[vec![more]]);
        std::thread::sleep(Duration::from_secs(3));
        say(allow);
        // The connection has the settings that it was made with.
        say(&kill);
        until(what, Duration::from_secs(30), || {
            count(&url) == n as i64 + 2
        });
    }
    let (code, _, text) = stop(run, libc::SIGTERM);
    assert_eq!(code, Some(0), "{text}");
    for (what, _, _, code) in &states[..2] {
        assert!(text.contains(code), "{what}: {text}");
    }
}

/// A password that is another one now is read anew from its file; a login that was never taken is wrong usage, as before.
#[test]
fn a_secret_that_was_changed_is_read_anew() {
    let (url, name) = (database(), topic("w", 1));
    let (base, database) = url.rsplit_once('/').unwrap();
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
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sink");
    let sink = |role: &str| format!("{scheme}://{role}@{host}/{database}\n");
    std::fs::write(&file, sink(&old)).unwrap();
    produce(&name, &[vec![sale(1)]]);
    let mut command = standings(&["run", "--queries", "queries", "--source", &source(&name)]);
    command
        .env("STANDINGS_SINK_FILE", &file)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let run = Running(command.spawn().unwrap());
    until("the first sale", Duration::from_secs(20), || {
        count(&url) == 1
    });
    say(format!(
        "ALTER ROLE {old} NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{old}'"
    ));
    produce(&name, &[vec![sale(2).replace("Lisbon", "Porto")]]);
    std::thread::sleep(Duration::from_secs(2));
    std::fs::write(&file, sink(&new)).unwrap();
    until("commits by the new login", Duration::from_secs(20), || {
        count(&url) == 2
    });
    assert_eq!(stop(run, libc::SIGTERM).0, Some(0));
    std::fs::write(&file, sink(&old)).unwrap();
    let out = command.output().unwrap();
    assert_eq!(
        out.status.code(),
        Some(2),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

/// A topic of dead letters that is deleted is made again: commits do not wait for it for ever.
#[test]
fn a_topic_of_dead_letters_that_is_gone_is_made_again() {
    let (url, name, dead) = (database(), topic("w", 1), topic("dead", 1));
    let letters = source(&dead);
    produce(&name, &[vec![sale(1), "no sale".to_owned()]]);
    let run = run(&source(&name), &url, &["--dead-letter", &letters]);
    until("the first sale", Duration::from_secs(20), || {
        count(&url) == 1
    });
    support::kafka::delete(&dead);
    std::thread::sleep(Duration::from_secs(1));
    let more = vec![
        "no sale either".to_owned(),
        sale(2).replace("Lisbon", "Porto"),
    ];
    produce(&name, &[more]);
    until("the second sale", Duration::from_secs(60), || {
        count(&url) == 2
    });
    let (code, _, text) = stop(run, libc::SIGTERM);
    assert_eq!(code, Some(0), "{text}");
    let letters = support::kafka::consume(&dead);
    assert!(
        letters.iter().any(|l| l.contains("no sale either")),
        "{letters:?}"
    );
}
