//! Flink SQL for `sqlparser`: backquoted names, and `TABLE name` as an argument of a window function.

use sqlparser::ast::{
    CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName,
};
use sqlparser::dialect::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Whitespace, Word};

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

    /// `FOR SYSTEM_TIME AS OF`.
    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let name = match &parser.peek_token_ref().token {
            Token::Word(w) if w.quote_style.is_none() => &w.value,
            _ => return None,
        };
        let is_call = parser.peek_nth_token_ref(1).token == Token::LParen;
        if is_call && name.eq_ignore_ascii_case("JSON_VALUE") {
            return Some(json_value(parser));
        }
        let word = |at, keywords: &[Keyword]| match &parser.peek_nth_token_ref(at).token {
            Token::Word(w) => keywords.contains(&w.keyword),
            _ => false,
        };
        let is_trim = is_call
            && name.eq_ignore_ascii_case("TRIM")
            && word(2, &[Keyword::BOTH, Keyword::LEADING, Keyword::TRAILING])
            && word(3, &[Keyword::FROM]);
        is_trim.then(|| trim(parser))
    }
}

/// `TRIM(LEADING FROM text)`: of spaces.
fn trim(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let side = parser.parse_trim_where()?;
    parser.expect_keyword(Keyword::FROM)?;
    let of = parser.parse_expr()?;
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Trim {
        trim_where: Some(side),
        trim_what: None,
        expr: Box::new(of),
        trim_characters: None,
    })
}

/// What follows the arguments of `JSON_VALUE`, as the parser gives it: arguments by names that no text can have.
const ON_EMPTY: &str = "DEFAULT ON EMPTY";
const ON_ERROR: &str = "DEFAULT ON ERROR";

/// `JSON_VALUE(document, path [RETURNING type] [NULL | DEFAULT x ON EMPTY] [NULL | DEFAULT x ON ERROR])`. What is returned
/// as another type is a `TRY_CAST` of the call.
fn json_value(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let name = parser.parse_identifier()?;
    parser.expect_token(&Token::LParen)?;
    let unnamed = |e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e));
    let mut args = vec![unnamed(parser.parse_expr()?)];
    parser.expect_token(&Token::Comma)?;
    args.push(unnamed(parser.parse_expr()?));
    let is_returning = parser.parse_keyword(Keyword::RETURNING);
    let returning = match is_returning {
        true => Some(parser.parse_data_type()?),
        false => None,
    };
    while parser.peek_token_ref().token != Token::RParen {
        let value = if parser.parse_keyword(Keyword::DEFAULT) {
            // Above the `ON` behind it.
            Some(parser.parse_expr()?)
        } else if parser.parse_keyword(Keyword::NULL) {
            None
        } else {
            return parser.expected_ref(
                "RETURNING type, DEFAULT x or NULL, then ON EMPTY or ON ERROR",
                parser.peek_token_ref(),
            );
        };
        parser.expect_keyword(Keyword::ON)?;
        let name = match parser.expect_one_of_keywords(&[Keyword::EMPTY, Keyword::ERROR])? {
            Keyword::EMPTY => ON_EMPTY,
            _ => ON_ERROR,
        };
        if let Some(value) = value {
            args.push(FunctionArg::Named {
                name: Ident::new(name),
                arg: FunctionArgExpr::Expr(value),
                operator: FunctionArgOperator::RightArrow,
            });
        }
    }
    parser.expect_token(&Token::RParen)?;
    let call = Expr::Function(Function {
        name: ObjectName::from(vec![name]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    });
    Ok(match returning {
        None => call,
        Some(data_type) => Expr::Cast {
            kind: CastKind::TryCast,
            expr: Box::new(call),
            data_type,
            format: None,
        },
    })
}

/// The parts of a call of `JSON_VALUE`.
pub struct JsonValue<'a> {
    /// The document.
    pub document: &'a Expr,
    /// The path in it.
    pub path: &'a Expr,
    /// What comes out where the path leads nowhere.
    pub on_empty: Option<&'a Expr>,
    /// What comes out where there is no JSON, or no scalar.
    pub on_error: Option<&'a Expr>,
}

impl<'a> JsonValue<'a> {
    /// Of a call's arguments.
    pub fn of(list: &'a FunctionArgumentList) -> Option<Self> {
        let mut all = list.args.iter();
        let mut next = || match all.next()? {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e),
            _ => None,
        };
        let (document, path) = (next()?, next()?);
        let (mut on_empty, mut on_error) = (None, None);
        for more in all {
            match more {
                FunctionArg::Named {
                    name,
                    arg: FunctionArgExpr::Expr(e),
                    ..
                } if name.value == ON_EMPTY => on_empty = Some(e),
                FunctionArg::Named {
                    name,
                    arg: FunctionArgExpr::Expr(e),
                    ..
                } if name.value == ON_ERROR => on_error = Some(e),
                _ => return None,
            }
        }
        Some(JsonValue {
            document,
            path,
            on_empty,
            on_error,
        })
    }
}

/// Parses one expression, with nothing after it.
pub fn parse_expression(text: Text<'_>) -> Result<Expr, QueryError> {
    let tokens = tokens(text)?;
    if let Some(found) = tokens.iter().find(|t| hint(&t.token).is_some()) {
        return Err(text.error(found.span, "a hint in an expression", "leave /*+ … */ out"));
    }
    let mut parser = Parser::new(&Flink).with_tokens_with_locations(tokens);
    let parsed = parser.parse_expr();
    let expr = parsed.map_err(|e| syntax(text, &e, Span::empty(), "an expression"))?;
    let next = parser.peek_token();
    if next.token == Token::EOF {
        return Ok(expr);
    }
    let found = format!("`{}` after the end of the expression", next.token);
    Err(text.error(next.span, found, "one expression, and nothing behind it"))
}

/// A chain of operators is as deep as it is long, and whoever walks through it goes as deep: a query of any length must not
/// take more of a stack than there is.
const MOST_OPERATORS: usize = 500;
/// What compares or takes a part can be a chain too, of which nobody has need.
const MOST_COMPARISONS: usize = 1000;

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

fn is_comparison(token: &Token) -> bool {
    match token {
        Token::Word(w) if w.quote_style.is_none() => matches!(
            w.keyword,
            Keyword::IS | Keyword::IN | Keyword::LIKE | Keyword::BETWEEN
        ),
        Token::Eq
        | Token::Neq
        | Token::Lt
        | Token::LtEq
        | Token::Gt
        | Token::GtEq
        | Token::DoubleColon
        | Token::Arrow
        | Token::LongArrow
        | Token::LBracket => true,
        _ => false,
    }
}

/// The text of a hint, `/*+ … */`, if a token is one.
pub fn hint(token: &Token) -> Option<&str> {
    match token {
        Token::Whitespace(Whitespace::MultiLineComment(text)) => text.strip_prefix('+'),
        _ => None,
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
    // A hint stays, for the statement that it stands in.
    let is_space = |t: &Token| matches!(t, Token::Whitespace(_)) && hint(t).is_none();
    tokens.retain(|t| !is_space(&t.token));
    bounded(text, &tokens)?;
    plain_names(&mut tokens);
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
    Ok(partitions(tokens))
}

/// Words that are names in Flink, and the start of a version of the table before them in `sqlparser`, which knows such since
/// `FOR SYSTEM_TIME AS OF` is read: `FROM sales at`. Before `TIME ZONE` the first is the word that it is.
fn plain_names(tokens: &mut [TokenWithSpan]) {
    for at in 0..tokens.len() {
        let next = tokens.get(at + 1).map(|t| &t.token);
        let is_zone = matches!(next, Some(Token::Word(w)) if w.keyword == Keyword::TIME);
        if let Token::Word(Word { keyword, .. }) = &mut tokens[at].token
            && matches!(keyword, Keyword::AT | Keyword::BEFORE | Keyword::CHANGES)
            && !is_zone
        {
            *keyword = Keyword::NoKeyword;
        }
    }
}

/// The name that `PARTITION BY` behind a table has as a function.
pub const PARTITIONED: &str = "PARTITION BY";

/// `SESSION(t PARTITION BY k, …)` as `SESSION(t, PARTITION_BY(k), …)`, which `sqlparser` knows: places stay.
fn partitions(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let word = |at: usize, keyword: Keyword| {
        let token = tokens.get(at).map(|t| &t.token);
        matches!(token, Some(Token::Word(w)) if w.keyword == keyword && w.quote_style.is_none())
    };
    let is = |at: usize, token: &Token| tokens.get(at).is_some_and(|t| t.token == *token);
    let opens = |at: usize| {
        let is_name = at > 2 && matches!(tokens[at - 1].token, Token::Word(_));
        let called = |name: &Token| matches!(name, Token::Word(w) if w.value.eq_ignore_ascii_case("SESSION"));
        let of_call = is_name && is(at - 2, &Token::LParen) && called(&tokens[at - 3].token);
        let of_name = is_name && is(at - 2, &Token::RArrow);
        word(at, Keyword::PARTITION) && word(at + 1, Keyword::BY) && (of_call || of_name)
    };
    let mut out = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if !opens(at) {
            out.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let span = tokens[at].span;
        let mut push = |token| out.push(TokenWithSpan { token, span });
        push(Token::Comma);
        push(Token::make_word(PARTITIONED, Some('`')));
        push(Token::LParen);
        at += 2;
        let mut depth = 0;
        while let Some(token) = tokens.get(at) {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen if depth == 0 => break,
                Token::RParen => depth -= 1,
                Token::Comma if depth == 0 => break,
                _ => {}
            }
            out.push(token.clone());
            at += 1;
        }
        out.push(TokenWithSpan {
            token: Token::RParen,
            span,
        });
    }
    out
}

/// Whether `<` behind this is that of a type, `ARRAY<INT>`.
fn is_made_of(token: &Token) -> bool {
    match token {
        Token::Word(w) => ["ROW", "ARRAY", "MAP"]
            .iter()
            .any(|t| w.value.eq_ignore_ascii_case(t)),
        _ => false,
    }
}

/// Refuses a statement with too many operators.
fn bounded(text: Text<'_>, tokens: &[TokenWithSpan]) -> Result<(), QueryError> {
    type Is = fn(&Token) -> bool;
    let kinds: [(Is, usize); 2] = [
        (is_operator, MOST_OPERATORS),
        (is_comparison, MOST_COMPARISONS),
    ];
    for statement in tokens.split(|t| t.token == Token::SemiColon) {
        for (is, most) in kinds {
            let mut before = &Token::EOF;
            let mut counted = statement.iter().filter(|t| {
                let opens = t.token == Token::Lt && is_made_of(before);
                before = &t.token;
                is(&t.token) && !opens
            });
            let Some(one) = counted.nth(most) else {
                continue;
            };
            let found = format!(
                "`{}` is one operator more than the {most} that a query may have",
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
