//! `/*+ OPTIONS('key' = 'value') */` behind the outermost SELECT: settings of one ranking.

use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer};

use super::dialect::{Flink, hint};
use super::error::{QueryError, Text};
use super::said::{self, Said};
use super::toml::nearest;

const WRITTEN: &str =
    "/*+ OPTIONS('emit.provisional'='all', 'state.ttl'='0') */ behind the outermost SELECT";
const KEYS: [&str; 2] = [said::PROVISIONAL, said::HINTED_TTL];

/// What is left of a statement's tokens, and what its hints say.
type Taken = (Vec<TokenWithSpan>, Said);

/// Takes the hints out of a statement, each checked: where it stands, and what it says.
pub fn taken(text: Text<'_>, tokens: &[TokenWithSpan]) -> Result<Option<Taken>, QueryError> {
    if !tokens.iter().any(|t| hint(&t.token).is_some()) {
        return Ok(None);
    }
    let (mut depth, mut all) = (0usize, Said::default());
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
        all = options(text, token.span, said)?.or(all);
    }
    Ok(Some((kept, all)))
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

/// `OPTIONS('key' = 'value', …)`.
fn options(text: Text<'_>, at: Span, said: &str) -> Result<Said, QueryError> {
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
    let mut all = Said::default();
    for pair in list.split(|t| *t == Token::Comma) {
        let [
            Token::SingleQuotedString(key),
            Token::Eq,
            Token::SingleQuotedString(value),
        ] = pair
        else {
            return Err(wrong());
        };
        option(text, at, key, value.trim(), &mut all)?;
    }
    Ok(all)
}

/// What is not known is refused by name.
fn option(
    text: Text<'_>,
    at: Span,
    key: &str,
    value: &str,
    all: &mut Said,
) -> Result<(), QueryError> {
    let allowed = match key {
        said::PROVISIONAL => match said::provisional(value) {
            Some(said) => {
                all.provisional = Some(said);
                return Ok(());
            }
            None => said::PROVISIONALS.to_owned(),
        },
        said::HINTED_TTL => match said::ttl(value) {
            Some(ms) => {
                all.ttl = Some(said::Ttl::new(ms, at));
                return Ok(());
            }
            None => said::TTLS.to_owned(),
        },
        other => {
            let near = nearest(other, KEYS.into_iter());
            let near = near.map_or_else(String::new, |n| format!("did you mean '{n}'? "));
            format!("{near}{WRITTEN}")
        }
    };
    Err(text.error(at, format!("the hint '{key}' = '{value}'"), allowed))
}
