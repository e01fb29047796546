//! What is read and how.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::csv::ValueRows;
use super::error::{FileError, FolderError, PropertiesError, SettingsError};
use super::files::Files;
use super::folder;
use super::lanes::{Homes, Lane, Several};
use super::order::Order;
use super::properties;
use super::site::{Site, each};
use super::url::SourceUrl;
use crate::registry::Registries;
use standings_engine::input::Input;
use standings_model::block::{FileHome, Home, PartitionId};
use standings_model::error::Failure;
use standings_model::hold::Hold;
use standings_model::identity::SourceIdentity;
use standings_model::table::{self, Table};
use standings_observe::live::Live;
use standings_process::renew::FromFile;

/// Where to begin without a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The oldest record there is.
    Earliest,
    /// What comes from now on.
    Latest,
    /// The first record of this timestamp or a later one, ms since the Unix epoch.
    Time(i64),
}

/// Settings that the results depend on, so that a user cannot change them from under us.
const OURS: [(&str, &str); 7] = [
    ("bootstrap.servers", "name the brokers in the URL"),
    ("metadata.broker.list", "name the brokers in the URL"),
    ("auto.offset.reset", "use --start"),
    ("enable.auto.commit", "leave it out"),
    ("enable.partition.eof", "leave it out"),
    ("enable.auto.offset.store", "leave it out"),
    ("enable.idempotence", "leave it out"),
];

/// What is read and how. Not `Debug`: settings may be secrets.
#[derive(Clone)]
pub struct SourceOptions {
    /// What is read: files, one partition each in order, topics and recordings; beside each other they are lanes.
    pub urls: Vec<SourceUrl>,
    /// The tables of the plan.
    pub tables: Arc<Vec<Table>>,
    /// The number of the table of each URL; of those that are not there the first.
    pub of: Vec<usize>,
    /// The folder that each URL's path is relative to, where it came of a folder or a pattern.
    pub roots: Vec<Option<PathBuf>>,
    /// `--start`.
    pub start: Start,
    /// `--until-end`.
    pub until_end: bool,
    /// librdkafka settings.
    pub kafka_properties: Vec<(String, String)>,
    /// Where these came from.
    pub kafka_origin: Origin,
    /// How much of a file one block holds.
    pub max_block_bytes: usize,
    /// Larger records are cut, so that the decoder refuses them.
    pub max_record_bytes: usize,
    /// Rows of a file of columns may come as columns ([`Block::rows`]): for who folds blocks. Who reads records leaves it. By table
    /// which of its columns somebody reads ([`Plan::needed`]); of one that is not there all.
    ///
    /// [`Block::rows`]: standings_model::block::Block::rows
    /// [`Plan::needed`]: standings_model::plan::Plan::needed
    pub columns: Option<Arc<Vec<Vec<bool>>>>,
    /// Offsets to start from; they win over `start`.
    pub resume: BTreeMap<PartitionId, u64>,
    /// Earlier offsets that reading begins at all the same: what lies before `resume` is given once more, in order, and
    /// `Assigned` still says `resume`.
    pub read_back: BTreeMap<PartitionId, u64>,
    /// Reading waits before these offsets until it is released.
    pub hold: Hold,
    /// The tables, by number, whose partitions wait where they begin until what they are joined with is there; empty: none does.
    pub waits: Vec<bool>,
    /// Which input the offsets are of: another one is not read.
    pub expected: Option<SourceIdentity>,
    /// Where the schemas of framed records are.
    pub registries: Registries,
    /// Where ends of partitions are told, for metrics.
    pub live: Arc<Live>,
    /// Which lane of a run this is.
    pub lane: Lane,
    /// Which of the files has which number.
    pub order: Order,
}

impl SourceOptions {
    /// Reads these from their start with the defaults.
    pub fn new(urls: Vec<SourceUrl>) -> Self {
        SourceOptions {
            urls,
            tables: Arc::new(vec![Table::sales()]),
            of: Vec::new(),
            roots: Vec::new(),
            start: Start::Earliest,
            until_end: false,
            kafka_properties: Vec::new(),
            kafka_origin: Origin::default(),
            max_block_bytes: 512 << 10,
            max_record_bytes: 1 << 20,
            columns: None,
            resume: BTreeMap::new(),
            read_back: BTreeMap::new(),
            hold: Hold::default(),
            waits: Vec::new(),
            expected: None,
            registries: Registries::default(),
            live: Arc::default(),
            lane: Lane::default(),
            order: Order::default(),
        }
    }

    /// The number of the table of a URL, by the URL's.
    pub fn table_of(&self, url: usize) -> usize {
        self.of.get(url).copied().unwrap_or_default()
    }

    /// What a file is: of which table, and which of its files.
    /// `homes`: those of these options.
    pub(super) fn home_of_file(&self, number: usize, site: &Site, homes: &Homes) -> Home {
        // Files are counted by flags.
        let (table, partition) = homes.of(number as PartitionId);
        let path = site.path();
        let text = |part: Option<&std::ffi::OsStr>| {
            part.unwrap_or_default().to_string_lossy().into_owned()
        };
        let meta = site.meta().ok();
        let root = self.roots.get(number).and_then(Option::as_deref);
        let relative = root.and_then(|root| path.strip_prefix(root).ok());
        let relative = relative.or(path.file_name().map(Path::new));
        let file = FileHome {
            name: text(path.file_name()),
            path: text(relative.map(Path::as_os_str)),
            size: meta.map_or(0, |m| m.size),
            modified: meta.map_or(0, |m| m.modified),
            parts: folder::parts(relative.unwrap_or(path)),
        };
        Home {
            table,
            partition,
            topic: None,
            file: Some(Arc::new(file)),
        }
    }

    /// Whether this lane's rows wait until what they are joined with is there.
    pub(super) fn waits(&self) -> bool {
        let of = self.table_of(0);
        self.waits.get(of) == Some(&true)
    }

    /// Whether the table of the topic asks for what comes beside a record's value.
    pub fn asks_beside(&self) -> bool {
        let table = self.tables.get(self.table_of(0));
        table.is_some_and(Table::asks_beside)
    }

    /// How the values of the topic are rows, where they are not what the decoder reads.
    pub fn value_rows(&self) -> Result<Option<ValueRows>, FileError> {
        let Some(table) = self.tables.get(self.table_of(0)) else {
            return Ok(None);
        };
        ValueRows::of(table, self.max_record_bytes).map_err(|source| FileError::Header {
            path: PathBuf::from(&table.name),
            source,
        })
    }

    /// What a partition of the topic is.
    pub fn home_of_topic(&self, partition: PartitionId, topic: &str) -> Home {
        Home {
            table: self.table_of(0),
            partition,
            topic: Some(Arc::from(topic)),
            file: None,
        }
    }

    /// The first offset that is given of a partition that goes on at `offset`.
    pub fn first(&self, partition: PartitionId, offset: u64) -> u64 {
        let back = self.read_back.get(&partition);
        back.map_or(offset, |back| offset.min(*back))
    }

    /// What can be asked of it before it is read; `stop`: nothing is waited for any more.
    pub fn ask(&self, stop: &Arc<AtomicBool>) -> Box<dyn Input> {
        let lanes = self.lanes();
        if lanes.len() > 1 {
            let asked = lanes.iter().map(|lane| (lane.lane, lane.ask(stop)));
            return Box::new(Several(asked.collect()));
        }
        match &self.urls[..] {
            [SourceUrl::Kafka { brokers, topic }] => {
                let stop = Arc::clone(stop);
                Box::new(super::kafka::Asked::new(self.clone(), brokers, topic, stop))
            }
            urls => {
                let sites = urls.iter().filter_map(|url| match url {
                    SourceUrl::File(site) => Some(site.clone()),
                    SourceUrl::Recording { path, .. } => Some(path.into()),
                    SourceUrl::Kafka { .. } => None,
                });
                Box::new(Files(sites.collect()))
            }
        }
    }

    /// Whether the source is files, whose ends are final.
    pub fn is_files(&self) -> bool {
        !self.is_topic()
    }

    fn is_topic(&self) -> bool {
        self.urls
            .iter()
            .any(|u| matches!(u, SourceUrl::Kafka { .. }))
    }

    /// Finds what is wrong before anything is started.
    pub fn check(&self) -> Result<(), Failure> {
        if self.urls.is_empty() {
            return Err(SettingsError::NoSource.into());
        }
        let lanes = self.lanes();
        if lanes.len() > 1 {
            if let Some(table) = self.read_twice() {
                let table = self.tables[table].name.clone();
                return Err(SettingsError::ReadTwice { table }.into());
            }
            return lanes.iter().try_for_each(SourceOptions::check);
        }
        for (key, _) in &self.kafka_properties {
            if let Some((_, instead)) = OURS.iter().find(|(ours, _)| ours == key) {
                let key = key.clone();
                return Err(SettingsError::Ours { key, instead }.into());
            }
        }
        if self.is_topic() {
            self.value_rows()?;
            super::kafka::check(self)?;
        }
        for url in &self.urls {
            if let SourceUrl::Recording { path, .. } = url {
                self.value_rows()?;
                super::recording::check(path)?;
            }
        }
        let files = self.urls.iter().enumerate();
        let files = files.filter_map(|(number, url)| match url {
            SourceUrl::File(site) => Some((site.clone(), self.table_of(number))),
            _ => None,
        });
        let (sites, of): (Vec<Site>, Vec<usize>) = files.unzip();
        // Each object is a question to its bucket: they are asked beside each other, by the table.
        for (number, table) in self.tables.iter().enumerate() {
            let own = sites.iter().zip(&of).filter(|(_, of)| **of == number);
            let own: Vec<Site> = own.map(|(site, _)| site.clone()).collect();
            let checked = each(&own, |site| check_file(site, table));
            checked.into_iter().collect::<Result<(), Failure>>()?;
        }
        Ok(())
    }
}

/// Refuses a file that is not there, or none of its table.
fn check_file(site: &Site, table: &Table) -> Result<(), Failure> {
    let url = SourceUrl::File(site.clone());
    if let Site::Disk(path) = site {
        match std::fs::metadata(path) {
            Err(source) => return Err(SettingsError::NotThere { url, source }.into()),
            Ok(meta) if meta.is_dir() => return Err(SettingsError::Folder { url }.into()),
            Ok(_) => {}
        }
    }
    has_parts(site.path(), table)?;
    super::file::check(site, table)?;
    Ok(())
}

/// Refuses a file whose path has not got the table's columns of it.
fn has_parts(path: &Path, table: &Table) -> Result<(), FolderError> {
    let parts = folder::parts(path);
    let mut columns = table.declared().iter();
    let lacks = columns.find(|column| {
        column.origin == table::Origin::Path && !parts.iter().any(|(name, _)| *name == column.name)
    });
    match lacks {
        None => Ok(()),
        Some(column) => Err(FolderError::NoPart {
            path: path.to_owned(),
            table: table.name.clone(),
            column: column.name.clone(),
        }),
    }
}

/// The number that was given for a setting of Kafka's client, by any of its names; the last one counts.
pub fn number_of<T: std::str::FromStr>(
    properties: &[(String, String)],
    names: &[&str],
) -> Option<T> {
    let mut given = properties.iter().rev();
    let (_, text) = given.find(|(key, _)| names.contains(&key.as_str()))?;
    text.parse().ok()
}

/// Settings of a file, if one is named, and of the flags, which win.
pub fn kafka_properties(
    file: Option<&Path>,
    flags: &[(String, String)],
) -> Result<Vec<(String, String)>, SettingsError> {
    let read = |path: &Path| {
        parse_properties_file(path).map_err(|source| SettingsError::Properties {
            path: path.to_owned(),
            source,
        })
    };
    let mut properties = file.map(read).transpose()?.unwrap_or_default();
    properties.extend(flags.iter().cloned());
    Ok(properties)
}

/// What tables say of Kafka's client, with their secrets read anew; `None` where one cannot be read.
pub type Declared = Arc<dyn Fn() -> Option<Vec<(String, String)>> + Send + Sync>;

/// Where settings of Kafka's client came from, to be read anew: a password may be another one by now. Not `Debug`: the flags may
/// be secrets.
#[derive(Clone, Default)]
pub struct Origin {
    /// The tables, where it is a source.
    pub declared: Option<Declared>,
    /// `--kafka-properties`.
    pub file: Option<PathBuf>,
    /// `--kafka-property`.
    pub flags: Vec<(String, String)>,
}

impl Origin {
    /// What they are now, the flags last; `None` where a file cannot be read. A flag that was taken from a file is what that file says.
    pub fn now(&self) -> Option<Vec<(String, String)>> {
        let mut flags = self.flags.clone();
        for (key, value) in &mut flags {
            let file = FromFile::of("STANDINGS_KAFKA_PROPERTY", &format!("{key}={value}"));
            let text = file.and_then(|file| file.now()).unwrap_or_default();
            match text.split_once('=') {
                Some((k, now)) if k.trim() == key => now.trim().clone_into(value),
                _ => {}
            }
        }
        let mut all = match &self.declared {
            Some(declared) => declared()?,
            None => Vec::new(),
        };
        all.extend(kafka_properties(self.file.as_deref(), &flags).ok()?);
        Some(all)
    }
}

/// Reads librdkafka settings from a file: one `key=value` a line, `#` begins a comment.
fn parse_properties_file(path: &Path) -> Result<Vec<(String, String)>, PropertiesError> {
    let text = std::fs::read_to_string(path)?;
    let mut properties = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let line = n + 1;
        let pair = text.split_once('=');
        let (key, value) = pair.ok_or(PropertiesError::NoValue { line })?;
        properties::allowed(key).map_err(|source| PropertiesError::NotTaken { line, source })?;
        properties.push((key.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(properties)
}
