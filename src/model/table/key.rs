//! The key of a table's records, as a table of its own.

use super::format::{Encoding, Format, Json};
use super::{Changelog, Column, Origin, Table};
use crate::block::Home;

impl Table {
    /// The table as the records of a partition have it, where that is another: of one whose rows are known by their key, and
    /// whose records are a file's lines.
    pub fn of_home(&self, home: &Home) -> Option<Table> {
        let file = home.file.as_ref()?;
        if self.changelog != Changelog::Upsert {
            return None;
        }
        Some(match file.has_keys() {
            true => self.with_key(),
            false => self.without_key(),
        })
    }

    /// The table as the lines of a file of keys and values have it: its primary key is read from the key.
    fn with_key(&self) -> Table {
        let mut table = self.clone();
        if table.key_format.is_some() {
            return table;
        }
        table.key_format = Some(Format {
            encoding: Encoding::Json(Json::default()),
            ..Format::default()
        });
        for number in table.primary_key.clone() {
            if let Origin::Field(path) = table.columns[number].origin.clone() {
                table.columns[number].origin = Origin::KeyField(path);
            }
        }
        table
    }

    /// The table as a file of values has it: what lies in a record's key is a field of its value.
    fn without_key(&self) -> Table {
        let mut table = self.clone();
        table.key_format = None;
        for column in &mut table.columns {
            if let Origin::KeyField(_) = column.origin {
                // A primary key, which is what lies there, has no rows.
                column.origin = Origin::Field([column.name.clone()].into());
            }
        }
        table
    }

    /// Whether a record's key alone says which row it is of: all of the primary key lies there.
    pub fn ends_by_key(&self) -> bool {
        let in_key = |n: &usize| matches!(self.columns[*n].origin, Origin::KeyField(_));
        !self.primary_key.is_empty() && self.primary_key.iter().all(in_key)
    }

    /// The table that a key is a record of, and the numbers of its columns in this one; none where no column lies there.
    pub fn of_key(&self) -> Option<(Table, Vec<usize>)> {
        let (mut numbers, mut columns) = (Vec::new(), Vec::new());
        for (number, column) in self.columns.iter().enumerate() {
            if let Origin::KeyField(path) = &column.origin {
                numbers.push(number);
                columns.push(Column {
                    nullable: column.nullable && self.event_time != Some(number),
                    origin: Origin::Field(path.clone()),
                    ..column.clone()
                });
            } else if let Some(name) = self.row_in_key(column) {
                numbers.push(number);
                columns.push(Column {
                    name,
                    ..column.clone()
                });
            }
        }
        if numbers.is_empty() {
            return None;
        }
        let mut key = Table::new(&self.name, columns);
        key.is_named = true;
        key.event_time = None;
        key.format = self.key_format.clone().unwrap_or_default();
        Some((key, numbers))
    }
}
