//! `'format' = 'raw'`: the whole value is the one column.

use standings_model::table::format::Encoding;
use standings_model::table::{Origin, Table};
use standings_model::types::Type;

use super::cell::Cell;
use super::error::{self, DecodeError};

#[derive(Clone, Debug)]
pub(super) struct Raw {
    number: usize,
    name: String,
    /// The most characters of a text; of bytes none.
    text: Option<u32>,
}

impl Raw {
    /// The column that a table of this format has.
    pub(super) fn of(table: &Table) -> Option<Self> {
        if table.format.encoding != Encoding::Raw {
            return None;
        }
        let mut columns = table.columns.iter();
        let number = columns.position(|c| matches!(c.origin, Origin::Field(_)))?;
        let column = &table.columns[number];
        Some(Raw {
            number,
            name: column.name.clone(),
            text: match &column.kind {
                Type::Text(most) => Some(most.unwrap_or(u32::MAX)),
                _ => None,
            },
        })
    }

    pub(super) fn decode(&self, record: &[u8], cells: &mut [Cell]) -> Result<(), DecodeError> {
        if let Some(most) = self.text {
            let text = std::str::from_utf8(record).map_err(|e| {
                let detail = format!("byte {} is not part of UTF-8 text", e.valid_up_to());
                DecodeError::new(error::NOT_UTF8, detail)
            })?;
            let wrong = |reason, expected: &str| {
                let found = format!("{text:?}");
                Err(DecodeError::field(reason, &self.name, &found, expected))
            };
            if text.contains('\0') {
                return wrong(error::NUL_IN_TEXT, "text without U+0000");
            }
            if text.chars().count() > most as usize {
                return wrong(error::TEXT_TOO_LONG, &format!("at most {most} characters"));
            }
        }
        cells[self.number] = Cell::Text {
            start: 0,
            end: record.len() as u32,
            scratch: false,
        };
        Ok(())
    }
}
