//! `queries/sales.sql`: the columns of `sales`, where there are more than the six of the sale.

use sqlparser::ast::{DataType, ExactNumberInfo, Spanned, Statement, TimezoneInfo};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::dialect;
use super::error::{QueryError, Text};
use standings_model::schema::{Column, ColumnType, Schema};

const TYPES: &str =
    "columns are STRING, BIGINT, DECIMAL(p, 2) with p from 3 to 28, or TIMESTAMP(3)";

/// Parses `CREATE TABLE sales (…)`. Flink's `WATERMARK FOR …` and `WITH (…)` are passed over: they say how Flink reads
/// the table, which here are flags.
pub fn parse_schema(file: &str, source: &str) -> Result<Schema, QueryError> {
    let text = Text { file, source };
    let statement = dialect::parse_statement(text, drop_flink_clauses)?;
    let Statement::CreateTable(table) = &statement else {
        return Err(text.error(
            statement.span(),
            "something else than CREATE TABLE",
            "CREATE TABLE sales (…)",
        ));
    };
    if table.name.to_string().trim_matches('`') != "sales" {
        return Err(text.error(
            table.name.span(),
            format!("the table `{}`", table.name),
            "the only table is `sales`",
        ));
    }
    let mut schema = Schema {
        columns: Vec::new(),
    };
    for column in &table.columns {
        let wrong = |found: String| text.error(column.span(), found, TYPES);
        let kind = match &column.data_type {
            DataType::String(None) => ColumnType::Text,
            DataType::BigInt(None) => ColumnType::BigInt,
            DataType::Decimal(ExactNumberInfo::PrecisionAndScale(p @ 3..=28, 2)) => {
                ColumnType::Decimal {
                    precision: *p as u8,
                }
            }
            DataType::Timestamp(Some(3), TimezoneInfo::None) => ColumnType::Timestamp,
            other => return Err(wrong(format!("`{}` of type {other}", column.name.value))),
        };
        let name = column.name.value.clone();
        if schema.find(&name).is_some() {
            return Err(wrong(format!("the column `{name}` twice")));
        }
        schema.columns.push(Column { name, kind });
    }
    let is = |name: &str, right: fn(&ColumnType) -> bool| {
        schema
            .find(name)
            .is_some_and(|c| right(&schema.columns[c].kind))
    };
    if !is("event_time", |k| *k == ColumnType::Timestamp)
        || !is("amount", |k| matches!(k, ColumnType::Decimal { .. }))
    {
        let allowed = "every sale has `event_time TIMESTAMP(3)` and `amount DECIMAL(p, 2)`";
        return Err(text.error(
            table.name.span(),
            "a table without event_time or amount",
            allowed,
        ));
    }
    Ok(schema)
}

/// Cuts `, WATERMARK FOR … ` up to the list's end, and `WITH (…)` after it.
fn drop_flink_clauses(tokens: &mut Vec<TokenWithSpan>) {
    let word =
        |t: &Token, text: &str| matches!(t, Token::Word(w) if w.value.eq_ignore_ascii_case(text));
    let mut depth = 0i32;
    let mut out: Vec<TokenWithSpan> = Vec::new();
    let mut skipping = false;
    for token in std::mem::take(tokens) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if !skipping
            && depth == 1
            && word(&token.token, "WATERMARK")
            && matches!(out.last().map(|t| &t.token), Some(Token::Comma))
        {
            out.pop();
            skipping = true;
        }
        let ends = depth == 0 && token.token == Token::RParen;
        let comma = depth == 1 && token.token == Token::Comma;
        if skipping && (ends || comma) {
            skipping = false;
        }
        if depth == 0 && matches!(&token.token, Token::Word(w) if w.keyword == Keyword::WITH) {
            break;
        }
        if !skipping {
            out.push(token);
        }
    }
    *tokens = out;
}
