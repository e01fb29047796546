//! From the typed tree to what is done.

use standings_model::expr::{Expr, Function, Node};
use standings_model::types::Type;
use standings_model::value::Value;

use super::arithmetic::Arithmetic;
use super::eval::Run;
use super::prepare::{self, Prepared};
use super::{Op, Part};
use crate::cast::Cast;
use crate::compare::By;
use crate::{Datum, Zone};

pub(super) struct Compiler<'a> {
    pub zone: &'a Zone,
    pub name: &'a dyn Fn(usize) -> String,
    pub parts: Vec<Part>,
}

impl Compiler<'_> {
    /// What is done, and whether it is the same for every row.
    pub fn op(&mut self, expr: &Expr) -> (Op, bool) {
        let (op, constant) = self.unfolded(expr);
        if constant && !matches!(op, Op::Constant(_)) {
            let none: &[Datum<'_>] = &[];
            let run = Run {
                parts: &self.parts,
                row: none,
            };
            // What fails, fails for every row that comes to it.
            let value = run.eval(&op).map(|v| v.into_value(&expr.kind));
            if let Ok(value) = value {
                return (Op::Constant(value), true);
            }
        }
        (op, constant)
    }

    fn one(&mut self, expr: &Expr) -> (Box<Op>, bool) {
        let (op, constant) = self.op(expr);
        (Box::new(op), constant)
    }

    fn all(&mut self, exprs: &[Expr]) -> (Box<[Op]>, bool) {
        let mut constant = true;
        let ops = exprs.iter().map(|e| {
            let (op, is) = self.op(e);
            constant &= is;
            op
        });
        (ops.collect(), constant)
    }

    fn pair(&mut self, left: &Expr, right: &Expr) -> (Box<[Op; 2]>, bool) {
        let ((left, a), (right, b)) = (self.op(left), self.op(right));
        (Box::new([left, right]), a && b)
    }

    /// The number of an expression that can fail.
    fn part(&mut self, expr: &Expr) -> usize {
        self.parts.push(Part {
            text: crate::sql(expr, self.name).into(),
            kind: expr.kind.clone(),
        });
        self.parts.len() - 1
    }

    fn unfolded(&mut self, expr: &Expr) -> (Op, bool) {
        match &expr.node {
            Node::Column(n) => (Op::Column(*n), false),
            Node::Literal(value) => (Op::Constant(value.clone()), true),
            Node::And(parts) => {
                let (parts, constant) = self.all(parts);
                (Op::And(parts), constant)
            }
            Node::Or(parts) => {
                let (parts, constant) = self.all(parts);
                (Op::Or(parts), constant)
            }
            Node::Not(of) => {
                let (of, constant) = self.one(of);
                (Op::Not(of), constant)
            }
            Node::Compare { left, op, right } => {
                let by = By::of(&left.kind, &right.kind);
                let (sides, constant) = self.pair(left, right);
                (Op::Compare { by, op: *op, sides }, constant)
            }
            Node::In { of, list, negated } => self.in_list(of, list, *negated),
            Node::Between { .. } | Node::Like { .. } | Node::IsNull { .. } => self.condition(expr),
            Node::Case {
                branches,
                otherwise,
            } => self.case(branches, otherwise.as_deref()),
            Node::Cast { of, attempt } => {
                let at = self.part(expr);
                let cast = Box::new(Cast::new(&of.kind, &expr.kind, self.zone));
                let (of, constant) = self.one(of);
                let attempt = *attempt;
                (
                    Op::Cast {
                        of,
                        cast,
                        attempt,
                        at,
                    },
                    constant,
                )
            }
            Node::Field { of, field } => {
                let (of, constant) = self.one(of);
                (Op::Field { of, field: *field }, constant)
            }
            Node::Call {
                function,
                arguments,
            } => self.call(expr, *function, arguments),
        }
    }

    fn in_list(&mut self, of: &Expr, list: &[Expr], negated: bool) -> (Op, bool) {
        let kinds = list.iter().map(|e| By::of(&of.kind, &e.kind));
        let by: Vec<By> = kinds.collect();
        let (of, a) = self.one(of);
        let (list, b) = self.all(list);
        let list = by.into_iter().zip(list).collect();
        (Op::In { of, list, negated }, a && b)
    }

    fn condition(&mut self, expr: &Expr) -> (Op, bool) {
        match &expr.node {
            Node::Between {
                of,
                low,
                high,
                negated,
            } => {
                let by = [By::of(&of.kind, &low.kind), By::of(&of.kind, &high.kind)];
                let (of, a) = self.op(of);
                let (ends, b) = self.pair(low, high);
                let [low, high] = *ends;
                let parts = Box::new([of, low, high]);
                let negated = *negated;
                (Op::Between { parts, by, negated }, a && b)
            }
            Node::Like {
                of,
                pattern,
                negated,
            } => {
                let (of, constant) = self.one(of);
                let (pattern, negated) = (pattern.clone(), *negated);
                (
                    Op::Like {
                        of,
                        pattern,
                        negated,
                    },
                    constant,
                )
            }
            Node::IsNull { of, negated } => {
                let (of, constant) = self.one(of);
                let negated = *negated;
                (Op::IsNull { of, negated }, constant)
            }
            _ => (Op::Constant(Value::Null), true),
        }
    }

    fn case(&mut self, branches: &[(Expr, Expr)], otherwise: Option<&Expr>) -> (Op, bool) {
        let mut constant = true;
        let mut all = Vec::with_capacity(branches.len());
        for (when, then) in branches {
            let ((when, a), (then, b)) = (self.op(when), self.op(then));
            constant &= a && b;
            all.push((when, then));
        }
        let (otherwise, is) = match otherwise {
            Some(otherwise) => self.one(otherwise),
            None => (Box::new(Op::Constant(Value::Null)), true),
        };
        let branches = all.into();
        (
            Op::Case {
                branches,
                otherwise,
            },
            constant && is,
        )
    }

    fn call(&mut self, expr: &Expr, function: Function, arguments: &[Expr]) -> (Op, bool) {
        let kinds: Vec<&Type> = arguments.iter().map(|a| &a.kind).collect();
        if let (Some(how), [left, right]) =
            (Arithmetic::of(function, &kinds, &expr.kind), arguments)
        {
            let at = self.part(expr);
            let (sides, constant) = self.pair(left, right);
            return (Op::Arithmetic { how, sides, at }, constant);
        }
        match (function, arguments) {
            (Function::Distinct | Function::NotDistinct, [left, right]) => {
                let by = By::of(&left.kind, &right.kind);
                let distinct = function == Function::Distinct;
                let (sides, constant) = self.pair(left, right);
                (
                    Op::Distinct {
                        by,
                        distinct,
                        sides,
                    },
                    constant,
                )
            }
            (Function::NullIf, [left, right]) => {
                let by = By::of(&left.kind, &right.kind);
                let (sides, constant) = self.pair(left, right);
                (Op::NullIf { by, sides }, constant)
            }
            (Function::IsTrue | Function::IsFalse, [of]) => {
                let (of, constant) = self.one(of);
                let what = function == Function::IsTrue;
                (Op::Is { of, what }, constant)
            }
            (Function::Coalesce, _) => {
                let (all, constant) = self.all(arguments);
                (Op::Coalesce(all), constant)
            }
            (Function::Greatest | Function::Least, _) => {
                let by = By::of(&expr.kind, &expr.kind);
                let (all, constant) = self.all(arguments);
                let greatest = function == Function::Greatest;
                (Op::Extreme { by, all, greatest }, constant)
            }
            (Function::Concat, _) => {
                let at = self.part(expr);
                let (all, constant) = self.all(arguments);
                (Op::Concat { all, at }, constant)
            }
            _ => {
                let at = self.part(expr);
                let function = Box::new(Prepared::of(function, arguments, self.zone));
                let strict = prepare::strict(&function, arguments.len());
                let (arguments, constant) = self.all(arguments);
                (
                    Op::Call {
                        function,
                        arguments,
                        strict,
                        at,
                    },
                    constant,
                )
            }
        }
    }
}
