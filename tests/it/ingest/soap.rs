//! A service of SOAP as it is found in the field: Apache CXF with WSS4J (`deploy/soap/run`), which takes digests with nonce and moment,
//! knows nonces again, and answers each seventh call by a fault. Each row is in Kafka once, whoever is killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::served::Served;
use super::{Room, kills, words};
use crate::support::standings;

const SALES: &str = r#"
[sources.NAME]
type = "soap"
wsdl = "URL/salesVERSION?wsdl"
operation = "list"
envelope = "request.xml"
rows = "$.page.sale[*]"
cursor = "$.page.next_cursor"
username = "ana"
password-file = "password"
private-addresses = "allow"
every = "50ms"
topic = "TOPIC"
key = ["sale_id"]
"#;

const REQUEST: &str =
    "<q:list xmlns:q=\"urn:sales\"><cursor>{cursor}</cursor><limit>7</limit></q:list>";

/// Apache CXF; it ends with this.
struct Cxf {
    _served: Served,
    url: String,
}

impl Cxf {
    fn start(rows: u64) -> Self {
        let mut command = Command::new("deploy/soap/run");
        let command = command.arg(rows.to_string()).stderr(Stdio::null());
        let (served, url) = Served::start(command);
        assert!(
            url.starts_with("http://"),
            "no CXF: mvn and javac are needed"
        );
        Cxf {
            _served: served,
            url,
        }
    }

    fn room(&self, name: &str, version: &str) -> Room {
        let config = SALES.replace("URL", &self.url).replace("VERSION", version);
        // The template is what the body holds: of which SOAP, has to be said.
        let said = format!("version = \"{}.{}\"\n", &version[..1], &version[1..]);
        let room = Room::new(name, &(config + &said));
        std::fs::write(room.path("request.xml"), REQUEST).unwrap();
        std::fs::write(room.path("password"), "segredo\n").unwrap();
        room
    }

    fn wsdl(&self, room: &Room) -> std::path::PathBuf {
        let path = room.path("sales.wsdl");
        let got = Command::new("curl")
            .args(["-sf", "-o"])
            .arg(&path)
            .arg(format!("{}/sales12?wsdl", self.url))
            .status();
        assert!(got.unwrap().success());
        path
    }
}

fn ids(room: &Room) -> Vec<String> {
    let all = room.records().into_iter();
    all.map(|record| record.json()["sale_id"].as_str().unwrap().to_owned())
        .collect()
}

fn want(rows: u64) -> Vec<String> {
    (0..rows).map(|n| format!("soap-{n}")).collect()
}

#[test]
fn pages_of_cxf_by_both_versions() {
    let cxf = Cxf::start(40);
    for version in ["11", "12"] {
        let room = cxf.room("ingest_soap", version);
        // What is in the WSDL is said before anything is read.
        let said = words(&room.command(&["--dry-run"]).output().unwrap());
        for word in [
            "action urn:sales/List",
            "{urn:sales}listResponse",
            &format!("/sales{version}, "),
        ] {
            assert!(said.contains(word), "{said}");
        }
        room.once_well();
        assert_eq!(ids(&room), want(40), "{version}");
        let first = &room.records()[0];
        assert_eq!(
            first.value,
            r#"{"sale_id":"soap-0","event_time":"2026-01-23T10:15:00Z","city":"São <Paulo> & Co","amount":"0.50"}"#
        );
        assert_eq!(first.key.as_deref(), Some(r#"{"sale_id":"soap-0"}"#));
        assert_eq!(first.header("position"), "first#0");
    }
}

#[test]
fn a_wrong_password_and_a_fault_of_the_sender_break_it_and_say_why() {
    let cxf = Cxf::start(5);
    let room = cxf.room("ingest_soap_wrong", "12");
    std::fs::write(room.path("password"), "canary\n").unwrap();
    let output = room.once();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    let said = words(&output);
    assert!(
        said.contains("SecurityError") && said.contains("S1202") && !said.contains("canary"),
        "{said}"
    );
    std::fs::write(room.path("password"), "segredo\n").unwrap();
    let broken = REQUEST.replace("{cursor}", "broken<!-- {cursor} -->");
    std::fs::write(room.path("request.xml"), broken).unwrap();
    let said = words(&room.once());
    assert!(said.contains("no such cursor"), "{said}");
    assert!(room.records().is_empty());
}

#[test]
fn what_is_proposed_of_a_wsdl_reads_the_service() {
    let cxf = Cxf::start(12);
    let room = cxf.room("ingest_soap_proposed", "12");
    let path = cxf.wsdl(&room);
    let output = standings(&["inspect"])
        .arg(&path)
        .arg("--json")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let operation = &found["operations"][0];
    assert_eq!(
        (&operation["operation"], &operation["version"]),
        (&"list".into(), &"1.2".into())
    );
    std::fs::write(
        room.path("request.xml"),
        operation["envelope"].as_str().unwrap(),
    )
    .unwrap();
    let config = std::fs::read_to_string(room.path("ingest.toml")).unwrap();
    let line = |key: &str, text: &str| format!("{key} = {}\n", serde_json::Value::from(text));
    let config: String = config
        .lines()
        .map(|l| match l.split(" = ").next() {
            Some("wsdl") => line("wsdl", "sales.wsdl"),
            Some(key @ ("rows" | "cursor")) => line(key, operation[key].as_str().unwrap()),
            _ => format!("{l}\n"),
        })
        .collect();
    std::fs::write(room.path("ingest.toml"), config).unwrap();
    room.once_well();
    assert_eq!(ids(&room), want(12));
    // What the WSDL cannot have is said before anything is asked.
    let config = std::fs::read_to_string(room.path("ingest.toml")).unwrap();
    std::fs::write(
        room.path("ingest.toml"),
        config.replace("next_cursor", "cursors"),
    )
    .unwrap();
    let output = standings(&["check", "--offline", "--", "ingest", "--config"])
        .arg(room.path("ingest.toml"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    assert!(
        words(&output).contains("has nothing there"),
        "{}",
        words(&output)
    );
}

#[test]
fn kills_of_who_asks_cxf_lose_nothing_and_write_nothing_twice() {
    const ROWS: u64 = 1_000;
    let cxf = Cxf::start(ROWS);
    let room = cxf.room("ingest_soap_kills", "12");
    for kill in 0..kills() {
        let mut running = room.start(&[]);
        std::thread::sleep(Duration::from_millis(300 + kill * 263 % 1_700));
        running.0.kill().unwrap();
        running.0.wait().unwrap();
    }
    let before = room.records().len();
    room.once_well();
    assert_eq!(ids(&room), want(ROWS));
    println!(
        "{} kills: 0 lost, 0 twice; {before} of {ROWS} rows were there behind the last",
        kills()
    );
}

/// A server whose answer is the same to all, and which tells what it was asked.
fn server(answer: String) -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if !reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                    break;
                }
                if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = n.trim().parse().unwrap();
                }
                head += &line;
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_ok() {
                let _ = tell.send(head + &String::from_utf8_lossy(&body));
            }
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, told)
}

#[test]
fn a_wsdl_leads_nowhere_else_and_a_redirect_is_not_followed() {
    let (other, asked) =
        server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned());
    let wsdl = std::fs::read_to_string("tests/fixtures/soap/sales.wsdl").unwrap();
    let http = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    // Its address is another place; and what it imports is.
    let elsewhere = wsdl.replace("127.0.0.1:28099", &format!("127.0.0.1:{other}"));
    let imports = wsdl.replace(
        "<wsdl:types>",
        &format!("<wsdl:import location=\"http://127.0.0.1:{other}/x.wsdl\"/><wsdl:types>"),
    );
    let moved = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{other}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    for (answer, word) in [
        (http(&elsewhere), "another place"),
        (http(&imports), "another place"),
        (moved, "no redirect"),
    ] {
        let (port, _) = server(answer);
        let config = SALES
            .replace("URL", &format!("http://127.0.0.1:{port}"))
            .replace("VERSION", "11");
        let room = Room::new("ingest_soap_elsewhere", &config);
        std::fs::write(room.path("request.xml"), REQUEST).unwrap();
        std::fs::write(room.path("password"), "segredo\n").unwrap();
        let output = room.once();
        assert_eq!(output.status.code(), Some(1), "{}", words(&output));
        assert!(words(&output).contains(word), "{}", words(&output));
    }
    assert!(asked.try_recv().is_err(), "another place was asked");
    // Of a file: what lies outside of its folder, also by a link.
    let room = Room::new(
        "ingest_soap_outside",
        &SALES.replace("URL/salesVERSION?wsdl", "in/sales.wsdl"),
    );
    std::fs::write(room.path("request.xml"), REQUEST).unwrap();
    std::fs::write(room.path("password"), "segredo\n").unwrap();
    std::fs::write(room.path("outside.wsdl"), &wsdl).unwrap();
    std::os::unix::fs::symlink(room.path("outside.wsdl"), room.path("in/link.wsdl")).unwrap();
    for location in [
        "../outside.wsdl",
        "link.wsdl",
        "/etc/hosts",
        "file:///etc/hosts",
        "http://127.0.0.1:9/x.wsdl",
    ] {
        let text = wsdl.replace(
            "<wsdl:types>",
            &format!("<wsdl:import location=\"{location}\"/><wsdl:types>"),
        );
        std::fs::write(room.path("in/sales.wsdl"), text).unwrap();
        let output = room.once();
        assert_eq!(
            output.status.code(),
            Some(2),
            "{location}: {}",
            words(&output)
        );
        let said = words(&output);
        assert!(
            said.contains("lies outside") || said.contains("only what lies in its folder"),
            "{location}: {said}"
        );
    }
}

/// A service that answers whoever has a certificate of its authority.
fn mutual(authority: &str, (certificate, key): &(String, String), answer: String) -> u16 {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(der(authority)).unwrap();
    let clients =
        rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(
            vec![der(certificate)],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let config = std::sync::Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let own = stream.try_clone().unwrap();
            let mut tls = rustls::StreamOwned::new(connection, stream);
            // Whoever has no certificate is not heard.
            let mut asked = Vec::new();
            let mut piece = [0; 4096];
            while !asked.windows(13).any(|w| w == b"</s:Envelope>") {
                match tls.read(&mut piece) {
                    Ok(n) if n > 0 => asked.extend_from_slice(&piece[..n]),
                    _ => break,
                }
            }
            let _ = tls.write_all(answer.as_bytes());
            tls.conn.send_close_notify();
            let _ = tls.flush();
            // To its end: a socket that is closed with something unread takes back what was sent, the alert too.
            let _ = own.shutdown(std::net::Shutdown::Write);
            let _ = (&own).read_to_end(&mut Vec::new());
        }
    });
    port
}

#[test]
fn a_service_that_asks_for_a_certificate_gets_it() {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = rcgen::Issuer::new(params, key);
    let sign = || {
        let own = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (
            params.signed_by(&own, &issuer).unwrap().pem(),
            own.serialize_pem(),
        )
    };
    let page = std::fs::read_to_string("tests/fixtures/soap/soap11-page4.response.xml").unwrap();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    let port = mutual(&authority, &sign(), answer);
    let config = SALES.replace(
        "wsdl = \"URL/salesVERSION?wsdl\"\noperation = \"list\"",
        &format!("url = \"https://localhost:{port}/sales\"\naction = \"urn:sales/List\""),
    );
    let room = Room::new("ingest_soap_mutual", &(config + "tls-ca = \"ca.pem\"\n"));
    std::fs::write(room.path("request.xml"), REQUEST).unwrap();
    std::fs::write(room.path("password"), "segredo\n").unwrap();
    std::fs::write(room.path("ca.pem"), &authority).unwrap();
    let output = room.once();
    assert_eq!(
        output.status.code(),
        Some(1),
        "without a certificate: {}",
        words(&output)
    );
    // No other attempt heals it: it is said at once, with what to do.
    assert!(words(&output).contains("`tls-cert`"), "{}", words(&output));
    let (certificate, key) = sign();
    std::fs::write(room.path("own.pem"), certificate).unwrap();
    std::fs::write(room.path("own.key"), key).unwrap();
    let config = std::fs::read_to_string(room.path("ingest.toml")).unwrap();
    std::fs::write(
        room.path("ingest.toml"),
        config + "tls-cert = \"own.pem\"\ntls-key = \"own.key\"\n",
    )
    .unwrap();
    room.once_well();
    assert_eq!(ids(&room), ["soap-6"]);
}
