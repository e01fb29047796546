//! A list that is mostly of one: then nothing is allocated for it.

/// None, one or many, in order.
#[derive(Debug, Default)]
pub enum Few<T> {
    /// Empty.
    #[default]
    None,
    /// One.
    One(T),
    /// More, or a list that once had more.
    Many(Vec<T>),
}

impl<T> Few<T> {
    /// All of them.
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        match self {
            Few::None => &[],
            Few::One(one) => std::slice::from_ref(one),
            Few::Many(all) => all,
        }
    }

    /// All of them, to be changed.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        match self {
            Few::None => &mut [],
            Few::One(one) => std::slice::from_mut(one),
            Few::Many(all) => all,
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts one in before that at a place.
    pub fn insert(&mut self, at: usize, new: T) {
        *self = match std::mem::take(self) {
            Few::None => Few::One(new),
            Few::One(one) => Few::Many(match at {
                0 => vec![new, one],
                _ => vec![one, new],
            }),
            Few::Many(mut all) => {
                all.insert(at.min(all.len()), new);
                Few::Many(all)
            }
        };
    }

    /// Takes the last one out.
    pub fn pop(&mut self) -> Option<T> {
        match std::mem::take(self) {
            Few::None => None,
            Few::One(one) => Some(one),
            Few::Many(mut all) => {
                let last = all.pop();
                *self = Few::Many(all);
                last
            }
        }
    }

    /// Leaves those of which `stays` says so.
    pub fn retain(&mut self, mut stays: impl FnMut(&T) -> bool) {
        *self = match std::mem::take(self) {
            Few::None => Few::None,
            Few::One(one) => match stays(&one) {
                true => Few::One(one),
                false => Few::None,
            },
            Few::Many(mut all) => {
                all.retain(stays);
                Few::Many(all)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_as_a_list() {
        let (mut few, mut list) = (Few::None, Vec::new());
        let mut dice = 3u64;
        for n in 0..2_000 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            match (dice >> 33) % 5 {
                0 => assert_eq!(few.pop(), list.pop()),
                1 => {
                    few.retain(|m| (m + n) % 3 > 0);
                    list.retain(|m| (m + n) % 3 > 0);
                }
                _ => {
                    let at = (dice >> 40) as usize % (list.len() + 1);
                    few.insert(at, n);
                    list.insert(at, n);
                }
            }
            assert_eq!((few.as_slice(), few.len()), (&list[..], list.len()));
            assert_eq!(few.is_empty(), few.as_mut_slice().is_empty());
        }
    }
}
