//! Objects of a bucket as sources: what is read of them is what is read of files with the same bytes; a bucket that is down is waited
//! for; what cannot be read is refused by name. What becomes of objects that come, change or go: later_files.rs.

use std::time::Duration;

use crate::support::bed::PATIENCE;
use crate::support::{Bed, Dice, HOUR, reference, sales, standings, until};

const DAY: i64 = 1_769_126_400_000;

/// Gzip and plain lines, in folders, busy all the time, by one worker and by three.
#[test]
fn a_bucket_is_ranked_as_its_files_are() {
    for (name, workers) in [("objects_1", "1"), ("objects_3", "3")] {
        let bed = Bed::new(name).bucket();
        let bed = bed
            .source("s3://bucket/sales/**/*.ndjson*")
            .database()
            .state();
        let mut dice = Dice::new(5);
        let parts: Vec<Vec<String>> = (0..7).map(|_| sales(&mut dice, 700, DAY, 20_000)).collect();
        for (n, lines) in parts.iter().enumerate() {
            let text = lines.join("\n").into_bytes();
            let key = format!("sales/day={n}/part.ndjson");
            match n % 2 {
                0 => bed.objects().put(&key, text),
                _ => {
                    let packed = zstd::encode_all(&text[..], 1).unwrap();
                    bed.objects().put(&format!("{key}.zst"), packed);
                }
            }
        }
        bed.objects().put("sales/_SUCCESS", "");
        bed.objects().put("other/part.ndjson", "no sale");
        let log = bed.to_end(&["-w", workers]);
        assert!(bed.rows() == reference(&parts, 60_000, HOUR).rows, "{log}");
        assert!(!log.contains("secret-canary"), "{log}");
        // Once more: nothing is read again.
        bed.to_end(&["-w", "2"]);
        assert!(bed.rows() == reference(&parts, 60_000, HOUR).rows);
        let held = bed.objects().held();
        assert!(held.refused > 0 && held.signed > held.requests / 2);
    }
}

#[test]
fn a_bucket_that_goes_down_is_waited_for() {
    let bed = Bed::new("objects_down").bucket();
    let bed = bed.source("s3://bucket/sales.ndjson").database();
    let lines = sales(&mut Dice::new(6), 30_000, DAY, 20_000);
    let text = lines.join("\n");
    let half = text.len() / 2;
    bed.objects().put("sales.ndjson", text);
    bed.objects().held().down_after = Some(half);
    let mut process = bed.start(&["--until-end", "--epoch-bytes", "20000"]);
    until("it says for what it waits", PATIENCE, || {
        process.log().contains("source_waiting")
    });
    let log = process.log();
    assert!(
        log.contains("s3://bucket") && !log.contains("secret-canary"),
        "{log}"
    );
    bed.objects().held().down_after = None;
    bed.objects().held().is_down = false;
    assert_eq!(
        process.wait(Duration::from_secs(60)),
        Some(0),
        "{}",
        process.log()
    );
    assert!(bed.rows() == reference(&[lines], 60_000, HOUR).rows);
}

#[test]
fn another_object_in_its_place_ends_the_reading() {
    let bed = Bed::new("objects_replaced").bucket();
    let bed = bed.source("s3://bucket/sales.ndjson").changes_file();
    let lines = sales(&mut Dice::new(7), 30_000, DAY, 20_000);
    let text = lines.join("\n");
    let half = text.len() / 2;
    bed.objects().put("sales.ndjson", text.clone());
    bed.objects().held().down_after = Some(half);
    let mut process = bed.start(&["--until-end"]);
    until("it waits", PATIENCE, || {
        process.log().contains("source_waiting")
    });
    bed.objects().put("sales.ndjson", format!("{text}\n"));
    bed.objects().held().down_after = None;
    bed.objects().held().is_down = false;
    assert_eq!(process.wait(Duration::from_secs(60)), Some(1));
    let log = process.log();
    assert!(
        log.contains("another object was put in its place") && log.contains("S0303"),
        "{log}"
    );
}

#[test]
fn it_is_looked_at_and_proposed() {
    let bed = Bed::new("objects_inspect").bucket();
    bed.objects()
        .put("x/day=1/shop.csv", "city;total\nPorto;1,50\nFaro;2,25\n");
    bed.objects()
        .put("x/day=2/shop.csv", "city;total\nPorto;1,50\n");
    let mut command = standings(&["inspect", "s3://bucket/x/"]);
    bed.objects().tell(&mut command);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in [
        "'path' = 's3://bucket/x/'",
        "'csv.field-delimiter' = ';'",
        "PARTITIONED BY (`day`)",
    ] {
        assert!(
            said.contains(part),
            "{part}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    // What it proposes is read as it is.
    std::fs::create_dir(bed.path("q")).unwrap();
    std::fs::write(bed.path("q/proposed.sql"), said).unwrap();
    let queries = bed.path("q");
    let bed = bed.queries(queries).changes_file();
    bed.to_end(&[]);
    assert!(
        bed.changed().iter().any(|line| line.contains("Faro")),
        "{:?}",
        bed.changed()
    );
}

#[test]
fn what_names_no_objects_is_refused() {
    let bed = Bed::new("objects_refused").bucket();
    bed.objects()
        .put("y/a.xlsx", "PK\x03\x04[Content_Types].xml");
    for (source, words) in [
        (
            "s3://bucket/x/",
            ["S0301", "s3://bucket/x/: no file is there"],
        ),
        ("s3://bucket/*.csv", ["S0301", "no file is there"]),
        ("s3:", ["s3://bucket/sales/*.parquet", "needs a bucket"]),
        ("s3://key:canary@bucket/x", ["credentials", "environment"]),
        ("gs://bucket/x", ["no source", "s3://BUCKET/KEY"]),
        (
            "s3://bucket/y",
            ["s3://bucket/y/a.xlsx", "an Excel workbook"],
        ),
    ] {
        let mut command = standings(&["run", "--queries", "queries", "--sink", "stdout"]);
        command.args(["--until-end", "--source", source]);
        bed.objects().tell(&mut command);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{source}: {said}");
        for word in words {
            assert!(said.contains(word), "{source}: {said}");
        }
        assert!(!said.contains("canary"), "{said}");
    }
}
