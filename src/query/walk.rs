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

/// Calls `see` with each name that a query reads from, in whatever FROM; names of its own `WITH` are none.
pub fn each_from(query: &Query, see: &mut dyn FnMut(&str)) {
    let own: Vec<&str> = query
        .with
        .iter()
        .flat_map(|with| &with.cte_tables)
        .map(|cte| cte.alias.name.value.as_str())
        .collect();
    let mut outside = |name: &str| {
        if !own.contains(&name) {
            see(name);
        }
    };
    let in_with = query.with.iter().flat_map(|with| &with.cte_tables);
    in_with.for_each(|cte| each_from(&cte.query, &mut outside));
    body_from(&query.body, &mut outside);
}

fn body_from(body: &SetExpr, see: &mut dyn FnMut(&str)) {
    let mut at = body;
    loop {
        match at {
            SetExpr::SetOperation { left, right, .. } => {
                body_from(right, see);
                at = left;
            }
            SetExpr::Query(query) => return each_from(query, see),
            SetExpr::Select(select) => {
                return select.from.iter().for_each(|one| joined_from(one, see));
            }
            _ => return,
        }
    }
}

fn joined_from(one: &TableWithJoins, see: &mut dyn FnMut(&str)) {
    factor_from(&one.relation, see);
    one.joins
        .iter()
        .for_each(|join| factor_from(&join.relation, see));
}

fn factor_from(factor: &TableFactor, see: &mut dyn FnMut(&str)) {
    let mut named = |sql: &Sql| {
        if let Sql::Identifier(i) = sql {
            see(&i.value);
        }
    };
    match factor {
        TableFactor::Table {
            args: Some(args), ..
        } => expressions(&args.args).for_each(named),
        TableFactor::Table { name, .. } => {
            if let Some(last) = name.0.last().and_then(|n| n.as_ident()) {
                see(&last.value);
            }
        }
        TableFactor::TableFunction {
            expr: Sql::Function(call),
            ..
        } => arguments(call).for_each(&mut named),
        TableFactor::Derived { subquery, .. } => each_from(subquery, see),
        TableFactor::NestedJoin {
            table_with_joins, ..
        } => joined_from(table_with_joins, see),
        _ => {}
    }
}
