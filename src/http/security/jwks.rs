//! The issuer's public keys, from a file or a URL: read again from time to time, and when a token names a key that is
//! not among them; but not more often than every half minute, whatever tokens come.
//!
//! 1. One attempt at a time; all who need it wait for the same one.
//! 2. While there are keys, nobody waits for fresher ones but who shows a key that is not among them.
//! 3. After an attempt that failed nobody waits for the next: it goes on aside.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::Caller;
use super::jwt::{self, Expected, Jwk, Refused};
use standings_model::error::codes;
use standings_model::redact;
use standings_process::exit::Failure;

/// How old keys may be before they are fetched again.
const REFRESH: Duration = Duration::from_secs(300);
/// The least time between two attempts.
const LEAST: Duration = Duration::from_secs(30);
/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest set of keys.
const LARGEST: usize = 256 << 10;

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    File(PathBuf),
    Url(reqwest::Url),
}

#[derive(Debug, Default)]
struct Known {
    keys: Option<Arc<Vec<Jwk>>>,
    tried: Option<Instant>,
    /// The last attempt gave no keys: nobody waits for the next.
    failed: bool,
    /// Ends with the attempt that runs.
    running: Option<watch::Receiver<()>>,
}

/// Checks tokens of one issuer.
#[derive(Debug)]
pub(super) struct Issuer {
    expected: Expected,
    set: Arc<Set>,
}

/// The issuer's keys.
#[derive(Debug)]
struct Set {
    source: Source,
    client: reqwest::Client,
    known: Mutex<Known>,
}

impl Issuer {
    /// `source` is a path, or an https URL (http only on this machine).
    pub(super) fn open(source: &str, expected: Expected) -> Result<Self, Failure> {
        let shown = redact::text(source);
        let wrong = |e: String| {
            Failure::of(
                &codes::http::ACCESS,
                format!("--http-jwt-jwks {shown}: {e}"),
            )
        };
        // Fails only if there is one already, which is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(|e| wrong(e.to_string()))?;
        let mut known = Known::default();
        let from = match source.contains("://") {
            false => {
                let text = std::fs::read(source).map_err(|e| wrong(e.to_string()))?;
                known.keys = Some(Arc::new(jwt::keys(&text).map_err(wrong)?));
                known.tried = Some(Instant::now());
                Source::File(source.into())
            }
            true => {
                let url: reqwest::Url =
                    source.parse().map_err(|_| wrong("not a URL".to_owned()))?;
                let host = url.host_str().unwrap_or_default();
                let here = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
                if url.scheme() != "https" && !(url.scheme() == "http" && here) {
                    return Err(wrong("keys come by https, or from this machine".to_owned()));
                }
                Source::Url(url)
            }
        };
        Ok(Issuer {
            expected,
            set: Arc::new(Set {
                source: from,
                client,
                known: Mutex::new(known),
            }),
        })
    }

    /// Whose a token is; `Ok(Err(_))` if nobody's, and an error while there are no keys at all.
    pub(super) async fn caller(&self, token: &str) -> Result<Result<Caller, Refused>, String> {
        let (has_keys, due) = {
            let known = self.set.known();
            (
                known.keys.is_some(),
                known.tried.is_none_or(|t| t.elapsed() > REFRESH),
            )
        };
        match has_keys {
            false => self.set.renewed().await,
            // Those of before hold on meanwhile.
            true if due => drop(self.set.renew()),
            true => {}
        }
        let mut verified = self.verify(token)?;
        if verified == Err(Refused::UnknownKey) {
            self.set.renewed().await;
            verified = self.verify(token)?;
        }
        Ok(verified)
    }

    fn verify(&self, token: &str) -> Result<Result<Caller, Refused>, String> {
        let keys = self.set.known().keys.clone();
        let keys = keys.ok_or("the issuer's keys could not be fetched yet")?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        Ok(jwt::verify(token, &keys, &self.expected, now))
    }
}

impl Set {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the attempt that runs or is due; but for none after one that failed, so that a server which hangs holds
    /// up nobody twice.
    async fn renewed(self: &Arc<Self>) {
        let failed = self.known().failed;
        if let Some(mut attempt) = self.renew()
            && !failed
        {
            // Never sent to: it is over when the attempt is.
            let _ = attempt.changed().await;
        }
    }

    /// Begins to read the keys again, unless that was just done; ends with the attempt.
    fn renew(self: &Arc<Self>) -> Option<watch::Receiver<()>> {
        let mut known = self.known();
        if let Some(running) = known.running.clone().filter(|r| r.has_changed().is_ok()) {
            return Some(running);
        }
        let least = match self.source {
            // A file costs nothing.
            Source::File(_) => Duration::from_secs(1),
            Source::Url(_) if known.keys.is_none() => Duration::from_secs(1),
            Source::Url(_) => LEAST,
        };
        if known.tried.is_some_and(|t| t.elapsed() < least) {
            return None;
        }
        known.tried = Some(Instant::now());
        let (running, attempt) = watch::channel(());
        known.running = Some(attempt.clone());
        let set = Arc::clone(self);
        tokio::spawn(async move {
            let _running = running;
            let fetched = match set.fetch().await {
                Ok(text) => jwt::keys(&text),
                Err(e) => Err(e),
            };
            let mut known = set.known();
            known.failed = fetched.is_err();
            match fetched {
                Ok(keys) => known.keys = Some(Arc::new(keys)),
                Err(problem) => {
                    tracing::warn!(
                        event = "jwks_not_fetched",
                        problem,
                        "the keys of before hold on"
                    );
                }
            }
        });
        Some(attempt)
    }

    async fn fetch(&self) -> Result<Vec<u8>, String> {
        match &self.source {
            Source::File(path) => std::fs::read(path).map_err(|e| e.to_string()),
            Source::Url(url) => {
                let sent = self.client.get(url.clone()).send().await;
                let mut answer = sent.map_err(|e| e.without_url().to_string())?;
                if !answer.status().is_success() {
                    return Err(format!("the answer was {}", answer.status()));
                }
                let mut text = Vec::new();
                while let Some(chunk) = answer
                    .chunk()
                    .await
                    .map_err(|e| e.without_url().to_string())?
                {
                    text.extend_from_slice(&chunk);
                    if text.len() > LARGEST {
                        return Err(format!("more than {LARGEST} bytes"));
                    }
                }
                Ok(text)
            }
        }
    }
}
