//! The registries that tables name, with their secrets filled in: anew for each question.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use standings_edge::registry::{Asked, Login, Place, Registries, Side};
use standings_model::error::codes;
use standings_model::plan::Plan;
use standings_model::schema::Language;
use standings_model::table::Table;
use standings_model::table::format::{Encoding, Registry};
use standings_model::table::secret::Reference;
use standings_observe::live::Live;
use standings_process::exit::Failure;
use standings_process::secret::Secret;

use super::connecting::filled;

/// Where the schemas of the plan's tables are.
///
/// # Errors
/// A secret, a file of certificates or a folder that is not there.
pub fn registries(
    plan: &Plan,
    secrets: Option<&Path>,
    live: &Arc<Live>,
) -> Result<Registries, Failure> {
    let sides = plan.tables.iter().flat_map(|table| {
        let both = Side::BOTH.into_iter();
        both.filter_map(move |side| Some((table, registry_of(table, side)?.0)))
    });
    for (table, registry) in sides {
        // What cannot be filled in is found at the start; later it is waited over.
        login(registry, secrets).map_err(|e| wrong(table, &e))?;
    }
    let place = |table: &Table, side: Side| {
        let (registry, language) = registry_of(table, side)?;
        Some((place(registry, secrets)?, language))
    };
    Registries::new(&plan.tables, live, place)
        .map_err(|e| Failure::of(&codes::source::SETTINGS, format!("schema registry: {e}")))
}

fn wrong(table: &Table, problem: &str) -> Failure {
    let text = format!("the schema registry of the table {}: {problem}", table.name);
    Failure::of(&codes::source::SETTINGS, text)
}

/// What a table says of the schemas of its values or keys.
fn registry_of(table: &Table, side: Side) -> Option<(&Registry, Language)> {
    let format = match side {
        Side::Value => &table.format,
        Side::Key => table.key_format.as_ref()?,
    };
    let language = match &format.encoding {
        Encoding::Avro => Language::Avro,
        Encoding::Json(_) => Language::Json,
        _ => Language::Protobuf,
    };
    let registry = format.registry.as_ref().filter(|r| r.is_asked())?;
    Some((registry, language))
}

fn place(registry: &Registry, secrets: Option<&Path>) -> Option<Place> {
    if let Some(folder) = &registry.folder {
        return Some(Place::Folder(PathBuf::from(folder)));
    }
    let (user, url) = parted(registry.url.as_deref()?);
    let who = [
        user,
        registry.user_info.as_deref(),
        registry.token.as_deref(),
    ];
    let who = who.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let path = |text: &Option<String>| text.as_ref().map(PathBuf::from);
    let (of, folder) = (registry.clone(), secrets.map(Path::to_owned));
    Some(Place::Url(Box::new(Asked {
        url,
        who,
        subject: registry.subject.clone(),
        login: Arc::new(move || login(&of, folder.as_deref())),
        truststore: path(&registry.truststore),
        keystore: path(&registry.keystore),
    })))
}

/// What stands before a URL's `@`, and the URL without it.
fn parted(url: &str) -> (Option<&str>, String) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    match rest.rsplit_once('@') {
        Some((user, rest)) => (Some(user), format!("{scheme}://{rest}")),
        None => (None, url.to_owned()),
    }
}

/// Who asks, as the secrets are now. No error shows one.
fn login(registry: &Registry, secrets: Option<&Path>) -> Result<Login, String> {
    let secret = |text: &str| match Reference::parse(text) {
        Ok(Some(reference)) => {
            let value = filled(&reference, secrets).map_err(|e| e.to_string())?;
            // It cannot fail.
            Secret::from_str(&value).map_err(|e| e.to_string())
        }
        _ => Err("a login that is no ${…}".to_owned()),
    };
    let (user, _) = registry
        .url
        .as_deref()
        .map_or((None, String::new()), parted);
    match (user.or(registry.user_info.as_deref()), &registry.token) {
        (Some(user), _) => secret(user).map(Login::Basic),
        (None, Some(token)) => secret(token).map(Login::Bearer),
        (None, None) => Ok(Login::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_read_where_it_stands_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("registry"), "ana:hunter2\n").unwrap();
        let in_url = Registry {
            url: Some("https://${file:registry}@host:8081/base".to_owned()),
            ..Registry::default()
        };
        let Some(Place::Url(asked)) = place(&in_url, Some(folder.path())) else {
            panic!("no place");
        };
        assert_eq!(asked.url, "https://host:8081/base");
        let Ok(Login::Basic(user)) = (asked.login)() else {
            panic!("no login");
        };
        assert_eq!(user.value(), "ana:hunter2");
        // Another one by now.
        std::fs::write(folder.path().join("registry"), "bo:x").unwrap();
        assert!(matches!((asked.login)(), Ok(Login::Basic(user)) if user.value() == "bo:x"));
        let token = Registry {
            url: Some("https://host".to_owned()),
            token: Some("${ENV:STANDINGS_SECRET_NOT_THERE}".to_owned()),
            ..Registry::default()
        };
        let problem = login(&token, None).unwrap_err();
        assert!(problem.contains("STANDINGS_SECRET_NOT_THERE is not set"));
    }
}
