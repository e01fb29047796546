//! What of a message a table reads.
//!
//! ```text
//! Sale { city = 1, lines = 4 { sku = 1 } }      the message
//! city STRING, lines ARRAY<ROW<sku STRING>>     the table
//! ──► 1 fills column 0 as a text; 4 is a list of rows, in each of which 1 fills the first
//! ```

use standings_model::table::protobuf::{Field, Message, Schema};
use standings_model::table::{Origin, Table};
use standings_model::types::{RowField, Type};

use crate::declared::declared;
use crate::reader::{Absent, Filled, Fills, Reader, Take};
use crate::take;

/// A column that a field cannot fill, or that has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The declared column.
    pub column: String,
    /// What was found.
    pub found: String,
    /// What would do.
    pub allowed: String,
    /// The message has no such field; else its field cannot fill the column.
    pub is_missing: bool,
}

/// What of a message a table reads, and which columns it cannot fill: those are as if the message had no such field.
/// `read_defaults`: a field that can be absent, and is, has its default.
pub fn fit(
    schema: &Schema,
    message: usize,
    table: &Table,
    read_defaults: bool,
) -> (Reader, Vec<Problem>) {
    let mut fit = Fit {
        schema,
        table,
        read_defaults,
        rows: 0,
        column: String::new(),
        problems: Vec::new(),
    };
    let mut wanted = Vec::new();
    for (number, column) in table.columns.iter().enumerate() {
        match &column.origin {
            Origin::Field(path) if path.len() == 1 => wanted.push(Wanted {
                name: &path[0],
                full: path[0].clone(),
                kind: &column.kind,
                required: !column.nullable || table.event_time == Some(number),
                into: Into::Column(number),
            }),
            Origin::Parts if table.row_in_key(column).is_none() => wanted.push(Wanted {
                name: &column.name,
                full: column.name.clone(),
                kind: &column.kind,
                required: !column.nullable,
                into: Into::Parts(vec![column.name.clone()]),
            }),
            _ => {}
        }
    }
    let reader = fit.message(message, &wanted);
    (reader, fit.problems)
}

/// Something that a field of a message is to fill.
struct Wanted<'a> {
    name: &'a str,
    full: String,
    kind: &'a Type,
    required: bool,
    into: Into,
}

enum Into {
    Column(usize),
    /// A row of the table, by its path.
    Parts(Vec<String>),
}

struct Fit<'a> {
    schema: &'a Schema,
    table: &'a Table,
    read_defaults: bool,
    /// Rows of the table so far.
    rows: usize,
    /// The declared column that is looked at.
    column: String,
    problems: Vec<Problem>,
}

impl Fit<'_> {
    fn message(&mut self, number: usize, wanted: &[Wanted<'_>]) -> Reader {
        let schema = self.schema;
        let mut reader = Reader::default();
        let Some(message) = schema.messages.get(number) else {
            return reader;
        };
        for want in wanted {
            if !want.full.contains('.') {
                want.name.clone_into(&mut self.column);
            }
            let Some(field) = message.field(want.name) else {
                self.missing(message, want);
                reader.absent.push(self.absent(want));
                continue;
            };
            let Some(fills) = self.fills(field, want) else {
                reader.absent.push(self.absent(want));
                continue;
            };
            let is_plain = !field.repeated && field.kind.message().is_none();
            let has_default = is_plain && (self.read_defaults || !field.presence);
            reader.fields.push(Filled {
                name: want.full.clone(),
                number: field.number,
                kind: field.kind,
                repeated: field.repeated,
                fills,
                required: want.required,
                default: has_default.then(|| field.default.clone().unwrap_or_default()),
                rivals: Vec::new(),
            });
        }
        reader.finish(message);
        reader
    }

    fn fills(&mut self, field: &Field, want: &Wanted<'_>) -> Option<Fills> {
        match (&want.into, want.kind) {
            (Into::Column(number), kind) => {
                let take = self.take(field, kind, &want.full)?;
                Some(Fills::Column(*number, take))
            }
            (Into::Parts(path), Type::Row(fields)) => {
                let message = field.kind.message().filter(|_| !field.repeated);
                let Some(message) = message else {
                    self.wrong(field, want.kind, &want.full);
                    return None;
                };
                let id = self.rows;
                self.rows += 1;
                let wanted = self.parts(path, fields);
                let reader = self.message(message, &wanted);
                Some(Fills::Row(id, reader))
            }
            _ => None,
        }
    }

    /// What is wanted of the fields of a row of the table.
    fn parts<'f>(&self, path: &[String], fields: &'f [RowField]) -> Vec<Wanted<'f>> {
        let wanted = fields.iter().filter_map(|field| {
            let mut below = path.to_vec();
            below.push(field.name.clone());
            let full = below.join(".");
            let into = match field.kind {
                Type::Row(_) => Into::Parts(below),
                _ => Into::Column(self.table.leaf(&below)?),
            };
            Some(Wanted {
                name: &field.name,
                full,
                kind: &field.kind,
                required: !field.nullable,
                into,
            })
        });
        wanted.collect()
    }

    fn take(&mut self, field: &Field, of: &Type, full: &str) -> Option<Take> {
        let message = field.kind.message();
        let entry = message.filter(|n| self.schema.messages.get(*n).is_some_and(|m| m.is_entry));
        let found = match (of, field.repeated) {
            (Type::Map(of), true) => entry.map(|entry| {
                let key = entry_part("key", full, &of.0, 0);
                let value = entry_part("value", full, &of.1, 1);
                Take::Map(Box::new(self.message(entry, &[key, value])))
            }),
            (Type::Array(of), true) => {
                let one = self.one(field, of, full);
                return one.map(|take| Take::List(Box::new(take)));
            }
            (_, true) => None,
            (of, false) => return self.one(field, of, full),
        };
        if found.is_none() {
            self.wrong(field, of, full);
        }
        found
    }

    /// One value of a field.
    fn one(&mut self, field: &Field, of: &Type, full: &str) -> Option<Take> {
        let found = match (of, field.kind.message()) {
            (Type::Row(fields), Some(message)) => {
                let wanted: Vec<_> = fields
                    .iter()
                    .enumerate()
                    .map(|(number, field)| Wanted {
                        name: &field.name,
                        full: format!("{full}.{}", field.name),
                        kind: &field.kind,
                        required: !field.nullable,
                        into: Into::Column(number),
                    })
                    .collect();
                Some(Take::Row(Box::new(self.message(message, &wanted))))
            }
            _ => take::plain(self.schema, field.kind, of),
        };
        if found.is_none() {
            self.wrong(field, of, full);
        }
        found
    }

    fn absent(&self, want: &Wanted<'_>) -> Absent {
        Absent {
            name: want.full.clone(),
            columns: match &want.into {
                Into::Column(number) => vec![*number],
                Into::Parts(path) => {
                    let below = format!("{}.", path.join("."));
                    let all = self.table.columns.iter().enumerate();
                    let leaves = all.filter(|(_, c)| {
                        c.name.starts_with(&below) && matches!(c.origin, Origin::Field(_))
                    });
                    leaves.map(|(number, _)| number).collect()
                }
            },
            required: want.required,
        }
    }

    fn missing(&mut self, message: &Message, want: &Wanted<'_>) {
        let fields = message.fields.iter();
        let fields: Vec<&str> = fields.map(|f| f.name.as_str()).collect();
        self.problems.push(Problem {
            column: self.column.clone(),
            found: format!(
                "`{}`, which the message {} has no field for",
                want.full, message.name
            ),
            allowed: format!("its fields: {}", fields.join(", ")),
            is_missing: true,
        });
    }

    fn wrong(&mut self, field: &Field, of: &Type, full: &str) {
        let many = if field.repeated { "repeated " } else { "" };
        let kind = self.schema.name_of(field.kind);
        let is_entry = field
            .kind
            .message()
            .and_then(|n| self.schema.messages.get(n));
        let kind = match is_entry.is_some_and(|m| m.is_entry) {
            true => "map".to_owned(),
            false => format!("{many}{kind}"),
        };
        self.problems.push(Problem {
            column: self.column.clone(),
            found: format!("`{full}` {of} of a field that is {kind}"),
            allowed: format!("{full} {}", declared(self.schema, field)),
            is_missing: false,
        });
    }
}

fn entry_part<'a>(name: &'a str, full: &str, kind: &'a Type, number: usize) -> Wanted<'a> {
    Wanted {
        name,
        full: format!("{full}.{name}"),
        kind,
        required: false,
        into: Into::Column(number),
    }
}
