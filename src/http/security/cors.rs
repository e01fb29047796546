//! Which pages of other origins may read answers: those that are named, and no other.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use crate::error::HttpError;

/// The origins that are allowed.
#[derive(Debug, Default)]
pub(super) struct Cors(Vec<String>);

impl Cors {
    /// Origins as browsers write them: `https://wall.example`.
    pub(super) fn new(origins: &[String]) -> Result<Self, HttpError> {
        for origin in origins {
            let host = origin
                .strip_prefix("https://")
                .or(origin.strip_prefix("http://"));
            let is_host = |h: &str| !h.is_empty() && !h.contains(['/', '*', ' ', ',']);
            if !host.is_some_and(is_host) {
                return Err(HttpError::Origin(origin.clone()));
            }
        }
        Ok(Cors(origins.to_vec()))
    }

    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        let text = origin.to_str().ok()?;
        self.0.iter().any(|o| o == text).then(|| origin.clone())
    }

    /// The answer to a browser that asks whether it may ask.
    pub(super) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        if method != Method::OPTIONS || !headers.contains_key("access-control-request-method") {
            return None;
        }
        self.allowed(headers)?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let out = response.headers_mut();
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "authorization, x-api-key, last-event-id",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            out.insert(name, HeaderValue::from_static(value));
        }
        Some(response)
    }

    /// Lets an allowed origin read an answer.
    pub(super) fn mark(&self, request: &HeaderMap, response: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        response.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = self.allowed(request) {
            response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            let exposed = "standings-commit, standings-behind, standings-offsets, standings-watermark, retry-after";
            response.insert(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(exposed),
            );
        }
    }
}
