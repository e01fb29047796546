//! Strangers: pages elsewhere whose name points here, clients that do not read, servers that do not answer, and whoever
//! finds the port that processes of a cluster meet at.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{self, Running, free_port, standings, until};
use serde_json::{Value, json};

/// A demo at a free port; `limit`: how many files it may have open.
fn demo(more: &[&str], limit: Option<u32>) -> (Running, String) {
    let address = format!("127.0.0.1:{}", free_port());
    let mut plain = standings(&["demo", "--rate", "50", "-w", "1", "--http", &address]);
    plain.args(more);
    let mut command = match limit {
        None => plain,
        Some(limit) => {
            let mut shell = Command::new("sh");
            shell
                .args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")])
                .arg(plain.get_program())
                .args(plain.get_args())
                .env("STANDINGS_LOG", "warn");
            shell
        }
    };
    let child = Running(command.stdout(Stdio::null()).spawn().unwrap());
    until("ready", Duration::from_secs(30), || {
        support::http::request("GET", &address, "/readyz", "").is_ok_and(|(s, _)| s == 200)
    });
    (child, address)
}

/// The status of a request as it is written, over a connection from this address.
fn status(to: &str, from: [u8; 4], request: &str) -> Option<u16> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).ok()?;
    socket.bind(&SocketAddr::from((from, 0)).into()).ok()?;
    let to: SocketAddr = to.parse().unwrap();
    socket.connect(&to.into()).ok()?;
    let mut stream = TcpStream::from(socket);
    let limit = Some(Duration::from_secs(5));
    stream.set_read_timeout(limit).ok()?;
    stream.set_write_timeout(limit).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    line.split(' ').nth(1)?.parse().ok()
}

const HERE: [u8; 4] = [127, 0, 0, 1];
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

#[test]
fn a_name_that_points_here_opens_nothing() {
    let (_demo, address) = demo(&["--http-host", "wall.example", "--http-rate", "0"], None);
    let port = address.rsplit(':').next().unwrap();
    let ask = |path: &str, hosts: &[&str]| {
        let hosts: String = hosts.iter().map(|h| format!("Host: {h}\r\n")).collect();
        let request = format!("GET {path} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        status(&address, HERE, &request).unwrap()
    };
    let paths = [
        "/",
        "/api/v1/rankings",
        "/api/v1/process",
        "/metrics",
        "/readyz",
    ];
    for path in paths {
        for host in [
            &format!("127.0.0.1:{port}"),
            &format!("LOCALHOST:{port}"),
            "localhost.",
            "[::1]:1",
            "10.9.8.7",
            "Wall.Example.:443",
        ] {
            assert_eq!(ask(path, &[host]), 200, "{path} as {host}");
        }
        let named = format!("attacker.example:{port}");
        assert_eq!(ask(path, &[&named]), 421, "{path}");
        assert_eq!(ask(path, &[]), 400, "{path} without a Host");
        assert_eq!(
            ask(path, &["localhost", "localhost"]),
            400,
            "{path} with two"
        );
    }
    let socket = |host: &str| {
        let request = format!(
            "GET /api/v1/rankings/top_salesmen/changes HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
             Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        status(&address, HERE, &request).unwrap()
    };
    assert_eq!(socket(&format!("attacker.example:{port}")), 421);
    assert_eq!(socket("wall.example"), 101);
    // As a proxy is asked: the name in the request line is the one that is meant.
    let request = "GET http://attacker.example/api/v1/rankings HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(status(&address, HERE, request), Some(421));
    let old = "GET /api/v1/rankings HTTP/1.0\r\n\r\n";
    assert_eq!(
        status(&address, HERE, old),
        Some(200),
        "HTTP/1.0 has no Host"
    );
    // And the head of a request is bounded, however its bytes arrive.
    for (bytes, expected) in [(30_000, 200), (33_000, 431), (40_000, 431), (60_000, 431)] {
        let request = format!(
            "GET /api/v1/rankings HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n",
            "x".repeat(bytes)
        );
        assert_eq!(
            status(&address, HERE, &request),
            Some(expected),
            "{bytes} bytes"
        );
    }
}

#[test]
fn who_does_not_read_takes_no_place_for_long_and_a_probe_is_answered_meanwhile() {
    // Places: half of the files.
    let (_demo, address) = demo(&["--http-rate", "0"], Some(512));
    let to: SocketAddr = address.parse().unwrap();
    let asks =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let (rows, probe) = (asks("/api/v1/rankings"), asks("/healthz"));
    let many = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_200);
    let mut pinned = Vec::new();
    for _ in 0..200 {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(2_048).unwrap();
        socket.connect(&to.into()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.send(many.as_bytes());
        pinned.push(socket);
    }
    let started = Instant::now();
    until(
        "this address has its share",
        Duration::from_secs(10),
        || status(&address, HERE, &rows) == Some(503),
    );
    for _ in 0..20 {
        assert_eq!(
            status(&address, HERE, &probe),
            Some(200),
            "a probe is answered"
        );
        assert_eq!(
            status(&address, ELSEWHERE, &rows),
            Some(200),
            "others are served"
        );
    }
    // Silent ones cannot hold the lobby either.
    let silent: Vec<_> = (0..100)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    assert_eq!(
        status(&address, HERE, &probe),
        Some(200),
        "a probe among silent ones"
    );
    until(
        "those who do not read are hung up on",
        Duration::from_secs(60),
        || status(&address, HERE, &rows) == Some(200),
    );
    assert!(
        started.elapsed() > Duration::from_secs(10),
        "they have some time"
    );
    drop((pinned, silent));
}

#[test]
fn a_key_server_that_hangs_holds_up_nobody_twice() {
    let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
    let keys = format!("http://{}/keys", hangs.local_addr().unwrap());
    std::thread::spawn(move || hangs.incoming().flatten().collect::<Vec<_>>());
    let flags = [
        "--http-jwt-jwks",
        &keys,
        "--http-jwt-issuer",
        "i",
        "--http-jwt-audience",
        "a",
    ];
    let (_demo, address) = demo(&flags, None);
    let ask = |address: &str| {
        let request = "GET /api/v1/rankings HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a.b.c\r\n\r\n";
        let mut stream = TcpStream::connect(address).unwrap();
        let started = Instant::now();
        stream.write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        assert!(line.contains("503"), "{line}");
        started.elapsed()
    };
    let at_once: Vec<_> = (0..5)
        .map(|_| {
            let address = address.clone();
            std::thread::spawn(move || ask(&address))
        })
        .collect();
    for one in at_once {
        let waited = one.join().unwrap();
        assert!(
            waited < Duration::from_secs(8),
            "all wait for the same attempt, not {waited:?}"
        );
    }
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(1_200));
        let waited = ask(&address);
        assert!(
            waited < Duration::from_secs(1),
            "nobody waits again, not {waited:?}"
        );
    }
}

/// Two processes of a cluster, started by hand.
struct Pair {
    dir: tempfile::TempDir,
    ports: [u16; 2],
}

const SECRET: &str = "a secret of this cluster";

impl Pair {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ports = [free_port(), free_port()];
        let text = ports.map(|p| format!("127.0.0.1:{p}\n"));
        std::fs::write(dir.path().join("hosts"), text.concat()).unwrap();
        std::fs::write(dir.path().join("sales.ndjson"), "").unwrap();
        Pair { dir, ports }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, process: usize, more: &[&str]) -> Command {
        let source = format!("file:{}", self.at("sales.ndjson").display());
        let mut command = standings(&["run", "--queries", "queries", "--sink", "file:/dev/null"]);
        command
            .args(["--source", &source, "-n", "2", "-p", &process.to_string()])
            .arg("--hosts")
            .arg(self.at("hosts"))
            .args(more)
            .env("STANDINGS_LOG", "info")
            .stderr(std::fs::File::create(self.at(&format!("log{process}"))).unwrap());
        command
    }

    fn log(&self, process: usize) -> String {
        std::fs::read_to_string(self.at(&format!("log{process}"))).unwrap()
    }

    fn start(&self, process: usize, more: &[&str]) -> Running {
        Running(self.command(process, more).spawn().unwrap())
    }

    fn both(&self, more: &[&str]) -> [Running; 2] {
        let both = [self.start(0, more), self.start(1, more)];
        until("complete", Duration::from_secs(30), || {
            self.log(0).contains("cluster_complete") && self.log(1).contains("cluster_complete")
        });
        both
    }

    /// What a stranger is answered who says that it is a process of this cluster.
    fn says(&self, cluster: &str, generation: u64) -> String {
        let hello = json!({"cluster": cluster, "generation": generation, "version": "?", "process": 1, "processes": 2,
            "workers": 1, "queries": "", "source": "", "state": "", "line": "Data"});
        let mut stream = TcpStream::connect(("127.0.0.1", self.ports[0])).unwrap();
        stream.write_all(format!("{hello}\n").as_bytes()).unwrap();
        let mut line = String::new();
        let mut reader = BufReader::new(stream);
        reader.read_line(&mut line).unwrap();
        line
    }
}

fn live(both: &mut [Running; 2]) {
    std::thread::sleep(Duration::from_secs(1));
    for one in both {
        assert!(one.0.try_wait().unwrap().is_none(), "a process has ended");
    }
}

#[test]
fn a_stranger_at_the_port_of_a_process_ends_nothing_and_learns_nothing() {
    for secret in [&["--cluster-secret", SECRET][..], &[]] {
        let pair = Pair::new();
        let mut both = pair.both(secret);
        let other = pair.says("?", 0);
        assert!(!other.contains("cluster id standings"), "{other}");
        let newer = pair.says("standings", 1_000_000_000);
        assert!(newer.contains("--cluster-secret"), "{newer}");
        assert!(!newer.contains(SECRET), "{newer}");
        live(&mut both);
    }
}

#[test]
fn one_of_a_newer_generation_that_knows_the_secret_replaces_what_runs() {
    let pair = Pair::new();
    let mut both = pair.both(&["--cluster-secret", SECRET]);
    let other = Pair::new();
    let hosts = format!("127.0.0.1:{}\n127.0.0.1:{}\n", pair.ports[0], free_port());
    std::fs::write(other.at("hosts"), hosts).unwrap();
    let mut newer = other.command(1, &["--generation", "7"]);
    let _newer = Running(
        newer
            .env("STANDINGS_CLUSTER_SECRET", SECRET)
            .spawn()
            .unwrap(),
    );
    until("they are replaced", Duration::from_secs(20), || {
        both.iter_mut()
            .all(|one| one.0.try_wait().unwrap().is_some())
    });
    assert!(
        pair.log(0)
            .contains("generation 7 of this cluster has started"),
        "{}",
        pair.log(0)
    );
    let [log, own] = [pair.log(0) + &pair.log(1), other.log(1)];
    assert!(
        !log.contains(SECRET) && !own.contains(SECRET),
        "the secret is shown"
    );
}

/// What goes between two processes with a secret holds neither the secret nor anything that helps a second time.
#[test]
fn a_greeting_that_was_listened_to_is_worth_nothing() {
    let pair = Pair::new();
    let real = pair.ports[0];
    let between = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = between.local_addr().unwrap().port();
    let hosts = format!("127.0.0.1:{port}\n127.0.0.1:{}\n", pair.ports[1]);
    let flags = ["--cluster-secret", SECRET];
    let _first = pair.start(0, &flags);
    until("it listens", Duration::from_secs(20), || {
        TcpStream::connect(("127.0.0.1", real)).is_ok()
    });
    std::fs::write(pair.at("hosts"), hosts).unwrap();
    let _second = pair.start(1, &flags);
    let (mut dialed, _) = between.accept().unwrap();
    let mut real_one = TcpStream::connect(("127.0.0.1", real)).unwrap();
    let line = |from: &mut TcpStream| {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while from.read_exact(&mut byte).is_ok() && byte[0] != b'\n' {
            line.push(byte[0]);
        }
        line.push(b'\n');
        line
    };
    let greeting = line(&mut dialed);
    real_one.write_all(&greeting).unwrap();
    let asked = line(&mut real_one);
    dialed.write_all(&asked).unwrap();
    let proof = line(&mut dialed);
    for said in [&greeting, &asked, &proof] {
        assert!(!String::from_utf8_lossy(said).contains(SECRET));
    }
    let parsed: Value = serde_json::from_slice(&proof).unwrap();
    assert!(
        parsed["proof"].as_str().is_some_and(|p| p.len() > 40),
        "{parsed}"
    );
    // The same words once more: the other side's nonce is another.
    let mut again = TcpStream::connect(("127.0.0.1", real)).unwrap();
    again.write_all(&greeting).unwrap();
    assert_ne!(line(&mut again), asked);
    again.write_all(&proof).unwrap();
    let refused = String::from_utf8(line(&mut again)).unwrap();
    assert!(refused.contains("another one"), "{refused}");
}

#[test]
fn a_slow_one_does_not_hold_up_the_start() {
    let pair = Pair::new();
    let _first = pair.start(0, &[]);
    let mut slow = None;
    until("it listens", Duration::from_secs(20), || {
        slow = TcpStream::connect(("127.0.0.1", pair.ports[0])).ok();
        slow.is_some()
    });
    std::thread::spawn(move || {
        while slow.as_mut().unwrap().write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    let _second = pair.start(1, &[]);
    until("complete", Duration::from_secs(10), || {
        pair.log(0).contains("cluster_complete")
    });
}

#[test]
fn without_a_secret_nothing_but_this_machine_is_listened_on() {
    let pair = Pair::new();
    for (hosts, flags, ok) in [
        ("0.0.0.0:1\n10.0.0.2:1\n", &["--peer-plaintext"][..], false),
        (
            "127.0.0.1:1\nstandings-1.example:1\n",
            &["--peer-plaintext"],
            false,
        ),
        (
            "127.0.0.1:1\n127.0.0.1:2\n",
            &["--cluster-secret", "too short"],
            false,
        ),
        (
            "10.0.0.1:1\n10.0.0.2:1\n",
            &["--peer-plaintext", "--cluster-secret", SECRET],
            true,
        ),
    ] {
        std::fs::write(pair.at("hosts"), hosts).unwrap();
        let mut check = standings(&["check", "--", "run", "--queries", "queries"]);
        let source = format!("file:{}", pair.at("sales.ndjson").display());
        check
            .args([
                "--source", &source, "--sink", "stdout", "-n", "2", "-p", "0", "--hosts",
            ])
            .arg(pair.at("hosts"))
            .args(flags);
        let output = check.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            output.status.code(),
            Some(if ok { 0 } else { 2 }),
            "{hosts}: {text}"
        );
        assert!(ok || text.contains("openssl rand -hex 32"), "{text}");
        assert!(!text.contains("too short"), "{text}");
    }
}
