//! The table's columns as they are known where rows are read, in the log or in a snapshot, and how each is written.
//!
//! | of | so Debezium writes it, and so do we |
//! | --- | --- |
//! | whole numbers, YEAR | numbers, BIGINT UNSIGNED with all digits |
//! | DECIMAL | a text |
//! | BIT(1), BIT | `true`; base64, the lowest byte first |
//! | DATE | days since 1970; a text where times are to be texts |
//! | DATETIME | ms since 1970 with up to three digits, µs with more; a text where times are to be texts |
//! | TIMESTAMP | `2026-01-23T10:15:00.123456Z` |
//! | TIME | µs, negative and beyond a day where it is |
//! | BINARY, BLOB | base64 |
//! | texts, ENUM, SET, JSON | texts |

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use standings_model::time::days_from_civil;

use super::characters::Characters;
use super::event::{Column, Map, kinds};
use super::image::BINARY;
use crate::drift::{self, Drift};
use crate::mysql::value::{Datum, ZeroDates};
use crate::row::push_text;

/// How dates and times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// DATE, DATETIME and TIME are texts, as of Debezium's `isostring`; else numbers.
    pub is_iso: bool,
    /// What a date that is none becomes.
    pub zero_dates: ZeroDates,
}

/// How a column is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Written {
    Number,
    Decimal,
    Bit,
    Bits,
    Date,
    Datetime(u8),
    Timestamp(u8),
    Time,
    Bytes,
    /// Of these characters; none: in UTF-8 already.
    Text(Option<Characters>),
}

/// A column of the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// `datetime`
    pub data_type: String,
    /// `datetime(3)`
    pub column_type: String,
    /// Digits behind the point, of a time.
    pub digits: u8,
    /// Its character set.
    pub characters: Option<String>,
}

impl Written {
    /// For people, and to see that a type is another one.
    fn word(self) -> String {
        match self {
            Written::Number => "a number".to_owned(),
            Written::Decimal => "DECIMAL".to_owned(),
            Written::Bit => "BIT(1)".to_owned(),
            Written::Bits => "BIT".to_owned(),
            Written::Date => "DATE".to_owned(),
            Written::Datetime(digits) => format!("DATETIME({digits})"),
            Written::Timestamp(digits) => format!("TIMESTAMP({digits})"),
            Written::Time => "TIME".to_owned(),
            Written::Bytes => "bytes".to_owned(),
            Written::Text(_) => "a text".to_owned(),
        }
    }

    /// Of a column of the catalog; what cannot be read so is said.
    fn listed(column: &Listed) -> Result<Written, String> {
        let no = |why: &str| {
            Err(format!(
                "`{}` is {}, {why}",
                column.name, column.column_type
            ))
        };
        if column.column_type.contains("compressed") {
            return no("and compressed columns are not read from the log");
        }
        if let Some(name) = &column.characters
            && Characters::named(name).is_none()
        {
            return no(&format!(
                "of the character set {name}, which is not read from the log"
            ));
        }
        Ok(match column.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" | "float"
            | "double" => Written::Number,
            "decimal" => Written::Decimal,
            "bit" if column.column_type == "bit(1)" => Written::Bit,
            "bit" => Written::Bits,
            "date" => Written::Date,
            "datetime" => Written::Datetime(column.digits),
            "timestamp" => Written::Timestamp(column.digits),
            "time" => Written::Time,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                Written::Bytes
            }
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum"
            | "set" => Written::Text(None),
            _ => return no("which is not read from the log"),
        })
    }

    /// Of a column of the log.
    fn logged(column: &Column, collations: &BTreeMap<u32, String>) -> Result<Written, String> {
        let digits = u8::try_from(column.meta).unwrap_or(6);
        let name = &column.name;
        Ok(match column.kind {
            kinds::NEWDECIMAL => Written::Decimal,
            kinds::BIT => match column.meta {
                1 => Written::Bit,
                _ => Written::Bits,
            },
            kinds::DATE => Written::Date,
            kinds::DATETIME2 => Written::Datetime(digits),
            kinds::TIMESTAMP2 => Written::Timestamp(digits),
            kinds::TIME2 => Written::Time,
            kinds::VARCHAR
            | kinds::VAR_STRING
            | kinds::STRING
            | kinds::BLOB
            | kinds::ENUM
            | kinds::SET => match column.collation {
                Some(BINARY) | None => Written::Bytes,
                Some(number) => {
                    let set = collations.get(&number).map_or("unknown", String::as_str);
                    let characters = Characters::named(set);
                    let no = || {
                        format!(
                            "`{name}` is of the character set {set}, which is not read from the log"
                        )
                    };
                    Written::Text(Some(characters.ok_or_else(no)?))
                }
            },
            kinds::TINY
            | kinds::SHORT
            | kinds::INT24
            | kinds::LONG
            | kinds::LONGLONG
            | kinds::YEAR
            | kinds::FLOAT
            | kinds::DOUBLE => Written::Number,
            kind => {
                return Err(format!(
                    "`{name}` is of the type {kind}, which is not read from the log"
                ));
            }
        })
    }
}

/// A table's columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    columns: Vec<(String, Written)>,
    /// The types' names, by column.
    named: BTreeMap<String, String>,
}

impl Known {
    fn new(columns: Vec<(String, Written)>) -> Known {
        let named = columns
            .iter()
            .map(|(name, written)| (name.clone(), written.word()));
        Known {
            named: named.collect(),
            columns,
        }
    }

    /// As the catalog has it.
    pub(super) fn listed(columns: &[Listed]) -> Result<Known, String> {
        let all = columns
            .iter()
            .map(|c| Ok((c.name.clone(), Written::listed(c)?)));
        Ok(Known::new(all.collect::<Result<_, String>>()?))
    }

    /// As the log has it.
    pub(super) fn logged(map: &Map, collations: &BTreeMap<u32, String>) -> Result<Known, String> {
        let all = map.columns.iter();
        let all = all.map(|c| Ok((c.name.clone(), Written::logged(c, collations)?)));
        Ok(Known::new(all.collect::<Result<_, String>>()?))
    }

    /// Columns that the configuration names must be what they were; those with their types.
    pub(super) fn judge(
        &self,
        mapped: &[String],
        was: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, Drift> {
        drift::judge(mapped.iter().map(String::as_str), was, &self.named)?;
        let of = mapped.iter();
        let of = of.filter_map(|name| Some((name.clone(), self.named.get(name)?.clone())));
        Ok(of.collect())
    }

    /// A column's.
    pub(super) fn written(&self, name: &str) -> Option<Written> {
        let found = self.columns.iter().find(|(n, _)| n == name);
        found.map(|(_, written)| *written)
    }

    /// A row as JSON; what of it cannot be written.
    pub(super) fn json(&self, row: &[Datum], times: Times) -> Result<Vec<u8>, String> {
        let mut out = vec![b'{'];
        for ((name, written), datum) in self.columns.iter().zip(row) {
            if out.len() > 1 {
                out.push(b',');
            }
            push_text(&mut out, name);
            out.push(b':');
            push(&mut out, *written, datum, times).map_err(|why| format!("`{name}` {why}"))?;
        }
        out.push(b'}');
        Ok(out)
    }

    /// The texts of some columns, by which rows are ordered; none where one of them is NULL, or not there.
    pub(super) fn texts(&self, row: &[Datum], names: &[String]) -> Option<Vec<String>> {
        let text = |name: &String| {
            let at = self.columns.iter().position(|(n, _)| n == name)?;
            text(self.columns[at].1, row.get(at)?)
        };
        names.iter().map(text).collect()
    }
}

/// A value as a parameter of a statement.
fn text(written: Written, datum: &Datum) -> Option<String> {
    Some(match (datum, written) {
        (Datum::Int(n), _) => n.to_string(),
        (Datum::UInt(n), _) => n.to_string(),
        (Datum::Date(year, month, day, hour, minute, second, micros), _) => {
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}")
        }
        (Datum::Bytes(bytes), Written::Bytes) => bytes.iter().map(|b| format!("{b:02X}")).collect(),
        (Datum::Bytes(bytes), Written::Text(Some(characters))) => {
            String::from_utf8(characters.text(bytes)?).ok()?
        }
        (Datum::Bytes(bytes), _) => String::from_utf8(bytes.clone()).ok()?,
        _ => return None,
    })
}

fn push(out: &mut Vec<u8>, written: Written, datum: &Datum, times: Times) -> Result<(), String> {
    match (datum, written) {
        (Datum::Null, _) => out.extend_from_slice(b"null"),
        (Datum::Int(n), _) => out.extend_from_slice(n.to_string().as_bytes()),
        (Datum::UInt(n), _) => out.extend_from_slice(n.to_string().as_bytes()),
        (Datum::Float(n), _) => out.extend_from_slice(format!("{n:?}").as_bytes()),
        (Datum::Double(n), _) => out.extend_from_slice(format!("{n:?}").as_bytes()),
        (Datum::Date(_, month, day, ..), _) if *month == 0 || *day == 0 => match times.zero_dates {
            ZeroDates::Null => out.extend_from_slice(b"null"),
            ZeroDates::Refuse => {
                return Err(
                    "is a date that is none, and zero-dates = \"refuse\" is said".to_owned(),
                );
            }
        },
        (Datum::Date(year, month, day, hour, minute, second, micros), _) => {
            let date = format!("{year:04}-{month:02}-{day:02}");
            let clock = |digits: u8| {
                let fraction = format!(".{micros:06}");
                let many = if digits == 0 {
                    0
                } else {
                    1 + usize::from(digits.min(6))
                };
                format!("{hour:02}:{minute:02}:{second:02}{}", &fraction[..many])
            };
            let days = days_from_civil((*year).into(), (*month).into(), (*day).into());
            let seconds = (i64::from(*hour) * 60 + i64::from(*minute)) * 60 + i64::from(*second);
            let all = (days * 86_400 + seconds) * 1_000_000 + i64::from(*micros);
            match (written, times.is_iso) {
                (Written::Timestamp(digits), _) => {
                    push_text(out, &format!("{date}T{}Z", clock(digits)));
                }
                // As short as it can be.
                (Written::Datetime(_), true) => {
                    let clock = match micros {
                        0 => clock(0),
                        _ => clock(6).trim_end_matches('0').to_owned(),
                    };
                    push_text(out, &format!("{date}T{clock}Z"));
                }
                (Written::Datetime(0..=3), _) => {
                    out.extend_from_slice(all.div_euclid(1_000).to_string().as_bytes());
                }
                (Written::Datetime(_), _) => out.extend_from_slice(all.to_string().as_bytes()),
                (_, true) => push_text(out, &format!("{date}Z")),
                (_, false) => out.extend_from_slice(days.to_string().as_bytes()),
            }
        }
        (Datum::Time(is_negative, hours, minute, second, micros), _) => {
            let seconds = (i64::from(*hours) * 60 + i64::from(*minute)) * 60 + i64::from(*second);
            let all = seconds * 1_000_000 + i64::from(*micros);
            let all = if *is_negative { -all } else { all };
            out.extend_from_slice(all.to_string().as_bytes());
        }
        (Datum::Bytes(bytes), Written::Bit) => {
            out.extend_from_slice(if bytes.iter().any(|b| *b != 0) {
                b"true"
            } else {
                b"false"
            });
        }
        (Datum::Bytes(bytes), Written::Bits) => {
            let turned: Vec<u8> = bytes.iter().rev().copied().collect();
            push_text(out, &STANDARD.encode(turned));
        }
        (Datum::Bytes(bytes), Written::Bytes) => push_text(out, &STANDARD.encode(bytes)),
        (Datum::Bytes(_), _) => match text(written, datum) {
            Some(text) => push_text(out, &text),
            None => return Err("has bytes that are no text of its character set".to_owned()),
        },
    }
    Ok(())
}
