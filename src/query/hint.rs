//! `/*+ OPTIONS('key' = 'value') */` behind the outermost SELECT: settings of one ranking.

use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer};

use super::dialect::{Flink, hint};
use super::emit;
use super::error::{QueryError, Text};
use super::toml::nearest;
use standings_model::plan::Provisional;

const WRITTEN: &str =
    "/*+ OPTIONS('emit.provisional'='all', 'state.ttl'='0') */ behind the outermost SELECT";
const KEYS: [&str; 2] = ["emit.provisional", "state.ttl"];

/// What is left of a statement's tokens, and what its hints say.
type Taken = (Vec<TokenWithSpan>, Option<Provisional>);

/// Takes the hints out of a statement, each checked: where it stands, and what it says.
pub fn taken(text: Text<'_>, tokens: &[TokenWithSpan]) -> Result<Option<Taken>, QueryError> {
    if !tokens.iter().any(|t| hint(&t.token).is_some()) {
        return Ok(None);
    }
    let (mut depth, mut provisional) = (0usize, None);
    let mut kept: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let is_view = tokens.iter().take(3).any(|t| is_word(&t.token, "VIEW"));
    for token in tokens {
        let Some(said) = hint(&token.token) else {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                _ => {}
            }
            kept.push(token.clone());
            continue;
        };
        let behind_select = kept.last().is_some_and(|t| is_word(&t.token, "SELECT"));
        if depth > 0 || !behind_select || is_view {
            let found = "a hint in another place than behind the outermost SELECT";
            return Err(text.error(token.span, found, WRITTEN));
        }
        provisional = options(text, token.span, said)?.or(provisional);
    }
    Ok(Some((kept, provisional)))
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

/// `OPTIONS('key' = 'value', …)`.
fn options(text: Text<'_>, at: Span, said: &str) -> Result<Option<Provisional>, QueryError> {
    let wrong = || text.error(at, format!("the hint `{}`", said.trim()), WRITTEN);
    let tokens = Tokenizer::new(&Flink, said)
        .tokenize()
        .map_err(|_| wrong())?;
    let tokens: Vec<Token> = tokens
        .into_iter()
        .filter(|t| !matches!(t, Token::Whitespace(_)))
        .collect();
    let [name, Token::LParen, list @ .., Token::RParen] = &tokens[..] else {
        return Err(wrong());
    };
    if !is_word(name, "OPTIONS") {
        return Err(wrong());
    }
    let mut provisional = None;
    for pair in list.split(|t| *t == Token::Comma) {
        let [
            Token::SingleQuotedString(key),
            Token::Eq,
            Token::SingleQuotedString(value),
        ] = pair
        else {
            return Err(wrong());
        };
        provisional = option(text, at, key, value.trim())?.or(provisional);
    }
    Ok(provisional)
}

/// What is so anyway may be said; what is not done is refused by name.
fn option(
    text: Text<'_>,
    at: Span,
    key: &str,
    value: &str,
) -> Result<Option<Provisional>, QueryError> {
    let allowed = match (key, value) {
        (emit::KEY, value) => match emit::parse(value) {
            Some(said) => return Ok(Some(said)),
            None => emit::WORDS.to_owned(),
        },
        ("state.ttl", "0") => return Ok(None),
        ("state.ttl", _) => "'0': a time to live is not kept yet".to_owned(),
        (other, _) => {
            let near = nearest(other, KEYS.into_iter());
            let near = near.map_or_else(String::new, |n| format!("did you mean '{n}'? "));
            format!("{near}{WRITTEN}")
        }
    };
    Err(text.error(at, format!("the hint '{key}' = '{value}'"), allowed))
}
