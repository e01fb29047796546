//! What stands in an expression, without what it means: calls of measures, of ranks, and bare names.

use sqlparser::ast::{
    CaseWhen, Expr as Sql, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query,
    SetExpr, TableFactor, TableWithJoins,
};

/// Calls `f` with an expression and with all that is in it, as long as it says that it wants to see what is in one. A chain of
/// operators is gone along, not down.
pub fn walk<'a>(sql: &'a Sql, f: &mut dyn FnMut(&'a Sql) -> bool) {
    let mut open = vec![sql];
    while let Some(sql) = open.pop() {
        if !f(sql) {
            continue;
        }
        match sql {
            Sql::BinaryOp { left, right, .. }
            | Sql::IsDistinctFrom(left, right)
            | Sql::IsNotDistinctFrom(left, right) => open.extend([&**right, &**left]),
            Sql::Nested(of)
            | Sql::UnaryOp { expr: of, .. }
            | Sql::IsNull(of)
            | Sql::IsNotNull(of)
            | Sql::IsTrue(of)
            | Sql::IsNotTrue(of)
            | Sql::IsFalse(of)
            | Sql::IsNotFalse(of)
            | Sql::IsUnknown(of)
            | Sql::IsNotUnknown(of)
            | Sql::Cast { expr: of, .. }
            | Sql::Extract { expr: of, .. }
            | Sql::Ceil { expr: of, .. }
            | Sql::Floor { expr: of, .. }
            | Sql::CompoundFieldAccess { root: of, .. } => open.push(of),
            Sql::InList { expr, list, .. } => {
                open.extend(list.iter().rev());
                open.push(expr);
            }
            Sql::Between {
                expr, low, high, ..
            } => open.extend([&**high, &**low, &**expr]),
            Sql::Like { expr, pattern, .. } => open.extend([&**pattern, &**expr]),
            Sql::Position { expr, r#in } => open.extend([&**r#in, &**expr]),
            Sql::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => {
                open.extend(substring_for.as_deref());
                open.extend(substring_from.as_deref());
                open.push(expr);
            }
            Sql::Trim {
                expr, trim_what, ..
            } => {
                open.extend(trim_what.as_deref());
                open.push(expr);
            }
            Sql::Case {
                operand,
                conditions,
                else_result,
                ..
            } => {
                open.extend(else_result.as_deref());
                for CaseWhen { condition, result } in conditions.iter().rev() {
                    open.extend([result, condition]);
                }
                open.extend(operand.as_deref());
            }
            Sql::Function(call) => {
                open.extend(call.filter.as_deref());
                open.extend(arguments(call).rev());
            }
            _ => {}
        }
    }
}

/// The arguments of a call that are expressions.
pub fn arguments(call: &Function) -> impl DoubleEndedIterator<Item = &Sql> {
    let list = match &call.args {
        FunctionArguments::List(list) => &list.args[..],
        _ => &[],
    };
    expressions(list)
}

fn expressions(list: &[FunctionArg]) -> impl DoubleEndedIterator<Item = &Sql> {
    list.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(e))
        | FunctionArg::Named {
            arg: FunctionArgExpr::Expr(e),
            ..
        } => Some(e),
        _ => None,
    })
}

/// Whether something in an expression is so.
pub fn holds(sql: &Sql, is: &dyn Fn(&Sql) -> bool) -> bool {
    let mut found = false;
    walk(sql, &mut |part| {
        found |= is(part);
        !found
    });
    found
}

/// The parts of a chain of `AND`, in their order.
pub fn conjuncts(sql: &Sql) -> Vec<&Sql> {
    let (mut all, mut open) = (Vec::new(), vec![sql]);
    while let Some(sql) = open.pop() {
        match sql {
            Sql::Nested(of) => open.push(of),
            Sql::BinaryOp {
                left,
                op: sqlparser::ast::BinaryOperator::And,
                right,
            } => open.extend([&**right, &**left]),
            other => all.push(other),
        }
    }
    all
}

/// Whether a query reads from one of these, in whatever FROM.
pub fn is_from(query: &Query, names: &[String]) -> bool {
    let in_with = query.with.iter().flat_map(|with| &with.cte_tables);
    in_with.into_iter().any(|cte| is_from(&cte.query, names)) || body_is_from(&query.body, names)
}

fn body_is_from(body: &SetExpr, names: &[String]) -> bool {
    let mut at = body;
    loop {
        match at {
            SetExpr::SetOperation { left, right, .. } => {
                if body_is_from(right, names) {
                    return true;
                }
                at = left;
            }
            SetExpr::Query(query) => return is_from(query, names),
            SetExpr::Select(select) => {
                return select.from.iter().any(|one| joined_is_from(one, names));
            }
            _ => return false,
        }
    }
}

fn joined_is_from(one: &TableWithJoins, names: &[String]) -> bool {
    let joins = one.joins.iter().map(|join| &join.relation);
    let mut all = std::iter::once(&one.relation).chain(joins);
    all.any(|factor| factor_is_from(factor, names))
}

fn factor_is_from(factor: &TableFactor, names: &[String]) -> bool {
    let is_named = |sql: &Sql| matches!(sql, Sql::Identifier(i) if names.contains(&i.value));
    match factor {
        TableFactor::Table {
            args: Some(args), ..
        } => expressions(&args.args).any(is_named),
        TableFactor::Table { name, .. } => {
            let last = name.0.last().and_then(|n| n.as_ident());
            last.is_some_and(|i| names.contains(&i.value))
        }
        TableFactor::TableFunction {
            expr: Sql::Function(call),
            ..
        } => arguments(call).any(is_named),
        TableFactor::Derived { subquery, .. } => is_from(subquery, names),
        TableFactor::NestedJoin {
            table_with_joins, ..
        } => joined_is_from(table_with_joins, names),
        _ => false,
    }
}
