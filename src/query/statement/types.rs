//! The types of columns, as Flink writes them.

use std::sync::Arc;

use sqlparser::tokenizer::{Span, Token};

use super::cursor::Cursor;
use crate::error::QueryError;
use crate::toml::nearest;
use standings_model::types::{MAX_PRECISION, MAX_SECOND_DIGITS, RowField, Type, Width};

/// Every word that a type begins with.
const WORDS: &[&str] = &[
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INT",
    "INTEGER",
    "BIGINT",
    "DECIMAL",
    "DEC",
    "NUMERIC",
    "FLOAT",
    "DOUBLE",
    "STRING",
    "VARCHAR",
    "CHARACTER",
    "CHAR",
    "BYTES",
    "VARBINARY",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_LTZ",
    "ROW",
    "ARRAY",
    "MAP",
];

const TYPES: &str = "types are BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, DECIMAL(p, s), FLOAT, DOUBLE, STRING, VARCHAR(n), \
     CHAR(n), BYTES, DATE, TIME, TIMESTAMP(p), TIMESTAMP_LTZ(p), ROW<…>, ARRAY<…>, MAP<…, …>";

/// How deep types may lie in each other; so deep records are not read either.
const DEPTH: usize = 64;

/// A type as it is declared.
pub(super) struct Declared {
    pub(super) kind: Type,
    pub(super) nullable: bool,
    pub(super) span: Span,
}

/// Reads a type, with `NULL` or `NOT NULL` behind it.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Declared, QueryError> {
    nested(cursor, 0)
}

fn nested(cursor: &mut Cursor<'_>, depth: usize) -> Result<Declared, QueryError> {
    let from = cursor.peek().span;
    if depth > DEPTH {
        let found = format!("a type more than {DEPTH} deep");
        return Err(cursor
            .text
            .error(from, found, "types that lie less deep in each other"));
    }
    let mut kind = base(cursor, depth)?;
    let mut nullable = nulls(cursor)?;
    // `STRING ARRAY` is another word for ARRAY<STRING>.
    while cursor.peek_upper() == "ARRAY" {
        no_null_flag(cursor, nullable, from)?;
        cursor.next();
        kind = Type::Array(Arc::new(kind));
        nullable = nulls(cursor)?;
    }
    Ok(Declared {
        kind,
        nullable,
        span: from,
    })
}

/// `NULL` or `NOT NULL`, where it is said.
fn nulls(cursor: &mut Cursor<'_>) -> Result<bool, QueryError> {
    if cursor.take_all(&["NOT", "NULL"]) {
        return Ok(false);
    }
    cursor.take("NULL");
    Ok(true)
}

/// What lies in an array or a map may be NULL: there is no column that could be refused for it.
fn no_null_flag(cursor: &Cursor<'_>, nullable: bool, at: Span) -> Result<(), QueryError> {
    match nullable {
        true => Ok(()),
        false => Err(cursor.text.error(
            at,
            "NOT NULL inside of an ARRAY or MAP",
            "leave NOT NULL out here: what lies in an array or a map may be NULL",
        )),
    }
}

fn base(cursor: &mut Cursor<'_>, depth: usize) -> Result<Type, QueryError> {
    let word = cursor.peek_upper();
    if !WORDS.contains(&word.as_str()) {
        return Err(unknown(cursor));
    }
    let at = cursor.next().span;
    Ok(match word.as_str() {
        "BOOLEAN" => Type::Boolean,
        "TINYINT" => Type::Integer(Width::Tiny),
        "SMALLINT" => Type::Integer(Width::Small),
        "INT" | "INTEGER" => Type::Integer(Width::Int),
        "BIGINT" => Type::BIGINT,
        "FLOAT" => Type::Float,
        "DOUBLE" => {
            cursor.take("PRECISION");
            Type::Double
        }
        "DATE" => Type::Date,
        "STRING" => Type::STRING,
        "BYTES" => Type::Bytes,
        "VARBINARY" => binary(cursor, at)?,
        "DECIMAL" | "DEC" | "NUMERIC" => decimal(cursor, at)?,
        "VARCHAR" => varying(length(cursor)?),
        "CHAR" => Type::Char(length(cursor)?),
        "CHARACTER" => match cursor.take("VARYING") {
            true => varying(length(cursor)?),
            false => Type::Char(length(cursor)?),
        },
        "TIME" => {
            digits(cursor, 0)?;
            cursor.take_all(&["WITHOUT", "TIME", "ZONE"]);
            Type::Time
        }
        "TIMESTAMP" => timestamp(cursor)?,
        "TIMESTAMP_LTZ" => Type::Instant(digits(cursor, 6)?),
        "ROW" => row(cursor, depth)?,
        "ARRAY" => {
            let of = bracketed(cursor, depth, "ARRAY<STRING>", 1)?;
            Type::Array(Arc::new(
                of.into_iter().next().map_or(Type::Null, |d| d.kind),
            ))
        }
        _ => {
            let mut of = bracketed(cursor, depth, "MAP<STRING, STRING>", 2)?.into_iter();
            let mut next = || of.next().map_or(Type::Null, |d| d.kind);
            Type::Map(Arc::new((next(), next())))
        }
    })
}

fn unknown(cursor: &Cursor<'_>) -> QueryError {
    let next = cursor.peek();
    let Token::Word(word) = &next.token else {
        return cursor.unexpected("a type is missing", TYPES);
    };
    let instead = match word.value.to_ascii_uppercase().as_str() {
        "TEXT" | "CLOB" | "JSON" | "JSONB" | "UUID" => "STRING",
        "MONEY" | "NUMBER" => "DECIMAL(18, 2)",
        "REAL" | "FLOAT4" => "FLOAT",
        "FLOAT8" => "DOUBLE",
        "INT2" => "SMALLINT",
        "INT4" => "INT",
        "INT8" | "LONG" => "BIGINT",
        "BOOL" => "BOOLEAN",
        "DATETIME" => "TIMESTAMP(3)",
        "TIMESTAMPTZ" => "TIMESTAMP_LTZ(3)",
        "BINARY" | "BLOB" | "BYTEA" => "BYTES",
        "STRUCT" => "ROW<…>",
        "MULTISET" => "ARRAY<…>",
        other => nearest(other, WORDS.iter().copied()).unwrap_or_default(),
    };
    let allowed = match instead {
        "" => TYPES.to_owned(),
        near => format!("did you mean {near}? {TYPES}"),
    };
    let found = format!("the type `{}`", word.value);
    cursor.text.error(next.span, found, allowed)
}

/// `(n)`; without one it is 1, as in Flink.
fn length(cursor: &mut Cursor<'_>) -> Result<u32, QueryError> {
    if !cursor.take_token(&Token::LParen) {
        return Ok(1);
    }
    let (n, at) = cursor.number("a length")?;
    if n == 0 || n > i32::MAX as u32 {
        let allowed = "a length from 1 to 2147483647, or STRING";
        return Err(cursor.text.error(at, format!("a length of {n}"), allowed));
    }
    cursor.expect(&Token::RParen, "VARCHAR(20)")?;
    Ok(n)
}

/// The longest VARCHAR is what STRING stands for.
fn varying(length: u32) -> Type {
    match length == i32::MAX as u32 {
        true => Type::STRING,
        false => Type::Text(Some(length)),
    }
}

fn binary(cursor: &mut Cursor<'_>, at: Span) -> Result<Type, QueryError> {
    let n = length(cursor)?;
    match n == i32::MAX as u32 {
        true => Ok(Type::Bytes),
        false => Err(cursor.text.error(
            at,
            format!("VARBINARY({n})"),
            "BYTES: a length of bytes is not asked for",
        )),
    }
}

fn decimal(cursor: &mut Cursor<'_>, at: Span) -> Result<Type, QueryError> {
    let (mut precision, mut scale) = (10, 0);
    if cursor.take_token(&Token::LParen) {
        precision = cursor.number("the number of digits")?.0;
        if cursor.take_token(&Token::Comma) {
            scale = cursor.number("the number of fraction digits")?.0;
        }
        cursor.expect(&Token::RParen, "DECIMAL(18, 2)")?;
    }
    let most = u32::from(MAX_PRECISION);
    if precision == 0 || precision > most || scale > precision {
        let found = format!("DECIMAL({precision}, {scale})");
        let allowed = format!("DECIMAL(p, s): p digits, 1 to {most}, s of them a fraction, 0 to p");
        return Err(cursor.text.error(at, found, allowed));
    }
    Ok(Type::decimal(precision as u8, scale as u8))
}

/// `(p)`: fraction digits of a second.
fn digits(cursor: &mut Cursor<'_>, otherwise: u8) -> Result<u8, QueryError> {
    if !cursor.take_token(&Token::LParen) {
        return Ok(otherwise);
    }
    let (n, at) = cursor.number("the number of fraction digits")?;
    if n > u32::from(MAX_SECOND_DIGITS) {
        let found = format!("{n} fraction digits of a second");
        let allowed = format!("0 to {MAX_SECOND_DIGITS}: columns keep microseconds");
        return Err(cursor.text.error(at, found, allowed));
    }
    cursor.expect(&Token::RParen, "TIMESTAMP(3)")?;
    Ok(n as u8)
}

fn timestamp(cursor: &mut Cursor<'_>) -> Result<Type, QueryError> {
    let digits = digits(cursor, 6)?;
    let is_instant = cursor.take_all(&["WITH", "LOCAL", "TIME", "ZONE"])
        || cursor.take_all(&["WITH", "TIME", "ZONE"]);
    if !is_instant {
        cursor.take_all(&["WITHOUT", "TIME", "ZONE"]);
    }
    Ok(match is_instant {
        true => Type::Instant(digits),
        false => Type::Timestamp(digits),
    })
}

/// `ROW<a INT, b STRING NOT NULL 'comment'>`, also with parentheses.
fn row(cursor: &mut Cursor<'_>, depth: usize) -> Result<Type, QueryError> {
    let allowed = "ROW<city STRING, zip STRING NOT NULL>";
    let close = match cursor.peek().token {
        Token::Lt => Token::Gt,
        Token::LParen => Token::RParen,
        _ => return Err(cursor.unexpected("the fields are missing", allowed)),
    };
    cursor.next();
    let mut fields: Vec<RowField> = Vec::new();
    loop {
        let name = cursor.name("a field's name")?;
        if fields.iter().any(|f| f.name == name.value) {
            let found = format!("the field `{}` twice", name.value);
            return Err(cursor.text.error(name.span, found, "each field once"));
        }
        let of = nested(cursor, depth + 1)?;
        if matches!(cursor.peek().token, Token::SingleQuotedString(_)) {
            cursor.next();
        }
        fields.push(RowField {
            name: name.value,
            kind: of.kind,
            nullable: of.nullable,
        });
        if !cursor.take_token(&Token::Comma) {
            break;
        }
    }
    cursor.expect(&close, allowed)?;
    Ok(Type::Row(fields.into()))
}

/// `<…>` with so many types in it.
fn bracketed(
    cursor: &mut Cursor<'_>,
    depth: usize,
    example: &str,
    wanted: usize,
) -> Result<Vec<Declared>, QueryError> {
    cursor.expect(&Token::Lt, example)?;
    let mut all = Vec::new();
    for n in 0..wanted {
        if n > 0 {
            cursor.expect(&Token::Comma, example)?;
        }
        let of = nested(cursor, depth + 1)?;
        // Of a map's keys it is true anyway.
        let is_key = wanted == 2 && n == 0;
        no_null_flag(cursor, of.nullable || is_key, of.span)?;
        if is_key && of.kind.is_nested() {
            let found = format!("a key of type {}", of.kind);
            return Err(cursor
                .text
                .error(of.span, found, "MAP<STRING, …>: a key is one value"));
        }
        all.push(of);
    }
    cursor.expect(&Token::Gt, example)?;
    Ok(all)
}
