//! A server of our own that takes a password, and does not tell the truth of what lies there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};
use russh::server::{Auth, Msg, Server as _, Session as Speaks};
use russh::{Channel, ChannelId};
use russh_sftp::protocol::{
    Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode, Version,
};

use super::*;

const PASSWORD: &str = "correct horse";

/// What is false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    None,
    /// Names that lead out of the folder, or are none.
    Names,
    /// A folder with no end.
    Endless,
    /// More bytes than were asked for.
    Long,
    /// Fewer bytes than were said, a few at a time.
    Short,
    /// Nothing, again and again.
    Empty,
    /// Another file is opened than was found.
    Swapped,
    /// The file is another one by the time that it is read.
    Changed,
    /// It does not say what anything is.
    Silent,
}

#[derive(Clone)]
struct Liar {
    lie: Lie,
    channels: Arc<tokio::sync::Mutex<HashMap<ChannelId, Channel<Msg>>>>,
}

impl russh::server::Server for Liar {
    type Handler = Self;

    fn new_client(&mut self, _: Option<SocketAddr>) -> Self {
        self.clone()
    }
}

impl russh::server::Handler for Liar {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        Ok(match (user, password) {
            ("ana", PASSWORD) => Auth::Accept,
            _ => Auth::reject(),
        })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: russh::server::ChannelOpenHandle,
        _: &mut Speaks,
    ) -> Result<(), russh::Error> {
        self.channels.lock().await.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Speaks,
    ) -> Result<(), russh::Error> {
        assert_eq!(name, "sftp");
        let channel = self.channels.lock().await.remove(&id).unwrap();
        session.channel_success(id)?;
        let files = Files {
            lie: self.lie,
            asked: AtomicU32::new(0),
        };
        russh_sftp::server::run(channel.into_stream(), files).await;
        Ok(())
    }
}

/// One file, `a.csv`, of this.
const CONTENT: &[u8] = b"a,b\n1,2\n";

struct Files {
    lie: Lie,
    asked: AtomicU32,
}

impl Files {
    fn attributes(&self, mode: u32, size: u64) -> FileAttributes {
        let mut all = FileAttributes::empty();
        all.size = Some(size);
        all.permissions = (self.lie != Lie::Silent).then_some(mode);
        (all.mtime, all.atime) = (Some(1), Some(1));
        all
    }

    fn file(&self) -> FileAttributes {
        self.attributes(0o100_644, CONTENT.len() as u64)
    }
}

fn ok(id: u32) -> Status {
    Status {
        id,
        status_code: StatusCode::Ok,
        error_message: String::new(),
        language_tag: String::new(),
    }
}

impl russh_sftp::server::Handler for Files {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Result<Version, StatusCode> {
        Ok(Version::new())
    }

    async fn close(&mut self, id: u32, _: String) -> Result<Status, StatusCode> {
        Ok(ok(id))
    }

    async fn opendir(&mut self, id: u32, handle: String) -> Result<Handle, StatusCode> {
        Ok(Handle { id, handle })
    }

    async fn readdir(&mut self, id: u32, _: String) -> Result<Name, StatusCode> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let of = |name: String| File {
            filename: name,
            longname: String::new(),
            attrs: self.file(),
        };
        let files = match (self.lie, asked) {
            (Lie::Endless, n) => (0..3000).map(|m| of(format!("{n}-{m}.csv"))).collect(),
            (Lie::Names, 0) => [
                "..",
                ".",
                "",
                "../etc/passwd",
                "/etc/passwd",
                "a/b",
                "a.csv",
            ]
            .map(|name| of(name.to_owned()))
            .into(),
            (_, 0) => vec![of("a.csv".to_owned())],
            _ => return Err(StatusCode::Eof),
        };
        Ok(Name { id, files })
    }

    async fn lstat(&mut self, id: u32, _: String) -> Result<Attrs, StatusCode> {
        let attrs = self.file();
        Ok(Attrs { id, attrs })
    }

    async fn open(
        &mut self,
        id: u32,
        handle: String,
        flags: OpenFlags,
        _: FileAttributes,
    ) -> Result<Handle, StatusCode> {
        assert!(!flags.contains(OpenFlags::WRITE));
        self.asked.store(0, Ordering::Relaxed);
        Ok(Handle { id, handle })
    }

    async fn fstat(&mut self, id: u32, _: String) -> Result<Attrs, StatusCode> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let attrs = match (self.lie, asked) {
            (Lie::Swapped, _) => self.attributes(0o100_644, 1 << 40),
            (Lie::Changed, 1) => self.attributes(0o100_644, 9),
            _ => self.file(),
        };
        Ok(Attrs { id, attrs })
    }

    async fn read(
        &mut self,
        id: u32,
        _: String,
        offset: u64,
        length: u32,
    ) -> Result<Data, StatusCode> {
        let at = usize::try_from(offset).unwrap().min(CONTENT.len());
        let data = match self.lie {
            Lie::Long => vec![b'x'; length as usize + 1],
            Lie::Empty => Vec::new(),
            Lie::Short if at >= 6 => return Err(StatusCode::Eof),
            Lie::Short => CONTENT[at..at + 3].to_vec(),
            _ => {
                // A few at a time, as a server may.
                let end = (at + 3.min(length as usize)).min(CONTENT.len());
                CONTENT[at..end].to_vec()
            }
        };
        Ok(Data { id, data })
    }
}

/// A server that lies, and how it is asked.
fn liar(runtime: &Runtime, lie: Lie, dir: &Path) -> Server {
    let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
    let public: PublicKey = key.public_key().clone();
    let config = russh::server::Config {
        keys: vec![key],
        auth_rejection_time: std::time::Duration::ZERO,
        ..Default::default()
    };
    let socket = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let port = socket.local_addr().unwrap().port();
    let mut server = Liar {
        lie,
        channels: Arc::default(),
    };
    runtime.spawn(async move {
        let _ = server.run_on_socket(Arc::new(config), &socket).await;
    });
    std::fs::write(dir.join("password"), format!("{PASSWORD}\n")).unwrap();
    Server {
        host: "127.0.0.1".to_owned(),
        port,
        user: "ana".to_owned(),
        folder: "/in".to_owned(),
        pattern: None,
        proof: Proof::Password(SecretAt::File(dir.join("password"))),
        host_keys: vec![public.fingerprint(HashAlg::Sha256).to_string()],
        known_hosts: None,
    }
}

fn with<T>(lie: Lie, then: impl FnOnce(Server, &Path) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let server = liar(&runtime, lie, dir.path());
    then(server, dir.path())
}

#[test]
fn a_password_lets_in_and_a_wrong_one_is_told_without_it() {
    with(Lie::None, |server, dir| {
        let mut sftp = place(&server, After::Keep);
        assert_eq!(names(&mut sftp), ["a.csv"]);
        assert_eq!(
            text(&mut sftp.open("a.csv").unwrap()),
            [r#"{"a":"1","b":"2"}"#]
        );
        std::fs::write(dir.join("password"), "wrong horse\n").unwrap();
        let why = broken(place(&server, After::Keep).list());
        assert!(why.contains("does not take the password of ana"), "{why}");
        assert!(!why.contains("horse"), "{why}");
    });
}

#[test]
fn names_that_lead_elsewhere_are_none() {
    with(Lie::Names, |server, _| {
        assert_eq!(names(&mut place(&server, After::Keep)), ["a.csv"]);
    });
}

#[test]
fn a_folder_without_an_end_has_one() {
    with(Lie::Endless, |server, _| {
        let why = later(place(&server, After::Keep).list());
        assert!(why.contains("more than 1000000 entries"), "{why}");
    });
}

#[test]
fn bytes_that_were_not_asked_for_are_not_taken() {
    for (lie, says) in [
        (Lie::Long, "other bytes than were asked for"),
        (Lie::Empty, "other bytes than were asked for"),
        (Lie::Short, "became shorter"),
        (Lie::Swapped, "became another file"),
        (Lie::Changed, "became another file"),
        (Lie::Silent, "does not say what"),
    ] {
        with(lie, |server, _| {
            let why = later(of_open(place(&server, After::Keep).open("a.csv")));
            assert!(why.contains(says), "{lie:?}: {why}");
        });
    }
}
