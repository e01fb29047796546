//! Formats, in words.

use standings_model::table::format::{Csv, Json, JsonEnvelope};

pub(super) fn of_json(json: &Json) -> Vec<String> {
    let mut all = vec!["JSON".to_owned()];
    match json.envelope {
        JsonEnvelope::None => {}
        JsonEnvelope::Connect => all.push("in Kafka Connect's envelope".to_owned()),
        JsonEnvelope::CloudEvents => all.push("in CloudEvents".to_owned()),
    }
    if json.coerce_to_string {
        all.push("numbers taken for texts".to_owned());
    }
    if json.base64_decimals {
        all.push("decimals in base64".to_owned());
    }
    if json.timestamps.is_local() {
        all.push("times without an offset taken".to_owned());
    }
    all
}

pub(super) fn of_csv(csv: &Csv) -> Vec<String> {
    let mut all = vec!["CSV".to_owned()];
    if let Some(sign) = csv.delimiter {
        all.push(format!("fields between {:?}", char::from(sign)));
    }
    match csv.quote {
        Some(b'"') => {}
        Some(sign) => all.push(format!("quoted by {:?}", char::from(sign))),
        None => all.push("nothing quoted".to_owned()),
    }
    if !csv.header {
        all.push("without a header".to_owned());
    }
    if let Some(null) = &csv.null {
        all.push(format!("{null:?} is NULL"));
    }
    if let Some(charset) = &csv.charset {
        all.push(charset.clone());
    }
    if let Some(pattern) = &csv.timestamp_pattern {
        all.push(format!("times as {pattern}"));
    }
    if csv.decimal_separator != '.' || csv.thousands_separator.is_some() {
        let thousands = csv
            .thousands_separator
            .map_or_else(String::new, String::from);
        all.push(format!(
            "numbers as 1{thousands}234{}50",
            csv.decimal_separator
        ));
    }
    all
}
