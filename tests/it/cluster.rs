//! A cluster on this machine: killing one process ends the others, the supervisor starts all anew, and the rankings are
//! those of the input.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::support::{self, Bed, Dice, Process, fold, reference, sales, standings, wait};

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

/// One cluster at a time: each has more threads than this machine has cores. Between processes `.config/nextest.toml` says so.
static ALONE: Mutex<()> = Mutex::new(());

fn until(what: &str, holds: impl FnMut() -> bool) {
    support::until(what, Duration::from_secs(30), holds);
}

/// Asks a cluster to stop, and waits for its end in peace; `when` is for the message of one that does not.
fn stop(cluster: Process, when: &str) {
    let (code, _, text) = cluster.stop();
    assert_eq!(code, Some(0), "asked to stop {when}: {text}");
}

/// Waits until it hears signals: before its first line runs, one ends it as any process.
fn hears(cluster: &Process) {
    let status = format!("/proc/{}/status", cluster.id());
    support::until("it hears signals", Duration::from_secs(20), || {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let caught = text.lines().find_map(|l| l.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        caught.is_some_and(|mask| mask & (1 << (libc::SIGTERM - 1)) != 0)
    });
}

/// What `standings resize` asks.
fn control(cluster: &Process) -> PathBuf {
    std::env::temp_dir().join(format!("standings-cluster-{}/control", cluster.id()))
}

/// Sales into three partitions, some after the others.
struct Sender {
    dice: Dice,
    from: i64,
}

impl Sender {
    fn new(seed: u64) -> Self {
        let (dice, from) = (Dice::new(seed), 1_769_130_000_000);
        Sender { dice, from }
    }

    fn send(&mut self, bed: &Bed) {
        let mut part = || sales(&mut self.dice, 150, self.from, 20_000);
        bed.send(&[part(), part(), part()]);
        self.from += 150 * 10_000;
    }
}

/// Snapshots, often.
const OFTEN: [&str; 2] = ["--snapshot-interval", "200ms"];

#[test]
fn a_killed_process_takes_the_cluster_along_and_it_comes_back() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = sales(&mut Dice::new(5), 2000, 1_769_126_400_000, 20_000);
    let bed = Bed::new("cluster").file("sales.ndjson").changes_file();
    bed.write("sales.ndjson", &lines);
    let cluster = bed.cluster("2", &[], &[]);
    let want = reference(&[lines], 60_000, 3_600_000).rows;
    let shows = || {
        let text = bed.read("changes");
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
    stop(cluster, "");
}

/// While sales come, another size is asked for three times: every sale is counted once, and the pause is said.
#[test]
fn a_running_cluster_changes_its_size() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = Bed::new("resize").topic(3).database().state().flags(&OFTEN);
    let cluster = bed.cluster("1", &[], &["-w", "1"]);
    let control = control(&cluster);
    let mut sender = Sender::new(19);
    sender.send(&bed);
    // The tables are made when the sink is opened.
    std::thread::sleep(Duration::from_millis(1500));
    bed.shows_all("the first rankings");
    for (processes, workers) in [("2", "1"), ("2", "2"), ("1", "1")] {
        sender.send(&bed);
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
        sender.send(&bed);
        bed.shows_all("the tables are right");
    }
    stop(cluster, "");
    assert!(!control.exists());
}

#[test]
fn a_cluster_with_snapshots_loses_nothing_and_can_change_its_size() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = Bed::new("cluster").topic(3).database().state();
    let bed = bed.flags(&OFTEN);
    let mut sender = Sender::new(9);
    for (processes, workers) in [("2", "1"), ("3", "2"), ("1", "1"), ("2", "2")] {
        let cluster = bed.cluster(processes, &[], &["-w", workers]);
        sender.send(&bed);
        std::thread::sleep(Duration::from_millis(1200));
        sender.send(&bed);
        let first = children(cluster.id());
        if let Some(pid) = first.get(1) {
            // SAFETY: a child of our own child, which has not waited for it.
            unsafe { libc::kill(*pid, libc::SIGKILL) };
        }
        sender.send(&bed);
        bed.shows_all("the tables are right");
        stop(cluster, "");
    }
    let manifests = support::snapshots(&bed.path("state")).len();
    assert!(
        (1..=2).contains(&manifests),
        "{manifests} snapshots are kept"
    );
}

/// Another size that cannot start: the one of before goes on, and who asked is told so. What cannot work at all is refused
/// while the cluster runs.
#[test]
fn a_size_that_cannot_start_costs_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut dice = Dice::new(23);
    // The second process would serve at the next port, which is taken.
    let (port, _taken) = (0..1000)
        .find_map(|_| {
            let port = support::free_port();
            let next = std::net::TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok()?;
            Some((port, next))
        })
        .unwrap();
    let http = format!("127.0.0.1:{port}");
    let bed = Bed::new("resize").topic(1).database().state().flags(&OFTEN);
    let cluster = bed.cluster("1", &[], &["--http", &http]);
    let control = control(&cluster);
    bed.send(&[sales(&mut dice, 150, 1_769_130_000_000, 20_000)]);
    std::thread::sleep(Duration::from_millis(1500));
    bed.shows_all("the first rankings");
    for (size, why, stopped) in [
        (["-n", "100000"], "256 are the most", false),
        (["-w", "100000"], "256 are the most", false),
        (
            ["-n", "2"],
            "goes on with the size of before (1 processes)",
            true,
        ),
    ] {
        let before = children(cluster.id());
        let out = standings(&["resize", "--control", &control.display().to_string()])
            .args(size)
            .output()
            .unwrap();
        let problem = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{problem}");
        assert!(problem.contains(why), "{problem}");
        assert_eq!(children(cluster.id()) == before, !stopped, "{size:?}");
        bed.send(&[sales(&mut dice, 50, 1_769_140_000_000, 20_000)]);
        bed.shows_all("the size of before goes on");
    }
    stop(cluster, "");
}

/// Asked to stop at any moment of its beginning, and in the midst of a resize, it ends in peace.
#[test]
fn a_cluster_that_has_only_just_begun_ends_in_peace() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = Bed::new("resize").topic(1).database();
    for ms in [0, 20, 50, 90, 140, 200, 350, 600] {
        let cluster = bed.cluster("2", &[], &[]);
        hears(&cluster);
        std::thread::sleep(Duration::from_millis(ms));
        stop(cluster, &format!("after {ms} ms"));
    }
    for ms in [0, 100, 300, 500] {
        let cluster = bed.cluster("1", &[], &[]);
        let control = control(&cluster);
        std::thread::sleep(Duration::from_millis(1500));
        let mut resize = standings(&[
            "resize",
            "-n",
            "2",
            "--control",
            &control.display().to_string(),
        ])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
        std::thread::sleep(Duration::from_millis(ms));
        stop(cluster, &format!("{ms} ms into a resize"));
        resize.wait().unwrap();
    }
}

/// A supervisor's folder holds the secret of its processes: it goes with it, or with the next one that starts.
#[test]
fn a_supervisor_leaves_nothing_behind() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (dir, nobody) = (tempfile::tempdir().unwrap(), support::free_port());
    let start = |sink: &str| {
        let mut command = standings(&["cluster", "-n", "1", "--", "run", "--queries", "queries"]);
        command.args(["--source", "file:/dev/null", "--sink", sink]);
        let quiet = command.env("TMPDIR", dir.path()).stderr(Stdio::null());
        let child = quiet.spawn().unwrap();
        let folder = dir.path().join(format!("standings-cluster-{}", child.id()));
        until("its secret", || folder.join("secret").exists());
        (child, folder)
    };
    let terminate = |child: &Child| {
        // SAFETY: the cluster has not been waited for, so its process id is still its own.
        unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
    };
    let in_peace = |mut child: Child| {
        terminate(&child);
        wait(&mut child, Duration::from_secs(20), &["asked to stop"]);
    };
    let (child, folder) = start("file:/dev/null");
    in_peace(child);
    assert!(!folder.exists(), "asked to stop");

    // Its process waits for a sink; asked twice, it waits for nothing.
    let (mut child, folder) = start(&format!("postgres://u@127.0.0.1:{nobody}/d"));
    std::thread::sleep(Duration::from_millis(500));
    terminate(&child);
    std::thread::sleep(Duration::from_millis(200));
    terminate(&child);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(!folder.exists(), "asked twice");

    let (mut child, left) = start("file:/dev/null");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(left.exists());
    let (child, folder) = start("file:/dev/null");
    assert!(folder.exists() && !left.exists(), "one that was killed");
    in_peace(child);
}
