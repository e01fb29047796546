//! A call of a measure: what it is of, and which rows it counts.

use sqlparser::ast::{
    DuplicateTreatment, Expr as Sql, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    OrderBySort, Spanned, UnaryOperator, Value as Literal,
};

use super::error::{QueryError, Text};
use super::measures::{self, Kind, Known};
use super::row::Row;
use standings_model::decimal;
use standings_model::plan::{Aggregate, Measure};
use standings_model::statistics::PARTS;
use standings_model::types::Type;

/// Whether an expression is a call of a measure.
pub fn is_measure(sql: &Sql) -> bool {
    let Sql::Function(f) = sql else {
        return false;
    };
    measures::find(&f.name.to_string()).is_some() || f.over.is_some()
}

/// Checks one measure; what it is of becomes a column of the row.
pub fn parse(
    text: Text<'_>,
    row: &mut Row<'_>,
    name: &str,
    sql: &Sql,
) -> Result<Measure, QueryError> {
    let allowed = || {
        let list = measures::list();
        format!("measures are {list}, of an expression, each with an optional FILTER (WHERE …)")
    };
    let Sql::Function(f) = sql else {
        let allowed = format!("group keys, and {}", allowed());
        return Err(text.error(sql.span(), format!("`{sql}`"), allowed));
    };
    let Some(known) = measures::find(&f.name.to_string()) else {
        return Err(text.error(sql.span(), format!("`{sql}`"), allowed()));
    };
    if let Kind::Not(instead) = known.kind {
        let found = format!("{}, which is not computed", known.name);
        return Err(text.error(sql.span(), found, instead));
    }
    let call = Call {
        text,
        sql,
        f,
        known,
    };
    if f.over.is_some() || f.null_treatment.is_some() {
        return Err(call.misused());
    }
    let aggregate = call.aggregate(row)?;
    let filter = f
        .filter
        .as_deref()
        .map(|e| row.condition(text, e))
        .transpose()?;
    Ok(Measure {
        name: name.to_owned(),
        aggregate,
        filter,
    })
}

/// A call.
struct Call<'a> {
    text: Text<'a>,
    sql: &'a Sql,
    f: &'a Function,
    known: &'static Known,
}

impl Call<'_> {
    fn wrong(&self, found: String, allowed: impl std::fmt::Display) -> QueryError {
        let allowed = allowed.to_string();
        self.text.error(self.sql.span(), found, allowed)
    }

    fn misused(&self) -> QueryError {
        let written = format!("it is written {}", self.known.written);
        self.wrong(format!("`{}`", self.sql), written)
    }

    fn aggregate(&self, row: &mut Row<'_>) -> Result<Aggregate, QueryError> {
        if self.known.kind == Kind::Within {
            return self.within(row);
        }
        let (arguments, distinct) = self.arguments()?;
        if distinct && self.known.kind != Kind::Count {
            let found = format!("DISTINCT in {}", self.known.name);
            return Err(self.wrong(found, "DISTINCT is for COUNT alone"));
        }
        if self.known.kind == Kind::Count {
            return match arguments[..] {
                [None] if !distinct => Ok(Aggregate::CountAll),
                [Some(x)] => {
                    let column = row.expression(self.text, x)?;
                    Ok(match distinct {
                        true => Aggregate::CountDistinct(column),
                        false => Aggregate::Count(column),
                    })
                }
                _ => Err(self.misused()),
            };
        }
        let (first, second) = match arguments[..] {
            [Some(first)] => (first, None),
            [Some(first), Some(second)] => (first, Some(second)),
            _ => return Err(self.misused()),
        };
        match second {
            None => self.of_one(row, first),
            Some(second) => self.of_two(row, first, second),
        }
    }

    fn of_one(&self, row: &mut Row<'_>, x: &Sql) -> Result<Aggregate, QueryError> {
        let is_of_two = matches!(
            self.known.kind,
            Kind::ArgMax | Kind::ArgMin | Kind::Percentile { .. }
        );
        if is_of_two {
            return Err(self.misused());
        }
        let c = row.expression(self.text, x)?;
        Ok(match self.known.kind {
            Kind::Sum => Aggregate::Sum(self.exact(row, c)?),
            Kind::Avg => Aggregate::Avg(self.exact(row, c)?),
            Kind::Min => Aggregate::Min(self.ordered(row, c)?),
            Kind::Max => Aggregate::Max(self.ordered(row, c)?),
            Kind::First => Aggregate::FirstValue(self.single(row, c)?),
            Kind::Last => Aggregate::LastValue(self.single(row, c)?),
            Kind::Spread(of) => Aggregate::Spread(self.exact(row, c)?, of),
            Kind::Median => Aggregate::Percentile {
                column: self.exact(row, c)?,
                at: (PARTS / 2) as u32,
                rounded: false,
            },
            Kind::CountRoughly => match row.changing() {
                None => Aggregate::CountRoughly(c),
                Some(table) => {
                    let found = format!("{} over `{table}`, whose rows change", self.known.name);
                    let allowed = "COUNT(DISTINCT …): what a sketch has seen cannot be taken back";
                    return Err(self.wrong(found, allowed));
                }
            },
            _ => return Err(self.misused()),
        })
    }

    fn of_two(&self, row: &mut Row<'_>, x: &Sql, y: &Sql) -> Result<Aggregate, QueryError> {
        match self.known.kind {
            Kind::Percentile { rounded } => {
                let column = row.expression(self.text, x)?;
                Ok(Aggregate::Percentile {
                    column: self.exact(row, column)?,
                    at: self.part(y)?,
                    rounded,
                })
            }
            Kind::ArgMax | Kind::ArgMin => {
                let value = row.expression(self.text, x)?;
                let value = self.single(row, value)?;
                let by = row.expression(self.text, y)?;
                let by = self.ordered(row, by)?;
                Ok(match self.known.kind {
                    Kind::ArgMax => Aggregate::ArgMax { value, by },
                    _ => Aggregate::ArgMin { value, by },
                })
            }
            _ => Err(self.misused()),
        }
    }

    /// `PERCENTILE_CONT(p) WITHIN GROUP (ORDER BY x [DESC])`.
    fn within(&self, row: &mut Row<'_>) -> Result<Aggregate, QueryError> {
        let (FunctionArguments::List(list), [order]) = (&self.f.args, &self.f.within_group[..])
        else {
            return Err(self.misused());
        };
        let ([FunctionArg::Unnamed(FunctionArgExpr::Expr(p))], None, true) = (
            &list.args[..],
            list.duplicate_treatment,
            list.clauses.is_empty(),
        ) else {
            return Err(self.misused());
        };
        let by_operator = matches!(order.options.sort, Some(OrderBySort::Using(_)));
        if order.options.nulls_first.is_some() || order.with_fill.is_some() || by_operator {
            let found = format!("`{order}` in WITHIN GROUP");
            return Err(self.wrong(found, "NULL is passed over: ORDER BY x or ORDER BY x DESC"));
        }
        let at = self.part(p)?;
        let column = row.expression(self.text, &order.expr)?;
        let descends = matches!(order.options.sort, Some(OrderBySort::Desc));
        Ok(Aggregate::Percentile {
            column: self.exact(row, column)?,
            at: if descends { PARTS as u32 - at } else { at },
            rounded: false,
        })
    }

    /// The arguments; `None` for `*`. And whether they are DISTINCT.
    fn arguments(&self) -> Result<(Vec<Option<&Sql>>, bool), QueryError> {
        let list = match &self.f.args {
            FunctionArguments::List(list) if list.clauses.is_empty() => list,
            _ => return Err(self.misused()),
        };
        if !self.f.within_group.is_empty() {
            return Err(self.misused());
        }
        let all = list.args.iter().map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => Ok(None),
            FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Ok(Some(e)),
            _ => Err(self.misused()),
        });
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        Ok((all.collect::<Result<_, _>>()?, distinct))
    }

    /// A part of one, from 0 to 1.
    fn part(&self, sql: &Sql) -> Result<u32, QueryError> {
        let digits = match sql {
            Sql::Value(v) => match &v.value {
                Literal::Number(digits, _) => Some(digits.to_string()),
                _ => None,
            },
            Sql::UnaryOp {
                op: UnaryOperator::Plus,
                expr,
            } => return self.part(expr),
            Sql::Nested(inner) => return self.part(inner),
            _ => None,
        };
        let written = digits.map(|d| {
            if d.starts_with('.') {
                format!("0{d}")
            } else {
                d
            }
        });
        let parts = written.and_then(|d| decimal::parse(d.as_bytes(), 38, 9, true).ok());
        let part = parts.and_then(|n| u32::try_from(n).ok());
        part.filter(|n| u64::from(*n) <= PARTS).ok_or_else(|| {
            let found = format!("`{sql}` in {}", self.known.name);
            let allowed = "which part of the values is below it: a number from 0 to 1 with up to nine digits, as it is";
            self.text.error(sql.span(), found, allowed.to_owned())
        })
    }

    /// Refuses what would not be exact, with what would be.
    fn exact(&self, row: &Row<'_>, column: usize) -> Result<usize, QueryError> {
        let (kind, name) = (row.kind(column), row.name(column));
        if kind.is_exact_number() {
            return Ok(column);
        }
        let found = format!("{} of `{name}`, a {kind}", self.known.name);
        Err(match kind {
            Type::Float | Type::Double => {
                let allowed = format!(
                    "declare it `{name}` DECIMAL(18, 6), with the digits that it has: a sum of {kind} depends on its order, one \
                     of DECIMAL is exact"
                );
                self.wrong(found, allowed)
            }
            _ => {
                let allowed = format!("{} is for DECIMAL and whole numbers", self.known.name);
                let sums = matches!(self.known.kind, Kind::Sum | Kind::Avg);
                let both = "SUM and AVG are for DECIMAL and whole numbers";
                self.wrong(found, if sums { both } else { &allowed })
            }
        })
    }

    /// Refuses the least of what has no order.
    fn ordered(&self, row: &Row<'_>, column: usize) -> Result<usize, QueryError> {
        let kind = row.kind(column);
        if !kind.is_nested() {
            return Ok(column);
        }
        let found = format!("`{}` of {kind}", self.sql);
        Err(self.wrong(
            found,
            "MIN and MAX are of what has an order: numbers, texts, times",
        ))
    }

    /// Refuses a value that is made of others.
    fn single(&self, row: &Row<'_>, column: usize) -> Result<usize, QueryError> {
        let kind = row.kind(column);
        if !kind.is_nested() {
            return Ok(column);
        }
        let found = format!("`{}` of {kind}", self.sql);
        let allowed = format!(
            "{} is of single values: of a field or an element of it",
            self.known.name
        );
        Err(self.wrong(found, allowed))
    }
}
