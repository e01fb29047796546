//! What clocks show, in every zone that Postgres knows too, by its own copy of the database and its own code, from 1970 to 2100.

#[path = "../zones/clocks.rs"]
#[expect(dead_code, reason = "which day has begun, Postgres says here")]
mod clocks;

use jiff::Timestamp;
use standings_model::time::{DAY, days_from_civil};
use standings_model::window::LocalTime;

use crate::support::kafka::block;
use crate::support::postgres::{connect, database};
use clocks::{Clocks, YEARS, distinct, local};

/// What is known of the past is mended now and then: where Debian's copy and ours differ, by days before the rules of now.
const MENDED: [&str; 3] = ["America/Bogota", "America/Ensenada", "Asia/Tehran"];
/// Rules of later days differ with the version of the database: in no more zones than this.
const TO_COME: usize = 20;

#[test]
fn days_begin_where_the_clocks_of_postgres_say() {
    let url = database();
    block(async {
        let client = connect(&url).await;
        // A name that is an abbreviation too is one there: a fixed offset.
        let named = "SELECT name, current_setting('server_version') FROM pg_timezone_names n
             WHERE NOT EXISTS (SELECT FROM pg_timezone_abbrevs a WHERE a.abbrev = n.name)";
        let rows = client.query(named, &[]).await.unwrap();
        let known: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let version: String = rows[0].get(1);
        let asked = client
            .prepare(
                "SELECT (extract(epoch FROM ('epoch'::timestamptz + x * interval '1 ms') AT TIME ZONE $1::text) * 1000)::int8 \
                 FROM unnest($2::int8[]) WITH ORDINALITY AS u (x, n) ORDER BY n",
            )
            .await
            .unwrap();
        let new_rules = days_from_civil(2026, 1, 1) * DAY;
        let (mut zones, mut instants, mut to_come) = (0, 0, Vec::new());
        for (name, zone) in distinct().iter().filter(|(name, _)| known.contains(name)) {
            let zone = local(name, zone);
            let all = asked_of(&Clocks::named(name), zone);
            let rows = client.query(&asked, &[name, &all]).await.unwrap();
            let mut begun = i64::MIN;
            for (at, row) in all.iter().zip(&rows) {
                begun = begun.max(row.get::<_, i64>(0).div_euclid(DAY));
                if zone.day(*at) == begun || MENDED.contains(&name.as_str()) {
                    continue;
                }
                assert!(
                    *at >= new_rules,
                    "{name} at {}: the days {} and {begun}",
                    Timestamp::from_millisecond(*at).unwrap(),
                    zone.day(*at)
                );
                to_come.push(name.clone());
            }
            zones += 1;
            instants += all.len();
        }
        to_come.dedup();
        assert!(
            zones > 300 && to_come.len() <= TO_COME,
            "{zones} zones, {to_come:?}"
        );
        println!(
            "{zones} zones, {instants} instants, Postgres {version}; other rules from 2026 on: {}",
            to_come.join(", ")
        );
    });
}

/// The ends of a zone's days around changes of its clocks, and the beginnings and the middles of months.
fn asked_of(clocks: &Clocks, zone: &LocalTime) -> Vec<i64> {
    let mut all: Vec<i64> = Vec::new();
    for at in clocks.of_years() {
        all.extend([at - 1, at]);
        let day = zone.day(at);
        all.extend((day - 1..day + 3).flat_map(|day| [zone.first(day) - 1, zone.first(day)]));
    }
    let months = (YEARS.end - YEARS.start) * 12;
    let monthly = (0..months).map(|n| days_from_civil(1970 + n / 12, n % 12 + 1, 1) * DAY);
    all.extend(monthly.flat_map(|at| [at, at + 15 * DAY]));
    all.sort_unstable();
    all.dedup();
    all
}
