//! What went wrong with a request, as a problem document (RFC 9457).

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use standings_model::error::Code;

/// A refusal. Becomes `application/problem+json`; its `instance` is added where the path is known.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Status.
    pub status: StatusCode,
    /// What is wrong here, and what to do.
    pub detail: String,
    /// The error of the table behind it, if there is one.
    pub code: Option<&'static Code>,
    /// Seconds after which it may work.
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A refusal with a status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Problem {
            status,
            detail: detail.into(),
            code: None,
            retry_after: None,
        }
    }

    /// 400.
    pub fn bad(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    /// 503, which may heal.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Problem {
            retry_after: Some(1),
            ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// The document.
    pub fn document(&self, instance: &str) -> String {
        let title = self.status.canonical_reason().unwrap_or("Problem");
        let mut document = serde_json::json!({
            "type": "about:blank",
            "title": title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": instance,
        });
        if let Some(code) = self.code {
            document["code"] = code.id.into();
        }
        document.to_string()
    }

    /// The answer to a request for `instance`.
    pub fn answer(&self, instance: &str) -> Response {
        let mut response = Response::new(Body::from(self.document(instance)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"standings\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.answer("");
        // Written anew, with the path, by who knows it.
        response.extensions_mut().insert(self);
        response
    }
}
