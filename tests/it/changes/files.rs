//! The binary over histories in files: the changes beside the offsets of their commits, late halves, dead letters and the report,
//! as anybody can check them from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::Case;
use super::engine::differs;
use crate::support::changes::Form;
use crate::support::changes::forms::{line, write};
use crate::support::changes::model::Half;
use crate::support::changes::rankings::{Shown, Window, shown};
use crate::support::changes::shown::Fold;
use crate::support::{Running, millis, newest_snapshot, run, standings, until, wait};

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines();
    lines.map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// A history in files, and what reads them.
struct Bed {
    seed: u64,
    case: Case,
    dir: tempfile::TempDir,
}

impl Bed {
    fn new(seed: u64, form: Form) -> Self {
        let case = Case::new(seed, form);
        let dir = tempfile::tempdir().unwrap();
        let queries = dir.path().join("queries");
        std::fs::create_dir(&queries).unwrap();
        for (name, sql) in case.queries() {
            std::fs::write(queries.join(format!("{name}.sql")), sql).unwrap();
        }
        Bed { seed, case, dir }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn input(&self, partition: usize) -> PathBuf {
        let end = match self.case.form {
            Form::Upsert => "upsert.ndjson",
            _ => "ndjson",
        };
        self.at(&format!("{partition}.{end}"))
    }

    /// Writes the first records of each partition, a number of them by partition.
    fn write(&self, upto: impl Fn(usize) -> usize) {
        for (p, records) in self.case.records.iter().enumerate() {
            let each = records.iter().enumerate().take(upto(records.len()));
            let text: String = each
                .map(|(offset, what)| {
                    line(self.case.form, &write(self.case.form, what, offset)) + "\n"
                })
                .collect();
            std::fs::write(self.input(p), text).unwrap();
        }
    }

    fn args(&self, workers: u64) -> Vec<String> {
        let file = |path: PathBuf| format!("file:{}", path.display());
        let of = |name: &str| self.at(name);
        let lateness = self.case.policy.allowed_lateness;
        let mut args = vec!["run".to_owned()];
        for (flag, value) in [
            ("--queries", of("queries").display().to_string()),
            ("--commit-interval", "0ms".to_owned()),
            ("-w", workers.to_string()),
            ("--allowed-lateness", format!("{lateness}ms")),
            ("--sink", file(of("changes?offsets=true"))),
            ("--late", file(of("late"))),
            ("--dead-letter", file(of("dead"))),
            ("--report", of("report").display().to_string()),
        ] {
            args.extend([flag.to_owned(), value]);
        }
        for p in 0..self.case.records.len() {
            let source = format!("orders={}", file(self.input(p)));
            args.extend(["--source-override".to_owned(), source]);
        }
        args
    }

    fn about(&self) -> String {
        format!("seed {}, {:?}, from files", self.seed, self.case.form)
    }

    /// What a run has shown of windows that none of its partitions can change any more. A file is not told of them again.
    fn over(&self, log: &str) -> Shown {
        let (mut fold, mut upto) = (Fold::default(), Vec::new());
        for line in log.lines() {
            match offsets(line) {
                Some(of) => upto = of,
                None => fold.change(&self.case.rankings, line),
            }
        }
        upto.resize(self.case.records.len(), 0);
        let model = self.case.model();
        let is_over = |window: Option<Window>| window.is_some_and(|w| model.is_over(w, &upto));
        fold.rows.retain(|at, _| is_over(at.1));
        fold.rows
    }

    /// Holds the changes against the model, at each commit and at the end. `before`: what a run before showed of windows that were
    /// over at its end. A file is not told again of those that were over where this run began, which is a snapshot's cut, or the
    /// beginning: it may be long before that end, and what was not over there is told, and not before its commit.
    fn check_changes(&self, mut before: Shown) {
        let (case, about) = (&self.case, self.about());
        let model = case.model();
        let mut fold = Fold::default();
        let mut upto: Option<Vec<usize>> = None;
        let text = std::fs::read_to_string(self.at("changes")).unwrap();
        let mut commit = 0;
        let whole = |before: &Shown, rows: &Shown| -> Shown {
            let there: BTreeSet<_> = rows.keys().map(|at| (&at.0, at.1)).collect();
            let gone = before
                .iter()
                .filter(|(at, _)| !there.contains(&(&at.0, at.1)));
            let gone = gone.map(|(at, row)| (at.clone(), row.clone()));
            rows.clone().into_iter().chain(gone).collect()
        };
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            let number = value["commit"].as_u64().unwrap();
            match value.get("offsets") {
                Some(offsets) => {
                    // Before any change of its commit, and behind all of those before.
                    assert!(number > commit, "{about}: {line}");
                    commit = number;
                    if let Some(upto) = &upto {
                        differs(
                            &whole(&before, &fold.rows),
                            &shown(&model, &case.rankings, upto),
                            &about,
                        );
                    }
                    let of = offsets["orders"].as_array().unwrap();
                    let of = of.iter().map(|n| n.as_u64().unwrap() as usize);
                    let all = of.chain(std::iter::repeat(0)).take(case.records.len());
                    let all: Vec<usize> = all.collect();
                    if upto.is_none() {
                        // It began at this commit's cut, or before it.
                        before.retain(|at, _| at.1.is_some_and(|w| model.is_over(w, &all)));
                    }
                    upto = Some(all);
                }
                None => {
                    assert_eq!(
                        number, commit,
                        "{about}: a change without offsets before it"
                    );
                    fold.change(&case.rankings, line);
                }
            }
        }
        let all: Vec<usize> = case.records.iter().map(Vec::len).collect();
        differs(
            &whole(&before, &fold.rows),
            &shown(&model, &case.rankings, &all),
            &about,
        );
    }

    /// What `verify` recomputes of the source is what the run has shown; and it finds what is not.
    fn verify(&self) {
        let file = |path: PathBuf| format!("file:{}", path.display());
        let lateness = format!("{}ms", self.case.policy.allowed_lateness);
        let changes = file(self.at("changes"));
        // What is counted of another ranking's rows is not recomputed.
        let verified = self.at("verified");
        std::fs::create_dir_all(&verified).unwrap();
        let nested = |name: &str| {
            self.case
                .rankings
                .iter()
                .any(|r| r.name == name && r.is_nested())
        };
        for (name, sql) in self.case.queries() {
            if !nested(&name) {
                std::fs::write(verified.join(format!("{name}.sql")), sql).unwrap();
            }
        }
        let queries = verified.display().to_string();
        let mut args = vec!["verify", "--queries", &queries, "--sink", &changes];
        args.extend(["--allowed-lateness", &lateness]);
        let sources: Vec<String> = (0..self.case.records.len())
            .map(|p| format!("orders={}", file(self.input(p))))
            .collect();
        args.extend(sources.iter().flat_map(|s| ["--source-override", s]));
        run(&args);
        let text = std::fs::read_to_string(self.at("changes")).unwrap();
        // Another count in every row: whichever is the last of its row.
        let other = text.replace("\"n\":", "\"n\":7");
        if other != text {
            std::fs::write(self.at("changes"), other).unwrap();
            let out = standings(&args).output().unwrap();
            assert_eq!(out.status.code(), Some(1), "{}", self.about());
        }
    }

    /// Holds what became of the records against the model. `once`: nothing was told twice.
    fn check_account(&self, once: bool) {
        let (case, about) = (&self.case, self.about());
        let (counts, mut want) = case.became();
        let mut found: Vec<Half> = lines(&self.at("late"))
            .iter()
            .map(|l| half(case, l))
            .collect();
        found.sort();
        // What was told behind the snapshot that is gone on from is told again.
        want.sort();
        if !once {
            found.dedup();
            want.dedup();
        }
        assert_eq!(found, want, "{about}: late halves");
        let report: Value =
            serde_json::from_slice(&std::fs::read(self.at("report")).unwrap()).unwrap();
        let mut sum: BTreeMap<&str, u64> = BTreeMap::new();
        for (name, n) in counts.iter().flatten() {
            *sum.entry(name).or_default() += n;
        }
        for (name, n) in &sum {
            assert_eq!(
                report["tables"]["orders"][name], *n,
                "{about}: {name} in {report}"
            );
        }
        let dead = lines(&self.at("dead"));
        let (told, want) = (dead.len() as u64, sum["dead_lettered"]);
        assert!(
            told == want || (!once && told > want),
            "{about}: {told} dead letters, not {want}"
        );
        assert!(
            dead.iter().all(|l| l["table"] == "orders"),
            "{about}: {dead:?}"
        );
    }
}

fn case(seed: u64, form: Form) {
    let bed = Bed::new(seed, form);
    let ranks = |of: &BTreeMap<&str, u64>| of.get("ranked").is_some_and(|n| *n > 0);
    if !bed.case.became().0.iter().any(ranks) {
        // A run that ranks nothing of what it read says so, and fails.
        return;
    }
    bed.write(|all| all);
    let mut args = bed.args(1 + seed % 3);
    args.push("--until-end".to_owned());
    run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    bed.check_changes(Shown::new());
    bed.check_account(true);
    bed.verify();
}

/// Half of the input, until there is a snapshot; then all of it, with another number of workers.
fn restarted(seed: u64, form: Form) {
    let bed = Bed::new(seed, form);
    bed.write(|all| all / 2);
    let state = [
        "--state".to_owned(),
        format!("file:{}", bed.at("state").display()),
        "--snapshot-interval".to_owned(),
        "20ms".to_owned(),
    ];
    let first: Vec<String> = bed
        .args(1 + seed % 3)
        .into_iter()
        .chain(state.clone())
        .collect();
    let first: Vec<&str> = first.iter().map(String::as_str).collect();
    let mut first = Running(standings(&first).spawn().unwrap());
    until("a snapshot", Duration::from_secs(20), || {
        newest_snapshot(&bed.at("state")) > 0
    });
    // With some commits behind it, or none.
    std::thread::sleep(Duration::from_millis(seed % 4 * 30));
    match seed % 2 {
        0 => {
            kill(&first.0);
            wait(&mut first.0, Duration::from_secs(20), &["asked to stop"]);
        }
        _ => drop(first),
    }
    let log = std::fs::read_to_string(bed.at("changes")).unwrap();
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    let before = bed.over(whole);
    bed.write(|all| all);
    let mut args = bed.args(1 + (seed + 1) % 3);
    args.extend(state);
    args.push("--until-end".to_owned());
    run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    bed.check_changes(before);
    bed.check_account(false);
}

/// Asks a process to stop.
fn kill(child: &std::process::Child) {
    // SAFETY: a signal to a child that was not waited for.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGTERM) }, 0);
}

/// The offsets of `orders` in a line that says a commit's.
fn offsets(line: &str) -> Option<Vec<usize>> {
    let value: Value = serde_json::from_str(line).unwrap();
    let of = value.get("offsets")?["orders"].as_array().unwrap();
    Some(of.iter().map(|n| n.as_u64().unwrap() as usize).collect())
}

fn half(case: &Case, line: &Value) -> Half {
    assert_eq!(line["table"], "orders", "{line}");
    let number = |name: &str| line[name].as_u64().unwrap() as usize;
    let half = match line["change"].as_str() {
        Some("retract") => "retract",
        Some("insert") => "insert",
        other => panic!("{other:?}: {line}"),
    };
    let windows = line["windows"].as_array().unwrap().iter().map(|w| {
        let ranking = case.rankings.iter().find(|r| w["ranking"] == r.name);
        let bound = |name: &str| millis(w[name].as_str().unwrap());
        (
            ranking.unwrap().name,
            bound("window_start"),
            bound("window_end"),
        )
    });
    let mut windows: Vec<_> = windows.collect();
    windows.sort();
    (number("partition"), number("offset"), half, windows)
}

#[test]
fn files_of_each_form_come_to_what_the_model_says() {
    for seed in super::seeds(30_001, 8) {
        for form in [Form::Upsert, Form::DeleteField, Form::Debezium] {
            case(seed, form);
        }
    }
}

#[test]
fn a_restart_with_other_workers_changes_nothing() {
    for seed in super::seeds(40_001, 4) {
        for form in [Form::Upsert, Form::Debezium] {
            restarted(seed, form);
        }
    }
}
