//! The table: every error that ends a process, by the floor that it comes from.

pub mod checks;
pub mod cluster;
pub mod http;
pub mod ingest;
pub mod kafka;
pub mod limits;
pub mod line;
pub mod mask;
pub mod process;
pub mod query;
pub mod sink;
pub mod source;
pub mod store;
pub mod tools;

use super::Code;

/// The entries of a floor.
pub struct Group {
    /// Their first two digits.
    pub number: &'static str,
    /// What they are about.
    pub title: &'static str,
    /// In the order of their numbers.
    pub codes: &'static [&'static Code],
}

/// All of them.
pub static GROUPS: &[Group] = &[
    process::GROUP,
    line::GROUP,
    query::GROUP,
    source::GROUP,
    checks::GROUP,
    sink::GROUP,
    kafka::GROUP,
    store::GROUP,
    cluster::GROUP,
    http::GROUP,
    limits::GROUP,
    tools::GROUP,
    ingest::GROUP,
    mask::GROUP,
];

/// Every entry, in the order of their codes.
pub fn all() -> impl Iterator<Item = &'static Code> {
    GROUPS.iter().flat_map(|group| group.codes).copied()
}
