//! Why a record is not a sale.

/// No bytes at all (also a Kafka record without a value).
pub(super) const EMPTY: &str = "empty";
/// More bytes than `--max-record-bytes`.
pub(super) const TOO_LARGE: &str = "too_large";
/// Not one JSON object.
pub(super) const MALFORMED: &str = "malformed";
/// Invalid UTF-8 somewhere.
pub(super) const NOT_UTF8: &str = "not_utf8";
/// A column that must be there is missing or null.
pub(super) const MISSING_FIELD: &str = "missing_field";
/// A value of a type that its column does not take.
pub(super) const WRONG_TYPE: &str = "wrong_type";
/// Neither RFC 3339 nor an integer.
pub(super) const BAD_TIME: &str = "bad_time";
/// Before 1970 or after 9999.
pub(super) const TIME_OUT_OF_RANGE: &str = "time_out_of_range";
/// Not a decimal, or of more fraction digits than its column takes.
pub(super) const BAD_AMOUNT: &str = "bad_amount";
/// More digits than the column holds.
pub(super) const AMOUNT_OUT_OF_RANGE: &str = "amount_out_of_range";
/// A field stands twice.
pub(super) const REPEATED_FIELD: &str = "repeated_field";
/// A text of more characters than its column takes.
pub(super) const TEXT_TOO_LONG: &str = "text_too_long";
/// A computed column whose value has an error.
pub(super) const VALUE_ERROR: &str = "value_error";
/// What is to say the schema of a record does not stand before it.
pub(super) const NOT_FRAMED: &str = "not_framed";
/// The registry has no schema of this id. (It is found while reading, too.)
pub(super) const UNKNOWN_SCHEMA: &str = "unknown_schema";
/// The schema that it was written with cannot be read, or is not one of records.
pub(super) const BAD_SCHEMA: &str = "bad_schema";
/// U+0000 in the text of a column.
pub(super) const NUL_IN_TEXT: &str = "nul_in_text";

/// A change of a kind that its format has not got.
pub(super) const UNKNOWN_OP: &str = "unknown_op";
/// A row that comes or changes, and is not there.
pub(super) const AFTER_MISSING: &str = "after_missing";
/// The row before a change is not all there, and nothing else says which it was.
pub(super) const BEFORE_MISSING: &str = "before_missing";
/// An update that gives a row another primary key.
pub(super) const KEY_CHANGED: &str = "key_changed";

/// A row was asked for that no record has.
#[cold]
pub(super) fn no_row() -> DecodeError {
    DecodeError::new(AFTER_MISSING, "the record has no such row".to_owned())
}

/// Why a record is not a sale: goes to the dead letters with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct DecodeError {
    /// A stable word: `empty`, `too_large`, `malformed`, `not_utf8`, `missing_field`, `wrong_type`, `bad_time`,
    /// `time_out_of_range`, `bad_amount`, `amount_out_of_range`, `repeated_field`, `nul_in_text`, `text_too_long`,
    /// `not_framed`, `unknown_schema`, `bad_schema` or `value_error`; of changes also `unknown_op`, `after_missing`,
    /// `before_missing` or `key_changed`.
    pub reason: &'static str,
    /// For a person: the field and what was found, shortened.
    pub detail: String,
}

impl DecodeError {
    pub(super) fn new(reason: &'static str, detail: String) -> Self {
        DecodeError { reason, detail }
    }

    /// `field "amount": found true, expected …`.
    pub(super) fn field(reason: &'static str, name: &str, found: &str, expected: &str) -> Self {
        let detail = format!(
            "field {:?}: found {}, expected {expected}",
            shorten(name),
            shorten(found)
        );
        DecodeError { reason, detail }
    }
}

/// At most 60 characters, cut with `…`.
pub(super) fn shorten(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}
