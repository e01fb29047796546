//! Who asks: a bearer's token, a user with a password, a key in a header, or tokens of OAuth2. One of them, and no secret in the file.

use super::place::checked;
use crate::config::SecretAt;
use crate::config::error::ConfigError;
use crate::config::section::Section;

/// Credentials, and where their secrets are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// None.
    #[default]
    None,
    /// `Authorization: Bearer`.
    Bearer(SecretAt),
    /// `Authorization: Basic`.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretAt,
    },
    /// A header of its own.
    Key {
        /// Its name.
        header: String,
        /// Its value.
        key: SecretAt,
    },
    /// Client credentials (RFC 6749, 4.4).
    OAuth {
        /// Where tokens are asked for.
        url: String,
        /// The client.
        client: String,
        /// Its secret.
        secret: SecretAt,
        /// What for.
        scope: Option<String>,
        /// Whether client and secret are in the form, and not in a header.
        in_form: bool,
    },
}

impl Auth {
    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Auth::None => "nobody in particular".to_owned(),
            Auth::Bearer(_) => "a bearer of a token".to_owned(),
            Auth::Basic { user, .. } => format!("the user {user}"),
            Auth::Key { header, .. } => format!("a key in {header}"),
            Auth::OAuth { url, client, .. } => {
                format!(
                    "{client}, with tokens of {}",
                    crate::rest::template::origin(url)
                )
            }
        }
    }
}

/// Headers that are ours, or that carry secrets.
const OWN: [&str; 9] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "accept-encoding",
    "user-agent",
];

pub(super) fn is_header(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=100).contains(&name.len()) && name.bytes().all(fits)
}

pub(super) fn is_own(name: &str) -> bool {
    OWN.iter().any(|own| name.eq_ignore_ascii_case(own))
}

pub(super) fn read(section: &Section<'_>, private: bool) -> Result<Auth, ConfigError> {
    let token = section.secret("token", "token-file")?;
    let user = section.str("user")?;
    let password = section.secret("password", "password-file")?;
    let key = section.secret("api-key", "api-key-file")?;
    let header = section.str("api-key-header")?;
    let url = section.str("oauth-url")?;
    let client = section.str("oauth-client")?;
    let secret = section.secret("oauth-secret", "oauth-secret-file")?;
    let scope = section.str("oauth-scope")?;
    let places = [("header", false), ("form", true)];
    let in_form = section.one_of("oauth-credentials", &places)?;
    let given = [
        ("token", token.is_some()),
        ("user", user.is_some() || password.is_some()),
        ("api-key", key.is_some() || header.is_some()),
        (
            "oauth-url",
            url.is_some() || client.is_some() || secret.is_some(),
        ),
    ];
    let given: Vec<&str> = given
        .iter()
        .filter(|(_, is)| *is)
        .map(|(n, _)| *n)
        .collect();
    if let [first, second, ..] = given[..] {
        return Err(section.wrong(
            second,
            &format!("and `{first}` are two credentials: give one"),
        ));
    }
    if given != ["oauth-url"] && (scope.is_some() || in_form.is_some()) {
        return Err(section.wrong("oauth-scope", "belongs to `oauth-url`"));
    }
    let lacks = |key: &str, other: &str| section.wrong(key, &format!("needs `{other}` beside it"));
    Ok(match given.first().copied() {
        Some("token") => token.map_or(Auth::None, Auth::Bearer),
        Some("user") => Auth::Basic {
            user: user.ok_or_else(|| lacks("password", "user"))?,
            password: password.ok_or_else(|| lacks("user", "password-file"))?,
        },
        Some("api-key") => {
            let header = header.unwrap_or_else(|| "X-Api-Key".to_owned());
            if !is_header(&header) || is_own(&header) {
                return Err(section.wrong(
                    "api-key-header",
                    "must be the name of a header of the endpoint's own",
                ));
            }
            Auth::Key {
                header,
                key: key.ok_or_else(|| lacks("api-key-header", "api-key-file"))?,
            }
        }
        Some(_) => {
            let url = url.ok_or_else(|| lacks("oauth-client", "oauth-url"))?;
            checked(section, "oauth-url", &url)?;
            if !url.starts_with("https://") && !private {
                return Err(section.wrong(
                    "oauth-url",
                    "must be https://…: the client's secret goes there",
                ));
            }
            Auth::OAuth {
                url,
                client: client.ok_or_else(|| lacks("oauth-url", "oauth-client"))?,
                secret: secret.ok_or_else(|| lacks("oauth-url", "oauth-secret-file"))?,
                scope,
                in_form: in_form.unwrap_or(false),
            }
        }
        None => Auth::None,
    })
}
