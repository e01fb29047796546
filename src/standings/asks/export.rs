//! `standings export`: the rows of a window, or all its keys, into files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::NamedTempFile;

use super::parquet::Columns;
use super::shape::{Raw, Shape};
use super::{get, not_understood, wait};
use crate::client::{Server, ServerArgs};
use crate::output::{self, Cell, Column};
use standings_model::error::codes;
use standings_process::exit::{self, Failure};

/// Rows of a page: what the server gives at once.
const PAGE: u64 = 10_000;
/// How often it is begun again when the window changes between two pages.
const TRIES: usize = 5;
/// Files of `--partition-by` that are written at the same time.
const MOST_FILES: usize = 1_000;

/// `standings export`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings export top_salesmen                                       the newest window's ranks, as CSV
  standings export top_salesmen --window 2026-01-23T00:00:00Z --all --format parquet --out day.parquet
  standings export top_salesmen_per_city --format ndjson --partition-by city --out ranks
                                                                      ranks/city=Lisbon/part-0.ndjson, …

What is written is of one commit. A window with more than 10000 rows that changes while it is read is read again, and in the end
refused: wait until it is final, or take --loose, which says which commits the rows are of. Cells of CSV that a spreadsheet would run
(= + - @) are quoted.")]
pub struct ExportArgs {
    /// The ranking.
    #[arg(value_name = "RANKING")]
    pub ranking: String,
    /// The window: its start, START..END where a start does not say it, or newest.
    #[arg(long, value_name = "WINDOW")]
    pub window: Option<String>,
    /// Every key of the window, not only what is within the limit.
    #[arg(long)]
    pub all: bool,
    /// What is written; without it what the name of --out says, else csv.
    #[arg(long, value_enum, value_name = "FORM")]
    pub format: Option<Form>,
    /// Where: a file, or a folder with --partition-by; without it standard output.
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// A file for each value of this column, in folders COLUMN=VALUE.
    #[arg(long, value_name = "COLUMN", requires = "out")]
    pub partition_by: Option<String>,
    /// Take pages of different commits.
    #[arg(long)]
    pub loose: bool,
    /// Where it is asked.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// RFC 4180, with a line of names.
    Csv,
    /// Parquet.
    Parquet,
    /// One JSON object a line.
    Ndjson,
}

impl Form {
    fn of(args: &ExportArgs) -> Result<Self, Failure> {
        if let Some(form) = args.format {
            return Ok(form);
        }
        let file = args.out.as_ref().filter(|_| args.partition_by.is_none());
        let Some(name) = file.and_then(|out| out.extension()) else {
            return Ok(Form::Csv);
        };
        match &name.to_string_lossy().to_ascii_lowercase()[..] {
            "csv" => Ok(Form::Csv),
            "parquet" => Ok(Form::Parquet),
            "ndjson" | "jsonl" => Ok(Form::Ndjson),
            other => Err(Failure::of(
                &codes::line::FLAGS,
                format!(
                    "--out *.{other}: say what is to be written: --format csv, parquet or ndjson"
                ),
            )),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Form::Csv => "csv",
            Form::Parquet => "parquet",
            Form::Ndjson => "ndjson",
        }
    }
}

fn failed(path: &Path, e: &io::Error) -> Failure {
    exit::if_nobody_reads(e);
    Failure::of(&codes::line::OUTPUT, format!("{}: {e}", path.display()))
}

/// Exports.
pub fn export(args: &ExportArgs) -> Result<(), Failure> {
    let form = Form::of(args)?;
    let server = args.server.server()?;
    wait(async {
        let shape = Shape::of(&server, &args.ranking).await?;
        let columns = columns(&shape);
        let partition = args.partition_by.as_deref();
        let partition = partition
            .map(|name| column_of(&columns, name))
            .transpose()?;
        let window = shape.window(&server, args.window.as_deref()).await?;
        for _ in 0..TRIES {
            let mut files = Files::new(args, form, &shape, (&columns, partition));
            if pages(args, &server, (&shape, &window, &columns), &mut files).await? {
                return files.finish();
            }
        }
        Err(Failure::of(
            &codes::http::CLIENT,
            format!(
                "the window {window} of `{}` changes while its pages are read; wait until it is final, or take --loose",
                shape.name
            ),
        ))
    })
}

/// The window, the rank, the fields, and what of them is known beside.
fn columns(shape: &Shape) -> Vec<Column> {
    let column = |name: &str| Column {
        name: name.to_owned(),
        is_text: true,
    };
    let mut all = vec![column("window_start"), column("window_end")];
    all.extend(shape.columns());
    all.push(column("final"));
    all
}

fn column_of(columns: &[Column], name: &str) -> Result<usize, Failure> {
    let found = columns.iter().position(|c| c.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        Failure::of(
            &codes::line::FLAGS,
            format!("--partition-by {name}: there are: {}", names.join(", ")),
        )
    })
}

/// Takes page after page; false where the window has changed between two of them.
async fn pages(
    args: &ExportArgs,
    server: &Server,
    (shape, window, columns): (&Shape, &str, &[Column]),
    files: &mut Files<'_>,
) -> Result<bool, Failure> {
    let limit = PAGE.to_string();
    let (mut offset, mut first, mut last) = (0, None, None);
    loop {
        let from = offset.to_string();
        let path = ["rankings", &shape.name, "windows", window];
        let url = match args.all {
            true => server.url(path, &[("offset", &from), ("limit", &limit)]),
            false => server.url(path, &[("limit", &limit)]),
        };
        let answer = get(server, url).await?;
        if offset == 0 {
            first = answer.commit;
        } else if first != answer.commit && !args.loose {
            return Ok(false);
        }
        last = answer.commit.or(last);
        let rows: Vec<Raw> =
            serde_json::from_str(&answer.text).map_err(|_| not_understood(server))?;
        let count = rows.len() as u64;
        for raw in &rows {
            files.push(&Shape::cells(columns, &[raw]))?;
        }
        offset += count;
        let all = answer.count.unwrap_or(offset);
        if !args.all || count == 0 || offset >= all {
            break;
        }
    }
    if first != last {
        tracing::warn!(
            event = "rows_of_several_commits",
            first = first.unwrap_or_default(),
            last = last.unwrap_or_default(),
            "the window changed while it was read: the rows are of these commits and those between"
        );
    }
    Ok(true)
}

/// Where rows go: one file, or one for each value.
struct Files<'a> {
    args: &'a ExportArgs,
    form: Form,
    shape: &'a Shape,
    columns: &'a [Column],
    partition: Option<usize>,
    all: BTreeMap<Option<String>, One>,
}

/// One file, under another name until it is whole.
struct One {
    to: Option<PathBuf>,
    rows: Rows,
}

enum Rows {
    Lines(BufWriter<NamedTempFile>),
    Parquet(Box<Columns>, NamedTempFile),
}

impl<'a> Files<'a> {
    fn new(
        args: &'a ExportArgs,
        form: Form,
        shape: &'a Shape,
        (columns, partition): (&'a [Column], Option<usize>),
    ) -> Self {
        Files {
            args,
            form,
            shape,
            columns,
            partition,
            all: BTreeMap::new(),
        }
    }

    fn push(&mut self, cells: &[Cell]) -> Result<(), Failure> {
        let value = self
            .partition
            .map(|column| folder(&self.columns[column].name, &cells[column]));
        if !self.all.contains_key(&value) {
            if self.all.len() >= MOST_FILES {
                return Err(Failure::of(
                    &codes::line::FLAGS,
                    format!(
                        "--partition-by: more than {MOST_FILES} values; take a column with fewer"
                    ),
                ));
            }
            let one = self.open(value.as_deref())?;
            self.all.insert(value.clone(), one);
        }
        let (form, columns) = (self.form, self.columns);
        let Some(one) = self.all.get_mut(&value) else {
            return Ok(());
        };
        let written = match &mut one.rows {
            Rows::Parquet(parquet, _) => parquet.push(cells),
            Rows::Lines(out) => {
                let mut bytes = Vec::new();
                match form {
                    Form::Csv => output::csv(&mut bytes, columns, cells),
                    _ => {
                        output::object(&mut bytes, columns, cells);
                        bytes.push(b'\n');
                    }
                }
                out.write_all(&bytes)
            }
        };
        written.map_err(|e| {
            failed(
                one.to.as_deref().unwrap_or(Path::new("standard output")),
                &e,
            )
        })
    }

    fn open(&self, value: Option<&str>) -> Result<One, Failure> {
        let to = match (&self.args.out, value) {
            (Some(out), Some(value)) => {
                let name = format!("part-0.{}", self.form.name());
                Some(out.join(value).join(name))
            }
            (out, _) => out.clone(),
        };
        let shown = to.clone().unwrap_or_else(std::env::temp_dir);
        let made = (|| {
            let folder = match &to {
                Some(to) => {
                    let folder = to.parent().filter(|p| !p.as_os_str().is_empty());
                    let folder = folder.unwrap_or(Path::new("."));
                    std::fs::create_dir_all(folder)?;
                    folder.to_owned()
                }
                None => std::env::temp_dir(),
            };
            let file = NamedTempFile::new_in(folder)?;
            let rows = match self.form {
                Form::Parquet => {
                    let columns =
                        Columns::new(file.reopen()?, self.columns, |c| self.shape.kind(c))?;
                    Rows::Parquet(Box::new(columns), file)
                }
                form => {
                    let mut out = BufWriter::new(file);
                    if form == Form::Csv {
                        let mut bytes = Vec::new();
                        output::csv_names(&mut bytes, self.columns);
                        out.write_all(&bytes)?;
                    }
                    Rows::Lines(out)
                }
            };
            Ok(rows)
        })();
        let rows = made.map_err(|e: io::Error| failed(&shown, &e))?;
        Ok(One { to, rows })
    }

    /// Everything is written: files get their names.
    fn finish(mut self) -> Result<(), Failure> {
        if self.all.is_empty() && self.partition.is_none() {
            // A window without rows is a file without rows.
            let one = self.open(None)?;
            self.all.insert(None, one);
        }
        for (_, one) in std::mem::take(&mut self.all) {
            let to = one.to;
            let shown = to.clone().unwrap_or_else(|| "standard output".into());
            let ended = (|| {
                let file = match one.rows {
                    Rows::Lines(out) => out.into_inner().map_err(|e| e.into_error())?,
                    Rows::Parquet(columns, file) => {
                        columns.finish()?;
                        file
                    }
                };
                match &to {
                    Some(to) => file.persist(to).map(drop).map_err(|e| e.error),
                    None => {
                        let mut from = File::open(file.path())?;
                        let mut out = io::stdout().lock();
                        io::copy(&mut from, &mut out)?;
                        out.flush()
                    }
                }
            })();
            ended.map_err(|e| failed(&shown, &e))?;
        }
        Ok(())
    }
}

/// The folder of a value, as Hive names it: what no folder's name can have is percent-encoded.
fn folder(column: &str, cell: &Cell) -> String {
    let escaped = |text: &str| {
        let mut out = String::new();
        for letter in text.chars() {
            match letter {
                'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '_' | ' ' | '\u{80}'.. => {
                    out.push(letter)
                }
                '.' if !out.is_empty() => out.push('.'),
                _ => out.push_str(&format!("%{:02X}", u32::from(letter))),
            }
        }
        out
    };
    let value = match cell {
        Cell::Null => "__HIVE_DEFAULT_PARTITION__".to_owned(),
        Cell::Text(text) if text.is_empty() => "%00".to_owned(),
        Cell::Text(text) | Cell::Bare(text) => escaped(text),
    };
    format!("{}={value}", escaped(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_have_the_names_of_their_values() {
        let text = |text: &str| Cell::Text(text.to_owned());
        for (cell, name) in [
            (text("São Paulo"), "city=São Paulo"),
            (text("東京"), "city=東京"),
            (text("a/b=c"), "city=a%2Fb%3Dc"),
            (text("../x"), "city=%2E.%2Fx"),
            (text(""), "city=%00"),
            (Cell::Null, "city=__HIVE_DEFAULT_PARTITION__"),
            (Cell::Bare("-7".to_owned()), "city=-7"),
        ] {
            assert_eq!(folder("city", &cell), name);
        }
    }
}
