//! Expressions of SQL to typed ones: what each name is, which types go together, and what comes out.
//!
//! ```text
//! sqlparser's tree ──► names by a Scope ──► types: folded, widened, or refused ──► Expr (standings_model::expr)
//! ```
//!
//! 1. What is not known is refused at the smallest part that is wrong, with the nearest that is.
//! 2. A literal beside something typed becomes of its type where that is exact: `amount >= 0.5` is 0.50 of a DECIMAL(28, 2).
//! 3. Nothing is converted behind one's back but to what holds every value: whole numbers to decimals, dates to times. For
//!    the rest the CAST to write is said.

mod access;
mod catalogue;
mod condition;
mod function;
mod kinds;
mod literal;
mod meaning;
mod operator;
mod scope;
mod special;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use sqlparser::ast::{CastKind, Expr as Sql, Spanned, UnaryOperator};
use sqlparser::tokenizer::Span;
use standings_model::expr::{Expr, Node};
use standings_model::table::Table;
use standings_model::types::Type;
use standings_model::value::Value;

use super::error::{QueryError, Text};
use super::toml::nearest;

pub use self::kinds::type_of;
pub use self::meaning::meaning;
pub use self::scope::{Scope, TableScope, Unknown};

/// An expression over what is in scope.
pub fn bind(text: Text<'_>, scope: &dyn Scope, sql: &Sql) -> Result<Expr, QueryError> {
    let depth = &Cell::new(0);
    Binder { text, scope, depth }.expr(sql)
}

/// A condition over what is in scope.
pub fn bind_condition(text: Text<'_>, scope: &dyn Scope, sql: &Sql) -> Result<Expr, QueryError> {
    let depth = &Cell::new(0);
    Binder { text, scope, depth }.condition(sql)
}

/// Two expressions of one type, the one that holds the values of both; none where there is no such one.
pub fn alike(left: Expr, right: Expr) -> Option<(Expr, Expr)> {
    let common = kinds::common(&left.kind, &right.kind)?;
    let as_common = |expr: Expr| match expr.kind == common {
        true => expr,
        false => as_type(expr, &common),
    };
    Some((as_common(left), as_common(right)))
}

/// An expression as another type, which holds its values.
pub fn as_type(expr: Expr, to: &Type) -> Expr {
    match expr.node {
        Node::Literal(Value::Null) => Expr::literal(Value::Null, to.clone()),
        _ => literal::cast(expr, to),
    }
}

/// An expression over the columns of a table, from its text. Of a file that `file` names.
pub fn parse(file: &str, source: &str, table: &Table) -> Result<Expr, QueryError> {
    let text = Text { file, source };
    let sql = super::dialect::parse_expression(text)?;
    bind(text, &TableScope::new(table, None), &sql)
}

#[derive(Clone, Copy)]
struct Binder<'a> {
    text: Text<'a>,
    scope: &'a dyn Scope,
    /// How deep it is in what is being bound.
    depth: &'a Cell<usize>,
}

/// How deep an expression may be nested. Each `+` of a chain is one deeper, since it works on what the others come to; chains
/// of `AND`, `OR` and `||` are not.
const DEEPEST: usize = 150;

type Bound = Result<Expr, QueryError>;

/// Where an expression stands. A chain is looked at from its two ends, since the parser's own way goes as deep as it is
/// long.
fn place(sql: &Sql) -> Span {
    let mut first = sql;
    loop {
        first = match first {
            Sql::BinaryOp { left, .. } => left,
            Sql::IsNull(of) | Sql::IsNotNull(of) => of,
            Sql::Cast {
                kind: CastKind::DoubleColon,
                expr,
                ..
            } => expr,
            Sql::CompoundFieldAccess { root, .. } => root,
            Sql::InList { expr, .. } | Sql::Between { expr, .. } | Sql::Like { expr, .. } => expr,
            _ => break,
        };
    }
    let last = match sql {
        Sql::BinaryOp { right, .. } => place(right),
        Sql::InList { list, .. } => list.last().map_or(Span::empty(), place),
        Sql::Between { high, .. } => place(high),
        Sql::Like { pattern, .. } => place(pattern),
        _ => {
            return if std::ptr::eq(first, sql) {
                sql.span()
            } else {
                first.span()
            };
        }
    };
    first.span().union(&last)
}

/// The most characters of an expression that a message repeats.
const SHOWN: usize = 100;

/// An expression for a message.
fn shown(sql: &Sql) -> String {
    let whole = sql.to_string();
    match whole.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &whole[..at]),
        None => whole,
    }
}

impl Binder<'_> {
    fn error(
        &self,
        span: Span,
        found: impl Into<String>,
        allowed: impl Into<String>,
    ) -> QueryError {
        self.text.error(span, found, allowed)
    }

    /// Refuses an expression as it is written.
    fn refuse(&self, sql: &Sql, allowed: impl Into<String>) -> QueryError {
        self.error(place(sql), format!("`{}`", shown(sql)), allowed)
    }

    fn expr(&self, sql: &Sql) -> Bound {
        self.deeper(sql, 1, || self.bind(sql))
    }

    /// Binds what is so much deeper.
    fn deeper(&self, sql: &Sql, by: usize, bind: impl FnOnce() -> Bound) -> Bound {
        let depth = self.depth.get();
        if depth + by > DEEPEST {
            return Err(self.error(
                place(sql),
                format!("an expression that is nested more than {DEEPEST} deep"),
                "write a part of it as a computed column: name AS expression",
            ));
        }
        self.depth.set(depth + by);
        let bound = bind();
        self.depth.set(depth);
        bound
    }

    fn bind(&self, sql: &Sql) -> Bound {
        if let Some(whole) = self.scope.whole(self.text, sql) {
            return whole;
        }
        match sql {
            Sql::Nested(inner) => self.expr(inner),
            Sql::Identifier(name) => self.name(std::slice::from_ref(name)),
            Sql::CompoundIdentifier(names) => self.name(names),
            Sql::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            Sql::Value(value) => self.value(sql, &value.value),
            Sql::TypedString(typed) => self.typed(sql, typed),
            Sql::Interval(interval) => self.interval(sql, interval),
            Sql::BinaryOp { left, op, right } => self.binary(sql, left, op, right),
            Sql::UnaryOp { op, expr } => self.unary(sql, *op, expr),
            Sql::InList { .. }
            | Sql::Between { .. }
            | Sql::Like { .. }
            | Sql::IsNull(_)
            | Sql::IsNotNull(_)
            | Sql::IsTrue(_)
            | Sql::IsNotTrue(_)
            | Sql::IsFalse(_)
            | Sql::IsNotFalse(_)
            | Sql::IsUnknown(_)
            | Sql::IsNotUnknown(_)
            | Sql::IsDistinctFrom(..)
            | Sql::IsNotDistinctFrom(..) => self.predicate(sql),
            Sql::Case { .. } => self.case(sql),
            Sql::Cast { .. }
            | Sql::Extract { .. }
            | Sql::Ceil { .. }
            | Sql::Floor { .. }
            | Sql::Position { .. }
            | Sql::Substring { .. }
            | Sql::Trim { .. } => self.special(sql),
            Sql::Function(function) => self.function(sql, function),
            Sql::Subquery(_) | Sql::Exists { .. } | Sql::InSubquery { .. } => Err(self.refuse(
                sql,
                "an expression is over the columns of one row; a query cannot stand in it",
            )),
            Sql::ILike { .. } => Err(self.refuse(
                sql,
                "ILIKE is not in Flink SQL: write LOWER(x) LIKE 'a pattern of small letters'",
            )),
            Sql::SimilarTo { .. } | Sql::RLike { .. } => Err(self.refuse(
                sql,
                "a pattern is LIKE 'a%', or REGEXP_EXTRACT(x, 'a.*') IS NOT NULL",
            )),
            Sql::AtTimeZone { .. } => Err(self.refuse(
                sql,
                "local time is that of the zone of the queries: SET 'table.local-time-zone' = 'Europe/Lisbon'",
            )),
            _ => Err(self.refuse(sql, EXPRESSIONS)),
        }
    }

    /// A condition: what `WHERE`, `CASE WHEN` and `AND` take.
    fn condition(&self, sql: &Sql) -> Bound {
        let expr = self.expr(sql)?;
        match expr.kind {
            Type::Boolean => Ok(expr),
            Type::Null => Ok(self.null(&Type::Boolean)),
            kind => Err(self.error(
                place(sql),
                format!("`{}` is {kind} where a condition is wanted", shown(sql)),
                "a condition compares: = <> < <= > >= IN LIKE BETWEEN IS [NOT] NULL, with AND, OR and NOT between them",
            )),
        }
    }

    fn unary(&self, sql: &Sql, op: UnaryOperator, of: &Sql) -> Bound {
        match op {
            UnaryOperator::Not => self.not(of),
            UnaryOperator::Minus => self.negated(sql, of),
            UnaryOperator::Plus => {
                let expr = self.expr(of)?;
                self.number(of, &expr)?;
                Ok(expr)
            }
            _ => Err(self.refuse(sql, EXPRESSIONS)),
        }
    }

    /// Refuses what is no number.
    fn number(&self, sql: &Sql, expr: &Expr) -> Result<(), QueryError> {
        if expr.kind.is_number() || expr.kind == Type::Null {
            return Ok(());
        }
        let cast = match expr.kind.is_text() {
            true => format!("; write CAST({} AS INT), or AS DECIMAL(p, s)", shown(sql)),
            false => String::new(),
        };
        Err(self.error(
            place(sql),
            format!("`{}` is {}", shown(sql), expr.kind),
            format!("a number is wanted here{cast}"),
        ))
    }
}

const EXPRESSIONS: &str = "an expression is made of columns, literals, + - * / %, ||, comparisons, AND, OR, NOT, CASE, CAST, \
                           and functions such as COALESCE(x, y), UPPER(x), EXTRACT(HOUR FROM t), JSON_VALUE(x, '$.a')";
