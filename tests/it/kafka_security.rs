//! A real broker behind TLS: SCRAM, PLAIN and client certificates; source, changes, late sales and dead letters all go
//! through, what is wrong is said in one line, and so is a right that the broker's access lists do not give.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::kafka::{consume_at, unique};
use crate::support::{Dice, fold, reference, sales, standings, until};
use serde_json::Value;

use broker::*;

mod broker;
mod refused;

const LIMIT: Duration = Duration::from_secs(40);

/// What docs/security.md says that a user needs; without one of them, one line says which.
fn access_lists(dir: &Path, ca: &str, file: &str, address: &dyn Fn(&str) -> String) {
    let own = address("KAFKA_OWN");
    let properties = |user: &str| {
        settings(
            dir,
            &[
                ("security.protocol", "SASL_SSL"),
                ("sasl.mechanism", "PLAIN"),
                ("sasl.username", user),
                ("sasl.password", "correct horse"),
                ("ssl.ca.location", ca),
            ],
        )
    };
    let url = |topic: &str| format!("kafka://{}/{topic}", address("KAFKA_SASL_SSL"));
    let made = standings(&["load", "replay", file, "--partitions", "1", "--to"])
        .arg(format!("kafka://{own}/acl_sales"))
        .output()
        .unwrap();
    assert!(made.status.success());

    let (topic, id) = (
        Resource::RD_KAFKA_RESOURCE_TOPIC,
        Resource::RD_KAFKA_RESOURCE_TRANSACTIONAL_ID,
    );
    let (read, write, describe) = (
        Operation::RD_KAFKA_ACL_OPERATION_READ,
        Operation::RD_KAFKA_ACL_OPERATION_WRITE,
        Operation::RD_KAFKA_ACL_OPERATION_DESCRIBE,
    );
    // The user, which right it lacks (on what, of its own topics), and the words that say so.
    let users: [(&str, &str, Operation, &[&str]); 10] = [
        ("all", "", read, &[]),
        ("no_group", "standings", read, &[]),
        ("no_source", "acl_sales", read, &["READ", "`acl_sales`"]),
        ("only_describe", "acl_sales", read, &["READ", "`acl_sales`"]),
        (
            "no_write",
            "changes",
            write,
            &["WRITE", "no_write_changes`"],
        ),
        (
            "no_id",
            "id",
            write,
            &["WRITE", "transactional id `standings-no_id_changes`"],
        ),
        (
            "no_second_id",
            "id:2",
            write,
            &[
                "WRITE",
                "transactional id `standings-no_second_id_changes:2`",
            ],
        ),
        ("no_dead", "dead", write, &["WRITE", "`no_dead_dead`"]),
        (
            "no_back",
            "changes-progress",
            read,
            &["READ", "`no_back_changes-progress`"],
        ),
        (
            "no_create",
            "changes",
            write,
            &["CREATE", "`no_create_changes`"],
        ),
    ];
    let (mut lists, mut topics) = (Vec::new(), Vec::new());
    for (user, lacks, right, _) in users {
        let group = Resource::RD_KAFKA_RESOURCE_GROUP;
        let wants = [
            (topic, "acl_sales", read),
            (group, "standings", read),
            (topic, "changes", write),
            (topic, "changes", read),
            (topic, "changes-progress", write),
            (topic, "changes-progress", read),
            (id, "id", write),
            (id, "id:2", write),
            (topic, "late", write),
            (topic, "dead", write),
        ];
        for (resource, name, operation) in wants {
            let full = match name {
                "id" => format!("standings-{user}_changes"),
                "id:2" => format!("standings-{user}_changes:2"),
                "acl_sales" | "standings" => name.to_owned(),
                _ => format!("{user}_{name}"),
            };
            let is_missing = user == "no_create" && name == "changes";
            if resource == topic && name != "acl_sales" && !is_missing && !topics.contains(&full) {
                topics.push(full.clone());
            }
            if (name, operation) != (lacks, right) && !is_missing {
                lists.push((user, resource, full, operation));
            }
        }
    }
    lists.push(("only_describe", topic, "acl_sales".to_owned(), describe));
    let names: Vec<_> = topics.iter().map(String::as_str).collect();
    make(&own, &names);
    allow(&own, &lists);

    let run = |user: &str, properties: &str, more: &[&str]| {
        let topic = |name: &str| url(&format!("{user}_{name}"));
        let mut command =
            standings_with(properties, &["run", "--queries", "queries", "--until-end"]);
        command.args(["--source", &url("acl_sales"), "--sink", &topic("changes")]);
        command.args(["--late", &topic("late"), "--dead-letter", &topic("dead")]);
        command.args(more);
        command
    };
    // Only what is there can be read back.
    let out = run("no_back", &properties("standings"), &[])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{text}");
    let began = Instant::now();
    let running: Vec<_> = users
        .iter()
        .map(|(user, ..)| run(user, &properties(user), &[]).spawn().unwrap())
        .collect();
    for (child, (user, _, _, words)) in running.into_iter().zip(users) {
        let out = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&out.stderr);
        let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("error: ")).collect();
        println!(
            "{user}: {:?} after {:?} {errors:?}",
            out.status.code(),
            began.elapsed()
        );
        if words.is_empty() {
            assert!(out.status.success(), "{user}: {text}");
            assert_eq!(
                text.contains("group_commit_failed"),
                user == "no_group",
                "{user}: {text}"
            );
            continue;
        }
        assert_eq!(
            (out.status.code(), errors.len()),
            (Some(1), 1),
            "{user}: {text}"
        );
        for word in words {
            assert!(errors[0].contains(word), "{user}: {word}: {text}");
        }
    }
    // Again: what was written is read back; and without transactions.
    for more in [&[][..], &["--delivery", "at-least-once"]] {
        let out = run("all", &properties("all"), more).output().unwrap();
        let text = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{text}");
    }
}

#[test]
fn a_secured_broker() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (trusted, other) = (authority("ours"), authority("another"));
    let write = |name: &str, text: &str| {
        std::fs::write(dir.join(name), text).unwrap();
        dir.join(name).display().to_string()
    };
    let (key, cert) = certificate(&trusted, "localhost");
    write("broker.pem", &format!("{key}{cert}"));
    let ca = write("ca.pem", &trusted.pem());
    let other_ca = write("other.pem", &other.pem());
    let _ends = Ends::later();
    let address = broker(dir);

    let lines = sales(&mut Dice::new(41), 1500, 1_769_126_400_000, 20_000);
    let file = write("sales.ndjson", &lines.join("\n"));
    let want = reference(std::slice::from_ref(&lines), 60_000, 3_600_000).rows;
    let scram = |password: &'static str, ca: &str| {
        let mechanism = if password == "plain" {
            "PLAIN"
        } else {
            "SCRAM-SHA-512"
        };
        let password = if password == "plain" {
            "correct horse"
        } else {
            password
        };
        settings(
            dir,
            &[
                ("security.protocol", "SASL_SSL"),
                ("sasl.mechanism", mechanism),
                ("sasl.username", "standings"),
                ("sasl.password", password),
                ("ssl.ca.location", ca),
            ],
        )
    };
    let mutual = |identity: Option<&Authority>| {
        let mut lines = vec![
            ("security.protocol", "SSL".to_owned()),
            ("ssl.ca.location", ca.clone()),
        ];
        if let Some(by) = identity {
            let (key, cert) = certificate(by, "client");
            lines.push(("ssl.key.location", write(&unique("key"), &key)));
            lines.push(("ssl.certificate.location", write(&unique("cert"), &cert)));
        }
        let lines: Vec<_> = lines.iter().map(|(k, v)| (*k, v.as_str())).collect();
        settings(dir, &lines)
    };

    // What is right works: load, source, sink, late sales and dead letters.
    for (name, protocol, properties) in [
        ("scram", "KAFKA_SASL_SSL", scram("correct horse", &ca)),
        ("plain", "KAFKA_SASL_SSL", scram("plain", &ca)),
        ("mutual", "KAFKA_SSL", mutual(Some(&trusted))),
    ] {
        let url = |topic: &str| format!("kafka://{}/{name}_{topic}", address(protocol));
        let text = std::fs::read_to_string(&properties).unwrap();
        let flags: Vec<String> = text
            .lines()
            .flat_map(|l| ["--kafka-property".to_owned(), l.to_owned()])
            .collect();
        let made = standings(&[
            "load",
            "replay",
            &file,
            "--to",
            &url("sales"),
            "--partitions",
            "1",
        ])
        .args(&flags)
        .output()
        .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let out = standings_with(
            &properties,
            &[
                "run",
                "--queries",
                "queries",
                "--until-end",
                "--source",
                &url("sales"),
            ],
        )
        .args([
            "--sink",
            &url("changes"),
            "--late",
            &url("late"),
            "--dead-letter",
            &url("dead"),
        ])
        .output()
        .unwrap();
        let text = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{name}: {text}");
        assert!(!text.contains("correct horse"), "{text}");
        let changes = consume_at(&address("KAFKA_OWN"), &format!("{name}_changes"));
        let shown: Vec<&str> = changes
            .iter()
            .map(String::as_str)
            .filter(|l| {
                serde_json::from_str::<Value>(l)
                    .unwrap()
                    .get("ranking")
                    .is_some()
            })
            .collect();
        assert!(fold(shown.into_iter()).0 == want, "{name}");
        assert!(!consume_at(&address("KAFKA_OWN"), &format!("{name}_dead")).is_empty());
    }

    access_lists(dir, &ca, &file, &address);

    // What is wrong ends it with one line.
    let source = |protocol: &str| format!("kafka://{}/scram_sales", address(protocol));
    let mut running = Vec::new();
    for (what, protocol, properties, word) in [
        (
            "password",
            "KAFKA_SASL_SSL",
            scram("wrong", &ca),
            "uthentication",
        ),
        (
            "authority",
            "KAFKA_SASL_SSL",
            scram("correct horse", &other_ca),
            "ssl.ca.location",
        ),
        (
            "no certificate",
            "KAFKA_SSL",
            mutual(None),
            "ssl.certificate.location",
        ),
        (
            "certificate of another",
            "KAFKA_SSL",
            mutual(Some(&other)),
            "ssl.certificate.location",
        ),
    ] {
        for side in ["source", "sink"] {
            let (from, to) = match side {
                "source" => (source(protocol), "stdout".to_owned()),
                _ => (
                    format!("file:{file}"),
                    format!("kafka://{}/changes", address(protocol)),
                ),
            };
            let args = [
                "run",
                "--queries",
                "queries",
                "--source",
                &from,
                "--sink",
                &to,
            ];
            // A client says each second why it is not let in. A pipe that nobody reads meanwhile would be full in the end, and
            // then the process waits for its reader instead of ending.
            let log = dir.join(format!("{what}, {side}.log"));
            let child = standings_with(&properties, &args)
                .stdout(Stdio::null())
                .stderr(std::fs::File::create(&log).unwrap())
                .spawn()
                .unwrap();
            running.push((format!("{what}, {side}"), word, child, log));
        }
    }
    // All at once: each asks for seconds before it is sure.
    let began = Instant::now();
    for (what, word, mut child, log) in running {
        let mut code = None;
        // Each time that it asks takes a dozen seconds, and may hear of nothing but a lost connection.
        until(&format!("refused: {what}"), 3 * LIMIT, || {
            code = child.try_wait().unwrap();
            code.is_some()
        });
        let text = std::fs::read_to_string(log).unwrap();
        let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{what}: {text}");
        assert!(errors[0].contains(word), "{what}: {text}");
        assert!(
            matches!(code.unwrap().code(), Some(1 | 2)),
            "{what}: {text}"
        );
        assert!(
            !text.contains("correct horse") && !text.contains("=wrong"),
            "{text}"
        );
        println!(
            "{what}: {:?} after {:?}, {} bytes of log",
            errors[0],
            began.elapsed(),
            text.len()
        );
    }
}
