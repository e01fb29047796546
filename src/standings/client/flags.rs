//! Which server is asked, and by which key.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Server;
use standings_model::error::codes;
use standings_process::exit::Failure;

/// `--url`, `--key-file`.
#[derive(Args, Clone, Debug)]
pub struct ServerArgs {
    /// Address of a process that serves its rankings (`--http`).
    #[arg(
        long,
        env = "STANDINGS_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080"
    )]
    pub url: String,
    /// A file that holds the key to send; without it STANDINGS_KEY, or the file that STANDINGS_KEY_FILE names.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

impl ServerArgs {
    /// The server.
    pub fn server(&self) -> Result<Server, Failure> {
        Server::new(&self.url, key(self.key_file.as_deref())?.as_deref())
    }
}

/// The key that is sent, of a file or the environment.
pub fn key(file: Option<&Path>) -> Result<Option<String>, Failure> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path).map_err(|e| {
            Failure::of(
                &codes::line::FILE,
                format!("--key-file {}: {e}", path.display()),
            )
        })?,
        None => match std::env::var("STANDINGS_KEY") {
            Ok(text) => text,
            Err(_) => return Ok(None),
        },
    };
    let key = text.trim();
    Ok((!key.is_empty()).then(|| key.to_owned()))
}
