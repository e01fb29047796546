//! An API that is asked page by page.
//!
//! ```text
//! token ──► GET url(page) ──► 200: rows, the next cursor or link ──► `pages`
//!                         ├─► 429, 503, 5xx: later, not before Retry-After
//!                         ├─► 401 with a token of OAuth2: once more, with a new one
//!                         └─► anything else: broken
//! ```
//!
//! How it is gone through, and what of it is written, is `pages`'.
//!
//! 1. No redirect is followed and no other origin asked: a next link that leads there breaks the source.

pub mod body;
pub mod oauth;
pub mod path;
pub mod template;

use standings_model::clock::Clock;

use self::body::Form;
use self::oauth::Tokens;
use self::path::Path;
use self::template::{filled, joined, next_of};
use super::answer::{Answer, judged, wrong};
use super::feed::Trouble;
use super::pages::{self, Brought, Endpoint, Filling, PagesFeed};
use super::row::Shape;

/// Asks an endpoint.
pub trait Fetch: Send {
    /// GET. The credentials go to the configured origin alone; `token` is one of OAuth2.
    ///
    /// # Errors
    /// No answer, or an address that may not be asked.
    fn get(&mut self, url: &str, token: Option<&str>) -> Result<Answer, Trouble>;

    /// POST of a form to the endpoint of tokens, with the client's credentials.
    ///
    /// # Errors
    /// As [`Fetch::get`].
    fn token(&mut self, form: &str) -> Result<Answer, Trouble>;
}

/// Where an answer says which page is the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nowhere.
    Nowhere,
    /// In its body.
    Cursor(Path),
    /// In the header `Link`.
    Link,
}

/// How an API is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// With places such as `{cursor}`: [`template::PLACES`].
    pub url: String,
    /// How answers are written.
    pub form: Form,
    /// Where they say what is the next.
    pub next: Next,
    /// Tokens are asked for: of this scope, if one is said.
    pub oauth: Option<Option<String>>,
}

/// An API.
pub struct Api<F> {
    fetch: F,
    settings: Settings,
    clock: Clock,
    tokens: Tokens,
}

/// An API as a source.
pub type RestFeed<F> = PagesFeed<Api<F>>;

/// An API as a source. Nothing is asked yet.
pub fn feed<F: Fetch>(
    fetch: F,
    (settings, pages): (Settings, pages::Settings),
    shape: Shape,
    clock: Clock,
) -> RestFeed<F> {
    let api = Api {
        fetch,
        settings,
        clock: clock.clone(),
        tokens: Tokens::default(),
    };
    PagesFeed::new(api, pages, shape, clock)
}

impl<F: Fetch> Api<F> {
    /// The URL of a page.
    fn url(&self, page: Filling<'_>) -> Result<String, Trouble> {
        let url = &self.settings.url;
        let first = filled(url, page);
        let is_link = !page.cursor.is_empty() && !url.contains("{cursor}");
        match is_link {
            true => joined(&first, page.cursor),
            false => Ok(first),
        }
    }

    /// Asks; a token that is not taken any more is asked for anew, once.
    fn answer(&mut self, url: &str) -> Result<Answer, Trouble> {
        let Some(scope) = &self.settings.oauth else {
            return self.fetch.get(url, None);
        };
        let (fetch, clock) = (&mut self.fetch, &self.clock);
        let token = self.tokens.get(fetch, scope.as_deref(), clock)?;
        let answer = fetch.get(url, Some(&token))?;
        if answer.status != 401 {
            return Ok(answer);
        }
        self.tokens.forget();
        let token = self.tokens.get(fetch, scope.as_deref(), clock)?;
        fetch.get(url, Some(&token))
    }

    /// What an answer says of the page behind it.
    fn next(&self, answer: &Answer, text: &str) -> Result<Option<String>, Trouble> {
        match &self.settings.next {
            Next::Nowhere => Ok(None),
            Next::Link => Ok(next_of(&answer.links)),
            Next::Cursor(path) => {
                let found = path.find(text);
                let found = found.map_err(|e| wrong(format!("`cursor`: {e}")))?;
                Ok(found.first().map(|raw| plain(raw)))
            }
        }
    }
}

/// A cursor as a text: a string without its quotes, a number as it is written.
fn plain(raw: &str) -> String {
    serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned())
}

impl<F: Fetch> Endpoint for Api<F> {
    fn ask(&mut self, page: Filling<'_>) -> Result<Brought, Trouble> {
        let url = self.url(page)?;
        let answer = self.answer(&url)?;
        judged(&answer, self.clock.wall())?;
        let text = Form::text(&answer.body)?;
        Ok(Brought {
            rows: self.settings.form.rows(text)?,
            next: self.next(&answer, text)?,
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
