//! What has a syntax of its own: `CASE`, `CAST`, `EXTRACT`, `FLOOR(t TO unit)`, `TRIM(BOTH …)`, `SUBSTRING(… FROM …)`.

use sqlparser::ast::{CastKind, CeilFloorKind, DateTimeField, Expr as Sql, TrimWhereField};
use standings_model::expr::{Comparison, Expr, Function, Node, TimeUnit};
use standings_model::types::{Type, Width};
use standings_model::value::Value;

use super::condition::compared;
use super::{Binder, Bound, kinds, place, shown};
use crate::error::QueryError;

pub(super) const INT: Type = Type::Integer(Width::Int);

/// The unit that a word is.
pub(super) fn unit(field: &DateTimeField) -> Option<TimeUnit> {
    Some(match field {
        DateTimeField::Millenium | DateTimeField::Millennium => TimeUnit::Millennium,
        DateTimeField::Century => TimeUnit::Century,
        DateTimeField::Decade => TimeUnit::Decade,
        DateTimeField::Year | DateTimeField::Years => TimeUnit::Year,
        DateTimeField::Quarter => TimeUnit::Quarter,
        DateTimeField::Month | DateTimeField::Months => TimeUnit::Month,
        DateTimeField::Week(None) | DateTimeField::Weeks | DateTimeField::IsoWeek => TimeUnit::Week,
        DateTimeField::Day | DateTimeField::Days => TimeUnit::Day,
        DateTimeField::Dow | DateTimeField::DayOfWeek => TimeUnit::DayOfWeek,
        DateTimeField::Isodow => TimeUnit::IsoDayOfWeek,
        DateTimeField::Isoyear => TimeUnit::IsoYear,
        DateTimeField::Doy | DateTimeField::DayOfYear => TimeUnit::DayOfYear,
        DateTimeField::Hour | DateTimeField::Hours => TimeUnit::Hour,
        DateTimeField::Minute | DateTimeField::Minutes => TimeUnit::Minute,
        DateTimeField::Second | DateTimeField::Seconds => TimeUnit::Second,
        DateTimeField::Millisecond | DateTimeField::Milliseconds => TimeUnit::Millisecond,
        DateTimeField::Microsecond | DateTimeField::Microseconds => TimeUnit::Microsecond,
        DateTimeField::Epoch => TimeUnit::Epoch,
        _ => return None,
    })
}

/// Whether times are cut to a unit.
pub(super) fn cuts(unit: TimeUnit) -> bool {
    !matches!(
        unit,
        TimeUnit::DayOfWeek | TimeUnit::IsoDayOfWeek | TimeUnit::DayOfYear | TimeUnit::Epoch
    )
}

/// Whether a unit is one of a time of day.
fn of_day(unit: TimeUnit) -> bool {
    matches!(
        unit,
        TimeUnit::Hour
            | TimeUnit::Minute
            | TimeUnit::Second
            | TimeUnit::Millisecond
            | TimeUnit::Microsecond
    )
}

const UNITS: &str = "units are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND, MILLISECOND, DECADE, CENTURY, MILLENNIUM; \
                     of EXTRACT also DOW (1 is Sunday), ISODOW, DOY, ISOYEAR, EPOCH";

impl Binder<'_> {
    pub(super) fn special(&self, sql: &Sql) -> Bound {
        match sql {
            Sql::Cast {
                kind,
                expr,
                data_type,
                format: None,
            } => {
                let to = super::type_of(data_type).map_err(|allowed| {
                    self.error(place(sql), format!("the type {data_type}"), allowed)
                })?;
                let attempt = matches!(kind, CastKind::TryCast | CastKind::SafeCast);
                self.cast(sql, expr, to, attempt)
            }
            Sql::Extract { field, expr, .. } => {
                let unit = unit(field)
                    .ok_or_else(|| self.error(place(sql), format!("EXTRACT({field} …)"), UNITS))?;
                let of = self.time_of(expr)?;
                self.extract(expr, unit, of)
            }
            Sql::Ceil { expr, field } => {
                self.floor_or_ceil(sql, expr, field, [Function::Ceil, Function::Round])
            }
            Sql::Floor { expr, field } => {
                self.floor_or_ceil(sql, expr, field, [Function::Floor, Function::Round])
            }
            Sql::Position { expr, r#in } => {
                let of = vec![self.text_of(expr)?, self.text_of(r#in)?];
                Ok(Expr::call(Function::Position, of, INT))
            }
            Sql::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => {
                let mut all = vec![self.text_of(expr)?];
                match substring_from {
                    Some(from) => all.push(self.whole_of(from)?),
                    None => all.push(Expr::literal(Value::Integer(1), INT)),
                }
                if let Some(length) = substring_for {
                    all.push(self.whole_of(length)?);
                }
                Ok(Expr::call(Function::Substring, all, Type::STRING))
            }
            Sql::Trim {
                expr,
                trim_where,
                trim_what,
                trim_characters: None,
            } => {
                let mut all = vec![self.text_of(expr)?];
                if let Some(what) = trim_what {
                    all.push(self.text_of(what)?);
                }
                let function = match trim_where {
                    None | Some(TrimWhereField::Both) => Function::Trim,
                    Some(TrimWhereField::Leading) => Function::TrimStart,
                    Some(TrimWhereField::Trailing) => Function::TrimEnd,
                };
                Ok(Expr::call(function, all, Type::STRING))
            }
            Sql::Trim { .. } => {
                Err(self.refuse(sql, "write TRIM(BOTH 'xy' FROM text), or BTRIM(text, 'xy')"))
            }
            _ => Err(self.refuse(sql, super::EXPRESSIONS)),
        }
    }

    pub(super) fn cast(&self, sql: &Sql, of_sql: &Sql, to: Type, attempt: bool) -> Bound {
        let of = self.expr(of_sql)?;
        if of.kind == Type::Null {
            return Ok(self.null(&to));
        }
        if of.kind == to {
            return Ok(of);
        }
        if !standings_scalar::cast::is_known(&of.kind, &to) {
            let allowed = match (of.kind.is_number(), to.is_event_time()) {
                (true, true) => {
                    "a number of seconds or milliseconds since 1970 becomes a time by TO_TIMESTAMP_LTZ(x, 0) or (x, 3)"
                }
                _ if of.kind.is_event_time() && to.is_number() => {
                    "a time becomes a number by EXTRACT(EPOCH FROM t)"
                }
                _ => {
                    "casts are between numbers, texts and BOOLEAN, between times, and of each to and from text"
                }
            };
            let found = format!(
                "`{}` is {}, which is not cast to {to}",
                shown(of_sql),
                of.kind
            );
            return Err(self.error(place(sql), found, allowed));
        }
        Ok(Expr {
            nullable: attempt || of.nullable,
            node: Node::Cast {
                of: Box::new(of),
                attempt,
            },
            kind: to,
        })
    }

    pub(super) fn extract(&self, sql: &Sql, unit: TimeUnit, of: Expr) -> Bound {
        let is_wrong = match of.kind {
            Type::Time => !of_day(unit) && unit != TimeUnit::Epoch,
            _ => false,
        };
        if is_wrong {
            return Err(self.refuse(sql, "of a TIME there are HOUR, MINUTE, SECOND, MILLISECOND"));
        }
        Ok(Expr::call(Function::Extract(unit), vec![of], Type::BIGINT))
    }

    /// A time, or refused.
    pub(super) fn time_of(&self, sql: &Sql) -> Bound {
        let of = self.expr(sql)?;
        match &of.kind {
            kind if kind.is_event_time() || *kind == Type::Time => Ok(of),
            Type::Null => Ok(self.null(&Type::Timestamp(3))),
            kind => {
                let cast = match kind.is_text() {
                    true => format!(
                        "; write CAST({} AS TIMESTAMP(3)), or TO_TIMESTAMP with its format",
                        shown(sql)
                    ),
                    false => String::new(),
                };
                Err(self.error(
                    place(sql),
                    format!("`{}` is {kind}", shown(sql)),
                    format!("a DATE, TIME, TIMESTAMP or TIMESTAMP_LTZ is wanted here{cast}"),
                ))
            }
        }
    }

    /// A whole number, or refused.
    pub(super) fn whole_of(&self, sql: &Sql) -> Bound {
        let of = self.expr(sql)?;
        match &of.kind {
            Type::Integer(_) => Ok(of),
            Type::Null => Ok(self.null(&INT)),
            kind => Err(self.error(
                place(sql),
                format!("`{}` is {kind}", shown(sql)),
                "a whole number is wanted here",
            )),
        }
    }

    fn floor_or_ceil(
        &self,
        sql: &Sql,
        of: &Sql,
        field: &CeilFloorKind,
        [function, _]: [Function; 2],
    ) -> Bound {
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => self.floored(of, function),
            CeilFloorKind::DateTimeField(field) => {
                let unit = unit(field).filter(|u| cuts(*u));
                let unit = unit.ok_or_else(|| self.refuse(sql, UNITS))?;
                self.cut(sql, of, unit, function == Function::Ceil)
            }
            CeilFloorKind::Scale(_) => Err(self.refuse(
                sql,
                "ROUND(x, n) takes digits; FLOOR and CEIL give whole numbers",
            )),
        }
    }

    /// A time cut down (or up) to a unit.
    pub(super) fn cut(&self, sql: &Sql, of: &Sql, unit: TimeUnit, up: bool) -> Bound {
        let of = self.time_of(of)?;
        let is_wrong = match of.kind {
            Type::Time => !of_day(unit),
            Type::Date => of_day(unit),
            _ => false,
        };
        if is_wrong {
            return Err(self.refuse(
                sql,
                "a DATE is cut to DAY and longer, a TIME to HOUR and shorter",
            ));
        }
        let kind = of.kind.clone();
        let function = match up {
            true => Function::CeilTo(unit),
            false => Function::FloorTo(unit),
        };
        Ok(Expr::call(function, vec![of], kind))
    }

    /// A unit by its word, for `DATE_TRUNC('day', t)`.
    pub(super) fn unit_of(&self, sql: &Sql, word: &str) -> Result<TimeUnit, QueryError> {
        let word = word.trim().to_uppercase();
        let found = match word.strip_suffix('S').unwrap_or(&word) {
            "MILLENNIUM" => TimeUnit::Millennium,
            "CENTURY" => TimeUnit::Century,
            "DECADE" => TimeUnit::Decade,
            "YEAR" => TimeUnit::Year,
            "QUARTER" => TimeUnit::Quarter,
            "MONTH" => TimeUnit::Month,
            "WEEK" => TimeUnit::Week,
            "DAY" => TimeUnit::Day,
            "HOUR" => TimeUnit::Hour,
            "MINUTE" => TimeUnit::Minute,
            "SECOND" => TimeUnit::Second,
            "MILLISECOND" => TimeUnit::Millisecond,
            "MICROSECOND" => TimeUnit::Microsecond,
            _ => return Err(self.refuse(sql, UNITS)),
        };
        Ok(found)
    }

    /// `FLOOR` and `CEIL` of a number.
    pub(super) fn floored(&self, of_sql: &Sql, function: Function) -> Bound {
        let of = self.expr(of_sql)?;
        self.number(of_sql, &of)?;
        let kind = match &of.kind {
            // As many digits as before: 9.9 up is 10.
            Type::Decimal { precision, scale } if *scale > 0 => Type::decimal(*precision, 0),
            kind => kind.clone(),
        };
        Ok(Expr::call(function, vec![of], kind))
    }

    pub(super) fn case(&self, sql: &Sql) -> Bound {
        let Sql::Case {
            operand,
            conditions,
            else_result,
            ..
        } = sql
        else {
            return Err(self.refuse(sql, super::EXPRESSIONS));
        };
        let mut whens = Vec::with_capacity(conditions.len());
        for branch in conditions {
            whens.push(match operand {
                None => self.condition(&branch.condition)?,
                Some(operand) => {
                    let (left, right) =
                        self.together(&branch.condition, operand, &branch.condition)?;
                    compared(left, Comparison::Eq, right)
                }
            });
        }
        let mut results: Vec<&Sql> = conditions.iter().map(|c| &c.result).collect();
        results.extend(else_result.as_deref());
        let (mut thens, kind) = self.alike(sql, &results)?;
        let otherwise = else_result.as_ref().and_then(|_| thens.pop());
        let nullable =
            otherwise.as_ref().is_none_or(|e| e.nullable) || thens.iter().any(|then| then.nullable);
        Ok(Expr {
            node: Node::Case {
                branches: whens.into_iter().zip(thens).collect(),
                otherwise: otherwise.map(Box::new),
            },
            kind,
            nullable,
        })
    }

    /// All of one type: that which holds the values of each.
    pub(super) fn alike(&self, whole: &Sql, all: &[&Sql]) -> Result<(Vec<Expr>, Type), QueryError> {
        let mut exprs = Vec::with_capacity(all.len());
        for sql in all {
            exprs.push(self.expr(sql)?);
        }
        // Literals become of the type of what is no literal.
        let typed = exprs
            .iter()
            .find(|e| !matches!(e.node, Node::Literal(_)) && e.kind != Type::Null)
            .cloned();
        if let Some(typed) = typed {
            let is_time = typed.kind.is_event_time() || typed.kind == Type::Time;
            for (expr, sql) in exprs.iter_mut().zip(all) {
                if expr.kind.is_text() && is_time {
                    *expr = self.beside(sql, expr.clone(), &typed)?;
                }
            }
        }
        let mut kind = Type::Null;
        for (i, expr) in exprs.iter().enumerate() {
            kind = match kinds::common(&kind, &expr.kind) {
                Some(common) => common,
                None => {
                    let before = (0..i).rev().find(|n| exprs[*n].kind != Type::Null);
                    let before = all[before.unwrap_or(0)];
                    return Err(self.mismatch(whole, (before, &kind), (all[i], &expr.kind)));
                }
            };
        }
        let exprs = exprs.into_iter().map(|e| self.widened(e, &kind)).collect();
        Ok((exprs, kind))
    }
}
