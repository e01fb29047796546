//! [`Portion`]s as differences of collections.

use differential_dataflow::difference::{Abelian, IsZero, Monoid, Multiply, Semigroup};

use crate::pack::portion::Portion;

impl IsZero for Portion {
    fn is_zero(&self) -> bool {
        self.is_nothing()
    }
}

impl Semigroup for Portion {
    fn plus_equals(&mut self, other: &Self) {
        self.add(other);
    }
}

impl Monoid for Portion {
    fn zero() -> Self {
        Portion::default()
    }
}

impl Abelian for Portion {
    fn negate(&mut self) {
        Portion::negate(self);
    }
}

impl Multiply<isize> for Portion {
    type Output = Portion;

    fn multiply(self, times: &isize) -> Portion {
        // A version is there once: it comes or goes.
        let mut one = self;
        if *times == 1 {
            return one;
        }
        if *times < 0 {
            Portion::negate(&mut one);
        }
        let mut all = Portion::default();
        (0..times.unsigned_abs()).for_each(|_| all.add(&one));
        all
    }
}
