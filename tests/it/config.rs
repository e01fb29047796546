//! Settings: flags before the environment before the file; what is wrong in the file is refused with its place; what is
//! shown holds no secret.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{self, standings};

const CANARY: &str = "canary-9f3a";

/// A folder with a configuration file in it.
fn with_file(text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("standings.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    (dir, path)
}

fn output(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = standings(args);
    for (name, value) in variables {
        command.env(name, value);
    }
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(err)
}

/// The value and the origin that `config show` tells of a key.
fn shown<'a>(text: &'a str, key: &str) -> (&'a str, &'a str) {
    let line = text
        .lines()
        .find(|l| l.split_whitespace().next() == Some(key))
        .unwrap_or_else(|| panic!("no {key} in:\n{text}"));
    let rest = line.trim_start()[key.len()..].trim_start();
    let (value, from) = rest.split_once("  ").unwrap_or((rest, ""));
    (value, from.trim())
}

#[test]
fn flags_come_before_the_environment_before_the_file() {
    let (_dir, path) = with_file(
        "commit-interval = \"20ms\"\nretain = \"3d\"\nworkers = 3\nidle-timeout = \"9s\"\n\
         until-end = true\n[run]\nqueries = \"queries\"\nsource = [\"file:a.ndjson\", \"file:b.ndjson\"]\nsink = \"stdout\"\nretain = \"4d\"\n\
         [verify]\nlimit = 7\n",
    );
    let variables = [
        ("STANDINGS_COMMIT_INTERVAL", "30ms"),
        ("STANDINGS_WORKERS", "4"),
    ];
    let args = [
        "config", "show", "--config", &path, "--", "run", "--config", &path, "-w", "5",
    ];
    let output = output(&args, &variables);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    let at = |line: u32| format!("{path}:{line}");
    assert_eq!(shown(&text, "workers"), ("5", "flag"));
    assert_eq!(
        shown(&text, "commit-interval"),
        ("30ms", "environment STANDINGS_COMMIT_INTERVAL")
    );
    assert_eq!(shown(&text, "idle-timeout"), ("9s", &at(4)[..]));
    assert_eq!(shown(&text, "until-end"), ("true", &at(5)[..]));
    assert_eq!(
        shown(&text, "retain"),
        ("4d", &at(10)[..]),
        "the command's own table comes first"
    );
    assert_eq!(
        shown(&text, "source"),
        ("file:a.ndjson, file:b.ndjson", &at(8)[..])
    );
    assert_eq!(shown(&text, "max-ahead"), ("1d", "default"));
    assert_eq!(shown(&text, "state"), ("-", "not set"));
}

#[test]
fn a_list_of_flags_replaces_the_file_s() {
    let (_dir, path) = with_file(
        "[run]\nqueries = \"queries\"\nsource = [\"file:a\", \"file:b\"]\nsink = [\"stdout\"]\n",
    );
    let args = [
        "config", "show", "--", "run", "--config", &path, "--source", "file:c",
    ];
    let text = said(&output(&args, &[]));
    assert_eq!(shown(&text, "source"), ("file:c", "flag"));
}

#[test]
fn a_run_and_a_cluster_take_everything_from_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let line = r#"{"event_time":1769126400000,"city":"Lisbon","salesman_id":"S1","amount":1}"#;
    std::fs::write(at("sales.ndjson"), format!("{line}\n")).unwrap();
    let text = |changes: &str| {
        format!(
            "log = \"error\"\n[run]\nqueries = \"queries\"\nsource = \"file:{}\"\nsink = {{ file = \"{}\" }}\nuntil-end = true\n[cluster]\nprocesses = 2\n",
            at("sales.ndjson"),
            at(changes)
        )
    };
    std::fs::write(at("one-url"), format!("file:{}\n", at("one.ndjson"))).unwrap();
    std::fs::write(at("two-url"), format!("file:{}\n", at("two.ndjson"))).unwrap();
    std::fs::write(at("one.toml"), text("one-url")).unwrap();
    std::fs::write(at("two.toml"), text("two-url")).unwrap();
    support::run(&["run", "--config", &at("one.toml")]);
    support::run(&["cluster", "--config", &at("two.toml"), "--", "run"]);
    let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    let rows = |text: String| support::fold(text.lines()).0;
    assert_eq!(rows(read("one.ndjson")).len(), 3);
    assert_eq!(rows(read("one.ndjson")), rows(read("two.ndjson")));
}

#[test]
fn what_is_wrong_in_the_file_is_refused_with_its_place() {
    let base = "[run]\nqueries = \"queries\"\nsource = \"file:a\"\nsink = \"stdout\"\n";
    for (more, expected) in [
        (
            "comit-interval = \"10ms\"",
            "5: unknown key `comit-interval` in [run]; did you mean `commit-interval`?",
        ),
        (
            "commit_interval = \"10ms\"",
            "did you mean `commit-interval`?",
        ),
        ("rate = 5", "5: unknown key `rate` in [run]"),
        (
            "until-end = \"yes\"",
            "5: until-end: a string is not allowed; allowed are true and false",
        ),
        (
            "workers = true",
            "5: workers: a boolean is not allowed; allowed are a string, a number",
        ),
        ("workers = [1]", "5: workers: an array is not allowed"),
        (
            "workers = \"many\"",
            "5: workers: write it as a whole number, such as 4",
        ),
        (
            "emit = \"all\"",
            "5: emit: `all` is not allowed; allowed are rows, ranks",
        ),
        (
            "commit-interval = 10",
            "5: commit-interval: `10` is not a duration",
        ),
        (
            "late = { file = \"/nowhere/at/all\" }",
            "5: late: cannot read /nowhere/at/all",
        ),
        (
            "late = \"mysql://u:canary-9f3a@h/d\"",
            "5: late: `mysql:…` is no sink",
        ),
        ("late = ", "5: "),
        (
            "[rum]\nworkers = 1",
            "5: unknown table `rum`; did you mean `run`?",
        ),
        ("[verify]\nlimit = [1]", "6: limit: an array is not allowed"),
        (
            "[load.record]\nstart = \"latest\"\nnothing-like-it = 2",
            "7: unknown key `nothing-like-it` in [load.record]; allowed are ",
        ),
    ] {
        let (_dir, path) = with_file(&format!("{base}{more}\n"));
        let output = output(&["run", "--config", &path], &[]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(2), "{more}: {text}");
        let rest = text
            .split_once(&format!("error: {path}:"))
            .map_or("", |(_, rest)| rest);
        assert!(
            rest.contains(expected),
            "{more}:\n{text}\nexpected {expected}"
        );
        assert!(!text.contains(CANARY), "{text}");
    }
}

#[test]
fn no_secret_is_shown_wherever_it_comes_from() {
    let (dir, path) = with_file(
        "[run]\nqueries = \"queries\"\nsource = \"file:a\"\nsink = \"postgres://u:canary-9f3a@h/d?password=canary-9f3a\"\n\
         kafka-property = [\"sasl.password=canary-9f3a\"]\n",
    );
    let secret = dir.path().join("late");
    std::fs::write(&secret, "kafka://k:9092/late\n").unwrap();
    let secret = secret.display().to_string();
    let variables = [("STANDINGS_LATE_FILE", &secret[..])];
    let args = ["config", "show", "--", "run", "--config", &path];
    let text = said(&output(&args, &variables));
    assert!(!text.contains(CANARY), "{text}");
    assert_eq!(shown(&text, "sink").0, "postgres://h/d");
    assert_eq!(shown(&text, "kafka-property").0, "sasl.password=***");
    assert_eq!(
        shown(&text, "late"),
        (
            "kafka://k:9092/late",
            &format!("environment STANDINGS_LATE_FILE ({secret})")[..]
        )
    );
    // The parser's own refusals show the value, which may hold a password.
    let args = [
        "run",
        "--queries",
        "queries",
        "--source",
        "file:a",
        "--sink",
        "mysql://u:canary-9f3a@h/d",
    ];
    let output = output(&args, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!said(&output).contains(CANARY), "{}", said(&output));
}

#[test]
fn a_cluster_is_shown_with_the_run_of_its_processes() {
    let (_dir, path) = with_file(
        "[run]\nqueries = \"queries\"\nsource = \"file:a\"\nsink = \"stdout\"\n[cluster]\nprocesses = 6\n",
    );
    let args = [
        "config", "show", "--", "cluster", "--config", &path, "--", "run", "-w", "2",
    ];
    let text = said(&output(&args, &[]));
    let (cluster, run) = text
        .split_once("\nrun\n")
        .unwrap_or_else(|| panic!("{text}"));
    assert_eq!(shown(cluster, "processes"), ("6", &format!("{path}:6")[..]));
    assert_eq!(shown(run, "workers"), ("2", "flag"));
    assert_eq!(shown(run, "source"), ("file:a", &format!("{path}:3")[..]));
}

/// A value is held against its flag's parser, whichever command runs: of its own table, and of the top, where one command
/// that takes it is enough.
#[test]
fn every_value_is_parsed_as_its_flag_does() {
    for (file, line, word) in [
        ("[verify]\nmax-ahead = \"tomorrow\"\n", 2, "max-ahead"),
        ("[load.generate]\nseed = 1\nrate = \"fast\"\n", 3, "rate"),
        (
            "[run]\nsink = [\"stdout\", \"mysql://u:canary@h/d\"]\n",
            2,
            "is no sink",
        ),
        ("out-of-orderness = \"1x\"\n", 1, "out-of-orderness"),
        ("[run]\nemit = \"all\"\n", 2, "allowed are rows, ranks"),
    ] {
        let (_dir, path) = with_file(file);
        let output = output(&["check", "--config", &path, "--queries", "queries"], &[]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(2), "{file}: {text}");
        assert!(text.contains(&format!("{path}:{line}: ")), "{file}: {text}");
        assert!(
            text.contains(word) && !text.contains("canary"),
            "{file}: {text}"
        );
    }
    let (_dir, path) = with_file("rate = \"5000\"\n[serve]\nhttp = \"127.0.0.1:0\"\n");
    let output = output(&["check", "--config", &path, "--queries", "queries"], &[]);
    assert!(output.status.success(), "{}", said(&output));
}

/// The example, with every setting in force, is a file that all commands take: so its keys and types are the flags'.
#[test]
fn the_example_has_every_setting_and_nothing_else() {
    let example = said(&output(&["config", "example"], &[]));
    let mut settings = 0;
    let all: String = example
        .lines()
        .map(|line| {
            let key = line.strip_prefix("# ").and_then(|l| l.split_once(" = "));
            let is_key = |k: &str| {
                !k.is_empty()
                    && k.bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            };
            match key {
                Some((name, _)) if is_key(name) => {
                    settings += 1;
                    format!("{}\n", &line[2..])
                }
                _ => format!("{line}\n"),
            }
        })
        .collect();
    assert!(settings > 80, "{settings} settings in:\n{example}");
    for key in [
        "[run]",
        "[verify]",
        "[serve]",
        "[demo]",
        "[cluster]",
        "[load.generate]",
        "# commit-interval = \"10ms\"",
        "# until-end = false",
    ] {
        assert!(example.lines().any(|l| l == key), "no {key}");
    }
    let (_dir, path) = with_file(&all.replace("log = \"LEVEL\"", "log = \"warn\""));
    let output = output(&["check", "--config", &path, "--queries", "queries"], &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(Path::new(&path).exists());
}

/// The file that the pages show is one that is taken.
#[test]
fn the_page_s_file_is_taken() {
    let page = std::fs::read_to_string("docs/configuration.md").unwrap();
    let file = page
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let (_dir, path) = with_file(file.expect("a file in docs/configuration.md"));
    let output = output(&["check", "--config", &path, "--queries", "queries"], &[]);
    assert!(output.status.success(), "{}", said(&output));
}

/// Tokens have no form by which they could be known: the flag's type says what they are.
#[test]
fn tokens_are_not_shown() {
    let args = [
        "config",
        "show",
        "--",
        "run",
        "--queries",
        "queries",
        "--source",
        "file:x.ndjson",
        "--sink",
        "stdout",
        "--lineage-token",
        CANARY,
    ];
    let output = output(&args, &[("STANDINGS_TRACE_TOKEN", CANARY)]);
    let text = said(&output);
    assert!(output.status.success() && !text.contains(CANARY), "{text}");
    assert_eq!(shown(&text, "lineage-token"), ("***", "flag"));
    assert_eq!(
        shown(&text, "trace-token"),
        ("***", "environment STANDINGS_TRACE_TOKEN")
    );
}

// Settings of librdkafka that load code, run a command or name a file to be written are refused, whichever command is
// given them and however, before librdkafka sees them.

/// Every command that takes librdkafka settings, in a form that is right but for them.
fn commands(dir: &Path) -> Vec<Vec<String>> {
    std::fs::write(dir.join("in.rec"), "").unwrap();
    let topic = "kafka://127.0.0.1:1/t";
    let recording = dir.join("in.rec").display().to_string();
    [
        &[
            "run",
            "--queries",
            "queries",
            "--source",
            topic,
            "--sink",
            "stdout",
        ][..],
        &[
            "run",
            "--queries",
            "queries",
            "--source",
            topic,
            "--sink",
            topic,
            "--lineage",
            topic,
        ],
        &[
            "verify",
            "--queries",
            "queries",
            "--source",
            topic,
            "--sink",
            topic,
        ],
        &["load", "record", "--source", topic, "--out", "/dev/null"],
        &["load", "replay", &recording, "--to", topic],
        &["dead-letter", "list", topic],
        &["dead-letter", "show", topic, "1"],
        &["dead-letter", "replay", "--from", topic, "--to", topic],
    ]
    .map(|words| words.iter().map(|w| (*w).to_owned()).collect())
    .into()
}

/// It ends with exit code 2 and says the name, why, and not the value.
fn refused(mut command: Command, name: &str) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{command:?}: {text}");
    let told = format!("the Kafka setting `{name}` is not taken: it ");
    assert!(text.contains(&told), "{command:?}: {text}");
    assert!(!text.contains(CANARY), "{command:?}: {text}");
}

#[test]
fn they_are_refused_by_every_command_however_they_are_given() {
    let dir = tempfile::tempdir().unwrap();
    let setting = |name: &str| format!("{name}=/{CANARY}");
    for words in commands(dir.path()) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        for name in ["plugin.library.paths", "sasl.kerberos.kinit.cmd", "debug"] {
            let setting = setting(name);
            let mut by_flag = standings(&words);
            by_flag.args(["--kafka-property", &setting]);
            refused(by_flag, name);
            let mut by_environment = standings(&words);
            by_environment.env("STANDINGS_KAFKA_PROPERTY", &setting);
            refused(by_environment, name);
            let file = dir.path().join("standings.toml");
            let text = format!("kafka-property = \"{setting}\"\n");
            std::fs::write(&file, text).unwrap();
            let mut by_file = standings(&words);
            by_file.arg("--config").arg(&file);
            refused(by_file, name);
            if !["run", "verify"].contains(&words[0]) {
                continue;
            }
            let properties = dir.path().join("kafka.properties");
            std::fs::write(&properties, format!("# secrets\n {setting}\n")).unwrap();
            let mut by_properties = standings(&words);
            by_properties.arg("--kafka-properties").arg(&properties);
            refused(by_properties, name);
        }
    }
}

/// A library whose code says that it ran.
#[test]
fn no_library_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let (code, library) = (dir.path().join("ran.c"), dir.path().join("ran.so"));
    let text = "#include <stdio.h>\n#include <stdlib.h>\n\
         __attribute__((constructor)) static void run(void) { fclose(fopen(getenv(\"RAN\"), \"w\")); }\n\
         int conf_init(void *c, void **o, char *e, unsigned long n) { return 0; }\n";
    std::fs::write(&code, text).unwrap();
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &code]);
    assert!(compiler.status().unwrap().success());
    let ran = dir.path().join("ran");
    for name in [
        "plugin.library.paths",
        "ssl.providers",
        "ssl.engine.location",
    ] {
        for topic in ["file:/dev/null", "kafka://127.0.0.1:1/t"] {
            let mut run = standings(&["check", "--", "run", "--queries", "queries"]);
            run.args(["--source", topic, "--sink", "kafka://127.0.0.1:1/changes"])
                .args(["--kafka-property", &format!("{name}={}", library.display())])
                .env("RAN", &ran);
            refused(run, name);
            assert!(!ran.exists(), "{name} loaded a library");
        }
    }
}
