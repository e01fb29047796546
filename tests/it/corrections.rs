//! Money that is moved between accounts by changing rows, on real Kafka and Postgres under kills: a row leaves one group and comes to
//! another, so the sum over all groups is the same in every commit, whatever a reader sees in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::kafka::{Keyed, block, produce_keyed, topic};
use crate::support::postgres::connect;
use crate::support::{Bed, Dice, service, until};

const PARTITIONS: usize = 4;
const ACCOUNTS: u64 = 10;
/// Rows, of one each.
const ROWS: u64 = 20_000;
/// Sent between two kills, and at once, at least; of more corrections in all these are more, so that a million takes ten kills.
const PORTION: u64 = 20_000;
const AT_ONCE: u64 = 1_000;

const RANKING: &str = "SELECT window_start, window_end, account, total, n, mark FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS r FROM (
    SELECT window_start, window_end, account, SUM(amount) AS total, COUNT(*) AS n, SUM(id) AS mark
    FROM TABLE(TUMBLE(TABLE moves, DESCRIPTOR(at), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, account)) WHERE r <= 100";

/// How many corrections; a million takes a while.
fn corrections() -> u64 {
    let wanted = std::env::var("STANDINGS_TEST_TRANSFERS").ok();
    wanted.and_then(|n| n.parse().ok()).unwrap_or(100_000)
}

fn record(id: u64, account: u64) -> Keyed {
    let key = format!(r#"{{"id":{id}}}"#);
    let value =
        format!(r#"{{"id":{id},"at":"2026-01-23T10:00:00Z","account":"a{account}","amount":1}}"#);
    (Some(key.into_bytes()), value.into_bytes())
}

fn send(topic: &str, records: impl Iterator<Item = (u64, u64)>) {
    let mut partitions = vec![Vec::new(); PARTITIONS];
    for (id, account) in records {
        partitions[id as usize % PARTITIONS].push(record(id, account));
    }
    produce_keyed(topic, &partitions);
}

/// What a reader saw, from the first time that all rows were there.
#[derive(Default)]
struct Looked {
    looks: u64,
    different: u64,
    time: Duration,
}

/// Looks until told to stop: one statement sees one commit.
async fn look(url: String, done: Arc<AtomicBool>) -> Looked {
    let sql = "SELECT coalesce(sum(total), 0)::text, coalesce(sum(n), 0)::bigint, coalesce(sum(mark), 0)::text,
                 coalesce(string_agg(account || mark::text, ',' ORDER BY account), '') FROM moved";
    let client = connect(&url).await;
    let (mut looked, mut last) = (Looked::default(), String::new());
    let mut began = Instant::now();
    while !done.load(Ordering::Relaxed) {
        let row = client.query_one(sql, &[]).await;
        let row = row.map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)));
        match row {
            Ok((total, n, marks, state)) => {
                let (total, n, marks, state): (String, i64, String, String) =
                    (total, n, marks, state);
                if n != ROWS as i64 {
                    assert_eq!(looked.looks, 0, "{n} rows after {} looks", looked.looks);
                    began = Instant::now();
                } else {
                    assert_eq!(total, format!("{ROWS}.00"), "the sum over all accounts");
                    assert_eq!(marks, (ROWS * (ROWS - 1) / 2).to_string());
                    looked.looks += 1;
                    looked.different += u64::from(state != last);
                    last = state;
                }
            }
            // The table is not made yet.
            Err(_) => assert_eq!(looked.looks, 0, "the table is gone"),
        }
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    looked.time = began.elapsed();
    looked
}

#[test]
fn what_rows_move_is_never_in_two_places_or_in_none() {
    let topic = topic("corrections", PARTITIONS as i32);
    let brokers = service("KAFKA_BROKERS");
    let bed = Bed::new("corrections").database();
    let table = format!(
        "CREATE TABLE moves (id BIGINT, at TIMESTAMP_LTZ(3), account STRING, amount DECIMAL(18, 2),
           PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at - INTERVAL '5' SECOND) WITH (
           'connector' = 'upsert-kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{brokers}',
           'key.format' = 'json', 'value.format' = 'json')"
    );
    std::fs::write(bed.path("tables.sql"), table).unwrap();
    std::fs::write(bed.path("moved.sql"), RANKING).unwrap();
    let queries = bed.folder().to_owned();
    let bed = bed.queries(queries).state();
    let flags = |workers| {
        [
            "-w",
            workers,
            "--commit-interval",
            "5ms",
            "--snapshot-interval",
            "500ms",
        ]
    };
    let mut run = bed.start(&flags("2"));
    let n = corrections();
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (url, done) = (bed.postgres().to_owned(), Arc::clone(&done));
        std::thread::spawn(move || block(look(url, done)))
    };
    let mut accounts: Vec<u64> = (0..ROWS).map(|id| id % ACCOUNTS).collect();
    send(&topic, (0..ROWS).map(|id| (id, accounts[id as usize])));
    until("all rows are shown", Duration::from_secs(60), || {
        block(async {
            let client = connect(bed.postgres()).await;
            let sql = "SELECT coalesce(sum(n), 0)::bigint FROM moved";
            let rows = client.query_one(sql, &[]).await;
            rows.is_ok_and(|row| row.get::<_, i64>(0) == ROWS as i64)
        })
    });
    let mut dice = Dice::new(7);
    let mut sent = 0;
    while sent < n {
        let portion = PORTION.max(n / 10).min(n - sent);
        let moves: Vec<(u64, u64)> = (0..portion)
            .map(|_| (dice.roll(ROWS), dice.roll(ACCOUNTS)))
            .collect();
        for (id, account) in &moves {
            accounts[*id as usize] = *account;
        }
        // A reader should see many states on the way.
        for some in moves.chunks(AT_ONCE.max(n / 200) as usize) {
            send(&topic, some.iter().copied());
            std::thread::sleep(Duration::from_millis(10));
        }
        sent += portion;
        // In the midst of what was sent, and with another number of workers.
        run.kill();
        run = bed.start(&flags(["1", "2", "3"][dice.roll(3) as usize]));
    }
    let mut want: Vec<(String, i64)> = (0..ACCOUNTS)
        .map(|a| {
            let n = accounts.iter().filter(|of| **of == a).count();
            (format!("a{a}"), n as i64)
        })
        .collect();
    want.sort();
    until(
        "all corrections are shown",
        Duration::from_secs(120),
        || {
            block(async {
                let client = connect(bed.postgres()).await;
                let sql = "SELECT account, n::bigint FROM moved ORDER BY account COLLATE \"C\"";
                let rows = client.query(sql, &[]).await.unwrap_or_default();
                let shown: Vec<(String, i64)> = rows.iter().map(|r| (r.get(0), r.get(1))).collect();
                shown == want
            })
        },
    );
    done.store(true, Ordering::Relaxed);
    let looked = reader.join().unwrap();
    let rate = looked.looks as f64 / looked.time.as_secs_f64();
    println!(
        "{n} corrections: read {rate:.0} times a second, {} different states",
        looked.different
    );
    assert!(rate >= 20.0, "read only {rate:.1} times a second");
    assert!(
        looked.different >= 10,
        "only {} states were seen",
        looked.different
    );
    run.kill();
}
