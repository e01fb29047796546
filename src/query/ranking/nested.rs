//! A query over a query that is a ranking already, or groups: the inner one's rows, and whether they stay in its windows.

use sqlparser::ast::{Expr as Sql, Select, Spanned};

use super::Shape;
use super::group::is_told;
use super::names::Fields;
use crate::error::QueryError;
use crate::flow::{self, Flow, Stage};
use crate::row::Row;
use standings_model::expr::Node;
use standings_model::plan::Bound;
use standings_model::table::of_ranking::OfRanking;

impl Shape<'_> {
    /// The rows of what is groups or ranked already.
    pub(super) fn rows_of(&self, flow: Flow, at: &impl Spanned) -> Result<Flow, QueryError> {
        if matches!(flow.stage, Stage::Rows(_)) {
            return Ok(flow);
        }
        match self.sources.lifts.borrow_mut().rows(&flow) {
            Some(rows) => Ok(rows),
            None => self.wrong(
                at,
                "a ranking of what is a ranking itself, or groups",
                "in a folder of queries, or with INSERT INTO for each of the two",
            ),
        }
    }

    /// Whether groups of windows are ranked across these: by what does not say which window it is.
    pub(super) fn is_across(
        &self,
        flow: &Flow,
        over: Option<&Sql>,
        is_limited: bool,
    ) -> Result<bool, QueryError> {
        let Stage::Groups(groups) = &flow.stage else {
            return Ok(false);
        };
        let Some(window) = groups.rows.window else {
            return Ok(false);
        };
        let Some(over) = over else {
            return Ok(is_limited);
        };
        let fields = Fields::new(&flow.qualifiers, &groups.columns, self.sources.notes);
        let bounds = self.over(over, &fields)?.bounds();
        Ok(!is_told(&window, &bounds))
    }

    /// The ranking whose rows all branches of a flow are.
    pub(super) fn of_ranking(&self, flow: &Flow) -> Option<&OfRanking> {
        let Stage::Rows(rows) = &flow.stage else {
            return None;
        };
        let mut all = rows
            .branches
            .iter()
            .map(|b| self.sources.tables[b.table].of_ranking.as_ref());
        let first = all.next()??;
        all.all(|other| other.is_some_and(|other| other.window == first.window))
            .then_some(first)
    }

    /// Rows of a ranking that are grouped or ranked by both bounds of its windows stay in those.
    pub(super) fn keep_windows(
        &self,
        select: &Select,
        over: Option<&Sql>,
        flow: &mut Flow,
    ) -> Result<(), QueryError> {
        let Some(of) = self.of_ranking(flow) else {
            return Ok(());
        };
        let (window, qualifiers) = (of.window, flow.qualifiers.clone());
        let Stage::Rows(rows) = &mut flow.stage else {
            return Ok(());
        };
        if rows.window.is_some() || window.is_always() {
            return Ok(());
        }
        let row = Row::new(self.sources, &qualifiers, rows.branches.clone());
        let by: Vec<&Sql> = match over.and_then(partitioned) {
            Some(by) => by,
            None => self.group_by(select)?.iter().collect(),
        };
        let is = |bound: Bound| {
            by.iter().any(|sql| {
                let exprs = row.each(self.text, sql);
                exprs.is_ok_and(|exprs| {
                    let number = bound as usize;
                    exprs
                        .iter()
                        .all(|e| matches!(e.node, Node::Column(n) if n == number))
                })
            })
        };
        if !(is(Bound::Start) && is(Bound::End)) {
            return Ok(());
        }
        if window.is_session() {
            let found =
                "groups of the rows of sessions, in the same sessions, which is not computed yet";
            return self.wrong(
                select,
                found,
                "TUMBLE, HOP or CUMULATE over their window_time",
            );
        }
        let time = self.time_of(rows);
        rows.window = Some(window);
        rows.keeps_windows = true;
        for (_, expr) in rows.branches.iter_mut().flat_map(|b| &mut b.columns) {
            if let Node::Column(n) = expr.node
                && let Some(bound) = Bound::ALL.get(n)
            {
                *expr = flow::bound(*bound, &time);
            }
        }
        Ok(())
    }
}

/// What a rank is counted within.
fn partitioned(over: &Sql) -> Option<Vec<&Sql>> {
    let Sql::Function(call) = over else {
        return None;
    };
    match &call.over {
        Some(sqlparser::ast::WindowType::WindowSpec(spec)) => {
            Some(spec.partition_by.iter().collect())
        }
        _ => None,
    }
}
