//! A letter's record as the decoder reads it: a row of CSV becomes the object that it is read as, by the order of its table's
//! columns. The header of a file is not in the letters of its rows.

use std::borrow::Cow;

use standings_edge::source::ValueRows;
use standings_model::table::Table;
use standings_model::table::format::{Encoding, Format};

/// How the records of one table are read.
pub(super) struct Rows(Option<ValueRows>);

impl Rows {
    /// Of a table; larger records are not looked at. What is wrong with its options a run says: here its records are no rows.
    pub(super) fn of(table: &Table, record_bytes: usize) -> Self {
        Rows(ValueRows::of(table, record_bytes).ok().flatten())
    }

    /// What the decoder reads; why the record is no row.
    pub(super) fn record<'r>(&mut self, bytes: &'r [u8]) -> Result<Cow<'r, [u8]>, String> {
        match &mut self.0 {
            None => Ok(Cow::Borrowed(bytes)),
            Some(rows) => match rows.object(bytes) {
                Ok(object) => Ok(Cow::Owned(object)),
                Err(refused) => Err(format!("{}: {}", refused.reason, refused.detail)),
            },
        }
    }
}

/// What is to be known of how the cells of a row were taken; nothing where there are none.
pub(super) fn order(format: &Format) -> Option<&'static str> {
    match &format.encoding {
        Encoding::Csv(csv) if csv.header => {
            Some("by the order of the table's columns: the file's header is not in a letter")
        }
        _ => None,
    }
}

/// What may be meant by a record that is no JSON, where its table does not say what it is.
pub(super) fn hint(format: &Format, bytes: &[u8]) -> Option<&'static str> {
    let begins = bytes.trim_ascii_start().first();
    let is_json = matches!(begins, Some(b'{' | b'[' | b'"') | None);
    let is_unsaid = matches!(format.encoding, Encoding::ByName);
    (is_unsaid && !is_json)
        .then_some("a row of CSV is shown as one where its table says 'format' = 'csv'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_decode::Decoder;

    #[test]
    fn a_row_is_what_a_run_takes_it_for() {
        let table = |with: &str| {
            let sql = format!("CREATE TABLE t (city STRING, amount DECIMAL(10, 2)) WITH ({with})");
            standings_query::parse_table("t", &sql).unwrap()
        };
        let csv =
            table("'format' = 'csv', 'csv.field-delimiter' = ';', 'csv.decimal-separator' = ','");
        let mut rows = Rows::of(&csv, 1000);
        let object = rows.record(b"Porto;1.234,50").map(Cow::into_owned);
        assert!(
            object.is_err_and(|e| e.contains("amount")),
            "a thousands separator"
        );
        let object = rows.record(b"Porto;1234,50").unwrap();
        assert_eq!(&object[..], br#"{"city":"Porto","amount":"1234.50"}"#);
        assert!(Decoder::new(&csv, None, 1000).decode_full(&object).is_ok());
        let wrong = rows.record(b"Porto").unwrap_err();
        assert!(
            wrong.starts_with("malformed: the row has 1 cells"),
            "{wrong}"
        );
        assert!(order(&csv.format).is_some() && hint(&csv.format, b"Porto;1").is_none());
        let any = table("'noun' = 'sales'");
        assert_eq!(&Rows::of(&any, 10).record(b"a;b").unwrap()[..], b"a;b");
        assert!(hint(&any.format, b"a;b").is_some() && hint(&any.format, b" {}").is_none());
    }
}
