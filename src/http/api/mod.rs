//! The JSON API: rows of rankings by window, date or key; why a row is where it is; what holds a window open.
//!
//! 1. Every answer says what it is an answer of: commit, offsets, watermark.
//! 2. Whoever names offsets is answered from there or later, or refused.

pub(super) mod changes;
pub(super) mod letters;
mod moved;
pub(super) mod page;
pub(super) mod position;
pub(super) mod process;
pub(super) mod rows;
pub(super) mod runs;
pub(super) mod search;
pub(super) mod series;
pub(super) mod sources;
pub(super) mod watermarks;
pub(super) mod why;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::as_of::{AsOf, token};

/// The headers that say what an answer is of.
pub(super) const COMMIT: HeaderName = HeaderName::from_static("standings-commit");
pub(super) const OFFSETS: HeaderName = HeaderName::from_static("standings-offsets");
/// Commits that the answer lacks of those that are known here: it came from a replica that is behind.
pub(super) const BEHIND: HeaderName = HeaderName::from_static("standings-behind");
pub(super) const WATERMARK: HeaderName = HeaderName::from_static("standings-watermark");

/// How many rows there are in all, of which an answer shows some.
pub(super) const COUNT: HeaderName = HeaderName::from_static("standings-count");

/// The last commit that changed the window that an answer shows: pages that name the same are pages of the same rows.
pub(super) const WINDOW_COMMIT: HeaderName = HeaderName::from_static("standings-window-commit");

/// A JSON answer.
fn answer(as_of: &AsOf, body: String) -> Response {
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    mark(&mut response, as_of);
    response
}

/// Says what an answer is of, unless it says so already.
pub(super) fn mark(response: &mut Response, as_of: &AsOf) {
    let headers = response.headers_mut();
    if headers.contains_key(COMMIT) {
        return;
    }
    let text = |t: &str| HeaderValue::from_str(t).unwrap_or(HeaderValue::from_static(""));
    headers.insert(COMMIT, HeaderValue::from(as_of.commit));
    headers.insert(OFFSETS, text(&token(&as_of.offsets)));
    let watermark = as_of.watermark_text().unwrap_or_default();
    headers.insert(WATERMARK, text(&watermark));
}
