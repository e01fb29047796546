//! Rows beside rows of other tables: joins, on differential dataflow, which no other folder imports.
//!
//! ```text
//! reader   rows ──► first level (pack/level): counts and sums by what is read behind ──┐
//!          rows of what is joined ──► dimension: key, what is taken of it ──┐          │
//! owner of the key                       versions: from when to when        │        parcel
//!                                            └──► coverage, numbers ──► join ◄─────────┘
//!                                                                        ├──► parcel: the next join
//!                                                                        └──► the fold behind (combine/joined) ──► totals
//! ```
//!
//! 1. Nothing is in an arrangement alone: the first level's totals and what is known of each key are beside it.
//! 2. A change and the rows that it moves are in one epoch, so in one cut.
//! 3. Windows that were dropped take their rows with them: what is taken back of them behind the joins is passed over there,
//!    where the windows are gone too, so that their rows stay as they were shown.

mod cells;
mod coverage;
mod difference;
pub mod dimension;
pub mod events;
pub mod joins;
pub mod numbers;
pub mod pairing;
pub mod pairs;
pub mod parcel;
pub mod row;
pub mod rules;
pub mod together;
pub mod versions;
