//! The options that a declaration gives, each found in the list and its value looked at.

use std::collections::BTreeMap;

use sqlparser::tokenizer::Span;

use super::words::{OF_FORMAT, OF_TABLE};
use super::{ALIASES, Does, FORMATS, Takes, Word};
use crate::error::{QueryError, Text};
use crate::session;
use crate::statement::WithOption;
use crate::toml::nearest;
use standings_model::table::secret::Reference;
use standings_scalar::Zone;

/// Options that are other names of one.
const SAME: &[(&str, &str)] = &[
    ("value.format", "format"),
    ("schema-registry.url", "url"),
    ("schema-registry.subject", "subject"),
];

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) text: String,
    pub(super) at: Span,
}

/// Options by what they are: `key.` or nothing, and the word.
#[derive(Default)]
pub(super) struct Given {
    all: BTreeMap<(bool, &'static str), Value>,
    /// `properties.*`, as they are given.
    pub(super) properties: Vec<WithOption>,
}

/// The format that a word stands for.
pub(super) fn format_of(word: &str) -> Option<&'static str> {
    let plain = word.to_ascii_lowercase();
    let alias = ALIASES.iter().find(|(other, _)| *other == plain);
    let name = alias.map_or(plain.as_str(), |(_, name)| name);
    FORMATS.iter().find(|f| **f == name).copied()
}

impl Given {
    /// A value of a table's option, or of its value's format.
    pub(super) fn get(&self, word: &str) -> Option<&Value> {
        self.of(false, word)
    }

    /// A value of an option of the key's format, or of the value's.
    pub(super) fn of(&self, of_key: bool, word: &str) -> Option<&Value> {
        let mut all = self.all.iter();
        let found = all.find(|((key, name), _)| *key == of_key && *name == word);
        found.map(|(_, value)| value)
    }

    /// Whether a boolean is `true`; `otherwise` where it is not said.
    pub(super) fn is(&self, of_key: bool, word: &str, otherwise: bool) -> bool {
        match self.of(of_key, word) {
            Some(value) => value.text.eq_ignore_ascii_case("true"),
            None => otherwise,
        }
    }

    /// A character; `\t` is a tab.
    pub(super) fn character(&self, of_key: bool, word: &str) -> Option<char> {
        self.of(of_key, word).and_then(|v| character(&v.text))
    }

    /// The text.
    pub(super) fn text(&self, of_key: bool, word: &str) -> Option<String> {
        self.of(of_key, word).map(|v| v.text.clone())
    }
}

/// One character, by itself or by its escape.
fn character(text: &str) -> Option<char> {
    let mut chars = text.chars();
    match (chars.next(), chars.next(), chars.next()) {
        (Some(one), None, _) => Some(one),
        (Some('\\'), Some('t'), None) => Some('\t'),
        (Some('\\'), Some('\\'), None) => Some('\\'),
        _ => None,
    }
}

/// What the options are of.
struct Kinds {
    connector: Option<String>,
    format: Option<&'static str>,
    key_format: Option<&'static str>,
}

/// Finds each option in the list; what is wrong with one does not hide what is wrong with another.
pub(super) fn read(text: Text<'_>, options: &[WithOption], errors: &mut Vec<QueryError>) -> Given {
    let value = |names: &[&str]| {
        let mut all = options.iter();
        all.find(|o| names.contains(&o.key.as_str()))
            .map(|o| o.value.as_str())
    };
    let kinds = Kinds {
        connector: value(&["connector"]).map(str::to_owned),
        format: value(&["format", "value.format"]).and_then(format_of),
        key_format: value(&["key.format"]).and_then(format_of),
    };
    let mut given = Given::default();
    for option in options {
        if let Err(error) = one(text, option, &kinds, &mut given) {
            errors.push(error);
        }
    }
    given
}

fn one(
    text: Text<'_>,
    option: &WithOption,
    kinds: &Kinds,
    given: &mut Given,
) -> Result<(), QueryError> {
    let is_kafka = matches!(kinds.connector.as_deref(), Some("kafka" | "upsert-kafka"));
    if option.key.starts_with("properties.") {
        if !is_kafka {
            let allowed = "'connector' = 'kafka' beside it";
            return Err(text.error(option.key_span, format!("'{}'", option.key), allowed));
        }
        given.properties.push(option.clone());
        return Ok(());
    }
    let (of_key, word) = find(text, option, kinds)?;
    let is_of_table = OF_TABLE.iter().any(|w| std::ptr::eq(w, word));
    let is_here = word.of.is_empty()
        || kinds
            .connector
            .as_deref()
            .is_some_and(|c| word.of.contains(&c));
    if is_of_table && !is_here && !matches!(word.does, Does::Not(_)) {
        let allowed = format!("'connector' = '{}' beside it", word.of[0]);
        return Err(text.error(option.key_span, format!("'{}'", option.key), allowed));
    }
    check(text, option, word)?;
    let value = Value {
        text: option.value.clone(),
        at: option.value_span,
    };
    let same = SAME.iter().find(|(other, _)| *other == word.name);
    let name = same.map_or(word.name, |(_, name)| name);
    if given.all.insert((of_key, name), value).is_some() {
        let found = format!("'{}', which another option says already", option.key);
        return Err(text.error(option.key_span, found, "each thing once"));
    }
    Ok(())
}

/// The word of an option, and whether it is of the key's format.
fn find(
    text: Text<'_>,
    option: &WithOption,
    kinds: &Kinds,
) -> Result<(bool, &'static Word), QueryError> {
    let key = option.key.as_str();
    if let Some(word) = OF_TABLE.iter().find(|w| w.name == key) {
        return Ok((false, word));
    }
    let (of_key, plain) = match key.strip_prefix("key.") {
        Some(rest) => (true, rest),
        None => (false, key.strip_prefix("value.").unwrap_or(key)),
    };
    let wrong = |found: String, allowed: String| Err(text.error(option.key_span, found, allowed));
    let all = FORMATS
        .iter()
        .copied()
        .chain(ALIASES.iter().map(|(alias, _)| *alias));
    // `avro-confluent.` is no option of `avro`.
    let named = all.filter(|f| plain.strip_prefix(*f).is_some_and(|r| r.starts_with('.')));
    let Some(named) = named.max_by_key(|f| f.len()) else {
        return wrong(format!("the option '{key}'"), meant(key, kinds));
    };
    let rest = &plain[named.len() + 1..];
    let format = format_of(named).unwrap_or(named);
    let mut words = OF_FORMAT.iter();
    let Some(word) = words.find(|w| w.name == rest && w.of.contains(&format)) else {
        if rest.starts_with("properties.") && format.ends_with("-confluent") {
            let allowed = format!(
                "options of their own, which are in docs/tables.md: '{named}.url', '{named}.basic-auth.user-info'"
            );
            return wrong(
                format!("settings of Java's registry client, '{key}'"),
                allowed,
            );
        }
        return wrong(format!("the option '{key}'"), meant(key, kinds));
    };
    let have = if of_key {
        kinds.key_format
    } else {
        kinds.format
    };
    match have {
        Some(have) if have == format => Ok((of_key, word)),
        Some(have) => wrong(
            format!("'{key}' of a table whose format is {have}"),
            format!("options of {have}, which begin with '{have}.'"),
        ),
        None => {
            let which = if of_key { "key.format" } else { "format" };
            wrong(
                format!("'{key}' without its format"),
                format!("'{which}' = '{format}' beside it"),
            )
        }
    }
}

/// What was probably meant, and what there is.
fn meant(key: &str, kinds: &Kinds) -> String {
    let mut names: Vec<String> = OF_TABLE.iter().map(|w| w.name.to_owned()).collect();
    for word in OF_FORMAT {
        names.extend(
            word.of
                .iter()
                .map(|format| format!("{format}.{}", word.name)),
        );
    }
    let have = kinds.format.map(|format| format!("{format}."));
    // An option of the table's own format is nearer than that of another.
    let own = names
        .iter()
        .filter(|n| have.as_ref().is_some_and(|h| n.starts_with(h)));
    let near = nearest(key, own.map(String::as_str));
    match near.or_else(|| nearest(key, names.iter().map(String::as_str))) {
        Some(near) => format!("did you mean '{near}'? All options are in docs/tables.md"),
        None => "the options that are in docs/tables.md".to_owned(),
    }
}

/// Looks at a value: whether it is of the right kind, and holds a secret only where one may be.
fn check(text: Text<'_>, option: &WithOption, word: &Word) -> Result<(), QueryError> {
    let key = &option.key;
    if let Does::Not(instead) = word.does {
        return Err(text.error(
            option.key_span,
            format!("'{key}', which is not taken"),
            instead,
        ));
    }
    let wrong = |allowed: &str| {
        let found = format!("'{key}' = '{}'", option.value);
        Err(text.error(option.value_span, found, allowed))
    };
    let value = option.value.as_str();
    if matches!(word.takes, Takes::Secret) {
        return secret(text, option);
    }
    if matches!(word.takes, Takes::Url) {
        return url(text, option);
    }
    plain(text, option)?;
    let is_fine = match word.takes {
        Takes::Text => !value.is_empty() || word.name == "null-literal",
        Takes::Boolean => ["true", "false"]
            .iter()
            .any(|b| value.eq_ignore_ascii_case(b)),
        Takes::Count => value.parse::<i64>().is_ok_and(|n| n >= 0),
        Takes::Character => character(value).is_some(),
        Takes::Names => value.split(';').all(|n| !n.trim().is_empty()),
        Takes::Zone => Zone::named(value).is_some(),
        Takes::OneOf(all) => {
            let is_format = std::ptr::eq(all, FORMATS) && format_of(value).is_some();
            is_format || all.iter().any(|one| one.eq_ignore_ascii_case(value))
        }
        Takes::Url | Takes::Secret => true,
    };
    if !is_fine {
        return match word.takes {
            Takes::Text => wrong("a text that is not empty"),
            Takes::Boolean => wrong("'true' or 'false'"),
            Takes::Count => wrong("a whole number"),
            Takes::Character => wrong("one character; a tab is '\\t'"),
            Takes::Names => wrong("names with `;` between them"),
            Takes::Zone => wrong(&session::zones(value)),
            Takes::OneOf(all) => wrong(&one_of(value, all)),
            Takes::Url | Takes::Secret => Ok(()),
        };
    }
    match word.does {
        Does::Only(taken, instead) if !value.eq_ignore_ascii_case(taken) => wrong(instead),
        _ => Ok(()),
    }
}

fn one_of(value: &str, all: &[&str]) -> String {
    let list: Vec<String> = all.iter().map(|one| format!("'{one}'")).collect();
    let list = list.join(", ");
    if value.eq_ignore_ascii_case("orc") {
        return format!(
            "{list}; of ORC: duckdb -c \"COPY (FROM 'x.orc') TO 'x.parquet'\" or pyarrow"
        );
    }
    match nearest(value, all.iter().copied()) {
        Some(near) => format!("did you mean '{near}'? It is one of {list}"),
        None => format!("one of {list}"),
    }
}

/// What a secret's option may be.
const SECRET: &str = "${ENV:STANDINGS_SECRET_NAME} or ${file:PATH} (below --secrets DIR), alone: what is a secret is not written down";

/// A value that is a secret: where it is, alone; what it is instead is not shown.
pub(super) fn secret(text: Text<'_>, option: &WithOption) -> Result<(), QueryError> {
    match Reference::parse(&option.value) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => {
            let found = format!("'{}' with a secret in it (not shown)", option.key);
            Err(text.error(option.key_span, found, SECRET))
        }
        Err(_) => {
            let found = format!("'{}' with another `${{…}}` (not shown)", option.key);
            Err(text.error(option.key_span, found, SECRET))
        }
    }
}

/// A value without `${…}`.
pub(super) fn plain(text: Text<'_>, option: &WithOption) -> Result<(), QueryError> {
    if option.value.contains("${") {
        let found = format!("`${{…}}` in '{}'", option.key);
        let allowed = "the value itself: only what is a secret is filled in";
        return Err(text.error(option.key_span, found, allowed));
    }
    Ok(())
}

/// A URL: with its user and password as a secret, or without.
fn url(text: Text<'_>, option: &WithOption) -> Result<(), QueryError> {
    let allowed = "'https://registry.example:8081'; with a password https://${ENV:STANDINGS_SECRET_NAME}@…, or 'basic-auth.user-info'";
    let rest = option.value.split_once("://");
    let scheme = rest.map_or("", |(scheme, _)| scheme);
    let Some((_, rest)) = rest.filter(|_| matches!(scheme, "http" | "https")) else {
        // It may be a password that stands in the wrong place.
        let found = format!("'{}' that is no URL (not shown)", option.key);
        return Err(text.error(option.key_span, found, allowed));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, host) = match rest.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, rest),
    };
    let is_reference = |user: &str| matches!(Reference::parse(user), Ok(Some(_)));
    if user.is_some_and(|u| !is_reference(u)) {
        let found = format!("'{}' with a secret in it (not shown)", option.key);
        return Err(text.error(option.key_span, found, SECRET));
    }
    let host_of = authority.rsplit('@').next().unwrap_or_default();
    if scheme == "http" && !is_loopback(host_of) {
        let found = format!("'{}' without TLS", option.key);
        let allowed = "'https://…': what is asked, and with which password, is nobody else's; http:// is for this machine alone";
        return Err(text.error(option.value_span, found, allowed));
    }
    if authority.is_empty() || host.is_empty() || host.contains("${") {
        let found = format!("'{}' without a host", option.key);
        return Err(text.error(option.key_span, found, allowed));
    }
    Ok(())
}

/// Whether a host, with its port, is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let address = name.parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|a| a.is_loopback())
}
