//! An expression, ready to be evaluated once a record.
//!
//! 1. What is the same for every row is done once: patterns, paths, zones, and all that reads no column.
//! 2. Reading a column, comparing, arithmetic, `CASE`, `COALESCE` and cutting texts copy nothing.
//! 3. `CASE` and `COALESCE` evaluate the branch that is taken alone; `AND` and `OR` stop at what decides them. An error in
//!    what is not evaluated is none.

mod arithmetic;
mod call;
mod compile;
mod eval;
mod prepare;

use std::sync::Arc;

use standings_model::expr::{Comparison, Expr, LikePattern};
use standings_model::types::Type;
use standings_model::value::Value;

use self::arithmetic::Arithmetic;
use self::prepare::Prepared;
use crate::cast::Cast;
use crate::compare::By;
use crate::{Datum, Row, ValueError, Zone};

/// An expression, compiled.
#[derive(Debug)]
pub struct Program {
    op: Op,
    /// What can fail, by its number.
    parts: Vec<Part>,
}

/// An expression that can fail, for its message.
#[derive(Debug)]
struct Part {
    text: Arc<str>,
    kind: Type,
}

/// What is done.
#[derive(Debug)]
enum Op {
    Column(usize),
    Constant(Value),
    And(Box<[Op]>),
    Or(Box<[Op]>),
    Not(Box<Op>),
    Compare {
        by: By,
        op: Comparison,
        sides: Box<[Op; 2]>,
    },
    /// Whether both are the same, or not the same; NULL is the same as NULL.
    Distinct {
        by: By,
        distinct: bool,
        sides: Box<[Op; 2]>,
    },
    In {
        of: Box<Op>,
        list: Box<[(By, Op)]>,
        negated: bool,
    },
    Between {
        parts: Box<[Op; 3]>,
        by: [By; 2],
        negated: bool,
    },
    Like {
        of: Box<Op>,
        pattern: LikePattern,
        negated: bool,
    },
    IsNull {
        of: Box<Op>,
        negated: bool,
    },
    Is {
        of: Box<Op>,
        what: bool,
    },
    Case {
        branches: Box<[(Op, Op)]>,
        otherwise: Box<Op>,
    },
    Coalesce(Box<[Op]>),
    NullIf {
        by: By,
        sides: Box<[Op; 2]>,
    },
    Extreme {
        by: By,
        all: Box<[Op]>,
        greatest: bool,
    },
    Concat {
        all: Box<[Op]>,
        at: usize,
    },
    Field {
        of: Box<Op>,
        field: usize,
    },
    Cast {
        of: Box<Op>,
        cast: Box<Cast>,
        attempt: bool,
        at: usize,
    },
    Arithmetic {
        how: Arithmetic,
        sides: Box<[Op; 2]>,
        at: usize,
    },
    Call {
        function: Box<Prepared>,
        arguments: Box<[Op]>,
        /// Of so many arguments NULL gives NULL.
        strict: usize,
        at: usize,
    },
}

impl Program {
    /// Of an expression; local times are those of `zone`, and `name` is that of a column, for messages.
    pub fn new(expr: &Expr, zone: &Zone, name: &dyn Fn(usize) -> String) -> Program {
        let mut compiler = compile::Compiler {
            zone,
            name,
            parts: Vec::new(),
        };
        let (op, _) = compiler.op(expr);
        Program {
            op,
            parts: compiler.parts,
        }
    }

    /// What it comes to for a row.
    #[inline]
    pub fn eval<'a, R: Row + ?Sized>(&'a self, row: &'a R) -> Result<Datum<'a>, ValueError> {
        let run = eval::Run {
            parts: &self.parts,
            row,
        };
        run.eval(&self.op)
    }

    /// Whether a condition holds: NULL does not.
    #[inline]
    pub fn holds<R: Row + ?Sized>(&self, row: &R) -> Result<bool, ValueError> {
        Ok(matches!(self.eval(row)?, Datum::Boolean(true)))
    }
}
