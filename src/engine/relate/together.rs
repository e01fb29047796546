//! What rows alike are, as one text: their key in the first level, and what they were joined with so far.
//!
//! ```text
//! no join yet   key
//! later         length of the key │ key │ of each join: 0, or 1 and length and row
//! ```

use standings_model::leb128;

/// What rows alike are: their key, and what they were joined with.
pub type Parts<'a> = (&'a [u8], Vec<Option<&'a [u8]>>);

/// Appends what is told of rows that were joined so often, and then with one more.
pub fn push(out: &mut Vec<u8>, (key, rows): &Parts<'_>) {
    if rows.is_empty() {
        out.extend_from_slice(key);
        return;
    }
    leb128::push(out, key.len() as u64);
    out.extend_from_slice(key);
    for row in rows {
        match row {
            None => out.push(0),
            Some(row) => {
                out.push(1);
                leb128::push(out, row.len() as u64);
                out.extend_from_slice(row);
            }
        }
    }
}

/// The parts of what was pushed of rows that were joined so often; of other bytes whatever is there.
pub fn split(text: &[u8], joins: usize) -> Parts<'_> {
    let mut rows = Vec::with_capacity(joins + 1);
    if joins == 0 {
        return (text, rows);
    }
    let mut rest = text;
    let key = piece(&mut rest);
    for _ in 0..joins {
        let is_there = rest.split_off_first().is_some_and(|there| *there == 1);
        rows.push(is_there.then(|| piece(&mut rest)));
    }
    (key, rows)
}

/// A length and as many bytes.
fn piece<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let length = leb128::take(rest).unwrap_or(0) as usize;
    let (piece, behind) = rest.split_at(length.min(rest.len()));
    *rest = behind;
    piece
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        let long = [7; 300];
        let rows: [&[Option<&[u8]>]; 4] = [
            &[],
            &[None],
            &[Some(b""), Some(&long)],
            &[Some(b"a\0b"), None, Some(b"c")],
        ];
        for rows in rows {
            for key in [&b""[..], b"key", &long] {
                let parts = (key, rows.to_vec());
                let mut text = Vec::new();
                push(&mut text, &parts);
                assert_eq!(split(&text, rows.len()), parts);
            }
        }
    }
}
