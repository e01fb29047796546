//! Snapshots that older versions wrote are started from; one of a newer form ends the start, which names it.
//! `fixtures/snapshot-N` holds one of format N: queries, the first sales, and the state after them.

use std::path::{Path, PathBuf};

use crate::support::left::copy;
use crate::support::{Dice, HOUR, fold, reference, sales, standings};

struct Case {
    folder: tempfile::TempDir,
    lines: Vec<String>,
}

impl Case {
    /// A copy of a fixture, with more sales behind those that the snapshot holds.
    fn of(fixture: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(fixture, folder.path());
        // As its owner is told: what may not be NULL says so.
        std::fs::copy("queries/sales.sql", folder.path().join("queries/sales.sql")).unwrap();
        let path = folder.path().join("sales.ndjson");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.extend(sales(&mut Dice::new(3), 200, 1_769_126_400_000, 20_000));
        std::fs::write(&path, lines.join("\n")).unwrap();
        Case { folder, lines }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Runs to the end, holds the rankings to the reference, and gives the log.
    fn run(&self) -> String {
        let (out, log) = self.attempt();
        assert!(out.status.success(), "{log}");
        let changes = std::fs::read_to_string(self.path("changes")).unwrap();
        let want = reference(std::slice::from_ref(&self.lines), 60_000, HOUR).rows;
        assert_eq!(fold(changes.lines()).0, want, "{log}");
        log
    }

    fn attempt(&self) -> (std::process::Output, String) {
        let out = standings(&["run", "--until-end", "--queries", &self.path("queries")])
            .args(["--source", &format!("file:{}", self.path("sales.ndjson"))])
            .args(["--sink", &format!("file:{}", self.path("changes"))])
            .args(["--state", &format!("file:{}", self.path("state"))])
            .env("STANDINGS_LOG", "info")
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&out.stderr).into_owned();
        (out, log)
    }
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let all = std::fs::read_dir(folder).unwrap().flatten();
    let snapshot = |p: &PathBuf| {
        p.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("snapshot-")
    };
    all.map(|e| e.path()).filter(snapshot).collect()
}

#[test]
fn every_old_form_is_started_from() {
    let all = fixtures();
    assert!(!all.is_empty());
    for fixture in all {
        let case = Case::of(&fixture);
        let log = case.run();
        assert!(
            log.contains("snapshot_chosen"),
            "{}: {log}",
            fixture.display()
        );
        assert!(
            log.contains("snapshot_loaded"),
            "{}: {log}",
            fixture.display()
        );
    }
}

#[test]
fn a_newer_form_ends_the_start_before_anything_is_written() {
    let case = Case::of(&fixtures()[0]);
    let manifest = case.folder.path().join("state/manifests/0000000001.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let json = text.lines().next().unwrap();
    let json = json.replacen("\"format\":1", "\"format\":99", 1);
    let sum = xxhash_rust::xxh3::xxh3_64(json.as_bytes());
    std::fs::write(&manifest, format!("{json}\n{sum:016x}\n")).unwrap();
    let (out, log) = case.attempt();
    assert_eq!(out.status.code(), Some(2), "{log}");
    assert!(log.contains("0000000001.json"), "{log}");
    assert!(log.contains("has format 99, and this version"), "{log}");
    assert!(!Path::new(&case.path("changes")).exists(), "{log}");
}
