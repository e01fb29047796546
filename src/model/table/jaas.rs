//! `sasl.jaas.config`: how Java's Kafka client is told a user and a password, as user and password.
//!
//! ```text
//! org.apache.kafka.common.security.scram.ScramLoginModule required username="ana" password="…";
//! ```

/// A user and a password. Not `Debug`: it is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// `sasl.username`.
    pub username: String,
    /// `sasl.password`.
    pub password: String,
}

/// A configuration that says something else than a user and a password for PLAIN or SCRAM. Nothing of it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "sasl.jaas.config is not of PlainLoginModule or ScramLoginModule with username and password; give sasl.username and \
     sasl.password"
)]
pub struct NoLogin;

/// The modules whose configuration is a user and a password.
const MODULES: [&str; 2] = [
    "org.apache.kafka.common.security.plain.PlainLoginModule",
    "org.apache.kafka.common.security.scram.ScramLoginModule",
];

impl Login {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Another module, an option that is none of the two, or one of them missing.
    pub fn parse(text: &str) -> Result<Login, NoLogin> {
        let text = text.trim();
        let text = text.strip_suffix(';').unwrap_or(text).trim();
        let (module, rest) = text.split_once(char::is_whitespace).ok_or(NoLogin)?;
        let rest = rest.trim_start().strip_prefix("required").ok_or(NoLogin)?;
        if !MODULES.contains(&module) {
            return Err(NoLogin);
        }
        let (mut username, mut password) = (None, None);
        let mut rest = rest.trim_start();
        while !rest.is_empty() {
            let (name, value) = rest.split_once('=').ok_or(NoLogin)?;
            let (value, behind) = quoted(value.trim_start()).ok_or(NoLogin)?;
            let place = match name.trim() {
                "username" => &mut username,
                "password" => &mut password,
                _ => return Err(NoLogin),
            };
            if place.replace(value).is_some() {
                return Err(NoLogin);
            }
            rest = behind.trim_start();
        }
        Ok(Login {
            username: username.ok_or(NoLogin)?,
            password: password.ok_or(NoLogin)?,
        })
    }
}

/// A value in double quotes, with `\` before a quote or another `\`, or a bare word; and what is behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let word = &text[..end];
        return (!word.is_empty() && !word.contains('"')).then(|| (word.to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &inner[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_a_password_are_read_and_nothing_else() {
        let of = |text: &str| Login::parse(text).ok().map(|l| (l.username, l.password));
        let login = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        for (options, wanted) in [
            ("username=\"ana\" password=\"a b\";", login("ana", "a b")),
            ("  password='x y'", None),
            (
                "username=ana\n password=\"a\\\"b\\\\\" ;",
                login("ana", "a\"b\\"),
            ),
            ("username=\"ana\" password=\"open", None),
            ("username=\"ana\";", None),
            ("username=\"ana\" username=\"bo\" password=\"x\";", None),
            ("username=\"ana\" password=\"x\" tokenauth=\"true\";", None),
            ("", None),
        ] {
            for module in MODULES {
                assert_eq!(
                    of(&format!("{module} required {options}")),
                    wanted,
                    "{options}"
                );
            }
            let other = format!("com.sun.security.auth.module.Krb5LoginModule required {options}");
            assert_eq!(of(&other), None);
        }
    }
}
