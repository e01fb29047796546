//! Against OpenSSH's own server.

use std::ffi::CString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;

/// A server of its own; it ends with this.
struct Sshd {
    dir: tempfile::TempDir,
    child: Child,
    user: String,
    port: u16,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.end();
    }
}

impl Sshd {
    fn new() -> Self {
        Sshd::with("ed25519")
    }

    /// `kind`: of its host key.
    fn with(kind: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        let (child, user, port) = run(dir.path(), kind);
        Sshd {
            dir,
            child,
            user,
            port,
        }
    }

    fn end(&mut self) {
        // The script ends the server with its sessions, at once.
        if matches!(self.child.try_wait(), Ok(None)) {
            let id = libc::pid_t::try_from(self.child.id()).unwrap();
            // SAFETY: a signal to a child that has not been waited for.
            unsafe { libc::kill(id, libc::SIGTERM) };
        }
        self.child.wait().unwrap();
    }

    fn again(&mut self) {
        (self.child, self.user, self.port) = run(self.dir.path(), "ed25519");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let to = self.path("in").join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, text).unwrap();
    }

    fn server(&self) -> Server {
        Server {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: self.user.clone(),
            folder: self.path("in").display().to_string(),
            pattern: None,
            proof: Proof::Key {
                key: SecretAt::File(self.path("user_key")),
                passphrase: None,
            },
            host_keys: Vec::new(),
            known_hosts: Some(self.path("known_hosts")),
        }
    }

    fn place(&self, after: After) -> Sftp {
        place(&self.server(), after)
    }
}

fn run(dir: &Path, kind: &str) -> (Child, String, u16) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sftp/run");
    let mut child = Command::new(script)
        .arg(dir)
        .arg(kind)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut told).unwrap();
    let (user, port) = told
        .trim()
        .split_once(' ')
        .expect("deploy/sftp/run says who and where");
    let port = port.parse().unwrap();
    let answers = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    let has_come = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        answers()
    });
    if !has_come {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("sshd does not answer");
    }
    (child, user.to_owned(), port)
}

fn keygen(of: &[&str]) {
    let made = Command::new("ssh-keygen").args(of).output().unwrap();
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn files_of_a_server_are_listed_read_and_put_away() {
    let sshd = Sshd::new();
    sshd.write("a.csv", "id,city\n007,\"São, Paulo\"\n");
    sshd.write("sub/b.ndjson", "{\"id\":9007199254740993}\n");
    sshd.write("empty.csv", "");
    for beside in [".a.csv.swp", "_SUCCESS", "c.csv.part", "done/old.csv"] {
        sshd.write(beside, "x\n1\n");
    }
    // Several pieces, and one that is not whole.
    let long: String = (0..60_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    sshd.write("long.ndjson", &long);
    let mut place = sshd.place(After::Move);
    assert_eq!(
        names(&mut place),
        ["a.csv", "empty.csv", "long.ndjson", "sub/b.ndjson"]
    );
    let mut a = place.open("a.csv").unwrap();
    assert_eq!(text(&mut a), [r#"{"id":"007","city":"São, Paulo"}"#]);
    assert_eq!(a.rows.is_same(), Ok(true));
    assert_eq!(a.seen.size, 26);
    assert!(text(&mut place.open("empty.csv").unwrap()).is_empty());
    let mut read = place.open("long.ndjson").unwrap();
    assert_eq!(text(&mut read).join("\n") + "\n", long);
    // The same hash as a folder of this machine gives: what was taken here needs not be taken there.
    let folder = crate::files::Folder::new(&sshd.path("in"), None, After::Keep, table(), None)
        .open("long.ndjson")
        .unwrap();
    assert_eq!(folder.hash, read.hash);
    place.finish(&taken(&a, None), Fate::Done).unwrap();
    place.finish(&taken(&a, None), Fate::Done).unwrap();
    let b = place.open("sub/b.ndjson").unwrap();
    place.finish(&taken(&b, None), Fate::Failed).unwrap();
    assert_eq!(names(&mut place), ["empty.csv", "long.ndjson"]);
    assert!(sshd.path("in/done/a.csv").is_file());
    assert!(sshd.path("in/failed/sub/b.ndjson").is_file());
    assert_eq!(
        fs::read_to_string(sshd.path("in/done/old.csv")).unwrap(),
        "x\n1\n"
    );
    // Kept, and deleted with its marker.
    let long = place.open("long.ndjson").unwrap();
    sshd.place(After::Keep)
        .finish(&taken(&long, None), Fate::Done)
        .unwrap();
    assert!(sshd.path("in/long.ndjson").is_file());
    sshd.write("long.ndjson.ok", "");
    let mut deletes = sshd.place(After::Delete);
    let marked = taken(&long, Some("long.ndjson.ok"));
    deletes.finish(&marked, Fate::Done).unwrap();
    assert!(!sshd.path("in/long.ndjson").exists() && !sshd.path("in/long.ndjson.ok").exists());
}

#[test]
fn a_taken_name_gets_its_hash_and_nothing_is_written_over() {
    let sshd = Sshd::new();
    let mut place = sshd.place(After::Move);
    for content in ["a\n1\n", "a\n2\n", "a\n2\n", "a\n1\n"] {
        sshd.write("sub/x.csv", content);
        let opened = place.open("sub/x.csv").unwrap();
        place.finish(&taken(&opened, None), Fate::Done).unwrap();
        assert!(!sshd.path("in/sub/x.csv").exists());
    }
    let done = fs::read_dir(sshd.path("in/done/sub")).unwrap();
    let mut done: Vec<String> = done
        .map(|e| fs::read_to_string(e.unwrap().path()).unwrap())
        .collect();
    done.sort();
    assert_eq!(done, ["a\n1\n", "a\n2\n"]);
    // A folder of ours that leads elsewhere is none.
    let outside = tempfile::tempdir().unwrap();
    fs::remove_dir_all(sshd.path("in/done")).unwrap();
    symlink(outside.path(), sshd.path("in/done")).unwrap();
    sshd.write("y.csv", "a\n1\n");
    let opened = place.open("y.csv").unwrap();
    let why = broken(place.finish(&taken(&opened, None), Fate::Done));
    assert!(
        why.contains("y.csv was taken") && why.contains("is no folder"),
        "{why}"
    );
    assert!(sshd.path("in/y.csv").is_file());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn no_link_is_followed_and_nothing_but_files_is_opened() {
    let sshd = Sshd::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.csv"), "a\n1\n").unwrap();
    symlink(outside.path().join("secret.csv"), sshd.path("in/link.csv")).unwrap();
    symlink(outside.path(), sshd.path("in/sub")).unwrap();
    let fifo = CString::new(sshd.path("in/pipe.csv").as_os_str().as_bytes()).unwrap();
    // SAFETY: the path ends with a zero.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    // A name that is no text can be in no position.
    let name = std::ffi::OsStr::from_bytes(b"in/\xff.csv");
    fs::write(sshd.dir.path().join(name), "a\n1\n").unwrap();
    let mut place = sshd.place(After::Keep);
    assert_eq!(place.list().unwrap(), []);
    for path in [
        "link.csv",
        "sub/secret.csv",
        "pipe.csv",
        "../host_key",
        "a//b",
        ".",
    ] {
        assert!(of_open(place.open(path)).is_err(), "{path}");
    }
    let why = broken(of_open(place.open("link.csv")));
    assert!(why.contains("is a link, or no regular file"), "{why}");
    let why = broken(of_open(place.open("gone.csv")));
    assert!(why.contains("there is none"), "{why}");
    // The configured folder itself may be one.
    symlink(sshd.path("in"), sshd.path("front")).unwrap();
    sshd.write("a.csv", "a\n1\n");
    let mut server = sshd.server();
    server.folder = sshd.path("front").display().to_string();
    assert_eq!(names(&mut super::place(&server, After::Keep)), ["a.csv"]);
    server.folder = sshd.path("nowhere").display().to_string();
    let why = broken(super::place(&server, After::Keep).list());
    assert!(
        why.contains("nowhere cannot be read: there is none"),
        "{why}"
    );
}

#[test]
fn a_server_that_is_not_known_or_another_one_is_told_nothing() {
    let mut sshd = Sshd::new();
    sshd.write("a.csv", "a\n1\n");
    let mut stranger = sshd.server();
    stranger.known_hosts = None;
    let why = broken(place(&stranger, After::Keep).list());
    assert!(
        why.contains("is not known: it shows ssh-ed25519 SHA256:"),
        "{why}"
    );
    // What is said to be added is right: as a fingerprint, and as a line.
    let print = why.split("host-key = \"").nth(1).unwrap();
    stranger.host_keys = vec![print.split('"').next().unwrap().to_owned()];
    assert_eq!(names(&mut place(&stranger, After::Keep)), ["a.csv"]);
    let line = why.split("`known-hosts`: ").nth(1).unwrap();
    fs::write(sshd.path("own"), line).unwrap();
    let mut known = sshd.server();
    known.known_hosts = Some(sshd.path("own"));
    let mut place = place(&known, After::Keep);
    assert_eq!(names(&mut place), ["a.csv"]);
    // Hashed by OpenSSH's own tool.
    keygen(&["-q", "-H", "-f", &sshd.path("own").display().to_string()]);
    assert!(
        fs::read_to_string(sshd.path("own"))
            .unwrap()
            .starts_with("|1|")
    );
    sshd.end();
    later(place.list());
    sshd.again();
    assert_eq!(names(&mut place), ["a.csv"]);
    // Its key was changed: the session that is open is none any more, and there is no other.
    sshd.end();
    fs::remove_file(sshd.path("host_key")).unwrap();
    sshd.again();
    let why = broken(place.list());
    assert!(
        why.contains("is not the one that is known") && why.contains("line 1 of"),
        "{why}"
    );
    known.known_hosts = Some(sshd.path("none"));
    let why = broken(super::place(&known, After::Keep).list());
    assert!(why.contains("cannot read the known hosts"), "{why}");
}

#[test]
fn who_asks_must_be_let_in_and_keys_of_rsa_are_refused_by_name() {
    let sshd = Sshd::new();
    let file = |name: &str| sshd.path(name).display().to_string();
    let with = |name: &str, passphrase: Option<&str>| {
        let mut server = sshd.server();
        server.proof = Proof::Key {
            key: SecretAt::File(sshd.path(name)),
            passphrase: passphrase.map(|p| SecretAt::File(sshd.path(p))),
        };
        place(&server, After::Keep).list()
    };
    keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &file("other")]);
    let why = broken(with("other", None));
    assert!(
        why.contains("does not take the key of") && why.contains("it takes publickey"),
        "{why}"
    );
    // Locked with a passphrase: the same key.
    fs::copy(sshd.path("user_key"), sshd.path("locked")).unwrap();
    keygen(&[
        "-q",
        "-p",
        "-P",
        "",
        "-N",
        "correct horse",
        "-f",
        &file("locked"),
    ]);
    fs::write(sshd.path("right"), "correct horse\n").unwrap();
    fs::write(sshd.path("false"), "wrong horse\n").unwrap();
    assert_eq!(with("locked", Some("right")).unwrap(), []);
    for passphrase in [None, Some("false")] {
        let why = broken(with("locked", passphrase));
        assert!(why.contains("`ssh-key-file` cannot be used"), "{why}");
        assert!(!why.contains("horse"), "{why}");
    }
    keygen(&["-q", "-t", "rsa", "-N", "", "-f", &file("rsa")]);
    let why = broken(with("rsa", None));
    assert!(why.contains("is of RSA, which is not used here"), "{why}");
    fs::write(sshd.path("no_key"), "hello").unwrap();
    broken(with("no_key", None));
    assert!(matches!(
        Sftp::new(
            "inbox",
            &Server {
                proof: Proof::Password(SecretAt::File(sshd.path("nowhere"))),
                ..sshd.server()
            },
            After::Keep,
            table(),
            None
        ),
        Err(Unmade::Secret(_))
    ));
    let mut server = sshd.server();
    server.proof = Proof::Password(SecretAt::File(sshd.path("right")));
    let why = broken(place(&server, After::Keep).list());
    assert!(why.contains("does not take the password of"), "{why}");
    // A server that has nothing but RSA.
    let rsa = Sshd::with("rsa");
    let why = broken(rsa.place(After::Keep).list());
    assert!(why.contains("host keys of RSA alone are none"), "{why}");
    let ecdsa = Sshd::with("ecdsa");
    assert_eq!(ecdsa.place(After::Keep).list().unwrap(), []);
}

#[test]
fn a_server_that_ends_in_the_middle_is_waited_for() {
    let mut sshd = Sshd::new();
    sshd.write("a.csv", "a\n1\n");
    let mut place = sshd.place(After::Move);
    let opened = place.open("a.csv").unwrap();
    sshd.end();
    later(place.finish(&taken(&opened, None), Fate::Done));
    later(of_open(place.open("a.csv")));
    sshd.again();
    place.finish(&taken(&opened, None), Fate::Done).unwrap();
    assert!(sshd.path("in/done/a.csv").is_file());
}
