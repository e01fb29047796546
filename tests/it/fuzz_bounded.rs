//! What comes from outside, mutated for five seconds each from a corpus that is in the repository: the decoders, queries,
//! expressions, snapshots, HTTP. Nothing may panic, and what is refused must be refused with a word. `STANDINGS_FUZZ_SEED` and
//! `STANDINGS_FUZZ_SECONDS` choose others; a failure prints the seed and the input. tests/fuzz has the same for libFuzzer.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use self::snapshots_body::Snapshot;
use crate::support::{self, Dice, Running, standings, until};

// What is done with an input is the same as in tests/fuzz.
#[path = "../fuzz/bodies/avro.rs"]
mod avro_body;
#[path = "../fuzz/bodies/change.rs"]
mod change_body;
#[path = "../fuzz/bodies/decode.rs"]
mod decode_body;
#[path = "../fuzz/bodies/expressions.rs"]
mod expressions_body;
#[path = "../fuzz/bodies/files.rs"]
mod files_body;
#[path = "../fuzz/bodies/http.rs"]
mod http_body;
#[path = "../fuzz/bodies/protobuf.rs"]
mod protobuf_body;
#[path = "../fuzz/bodies/queries.rs"]
mod queries_body;
#[path = "../fuzz/bodies/snapshots.rs"]
mod snapshots_body;
#[path = "../fuzz/bodies/soap.rs"]
mod soap_body;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(default)
}

/// Inputs that are tried at least, however long that takes: on a machine that is busy with other things five seconds may be
/// enough for a few alone.
const LEAST: u64 = 100;

/// Calls `target` with mutations of the corpus until the time is over, and [`LEAST`] times at least; once with each member as
/// it is.
fn fuzz(what: &str, corpus: &[Vec<u8>], words: &[&str], mut target: impl FnMut(&[u8])) {
    assert!(!corpus.is_empty());
    let seed = number("STANDINGS_FUZZ_SEED", 1);
    let length = Duration::from_secs(number("STANDINGS_FUZZ_SECONDS", 5));
    let (mut dice, began, mut calls) = (Dice::new(seed), Instant::now(), 0u64);
    corpus.iter().for_each(|whole| target(whole));
    while began.elapsed() < length || calls < LEAST {
        let mut input = corpus[dice.roll(corpus.len() as u64) as usize].clone();
        for _ in 0..=dice.roll(4) {
            mutate(&mut dice, &mut input, corpus, words);
        }
        let shown = input.clone();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| target(&input)));
        if done.is_err() {
            panic!(
                "{what}, seed {seed}, call {calls}: {:?}",
                String::from_utf8_lossy(&shown)
            );
        }
        calls += 1;
    }
    println!("{what}: {calls} inputs, seed {seed}");
}

fn mutate(dice: &mut Dice, input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str]) {
    let at = dice.roll(input.len() as u64 + 1) as usize;
    let end = at + dice.roll((input.len() - at).min(40) as u64 + 1) as usize;
    match dice.roll(7) {
        0 if at < input.len() => input[at] ^= 1 << dice.roll(8),
        1 if at < input.len() => input[at] = dice.roll(256) as u8,
        2 => drop(input.drain(at..end)),
        3 => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        4 => {
            let word = words[dice.roll(words.len() as u64) as usize];
            input.splice(at..end, word.bytes());
        }
        5 => {
            let other = &corpus[dice.roll(corpus.len() as u64) as usize];
            let from = dice.roll(other.len() as u64 + 1) as usize;
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => {
            // Deep.
            let word = words[dice.roll(words.len() as u64) as usize];
            let many = word.repeat(dice.roll(300) as usize);
            input.splice(at..at, many.into_bytes());
        }
    }
    input.truncate(100_000);
}

fn files(folder: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths.iter().map(|p| std::fs::read(p).unwrap()).collect()
}

#[test]
fn records() {
    let lines = support::sales(&mut Dice::new(1), 300, 1_769_126_400_000, 20_000);
    let mut corpus: Vec<Vec<u8>> = lines.into_iter().map(String::into_bytes).collect();
    corpus.extend(files("tests/fuzz/corpus/decode"));
    let words = [
        "\"",
        "\\u0000",
        "\\ud800",
        "1e400",
        "-0.00",
        "[",
        "{",
        "}",
        "null",
        "\"amount\":",
        "99999999999999999999",
        "\u{ff}",
    ];
    let mut decoders = decode_body::Decoders::new();
    fuzz("records", &corpus, &words, |input| decoders.check(input));
}

#[test]
fn changes() {
    let corpus = files("tests/fuzz/corpus/decode_change");
    let words = [
        "\"op\":\"u\"",
        "\"op\":\"d\"",
        "\"before\":",
        "\"after\":",
        "\"data\":[",
        "\"old\":",
        "\"payload\":",
        "\"type\":\"UPDATE\"",
        "null",
        "{",
        "}",
        "[",
        "\\u006f",
        "\n",
    ];
    let mut decoders = change_body::Changes::new();
    fuzz("changes", &corpus, &words, |input| decoders.check(input));
}

#[test]
fn messages() {
    let corpus = files("tests/fuzz/corpus/protobuf");
    let words = ["\u{8}", "\n", "\u{12}", "\u{b}", "\u{c}", "\u{7f}", "Porto"];
    let mut messages = protobuf_body::Messages::new();
    fuzz("messages", &corpus, &words, |input| messages.check(input));
}

#[test]
fn descriptors() {
    let corpus = [protobuf_body::DESCRIPTORS.to_vec()];
    let words = [
        "\u{8}",
        "\n",
        "\u{12}",
        "shop",
        ".shop.Order",
        "proto3",
        "\u{7f}",
    ];
    let mut messages = protobuf_body::Messages::new();
    fuzz("descriptors", &corpus, &words, |input| {
        messages.check_descriptors(input);
    });
}

#[test]
fn soap() {
    let corpus = files("tests/fuzz/corpus/soap");
    let words = [
        "<",
        "</",
        "/>",
        ">",
        "&",
        ";",
        "&#0;",
        "&x;",
        "<!DOCTYPE x>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?",
        "xmlns:",
        "xmlns=\"",
        "{cursor}",
        "s:Body",
        "s:Fault",
        "\u{feff}",
        "\u{ff}\u{fe}",
        "targetNamespace=\"",
        "maxOccurs=\"unbounded\"",
        "type=\"tns:sale\"",
        "base=\"tns:page\"",
    ];
    fuzz("answers and WSDL", &corpus, &words, |input| {
        soap_body::answer(input);
        soap_body::wsdl(input);
    });
}

#[test]
fn avro() {
    let corpus = files("tests/fuzz/corpus/avro");
    let words = [
        "\"type\":",
        "\"null\"",
        "[",
        "{",
        "}",
        "\"record\"",
        "\"name\":\"R\"",
        "\"logicalType\":\"decimal\",\"precision\":4",
        "\u{ff}",
        "\0",
        "\x01\x01",
        "\n",
    ];
    fuzz("avro", &corpus, &words, avro_body::check);
}

/// Of any kind and compression, as a source reads them.
#[test]
fn any_file() {
    let corpus = files("tests/fuzz/corpus/files");
    let words = [
        "[",
        "{",
        "}",
        "]",
        "\"",
        "\"\"",
        ";",
        "\n",
        "\r\n",
        "\0",
        "\u{feff}",
        "PAR1",
        "Obj\x01",
        "\x1f\u{8b}",
        "\u{7f}",
        ",",
    ];
    let read = files_body::Files::new();
    fuzz("files", &corpus, &words, |input| read.check(input));
}

#[test]
fn queries() {
    let mut corpus = files("queries");
    corpus.extend(files("queries/extra"));
    corpus.extend(files("bench/queries"));
    corpus.extend(files("bench/soak-queries"));
    corpus.extend(files("tests/fuzz/corpus/queries"));
    let words = [
        "(",
        ")",
        "SELECT",
        "NOT ",
        "'",
        "\"",
        "/*",
        "--",
        ";",
        "-",
        "99999999999999999999",
        "INTERVAL '1' DAY",
        "ROW_NUMBER()",
        "\u{1F4A5}",
        "\0",
    ];
    fuzz("queries", &corpus, &words, queries_body::check);
}

#[test]
fn expressions() {
    let corpus = files("tests/fuzz/corpus/expressions");
    let words = [
        "(",
        ")",
        "NOT ",
        "'",
        "-",
        "::INT",
        "[1]",
        " || x",
        " + e",
        " * f",
        " / n",
        " = i",
        "CAST(",
        " AS DECIMAL(38, 6))",
        "REPEAT(",
        "REPLACE(x, '', ",
        "99999999999999999999",
        "INTERVAL '9999' YEAR",
        "$[0]",
        "(a*)*",
        "\u{1F4A5}",
        "\0",
    ];
    let expressions = expressions_body::Expressions::new();
    fuzz("expressions", &corpus, &words, |input| {
        expressions.check(input)
    });
}

/// A manifest or part that is not the one that was written is never taken; and with the right checksum, whatever a
/// manifest or a row says is taken or refused.
#[test]
fn snapshots() {
    let snapshot = Snapshot::fixture(Path::new("."));
    let words = [
        "{",
        "\"format\":",
        "1",
        "null",
        "\n",
        "PAR1",
        "-1",
        "18446744073709551616",
        "[[[[",
    ];
    for name in [&snapshot.manifest, &snapshot.part] {
        let corpus = [snapshot.original(name).to_vec()];
        fuzz(name, &corpus, &words, |input| snapshot.changed(name, input));
    }
    let corpus = files("tests/fuzz/corpus/manifest");
    fuzz("any manifest", &corpus, &words, |input| {
        snapshot.any_manifest(input)
    });
    let corpus = [snapshot.original(&snapshot.part).to_vec()];
    fuzz("any part", &corpus, &words, |input| {
        let _ = snapshot.any_part(input);
    });
    let mut corpus = snapshot.rows();
    corpus.extend(files("tests/fuzz/corpus/row"));
    fuzz("any row", &corpus, &words, |input| snapshot.any_row(input));
}

#[test]
fn http() {
    let dir = tempfile::tempdir().unwrap();
    let sales = dir.path().join("sales.ndjson");
    let lines = support::sales(&mut Dice::new(8), 500, 1_769_126_400_000, 20_000);
    std::fs::write(&sales, lines.join("\n")).unwrap();
    let log = dir.path().join("log");
    let mut server = Running(
        standings(&["run", "--queries", "queries", "--sink", "stdout"])
            .args(["--log=info", "--log-format=json", "--http-rate=0"])
            // A port that the system gives: one that was free a moment ago may by now be another test's.
            .args(["--http", "127.0.0.1:0"])
            .args(["--source", &format!("file:{}", sales.display())])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap(),
    );
    let mut address = String::new();
    until("it says where it listens", Duration::from_secs(60), || {
        let log = std::fs::read_to_string(&log).unwrap();
        let ended = server.0.try_wait().unwrap();
        assert!(ended.is_none(), "it ended ({ended:?}): {log}");
        let lines = log.lines().filter_map(|l| serde_json::from_str(l).ok());
        let mut told = lines.filter(|l: &serde_json::Value| l["event"] == "http");
        let found = told
            .next()
            .and_then(|l| Some(l["address"].as_str()?.to_owned()));
        found.map(|found| address = found).is_some()
    });
    let ask = |request: &[u8]| http_body::ask(&address, request);
    let ready = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    until("it answers", Duration::from_secs(60), || {
        ask(ready).starts_with(b"HTTP/1.1 200")
    });
    let corpus = files("tests/fuzz/corpus/http");
    let words = [
        "%00",
        "%",
        "%ff",
        "?",
        "&",
        "..",
        "/",
        "\r\n",
        "Content-Length: 99",
        "Transfer-Encoding: chunked\r\n",
        "-1",
        "9999999999999",
        "2026-13-45",
        "top_salesmen",
        "Upgrade: websocket\r\n",
    ];
    let (mut asked, mut answered) = (0, 0);
    fuzz("http", &corpus, &words, |input| {
        asked += 1;
        answered += u64::from(http_body::check(&address, input));
    });
    println!("{answered} of {asked} were answered with 200");
    assert!(
        answered * 100 > asked,
        "hardly anything was understood: {answered} of {asked}"
    );
    assert!(server.0.try_wait().unwrap().is_none(), "the process ended");
    until("it still answers", Duration::from_secs(60), || {
        ask(ready).starts_with(b"HTTP/1.1 200")
    });
}

/// The server that libFuzzer's target asks, in its own process: so that it does not stop building unseen.
#[test]
fn the_server_of_the_fuzz_target_answers() {
    let address = http_body::serve();
    for request in files("tests/fuzz/corpus/http") {
        http_body::check(&address, &request);
    }
    let health = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    // Beside the other tests, which keep the cores busy, it may say first that there are too many at once.
    until("it answers", Duration::from_secs(60), || {
        http_body::check(&address, health)
    });
}
