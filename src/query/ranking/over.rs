//! The calls with `OVER (…)` of a SELECT: one, or several functions over the same.

use sqlparser::ast::{
    Expr as Sql, Function, Ident, NamedWindowExpr, Select, WindowSpec, WindowType,
};

use super::Shape;
use super::names::{is_over, rank_function};
use super::select::listed;
use crate::error::QueryError;
use crate::walk::walk;

impl Shape<'_> {
    /// The first call with `OVER` of a SELECT, if there is one, with what it is over written out: all of them are over the same.
    pub(super) fn calls(&self, select: &Select) -> Result<Option<Sql>, QueryError> {
        let mut all: Vec<(&Sql, &Function)> = Vec::new();
        for sql in listed(select).chain(&select.qualify) {
            walk(sql, &mut |part| {
                let is = is_over(part);
                if let Sql::Function(call) = part
                    && is
                {
                    all.push((part, call));
                }
                !is
            });
        }
        let Some(((_, first), rest)) = all.split_first() else {
            return Ok(None);
        };
        let over = self.written_out(select, first)?;
        for (sql, other) in rest {
            let is_alike = rank_function(other).is_some()
                && (&other.args, &other.filter) == (&first.args, &first.filter)
                && self.written_out(select, other)? == over;
            if !is_alike {
                let found = format!("`{sql}` beside a rank over another OVER (…)");
                let allowed = "ROW_NUMBER(), RANK() and DENSE_RANK() over one OVER (…): rows are in one order; one over another is \
                               a ranking of its own";
                return self.wrong(*sql, found, allowed);
            }
        }
        let mut call = Function::clone(first);
        call.over = over.map(WindowType::WindowSpec);
        Ok(Some(Sql::Function(call)))
    }

    /// What a call is over, also by a name of `WINDOW`.
    fn written_out(
        &self,
        select: &Select,
        call: &Function,
    ) -> Result<Option<WindowSpec>, QueryError> {
        match &call.over {
            None => Ok(None),
            Some(WindowType::WindowSpec(spec)) => Ok(Some(spec.clone())),
            Some(WindowType::NamedWindow(name)) => self.named_window(select, name).map(Some),
        }
    }

    /// What stands behind a name of `WINDOW`.
    fn named_window(&self, select: &Select, name: &Ident) -> Result<WindowSpec, QueryError> {
        let mut all = select.named_window.iter();
        let found = all.find(|window| window.0.value == name.value);
        if let Some(NamedWindowExpr::WindowSpec(spec)) = found.map(|window| &window.1) {
            return Ok(spec.clone());
        }
        let names = select.named_window.iter().map(|w| w.0.value.as_str());
        let names: Vec<&str> = names.collect();
        let allowed = match names.is_empty() {
            true => "WINDOW name AS (PARTITION BY … ORDER BY …) behind the SELECT".to_owned(),
            false => format!("a name of WINDOW: {}", names.join(", ")),
        };
        self.wrong_at(name.span, format!("the window `{name}`"), allowed)
    }
}
