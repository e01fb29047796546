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

    /// The outer list: the columns that are shown, in their order.
    pub(super) fn fields(
        &self,
        select: &Select,
        ranking: &Ranking,
        alias: &str,
    ) -> Result<Vec<Output>, QueryError> {
        let mut outputs: Vec<Output> = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) => outputs.extend(every(ranking, alias)),
                SelectItem::UnnamedExpr(sql) if identifier(sql).is_some() => {
                    let name = identifier(sql).unwrap_or_default();
                    outputs.push(self.output(sql, name, ranking, alias)?);
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
        for output in &outputs {
            if outputs.iter().filter(|o| o.name == output.name).count() > 1 {
                let found = format!("`{}` is selected twice", output.name);
                return self.wrong(select, found, "each column once");
            }
        }
        for key in &ranking.keys {
            if !outputs.iter().any(|o| o.name == key.name) {
                return self.wrong(
                    select,
                    format!("the group key `{}` is not selected", key.name),
                    "select every group key: it names the row",
                );
            }
        }
        Ok(outputs)
    }

    fn output(
        &self,
        sql: &Sql,
        name: &str,
        ranking: &Ranking,
        alias: &str,
    ) -> Result<Output, QueryError> {
        let shown = match name {
            "window_start" if !ranking.window.is_always() => Shown::Start,
            "window_end" if !ranking.window.is_always() => Shown::End,
            name if name == alias => Shown::Rank,
            name => {
                self.known(sql, ranking)?;
                match self.field(name, ranking) {
                    Some(field) => Shown::Field(field),
                    None => return self.wrong(sql, format!("`{sql}`"), "a column of the ranking"),
                }
            }
        };
        Ok(Output {
            name: name.to_owned(),
            shown,
        })
    }
}

/// A column that is shown.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// Its name.
    pub(crate) name: String,
    /// What it is.
    pub(crate) shown: Shown,
}

/// What a column shows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shown {
    /// `window_start`.
    Start,
    /// `window_end`.
    End,
    /// The rank.
    Rank,
    /// A key or a measure.
    Field(Field),
}

impl Output {
    /// The key or measure that it is, if it is one.
    pub(crate) fn field(&self) -> Option<Field> {
        match self.shown {
            Shown::Field(field) => Some(field),
            _ => None,
        }
    }
}

/// What `*` is.
fn every(ranking: &Ranking, alias: &str) -> Vec<Output> {
    let bounds = [("window_start", Shown::Start), ("window_end", Shown::End)];
    let bounds = bounds.map(|(name, shown)| (name.to_owned(), shown));
    let bounds = bounds.into_iter().filter(|_| !ranking.window.is_always());
    let keys = (0..ranking.keys.len()).map(Field::Key);
    let fields = keys.chain((0..ranking.measures.len()).map(Field::Measure));
    let fields = fields.map(|f| (ranking.field_name(f).to_owned(), Shown::Field(f)));
    let rank = (alias.to_owned(), Shown::Rank);
    let all = bounds.chain(fields).chain([rank]);
    all.map(|(name, shown)| Output { name, shown }).collect()
}
