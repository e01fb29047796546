//! Generated load is deterministic, and every record of it is what its flags say.

use crate::support::{Bed, Rows, fold, run};

#[test]
fn the_same_seed_gives_the_same_sales() {
    let bed = Bed::new("load").file("a.ndjson").changes_file();
    let bed = bed.keep("--dead-letter", "dead");
    let at = |name: &str| bed.path(name).display().to_string();
    let make = |seed: &str, out: &str| {
        let shares = [
            "--late-share",
            "0.01",
            "--refund-share",
            "0.05",
            "--broken-share",
            "0.02",
        ];
        let args = [
            "load",
            "generate",
            "--sales",
            "4000",
            "--salesmen",
            "500",
            "--seed",
            seed,
            "--out",
            out,
        ];
        run(&[&args[..], &shares[..]].concat());
    };
    make("5", &at("a.ndjson"));
    make("5", &at("b.ndjson.zst"));
    make("6", &at("c.ndjson"));
    let a = std::fs::read_to_string(at("a.ndjson")).unwrap();
    let b = zstd::decode_all(std::fs::File::open(at("b.ndjson.zst")).unwrap()).unwrap();
    assert_eq!(a.as_bytes(), b);
    assert_ne!(a, std::fs::read_to_string(at("c.ndjson")).unwrap());
    assert_eq!(a.lines().count(), 4000);
    assert!(a.contains("\"amount\":-") && a.contains("\"sale_id\":\"broken\""));

    bed.to_end(&[]);
    assert_eq!(
        bed.read("dead").lines().count(),
        a.matches("\"broken\"").count()
    );
    assert!(!bed.folded().is_empty());
}

/// The rows that a change log comes to. How many commits it took to them depends on how much is read at once.
fn shown(path: &str) -> Rows {
    let text = std::fs::read_to_string(path).unwrap();
    fold(text.lines()).0
}

/// The name says the form, and the sales are the same in each: a run over any of them comes to the same ranks.
#[test]
fn every_form_holds_the_same_sales() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let flags = "load generate --sales 5000 --seed 3 --late-share 0.01 --refund-share 0.05 --duplicate-share 0.02 --out";
    let ranks = |name: &str| {
        run(&flags
            .split(' ')
            .chain([at(name).as_str()])
            .collect::<Vec<_>>());
        let (source, sink) = (
            format!("file:{}", at(name)),
            format!("file:{}", at("changes")),
        );
        run(&[
            "run",
            "--queries",
            "queries",
            "--source",
            &source,
            "--sink",
            &sink,
            "--until-end",
        ]);
        shown(&at("changes"))
    };
    let lines = ranks("a.ndjson");
    assert!(lines.len() > 100, "{} rows", lines.len());
    for name in ["b.csv", "c.csv.gz", "d.csv.zst", "e.parquet", "f.ndjson.gz"] {
        assert!(ranks(name) == lines, "{name}: other ranks than lines");
    }
    let csv = std::fs::read_to_string(at("b.csv")).unwrap();
    assert!(csv.starts_with("sale_id,event_time,city,"), "{csv:.80}");
    assert_eq!(csv.lines().count(), 5001);
    let parquet = std::fs::read(at("e.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    for (name, more, part) in [
        ("g.avro", "", "which is not written"),
        ("g.parquet.gz", "", "compressed within"),
        ("g.csv", "--broken-share 0.1", "write .ndjson for it"),
    ] {
        let out = crate::support::standings(&[])
            .args(flags.split(' '))
            .arg(at(name))
            .args(more.split_whitespace())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&out.stderr);
        assert!(
            out.status.code() == Some(2) && text.contains(part),
            "{name}: {text}"
        );
        assert!(
            !std::path::Path::new(&at(name)).exists(),
            "{name}: nothing is written"
        );
    }
}

/// `--source -` is standard input: a pipe, which can be read but once, and compressed as a file may be.
#[test]
fn standard_input_is_a_source() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let made = crate::support::standings(&["load", "generate", "--sales", "3000", "--out", "-"])
        .output()
        .unwrap();
    assert!(made.status.success());
    std::fs::write(at("sales.ndjson"), &made.stdout).unwrap();
    let ranks = |source: &str, input: &[u8]| {
        let sink = format!("file:{}", at("changes"));
        let mut child = crate::support::standings(&[
            "run",
            "--queries",
            "queries",
            "--source",
            source,
            "--sink",
            &sink,
            "--until-end",
        ])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
        // Who does not read it hangs up; that is no fault here.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input);
        assert!(child.wait().unwrap().success());
        shown(&at("changes"))
    };
    let file = ranks(&format!("file:{}", at("sales.ndjson")), b"");
    assert!(file.len() > 100, "{} rows", file.len());
    assert!(ranks("-", &made.stdout) == file, "a pipe");
    let packed = zstd::encode_all(&made.stdout[..], 1).unwrap();
    assert!(ranks("-", &packed) == file, "a pipe, compressed");
}
