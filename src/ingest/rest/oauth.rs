//! OAuth2 by client credentials (RFC 6749, 4.4): a token that is asked for, used, and asked for anew when its time is over or the
//! endpoint does not take it any more, also in the middle of a pass.
//!
//! 1. An answer of the token's endpoint is not repeated anywhere: of an error only its word is, where it is one of RFC 6749.

use std::time::{Duration, Instant};

use serde::Deserialize;
use standings_model::clock::Clock;

use super::Fetch;
use super::template::encoded;
use crate::answer::Answer;
use crate::feed::Trouble;

/// So long before its end a token is not used any more.
const BEFORE: Duration = Duration::from_secs(30);
/// What is taken where the endpoint says no time.
const USUAL: Duration = Duration::from_secs(300);

/// The token that there is.
#[derive(Default)]
pub(super) struct Tokens {
    now: Option<(String, Instant)>,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl Tokens {
    /// Forgets the token: the endpoint did not take it.
    pub(super) fn forget(&mut self) {
        self.now = None;
    }

    /// The token, asked for where there is none or its time is over.
    pub(super) fn get(
        &mut self,
        fetch: &mut impl Fetch,
        scope: Option<&str>,
        clock: &Clock,
    ) -> Result<String, Trouble> {
        if let Some((token, until)) = &self.now
            && clock.now() < *until
        {
            return Ok(token.clone());
        }
        let mut form = "grant_type=client_credentials".to_owned();
        if let Some(scope) = scope {
            form += &format!("&scope={}", encoded(scope));
        }
        let asked = clock.now();
        let (token, life) = read(&fetch.token(&form)?)?;
        self.now = Some((token.clone(), asked + life));
        Ok(token)
    }
}

/// A token, and for how long it is used.
fn read(answer: &Answer) -> Result<(String, Duration), Trouble> {
    let broken = |said: &str| Trouble::Broken(format!("the token's endpoint {said}"));
    match answer.status {
        200 => {}
        408 | 429 | 500..=599 => {
            return Err(Trouble::later(format!(
                "the token's endpoint answered {}",
                answer.status
            )));
        }
        status => {
            let word = serde_json::from_slice::<Refused>(&answer.body).map(|refused| refused.error);
            let is_word = |word: &String| {
                word.len() <= 40 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            };
            let word = word.ok().filter(is_word);
            let word = word.map_or_else(String::new, |word| format!(": {word}"));
            return Err(broken(&format!("answered {status}{word}")));
        }
    }
    let given: Given = serde_json::from_slice(&answer.body)
        .map_err(|_| broken("answered what is no token (not shown)"))?;
    let is_bearer = given
        .token_type
        .as_deref()
        .is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    if !is_bearer {
        return Err(broken("gives tokens of another type than bearer"));
    }
    let fits = |b: u8| b.is_ascii_graphic();
    if given.access_token.is_empty() || !given.access_token.bytes().all(fits) {
        return Err(broken(
            "answered a token that can stand in no header (not shown)",
        ));
    }
    // Some write it as a text.
    let seconds = given.expires_in.and_then(|n| match n {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    });
    let life = seconds.map_or(USUAL, Duration::from_secs);
    // One of a few seconds is used for half of them.
    let life = life
        .checked_sub(BEFORE)
        .filter(|left| *left >= BEFORE)
        .unwrap_or(life / 2);
    Ok((given.access_token, life.min(Duration::from_secs(86_400))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_token_and_what_is_not_repeated() {
        let answer = |status, body: &str| Answer {
            status,
            body: body.as_bytes().to_vec(),
            ..Answer::default()
        };
        let seconds = Duration::from_secs;
        for (body, life) in [
            (
                r#"{"access_token":"t","token_type":"Bearer","expires_in":3600}"#,
                seconds(3570),
            ),
            (r#"{"access_token":"t","expires_in":"3600"}"#, seconds(3570)),
            (r#"{"access_token":"t","expires_in":10}"#, seconds(5)),
            (r#"{"access_token":"t"}"#, seconds(270)),
        ] {
            assert_eq!(
                read(&answer(200, body)).unwrap(),
                ("t".to_owned(), life),
                "{body}"
            );
        }
        for (status, body, words) in [
            (
                400,
                r#"{"error":"invalid_client","error_description":"s3cret"}"#,
                "400: invalid_client",
            ),
            (401, r#"{"error":"Nobody knows s3cret"}"#, "answered 401"),
            (302, "s3cret", "answered 302"),
            (200, "s3cret", "no token"),
            (
                200,
                r#"{"access_token":"s3cret","token_type":"mac"}"#,
                "another type",
            ),
            (200, "{\"access_token\":\"s3cret\\n\"}", "no header"),
            (200, r#"{"access_token":""}"#, "no header"),
        ] {
            let said = read(&answer(status, body)).unwrap_err();
            assert!(matches!(said, Trouble::Broken(_)), "{body}");
            assert!(
                said.why().contains(words) && !said.why().contains("s3cret"),
                "{said:?}"
            );
        }
        assert!(matches!(read(&answer(503, "")), Err(Trouble::Later { .. })));
    }
}
