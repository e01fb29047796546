//! `CUMULATE`: windows that share their start. Into both sinks over a stop, against a plain fold; over the API, whose paths
//! name both ends; and by `verify`.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::kafka::block;
use crate::support::postgres::connect;
use crate::support::{self, Bed, Dice, Running, free_port, standings, until};

const MINUTE: i64 = 60_000;
const BEGIN: i64 = 1_769_126_400_000;

const GROWING: &str = "SELECT window_start, window_end, city, total, sales, rownum FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS rownum FROM (
    SELECT window_start, window_end, city, SUM(amount) AS total, COUNT(*) AS sales
    FROM TABLE(CUMULATE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '15' MINUTES, INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, city)) WHERE rownum <= 3";

/// Start and end, city; rank, total in cents, sales.
type Rows = BTreeMap<((i64, i64), String), (i64, i64, i64)>;

struct Sale {
    time: i64,
    city: u64,
    cents: i64,
}

fn sales(dice: &mut Dice, n: usize, from: i64) -> Vec<Sale> {
    let sale = |i: usize| Sale {
        time: from + i as i64 * 20_000 + dice.roll(50_000) as i64,
        city: dice.roll(6),
        cents: dice.roll(900) as i64 - 100,
    };
    (0..n).map(sale).collect()
}

fn line(sale: &Sale) -> String {
    let Sale { time, city, cents } = sale;
    let (sign, cents) = (if *cents < 0 { "-" } else { "" }, cents.abs());
    format!(
        r#"{{"sale_id":"s{time}","event_time":{time},"city":"c{city}","salesman_id":"S","salesman_name":"Ana","amount":{sign}{}.{:02}}}"#,
        cents / 100,
        cents % 100
    )
}

/// The definition, sale by sale: each hour has four windows, which all begin with it.
fn plainly(all: &[&[Sale]]) -> Rows {
    let mut totals: BTreeMap<(i64, i64), BTreeMap<u64, (i64, i64)>> = BTreeMap::new();
    for sale in all.iter().flat_map(|part| part.iter()) {
        let hour = sale.time - sale.time % (60 * MINUTE);
        for quarter in 1..=4 {
            let end = hour + quarter * 15 * MINUTE;
            if sale.time < end {
                let of = totals.entry((hour, end)).or_default();
                let c = of.entry(sale.city).or_default();
                *c = (c.0 + sale.cents, c.1 + 1);
            }
        }
    }
    let mut rows = Rows::new();
    for (window, cities) in totals {
        let mut list: Vec<_> = cities.into_iter().collect();
        list.sort_by_key(|(city, (total, _))| (-total, *city));
        for (i, (city, (total, n))) in list.into_iter().take(3).enumerate() {
            rows.insert((window, format!("c{city}")), (i as i64 + 1, total, n));
        }
    }
    rows
}

fn in_tables(url: &str) -> Rows {
    let sql = "SELECT (extract(epoch FROM window_start) * 1000)::bigint, (extract(epoch FROM window_end) * 1000)::bigint,
        city, rank::bigint, (total * 100)::bigint, sales FROM growing";
    let found = block(async { connect(url).await.query(sql, &[]).await.unwrap() });
    let rows = found.iter().map(|r| {
        let window = (r.get(0), r.get(1));
        ((window, r.get(2)), (r.get(3), r.get(4), r.get(5)))
    });
    rows.collect()
}

fn in_log(bed: &Bed) -> Rows {
    let mut rows = Rows::new();
    for text in bed.changed() {
        let change: Value = serde_json::from_str(&text).unwrap();
        let time = |name: &str| support::millis(change[name].as_str().unwrap());
        let row = &change["row"];
        let city = row["city"].as_str().unwrap().to_owned();
        let at = ((time("window_start"), time("window_end")), city);
        if change["op"] == "delete" {
            assert!(
                rows.remove(&at).is_some(),
                "what is not there is not deleted"
            );
            continue;
        }
        let cents = row["total"].as_str().unwrap().replace('.', "");
        let cents: i64 = cents.parse().unwrap();
        let n = |v: &Value| v.as_i64().unwrap();
        rows.insert(at, (n(&change["rank"]), cents, n(&row["sales"])));
    }
    rows
}

#[test]
fn windows_that_begin_together_are_told_apart_everywhere() {
    let mut dice = Dice::new(20);
    let bed = Bed::new("growing").topic(2).database().changes().state();
    let queries = bed.path("queries");
    std::fs::create_dir(&queries).unwrap();
    std::fs::copy("queries/sales.sql", queries.join("sales.sql")).unwrap();
    std::fs::write(queries.join("growing.sql"), GROWING).unwrap();
    let bed = bed.queries(&queries);
    let late = ["--allowed-lateness", "10d"];
    let often = ["--snapshot-interval", "100ms", "-w", "2"];
    let once = || bed.to_end(&[&late[..], &often].concat());
    let first = [sales(&mut dice, 600, BEGIN), sales(&mut dice, 600, BEGIN)];
    let lines = |parts: &[Vec<Sale>; 2]| parts.each_ref().map(|p| p.iter().map(line).collect());
    bed.send(&lines(&first));
    once();
    let want = plainly(&[&first[0], &first[1]]);
    assert!(want.len() > 30);
    assert_eq!(in_tables(bed.postgres()), want);
    assert_eq!(in_log(&bed), want);

    // Goes on from where it was, into windows that are there already.
    let half = BEGIN + 5 * 600 * 10_000;
    let second = [sales(&mut dice, 300, half), sales(&mut dice, 300, half)];
    bed.send(&lines(&second));
    once();
    let want = plainly(&[&first[0], &first[1], &second[0], &second[1]]);
    assert_eq!(in_tables(bed.postgres()), want);
    assert_eq!(in_log(&bed), want);

    let tables = Bed::new("growing").queries(&queries);
    let tables = tables.source(bed.source_url()).sink(bed.postgres());
    let (code, said) = tables.say("verify", &[&["--all"], &late[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("{} rows of ", want.len())), "{said}");
    asked(bed.postgres(), queries.to_str().unwrap(), &want);
}

/// The same over the API of `serve`, where a path names both ends.
fn asked(url: &str, queries: &str, want: &Rows) {
    let address = format!("127.0.0.1:{}", free_port());
    let serve = standings(&[
        "serve",
        "--from",
        url,
        "--queries",
        queries,
        "--http",
        &address,
    ])
    .stdout(Stdio::null())
    .spawn()
    .unwrap();
    let _serve = Running(serve);
    until("ready", Duration::from_secs(30), || {
        support::http::request("GET", &address, "/readyz", "").is_ok_and(|(s, _)| s == 200)
    });
    let path = "/api/v1/rankings/growing/windows";
    let windows = support::http::json(&address, path);
    let windows = windows.as_array().unwrap();
    let mut seen = Rows::new();
    for window in windows {
        let name = |n: &str| window[n].as_str().unwrap();
        let at = format!("{path}/{}/{}", name("window_start"), name("window_end"));
        for row in support::http::json(&address, &at).as_array().unwrap() {
            let cents = row["total"].as_str().unwrap().replace('.', "");
            let time = |n: &str| support::millis(row[n].as_str().unwrap());
            let key = (
                (time("window_start"), time("window_end")),
                row["city"].as_str().unwrap().to_owned(),
            );
            let n = |n: &str| row[n].as_i64().unwrap();
            seen.insert(key, (n("rank"), cents.parse().unwrap(), n("sales")));
        }
        let city = support::http::json(&address, &at)[0]["city"].clone();
        let why = format!("{at}/keys/{}/why", city.as_str().unwrap());
        let why = support::http::json(&address, &why);
        assert_eq!(
            (&why["rank"], &why["window_end"]),
            (&1.into(), &window["window_end"])
        );
    }
    assert_eq!(&seen, want);
    let start = windows[0]["window_start"].as_str().unwrap();
    let (status, body) = support::http::get(&address, &format!("{path}/{start}"));
    assert!(
        status == 404 && body.contains("windows/{start}/{end}"),
        "{status} {body}"
    );
    let (status, _) = support::http::get(&address, &format!("{path}/{start}/{start}"));
    assert_eq!(status, 404);
}
