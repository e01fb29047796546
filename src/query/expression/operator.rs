//! Operators: arithmetic of numbers, of times with intervals, `||`, `->` and `->>`.

use sqlparser::ast::{BinaryOperator, Expr as Sql, Value as Literal};
use standings_model::expr::{Expr, Function, Node};
use standings_model::types::Type;
use standings_model::value::Value;
use standings_scalar::time::{DAY, SECOND};

use super::condition::comparison;
use super::literal::cast;
use super::{Binder, Bound, EXPRESSIONS, kinds, place, shown};

impl Binder<'_> {
    pub(super) fn binary(&self, sql: &Sql, left: &Sql, op: &BinaryOperator, right: &Sql) -> Bound {
        if let Some(comparison) = comparison(op) {
            return self.compare(sql, left, comparison, right);
        }
        match op {
            BinaryOperator::And | BinaryOperator::Or => self.chain(sql, op),
            BinaryOperator::StringConcat => {
                let mut parts = vec![right];
                let mut at = left;
                while let Sql::BinaryOp {
                    left,
                    op: BinaryOperator::StringConcat,
                    right,
                } = at
                {
                    parts.push(right);
                    at = left;
                }
                parts.push(at);
                parts.reverse();
                self.concat(sql, &parts)
            }
            BinaryOperator::Arrow => self.json(left, right, Function::JsonGet),
            BinaryOperator::LongArrow => self.json(left, right, Function::JsonGetText),
            op if arithmetic(op).is_some() => self.sum(sql),
            _ => {
                let found = format!("the operator {op}");
                Err(self.error(place(sql), found, EXPRESSIONS))
            }
        }
    }

    /// A chain of arithmetic, from the left.
    fn sum(&self, sql: &Sql) -> Bound {
        let mut links = Vec::new();
        let mut at = sql;
        while let Sql::BinaryOp { left, op, right } = at
            && let Some(function) = arithmetic(op)
        {
            links.push((at, function, &**left, &**right));
            at = left;
        }
        let mut expr = self.deeper(sql, links.len(), || self.expr(at))?;
        for (whole, function, left, right) in links.into_iter().rev() {
            let other = self.expr(right)?;
            expr = self.arithmetic(whole, function, (left, expr), (right, other))?;
        }
        Ok(expr)
    }

    /// `left op right` of numbers, or of a time and an interval.
    pub(super) fn arithmetic(
        &self,
        sql: &Sql,
        function: Function,
        (left, a): (&Sql, Expr),
        (right, b): (&Sql, Expr),
    ) -> Bound {
        let is_interval = |e: &Expr| matches!(e.kind, Type::Months | Type::Span);
        if is_interval(&a) || is_interval(&b) {
            return self.of_times(sql, function, a, b);
        }
        let is_time = |e: &Expr| e.kind.is_event_time() || e.kind == Type::Time;
        if is_time(&a) && is_time(&b) && function == Function::Subtract {
            return Err(self.refuse(
                sql,
                "times are not taken from each other: write (EXTRACT(EPOCH FROM a) - EXTRACT(EPOCH FROM b)), in seconds",
            ));
        }
        if is_time(&a) {
            return Err(self.refuse(
                sql,
                "to a time an interval is added, such as INTERVAL '1' DAY",
            ));
        }
        self.number(left, &a)?;
        self.number(right, &b)?;
        let kind = kinds::arithmetic(function, &a.kind, &b.kind);
        if kind == Type::Null {
            return Ok(self.null(&Type::Null));
        }
        Ok(Expr::call(function, vec![a, b], kind))
    }

    /// A time and an interval, or two intervals.
    fn of_times(&self, sql: &Sql, function: Function, a: Expr, b: Expr) -> Bound {
        let wrong = "an interval is added to, or taken from, a DATE, a TIMESTAMP or a TIMESTAMP_LTZ; INTERVAL '1' DAY";
        if !matches!(function, Function::Add | Function::Subtract) {
            return Err(self.refuse(sql, wrong));
        }
        let is_interval = |e: &Expr| matches!(e.kind, Type::Months | Type::Span);
        if is_interval(&a) && is_interval(&b) {
            return match (&a.node, &b.node) {
                (Node::Literal(Value::Integer(x)), Node::Literal(Value::Integer(y)))
                    if a.kind == b.kind =>
                {
                    let sum = if function == Function::Add {
                        x + y
                    } else {
                        x - y
                    };
                    Ok(Expr::literal(Value::Integer(sum), a.kind.clone()))
                }
                _ => Err(self.refuse(sql, wrong)),
            };
        }
        // An interval and a time is the time and the interval.
        let (time, interval) = match is_interval(&a) {
            true if function == Function::Add => (b, a),
            true => return Err(self.refuse(sql, wrong)),
            false => (a, b),
        };
        let whole_days = match &interval.node {
            Node::Literal(Value::Integer(n)) => n % i128::from(DAY) == 0,
            _ => false,
        };
        let kind = match (&time.kind, &interval.kind) {
            (Type::Date, Type::Months) => Type::Date,
            (Type::Date, Type::Span) if whole_days => Type::Date,
            (Type::Date, Type::Span) => Type::Timestamp(precision(&interval)),
            (Type::Time, Type::Span) => Type::Time,
            (Type::Timestamp(p), _) => Type::Timestamp((*p).max(precision(&interval))),
            (Type::Instant(p), _) => Type::Instant((*p).max(precision(&interval))),
            _ => return Err(self.refuse(sql, wrong)),
        };
        Ok(Expr::call(function, vec![time, interval], kind))
    }

    /// `-x`; of a literal the literal.
    pub(super) fn negated(&self, sql: &Sql, of: &Sql) -> Bound {
        let mut inner = of;
        while let Sql::Nested(within) = inner {
            inner = within;
        }
        if let Sql::Value(value) = inner
            && let Literal::Number(text, _) = &value.value
            && !text.starts_with('-')
        {
            return self.number_literal(sql, &format!("-{text}"));
        }
        let expr = self.expr(of)?;
        if let (Type::Months | Type::Span, Node::Literal(Value::Integer(n))) =
            (&expr.kind, &expr.node)
        {
            return Ok(Expr::literal(Value::Integer(-n), expr.kind.clone()));
        }
        self.number(of, &expr)?;
        let kind = expr.kind.clone();
        Ok(match kind {
            Type::Null => expr,
            _ => Expr::call(Function::Negate, vec![expr], kind),
        })
    }

    /// Texts one behind the other.
    pub(super) fn concat(&self, sql: &Sql, parts: &[&Sql]) -> Bound {
        let mut all = Vec::new();
        for part in parts {
            all.push(self.text_of(part)?);
        }
        if all.is_empty() {
            return Err(self.refuse(sql, "CONCAT(a, b, …)"));
        }
        Ok(Expr::call(Function::Concat, all, Type::STRING))
    }

    /// A text, or refused with the CAST that makes it one.
    pub(super) fn text_of(&self, sql: &Sql) -> Bound {
        let expr = self.expr(sql)?;
        if expr.kind == Type::Null {
            return Ok(self.null(&Type::STRING));
        }
        if expr.kind.is_text() {
            return Ok(expr);
        }
        let found = format!("`{}` is {}", shown(sql), expr.kind);
        let allowed = match expr.kind.is_nested() {
            true => "a text is wanted here".to_owned(),
            false => format!(
                "a text is wanted here: write CAST({} AS STRING)",
                shown(sql)
            ),
        };
        Err(self.error(place(sql), found, allowed))
    }

    fn json(&self, document: &Sql, key: &Sql, function: Function) -> Bound {
        let document = self.text_of(document)?;
        let key_expr = self.expr(key)?;
        if !key_expr.kind.is_text() && !matches!(key_expr.kind, Type::Integer(_)) {
            return Err(self.error(
                place(key),
                format!("`{}` is {}", shown(key), key_expr.kind),
                "behind -> comes the name of a member, 'city', or the number of an element, from 0",
            ));
        }
        Ok(Expr::call(function, vec![document, key_expr], Type::STRING))
    }

    /// As the wider type; a conversion where the value changes its form.
    pub(super) fn widened(&self, expr: Expr, to: &Type) -> Expr {
        if expr.kind == *to {
            return expr;
        }
        if let Some(folded) = self.folded(&expr, to)
            && folded.kind == *to
        {
            return folded;
        }
        match (&expr.kind, to) {
            // The same values, of a wider type.
            (Type::Integer(_), Type::Integer(_)) => expr,
            (a, b) if a.is_text() && b.is_text() => expr,
            (Type::Timestamp(_), Type::Timestamp(_)) | (Type::Instant(_), Type::Instant(_)) => expr,
            _ => cast(expr, to),
        }
    }
}

/// The arithmetic that an operator is.
fn arithmetic(op: &BinaryOperator) -> Option<Function> {
    Some(match op {
        BinaryOperator::Plus => Function::Add,
        BinaryOperator::Minus => Function::Subtract,
        BinaryOperator::Multiply => Function::Multiply,
        BinaryOperator::Divide => Function::Divide,
        BinaryOperator::Modulo => Function::Modulo,
        _ => return None,
    })
}

/// Digits of a second that an interval has.
fn precision(interval: &Expr) -> u8 {
    match (&interval.kind, &interval.node) {
        (Type::Months, _) => 0,
        (_, Node::Literal(Value::Integer(n))) if n % i128::from(SECOND) == 0 => 0,
        (_, Node::Literal(Value::Integer(n))) if n % 1000 == 0 => 3,
        _ => 6,
    }
}
