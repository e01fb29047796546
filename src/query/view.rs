//! `CREATE VIEW`: what its query comes to, by a name. One that filters, projects and unites tables can be windowed.

use super::error::{QueryError, Text};
use super::naming;
use super::ranking;
use super::scope::Relation;
use super::statement::View;
use super::window::Sources;

/// The relation that a view is.
pub fn relation(text: Text<'_>, sources: Sources<'_>, view: &View) -> Result<Relation, QueryError> {
    let mut query = view.query.clone();
    naming::body(&mut query.body, &view.columns);
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
