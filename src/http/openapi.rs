//! The API's description of itself.

use utoipa::ToSchema;

/// What an answer is an answer of.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct AsOfSchema {
    /// The last commit; 0 before the first.
    commit: u64,
    /// The prefix of the input, `partition:next offset` separated by commas; give it as `at_least`.
    offsets: String,
    /// The global watermark.
    watermark: Option<String>,
}
