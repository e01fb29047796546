//! A bucket that is busy or down when a run starts is waited for, as a sink is: with a line that says so. Snapshots that
//! cannot be asked for are not none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{ClientOptions, Error, ObjectStore, RetryConfig};

use super::bucket::s3;
use super::error::OpenError;
use super::url::StateUrl;
use standings_model::clock::Clock;
use standings_observe::live::Live;
use standings_observe::waiting::{Waiting, What};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// Between two attempts.
const AGAIN: Duration = Duration::from_secs(1);

/// Waits until a bucket answers; `false` when told to stop before. A folder is not waited for. What the bucket says is for
/// who reads it: here it only has to answer.
pub fn wait_for(url: &StateUrl, live: &Arc<Live>, stop: &AtomicBool) -> Result<bool, OpenError> {
    let StateUrl::S3 { bucket, prefix } = url else {
        return Ok(true);
    };
    let once = RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    };
    let limits = ClientOptions::new()
        .with_timeout(ANSWER)
        .with_connect_timeout(ANSWER);
    let limits = match std::env::var("AWS_ALLOW_HTTP").is_ok_and(|v| v == "true") {
        true => limits.with_allow_http(true),
        false => limits,
    };
    let store = s3(bucket)
        .with_retry(once)
        .with_client_options(limits)
        .build()
        .map_err(OpenError::of(url))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(OpenError::of(url))?;
    let mut waiting = Waiting::new(What::State, &url.to_string(), live, &Clock::default());
    let folder = Path::from(format!("{prefix}/manifests"));
    while !stop.load(Ordering::Relaxed) {
        let first = async { store.list(Some(&folder)).next().await.transpose() };
        let answer = runtime.block_on(async { tokio::time::timeout(2 * ANSWER, first).await });
        let problem = match answer {
            Ok(Err(e)) if passes(&e) => words(&e),
            Ok(_) => {
                waiting.done();
                return Ok(true);
            }
            Err(_) => format!("a list was not answered within {:?}", 2 * ANSWER),
        };
        waiting.tried(&problem);
        std::thread::sleep(AGAIN);
    }
    Ok(false)
}

/// Whether another try may work: the store is away, or has too much to do.
pub(crate) fn passes(error: &Error) -> bool {
    // A request that is refused for what it is has a status of its own; the client tells it only in its words.
    let refused = |text: &str| {
        text.contains("without LOCATION")
            || ["301", "400", "401", "403", "404", "405", "416", "501"]
                .iter()
                .any(|status| {
                    text.contains(&format!("status {status}"))
                        || text.contains(&format!("code: {status}"))
                })
    };
    match error {
        Error::Generic { .. } => !refused(&words(error)),
        _ => false,
    }
}

/// What it says, and why, as far as that is told.
pub(crate) fn words(error: &Error) -> String {
    let (mut text, mut cause) = (error.to_string(), std::error::Error::source(error));
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    text.truncate(text.floor_char_boundary(400));
    text
}
