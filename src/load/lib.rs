//! Believable sales, the same bytes for the same seed on every machine: for `standings load generate`, the demo, and the benches.
//!
//! ```text
//! Shape ──► Generator ──push──► one line of JSON after the other
//!              └── Dice, Zipf, names of cities and people
//! ```
//!
//! It is a floor of its own because the benches of the stages need its sales and no client: they link neither librdkafka nor
//! axum.
//!
//! # Where to begin
//!
//! - [`Shape`]: what sales are made. [`Generator`]: makes them, a line after the other.
//! - [`Dice`]: random numbers for anything else that is to be the same each time.
//!
//! # What it must never do
//!
//! Write or send a sale: who asks for a line does. Make other bytes for the same seed: recorded figures are over them.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::disallowed_methods,
        clippy::disallowed_types
    )
)]

mod dice;
mod people;
mod sales;
mod zipf;

pub use dice::Dice;
pub use people::{city, name as person};
pub use sales::{COLUMNS, Generator, Shape, WrongShape, cells};
pub use zipf::Weights;
