//! The binary over histories in files: the changes beside the offsets of their commits, late halves, dead letters and the report,
//! as anybody can check them from outside.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Case;
use super::engine::differs;
use crate::support::changes::Form;
use crate::support::changes::forms::{line, write};
use crate::support::changes::model::Half;
use crate::support::changes::rankings::shown;
use crate::support::changes::shown::Fold;
use crate::support::{millis, run};

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines();
    lines.map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn case(seed: u64, form: Form) {
    let case = Case::new(seed, form);
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir(at("queries")).unwrap();
    for (name, sql) in case.queries() {
        std::fs::write(at("queries").join(format!("{name}.sql")), sql).unwrap();
    }
    let shown_at = |name: &str| format!("file:{}", at(name).display());
    let workers = (1 + seed % 3).to_string();
    let lateness = format!("{}ms", case.policy.allowed_lateness);
    let mut args = vec![
        "run".to_owned(),
        "--until-end".to_owned(),
        "--queries".to_owned(),
        at("queries").display().to_string(),
        "--commit-interval".to_owned(),
        "0ms".to_owned(),
        "-w".to_owned(),
        workers,
        "--allowed-lateness".to_owned(),
        lateness,
        "--sink".to_owned(),
        shown_at("changes?offsets=true"),
        "--late".to_owned(),
        shown_at("late"),
        "--dead-letter".to_owned(),
        shown_at("dead"),
        "--report".to_owned(),
        at("report").display().to_string(),
    ];
    let end = if form == Form::Upsert {
        "upsert.ndjson"
    } else {
        "ndjson"
    };
    for (p, records) in case.records.iter().enumerate() {
        let name = format!("{p}.{end}");
        let each = records.iter().enumerate();
        let text: String = each
            .map(|(offset, what)| line(form, &write(form, what, offset)) + "\n")
            .collect();
        std::fs::write(at(&name), text).unwrap();
        args.extend([
            "--source-override".to_owned(),
            format!("orders={}", shown_at(&name)),
        ]);
    }
    run(&args.iter().map(String::as_str).collect::<Vec<_>>());

    let about = format!("seed {seed}, {form:?}, from files");
    let model = case.model();
    let mut fold = Fold::default();
    let mut upto: Option<Vec<usize>> = None;
    let text = std::fs::read_to_string(at("changes")).unwrap();
    let mut commit = 0;
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let number = value["commit"].as_u64().unwrap();
        match value.get("offsets") {
            Some(offsets) => {
                // Before any change of its commit, and behind all of those before.
                assert!(number > commit, "{about}: {line}");
                commit = number;
                if let Some(upto) = &upto {
                    differs(&fold.rows, &shown(&model, &case.rankings, upto), &about);
                }
                let of = offsets["orders"].as_array().unwrap();
                let of = of.iter().map(|n| n.as_u64().unwrap() as usize);
                upto = Some(
                    of.chain(std::iter::repeat(0))
                        .take(case.records.len())
                        .collect(),
                );
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
    differs(&fold.rows, &shown(&model, &case.rankings, &all), &about);

    let (counts, mut want) = case.became();
    let mut found: Vec<Half> = lines(&at("late")).iter().map(|l| half(&case, l)).collect();
    found.sort();
    want.sort();
    assert_eq!(found, want, "{about}: late halves");
    let report: Value = serde_json::from_slice(&std::fs::read(at("report")).unwrap()).unwrap();
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
    let dead = lines(&at("dead"));
    assert_eq!(
        dead.len() as u64,
        sum["dead_lettered"],
        "{about}: dead letters"
    );
    assert!(
        dead.iter().all(|l| l["table"] == "orders"),
        "{about}: {dead:?}"
    );
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
    for seed in 1..=super::cases(8) {
        for form in [Form::Upsert, Form::DeleteField, Form::Debezium] {
            case(30_000 + seed, form);
        }
    }
}
