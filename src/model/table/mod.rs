//! A table: what `CREATE TABLE` declares of an input.
//!
//! ```text
//! record ── format ──► fields ──► columns of the record ──► computed columns ──► what rankings compute
//!                      by path    0 …       leaves of rows   in their place        behind all others
//! ```
//!
//! Every column has a number: first the declared ones in their order, then the leaves of `ROW` columns, then what rankings
//! compute of a row. Numbers elsewhere (of keys, conditions, checks) are these.

pub mod format;
pub mod jaas;
mod key;
pub mod of_ranking;
pub mod protobuf;
pub mod secret;
mod told;

use std::sync::Arc;

use self::format::{Encoding, Format, JsonEnvelope};
use self::of_ranking::OfRanking;
pub use self::told::Told;
use super::expr::Expr;
use super::mask::Masking;
use super::types::{Type, Width};

/// What is known of a record beside its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metadata {
    /// Its timestamp: `TIMESTAMP_LTZ(3)`; NULL where the source has none.
    Timestamp,
    /// `CreateTime`, `LogAppendTime` or `NoTimestampType`.
    TimestampType,
    /// The number of its partition in its topic, or of its file.
    Partition,
    /// Its offset; of a file the number of the line or row, from 0.
    Offset,
    /// The leader epoch of its batch.
    LeaderEpoch,
    /// The topic.
    Topic,
    /// Its headers, `MAP<STRING, BYTES>`.
    Headers,
    /// The bytes of its key.
    Key,
    /// `file.name`.
    FileName,
    /// `file.path`, relative to the table's path.
    FilePath,
    /// `file.size`.
    FileSize,
    /// `file.modification-time`.
    FileModified,
    /// What the envelope of a change says beside the row.
    Told(Told),
    /// What names a row where nothing else does ([`RowId`](super::row_id::RowId)): not of the record, which may be several
    /// rows, but of the fold, which counts them.
    RowId,
}

/// Where a column's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A field of the value by its path: one name, or those of the rows that it lies in.
    Field(Arc<[String]>),
    /// A field of the key by its path.
    KeyField(Arc<[String]>),
    /// A `ROW` whose parts are columns of their own: nothing is read for it, and nothing reads it.
    Parts,
    /// What is known of the record.
    Metadata(Metadata),
    /// A part of the file's path, `city=Porto/`.
    Path,
    /// A computed column: an error in its value makes the record a dead letter.
    Computed(Expr),
    /// What rankings compute: an error in its value costs the rankings that use it.
    Derived(Expr),
    /// An element of an array column, one after the other where rankings unnest it; else NULL.
    Element(usize),
    /// Which element that is, from 1.
    Ordinal(usize),
    /// A column of a table that rankings join: which of their joins, by its number, and the column there. NULL before it.
    Joined {
        /// The join's number among those of the ranking.
        join: usize,
        /// What a column of it is called in front of its name.
        of: Arc<str>,
        /// The name of the column there.
        column: Arc<str>,
    },
    /// What rankings compute of a row and of what it is joined with: behind the join, and NULL before it.
    Behind(Expr),
}

impl Origin {
    /// Whether the column is there because a ranking wants it.
    pub fn is_of_rankings(&self) -> bool {
        matches!(
            self,
            Origin::Derived(_)
                | Origin::Metadata(Metadata::RowId)
                | Origin::Element(_)
                | Origin::Ordinal(_)
                | Origin::Joined { .. }
                | Origin::Behind(_)
        )
    }

    /// Whether the value is known behind a join alone.
    pub fn is_behind(&self) -> bool {
        matches!(self, Origin::Joined { .. } | Origin::Behind(_))
    }
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name; of a leaf `address.city`, of what a ranking computes the expression.
    pub name: String,
    /// Its type.
    pub kind: Type,
    /// Whether it may be NULL. A record without a value for one that may not is a dead letter.
    pub nullable: bool,
    /// Where its value comes from.
    pub origin: Origin,
    /// `COMMENT`.
    pub comment: Option<String>,
}

/// How tables of this kind of input change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Changelog {
    /// Rows come.
    #[default]
    Append,
    /// Rows come, change and go by primary key.
    Upsert,
    /// Each record says what changed.
    Debezium,
    /// As Debezium, in Maxwell's envelope.
    Maxwell,
    /// As Debezium, in Canal's.
    Canal,
}

/// Where a table's records are, by its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connector {
    /// `kafka`, and with `upsert-kafka` the table's changelog.
    Kafka {
        /// `topic`; several with `;`.
        topics: Vec<String>,
        /// `properties.bootstrap.servers`.
        servers: Option<String>,
        /// The other `properties.*`, as librdkafka names them, with secrets still as `${…}`.
        properties: Vec<(String, String)>,
        /// `scan.startup.mode`.
        start: Option<Startup>,
        /// `scan.bounded.mode` is `latest-offset`.
        bounded: bool,
    },
    /// `filesystem`.
    Files {
        /// `path`.
        path: Option<String>,
    },
}

/// Where reading begins where nothing is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Startup {
    /// `earliest-offset`.
    Earliest,
    /// `latest-offset`.
    Latest,
    /// `timestamp`, ms since the Unix epoch.
    Timestamp(i64),
}

/// A named input relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Whether a statement declares it; `sales` is there without.
    pub is_declared: bool,
    /// Whether dead letters and late rows say that they are of it: all but the shipped `sales`, and the one that is there
    /// without a declaration, which were there before tables had names.
    pub is_named: bool,
    /// The ranking whose rows they are, where it is no table that is read.
    pub of_ranking: Option<OfRanking>,
    /// Its columns; see the module's head for their order.
    pub columns: Vec<Column>,
    /// How many of the columns are declared.
    pub declared: usize,
    /// The column that windows are over.
    pub event_time: Option<usize>,
    /// `WATERMARK`: how far out of order it is, ms.
    pub out_of_orderness: Option<i64>,
    /// `PRIMARY KEY … NOT ENFORCED`.
    pub primary_key: Vec<usize>,
    /// How it changes.
    pub changelog: Changelog,
    /// `connector` and what belongs to it.
    pub connector: Option<Connector>,
    /// `format` and its options.
    pub format: Format,
    /// `key.format`, where the key is read.
    pub key_format: Option<Format>,
    /// `delete.field`: the field of a value that says that its row ends.
    pub delete_field: Option<String>,
    /// `delete.value`: what it then holds; not said: `true`.
    pub delete_value: Option<String>,
    /// `scan.bootstrap` is `unordered`: what is there at the first start is in no order of time.
    pub bootstrap_unordered: bool,
    /// `dedup.within`, ms.
    pub dedup_within: Option<i64>,
    /// `….database.include`: a pattern of the databases that changes are taken of.
    pub database_include: Option<String>,
    /// `….table.include`: the same of tables.
    pub table_include: Option<String>,
    /// `noun`: what a record is called, in the plural (`orders`).
    pub noun: Option<String>,
    /// `unit`: what amounts are in (`EUR`).
    pub unit: Option<String>,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// `mask`: columns whose values are not known behind the decoder.
    pub masking: Masking,
}

impl Table {
    /// The table that is there without a declaration: the six columns of a sale. Which of them may not be NULL beside
    /// `event_time` and `amount` is decided by what is grouped by.
    pub fn sales() -> Self {
        let column = |name: &str, kind, nullable| Column {
            name: name.to_owned(),
            kind,
            nullable,
            origin: Origin::Field(Arc::from([name.to_owned()])),
            comment: None,
        };
        let mut table = Table::new(
            "sales",
            vec![
                column("sale_id", Type::STRING, true),
                column("event_time", Type::Instant(3), false),
                column("city", Type::STRING, true),
                column("salesman_id", Type::STRING, true),
                column("salesman_name", Type::STRING, true),
                column("amount", Type::decimal(28, 2), false),
            ],
        );
        table.out_of_orderness = Some(60_000);
        table
    }

    /// A table of these columns, without any other word; its event time is a column of that name.
    pub fn new(name: &str, columns: Vec<Column>) -> Self {
        let event_time = columns
            .iter()
            .position(|c| c.name == "event_time" && c.kind.is_event_time());
        Table {
            name: name.to_owned(),
            is_declared: false,
            is_named: false,
            of_ranking: None,
            declared: columns.len(),
            columns,
            event_time,
            out_of_orderness: None,
            primary_key: Vec::new(),
            changelog: Changelog::Append,
            connector: None,
            format: Format::default(),
            key_format: None,
            delete_field: None,
            delete_value: None,
            bootstrap_unordered: false,
            dedup_within: None,
            database_include: None,
            table_include: None,
            noun: None,
            unit: None,
            comment: None,
            masking: Masking::default(),
        }
    }

    /// The number of the declared column with this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        let declared = &self.columns[..self.declared];
        declared.iter().position(|c| c.name == name)
    }

    /// Whether records are in a CloudEvents envelope.
    pub fn is_cloud_events(&self) -> bool {
        match &self.format.encoding {
            Encoding::Json(json) => json.envelope == JsonEnvelope::CloudEvents,
            _ => false,
        }
    }

    /// Whether Kafka Connect's schema and payload are around its records.
    pub fn is_connect(&self) -> bool {
        match &self.format.encoding {
            Encoding::Json(json) => json.envelope == JsonEnvelope::Connect,
            _ => false,
        }
    }

    /// Whether each record is an envelope that says what became of rows.
    pub fn has_envelope(&self) -> bool {
        matches!(
            self.changelog,
            Changelog::Debezium | Changelog::Maxwell | Changelog::Canal
        )
    }

    /// Whether a column is of what comes beside a record's value: its key, its headers, its own timestamp.
    pub fn asks_beside(&self) -> bool {
        let asks = |of: &Origin| {
            matches!(
                of,
                Origin::KeyField(_)
                    | Origin::Metadata(
                        Metadata::Timestamp
                            | Metadata::TimestampType
                            | Metadata::LeaderEpoch
                            | Metadata::Headers
                            | Metadata::Key
                    )
            )
        };
        self.is_cloud_events() || self.columns.iter().any(|c| asks(&c.origin))
    }

    /// The name in the key of a `ROW` that lies there: its leaves say where they are.
    pub fn row_in_key(&self, row: &Column) -> Option<String> {
        if row.origin != Origin::Parts {
            return None;
        }
        let leaf = |of: &Column| {
            let below = of.name.strip_prefix(&row.name)?;
            match &of.origin {
                Origin::KeyField(path) if below.starts_with('.') => path.first().cloned(),
                _ => None,
            }
        };
        self.columns.iter().find_map(leaf)
    }

    /// Whether its rows change and go.
    pub fn changes(&self) -> bool {
        self.changelog != Changelog::Append || self.of_ranking.is_some()
    }

    /// The name of the event time.
    pub fn time_name(&self) -> &str {
        let column = self.event_time.and_then(|c| self.columns.get(c));
        column.map_or("event_time", |c| &c.name)
    }

    /// The declared columns.
    pub fn declared(&self) -> &[Column] {
        &self.columns[..self.declared]
    }

    /// The leaf of a `ROW` column with this path.
    pub fn leaf(&self, path: &[String]) -> Option<usize> {
        self.columns.iter().position(
            |c| matches!(&c.origin, Origin::Field(of) | Origin::KeyField(of) if **of == *path),
        )
    }

    /// The leaf of a `ROW` column by its name: `address.city`.
    pub fn leaf_named(&self, name: &str) -> Option<usize> {
        let leaves = self.columns.iter().enumerate().skip(self.declared);
        let mut leaves = leaves.filter(|(_, c)| !c.origin.is_of_rankings());
        leaves.find(|(_, c)| c.name == name).map(|(n, _)| n)
    }

    /// The number of the column that names a row without a primary key, added where there is none.
    pub fn row_id(&mut self) -> usize {
        let is_it = |c: &Column| c.origin == Origin::Metadata(Metadata::RowId);
        if let Some(known) = self.columns.iter().position(is_it) {
            return known;
        }
        self.columns.push(Column {
            name: "row_id".to_owned(),
            kind: Type::STRING,
            nullable: false,
            origin: Origin::Metadata(Metadata::RowId),
            comment: None,
        });
        self.columns.len() - 1
    }

    /// Adds what rankings unnest, for each array column: its elements, and their numbers.
    pub fn add_elements(&mut self) {
        for number in 0..self.columns.len() {
            let Type::Array(of) = self.columns[number].kind.clone() else {
                continue;
            };
            let array = self.columns[number].name.clone();
            let column = |name: String, kind, origin| Column {
                name,
                kind,
                nullable: true,
                origin,
                comment: None,
            };
            let element = format!("{array}[n]");
            let element = column(element, Type::clone(&of), Origin::Element(number));
            let kind = Type::Integer(Width::Int);
            let ordinal = column(format!("n of {array}"), kind, Origin::Ordinal(number));
            self.columns.extend([element, ordinal]);
        }
    }

    /// The columns of an array's elements and of their numbers.
    pub fn elements(&self, array: usize) -> Option<(usize, usize)> {
        let of = |origin| self.columns.iter().position(|c| c.origin == origin);
        Some((of(Origin::Element(array))?, of(Origin::Ordinal(array))?))
    }

    /// The number of the column that has a column of a table that is joined, added where there is none: of the join with this
    /// number, called `of`.
    pub fn joined(&mut self, (join, of): (usize, &str), column: &Column) -> usize {
        let origin = Origin::Joined {
            join,
            of: Arc::from(of),
            column: Arc::from(&*column.name),
        };
        let same = |c: &Column| c.origin == origin && c.kind == column.kind;
        if let Some(known) = self.columns.iter().position(same) {
            return known;
        }
        self.columns.push(Column {
            name: format!("{of}.{}", column.name),
            kind: column.kind.clone(),
            nullable: true,
            origin,
            comment: None,
        });
        self.columns.len() - 1
    }

    /// As [`Table::derive`], of what is computed behind a join.
    pub fn derive_behind(&mut self, name: &str, expr: Expr) -> usize {
        let same = |c: &Column| matches!(&c.origin, Origin::Behind(of) if *of == expr);
        if let Some(known) = self.columns.iter().position(same) {
            return known;
        }
        self.columns.push(Column {
            name: name.to_owned(),
            kind: expr.kind.clone(),
            // NULL as long as it is not joined.
            nullable: true,
            origin: Origin::Behind(expr),
            comment: None,
        });
        self.columns.len() - 1
    }

    /// The number of a column that rankings compute, added where there is none with this expression.
    pub fn derive(&mut self, name: &str, expr: Expr) -> usize {
        let same = |c: &Column| matches!(&c.origin, Origin::Derived(of) if *of == expr);
        if let Some(known) = self.columns.iter().position(same) {
            return known;
        }
        self.columns.push(Column {
            name: name.to_owned(),
            kind: expr.kind.clone(),
            nullable: expr.nullable,
            origin: Origin::Derived(expr),
            comment: None,
        });
        self.columns.len() - 1
    }
}

impl Default for Table {
    fn default() -> Self {
        Table::sales()
    }
}
