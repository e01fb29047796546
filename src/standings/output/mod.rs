//! Rows as a command prints them: `--output table | json | ndjson | csv | markdown`.

use std::io::{self, Write};

use ratatui::text::Span;
use serde_json::value::RawValue;

use standings_model::csv::push_cell;
use standings_model::error::codes;
use standings_model::printable::printable;
use standings_process::exit::{self, Failure};

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Columns, for people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180, with a line of names.
    Csv,
    /// A table of GitHub's Markdown.
    Markdown,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Texts stand left, numbers right.
    pub is_text: bool,
}

/// What is in a row and column: exact, as the server wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A text; decimals are texts, too.
    Text(String),
    /// A number, a boolean, or what is made of others, as it stands in JSON.
    Bare(String),
}

impl Cell {
    /// A value of JSON.
    pub fn of(raw: &RawValue) -> Self {
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'"') => Cell::Text(serde_json::from_str(text).unwrap_or_default()),
            Some(b'n') => Cell::Null,
            _ => Cell::Bare(text.to_owned()),
        }
    }

    /// The same for a person.
    fn shown(&self) -> String {
        match self {
            Cell::Null => "NULL".to_owned(),
            Cell::Text(text) | Cell::Bare(text) => printable(text).into_owned(),
        }
    }

    fn push_json(&self, out: &mut Vec<u8>) {
        match self {
            Cell::Null => out.extend_from_slice(b"null"),
            Cell::Text(text) => standings_model::json::push_string(out, text),
            Cell::Bare(text) => out.extend_from_slice(text.as_bytes()),
        }
    }
}

fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// Writes rows.
pub fn write(
    out: &mut impl Write,
    form: Output,
    columns: &[Column],
    rows: &[Vec<Cell>],
) -> io::Result<()> {
    match form {
        Output::Table => table(out, columns, rows),
        Output::Markdown => markdown(out, columns, rows),
        Output::Csv => {
            let mut bytes = Vec::new();
            csv_names(&mut bytes, columns);
            rows.iter().for_each(|row| csv(&mut bytes, columns, row));
            out.write_all(&bytes)
        }
        Output::Ndjson => {
            let mut bytes = Vec::new();
            for row in rows {
                object(&mut bytes, columns, row);
                bytes.push(b'\n');
            }
            out.write_all(&bytes)
        }
        Output::Json => {
            let mut bytes = b"[".to_vec();
            for (n, row) in rows.iter().enumerate() {
                bytes.extend_from_slice(if n > 0 { b",\n " } else { b"" });
                object(&mut bytes, columns, row);
            }
            bytes.extend_from_slice(b"]\n");
            out.write_all(&bytes)
        }
    }
}

/// Writes what is all there to standard output, as it is. Who has stopped reading ends the process, as in any pipe.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|e| {
            exit::if_nobody_reads(&e);
            Failure::of(&codes::line::OUTPUT, format!("standard output: {e}"))
        })
}

/// Appends a row as an object.
pub fn object(out: &mut Vec<u8>, columns: &[Column], row: &[Cell]) {
    out.push(b'{');
    for (n, (column, cell)) in columns.iter().zip(row).enumerate() {
        if n > 0 {
            out.push(b',');
        }
        standings_model::json::push_string(out, &column.name);
        out.push(b':');
        cell.push_json(out);
    }
    out.push(b'}');
}

/// Appends the names of columns as a line of CSV.
pub fn csv_names(out: &mut Vec<u8>, columns: &[Column]) {
    for (n, column) in columns.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        push_cell(out, &column.name, true);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a row as a line of CSV.
pub fn csv(out: &mut Vec<u8>, columns: &[Column], row: &[Cell]) {
    for (n, (column, cell)) in columns.iter().zip(row).enumerate() {
        if n > 0 {
            out.push(b',');
        }
        match cell {
            Cell::Null => {}
            // Decimals are texts of JSON, and numbers here.
            Cell::Text(text) => push_cell(out, text, column.is_text),
            Cell::Bare(text) => push_cell(out, text, false),
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn table(out: &mut impl Write, columns: &[Column], rows: &[Vec<Cell>]) -> io::Result<()> {
    let names = columns.iter().map(|c| printable(&c.name).into_owned());
    let mut lines: Vec<Vec<String>> = vec![names.collect()];
    lines.extend(rows.iter().map(|row| row.iter().map(Cell::shown).collect()));
    let widest = |n: usize| lines.iter().map(|line| width(&line[n])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(widest).collect();
    for line in &lines {
        let cells = line.iter().enumerate().map(|(n, cell)| {
            let space = " ".repeat(widths[n].saturating_sub(width(cell)));
            match columns[n].is_text {
                true => format!("{cell}{space}"),
                false => format!("{space}{cell}"),
            }
        });
        let cells: Vec<String> = cells.collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn markdown(out: &mut impl Write, columns: &[Column], rows: &[Vec<Cell>]) -> io::Result<()> {
    let cell = |text: &str| text.replace('\\', "\\\\").replace('|', "\\|");
    let names: Vec<String> = columns.iter().map(|c| cell(&printable(&c.name))).collect();
    writeln!(out, "| {} |", names.join(" | "))?;
    let lines = columns
        .iter()
        .map(|c| if c.is_text { "---" } else { "---:" });
    writeln!(out, "| {} |", lines.collect::<Vec<_>>().join(" | "))?;
    for row in rows {
        let cells: Vec<String> = row.iter().map(|c| cell(&c.shown())).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_every_form() {
        let column = |name: &str, is_text| Column {
            name: name.to_owned(),
            is_text,
        };
        let columns = [
            column("rank", false),
            column("city", true),
            column("total", false),
        ];
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let cells = |all: [&str; 3]| all.map(|t| Cell::of(&raw(t))).to_vec();
        let rows = [
            cells(["1", "\"S\\u00e3o | Paulo\"", "\"1234.50\""]),
            cells(["18446744073709551616", "\"=1+1\"", "\"-2.00\""]),
            cells(["3", "null", "null"]),
        ];
        let written = |form| {
            let mut out = Vec::new();
            write(&mut out, form, &columns, &rows).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            written(Output::Table),
            "                rank  city           total\n\
             \x20                  1  São | Paulo  1234.50\n\
             18446744073709551616  =1+1           -2.00\n\
             \x20                  3  NULL            NULL\n"
        );
        assert_eq!(
            written(Output::Csv),
            "rank,city,total\r\n1,São | Paulo,1234.50\r\n18446744073709551616,\"'=1+1\",\"-2.00\"\r\n3,,\r\n"
        );
        assert_eq!(
            written(Output::Ndjson).lines().next().unwrap(),
            r#"{"rank":1,"city":"São | Paulo","total":"1234.50"}"#
        );
        assert_eq!(
            written(Output::Markdown).lines().nth(2).unwrap(),
            r"| 1 | São \| Paulo | 1234.50 |"
        );
        let all: serde_json::Value = serde_json::from_str(&written(Output::Json)).unwrap();
        assert_eq!(all.as_array().unwrap().len(), 3);
    }
}
