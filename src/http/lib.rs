//! Stage: http. The live page, the JSON API, the events behind the page, the metrics and the probes.
//!
//! ```text
//! committer ──► Watch ──► board thread ──► Board (rows in memory) ──► /api/v1/…          JSON
//!                  │                          └─ ring of commits ───► /api/v1/events     server-sent events ──► the page
//!                  │                                            └───► …/changes          server-sent events, WebSocket
//!                  └──► Metrics ────────────────────────────────────► /metrics, and the page's health strip
//! request ──► security (credentials, rate, size) ──► one of these, or of `public`: a ranking for everybody, in a frame or as a picture
//! ```
//!
//! 1. A reader sees a whole commit or nothing of it.
//! 2. A commit never waits for a reader: it is handed to the board's thread, and who follows has a place of its own in
//!    the ring; a page that is too slow gets a fresh snapshot in place of what it missed.
//! 3. Memory is bounded: rows, series, commits, connections, followers, clients that are counted.
//!
//! # Where to begin
//!
//! - [`board::Board`]: the current rankings, folded from commits, and the last commits behind them.
//! - [`watch::Watch`]: the committer's observer that tells it; [`watch::Shown`]: all that is served.
//! - [`server::listen`]: the server; [`security`]: who may ask. [`database::Database`]: the same answers from Postgres alone.
//!
//! # What it must never do
//!
//! Hold a commit back.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod api;
pub mod as_of;
mod backlog;
pub mod board;
pub mod database;
mod error;
mod events;
mod follow;
mod forward;
mod health;
pub mod hooks;
mod json;
mod letters;
mod openapi;
mod page;
mod params;
mod places;
mod positions;
mod probes;
mod problem;
mod public;
pub mod security;
pub mod server;
mod sight;
mod sources;
mod stage;
mod total;
mod unread;
pub mod watch;
