//! What the options come to.

use sqlparser::tokenizer::Span;

use super::given::{self, Given, format_of};
use super::{KeySettings, Settings, changes, kafka, key, protobuf, registry};
use crate::error::{QueryError, Text};
use crate::statement::Declaration;
use standings_model::table::Connector;
use standings_model::table::format::{
    Csv, Encoding, Format, Json, JsonEnvelope, TimestampStandard,
};

/// Reads the options of a table; what is wrong is added to the errors.
pub fn read(text: Text<'_>, declared: &Declaration, errors: &mut Vec<QueryError>) -> Settings {
    let given = given::read(text, &declared.options, errors);
    if !errors.is_empty() {
        return Settings::default();
    }
    let settings = settings(text, declared, &given);
    settings.unwrap_or_else(|error| {
        errors.push(error);
        Settings::default()
    })
}

fn settings(text: Text<'_>, declared: &Declaration, given: &Given) -> Result<Settings, QueryError> {
    let connector = match given.get("connector").map(|v| v.text.to_ascii_lowercase()) {
        None => None,
        Some(files) if files == "filesystem" => Some(Connector::Files {
            path: given.text(false, "path"),
        }),
        Some(_) => Some(kafka::connector(text, given)?),
    };
    let format = format(text, given, false)?;
    let changelog = changes::changelog(text, declared, given)?;
    let key: Option<KeySettings> = key::settings(text, declared, given)?;
    Ok(Settings {
        connector,
        changelog,
        format,
        key,
        delete_field: given.text(false, "delete.field"),
        delete_value: given.text(false, "delete.value"),
        bootstrap_unordered: given.get("scan.bootstrap").is_some(),
        dedup_within: changes::within(text, declared, given, changelog)?,
        database_include: changes::pattern(text, given, "database.include")?,
        table_include: changes::pattern(text, given, "table.include")?,
        noun: short(text, given, "noun")?,
        unit: short(text, given, "unit")?,
        mask: given.text(false, "mask"),
    })
}

/// A word that stands in texts and on pages.
fn short(text: Text<'_>, given: &Given, word: &str) -> Result<Option<String>, QueryError> {
    let Some(value) = given.get(word) else {
        return Ok(None);
    };
    let most = 40;
    if value.text.chars().count() > most || value.text.chars().any(char::is_control) {
        let allowed = format!("a word of at most {most} characters");
        return Err(text.error(value.at, format!("'{word}' of this length"), allowed));
    }
    Ok(Some(value.text.clone()))
}

/// The format of the value, or of the key.
pub(super) fn format(text: Text<'_>, given: &Given, of_key: bool) -> Result<Format, QueryError> {
    let named = given.get(if of_key { "key.format" } else { "format" });
    let encoding = match named.and_then(|v| format_of(&v.text)) {
        None => Encoding::ByName,
        Some("json" | "json-schema-confluent" | "debezium-json" | "maxwell-json") => {
            Encoding::Json(json(text, given, of_key)?)
        }
        Some("canal-json") => Encoding::Json(Json {
            texts: true,
            ..json(text, given, of_key)?
        }),
        Some("csv") => Encoding::Csv(csv(text, given, of_key)?),
        Some("parquet") => Encoding::Parquet,
        Some("avro" | "avro-confluent" | "debezium-avro-confluent") => Encoding::Avro,
        Some("raw") => Encoding::Raw,
        Some("protobuf") => Encoding::Protobuf(protobuf::settings(text, given, of_key)?),
        Some("protobuf-confluent") => Encoding::Protobuf(protobuf::registered(given, of_key)),
        Some(other) => Encoding::Other(other.to_owned()),
    };
    Ok(Format {
        encoding,
        registry: registry::registry(text, given, of_key)?,
        zone: given.text(false, "scan.time-zone"),
    })
}

fn standard(given: &Given, of_key: bool) -> TimestampStandard {
    let named = given.of(of_key, "timestamp-format.standard");
    match named.map(|v| v.text.to_ascii_uppercase()).as_deref() {
        Some("SQL") => TimestampStandard::Sql,
        Some("ISO-8601") => TimestampStandard::Iso,
        Some("ISO-8601-WITH-OFFSET") => TimestampStandard::IsoWithOffset,
        _ => TimestampStandard::Offset,
    }
}

fn json(text: Text<'_>, given: &Given, of_key: bool) -> Result<Json, QueryError> {
    let is_connect = given.is(of_key, "schema-include", false);
    let envelope = match given.of(of_key, "envelope") {
        Some(value) if is_connect => {
            let found = "'json.envelope' beside 'json.schema-include'";
            return Err(text.error(value.at, found, "one of them: a record has one envelope"));
        }
        Some(_) => JsonEnvelope::CloudEvents,
        None if is_connect => JsonEnvelope::Connect,
        None => JsonEnvelope::None,
    };
    let decimals = given.of(of_key, "decimal-format");
    Ok(Json {
        timestamps: standard(given, of_key),
        envelope,
        coerce_to_string: given.is(of_key, "coerce-to-string", false),
        base64_decimals: decimals.is_some_and(|v| v.text.eq_ignore_ascii_case("base64")),
        texts: false,
    })
}

fn csv(text: Text<'_>, given: &Given, of_key: bool) -> Result<Csv, QueryError> {
    let plain = Csv::default();
    let byte = |word: &str, otherwise: Option<u8>| match given.character(of_key, word) {
        None => Ok(otherwise),
        Some(c) if c.is_ascii() && c != '\n' && c != '\r' => Ok(Some(c as u8)),
        Some(_) => {
            let at = given.of(of_key, word).map_or(Span::empty(), |v| v.at);
            let allowed = "a sign of ASCII that ends no line";
            Err(text.error(at, format!("'csv.{word}' with this sign"), allowed))
        }
    };
    let quoted = !given.is(of_key, "disable-quote-character", false);
    let csv = Csv {
        delimiter: byte("field-delimiter", None)?,
        quote: byte("quote-character", plain.quote)?.filter(|_| quoted),
        escape: byte("escape-character", None)?,
        header: given.is(of_key, "header", !of_key),
        comments: given.is(of_key, "allow-comments", false),
        null: given.text(of_key, "null-literal"),
        charset: charset(text, given, of_key)?,
        trim: given.is(of_key, "trim", false),
        timestamp_pattern: given.text(of_key, "timestamp-format"),
        timestamps: standard(given, of_key),
        decimal_separator: given
            .character(of_key, "decimal-separator")
            .unwrap_or(plain.decimal_separator),
        thousands_separator: given.character(of_key, "thousands-separator"),
    };
    told_apart(text, given, of_key, &csv)?;
    if let (Some(value), Some(pattern)) =
        (given.of(of_key, "timestamp-format"), &csv.timestamp_pattern)
        && standings_scalar::time::optional::patterns(pattern).is_none()
    {
        let found = format!("'csv.timestamp-format' = '{}'", value.text);
        let allowed = "Java's letters, such as dd/MM/yyyy HH:mm[:ss]; of these […] up to four";
        return Err(text.error(value.at, found, allowed));
    }
    Ok(csv)
}

/// Refuses signs of which one could be taken for another.
fn told_apart(text: Text<'_>, given: &Given, of_key: bool, csv: &Csv) -> Result<(), QueryError> {
    let is_number = |c: char| c.is_ascii_digit() || "+-eE".contains(c);
    let wrong = |word: &str, allowed: &str| {
        // Of two signs that are one the word that was said.
        let said = given.of(of_key, word);
        let said = said.or_else(|| given.of(of_key, "field-delimiter"));
        let at = said.map_or(Span::empty(), |v| v.at);
        Err(text.error(at, format!("'csv.{word}' with this sign"), allowed))
    };
    if is_number(csv.decimal_separator) {
        return wrong(
            "decimal-separator",
            "a sign that is in no number otherwise: ','",
        );
    }
    match csv.thousands_separator {
        Some(sign) if is_number(sign) || sign == csv.decimal_separator => wrong(
            "thousands-separator",
            "a sign that is in no number otherwise, and not the decimal separator",
        ),
        _ if csv.quote.is_some() && csv.quote == csv.delimiter => {
            wrong("quote-character", "another sign than the delimiter")
        }
        _ => Ok(()),
    }
}

/// Encodings that are read, by their plain names.
const CHARSETS: &[&str] = &[
    "utf-8",
    "utf-16le",
    "utf-16be",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "windows-874",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-3",
    "iso-8859-4",
    "iso-8859-5",
    "iso-8859-6",
    "iso-8859-7",
    "iso-8859-8",
    "iso-8859-10",
    "iso-8859-13",
    "iso-8859-14",
    "iso-8859-15",
    "iso-8859-16",
    "koi8-r",
    "koi8-u",
    "macintosh",
    "ibm866",
    "gbk",
    "gb18030",
    "big5",
    "euc-jp",
    "iso-2022-jp",
    "shift_jis",
    "euc-kr",
    "latin1",
    "us-ascii",
];

fn charset(text: Text<'_>, given: &Given, of_key: bool) -> Result<Option<String>, QueryError> {
    let Some(value) = given.of(of_key, "charset") else {
        return Ok(None);
    };
    let plain = value.text.to_ascii_lowercase();
    if CHARSETS.contains(&plain.as_str()) {
        return Ok(Some(plain));
    }
    let near = crate::toml::nearest(&plain, CHARSETS.iter().copied());
    let near = near.map_or_else(String::new, |n| format!("did you mean '{n}'? "));
    let allowed = format!("{near}The encodings are {}", CHARSETS.join(", "));
    Err(text.error(
        value.at,
        format!("'csv.charset' = '{}'", value.text),
        allowed,
    ))
}
