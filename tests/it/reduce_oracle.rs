//! The plain differential plan of the two rankings (`reduce` to totals, `reduce` to the top N) as an oracle: it shares
//! no code with the engine, and differential-dataflow's answer is incremental too, fed in several epochs.

use std::sync::mpsc;

use crate::support::{Bed, DAY, Dice, HOUR, Rows};
use differential_dataflow::input::InputSession;
use serde_json::Value;

/// Window start, key, then what measures need: place of the sale, name, city, cents.
type Sale = ((i64, String), ((i64, u64), String, String, i64));
/// Minus the total (so that the greatest comes first), key, count, greatest sale, cities, name.
type Total = (i64, String, i64, i64, i64, String);

/// Totals, then ranks, over everything that was sent; the last state is collected.
fn differential(batches: Vec<Vec<Sale>>, limit: usize) -> Vec<((i64, usize), Total)> {
    let (send, receive) = mpsc::channel();
    timely::execute_directly(move |worker| {
        let mut input = InputSession::<u64, Sale, isize>::new();
        let probe = worker.dataflow(|scope| {
            let totals = input.to_collection(scope).reduce(|(_, key), sales, out| {
                let (mut sum, mut count, mut most, mut cities) = (0, 0, i64::MIN, Vec::new());
                let mut last = &sales[0].0;
                for (sale, times) in sales {
                    let (place, _, city, cents) = sale;
                    sum += cents * *times as i64;
                    count += *times as i64;
                    most = most.max(*cents);
                    cities.push(city.clone());
                    if *place >= last.0 {
                        last = sale;
                    }
                }
                cities.sort();
                cities.dedup();
                let total: Total = (
                    -sum,
                    key.clone(),
                    count,
                    most,
                    cities.len() as i64,
                    last.1.clone(),
                );
                out.push((total, 1isize));
            });
            let ranked =
                totals
                    .map(|((start, _), total)| (start, total))
                    .reduce(move |_, totals, out| {
                        for (i, (total, _)) in totals.iter().take(limit).enumerate() {
                            out.push(((i + 1, (*total).clone()), 1isize));
                        }
                    });
            let (probe, _) = ranked
                .inspect(move |((start, (rank, total)), _, times)| {
                    send.send((((*start, *rank), total.clone()), *times))
                        .unwrap();
                })
                .probe();
            probe
        });
        for (epoch, batch) in batches.into_iter().enumerate() {
            batch.into_iter().for_each(|sale| input.insert(sale));
            input.advance_to(epoch as u64 + 1);
            input.flush();
            worker.step_while(|| probe.less_than(input.time()));
        }
    });
    let mut rows = std::collections::BTreeMap::new();
    for (row, times) in receive {
        *rows.entry(row).or_insert(0) += times;
    }
    rows.into_iter()
        .filter(|(_, times)| *times != 0)
        .map(|(row, _)| row)
        .collect()
}

fn money(cents: i64) -> Value {
    let sign = if cents < 0 { "-" } else { "" };
    Value::from(format!(
        "{sign}{}.{:02}",
        cents.abs() / 100,
        cents.abs() % 100
    ))
}

fn average(sum: i64, n: i64) -> Value {
    let half_away = (2 * sum.abs() + n) / (2 * n);
    money(half_away * sum.signum())
}

#[test]
fn the_engine_says_what_differential_reduce_says() {
    for seed in 0..6 {
        let bed = Bed::new("oracle").file("sales.ndjson").changes_file();
        let mut dice = Dice::new(900 + seed);
        let (mut lines, mut by_city, mut by_salesman) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..1500u64 {
            // In time order within an hour: nothing is late, so that the oracle needs no rule of its own for it.
            let time = 1_769_126_400_000 + (n as i64) * 2 * DAY / 1500 + dice.roll(60_000) as i64;
            let (city, salesman) = (
                format!("c{}", dice.roll(25)),
                format!("s{:03}", dice.roll(200)),
            );
            let (name, cents) = (format!("n{}", dice.roll(3)), dice.roll(5000) as i64 - 900);
            let amount = money(cents);
            lines.push(format!(
                r#"{{"event_time":{time},"city":"{city}","salesman_id":"{salesman}","salesman_name":"{name}","amount":{amount}}}"#
            ));
            let sale = ((time, n), name, city.clone(), cents);
            let start = time / DAY * DAY;
            by_city.push(((start, city), sale.clone()));
            by_salesman.push(((start, salesman), sale));
        }
        bed.write("sales.ndjson", &lines);
        bed.to_end(&["--allowed-lateness", "4h"]);
        let mut rows = bed.folded();
        rows.retain(|key, _| key.0 != "top_salesmen_per_city");

        let batches = |sales: Vec<Sale>| {
            sales
                .chunks(1 + seed as usize * 97)
                .map(<[_]>::to_vec)
                .collect()
        };
        let mut expected = Rows::new();
        for ((start, rank), (minus, city, count, most, ..)) in differential(batches(by_city), 10) {
            let measures = vec![
                money(-minus),
                Value::from(count),
                average(-minus, count),
                money(most),
            ];
            expected.insert(
                ("top_sales_per_city".to_owned(), start, vec![city]),
                (rank as u64, measures),
            );
        }
        for ((start, rank), (minus, salesman, count, _, cities, name)) in
            differential(batches(by_salesman), 100)
        {
            let measures = vec![
                Value::from(name),
                money(-minus),
                Value::from(count),
                average(-minus, count),
                Value::from(cities),
            ];
            expected.insert(
                ("top_salesmen".to_owned(), start, vec![salesman]),
                (rank as u64, measures),
            );
        }
        assert!(expected.len() > 200 && HOUR < DAY);
        assert_eq!(rows, expected, "seed {seed}");
    }
}
