//! Files that are not in a folder: in a bucket (moto), and on a server (OpenSSH's), as the scripts of `deploy/` run them.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::hooks;
use crate::harness::measure::Invocation;
use crate::harness::place;
use crate::harness::report;
use crate::harness::server::Server;
use crate::problem::Problem;

/// Both; they end with this.
pub(super) struct Stores {
    _moto: Server,
    sshd: Option<Server>,
    /// `host:port`, of the bucket.
    bucket: String,
    user: String,
    port: u16,
    /// What the server shows.
    folder: PathBuf,
}

/// Starts a script that says on its first line where it is.
fn started(script: &str, args: &[&str]) -> Result<(Server, String), Problem> {
    let command = Invocation::new(place::in_root(script)).args(args).silent();
    let mut server = Server::start(script, &command, Stdio::piped())?;
    let mut said = String::new();
    if let Some(out) = server.child.stdout.take() {
        let read = BufReader::new(out).read_line(&mut said);
        read.map_err(Problem::system("reading what a script says"))?;
    }
    match said.trim() {
        "" => Err(Problem::said(script, "it did not begin".to_owned())),
        said => Ok((server, said.to_owned())),
    }
}

impl Stores {
    /// Starts them, with these rows in each. `folder` is where the server keeps what is its own.
    pub(super) fn up(folder: &Path, rows: &str) -> Result<Self, Problem> {
        fs::create_dir_all(folder.join("in")).map_err(Problem::file(folder))?;
        let (moto, url) = started("deploy/moto/run", &[])?;
        let (sshd, said) = started("deploy/sftp/run", &[&folder.display().to_string()])?;
        let strange = || Problem::said("deploy/sftp/run", format!("it says {said:?}"));
        let (user, port) = said.split_once(' ').ok_or_else(strange)?;
        let stores = Stores {
            _moto: moto,
            sshd: Some(sshd),
            bucket: url.trim_start_matches("http://").to_owned(),
            user: user.to_owned(),
            port: port.parse().map_err(|_| strange())?,
            folder: folder.to_owned(),
        };
        hooks::wait_for(stores.port)?;
        stores.ask("", "")?;
        stores.in_bucket("rows.csv", rows)?;
        stores.on_server("rows.csv", rows)?;
        Ok(stores)
    }

    fn ask(&self, path: &str, body: &str) -> Result<(), Problem> {
        let asked = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(&self.bucket)?;
            let head = format!(
                "PUT /inbox{path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                self.bucket,
                body.len()
            );
            stream.write_all((head + body).as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = asked().map_err(Problem::system("cannot put into the bucket"))?;
        match answer.starts_with("HTTP/1.1 200") {
            true => Ok(()),
            false => Err(Problem::said("the bucket", answer)),
        }
    }

    /// Puts a file into the bucket.
    pub(super) fn in_bucket(&self, name: &str, text: &str) -> Result<(), Problem> {
        self.ask(&format!("/in/{name}"), text)
    }

    /// Puts a file onto the server, whole.
    pub(super) fn on_server(&self, name: &str, text: &str) -> Result<(), Problem> {
        let hidden = self.folder.join(".writing");
        report::write(&hidden, text)?;
        let to = self.folder.join("in").join(name);
        fs::rename(&hidden, &to).map_err(Problem::file(&to))
    }

    /// What a source needs to reach them.
    pub(super) fn filled(&self, config: &str) -> String {
        let folder = self.folder.display().to_string();
        config
            .replace("USER", &self.user)
            .replace("PLACE", &format!("127.0.0.1:{}{folder}", self.port))
            .replace("KEYS", &folder)
    }

    /// And a process.
    pub(super) fn told(&self, command: Invocation) -> Invocation {
        command
            .env("AWS_ENDPOINT", &format!("http://{}", self.bucket))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
    }
}

impl Drop for Stores {
    fn drop(&mut self) {
        // Asked to end, it ends its sessions too.
        if let Some(sshd) = self.sshd.take() {
            let _ = sshd.stop(Duration::from_secs(5));
        }
    }
}
