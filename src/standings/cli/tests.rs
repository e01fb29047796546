//! Held to the flags as they are: nothing is left out, and the short help is short.

use std::collections::BTreeSet;

use super::groups::grouped;
use super::*;

fn run() -> clap::Command {
    let mut all = command_line();
    all.build();
    all.find_subcommand("run").unwrap().clone()
}

fn help(words: &[&str]) -> String {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let command = as_asked(command_line(), &words).term_width(100);
    command.try_get_matches_from(words).unwrap_err().to_string()
}

#[test]
fn every_flag_of_a_run_is_in_one_group() {
    let known = ["Lineage", "Traces", "HTTP", "Log and configuration"];
    for arg in run().get_arguments().filter(|a| !a.is_hide_set()) {
        let Some(name) = arg.get_long().filter(|n| *n != "help") else {
            continue;
        };
        let heading = arg.get_help_heading();
        let named = grouped().filter(|n| *n == name).count();
        let elsewhere = heading.is_some_and(|h| known.contains(&h));
        assert!(
            named == 1 || elsewhere,
            "--{name} stands in {named} groups: src/standings/cli/groups.rs"
        );
    }
    let there: BTreeSet<String> = run()
        .get_arguments()
        .filter_map(|a| a.get_long())
        .map(str::to_owned)
        .collect();
    for name in grouped() {
        assert!(there.contains(name), "--{name} is in a group, and no flag");
    }
}

#[test]
fn the_short_help_is_short_and_the_whole_one_is_whole() {
    let (short, whole) = (
        help(&["standings", "run", "-h"]),
        help(&["standings", "run", "--help"]),
    );
    let lines = short.lines().count();
    assert!(lines <= 70, "{lines} lines:\n{short}");
    for part in [
        "Source:",
        "Sinks:",
        "--source",
        "more flags",
        "standings run --help",
    ] {
        assert!(short.contains(part), "{part}:\n{short}");
    }
    assert!(!short.contains("[env:"), "{short}");
    assert!(!short.contains("--peer-tls-cert"), "{short}");
    for arg in run().get_arguments().filter(|a| !a.is_hide_set()) {
        if let Some(name) = arg.get_long() {
            assert!(whole.contains(&format!("--{name}")), "--{name}");
        }
    }
    for part in [
        "Workers and processes:",
        "Event time:",
        "[env: STANDINGS_SOURCE]",
        "HTTP:",
    ] {
        assert!(whole.contains(part), "{part}");
    }
    assert!(!whole.contains("more flags"), "{whole}");
}

#[test]
fn words_of_another_command_ask_for_nothing_here() {
    let words: Vec<OsString> = ["standings", "cluster", "--", "run", "-h"]
        .iter()
        .map(OsString::from)
        .collect();
    let command = as_asked(command_line(), &words);
    let run = command.find_subcommand("run").unwrap();
    assert!(run.get_arguments().all(|a| !a.is_hide_short_help_set()));
}

#[test]
fn the_version_says_what_it_was_built_from() {
    let text = help(&["standings", "--version"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("standings {}", env!("CARGO_PKG_VERSION")));
    assert!(lines[1].starts_with("commit: "), "{text}");
    assert!(lines[2].starts_with("features: "), "{text}");
    assert_eq!(lines[2].contains("sabotage"), cfg!(feature = "sabotage"));
    assert!(lines[4].starts_with("time zones: IANA 20"), "{text}");
    assert_eq!(
        help(&["standings", "-V"]).trim(),
        lines[0],
        "the short one is one line"
    );
}

#[test]
fn the_manual_has_a_page_for_each_command_and_no_values() {
    let dir = tempfile::tempdir().unwrap();
    let args = ManArgs {
        dir: dir.path().join("man1"),
    };
    man(&args, &command_line()).unwrap();
    let page = |name: &str| std::fs::read_to_string(args.dir.join(name)).unwrap();
    for command in command_line().get_subcommands() {
        let text = page(&format!("standings-{}.1", command.get_name()));
        assert!(text.contains(".TH "), "{text}");
    }
    assert!(page("standings-run.1").contains("STANDINGS_SOURCE"));
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = man(&ManArgs { dir: file }, &command_line()).unwrap_err();
    assert!(refused.to_string().contains("name a folder"), "{refused}");
}
