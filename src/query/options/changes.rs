//! Rows that change: `changelog`, `delete.field`, `dedup.within`, whose changes are taken.

use std::time::Duration;

use regex::Regex;

use super::given::{Given, format_of};
use crate::error::{QueryError, Text};
use crate::statement::Declaration;
use standings_model::duration::parse_some_duration;
use standings_model::table::Changelog;

/// As far back as keys are remembered.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// How a table's rows change: by its connector, its format, or our own word.
pub(super) fn changelog(
    text: Text<'_>,
    declared: &Declaration,
    given: &Given,
) -> Result<Changelog, QueryError> {
    let is = |word: &str, value: &str| {
        given
            .get(word)
            .is_some_and(|v| v.text.eq_ignore_ascii_case(value))
    };
    let format = given.get("format").and_then(|v| format_of(&v.text));
    let of_format = match format {
        Some("debezium-json" | "debezium-avro-confluent") => Some(Changelog::Debezium),
        Some("maxwell-json") => Some(Changelog::Maxwell),
        Some("canal-json") => Some(Changelog::Canal),
        _ => None,
    };
    let is_upsert = is("connector", "upsert-kafka") || is("changelog", "upsert");
    if let (Some(_), Some(value), Some(name)) = (of_format, given.get("format"), format)
        && (is_upsert || is("changelog", "append"))
    {
        let found = format!("'format' = '{name}' of a table that says otherwise how it changes");
        let allowed =
            "'connector' = 'kafka', without 'changelog': the format says what each record changes";
        return Err(text.error(value.at, found, allowed));
    }
    if is("connector", "upsert-kafka") && is("changelog", "append") {
        let at = given.get("changelog").map_or(declared.span, |v| v.at);
        let found = "'changelog' = 'append' of an upsert-kafka table";
        return Err(text.error(at, found, "'connector' = 'kafka'"));
    }
    if is_upsert && declared.primary_key.is_empty() {
        let allowed = "PRIMARY KEY (…) NOT ENFORCED: it says which row a record is";
        return Err(text.error(
            declared.span,
            "an upsert table without a primary key",
            allowed,
        ));
    }
    for word in ["delete.field", "delete.value", "scan.bootstrap"] {
        if let Some(value) = given.get(word).filter(|_| !is_upsert) {
            let found = format!("'{word}' of a table that is not 'changelog' = 'upsert'");
            return Err(text.error(value.at, found, "'changelog' = 'upsert' beside it"));
        }
    }
    if let Some(value) = given
        .get("delete.value")
        .filter(|_| given.get("delete.field").is_none())
    {
        let allowed = "'delete.field' beside it";
        return Err(text.error(value.at, "'delete.value' without a field", allowed));
    }
    Ok(match is_upsert {
        true => Changelog::Upsert,
        false => of_format.unwrap_or_default(),
    })
}

/// `dedup.within`, ms.
pub(super) fn within(
    text: Text<'_>,
    declared: &Declaration,
    given: &Given,
    changelog: Changelog,
) -> Result<Option<i64>, QueryError> {
    let Some(value) = given.get("dedup.within") else {
        return Ok(None);
    };
    if changelog != Changelog::Append {
        let found = "'dedup.within' of a table whose rows change";
        let allowed = "leave it out: a record that says the same again changes nothing";
        return Err(text.error(value.at, found, allowed));
    }
    if declared.primary_key.is_empty() {
        let found = "'dedup.within' without a primary key";
        let allowed = "PRIMARY KEY (…) NOT ENFORCED: it says which records are the same";
        return Err(text.error(value.at, found, allowed));
    }
    match parse_some_duration(&value.text) {
        Ok(within) if within > LONGEST => {
            let found = format!("'dedup.within' = '{}'", value.text);
            Err(text.error(value.at, found, "30 days at most"))
        }
        Ok(within) => Ok(i64::try_from(within.as_millis()).ok()),
        Err(e) => Err(text.error(
            value.at,
            format!("'dedup.within' = '{}'", value.text),
            e.to_string(),
        )),
    }
}

/// A pattern of names.
pub(super) fn pattern(
    text: Text<'_>,
    given: &Given,
    word: &str,
) -> Result<Option<String>, QueryError> {
    let Some(value) = given.get(word) else {
        return Ok(None);
    };
    match Regex::new(&value.text) {
        Ok(_) => Ok(Some(value.text.clone())),
        Err(e) => {
            // The last line of what it says has the reason.
            let why = e.to_string();
            let why = why.lines().last().unwrap_or_default().trim().to_owned();
            let allowed =
                format!("a regular expression without look-around and back references ({why})");
            Err(text.error(value.at, format!("'{word}' = '{}'", value.text), allowed))
        }
    }
}
