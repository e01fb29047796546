//! The first records of a source, as they are: bounded by number, bytes and time. Nothing is written, no group is joined.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::dialect::{self, Sheet};
use super::messages::{Described, MESSAGES};
use super::pipe::{self, Kept, is_pipe};
use super::schemas::{self, SchemaArgs};
use standings_edge::source::{
    self, Content, Expanded, Site, SourceOptions, SourceUrl, Values, peek,
};
use standings_model::block::{Block, Home, SourceEvent};
use standings_model::error::{Failure, codes};
use standings_model::table::Table;
use standings_model::types::Type;

/// How much is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) records: usize,
    pub(super) bytes: usize,
    pub(super) time: Duration,
}

impl Limits {
    /// So many records, of 16 MiB and ten seconds.
    pub(super) fn new(records: usize) -> Self {
        Limits {
            records,
            bytes: 16 << 20,
            time: Duration::from_secs(10),
        }
    }
}

/// One record, and what came with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) bytes: Vec<u8>,
    pub(super) key: Option<Vec<u8>>,
    /// The names of its headers.
    pub(super) headers: Vec<String>,
}

/// What the records are in.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// One by one: JSON, or values of a topic.
    Records(Vec<Record>),
    /// Rows of text.
    Sheet(Sheet),
    /// Rows of Parquet or Avro as JSON, the types of the columns, and the table's format.
    Typed(Vec<Record>, Vec<(String, Option<Type>)>, &'static str),
}

/// What was read.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// What it is in, for a person.
    pub(super) container: String,
    /// What is not as it seems.
    pub(super) said: Vec<String>,
    pub(super) body: Body,
    /// Nothing more is there.
    pub(super) is_all: bool,
    /// Columns that stand in the path.
    pub(super) parts: Vec<String>,
}

/// What is read: a source, files in their order, settings of the client.
#[derive(Clone)]
pub(super) struct From {
    pub(super) url: SourceUrl,
    pub(super) files: Option<Expanded>,
    pub(super) kafka_properties: Vec<(String, String)>,
    pub(super) schemas: SchemaArgs,
    /// The message that records are, where descriptors are named.
    pub(super) described: Option<Arc<Described>>,
    /// What is kept of it, where it can be read but once.
    pub(super) kept: Option<Arc<Kept>>,
}

impl From {
    pub(super) fn new(
        url: SourceUrl,
        kafka_properties: Vec<(String, String)>,
        schemas: SchemaArgs,
    ) -> Result<Self, Failure> {
        let described = Described::of(&schemas)?.map(Arc::new);
        if described.is_some() && matches!(url, SourceUrl::File(_)) {
            let text = format!(
                "{url}: --descriptor-file is of the messages of a topic: a file has no place where one ends"
            );
            return Err(Failure::of(&codes::source::SETTINGS, text));
        }
        let mut kept = None;
        let files = match &url {
            SourceUrl::File(site) if is_pipe(site.path()) => {
                let failed = standings_edge::source::FileError::reading(site.path());
                let of = kept.insert(Arc::new(pipe::keep(site.path()).map_err(failed)?));
                Some(Expanded {
                    files: vec![of.path().into()],
                    root: None,
                })
            }
            SourceUrl::File(site) => Some(site.expand()?),
            _ => None,
        };
        Ok(From {
            kept,
            url,
            files,
            kafka_properties,
            schemas,
            described,
        })
    }

    /// Whether it ends.
    pub(super) fn is_file(&self) -> bool {
        matches!(self.url, SourceUrl::File(_))
    }

    /// Whether its name says that its lines are keys and values (CHANGES: `….upsert.ndjson`).
    pub(super) fn is_of_lines(&self) -> bool {
        let name = self.first().and_then(|site| site.path().file_name());
        let name = name.unwrap_or_default().to_string_lossy();
        name.to_ascii_lowercase().contains(".upsert.ndjson")
    }

    fn first(&self) -> Option<&Site> {
        self.files.as_ref()?.files.first()
    }

    /// How it is read as a table.
    pub(super) fn options(&self, table: Table) -> SourceOptions {
        let (urls, root) = match &self.files {
            Some(Expanded { files, root }) => {
                let files = files.iter().cloned().map(SourceUrl::File);
                (files.collect(), root.clone())
            }
            None => (vec![self.url.clone()], None),
        };
        let count = urls.len();
        SourceOptions {
            tables: Arc::new(vec![table]),
            of: vec![0; count],
            roots: vec![root; count],
            until_end: true,
            kafka_properties: self.kafka_properties.clone(),
            ..SourceOptions::new(urls)
        }
    }

    /// Columns that stand in the path of its files: `city=Porto`.
    fn parts(&self) -> Vec<String> {
        let Some(Expanded {
            files,
            root: Some(root),
        }) = &self.files
        else {
            return Vec::new();
        };
        let first = files.first().and_then(|f| f.path().strip_prefix(root).ok());
        let folders = first
            .and_then(Path::parent)
            .into_iter()
            .flat_map(Path::components);
        let names = folders.filter_map(|c| {
            let text = c.as_os_str().to_str()?;
            text.split_once('=').map(|(name, _)| name.to_owned())
        });
        names.collect()
    }
}

/// What a reader gives, with what its partitions are.
pub(super) enum Given {
    /// A partition begins.
    Begins(u32, Arc<Home>),
    Block(Box<Block>),
}

/// Reads at most so much; whether that is all, and whether there was any answer.
pub(super) fn read(
    options: SourceOptions,
    limits: Limits,
    mut take: impl FnMut(Given),
) -> Result<(bool, bool), Failure> {
    let (until, mut left) = (Instant::now() + limits.time, limits.records);
    let (mut bytes, mut open, mut ready) = (0, 0, false);
    let reader = source::start(Arc::new(options), 0, 1, Box::new(|| {}));
    while left > 0 && bytes < limits.bytes && Instant::now() < until && !(ready && open == 0) {
        match reader.next_within(Duration::from_millis(50)) {
            Some(SourceEvent::Assigned {
                partition, home, ..
            }) => {
                open += 1;
                take(Given::Begins(partition, home));
            }
            Some(SourceEvent::Block(mut block)) => {
                block.records.truncate(left);
                left -= block.records.len();
                bytes += block.bytes.len();
                take(Given::Block(Box::new(block)));
            }
            Some(SourceEvent::Ended { .. }) => open -= 1,
            Some(SourceEvent::Ready) => ready = true,
            Some(SourceEvent::Failed(failure)) => return Err(failure),
            Some(SourceEvent::CaughtUp { .. }) | None => {}
        }
    }
    // It ends by itself: it may be waiting for a broker.
    drop(reader);
    Ok((ready && open == 0, ready))
}

/// Records as they are.
fn records(from: &From, table: Table, limits: Limits) -> Result<(Vec<Record>, bool), Failure> {
    let mut all = Vec::new();
    let (is_all, is_answered) = read(from.options(table), limits, |given| {
        let Given::Block(block) = given else { return };
        for (n, record) in block.records.iter().enumerate() {
            let beside = block.beside.get(n);
            let headers = beside.map_or(&[][..], |b| {
                &block.headers[b.headers.0 as usize..b.headers.1 as usize]
            });
            let name = |at: (u32, u32)| String::from_utf8_lossy(block.slice(at)).into_owned();
            all.push(Record {
                bytes: block.slice((record.start, record.end)).to_vec(),
                key: beside
                    .and_then(|b| b.key)
                    .map(|at| block.slice(at).to_vec()),
                headers: headers.iter().map(|h| name(h.name)).collect(),
            });
        }
    })?;
    match is_answered {
        true => Ok((all, is_all)),
        false => Err(Failure::of(
            &codes::source::SILENT,
            format!(
                "{}: no answer within {} s: is it reachable, does it speak TLS as the settings say, and is the topic there?",
                from.url,
                limits.time.as_secs()
            ),
        )),
    }
}

/// A table that asks for what comes beside a record's value.
const ANY: &str = "CREATE TABLE anything (its_key BYTES METADATA FROM 'key', its_headers MAP<STRING, BYTES> METADATA FROM \
                   'headers') WITH ('format' = 'json')";

fn any() -> Table {
    standings_query::parse_table("anything", ANY)
        .unwrap_or_else(|_| Table::new("anything", Vec::new()))
}

/// Looks at the first records.
pub(super) fn take(from: &From, limits: Limits) -> Result<Sample, Failure> {
    let Some(site) = from.first() else {
        let container = match &from.url {
            SourceUrl::Kafka { .. } => "a topic",
            _ => "a recording of a topic",
        };
        let (records, is_all) = records(from, any(), limits)?;
        let described = from
            .described
            .as_ref()
            .map(|described| described.body(&records));
        let is_described = described.is_some();
        let framed = match described {
            Some(body) => Some(body),
            None => schemas::of_topic(&records, &from.schemas)?,
        };
        let container = match &framed {
            Some(_) if is_described => format!("{container}: Protobuf by a descriptor file"),
            Some(Body::Typed(_, _, MESSAGES)) => {
                format!("{container}: Protobuf behind the ids of schemas")
            }
            Some(_) => format!("{container}: Avro behind the ids of schemas"),
            None => container.to_owned(),
        };
        return Ok(Sample {
            container,
            said: Vec::new(),
            body: framed.unwrap_or(Body::Records(records)),
            is_all,
            parts: Vec::new(),
        });
    };
    let peeked = peek(site, limits.bytes.min(4 << 20))?;
    let (kind, body, is_all) = match peeked.content {
        Content::Json(values) => {
            let kind = match values {
                Values::Lines => "JSON, a value a line",
                Values::Array => "JSON, one array",
                Values::Spread => "JSON, values over several lines",
            };
            let (records, is_all) = records(from, any(), limits)?;
            (kind, Body::Records(records), is_all)
        }
        Content::Parquet(columns) => {
            let (records, is_all) = records(from, typed(&columns), limits)?;
            ("Parquet", Body::Typed(records, columns, "parquet"), is_all)
        }
        Content::Avro(_) => {
            let (body, is_all) = schemas::of_file(site, limits)?;
            // Of a folder the first file is looked at.
            let is_one = from.files.as_ref().is_none_or(|all| all.files.len() == 1);
            ("Avro", body, is_all && is_one)
        }
        Content::Text { bytes, is_whole } => {
            let sheet = dialect::sheet(&bytes, is_whole, limits.records);
            let sheet = sheet.ok_or_else(|| empty(&from.url.to_string()))?;
            // Of a folder of text the first file is looked at.
            let is_one = from.files.as_ref().is_none_or(|all| all.files.len() == 1);
            let is_all = is_one && is_whole && sheet.rows.len() < limits.records;
            ("CSV", Body::Sheet(sheet), is_all)
        }
    };
    let mut container = kind.to_owned();
    if let Some(compression) = peeked.compression {
        container += &format!(", compressed with {compression}");
    }
    if let Some(all) = from.files.as_ref().filter(|all| all.root.is_some()) {
        container = format!("a folder of {} files: {container}", all.files.len());
    }
    Ok(Sample {
        container,
        said: peeked.said,
        body,
        is_all,
        parts: from.parts(),
    })
}

/// A table of a file's own columns.
fn typed(columns: &[(String, Option<Type>)]) -> Table {
    use standings_model::table::{Column, Origin};
    let columns = columns.iter().filter_map(|(name, kind)| {
        Some(Column {
            name: name.clone(),
            kind: kind.clone()?,
            nullable: true,
            origin: Origin::Field(Arc::from([name.clone()])),
            comment: None,
        })
    });
    Table {
        is_named: true,
        event_time: None,
        ..Table::new("anything", columns.collect())
    }
}

/// There is nothing to look at.
pub(super) fn empty(url: &str) -> Failure {
    let text = format!("{url} is empty: there is no record to look at");
    Failure::of(&codes::tools::EMPTY, text)
}
