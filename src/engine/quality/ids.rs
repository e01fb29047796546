//! The values of a column that a partition has shown, as far back as one of them can matter.
//!
//! ```text
//! event time ──►  [ bucket ][ bucket ][ bucket ][ bucket ][ bucket ]     each: hash of the value ──► event time
//!                 ▲ goes as a whole, when the watermark is past its end and `within`
//! ```
//!
//! 1. The verdict is a function of the earlier records of the partition: a value counts if its event time is at most
//!    `within` away from the sale's, and not more than `within` before the partition's watermark. What is forgotten
//!    could not have counted any more, since the watermark does not go back.
//! 2. Values are kept as 128 bits of XXH3: two different ones among 10^12 agree with a probability of 10^-15.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasherDefault, Hash, Hasher};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use xxhash_rust::xxh3::xxh3_128;

/// Buckets that `within` is divided into.
const PARTS: i64 = 4;

/// The longest `unique-within`, ms: 30 days. A bucket's times are 32 bits wide.
pub const LONGEST: i64 = 30 * 86_400_000;

/// A value's hash, in a form that wastes no byte beside a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id([u32; 4]);

impl Id {
    /// Of a value's bytes.
    #[inline]
    pub fn of(value: &[u8]) -> Self {
        let hash = xxh3_128(value);
        Id([0, 32, 64, 96].map(|shift| (hash >> shift) as u32))
    }

    /// The hash itself, to be hashed with others.
    pub fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        for (to, part) in bytes.chunks_exact_mut(4).zip(self.0) {
            to.copy_from_slice(&part.to_le_bytes());
        }
        bytes
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.0[0]) | u64::from(self.0[1]) << 32);
    }
}

/// It is a hash already.
#[derive(Clone, Copy, Debug, Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

/// What was shown with event times of one stretch.
#[derive(Debug, Default)]
struct Bucket {
    /// Each value's first event time, ms since the bucket's start.
    first: HashMap<Id, u32, BuildHasherDefault<Same>>,
    /// Its further ones: few values come twice.
    more: BTreeSet<(Id, u32)>,
    /// The offset of the first record here.
    from: u64,
}

impl Bucket {
    fn has(&self, id: Id, from: u32, to: u32) -> bool {
        let Some(first) = self.first.get(&id) else {
            return false;
        };
        (from..=to).contains(first)
            || from <= to && self.more.range((id, from)..=(id, to)).next().is_some()
    }
}

/// What one partition remembers for one check.
#[derive(Debug)]
pub struct Ids {
    within: i64,
    width: i64,
    /// By number: event time divided by `width`.
    buckets: BTreeMap<i64, Bucket>,
}

impl Ids {
    /// Nothing yet. `within`: 1 to [`LONGEST`] ms.
    pub fn new(within: i64) -> Self {
        let within = within.clamp(1, LONGEST);
        Ids {
            within,
            width: (within / PARTS).max(1),
            buckets: BTreeMap::new(),
        }
    }

    /// Whether a value was there, within reach of this event time.
    pub fn has(&self, id: Id, time: i64, watermark: i64) -> bool {
        let from = time.max(watermark).saturating_sub(self.within);
        let to = time.saturating_add(self.within);
        if from > to {
            return false;
        }
        let numbers = from.div_euclid(self.width)..=to.div_euclid(self.width);
        self.buckets.range(numbers).any(|(number, bucket)| {
            let start = number * self.width;
            let last = start + self.width - 1;
            // Both lie in the bucket, which is narrower than 32 bits.
            let (from, to) = (
                (from.max(start) - start) as u32,
                (to.min(last) - start) as u32,
            );
            bucket.has(id, from, to)
        })
    }

    /// Remembers a value; what the watermark has passed is let go.
    pub fn remember(&mut self, id: Id, time: i64, watermark: i64, offset: u64) {
        while let Some(oldest) = self.buckets.first_entry() {
            let last = (oldest.key() + 1) * self.width - 1;
            if last.saturating_add(self.within) >= watermark {
                break;
            }
            oldest.remove();
        }
        if time.saturating_add(self.within) < watermark {
            return;
        }
        let number = time.div_euclid(self.width);
        let bucket = self.buckets.entry(number).or_insert_with(|| Bucket {
            from: offset,
            ..Bucket::default()
        });
        let at = (time - number * self.width) as u32;
        match bucket.first.entry(id) {
            Entry::Vacant(new) => {
                new.insert(at);
            }
            Entry::Occupied(old) if *old.get() == at => {}
            Entry::Occupied(_) => {
                bucket.more.insert((id, at));
            }
        }
    }

    /// The offset from which all that is remembered was read; `None` if nothing is.
    pub fn from(&self) -> Option<u64> {
        self.buckets.values().map(|b| b.from).min()
    }

    /// Values that are remembered, and the bytes that they take.
    #[cfg(test)]
    fn size(&self) -> (usize, usize) {
        let (mut values, mut bytes) = (0, 0);
        for bucket in self.buckets.values() {
            values += bucket.first.len();
            bytes += bucket.first.allocation_size();
        }
        (values, bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All that was shown, looked through one by one.
    #[derive(Default)]
    struct Plain(Vec<(u8, i64)>);

    impl Plain {
        fn has(&self, within: i64, value: u8, time: i64, watermark: i64) -> bool {
            self.0.iter().any(|(other, at)| {
                *other == value && (at - time).abs() <= within && at + within >= watermark
            })
        }
    }

    /// Times that go on by `step`, with some far back and some ahead.
    fn records() -> impl Strategy<Value = Vec<(u8, i64)>> {
        let record = (0..6u8, 0..8i64, prop_oneof![3 => 0..4i64, 1 => -40..40i64]);
        proptest::collection::vec(record, 0..200).prop_map(|all| {
            let mut now = 1_000;
            let next = |(value, step, off): (u8, i64, i64)| {
                now += step;
                (value, now + off)
            };
            all.into_iter().map(next).collect()
        })
    }

    proptest! {
        /// With any disorder, and started anew at any place from `from` on.
        #[test]
        fn it_says_what_looking_through_all_says(
            records in records(), within in 1..60i64, behind in 0..20i64, restart in 0..200usize
        ) {
            let mut plain = Plain::default();
            let mut ids = Ids::new(within);
            let mut greatest = i64::MIN;
            for (offset, (value, time)) in records.iter().enumerate() {
                let watermark = greatest.saturating_sub(behind);
                if offset == restart {
                    let from = ids.from().unwrap_or(offset as u64) as usize;
                    let mut again = Ids::new(within);
                    for (earlier, (value, time)) in records[..offset].iter().enumerate().skip(from) {
                        again.remember(Id::of(&[*value]), *time, watermark, earlier as u64);
                    }
                    ids = again;
                }
                let id = Id::of(&[*value]);
                prop_assert_eq!(
                    ids.has(id, *time, watermark),
                    plain.has(within, *value, *time, watermark),
                    "record {} of {:?}", offset, &records[..=offset]
                );
                ids.remember(id, *time, watermark, offset as u64);
                plain.0.push((*value, *time));
                greatest = greatest.max(*time);
            }
        }
    }

    #[test]
    fn exactly_the_horizon_is_within_it() {
        let mut ids = Ids::new(100);
        let id = Id::of(b"a-1");
        ids.remember(id, 1_000, i64::MIN, 7);
        for (time, seen) in [(899, false), (900, true), (1_100, true), (1_101, false)] {
            assert_eq!(ids.has(id, time, i64::MIN), seen, "{time}");
        }
        assert!(!ids.has(Id::of(b"a-2"), 1_000, i64::MIN));
        // The watermark may pass it by the horizon, and no more.
        assert!(ids.has(id, 1_050, 1_100) && !ids.has(id, 1_050, 1_101));
        assert_eq!(ids.from(), Some(7));
        ids.remember(Id::of(b"b"), 9_000, 5_000, 8);
        assert_eq!(ids.from(), Some(8), "what cannot matter any more is gone");
    }

    #[test]
    fn a_value_takes_as_many_bytes_as_the_docs_say() {
        let (mut least, mut most) = (f64::MAX, 0.0f64);
        let mut ids = Ids::new(LONGEST);
        for n in 0..300_000u64 {
            ids.remember(Id::of(&n.to_le_bytes()), 5, i64::MIN, n);
            let (values, bytes) = ids.size();
            if values > 1_000 {
                let each = bytes as f64 / values as f64;
                (least, most) = (least.min(each), most.max(each));
            }
        }
        assert!((23.9..24.5).contains(&least), "{least}");
        assert!((47.5..48.5).contains(&most), "{most}");
    }
}
