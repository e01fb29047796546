//! How large a request's head may be.

use axum::extract::Request;
use axum::http::StatusCode;

use crate::problem::Problem;

/// The largest head of a request, bytes. The server's buffer is as large; but what it reads at once may be more.
pub(crate) const LARGEST_HEAD: usize = 32 << 10;

/// Refuses a head that is too large, as it was written: its lines and what ends each of them.
pub(super) fn check(request: &Request) -> Result<(), Problem> {
    let first = request.method().as_str().len() + request.uri().to_string().len() + 12;
    let lines = request.headers().iter();
    let lines: usize = lines.map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
    if first + lines <= LARGEST_HEAD {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        format!("a head of more than {LARGEST_HEAD} bytes"),
    ))
}
