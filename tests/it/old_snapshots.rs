//! Snapshots that older versions wrote are started from; one of a newer form ends the start, which names it.
//! `fixtures/snapshot-N` holds one of format N: queries, the first sales, and the state after them.

use std::path::{Path, PathBuf};

use crate::support::left::copy;
use crate::support::{Bed, Dice, HOUR, fold, reference, sales, standings};

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

const OF_DAYS: &str = "SET 'table.local-time-zone' = 'Asia/Beirut';
CREATE TABLE sold (city STRING, amount BIGINT, at TIMESTAMP_LTZ(3) NOT NULL, WATERMARK FOR at AS at - INTERVAL '1' MINUTE);
SELECT window_start, window_end, city, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, city, SUM(amount) AS total
    FROM TABLE(TUMBLE(TABLE sold, DESCRIPTOR(at), INTERVAL '1' DAY)) WHERE amount > 0 GROUP BY window_start, window_end, city))
WHERE place <= 5;
";

/// In 2023 Lebanon put summer time off, two days before it was to begin, and took that back five days later: who had the database of those five
/// days in its program cut the 26th of March otherwise.
#[test]
fn a_day_that_was_cut_by_other_rules_goes_on_as_it_was() {
    let bed = Bed::new("rules").topic(1).changes_file().state();
    let queries = bed.path("own");
    std::fs::create_dir(&queries).unwrap();
    std::fs::write(queries.join("days.sql"), OF_DAYS).unwrap();
    let bed = bed.queries(&queries);
    let sale = |at: &str, amount: u32| {
        format!("{{\"city\":\"Tyre\",\"amount\":{amount},\"at\":\"{at}\"}}")
    };
    // It moves the clock, and is in no window: what that program had cut is made by the next one, by what it reads here.
    bed.send(&[vec![sale("2023-03-26T12:00:00Z", 0)]]);
    let often = ["--snapshot-interval", "50ms"];
    let running = bed.start(&often);
    bed.snapshot_with(&["Asia/Beirut"]);
    running.kill();
    // As that program left it: UTC+2 until the 30th.
    let newest = format!("state/manifests/{:010}.json", bed.newest_snapshot());
    let text = bed.read(&newest);
    let mut json: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    json["zones"] = serde_json::json!({
        "version": "2023b",
        "clocks": { "Asia/Beirut": [[1_667_080_800_000_i64, 7_200_000], [1_680_127_200_000_i64, 10_800_000]] },
    });
    let json = json.to_string();
    let sum = xxhash_rust::xxh3::xxh3_64(json.as_bytes());
    std::fs::write(bed.path(&newest), format!("{json}\n{sum:016x}\n")).unwrap();
    bed.send(&[vec![sale("2023-03-26T12:01:00Z", 1)]]);
    let before = bed.newest_snapshot();
    let running = bed.start(&often);
    bed.snapshot_after(before);
    bed.snapshot_with(&["1679832060000"]);
    let log = running.kill();
    assert!(log.contains("2023b"), "{log}");
    // Half an hour before midnight by those clocks, half an hour behind it by ours; and the day after.
    let more = [("2023-03-26T21:30:00Z", 2), ("2023-03-27T20:30:00Z", 4)];
    bed.send(&[more.map(|(at, amount)| sale(at, amount)).to_vec()]);
    let log = bed.to_end(&[]);
    let changes = bed.changed();
    let last = |start: &str| {
        let change = changes.iter().rev().find_map(|line| {
            let change: serde_json::Value = serde_json::from_str(line).unwrap();
            (change["window_start"] == start).then_some(change)
        })?;
        Some((change["window_end"].clone(), change["row"]["total"].clone()))
    };
    let want = |end: &str, total: u32| Some((end.into(), total.into()));
    let (day, next) = (last("2023-03-25T22:00:00Z"), last("2023-03-26T22:00:00Z"));
    assert_eq!(day, want("2023-03-26T22:00:00Z", 3), "{log}");
    assert_eq!(next, want("2023-03-27T21:00:00Z", 4), "{log}");
    assert_eq!(last("2023-03-26T21:00:00Z"), None);
    for word in [
        "zone_rules_changed",
        "2023-03-26T22:00:00Z",
        "2023-03-26T21:00:00Z",
    ] {
        assert!(log.contains(word), "{word}: {log}");
    }
}
