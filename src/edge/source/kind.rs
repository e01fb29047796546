//! What a file is: by the table's word, by its first bytes, by its name. Content decides over the name, and where both
//! disagree it is said.

use std::path::Path;

use standings_model::table::format::Encoding;

use super::compression::Compression;
use crate::recording::format::MAGIC;

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// JSON values: lines, an array, or one behind the other.
    Json,
    Csv,
    Parquet,
    /// An Avro object container file.
    Avro,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Json => "JSON",
            Kind::Csv => "CSV",
            Kind::Parquet => "Parquet",
            Kind::Avro => "Avro",
        }
    }
}

/// A file that is none of these: what it is, and how it becomes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// `an Excel workbook`.
    pub what: &'static str,
    /// A line for a shell, with `FILE` where its name belongs.
    pub instead: &'static str,
}

impl Foreign {
    /// How this file becomes one that is read.
    pub fn instead(&self, path: &Path) -> String {
        self.instead.replace("FILE", &path.display().to_string())
    }
}

const EXCEL: Foreign = Foreign {
    what: "an Excel workbook",
    instead: "save it as CSV in Excel, or: python3 -c \"import pandas; pandas.read_excel('FILE').to_csv('FILE.csv', index=False)\"",
};
const OLD_EXCEL: Foreign = Foreign {
    what: "an Excel workbook of the old kind (or another document of Microsoft Office)",
    instead: "save it as CSV in Excel, or: libreoffice --headless --convert-to csv 'FILE'",
};
const OPEN_DOCUMENT: Foreign = Foreign {
    what: "an OpenDocument spreadsheet",
    instead: "libreoffice --headless --convert-to csv 'FILE'",
};
const ZIP: Foreign = Foreign {
    what: "a zip archive",
    instead: "unzip 'FILE', and name what was in it",
};
const ORC: Foreign = Foreign {
    what: "an ORC file",
    instead: "python3 -c \"import pyarrow.orc as o, pyarrow.parquet as p; p.write_table(o.read_table('FILE'), 'FILE.parquet')\"",
};
const ARROW: Foreign = Foreign {
    what: "an Arrow file (Feather)",
    instead: "python3 -c \"import pyarrow.feather as f, pyarrow.parquet as p; p.write_table(f.read_table('FILE'), 'FILE.parquet')\"",
};
const PDF: Foreign = Foreign {
    what: "a PDF document",
    instead: "pdftotext -layout 'FILE', and make a table of what comes out",
};
const SQLITE: Foreign = Foreign {
    what: "a SQLite database",
    instead: "sqlite3 -csv -header 'FILE' 'SELECT * FROM sales' > sales.csv",
};
const DUCKDB: Foreign = Foreign {
    what: "a DuckDB database",
    instead: "duckdb 'FILE' -c \"COPY sales TO 'sales.parquet'\"",
};
const XML: Foreign = Foreign {
    what: "XML or HTML",
    instead: "python3 -c \"import pandas; pandas.read_xml('FILE').to_csv('FILE.csv', index=False)\" (of a page: read_html)",
};
const TAR: Foreign = Foreign {
    what: "a tar archive",
    instead: "tar -xf 'FILE', and name what was in it",
};
const SEVEN: Foreign = Foreign {
    what: "an archive of 7-Zip",
    instead: "7z x 'FILE', and name what was in it",
};
const BROTLI: Foreign = Foreign {
    what: "compressed with brotli",
    instead: "brotli -d 'FILE'",
};
const COMPRESS: Foreign = Foreign {
    what: "compressed with compress",
    instead: "gunzip 'FILE'",
};
const LZMA: Foreign = Foreign {
    what: "compressed with lzma",
    instead: "xz -d 'FILE'",
};
const YAML: Foreign = Foreign {
    what: "YAML",
    instead: "yq -o=json -I=0 '.[]' 'FILE' > FILE.ndjson",
};
const FRAME: Foreign = Foreign {
    what: "a table of R, Stata, SPSS, SAS, HDF5 or Python's pickle",
    instead: "write it as Parquet or CSV where it was made: df.to_parquet('FILE.parquet')",
};
const OTHER_FRAMES: Foreign = Foreign {
    what: "compressed in a way that is not read (Hadoop's own snappy, lz4 of the old kind …)",
    instead: "decompress it with what compressed it",
};
const MESSAGES: Foreign = Foreign {
    what: "Protobuf by its table's 'format'",
    instead: "a topic: in a file nothing says where one message ends and the next begins",
};
const RECORDING: Foreign = Foreign {
    what: "a recording of a topic",
    instead: "recording:FILE reads it as the topic that it is of",
};
const GZIPPED_PARQUET: Foreign = Foreign {
    what: "Parquet inside another compression",
    instead: "decompress it: Parquet is compressed inside",
};

/// Whether a zip archive begins as Office writes it.
fn is_office(head: &[u8]) -> bool {
    let parts: [&[u8]; 3] = [b"[Content_Types].xml", b"docProps/", b"xl/w"];
    parts
        .iter()
        .any(|part| memchr::memmem::find(head, part).is_some())
}

/// What files begin with.
fn foreign_content(head: &[u8]) -> Option<Foreign> {
    let has = |text: &[u8]| memchr::memmem::find(head, text).is_some();
    let text = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    let tag = |tag: &[u8]| {
        text.get(..tag.len())
            .is_some_and(|t| t.eq_ignore_ascii_case(tag))
    };
    Some(match head {
        [b'P', b'K', 3, 4, ..] if has(b"opendocument") => OPEN_DOCUMENT,
        [b'P', b'K', 3, 4, ..] if is_office(head) => EXCEL,
        [b'P', b'K', 3 | 5, ..] => ZIP,
        [0xd0, 0xcf, 0x11, 0xe0, ..] => OLD_EXCEL,
        [b'O', b'R', b'C', 0..=31, ..] => ORC,
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] | [b'F', b'E', b'A', b'1', ..] => ARROW,
        [0xff, 0xff, 0xff, 0xff, ..] => ARROW,
        [b'%', b'P', b'D', b'F', b'-', ..] => PDF,
        [b'7', b'z', 0xbc, 0xaf, ..] => SEVEN,
        [0x1f, 0x9d, ..] => COMPRESS,
        [0x89, b'H', b'D', b'F', ..] => FRAME,
        [0x80, 2..=5, ..] => FRAME,
        _ if head.starts_with(b"SQLite format 3\0") => SQLITE,
        _ if head.starts_with(MAGIC) => RECORDING,
        _ if head.get(8..12) == Some(b"DUCK") => DUCKDB,
        _ if head.get(257..262) == Some(b"ustar") => TAR,
        _ if tag(b"<?xml") || tag(b"<!doctype") || tag(b"<html") => XML,
        _ => return None,
    })
}

/// What names end with that say another kind.
fn foreign_ending(ending: &str) -> Option<Foreign> {
    Some(match ending {
        "xlsx" | "xlsm" | "xlsb" => EXCEL,
        "xls" => OLD_EXCEL,
        "ods" => OPEN_DOCUMENT,
        "zip" => ZIP,
        "orc" => ORC,
        "arrow" | "arrows" | "feather" | "ipc" => ARROW,
        "pdf" => PDF,
        "sqlite" | "sqlite3" | "db" => SQLITE,
        "duckdb" => DUCKDB,
        "xml" | "html" | "htm" => XML,
        "tar" | "tgz" => TAR,
        "7z" => SEVEN,
        "br" => BROTLI,
        "z" => COMPRESS,
        "lzma" => LZMA,
        "yaml" | "yml" => YAML,
        "rds" | "dta" | "sav" | "sas7bdat" | "h5" | "hdf5" | "pkl" | "pickle" => FRAME,
        _ => return None,
    })
}

/// What is between two cells, by an ending of the file's name; `None` for what is no CSV.
pub fn delimiter(ending: &str) -> Option<u8> {
    match ending.to_ascii_lowercase().as_str() {
        "csv" => Some(b','),
        "tsv" | "tab" => Some(b'\t'),
        "psv" => Some(b'|'),
        _ => None,
    }
}

fn kind_of_ending(ending: &str) -> Option<Kind> {
    match ending {
        "parquet" | "pq" | "parq" => Some(Kind::Parquet),
        "avro" => Some(Kind::Avro),
        "json" | "ndjson" | "jsonl" | "jsonlines" => Some(Kind::Json),
        ending => delimiter(ending).map(|_| Kind::Csv),
    }
}

/// What a name says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Name {
    pub compression: Option<Compression>,
    pub kind: Option<Kind>,
    foreign: Option<Foreign>,
}

impl Name {
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase();
        let mut endings: Vec<&str> = name.split('.').skip(1).collect();
        let last = endings.last().copied().unwrap_or_default();
        let compression = Compression::of_ending(last);
        if compression.is_some() {
            endings.pop();
        }
        let last = endings.last().copied().unwrap_or_default();
        // `part-0.snappy.parquet` and `sales.csv.1` are what they are.
        let kind = kind_of_ending(last);
        Name {
            compression,
            kind,
            foreign: foreign_ending(last),
        }
    }
}

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: Kind,
    /// What was not as it said, a sentence each.
    pub said: Vec<String>,
}

/// What a file is that was found to be compressed like this, and then to begin with `head`.
pub fn kind(
    path: &Path,
    declared: &Encoding,
    compression: Option<Compression>,
    head: &[u8],
) -> Result<Found, Foreign> {
    let name = Name::of(path);
    match (foreign_content(head), name.foreign) {
        // A zip archive is what its name says that it is.
        (Some(ZIP), Some(foreign)) => return Err(foreign),
        (Some(foreign), _) => return Err(foreign),
        _ => {}
    }
    let mut said = Vec::new();
    if name.compression.is_some() && compression.is_none() && head.iter().any(|b| *b < 9) {
        return Err(OTHER_FRAMES);
    }
    if name.compression != compression && !head.is_empty() {
        let by = |c: Option<Compression>| c.map_or("not compressed", Compression::name);
        said.push(format!(
            "by its name it is {}, by its content {}: it is read by its content",
            by(name.compression),
            by(compression)
        ));
    }
    if head.starts_with(b"PAR1") && compression.is_some() {
        return Err(GZIPPED_PARQUET);
    }
    if let Some(kind) = binary(head) {
        said.extend(otherwise(declared, name.kind, kind));
        return Ok(Found { kind, said });
    }
    let word = match declared {
        Encoding::Protobuf(_) => return Err(MESSAGES),
        Encoding::Csv(_) => Some(Kind::Csv),
        Encoding::Parquet => Some(Kind::Parquet),
        Encoding::Avro => Some(Kind::Avro),
        Encoding::ByName => None,
        _ => Some(Kind::Json),
    };
    if let Some(kind) = word {
        let other = name.kind.filter(|named| *named != kind);
        said.extend(other.map(|other| {
            let (word, other) = (kind.name(), other.name());
            format!(
                "by its name it is {other}, by the table's 'format' {word}: it is read as {word}"
            )
        }));
        return Ok(Found { kind, said });
    }
    let text = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    let is_json = is_json(text);
    let kind = match (name.kind, name.foreign) {
        (Some(kind @ (Kind::Csv | Kind::Avro)), _) if is_json => {
            said.push(format!(
                "by its name it is {}, by its content JSON: it is read as JSON",
                kind.name()
            ));
            Kind::Json
        }
        (Some(kind), _) => kind,
        (None, Some(foreign)) if !is_json => return Err(foreign),
        (None, Some(foreign)) => {
            let what = foreign.what;
            said.push(format!(
                "by its name it is {what}, by its content JSON: it is read as JSON"
            ));
            Kind::Json
        }
        (None, None) => Kind::Json,
    };
    Ok(Found { kind, said })
}

/// A kind that is told by its first bytes alone.
fn binary(head: &[u8]) -> Option<Kind> {
    match head {
        [b'P', b'A', b'R', b'1', ..] => Some(Kind::Parquet),
        [b'O', b'b', b'j', 1, ..] => Some(Kind::Avro),
        _ => None,
    }
}

/// That a file of such a kind is another by the table's word, or by its name.
fn otherwise(declared: &Encoding, named: Option<Kind>, kind: Kind) -> Option<String> {
    let word = match declared {
        Encoding::Csv(_) => Some(Kind::Csv),
        Encoding::Json(_) => Some(Kind::Json),
        Encoding::Parquet => Some(Kind::Parquet),
        Encoding::Avro => Some(Kind::Avro),
        _ => None,
    };
    let other = |of: Option<Kind>| of.filter(|other| *other != kind).map(Kind::name);
    let is = kind.name();
    let by = match (other(word), other(named)) {
        (Some(word), _) => format!("by the table's 'format' it is {word}"),
        (None, Some(named)) => format!("by its name it is {named}"),
        (None, None) => return None,
    };
    Some(format!("{by}, by its content {is}: it is read as {is}"))
}

/// Whether a text begins as an object does, or an array of them: no row of names does.
fn is_json(text: &[u8]) -> bool {
    let after = |open: u8| Some(text.strip_prefix(&[open])?.trim_ascii_start());
    let is_object = |text: &[u8]| match text {
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start(), [b'"' | b'}', ..]),
        _ => false,
    };
    is_object(text) || after(b'[').is_some_and(is_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, declared: &Encoding, head: &[u8]) -> Result<(Kind, usize), &'static str> {
        kind(Path::new(name), declared, None, head)
            .map(|found| (found.kind, found.said.len()))
            .map_err(|foreign| foreign.what)
    }

    #[test]
    fn content_decides_over_the_name() {
        let by_name = Encoding::ByName;
        let csv = Encoding::Csv(Default::default());
        for (name, declared, head, want) in [
            ("a.csv", &by_name, &b"city,amount\n"[..], Ok((Kind::Csv, 0))),
            ("A.TSV", &by_name, b"city\tamount\n", Ok((Kind::Csv, 0))),
            ("a.csv", &by_name, b"{\"city\":1}", Ok((Kind::Json, 1))),
            ("a.csv", &by_name, b"PAR1", Ok((Kind::Parquet, 1))),
            ("a.parquet", &by_name, b"PAR1", Ok((Kind::Parquet, 0))),
            (
                "a.snappy.parquet",
                &by_name,
                b"PAR1",
                Ok((Kind::Parquet, 0)),
            ),
            ("a.avro", &by_name, b"Obj\x01", Ok((Kind::Avro, 0))),
            ("a.csv", &by_name, b"Obj\x01", Ok((Kind::Avro, 1))),
            ("a.avro", &csv, b"Obj\x01", Ok((Kind::Avro, 1))),
            ("a.avro", &by_name, b"x", Ok((Kind::Avro, 0))),
            ("a.dat", &by_name, b"{}", Ok((Kind::Json, 0))),
            ("a.dat", &csv, b"x,y", Ok((Kind::Csv, 0))),
            ("a.json", &csv, b"x,y", Ok((Kind::Csv, 1))),
            ("a.json", &csv, b"PAR1", Ok((Kind::Parquet, 1))),
            ("a.gz", &by_name, b"{}", Ok((Kind::Json, 1))),
            ("a.json", &by_name, b"", Ok((Kind::Json, 0))),
            (
                "a.xlsx",
                &by_name,
                b"PK\x03\x04\x14\0..[Content_Types].xml",
                Err(EXCEL.what),
            ),
            (
                "a.csv",
                &csv,
                b"PK\x03\x04\x14\0..docProps/app.xml",
                Err(EXCEL.what),
            ),
            (
                "a.zip",
                &by_name,
                b"PK\x03\x04\x14\0..sales.csv",
                Err(ZIP.what),
            ),
            ("a.xlsx", &by_name, b"city,amount", Err(EXCEL.what)),
            ("a.orc", &by_name, b"ORC\x11", Err(ORC.what)),
            ("a", &by_name, b"Obj\x01", Ok((Kind::Avro, 0))),
            ("a.feather", &by_name, b"ARROW1\0\0", Err(ARROW.what)),
            ("a.html", &by_name, b" <!DOCTYPE html>", Err(XML.what)),
            ("a.avro", &by_name, b"[{\"a\":1}]", Ok((Kind::Json, 1))),
        ] {
            assert_eq!(of(name, declared, head), want, "{name}");
        }
    }
}
