//! Conditions on a sale's columns: `WHERE` and `FILTER (WHERE …)`.
//!
//! SQL's three-valued logic: a comparison with NULL is unknown, and only *true* lets a sale through.

use std::cmp::Ordering;

use super::value::Value;

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// A column of the sale (by number in the schema) or a literal of the same type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Column number.
    Column(usize),
    /// A literal, already converted to the type it is compared with.
    Literal(Value),
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// All hold.
    And(Vec<Expr>),
    /// One holds.
    Or(Vec<Expr>),
    /// Does not hold.
    Not(Box<Expr>),
    /// `left op right`.
    Compare {
        /// Left side.
        left: Operand,
        /// Operator.
        op: Comparison,
        /// Right side.
        right: Operand,
    },
    /// `operand [NOT] IN (list)`.
    In {
        /// What is looked for.
        operand: Operand,
        /// Literals of the operand's type.
        list: Vec<Value>,
        /// `NOT IN`.
        negated: bool,
    },
    /// `operand [NOT] BETWEEN low AND high`, both ends included.
    Between {
        /// What is tested.
        operand: Operand,
        /// Least.
        low: Operand,
        /// Greatest.
        high: Operand,
        /// `NOT BETWEEN`.
        negated: bool,
    },
    /// `column [NOT] LIKE 'pattern' [ESCAPE 'c']` on a text column.
    Like {
        /// Column number.
        column: usize,
        /// The compiled pattern.
        pattern: LikePattern,
        /// `NOT LIKE`.
        negated: bool,
    },
    /// `column IS [NOT] NULL`.
    IsNull {
        /// Column number.
        column: usize,
        /// `IS NOT NULL`.
        negated: bool,
    },
}

/// One step of a `LIKE` pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LikeStep {
    /// `%`: any run of characters, also none.
    Any,
    /// `_`: exactly one character.
    One,
    /// This character.
    Char(char),
}

/// A compiled `LIKE` pattern; case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LikePattern(pub Vec<LikeStep>);

impl LikePattern {
    /// Whether the whole of `text` matches. Linear in `text` times the number of `%`, without recursion.
    pub fn matches(&self, text: &str) -> bool {
        let steps = &self.0;
        let mut chars = text.chars();
        let mut at = 0;
        // Where to go back to after a mismatch: the step after the last `%`, and the text it was tried at.
        let mut back: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if let Some(LikeStep::Any) = steps.get(at) {
                at += 1;
                back = Some((at, chars.clone()));
                continue;
            }
            let rest = chars.clone();
            match (steps.get(at), chars.next()) {
                (None, None) => return true,
                (Some(LikeStep::One), Some(_)) => at += 1,
                (Some(LikeStep::Char(want)), Some(have)) if *want == have => at += 1,
                (_, have) => match &mut back {
                    Some((step, from)) => {
                        if have.is_none() && rest.as_str().is_empty() && from.as_str().is_empty() {
                            return false;
                        }
                        if from.next().is_none() {
                            return false;
                        }
                        at = *step;
                        chars = from.clone();
                    }
                    None => return false,
                },
            }
        }
    }
}

/// `value IN (list)`: unknown where it is none of them, and any of both sides is NULL.
fn is_in(value: &Value, list: &[Value]) -> Option<bool> {
    let mut unknown = value.is_null();
    for item in list {
        match compare(value, item) {
            Some(Ordering::Equal) => return Some(true),
            None => unknown = true,
            _ => {}
        }
    }
    (!unknown).then_some(false)
}

/// `value BETWEEN low AND high`: false where one bound says so, whatever the other is.
fn is_between(value: &Value, low: &Value, high: &Value) -> Option<bool> {
    let above = compare(value, low).map(|o| o != Ordering::Less);
    let below = compare(value, high).map(|o| o != Ordering::Greater);
    match (above, below) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

impl Expr {
    /// Evaluates over the sale whose column `i` is `column(i)`: `None` is SQL's unknown.
    pub fn eval(&self, column: &dyn Fn(usize) -> Value) -> Option<bool> {
        let get = |operand: &Operand| match operand {
            Operand::Column(i) => column(*i),
            Operand::Literal(v) => v.clone(),
        };
        match self {
            Expr::And(all) => {
                let mut unknown = false;
                for e in all {
                    match e.eval(column) {
                        Some(false) => return Some(false),
                        None => unknown = true,
                        Some(true) => {}
                    }
                }
                if unknown { None } else { Some(true) }
            }
            Expr::Or(any) => {
                let mut unknown = false;
                for e in any {
                    match e.eval(column) {
                        Some(true) => return Some(true),
                        None => unknown = true,
                        Some(false) => {}
                    }
                }
                if unknown { None } else { Some(false) }
            }
            Expr::Not(e) => e.eval(column).map(|b| !b),
            Expr::Compare { left, op, right } => {
                compare(&get(left), &get(right)).map(|o| match op {
                    Comparison::Eq => o == Ordering::Equal,
                    Comparison::Ne => o != Ordering::Equal,
                    Comparison::Lt => o == Ordering::Less,
                    Comparison::Le => o != Ordering::Greater,
                    Comparison::Gt => o == Ordering::Greater,
                    Comparison::Ge => o != Ordering::Less,
                })
            }
            Expr::In {
                operand,
                list,
                negated,
            } => is_in(&get(operand), list).map(|b| b != *negated),
            Expr::Between {
                operand,
                low,
                high,
                negated,
            } => is_between(&get(operand), &get(low), &get(high)).map(|b| b != *negated),
            Expr::Like {
                column: c,
                pattern,
                negated,
            } => match column(*c) {
                Value::Text(t) => Some(pattern.matches(&t) != *negated),
                _ => None,
            },
            Expr::IsNull { column: c, negated } => Some(column(*c).is_null() != *negated),
        }
    }

    /// Whether the sale passes: only *true* does.
    pub fn passes(&self, column: &dyn Fn(usize) -> Value) -> bool {
        self.eval(column) == Some(true)
    }
}

/// SQL comparison: unknown with NULL. Whole numbers and decimals compare by value.
fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Integer(x), Value::Decimal(y)) => x.checked_mul(100).map(|x| x.cmp(y)),
        (Value::Decimal(x), Value::Integer(y)) => y.checked_mul(100).map(|y| x.cmp(&y)),
        (a, b) => Some(a.cmp(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(pattern: &str) -> LikePattern {
        LikePattern(
            pattern
                .chars()
                .map(|c| match c {
                    '%' => LikeStep::Any,
                    '_' => LikeStep::One,
                    c => LikeStep::Char(c),
                })
                .collect(),
        )
    }

    #[test]
    fn like_matches_whole_text() {
        for (pattern, text, want) in [
            ("", "", true),
            ("", "a", false),
            ("%", "", true),
            ("a%", "abc", true),
            ("%c", "abc", true),
            ("%b%", "abc", true),
            ("a_c", "abc", true),
            ("a_c", "ac", false),
            ("%a%a%", "aa", true),
            ("%ab", "aab", true),
            ("%_", "", false),
            ("%_", "é", true),
            ("São%", "São Paulo", true),
            ("%ab%cd", "abxabcd", true),
            ("%ab%cd", "abxabc", false),
        ] {
            assert_eq!(like(pattern).matches(text), want, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn unknown_is_not_true() {
        let is_one = Expr::Compare {
            left: Operand::Column(0),
            op: Comparison::Eq,
            right: Operand::Literal(Value::Integer(1)),
        };
        let null = |_| Value::Null;
        assert_eq!(is_one.eval(&null), None);
        assert_eq!(Expr::Not(Box::new(is_one)).eval(&null), None);
    }
}
