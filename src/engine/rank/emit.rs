//! `--emit`: which changes of a ranked row are written.

/// Which changes of a row are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Emit {
    /// Every change of a ranked row.
    #[default]
    Rows,
    /// Only moves: a row is written when its rank changes, and with its final values.
    Ranks,
}
