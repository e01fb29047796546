//! A place among the tokens of one statement.

use sqlparser::ast::{Expr, Ident, Query};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

use super::WithOption;
use crate::dialect::{self, Flink, SHAPE};
use crate::error::{QueryError, Text};

/// What a statement may be.
pub(super) const STATEMENTS: &str = "a file holds CREATE TABLE, CREATE VIEW, SET 'key' = 'value', INSERT INTO name SELECT …, \
     EXECUTE STATEMENT SET BEGIN … END, and at most one SELECT that is named by the file, each ended by `;`";

/// Whether a token is this word, not quoted.
pub(super) fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

/// The tokens of one statement, and how far they are read. Expressions and queries are handed to `sqlparser`, which reads
/// the same tokens.
pub(super) struct Cursor<'a> {
    pub(super) text: Text<'a>,
    parser: Parser<'static>,
    /// Right behind the last token: where something is missing.
    end: Span,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: Text<'a>, tokens: &[TokenWithSpan]) -> Self {
        let last = tokens.last().map_or(Span::empty(), |t| t.span);
        let tokens = tokens.iter().flat_map(halves).collect();
        Cursor {
            text,
            parser: Parser::new(&Flink).with_tokens_with_locations(tokens),
            end: last,
        }
    }

    /// The next token; at the end `EOF`, at the place of the last one.
    pub(super) fn peek(&self) -> TokenWithSpan {
        let mut next = self.parser.peek_token();
        if next.token == Token::EOF {
            next.span = self.end;
        }
        next
    }

    pub(super) fn peek_nth(&self, n: usize) -> Token {
        self.parser.peek_nth_token(n).token
    }

    /// The next token as a word in capitals, if it is one without quotes; else nothing.
    pub(super) fn peek_upper(&self) -> String {
        self.upper(0)
    }

    /// As [`Cursor::peek_upper`], of the n-th token from here.
    pub(super) fn upper(&self, n: usize) -> String {
        match self.peek_nth(n) {
            Token::Word(w) if w.quote_style.is_none() => w.value.to_ascii_uppercase(),
            _ => String::new(),
        }
    }

    pub(super) fn next(&mut self) -> TokenWithSpan {
        let next = self.peek();
        if next.token != Token::EOF {
            self.parser.advance_token();
        }
        next
    }

    /// Takes a word, if it is next.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let is = self.peek_upper() == word;
        if is {
            self.next();
        }
        is
    }

    /// Takes words, if all of them are next.
    pub(super) fn take_all(&mut self, words: &[&str]) -> bool {
        let is = words
            .iter()
            .enumerate()
            .all(|(n, word)| self.upper(n) == *word);
        if is {
            words.iter().for_each(|_| drop(self.next()));
        }
        is
    }

    /// Takes a token, if it is next.
    pub(super) fn take_token(&mut self, token: &Token) -> bool {
        let is = self.peek().token == *token;
        if is {
            self.next();
        }
        is
    }

    pub(super) fn expect_word(&mut self, word: &str, allowed: &str) -> Result<Span, QueryError> {
        match self.peek_upper() == word {
            true => Ok(self.next().span),
            false => Err(self.unexpected(&format!("{word} is missing"), allowed)),
        }
    }

    pub(super) fn expect(&mut self, token: &Token, allowed: &str) -> Result<Span, QueryError> {
        match self.peek().token == *token {
            true => Ok(self.next().span),
            false => Err(self.unexpected(&format!("`{token}` is missing"), allowed)),
        }
    }

    /// What is next is not what is wanted.
    pub(super) fn unexpected(&self, what: &str, allowed: &str) -> QueryError {
        let next = self.peek();
        let found = match next.token {
            Token::EOF => format!("{what} at the end of the statement"),
            other => format!("{what} before `{other}`"),
        };
        self.text.error(next.span, found, allowed)
    }

    /// `IF NOT EXISTS`, which changes nothing: each name is declared once.
    pub(super) fn if_not_exists(&mut self) -> Result<(), QueryError> {
        if self.take("IF") {
            self.expect_word("NOT", "IF NOT EXISTS")?;
            self.expect_word("EXISTS", "IF NOT EXISTS")?;
        }
        Ok(())
    }

    /// A name of one part.
    pub(super) fn name(&mut self, what: &str) -> Result<Ident, QueryError> {
        let allowed =
            "a name; one with other signs than letters, digits and _ stands in `backquotes`";
        let next = self.peek();
        let Token::Word(word) = next.token else {
            return Err(self.unexpected(&format!("{what} is missing"), allowed));
        };
        self.next();
        if self.peek().token == Token::Period {
            let at = self.peek().span;
            let allowed = "names without a catalog or a database, `orders`";
            return Err(self.text.error(at, format!("`{word}.` in {what}"), allowed));
        }
        Ok(Ident {
            value: word.value,
            quote_style: word.quote_style,
            span: next.span,
        })
    }

    /// `(a, b)`.
    pub(super) fn names(&mut self) -> Result<Vec<Ident>, QueryError> {
        let allowed = "names in parentheses: (a, b)";
        self.expect(&Token::LParen, allowed)?;
        let mut all = Vec::new();
        loop {
            all.push(self.name("a column's name")?);
            if !self.take_token(&Token::Comma) {
                break;
            }
        }
        self.expect(&Token::RParen, allowed)?;
        Ok(all)
    }

    /// A text in single quotes.
    pub(super) fn string(&mut self, what: &str) -> Result<(String, Span), QueryError> {
        let next = self.peek();
        match next.token {
            Token::SingleQuotedString(text) => {
                self.next();
                Ok((text, next.span))
            }
            _ => Err(self.unexpected(&format!("{what} is missing"), "text in 'single quotes'")),
        }
    }

    /// `'key' = 'value'`.
    pub(super) fn option(&mut self) -> Result<WithOption, QueryError> {
        let (key, key_span) = self.string("the option's name")?;
        self.expect(&Token::Eq, "'name' = 'value'")?;
        let (value, value_span) = self.string("the option's value")?;
        Ok(WithOption {
            key,
            key_span,
            value,
            value_span,
        })
    }

    /// A whole number.
    pub(super) fn number(&mut self, what: &str) -> Result<(u32, Span), QueryError> {
        let next = self.peek();
        if let Token::Number(digits, _) = &next.token
            && let Ok(n) = digits.parse()
        {
            self.next();
            return Ok((n, next.span));
        }
        Err(self.unexpected(&format!("{what} is missing"), "a whole number"))
    }

    /// An expression.
    pub(super) fn expression(&mut self, allowed: &str) -> Result<Expr, QueryError> {
        let from = self.peek().span;
        let parsed = self.parser.parse_expr();
        parsed.map_err(|e| dialect::syntax(self.text, &e, from, allowed))
    }

    /// A query, up to the end of the statement.
    pub(super) fn query(&mut self) -> Result<Query, QueryError> {
        let from = self.peek().span;
        let parsed = self.parser.parse_query();
        let query = parsed.map_err(|e| dialect::syntax(self.text, &e, from, SHAPE))?;
        Ok(*query)
    }

    /// Refuses what is behind the statement.
    pub(super) fn end(&self) -> Result<(), QueryError> {
        let next = self.peek();
        match next.token {
            Token::EOF => Ok(()),
            other => {
                let found = format!("`{other}` after the end of the statement");
                Err(self
                    .text
                    .error(next.span, found, "`;` between two statements"))
            }
        }
    }
}

/// `>>` is two brackets of types: no statement shifts bits.
fn halves(token: &TokenWithSpan) -> Vec<TokenWithSpan> {
    if token.token != Token::ShiftRight {
        return vec![token.clone()];
    }
    let start = token.span.start;
    let half = |by: u64| {
        let at = |more| Location {
            line: start.line,
            column: start.column + by + more,
        };
        TokenWithSpan {
            token: Token::Gt,
            span: Span::new(at(0), at(1)),
        }
    };
    vec![half(0), half(1)]
}
