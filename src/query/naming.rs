//! Names for what a SELECT computes and does not name: a view's columns, those of the first SELECT of a UNION.

use sqlparser::ast::{Expr, Ident, Select, SelectItem, SetExpr};

/// Names what a SELECT computes by the names that the view gives: `v (a, b) AS SELECT x, y + 1`. What has a name of its own
/// keeps it, and is renamed with the others.
pub fn body(of: &mut SetExpr, names: &[Ident]) {
    match of {
        SetExpr::SetOperation { left, right, .. } => {
            self::body(left, names);
            self::body(right, names);
        }
        SetExpr::Query(inner) => self::body(&mut inner.body, names),
        SetExpr::Select(select) => self::select(select, names),
        _ => {}
    }
}

/// Gives what a SELECT computes these names, by position, where it has none of its own.
pub fn select(of: &mut Select, names: &[Ident]) {
    if of.projection.len() != names.len() {
        return;
    }
    for (item, alias) in of.projection.iter_mut().zip(names) {
        let SelectItem::UnnamedExpr(expr) = &*item else {
            continue;
        };
        if matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
            continue;
        }
        *item = SelectItem::ExprWithAlias {
            expr: expr.clone(),
            alias: alias.clone(),
        };
    }
}
