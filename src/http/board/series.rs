//! How each row's ordering measure went over its window: one value for each fortieth of the window's event time.

use hashbrown::HashMap;

use super::window::Key;
use standings_model::value::Value;
use standings_model::window::Bounds;

/// Slices of a window.
pub const SLICES: usize = 40;

/// The last value of each slice that had one, by key.
#[derive(Debug, Default)]
pub(super) struct Series {
    keys: HashMap<Key, Vec<(u8, Value)>>,
}

/// Which slice of `[start, end)` an event time falls into; times outside count for the nearest.
pub(super) fn slice(window: Bounds, time: i64) -> u8 {
    let Bounds { start, end } = window;
    let (length, passed) = (
        i128::from(end) - i128::from(start),
        i128::from(time) - i128::from(start),
    );
    let at = passed * SLICES as i128 / length.max(1);
    // Within 0..40 after the clamp.
    at.clamp(0, SLICES as i128 - 1) as u8
}

impl Series {
    /// Notes a value; how many points that added.
    pub(super) fn note(&mut self, key: &Key, slice: u8, value: Value) -> usize {
        let points = self.keys.entry(Key::clone(key)).or_default();
        match points.last_mut() {
            // Event time does not go back, but a window may be corrected after its end.
            Some((at, last)) if *at >= slice => {
                *last = value;
                0
            }
            _ => {
                points.push((slice, value));
                1
            }
        }
    }

    /// Keys that have a series.
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Forgets the series of all other keys; how many points that were.
    pub(super) fn retain(&mut self, holds: impl Fn(&Key) -> bool) -> usize {
        let before = self.len();
        self.keys.retain(|key, _| holds(key));
        before - self.len()
    }

    /// Points kept.
    pub(super) fn len(&self) -> usize {
        self.keys.values().map(Vec::len).sum()
    }

    /// One value a slice, carried forward, up to the slice `last`; `None` before the first and after `last`.
    pub(super) fn values(&self, key: &Key, last: u8) -> Vec<Option<Value>> {
        let mut values = vec![None; SLICES];
        let Some(points) = self.keys.get(key) else {
            return values;
        };
        let mut points = points.iter().peekable();
        let mut present = None;
        for (i, value) in values.iter_mut().enumerate().take(usize::from(last) + 1) {
            while let Some((_, v)) = points.next_if(|(at, _)| usize::from(*at) <= i) {
                present = Some(v.clone());
            }
            *value = present.clone();
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_carried_forward() {
        let key: Key = Key::from([Value::text("a")]);
        let mut series = Series::default();
        assert_eq!(series.note(&key, 3, Value::Integer(1)), 1);
        assert_eq!(series.note(&key, 3, Value::Integer(2)), 0);
        assert_eq!(series.note(&key, 5, Value::Integer(3)), 1);
        let values = series.values(&key, 6);
        let want = |i: usize| match i {
            0..3 | 7.. => None,
            3..5 => Some(Value::Integer(2)),
            _ => Some(Value::Integer(3)),
        };
        assert!((0..SLICES).all(|i| values[i] == want(i)), "{values:?}");
        assert_eq!(series.len(), 2);
    }

    #[test]
    fn slices_cover_the_window() {
        let of = |start, end, time| slice(Bounds { start, end }, time);
        assert_eq!(of(0, 400, -5), 0);
        assert_eq!(of(0, 400, 9), 0);
        assert_eq!(of(0, 400, 10), 1);
        assert_eq!(of(0, 400, 399), 39);
        assert_eq!(of(0, 400, i64::MAX), 39);
        assert_eq!(of(i64::MIN, i64::MAX, 0), 20);
    }
}
