//! The words that every stage shares: values and schema, the plan of a ranking, raw records, changes and commits.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod amounts;
pub mod block;
pub mod bytes;
pub mod change;
pub mod check;
pub mod clock;
pub mod decimal;
pub mod digits;
pub mod duration;
pub mod expr;
pub mod guarded;
pub mod hold;
pub mod identity;
pub mod json;
pub mod kafka_url;
pub mod leb128;
pub mod limit;
pub mod plan;
pub mod printable;
pub mod redact;
pub mod reject;
pub mod sabotage;
pub mod schema;
pub mod time;
pub mod value;
pub mod window;
pub mod window_check;
