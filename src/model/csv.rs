//! Cells of CSV (RFC 4180), as other programs can open them without running what is in them.

/// Appends a cell. What a spreadsheet would take for a formula (`= + - @` and blanks that it passes over) is in quotes, and a text
/// with an apostrophe before it; an empty text is in quotes, so that it is not nothing.
///
/// # Examples
///
/// ```
/// use standings_model::csv::push_cell;
///
/// let cell = |text: &str, is_text| {
///     let mut out = Vec::new();
///     push_cell(&mut out, text, is_text);
///     String::from_utf8(out).unwrap()
/// };
/// assert_eq!(cell("Lisbon", true), "Lisbon");
/// assert_eq!(cell("a \"b\", c", true), r#""a ""b"", c""#);
/// assert_eq!(cell("=1+1", true), r#""'=1+1""#);
/// assert_eq!(cell("-12.00", false), r#""-12.00""#);
/// assert_eq!(cell("", true), r#""""#);
/// assert_eq!(cell("", false), "");
/// ```
pub fn push_cell(out: &mut Vec<u8>, text: &str, is_text: bool) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let is_odd = text.contains([',', '"', '\n', '\r']) || text.trim() != text;
    let is_nothing = is_text && text.is_empty();
    if !is_formula && !is_odd && !is_nothing {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    if is_formula && is_text {
        out.push(b'\'');
    }
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}
