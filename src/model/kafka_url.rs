//! `kafka://host:9092[,host:9092]/topic`.

/// A URL of a topic that is none. Nothing of it is in the message: a part of it may be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KafkaUrlError {
    /// It has user, password or parameters.
    #[error(
        "user, password and parameters have no place in a kafka:// URL; give them as settings, such as sasl.username and \
         sasl.password in the file of --kafka-properties"
    )]
    Secrets,
    /// No broker has a topic of such a name.
    #[error(
        "no topic can have this name: write kafka://host:9092[,host:9092]/topic, the topic of letters, digits, `.`, `_` and \
         `-`, 249 at most"
    )]
    Topic,
    /// Brokers or topic are missing.
    #[error("write it as kafka://host:9092[,host:9092]/topic")]
    Form,
}

/// Brokers and topic of what follows `kafka://`. User and password have no place in it: a client would take them for a part
/// of the host's name, and everybody would be shown them.
pub fn parts(rest: &str) -> Result<(&str, &str), KafkaUrlError> {
    if rest.contains(['@', '?']) {
        return Err(KafkaUrlError::Secrets);
    }
    match rest.split_once('/') {
        Some((brokers, topic))
            if !brokers.is_empty() && !topic.is_empty() && !topic.contains('/') =>
        {
            match is_possible(topic) {
                true => Ok((brokers, topic)),
                false => Err(KafkaUrlError::Topic),
            }
        }
        _ => Err(KafkaUrlError::Form),
    }
}

/// Whether a broker takes a topic's name (Kafka's `Topic.validate`): one that it does not would be waited for, for ever.
fn is_possible(topic: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    topic.len() <= 249 && topic.bytes().all(legal) && topic != "." && topic != ".."
}

#[cfg(test)]
mod tests {
    use super::{KafkaUrlError, parts};

    #[test]
    fn a_name_that_no_topic_can_have_is_refused() {
        for wrong in ["no%20such", "a b", "ä", ".", "..", &"x".repeat(250)] {
            let url = format!("h:1/{wrong}");
            assert_eq!(parts(&url), Err(KafkaUrlError::Topic), "{wrong}");
        }
        for right in ["a.b_c-D9", "...", &"x".repeat(249)] {
            let url = format!("h:1/{right}");
            assert_eq!(parts(&url), Ok(("h:1", right)));
        }
    }

    #[test]
    fn credentials_are_refused_and_not_told() {
        assert_eq!(parts("a:1,b:2/t"), Ok(("a:1,b:2", "t")));
        for wrong in [
            "u:canary@h:1/t",
            "h:1/t?sasl.password=canary",
            "h:1",
            "h:1/",
            "/t",
            "h/t/u",
        ] {
            let said = parts(wrong).unwrap_err().to_string();
            assert!(!said.contains("canary"), "{said}");
        }
    }
}
