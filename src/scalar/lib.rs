//! What an expression comes to for a row: one evaluator for computed columns, conditions, keys and measures.
//!
//! ```text
//! Expr (typed tree) ──► Program: paths parsed, patterns compiled, constants folded ──eval──► Datum, or ValueError
//!                                                                    ▲
//!                                         Row: datum(column) ────────┘   borrowed from the decoded record
//! ```
//!
//! # Where to begin
//!
//! - [`Program`]: an expression, ready; [`Row`]: what it reads; [`Datum`]: what comes out.
//! - [`ValueError`]: what went wrong in a value, and in which expression.
//! - [`Zone`]: whose clock on the wall local times are.
//! - [`cast`]: what becomes of a value as another type; [`number::exact`]: decimals of any scale.
//!
//! # What it must never do
//!
//! Take a number for what it nearly is: what does not fit is an error. Read a clock, dice, the machine's zones or its
//! language: what comes out is a function of the row.
//!
//! ```
//! use standings_model::expr::{Expr, Function, Node};
//! use standings_model::{types::Type, value::Value};
//! use standings_scalar::{Datum, Program, Zone};
//!
//! // COALESCE(city, 'unknown') over a row of one column
//! let city = Expr::column(0, Type::STRING, true);
//! let unknown = Expr::literal(Value::text("unknown"), Type::STRING);
//! let expr = Expr::call(Function::Coalesce, vec![city, unknown], Type::STRING);
//! let program = Program::new(&expr, &Zone::UTC, &|_| "city".to_owned());
//! assert_eq!(program.eval(&[Datum::Null][..]).unwrap(), Datum::text("unknown"));
//! assert_eq!(program.eval(&[Datum::text("Porto")][..]).unwrap(), Datum::text("Porto"));
//! ```
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod cast;
mod compare;
mod datum;
mod error;
pub mod json;
pub mod number;
mod program;
mod sql;
mod text;
pub mod time;
mod zone;

pub use datum::{Datum, Row};
pub use error::{Fault, ValueError};
pub use program::Program;
pub use sql::{sql, word};
pub use text::check_pattern;
pub use zone::Zone;
