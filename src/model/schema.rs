//! The columns of the table `sales`.

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// `STRING`: JSON string.
    Text,
    /// `BIGINT`: JSON integer that fits 64 bits.
    BigInt,
    /// `DECIMAL(p, 2)`: kept as integer minor units with at most `precision` digits (1 to 28).
    Decimal {
        /// Total number of digits, fraction included.
        precision: u8,
    },
    /// `TIMESTAMP(3)`: RFC 3339 or integer milliseconds since the Unix epoch.
    Timestamp,
}

/// One declared column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, as in the JSON field.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
}

/// The columns of `sales`, in declared order. `event_time` and `amount` always exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Declared columns; column numbers elsewhere index this.
    pub columns: Vec<Column>,
}

impl Schema {
    /// The six columns of a sale: sale_id, event_time, city, salesman_id, salesman_name, amount.
    pub fn sales() -> Self {
        let column = |name: &str, kind| Column {
            name: name.to_owned(),
            kind,
        };
        Schema {
            columns: vec![
                column("sale_id", ColumnType::Text),
                column("event_time", ColumnType::Timestamp),
                column("city", ColumnType::Text),
                column("salesman_id", ColumnType::Text),
                column("salesman_name", ColumnType::Text),
                column("amount", ColumnType::Decimal { precision: 28 }),
            ],
        }
    }

    /// The number of the column with this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }
}

impl Default for Schema {
    fn default() -> Self {
        Schema::sales()
    }
}
