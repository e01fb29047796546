//! The table as the decoder needs it: what each column takes, and which field fills which column.

use standings_model::table::format::{Encoding, Json, JsonEnvelope};
use standings_model::table::{Origin, Table};
use standings_model::types::{Type, Width};

use super::times::Times;

/// What a column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A JSON string of at most so many characters.
    Text { most: u32 },
    /// A JSON string of at most so many characters, filled up with spaces.
    Padded { to: u32 },
    /// A JSON string or integer, kept as text: `sale_id`.
    Id,
    /// Any JSON scalar, kept as text as it is written: `json.coerce-to-string`.
    Written,
    /// A JSON string of base64.
    Bytes,
    /// `true` or `false`.
    Boolean,
    /// A JSON integer.
    Integer { width: Width },
    /// A JSON number, or a string that holds one.
    Decimal {
        precision: u8,
        scale: u8,
        /// Whether zeros behind the scale are taken.
        zeros: bool,
    },
    /// A JSON number, or a string of base64 that holds its digits as a number of two's complement.
    Base64 { precision: u8, scale: u8 },
    /// A JSON number, of 32 bits or of 64.
    Double { single: bool },
    /// One of the three, or a string that holds it.
    Told(Told),
    /// A time with or without an offset, or a JSON integer of milliseconds.
    Time(Times),
    /// `2026-01-23`.
    Date,
    /// `10:15:00`.
    Clock,
    /// An array or an object, by the column's type.
    Nested,
}

/// What a text tells where values are texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Boolean,
    Integer { width: Width },
    Double { single: bool },
}

impl Told {
    /// The same as a value that is no text.
    pub(super) fn plain(self) -> Kind {
        match self {
            Told::Boolean => Kind::Boolean,
            Told::Integer { width } => Kind::Integer { width },
            Told::Double { single } => Kind::Double { single },
        }
    }
}

/// One column that is read from a field.
#[derive(Debug)]
pub(super) struct Column {
    /// Its number in the table.
    pub(super) number: usize,
    /// For a person: its name, of a leaf with those of its rows.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Its type, which says what a nested value is made of.
    pub(super) of: Type,
    /// The format's words, which hold of what is in it too.
    pub(super) json: Json,
    /// May not be missing or null where the object is that it lies in.
    pub(super) required: bool,
}

/// What a field of an object fills.
#[derive(Debug)]
pub(super) enum Fills {
    /// The column with this place in [`Columns::list`].
    Column(usize),
    /// The columns that lie in it; the number counts rows.
    Row(usize, Object),
}

/// A field of an object.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// For a person: with the names of its rows.
    pub(super) full: String,
    pub(super) fills: Fills,
    /// Of a row: may not be missing or null.
    pub(super) required: bool,
}

/// The fields of an object that are of use, in the order of the table.
#[derive(Debug, Default)]
pub(super) struct Object {
    pub(super) fields: Vec<Field>,
}

/// All columns that are read from fields.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) list: Vec<Column>,
    pub(super) root: Object,
    /// How many rows there are in all objects.
    pub(super) rows: usize,
    /// Records have the schema of their fields beside these.
    pub(super) has_schema: bool,
    /// `timestamp` means `event_time`: in the table of sales, unless a column has that name.
    alias: bool,
}

/// Where Kafka Connect's envelope has the fields.
const PAYLOAD: &str = "payload";
/// Where a structured CloudEvent has them.
const DATA: &str = "data";

impl Columns {
    /// The columns of a table; `bare`: whatever its envelope is, the fields are not in it.
    pub(super) fn new(table: &Table, bare: bool) -> Self {
        let json = match &table.format.encoding {
            Encoding::Json(json) => json.clone(),
            Encoding::Csv(csv) => Json {
                timestamps: csv.timestamps,
                ..Json::default()
            },
            _ => Json::default(),
        };
        let sales = !table.is_named;
        let envelope = match json.envelope {
            // What is around a change is taken off before.
            _ if table.has_envelope() => None,
            JsonEnvelope::Connect => Some(PAYLOAD),
            JsonEnvelope::CloudEvents if !bare => Some(DATA),
            JsonEnvelope::CloudEvents | JsonEnvelope::None => None,
        };
        let mut columns = Columns {
            list: Vec::new(),
            root: Object::default(),
            rows: 0,
            has_schema: json.envelope == JsonEnvelope::Connect && !table.has_envelope(),
            alias: sales && table.find("timestamp").is_none(),
        };
        let mut root = Object::default();
        for (number, column) in table.columns.iter().enumerate() {
            match &column.origin {
                Origin::Field(path) if path.len() == 1 => {
                    let id = sales && column.name == "sale_id";
                    let kind = match id {
                        true => Kind::Id,
                        false => kind(&column.kind, sales, &json),
                    };
                    let required = !column.nullable || table.event_time == Some(number);
                    let column = (number, path[0].clone(), kind, required);
                    root.fields
                        .push(columns.leaf(table, &json, column, &path[0]));
                }
                Origin::Parts if table.row_in_key(column).is_none() => {
                    let path = [column.name.clone()];
                    let field = columns.row(table, &json, &path, &column.kind, !column.nullable);
                    root.fields.push(field);
                }
                _ => {}
            }
        }
        if let Some(name) = envelope {
            let field = Field {
                name: name.to_owned(),
                full: name.to_owned(),
                fills: Fills::Row(columns.rows, root),
                required: true,
            };
            columns.rows += 1;
            root = Object {
                fields: vec![field],
            };
        }
        columns.root = root;
        columns
    }

    fn leaf(
        &mut self,
        table: &Table,
        json: &Json,
        (number, full, kind, required): (usize, String, Kind, bool),
        name: &str,
    ) -> Field {
        let place = self.list.len();
        self.list.push(Column {
            number,
            name: full.clone(),
            kind,
            of: table.columns[number].kind.clone(),
            // A value that is a text is one of the row; what is in it is as JSON has it.
            json: Json {
                texts: false,
                ..json.clone()
            },
            required,
        });
        Field {
            name: name.to_owned(),
            full,
            fills: Fills::Column(place),
            required,
        }
    }

    /// The field of a row, with those that the table has a column for below it.
    fn row(
        &mut self,
        table: &Table,
        json: &Json,
        path: &[String],
        kind_of: &Type,
        required: bool,
    ) -> Field {
        let mut object = Object::default();
        let fields = match kind_of {
            Type::Row(fields) => &fields[..],
            _ => &[],
        };
        let id = self.rows;
        self.rows += 1;
        for field in fields {
            let mut below = path.to_vec();
            below.push(field.name.clone());
            if matches!(field.kind, Type::Row(_)) {
                let row = self.row(table, json, &below, &field.kind, !field.nullable);
                object.fields.push(row);
            } else if let Some(number) = table.leaf(&below) {
                let kind = kind(&field.kind, false, json);
                let column = (number, below.join("."), kind, !field.nullable);
                object
                    .fields
                    .push(self.leaf(table, json, column, &field.name));
            }
        }
        Field {
            name: path.last().cloned().unwrap_or_default(),
            full: path.join("."),
            fills: Fills::Row(id, object),
            required,
        }
    }

    /// The name that a field of the record goes by.
    pub(super) fn known_as<'n>(&self, name: &'n str) -> &'n str {
        if self.alias && name == "timestamp" {
            "event_time"
        } else {
            name
        }
    }
}

impl Object {
    /// What a field of this name fills.
    pub(super) fn find(&self, name: &str) -> Option<&Fills> {
        let mut fields = self.fields.iter();
        fields.find(|field| field.name == name).map(|f| &f.fills)
    }

    /// The field whose name is this one but for upper and lower case.
    pub(super) fn alike(&self, name: &str) -> Option<&Field> {
        let is_ascii = |field: &Field| field.name.eq_ignore_ascii_case(name);
        let is_alike = |field: &Field| {
            is_ascii(field)
                || !name.is_ascii()
                    && field.name.len().abs_diff(name.len()) < 8
                    && field.name.to_lowercase() == name.to_lowercase()
        };
        self.fields.iter().find(|field| is_alike(field))
    }
}

/// What a type takes; `sales`: by the rules that were there before tables had names.
pub(super) fn kind(of: &Type, sales: bool, json: &Json) -> Kind {
    let times = |digits| Kind::Time(Times::new(digits, sales, json.timestamps));
    match of {
        Type::Text(_) | Type::Char(_) if json.coerce_to_string => Kind::Written,
        Type::Text(most) => Kind::Text {
            most: most.unwrap_or(u32::MAX),
        },
        Type::Char(to) => Kind::Padded { to: *to },
        Type::Bytes => Kind::Bytes,
        Type::Boolean if json.texts => Kind::Told(Told::Boolean),
        Type::Integer(width) if json.texts => Kind::Told(Told::Integer { width: *width }),
        Type::Float if json.texts => Kind::Told(Told::Double { single: true }),
        Type::Double if json.texts => Kind::Told(Told::Double { single: false }),
        Type::Boolean => Kind::Boolean,
        Type::Integer(width) => Kind::Integer { width: *width },
        Type::Decimal { precision, scale } if json.base64_decimals => Kind::Base64 {
            precision: *precision,
            scale: *scale,
        },
        Type::Decimal { precision, scale } => Kind::Decimal {
            precision: *precision,
            scale: *scale,
            zeros: !sales,
        },
        Type::Float => Kind::Double { single: true },
        Type::Double => Kind::Double { single: false },
        Type::Timestamp(digits) | Type::Instant(digits) => times(*digits),
        Type::Date => Kind::Date,
        Type::Time => Kind::Clock,
        Type::Null | Type::Row(_) | Type::Array(_) | Type::Map(_) | Type::Months | Type::Span => {
            Kind::Nested
        }
    }
}
