//! Calls of functions.

use sqlparser::ast::{
    Expr as Sql, Function as Call, FunctionArg, FunctionArgExpr, FunctionArguments,
    Value as Literal,
};
use standings_model::expr::{Expr, Function, Node};
use standings_model::types::Type;
use standings_model::value::Value;
use standings_scalar::Zone;
use standings_scalar::json::Path;
use standings_scalar::time::pattern::Pattern;

use super::catalogue::{CLOCKS, DICE, FUNCTIONS, Gives, Kind, Known, Takes};
use super::special::INT;
use super::{Binder, Bound, nearest, place, shown};
use crate::error::QueryError;
use crate::measures;

/// A literal text.
fn literal(sql: &Sql) -> Option<&str> {
    match sql {
        Sql::Value(v) => match &v.value {
            Literal::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        Sql::Nested(inner) => literal(inner),
        _ => None,
    }
}

impl Binder<'_> {
    pub(super) fn function(&self, sql: &Sql, call: &Call) -> Bound {
        let name = call.name.to_string().to_uppercase();
        let known = FUNCTIONS.iter().find(|f| f.name == name);
        let Some(known) = known else {
            return Err(self.no_function(sql, call, &name));
        };
        let is_plain = call.filter.is_none()
            && call.over.is_none()
            && call.null_treatment.is_none()
            && call.within_group.is_empty();
        let list = match &call.args {
            FunctionArguments::List(list) if is_plain && list.duplicate_treatment.is_none() => list,
            _ => return Err(self.misused(sql, known)),
        };
        if known.kind == Kind::JsonValue {
            return self.json_value(sql, list, known);
        }
        if !list.clauses.is_empty() {
            return Err(self.misused(sql, known));
        }
        let arguments = list.args.iter().map(|a| match a {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Ok(e),
            _ => Err(self.misused(sql, known)),
        });
        let arguments: Vec<&Sql> = arguments.collect::<Result<_, _>>()?;
        self.call(sql, known, &arguments)
    }

    fn misused(&self, sql: &Sql, known: &Known) -> QueryError {
        self.refuse(sql, format!("it is written {}", known.written))
    }

    /// A name that is no function of a row.
    fn no_function(&self, sql: &Sql, call: &Call, name: &str) -> QueryError {
        let is_in = |all: &[&str]| all.contains(&name);
        if measures::find(name).is_some() {
            return self.refuse(
                sql,
                format!(
                    "{name} is of many rows, and stands where a group is shown: in the SELECT beside GROUP BY. WHERE, keys and \
                     computed columns see one row at a time; a condition on a group stands in HAVING"
                ),
            );
        }
        if is_in(CLOCKS) {
            return self.refuse(
                sql,
                format!(
                    "{name} is processing time: it reads the clock, and the same input would give another result each time. Time \
                     is the event time of the records; when a record came is TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'"
                ),
            );
        }
        if is_in(DICE) {
            return self.refuse(
                sql,
                format!("{name} is chance: the same input would give another result each time"),
            );
        }
        let all = FUNCTIONS
            .iter()
            .map(|f| f.name)
            .chain(measures::MEASURES.iter().map(|m| m.name));
        let meant = nearest(name, all);
        let meant = meant.map_or_else(String::new, |m| format!("did you mean {m}? "));
        let names: Vec<&str> = FUNCTIONS.iter().map(|f| f.name).collect();
        self.error(
            sqlparser::ast::Spanned::span(&call.name),
            format!("there is no function {}", call.name),
            format!("{meant}the functions of a row are {}", names.join(", ")),
        )
    }

    fn call(&self, sql: &Sql, known: &Known, arguments: &[&Sql]) -> Bound {
        let misused = || self.misused(sql, known);
        match (known.kind, arguments) {
            (Kind::Plain(function, takes, least, gives), _) => {
                if !(least..=takes.len()).contains(&arguments.len()) {
                    return Err(misused());
                }
                self.plain(function, takes, gives, arguments)
            }
            (Kind::Coalesce, [_, ..]) => {
                let (all, kind) = self.alike(sql, arguments)?;
                Ok(Expr::call(Function::Coalesce, all, kind))
            }
            (Kind::Extreme(function), [_, ..]) => {
                let (all, kind) = self.alike(sql, arguments)?;
                if kind.is_nested() {
                    return Err(self.refuse(sql, "rows, arrays and maps have no order"));
                }
                // The same type for all, so that they compare by their digits.
                Ok(Expr::call(function, all, kind))
            }
            (Kind::NullIf, [left, right]) => self.null_if(sql, left, right),
            (Kind::If, [condition, then, otherwise]) => {
                let when = self.condition(condition)?;
                let (mut both, kind) = self.alike(sql, &[then, otherwise])?;
                let (Some(otherwise), Some(then)) = (both.pop(), both.pop()) else {
                    return Err(misused());
                };
                Ok(Expr {
                    nullable: then.nullable || otherwise.nullable,
                    node: Node::Case {
                        branches: vec![(when, then)],
                        otherwise: Some(Box::new(otherwise)),
                    },
                    kind,
                })
            }
            (Kind::Concat, _) => self.concat(sql, arguments),
            (Kind::Modulo, [left, right]) => {
                let (a, b) = (self.expr(left)?, self.expr(right)?);
                self.arithmetic(sql, Function::Modulo, (left, a), (right, b))
            }
            (Kind::Round, [of, digits @ ..]) if digits.len() < 2 => {
                self.round(of, digits.first().copied())
            }
            (Kind::ToWhole(function), [of]) => self.floored(of, function),
            (Kind::Position, [what, within]) => {
                let of = vec![self.text_of(what)?, self.text_of(within)?];
                Ok(Expr::call(Function::Position, of, INT))
            }
            (Kind::Cardinality, [of_sql]) => {
                let of = self.expr(of_sql)?;
                match of.kind {
                    Type::Array(_) | Type::Map(_) => {
                        Ok(Expr::call(Function::Cardinality, vec![of], INT))
                    }
                    ref kind => Err(self.error(
                        place(of_sql),
                        format!("`{}` is {kind}", shown(of_sql)),
                        "CARDINALITY counts the elements of an ARRAY or a MAP",
                    )),
                }
            }
            (Kind::Regexp, [of, pattern, group @ ..]) if group.len() < 2 => {
                self.regexp(of, pattern, group.first().copied())
            }
            (Kind::DateTrunc, [unit, of]) => {
                let word = literal(unit).ok_or_else(misused)?;
                let unit = self.unit_of(unit, word)?;
                self.cut(sql, of, unit, false)
            }
            (Kind::DateFormat | Kind::ToTimestamp | Kind::ToInstant, _) => {
                self.of_time(sql, known, arguments)
            }
            _ => Err(misused()),
        }
    }

    fn argument(&self, takes: Takes, sql: &Sql) -> Bound {
        match takes {
            Takes::Text => self.text_of(sql),
            Takes::Whole => self.whole_of(sql),
            Takes::Time => self.time_of(sql),
            Takes::Number => {
                let of = self.expr(sql)?;
                self.number(sql, &of)?;
                Ok(match of.kind {
                    Type::Null => self.null(&INT),
                    _ => of,
                })
            }
        }
    }

    fn plain(
        &self,
        function: Function,
        takes: &[Takes],
        gives: Gives,
        arguments: &[&Sql],
    ) -> Bound {
        let all = takes.iter().zip(arguments);
        let all: Vec<Expr> = all
            .map(|(takes, sql)| self.argument(*takes, sql))
            .collect::<Result<_, _>>()?;
        if let Function::Extract(unit) = function {
            let mut all = all;
            let (Some(of), Some(sql)) = (all.pop(), arguments.first()) else {
                return Ok(self.null(&Type::BIGINT));
            };
            return self.extract(sql, unit, of);
        }
        if function == Function::ToDate {
            self.checked_pattern(arguments.get(1).copied())?;
        }
        let kind = match gives {
            Gives::Text => Type::STRING,
            Gives::Int => INT,
            Gives::Big => Type::BIGINT,
            Gives::Date => Type::Date,
            Gives::First => all.first().map_or(Type::Null, |a| a.kind.clone()),
        };
        Ok(Expr::call(function, all, kind))
    }

    /// `NULLIF(a, b)`, of the type of `a`.
    fn null_if(&self, sql: &Sql, left: &Sql, right: &Sql) -> Bound {
        let (a, b) = (self.expr(left)?, self.expr(right)?);
        let own = a.clone();
        let (a, b) = self.paired(sql, (left, a), (right, b))?;
        // A literal has its own digits in the result, whatever it is compared with.
        let is_exact = own.kind.is_exact_number() && a.kind.is_exact_number();
        let a = if is_exact { own } else { a };
        let kind = a.kind.clone();
        Ok(Expr::call(Function::NullIf, vec![a, b], kind))
    }

    /// `ROUND(x)` and `ROUND(x, n)`; of a decimal and a literal with as many digits as that leaves.
    fn round(&self, of_sql: &Sql, digits_sql: Option<&Sql>) -> Bound {
        let of = self.argument(Takes::Number, of_sql)?;
        let digits = digits_sql.map(|d| self.whole_of(d)).transpose()?;
        let places = match digits.as_ref().map(|d| &d.node) {
            None => Some(0),
            Some(Node::Literal(Value::Integer(n))) => i64::try_from(*n).ok(),
            Some(_) => None,
        };
        let kind = match (&of.kind, places) {
            (Type::Decimal { precision, scale }, Some(n)) => {
                let whole = precision - scale;
                match u8::try_from(n) {
                    Ok(n) if n >= *scale => of.kind.clone(),
                    // 99.9 is 100.
                    Ok(n) => Type::decimal((whole + n + 1).min(38), n),
                    Err(_) if n < 0 => Type::decimal((whole + 1).min(38), 0),
                    Err(_) => of.kind.clone(),
                }
            }
            (kind, _) => kind.clone(),
        };
        let all = [Some(of), digits].into_iter().flatten().collect();
        Ok(Expr::call(Function::Round, all, kind))
    }

    fn regexp(&self, of: &Sql, pattern: &Sql, group: Option<&Sql>) -> Bound {
        let of = self.text_of(of)?;
        let text = literal(pattern).ok_or_else(|| {
            self.refuse(
                pattern,
                "the pattern is a literal: it is compiled once, before the first record",
            )
        })?;
        standings_scalar::check_pattern(text).map_err(|why| {
            self.error(
                place(pattern),
                format!("`{}` is no pattern: {why}", shown(pattern)),
                "a regular expression without look-around and back-references, so that its time is in proportion to the text",
            )
        })?;
        let mut all = vec![of, Expr::literal(Value::text(text), Type::STRING)];
        if let Some(group) = group {
            all.push(self.whole_of(group)?);
        }
        Ok(Expr::call(Function::RegexpExtract, all, Type::STRING))
    }

    /// A literal pattern of times must be one.
    fn checked_pattern(&self, sql: Option<&Sql>) -> Result<(), QueryError> {
        let Some((sql, text)) = sql.and_then(|sql| Some((sql, literal(sql)?))) else {
            return Ok(());
        };
        Pattern::parse(text).map(|_| ()).map_err(|_| {
            self.error(
                place(sql),
                format!("`{}` is no pattern of times", shown(sql)),
                "letters as in Java: yyyy yy MM MMM dd HH hh mm ss SSS a EEE DDD Q, and text in ''single quotes''",
            )
        })
    }

    fn of_time(&self, sql: &Sql, known: &Known, arguments: &[&Sql]) -> Bound {
        let misused = || self.misused(sql, known);
        match (known.kind, arguments) {
            (Kind::DateFormat, [of, pattern]) => {
                self.checked_pattern(Some(pattern))?;
                // Flink takes a text as a time here.
                let of = match self.expr(of)?.kind.is_text() {
                    true => self.cast(sql, of, Type::Timestamp(6), false)?,
                    false => self.time_of(of)?,
                };
                let all = vec![of, self.text_of(pattern)?];
                Ok(Expr::call(Function::DateFormat, all, Type::STRING))
            }
            (Kind::ToTimestamp, [_, pattern @ ..]) if pattern.len() < 2 => {
                self.checked_pattern(pattern.first().copied())?;
                let all = arguments.iter().map(|a| self.text_of(a));
                Ok(Expr::call(
                    Function::ToTimestamp,
                    all.collect::<Result<_, _>>()?,
                    Type::Timestamp(3),
                ))
            }
            (Kind::ToInstant, [of_sql, rest @ ..]) if rest.len() < 3 => {
                let of = self.expr(of_sql)?;
                if of.kind.is_text() {
                    self.checked_pattern(rest.first().copied())?;
                    let zone = rest.get(1).and_then(|z| Some((z, literal(z)?)));
                    if let Some((zone, name)) = zone
                        && Zone::named(name).is_none()
                    {
                        return Err(self.no_zone(zone, name));
                    }
                    let mut all = vec![of];
                    for sql in rest {
                        all.push(self.text_of(sql)?);
                    }
                    return Ok(Expr::call(Function::ToInstant, all, Type::Instant(3)));
                }
                if rest.len() > 1 {
                    return Err(misused());
                }
                self.number(of_sql, &of)?;
                let digits = rest.first().map(|d| self.whole_of(d)).transpose()?;
                let kind = match digits.as_ref().map(|d| &d.node) {
                    None => Type::Instant(3),
                    Some(Node::Literal(Value::Integer(n))) if (0..=3).contains(n) => {
                        Type::Instant(3)
                    }
                    Some(Node::Literal(Value::Integer(n))) if (4..=9).contains(n) => {
                        Type::Instant(6)
                    }
                    Some(Node::Literal(_)) => return Err(misused()),
                    Some(_) => Type::Instant(6),
                };
                let all = [Some(of), digits].into_iter().flatten().collect();
                Ok(Expr::call(Function::ToInstant, all, kind))
            }
            _ => Err(misused()),
        }
    }

    fn no_zone(&self, sql: &Sql, name: &str) -> QueryError {
        let all: Vec<String> = Zone::names().collect();
        let meant = nearest(name, all.iter().map(|n| &**n));
        let meant = meant.map_or_else(String::new, |m| format!("; did you mean {m}?"));
        self.error(
            place(sql),
            format!("there is no zone `{name}`"),
            format!("a zone is named as in the IANA database, 'Europe/Lisbon'{meant}"),
        )
    }

    fn json_value(
        &self,
        sql: &Sql,
        list: &sqlparser::ast::FunctionArgumentList,
        known: &Known,
    ) -> Bound {
        let call = crate::dialect::JsonValue::of(list).ok_or_else(|| self.misused(sql, known))?;
        let document = self.text_of(call.document)?;
        let path = literal(call.path)
            .ok_or_else(|| self.refuse(call.path, "the path is a literal such as '$.a.b[0]'"))?;
        Path::parse(path).map_err(|why| {
            let found = format!("`{}` is no path: {why}", shown(call.path));
            self.error(
                place(call.path),
                found,
                "a path is such as '$.a.b[0]' or '$[''a b'']'",
            )
        })?;
        let other = |sql: Option<&Sql>| match sql {
            Some(sql) => self.text_of(sql),
            None => Ok(self.null(&Type::STRING)),
        };
        let all = vec![
            document,
            Expr::literal(Value::text(path), Type::STRING),
            other(call.on_empty)?,
            other(call.on_error)?,
        ];
        Ok(Expr::call(Function::JsonValue, all, Type::STRING))
    }
}
