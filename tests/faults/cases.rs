//! The faults.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Found;
use crate::bed::{Bed, Cluster, PARTITIONS, services, signal, wait};
use crate::edges;
use crate::support::kafka::{consume, topic_of};
use crate::support::proxy::{Flow, Proxy};
use crate::support::{Running, free_port, newest_snapshot, service, standings, until};

pub type Case = fn(&mut Bed, bool) -> Found;

/// Name, invariants, how it is brought about. What stops a service is last: it holds up all that comes after.
pub const ALL: &[(&str, &str, Case)] = &[
    ("kill-one", "I1-I5, I7", kill_one),
    ("kill-all", "I1-I5, I7", kill_all),
    ("kill-in-recovery", "I1-I5, I7", kill_in_recovery),
    ("freeze-one", "I1-I5, I7", freeze_one),
    ("zombie-cluster", "I1-I5, I7", zombie_cluster),
    ("peers-cut", "I1-I5, I7", |bed, _| {
        peers_cut(bed, Flow::Held, Flow::Held)
    }),
    ("peers-cut-one-way", "I1-I5, I7", |bed, _| {
        peers_cut(bed, Flow::Held, Flow::Pass)
    }),
    ("commit-unanswered", "I1-I5, I7", commit_unanswered),
    ("database-cut", "I1-I5, I7", database_cut),
    ("database-held", "I1-I5, I7", database_held),
    ("database-slow", "I1-I5, I7", database_slow),
    ("disk-full", "I1-I5, I7", disk_full),
    ("snapshot-damaged", "I1-I5, I7", snapshot_damaged),
    ("resize", "I1-I5, I7", resize),
    ("restart-one-by-one", "I1-I5, I7", restart_one_by_one),
    ("clock-jumps", "I1-I3, I7", clock_jumps),
    ("records-broken", "I1-I6, I7", records_broken),
    ("topic-anew-running", "I1-I5, I7", edges::topic_anew_running),
    ("topic-anew-stopped", "I1-I5, I7", edges::topic_anew_stopped),
    ("database-put-back", "I1-I5, I7", edges::database_put_back),
    ("tables-gone", "I1-I5, I7", edges::tables_gone),
    ("store-put-back", "I1-I5, I7", edges::store_put_back),
    ("database-read-only", "I1-I5, I7", edges::database_read_only),
    ("statement-timeout", "I1-I5, I7", edges::statement_timeout),
    ("reader-in-restart", "I1-I5, I7", edges::reader_in_restart),
    ("login-refused", "I1-I5, I7", edges::login_refused),
    ("database-stranded", "I1-I5, I7", edges::database_stranded),
    ("stop-while-away", "I1-I5, I7", edges::stop_while_away),
    ("trigger-refuses", "I1-I5, I7", edges::trigger_refuses),
    ("transaction-expired", "I1-I5, I7", transaction_expired),
    ("database-killed", "I1-I5, I7", database_killed),
    ("kafka-frozen", "I1-I5, I7", kafka_frozen),
    ("coordinator-moved", "I1-I5, I7", coordinator_moved),
    ("kafka-killed", "I1-I5, I7", kafka_killed),
];

/// Nothing takes longer than this.
pub const LIMIT: Duration = Duration::from_secs(40);

/// Starts a cluster and waits for its first commit.
pub fn begin(bed: &mut Bed, processes: usize, workers: usize) -> Cluster {
    let cluster = bed.cluster(processes, workers);
    bed.recover(LIMIT);
    cluster
}

pub fn some_time(bed: &mut Bed, least: u64, more: u64) {
    let time = least + bed.dice().roll(more);
    bed.flow(Duration::from_millis(time));
}

/// One process is killed; the supervisor starts all anew.
fn kill_one(bed: &mut Bed, long: bool) -> Found {
    let cluster = begin(bed, 2, 1);
    let mut found = Found::default();
    for _ in 0..if long { 10 } else { 3 } {
        some_time(bed, 200, 1200);
        let all = cluster.processes();
        let n = bed.dice().roll(all.len() as u64) as usize;
        signal(all[n], libc::SIGKILL);
        found.faults += 1;
        found.recoveries.push(bed.recover(LIMIT));
    }
    found.cluster = Some(cluster);
    found
}

/// All processes and their supervisor are killed at once; another size goes on.
fn kill_all(bed: &mut Bed, long: bool) -> Found {
    let mut cluster = begin(bed, 2, 1);
    let mut found = Found::default();
    for round in 0..if long { 20 } else { 4 } {
        some_time(bed, 100, 900);
        cluster.kill();
        found.faults += 1;
        let began = Instant::now();
        cluster = bed.cluster(1 + round % 2, 1 + (round / 2) % 3);
        bed.recover(LIMIT);
        found.recoveries.push(began.elapsed());
    }
    found.cluster = Some(cluster);
    found
}

/// Killed again and again while it starts.
fn kill_in_recovery(bed: &mut Bed, long: bool) -> Found {
    let mut cluster = begin(bed, 1, 2);
    let mut found = Found::default();
    for _ in 0..if long { 20 } else { 6 } {
        some_time(bed, 50, 200);
        cluster.kill();
        cluster = bed.cluster(1, 1 + bed.last_commit() as usize % 3);
        let moment = 20 + bed.dice().roll(400);
        std::thread::sleep(Duration::from_millis(moment));
        cluster.kill();
        cluster = bed.cluster(1, 2);
        found.faults += 2;
    }
    found.recoveries.push(bed.recover(LIMIT));
    found.cluster = Some(cluster);
    found
}

/// One process stands still past every timeout: the others notice, and all start anew without it.
fn freeze_one(bed: &mut Bed, long: bool) -> Found {
    let cluster = begin(bed, 2, 1);
    let mut found = Found::default();
    for _ in 0..if long { 5 } else { 1 } {
        some_time(bed, 200, 500);
        let all = cluster.processes();
        let n = bed.dice().roll(all.len() as u64) as usize;
        signal(all[n], libc::SIGSTOP);
        found.faults += 1;
        found.recoveries.push(bed.recover(LIMIT));
        // The supervisor has killed it by now; where not, it must do no harm.
        signal(all[n], libc::SIGCONT);
    }
    found.note = "silence counts after 2 s".to_owned();
    found.cluster = Some(cluster);
    found
}

/// The whole cluster stands still, another takes over, and then the first goes on: it must not commit, and end.
fn zombie_cluster(bed: &mut Bed, long: bool) -> Found {
    let mut found = Found::default();
    let mut old = begin(bed, 1, 2);
    for _ in 0..if long { 5 } else { 2 } {
        some_time(bed, 100, 600);
        let frozen = old.processes();
        let supervisor = old.0.id() as i32;
        signal(supervisor, libc::SIGSTOP);
        frozen.iter().for_each(|pid| signal(*pid, libc::SIGSTOP));
        let began = Instant::now();
        let new = bed.cluster(1, 1);
        bed.recover(LIMIT);
        found.recoveries.push(began.elapsed());
        found.faults += 1;
        // Its supervisor would start a newer cluster, which may commit; the zombie itself may not.
        frozen.iter().for_each(|pid| signal(*pid, libc::SIGCONT));
        bed.flow(Duration::from_millis(500));
        until("the zombie ends", LIMIT, || {
            frozen
                .iter()
                .all(|pid| !Path::new(&format!("/proc/{pid}/exe")).exists())
        });
        bed.recover(LIMIT);
        old = new;
    }
    found.cluster = Some(old);
    let log = bed.read_log("cluster");
    assert!(
        log.contains("taken over"),
        "I4: the zombie says why it ends: {log}"
    );
    found.note = format!("zombie commits accepted: {}", bed.zombie_commits());
    found
}

/// Two processes whose connection lets nothing through any more, both ways or one way.
fn peers_cut(bed: &mut Bed, up: Flow, down: Flow) -> Found {
    let mut found = Found::default();
    let (first, second) = (free_port(), free_port());
    let way = Proxy::to(format!("127.0.0.1:{first}"));
    let hosts = |name: &str, port: u16| {
        let path = bed.folder.path().join(name);
        std::fs::write(&path, format!("127.0.0.1:{port}\n127.0.0.1:{second}\n")).unwrap();
        path.display().to_string()
    };
    // The second process reaches the first through the proxy.
    let files = [hosts("hosts-0", first), hosts("hosts-1", way.port)];
    let run = bed.run(&bed.state());
    let start = |bed: &Bed, generation: u64| -> Vec<Running> {
        let one = |p: usize| {
            let child = standings(&[])
                .args(&run)
                .args(["-n", "2", "-p", &p.to_string(), "--hosts", &files[p]])
                .args(["--generation", &generation.to_string()])
                .stderr(bed.log("cluster"))
                .spawn();
            Running(child.unwrap())
        };
        vec![one(1), one(0)]
    };
    let mut all = start(bed, 1);
    bed.recover(LIMIT);
    some_time(bed, 200, 500);
    way.flow(up, down);
    let cut = Instant::now();
    for process in &mut all {
        let code = wait(&mut process.0, LIMIT);
        assert_eq!(code, Some(1), "I7: a process that is cut off ends with 1");
    }
    found.note = format!(
        "noticed after {} ms (timeout 2 s)",
        cut.elapsed().as_millis()
    );
    found.faults = 1;
    way.cut();
    way.heal();
    let all = start(bed, 2);
    found.recoveries.push(bed.recover(LIMIT));
    bed.settle();
    drop(all);
    found
}

/// One process after the other is asked to stop, as an orchestrator does that rolls a change out: all end in peace, all
/// are started again, and wait for each other.
fn restart_one_by_one(bed: &mut Bed, long: bool) -> Found {
    let mut found = Found::default();
    let hosts = two_hosts(bed);
    let start = |bed: &Bed, p: usize| Running(one_of_two(bed, &hosts, p).spawn().unwrap());
    let mut all = [start(bed, 0), start(bed, 1)];
    bed.recover(LIMIT);
    let mut pauses = Vec::new();
    for turn in 0..if long { 20 } else { 4 } {
        some_time(bed, 200, 400);
        let began = Instant::now();
        signal(all[turn % 2].0.id() as i32, libc::SIGTERM);
        for process in &mut all {
            let code = wait(&mut process.0, LIMIT);
            assert_eq!(code, Some(0), "I7: asked to stop, all end in peace");
        }
        let other = start(bed, (turn + 1) % 2);
        some_time(bed, 1, 200);
        let one = start(bed, turn % 2);
        all = if turn % 2 == 0 {
            [one, other]
        } else {
            [other, one]
        };
        bed.recover(LIMIT);
        pauses.push(began.elapsed().as_millis());
        found.recoveries.push(began.elapsed());
        found.faults += 1;
    }
    bed.settle();
    drop(all);
    let (least, most) = (pauses.iter().min(), pauses.iter().max());
    found.note = format!("downtime {} to {} ms", least.unwrap(), most.unwrap());
    found
}

/// A hosts file of two free ports.
fn two_hosts(bed: &Bed) -> PathBuf {
    let hosts = bed.folder.path().join("hosts");
    let text = [(); 2].map(|()| format!("127.0.0.1:{}\n", free_port()));
    std::fs::write(&hosts, text.concat()).unwrap();
    hosts
}

/// One of two processes that no supervisor watches.
fn one_of_two(bed: &Bed, hosts: &Path, p: usize) -> Command {
    let mut command = standings(&[]);
    command.args(bed.run(&bed.state()));
    command.args(["-n", "2", "-p", &p.to_string(), "--hosts"]);
    command.arg(hosts).stderr(bed.log("cluster"));
    command
}

/// The clocks of two processes are set, on and back, each for itself, by up to an hour and a half.
fn clock_jumps(bed: &mut Bed, long: bool) -> Found {
    const MINUTE: i64 = 60_000_000_000;
    let mut found = Found::default();
    let library = bed.folder.path().join("clock.so");
    let mut cc = Command::new("cc");
    cc.args([
        "-shared",
        "-fPIC",
        "-O1",
        "tests/faults/clock.c",
        "-ldl",
        "-o",
    ]);
    assert!(cc.arg(&library).status().unwrap().success(), "cc");
    let clocks = ["clock-0", "clock-1"].map(|name| bed.folder.path().join(name));
    // In place: the process has it mapped.
    let set = |p: usize, minutes: i64| {
        let mut file = std::fs::File::options();
        let file = file.write(true).create(true).truncate(false);
        let bytes = (minutes * MINUTE).to_ne_bytes();
        file.open(&clocks[p]).unwrap().write_all(&bytes).unwrap();
    };
    let hosts = two_hosts(bed);
    let mut all = [0, 1].map(|p| {
        set(p, 30 - 60 * p as i64);
        let mut command = one_of_two(bed, &hosts, p);
        command.env("LD_PRELOAD", &library);
        command.env("STANDINGS_TEST_CLOCK", &clocks[p]);
        Running(command.spawn().unwrap())
    });
    bed.recover(LIMIT);
    for turn in 0..if long { 60 } else { 6 } {
        some_time(bed, 100, 500);
        let minutes = match turn {
            0 => 90,
            1 => -90,
            _ => bed.dice().roll(181) as i64 - 90,
        };
        set(turn % 2, minutes);
        found.recoveries.push(bed.recover(LIMIT));
        found.faults += 1;
    }
    bed.settle();
    for process in &mut all {
        let running = process.0.try_wait().unwrap().is_none();
        assert!(running, "I7: nobody ends because of a clock");
    }
    found.note = "the same output; nobody ended".to_owned();
    found
}

/// Records of ten megabytes, of the far future, and that are none, between the sales; the topic of dead letters takes one
/// megabyte.
fn records_broken(bed: &mut Bed, long: bool) -> Found {
    let letters = topic_of("faults_dead", 1, "1048588");
    let mut run = bed.run(&bed.state());
    run.push("--dead-letter".to_owned());
    run.push(format!("kafka://{}/{letters}", service("KAFKA_BROKERS")));
    let cluster = bed.cluster_with(1, 2, &run);
    bed.recover(LIMIT);
    let worker = cluster.processes()[0];
    let sale =
        r#"{"event_time":"2026-01-23T10:15:00Z","city":"Lisbon","salesman_id":"S","amount":1"#;
    let huge = format!("{sale},\"note\":\"{}\"}}", "x".repeat(10 << 20));
    let mut found = Found::default();
    for _ in 0..if long { 20 } else { 2 } {
        let future = sale.replace("2026", "9998") + "}";
        for line in [&huge, &future, "", "\u{0}", &"[".repeat(100_000), &huge] {
            bed.send_broken(line);
            bed.send(2);
            found.faults += PARTITIONS as u64;
        }
        found.recoveries.push(bed.recover(LIMIT));
    }
    bed.settle();
    let want = bed.dead() as usize;
    until("every dead letter", LIMIT, || {
        consume(&letters).len() >= want
    });
    let all = consume(&letters);
    assert_eq!(all.len(), want, "I6: dead letters = injected");
    let cut = format!("\"cut_from\":{}", huge.len());
    let found_cut = all.iter().filter(|text| text.contains(&cut)).count();
    let sent = found.faults as usize / 3;
    assert_eq!(found_cut, sent, "the largest are cut, and say from what");
    found.note = format!(
        "dead letters: {want} of {want}; memory {} MiB",
        memory(worker) / 1024
    );
    found.cluster = Some(cluster);
    found
}

/// COMMIT reaches the database, its answer does not come back.
fn commit_unanswered(bed: &mut Bed, long: bool) -> Found {
    let cluster = begin(bed, 1, 1);
    let mut found = Found::default();
    for _ in 0..if long { 100 } else { 10 } {
        let before = bed.last_commit();
        bed.proxy.lose_answers(1);
        let began = Instant::now();
        while bed.proxy.answers_to_lose() > 0 || bed.last_commit() <= before {
            bed.send(2);
            std::thread::sleep(Duration::from_millis(20));
            assert!(began.elapsed() < LIMIT, "I7: no commit");
        }
        found.faults += 1;
        found.recoveries.push(bed.recover(LIMIT));
    }
    found.note = format!("ambiguous commits resolved: {0} of {0}", found.faults);
    found.cluster = Some(cluster);
    found
}

/// Each answer comes half a second later; then a kilobyte a second gets through, or in the short form sixteen.
fn database_slow(bed: &mut Bed, long: bool) -> Found {
    let cluster = begin(bed, 1, 1);
    let worker = cluster.processes()[0];
    let before = memory(worker);
    let late = Flow::Late(Duration::from_millis(500));
    bed.proxy.flow(Flow::Pass, late);
    bed.flow(Duration::from_secs(if long { 60 } else { 3 }));
    let rate = if long { 1024 } else { 16 * 1024 };
    bed.proxy.flow(Flow::Slow(rate), Flow::Pass);
    bed.flow(Duration::from_secs(if long { 120 } else { 3 }));
    let after = memory(worker);
    bed.proxy.heal();
    let drained = Instant::now();
    let recovery = bed.recover(LIMIT.max(Duration::from_secs(if long { 300 } else { 0 })));
    bed.settle();
    assert!(
        after < before + 256 * 1024,
        "I7: memory grew from {before} to {after} KiB"
    );
    Found {
        cluster: Some(cluster),
        faults: 2,
        recoveries: vec![recovery],
        note: format!(
            "memory {} to {} MiB, drained in {} ms",
            before / 1024,
            after / 1024,
            drained.elapsed().as_millis()
        ),
    }
}

/// Resident memory, KiB.
fn memory(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// The disk of the snapshots is full, and then is not.
fn disk_full(bed: &mut Bed, _: bool) -> Found {
    let disk = Disk::mount(&bed.folder.path().join("disk"));
    let state = match &disk {
        Some(disk) => disk.0.join("state"),
        // Without the right to mount: a folder that nobody can write to a while.
        None => bed.state(),
    };
    let mut cluster = bed.cluster_with(1, 2, &bed.run(&state));
    bed.recover(LIMIT);
    until("a snapshot", LIMIT, || newest_snapshot(&state) > 0);
    let filler = state.join("filler");
    match &disk {
        Some(_) => fill(&filler),
        None => std::fs::rename(state.join("parts"), state.join("parts-away")).unwrap(),
    }
    bed.flow(Duration::from_secs(2));
    bed.recover(LIMIT);
    let log = bed.read_log("cluster");
    assert!(
        log.contains("snapshot_failed") || disk.is_none(),
        "a full disk is said: {log}"
    );
    match &disk {
        Some(_) => std::fs::remove_file(&filler).unwrap(),
        None => {
            let _ = std::fs::remove_dir_all(state.join("parts"));
            std::fs::rename(state.join("parts-away"), state.join("parts")).unwrap();
        }
    }
    let before = newest_snapshot(&state);
    bed.flow(Duration::from_millis(300));
    let began = Instant::now();
    while newest_snapshot(&state) <= before {
        bed.send(2);
        std::thread::sleep(Duration::from_millis(50));
        assert!(
            began.elapsed() < LIMIT,
            "I7: no snapshot after the disk was freed"
        );
    }
    cluster.kill();
    let began = Instant::now();
    let cluster = bed.cluster_with(1, 1, &bed.run(&state));
    bed.recover(LIMIT);
    let recovery = began.elapsed();
    // While the disk is there.
    bed.settle();
    drop(cluster);
    Found {
        cluster: None,
        faults: 1,
        recoveries: vec![recovery],
        note: if disk.is_some() {
            "a disk of 1 MiB"
        } else {
            "no right to mount: folder moved away"
        }
        .to_owned(),
    }
}

/// A small disk in memory, unmounted when dropped.
struct Disk(std::path::PathBuf);

impl Disk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=1m", "standings-test"])
            .arg(at);
        mount.stderr(std::process::Stdio::null());
        let done = mount.status().is_ok_and(|s| s.success());
        done.then(|| Disk(at.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a cluster that is being ended may still have it open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
}

/// A bit of the newest snapshot is flipped, or its end is missing: it is noticed, and not started from.
fn snapshot_damaged(bed: &mut Bed, long: bool) -> Found {
    let mut found = Found::default();
    let state = bed.state();
    let mut cluster = begin(bed, 1, 2);
    let rounds = if long { 20 } else { 4 };
    for round in 0..rounds {
        let before = newest_snapshot(&state);
        let began = Instant::now();
        while newest_snapshot(&state) < before + 2 {
            bed.send(3);
            std::thread::sleep(Duration::from_millis(50));
            assert!(began.elapsed() < LIMIT, "I7: no snapshots");
        }
        cluster.kill();
        let manifest = state.join(format!("manifests/{:010}.json", newest_snapshot(&state)));
        let text = std::fs::read_to_string(&manifest).unwrap();
        let json: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let parts = json["parts"].as_array().unwrap();
        let victim = match parts.last() {
            Some(part) if round % 4 != 0 => state.join(part["name"].as_str().unwrap()),
            _ => manifest,
        };
        let mut bytes = std::fs::read(&victim).unwrap();
        let at = bed.dice().roll(bytes.len() as u64) as usize;
        match round % 2 {
            0 => bytes[at] ^= 1 << bed.dice().roll(8),
            _ => bytes.truncate(at),
        }
        std::fs::write(&victim, bytes).unwrap();
        found.faults += 1;
        let said = bed.read_log("cluster").matches("snapshot_unusable").count();
        let began = Instant::now();
        cluster = bed.cluster(1, 1 + round as usize % 3);
        bed.recover(LIMIT);
        found.recoveries.push(began.elapsed());
        let now = bed.read_log("cluster").matches("snapshot_unusable").count();
        assert!(
            now > said,
            "I1: the damage of {} is noticed",
            victim.display()
        );
    }
    found.note = format!("corruptions noticed: {0} of {0}", found.faults);
    bed.settle();
    found.cluster = Some(cluster);
    found
}

/// One worker, two, four, one: while sales come.
fn resize(bed: &mut Bed, long: bool) -> Found {
    let cluster = begin(bed, 1, 1);
    let control =
        std::env::temp_dir().join(format!("standings-cluster-{}/control", cluster.0.id()));
    let mut found = Found::default();
    let mut pauses = Vec::new();
    for _ in 0..if long { 10 } else { 1 } {
        for (processes, workers) in [("2", "1"), ("2", "2"), ("1", "1")] {
            some_time(bed, 200, 300);
            let out = standings(&["resize", "-n", processes, "-w", workers, "--control"])
                .arg(&control)
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            assert!(
                out.status.success(),
                "{}",
                String::from_utf8_lossy(&out.stderr)
            );
            let pause = text
                .split_whitespace()
                .rev()
                .nth(1)
                .and_then(|n| n.parse().ok());
            pauses.push(pause.unwrap_or(0u64));
            found.faults += 1;
            found.recoveries.push(bed.recover(LIMIT));
        }
    }
    pauses.sort_unstable();
    found.note = format!("downtime {} to {} ms", pauses[0], pauses[pauses.len() - 1]);
    found.cluster = Some(cluster);
    found
}

/// A fault that a cluster lives through, a few times: it happens, and from its end on the next commit is waited for.
pub fn again_and_again(
    bed: &mut Bed,
    workers: usize,
    times: u64,
    mut happen: impl FnMut(&mut Bed, &Cluster),
) -> Found {
    let cluster = begin(bed, 1, workers);
    let mut found = Found::default();
    for _ in 0..times {
        some_time(bed, 100, 400);
        happen(bed, &cluster);
        found.faults += 1;
        found.recoveries.push(bed.recover(LIMIT * 2));
    }
    found.cluster = Some(cluster);
    found
}

fn database_cut(bed: &mut Bed, long: bool) -> Found {
    again_and_again(bed, 2, if long { 20 } else { 3 }, |bed, _| {
        bed.proxy.cut();
        some_time(bed, 300, 1000);
        bed.proxy.heal();
    })
}

/// Nothing comes back from the database, and nobody is told; then it does.
fn database_held(bed: &mut Bed, long: bool) -> Found {
    again_and_again(bed, 1, if long { 10 } else { 2 }, |bed, _| {
        bed.proxy.flow(Flow::Pass, Flow::Held);
        some_time(bed, 800, 800);
        bed.proxy.heal();
    })
}

/// The process that commits stands still for longer than Kafka lets a transaction be open, and then goes on.
fn transaction_expired(bed: &mut Bed, long: bool) -> Found {
    let mut found = again_and_again(bed, 1, if long { 5 } else { 1 }, |bed, cluster| {
        let worker = cluster.processes()[0];
        signal(worker, libc::SIGSTOP);
        bed.flow(Duration::from_millis(7000));
        signal(worker, libc::SIGCONT);
    });
    found.note = format!("records behind an open transaction: {}", bed.hidden());
    found
}

fn database_killed(bed: &mut Bed, long: bool) -> Found {
    if ours().is_none() {
        return not_ours(bed);
    }
    again_and_again(bed, 2, if long { 5 } else { 1 }, |bed, _| {
        services("stop-postgres");
        bed.flow(Duration::from_millis(500));
        services("start-postgres");
    })
}

/// The broker stands still, and then goes on.
fn kafka_frozen(bed: &mut Bed, long: bool) -> Found {
    let Some(folder) = ours() else {
        return not_ours(bed);
    };
    let text = std::fs::read_to_string(Path::new(&folder).join("kafka.pid")).unwrap();
    let broker = text.trim().parse().unwrap();
    again_and_again(bed, 1, if long { 5 } else { 1 }, |_, _| {
        signal(broker, libc::SIGSTOP);
        std::thread::sleep(Duration::from_secs(6));
        signal(broker, libc::SIGCONT);
    })
}

fn kafka_killed(bed: &mut Bed, long: bool) -> Found {
    if ours().is_none() {
        return not_ours(bed);
    }
    again_and_again(bed, 2, if long { 5 } else { 1 }, |_, _| {
        services("stop-kafka");
        std::thread::sleep(Duration::from_millis(500));
        services("start-kafka");
    })
}

/// Another broker becomes the coordinator of all transactions, while they go on; and then the first again.
fn coordinator_moved(bed: &mut Bed, long: bool) -> Found {
    if ours().is_none() {
        return not_ours(bed);
    }
    let cluster = begin(bed, 1, 2);
    // All that Kafka keeps for itself is made by now, and stays with the first broker.
    bed.flow(Duration::from_secs(1));
    let second = Second::start();
    let mut found = Found::default();
    for _ in 0..if long { 10 } else { 1 } {
        for broker in [2, 1] {
            let moving =
                std::thread::spawn(move || services(&format!("move-transactions {broker}")));
            while !moving.is_finished() {
                bed.flow(Duration::from_millis(100));
            }
            assert!(moving.join().is_ok(), "the move itself");
            found.faults += 1;
            found.recoveries.push(bed.recover(LIMIT));
        }
    }
    bed.settle();
    drop(second);
    found.recoveries.push(bed.recover(LIMIT));
    found.note = format!("records behind an open transaction: {}", bed.hidden());
    found.cluster = Some(cluster);
    found
}

/// A second broker, whose transactions are given back when it is dropped.
struct Second;

impl Second {
    fn start() -> Self {
        services("second-broker");
        Second
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        services("move-transactions 1");
        services("one-broker");
    }
}

/// Where `deploy/services` keeps what it started for these tests.
fn ours() -> Option<String> {
    std::env::var("STANDINGS_SERVICES_DIR").ok()
}

/// Services that were not started by `deploy/services` are not stopped.
fn not_ours(bed: &mut Bed) -> Found {
    let cluster = begin(bed, 1, 1);
    Found {
        cluster: Some(cluster),
        note: "left out: the services are not ours to stop".to_owned(),
        ..Found::default()
    }
}
