//! WS-Security: UsernameToken (text, or a digest with nonce and moment) and Timestamp; and WS-Addressing.
//!
//! Digest = Base64(SHA-1(nonce + created + password)): UsernameToken Profile 1.1.1, 3.1.
//!
//! 1. Each envelope has a nonce, a moment and an id of its own: what was sent once is never sent again.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

use super::{ADDRESSING, Version, WSSE};
use crate::batch::timestamp;
use crate::xml::write::escaped;

/// The namespace of `wsu:Timestamp`.
const WSU: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
/// What the kinds of passwords begin with.
const PROFILE: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0";
/// How a nonce is written.
const BASE64: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary";

/// How a password is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Token {
    /// By a digest: it is not sent.
    #[default]
    Digest,
    /// As it is.
    Text,
    /// Not in the envelope, but as HTTP has it.
    Basic,
}

/// What one envelope has of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Random.
    pub nonce: [u8; 16],
    /// When it is made, RFC 3339.
    pub created: String,
    /// Until when it counts.
    pub expires: String,
    /// Its id.
    pub message_id: String,
}

impl Stamp {
    /// Of an envelope that is made now and counts so long. `random`: for the nonce and for the id.
    pub fn new(now: SystemTime, lives: Duration, random: ([u8; 16], [u8; 16])) -> Self {
        let (nonce, mut id) = random;
        // A UUID of version 4 (RFC 9562, 5.4).
        id[6] = (id[6] & 0x0f) | 0x40;
        id[8] = (id[8] & 0x3f) | 0x80;
        let hex: String = id.iter().map(|b| format!("{b:02x}")).collect();
        Stamp {
            nonce,
            created: timestamp(now),
            expires: timestamp(now + lives),
            message_id: format!(
                "urn:uuid:{}-{}-{}-{}-{}",
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..]
            ),
        }
    }

    /// The nonce as it is written.
    pub fn nonce(&self) -> String {
        STANDARD.encode(self.nonce)
    }

    /// The digest of a password.
    pub fn digest(&self, password: &str) -> String {
        digest(&self.nonce, &self.created, password)
    }
}

/// Base64(SHA-1(nonce + created + password)).
pub fn digest(nonce: &[u8], created: &str, password: &str) -> String {
    let mut sha = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    sha.update(nonce);
    sha.update(created.as_bytes());
    sha.update(password.as_bytes());
    STANDARD.encode(sha.finish())
}

/// `wsse:Security` of a user, with or without the times that the envelope counts between.
pub fn security(
    version: Version,
    stamp: &Stamp,
    (user, password, token): (&str, &str, Token),
    has_times: bool,
) -> String {
    let (created, expires) = (&stamp.created, &stamp.expires);
    let times = match has_times {
        true => format!(
            "<wsu:Timestamp><wsu:Created>{created}</wsu:Created><wsu:Expires>{expires}</wsu:Expires></wsu:Timestamp>"
        ),
        false => String::new(),
    };
    let user = escaped(user);
    let shown = match token {
        Token::Digest => format!(
            "<wsse:Password Type=\"{PROFILE}#PasswordDigest\">{}</wsse:Password><wsse:Nonce EncodingType=\"{BASE64}\">{}</wsse:Nonce>\
             <wsu:Created>{created}</wsu:Created>",
            stamp.digest(password),
            stamp.nonce()
        ),
        Token::Text | Token::Basic => format!(
            "<wsse:Password Type=\"{PROFILE}#PasswordText\">{}</wsse:Password>",
            escaped(password)
        ),
    };
    let space = version.space();
    format!(
        "<wsse:Security xmlns:wsse=\"{WSSE}\" xmlns:wsu=\"{WSU}\" xmlns:e=\"{space}\" e:mustUnderstand=\"1\">{times}\
         <wsse:UsernameToken><wsse:Username>{user}</wsse:Username>{shown}</wsse:UsernameToken></wsse:Security>"
    )
}

/// WS-Addressing of a request: what is asked, its id, whom, and that the answer comes the same way.
pub fn addressing(stamp: &Stamp, action: &str, to: &str) -> String {
    format!(
        "<a:Action xmlns:a=\"{ADDRESSING}\">{}</a:Action><a:MessageID xmlns:a=\"{ADDRESSING}\">{}</a:MessageID>\
         <a:To xmlns:a=\"{ADDRESSING}\">{}</a:To><a:ReplyTo xmlns:a=\"{ADDRESSING}\"><a:Address>{ADDRESSING}/anonymous</a:Address></a:ReplyTo>",
        escaped(action),
        stamp.message_id,
        escaped(to)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the captured requests.
    const PASSWORD: &str = "segredo";

    /// Each digest that Apache CXF took in the captured requests is ours, by the nonce and the moment beside it.
    #[test]
    fn the_digests_that_cxf_took() {
        for (nonce, created, want) in [
            (
                "P1i9L+XgU6BNheXakUrX3w==",
                "2026-11-29T00:38:09.000Z",
                "38zHUxMgmB1Kl7VecppeOTS9CGU=",
            ),
            (
                "/2Om2MTcUuxeql6XQ8ykkQ==",
                "2026-11-29T00:38:18.000Z",
                "O9zZB+yL36Hw0p6SDQ58ESNwXjI=",
            ),
            (
                "PzNcCKoxq10LPO8d8QwlLg==",
                "2026-11-29T00:38:19.000Z",
                "J9UvzcSgEOAhcrMVdsBokSpxJ4M=",
            ),
        ] {
            let nonce = STANDARD.decode(nonce).unwrap();
            assert_eq!(digest(&nonce, created, PASSWORD), want);
            assert_ne!(digest(&nonce, created, "wrong"), want);
        }
    }

    /// SHA-1 of `abc`, as FIPS 180-4 has it, in three pieces.
    #[test]
    fn the_published_vector_of_sha_1() {
        assert_eq!(digest(b"a", "b", "c"), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
    }

    #[test]
    fn each_stamp_is_another_and_says_when_it_ends() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_376_689_500);
        let stamp = Stamp::new(now, Duration::from_secs(300), ([7; 16], [0xff; 16]));
        assert_eq!(stamp.created, "2025-11-29T00:38:09.500Z");
        assert_eq!(stamp.expires, "2025-11-29T00:43:09.500Z");
        assert_eq!(
            stamp.message_id,
            "urn:uuid:ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
    }
}
