//! Beside the real Flink: the shipped rankings as they are, and expressions made up at random.
//!
//! `bench/peers/flink` has Flink's jars (`setup` fetches them by Maven, once) and the two programs that these tests run.

mod expressions;
mod rankings;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What a program of `bench/peers/flink` prints, a value a line.
fn flink(program: &str, arguments: &[&Path]) -> Vec<Value> {
    let mut command = Command::new("bench/peers/flink/java");
    command.arg(program).args(arguments);
    command.env("PEER_LOG", "off");
    command.env("PEER_JAVA_OPTIONS", "-Xmx1g -XX:+UseSerialGC");
    let out = command.output().unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{program}: {log}");
    let text = String::from_utf8(out.stdout).unwrap();
    // Flink prints a class that it could not compile.
    let lines = text.lines().filter(|l| l.starts_with("{\""));
    let lines = lines.map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}")));
    lines.collect()
}
