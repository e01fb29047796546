//! Draws by weight, and by Zipf's law: the item of rank r has weight 1 / r^s.

use super::dice::Dice;

/// Draws by weight.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    /// Sums of weights up to each, whole numbers, so that a draw is a search.
    sums: Vec<u64>,
}

impl Weights {
    /// In order; none may be 0.
    pub fn new(weights: impl Iterator<Item = u64>) -> Self {
        let mut sum = 0;
        let sums = weights.map(|weight| {
            sum += weight;
            sum
        });
        Weights {
            sums: sums.collect(),
        }
    }

    /// The number of one, from 0.
    pub fn draw(&self, dice: &mut Dice) -> usize {
        let all = self.sums.last().copied().unwrap_or(1);
        let at = dice.below(all);
        self.sums.partition_point(|sum| *sum <= at)
    }
}

/// Draws ranks. Exponents 0 and 1 are the same on every machine; others are as exact as the machine's `pow`.
#[derive(Clone, Debug)]
pub struct Zipf(Weights);

impl Zipf {
    /// Over `n` ranks with exponent `s`.
    pub fn new(n: u64, s: f64) -> Self {
        let weight = |rank: u64| match s {
            0.0 => 1.0,
            1.0 => 1.0 / rank as f64,
            s => (rank as f64).powf(-s),
        };
        let whole = |rank| (weight(rank) * f64::from(1 << 30)) as u64 + 1;
        Zipf(Weights::new((1..=n.max(1)).map(whole)))
    }

    /// A rank, from 0.
    pub fn draw(&self, dice: &mut Dice) -> u64 {
        self.0.draw(dice) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_as_the_law_says() {
        for (s, second) in [(0.0, 1.0), (1.0, 0.5), (2.0, 0.25)] {
            let (zipf, mut dice) = (Zipf::new(50, s), Dice::new(3));
            let mut seen = [0u32; 50];
            for _ in 0..200_000 {
                seen[zipf.draw(&mut dice) as usize] += 1;
            }
            let ratio = f64::from(seen[1]) / f64::from(seen[0]);
            assert!((ratio - second).abs() < 0.06, "exponent {s}: {ratio}");
            assert!(s > 1.0 || seen.iter().all(|n| *n > 0));
        }
    }
}
