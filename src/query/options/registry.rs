//! Where the schemas of framed records are: `….url`, `….schemas-folder` and what belongs to them.

use std::path::Path;

use super::given::{Given, Value, format_of};
use crate::error::{QueryError, Text};
use standings_model::table::format::Registry;

/// What the options of a `….-confluent` format say; none of any other.
pub(super) fn registry(
    text: Text<'_>,
    given: &Given,
    of_key: bool,
) -> Result<Option<Registry>, QueryError> {
    let Some(named) = given.get(if of_key { "key.format" } else { "format" }) else {
        return Ok(None);
    };
    let name = match format_of(&named.text) {
        Some(name) if name.ends_with("-confluent") => name,
        _ => return Ok(None),
    };
    let of = |word: &str| given.of(of_key, word);
    let (url, folder) = (of("url"), of("schemas-folder"));
    if let (Some(_), Some(folder)) = (url, folder) {
        let found = format!("'{name}.schemas-folder' beside '{name}.url'");
        let allowed = "one of them: schemas are asked of a registry, or lie in a folder";
        return Err(text.error(folder.at, found, allowed));
    }
    let needs_schema = name != "json-schema-confluent";
    if url.is_none() && folder.is_none() && needs_schema {
        let found = format!("'{name}' without its schemas");
        let allowed = format!(
            "'{name}.url' = 'https://registry.example:8081' beside it, or '{name}.schemas-folder': a record says no more than the id of its schema"
        );
        return Err(text.error(named.at, found, allowed));
    }
    let asked = [
        "subject",
        "basic-auth.credentials-source",
        "basic-auth.user-info",
        "bearer-auth.credentials-source",
        "bearer-auth.token",
        "ssl.truststore.location",
        "ssl.keystore.location",
    ];
    if let Some((word, value)) = asked
        .iter()
        .find_map(|word| Some((word, of(word).filter(|_| url.is_none())?)))
    {
        let found = format!("'{name}.{word}' without a registry");
        return Err(text.error(value.at, found, format!("'{name}.url' beside it")));
    }
    login(text, name, of)?;
    let texts = |word: &str| of(word).map(|v| v.text.clone());
    // Relative to the file that declares the table.
    let below = |folder: &Value| {
        let dir = Path::new(text.file).parent().unwrap_or(Path::new(""));
        dir.join(&folder.text).display().to_string()
    };
    Ok(Some(Registry {
        url: texts("url"),
        folder: folder.map(below),
        user_info: texts("basic-auth.user-info"),
        token: texts("bearer-auth.token"),
        subject: texts("subject"),
        truststore: store(text, name, "truststore", of("ssl.truststore.location"))?,
        keystore: store(text, name, "keystore", of("ssl.keystore.location"))?,
    }))
}

/// Refuses a login that is not whole, or is two.
fn login<'g>(
    text: Text<'_>,
    name: &str,
    of: impl Fn(&str) -> Option<&'g Value>,
) -> Result<(), QueryError> {
    let is = |word: &str, value: &str| {
        let found = of(word).filter(|v| v.text.eq_ignore_ascii_case(value));
        found.map(|v| v.at)
    };
    let in_url = of("url").is_some_and(|v| v.text.contains('@'));
    let (user, token) = (of("basic-auth.user-info"), of("bearer-auth.token"));
    let lacks = [
        (
            is("basic-auth.credentials-source", "USER_INFO").filter(|_| user.is_none()),
            "basic-auth.user-info",
        ),
        (
            is("basic-auth.credentials-source", "URL").filter(|_| !in_url),
            "url' = 'https://${ENV:STANDINGS_SECRET_NAME}@…",
        ),
        (
            is("bearer-auth.credentials-source", "STATIC_TOKEN").filter(|_| token.is_none()),
            "bearer-auth.token",
        ),
    ];
    if let Some((at, wanted)) = lacks
        .iter()
        .find_map(|(at, wanted)| Some((*at.as_ref()?, wanted)))
    {
        let found = format!("a login of '{name}' that is not there");
        return Err(text.error(at, found, format!("'{name}.{wanted}' beside it")));
    }
    let twice = match (user, token) {
        (Some(user), _) if in_url => Some(user),
        (_, Some(token)) if in_url || user.is_some() => Some(token),
        _ => None,
    };
    match twice {
        None => Ok(()),
        Some(value) => {
            let found = format!("two logins of '{name}'");
            Err(text.error(
                value.at,
                found,
                "one of them: name and password, or a token",
            ))
        }
    }
}

/// A PEM file's path; Java's own kinds are refused by their names.
fn store(
    text: Text<'_>,
    name: &str,
    which: &str,
    value: Option<&Value>,
) -> Result<Option<String>, QueryError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let plain = value.text.to_ascii_lowercase();
    let ending = plain.rsplit('.').next().unwrap_or_default();
    let keys = match which {
        "truststore" => "-nokeys",
        _ => "-nodes",
    };
    let instead = match ending {
        "p12" | "pfx" | "pkcs12" => format!("openssl pkcs12 -in FILE {keys} -out FILE.pem"),
        "jks" | "keystore" | "truststore" => format!(
            "keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12, then openssl pkcs12 -in FILE.p12 {keys} -out FILE.pem"
        ),
        _ => return Ok(Some(value.text.clone())),
    };
    let found = format!("'{name}.ssl.{which}.location' of a file that is no PEM");
    Err(text.error(value.at, found, format!("a PEM file: {instead}")))
}
