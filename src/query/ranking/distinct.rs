//! `SELECT DISTINCT`: groups by all that is selected, of which nothing is measured.
//!
//! ```text
//! SELECT DISTINCT a, b + 1 AS c FROM t          is   SELECT a, c FROM (SELECT a, b + 1 AS c FROM t) GROUP BY a, c
//! SELECT DISTINCT ON (a) … FROM t ORDER BY a, b   is   SELECT … FROM t QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) = 1
//! ```

use sqlparser::ast::{
    BinaryOperator, Distinct, Expr as Sql, Function, FunctionArgumentList, FunctionArguments,
    GroupByExpr, Ident, ObjectName, OrderByExpr, Select, SelectItem, Value, WindowSpec, WindowType,
};

use super::Shape;
use super::rank::Top;
use crate::error::QueryError;
use crate::flow::{Flow, Groups, MEASURES, Stage, as_bound};
use standings_model::expr::Node;
use standings_model::plan::Bound;

impl Shape<'_> {
    /// A SELECT DISTINCT, with what stands behind it.
    pub(super) fn distinct(
        &self,
        select: &Select,
        distinct: &Distinct,
        top: Option<&Top<'_>>,
    ) -> Result<Flow, QueryError> {
        let mut inner = select.clone();
        inner.distinct = None;
        match distinct {
            Distinct::All => return self.select(&inner, top),
            Distinct::Distinct => {}
            Distinct::On(_) => {
                let allowed =
                    "DISTINCT ON (a, …) with ORDER BY a, …, what decides which row of each it is";
                return self.wrong(
                    select,
                    "DISTINCT ON without ORDER BY, or with LIMIT",
                    allowed,
                );
            }
        }
        let flow = self.select(&inner, None)?;
        self.each_once(&inner, flow, top)
    }

    /// `SELECT DISTINCT ON (a) … ORDER BY a, b`: of each a the row that comes first, which is its first by b.
    pub(super) fn first_of_each(
        &self,
        select: &Select,
        on: &[Sql],
        order: &[OrderByExpr],
    ) -> Result<Flow, QueryError> {
        let is_on = |term: &&OrderByExpr| on.contains(&term.expr);
        if order.iter().take(on.len()).filter(is_on).count() < on.len() {
            let allowed =
                "ORDER BY that begins with what stands in DISTINCT ON (…), as in Postgres";
            return self.wrong(
                select,
                "DISTINCT ON by other columns than ORDER BY begins with",
                allowed,
            );
        }
        let rest = order.iter().skip(on.len()).cloned().collect();
        let spec = WindowSpec {
            window_name: None,
            partition_by: on.to_vec(),
            order_by: rest,
            window_frame: None,
        };
        let call = Function {
            name: ObjectName::from(vec![Ident::new("ROW_NUMBER")]),
            uses_odbc_syntax: false,
            parameters: FunctionArguments::None,
            args: FunctionArguments::List(FunctionArgumentList {
                duplicate_treatment: None,
                args: Vec::new(),
                clauses: Vec::new(),
            }),
            filter: None,
            null_treatment: None,
            over: Some(WindowType::WindowSpec(spec)),
            within_group: Vec::new(),
        };
        let first = Sql::BinaryOp {
            left: Box::new(Sql::Function(call)),
            op: BinaryOperator::Eq,
            right: Box::new(Sql::Value(Value::Number("1".to_owned(), false).into())),
        };
        let mut inner = select.clone();
        inner.distinct = None;
        if inner.qualify.replace(first).is_some() {
            let allowed = "the rank in QUALIFY alone, over the same partition and order";
            return self.wrong(select, "DISTINCT ON beside QUALIFY", allowed);
        }
        self.select(&inner, None)
    }

    /// Rows that are alike, once; `select` is where it is said.
    pub(super) fn each_once(
        &self,
        select: &Select,
        flow: Flow,
        top: Option<&Top<'_>>,
    ) -> Result<Flow, QueryError> {
        let shows = |bound| {
            let mut columns = flow.columns().iter();
            columns.any(|(_, expr)| as_bound(expr) == Some(bound))
        };
        let is_windowed = flow.rows().window.is_some();
        if is_windowed && !(shows(Bound::Start) && shows(Bound::End)) {
            let found = "SELECT DISTINCT of rows in windows, without window_start and window_end";
            let allowed = "SELECT DISTINCT window_start, window_end, …: rows are told apart within their window";
            return self.wrong(select, found, allowed);
        }
        let at = &flow.at;
        let names = flow.columns().iter().enumerate();
        let names = names.map(|(n, (name, _))| {
            let mut ident = Ident::with_quote('`', name.clone());
            ident.span = at.get(n).copied().unwrap_or(ident.span);
            Sql::Identifier(ident)
        });
        let names: Vec<Sql> = names.collect();
        let is_each = matches!(&flow.stage, Stage::Groups(groups) if is_distinct(groups));
        let mut outer = select.clone();
        outer.distinct = None;
        outer.projection = names.iter().cloned().map(SelectItem::UnnamedExpr).collect();
        outer.from = Vec::new();
        (outer.selection, outer.having, outer.qualify) = (None, None, None);
        let groups = if is_each { Vec::new() } else { names };
        outer.group_by = GroupByExpr::Expressions(groups, Vec::new());
        self.behind_from(&outer, flow, top)
    }
}

/// Whether groups that are not ranked are told apart by what is selected of them.
fn is_distinct(groups: &Groups) -> bool {
    let shown = |key: usize| {
        let mut columns = groups.columns.iter();
        columns.any(|(_, expr)| matches!(expr.node, Node::Column(n) if n < MEASURES && n == key))
    };
    groups.rank.is_none() && (0..groups.keys.len()).all(shown)
}
