//! Whether what was posted was signed by who has the secret: as GitHub, Stripe and Shopify do it.
//!
//! | form | header | what is signed | written as |
//! | --- | --- | --- | --- |
//! | `github` | `X-Hub-Signature-256` | the body | `sha256=` and hex |
//! | `stripe` | `Stripe-Signature` | time, `.`, the body | `t=…,v1=` and hex, several `v1` |
//! | `shopify` | `X-Shopify-Hmac-Sha256` | the body | base64 |
//!
//! 1. The body is signed as it was sent, before it is decompressed.
//! 2. Each of several secrets is tried, so that they can be changed. All comparisons take the same time.
//! 3. Where the form has a time, what is older or newer than [`TOLERANCE`] is refused.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// How far the time of a signature may be from now.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// GitHub.
    GitHub,
    /// Stripe.
    Stripe,
    /// Shopify.
    Shopify,
}

/// Why it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// No header.
    #[error("there is no header {0}, which has the signature")]
    Missing(&'static str),
    /// Not of the form.
    #[error("the header {0} is not of the form that it must have")]
    Form(&'static str),
    /// By another secret, or of another body.
    #[error("the signature is wrong")]
    Wrong,
    /// Too old, or too new.
    #[error("the signature is of another time: more than 5 minutes from now")]
    Time,
}

impl Form {
    /// By its name in the configuration.
    pub const NAMES: [(&'static str, Form); 3] = [
        ("github", Form::GitHub),
        ("stripe", Form::Stripe),
        ("shopify", Form::Shopify),
    ];

    /// The header with the signature.
    pub fn header(self) -> &'static str {
        match self {
            Form::GitHub => "X-Hub-Signature-256",
            Form::Stripe => "Stripe-Signature",
            Form::Shopify => "X-Shopify-Hmac-Sha256",
        }
    }

    /// The header with the id of a delivery, where nothing else is said; of Stripe the body has it.
    pub fn id_header(self) -> Option<&'static str> {
        match self {
            Form::GitHub => Some("X-GitHub-Delivery"),
            Form::Stripe => None,
            Form::Shopify => Some("X-Shopify-Webhook-Id"),
        }
    }

    /// Looks at the signature of a body as it was sent; the signature that was right, by which it is known again.
    ///
    /// # Errors
    /// It is not signed by any of the secrets, or not now.
    pub fn check(
        self,
        header: Option<&str>,
        body: &[u8],
        secrets: &[Vec<u8>],
        now: SystemTime,
    ) -> Result<String, Unsigned> {
        let header = header.ok_or(Unsigned::Missing(self.header()))?;
        let (time, signatures) = self.parts(header).ok_or(Unsigned::Form(self.header()))?;
        let signed = match time {
            Some(time) => [time.as_bytes(), b".", body].concat(),
            None => body.to_vec(),
        };
        let found = signatures.iter().find(|signature| {
            // All secrets are tried, so that the time says nothing.
            let right = secrets.iter().map(|secret| {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::verify(&key, &signed, signature).is_ok()
            });
            right.fold(false, |any, is| any | is)
        });
        let found = found.ok_or(Unsigned::Wrong)?;
        if let Some(time) = time {
            let at = time
                .parse::<u64>()
                .map_err(|_| Unsigned::Form(self.header()))?;
            let now = now
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs();
            if at.abs_diff(now) > TOLERANCE.as_secs() {
                return Err(Unsigned::Time);
            }
        }
        Ok(hex(found))
    }

    /// The time, where there is one, and the signatures.
    fn parts(self, header: &str) -> Option<(Option<&str>, Vec<Vec<u8>>)> {
        match self {
            Form::GitHub => {
                let signature = unhex(header.trim().strip_prefix("sha256=")?)?;
                Some((None, vec![signature]))
            }
            Form::Shopify => Some((None, vec![STANDARD.decode(header.trim()).ok()?])),
            Form::Stripe => {
                let (mut time, mut signatures) = (None, Vec::new());
                for part in header.split(',') {
                    match part.trim().split_once('=')? {
                        ("t", text) => time = Some(text),
                        ("v1", text) => signatures.extend(unhex(text)),
                        _ => {}
                    }
                }
                (!signatures.is_empty()).then_some((Some(time?), signatures))
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests;
