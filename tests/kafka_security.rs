//! A real broker behind TLS: SCRAM, PLAIN and client certificates; source, changes, late sales and dead letters all go
//! through, and what is wrong is said in one line.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::Value;
use support::kafka::{consume_at, unique};
use support::{Dice, fold, reference, sales, standings, until};

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
            let child = standings_with(&properties, &args).spawn().unwrap();
            running.push((format!("{what}, {side}"), word, child));
        }
    }
    // All at once: each asks for seconds before it is sure.
    let began = Instant::now();
    for (what, word, mut child) in running {
        let mut code = None;
        until(&format!("refused: {what}"), LIMIT, || {
            code = child.try_wait().unwrap();
            code.is_some()
        });
        let out = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&out.stderr);
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
        println!("{what}: {:?} after {:?}", errors[0], began.elapsed());
    }
}
