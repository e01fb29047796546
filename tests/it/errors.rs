//! Errors end with a code: each is brought about by the binary where that is cheap, and asked of its type where it is not.
//! The pages in `docs/errors` are what the table says.
//!
//! `STANDINGS_UPDATE_DOCS=1 deploy/test errors` writes the pages.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::support::{free_port, standings};
use standings_model::error::codes::{self, GROUPS};
use standings_model::error::{docs, file_of, find};

const SALE: &str = r#"{"sale_id":"s1","event_time":1769126400000,"city":"Lisbon","salesman_id":"S1","salesman_name":"Ana","amount":1}"#;

/// What the code at the end of the last line is, and that the status is the code's.
#[track_caller]
fn ends_with(output: &Output, code: &str, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    // A client may log its own end after it.
    let mut lines = said.trim_end().lines().rev();
    let last = lines
        .find(|line| !line.starts_with('{'))
        .unwrap_or_default();
    assert!(last.ends_with(&format!("[{code}]")), "not {code}: {said}");
    assert!(said.contains(words), "not `{words}`: {said}");
    let known = find(code).unwrap_or_else(|_| panic!("{code} is not in the table"));
    assert_eq!(output.status.code(), Some(known.exit), "{code}: {said}");
}

/// A folder with what the cases need.
struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        let room = Room(tempfile::tempdir().unwrap());
        for (name, text) in [
            ("sales.ndjson", format!("{SALE}\n")),
            (
                "two.ndjson",
                format!("{SALE}\n{}\n", SALE.replace("Lisbon", "Porto")),
            ),
            (
                "later.ndjson",
                format!("{SALE}\n{}\n", SALE.replace("17691", "17693")),
            ),
            (
                "other.ndjson",
                format!("{}\n", SALE.replace("\"amount\":1", "\"amount\":2")),
            ),
            ("wrong.ndjson", "{}\n{}\n".to_owned()),
            ("half.ndjson", format!("{SALE}\n{{}}\n")),
            ("header.csv", "a,b\n1,2\n".to_owned()),
            ("wrong.toml", "nonsense = 1\n".to_owned()),
            ("far-hosts", "10.0.0.1:1\n10.0.0.2:1\n".to_owned()),
            ("near-hosts", "127.0.0.1:1\n127.0.0.1:2\n".to_owned()),
        ] {
            fs::write(room.path(name), text).unwrap();
        }
        // The beginning of gzip, and nothing behind it.
        fs::write(room.path("broken.ndjson.gz"), b"\x1f\x8b\x08\0").unwrap();
        for folder in ["empty", "checked"] {
            fs::create_dir(room.path(folder)).unwrap();
        }
        for entry in fs::read_dir("queries").unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            fs::copy(&path, room.path("checked").join(path.file_name().unwrap())).unwrap();
        }
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `@` stands for the folder.
    fn words(&self, line: &str) -> Vec<String> {
        let folder = format!("{}/", self.0.path().display());
        line.split_whitespace()
            .map(|word| word.replace('@', &folder))
            .collect()
    }

    fn ask(&self, line: &str) -> Output {
        let words = self.words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        standings(&words).output().unwrap()
    }

    /// A run of one file to its end, with these flags.
    fn run(&self, file: &str, flags: &str) -> Output {
        let sink = match flags.contains("--sink") {
            true => "",
            false => " --sink stdout",
        };
        self.ask(&format!(
            "run --queries queries --source file:@{file} --until-end{sink} {flags}"
        ))
    }
}

#[test]
fn a_command_line_that_is_wrong_says_by_which_code() {
    let room = Room::new();
    for (line, code, words) in [
        ("run --nonsense", "S0101", "--nonsense"),
        ("health --http nowhere", "S0102", "give a URL"),
        ("top --once --key-file @none", "S0103", "--key-file"),
        (
            "--config @wrong.toml check --queries queries",
            "S0104",
            "nonsense",
        ),
        ("check --queries @empty", "S0201", "no ranking in"),
        (
            "load generate --sales 10 --out @none/none",
            "S0106",
            "cannot write",
        ),
        ("dead-letter list stdout", "S0407", "dead letters are in"),
        ("cluster -n 2 -- check", "S0812", "after -- comes"),
        (
            "cluster -n 2 -- run --queries queries --source file:@sales.ndjson --sink stdout -n 3",
            "S0812",
            "leave them out behind --",
        ),
        ("rnu", "S0101", "'run'"),
        (
            "run --queries queries --sink stdout --source kafka://h:1/no%20such",
            "S0101",
            "no topic can have this name",
        ),
        (
            "repair --queries queries --source file:@sales.ndjson --sink file:@changes",
            "S1102",
            "can be repaired",
        ),
        (
            "verify --queries queries --source file:@sales.ndjson --sink stdout",
            "S0514",
            "remembers nothing",
        ),
        (
            "explain S9990",
            "S1109",
            "`S9990` is no code; the nearest is",
        ),
    ] {
        ends_with(&room.ask(line), code, words);
    }
    // A list of what is wrong: the code stands on a line of its own.
    let said = room.ask("check --queries @empty").stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(
        said.starts_with("error: ") && said.ends_with("\n[S0201]\n"),
        "{said}"
    );
    let help = room.ask("run --help");
    assert!(help.status.success() && help.stderr.is_empty());
}

/// What each process of a cluster would refuse is said once.
#[test]
fn a_cluster_refuses_a_wrong_command_once() {
    let wrong = "cluster -n 2 -- run --queries queries --sink stdout --nonsense";
    let asked = Room::new().ask(wrong);
    ends_with(&asked, "S0101", "--nonsense");
    let said = String::from_utf8(asked.stderr).unwrap();
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
}

/// `standings … | head -1`: it ends as other programs do.
#[test]
fn a_reader_that_has_gone_is_no_error() {
    let room = Room::new();
    for line in [
        "load generate --sales 100000 --out -",
        "run --queries queries --source file:@many.ndjson --until-end --sink stdout --log error",
    ] {
        let made = room.ask("load generate --sales 100000 --out @many.ndjson");
        assert!(made.status.success());
        let words = room.words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = standings(&words);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut first = String::new();
        // Gone with this line.
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        assert!(first.starts_with('{'), "{first}");
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.signal(), Some(libc::SIGPIPE), "{line}: {said}");
        assert!(!said.contains("error:"), "{said}");
    }
}

#[test]
fn a_mistyped_variable_is_named() {
    let mut command = standings(&["explain", "S0101"]);
    let asked = command.env("STANDINGS_WORKRES", "4").output().unwrap();
    let said = String::from_utf8(asked.stderr).unwrap();
    assert!(asked.status.success(), "{said}");
    assert!(
        said.contains("STANDINGS_WORKRES") && said.contains("STANDINGS_WORKERS"),
        "{said}"
    );
}

#[test]
fn a_run_that_cannot_begin_says_by_which_code() {
    let room = Room::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    fs::write(room.path("own-hosts"), format!("{taken}\n127.0.0.1:2\n")).unwrap();
    let http = format!("--http {taken}");
    for (flags, code, words) in [
        ("--sink file:@sales.ndjson", "S0105", "sales.ndjson"),
        ("--sink file:@none/changes", "S0106", "cannot write"),
        (
            "--kafka-property enable.idempotence=true",
            "S0107",
            "set by standings itself",
        ),
        ("--fail-on none=1", "S0202", "there is no check `none`"),
        ("--source file:@none", "S0301", "none"),
        ("--source file:@header.csv", "S0302", "no column `amount`"),
        (
            "--sink postgres://h/d?sslcert=x",
            "S0501",
            "sslcert is not supported",
        ),
        ("--late postgres://h/d", "S0514", "not to Postgres"),
        (
            "--state file:/dev/null/none",
            "S0701",
            "--state file:/dev/null/none",
        ),
        ("-w 0", "S0801", "must be at least 1"),
        ("-n 2 --hosts @own-hosts", "S0802", "cannot listen"),
        (
            "-n 2 --hosts @far-hosts",
            "S0804",
            "which is not this machine",
        ),
        (
            "-n 2 --hosts @near-hosts --peer-tls-cert @none",
            "S0805",
            "TLS between processes needs",
        ),
        (
            "-n 2 --hosts @near-hosts --cluster-secret short",
            "S0806",
            "characters at least",
        ),
        (&http[..], "S0901", "give a free address"),
        ("--http 0.0.0.0:0", "S0902", "needs authentication"),
        (
            "--http 127.0.0.1:0 --http-keys @none",
            "S0903",
            "--http-keys",
        ),
    ] {
        ends_with(&room.run("sales.ndjson", flags), code, words);
    }
}

#[test]
fn a_run_that_fails_says_by_which_code() {
    let room = Room::new();
    let checks = "[lisbon]\ncolumn = \"city\"\nallowed = [\"Porto\"]\nfail-on = 0\n";
    fs::write(room.path("checked/sales.checks.toml"), checks).unwrap();
    for (file, flags, code, words) in [
        ("broken.ndjson.gz", "", "S0303", "broken.ndjson.gz failed"),
        (
            "wrong.ndjson",
            "--dead-letter file:@dead",
            "S0402",
            "none was ranked",
        ),
        ("half.ndjson", "--fail-on dead=1%", "S0403", "1 were dead"),
        (
            "sales.ndjson",
            "--sink file:/dev/full",
            "S0508",
            "writing file:/dev/full failed",
        ),
        (
            "later.ndjson",
            "--max-windows 1",
            "S1001",
            "open windows, more than",
        ),
        ("two.ndjson", "--max-keys 1", "S1002", "keys, more than"),
    ] {
        ends_with(&room.run(file, flags), code, words);
    }
    let checked = "run --queries @checked --source file:@sales.ndjson --sink stdout --until-end";
    ends_with(&room.ask(checked), "S0401", "check `lisbon` failed 1 times");
    // What the run before left: two dead letters.
    let replay = "dead-letter replay --from file:@dead --to file:@again --queries queries --progress @progress";
    ends_with(&room.ask(replay), "S0404", "would be refused again");
    ends_with(
        &room.ask("dead-letter show file:@dead 99"),
        "S0405",
        "no dead letter at 99",
    );
    ends_with(
        &room.ask("dead-letter list file:@sales.ndjson"),
        "S0406",
        "what is at 1 is no dead letter",
    );
    assert!(
        room.run("sales.ndjson", "--sink file:@changes")
            .status
            .success()
    );
    let verify = "verify --queries queries --source file:@other.ndjson --sink file:@changes";
    ends_with(
        &room.ask(verify),
        "S1101",
        "differ from what the source says",
    );
    fs::write(room.path("changes"), "{}\n").unwrap();
    ends_with(&room.ask(verify), "S0509", "line 1 is no change of ours");
    ends_with(
        &room.ask("load generate --sales 100000 --out /dev/full"),
        "S1105",
        "/dev/full",
    );
}

#[test]
fn who_does_not_answer_is_told_by_a_code() {
    let room = Room::new();
    let nobody = format!("127.0.0.1:{}", free_port());
    let check = "check -- run --queries queries --source";
    for (line, code, words) in [
        (
            format!("health --http http://{nobody}"),
            "S0906",
            &nobody[..],
        ),
        (format!("top --once http://{nobody}"), "S0907", &nobody[..]),
        (
            format!("{check} file:@sales.ndjson --sink postgres://u@{nobody}/d"),
            "S0511",
            "/d: ",
        ),
        (
            format!("{check} kafka://{nobody}/t --sink stdout"),
            "S0311",
            "no answer within",
        ),
        (
            format!("load replay @sales.ndjson --to kafka://{nobody}/t"),
            "S1106",
            "Kafka does not answer",
        ),
        ("resize -n 2 --control @none".to_owned(), "S0811", "none"),
    ] {
        ends_with(&room.ask(&line), code, words);
    }
}

#[test]
fn a_supervisor_says_by_which_code_its_processes_ended() {
    let room = Room::new();
    let cluster = "cluster -n 1 --no-restart -- run --queries queries --source file:@broken.ndjson.gz --sink stdout --until-end";
    let output = room.ask(cluster);
    ends_with(&output, "S0810", "a process ended with code 1");
    // The process itself had said why.
    assert!(String::from_utf8_lossy(&output.stderr).contains("[S0303]"));
    let words = room
        .words("cluster -n 1 -- run --queries queries --source file:@sales.ndjson --sink stdout");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = standings(&words);
    let output = command.env("TMPDIR", room.path("none")).output().unwrap();
    ends_with(&output, "S0002", "cannot make a folder in");
}

#[test]
fn a_code_is_explained() {
    let room = Room::new();
    let page = room.ask("explain s0306");
    let said = String::from_utf8(page.stdout).unwrap();
    assert!(page.status.success());
    assert!(
        said.starts_with("# S0306: ") && said.contains("## What to do"),
        "{said}"
    );
    let all = String::from_utf8(room.ask("explain").stdout).unwrap();
    for code in codes::all() {
        assert!(
            all.contains(code.id) && all.contains(code.title),
            "{}",
            code.id
        );
    }
}

/// The files that the table makes, with their texts.
fn pages() -> Vec<(PathBuf, String)> {
    let folder = Path::new("docs/errors");
    let mut all = vec![(folder.join("README.md"), docs())];
    all.extend(codes::all().map(|code| (folder.join(file_of(code)), code.page())));
    all
}

#[test]
fn docs_are_what_the_table_says() {
    let pages = pages();
    if std::env::var_os("STANDINGS_UPDATE_DOCS").is_some() {
        fs::create_dir_all("docs/errors").unwrap();
        for (path, text) in &pages {
            fs::write(path, text).unwrap();
        }
    }
    for (path, text) in &pages {
        let found = fs::read_to_string(path).unwrap_or_default();
        assert!(
            found == *text,
            "{} is old: STANDINGS_UPDATE_DOCS=1 deploy/test errors",
            path.display()
        );
    }
    let known: BTreeSet<&PathBuf> = pages.iter().map(|(path, _)| path).collect();
    for entry in fs::read_dir("docs/errors").unwrap() {
        let path = entry.unwrap().path();
        assert!(known.contains(&path), "{} is of no code", path.display());
    }
}

/// The text of all tests: the files in `tests`, and what the sources have after `mod tests`.
fn tests_of(folder: &Path, is_source: bool, out: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_of(&path, is_source, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let is_tests = !is_source || path.ends_with("tests.rs");
            let tests = match is_tests {
                true => Some(&text[..]),
                false => text.split_once("#[cfg(test)]").map(|(_, tests)| tests),
            };
            out.push_str(tests.unwrap_or_default());
        }
    }
}

#[test]
fn every_code_is_named_by_a_test() {
    let mut tests = String::new();
    tests_of(Path::new("tests"), false, &mut tests);
    tests_of(Path::new("src"), true, &mut tests);
    let missing: Vec<&str> = GROUPS
        .iter()
        .flat_map(|group| group.codes)
        .map(|code| code.id)
        .filter(|id| !tests.contains(&format!("\"{id}\"")))
        .collect();
    assert!(missing.is_empty(), "no test brings about {missing:?}");
}
