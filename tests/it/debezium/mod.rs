//! Rows that change in a real Postgres, by the real Debezium in Kafka Connect (`deploy/services connect`): after each phase the
//! rankings are what the same SQL says of the table, whoever was killed meanwhile.

mod avro;
mod beside;
mod connect;
mod kept;
mod page;
mod ranked;
mod shop;
mod windows;
mod written;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use connect::{Connect, Followed, WAIT};
use shop::{Identity, Ranks, Shop, queries, shown};

use crate::support::{Bed, Dice, Process, service};

/// How many kills of either; a larger number on demand.
fn kills() -> u64 {
    let wanted = std::env::var("STANDINGS_TEST_KILLS").ok();
    wanted.and_then(|n| n.parse().ok()).unwrap_or(2)
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
    let some = |all: &Ranks, but: &Ranks| -> String {
        let rows = all.difference(but).take(5);
        let cells = |row: &Vec<Option<String>>| {
            let cells = row.iter().map(|c| c.as_deref().unwrap_or("NULL"));
            cells.collect::<Vec<_>>().join(" | ") + "\n"
        };
        rows.map(cells).collect()
    };
    panic!(
        "{phase}: of {} rows wanted\n{}found\n{}dead letters: {}",
        want.len(),
        some(&want, &found),
        some(&found, &want),
        bed.read("dead").lines().take(3).collect::<String>()
    );
}

/// A table that is followed, and the run that ranks it.
struct Line<'a> {
    shop: Shop,
    followed: Followed<'a>,
    bed: Bed,
    run: Option<Process>,
}

impl<'a> Line<'a> {
    /// A table with rows that are there before: a snapshot reads them.
    fn new(
        name: &'static str,
        worker: &'a Connect,
        mut shop: Shop,
        connector: &[(&str, &str)],
        options: &str,
    ) -> Self {
        shop.trade(300);
        let followed = worker.follow(&shop.url, &shop.table(), connector);
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
        Line {
            shop,
            followed,
            bed,
            run: None,
        }
    }

    fn start(&mut self, more: &[&str]) {
        self.run = Some(self.bed.start(more));
    }

    fn kill(&mut self) {
        if let Some(run) = self.run.take() {
            run.kill();
        }
    }
}

fn trade(lines: &mut [Line<'_>], transactions: usize) {
    for line in lines {
        line.shop.trade(transactions);
    }
}

fn all_equal(lines: &[Line<'_>], phase: &str) {
    for line in lines {
        equal(&line.shop, &line.bed, phase);
    }
}

/// The first table's updates name the row by its key, and leave a long text out that stays; its topic has three partitions. The
/// second's have all of the row, with schemas, in one partition: TRUNCATE is of that one.
#[test]
fn a_table_is_ranked_as_it_is_whoever_is_killed() {
    let mut dice = Dice::new(seed());
    let worker = Connect::up();
    let by_key = [
        ("topic.creation.default.partitions", "3"),
        ("decimal.handling.mode", "string"),
        ("time.precision.mode", "isostring"),
    ];
    let whole = [
        ("key.converter.schemas.enable", "true"),
        ("value.converter.schemas.enable", "true"),
    ];
    let iso = "'debezium-json.timestamp-format.standard' = 'ISO-8601'";
    let schema = format!("'debezium-json.schema-include' = 'true', {iso}");
    let open = |identity| Shop::open(identity, seed());
    let mut lines = [
        Line::new("dbz_key", &worker, open(Identity::Default), &by_key, iso),
        Line::new("dbz_full", &worker, open(Identity::Full), &whole, &schema),
    ];
    for line in &mut lines {
        line.followed.has_offsets();
        line.start(&[]);
    }
    all_equal(&lines, "a snapshot");

    trade(&mut lines, 400);
    all_equal(&lines, "changes");

    for line in &mut lines {
        line.shop.alter();
        line.shop.trade(150);
    }
    all_equal(&lines, "a column more");

    for _ in 0..kills() {
        for line in &mut lines {
            line.shop.trade(40);
            std::thread::sleep(Duration::from_millis(dice.roll(400)));
            line.kill();
            line.shop.trade(40);
            let workers = ["1", "2", "3"][dice.roll(3) as usize];
            line.start(&["-w", workers]);
        }
    }
    all_equal(&lines, "kills of the engine");
    for line in &lines {
        assert_eq!(line.bed.read("dead"), "");
    }

    // What Connect had sent and not written down is sent a second time: rows go back for a moment.
    for _ in 0..kills() {
        trade(&mut lines, 40);
        std::thread::sleep(Duration::from_millis(dice.roll(400)));
        connect::kill();
        trade(&mut lines, 40);
        connect::start();
    }
    all_equal(&lines, "kills of Connect");

    trade(&mut lines, 60);
    connect::kill();
    trade(&mut lines, 60);
    while_it_starts(|| {
        std::thread::sleep(Duration::from_millis(200 + dice.roll(400)));
        for line in &mut lines {
            line.kill();
            line.start(&[]);
            line.shop.trade(5);
        }
    });
    all_equal(&lines, "kills of both");

    let [_, full] = &mut lines;
    full.shop.truncate();
    equal(&full.shop, &full.bed, "a table without rows");
    full.shop.trade(100);
    equal(&full.shop, &full.bed, "rows after it");
    for line in &mut lines {
        // An update that is sent again behind the end of its row: what it leaves out nobody has any more.
        for letter in line.bed.read("dead").lines() {
            assert!(
                letter.contains(r#""reason":"unavailable_value""#),
                "{letter}"
            );
        }
        let run = line.run.take().expect("a run");
        let (code, _, said) = run.stop();
        assert_eq!(code, Some(0), "{said}");
        let (code, said) = line.bed.say("verify", &["--allowed-lateness", "30d"]);
        assert_eq!(code, Some(0), "{said}");
    }
}

/// Brings Connect back, and does this again and again until it is.
fn while_it_starts(mut doing: impl FnMut()) {
    let back = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            connect::start();
            back.store(true, Ordering::Relaxed);
        });
        while !back.load(Ordering::Relaxed) {
            doing();
        }
    });
}
