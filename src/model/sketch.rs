//! Measures that are not exact, for what an exact one would have to keep: how many different values there are, and values
//! within one percent. Both are the same for any order of the values, however they were put together.
//!
//! - *How many different*: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, 2007) with 2^15 registers, estimated as Ertl does
//!   ("New cardinality estimation algorithms for HyperLogLog sketches", 2017: the improved raw estimator, without tables
//!   and without a change of method). Its standard error is 1.04 / √2^15 = 0.57 %. Up to 2048 values are counted exactly, by
//!   their hashes.
//! - *Within one percent*: values are rounded to buckets whose width grows with the value, 64 to each doubling, as
//!   DDSketch (Masson, Rim, Lee, 2019) has them where its logarithm is interpolated in a straight line: by whole numbers
//!   alone. What is rounded differs from the value by 1/128 of it at most.

use xxhash_rust::xxh3::xxh3_64;

/// Bits of a hash that choose the register.
const CHOICE: u32 = 15;
/// How many registers.
const REGISTERS: usize = 1 << CHOICE;
/// The greatest that a register can be.
const GREATEST: usize = 64 - CHOICE as usize + 1;
/// Hashes that are kept as they are: with more, only what registers they touch.
const FEW: usize = 2048;
/// What is no value's code: a sketch that was told so keeps registers, however many values it has.
const MANY: u64 = 0;

/// What a sketch sees of a value. The hash is a part of what snapshots hold: XXH3, 64 bits, without a seed.
#[inline]
pub fn code(value: &[u8]) -> u64 {
    xxh3_64(value).max(1)
}

/// How many different values there are.
///
/// # Examples
///
/// ```
/// use standings_model::sketch::{Sketch, code};
///
/// let mut sketch = Sketch::default();
/// for n in 0..100_000u32 {
///     sketch.insert(code(&(n % 50_000).to_be_bytes()));
/// }
/// assert!((49_000..51_000).contains(&sketch.estimate()));
/// ```
#[derive(Clone, Debug)]
pub enum Sketch {
    /// The codes themselves, in order: as many as there are values.
    Few(Vec<u64>),
    /// All registers.
    Many(Box<Registers>),
}

/// All registers, and how many there are of each size.
#[derive(Clone, Debug)]
pub struct Registers {
    ranks: [u8; REGISTERS],
    sizes: [u32; GREATEST + 1],
}

impl Default for Sketch {
    fn default() -> Self {
        Sketch::Few(Vec::new())
    }
}

impl Sketch {
    /// Takes a value over, by its [`code`]; or what [`Sketch::for_each`] says of another sketch.
    pub fn insert(&mut self, code: u64) {
        match self {
            Sketch::Few(codes) => {
                let Err(at) = codes.binary_search(&code) else {
                    return;
                };
                codes.insert(at, code);
                // The least of all codes, if it is there.
                if codes.len() > FEW || codes[0] == MANY {
                    *self = Sketch::Many(Box::new(Registers::of(codes)));
                }
            }
            Sketch::Many(all) => all.insert(code),
        }
    }

    /// Codes that make another sketch this one.
    pub fn for_each(&self, mut f: impl FnMut(u64)) {
        match self {
            Sketch::Few(codes) => codes.iter().copied().for_each(f),
            Sketch::Many(all) => {
                f(MANY);
                for (register, rank) in all.ranks.iter().enumerate().filter(|(_, r)| **r > 0) {
                    let rest = (1u64 << 63) >> (rank - 1);
                    f((register as u64) << (64 - CHOICE) | rest >> CHOICE);
                }
            }
        }
    }

    /// How many codes those are.
    pub fn codes(&self) -> usize {
        match self {
            Sketch::Few(codes) => codes.len(),
            Sketch::Many(all) => 1 + REGISTERS - all.sizes[0] as usize,
        }
    }

    /// About how many different values there are; of few, how many there are.
    pub fn estimate(&self) -> u64 {
        match self {
            Sketch::Few(codes) => codes.len() as u64,
            Sketch::Many(all) => estimate(&all.sizes),
        }
    }
}

impl Registers {
    fn of(codes: &[u64]) -> Self {
        let mut all = Registers {
            ranks: [0; REGISTERS],
            sizes: [0; GREATEST + 1],
        };
        all.sizes[0] = REGISTERS as u32;
        codes.iter().for_each(|code| all.insert(*code));
        all
    }

    fn insert(&mut self, code: u64) {
        if code == MANY {
            return;
        }
        let register = (code >> (64 - CHOICE)) as usize;
        let rank = ((code << CHOICE).leading_zeros() as usize + 1).min(GREATEST);
        let known = &mut self.ranks[register];
        if rank > usize::from(*known) {
            self.sizes[usize::from(*known)] -= 1;
            self.sizes[rank] += 1;
            *known = rank as u8;
        }
    }
}

/// Ertl's improved raw estimator. Adding, multiplying, dividing and square roots are the same on every machine.
fn estimate(sizes: &[u32; GREATEST + 1]) -> u64 {
    const HALF_OF_LOG: f64 = 0.721_347_520_444_481_7;
    let registers = REGISTERS as f64;
    let of = |n: usize| f64::from(sizes[n]);
    let mut z = registers * tau(1.0 - of(GREATEST) / registers);
    for n in (1..GREATEST).rev() {
        z = 0.5 * (z + of(n));
    }
    z += registers * sigma(of(0) / registers);
    // Nothing was touched where this is infinite.
    (HALF_OF_LOG * registers * registers / z).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// Bits of a number that are kept.
const KEPT: u32 = 7;

/// A number rounded to the middle of its bucket: within 1/128 of itself, and not beyond the greatest of so many digits.
///
/// # Examples
///
/// ```
/// use standings_model::sketch::rounded;
///
/// assert_eq!((rounded(0, 38), rounded(127, 38), rounded(-100, 38)), (0, 127, -100));
/// assert_eq!((rounded(1000, 38), rounded(1001, 38), rounded(1008, 38)), (1004, 1004, 1012));
/// ```
#[inline]
pub fn rounded(n: i128, digits: u8) -> i128 {
    let size = n.unsigned_abs();
    let Some(shift) = (128 - size.leading_zeros())
        .checked_sub(KEPT)
        .filter(|s| *s > 0)
    else {
        return n;
    };
    let middle = (size >> shift << shift) | 1 << (shift - 1);
    let most = 10u128.pow(u32::from(digits.min(38))) - 1;
    let middle = middle.min(most) as i128;
    if n < 0 { -middle } else { middle }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl Iterator<Item = u64>) -> Sketch {
        let mut sketch = Sketch::default();
        values.for_each(|n| sketch.insert(code(&n.to_be_bytes())));
        sketch
    }

    #[test]
    fn few_values_are_counted_exactly_and_many_within_two_percent() {
        for n in (0..200).chain([FEW as u64 - 1, FEW as u64]) {
            assert_eq!(of(0..n).estimate(), n);
        }
        for (many, from) in [
            (FEW as u64 + 1, 0),
            (5_000, 9),
            (20_000, 1 << 40),
            (80_000, 7),
            (300_000, 1),
            (1_000_000, 5),
        ] {
            let found = of(from..from + many).estimate() as f64;
            let error = (found / many as f64 - 1.0).abs();
            assert!(error < 0.02, "{found} of {many}");
        }
    }

    /// The spread over many sketches is what it should be: three times it is below two percent.
    #[test]
    fn the_standard_error_is_that_of_its_registers() {
        for many in [10_000u64, 60_000, 200_000] {
            let squares: f64 = (0..40)
                .map(|round| {
                    let from = round << 32;
                    (of(from..from + many).estimate() as f64 / many as f64 - 1.0).powi(2)
                })
                .sum();
            let deviation = (squares / 40.0).sqrt();
            assert!(deviation < 0.0075, "{deviation} of {many}");
        }
    }

    #[test]
    fn order_and_parts_do_not_matter() {
        let codes = |sketch: &Sketch| {
            let mut all = Vec::new();
            sketch.for_each(|code| all.push(code));
            assert_eq!(all.len(), sketch.codes());
            all
        };
        for many in [10, FEW as u64, FEW as u64 + 1, 30_000] {
            let whole = of(0..many);
            let mut parts = of((0..many).rev().step_by(2));
            of((0..many).step_by(3)).for_each(|code| parts.insert(code));
            of(0..many).for_each(|code| parts.insert(code));
            assert_eq!(codes(&whole), codes(&parts));
            assert_eq!(matches!(whole, Sketch::Few(_)), many <= FEW as u64);
            // What is told of it makes it again, although some values share a register.
            let mut again = Sketch::default();
            codes(&whole)
                .into_iter()
                .for_each(|code| again.insert(code));
            assert_eq!(codes(&whole), codes(&again));
            assert_eq!(whole.estimate(), again.estimate());
        }
        // Whatever the hash.
        for code in [1, u64::MAX, 1 << 49, (1 << 49) - 1] {
            let mut all = Sketch::Many(Box::new(Registers::of(&[code])));
            let told = codes(&all);
            told.iter().for_each(|code| all.insert(*code));
            assert_eq!(codes(&all), told);
        }
    }

    #[test]
    fn what_is_rounded_keeps_its_order_and_is_within_a_percent() {
        let within = |n: i128| {
            let found = rounded(n, 38);
            assert!((found - n).abs() * 128 <= n, "{n}: {found}");
            assert_eq!(rounded(-n, 38), -found);
            found
        };
        let mut last = -1;
        for n in 0..100_000 {
            let found = within(n);
            assert!(found >= last);
            last = found;
        }
        for e in 1..37 {
            within(10i128.pow(e) * 3);
            within(10i128.pow(e) * 7 + 1);
        }
        let most = 10i128.pow(38) - 1;
        assert!(rounded(most, 38) <= most);
        assert_eq!(rounded(999, 3), 996);
        assert_eq!(rounded(i128::MIN + 1, 38), -rounded(i128::MAX, 38));
    }
}
