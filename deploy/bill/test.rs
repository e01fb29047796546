//! The bill of this checkout: right by its own check, the same bytes each time, and JSON that names the program.

use std::process::{Command, Output};

fn sbom(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_standings-sbom"));
    command.args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_bill_of_this_checkout_is_right() {
    let done = sbom(&["--check"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stdout).starts_with("sbom: "));
    let [once, twice] = [sbom(&[]), sbom(&[])];
    assert!(once.status.success() && once.stdout == twice.stdout);
    let bill: serde_json::Value = serde_json::from_slice(&once.stdout).unwrap();
    assert_eq!(bill["metadata"]["component"]["name"], "standings");
    let names: Vec<&str> = bill["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    // What it is built from, and not what only benches and tests need.
    assert!(names.contains(&"timely") && names.contains(&"rdkafka"));
    assert!(!names.contains(&"criterion") && !names.contains(&"standings-bench"));
}

#[test]
fn help_teaches_with_examples() {
    let help = text(&sbom(&["--help"]).stdout);
    assert!(help.contains("deploy/sbom > standings.cdx.json"), "{help}");
    assert_eq!(sbom(&["--chek"]).status.code(), Some(2));
}
