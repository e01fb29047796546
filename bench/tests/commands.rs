//! The command line of the benches: every command teaches itself with examples, every name in `bench/` is one, wrong flags
//! are refused before anything is measured.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

fn bench(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_standings-bench"));
    let command = command
        .args(args)
        .env_remove("KAFKA_BROKERS")
        .env_remove("POSTGRES_URL");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The commands that `--help` names.
fn commands() -> Vec<String> {
    let help = text(&bench(&["--help"]).stdout);
    let list = help.split("Commands:\n").nth(1).unwrap();
    let names = list.lines().take_while(|l| l.starts_with("  "));
    let names = names
        .filter(|l| !l.starts_with("   "))
        .filter_map(|l| l.split_whitespace().next());
    names.filter(|n| *n != "help").map(str::to_owned).collect()
}

#[test]
fn every_command_has_a_script_and_teaches_with_examples() {
    let all = commands();
    assert!(all.iter().any(|c| c == "run"), "{all:?}");
    for name in &all {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(name.replace('-', "_"));
        let mode = fs::metadata(&script).unwrap_or_else(|e| panic!("{}: {e}", script.display()));
        assert!(
            mode.permissions().mode() & 0o111 != 0,
            "{}",
            script.display()
        );
        let done = bench(&[name, "--help"]);
        assert!(done.status.success());
        let help = text(&done.stdout);
        let examples = help.split("Examples:\n").nth(1).unwrap_or_default();
        let script = format!("bench/{}", name.replace('-', "_"));
        assert!(
            examples.contains(&script),
            "{name} shows no example: {help}"
        );
    }
    // And no script is left over.
    for entry in fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_symlink() {
            assert!(
                all.contains(&name.replace('_', "-")),
                "bench/{name} is no command"
            );
        }
    }
}

#[test]
fn a_script_runs_the_command_that_it_is_called_by() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("start");
    let mut command = Command::new(script);
    let done = command.arg("--help").env(
        "STANDINGS_BENCH_ITSELF",
        env!("CARGO_BIN_EXE_standings-bench"),
    );
    let help = text(&done.output().unwrap().stdout);
    assert!(help.contains("nothing to read"), "{help}");
}

#[test]
fn wrong_usage_is_told_in_one_diagnostic() {
    for (args, wanted) in [
        (
            &["start"][..],
            "KAFKA_BROKERS and POSTGRES_URL are not set: run deploy/services up",
        ),
        (&["run", "--only", "bound"], "invalid value 'bound'"),
        (&["soak", "--for", "soon"], "`soon` is not a duration"),
        (&["growth", "--rounds", "0"], "no median of no rounds"),
        (&["nothing"], "unrecognized subcommand"),
    ] {
        let done = bench(args);
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{args:?}: {said}");
        assert_eq!(said.matches("error: ").count(), 1, "{said}");
        assert!(said.contains(wanted), "{args:?}: {said}");
    }
}
