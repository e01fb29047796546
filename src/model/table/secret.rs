//! Where a secret is, in place of the secret: `${ENV:STANDINGS_SECRET_NAME}` or `${file:PATH}`.

/// What the name of a variable begins with that a table may ask for.
pub const VARIABLES: &str = "STANDINGS_SECRET_";

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A variable of the environment, whose name begins with [`VARIABLES`].
    Env(String),
    /// A file below the folder of secrets.
    File(String),
}

/// A `${…}` that is none of the two, or is not alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoReference;

impl Reference {
    /// The reference that a value is; `None` where it has no `${` in it.
    ///
    /// # Errors
    /// A `${` that is not the whole value, another source than `ENV` and `file`, another variable, a path that leads out.
    pub fn parse(value: &str) -> Result<Option<Reference>, NoReference> {
        if !value.contains("${") {
            return Ok(None);
        }
        let inner = value.strip_prefix("${").and_then(|v| v.strip_suffix('}'));
        let (source, name) = inner.and_then(|v| v.split_once(':')).ok_or(NoReference)?;
        let letter = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        match source {
            "ENV" => {
                let own = name.strip_prefix(VARIABLES).ok_or(NoReference)?;
                let is_name = !own.is_empty() && own.chars().all(letter);
                is_name
                    .then(|| Some(Reference::Env(name.to_owned())))
                    .ok_or(NoReference)
            }
            "file" => {
                let leads_out = name.split('/').any(|part| part == "..");
                let is_path =
                    !name.is_empty() && !leads_out && !name.contains(['$', '{', '}', '\0']);
                is_path
                    .then(|| Some(Reference::File(name.to_owned())))
                    .ok_or(NoReference)
            }
            _ => Err(NoReference),
        }
    }
}

/// Whether what an option of this name has is a secret.
pub fn is_secret(option: &str) -> bool {
    let plain = option.to_ascii_lowercase();
    let ends = [
        "password",
        "token",
        "user-info",
        "secret",
        "sasl.jaas.config",
        "ssl.keystore.key",
        "ssl.key.pem",
        "secret-key",
        "secret.key",
        "access-key",
        "access.key",
        "passphrase",
        "credentials",
    ];
    ends.iter().any(|end| plain.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_alone_and_of_our_own_names() {
        let env = |name: &str| Ok(Some(Reference::Env(name.to_owned())));
        for (value, parsed) in [
            (
                "${ENV:STANDINGS_SECRET_KAFKA}",
                env("STANDINGS_SECRET_KAFKA"),
            ),
            (
                "${file:kafka/password}",
                Ok(Some(Reference::File("kafka/password".to_owned()))),
            ),
            ("hunter2", Ok(None)),
            ("${ENV:HOME}", Err(NoReference)),
            ("${ENV:STANDINGS_SECRET_}", Err(NoReference)),
            ("${ENV:STANDINGS_SECRET_A}b", Err(NoReference)),
            ("a${ENV:STANDINGS_SECRET_A}", Err(NoReference)),
            (
                "${ENV:STANDINGS_SECRET_A}${ENV:STANDINGS_SECRET_B}",
                Err(NoReference),
            ),
            ("${file:../etc/passwd}", Err(NoReference)),
            ("${file:}", Err(NoReference)),
            ("${vault:x}", Err(NoReference)),
            ("${", Err(NoReference)),
        ] {
            assert_eq!(Reference::parse(value), parsed, "{value}");
        }
        assert!(is_secret("properties.sasl.password") && is_secret("json.bearer-auth.Token"));
        assert!(!is_secret("topic") && !is_secret("key.format"));
    }
}
