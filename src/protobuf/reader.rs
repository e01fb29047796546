//! Which field of a message fills what, and how: what [`fit()`](crate::fit()) makes, and decoders follow.

use standings_model::table::protobuf::{Kind, Message};
use standings_model::types::{Type, Width};

/// Fields whose numbers are below this one are found at once.
const NEAR: usize = 64;

/// What of a message is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// The fields that are of use, in the order of the columns.
    pub fields: Vec<Filled>,
    /// Columns that the message has no field for.
    pub absent: Vec<Absent>,
    /// By a field's number, one more than its place in `fields`.
    near: Vec<u16>,
}

/// A field that fills something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// For a person: its name, with those of the rows that it lies in.
    pub name: String,
    /// Its number on the wire.
    pub number: u32,
    /// What it holds; of a repeated one each.
    pub kind: Kind,
    /// Whether it can be there more than once.
    pub repeated: bool,
    /// What it fills.
    pub fills: Fills,
    /// Whether NULL is a dead letter.
    pub required: bool,
    /// What it is where it is absent: none for NULL, an empty text for the least value of its kind, or as it is declared.
    pub default: Option<String>,
    /// The other fields of its `oneof` that are read: this one takes their place.
    pub rivals: Vec<usize>,
}

/// What a field fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fills {
    /// The column with this number; in a row its number there.
    Column(usize, Take),
    /// Columns of the table that lie in it; the number counts such rows.
    Row(usize, Reader),
}

/// A column without a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// For a person: its name, with those of the rows that it lies in.
    pub name: String,
    /// Its columns, where it is a row of the table; else the one.
    pub columns: Vec<usize>,
    /// Whether NULL is a dead letter.
    pub required: bool,
}

/// What a value is taken as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Take {
    /// `bool` as BOOLEAN.
    Flag,
    /// A whole number, or that of an enum, of a width.
    Whole(Width),
    /// A whole number as a decimal.
    Digits {
        /// Digits in all.
        precision: u8,
        /// Fraction digits.
        scale: u8,
    },
    /// Milliseconds since 1970 as a time.
    Millis(Type),
    /// A floating point number; whether of 32 bits.
    Real {
        /// Of 32 bits.
        single: bool,
    },
    /// A floating point number as a decimal, by its shortest digits.
    RealDigits {
        /// Digits in all.
        precision: u8,
        /// Fraction digits.
        scale: u8,
    },
    /// A text of at most so many characters.
    Text(u32),
    /// A text, filled up with spaces.
    Padded(u32),
    /// The name of an enum's value, of at most so many characters.
    Name(u32),
    /// Bytes.
    Raw,
    /// A text that is a number or a time as it is written.
    Written(Type),
    /// `google.protobuf.Timestamp` as a time.
    Instant(Type),
    /// `google.type.Date`.
    Day,
    /// `google.type.TimeOfDay`.
    Clock,
    /// `google.type.Decimal`: a text in field 1.
    DecimalText(Type),
    /// `confluent.type.Decimal`: digits in field 1, their scale in field 3.
    DecimalBytes {
        /// Digits in all.
        precision: u8,
        /// Fraction digits.
        scale: u8,
    },
    /// A message of one value: what that is, and how it is taken.
    Wrapped(Kind, Box<Take>),
    /// A message as a row.
    Row(Box<Reader>),
    /// Several values.
    List(Box<Take>),
    /// Entries: fields 1 and 2 of each.
    Map(Box<Reader>),
}

impl Reader {
    /// The place in `fields` of the field with this number.
    #[inline]
    pub fn place(&self, number: u32) -> Option<usize> {
        match self.near.get(number as usize) {
            Some(0) => None,
            Some(place) => Some(usize::from(*place) - 1),
            None if (number as usize) < NEAR => None,
            None => self.fields.iter().position(|f| f.number == number),
        }
    }

    pub(crate) fn finish(&mut self, message: &Message) {
        let near = self.fields.iter().map(|f| f.number as usize);
        let near = near.filter(|n| *n < NEAR).max();
        self.near = vec![0; near.map_or(0, |n| n + 1)];
        for (place, field) in self.fields.iter().enumerate() {
            if let Some(at) = self.near.get_mut(field.number as usize) {
                *at = place as u16 + 1;
            }
        }
        let oneof = |of: &Filled| {
            let field = message.fields.iter().find(|f| f.number == of.number);
            field.and_then(|f| f.oneof)
        };
        let all: Vec<_> = self.fields.iter().map(oneof).collect();
        for (place, field) in self.fields.iter_mut().enumerate() {
            let is_rival = |n: &usize| *n != place && all[*n].is_some() && all[*n] == all[place];
            field.rivals = (0..all.len()).filter(is_rival).collect();
        }
    }
}
