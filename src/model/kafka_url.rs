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
            Ok((brokers, topic))
        }
        _ => Err(KafkaUrlError::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::parts;

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
