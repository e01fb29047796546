//! `bench/peer_tls`: what TLS between processes costs.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::Args;
use standings_load::Shape;

use crate::harness::folder::Folder;
use crate::harness::measure::{self, Invocation, Took};
use crate::harness::report::Report;
use crate::harness::stats::{Ratios, median};
use crate::harness::table::Table;
use crate::harness::{place, rounds, sales};
use crate::problem::Problem;

/// What TLS between processes costs: the same file ranked by two processes, plain and with certificates, alternating.
///
/// Prints the median seconds and CPU seconds of both sides and of the pairs' ratios, and the range of these. Needs openssl
/// and a built binary: $STANDINGS_BENCH_BINARY, or the release build.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bench/peer_tls --sales 2000000 --rounds 7
  STANDINGS_BENCH_BINARY=OTHER bench/peer_tls --rounds 3")]
pub struct PeerTlsArgs {
    /// How many sales.
    #[arg(long, value_name = "N", default_value_t = 2_000_000)]
    sales: u64,
    /// How often both sides run.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = rounds::parse)]
    rounds: usize,
    /// The table as Markdown.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const SIDES: [&str; 2] = ["plain", "TLS"];

/// Runs `bench/peer_tls`.
pub fn run(args: &PeerTlsArgs) -> Result<(), Problem> {
    let mut report = Report::begin();
    let shape = Shape {
        sales: args.sales,
        ..Shape::default()
    };
    let files = sales::split(&sales::file("", &shape)?, 2)?;
    let folder = Folder::new("peers")?;
    let flags = [Vec::new(), certificates(folder.path())?];
    let mut took: [Vec<Took>; 2] = Default::default();
    for round in 0..args.rounds {
        for at in rounds::order(SIDES.len(), round) {
            let one = measure::run(&cluster(&files, folder.path(), &flags[at])?)?;
            report.keep(SIDES[at], "seconds", one.seconds);
            report.keep(SIDES[at], "cpu seconds", one.cpu);
            took[at].push(one);
        }
        eprintln!("round {} of {}", round + 1, args.rounds);
    }
    report.end(&summary(&took), args.out.as_deref())
}

fn cluster(files: &[PathBuf], folder: &Path, flags: &[String]) -> Result<Invocation, Problem> {
    let out = folder.join("changes");
    if out.exists() {
        std::fs::remove_file(&out).map_err(Problem::file(&out))?;
    }
    let mut command = Invocation::new(place::standings())
        .args([
            "cluster",
            "-n",
            "2",
            "--no-restart",
            "--",
            "run",
            "-w",
            "1",
            "--until-end",
        ])
        .args([
            "--queries",
            &place::in_root("queries"),
            "--sink",
            &sales::source(&out),
        ]);
    for file in files {
        command = command.args(["--source", &sales::source(file)]);
    }
    Ok(command.args(flags))
}

fn summary(took: &[Vec<Took>; 2]) -> String {
    let mut table = Table::new(1, &["", "s", "CPU s"]);
    for (side, all) in SIDES.iter().zip(took) {
        let seconds = median(all.iter().map(|t| t.seconds));
        let cpu = median(all.iter().map(|t| t.cpu));
        table.push([
            (*side).to_owned(),
            format!("{seconds:.2}"),
            format!("{cpu:.2}"),
        ]);
    }
    let mut text = format!("{table}\n");
    let [plain, tls] = took;
    for what in ["seconds", "cpu"] {
        let pick = |t: &Took| if what == "cpu" { t.cpu } else { t.seconds };
        let ratios = Ratios::new(tls.iter().map(pick), plain.iter().map(pick));
        let (least, most) = ratios.range();
        text += &format!(
            "TLS / plain, {what}: median {:.2}, {least:.2} to {most:.2} over {} pairs\n",
            ratios.median(),
            ratios.0.len()
        );
    }
    text
}

/// An authority and one certificate, which both processes use.
fn certificates(folder: &Path) -> Result<Vec<String>, Problem> {
    let at = |name: &str| folder.join(name).display().to_string();
    let key = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    let openssl = |args: &[&str]| openssl(&Invocation::new("openssl").args(args));
    let ca = [
        "-keyout",
        &at("ca.key"),
        "-out",
        &at("ca.pem"),
        "-days",
        "30",
        "-subj",
        "/CN=bench authority",
    ];
    openssl(&[&["req", "-x509"], &key[..], &ca].concat())?;
    let peer = [
        "-keyout",
        &at("peer.key"),
        "-out",
        &at("peer.csr"),
        "-subj",
        "/CN=peer",
    ];
    openssl(&[&["req"], &key[..], &peer].concat())?;
    let san = folder.join("san");
    std::fs::write(&san, "subjectAltName=DNS:standings.bench\n").map_err(Problem::file(&san))?;
    openssl(&[
        "x509",
        "-req",
        "-in",
        &at("peer.csr"),
        "-CA",
        &at("ca.pem"),
        "-CAkey",
        &at("ca.key"),
        "-CAcreateserial",
        "-days",
        "30",
        "-extfile",
        &at("san"),
        "-out",
        &at("peer.pem"),
    ])?;
    let flags = [
        ["--peer-tls-cert".to_owned(), at("peer.pem")],
        ["--peer-tls-key".to_owned(), at("peer.key")],
        ["--peer-tls-ca".to_owned(), at("ca.pem")],
    ];
    Ok(flags.concat())
}

/// It says much on standard error when all is well, and is heard when it is not.
fn openssl(command: &Invocation) -> Result<(), Problem> {
    let started = command.command().stdin(Stdio::null()).output();
    let done = started.map_err(|source| Problem::Start {
        program: command.program.clone(),
        source,
    })?;
    if done.status.success() {
        return Ok(());
    }
    Err(Problem::said(
        "openssl",
        String::from_utf8_lossy(&done.stderr).trim().to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_compared_by_pairs() {
        let took = |seconds, cpu| Took {
            seconds,
            cpu,
            ..Took::default()
        };
        let plain = vec![took(1.0, 2.0), took(2.0, 2.0), took(3.0, 2.0)];
        let tls = vec![took(1.5, 3.0), took(2.0, 3.0), took(6.0, 3.0)];
        let text = summary(&[plain, tls]);
        assert!(text.contains("| plain | 2.00 |  2.00 |\n"), "{text}");
        assert!(
            text.contains("TLS / plain, seconds: median 1.50, 1.00 to 2.00 over 3 pairs\n"),
            "{text}"
        );
        assert!(
            text.contains("TLS / plain, cpu: median 1.50, 1.50 to 1.50 over 3 pairs\n"),
            "{text}"
        );
    }
}
