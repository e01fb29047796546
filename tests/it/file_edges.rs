//! Files as tapes, old writers and other programs leave them: zeros after gzip, times of 96 bits, every codec, arrays, and kinds
//! that are not read.

use std::io::Write;
use std::process::Output;

use crate::support::{standings, to_stdout};
use flate2::Compression;
use flate2::write::GzEncoder;

const SALE: &str = r#"{"sale_id":"s1","event_time":1769126400000,"city":"Lisbon","salesman_id":"S1","salesman_name":"Ana","amount":1}"#;

fn text(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn zeros_after_gzip_are_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in.ndjson.gz");
    let mut member = GzEncoder::new(Vec::new(), Compression::default());
    writeln!(member, "{SALE}").unwrap();
    let member = member.finish().unwrap();
    let source = format!("file:{}", path.display());
    std::fs::write(&path, [&member[..], &member, &[0; 512]].concat()).unwrap();
    let (code, changes, said) = text(&to_stdout(&source).output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    assert!(changes.contains("\"total_sales\":\"2.00\""), "{changes}");
    std::fs::write(&path, [&member[..], &[0; 512], &member].concat()).unwrap();
    let (code, _, said) = text(&to_stdout(&source).output().unwrap());
    assert!(
        code == Some(1) && said.contains("512 zeros"),
        "{code:?}: {said}"
    );
}

#[test]
fn times_of_96_bits_do_not_wrap() {
    let source = "file:tests/fixtures/parquet/int96.parquet";
    let (code, changes, said) = text(&to_stdout(source).output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    for day in ["2026-01-23", "2262-04-12", "9998-12-31"] {
        assert!(
            changes.contains(&format!("\"window_start\":\"{day}T")),
            "{day}: {changes}"
        );
    }
    assert!(!changes.contains("\"window_start\":\"1"), "{changes}");
}

#[test]
fn every_codec_is_read() {
    for codec in ["lz4", "brotli"] {
        let source = format!("file:tests/fixtures/parquet/{codec}.parquet");
        let (code, changes, said) = text(&to_stdout(&source).output().unwrap());
        assert_eq!(code, Some(0), "{codec}: {said}");
        assert!(changes.contains("\"op\":\"upsert\""), "{codec}: {changes}");
    }
}

#[test]
fn what_is_not_read_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    for (name, content, what) in [
        (
            "in.xlsx",
            &b"PK\x03\x04\x14\0\x06\0[Content_Types].xml"[..],
            "Excel",
        ),
        ("in.csv", b"%PDF-1.7", "PDF"),
        ("in.orc", b"ORC\x11", "ORC"),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        let source = format!("file:{}", path.display());
        let run = to_stdout(&source).output().unwrap();
        let check = [
            "check",
            "--",
            "run",
            "--queries",
            "queries",
            "--sink",
            "stdout",
        ];
        let check = standings(&check)
            .args(["--source", &source])
            .output()
            .unwrap();
        for output in [run, check] {
            let (code, _, said) = text(&output);
            assert_eq!(code, Some(2), "{said}");
            assert!(said.contains(what) && said.contains(name), "{said}");
        }
    }
}

#[test]
fn elements_of_an_array_are_records() {
    let dir = tempfile::tempdir().unwrap();
    let (file, dead) = (dir.path().join("in.json"), dir.path().join("dead"));
    let sale = SALE.replace(",\"city\"", ",\n \"city\"");
    let line = format!("[{SALE},7]\n{SALE}\n");
    for (content, total) in [
        (
            format!("[{sale},\n{{\"amount\":\"x\"}},\n{sale}]\n"),
            "2.00",
        ),
        (format!("{SALE}\n{line}"), "3.00"),
        (format!("{sale}\n{sale}\n[1]"), "2.00"),
    ] {
        std::fs::write(&file, &content).unwrap();
        let source = format!("file:{}", file.display());
        let mut run = to_stdout(&source);
        run.args(["--dead-letter", &format!("file:{}", dead.display())]);
        let (code, changes, said) = text(&run.output().unwrap());
        assert_eq!(code, Some(0), "{said}");
        let want = format!("\"total_sales\":\"{total}\"");
        assert!(changes.contains(&want), "{content}: {changes}");
        let letters = std::fs::read_to_string(&dead).unwrap();
        assert_eq!(letters.lines().count(), 1, "{content}: {letters}");
        std::fs::remove_file(&dead).unwrap();
    }
}
