//! The forms that `load generate` writes, as the name of the file says: lines of JSON, CSV, Parquet; the first two compressed or not.
//!
//! ```text
//! Generator ──► lines of JSON ──┬──────────────────────► as they are ──► gzip | zstd | plain
//!                               ├──► cells ──► CSV ────────────────────► gzip | zstd | plain
//!                               └──► cells ──► columns ──► row groups of Parquet
//! ```
//!
//! 1. The sales are the same in every form: same flags and seed, same ranks.
//! 2. A form that is not written is refused before a byte is.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Decimal128Array, RecordBatch, TimestampMillisecondArray};
use parquet::arrow::ArrowWriter;

use standings_load::{COLUMNS, cells};
use standings_model::error::codes;
use standings_model::time::parse_rfc3339;
use standings_process::exit::Failure;

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One JSON object a line.
    Lines(Packed),
    /// With a line of names.
    Csv(Packed),
    Parquet,
}

/// How it is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packed {
    Plain,
    Gzip,
    Zstd,
}

/// Names that promise a form which is not written, and which `run` would then refuse.
const OTHERS: [&str; 7] = ["tsv", "avro", "xlsx", "pb", "orc", "bz2", "xz"];

impl Form {
    /// As the name of a file says.
    pub(super) fn of(out: &Path) -> Result<Self, Failure> {
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase();
        let (plain, packed) = match (name.strip_suffix(".gz"), name.strip_suffix(".zst")) {
            (Some(plain), _) => (plain, Packed::Gzip),
            (_, Some(plain)) => (plain, Packed::Zstd),
            _ => (name.as_str(), Packed::Plain),
        };
        let refused = |why: &str| {
            Err(Failure::of(
                &codes::line::FLAGS,
                format!(
                    "--out {}: {why}; write .ndjson or .csv, compressed by a further .gz or .zst, or .parquet",
                    out.display()
                ),
            ))
        };
        match plain.rsplit_once('.').map(|(_, form)| form) {
            Some("csv") => Ok(Form::Csv(packed)),
            Some("parquet") if packed == Packed::Plain => Ok(Form::Parquet),
            Some("parquet") => refused("a file of Parquet is compressed within"),
            Some(other) if OTHERS.contains(&other) => {
                refused(&format!("the name says .{other}, which is not written"))
            }
            _ => Ok(Form::Lines(packed)),
        }
    }
}

/// Takes lines of JSON, and writes what the form has for them.
pub(super) enum Writer {
    Lines(Box<dyn Finish>),
    Csv(Box<dyn Finish>),
    Parquet(Box<Columns>),
}

/// A stream with an end that can fail.
pub(super) trait Finish: Write {
    fn finish(self: Box<Self>) -> io::Result<()>;
}

impl Finish for BufWriter<File> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.flush()
    }
}

impl Finish for flate2::write::GzEncoder<File> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        flate2::write::GzEncoder::finish(*self).map(drop)
    }
}

impl Finish for zstd::Encoder<'static, File> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        zstd::Encoder::finish(*self).map(drop)
    }
}

fn packed(file: File, how: Packed) -> io::Result<Box<dyn Finish>> {
    Ok(match how {
        Packed::Plain => Box::new(BufWriter::new(file)),
        Packed::Gzip => Box::new(flate2::write::GzEncoder::new(
            file,
            flate2::Compression::default(),
        )),
        Packed::Zstd => Box::new(zstd::Encoder::new(file, 3)?),
    })
}

/// What the generator has not made: a defect, and no sale.
fn no_sale(line: &[u8]) -> io::Error {
    io::Error::other(format!("no sale: {}", String::from_utf8_lossy(line)))
}

impl Writer {
    /// Of a form, into a file.
    pub(super) fn new(form: Form, file: File) -> io::Result<Self> {
        Ok(match form {
            Form::Lines(how) => Writer::Lines(packed(file, how)?),
            Form::Csv(how) => {
                let mut out = packed(file, how)?;
                writeln!(out, "{}", COLUMNS.join(","))?;
                Writer::Csv(out)
            }
            Form::Parquet => Writer::Parquet(Box::new(Columns::new(file)?)),
        })
    }

    /// Whole lines.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Writer::Lines(out) => out.write_all(lines),
            Writer::Csv(out) => {
                for line in lines.split_inclusive(|b| *b == b'\n') {
                    let cells = cells(line).ok_or_else(|| no_sale(line))?;
                    for (i, cell) in cells.iter().enumerate() {
                        if i > 0 {
                            out.write_all(b",")?;
                        }
                        match cell.contains([',', '"']) {
                            true => write!(out, "\"{}\"", cell.replace('"', "\"\""))?,
                            false => out.write_all(cell.as_bytes())?,
                        }
                    }
                    out.write_all(b"\n")?;
                }
                Ok(())
            }
            Writer::Parquet(columns) => {
                let mut lines = lines.split_inclusive(|b| *b == b'\n');
                lines.try_for_each(|line| columns.push(line))
            }
        }
    }

    /// The end of the file.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Writer::Lines(out) | Writer::Csv(out) => out.finish(),
            Writer::Parquet(columns) => columns.finish(),
        }
    }
}

/// Rows of a row group.
const GROUP: usize = 100_000;

/// The columns of a row group, as they grow.
pub(super) struct Columns {
    texts: [StringBuilder; 4],
    times: Vec<i64>,
    cents: Vec<i128>,
    out: ArrowWriter<File>,
}

/// The texts among [`COLUMNS`]; the others are the time and the amount.
const TEXTS: [usize; 4] = [0, 2, 3, 4];

impl Columns {
    fn new(file: File) -> io::Result<Self> {
        let schema = Columns::batch(Default::default(), Vec::new(), Vec::new())?.schema();
        let out = ArrowWriter::try_new(file, schema, None).map_err(io::Error::other)?;
        Ok(Columns {
            texts: Default::default(),
            times: Vec::new(),
            cents: Vec::new(),
            out,
        })
    }

    fn push(&mut self, line: &[u8]) -> io::Result<()> {
        let cells = cells(line).ok_or_else(|| no_sale(line))?;
        let time = parse_rfc3339(cells[1].as_bytes()).ok_or_else(|| no_sale(line))?;
        // Two digits behind the point, always: without it the text is the cents.
        let cents = cells[5]
            .replace('.', "")
            .parse()
            .map_err(|_| no_sale(line))?;
        for (builder, column) in self.texts.iter_mut().zip(TEXTS) {
            builder.append_value(cells[column]);
        }
        self.times.push(time);
        self.cents.push(cents);
        match self.times.len() {
            GROUP.. => self.flush(),
            _ => Ok(()),
        }
    }

    fn batch(
        mut texts: [StringBuilder; 4],
        times: Vec<i64>,
        cents: Vec<i128>,
    ) -> io::Result<RecordBatch> {
        let times = TimestampMillisecondArray::from(times).with_timezone("UTC");
        let cents = Decimal128Array::from(cents)
            .with_precision_and_scale(18, 2)
            .map_err(io::Error::other)?;
        let [id, city, salesman, name] = &mut texts;
        let columns: [ArrayRef; 6] = [
            Arc::new(id.finish()),
            Arc::new(times),
            Arc::new(city.finish()),
            Arc::new(salesman.finish()),
            Arc::new(name.finish()),
            Arc::new(cents),
        ];
        RecordBatch::try_from_iter(COLUMNS.into_iter().zip(columns)).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        let texts = std::mem::take(&mut self.texts);
        let batch = Columns::batch(
            texts,
            std::mem::take(&mut self.times),
            std::mem::take(&mut self.cents),
        )?;
        self.out.write(&batch).map_err(io::Error::other)?;
        self.out.flush().map_err(io::Error::other)
    }

    fn finish(mut self) -> io::Result<()> {
        if !self.times.is_empty() {
            self.flush()?;
        }
        self.out.close().map(drop).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_form() {
        let of = |name: &str| Form::of(Path::new(name));
        for (name, form) in [
            ("sales", Form::Lines(Packed::Plain)),
            ("sales.ndjson", Form::Lines(Packed::Plain)),
            ("sales.json.gz", Form::Lines(Packed::Gzip)),
            ("a.b/sales.ndjson.zst", Form::Lines(Packed::Zstd)),
            ("sales.CSV", Form::Csv(Packed::Plain)),
            ("sales.csv.zst", Form::Csv(Packed::Zstd)),
            ("sales.parquet", Form::Parquet),
        ] {
            assert_eq!(of(name).unwrap(), form, "{name}");
        }
        for name in [
            "sales.avro",
            "sales.tsv.gz",
            "sales.parquet.gz",
            "sales.ndjson.bz2",
        ] {
            let refused = of(name).unwrap_err().to_string();
            assert!(
                refused.contains(".parquet") && refused.contains(name),
                "{refused}"
            );
        }
    }
}
