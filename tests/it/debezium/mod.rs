//! Rows that change in a real Postgres, by the real Debezium in Kafka Connect (`deploy/services connect`): after each phase the
//! rankings are what the same SQL says of the table, whoever was killed meanwhile.

mod connect;
mod shop;
mod written;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use connect::{Connect, WAIT};
use shop::{Identity, Ranks, Shop, queries, shown};

use crate::support::{Bed, Dice, service};

/// How many kills of either; a larger number on demand.
fn kills() -> u64 {
    let wanted = std::env::var("STANDINGS_TEST_KILLS").ok();
    wanted.and_then(|n| n.parse().ok()).unwrap_or(4)
}

fn seed() -> u64 {
    std::env::var("STANDINGS_TEST_SEED").map_or(23, |s| s.parse().unwrap())
}

/// Waits until the sink shows what the shop's table comes to; what differs where it does not.
fn equal(shop: &Shop, bed: &Bed, phase: &str) {
    let want = shop.want();
    let started = Instant::now();
    let mut found = None;
    while started.elapsed() < WAIT {
        found = shown(bed.postgres());
        if found.as_ref() == Some(&want) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let found = found.unwrap_or_default();
    let some = |all: &Ranks, but: &Ranks| all.difference(but).take(5).cloned().collect::<Vec<_>>();
    panic!(
        "{phase}: of {} rows wanted {:#?}, found {:#?}; dead letters: {}",
        want.len(),
        some(&want, &found),
        some(&found, &want),
        bed.read("dead").lines().take(3).collect::<String>()
    );
}

/// The table's life while it is followed, in phases.
fn life(
    name: &'static str,
    identity: Identity,
    partitions: &str,
    connector: &[(&str, &str)],
    options: &str,
) {
    let mut dice = Dice::new(seed());
    let mut shop = Shop::open(identity, seed());
    // What is there before: a snapshot reads it.
    shop.trade(300);
    let connect = Connect::up();
    let mut settings = vec![("topic.creation.default.partitions", partitions)];
    settings.extend(connector);
    let followed = connect.follow(&shop.url, "public.orders", &settings);
    let bed = Bed::new(name).database().state();
    let folder = bed.path("shop");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("shop.sql"), queries(options)).unwrap();
    let source = format!("kafka://{}/{}", service("KAFKA_BROKERS"), followed.topic);
    // Three days of event time, in no order: no window is closed before all is done.
    let bed = bed
        .queries(folder)
        .source(source)
        .keep("--dead-letter", "dead")
        .flags(&["--allowed-lateness", "30d", "--commit-interval", "20ms"])
        .flags(&["--snapshot-interval", "200ms"]);
    shop.trade(1);
    followed.has_offsets();
    let mut run = bed.start(&[]);
    equal(&shop, &bed, "a snapshot");

    shop.trade(400);
    equal(&shop, &bed, "changes");

    shop.alter();
    shop.trade(150);
    equal(&shop, &bed, "a column more");

    for _ in 0..kills() {
        shop.trade(40);
        std::thread::sleep(Duration::from_millis(dice.roll(400)));
        run.kill();
        shop.trade(40);
        run = bed.start(&["-w", ["1", "2", "3"][dice.roll(3) as usize]]);
    }
    equal(&shop, &bed, "kills of the engine");

    // What Connect had sent and not written down is sent a second time: rows go back for a moment.
    for _ in 0..kills() {
        shop.trade(40);
        std::thread::sleep(Duration::from_millis(dice.roll(400)));
        connect.kill();
        shop.trade(40);
        connect.start();
        followed.runs();
    }
    equal(&shop, &bed, "kills of Connect");

    both(&connect, &mut shop, &bed, run, &mut dice);
    let run = bed.start(&[]);
    followed.runs();
    equal(&shop, &bed, "kills of both");

    if partitions == "1" {
        shop.truncate();
        equal(&shop, &bed, "a table without rows");
        shop.trade(100);
        equal(&shop, &bed, "rows after it");
    }
    assert_eq!(bed.read("dead"), "");
    let (code, _, said) = run.stop();
    assert_eq!(code, Some(0), "{said}");
    followed.end();
}

/// The engine is killed while Connect is gone and while it catches up.
fn both(
    connect: &Connect,
    shop: &mut Shop,
    bed: &Bed,
    mut run: crate::support::Process,
    dice: &mut Dice,
) {
    let back = AtomicBool::new(false);
    shop.trade(60);
    connect.kill();
    shop.trade(60);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            connect.start();
            back.store(true, Ordering::Relaxed);
        });
        while !back.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(200 + dice.roll(400)));
            run.kill();
            run = bed.start(&[]);
            shop.trade(5);
        }
        run.kill();
    });
}

#[test]
fn keys_alone_and_long_texts_left_out() {
    life(
        "dbz_default",
        Identity::Default,
        "3",
        &[
            ("decimal.handling.mode", "string"),
            ("time.precision.mode", "isostring"),
        ],
        "'debezium-json.timestamp-format.standard' = 'ISO-8601'",
    );
}

#[test]
fn whole_rows_with_their_schemas_and_truncate() {
    life(
        "dbz_full",
        Identity::Full,
        "1",
        &[
            ("key.converter.schemas.enable", "true"),
            ("value.converter.schemas.enable", "true"),
        ],
        "'debezium-json.schema-include' = 'true', 'debezium-json.timestamp-format.standard' = 'ISO-8601'",
    );
}
