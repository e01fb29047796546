//! `CREATE VIEW`: what its query comes to, by a name. One that filters, projects and unites tables can be windowed.

use sqlparser::ast::{Expr, Ident, SelectItem, SetExpr};

use super::error::{QueryError, Text};
use super::ranking;
use super::scope::Relation;
use super::statement::View;
use super::window::Sources;

/// The relation that a view is.
pub fn relation(text: Text<'_>, sources: Sources<'_>, view: &View) -> Result<Relation, QueryError> {
    let mut query = view.query.clone();
    name(&mut query.body, &view.columns);
    let mut flow = ranking::flow_of(text, sources, &query)?;
    // They are of another file for those who read the view.
    flow.at.clear();
    let (given, have) = (view.columns.len(), flow.columns().len());
    if given > 0 {
        if given != have {
            let found = format!("{given} names for {have} columns");
            return Err(text.error(view.span, found, "a name for each column, or none"));
        }
        let names: Vec<String> = view.columns.iter().map(|c| c.value.clone()).collect();
        for (n, name) in names.iter().enumerate() {
            if names[..n].contains(name) {
                let found = format!("the column `{name}` twice in `{}`", view.name.value);
                return Err(text.error(view.span, found, "each column has a name of its own: AS"));
            }
        }
        flow.rename(&names);
    }
    Ok(Relation::of_flow(&view.name.value, flow))
}

/// Names what a SELECT computes by the names that the view gives: `v (a, b) AS SELECT x, y + 1`. What has a name of its own
/// keeps it, and is renamed with the others.
fn name(body: &mut SetExpr, names: &[Ident]) {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            name(left, names);
            name(right, names);
        }
        SetExpr::Query(inner) => name(&mut inner.body, names),
        SetExpr::Select(select) if select.projection.len() == names.len() => {
            for (item, alias) in select.projection.iter_mut().zip(names) {
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
        _ => {}
    }
}
