//! The options of a proposed table: what its `WITH` says.

use super::changes::Changes;
use super::decide::Decided;
use super::dialect::Dialect;
use super::finding::Finding;
use super::messages::{DESCRIBED, MESSAGES};
use super::names::{self, literal};
use super::schemas::FRAMED;

/// An option of the table.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) is_out: bool,
    pub(super) comment: Option<String>,
}

/// Options, one by one.
struct Options(Vec<Given>);

impl Options {
    fn add(&mut self, key: &str, value: &str, comment: Option<&str>) {
        self.0.push(Given {
            key: key.to_owned(),
            value: literal(value),
            is_out: false,
            comment: comment.map(str::to_owned),
        });
    }

    /// One that is only an idea.
    fn idea(&mut self, key: &str, value: &str, comment: &str) {
        self.add(key, value, Some(comment));
        if let Some(last) = self.0.last_mut() {
            last.is_out = true;
        }
    }

    /// How a text is written.
    fn dialect(&mut self, d: &Dialect) {
        if d.delimiter != ',' {
            let sign = match d.delimiter {
                '\t' => "\\t".to_owned(),
                other => other.to_string(),
            };
            self.add("csv.field-delimiter", &sign, None);
        }
        if let Some(quote) = d.quote.filter(|q| *q != '"') {
            self.add("csv.quote-character", &quote.to_string(), None);
        }
        if let Some(escape) = d.escape {
            self.add("csv.escape-character", &escape.to_string(), None);
        }
        if !d.header {
            let comment = "the columns have no names: these are made up";
            self.add("csv.header", "false", Some(comment));
        } else if d.is_header_unclear {
            let comment = "nothing tells whether the first row has names";
            self.add("csv.header", "true", Some(comment));
        }
        if d.comments {
            self.add("csv.allow-comments", "true", None);
        }
        if d.trim {
            self.add("csv.trim", "true", None);
        }
        if let Some(charset) = d.charset {
            let doubt = "not UTF-8; which of the charsets of one byte it is cannot be told";
            let doubt = (charset == "windows-1252").then_some(doubt);
            self.add("csv.charset", charset, doubt);
        }
    }

    /// What cells mean.
    fn meaning(&mut self, finding: &Finding) {
        let rules = &finding.rules;
        if let Some(word) = rules.no_value {
            self.add("csv.null-literal", word, None);
        }
        if rules.signs.comma {
            self.add("csv.decimal-separator", ",", None);
        }
        if rules.signs.thousands {
            let sign = if rules.signs.comma { "." } else { "," };
            self.add("csv.thousands-separator", sign, None);
        }
        if let Some(pattern) = &rules.pattern {
            self.add("csv.timestamp-format", pattern, None);
        }
    }
}

/// What the options of a format begin with.
fn prefixed(finding: &Finding, format: &str) -> String {
    match finding.changes {
        Changes::Present => format!("value.{format}"),
        _ => format.to_owned(),
    }
}

/// What the `WITH` of a table says.
pub(super) fn options(finding: &Finding, decided: &[(String, Decided)]) -> Vec<Given> {
    let mut all = Options(Vec::new());
    for (key, value) in &finding.connector {
        all.add(key, value, None);
    }
    let noun = names::plain(&finding.table, "records");
    all.idea("noun", &noun, "what a record is called, in the plural");
    all.idea("unit", "EUR", "what amounts are in");
    let format = finding.format.as_str();
    if finding.changes == Changes::Present {
        let is_json = finding.keys.as_ref().is_some_and(|keys| keys.is_json);
        let of_keys = if is_json { "json" } else { "raw" };
        all.add("key.format", of_keys, None);
        all.add("value.format", format, None);
    } else {
        all.add("format", format, None);
    }
    if let Some(dialect) = &finding.dialect {
        all.dialect(dialect);
        all.meaning(finding);
    }
    let lacks_offset = decided.iter().any(|(_, one)| one.lacks_offset);
    let says_types = matches!(format, "parquet" | "avro" | FRAMED | MESSAGES | DESCRIBED);
    if lacks_offset && (says_types || matches!(format, "json" | "csv")) {
        if finding.rules.pattern.is_none() && !says_types {
            let key = format!("{}.timestamp-format.standard", prefixed(finding, format));
            all.add(&key, "SQL", None);
        }
        let doubt = "times have no offset: name the zone that they are of, such as Europe/Lisbon";
        all.add("scan.time-zone", "UTC", Some(doubt));
    }
    if decided.iter().any(|(_, one)| one.coerced) && format == "json" {
        let key = format!("{}.coerce-to-string", prefixed(finding, format));
        all.add(&key, "true", None);
    }
    for (key, value) in &finding.envelope_options {
        all.add(key, value, None);
    }
    all.0
}
