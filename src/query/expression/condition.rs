//! Comparisons and what is made of them.

use sqlparser::ast::{BinaryOperator, Expr as Sql, Value as Literal};
use standings_model::expr::{Comparison, Expr, Function, LikePattern, LikeStep, Node};
use standings_model::types::Type;
use standings_model::value::Value;

use super::literal::cast;
use super::{Binder, Bound, kinds, place, shown};
use crate::error::QueryError;

/// A text is compared with a pattern from many of its characters on: both long would take minutes.
const LONGEST_PATTERN: usize = 1000;

/// The comparison that an operator is.
pub(super) fn comparison(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::Eq => Comparison::Eq,
        BinaryOperator::NotEq => Comparison::Ne,
        BinaryOperator::Lt => Comparison::Lt,
        BinaryOperator::LtEq => Comparison::Le,
        BinaryOperator::Gt => Comparison::Gt,
        BinaryOperator::GtEq => Comparison::Ge,
        _ => return None,
    })
}

fn condition_of(node: Node, nullable: bool) -> Expr {
    Expr {
        node,
        kind: Type::Boolean,
        nullable,
    }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr.node, Node::Literal(_))
}

impl Binder<'_> {
    /// A chain of `AND`, or of `OR`, as one: it is as long as it is, and not as deep.
    pub(super) fn chain(&self, sql: &Sql, op: &BinaryOperator) -> Bound {
        let mut parts = Vec::new();
        let mut at = sql;
        while let Sql::BinaryOp {
            left,
            op: own,
            right,
        } = at
            && own == op
        {
            parts.push(&**right);
            at = left;
        }
        parts.push(at);
        let parts = parts.into_iter().rev().map(|p| self.condition(p));
        let parts: Vec<Expr> = parts.collect::<Result<_, _>>()?;
        let nullable = parts.iter().any(|p| p.nullable);
        let node = match op {
            BinaryOperator::And => Node::And(parts),
            _ => Node::Or(parts),
        };
        Ok(condition_of(node, nullable))
    }

    pub(super) fn not(&self, of: &Sql) -> Bound {
        let of = self.condition(of)?;
        let nullable = of.nullable;
        Ok(condition_of(Node::Not(Box::new(of)), nullable))
    }

    pub(super) fn compare(&self, sql: &Sql, left: &Sql, op: Comparison, right: &Sql) -> Bound {
        let (left, right) = self.together(sql, left, right)?;
        for (side, other) in [(&left, &right), (&right, &left)] {
            let is_null = matches!(side.node, Node::Literal(Value::Null));
            if is_null && !is_literal(other) {
                return Err(self.refuse(
                    sql,
                    "a comparison with NULL is never true; write IS NULL or IS NOT NULL",
                ));
            }
        }
        Ok(compared(left, op, right))
    }

    /// Two sides of types that compare, literals folded to the other's.
    pub(super) fn together(
        &self,
        whole: &Sql,
        left: &Sql,
        right: &Sql,
    ) -> Result<(Expr, Expr), QueryError> {
        let (a, b) = (self.expr(left)?, self.expr(right)?);
        self.paired(whole, (left, a), (right, b))
    }

    pub(super) fn paired(
        &self,
        whole: &Sql,
        (left_sql, left): (&Sql, Expr),
        (right_sql, right): (&Sql, Expr),
    ) -> Result<(Expr, Expr), QueryError> {
        let right = self.beside(right_sql, right, &left)?;
        let left = self.beside(left_sql, left, &right)?;
        let is_nested = left.kind.is_nested() || right.kind.is_nested();
        if is_nested {
            return Err(self.refuse(
                whole,
                "rows, arrays and maps do not compare: compare their parts",
            ));
        }
        let Some(common) = kinds::common(&left.kind, &right.kind) else {
            return Err(self.mismatch(whole, (left_sql, &left.kind), (right_sql, &right.kind)));
        };
        Ok((timed(left, &common), timed(right, &common)))
    }

    /// A literal, of the type of what it stands beside where that is exact.
    pub(super) fn beside(&self, sql: &Sql, expr: Expr, other: &Expr) -> Bound {
        if !is_literal(&expr) || is_literal(other) || expr.kind == Type::Null {
            return Ok(expr);
        }
        if let Some(folded) = self.folded(&expr, &other.kind) {
            return Ok(folded);
        }
        let is_time = other.kind.is_event_time() || other.kind == Type::Time;
        match expr.kind.is_text() && is_time {
            true => Err(self.no_time(sql, &other.kind)),
            false => Ok(expr),
        }
    }

    /// Two types that do not go together, and the CAST to write.
    pub(super) fn mismatch(
        &self,
        whole: &Sql,
        (left_sql, left): (&Sql, &Type),
        (right_sql, right): (&Sql, &Type),
    ) -> QueryError {
        // What is text becomes what the other is; a literal is written otherwise.
        let (text_sql, other) = match (left.is_text(), right.is_text()) {
            (false, true) => (right_sql, left),
            _ => (left_sql, right),
        };
        let literal = match text_sql {
            Sql::Value(v) => match &v.value {
                Literal::SingleQuotedString(text) if left.is_text() != right.is_text() => {
                    Some(text)
                }
                _ => None,
            },
            _ => None,
        };
        let allowed = match literal {
            Some(text)
                if other.is_number() && standings_scalar::number::parse::double(text).is_ok() =>
            {
                format!("values of one kind: write {} without quotes", text.trim())
            }
            Some(_) => format!("values of one kind: write a literal of {other}"),
            None => format!(
                "values of one kind: write CAST({} AS {other}), or TRY_CAST where some do not fit",
                shown(text_sql)
            ),
        };
        self.error(
            place(whole),
            format!("`{}` takes {left} and {right} together", shown(whole)),
            allowed,
        )
    }

    /// `IN`, `BETWEEN`, `LIKE`, `IS …`.
    pub(super) fn predicate(&self, sql: &Sql) -> Bound {
        let is = |of: &Sql, function, negated: bool| {
            let of = self.condition(of)?;
            let is = Expr::call(function, vec![of], Type::Boolean);
            Ok(match negated {
                true => condition_of(Node::Not(Box::new(is)), false),
                false => is,
            })
        };
        let null = |of: Expr, negated: bool| {
            let of = Box::new(of);
            Ok(condition_of(Node::IsNull { of, negated }, false))
        };
        let distinct = |left: &Sql, right: &Sql, function| {
            let (left, right) = self.together(sql, left, right)?;
            Ok(Expr::call(function, vec![left, right], Type::Boolean))
        };
        match sql {
            Sql::IsNull(of) => null(self.expr(of)?, false),
            Sql::IsNotNull(of) => null(self.expr(of)?, true),
            Sql::IsUnknown(of) => null(self.condition(of)?, false),
            Sql::IsNotUnknown(of) => null(self.condition(of)?, true),
            Sql::IsTrue(of) => is(of, Function::IsTrue, false),
            Sql::IsNotTrue(of) => is(of, Function::IsTrue, true),
            Sql::IsFalse(of) => is(of, Function::IsFalse, false),
            Sql::IsNotFalse(of) => is(of, Function::IsFalse, true),
            Sql::IsDistinctFrom(left, right) => distinct(left, right, Function::Distinct),
            Sql::IsNotDistinctFrom(left, right) => distinct(left, right, Function::NotDistinct),
            Sql::InList {
                expr,
                list,
                negated,
            } => self.in_list(sql, expr, list, *negated),
            Sql::Between {
                expr,
                negated,
                low,
                high,
            } => self.between(sql, expr, *negated, (low, high)),
            Sql::Like {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => {
                let of = self.expr(expr)?;
                if !of.kind.is_text() && of.kind != Type::Null {
                    let found = format!("LIKE on `{}`, which is {}", shown(expr), of.kind);
                    let allowed = format!(
                        "LIKE is for texts: write CAST({} AS STRING) LIKE …",
                        shown(expr)
                    );
                    return Err(self.error(place(expr), found, allowed));
                }
                let nullable = of.nullable;
                let node = Node::Like {
                    of: Box::new(of),
                    pattern: self.pattern(pattern, escape_char.as_deref())?,
                    negated: *negated,
                };
                Ok(condition_of(node, nullable))
            }
            _ => Err(self.refuse(
                sql,
                "conditions are = <> < <= > >=, IN, LIKE, BETWEEN, IS [NOT] NULL",
            )),
        }
    }

    fn in_list(&self, sql: &Sql, of: &Sql, list: &[Sql], negated: bool) -> Bound {
        let of_sql = of;
        let mut of = self.expr(of)?;
        let mut all = Vec::with_capacity(list.len());
        for one_sql in list {
            let one = self.expr(one_sql)?;
            let (left, right) = self.paired(sql, (of_sql, of.clone()), (one_sql, one))?;
            // Where one of them makes it a time of another kind, it is so for all.
            of = left;
            all.push(right);
        }
        let nullable = of.nullable || all.iter().any(|e| e.nullable);
        let all = all.into_iter().map(|e| timed(e, &of.kind)).collect();
        let node = Node::In {
            of: Box::new(of),
            list: all,
            negated,
        };
        Ok(condition_of(node, nullable))
    }

    fn between(&self, sql: &Sql, of: &Sql, negated: bool, (low, high): (&Sql, &Sql)) -> Bound {
        let (a, b, c) = (self.expr(of)?, self.expr(low)?, self.expr(high)?);
        // `10 BETWEEN low AND high`: of the type of one that is no literal.
        let a = if is_literal(&a) {
            let typed = [&b, &c].into_iter().find(|e| !is_literal(e));
            match typed {
                Some(typed) => self.beside(of, a, typed)?,
                None => a,
            }
        } else {
            a
        };
        let (a, b) = self.paired(sql, (of, a), (low, b))?;
        let (a, c) = self.paired(sql, (of, a), (high, c))?;
        let b = timed(b, &a.kind);
        let nullable = a.nullable || b.nullable || c.nullable;
        let node = Node::Between {
            of: Box::new(a),
            low: Box::new(b),
            high: Box::new(c),
            negated,
        };
        Ok(condition_of(node, nullable))
    }

    fn pattern(&self, pattern: &Sql, escape: Option<&Sql>) -> Result<LikePattern, QueryError> {
        let string = |sql: &Sql| match sql {
            Sql::Value(v) => match &v.value {
                Literal::SingleQuotedString(s) => Ok(s.clone()),
                _ => Err(self.refuse(sql, "LIKE takes 'a pattern' of text, % and _")),
            },
            _ => Err(self.refuse(sql, "LIKE takes 'a pattern' of text, % and _")),
        };
        let escape = match escape {
            Some(sql) => {
                let text = string(sql)?;
                let mut chars = text.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => Some(c),
                    _ => return Err(self.refuse(sql, "ESCAPE takes one character")),
                }
            }
            None => None,
        };
        let source = string(pattern)?;
        if source.chars().count() > LONGEST_PATTERN {
            let allowed = format!("a pattern of at most {LONGEST_PATTERN} characters");
            return Err(self.refuse(pattern, allowed));
        }
        let mut steps = Vec::new();
        let mut chars = source.chars();
        while let Some(c) = chars.next() {
            steps.push(match c {
                c if Some(c) == escape => match chars.next() {
                    Some(next @ ('%' | '_')) => LikeStep::Char(next),
                    Some(next) if Some(next) == escape => LikeStep::Char(next),
                    _ => {
                        return Err(
                            self.refuse(pattern, "after the escape character comes %, _ or itself")
                        );
                    }
                },
                '%' => LikeStep::Any,
                '_' => LikeStep::One,
                c => LikeStep::Char(c),
            });
        }
        Ok(LikePattern(steps))
    }
}

/// `left op right`.
pub(super) fn compared(left: Expr, op: Comparison, right: Expr) -> Expr {
    let nullable = left.nullable || right.nullable;
    let node = Node::Compare {
        left: Box::new(left),
        op,
        right: Box::new(right),
    };
    condition_of(node, nullable)
}

/// A date or a local time as the other kind of time that it is compared with. Numbers and texts compare as they are.
fn timed(expr: Expr, common: &Type) -> Expr {
    let rank = |kind: &Type| match kind {
        Type::Date => 1,
        Type::Timestamp(_) => 2,
        Type::Instant(_) => 3,
        _ => 0,
    };
    if rank(&expr.kind) > 0 && rank(&expr.kind) < rank(common) {
        return cast(expr, &widest(common));
    }
    if expr.kind == Type::Null {
        return Expr::literal(Value::Null, common.clone());
    }
    expr
}

/// Without cutting digits of a second.
fn widest(kind: &Type) -> Type {
    match kind {
        Type::Timestamp(_) => Type::Timestamp(6),
        Type::Instant(_) => Type::Instant(6),
        other => other.clone(),
    }
}
