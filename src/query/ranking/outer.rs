//! The outer select: the limit on the rank, and the order of the row's fields.

use sqlparser::ast::{BinaryOperator, Expr as Sql, Select, SelectItem, Value as Literal};

use super::{Shape, identifier};
use crate::error::QueryError;
use standings_model::plan::{Field, Ranking};

impl Shape<'_> {
    /// The outer `WHERE`: the greatest rank.
    pub(super) fn limit(&self, select: &Select, alias: &str) -> Result<u64, QueryError> {
        let allowed = format!("the outer WHERE is the limit alone: WHERE {alias} <= 10");
        let Some(selection) = &select.selection else {
            return self.wrong(select, "no limit on the rank", allowed);
        };
        let mut condition = selection;
        while let Sql::Nested(inner) = condition {
            condition = inner;
        }
        if let Sql::BinaryOp { left, op, right } = condition {
            let (name, number, strict) = match op {
                BinaryOperator::LtEq => (left, right, 0),
                BinaryOperator::Lt => (left, right, 1),
                BinaryOperator::GtEq => (right, left, 0),
                BinaryOperator::Gt => (right, left, 1),
                _ => return self.wrong(selection, format!("`{selection}`"), allowed),
            };
            if identifier(name) == Some(alias)
                && let Sql::Value(value) = &**number
                && let Literal::Number(n, _) = &value.value
                && let Ok(n) = n.parse::<u64>()
            {
                return match n.checked_sub(strict) {
                    Some(limit @ 1..=1_000_000) => Ok(limit),
                    _ => self.wrong(
                        selection,
                        format!("`{selection}`"),
                        "a limit from 1 to 1000000",
                    ),
                };
            }
        }
        self.wrong(selection, format!("`{selection}`"), allowed)
    }

    /// The outer list: the order of the row's fields.
    pub(super) fn fields(
        &self,
        select: &Select,
        ranking: &Ranking,
        alias: &str,
    ) -> Result<Vec<Field>, QueryError> {
        let every = || {
            let keys = (0..ranking.keys.len()).map(Field::Key);
            keys.chain((0..ranking.measures.len()).map(Field::Measure))
                .collect::<Vec<_>>()
        };
        let mut fields = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) => fields.extend(every()),
                SelectItem::UnnamedExpr(sql) if identifier(sql).is_some() => {
                    let name = identifier(sql).unwrap_or_default();
                    if name == alias {
                        continue;
                    }
                    self.known(sql, ranking)?;
                    fields.extend(self.field(name, ranking));
                }
                other => {
                    return self.wrong(
                        other,
                        format!("`{other}`"),
                        "the outer select lists columns by name, or *",
                    );
                }
            }
        }
        for field in every() {
            let name = ranking.field_name(field);
            match fields.iter().filter(|f| **f == field).count() {
                1 => {}
                0 => {
                    return self.wrong(
                        select,
                        format!("`{name}` is computed and not selected"),
                        "select it, or leave it out of the innermost select",
                    );
                }
                _ => {
                    return self.wrong(
                        select,
                        format!("`{name}` is selected twice"),
                        "each column once",
                    );
                }
            }
        }
        Ok(fields)
    }
}
