//! The engine as a library, against the reference and against the binary: the same input, the same rows.

#[path = "../../examples/embed.rs"]
#[allow(dead_code)]
mod example;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Dice, Folding, Rows, fold, keys_of, measures_of, reference, run, sales};
use standings::embed::{Error, Queries, Rankings, Row};

const DAY_BEGIN: i64 = 1_769_126_400_000;
const SHIPPED: [&str; 3] = [
    "top_sales_per_city",
    "top_salesmen",
    "top_salesmen_per_city",
];

/// The rows of all rankings, as the reference has them.
fn rows(rankings: &Rankings) -> Rows {
    let mut all = BTreeMap::new();
    for name in SHIPPED {
        for row in rankings.rows(name).unwrap() {
            let line: serde_json::Value = serde_json::from_str(&row.to_json()).unwrap();
            let keys = keys_of(name).iter().map(|k| row.text(k)).collect();
            let measures = measures_of(name);
            let values = measures.iter().map(|m| line["row"][*m].clone()).collect();
            let at = (name.to_owned(), row.window().0, keys);
            let twice = all.insert(at, (row.rank().unwrap(), values));
            assert!(twice.is_none(), "a row twice: {line}");
        }
    }
    all
}

/// Late sales and dead letters so far.
type Told = Arc<Mutex<(u64, u64)>>;

/// Counts lines by whether they are of late sales.
fn counting() -> (Told, impl FnMut(&str) + Send + 'static) {
    let counts: Arc<Mutex<(u64, u64)>> = Arc::default();
    let to = Arc::clone(&counts);
    let told = move |line: &str| {
        let mut counts = to.lock().unwrap();
        match line.starts_with(r#"{"reason":"late""#) {
            true => counts.1 += 1,
            false => counts.0 += 1,
        }
    };
    (counts, told)
}

#[test]
fn files_come_to_what_the_reference_says() {
    for seed in 1..=12 {
        let mut dice = Dice::new(seed);
        let dir = tempfile::tempdir().unwrap();
        let (mut paths, mut partitions) = (Vec::new(), Vec::new());
        for f in 0..1 + dice.roll(4) {
            // One is now and then empty.
            let n = if dice.roll(6) == 0 {
                0
            } else {
                100 + dice.roll(1200) as usize
            };
            let lines = sales(&mut dice, n, DAY_BEGIN, 40_000);
            let path = dir.path().join(format!("{f}.ndjson"));
            std::fs::write(
                &path,
                lines.iter().map(|l| format!("{l}\n")).collect::<String>(),
            )
            .unwrap();
            paths.push(path);
            partitions.push(lines);
        }
        let (counts, told) = counting();
        let mut rankings = Queries::shipped().unwrap().on_reject(told).start().unwrap();
        rankings.read_files(&paths).unwrap().finish().unwrap();
        let want = reference(&partitions, 60_000, 3_600_000);
        assert_eq!(rows(&rankings), want.rows, "seed {seed}");
        assert_eq!(
            *counts.lock().unwrap(),
            (want.dead, want.late),
            "seed {seed}"
        );
        let read: usize = partitions.iter().map(Vec::len).sum();
        let found = rankings.counts();
        assert_eq!(
            (found.read, found.dead),
            (read as u64, want.dead),
            "seed {seed}"
        );
        assert!(found.balanced());
        let all = SHIPPED.iter().flat_map(|name| rankings.rows(name).unwrap());
        assert!(
            all.into_iter().all(|row| row.is_final()),
            "seed {seed}: the input has ended"
        );
    }
}

#[test]
fn what_changed_adds_up_to_what_is_there() {
    for seed in 20..=27 {
        let mut dice = Dice::new(seed);
        let partitions: Vec<Vec<String>> = (0..1 + dice.roll(3))
            .map(|_| sales(&mut dice, 400, DAY_BEGIN, 60_000))
            .collect();
        let mut rankings = Queries::shipped().unwrap().start().unwrap();
        let ids: Vec<u32> = partitions
            .iter()
            .map(|_| rankings.partition().unwrap())
            .collect();
        // It holds a change log to its rules: ranks before, nothing that changes nothing, a key once a commit.
        let mut shown = Folding::default();
        let mut told = 0u64;
        let mut next = vec![0; partitions.len()];
        let mut tell = |changes: Vec<Row>| {
            told += 1;
            for row in changes {
                // What was gathered between two askings is one step.
                let mut line: serde_json::Value = serde_json::from_str(&row.to_json()).unwrap();
                line["commit"] = told.into();
                shown.line(&line.to_string());
            }
        };
        while next
            .iter()
            .zip(&partitions)
            .any(|(n, lines)| n < &lines.len())
        {
            for (p, lines) in partitions.iter().enumerate() {
                let until = lines.len().min(next[p] + dice.roll(60) as usize);
                for line in &lines[next[p]..until] {
                    rankings.push(ids[p], line.as_bytes()).unwrap();
                }
                next[p] = until;
            }
            if dice.roll(3) > 0 {
                let changes = rankings.commit().unwrap();
                tell(changes);
                let upto: Vec<Vec<String>> = partitions
                    .iter()
                    .zip(&next)
                    .map(|(l, n)| l[..*n].to_vec())
                    .collect();
                assert_eq!(
                    rows(&rankings),
                    reference(&upto, 60_000, 3_600_000).rows,
                    "seed {seed}"
                );
            }
        }
        rankings.finish().unwrap();
        let changes = rankings.commit().unwrap();
        tell(changes);
        assert!(
            rankings.commit().unwrap().is_empty(),
            "nothing has changed since"
        );
        assert_eq!(shown.rows, rows(&rankings), "seed {seed}: the changes");
        assert_eq!(
            shown.rows,
            reference(&partitions, 60_000, 3_600_000).rows,
            "seed {seed}"
        );
        assert!(
            shown.finals.values().all(|f| *f),
            "seed {seed}: final at the end"
        );
    }
}

#[test]
fn it_is_the_same_as_the_binary() {
    let dir = tempfile::tempdir().unwrap();
    let lines = sales(&mut Dice::new(77), 3000, DAY_BEGIN, 40_000);
    let (path, log) = (dir.path().join("sales.ndjson"), dir.path().join("changes"));
    std::fs::write(
        &path,
        lines.iter().map(|l| format!("{l}\n")).collect::<String>(),
    )
    .unwrap();
    let (source, sink) = (
        format!("file:{}", path.display()),
        format!("file:{}", log.display()),
    );
    run(&[
        "run",
        "--queries",
        "queries",
        "--until-end",
        "--source",
        &source,
        "--sink",
        &sink,
    ]);
    let (shown, _) = fold(std::fs::read_to_string(log).unwrap().lines());
    let mut rankings = Queries::from_dir("queries").unwrap().start().unwrap();
    rankings.read_files(&[&path]).unwrap().finish().unwrap();
    assert_eq!(rows(&rankings), shown);

    // And so is the example, which shows one of them.
    let lines = example::rank(&[path.display().to_string()]).unwrap();
    let cities = shown
        .iter()
        .filter(|((ranking, ..), _)| ranking == SHIPPED[0]);
    let mut cities: Vec<_> = cities
        .map(|((_, start, key), row)| (start, row.0, &key[0]))
        .collect();
    cities.sort_unstable();
    assert_eq!(lines.len(), cities.len());
    for (line, (_, rank, city)) in lines.iter().zip(cities) {
        let begin = format!("{rank:>3} {city}");
        assert!(line.starts_with(&begin), "{line}: {begin}");
    }
}

#[test]
fn a_sale_that_is_late_for_its_own_partition_is_told() {
    let (counts, told) = counting();
    let queries = Queries::from_sql("best", BEST).unwrap();
    let mut rankings = queries
        .allowed_lateness(Duration::ZERO)
        .on_reject(told)
        .start()
        .unwrap();
    let (slow, quick) = (rankings.partition().unwrap(), rankings.partition().unwrap());
    let sale = |hour: i64, city: &str| {
        let at = DAY_BEGIN + hour * 3_600_000;
        format!(r#"{{"event_time":{at},"city":"{city}","salesman_id":"S","amount":1}}"#)
    };
    rankings.push(quick, sale(0, "a").as_bytes()).unwrap();
    rankings.push(quick, sale(3, "a").as_bytes()).unwrap();
    // In time for its own partition, late for the other.
    rankings.push(slow, sale(0, "a").as_bytes()).unwrap();
    rankings.push(quick, sale(0, "a").as_bytes()).unwrap();
    rankings.commit().unwrap();
    assert_eq!(*counts.lock().unwrap(), (0, 1));
    let first = &rankings.rows("best").unwrap()[0];
    assert_eq!(
        (first.window().0, first.text("sales")),
        (DAY_BEGIN, "2".to_owned())
    );
    assert!(!first.is_final(), "the slow partition may still have more");
    assert_eq!(rankings.watermark(), Some(DAY_BEGIN - 60_000));

    rankings.forget(DAY_BEGIN + 3_600_000);
    let left: Vec<i64> = rankings
        .rows("best")
        .unwrap()
        .iter()
        .map(|r| r.window().0)
        .collect();
    assert_eq!(left, [DAY_BEGIN + 3 * 3_600_000]);
    assert!(
        rankings.commit().unwrap().is_empty(),
        "forgetting is no change"
    );
}

const BEST: &str = "SELECT window_start, window_end, city, sales, rownum FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY sales DESC) AS rownum FROM (
    SELECT window_start, window_end, city, COUNT(*) AS sales
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, city
  )) WHERE rownum <= 2";

#[test]
fn what_is_wrong_is_said() {
    let wrong = Queries::from_sql("best", "SELECT 1").err().unwrap();
    assert!(
        matches!(wrong, Error::Queries(_)) && wrong.to_string().contains("SELECT"),
        "{wrong}"
    );
    assert!(
        Queries::from_dir("nowhere")
            .err()
            .unwrap()
            .to_string()
            .contains("nowhere")
    );

    let mut rankings = Queries::from_sql("best", BEST).unwrap().start().unwrap();
    let missing = rankings
        .read_files(&["queries/sales.sql", "no such file.ndjson"])
        .err()
        .unwrap();
    assert!(
        missing.to_string().contains("no such file.ndjson"),
        "{missing}"
    );
    let unknown = rankings.rows("worst").unwrap_err().to_string();
    assert!(
        unknown.contains("`worst`") && unknown.contains("best"),
        "{unknown}"
    );
    assert!(matches!(rankings.push(5, b"{}"), Err(Error::Partition(5))));

    // A file that is not there has opened nothing, and what is no sale is no error.
    let one = rankings.partition().unwrap();
    assert_eq!(one, 0);
    rankings.push(one, b"no sale").unwrap();
    rankings.push(one, &vec![b' '; 3 << 20]).unwrap();
    rankings
        .push(
            one,
            br#"{"event_time":1,"city":"a","salesman_id":"s","amount":"0.01"}"#,
        )
        .unwrap();
    rankings.finish().unwrap();
    let counts = rankings.counts();
    assert_eq!((counts.read, counts.dead, counts.ranked), (3, 2, 1));
    assert!(matches!(rankings.push(one, b"{}"), Err(Error::Finished)));
    assert!(matches!(rankings.partition(), Err(Error::Finished)));
    assert_eq!(
        rankings.commit().unwrap().len(),
        1,
        "what changed can still be taken"
    );
}

#[test]
fn one_without_any_input_ends() {
    let mut rankings = Queries::shipped().unwrap().start().unwrap();
    assert!(rankings.commit().unwrap().is_empty());
    rankings.finish().unwrap();
    assert!(rankings.rows("top_salesmen").unwrap().is_empty());
}

#[test]
fn two_do_not_know_of_each_other() {
    let line = sales(&mut Dice::new(3), 50, DAY_BEGIN, 1000);
    let mut two: Vec<Rankings> = (0..2)
        .map(|_| Queries::shipped().unwrap().start().unwrap())
        .collect();
    let own: Vec<u32> = two.iter_mut().map(|r| r.partition().unwrap()).collect();
    for (n, line) in line.iter().enumerate() {
        two[n % 2].push(own[n % 2], line.as_bytes()).unwrap();
    }
    for rankings in &mut two {
        rankings.commit().unwrap();
    }
    let of = |half: usize| -> Vec<String> { line.iter().skip(half).step_by(2).cloned().collect() };
    for (n, rankings) in two.iter().enumerate() {
        assert_eq!(rows(rankings), reference(&[of(n)], 60_000, 3_600_000).rows);
    }
}
