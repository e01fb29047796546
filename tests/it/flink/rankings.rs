//! `queries/*.sql` on Flink, over our own sales, with what docs/tables.md says it needs to know: the same rows.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use standings_commit::change_log::fold_log;
use standings_model::json::push_value;
use standings_model::plan::{Field, Plan};
use standings_model::time::format_rfc3339;

use super::flink;
use crate::support::{run, to_stdout};

/// By ranking, window and rank: the fields as they are written.
type Shown = BTreeMap<(String, String, u64, Vec<String>), Vec<String>>;

/// The shipped table, as Flink is to read it from a file.
fn declared(sales: &Path) -> String {
    let ddl = std::fs::read_to_string("queries/sales.sql").unwrap();
    let (table, _) = ddl.rsplit_once(");").unwrap();
    format!(
        "SET 'table.local-time-zone' = 'UTC';\n{table}) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'json', \
         'json.timestamp-format.standard' = 'ISO-8601');\n",
        sales.display()
    )
}

fn theirs(plan: &Plan, folder: &Path, sales: &Path) -> Shown {
    let mut script = declared(sales);
    let before = script.matches(";\n").count();
    for ranking in &plan.rankings {
        script += &std::fs::read_to_string(format!("queries/{}.sql", ranking.name)).unwrap();
        script.push('\n');
    }
    let file = folder.join("script.sql");
    std::fs::write(&file, script).unwrap();
    let mut shown = Shown::new();
    for line in flink("Script", &[&file]) {
        assert!(line["failed"].is_null(), "{line}");
        // Window Top-N is written once, when a window closes.
        assert_eq!(line["kind"], "+I", "{line}");
        let ranking = &plan.rankings[line["statement"].as_u64().unwrap() as usize - before];
        let row: Vec<String> = line["row"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_str().unwrap().to_owned())
            .collect();
        let (rank, fields) = row[2..].split_last().unwrap();
        let keys = fields[..ranking.keys.len()].to_vec();
        let at = (
            ranking.name.clone(),
            format!("{}Z", row[0]),
            rank.parse().unwrap(),
            keys,
        );
        shown.insert(at, fields.to_vec());
    }
    shown
}

fn ours(plan: &Plan, source: &str) -> Shown {
    let out = to_stdout(source).output().unwrap();
    assert!(out.status.success());
    let rows = fold_log(plan, &out.stdout).unwrap().rows;
    let rows = rows.iter().map(|row| {
        let ranking = &plan.rankings[row.ranking];
        let fields: Vec<String> = ranking
            .fields
            .iter()
            .map(|field| {
                let value = match *field {
                    Field::Key(i) => &row.key[i],
                    Field::Measure(i) => &row.measures[i],
                };
                let mut shown = Vec::new();
                push_value(&mut shown, value);
                let shown: Value = serde_json::from_slice(&shown).unwrap();
                shown
                    .as_str()
                    .map_or_else(|| shown.to_string(), str::to_owned)
            })
            .collect();
        let keys = fields[..ranking.keys.len()].to_vec();
        let start = format_rfc3339(row.window_start);
        ((ranking.name.clone(), start, row.rank, keys), fields)
    });
    rows.collect()
}

/// Averages have six digits there, and two here: as near as that rounding is.
fn is_rounded(ours: &str, theirs: &str) -> bool {
    let (Ok(ours), Ok(theirs)) = (ours.parse::<f64>(), theirs.parse::<f64>()) else {
        return false;
    };
    (ours - theirs).abs() <= 0.005 + 1e-6
}

#[test]
fn the_shipped_rankings_are_the_same_on_flink() {
    let folder = tempfile::tempdir().unwrap();
    let sales = folder.path().join("sales.ndjson");
    let path = sales.display().to_string();
    run(&[
        "load", "generate", "--sales", "20000", "--span", "50h", "--cities", "25", "--out", &path,
    ]);
    let plan = standings_query::load_dir("queries".as_ref()).unwrap();
    let theirs = theirs(&plan, folder.path(), &sales);
    let ours = ours(&plan, &format!("file:{path}"));
    assert!(ours.len() > 500, "{}", ours.len());
    let places = |shown: &Shown| shown.keys().cloned().collect::<Vec<_>>();
    assert_eq!(places(&ours), places(&theirs));
    for (at, fields) in &ours {
        let ranking = plan.rankings.iter().find(|r| r.name == at.0).unwrap();
        let other = &theirs[at];
        assert_eq!(fields.len(), other.len());
        for ((field, mine), yours) in ranking.fields.iter().zip(fields).zip(other) {
            let name = ranking.field_name(*field);
            let same = match name.starts_with("avg_") {
                true => is_rounded(mine, yours),
                false => mine == yours,
            };
            assert!(same, "{at:?}: {name} is {mine}, and {yours} on Flink");
        }
    }
}
