//! The order of the sides in each round.

use standings_load::Dice;

/// The order of `sides` in a round. Every second round is the one before backwards: of any two sides each is first as often
/// as the other, which is all that two need; and what comes before a side changes. The same each time.
pub fn order(sides: usize, round: usize) -> Vec<usize> {
    let mut dice = Dice::new(round as u64 / 2);
    let mut order: Vec<usize> = (0..sides).collect();
    // Fisher and Yates.
    for at in (1..sides).rev() {
        order.swap(at, dice.below(at as u64 + 1) as usize);
    }
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

/// A number of rounds on the command line: of none there is no median.
pub fn parse(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("there is no median of no rounds; at least 1".to_owned()),
        Ok(n) => Ok(n),
        Err(_) => Err("not a whole number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_has_every_side_once() {
        for (sides, round) in [(0, 0), (1, 3), (2, 0), (9, 4), (30, 7)] {
            let mut all = order(sides, round);
            all.sort_unstable();
            assert_eq!(all, (0..sides).collect::<Vec<_>>());
        }
    }

    #[test]
    fn of_two_sides_each_is_first_as_often_as_the_other() {
        let first = |a, b, round| {
            let order = order(8, round);
            order.iter().position(|s| *s == a) < order.iter().position(|s| *s == b)
        };
        for (a, b) in [(0, 1), (2, 7), (6, 3)] {
            assert_eq!((0..10).filter(|round| first(a, b, *round)).count(), 5);
        }
    }

    #[test]
    fn orders_differ_and_are_the_same_each_time() {
        assert_eq!(order(12, 4), order(12, 4));
        assert_ne!(order(12, 0), order(12, 1));
        assert_ne!(order(12, 0), order(12, 2));
    }

    #[test]
    fn there_is_at_least_one_round() {
        assert_eq!(parse("3"), Ok(3));
        assert!(parse("0").is_err() && parse("-1").is_err() && parse("many").is_err());
    }
}
