//! What an endpoint of HTTP answered, and what its status means: the same for every source that asks one.

pub mod retry;

use std::time::SystemTime;

use super::feed::Trouble;

/// What an endpoint answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// `Location`, for people.
    pub location: Option<String>,
    /// `Link`, each of them.
    pub links: Vec<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Date`: the endpoint's clock.
    pub date: Option<String>,
    /// Body, decompressed.
    pub body: Vec<u8>,
}

/// Looks at the status of an answer that says nothing else of what went wrong.
///
/// # Errors
/// It is none of 2xx: later where another attempt may work, not before `Retry-After`; else somebody has to do something.
pub fn judged(answer: &Answer, now: SystemTime) -> Result<(), Trouble> {
    let status = answer.status;
    match status {
        200..=299 => Ok(()),
        408 | 425 | 429 | 500..=599 => Err(Trouble::Later {
            why: format!("the endpoint answered {status}"),
            after: after(answer, now),
        }),
        300..=399 => Err(Trouble::Broken(format!(
            "the endpoint answered {status}, which leads elsewhere: no redirect is followed; give the URL that is meant"
        ))),
        401 | 403 => Err(Trouble::Broken(format!(
            "the endpoint answered {status}: the credentials are not taken"
        ))),
        _ => Err(Trouble::Broken(format!("the endpoint answered {status}"))),
    }
}

/// How long the endpoint asks to be left alone.
pub fn after(answer: &Answer, now: SystemTime) -> Option<std::time::Duration> {
    let said = answer.retry_after.as_deref();
    said.and_then(|text| retry::after(text, now))
}

/// An answer that is not as it should be.
pub(super) fn wrong(said: String) -> Trouble {
    Trouble::Broken(format!("the answer is not as configured: {said}"))
}
