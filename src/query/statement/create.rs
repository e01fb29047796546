//! `CREATE TABLE`: columns, keys, watermark and options, still by their words.

use sqlparser::ast::{Expr, Ident};
use sqlparser::tokenizer::{Span, Token};

use super::cursor::Cursor;
use super::types;
use crate::error::QueryError;
use standings_model::types::Type;

const ELEMENTS: &str = "columns (name TYPE [NOT NULL] [METADATA [FROM 'key'] [VIRTUAL]] [COMMENT 'text'], or name AS expression), \
     PRIMARY KEY (…) NOT ENFORCED, WATERMARK FOR column AS column - INTERVAL '1' MINUTE";

/// `CREATE TABLE`.
#[derive(Debug)]
pub struct Declaration {
    /// Its name.
    pub name: Ident,
    /// `CREATE TABLE name`.
    pub span: Span,
    /// Its columns.
    pub columns: Vec<ColumnDeclaration>,
    /// `PRIMARY KEY (…) NOT ENFORCED`.
    pub primary_key: Vec<Ident>,
    /// `WATERMARK FOR column AS expression`.
    pub watermark: Option<(Ident, Expr)>,
    /// `PARTITIONED BY (…)`.
    pub partitioned_by: Vec<Ident>,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// `WITH (…)`.
    pub options: Vec<WithOption>,
}

/// A column.
#[derive(Debug)]
pub struct ColumnDeclaration {
    /// Its name.
    pub name: Ident,
    /// What it is.
    pub body: Body,
    /// `COMMENT`.
    pub comment: Option<String>,
}

/// What a column is.
#[derive(Debug)]
pub enum Body {
    /// Of the record's value or key.
    Physical {
        /// Its type.
        kind: Type,
        /// Whether it may be NULL.
        nullable: bool,
    },
    /// Known of the record.
    Metadata {
        /// Its type.
        kind: Type,
        /// Whether it may be NULL.
        nullable: bool,
        /// Where the type stands.
        at: Span,
        /// `FROM 'key'`.
        key: Option<(String, Span)>,
    },
    /// `AS expression`.
    Computed(Box<Expr>),
}

/// `'key' = 'value'`, with their places.
#[derive(Clone, Debug)]
pub struct WithOption {
    /// Its name.
    pub key: String,
    /// Where the name is.
    pub key_span: Span,
    /// Its value.
    pub value: String,
    /// Where the value is.
    pub value_span: Span,
}

/// Reads what stands behind `CREATE`.
pub(super) fn table(cursor: &mut Cursor<'_>, from: Span) -> Result<Declaration, QueryError> {
    cursor.next();
    cursor.if_not_exists()?;
    let name = cursor.name("the table's name")?;
    let mut table = Declaration {
        span: from.union(&name.span),
        name,
        columns: Vec::new(),
        primary_key: Vec::new(),
        watermark: None,
        partitioned_by: Vec::new(),
        comment: None,
        options: Vec::new(),
    };
    cursor.expect(&Token::LParen, ELEMENTS)?;
    loop {
        element(cursor, &mut table)?;
        if !cursor.take_token(&Token::Comma) {
            break;
        }
    }
    cursor.expect(&Token::RParen, ELEMENTS)?;
    tail(cursor, &mut table)?;
    Ok(table)
}

fn element(cursor: &mut Cursor<'_>, table: &mut Declaration) -> Result<(), QueryError> {
    let first = cursor.peek();
    if cursor.upper(0) == "WATERMARK" && cursor.upper(1) == "FOR" {
        return watermark(cursor, table);
    }
    if cursor.upper(0) == "CONSTRAINT" && cursor.upper(2) == "PRIMARY" {
        cursor.next();
        cursor.name("the constraint's name")?;
    }
    if cursor.upper(0) == "PRIMARY" && cursor.upper(1) == "KEY" {
        cursor.next();
        cursor.next();
        let names = cursor.names()?;
        return primary_key(cursor, table, first.span, names);
    }
    if cursor.upper(0) == "UNIQUE" && cursor.peek_nth(1) == Token::LParen {
        return Err(cursor.text.error(first.span, "UNIQUE", ELEMENTS));
    }
    if cursor.upper(0) == "INCLUDE" {
        let allowed = "name TYPE METADATA FROM 'timestamp' (of the record: timestamp, partition, offset, topic, key, headers)";
        return Err(cursor.text.error(first.span, "INCLUDE", allowed));
    }
    column(cursor, table)
}

fn column(cursor: &mut Cursor<'_>, table: &mut Declaration) -> Result<(), QueryError> {
    let name = cursor.name("a column's name")?;
    if cursor.take("AS") {
        let of = cursor.expression("an expression over the columns: city AS TRIM(town)")?;
        let comment = comment(cursor)?;
        table.columns.push(ColumnDeclaration {
            name,
            body: Body::Computed(Box::new(of)),
            comment,
        });
        return Ok(());
    }
    let types::Declared {
        kind,
        mut nullable,
        span: at,
    } = types::parse(cursor)?;
    let mut is_key = false;
    if cursor.upper(0) == "PRIMARY" && cursor.upper(1) == "KEY" {
        let from = cursor.next().span;
        cursor.next();
        primary_key(cursor, table, from, vec![name.clone()])?;
        is_key = true;
    }
    if cursor.take_all(&["NOT", "NULL"]) {
        nullable = false;
    }
    let body = match cursor.take("METADATA") {
        true => {
            let key = match cursor.take("FROM") {
                true => Some(cursor.string("what it is FROM")?),
                false => None,
            };
            // Nothing is written to inputs: a column that is only read is as any other.
            cursor.take("VIRTUAL");
            Body::Metadata {
                kind,
                nullable: nullable && !is_key,
                at,
                key,
            }
        }
        false => Body::Physical {
            kind,
            nullable: nullable && !is_key,
        },
    };
    let comment = comment(cursor)?;
    if !matches!(cursor.peek().token, Token::Comma | Token::RParen) {
        return Err(cursor.unexpected("`,` or `)` is missing", ELEMENTS));
    }
    table.columns.push(ColumnDeclaration {
        name,
        body,
        comment,
    });
    Ok(())
}

fn comment(cursor: &mut Cursor<'_>) -> Result<Option<String>, QueryError> {
    match cursor.take("COMMENT") {
        true => cursor.string("the comment").map(|(text, _)| Some(text)),
        false => Ok(None),
    }
}

fn watermark(cursor: &mut Cursor<'_>, table: &mut Declaration) -> Result<(), QueryError> {
    let allowed = "WATERMARK FOR column AS column - INTERVAL '1' MINUTE, or the column alone";
    let from = cursor.next().span;
    cursor.next();
    if table.watermark.is_some() {
        return Err(cursor.text.error(from, "a second WATERMARK", "one a table"));
    }
    let column = cursor.name("the watermark's column")?;
    cursor.expect_word("AS", allowed)?;
    table.watermark = Some((column, cursor.expression(allowed)?));
    Ok(())
}

fn primary_key(
    cursor: &mut Cursor<'_>,
    table: &mut Declaration,
    from: Span,
    names: Vec<Ident>,
) -> Result<(), QueryError> {
    if !cursor.take_all(&["NOT", "ENFORCED"]) {
        let allowed = "PRIMARY KEY (…) NOT ENFORCED: nobody checks that a key comes once";
        return Err(cursor
            .text
            .error(from, "PRIMARY KEY without NOT ENFORCED", allowed));
    }
    if !table.primary_key.is_empty() {
        return Err(cursor
            .text
            .error(from, "a second PRIMARY KEY", "one a table"));
    }
    table.primary_key = names;
    Ok(())
}

/// What stands behind the columns.
fn tail(cursor: &mut Cursor<'_>, table: &mut Declaration) -> Result<(), QueryError> {
    table.comment = comment(cursor)?;
    if cursor.take_all(&["PARTITIONED", "BY"]) {
        table.partitioned_by = cursor.names()?;
    }
    if cursor.take("WITH") {
        let allowed = "WITH ('connector' = 'kafka', 'format' = 'json')";
        cursor.expect(&Token::LParen, allowed)?;
        while !matches!(cursor.peek().token, Token::RParen) {
            let option = cursor.option()?;
            if table.options.iter().any(|o| o.key == option.key) {
                let found = format!("the option '{}' twice", option.key);
                return Err(cursor
                    .text
                    .error(option.key_span, found, "each option once"));
            }
            table.options.push(option);
            if !cursor.take_token(&Token::Comma) {
                break;
            }
        }
        cursor.expect(&Token::RParen, allowed)?;
    }
    let next = cursor.peek();
    let instead = match cursor.peek_upper().as_str() {
        "DISTRIBUTED" => "leave it out: how records lie in partitions is the topic's",
        "LIKE" => "write the columns out: a table is declared in one place",
        "AS" => "CREATE VIEW name AS SELECT …",
        "FORMAT" => {
            "'format' = 'json' among the options: WITH ('connector' = 'kafka', …, 'format' = 'json')"
        }
        "INCLUDE" => {
            "name TYPE METADATA FROM 'timestamp' among the columns (timestamp, partition, offset, topic, key, headers)"
        }
        "ENGINE" | "TABLESPACE" | "INHERITS" => "WITH ('connector' = 'kafka', …)",
        _ => return Ok(()),
    };
    Err(cursor.text.error(
        next.span,
        format!("`{}` behind the columns", next.token),
        instead,
    ))
}
