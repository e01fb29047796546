//! A cluster on this machine: killing one process ends the others, the supervisor starts all anew, and the rankings are
//! those of the input.

mod support;

use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use support::kafka::{produce, topic};
use support::postgres::{database, rows_of};
use support::{Dice, fold, reference, sales, service, standings, wait};

/// Process ids of the direct children, from /proc.
fn children(parent: u32) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|n| n.parse::<i32>().ok())
        else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        if after_name
            .split_whitespace()
            .nth(1)
            .and_then(|p| p.parse().ok())
            == Some(parent)
        {
            found.push(pid);
        }
    }
    found.sort_unstable();
    found
}

/// One cluster at a time: each has more threads than this machine has cores.
static ALONE: Mutex<()> = Mutex::new(());

fn until(what: &str, holds: impl FnMut() -> bool) {
    support::until(what, Duration::from_secs(30), holds);
}

#[test]
fn a_killed_process_takes_the_cluster_along_and_it_comes_back() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let lines = sales(&mut Dice::new(5), 2000, 1_769_126_400_000, 20_000);
    let (input, log) = (
        dir.path().join("sales.ndjson"),
        dir.path().join("changes.ndjson"),
    );
    std::fs::write(&input, lines.join("\n")).unwrap();
    let (source, sink) = (
        format!("file:{}", input.display()),
        format!("file:{}", log.display()),
    );
    let args = [
        "cluster",
        "-n",
        "2",
        "--",
        "run",
        "--queries",
        "queries",
        "--source",
        &source,
        "--sink",
        &sink,
    ];
    let mut cluster = standings(&args).stdout(Stdio::null()).spawn().unwrap();
    let want = reference(&[lines], 60_000, 3_600_000).rows;
    let shows = || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        // The last line may be half written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        fold(whole.lines()).0 == want
    };
    until("the rankings of the first generation", shows);
    let first = children(cluster.id());
    assert_eq!(first.len(), 2);
    // SAFETY: a child of our own child, which has not waited for it.
    unsafe { libc::kill(first[1], libc::SIGKILL) };
    until("a second generation", || {
        let now = children(cluster.id());
        now.len() == 2 && now.iter().all(|pid| !first.contains(pid))
    });
    until("the rankings of the second generation", shows);
    // SAFETY: the cluster has not been waited for, so its process id is still its own.
    unsafe { libc::kill(cluster.id() as i32, libc::SIGTERM) };
    wait(
        &mut cluster,
        Duration::from_secs(20),
        &["cluster, asked to stop"],
    );
}

/// While sales come, another size is asked for three times: every sale is counted once, and the pause is said.
#[test]
fn a_running_cluster_changes_its_size() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice::new(19);
    let (name, url) = (topic("resize", 3), database());
    let source = format!("kafka://{}/{name}", service("KAFKA_BROKERS"));
    let state = format!("file:{}", dir.path().display());
    let mut cluster = standings(&["cluster", "-n", "1", "--", "run", "-w", "1"])
        .args(["--queries", "queries", "--source", &source])
        .args(["--sink", &url, "--state", &state])
        .args(["--snapshot-interval", "200ms"])
        .spawn()
        .unwrap();
    let control = std::env::temp_dir().join(format!("standings-cluster-{}/control", cluster.id()));
    let mut parts: Vec<Vec<String>> = vec![Vec::new(); 3];
    let mut from = 1_769_130_000_000;
    let mut send = |parts: &mut Vec<Vec<String>>| {
        let more: Vec<_> = (0..3)
            .map(|_| sales(&mut dice, 150, from, 20_000))
            .collect();
        from += 150 * 10_000;
        produce(&name, &more);
        for (all, more) in parts.iter_mut().zip(&more) {
            all.extend(more.iter().cloned());
        }
    };
    send(&mut parts);
    // The tables are made when the sink is opened.
    std::thread::sleep(Duration::from_millis(1500));
    until("the first rankings", || {
        rows_of(&url) == reference(&parts, 60_000, 3_600_000).rows
    });
    for (processes, workers) in [("2", "1"), ("2", "2"), ("1", "1")] {
        send(&mut parts);
        let out = standings(&["resize", "-n", processes, "-w", workers])
            .args(["--control", &control.display().to_string()])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let problem = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{problem}");
        assert!(text.contains(&format!("{processes} processes")), "{text}");
        println!("to {processes} x {workers}: {text}");
        assert_eq!(
            children(cluster.id()).len(),
            processes.parse::<usize>().unwrap()
        );
        send(&mut parts);
        let want = reference(&parts, 60_000, 3_600_000).rows;
        until("the tables are right", || rows_of(&url) == want);
    }
    // SAFETY: the cluster has not been waited for, so its process id is still its own.
    unsafe { libc::kill(cluster.id() as i32, libc::SIGTERM) };
    let limit = Duration::from_secs(30);
    wait(&mut cluster, limit, &["cluster, asked to stop"]);
    assert!(!control.exists());
}

#[test]
fn a_cluster_with_snapshots_loses_nothing_and_can_change_its_size() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice::new(9);
    let (name, url) = (topic("cluster", 3), database());
    let source = format!("kafka://{}/{name}", service("KAFKA_BROKERS"));
    let state = format!("file:{}", dir.path().display());
    let start = |processes: &str, workers: &str| {
        standings(&[
            "cluster",
            "-n",
            processes,
            "--",
            "run",
            "-w",
            workers,
            "--queries",
            "queries",
        ])
        .args(["--source", &source, "--sink", &url, "--state", &state])
        .args(["--snapshot-interval", "200ms"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
    };
    let mut parts: Vec<Vec<String>> = vec![Vec::new(); 3];
    let mut from = 1_769_130_000_000;
    for (processes, workers) in [("2", "1"), ("3", "2"), ("1", "1"), ("2", "2")] {
        let mut cluster = start(processes, workers);
        let mut send = || {
            let more: Vec<_> = (0..3)
                .map(|_| sales(&mut dice, 150, from, 20_000))
                .collect();
            from += 150 * 10_000;
            produce(&name, &more);
            for (all, more) in parts.iter_mut().zip(&more) {
                all.extend(more.iter().cloned());
            }
        };
        send();
        std::thread::sleep(Duration::from_millis(1200));
        send();
        let first = children(cluster.id());
        if let Some(pid) = first.get(1) {
            // SAFETY: a child of our own child, which has not waited for it.
            unsafe { libc::kill(*pid, libc::SIGKILL) };
        }
        send();
        let want = reference(&parts, 60_000, 3_600_000).rows;
        until("the tables are right", || rows_of(&url) == want);
        // SAFETY: the cluster has not been waited for, so its process id is still its own.
        unsafe { libc::kill(cluster.id() as i32, libc::SIGTERM) };
        wait(
            &mut cluster,
            Duration::from_secs(30),
            &["cluster, asked to stop"],
        );
    }
    let manifests = support::snapshots(dir.path()).len();
    assert!(
        (1..=2).contains(&manifests),
        "{manifests} snapshots are kept"
    );
}
