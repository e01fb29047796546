//! What a sample turned out to be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::changes::{self, Changes, RowKey};
use super::decide::{Format, Rules};
use super::dialect::{Dialect, Sheet};
use super::envelope::{self, Envelope};
use super::json::Json;
use super::names;
use super::numbers::{self, Signs};
use super::sample::{Body, From, Record, Sample};
use super::seen::{Seen, shortened};
use standings_edge::source::SourceUrl;
use standings_model::types::Type;

/// The keys of records.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) count: u64,
    pub(super) is_json: bool,
    pub(super) is_text: bool,
    pub(super) example: String,
}

/// Confluent's framing: a byte 0, and the number of a schema.
#[derive(Clone, Debug)]
pub(super) struct Framing {
    pub(super) ids: BTreeSet<u32>,
    pub(super) is_json: bool,
}

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) source: String,
    /// A name for the table.
    pub(super) table: String,
    pub(super) container: String,
    pub(super) said: Vec<String>,
    pub(super) is_all: bool,
    pub(super) is_file: bool,
    /// Its name says that its lines are keys and values.
    is_of_lines: bool,
    /// Records that were read.
    pub(super) records: u64,
    /// Rows in them.
    pub(super) rows: u64,
    /// Records that are no JSON object, and the first of them.
    pub(super) odd: Option<(u64, String)>,
    /// Records without a byte.
    pub(super) empties: u64,
    pub(super) keys: Option<Keys>,
    pub(super) headers: BTreeSet<String>,
    pub(super) framing: Option<Framing>,
    pub(super) envelope: Envelope,
    pub(super) changes: Changes,
    /// What names a row, where rows change.
    pub(super) key: RowKey,
    pub(super) seen: Seen,
    /// The types that the file itself says.
    pub(super) typed: Vec<(String, Option<Type>)>,
    pub(super) rules: Rules,
    pub(super) dialect: Option<Dialect>,
    /// Names that two columns have.
    pub(super) twice: BTreeSet<String>,
    pub(super) parts: Vec<String>,
    pub(super) format: String,
    pub(super) connector: Vec<(String, String)>,
    pub(super) envelope_options: Vec<(String, String)>,
}

impl Finding {
    /// Of a sample.
    pub(super) fn of(from: &From, sample: Sample) -> Finding {
        let mut finding = Finding::bare(from, &sample);
        finding.body(sample.body);
        // What is asked of a registry, where the records name their schemas.
        let is_framed = finding.format.ends_with("-confluent");
        let asked = is_framed.then(|| from.schemas.option(&finding.format));
        finding.envelope_options.extend(asked.flatten());
        let described = from.described.iter().flat_map(|of| of.options.clone());
        finding.envelope_options.extend(described);
        finding
    }

    fn body(&mut self, body: Body) {
        match body {
            Body::Records(records) => self.records(&records),
            Body::Sheet(sheet) => self.sheet(sheet),
            Body::Typed(records, types, format) => {
                self.rules.format = Format::Parquet;
                format.clone_into(&mut self.format);
                self.beside(&records);
                self.typed = types;
                self.objects(records.iter().map(|r| (&r.bytes[..], r)));
                if self.format != format {
                    format.clone_into(&mut self.format);
                    self.said.push(format!(
                        "the records say what changed: 'format' = 'debezium-{format}' counts that (docs/debezium.md)"
                    ));
                }
                // A column of which nothing was seen is there all the same.
                for (name, _) in &self.typed {
                    if !self.seen.fields.iter().any(|(n, _)| n == name) {
                        self.seen.fields.push((name.clone(), Seen::default()));
                    }
                }
            }
        }
    }

    fn bare(from: &From, sample: &Sample) -> Finding {
        Finding {
            source: from.url.to_string(),
            table: match from.kept {
                Some(_) => "input".to_owned(),
                None => table(&from.url),
            },
            container: sample.container.clone(),
            said: sample.said.clone(),
            is_all: sample.is_all,
            is_file: from.is_file(),
            is_of_lines: from.is_of_lines(),
            records: 0,
            rows: 0,
            odd: None,
            empties: 0,
            keys: None,
            headers: BTreeSet::new(),
            framing: None,
            envelope: Envelope::None,
            changes: Changes::None,
            key: RowKey::default(),
            seen: Seen::default(),
            typed: Vec::new(),
            rules: Rules {
                format: Format::Json,
                signs: Signs::default(),
                pattern: None,
                no_value: None,
                base64: false,
                decimals: BTreeMap::new(),
            },
            dialect: None,
            twice: BTreeSet::new(),
            parts: sample.parts.clone(),
            format: "json".to_owned(),
            // What is read but once is named when it is read.
            connector: match from.kept {
                Some(_) => Vec::new(),
                None => connector(&from.url),
            },
            envelope_options: Vec::new(),
        }
    }

    /// Records of a topic, or of a file of JSON.
    fn records(&mut self, records: &[Record]) {
        self.beside(records);
        let framed = |r: &&Record| r.bytes.len() > 5 && r.bytes[0] == 0;
        let values = records.iter().filter(|r| !r.bytes.is_empty());
        let is_framed = values.clone().count() > 0 && values.clone().all(|r| framed(&r));
        if is_framed {
            let ids = values
                .clone()
                .map(|r| u32::from_be_bytes([r.bytes[1], r.bytes[2], r.bytes[3], r.bytes[4]]));
            let is_json = values
                .clone()
                .all(|r| r.bytes[5..].trim_ascii_start().starts_with(b"{"));
            self.framing = Some(Framing {
                ids: ids.collect(),
                is_json,
            });
            if is_json {
                "json-schema-confluent".clone_into(&mut self.format);
            }
        }
        let skip = if is_framed { 5 } else { 0 };
        let values = self.objects(
            records
                .iter()
                .map(|r| (r.bytes.get(skip..).unwrap_or_default(), r)),
        );
        self.changing(records, &values);
    }

    /// How the rows change, and what names one.
    fn changing(&mut self, records: &[Record], values: &[Json]) {
        let has_keys = self.keys.as_ref().is_some_and(|k| k.count == self.records);
        let changes = Changes::of(self.envelope, &self.seen, self.empties, has_keys);
        if changes == Changes::None {
            return;
        }
        let is_lines = changes == Changes::Lines;
        if is_lines {
            self.of_keys(values);
        }
        self.key = changes::row_key(records, values, is_lines, &self.seen);
        self.said.extend(changes.said().map(str::to_owned));
        match changes {
            Changes::Told => {}
            _ if self.key.fields.is_empty() => {
                let text = "nothing tells which column names a row: name it, PRIMARY KEY (…) NOT ENFORCED, and say 'changelog' = 'upsert'";
                self.said.push(text.to_owned());
                return;
            }
            Changes::Present => {
                let is_topic = |(key, _): &&mut (String, String)| key == "connector";
                if let Some((_, value)) = self.connector.iter_mut().find(is_topic) {
                    "upsert-kafka".clone_into(value);
                }
            }
            Changes::Unwrapped(field) => {
                self.option("changelog", "upsert");
                self.option("delete.field", field);
            }
            Changes::Lines | Changes::None => self.option("changelog", "upsert"),
        }
        self.changes = changes;
    }

    /// Fields that stand only in the keys of lines.
    fn of_keys(&mut self, lines: &[Json]) {
        for line in lines {
            let fields = line.get("key").and_then(Json::fields).unwrap_or_default();
            let value = line.get("value");
            let alone = fields.iter().filter(|(name, _)| {
                value.is_some_and(|v| v.fields().is_some() && v.get(name).is_none())
            });
            let alone: Vec<(String, Json)> = alone.cloned().collect();
            if !alone.is_empty() {
                self.seen.add_fields(&alone);
            }
        }
    }

    /// What comes beside the values.
    fn beside(&mut self, records: &[Record]) {
        let keys: Vec<&Vec<u8>> = records.iter().filter_map(|r| r.key.as_ref()).collect();
        if let Some(first) = keys.first() {
            self.keys = Some(Keys {
                count: keys.len() as u64,
                is_json: keys
                    .iter()
                    .all(|k| matches!(Json::parse(k), Some(Json::Object(_)))),
                is_text: keys.iter().all(|k| std::str::from_utf8(k).is_ok()),
                example: shortened(&String::from_utf8_lossy(first)),
            });
        }
        self.headers = records
            .iter()
            .flat_map(|r| r.headers.iter().cloned())
            .collect();
        if self.headers.contains("ce_specversion") {
            let option = ("json.envelope".to_owned(), "cloudevents".to_owned());
            self.envelope_options.push(option);
        }
    }

    /// JSON, record by record.
    fn objects<'a>(&mut self, records: impl Iterator<Item = (&'a [u8], &'a Record)>) -> Vec<Json> {
        let mut all = Vec::new();
        for (bytes, record) in records {
            self.records += 1;
            if record.bytes.is_empty() {
                self.empties += 1;
                continue;
            }
            match Json::parse(bytes) {
                Some(Json::Array(elements)) => all.extend(elements),
                Some(value @ Json::Object(_)) => all.push(value),
                _ => self.is_odd(bytes),
            }
        }
        self.envelope = match self.is_of_lines {
            true => envelope::of_lines(&all),
            false => envelope::around(&all),
        };
        if self.envelope == Envelope::Connect {
            self.option("json.schema-include", "true");
            let decimals = all.iter().flat_map(envelope::decimals);
            self.rules.decimals.extend(decimals);
        }
        if self.envelope.is_changes() && self.framing.is_none() {
            self.envelope.format().clone_into(&mut self.format);
            if self.envelope == (Envelope::Debezium { schema: true }) {
                self.option("debezium-json.schema-include", "true");
            }
        }
        for record in &all {
            for row in envelope::rows(self.envelope, record) {
                match row {
                    Json::Object(_) => {
                        self.rows += 1;
                        self.seen.add(row);
                    }
                    _ => self.is_odd(b"a value that is no object"),
                }
            }
        }
        self.decimals();
        all
    }

    /// Whether Connect's decimals are among the fields: base64 whose signs no name has.
    fn decimals(&mut self) {
        let is_connect = matches!(self.envelope, Envelope::Connect | Envelope::Debezium { .. });
        let is_bytes = |seen: &Seen| {
            let texts = &seen.texts;
            let has_signs = seen.distinct.iter().any(|t| t.contains(['=', '+', '/']));
            texts.base64 > 0 && texts.base64 == texts.real() && has_signs
        };
        let mut others = self.seen.fields.iter();
        let mut others = others
            .by_ref()
            .filter(|(name, _)| !self.rules.decimals.contains_key(name));
        if is_connect && others.any(|(_, s)| is_bytes(s)) {
            self.rules.base64 = true;
            self.option(
                &format!("{}.decimal-format", self.envelope.format()),
                "base64",
            );
        }
        // One array that holds all rows.
        if let [(name, seen)] = &self.seen.fields[..]
            && let Some(elements) = &seen.elements
            && elements.objects > 0
        {
            self.said.push(format!(
                "the rows lie in the array `{name}`: CROSS JOIN UNNEST({name}) in a ranking takes them apart, or jq -c '.{name}[]' FILE makes a line of each"
            ));
        }
    }

    fn is_odd(&mut self, bytes: &[u8]) {
        let first = || (0, shortened(&String::from_utf8_lossy(bytes)));
        self.odd.get_or_insert_with(first).0 += 1;
    }

    fn option(&mut self, key: &str, value: &str) {
        self.envelope_options
            .push((key.to_owned(), value.to_owned()));
    }

    /// Rows of text.
    fn sheet(&mut self, sheet: Sheet) {
        "csv".clone_into(&mut self.format);
        self.rules.format = Format::Csv;
        self.records = sheet.rows.len() as u64 + sheet.ragged;
        self.rows = sheet.rows.len() as u64;
        self.said.extend(sheet.odd);
        if sheet.ragged > 0 {
            let text = "rows of another number of cells than the first".to_owned();
            self.odd = Some((sheet.ragged, text));
        }
        let mut fields: Vec<(String, Seen)> = Vec::new();
        for (n, name) in sheet.names.iter().enumerate() {
            let mut seen = Seen::default();
            for row in &sheet.rows {
                match row.get(n) {
                    Some((cell, quoted)) if !cell.is_empty() || *quoted => {
                        seen.add(&Json::Text(cell.clone()));
                    }
                    _ => seen.add(&Json::Null),
                }
            }
            if fields.iter().any(|(other, _)| other == name) {
                self.twice.insert(name.clone());
                continue;
            }
            fields.push((name.clone(), seen));
        }
        self.rules.signs = {
            let is_number =
                |s: &&Seen| s.texts.real() > 0 && s.texts.forms.all * 20 >= s.texts.real() * 19;
            let columns = fields.iter().map(|(_, s)| s).filter(is_number);
            numbers::signs(
                columns
                    .filter(|s| s.texts.times.all == 0)
                    .map(|s| &s.texts.forms),
            )
            .0
        };
        self.rules.pattern = pattern(&fields);
        self.rules.no_value = no_value(&fields);
        self.seen.fields = fields;
        self.dialect = Some(sheet.dialect);
    }
}

/// The one pattern of all times that are not in the standard form.
fn pattern(fields: &[(String, Seen)]) -> Option<String> {
    let times = fields.iter().map(|(_, s)| s);
    let times = times.filter(|s| s.texts.times.all > 0 && s.texts.times.all == s.texts.real());
    let mut found: Option<String> = None;
    for seen in times {
        let forms = &seen.texts.forms;
        if seen.texts.times.are_standard() && !seen.texts.times.have_clock() {
            continue;
        }
        // Eight digits may be a number.
        if forms.whole == forms.all && forms.all > 0 {
            continue;
        }
        match &seen.texts.times.written()[..] {
            [one] if found.as_ref().is_none_or(|p| *p == one.pattern) => {
                let is_standard = seen.texts.times.are_standard();
                found = Some(if is_standard {
                    String::new()
                } else {
                    one.pattern.clone()
                });
            }
            _ => return None,
        }
    }
    found.filter(|p| !p.is_empty() && !p.contains(['[', ']']))
}

/// The word that stands for NULL in columns of numbers and times, where no cell there is empty.
fn no_value(fields: &[(String, Seen)]) -> Option<&'static str> {
    let mut words: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut has_empty = false;
    for (_, seen) in fields {
        let texts = &seen.texts;
        let typed = texts.forms.all.max(texts.times.all);
        if texts.real() == 0 || typed < texts.real() || texts.forms.padded > 0 {
            continue;
        }
        has_empty |= seen.nulls > 0;
        for (word, n) in texts.no_value.iter().filter(|(word, _)| !word.is_empty()) {
            *words.entry(word).or_default() += n;
        }
    }
    let word = words.into_iter().max_by_key(|(_, n)| *n)?.0;
    (!has_empty).then_some(word)
}

/// A name for the table of a source.
fn table(url: &SourceUrl) -> String {
    let stem = |path: &Path| {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let name = name.trim_start_matches('.');
        name.split(['.', '*', '?'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let text = match url {
        SourceUrl::File(site) => stem(site.path()),
        SourceUrl::Recording { path, .. } => stem(path),
        SourceUrl::Kafka { topic, .. } => topic.clone(),
    };
    names::plain(&text, "t")
}

/// Where the table is, by its own words.
fn connector(url: &SourceUrl) -> Vec<(String, String)> {
    let all = match url {
        SourceUrl::File(site) => {
            let path = site.path();
            vec![
                ("connector", "filesystem".to_owned()),
                ("path", path.display().to_string()),
            ]
        }
        SourceUrl::Recording { .. } => vec![("connector", "kafka".to_owned())],
        SourceUrl::Kafka { brokers, topic } => vec![
            ("connector", "kafka".to_owned()),
            ("topic", topic.clone()),
            ("properties.bootstrap.servers", brokers.clone()),
        ],
    };
    all.into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
