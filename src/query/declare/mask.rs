//! `mask`: columns whose values are not known behind the decoder.
//!
//! `'mask' = 'email:hash;card:tokenize;address.street'`: a column, or a leaf of a row, and how; without a word `redact`.
//!
//! 1. Where a value could still be seen beside its mask, as in METADATA that has the whole key, the table is refused.

use crate::error::{QueryError, Text};
use crate::options::Settings;
use crate::statement::Declaration;
use crate::toml::nearest;
use standings_model::mask::{Masking, Method};
use standings_model::table::{Metadata, Origin, Table};
use standings_model::types::Type;

/// What `mask` says of a table whose columns are all known.
pub(super) fn masking(
    text: Text<'_>,
    declared: &Declaration,
    settings: &Settings,
    table: &Table,
) -> Result<Masking, QueryError> {
    let Some(said) = &settings.mask else {
        return Ok(Masking::default());
    };
    let option = declared.options.iter().find(|o| o.key == "mask");
    let at = option.map_or(declared.span, |o| o.value_span);
    let mut masking = Masking::default();
    for part in said.split(';') {
        let wrong = |found: String, allowed: &str| text.error(at, found, allowed);
        let (number, how) = one(part.trim(), table).map_err(|(f, a)| wrong(f, &a))?;
        if masking.of(number).is_some() {
            let found = format!("'mask' with `{}` twice", table.columns[number].name);
            return Err(wrong(found, "each column once"));
        }
        can_be(table, number, how).map_err(|(f, a)| wrong(f, a))?;
        masking.columns.push((number, how));
    }
    masking.columns.sort_unstable();
    let shows = table.columns.iter().find(|c| {
        matches!(
            c.origin,
            Origin::Metadata(Metadata::Key | Metadata::Headers)
        )
    });
    if let Some(shows) = shows {
        let found = format!("'mask' beside the METADATA column `{}`", shows.name);
        let allowed =
            "a table without the whole key or the headers: what is masked may stand in them";
        return Err(text.error(at, found, allowed));
    }
    Ok(masking)
}

/// `column`, or `column:method`.
fn one(part: &str, table: &Table) -> Result<(usize, Method), (String, String)> {
    let find = |name: &str| table.find(name).or_else(|| table.leaf_named(name));
    if let Some(number) = find(part) {
        return Ok((number, Method::Redact));
    }
    let (name, word) = part.rsplit_once(':').unwrap_or((part, "redact"));
    let (name, word) = (name.trim(), word.trim());
    let Some(number) = find(name) else {
        let names = table.columns.iter().map(|c| c.name.as_str());
        let near = nearest(name, names).map_or_else(
            || "names of columns, with `;` between them".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err((format!("'mask' of `{name}`, which is no column"), near));
    };
    let Some(how) = Method::named(word) else {
        let all = Method::ALL.map(Method::word).join(", ");
        return Err((format!("'mask' = '{name}:{word}'"), format!("one of {all}")));
    };
    Ok((number, how))
}

/// Whether a column can be masked.
fn can_be(table: &Table, number: usize, how: Method) -> Result<(), (String, &'static str)> {
    let column = &table.columns[number];
    let found = |what: &str| format!("'mask' of `{}`, {what}", column.name);
    if !matches!(column.origin, Origin::Field(_) | Origin::KeyField(_)) {
        return Err((
            found("which is not read from a field"),
            "a field of the record; what is computed of it is masked with it",
        ));
    }
    if column.kind != Type::STRING {
        return Err((
            found(&format!("a {}", column.kind)),
            "a STRING: a mask is a text (numbers of JSON: 'json.coerce-to-string' = 'true')",
        ));
    }
    if how == Method::Redact && table.primary_key.contains(&number) {
        return Err((
            found("which is of the primary key, by redact"),
            "hash or tokenize: redacted, all keys would be one",
        ));
    }
    let is_delete = |field: &String| matches!(&column.origin, Origin::Field(path) if path[..] == [field.clone()]);
    if table.delete_field.as_ref().is_some_and(is_delete) {
        return Err((
            found("which is 'delete.field'"),
            "another column: it says whether a row is gone",
        ));
    }
    Ok(())
}
