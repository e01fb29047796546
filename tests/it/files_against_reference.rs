//! The binary over files against the reference: hostile input, any split over files and workers, one result.

use std::io::Write;

use crate::support::{Dice, fold, reference, run, sales};

fn case(seed: u64) {
    let mut dice = Dice::new(seed);
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let files = 1 + dice.roll(4) as usize;
    let mut partitions = Vec::new();
    let mut args: Vec<String> = vec![
        "run".into(),
        "--queries".into(),
        "queries".into(),
        "--until-end".into(),
    ];
    for f in 0..files {
        let n = if dice.roll(6) == 0 {
            0
        } else {
            300 + dice.roll(1500) as usize
        };
        let lines = sales(&mut dice, n, 1_769_126_400_000, 40_000);
        // The file's form must not matter: plain, CRLF with blank lines, gzip, zstd.
        let text = |end: &str| {
            lines
                .iter()
                .map(|l| format!("{l}{end}"))
                .collect::<String>()
        };
        let path = match dice.roll(4) {
            0 => {
                let path = at(&format!("{f}.ndjson.gz"));
                let file = std::fs::File::create(&path).unwrap();
                let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
                gz.write_all(text("\n").as_bytes()).unwrap();
                gz.finish().unwrap();
                path
            }
            1 => {
                let path = at(&format!("{f}.ndjson.zst"));
                std::fs::write(&path, zstd::encode_all(text("\n").as_bytes(), 1).unwrap()).unwrap();
                path
            }
            2 => {
                let path = at(&format!("{f}.ndjson"));
                std::fs::write(&path, text("\r\n\r\n")).unwrap();
                path
            }
            _ => {
                let path = at(&format!("{f}.ndjson"));
                std::fs::write(&path, text("\n")).unwrap();
                path
            }
        };
        args.extend(["--source".into(), format!("file:{path}")]);
        partitions.push(lines);
    }
    let workers = 1 + dice.roll(3);
    let (log, late, dead) = (at("changes"), at("late"), at("dead"));
    for (flag, value) in [
        ("--sink", format!("file:{log}")),
        ("--late", format!("file:{late}")),
        ("--dead-letter", format!("file:{dead}")),
        ("-w", workers.to_string()),
        ("--commit-interval", format!("{}ms", dice.roll(4))),
    ] {
        args.extend([flag.into(), value]);
    }
    run(&args.iter().map(String::as_str).collect::<Vec<_>>());

    let want = reference(&partitions, 60_000, 3_600_000);
    let log = std::fs::read_to_string(log).unwrap();
    let (rows, finals) = fold(log.lines());
    assert_eq!(rows, want.rows, "seed {seed}: {args:?}");
    assert!(
        finals.values().all(|f| *f),
        "seed {seed}: at the end of files every window is final"
    );
    let lines = |path| std::fs::read_to_string(path).unwrap().lines().count() as u64;
    assert_eq!(
        (lines(dead), lines(late)),
        (want.dead, want.late),
        "seed {seed}: dead letters and late sales"
    );
}

#[test]
fn any_input_any_split_one_result() {
    let cases = std::env::var("STANDINGS_TEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(30);
    (1..=cases).for_each(case);
}
