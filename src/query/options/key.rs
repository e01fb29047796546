//! The key of a record: `key.format`, `key.fields`, `key.fields-prefix`, `value.fields-include`.

use super::given::Given;
use super::{KeySettings, settings};
use crate::error::{QueryError, Text};
use crate::statement::Declaration;

/// What the options say of the key.
pub(super) fn settings(
    text: Text<'_>,
    declared: &Declaration,
    given: &Given,
) -> Result<Option<KeySettings>, QueryError> {
    let is = |word: &str, value: &str| {
        let given = given.get(word);
        given.is_some_and(|v| v.text.eq_ignore_ascii_case(value))
    };
    let is_upsert_kafka = is("connector", "upsert-kafka");
    let is_upsert = is_upsert_kafka || is("changelog", "upsert");
    let Some(named) = given.get("key.format") else {
        for word in ["key.fields", "key.fields-prefix"] {
            if let Some(value) = given.get(word) {
                let found = format!("'{word}' without a format of the key");
                return Err(text.error(value.at, found, "'key.format' = 'json' beside it"));
            }
        }
        return Ok(None);
    };
    let in_value = !given
        .get("value.fields-include")
        .is_some_and(|v| v.text.eq_ignore_ascii_case("EXCEPT_KEY"));
    let fields = match given.get("key.fields") {
        Some(value) if is_upsert_kafka => {
            let found = "'key.fields' of an upsert-kafka table";
            return Err(text.error(
                value.at,
                found,
                "PRIMARY KEY (…) NOT ENFORCED: these are the key's columns",
            ));
        }
        Some(value) => {
            let fields = value.text.split(';').map(|f| (f.trim(), value.at));
            let fields: Vec<_> = fields.map(|(f, at)| (f.to_owned(), at)).collect();
            let is_key = |f: &(String, _)| declared.primary_key.iter().any(|k| k.value == f.0);
            if is_upsert
                && (fields.len() != declared.primary_key.len() || !fields.iter().all(is_key))
            {
                let found = "'key.fields' that are not the PRIMARY KEY of an upsert table";
                let allowed = "the columns of the PRIMARY KEY, or no 'key.fields': these are the key's columns";
                return Err(text.error(value.at, found, allowed));
            }
            fields
        }
        None if is_upsert => {
            let keys = declared.primary_key.iter();
            keys.map(|k| (k.value.clone(), k.span)).collect::<Vec<_>>()
        }
        None => {
            let allowed = "'key.fields' = 'a;b' beside it: the columns that are in the key";
            return Err(text.error(named.at, "'key.format' without the key's columns", allowed));
        }
    };
    let prefix = given.get("key.fields-prefix");
    if let Some(value) = prefix {
        if in_value {
            let allowed = "'value.fields-include' = 'EXCEPT_KEY' beside it";
            return Err(text.error(
                value.at,
                "'key.fields-prefix' of columns that are in the value too",
                allowed,
            ));
        }
        if let Some((field, at)) = fields
            .iter()
            .find(|(f, _)| !f.starts_with(&value.text) || *f == value.text)
        {
            let found = format!("the column `{field}` of the key, without its prefix");
            let allowed = format!("columns that begin with `{}`", value.text);
            return Err(text.error(*at, found, allowed));
        }
    }
    Ok(Some(KeySettings {
        format: settings::format(text, given, true)?,
        fields,
        prefix: prefix.map(|v| v.text.clone()).unwrap_or_default(),
        // The key says which row it is, whatever the value says.
        in_value: in_value && !is_upsert,
    }))
}
