//! Blocks of columns come to what their rows come to as records, one by one.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use standings_model::block::{Block, Home, NO_TIMESTAMP};
use standings_model::plan::Plan;
use standings_model::rows::{Filled, Original, Rows, Texts, Values};
use standings_model::table::Table;

use crate::event_time::BEGINNING;
use crate::event_time::partition::{Policy, STANDS_STILL};
use crate::fold::{Fold, GoesOn, Settings};
use crate::pack::deltas::Deltas;
use crate::pack::layout::Layout;

thread_local! {
    static WHOLE: Cell<usize> = const { Cell::new(0) };
}

/// A block was folded as a whole.
pub(super) fn note() {
    WHOLE.set(WHOLE.get() + 1);
}

/// Dice that roll the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// A row: time in ms, city, amount in cents, n.
type One = (i64, Option<String>, Option<i64>, Option<i64>);

#[derive(Debug)]
struct Written(Vec<One>);

impl Original for Written {
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        let (time, city, amount, n) = &self.0[row];
        let mut text = format!("{{\"at\":{time}");
        if let Some(city) = city {
            let _ = write!(text, ",\"city\":\"{city}\"");
        }
        if let Some(amount) = amount {
            let (sign, cents) = (if *amount < 0 { "-" } else { "" }, amount.abs());
            let _ = write!(text, ",\"amount\":{sign}{}.{:02}", cents / 100, cents % 100);
        }
        if let Some(n) = n {
            let _ = write!(text, ",\"n\":{n}");
        }
        out.extend_from_slice(text.as_bytes());
        out.push(b'}');
    }
}

const RANKINGS: &str = "
INSERT INTO a SELECT window_start, window_end, city, total, n, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, city, SUM(amount) AS total, COUNT(*) AS n
    FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(`at`), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, city))
WHERE place <= 10;
INSERT INTO b SELECT window_start, window_end, city, least, most, average, many, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY most DESC) AS place FROM (
    SELECT window_start, window_end, city, MIN(n) AS least, MAX(amount) AS most, AVG(n) AS average, COUNT(n) AS many
    FROM TABLE(HOP(TABLE t, DESCRIPTOR(`at`), INTERVAL '20' MINUTE, INTERVAL '1' HOUR)) GROUP BY window_start, window_end, city))
WHERE place <= 10;
INSERT INTO c SELECT city, last, place FROM (
  SELECT *, ROW_NUMBER() OVER (ORDER BY last DESC) AS place FROM (
    SELECT city, MAX(`at`) AS last FROM t GROUP BY city)) WHERE place <= 10;
";

fn plan(required: bool) -> Arc<Plan> {
    let not_null = if required { " NOT NULL" } else { "" };
    let table = format!(
        "CREATE TABLE t (`at` TIMESTAMP_LTZ(3), city STRING{not_null}, amount DECIMAL(12, 2), n INT, WATERMARK FOR `at` AS `at`);"
    );
    let loaded = standings_query::load_texts(&[("q", &(table + RANKINGS))]);
    Arc::new(loaded.unwrap_or_else(|e| panic!("{}", e.render())).plan)
}

fn dice_rows(dice: &mut Dice, now: &mut i64, required: bool) -> Vec<One> {
    let count = 1 + dice.below(200);
    let spread = [1_000, 60_000, 900_000, 7_200_000][dice.below(4) as usize];
    let row = |_| {
        *now += dice.below(spread / 50 + 1) as i64;
        // Seldom one of which nothing was heard for long.
        let late = if dice.below(400) == 0 { 20_000_000 } else { 0 };
        let time = *now - dice.below(spread) as i64 - late;
        let city = match dice.below(9) {
            0 if !required => None,
            1 => Some(String::new()),
            n => Some(format!("city {}", n % 5)),
        };
        let one = |dice: &mut Dice| match dice.below(6) {
            0 => None,
            _ => Some(dice.below(100_000) as i64 - 20_000),
        };
        let (amount, n) = (one(dice), one(dice));
        (time, city, amount, n)
    };
    (0..count).map(row).collect()
}

/// The rows as columns.
fn columns(dice: &mut Dice, table: &Table, all: &[One], block: &mut Block) -> Rows {
    let number = |name: &str| table.find(name).unwrap();
    let nulls = |of: &dyn Fn(&One) -> bool| match all.iter().any(of) {
        true => all.iter().map(of).collect(),
        false => Vec::new(),
    };
    let mut texts = Texts::default();
    let is_dictionary = dice.below(3) > 0;
    let mut words: Vec<&str> = Vec::new();
    let mut places = Vec::new();
    for (_, city, ..) in all {
        let city = city.as_deref().unwrap_or_default();
        let known = words.iter().position(|word| *word == city);
        let entry = match known.filter(|_| is_dictionary) {
            Some(entry) => entry,
            None => {
                let start = block.bytes.len() as u32;
                block.bytes.extend_from_slice(city.as_bytes());
                places.push((start, block.bytes.len() as u32));
                words.push(city);
                words.len() - 1
            }
        };
        texts.places.push(places[entry]);
        if is_dictionary {
            texts.entries.push(entry as u32);
        }
    }
    if is_dictionary {
        texts.dictionary = 1 + dice.below(1 << 40);
    }
    let filled = |name: &str, nulls, values| Filled {
        number: number(name),
        nulls,
        values,
    };
    let amounts = all.iter().map(|r| r.2.unwrap_or(77));
    let amounts = match dice.below(2) {
        0 => Values::Decimals(amounts.collect()),
        _ => Values::Wide(amounts.map(i128::from).collect()),
    };
    let numbers = all.iter().map(|r| r.3.unwrap_or(-9)).collect();
    Rows {
        columns: vec![
            filled(
                "at",
                Vec::new(),
                Values::Ints(all.iter().map(|r| r.0 * 1000).collect()),
            ),
            filled("city", nulls(&|r| r.1.is_none()), Values::Texts(texts)),
            filled("amount", nulls(&|r| r.2.is_none()), amounts),
            filled("n", nulls(&|r| r.3.is_none()), Values::Ints(numbers)),
        ],
        absent: Vec::new(),
        here: vec![true; all.len()],
        longest: 10,
        original: Arc::new(Written(all.to_vec())),
        first: 0,
    }
}

/// What batches say: by ranking, window and key.
fn shown(plan: &Plan, batches: &[Deltas]) -> BTreeMap<(u32, i64, u32, Vec<u8>), Vec<u64>> {
    let mut all = BTreeMap::new();
    for batch in batches {
        let mut words = &batch.words[..];
        for group in &batch.groups {
            let layout = Layout::new(&plan.rankings[group.ranking as usize]);
            for _ in 0..group.rows {
                let (row, rest) = words.split_at(layout.width + 1);
                words = rest;
                let key = batch.texts.get(row[0] as u32).to_vec();
                let at = (group.ranking, group.window_end, group.windows, key);
                assert!(all.insert(at, row[1..].to_vec()).is_none());
            }
        }
    }
    all
}

#[test]
fn a_block_of_columns_is_its_rows() {
    let (mut blocks, mut late) = (0, 0);
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let required = dice.below(2) == 0;
        let plan = plan(required);
        let fold = || {
            let policy = Policy {
                out_of_orderness: [0, 60_000, STANDS_STILL][seed as usize % 3],
                allowed_lateness: [0, 3_600_000][seed as usize % 2],
                ..Policy::default()
            };
            let mut fold = Fold::new(Settings {
                plan: Arc::clone(&plan),
                policies: vec![policy],
                summary_window: Some(3_600_000),
                max_record_bytes: 1 << 20,
            });
            let from = GoesOn {
                offset: 0,
                greatest: None,
                found: None,
                bootstrap: None,
                ids_from: None,
                hold: None,
            };
            fold.begin(0, &Home::default(), from);
            fold
        };
        let (mut found, mut want) = (fold(), fold());
        let (mut now, mut offset) = (1_769_155_200_000, 0);
        for _ in 0..10 {
            for _ in 0..1 + dice.below(4) {
                let all = dice_rows(&mut dice, &mut now, required);
                let (mut as_columns, mut as_records) = (Block::new(0), Block::new(0));
                let rows = columns(&mut dice, &plan.tables[0], &all, &mut as_columns);
                let start = as_columns.bytes.len();
                for n in 0..all.len() {
                    let mut record = Vec::new();
                    rows.original.write(n, &mut record);
                    as_records.push(&record, offset, NO_TIMESTAMP);
                    let last = *as_records.records.last().unwrap();
                    as_columns.records.push(standings_model::block::RecordRef {
                        start: start as u32,
                        end: start as u32,
                        ..last
                    });
                    offset += 1;
                }
                (as_columns.next_offset, as_records.next_offset) = (offset, offset);
                as_columns.rows = Some(Box::new(rows));
                let horizon = match dice.below(4) {
                    0 => now - 30_000_000,
                    _ => BEGINNING,
                };
                found.block(&as_columns, horizon).unwrap();
                want.block(&as_records, horizon).unwrap();
                blocks += 1;
            }
            let (found, told) = found.end_epoch(1, &mut Vec::new());
            let (want, said) = want.end_epoch(1, &mut Vec::new());
            assert_eq!(shown(&plan, &found), shown(&plan, &want), "seed {seed}");
            let (told, said) = (told.unwrap(), said.unwrap());
            late += said.partitions[0].counts.late + said.partitions[0].counts.partly_late;
            let of = |p: &crate::rank::messages::Progress| {
                format!("{:?} {:?} {:?}", p.partitions, p.rejects, p.amounts)
            };
            assert_eq!(of(&told), of(&said), "seed {seed}");
        }
    }
    assert!(
        WHOLE.get() * 3 > blocks,
        "{} of {blocks} were folded as a whole",
        WHOLE.get()
    );
    assert!(
        WHOLE.get() < blocks && late > 100,
        "{} of {blocks}, {late} late",
        WHOLE.get()
    );
}
