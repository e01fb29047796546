//! What strangers may see: a ranking that `--http-public` names, as a small page for a frame elsewhere, and as a picture.
//!
//! ```text
//! request ──► gate: whose is this path? (`security::Subject`) ──► public? no credentials : the role `read`
//!                                                            │
//!             board, or the database, once a second ──► Face ─┬─► /embed/NAME           the page: no rows in it
//!                                                            ├─► /embed/NAME/events    the face, and again when it is another
//!                                                            └─► /rankings/NAME.svg    the face, drawn
//! ```
//!
//! 1. A stranger is given the newest window of a public ranking: its first rows, and how far event time has come. No other window, no
//!    row's past, no search, no offsets, nothing of another ranking; and is not told which others there are.
//! 2. The gate and the handler go by the same `Subject`, read once: no two spellings of a path are two things.
//! 3. However many look, the board or the database is asked once a second.
//! 4. No key in an address: the only parameters are `limit` and `theme`, all else is refused.
//! 5. A name is text: on the page by script, in the picture escaped, without what XML forbids or what turns the writing round.

mod embed;
mod face;
mod picture;
mod words;

pub(crate) use self::embed::__path_events;
pub(crate) use self::embed::__path_page;
pub(crate) use self::embed::{events, page};
pub(crate) use self::picture::{__path_picture, picture};

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::security::{Opened, Part};
use super::watch::Shown;

/// Whatever is asked for below `/embed/` and `/rankings/`.
pub(crate) async fn serve(State(shown): State<Arc<Shown>>, request: Request) -> Response {
    let query = request.uri().query().map(str::to_owned);
    let query = query.as_deref();
    let Some(opened) = request.extensions().get::<Opened>().cloned() else {
        return Problem::not_found(
            "nothing is at this path; there are: /embed/NAME, /rankings/NAME.svg",
        )
        .into_response();
    };
    let answer = match opened.subject.part {
        Part::Page => page(&shown, &opened, query),
        Part::Events => events(&shown, &opened, query).await,
        Part::Picture => picture(&shown, &opened, query).await,
    };
    answer.unwrap_or_else(Problem::into_response)
}

/// The policy of an answer that may be shown in frames, or not; `rest` is what it may load.
fn policy(rest: &str, frames: &str) -> HeaderValue {
    let text = format!("{rest}; frame-ancestors {frames}; base-uri 'none'; form-action 'none'");
    // `Public::new` takes what a header may hold, and nothing else.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests;
