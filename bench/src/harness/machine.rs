//! The machine in a line, for beside the figures.

use std::fs;
use std::process::Command;

use super::place;

/// Cores, memory, compiler, commit, and how busy it is.
pub fn line() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load
        .split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0.0);
    format!(
        "{} x {}, {} GiB, {}, standings {}, load {load:.1} at the start",
        cores(),
        model(&cpu),
        gibibytes(&memory),
        rustc(),
        said("git", &["rev-parse", "--short", "HEAD"]),
    )
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The compiler.
pub fn rustc() -> String {
    said("rustc", &["--version"])
}

fn said(program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    let done = command.args(args).current_dir(place::root()).output();
    let text = done.map(|d| String::from_utf8_lossy(&d.stdout).trim().to_owned());
    text.ok()
        .filter(|t| !t.is_empty())
        .unwrap_or("?".to_owned())
}

fn model(cpuinfo: &str) -> &str {
    let line = cpuinfo.lines().find(|l| l.starts_with("model name"));
    line.and_then(|l| l.split_once(':'))
        .map_or("?", |(_, name)| name.trim())
}

fn gibibytes(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemTotal:"));
    let kib: Option<f64> = line
        .and_then(|l| l.split_whitespace().next())
        .and_then(|n| n.parse().ok());
    (kib.unwrap_or(0.0) / f64::from(1 << 20)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_read_from_its_files() {
        assert_eq!(
            model("processor\t: 0\nmodel name\t: AMD EPYC 9B14\nflags\t: x"),
            "AMD EPYC 9B14"
        );
        assert_eq!(model(""), "?");
        assert_eq!(
            gibibytes("MemTotal:       24668108 kB\nMemFree: 1 kB\n"),
            24
        );
    }
}
