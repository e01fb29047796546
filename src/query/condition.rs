//! `WHERE` and `FILTER (WHERE …)`: conditions on a sale's columns, with literals converted to the column's type.

use sqlparser::ast::{
    BinaryOperator, DataType, Expr as Sql, Spanned, UnaryOperator, Value as Literal,
};

use super::error::{QueryError, Text};
use standings_model::decimal::{DecimalError, parse_minor};
use standings_model::expr::{Comparison, Expr, LikePattern, LikeStep, Operand};
use standings_model::schema::{ColumnType, Schema};
use standings_model::time::{parse_date, parse_rfc3339};
use standings_model::value::Value;

const ALLOWED: &str =
    "conditions on sale columns: = <> < <= > >=, AND, OR, NOT, IN, LIKE, BETWEEN, IS [NOT] NULL";

/// Checks and compiles a condition.
pub fn parse(text: Text<'_>, schema: &Schema, sql: &Sql) -> Result<Expr, QueryError> {
    Conditions { text, schema }.condition(sql)
}

struct Conditions<'a> {
    text: Text<'a>,
    schema: &'a Schema,
}

fn comparison(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::Eq => Comparison::Eq,
        BinaryOperator::NotEq => Comparison::Ne,
        BinaryOperator::Lt => Comparison::Lt,
        BinaryOperator::LtEq => Comparison::Le,
        BinaryOperator::Gt => Comparison::Gt,
        BinaryOperator::GtEq => Comparison::Ge,
        _ => return None,
    })
}

impl Conditions<'_> {
    fn condition(&self, sql: &Sql) -> Result<Expr, QueryError> {
        match sql {
            Sql::Nested(inner) => self.condition(inner),
            Sql::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => Ok(Expr::And(vec![
                self.condition(left)?,
                self.condition(right)?,
            ])),
            Sql::BinaryOp {
                left,
                op: BinaryOperator::Or,
                right,
            } => Ok(Expr::Or(vec![
                self.condition(left)?,
                self.condition(right)?,
            ])),
            Sql::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => Ok(Expr::Not(Box::new(self.condition(expr)?))),
            Sql::BinaryOp { .. } | Sql::InList { .. } | Sql::Between { .. } => self.compared(sql),
            Sql::Like {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => Ok(Expr::Like {
                column: self.text_column(expr)?,
                pattern: self.pattern(pattern, escape_char.as_deref())?,
                negated: *negated,
            }),
            Sql::IsNull(expr) => Ok(Expr::IsNull {
                column: self.column(expr)?,
                negated: false,
            }),
            Sql::IsNotNull(expr) => Ok(Expr::IsNull {
                column: self.column(expr)?,
                negated: true,
            }),
            other => {
                Err(self
                    .text
                    .error(other.span(), format!("`{other}` as a condition"), ALLOWED))
            }
        }
    }

    /// A comparison, in the type of its columns.
    fn compared(&self, sql: &Sql) -> Result<Expr, QueryError> {
        match sql {
            Sql::BinaryOp { left, op, right } => {
                let op = comparison(op).ok_or_else(|| {
                    let found = format!("the operator {op}");
                    self.text.error(sql.span(), found, ALLOWED)
                })?;
                let kind = self.kind_of(sql, &[left, right])?;
                Ok(Expr::Compare {
                    left: self.operand(left, kind)?,
                    op,
                    right: self.operand(right, kind)?,
                })
            }
            Sql::InList {
                expr,
                list,
                negated,
            } => {
                let kind = self.kind_of(sql, &[expr])?;
                let values = list.iter().map(|v| self.literal(v, kind));
                Ok(Expr::In {
                    list: values.collect::<Result<_, _>>()?,
                    operand: self.operand(expr, kind)?,
                    negated: *negated,
                })
            }
            Sql::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let kind = self.kind_of(sql, &[expr, low, high])?;
                Ok(Expr::Between {
                    operand: self.operand(expr, kind)?,
                    low: self.operand(low, kind)?,
                    high: self.operand(high, kind)?,
                    negated: *negated,
                })
            }
            other => self.condition(other),
        }
    }

    /// A column that LIKE is for.
    fn text_column(&self, sql: &Sql) -> Result<usize, QueryError> {
        let column = self.column(sql)?;
        match self.schema.columns[column].kind {
            ColumnType::Text => Ok(column),
            _ => Err(self.text.error(
                sql.span(),
                format!("LIKE on `{sql}`"),
                "LIKE is for text columns",
            )),
        }
    }

    fn column(&self, sql: &Sql) -> Result<usize, QueryError> {
        column(self.text, self.schema, sql)
    }

    /// The type that a comparison is made in: that of its columns.
    fn kind_of(&self, whole: &Sql, sides: &[&Sql]) -> Result<ColumnType, QueryError> {
        let mut kind = None;
        for side in sides {
            if let Sql::Identifier(_) = side {
                let found = self.schema.columns[self.column(side)?].kind;
                let same = |a: ColumnType, b: ColumnType| {
                    std::mem::discriminant(&a) == std::mem::discriminant(&b)
                };
                let numbers = |k| matches!(k, ColumnType::BigInt | ColumnType::Decimal { .. });
                match kind {
                    Some(k) if !(same(k, found) || numbers(k) && numbers(found)) => {
                        let found = format!("`{whole}` compares columns of different types");
                        return Err(self.text.error(whole.span(), found, "columns of one type"));
                    }
                    Some(_) => {}
                    None => kind = Some(found),
                }
            }
        }
        kind.ok_or_else(|| {
            self.text
                .error(whole.span(), format!("`{whole}` without a column"), ALLOWED)
        })
    }

    fn operand(&self, sql: &Sql, kind: ColumnType) -> Result<Operand, QueryError> {
        match sql {
            Sql::Identifier(_) => self.column(sql).map(Operand::Column),
            Sql::Nested(inner) => self.operand(inner, kind),
            _ => self.literal(sql, kind).map(Operand::Literal),
        }
    }

    fn literal(&self, sql: &Sql, kind: ColumnType) -> Result<Value, QueryError> {
        let wrong = |allowed: &str| {
            self.text
                .error(sql.span(), format!("`{sql}`"), allowed.to_owned())
        };
        let (negative, inner) = match sql {
            Sql::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => (true, &**expr),
            other => (false, other),
        };
        let signed = |n: &str| {
            if negative {
                format!("-{n}")
            } else {
                n.to_owned()
            }
        };
        let (literal, typed) = match inner {
            Sql::Value(v) => (&v.value, None),
            Sql::TypedString(t) => (&t.value.value, Some(&t.data_type)),
            _ => return Err(wrong("a literal or a column of the sale")),
        };
        if *literal == Literal::Null {
            return Err(wrong(
                "a comparison with NULL is never true; write IS NULL or IS NOT NULL",
            ));
        }
        match (kind, literal) {
            (ColumnType::Text, Literal::SingleQuotedString(s)) if typed.is_none() => {
                Ok(Value::text(s.as_str()))
            }
            (ColumnType::Text, _) => Err(wrong("the column is text: write 'a string'")),
            (ColumnType::Decimal { .. }, Literal::Number(n, _)) => {
                match parse_minor(signed(n).as_bytes(), 36) {
                    Ok(minor) => Ok(Value::Decimal(minor)),
                    Err(DecimalError::Fraction) => Err(wrong(
                        "amounts have two fraction digits; no amount can equal this",
                    )),
                    Err(_) => Err(wrong(
                        "the column is a decimal: write a number such as 12.34",
                    )),
                }
            }
            (ColumnType::Decimal { .. }, _) => Err(wrong(
                "the column is a decimal: write a number such as 12.34",
            )),
            (ColumnType::BigInt, Literal::Number(n, _)) => match signed(n).parse::<i64>() {
                Ok(n) => Ok(Value::Integer(i128::from(n))),
                Err(_) => Err(wrong(
                    "the column is BIGINT: write a whole number of 64 bits",
                )),
            },
            (ColumnType::BigInt, _) => Err(wrong("the column is BIGINT: write a whole number")),
            (ColumnType::Timestamp, Literal::SingleQuotedString(s))
                if typed.is_none_or(|t| matches!(t, DataType::Timestamp(..) | DataType::Date)) =>
            {
                time(s).map(Value::Time).ok_or_else(|| wrong(TIMES))
            }
            (ColumnType::Timestamp, _) => Err(wrong(TIMES)),
        }
    }

    fn pattern(&self, pattern: &Sql, escape: Option<&Sql>) -> Result<LikePattern, QueryError> {
        let string = |sql: &Sql| match sql {
            Sql::Value(v) => match &v.value {
                Literal::SingleQuotedString(s) => Ok(s.clone()),
                _ => Err(self.text.error(
                    sql.span(),
                    format!("`{sql}`"),
                    "LIKE takes 'a pattern' of text, % and _",
                )),
            },
            _ => Err(self.text.error(
                sql.span(),
                format!("`{sql}`"),
                "LIKE takes 'a pattern' of text, % and _",
            )),
        };
        let escape = escape.map(|e| string(e).map(|s| (s, e))).transpose()?;
        let escape = match escape {
            Some((s, e)) => {
                let mut chars = s.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => Some(c),
                    _ => {
                        return Err(self.text.error(
                            e.span(),
                            format!("`{e}`"),
                            "ESCAPE takes one character",
                        ));
                    }
                }
            }
            None => None,
        };
        let source = string(pattern)?;
        let mut steps = Vec::new();
        let mut chars = source.chars();
        while let Some(c) = chars.next() {
            steps.push(match c {
                c if Some(c) == escape => match chars.next() {
                    Some(next @ ('%' | '_')) => LikeStep::Char(next),
                    Some(next) if Some(next) == escape => LikeStep::Char(next),
                    _ => {
                        let allowed = "after the escape character comes %, _ or itself";
                        return Err(self.text.error(
                            pattern.span(),
                            format!("`{pattern}`"),
                            allowed,
                        ));
                    }
                },
                '%' => LikeStep::Any,
                '_' => LikeStep::One,
                c => LikeStep::Char(c),
            });
        }
        Ok(LikePattern(steps))
    }
}

const TIMES: &str = "the column is a time: write TIMESTAMP '2026-01-23 10:00:00', '2026-01-23T10:00:00Z' or '2026-01-23' (UTC)";

/// SQL's and RFC 3339's forms; without an offset UTC.
fn time(text: &str) -> Option<i64> {
    if let Some(day) = parse_date(text) {
        return Some(day);
    }
    let iso = text.replacen(' ', "T", 1);
    parse_rfc3339(iso.as_bytes()).or_else(|| parse_rfc3339(format!("{iso}Z").as_bytes()))
}

/// The number of a sale's column.
pub fn column(text: Text<'_>, schema: &Schema, sql: &Sql) -> Result<usize, QueryError> {
    let names = || {
        schema
            .columns
            .iter()
            .map(|c| c.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match sql {
        Sql::Nested(inner) => column(text, schema, inner),
        Sql::Identifier(ident) => schema.find(&ident.value).ok_or_else(|| {
            text.error(
                sql.span(),
                format!("there is no column `{}`", ident.value),
                format!("the columns of sales are {}", names()),
            )
        }),
        other => Err(text.error(
            other.span(),
            format!("`{other}` where a column is wanted"),
            format!("the columns of sales are {}", names()),
        )),
    }
}
