//! MySQL and MariaDB: what is asked of a table or a query, and how their values are written.
//!
//! A table is read by [`WindowFeed`](crate::window::WindowFeed): their rows do not say which transaction wrote them, so what is new is told
//! by a window that is read again, and that begins before everything that runs. Its log says more: [`changes`].

pub mod changes;
pub mod sql;
pub mod value;
