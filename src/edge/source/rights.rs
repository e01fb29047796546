//! What to say when a broker's access list keeps this user out. Waiting does not heal it; a person who grants the right does.

use rdkafka::error::RDKafkaErrorCode;

/// Whether an error says that a right is missing. Not on a group: nothing here needs one.
pub fn is_denied(error: Option<RDKafkaErrorCode>) -> bool {
    matches!(
        error,
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
        )
    )
}

/// In a message: the right that is missing, such as `WRITE`, and on what.
pub fn denied(rights: &str, resource: &str) -> String {
    format!("the broker denies it: this user needs {rights} on {resource} (docs/security.md)")
}
