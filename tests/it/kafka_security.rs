//! A real broker behind TLS: SCRAM, PLAIN and client certificates; source, changes, late sales and dead letters all go
//! through, what is wrong is said in one line, and so is a right that the broker's access lists do not give.

use std::ffi::CString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::kafka::{block, consume_at, unique};
use crate::support::{Dice, fold, reference, sales, standings, until};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::bindings as rdsys;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use serde_json::Value;

use rdsys::rd_kafka_AclOperation_t as Operation;
use rdsys::rd_kafka_ResourceType_t as Resource;

const LIMIT: Duration = Duration::from_secs(40);

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    // OpenSSL takes a certificate whose subject is its issuer's for one that signed itself.
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Key and certificate for a name.
fn certificate(by: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (
        key.serialize_pem(),
        params.signed_by(&key, by).unwrap().pem(),
    )
}

/// Ends the broker.
struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = Command::new("deploy/services")
            .arg("no-secure-kafka")
            .status();
    }
}

/// Started with `deploy/services`; its ports by name.
fn broker(dir: &Path) -> impl Fn(&str) -> String {
    let out = Command::new("deploy/services")
        .args(["secure-kafka", &dir.display().to_string()])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(out.status.success(), "no broker");
    let text = String::from_utf8(out.stdout).unwrap();
    move |name| {
        let mut lines = text.lines().filter_map(|l| l.split_once('='));
        lines.find(|(n, _)| *n == name).unwrap().1.to_owned()
    }
}

/// A file of settings, as one with secrets is given.
fn settings(dir: &Path, lines: &[(&str, &str)]) -> String {
    let path = dir.join(format!("{}.properties", unique("client")));
    let text: String = lines.iter().map(|(k, v)| format!("{k}={v}\n")).collect();
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn standings_with(properties: &str, args: &[&str]) -> Command {
    let mut command = standings(args);
    command
        .args(["--kafka-properties", properties])
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Access lists: (user, kind of resource, name, operation), all allowed.
fn allow(brokers: &str, lists: &[(&str, Resource, String, Operation)]) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .unwrap();
    let client = admin.inner().native_ptr();
    let text = |text: &str| CString::new(text).unwrap();
    let mut why = [0; 200];
    // SAFETY: librdkafka's documented calls for making access lists, each on what the one before returned; the texts
    // outlive the calls that copy them, and everything is given back once.
    unsafe {
        let queue = rdsys::rd_kafka_queue_new(client);
        let kind = rdsys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATEACLS;
        let options = rdsys::rd_kafka_AdminOptions_new(client, kind);
        let mut made: Vec<_> = lists
            .iter()
            .map(|(user, resource, name, operation)| {
                let (name, host) = (text(name), text("*"));
                let user = text(&format!("User:{user}"));
                rdsys::rd_kafka_AclBinding_new(
                    *resource,
                    name.as_ptr(),
                    rdsys::rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_LITERAL,
                    user.as_ptr(),
                    host.as_ptr(),
                    *operation,
                    rdsys::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
                    why.as_mut_ptr(),
                    why.len(),
                )
            })
            .collect();
        assert!(made.iter().all(|one| !one.is_null()));
        rdsys::rd_kafka_CreateAcls(client, made.as_mut_ptr(), made.len(), options, queue);
        let event = rdsys::rd_kafka_queue_poll(queue, 20_000);
        assert!(!event.is_null(), "no answer");
        let result = rdsys::rd_kafka_event_CreateAcls_result(event);
        let mut count = 0;
        let each = rdsys::rd_kafka_CreateAcls_result_acls(result, &mut count);
        assert_eq!(count, lists.len());
        for (i, list) in lists.iter().enumerate() {
            let error = rdsys::rd_kafka_acl_result_error(*each.add(i));
            assert!(error.is_null(), "{list:?} is refused");
        }
        rdsys::rd_kafka_event_destroy(event);
        rdsys::rd_kafka_AclBinding_destroy_array(made.as_mut_ptr(), made.len());
        rdsys::rd_kafka_AdminOptions_destroy(options);
        rdsys::rd_kafka_queue_destroy(queue);
    }
}

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

/// Topics of one partition.
fn make(brokers: &str, names: &[&str]) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .unwrap();
    let topics: Vec<_> = names
        .iter()
        .map(|n| NewTopic::new(n, 1, TopicReplication::Fixed(1)))
        .collect();
    let made = block(async { admin.create_topics(&topics, &AdminOptions::new()).await });
    assert!(made.unwrap().iter().all(Result::is_ok));
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
    let _ends = Ends;
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
