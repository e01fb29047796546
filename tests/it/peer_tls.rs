//! Mutual TLS between the processes of a cluster: the dataflow goes over it and nobody reads it on the way; who has no
//! certificate of the cluster's authority is told why it is refused.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Dice, Running, fold, free_port, reference, sales, standings, until, wait};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

const LIMIT: Duration = Duration::from_secs(30);

/// Files of one process.
struct Identity {
    cert: PathBuf,
    key: PathBuf,
    ca: PathBuf,
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name` by `signer`, which trusts `trusted`.
fn identity(
    dir: &Path,
    file: &str,
    signer: &Authority,
    trusted: &Authority,
    name: &str,
    expired: bool,
) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if expired {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    }
    let cert = params.signed_by(&key, signer).unwrap();
    let write = |end: &str, text: String| {
        let path = dir.join(format!("{file}.{end}"));
        std::fs::write(&path, text).unwrap();
        path
    };
    Identity {
        cert: write("cert", cert.pem()),
        key: write("key", key.serialize_pem()),
        ca: write("ca", trusted.pem()),
    }
}

impl Identity {
    fn flags(&self) -> Vec<String> {
        [
            ("--peer-tls-cert", &self.cert),
            ("--peer-tls-key", &self.key),
            ("--peer-tls-ca", &self.ca),
        ]
        .iter()
        .flat_map(|(flag, path)| [(*flag).to_owned(), path.display().to_string()])
        .collect()
    }
}

struct Bed {
    dir: tempfile::TempDir,
    /// As each process sees them.
    hosts: [PathBuf; 2],
    ports: [u16; 2],
    lines: Vec<String>,
}

impl Bed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lines = sales(&mut Dice::new(3), 3000, 1_769_126_400_000, 20_000);
        std::fs::write(dir.path().join("a.ndjson"), lines.join("\n")).unwrap();
        let ports = [free_port(), free_port()];
        let hosts = [dir.path().join("hosts0"), dir.path().join("hosts1")];
        let bed = Bed {
            dir,
            hosts,
            ports,
            lines,
        };
        for process in 0..2 {
            bed.hosts_of(process, ports);
        }
        bed
    }

    fn hosts_of(&self, process: usize, ports: [u16; 2]) {
        let text = format!("127.0.0.1:{}\n127.0.0.1:{}\n", ports[0], ports[1]);
        std::fs::write(&self.hosts[process], text).unwrap();
    }

    /// Starts a process; standard error goes to a file.
    fn start(&self, process: usize, flags: &[String]) -> Child {
        let source = format!("file:{}", self.dir.path().join("a.ndjson").display());
        let sink = format!("file:{}", self.changes().display());
        let log = std::fs::File::create(self.log_path(process)).unwrap();
        standings(&[
            "run",
            "--queries",
            "queries",
            "-n",
            "2",
            "-w",
            "1",
            "--until-end",
        ])
        .args([
            "-p",
            &process.to_string(),
            "--source",
            &source,
            "--sink",
            &sink,
        ])
        .arg("--hosts")
        .arg(&self.hosts[process])
        .args(flags)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
    }

    fn changes(&self) -> PathBuf {
        self.dir.path().join("changes.ndjson")
    }

    fn log_path(&self, process: usize) -> PathBuf {
        self.dir.path().join(format!("log{process}"))
    }

    fn log(&self, process: usize) -> String {
        std::fs::read_to_string(self.log_path(process)).unwrap()
    }

    /// Process 0 waits; process 1 comes, is refused with `said` and ends with 2; process 0 logs `logged` and waits on.
    fn refused(&self, first: &[String], second: &[String], said: &str, logged: &str) {
        let mut waiting = Running(self.start(0, first));
        let mut comes = self.start(1, second);
        let mut code = None;
        until("process 1 is refused", LIMIT, || {
            code = comes.try_wait().unwrap();
            code.is_some()
        });
        let text = self.log(1);
        assert_eq!(code.unwrap().code(), Some(2), "{text}");
        assert!(
            text.contains("process 0 at") && text.contains(said),
            "{said:?} is not in {text}"
        );
        assert!(!text.contains("panicked"), "{text}");
        until("process 0 says why", LIMIT, || self.log(0).contains(logged));
        assert!(
            waiting.0.try_wait().unwrap().is_none(),
            "a stranger ended process 0: {}",
            self.log(0)
        );
    }
}

/// Passes bytes on and keeps those to the server.
fn listening_in(target: u16) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard: Arc<Mutex<Vec<u8>>> = Arc::default();
    let keeps = Arc::clone(&heard);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else {
                continue;
            };
            for (mut from, mut to) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server, client),
            ] {
                let keeps = Arc::clone(&keeps);
                std::thread::spawn(move || {
                    let mut some = [0; 16384];
                    while let Ok(n) = from.read(&mut some) {
                        keeps.lock().unwrap().extend_from_slice(&some[..n]);
                        if n == 0 || to.write_all(&some[..n]).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    (port, heard)
}

#[test]
fn the_dataflow_goes_over_tls_and_plain_only_without() {
    let bed = Bed::new();
    let trusted = authority();
    let one = identity(
        bed.dir.path(),
        "one",
        &trusted,
        &trusted,
        "standings.example",
        false,
    );
    let two = identity(
        bed.dir.path(),
        "two",
        &trusted,
        &trusted,
        "standings.example",
        false,
    );
    let named = ["--peer-tls-name".to_owned(), "standings.example".to_owned()];
    let want = reference(std::slice::from_ref(&bed.lines), 60_000, 3_600_000).rows;
    for secured in [true, false] {
        let (port, heard) = listening_in(bed.ports[0]);
        bed.hosts_of(1, [port, bed.ports[1]]);
        let _ = std::fs::remove_file(bed.changes());
        let flags = |identity: &Identity| match secured {
            true => [identity.flags(), named.to_vec()].concat(),
            false => Vec::new(),
        };
        let mut processes = [bed.start(0, &flags(&one)), bed.start(1, &flags(&two))];
        for process in &mut processes {
            wait(process, LIMIT, &["a process of the cluster"]);
        }
        let text = std::fs::read_to_string(bed.changes()).unwrap();
        assert!(fold(text.lines()).0 == want, "secured: {secured}");
        let heard = heard.lock().unwrap();
        let found = |word: &[u8]| heard.windows(word.len()).any(|w| w == word);
        assert!(
            heard.len() > 10_000,
            "{} bytes went between them",
            heard.len()
        );
        assert_eq!(found(b"Lisbon"), !secured);
        assert_eq!(found(b"\"generation\""), !secured);
    }
}

#[test]
fn who_has_no_right_certificate_is_told_so() {
    let bed = Bed::new();
    let (trusted, other) = (authority(), authority());
    let make = |file, signer, trusts, name, expired| {
        identity(bed.dir.path(), file, signer, trusts, name, expired).flags()
    };
    let good = make("good", &trusted, &trusted, "a.example", false);
    // Signed by another: refused by who listens.
    let forged = make("forged", &other, &trusted, "a.example", false);
    bed.refused(
        &good,
        &forged,
        "does not trust",
        "not signed by the authority",
    );
    // Trusts another: refuses who listens.
    let deceived = make("deceived", &trusted, &other, "a.example", false);
    bed.refused(
        &good,
        &deceived,
        "not signed by the authority",
        "does not trust",
    );
    let expired = make("expired", &trusted, &trusted, "a.example", true);
    bed.refused(&good, &expired, "expired", "its certificate has expired");
    // None at all, and the other way round.
    bed.refused(&good, &[], "speaks TLS", "stranger_refused");
    bed.refused(&[], &good, "does not speak TLS", "speaks TLS");
    // Of the right authority, for another cluster.
    let mut of_b = make("b", &trusted, &trusted, "b.example", false);
    of_b.extend(["--peer-tls-name".to_owned(), "b.example".to_owned()]);
    bed.refused(&good, &of_b, "not made for the name", "stranger_refused");
}

#[test]
fn other_machines_are_refused_at_start_without_certificates() {
    let bed = Bed::new();
    std::fs::write(&bed.hosts[0], "10.1.2.3:7300\n10.1.2.4:7300\n").unwrap();
    let mut child = bed.start(0, &[]);
    let code = child.wait().unwrap().code();
    let text = bed.log(0);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("10.1.2.3:7300")
            && text.contains("--peer-tls-cert")
            && text.contains("--peer-plaintext"),
        "{text}"
    );
}

/// A certificate that is renewed while a process waits is used for the next connection.
#[test]
fn a_renewed_certificate_is_read_again() {
    let bed = Bed::new();
    let trusted = authority();
    let old = identity(bed.dir.path(), "one", &trusted, &trusted, "a.example", true);
    let flags = old.flags();
    let two = identity(
        bed.dir.path(),
        "two",
        &trusted,
        &trusted,
        "a.example",
        false,
    );
    bed.refused(&flags, &two.flags(), "expired", "stranger_refused");
    let mut first = bed.start(0, &flags);
    std::thread::sleep(Duration::from_millis(500));
    // Over the old files.
    identity(
        bed.dir.path(),
        "one",
        &trusted,
        &trusted,
        "a.example",
        false,
    );
    let mut second = bed.start(1, &two.flags());
    for process in [&mut first, &mut second] {
        wait(process, LIMIT, &["a process of the cluster"]);
    }
}
