//! Stage: http. The live page, the JSON API, the events behind the page, the metrics and the probes.
//!
//! ```text
//! committer ──► Watch ──► Board (rows in memory) ──► /api/v1/…          JSON
//!                  ├─ broadcast, bounded ──────────► /api/v1/events     server-sent events ──► the page at /
//!                  └──► Metrics ───────────────────► /metrics, and the page's health strip
//! ```
//!
//! 1. A reader sees a whole commit or nothing of it.
//! 2. A commit never waits for a reader's network: a page that is too slow for the channel gets a fresh snapshot in
//!    place of what it missed.
//! 3. Memory is bounded: rows per ranking, events in the channel, changes in an event.

mod api;
pub mod board;
mod events;
mod json;
mod page;
mod probes;
pub mod server;
pub mod watch;
