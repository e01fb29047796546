//! `docs/logs.md` lists every event that the sources log, with its level, and no other. Nobody waits for who reads them.

use std::collections::BTreeMap;
use std::io::{PipeReader, PipeWriter, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Levels by event name, of every `tracing` call below a folder.
fn events(dir: &Path, into: &mut BTreeMap<String, Vec<&'static str>>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            events(&path, into);
            continue;
        }
        if path.extension().is_none_or(|e| e != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for level in ["error", "warn", "info", "debug", "trace"] {
            for (_, rest) in calls(&text, level) {
                let first = rest.trim_start();
                let name = first.strip_prefix("event = ").unwrap_or_else(|| {
                    panic!(
                        "{}: a log line without an event first: {:.60}",
                        path.display(),
                        first
                    )
                });
                let names = match name.strip_prefix('"') {
                    Some(literal) => vec![literal.split('"').next().unwrap().to_owned()],
                    // Chosen a few lines above: `let what = if … { "a" } else { "b" };`
                    None => chosen(&text, name.split(',').next().unwrap().trim()),
                };
                for name in names {
                    let levels = into.entry(name).or_default();
                    if !levels.contains(&level) {
                        levels.push(level);
                    }
                }
            }
        }
    }
}

/// What follows each `tracing::LEVEL!(`.
fn calls<'a>(text: &'a str, level: &str) -> Vec<(usize, &'a str)> {
    let call = format!("tracing::{level}!(");
    text.match_indices(&call)
        .map(|(at, _)| (at, &text[at + call.len()..]))
        .collect()
}

/// The texts that a variable may be.
fn chosen(text: &str, variable: &str) -> Vec<String> {
    let (_, rest) = text
        .split_once(&format!("let {variable} = if "))
        .unwrap_or_else(|| panic!("{variable} is no choice of two texts"));
    let choice = rest.split(';').next().unwrap();
    choice
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The arguments of a call, from behind its bracket: what commas separate outside of brackets and texts.
fn arguments(rest: &str) -> Vec<String> {
    let (mut all, mut depth, mut within, mut escaped) = (vec![String::new()], 0, false, false);
    for c in rest.chars() {
        let last = all.last_mut().unwrap();
        if within {
            (within, escaped) = match c {
                _ if escaped => (true, false),
                '\\' => (true, true),
                '"' => (false, false),
                _ => (true, false),
            };
            last.push(c);
            continue;
        }
        match c {
            ')' if depth == 0 => return all,
            ',' if depth == 0 => {
                all.push(String::new());
                continue;
            }
            '"' => within = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        last.push(c);
    }
    panic!("a call without an end: {rest:.80}")
}

/// Who reads a log on a terminal reads words first, and then what they are about.
#[test]
fn every_line_that_is_shown_by_default_has_a_sentence() {
    let mut open = vec![std::path::PathBuf::from("src")];
    let mut seen = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        let is_source = path.extension().is_some_and(|e| e == "rs");
        let text = if is_source {
            std::fs::read_to_string(&path).unwrap()
        } else {
            continue;
        };
        for (_, rest) in ["error", "warn", "info"]
            .iter()
            .flat_map(|level| calls(&text, level))
        {
            seen += 1;
            let said = arguments(rest);
            let is_text = |a: &String| a.trim_start().starts_with('"');
            assert!(
                said.iter().any(is_text),
                "{}: a log line without a sentence: {:.80}",
                path.display(),
                said[0]
            );
        }
    }
    assert!(seen > 80, "{seen} lines");
    assert_eq!(
        arguments("a = \"x, (\\\" y\", f(1, 2), \"b\") more").len(),
        3
    );
}

#[test]
fn every_event_is_listed_with_its_level() {
    let mut logged = BTreeMap::new();
    events("src".as_ref(), &mut logged);
    assert!(logged.len() > 50, "{logged:?}");
    let docs = std::fs::read_to_string("docs/logs.md").unwrap();
    let mut listed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in docs.lines().filter(|l| l.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`').to_owned();
        let levels = cells[2].split(", ").map(str::to_owned).collect();
        assert!(cells[3].len() > 5, "{name} is not explained");
        assert!(
            listed.insert(name.clone(), levels).is_none(),
            "{name} is there twice"
        );
    }
    for (name, levels) in &logged {
        let told = listed
            .get(name)
            .map(|l| l.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(told.as_ref(), Some(levels), "docs/logs.md on {name}");
    }
    for name in listed.keys() {
        assert!(
            logged.contains_key(name),
            "docs/logs.md lists {name}, which nothing logs"
        );
    }
}

#[test]
fn at_debug_every_line_is_one_of_ours() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_standings"))
        .args(["run", "--queries", "queries", "--source", "file:/dev/null"])
        .args(["--until-end", "--sink", "file:/dev/null"])
        .args(["--log", "debug", "--log-format", "json"])
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{lines}");
    for line in lines.lines() {
        let told: serde_json::Value = serde_json::from_str(line).expect(line);
        assert!(told["event"].is_string(), "a line without an event: {line}");
    }
    assert!(lines.contains("\"epoch_ended\""), "{lines}");
}

/// A pipe that is full, and that nobody reads.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    let set = |flags: libc::c_int| {
        // SAFETY: the file is open as long as the call lasts.
        assert_eq!(
            unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, flags) },
            0
        );
    };
    set(libc::O_NONBLOCK);
    while (&writer).write(&[b'x'; 4096]).is_ok() {}
    while (&writer).write(b"x").is_ok() {}
    set(0);
    (reader, writer)
}

#[test]
fn a_pipe_that_nobody_reads_holds_up_neither_a_run_nor_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let sales = dir.path().join("sales.ndjson");
    let sale =
        r#"{"event_time":"2026-01-23T10:00:00Z","city":"Lisbon","salesman_id":"S1","amount":1}"#;
    std::fs::write(&sales, format!("{sale}\n").repeat(2_000)).unwrap();
    let source = format!("file:{}", sales.display());
    let run = ["run", "--queries", "queries", "--sink", "file:/dev/null"];
    let end = ["--until-end", "--log", "trace"];
    let cluster: Vec<&str> = ["cluster", "-n", "2", "--no-restart", "--"]
        .into_iter()
        .chain(run)
        .collect();
    for (command, source, code) in [
        (&run[..], source.as_str(), Some(0)),
        (&cluster[..], source.as_str(), Some(0)),
        // What ends it finds no reader either.
        (&run[..], "file:/nowhere/at/all", Some(2)),
    ] {
        let (_reader, writer) = full_pipe();
        let mut child = Command::new(env!("CARGO_BIN_EXE_standings"))
            .args(command)
            .args(["--source", source])
            .args(end)
            .stdout(Stdio::null())
            .stderr(writer)
            .spawn()
            .unwrap();
        let began = Instant::now();
        let ended = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status.code(),
                None if began.elapsed() > Duration::from_secs(30) => {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        assert_eq!(ended, code, "{command:?} {source}");
    }
}
