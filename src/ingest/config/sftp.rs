//! `path = "sftp://USER@HOST[:PORT]/FOLDER"` of `type = "files"`: which server, who it must be, and who asks.
//!
//! 1. The server is known before anything is sent to it: by `host-key`, or by a file of `known-hosts`. With neither it is refused when it
//!    is first asked, and the refusal has the line to add.
//! 2. One proof: a key, or a password. Neither stands in the file.

use std::path::PathBuf;

use super::SecretAt;
use super::error::ConfigError;
use super::section::Section;

/// A folder of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sftp {
    /// Name or address, without brackets.
    pub host: String,
    /// 22, if nothing else is said.
    pub port: u16,
    /// Who asks.
    pub user: String,
    /// From the root of the server, or, without a slash in front, from the user's own folder; without one at its end.
    pub folder: String,
    /// A pattern of the paths in it.
    pub pattern: Option<String>,
    /// How that is proven.
    pub proof: Proof,
    /// Fingerprints of keys that the server may have, as `ssh-keygen -l` shows them.
    pub host_keys: Vec<String>,
    /// A file of such keys, as OpenSSH has it.
    pub known_hosts: Option<PathBuf>,
}

/// How a user proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A private key, as `ssh-keygen` writes it, and what it is locked with.
    Key {
        /// Where it is.
        key: SecretAt,
        /// What it is locked with.
        passphrase: Option<SecretAt>,
    },
    /// A password.
    Password(SecretAt),
}

impl Sftp {
    /// `HOST:PORT`, or `[ADDRESS]:PORT` of an address with colons.
    pub fn address(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// What a path in the folder is called on the server.
    pub fn of(&self, path: &str) -> String {
        match &self.folder[..] {
            "" => path.to_owned(),
            "/" => format!("/{path}"),
            folder => format!("{folder}/{path}"),
        }
    }

    pub(super) fn words(&self) -> String {
        let by = match (&self.proof, self.host_keys.len(), &self.known_hosts) {
            (_, 0, None) => {
                "which is refused until `host-key` or `known-hosts` says who it is".to_owned()
            }
            (_, 0, Some(path)) => format!("known by {}", path.display()),
            (_, n, None) => format!("known by {n} fingerprint(s)"),
            (_, n, Some(path)) => format!("known by {n} fingerprint(s) and {}", path.display()),
        };
        let proof = match &self.proof {
            Proof::Key { .. } => "a key",
            Proof::Password(_) => "a password",
        };
        format!(
            "\n  of the server {}, {by}, as {} by {proof}",
            self.address(),
            self.user
        )
    }
}

/// Words that stand only beside a path of SFTP.
const OWN: [&str; 8] = [
    "host-key",
    "known-hosts",
    "ssh-key",
    "ssh-key-file",
    "passphrase",
    "passphrase-file",
    "password",
    "password-file",
];

/// Refuses what belongs to SFTP beside another path.
pub(super) fn none(section: &Section<'_>) -> Result<(), ConfigError> {
    match OWN.iter().find(|word| section.has(word)) {
        Some(word) => {
            let said = "stands only beside path = \"sftp://USER@HOST/FOLDER\"";
            Err(section.wrong(word, said))
        }
        None => Ok(()),
    }
}

/// `rest`: what is behind `sftp://`.
pub(super) fn read(section: &Section<'_>, rest: &str) -> Result<Sftp, ConfigError> {
    let wrong = |said: &str| section.wrong("path", said);
    let form = "must be sftp://USER@HOST/FOLDER, sftp://USER@HOST:PORT/FOLDER, or sftp://USER@HOST/~/FOLDER from the user's own folder";
    let (server, path) = rest.split_once('/').ok_or_else(|| wrong(form))?;
    let (user, at) = server.rsplit_once('@').ok_or_else(|| wrong(form))?;
    if user.contains(':') {
        return Err(wrong(
            "has a password in it, which stands nowhere in a file like this: say password-file = \"PATH\"",
        ));
    }
    let (host, port) = host_and_port(at).ok_or_else(|| wrong(form))?;
    let is_plain = |text: &str| !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if user.is_empty() || host.is_empty() || !is_plain(user) || !is_plain(host) {
        return Err(wrong(form));
    }
    let (folder, pattern) = folder_and_pattern(path).ok_or_else(|| {
        wrong("leads through `.` or `..`, or has an empty part: say the folder itself")
    })?;
    let host_keys = section.list("host-key")?;
    if let Some(key) = host_keys.iter().find(|key| !is_fingerprint(key)) {
        return Err(section.wrong(
            "host-key",
            &format!("is `{key}`; wanted is what ssh-keygen -l shows: SHA256:…"),
        ));
    }
    let known_hosts = section.str("known-hosts")?.map(|path| section.path(&path));
    Ok(Sftp {
        host: host.to_owned(),
        port,
        user: user.to_owned(),
        folder,
        pattern,
        proof: proof(section)?,
        host_keys,
        known_hosts,
    })
}

fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']')?;
            match behind {
                "" => (host, None),
                behind => (host, Some(behind.strip_prefix(':')?)),
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None => 22,
    };
    Some((host, port))
}

fn folder_and_pattern(path: &str) -> Option<(String, Option<String>)> {
    let (start, path) = match path {
        "~" => ("", ""),
        path => match path.strip_prefix("~/") {
            Some(own) => ("", own),
            None => ("/", path),
        },
    };
    let path = path.strip_suffix('/').unwrap_or(path);
    let parts: Vec<&str> = match path {
        "" => Vec::new(),
        path => path.split('/').collect(),
    };
    if parts.iter().any(|p| matches!(*p, "" | "." | "..")) {
        return None;
    }
    let at = parts.iter().position(|p| p.contains(['*', '?']));
    let at = at.unwrap_or(parts.len());
    let pattern = (at < parts.len()).then(|| parts[at..].join("/"));
    Some((format!("{start}{}", parts[..at].join("/")), pattern))
}

/// `SHA256:`, and 43 letters of base64 without its filling.
fn is_fingerprint(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "+/".contains(c);
    text.strip_prefix("SHA256:")
        .is_some_and(|rest| rest.len() == 43 && rest.chars().all(is_letter))
}

fn proof(section: &Section<'_>) -> Result<Proof, ConfigError> {
    let key = section.secret("ssh-key", "ssh-key-file")?;
    let passphrase = section.secret("passphrase", "passphrase-file")?;
    let password = section.secret("password", "password-file")?;
    match (key, password) {
        (Some(key), None) => Ok(Proof::Key { key, passphrase }),
        (None, Some(password)) if passphrase.is_none() => Ok(Proof::Password(password)),
        (None, Some(_)) => Err(section.wrong(
            "password",
            "and a passphrase are two things: a passphrase unlocks the key of `ssh-key-file`",
        )),
        (Some(_), Some(_)) => Err(section.wrong(
            "ssh-key-file",
            "and a password are two proofs of one user: give one",
        )),
        (None, None) => Err(section.wrong(
            "path",
            "of a server needs a proof: ssh-key-file = \"PATH\" of a private key, or password-file = \"PATH\"",
        )),
    }
}
