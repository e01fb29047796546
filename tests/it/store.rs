//! The store of snapshots as the binary leaves it, through every end of a run.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crate::support::{
    self, Dice, HOUR, Running, fold, newest_snapshot, reference, sales, standings, until,
};

const FROM: i64 = 1_769_126_400_000;

/// A source that gives what is written into it, when it is written.
fn pipe(path: &Path) -> std::fs::File {
    let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: a string of C that lives as long as the call.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    // Open at both ends, so that opening it waits for nobody.
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap()
}

/// One input is a few lines, one comes bit by bit, and there are more workers than files: snapshots are kept all the same.
#[test]
fn snapshots_are_kept_while_one_input_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice::new(77);
    let at = |name: &str| dir.path().join(name);
    let short = sales(&mut dice, 40, FROM, 20_000);
    std::fs::write(at("short.ndjson"), short.join("\n") + "\n").unwrap();
    let mut long = Vec::new();
    let mut input = pipe(&at("long.ndjson"));
    let file = |name: &str| format!("file:{}", at(name).display());
    let child = standings(&["run", "--queries", "queries", "--until-end", "-w", "4"])
        .args(["--source", &file("short.ndjson")])
        .args(["--source", &file("long.ndjson")])
        .args(["--sink", &file("changes"), "--state", &file("state")])
        .args(["--snapshot-interval", "50ms"])
        .spawn();
    let mut child = Running(child.unwrap());
    for round in 0..4 {
        // A block of a file, and a bit.
        let mut text = String::new();
        while text.len() < 600 << 10 {
            let more = sales(&mut dice, 200, FROM + long.len() as i64 * 1_000, 20_000);
            text.extend(more.iter().map(|line| format!("{line}\n")));
            long.extend(more);
        }
        input.write_all(text.as_bytes()).unwrap();
        let before = newest_snapshot(&at("state"));
        if round > 0 {
            until("a snapshot more", Duration::from_secs(20), || {
                newest_snapshot(&at("state")) > before
            });
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    drop(input);
    support::wait(&mut child.0, Duration::from_secs(30), &["its end"]);
    let changes = std::fs::read_to_string(at("changes")).unwrap();
    let want = reference(&[short, long], 60_000, HOUR).rows;
    assert_eq!(fold(changes.lines()).0, want);
}
