//! What may be shown of a setting's value.

use standings_model::redact;

/// The value without secrets: a URL without user, password and parameters, a client setting by its name alone.
pub(super) fn redacted(key: &str, value: &str) -> String {
    if key == "kafka-property" {
        let name = value.split_once('=').map_or("", |(name, _)| name);
        return format!("{name}=***");
    }
    redact::text(value)
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn passwords_go_and_the_rest_stays() {
        for (key, value, shown) in [
            (
                "sink",
                "postgres://u:canary@h:5/d?password=canary",
                "postgres://h:5/d",
            ),
            ("sink", "postgres:/u:canary@h/d", "***@h/d"),
            (
                "kafka-property",
                "sasl.password=canary",
                "sasl.password=***",
            ),
            ("kafka-property", "canary", "=***"),
            ("source", "file:sales.ndjson", "file:sales.ndjson"),
            ("commit-interval", "10ms", "10ms"),
        ] {
            assert_eq!(redacted(key, value), shown);
        }
    }
}
