//! Who may ask what, how often, from where.
//!
//! ```text
//! request ──► this server's name? ──► credentials (key, token) ──► rate of this client ──► role ──► size ──► handler
//!                                                                                                            │
//! answer ◄── security headers, allowed origin, problem document ◄────────────────────────────────────────────┘
//! ```
//!
//! 1. An address that others reach is served only with keys or tokens.
//! 2. No secret is kept or logged: keys are hashes, tokens are checked and forgotten.
//! 3. The page's own files and the probes need no credentials, and hold no data; a ranking that was named public is everybody's.

mod cors;
mod flags;
mod gate;
mod head;
mod host;
mod jwks;
mod jwt;
mod keys;
mod public;
mod rate;
mod tls;

pub use self::flags::HttpArgs;
pub(crate) use self::gate::{Gate, Peer, guard};
pub(crate) use self::head::LARGEST_HEAD;
pub use self::keys::{KeyCommand, run as key};
pub(crate) use self::public::{Framed, Opened, Part};
pub(crate) use self::rate::Client;
pub(crate) use self::tls::Tls;

use std::sync::Arc;

use super::sight::{Patterns, Reach};

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Role {
    /// Read rankings.
    Read,
    /// And see how the process is configured.
    Admin,
}

impl Role {
    /// A role by its name.
    fn named(text: &str) -> Option<Self> {
        match text {
            "read" => Some(Role::Read),
            "admin" => Some(Role::Admin),
            _ => None,
        }
    }
}

/// Who asks, as credentials say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    name: Arc<str>,
    role: Role,
    /// Of one key: the rankings that it is for, and how far it sees.
    rankings: Option<Patterns>,
    reach: Option<Reach>,
}
