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

use sqlparser::ast::{Expr as Sql, Spanned, UnaryOperator};
use sqlparser::tokenizer::Span;
use standings_model::expr::Expr;
use standings_model::types::Type;

use super::error::{QueryError, Text};

pub use self::kinds::type_of;
pub use self::meaning::meaning;
pub use self::scope::{Scope, TableScope, Unknown, nearest};

/// An expression over what is in scope.
pub fn bind(text: Text<'_>, scope: &dyn Scope, sql: &Sql) -> Result<Expr, QueryError> {
    Binder { text, scope }.expr(sql)
}

/// A condition over what is in scope.
pub fn bind_condition(text: Text<'_>, scope: &dyn Scope, sql: &Sql) -> Result<Expr, QueryError> {
    Binder { text, scope }.condition(sql)
}

#[derive(Clone, Copy)]
struct Binder<'a> {
    text: Text<'a>,
    scope: &'a dyn Scope,
}

type Bound = Result<Expr, QueryError>;

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
        self.error(sql.span(), format!("`{}`", shown(sql)), allowed)
    }

    fn expr(&self, sql: &Sql) -> Bound {
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
                sql.span(),
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
            sql.span(),
            format!("`{}` is {}", shown(sql), expr.kind),
            format!("a number is wanted here{cast}"),
        ))
    }
}

const EXPRESSIONS: &str = "an expression is made of columns, literals, + - * / %, ||, comparisons, AND, OR, NOT, CASE, CAST, \
                           and functions such as COALESCE(x, y), UPPER(x), EXTRACT(HOUR FROM t), JSON_VALUE(x, '$.a')";
