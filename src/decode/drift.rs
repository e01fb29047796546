//! What one schema says otherwise of a table's columns than the one before it.

use std::collections::BTreeMap;

use super::avro;
use super::seen::Drift;
use standings_model::schema::{Language, Schema};
use standings_model::table::{Origin, Table};

/// What is otherwise in a schema than `before`; of the first, than the table. Of fields that the table has not got only that
/// they are new is told. Nothing of a schema that cannot be read: its records say why.
///
/// # Examples
///
/// ```
/// use standings_decode::Drift;
/// use standings_decode::drift::drift;
/// use standings_model::schema::{Language, Schema};
/// use standings_model::table::Table;
///
/// let schema = |fields: &str| Schema::new(Language::Avro, format!(r#"{{"type":"record","name":"Sale","fields":[{fields}]}}"#));
/// let mut table = Table::sales();
/// table.columns.retain(|c| c.name == "city");
/// table.declared = 1;
/// let one = schema(r#"{"name":"city","type":"string"}"#);
/// let two = schema(r#"{"name":"city","type":["null","string"]},{"name":"shop","type":"long"}"#);
/// let three = schema(r#"{"name":"city","type":"long"}"#);
/// assert_eq!(drift(&table, false, Some(&one), &two), [("shop".to_owned(), Drift::Added)]);
/// assert_eq!(drift(&table, false, Some(&two), &three), [("city".to_owned(), Drift::Retyped)]);
/// assert_eq!(drift(&table, false, None, &schema("")), [("city".to_owned(), Drift::Dropped)]);
/// ```
pub fn drift(
    table: &Table,
    of_key: bool,
    before: Option<&Schema>,
    now: &Schema,
) -> Vec<(String, Drift)> {
    let Some(fields) = fields(now) else {
        return Vec::new();
    };
    let then = before.and_then(self::fields);
    let mut all = BTreeMap::new();
    for name in declared(table, of_key) {
        let had = then.as_ref().is_none_or(|then| then.contains_key(&name));
        match (fields.get(&name), then.as_ref().and_then(|t| t.get(&name))) {
            (None, _) if had => {
                all.insert(name, Drift::Dropped);
            }
            (Some(now), Some(then)) if now != then => {
                all.insert(name, Drift::Retyped);
            }
            _ => {}
        }
    }
    if let Some(then) = &then {
        let new = fields.keys().filter(|name| !then.contains_key(*name));
        all.extend(new.map(|name| (name.clone(), Drift::Added)));
    }
    if before.is_none()
        && now.language == Language::Avro
        && let Ok(fit) = avro::fit(table, of_key, now)
    {
        for (name, _) in fit.misfits {
            all.entry(name).or_insert(Drift::Retyped);
        }
    }
    all.into_iter().collect()
}

/// The fields that columns are read from.
fn declared(table: &Table, of_key: bool) -> impl Iterator<Item = String> {
    let columns = table.declared().iter();
    columns.filter_map(move |column| match &column.origin {
        Origin::Field(path) if !of_key => path.first().cloned(),
        Origin::KeyField(path) if of_key => path.first().cloned(),
        Origin::Parts => match table.row_in_key(column) {
            Some(name) => of_key.then_some(name),
            None => (!of_key).then(|| column.name.clone()),
        },
        _ => None,
    })
}

/// The fields of a schema's records, with words for their types; none where that cannot be told.
fn fields(schema: &Schema) -> Option<BTreeMap<String, String>> {
    match schema.language {
        Language::Avro => avro::Schema::of(schema).ok()?.fields(),
        Language::Json => {
            let json: serde_json::Value = serde_json::from_str(&schema.text).ok()?;
            let all = json.get("properties")?.as_object()?;
            let words = |of: &serde_json::Value| {
                let of = not_null(of);
                let part = |name: &str| of.get(name).map(ToString::to_string);
                let all =
                    ["type", "format", "title", "$ref"].map(|name| part(name).unwrap_or_default());
                all.join(" ")
            };
            Some(
                all.iter()
                    .map(|(name, of)| (name.clone(), words(of)))
                    .collect(),
            )
        }
        Language::Protobuf => None,
    }
}

/// What a property is where it is not null.
fn not_null(of: &serde_json::Value) -> &serde_json::Value {
    let all = ["oneOf", "anyOf"]
        .iter()
        .find_map(|word| of.get(word)?.as_array());
    let mut all = all.into_iter().flatten();
    all.find(|b| b.get("type").is_none_or(|t| t != "null"))
        .unwrap_or(of)
}
