//! The secret that the processes of a cluster share, and how they show that they have it without sending it.
//!
//! ```text
//! who dials                                   who listens
//!   Hello, a nonce                    ──►
//!                                     ◄──     its nonce, its proof      who dials knows whom it has reached
//!   its proof                         ──►                               who listens knows who it is, and judges
//!                                     ◄──     Answer
//! ```
//!
//! 1. A proof is the HMAC-SHA256, under the secret, of the side that makes it, both nonces and the whole greeting. It is
//!    worth nothing on another connection, with another greeting, or sent back to who made it.
//! 2. Nonces are 256 random bits, new for each connection.
//! 3. Nothing that the other side says is believed before its proof is right.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use super::error::TrustError;
use standings_process::secret::Secret;

/// Characters that a secret has at least: who has listened can try others as fast as he likes.
pub(super) const LEAST: usize = 16;
/// Bytes of a nonce, and of a secret that is made here.
const RANDOM: usize = 32;

/// Which side proves that it knows the secret.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Dials,
    Listens,
}

/// `--cluster-secret`.
#[derive(Debug)]
pub struct ClusterSecret(hmac::Key);

/// What both sides have said, which a proof is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk<'a> {
    /// The nonce of who dials, as it was sent.
    pub(super) dials: &'a str,
    /// Of who listens.
    pub(super) listens: &'a str,
    /// The greeting, byte by byte.
    pub(super) greeting: &'a [u8],
}

/// The other side has not shown that it knows the secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unproven {
    #[error(
        "it does not show that it knows the cluster's secret; give every process the same --cluster-secret"
    )]
    Missing,
    #[error("its --cluster-secret is another one")]
    Wrong,
    #[error(
        "it asks for the cluster's secret, and this process has none; give every process the same --cluster-secret"
    )]
    Asked,
}

impl ClusterSecret {
    /// As the flag gives it.
    pub fn new(secret: &Secret) -> Result<Self, TrustError> {
        let text = secret.value();
        if text.chars().count() < LEAST {
            return Err(TrustError::ShortSecret);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
        Ok(ClusterSecret(key))
    }

    /// The proof of a side.
    pub(super) fn prove(&self, side: Side, talk: Talk<'_>) -> String {
        STANDARD.encode(hmac::sign(&self.0, &about(side, talk)))
    }

    /// Whether a proof of that side is right; compared in constant time.
    pub(super) fn is_proof(&self, side: Side, talk: Talk<'_>, proof: &str) -> bool {
        let proof = STANDARD.decode(proof).unwrap_or_default();
        hmac::verify(&self.0, &about(side, talk), &proof).is_ok()
    }
}

/// What a proof is made of: each part behind its length, so that none can be taken for a piece of another.
fn about(side: Side, talk: Talk<'_>) -> Vec<u8> {
    let side: &[u8] = match side {
        Side::Dials => b"standings: who dials",
        Side::Listens => b"standings: who listens",
    };
    let mut all = Vec::new();
    for part in [
        side,
        talk.dials.as_bytes(),
        talk.listens.as_bytes(),
        talk.greeting,
    ] {
        all.extend_from_slice(&(part.len() as u64).to_le_bytes());
        all.extend_from_slice(part);
    }
    all
}

/// Random bits as text: a nonce, or a secret.
pub fn random() -> io::Result<String> {
    let mut bytes = [0; RANDOM];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::error::Coded;

    #[test]
    fn a_proof_is_of_one_side_one_talk_and_one_secret() {
        let of = |text: &str| ClusterSecret::new(&text.parse().unwrap()).unwrap();
        let own = of("a secret of this cluster");
        let talk = Talk {
            dials: "a",
            listens: "b",
            greeting: b"hello",
        };
        let proof = own.prove(Side::Dials, talk);
        assert!(own.is_proof(Side::Dials, talk, &proof));
        assert!(!own.is_proof(Side::Listens, talk, &proof), "sent back");
        assert!(!of("a secret of another one").is_proof(Side::Dials, talk, &proof));
        for other in [
            Talk {
                dials: "ab",
                listens: "",
                ..talk
            },
            Talk {
                dials: "b",
                listens: "a",
                ..talk
            },
            Talk {
                greeting: b"hell",
                ..talk
            },
        ] {
            assert!(!own.is_proof(Side::Dials, other, &proof), "{other:?}");
        }
        for wrong in ["", "=", &proof[1..]] {
            assert!(!own.is_proof(Side::Dials, talk, wrong), "{wrong}");
        }
        assert_ne!(random().unwrap(), random().unwrap());
        let short = ClusterSecret::new(&"fifteen letters".parse().unwrap());
        assert!(
            short.is_err_and(
                |e| e.code().id == "S0806" && !e.to_string().contains("fifteen letters")
            )
        );
    }
}
