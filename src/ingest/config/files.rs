//! `type = "files"`: a folder, a bucket, or a folder of a server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use standings_model::duration::format_duration;
use standings_model::table::Table;
use standings_query::{QueryErrors, parse_table};

use super::error::ConfigError;
use super::section::Section;
use super::sftp::{self, Sftp};
use crate::files::Settings;
use crate::row::Shape;

/// Formats of files; without one it is told by each file.
const FORMATS: &[(&str, &str)] = &[
    ("csv", "csv"),
    ("json", "json"),
    ("parquet", "parquet"),
    ("avro", "avro"),
];

/// Where files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    /// A folder, and a pattern of paths in it; without one all below it.
    Folder {
        /// The folder.
        root: PathBuf,
        /// `*.csv`, `**/part-*`.
        pattern: Option<String>,
    },
    /// A bucket.
    S3 {
        /// Its name.
        bucket: String,
        /// What the paths begin with, without a slash at its ends.
        prefix: String,
        /// A pattern of the paths behind the prefix.
        pattern: Option<String>,
    },
    /// A folder of a server, by SFTP.
    Sftp(Box<Sftp>),
}

/// What becomes of a file that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It goes to `done/` or `failed/`.
    Move,
    /// It stays.
    Keep,
    /// It is deleted; one that could not be read goes to `failed/`.
    Delete,
}

/// Files of a folder or a bucket.
#[derive(Clone, Debug)]
pub struct Files {
    /// As it is written.
    pub path: String,
    /// Where that is.
    pub place: Where,
    /// `format`; not said: each file tells it.
    pub format: Option<String>,
    /// The `options`, as they are given.
    pub options: BTreeMap<String, String>,
    /// Format, options and the types of columns, as a table has them.
    pub table: Table,
    /// What becomes of a file.
    pub after: After,
    /// How files are taken.
    pub settings: Settings,
}

impl Files {
    pub(super) fn about(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = [("path".to_owned(), self.path.clone())].into();
        if let Some(format) = &self.format {
            all.insert("format".to_owned(), format.clone());
        }
        let options = self.options.iter();
        all.extend(options.map(|(k, v)| (format!("options.{k}"), v.clone())));
        all
    }

    pub(super) fn words(&self) -> String {
        let format = self
            .format
            .as_deref()
            .unwrap_or("of any format that is told by the file");
        let after = match self.after {
            After::Move => "is moved to done/, or to failed/",
            After::Keep => "stays where it is",
            After::Delete => "is deleted, or moved to failed/",
        };
        let when = match &self.settings.marker {
            Some(marker) => format!("when NAME{marker} is there"),
            None => format!(
                "when it has not changed for {}",
                format_duration(self.settings.settle)
            ),
        };
        let again = match self.settings.changed_is_new {
            true => "; other content under a name that was taken is a new file",
            false => "; other content under a name that was taken is an error",
        };
        let server = match &self.place {
            Where::Sftp(sftp) => sftp.words(),
            Where::Folder { .. } | Where::S3 { .. } => String::new(),
        };
        format!(
            "files of {}, {format}{server}\n  each is taken once, {when}, and then {after}{again}",
            self.path
        )
    }
}

pub(super) fn read(section: &Section<'_>, shape: &Shape) -> Result<Files, ConfigError> {
    let path = section.wanted("path", "\"/var/inbox\"")?;
    let place = place(section, &path)?;
    let format = section.one_of("format", FORMATS)?.map(str::to_owned);
    let options = section.map("options")?;
    let types = section.map("types")?;
    let table = table(section, format.as_deref(), &options, &types)?;
    let after = [
        ("move", After::Move),
        ("keep", After::Keep),
        ("delete", After::Delete),
    ];
    let after = section.one_of("after", &after)?.unwrap_or(After::Move);
    let marker = section.str("marker")?;
    if marker
        .as_deref()
        .is_some_and(|m| !m.starts_with('.') || m.contains('/') || m.len() < 2)
    {
        return Err(section.wrong(
            "marker",
            "must be an ending such as \".ok\": sales.csv is taken when sales.csv.ok is there",
        ));
    }
    let changed = section.one_of("changed", &[("error", false), ("new", true)])?;
    let renamed: BTreeMap<&str, &str> = shape
        .names
        .iter()
        .map(|(old, new)| (&**new, &**old))
        .collect();
    // What is masked must be there too: a file without it has it under another name.
    let of_key = shape.key.iter().chain(shape.masks.columns.keys());
    let of_key = of_key.map(|key| {
        let first = key.split('.').next().unwrap_or(key);
        renamed
            .get(key.as_str())
            .or(renamed.get(first))
            .map_or(first, |old| old)
    });
    let mapped: BTreeSet<String> = of_key
        .map(str::to_owned)
        .chain(shape.names.keys().cloned())
        .chain(types.keys().cloned())
        .collect();
    let settings = Settings {
        settle: section.duration("settle", Duration::from_secs(2))?,
        marker,
        goes: after != After::Keep,
        changed_is_new: changed.unwrap_or(false),
        every: section
            .duration("every", Duration::from_secs(1))?
            .max(Duration::from_millis(20)),
        mapped,
    };
    Ok(Files {
        path,
        place,
        format,
        options,
        table,
        after,
        settings,
    })
}

fn place(section: &Section<'_>, path: &str) -> Result<Where, ConfigError> {
    let is_pattern = |text: &str| text.contains(['*', '?']);
    if let Some(rest) = path.strip_prefix("sftp://") {
        return Ok(Where::Sftp(Box::new(sftp::read(section, rest)?)));
    }
    sftp::none(section)?;
    if let Some(rest) = path.strip_prefix("s3://") {
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || bucket.contains(['@', ':', '*']) {
            return Err(section.wrong("path", "must be s3://BUCKET/PREFIX; credentials are in the environment, as AWS tools read them"));
        }
        let parts: Vec<&str> = key.split('/').collect();
        let at = parts
            .iter()
            .position(|p| is_pattern(p))
            .unwrap_or(parts.len());
        let pattern = (at < parts.len()).then(|| parts[at..].join("/"));
        let prefix = parts[..at].join("/").trim_matches('/').to_owned();
        return Ok(Where::S3 {
            bucket: bucket.to_owned(),
            prefix,
            pattern,
        });
    }
    if path.contains("://") {
        return Err(section.wrong(
            "path",
            "must be a folder, a pattern such as /var/inbox/*.csv, s3://BUCKET/PREFIX, or sftp://USER@HOST/FOLDER",
        ));
    }
    let whole = section.path(path);
    let text = whole.display().to_string();
    let parts: Vec<&str> = text.split('/').collect();
    let Some(at) = parts.iter().position(|p| is_pattern(p)) else {
        return Ok(Where::Folder {
            root: whole,
            pattern: None,
        });
    };
    let root = match parts[..at].join("/") {
        root if root.is_empty() && text.starts_with('/') => PathBuf::from("/"),
        root if root.is_empty() => Path::new(".").to_owned(),
        root => PathBuf::from(root),
    };
    Ok(Where::Folder {
        root,
        pattern: Some(parts[at..].join("/")),
    })
}

/// Format and options by the same words, and the same reader, as a table's: docs/tables.md.
fn table(
    section: &Section<'_>,
    format: Option<&str>,
    options: &BTreeMap<String, String>,
    types: &BTreeMap<String, String>,
) -> Result<Table, ConfigError> {
    let quoted = |text: &str| text.replace('\'', "''");
    let mut columns: Vec<String> = Vec::new();
    for (name, kind) in types {
        let is_plain = kind
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "(), _<>".contains(c));
        if name.contains('`') || !is_plain {
            return Err(section.wrong(
                "types",
                &format!(
                    "has no type for `{name}`: {kind}; write BIGINT, DECIMAL(10, 2), BOOLEAN …"
                ),
            ));
        }
        columns.push(format!("`{name}` {kind}"));
    }
    if columns.is_empty() {
        columns.push("`any` STRING".to_owned());
    }
    let mut with = vec!["'connector' = 'filesystem'".to_owned()];
    with.extend(format.map(|f| format!("'format' = '{f}'")));
    for (name, value) in options {
        if !name.contains('.') {
            return Err(section.wrong(
                "options",
                &format!("has `{name}`; an option has its format in front: `csv.{name}`"),
            ));
        }
        with.push(format!("'{}' = '{}'", quoted(name), quoted(value)));
    }
    let sql = format!(
        "CREATE TABLE `files` ({}) WITH ({})",
        columns.join(", "),
        with.join(", ")
    );
    let mut table = parse_table("options", &sql).map_err(|e| {
        let shown = QueryErrors(vec![e]).render();
        section.wrong("options", &format!("(or `types`) are refused:\n{shown}"))
    })?;
    if types.is_empty() {
        table.columns.clear();
        table.declared = 0;
    }
    Ok(table)
}
