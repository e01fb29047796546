//! Expressions of a row. (Columns alone, until the binder is here.)

use sqlparser::ast::{Expr as Sql, Ident, Spanned};

use super::error::{QueryError, Text};
use standings_model::expr::Expr;

/// A name that nothing has.
#[derive(Debug)]
pub struct Unknown {
    /// What was found.
    pub found: String,
    /// What is allowed.
    pub allowed: String,
}

/// What names mean.
pub trait Scope {
    /// What a name stands for.
    fn resolve(&self, name: &[Ident]) -> Result<Expr, Unknown>;
}

/// Binds an expression.
pub fn bind(text: Text<'_>, scope: &dyn Scope, sql: &Sql) -> Result<Expr, QueryError> {
    let resolve = |name: &[Ident]| {
        scope
            .resolve(name)
            .map_err(|u| text.error(sql.span(), u.found, u.allowed))
    };
    match sql {
        Sql::Nested(inner) => bind(text, scope, inner),
        Sql::Identifier(name) => resolve(std::slice::from_ref(name)),
        Sql::CompoundIdentifier(name) => resolve(name),
        other => Err(text.error(other.span(), format!("`{other}`"), "a column")),
    }
}
