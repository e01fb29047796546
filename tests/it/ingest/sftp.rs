//! Files of a server (OpenSSH's, by `deploy/sftp/run`) into a topic: each once, whoever is killed; a server that is another one is told
//! nothing. What the folder of a server gives and must not give is in `src/intake/files/sftp/tests`.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::served::Served;
use super::{Room, kills, names, terminate, words};
use crate::support::until;

const SERVER: &str = r#"
[sources.NAME]
type = "files"
path = "sftp://USER@127.0.0.1:PORT/DIR/in"
ssh-key-file = "DIR/user_key"
known-hosts = "DIR/known_hosts"
format = "csv"
settle = "0s"
every = "20ms"
topic = "TOPIC"
key = ["id"]
"#;

/// OpenSSH's server over the room's folder; it ends with this.
struct Sshd {
    served: Served,
    user: String,
    port: String,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.end();
    }
}

impl Sshd {
    fn start(room: &Room) -> Self {
        let mut command = Command::new("deploy/sftp/run");
        let (served, told) = Served::start(command.arg(room.path("")).stderr(Stdio::null()));
        let found = told.split_once(' ');
        let (user, port) = found.unwrap_or_else(|| panic!("no sshd: {told}"));
        until("sshd answers", Duration::from_secs(10), || {
            TcpStream::connect(format!("127.0.0.1:{port}")).is_ok()
        });
        Sshd {
            served,
            user: user.to_owned(),
            port: port.to_owned(),
        }
    }

    /// With its sessions, at once: the script does it.
    fn end(&mut self) {
        let child = &mut self.served.0;
        if matches!(child.try_wait(), Ok(None)) {
            let id = libc::pid_t::try_from(child.id()).unwrap();
            // SAFETY: a signal to a child that has not been waited for.
            unsafe { libc::kill(id, libc::SIGTERM) };
        }
        child.wait().unwrap();
    }
}

/// A room whose folder a server shows.
fn served(name: &str) -> (Room, Sshd) {
    let room = Room::new(name, "");
    let sshd = Sshd::start(&room);
    configure(&room, &sshd, SERVER);
    (room, sshd)
}

fn configure(room: &Room, sshd: &Sshd, sources: &str) {
    // `DIR` begins with a slash of its own.
    let sources = sources.replace("PORT/DIR", "PORTDIR");
    let sources = sources
        .replace("PORT", &sshd.port)
        .replace("USER", &sshd.user);
    room.configure(&sources);
}

#[test]
fn kills_of_who_reads_and_of_the_server_take_each_file_once() {
    let (room, mut sshd) = served("ingest_sftp");
    let mut want = Vec::new();
    for kill in 0..kills() {
        for file in 0..2 {
            // The first is several transactions.
            let rows = if file == 0 { 12_000 } else { 5 };
            let name = format!("{kill:03}-{file}.csv");
            let lines: String = (0..rows).map(|r| format!("{name}/{r}\n")).collect();
            want.extend((0..rows).map(|r| format!("{{\"id\":\"{name}/{r}\"}}")));
            room.write(&name, format!("id\n{lines}"));
        }
        let mut running = room.start(&[]);
        std::thread::sleep(Duration::from_millis(300 + kill * 61 % 900));
        if kill % 3 == 1 {
            sshd.end();
            std::thread::sleep(Duration::from_millis(100));
            sshd = Sshd::start(&room);
        }
        running.0.kill().unwrap();
        running.0.wait().unwrap();
    }
    room.once_well();
    let mut found: Vec<String> = room.records().into_iter().map(|r| r.value).collect();
    found.sort();
    want.sort();
    assert_eq!(found.len(), want.len(), "lost or twice");
    assert_eq!(found, want);
    let files = 2 * kills() as usize;
    assert_eq!(names(&room.path("in")), ["done"]);
    assert_eq!(names(&room.path("in/done")).len(), files);
    println!(
        "{} kills, {files} files of a server: 0 lost, 0 twice",
        kills()
    );
}

#[test]
fn a_server_that_is_away_is_waited_for_and_one_that_is_another_is_broken() {
    let (room, mut sshd) = served("ingest_sftp_other");
    room.write("a.csv", "id\n1\n");
    // Another's file, by a link that was planted.
    fs::write(room.path("secret.csv"), "id\nsecret\n").unwrap();
    symlink(room.path("secret.csv"), room.path("in/planted.csv")).unwrap();
    let mut running = room.start(&[]);
    let is_done = |name: &str| room.path("in/done").join(name).exists();
    until("a is taken", Duration::from_secs(30), || is_done("a.csv"));
    sshd.end();
    room.write("b.csv", "id\n2\n");
    let log = || fs::read_to_string(room.path("log")).unwrap();
    until("it waits", Duration::from_secs(30), || {
        log().contains("waiting") && log().contains("127.0.0.1")
    });
    sshd = Sshd::start(&room);
    until("b is taken", Duration::from_secs(60), || is_done("b.csv"));
    assert_eq!(terminate(&mut running.0), 0);
    // Its key was changed.
    sshd.end();
    fs::remove_file(room.path("host_key")).unwrap();
    sshd = Sshd::start(&room);
    room.write("c.csv", "id\n3\n");
    let said = words(&room.once());
    assert!(
        said.contains("S1202") && said.contains("is not the one that is known"),
        "{said}"
    );
    // Known by nobody: what to add is said, and is right.
    configure(
        &room,
        &sshd,
        &SERVER.replace("known-hosts = \"DIR/known_hosts\"\n", ""),
    );
    let said = words(&room.once());
    assert!(said.contains("is not known: it shows"), "{said}");
    let print = said.split("SHA256:").nth(1).unwrap();
    let print = &print[..43];
    let known = format!("host-key = \"SHA256:{print}\"");
    configure(
        &room,
        &sshd,
        &SERVER.replace("known-hosts = \"DIR/known_hosts\"", &known),
    );
    room.once_well();
    let values: Vec<String> = room.records().into_iter().map(|r| r.value).collect();
    assert_eq!(values, [r#"{"id":"1"}"#, r#"{"id":"2"}"#, r#"{"id":"3"}"#]);
    assert_eq!(names(&room.path("in")), ["done", "planted.csv"]);
    let check = room.command(&["--dry-run"]).output().unwrap();
    let said = words(&check);
    assert!(
        said.contains(&format!(
            "of the server 127.0.0.1:{}, known by 1 fingerprint(s), as {} by a key",
            sshd.port, sshd.user
        )),
        "{said}"
    );
    let key = fs::read_to_string(room.path("user_key")).unwrap();
    let line = key.lines().nth(1).unwrap();
    assert!(!log().contains(line) && !said.contains(line));
}
