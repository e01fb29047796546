//! Spread and percentiles beside the real Postgres, over values made up at random: what it says of the same values, with so many
//! digits that nothing is rounded before the last.

use standings_model::big::Big;
use standings_model::statistics::{PARTS, Spread, between, position, spread};
use standings_model::value::Value;

use crate::support::Dice;
use crate::support::kafka::block;
use crate::support::postgres::{connect, database};

/// Hundredths.
fn values(dice: &mut Dice) -> Vec<i64> {
    let size = 10u64.pow(1 + dice.roll(9) as u32);
    let number = dice.roll(40);
    (0..number)
        .map(|_| dice.roll(2 * size) as i64 - size as i64)
        .collect()
}

fn spread_of(all: &[i64], sample: bool, root: bool) -> Option<String> {
    let sum = all.iter().map(|x| i128::from(*x)).sum();
    let squares = all.iter().map(|x| Big::square(x.unsigned_abs().into()));
    let squares = squares.fold(Big::ZERO, |sum, n| sum.plus(n).unwrap());
    let found = spread(all.len() as u64, sum, squares, 2, Spread { sample, root });
    found.map(|n| Value::decimal(n, 6).to_string())
}

fn percentile_of(all: &[i64], thousandths: u64) -> Option<String> {
    let mut all = all.to_vec();
    all.sort_unstable();
    let last = all.len().checked_sub(1)?;
    let (place, parts) = position(all.len() as u64, (thousandths * PARTS / 1000) as u32);
    let of = |place: usize| i128::from(all[place.min(last)]);
    let found = between(of(place as usize), of(place as usize + 1), parts, 2, 6);
    Some(Value::decimal(found, 6).to_string())
}

#[test]
fn spread_and_percentiles_are_those_of_postgres() {
    let url = database();
    block(async {
        let client = connect(&url).await;
        // Its percentiles are doubles: of these values they have six digits that are right.
        let statement = client
            .prepare(
                "SELECT round(var_pop(x), 6)::text, round(var_samp(x), 6)::text, round(stddev_pop(x), 6)::text, \
                 round(stddev_samp(x), 6)::text, \
                 round((percentile_cont($2::float8 / 1000) WITHIN GROUP (ORDER BY x))::numeric, 6)::text \
                 FROM (SELECT (v::numeric(100, 50) / 100) AS x FROM unnest($1::int8[]) AS v) AS t",
            )
            .await
            .unwrap();
        let mut dice = Dice::new(11);
        for round in 0..400 {
            let all = values(&mut dice);
            let thousandths = match dice.roll(4) {
                0 => [0, 500, 1000][dice.roll(3) as usize],
                _ => dice.roll(1001),
            };
            let row = client
                .query_one(&statement, &[&all, &(thousandths as f64)])
                .await
                .unwrap();
            let theirs: Vec<Option<String>> = (0..5).map(|i| row.get(i)).collect();
            let mut ours: Vec<Option<String>> =
                [(false, false), (true, false), (false, true), (true, true)]
                    .map(|(sample, root)| spread_of(&all, sample, root))
                    .into();
            ours.push(percentile_of(&all, thousandths));
            assert_eq!(ours, theirs, "round {round}: {thousandths} of {all:?}");
        }
    });
}
