//! What the amounts of one tumbling window are like: count, sum, least, greatest, and a histogram from which quartiles
//! are read.
//!
//! 1. A summary depends on the sales alone: merging is commutative, and what is dropped (all but the newest windows) is
//!    dropped by window alone.
//! 2. It is bounded: at most [`NEWEST`] windows of at most 4,096 buckets.
//! 3. A quartile is exact below 64 minor units, and beyond that off by at most 1/64 of its value.

use serde::{Deserialize, Serialize};

/// Windows that are kept: the newest, and the one before it.
pub const NEWEST: usize = 2;

/// Buckets of one sign: 2 to the 5 per power of two.
const HALF: usize = 2048;
const BITS: u32 = 5;

/// One window's amounts, in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Window start, ms since the Unix epoch.
    pub window_start: i64,
    /// Window size, ms.
    pub size: i64,
    /// Sales.
    pub count: u64,
    /// Their sum, as decimal text where it is written: JSON numbers end before it does.
    #[serde(with = "sum_as_text")]
    pub sum: i128,
    /// The least amount.
    pub min: i64,
    /// The greatest amount.
    pub max: i64,
    /// Bucket and sales in it, by bucket.
    pub buckets: Vec<(u16, u64)>,
}

mod sum_as_text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(sum: &i128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(sum)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i128, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// The bucket of an amount; buckets are in the order of amounts.
#[inline]
fn bucket(amount: i64) -> u16 {
    let size = amount.unsigned_abs();
    let shift = (63 - (size | 63).leading_zeros()) - BITS;
    // At most 58 * 32 + 63 = 1919.
    let index = (shift << BITS) as u16 + (size >> shift) as u16;
    if amount < 0 {
        HALF as u16 - index
    } else {
        HALF as u16 + index
    }
}

/// The middle of a bucket.
fn middle(bucket: u16) -> i64 {
    let distance = i64::from(bucket) - HALF as i64;
    let index = distance.unsigned_abs();
    let shift = (index >> BITS).saturating_sub(1);
    let low = (index - (shift << BITS)) << shift;
    let size = low.saturating_add((1u64 << shift) / 2).min(i64::MAX as u64) as i64;
    if distance < 0 { -size } else { size }
}

impl Summary {
    /// Adds the sales of another part of the same window.
    fn add(&mut self, other: Summary) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        for (bucket, n) in other.buckets {
            match self.buckets.binary_search_by_key(&bucket, |(b, _)| *b) {
                Ok(at) => self.buckets[at].1 += n,
                Err(at) => self.buckets.insert(at, (bucket, n)),
            }
        }
    }

    /// The amount that `share` (0 to 1) of the sales do not exceed, minor units.
    pub fn quantile(&self, share: f64) -> i64 {
        let wanted = ((share * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (bucket, n) in &self.buckets {
            seen += n;
            if seen >= wanted {
                return middle(*bucket).clamp(self.min, self.max);
            }
        }
        self.max
    }

    /// Least, first quartile, median, third quartile, greatest.
    pub fn five_numbers(&self) -> [i64; 5] {
        let [q1, median, q3] = [0.25, 0.5, 0.75].map(|q| self.quantile(q));
        [self.min, q1, median, q3, self.max]
    }
}

/// Adds summaries to those that are kept, newest window first. Windows of another size are forgotten.
pub fn merge(kept: &mut Vec<Summary>, new: Vec<Summary>) {
    for summary in new {
        kept.retain(|k| k.size == summary.size);
        match kept
            .iter_mut()
            .find(|k| k.window_start == summary.window_start)
        {
            Some(same) => same.add(summary),
            None => kept.push(summary),
        }
    }
    kept.sort_unstable_by_key(|k| std::cmp::Reverse(k.window_start));
    kept.truncate(NEWEST);
}

/// The amounts of one worker's epoch, as they come.
#[derive(Debug)]
pub struct Amounts {
    size: i64,
    /// Table and column that they are of.
    pub column: (usize, usize),
    windows: Vec<Dense>,
    /// The window of the last sale.
    last: usize,
}

#[derive(Debug)]
struct Dense {
    start: i64,
    count: u64,
    sum: i128,
    min: i64,
    max: i64,
    counts: Box<[u32; 2 * HALF]>,
    /// Buckets that are not 0.
    touched: Vec<u16>,
}

impl Dense {
    fn new(start: i64) -> Self {
        Dense {
            start,
            count: 0,
            sum: 0,
            min: i64::MAX,
            max: i64::MIN,
            counts: Box::new([0; 2 * HALF]),
            touched: Vec::new(),
        }
    }

    fn take(&mut self, size: i64) -> Option<Summary> {
        if self.count == 0 {
            return None;
        }
        self.touched.sort_unstable();
        let counts = &mut self.counts;
        let take = |b: u16| (b, u64::from(std::mem::take(&mut counts[usize::from(b)])));
        let summary = Summary {
            window_start: self.start,
            size,
            count: self.count,
            sum: self.sum,
            min: self.min,
            max: self.max,
            buckets: self.touched.drain(..).map(take).collect(),
        };
        (self.count, self.sum, self.min, self.max) = (0, 0, i64::MAX, i64::MIN);
        Some(summary)
    }
}

impl Amounts {
    /// Nothing yet; windows of `size` ms, which is above 0.
    pub fn new(size: i64, column: (usize, usize)) -> Self {
        Amounts {
            size,
            column,
            windows: Vec::new(),
            last: 0,
        }
    }

    /// Takes in one sale of an event time and an amount in minor units.
    #[inline]
    pub fn add(&mut self, time: i64, amount: i128) {
        let same = self.windows.get(self.last);
        if !same.is_some_and(|w| (0..self.size).contains(&time.wrapping_sub(w.start)))
            && !self.find(time)
        {
            return;
        }
        let window = &mut self.windows[self.last];
        // An amount has at most 28 digits; one beyond 64 bits counts as the greatest there is.
        let amount = amount.clamp(-i128::from(i64::MAX), i128::from(i64::MAX)) as i64;
        window.count += 1;
        window.sum += i128::from(amount);
        window.min = window.min.min(amount);
        window.max = window.max.max(amount);
        let bucket = bucket(amount);
        let n = &mut window.counts[usize::from(bucket)];
        if *n == 0 {
            window.touched.push(bucket);
        }
        *n += 1;
    }

    /// Makes the window of a time the last; `false` if this worker knows as many newer ones as are kept.
    #[cold]
    fn find(&mut self, time: i64) -> bool {
        let start = time.div_euclid(self.size) * self.size;
        if let Some(at) = self.windows.iter().position(|w| w.start == start) {
            self.last = at;
            return true;
        }
        if self.windows.len() < NEWEST {
            self.windows.push(Dense::new(start));
            self.last = self.windows.len() - 1;
            return true;
        }
        let Some((at, oldest)) = self.windows.iter().enumerate().min_by_key(|(_, w)| w.start)
        else {
            return false;
        };
        if oldest.start > start {
            return false;
        }
        self.windows[at] = Dense::new(start);
        self.last = at;
        true
    }

    /// Ends the epoch: what it held. The windows stay known, so that what is older stays dropped.
    pub fn take(&mut self) -> Vec<Summary> {
        let size = self.size;
        self.windows
            .iter_mut()
            .filter_map(|w| w.take(size))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// So many 64ths between two powers of two.
    fn between(power: u32, step: i128) -> i64 {
        ((1i128 << power) + (step << power) / 64) as i64
    }

    #[test]
    fn buckets_are_ordered_and_narrow() {
        let mut last = bucket(-i64::MAX);
        for power in (0..62).rev() {
            for step in (0..64).rev() {
                let amount = -between(power, step);
                assert!(bucket(amount) >= last, "{amount}");
                last = bucket(amount);
            }
        }
        last = bucket(-70);
        for amount in -70..70 {
            assert!(bucket(amount) >= last);
            last = bucket(amount);
        }
        for power in 0..62 {
            for step in 0..64 {
                let amount = between(power, step);
                let found = middle(bucket(amount));
                assert!((found - amount).abs() <= amount / 64, "{amount} {found}");
                assert_eq!(middle(bucket(-amount)), -found);
                assert!(bucket(amount) >= last || power < 7);
                last = last.max(bucket(amount));
            }
        }
        assert!(usize::from(bucket(i64::MAX)) < 2 * HALF);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_and_quartiles_are_near(
            sales in prop::collection::vec((0i64..5_000, -5_000_000i64..5_000_000), 1..300),
            cuts in prop::collection::vec(1usize..50, 1..10),
        ) {
            let mut whole = Amounts::new(1_000, (0, 0));
            sales.iter().for_each(|(t, a)| whole.add(*t, i128::from(*a)));
            let mut expected = Vec::new();
            merge(&mut expected, whole.take());

            let mut parts = [Amounts::new(1_000, (0, 0)), Amounts::new(1_000, (0, 0))];
            let mut kept = Vec::new();
            let mut cuts = cuts.iter().cycle();
            let mut left = *cuts.next().unwrap();
            for (n, (time, amount)) in sales.iter().enumerate() {
                parts[n % 2].add(*time, i128::from(*amount));
                left -= 1;
                if left == 0 {
                    left = *cuts.next().unwrap();
                    merge(&mut kept, parts[n % 3 % 2].take());
                }
            }
            parts.iter_mut().for_each(|p| merge(&mut kept, p.take()));
            prop_assert_eq!(&kept, &expected);

            let newest = sales.iter().map(|(t, _)| t / 1_000).max().unwrap() * 1_000;
            let mut of: Vec<i64> = sales.iter().filter(|(t, _)| t / 1_000 * 1_000 == newest).map(|(_, a)| *a).collect();
            of.sort_unstable();
            prop_assert_eq!(expected[0].window_start, newest);
            prop_assert_eq!(expected[0].count, of.len() as u64);
            prop_assert_eq!(expected[0].sum, of.iter().map(|a| i128::from(*a)).sum::<i128>());
            let [min, q1, median, q3, max] = expected[0].five_numbers();
            prop_assert_eq!((min, max), (of[0], of[of.len() - 1]));
            for (found, share) in [(q1, 0.25), (median, 0.5), (q3, 0.75)] {
                let exact = of[((share * of.len() as f64).ceil() as usize).max(1) - 1];
                prop_assert!((found - exact).abs() <= exact.abs() / 64 + 1, "{} {}", found, exact);
            }
        }
    }

    #[test]
    fn a_summary_is_written_and_read_back() {
        let mut amounts = Amounts::new(1_000, (0, 0));
        amounts.add(-1, i128::MAX);
        amounts.add(-1, i128::MIN);
        amounts.add(-1, 1 << 62);
        let all = amounts.take();
        assert_eq!(all[0].window_start, -1_000);
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Summary>>(&text).unwrap(), all);
    }
}
