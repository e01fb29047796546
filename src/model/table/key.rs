//! The key of a table's records, as a table of its own.

use super::{Column, Origin, Table};

impl Table {
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
