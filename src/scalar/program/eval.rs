//! What an expression comes to for one row.

use std::borrow::Cow;
use std::cmp::Ordering;

use standings_model::expr::Comparison;
use standings_model::value::Value;

use super::{Op, Part, call};
use crate::compare::By;
use crate::text::MOST;
use crate::{Datum, Fault, Row, ValueError};

/// One evaluation.
pub(super) struct Run<'a, R: ?Sized> {
    pub parts: &'a [Part],
    pub row: &'a R,
}

impl<R: ?Sized> Clone for Run<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: ?Sized> Copy for Run<'_, R> {}

type Outcome<'a> = Result<Datum<'a>, ValueError>;

fn is_so(op: Comparison, order: Ordering) -> bool {
    match op {
        Comparison::Eq => order.is_eq(),
        Comparison::Ne => order.is_ne(),
        Comparison::Lt => order.is_lt(),
        Comparison::Le => order.is_le(),
        Comparison::Gt => order.is_gt(),
        Comparison::Ge => order.is_ge(),
    }
}

/// A condition that holds, does not, or is NULL.
fn truth(datum: &Datum<'_>) -> Option<bool> {
    match datum {
        Datum::Boolean(b) => Some(*b),
        _ => None,
    }
}

fn condition(truth: Option<bool>) -> Datum<'static> {
    truth.map_or(Datum::Null, Datum::Boolean)
}

impl<'a, R: Row + ?Sized> Run<'a, R> {
    #[cold]
    fn failed(&self, at: usize, fault: Fault) -> ValueError {
        ValueError {
            expression: self.parts[at].text.clone(),
            fault: Box::new(fault),
        }
    }

    pub fn eval(self, op: &'a Op) -> Outcome<'a> {
        match op {
            Op::Column(n) => Ok(self.row.datum(*n)),
            Op::Constant(value) => Ok(Datum::of(value)),
            Op::Compare { by, op, sides } => {
                let order = self.order(*by, sides)?;
                Ok(condition(order.map(|order| is_so(*op, order))))
            }
            Op::And(parts) => self.all_or_any(parts, false),
            Op::Or(parts) => self.all_or_any(parts, true),
            Op::Not(of) => Ok(condition(truth(&self.eval(of)?).map(|b| !b))),
            Op::Coalesce(all) => {
                for part in all {
                    let value = self.eval(part)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                Ok(Datum::Null)
            }
            Op::Case {
                branches,
                otherwise,
            } => {
                for (when, then) in branches {
                    if truth(&self.eval(when)?) == Some(true) {
                        return self.eval(then);
                    }
                }
                self.eval(otherwise)
            }
            Op::Arithmetic { how, sides, at } => {
                let left = self.eval(&sides[0])?;
                let right = self.eval(&sides[1])?;
                if left.is_null() || right.is_null() {
                    return Ok(Datum::Null);
                }
                how.apply(&left, &right, &self.parts[*at].kind)
                    .map_err(|fault| self.failed(*at, fault))
            }
            Op::Cast {
                of,
                cast,
                attempt,
                at,
            } => match cast.apply(self.eval(of)?) {
                Ok(value) => Ok(value),
                Err(_) if *attempt => Ok(Datum::Null),
                Err(fault) => Err(self.failed(*at, fault)),
            },
            Op::Call {
                function,
                arguments,
                strict,
                at,
            } => {
                let mut all = [const { Datum::Null }; call::MOST_ARGUMENTS];
                for (i, (slot, argument)) in all.iter_mut().zip(arguments).enumerate() {
                    *slot = self.eval(argument)?;
                    if i < *strict && slot.is_null() {
                        return Ok(Datum::Null);
                    }
                }
                function
                    .apply(all, arguments.len(), &self.parts[*at].kind)
                    .map_err(|fault| self.failed(*at, fault))
            }
            other => self.rarer(other),
        }
    }

    fn rarer(self, op: &'a Op) -> Outcome<'a> {
        match op {
            Op::In { of, list, negated } => self.in_list(of, list, *negated),
            Op::Between { parts, by, negated } => self.between(parts, *by, *negated),
            Op::Like {
                of,
                pattern,
                negated,
            } => Ok(match self.eval(of)? {
                Datum::Null => Datum::Null,
                text => Datum::Boolean(pattern.matches(text.as_text()) != *negated),
            }),
            Op::IsNull { of, negated } => Ok(Datum::Boolean(self.eval(of)?.is_null() != *negated)),
            Op::Is { of, what } => Ok(Datum::Boolean(truth(&self.eval(of)?) == Some(*what))),
            Op::Distinct {
                by,
                distinct,
                sides,
            } => {
                let (left, right) = (self.eval(&sides[0])?, self.eval(&sides[1])?);
                let same = match (left.is_null(), right.is_null()) {
                    (false, false) => by.compare(&left, &right).is_eq(),
                    (left, right) => left == right,
                };
                Ok(Datum::Boolean(same != *distinct))
            }
            Op::NullIf { by, sides } => {
                let (left, right) = (self.eval(&sides[0])?, self.eval(&sides[1])?);
                let is_known = !left.is_null() && !right.is_null();
                let same = is_known && by.compare(&left, &right).is_eq();
                Ok(if same { Datum::Null } else { left })
            }
            Op::Extreme { by, all, greatest } => self.extreme(*by, all, *greatest),
            Op::Concat { all, at } => self.concat(all, *at),
            Op::Field { of, field } => {
                let part = self.eval(of)?.part(|value| match value {
                    Value::Row(fields) => fields.get(*field),
                    _ => None,
                });
                Ok(part)
            }
            // Those of `eval`.
            _ => Ok(Datum::Null),
        }
    }

    /// The order of two values; none where one of them is NULL.
    fn order(self, by: By, sides: &'a [Op; 2]) -> Result<Option<Ordering>, ValueError> {
        let left = self.eval(&sides[0])?;
        if left.is_null() {
            return Ok(None);
        }
        let right = self.eval(&sides[1])?;
        Ok((!right.is_null()).then(|| by.compare(&left, &right)))
    }

    /// `OR` is decided by one that holds, `AND` by one that does not.
    fn all_or_any(self, parts: &'a [Op], decides: bool) -> Outcome<'a> {
        let mut is_known = true;
        for part in parts {
            match truth(&self.eval(part)?) {
                Some(b) if b == decides => return Ok(Datum::Boolean(decides)),
                Some(_) => {}
                None => is_known = false,
            }
        }
        Ok(condition(is_known.then_some(!decides)))
    }

    fn in_list(self, of: &'a Op, list: &'a [(By, Op)], negated: bool) -> Outcome<'a> {
        let wanted = self.eval(of)?;
        if wanted.is_null() {
            return Ok(Datum::Null);
        }
        let mut is_known = true;
        for (by, one) in list {
            let one = self.eval(one)?;
            if one.is_null() {
                is_known = false;
            } else if by.compare(&wanted, &one).is_eq() {
                return Ok(Datum::Boolean(!negated));
            }
        }
        Ok(condition(is_known.then_some(negated)))
    }

    fn between(self, parts: &'a [Op; 3], by: [By; 2], negated: bool) -> Outcome<'a> {
        let of = self.eval(&parts[0])?;
        if of.is_null() {
            return Ok(Datum::Null);
        }
        let within = |end: Datum<'_>, by: By, wrong: Ordering| {
            (!end.is_null()).then(|| by.compare(&of, &end) != wrong)
        };
        let low = within(self.eval(&parts[1])?, by[0], Ordering::Less);
        let high = within(self.eval(&parts[2])?, by[1], Ordering::Greater);
        let both = match (low, high) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        Ok(condition(both.map(|b| b != negated)))
    }

    fn extreme(self, by: By, all: &'a [Op], greatest: bool) -> Outcome<'a> {
        let mut best = Datum::Null;
        for (i, one) in all.iter().enumerate() {
            let one = self.eval(one)?;
            if one.is_null() {
                return Ok(Datum::Null);
            }
            if i == 0
                || by.compare(&one, &best).is_gt() == greatest && by.compare(&one, &best).is_ne()
            {
                best = one;
            }
        }
        Ok(best)
    }

    fn concat(self, all: &'a [Op], at: usize) -> Outcome<'a> {
        let mut out = String::new();
        for part in all {
            let part = self.eval(part)?;
            if part.is_null() {
                return Ok(Datum::Null);
            }
            let text = part.as_text();
            if out.len() + text.len() > MOST {
                return Err(self.failed(at, Fault::TooLong));
            }
            out.push_str(text);
        }
        Ok(Datum::Text(Cow::Owned(out)))
    }
}
