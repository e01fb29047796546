//! What black-box tests share: the binary, real services, what a run stands on (`bed`), and the reference.
#![allow(dead_code, unused_imports)]

pub mod bed;
pub mod bucket;
pub mod calls;
pub mod changes;
pub mod http;
pub mod inside;
pub mod kafka;
pub mod left;
pub mod openlineage;
pub mod postgres;
pub mod proxy;
pub mod receiver;
pub mod reference;
pub mod watchdog;

pub use bed::{Bed, Process};
pub use reference::*;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The binary with some arguments; logs warnings only, or what `STANDINGS_TEST_LOG` says.
pub fn standings(args: &[&str]) -> Command {
    // Another build, such as a release, can be tested too.
    let other = std::env::var_os("STANDINGS_TEST_BINARY");
    let program = other.unwrap_or_else(|| env!("CARGO_BIN_EXE_standings").into());
    let mut command = Command::new(program);
    let log = std::env::var("STANDINGS_TEST_LOG").unwrap_or("warn".to_owned());
    command.args(args).env("STANDINGS_LOG", log);
    command
}

/// A run of the shipped queries to the end of `source`, with the changes on standard output.
pub fn to_stdout(source: &str) -> Command {
    let mut command = standings(&["run", "--queries", "queries", "--until-end"]);
    command.args(["--sink", "stdout", "--source", source]);
    command
}

/// A copy of the shipped queries in a folder of their own, to be changed or to have more beside them.
pub fn copied_queries(dir: &Path) -> PathBuf {
    let folder = dir.join("queries");
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir("queries").unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    folder
}

/// A copy of the shipped queries, with these checks beside them.
pub fn queries_with(dir: &Path, checks: &str) -> String {
    let folder = copied_queries(dir);
    std::fs::write(folder.join("sales.checks.toml"), checks).unwrap();
    folder.display().to_string()
}

/// Runs to the end; panics with its output if it fails or takes longer than a minute and a half.
pub fn run(args: &[&str]) {
    let mut child = standings(args).stdout(Stdio::null()).spawn().unwrap();
    wait(&mut child, Duration::from_secs(90), args);
}

/// Waits for success.
pub fn wait(child: &mut Child, limit: Duration, what: &[&str]) {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "standings {what:?} ended with {status}");
            return;
        }
        if started.elapsed() > limit {
            child.kill().unwrap();
            panic!("standings {what:?} did not end within {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A service's address from the environment; without one a test cannot say anything.
pub fn service(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `deploy/test`, or `deploy/services up` and `eval \"$(deploy/services env)\"`")
    })
}

/// A running binary, ended when dropped.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The numbers of the snapshots in a folder, without what only says that it was opened.
pub fn snapshots(dir: &std::path::Path) -> Vec<u64> {
    let folder = std::fs::read_dir(dir.join("manifests"));
    let number = |e: std::io::Result<std::fs::DirEntry>| {
        let path = e.ok()?.path();
        // One that was being written when its process was killed has a name that goes on after this.
        path.extension().filter(|e| *e == "json")?;
        let number = path.file_stem()?.to_str()?.parse().ok()?;
        let text = std::fs::read_to_string(&path).ok()?;
        text.contains("\"parts\":").then_some(number)
    };
    folder.map_or(Vec::new(), |all| all.filter_map(number).collect())
}

/// The number of the newest snapshot in a folder; 0 for none.
pub fn newest_snapshot(dir: &std::path::Path) -> u64 {
    snapshots(dir).into_iter().max().unwrap_or(0)
}

/// A port that is free now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Waits until it holds.
pub fn until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
