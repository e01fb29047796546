//! A file's statements: what each is, still by its words.
//!
//! ```text
//! file ──tokens──► cut at `;` ──► CREATE TABLE   Declaration   (create, types: Flink's grammar, ours over the tokens)
//!                                 CREATE VIEW    View          ┐
//!                                 SELECT, INSERT Target        ├ queries are sqlparser's
//!                                 SET            Setting       ┘
//! ```
//!
//! Tokens keep their places, so everything that is wrong later is shown where it stands.

mod create;
mod cursor;
mod types;

use sqlparser::ast::{Ident, Query};
use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

pub use self::create::{Body, Declaration, WithOption};
use self::cursor::{Cursor, STATEMENTS};
use crate::dialect;
use crate::error::{QueryError, Text};
use crate::hint;
use crate::said::Said;

/// One statement.
#[derive(Debug)]
pub enum Statement {
    /// `CREATE TABLE`.
    Table(Box<Declaration>),
    /// `CREATE VIEW v AS SELECT …`.
    View(Box<View>),
    /// `SELECT …` or `INSERT INTO name SELECT …`.
    Ranking(Box<Target>),
    /// `SET 'key' = 'value'`.
    Set(WithOption),
}

impl Statement {
    /// Where it begins.
    pub fn span(&self) -> Span {
        match self {
            Statement::Table(table) => table.span,
            Statement::View(view) => view.span,
            Statement::Ranking(target) => target.span,
            Statement::Set(option) => option.key_span,
        }
    }
}

/// `CREATE VIEW`.
#[derive(Debug)]
pub struct View {
    /// Its name.
    pub name: Ident,
    /// `CREATE VIEW name`.
    pub span: Span,
    /// The names of its columns, where they are given: `v (a, b)`.
    pub columns: Vec<Ident>,
    /// What it stands for.
    pub query: Query,
}

/// A query, and what it is written to.
#[derive(Debug)]
pub struct Target {
    /// The ranking's name, by `INSERT INTO`; else the file's.
    pub name: Option<Ident>,
    /// `INSERT INTO name (a, b)`: the columns, where they are given.
    pub columns: Vec<Ident>,
    /// Where it begins: `INSERT INTO name`, or `SELECT`.
    pub span: Span,
    /// The query.
    pub query: Query,
    /// What is said for it beside its query.
    pub said: Said,
}

/// The statements of a file; what is wrong in one does not hide what is wrong in another. The names of tables and views that
/// are wrong are added to `broken`: what reads them is not wrong.
pub fn parse(
    text: Text<'_>,
    errors: &mut Vec<QueryError>,
    broken: &mut Vec<String>,
) -> Vec<Statement> {
    let tokens = match dialect::tokens(text) {
        Ok(tokens) => tokens,
        Err(error) => {
            errors.push(error);
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    let (mut set, mut said) = (None, Said::default());
    for part in tokens.split(|t| t.token == Token::SemiColon) {
        match one(text, part, &mut set, &mut said) {
            Ok(statement) => found.extend(statement),
            Err(error) => {
                errors.push(error);
                broken.extend(declared(part));
            }
        }
    }
    if let Some(open) = set {
        errors.push(text.error(
            open,
            "a statement set without its end",
            "END; after its last",
        ));
    }
    found
}

/// The name that is declared by a statement that cannot be read.
fn declared(tokens: &[TokenWithSpan]) -> Option<String> {
    let mut words = tokens
        .iter()
        .skip_while(|t| !cursor::is_word(&t.token, "CREATE"));
    let is_kind = |t: &&TokenWithSpan| {
        ["TABLE", "VIEW"]
            .iter()
            .any(|w| cursor::is_word(&t.token, w))
    };
    words.by_ref().take(3).find(is_kind)?;
    let mut rest = words.filter_map(|t| match &t.token {
        Token::Word(word) => Some(word),
        _ => None,
    });
    let skipped = ["IF", "NOT", "EXISTS"];
    let is_name = |w: &&sqlparser::tokenizer::Word| {
        w.quote_style.is_some() || !skipped.iter().any(|s| w.value.eq_ignore_ascii_case(s))
    };
    rest.find(is_name).map(|w| w.value.clone())
}

/// One statement; `set` is where a statement set that is open begins.
fn one(
    text: Text<'_>,
    tokens: &[TokenWithSpan],
    set: &mut Option<Span>,
    said: &mut Said,
) -> Result<Option<Statement>, QueryError> {
    let (without_hints, hinted) = hint::taken(text, tokens)?.unzip();
    let mut tokens = without_hints.as_deref().unwrap_or(tokens);
    if let Some(length) = opens_set(tokens) {
        if set.is_some() {
            let found = "a statement set inside of another";
            return Err(text.error(tokens[0].span, found, "END; before the next one"));
        }
        *set = Some(tokens[0].span);
        tokens = &tokens[length..];
    }
    let Some(first) = tokens.first() else {
        return Ok(None);
    };
    if set.is_some() && tokens.len() == 1 && cursor::is_word(&first.token, "END") {
        *set = None;
        return Ok(None);
    }
    let mut cursor = Cursor::new(text, tokens);
    let mut statement = match cursor.peek_upper().as_str() {
        "CREATE" => created(&mut cursor)?,
        "SET" => Statement::Set(setting(&mut cursor)?),
        "INSERT" => inserted(&mut cursor)?,
        "SELECT" | "WITH" => selected(&mut cursor)?,
        _ => return Err(unknown(text, first)),
    };
    cursor.end()?;
    if set.is_some() && !matches!(statement, Statement::Ranking(_)) {
        let found = format!("`{}` inside of a statement set", first.token);
        return Err(text.error(first.span, found, "INSERT INTO name SELECT …; and END;"));
    }
    match &mut statement {
        Statement::Ranking(target) => target.said = hinted.unwrap_or_default().or(*said),
        Statement::Set(option) => said.set(&option.key, &option.value, option.value_span),
        _ => {}
    }
    Ok(Some(statement))
}

/// How many tokens open a statement set, if they do: `EXECUTE STATEMENT SET BEGIN` and `BEGIN STATEMENT SET;`.
fn opens_set(tokens: &[TokenWithSpan]) -> Option<usize> {
    let begins = |words: &[&str]| {
        let mut all = words.iter().zip(tokens);
        tokens.len() >= words.len() && all.all(|(w, t)| cursor::is_word(&t.token, w))
    };
    match () {
        _ if begins(&["EXECUTE", "STATEMENT", "SET", "BEGIN"]) => Some(4),
        _ if begins(&["BEGIN", "STATEMENT", "SET"]) => Some(3),
        _ => None,
    }
}

fn created(cursor: &mut Cursor<'_>) -> Result<Statement, QueryError> {
    let from = cursor.next().span;
    if cursor.take("OR") {
        let at = cursor.peek().span;
        return Err(cursor.text.error(
            at,
            "OR REPLACE",
            "CREATE TABLE name (…): each is declared once",
        ));
    }
    cursor.take("TEMPORARY");
    match cursor.peek_upper().as_str() {
        "TABLE" => create::table(cursor, from).map(|t| Statement::Table(Box::new(t))),
        "VIEW" => view(cursor, from).map(|v| Statement::View(Box::new(v))),
        "SOURCE" | "MATERIALIZED" => {
            let what = cursor.next();
            let found = format!("CREATE {}", what.token);
            Err(cursor.text.error(
                what.span,
                found,
                "inputs are declared by CREATE TABLE, named queries by CREATE VIEW",
            ))
        }
        _ => {
            let what = cursor.next();
            let found = format!("CREATE {}", what.token);
            Err(cursor.text.error(what.span, found, STATEMENTS))
        }
    }
}

fn view(cursor: &mut Cursor<'_>, from: Span) -> Result<View, QueryError> {
    cursor.next();
    cursor.if_not_exists()?;
    let name = cursor.name("the view's name")?;
    let span = from.union(&name.span);
    let columns = match cursor.peek().token {
        Token::LParen => cursor.names()?,
        _ => Vec::new(),
    };
    if cursor.take("COMMENT") {
        cursor.string("the comment")?;
    }
    cursor.expect_word("AS", "CREATE VIEW v AS SELECT …")?;
    Ok(View {
        name,
        span,
        columns,
        query: cursor.query()?,
    })
}

fn setting(cursor: &mut Cursor<'_>) -> Result<WithOption, QueryError> {
    let from = cursor.next().span;
    let allowed = "SET 'table.local-time-zone' = 'Europe/Lisbon'; both in 'single quotes'";
    let (Token::SingleQuotedString(_), Token::Eq, Token::SingleQuotedString(_)) =
        (cursor.peek_nth(0), cursor.peek_nth(1), cursor.peek_nth(2))
    else {
        return Err(cursor.text.error(from, "SET in another form", allowed));
    };
    cursor.option()
}

fn inserted(cursor: &mut Cursor<'_>) -> Result<Statement, QueryError> {
    let from = cursor.next().span;
    if cursor.take("OVERWRITE") {
        return Err(cursor
            .text
            .error(from, "INSERT OVERWRITE", "INSERT INTO name SELECT …"));
    }
    cursor.expect_word("INTO", "INSERT INTO name SELECT …")?;
    let name = cursor.name("the ranking's name")?;
    let columns = match cursor.peek().token {
        Token::LParen => cursor.names()?,
        _ => Vec::new(),
    };
    if cursor.peek_upper() == "PARTITION" {
        let at = cursor.peek().span;
        return Err(cursor
            .text
            .error(at, "PARTITION of a target", "INSERT INTO name SELECT …"));
    }
    Ok(Statement::Ranking(Box::new(Target {
        span: from.union(&name.span),
        name: Some(name),
        columns,
        query: cursor.query()?,
        said: Said::default(),
    })))
}

fn selected(cursor: &mut Cursor<'_>) -> Result<Statement, QueryError> {
    let span = cursor.peek().span;
    Ok(Statement::Ranking(Box::new(Target {
        name: None,
        columns: Vec::new(),
        span,
        query: cursor.query()?,
        said: Said::default(),
    })))
}

fn unknown(text: Text<'_>, first: &TokenWithSpan) -> QueryError {
    let word = match &first.token {
        Token::Word(w) => w.value.to_ascii_uppercase(),
        other => other.to_string(),
    };
    let known = ["CREATE", "SELECT", "INSERT", "WITH", "SET", "EXECUTE"];
    let allowed = match crate::toml::nearest(&word, known.into_iter()) {
        Some(near) => format!("did you mean {near}? {STATEMENTS}"),
        None => STATEMENTS.to_owned(),
    };
    let found = format!("`{word}` where a statement begins");
    text.error(first.span, found, allowed)
}
