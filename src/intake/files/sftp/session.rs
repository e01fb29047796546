//! A session with a server: who it is, who asks, and the calls of SFTP, each with a limit of time.
//!
//! ```text
//! TCP ──► keys ──host key: known?──► user: key or password ──► subsystem "sftp" ──► calls
//!                   └─ no: ended here, nothing of ours was sent
//! ```
//!
//! 1. What a call is answered is one of three: a value, *no such file*, or a [`Fault`]; one of the connection's ends the session.
//! 2. Secrets and files of known hosts are read for each session, so that they can be changed.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use russh::client::{AuthResult, Config, Handle, Handler, connect};
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};

use russh::{ChannelMsg, Disconnect, Preferred, SshId};
use russh_sftp::client::error::Error as CallError;
use russh_sftp::client::{Config as CallConfig, RawSftpSession};
use russh_sftp::protocol::{FileAttributes, OpenFlags, StatusCode};
use tokio::time::timeout;

use super::hosts::Hosts;
use crate::secret;
use standings_ingest::config::{Proof, SecretAt, Sftp};
use standings_ingest::feed::Trouble;

/// How long a server may take to be there, to know us, and to answer a call.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that are asked for at once: what every server gives.
const PIECE: u32 = 32 << 10;
/// Pieces that are under way at once.
const PIECES: usize = 32;

/// Why a call came to nothing.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server says no: in words.
    Refused(String),
    /// The same, of what somebody has to allow.
    Denied(String),
    /// There is none.
    Gone,
    /// The connection is none any more, or does not answer.
    Lost(String),
}

impl Fault {
    fn of(error: CallError) -> Self {
        match error {
            CallError::Status(status) => match status.status_code {
                StatusCode::NoSuchFile => Fault::Gone,
                StatusCode::PermissionDenied => Fault::Denied("permission denied".to_owned()),
                StatusCode::ConnectionLost | StatusCode::NoConnection => {
                    Fault::Lost(status.status_code.to_string())
                }
                // What a server writes beside it is its own; only known words are shown.
                code => Fault::Refused(code.to_string().to_lowercase()),
            },
            error => Fault::Lost(error.to_string()),
        }
    }

    pub(super) fn said(&self) -> &str {
        match self {
            Fault::Refused(said) | Fault::Denied(said) | Fault::Lost(said) => said,
            Fault::Gone => "there is none",
        }
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A link, a pipe, a device: nothing that is read.
    Other,
}

/// What a server says of an entry; of a link itself, not of what it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) kind: Kind,
    pub(super) size: u64,
    /// Milliseconds since the Unix epoch, whole seconds: the protocol has no less.
    pub(super) modified: i64,
}

impl Meta {
    /// None where the server does not say what it is.
    pub(super) fn of(attributes: &FileAttributes) -> Option<Self> {
        let kind = match attributes.permissions? & 0o170_000 {
            0o100_000 => Kind::File,
            0o040_000 => Kind::Folder,
            _ => Kind::Other,
        };
        Some(Meta {
            kind,
            size: attributes.size.unwrap_or(0),
            modified: i64::from(attributes.mtime.unwrap_or(0)) * 1000,
        })
    }
}

/// A session that is open.
pub(super) struct Session {
    ssh: Handle<Judge>,
    calls: RawSftpSession,
}

/// Judges the key that a server shows.
struct Judge(Hosts);

/// Why there is no session.
#[derive(Debug)]
enum NoSession {
    Host(String),
    Ssh(russh::Error),
}

impl From<russh::Error> for NoSession {
    fn from(error: russh::Error) -> Self {
        NoSession::Ssh(error)
    }
}

impl Handler for Judge {
    type Error = NoSession;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, NoSession> {
        match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                self.0.judge(key).map(|()| true).map_err(NoSession::Host)
            }
            // None is asked for.
            PublicKeyOrCertificate::Certificate(_) => Err(NoSession::Host(
                "the server shows a certificate, which was not asked for".to_owned(),
            )),
        }
    }
}

impl Session {
    /// Connects, looks who the server is, and says who asks.
    pub(super) async fn open(source: &str, of: &Sftp) -> Result<Self, Trouble> {
        let at = of.address();
        let hosts = hosts(of)?;
        let mut key = Preferred::DEFAULT;
        key.key = Cow::Owned(hosts.kinds());
        let config = Config {
            client_id: SshId::Standard(Cow::Borrowed("SSH-2.0-standings")),
            preferred: key,
            keepalive_interval: Some(Duration::from_secs(15)),
            nodelay: true,
            ..Config::default()
        };
        let connected = connect(Arc::new(config), (of.host.as_str(), of.port), Judge(hosts));
        let late = |what: &str| {
            Trouble::later(format!(
                "the server {at} does not {what} within {} s",
                PATIENCE.as_secs()
            ))
        };
        let mut ssh = match timeout(PATIENCE, connected).await {
            Ok(Ok(ssh)) => ssh,
            Ok(Err(why)) => return Err(no_session(&at, why)),
            Err(_) => return Err(late("answer")),
        };
        let proven = timeout(PATIENCE, prove(source, of, &mut ssh));
        proven
            .await
            .map_err(|_| late("say whether it knows us"))??;
        let lost = |e: russh::Error| Trouble::later(format!("the server {at}: {e}"));
        let opened = timeout(PATIENCE, async {
            let mut channel = ssh.channel_open_session().await.map_err(lost)?;
            channel
                .request_subsystem(true, "sftp")
                .await
                .map_err(lost)?;
            loop {
                match channel.wait().await {
                    Some(ChannelMsg::Success) => break,
                    Some(ChannelMsg::Failure) | None => {
                        return Err(Trouble::Broken(format!(
                            "the server {at} has no SFTP for {}",
                            of.user
                        )));
                    }
                    Some(_) => {}
                }
            }
            let config = CallConfig {
                request_timeout_secs: PATIENCE.as_secs(),
                ..CallConfig::default()
            };
            let calls = RawSftpSession::new_with_config(channel.into_stream(), config);
            let hello = calls.init().await;
            hello.map_err(|e| Trouble::later(format!("the server {at} speaks no SFTP: {e}")))?;
            Ok(calls)
        });
        let calls = opened.await.map_err(|_| late("begin SFTP"))??;
        Ok(Session { ssh, calls })
    }

    /// Whether nothing can be asked any more.
    pub(super) fn is_over(&self) -> bool {
        self.ssh.is_closed()
    }

    /// Says farewell.
    pub(super) async fn close(self) {
        let farewell = self.ssh.disconnect(Disconnect::ByApplication, "", "");
        // A server that does not hear it notices that the connection is gone.
        let _ = timeout(Duration::from_secs(1), farewell).await;
    }

    /// What an entry is; none where there is none.
    pub(super) async fn meta(&self, path: &str) -> Result<Option<Meta>, Fault> {
        match self.calls.lstat(path).await.map_err(Fault::of) {
            Ok(found) => said(path, Meta::of(&found.attrs)).map(Some),
            Err(Fault::Gone) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Entries of a folder, with what each is, where the server says it at once; no more than `most`.
    pub(super) async fn entries(
        &self,
        folder: &str,
        most: usize,
    ) -> Result<Vec<(String, Option<Meta>)>, Fault> {
        let handle = self.calls.opendir(folder).await.map_err(Fault::of)?.handle;
        let mut all = Vec::new();
        let read = loop {
            match self.calls.readdir(handle.as_str()).await {
                Ok(more) => {
                    let more = more.files.into_iter();
                    all.extend(more.map(|f| (f.filename, Meta::of(&f.attrs))));
                }
                Err(CallError::Status(status)) if status.status_code == StatusCode::Eof => {
                    break Ok(());
                }
                Err(e) => break Err(Fault::of(e)),
            }
            if all.len() > most {
                break Err(Fault::Refused(format!("more than {most} entries")));
            }
        };
        // One that is not closed ends with the session.
        let _ = self.calls.close(handle.as_str()).await;
        read.map(|()| all)
    }

    /// Brings a file here, as long as it was when it was opened. `found`: what it was just before.
    ///
    /// # Errors
    /// It is another one than was found, or became another while it was read.
    pub(super) async fn bring(
        &self,
        path: &str,
        found: Meta,
        mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), Fault> {
        let opened = self
            .calls
            .open(path, OpenFlags::READ, FileAttributes::empty());
        let handle = opened.await.map_err(Fault::of)?.handle;
        let handle = handle.as_str();
        let brought = async {
            self.is_still(path, handle, found).await?;
            let pieces = (0..found.size).step_by(PIECE as usize).map(|at| {
                let left = found.size - at;
                // At most a piece, which is no more than 32 bits.
                self.piece(handle, at, left.min(u64::from(PIECE)) as u32)
            });
            let mut pieces = stream::iter(pieces).buffered(PIECES);
            while let Some(piece) = pieces.try_next().await? {
                take(&piece).map_err(|e| Fault::Refused(format!("cannot be kept here: {e}")))?;
            }
            self.is_still(path, handle, found).await
        };
        let brought = brought.await;
        // One that is not closed ends with the session.
        let _ = self.calls.close(handle).await;
        brought
    }

    /// Whether what is open is what was found.
    async fn is_still(&self, path: &str, handle: &str, found: Meta) -> Result<(), Fault> {
        let now = self.calls.fstat(handle).await.map_err(Fault::of)?;
        match said(path, Meta::of(&now.attrs))? == found {
            true => Ok(()),
            false => Err(Fault::Refused("became another file meanwhile".to_owned())),
        }
    }

    /// All bytes of a piece: a server may give fewer at a time.
    async fn piece(&self, handle: &str, at: u64, length: u32) -> Result<Vec<u8>, Fault> {
        let mut all: Vec<u8> = Vec::with_capacity(length as usize);
        while all.len() < length as usize {
            let have = all.len() as u32;
            let read = self.calls.read(handle, at + u64::from(have), length - have);
            let more = match read.await {
                Ok(more) => more.data,
                Err(CallError::Status(status)) if status.status_code == StatusCode::Eof => {
                    return Err(Fault::Refused("became shorter meanwhile".to_owned()));
                }
                Err(e) => return Err(Fault::of(e)),
            };
            if more.is_empty() || more.len() > (length - have) as usize {
                return Err(Fault::Lost(
                    "the server gives other bytes than were asked for".to_owned(),
                ));
            }
            all.extend_from_slice(&more);
        }
        Ok(all)
    }

    /// Gives a file another name, which must be free.
    pub(super) async fn rename(&self, from: &str, to: &str) -> Result<(), Fault> {
        let renamed = self.calls.rename(from, to).await;
        renamed.map(drop).map_err(Fault::of)
    }

    /// Makes a folder.
    pub(super) async fn make(&self, folder: &str) -> Result<(), Fault> {
        let made = self.calls.mkdir(folder, FileAttributes::empty()).await;
        made.map(drop).map_err(Fault::of)
    }

    /// Removes a file; one that is gone is as good.
    pub(super) async fn remove(&self, path: &str) -> Result<(), Fault> {
        match self.calls.remove(path).await.map_err(Fault::of) {
            Ok(_) | Err(Fault::Gone) => Ok(()),
            Err(fault) => Err(fault),
        }
    }
}

fn said(path: &str, meta: Option<Meta>) -> Result<Meta, Fault> {
    meta.ok_or_else(|| Fault::Refused(format!("the server does not say what {path} is")))
}

/// What is known of the server, read anew.
fn hosts(of: &Sftp) -> Result<Hosts, Trouble> {
    let file = match &of.known_hosts {
        Some(path) => {
            let read = std::fs::read_to_string(path);
            let text = read.map_err(|e| {
                Trouble::Broken(format!(
                    "cannot read the known hosts in {}: {e}",
                    path.display()
                ))
            })?;
            Some((path.display().to_string(), text))
        }
        None => None,
    };
    let file = file.as_ref().map(|(path, text)| (&path[..], &text[..]));
    Ok(Hosts::new(&of.host, of.port, &of.host_keys, file))
}

/// Who asks. Nothing of it was sent before the server was known.
async fn prove(source: &str, of: &Sftp, ssh: &mut Handle<Judge>) -> Result<(), Trouble> {
    let at = of.address();
    let whole = |at: &SecretAt| match secret::all(source, at) {
        Ok(lines) => Ok(lines.join("\n")),
        Err(none) => Err(Trouble::Broken(none.to_string())),
    };
    let (answer, what) = match &of.proof {
        Proof::Password(at) => {
            let password = whole(at)?;
            (
                ssh.authenticate_password(&of.user, password).await,
                "the password",
            )
        }
        Proof::Key { key, passphrase } => {
            let passphrase = passphrase.as_ref().map(whole).transpose()?;
            let key = decode_secret_key(&whole(key)?, passphrase.as_deref());
            // What was wrong with it says nothing of it.
            let key = key.map_err(|e| {
                Trouble::Broken(format!(
                    "the key of `ssh-key-file` cannot be used: {e}; wanted is a private key of ssh-keygen, of ed25519 or ecdsa"
                ))
            })?;
            if key.algorithm().is_rsa() {
                return Err(Trouble::Broken(
                    "the key of `ssh-key-file` is of RSA, which is not used here: make one by ssh-keygen -t ed25519".to_owned(),
                ));
            }
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
            (ssh.authenticate_publickey(&of.user, key).await, "the key")
        }
    };
    match answer {
        Ok(AuthResult::Success) => Ok(()),
        Ok(AuthResult::Failure {
            remaining_methods, ..
        }) => {
            let others: Vec<&str> = remaining_methods.iter().map(Into::into).collect();
            Err(Trouble::Broken(format!(
                "the server {at} does not take {what} of {}; it takes {}",
                of.user,
                others.join(", ")
            )))
        }
        Err(e) => Err(Trouble::later(format!("the server {at}: {e}"))),
    }
}

fn no_session(at: &str, why: NoSession) -> Trouble {
    match why {
        NoSession::Host(said) => Trouble::Broken(said),
        NoSession::Ssh(russh::Error::NoCommonAlgo { kind, theirs, .. }) => {
            let theirs: Vec<&str> = theirs.iter().map(String::as_str).collect();
            Trouble::Broken(format!(
                "the server {at} knows nothing that is safe and known here ({kind:?}: it offers {}); host keys of RSA alone are none",
                theirs.join(", ")
            ))
        }
        NoSession::Ssh(e) => Trouble::later(format!("the server {at} cannot be reached: {e}")),
    }
}
