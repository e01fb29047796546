//! Stage: source. Files and Kafka partitions become blocks of raw records.
//!
//! ```text
//! file or topic ──► reader thread (one per worker: reads, decompresses, splits) ──bounded channel──► driver
//! ```
//!
//! 1. Partition *p* belongs to worker *p* mod workers; its records come in order, each once.
//! 2. A reader says `Assigned` for each of its first partitions, then `Ready` once, then sends blocks.
//! 3. The channel is bounded: a reader waits when its worker does not take.

mod aside;
mod avro;
mod blocks;
mod charset;
mod compression;
mod credentials;
mod csv;
mod error;
mod fields;
mod file;
mod files;
mod folder;
mod framed;
pub mod glob;
mod gzip;
mod instants;
mod kafka;
mod keyed;
mod kind;
mod lanes;
mod lines;
mod look;
mod near;
mod options;
mod order;
mod parquet;
mod peek;
mod pipe;
mod plain;
pub mod properties;
mod quiet;
mod reader;
mod recording;
mod refusal;
mod rights;
mod schemas;
mod site;
mod url;
mod values;

pub use aside::Aside;
pub use blocks::Blocks;
pub use credentials::renew;
pub use csv::ValueRows;
pub use error::{FileError, FolderError, SettingsError};
pub use file::{column_names, open_file};
pub use folder::Expanded;
pub use kafka::{Extents, TopicError, extents, refused};
pub(crate) use kafka::{cluster_id, topic_ids};
pub use lanes::{Homes, Lane};
pub use near::nearest;
pub use options::{Declared, Origin, SourceOptions, Start, kafka_properties, number_of};
pub use peek::{Content, Peeked, Values, as_text, peek};
pub use plain::{Plain, PlainBlocks, plain, plain_of};
pub use quiet::{Quiet, log as client_log};
pub use reader::{Reader, start};
pub use refusal::{Cause, cause};
pub use rights::{denied, is_denied};
pub use site::{Object, ObjectUrlError, Patience, Site, is_object};
pub use url::{SourceUrl, SourceUrlError};
