//! What comes from outside, mutated for five seconds each from a corpus that is in the repository: the decoder, queries,
//! snapshots, HTTP. Nothing may panic, and what is refused must be refused with a word. `STANDINGS_FUZZ_SEED` and
//! `STANDINGS_FUZZ_SECONDS` choose others; a failure prints the seed and the input. tests/fuzz has the decoder for libFuzzer.

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use standings::decode::Decoder;
use standings::model::schema::Schema;
use standings::query;
use standings::snapshot::{Manifest, Objects, Store};
use support::{Dice, Running, free_port, standings, until};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(default)
}

/// Calls `target` with mutations of the corpus until the time is over; at least once with each member as it is.
fn fuzz(what: &str, corpus: &[Vec<u8>], words: &[&str], mut target: impl FnMut(&[u8])) {
    assert!(!corpus.is_empty());
    let seed = number("STANDINGS_FUZZ_SEED", 1);
    let length = Duration::from_secs(number("STANDINGS_FUZZ_SECONDS", 5));
    let (mut dice, began, mut calls) = (Dice::new(seed), Instant::now(), 0u64);
    corpus.iter().for_each(|whole| target(whole));
    while began.elapsed() < length {
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
    assert!(calls > 100, "{what}: only {calls} inputs in {length:?}");
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
        .collect();
    paths.sort();
    paths.iter().map(|p| std::fs::read(p).unwrap()).collect()
}

#[test]
fn records() {
    let lines = support::sales(&mut Dice::new(1), 300, 1_769_126_400_000, 20_000);
    let corpus: Vec<Vec<u8>> = lines.into_iter().map(String::into_bytes).collect();
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
    let schema = Schema::sales();
    let (mut fast, mut full) = (
        Decoder::new(&schema, &[2], 1 << 20),
        Decoder::new(&schema, &[2], 1 << 20),
    );
    fuzz("records", &corpus, &words, |input| {
        let found = fast
            .decode(input)
            .map(|s| s.event_time)
            .map_err(|e| (e.reason, e.detail));
        let want = full
            .decode_full(input)
            .map(|s| s.event_time)
            .map_err(|e| (e.reason, e.detail));
        assert_eq!(found, want);
    });
}

#[test]
fn queries() {
    let mut corpus = files("queries");
    corpus.extend(files("bench/queries"));
    corpus.extend(files("bench/soak-queries"));
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
    let schema = Schema::sales();
    fuzz("queries", &corpus, &words, |input| {
        let text = String::from_utf8_lossy(input);
        if let Err(refused) = query::parse_ranking("fuzzed", "fuzzed.sql", &text, &schema) {
            assert!(!refused.to_string().is_empty());
        }
        let _ = query::parse_schema("sales.sql", &text);
    });
}

/// Objects in memory.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Objects for Memory {
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), String> {
        self.0.lock().unwrap().insert(name.to_owned(), bytes);
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, String> {
        self.0
            .lock()
            .unwrap()
            .get(name)
            .cloned()
            .ok_or_else(|| format!("no {name}"))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, String> {
        let all = self.0.lock().unwrap();
        Ok(all
            .keys()
            .filter(|n| n.starts_with(folder))
            .cloned()
            .collect())
    }

    fn remove(&self, name: &str) -> Result<(), String> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }
}

/// A manifest or part that is not the one that was written is never taken.
#[test]
fn snapshots() {
    let fixture = Path::new("tests/fixtures/snapshot-1");
    let plan = query::load_dir(&fixture.join("queries")).unwrap();
    let memory = Arc::new(Memory::default());
    for folder in ["manifests", "parts"] {
        for entry in std::fs::read_dir(fixture.join("state").join(folder))
            .unwrap()
            .flatten()
        {
            let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            memory
                .put(&name, std::fs::read(entry.path()).unwrap())
                .unwrap();
        }
    }
    let store = Store::of("memory".to_owned(), memory.clone());
    let whole = memory.0.lock().unwrap().clone();
    let used = Manifest::newest(&store, &plan)
        .unwrap()
        .expect("the fixture is whole");
    let mut names: Vec<String> = used.parts.iter().map(|p| p.name.clone()).collect();
    names.push(Manifest::list(&store).unwrap().remove(0).0);
    for name in &names {
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
        let original = whole[name].clone();
        let corpus = [original.clone()];
        fuzz(name, &corpus, &words, |input| {
            let mut all = whole.clone();
            // No older one takes its place.
            all.retain(|n, _| !n.starts_with("manifests/") || Some(n) == names.last());
            all.insert(name.clone(), input.to_vec());
            *memory.0.lock().unwrap() = all;
            let found = Manifest::newest(&store, &plan).unwrap();
            // White space after the end changes nothing.
            let text = |bytes| String::from_utf8_lossy(bytes).trim_end().to_owned();
            let same = found.is_some() && text(input) == text(&original);
            assert!(found.is_none() || same, "a changed {name} was taken");
            assert!(
                found.is_some() || input != original,
                "a whole {name} was not taken"
            );
        });
        *memory.0.lock().unwrap() = whole.clone();
    }
}

#[test]
fn http() {
    let dir = tempfile::tempdir().unwrap();
    let sales = dir.path().join("sales.ndjson");
    let lines = support::sales(&mut Dice::new(8), 500, 1_769_126_400_000, 20_000);
    std::fs::write(&sales, lines.join("\n")).unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let mut server = Running(
        standings(&[
            "run",
            "--queries",
            "queries",
            "--sink",
            "stdout",
            "--http",
            &address,
            "--http-rate",
            "0",
        ])
        .args(["--source", &format!("file:{}", sales.display())])
        .stdout(Stdio::null())
        .spawn()
        .unwrap(),
    );
    let ask = |request: &[u8]| -> Vec<u8> {
        let mut answer = Vec::new();
        if let Ok(mut stream) = TcpStream::connect(&address) {
            stream
                .set_read_timeout(Some(Duration::from_millis(200)))
                .unwrap();
            let _ = stream.write_all(request);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut some = [0; 4096];
            if let Ok(n) = stream.read(&mut some) {
                answer.extend_from_slice(&some[..n]);
            }
        }
        answer
    };
    let ready = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    until("it answers", Duration::from_secs(20), || {
        ask(ready).starts_with(b"HTTP/1.1 200")
    });
    let paths = [
        "/api/v1/sales/city",
        "/api/v1/sales/city?date=2026-01-23&limit=5",
        "/api/v1/rankings/top_sales_per_city/windows/2026-01-23T00:00:00Z",
        "/api/v1/rankings/top_sales_per_city/rows?window_start=2026-01-23T00:00:00Z&limit=3",
        "/metrics",
        "/healthz",
    ];
    let corpus: Vec<Vec<u8>> = paths
        .iter()
        .map(|p| format!("GET {p} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nConnection: close\r\n\r\n").into_bytes())
        .collect();
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
    let mut answered = 0;
    fuzz("http", &corpus, &words, |input| {
        let answer = ask(input);
        answered += u64::from(answer.starts_with(b"HTTP/1.1 200"));
        let line: Vec<u8> = answer.iter().copied().take_while(|b| *b != b'\r').collect();
        // Not ready yet or too many at once are said by 503; 500 would be a mistake of ours.
        assert!(
            !line.starts_with(b"HTTP/1.1 500"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    });
    assert!(answered > 10, "hardly anything was understood: {answered}");
    assert!(server.0.try_wait().unwrap().is_none(), "the process ended");
    assert!(ask(ready).starts_with(b"HTTP/1.1 200"));
}
