//! The workload of "internal consistency in streaming systems" (Jamie Brandon, 2021): transfers between accounts, up to
//! ten seconds out of order. Every transfer is a debit of one account and a credit of another, so at every commit all
//! debits are all credits, whatever a reader sees in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::kafka::block;
use crate::support::postgres::connect;
use crate::support::{self, Bed, Dice, standings, wait};

const RANKING: &str = "SELECT window_start, window_end, KEY, total, n, rownum FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS rownum FROM (
    SELECT window_start, window_end, KEY, SUM(amount) AS total, COUNT(*) AS n
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, KEY)) WHERE rownum <= 100";

/// How many; the public form is 10 M.
fn transfers() -> u64 {
    let wanted = std::env::var("STANDINGS_TEST_TRANSFERS").ok();
    wanted.and_then(|n| n.parse().ok()).unwrap_or(1_000_000)
}

#[test]
fn the_sum_of_balances_is_zero_in_every_commit() {
    let bed = Bed::new("transfers").topic(4).database();
    for (name, key) in [("debits", "city"), ("credits", "salesman_id")] {
        std::fs::write(
            bed.path(&format!("{name}.sql")),
            RANKING.replace("KEY", key),
        )
        .unwrap();
    }
    let queries = bed.folder().to_owned();
    let bed = bed.queries(queries);
    let n = transfers();
    let file = bed.path("transfers.ndjson");
    let mut dice = Dice::new(1);
    let mut text = String::with_capacity(n as usize * 110);
    for i in 0..n {
        // Up to ten seconds out of order, over an hour.
        let time = 1_769_126_400_000 + (i * 3_600_000 / n) as i64 + dice.roll(10_000) as i64;
        let (from, to) = (dice.roll(10), dice.roll(10));
        text += &format!(
            "{{\"event_time\":{time},\"city\":\"a{from}\",\"salesman_id\":\"a{to}\",\"amount\":1}}\n"
        );
    }
    std::fs::write(&file, &text).unwrap();
    let run = bed.start(&["-w", "2", "--commit-interval", "5ms"]);
    // A reader that never stops looking: one statement sees one snapshot.
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (url, done) = (bed.postgres().to_owned(), Arc::clone(&done));
        std::thread::spawn(move || {
            block(async move {
                let client = connect(&url).await;
                let sql = "SELECT coalesce((SELECT sum(total) FROM debits), 0)::text, coalesce((SELECT sum(total) FROM credits), 0)::text,
                           coalesce((SELECT sum(n) FROM credits), 0)::bigint";
                let (mut looks, mut different, mut last) = (0u64, 0u64, 0i64);
                let began = Instant::now();
                while !done.load(Ordering::Relaxed) {
                    let Ok(row) = client.query_one(sql, &[]).await else {
                        // The tables are not made yet.
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        continue;
                    };
                    let (debits, credits, seen): (String, String, i64) =
                        (row.get(0), row.get(1), row.get(2));
                    assert_eq!(
                        debits, credits,
                        "after {looks} looks: the balances do not sum to 0"
                    );
                    assert!(
                        seen >= last,
                        "transfers seen went back from {last} to {seen}"
                    );
                    looks += 1;
                    different += u64::from(seen != last);
                    last = seen;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                (
                    looks as f64 / began.elapsed().as_secs_f64(),
                    different,
                    last,
                )
            })
        })
    };
    let mut replay = standings(&[
        "load",
        "replay",
        &file.display().to_string(),
        "--to",
        &bed.source_url(),
        "--rate",
        "150000",
    ])
    .spawn()
    .unwrap();
    wait(&mut replay, Duration::from_secs(300), &["load replay"]);
    support::until("all transfers are counted", Duration::from_secs(60), || {
        block(async {
            let row = connect(bed.postgres())
                .await
                .query_one("SELECT coalesce(sum(n), 0)::bigint FROM debits", &[])
                .await;
            row.is_ok_and(|row| row.get::<_, i64>(0) == n as i64)
        })
    });
    done.store(true, Ordering::Relaxed);
    let (rate, different, seen) = reader.join().unwrap();
    println!(
        "{n} transfers: read {rate:.0} times a second, {different} different states, the last at {seen}"
    );
    assert!(rate >= 20.0, "read only {rate:.1} times a second");
    assert!(different >= 20, "only {different} states were seen");
    run.kill();
}
