//! Flink SQL for `sqlparser`: backquoted names, and `TABLE name` as an argument of a window function.

use sqlparser::dialect::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Whitespace};

use super::error::{QueryError, Text};

/// Flink SQL, as far as rankings need it.
#[derive(Debug)]
pub struct Flink;

impl Dialect for Flink {
    fn is_delimited_identifier_start(&self, c: char) -> bool {
        c == '`'
    }

    fn is_identifier_start(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_'
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_alphanumeric() || c == '_'
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }
}

/// A chain of operators is as deep as it is long, and whoever walks through it goes as deep: a query of any length must not
/// take more of a stack than there is.
const MOST_OPERATORS: usize = 500;

fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(w) if w.quote_style.is_none() => {
            matches!(
                w.keyword,
                Keyword::AND | Keyword::OR | Keyword::NOT | Keyword::UNION | Keyword::JOIN
            )
        }
        Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod | Token::StringConcat => {
            true
        }
        _ => false,
    }
}

/// The tokens, without the word `TABLE` where it stands before a table's name inside a window function: `sqlparser`
/// does not know it there. Places of all other tokens stay.
pub fn tokens(text: Text<'_>) -> Result<Vec<TokenWithSpan>, QueryError> {
    let mut tokens = Tokenizer::new(&Flink, text.source)
        .tokenize_with_location()
        .map_err(|e| {
            text.error(
                Span::new(e.location, e.location),
                e.message.clone(),
                "SQL text; strings stand in 'single quotes', names in `backquotes`",
            )
        })?;
    let is_hint = |t: &TokenWithSpan| matches!(&t.token, Token::Whitespace(Whitespace::MultiLineComment(c)) if c.starts_with('+'));
    if let Some(hint) = tokens.iter().find(|t| is_hint(t)) {
        let found = "a hint, which is not taken yet";
        return Err(text.error(hint.span, found, "leave /*+ … */ out"));
    }
    tokens.retain(|t| !matches!(t.token, Token::Whitespace(_)));
    bounded(text, &tokens)?;
    let is_table = |t: &Token| matches!(t, Token::Word(w) if w.keyword == Keyword::TABLE && w.quote_style.is_none());
    let drop: Vec<bool> = (0..tokens.len())
        .map(|i| {
            is_table(&tokens[i].token)
                && i > 0
                && matches!(tokens[i - 1].token, Token::LParen | Token::RArrow)
                && matches!(tokens.get(i + 1).map(|t| &t.token), Some(Token::Word(_)))
        })
        .collect();
    let mut dropped = drop.iter();
    // TABLE(TUMBLE(…)): the outer word is followed by a parenthesis and stays.
    tokens.retain(|_| dropped.next() != Some(&true));
    Ok(tokens)
}

/// Refuses a statement with too many operators.
fn bounded(text: Text<'_>, tokens: &[TokenWithSpan]) -> Result<(), QueryError> {
    for statement in tokens.split(|t| t.token == Token::SemiColon) {
        let mut operators = statement.iter().filter(|t| is_operator(&t.token));
        if let Some(one) = operators.nth(MOST_OPERATORS) {
            let found = format!(
                "`{}` is one operator more than the {MOST_OPERATORS} that a query may have",
                one.token
            );
            let allowed = "write less: a long list of values is `x IN (…)`";
            return Err(text.error(one.span, found, allowed));
        }
    }
    Ok(())
}

/// A syntax error with its place, which `sqlparser` writes into the message; without one at `from`.
pub fn syntax(text: Text<'_>, error: &ParserError, from: Span, allowed: &str) -> QueryError {
    let message = match error {
        ParserError::TokenizerError(m) | ParserError::ParserError(m) => m.clone(),
        ParserError::RecursionLimitExceeded => "the query is nested too deep".to_owned(),
    };
    let (message, place) = match message.rsplit_once(" at Line: ") {
        Some((message, place)) => (message.to_owned(), Some(place.to_owned())),
        None => (message, None),
    };
    let at = place.and_then(|place| {
        let (line, column) = place.split_once(", Column: ")?;
        Some(Location {
            line: line.trim().parse().ok()?,
            column: column.trim().parse().ok()?,
        })
    });
    let span = at.map_or(from, |at| Span::new(at, at));
    text.error(span, message, allowed)
}

/// What a ranking looks like.
pub const SHAPE: &str = "a ranking is written as
  SELECT … FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS rownum FROM (
      SELECT window_start, window_end, city, SUM(amount) AS total
      FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY))
      GROUP BY window_start, window_end, city))
  WHERE rownum <= 10";
