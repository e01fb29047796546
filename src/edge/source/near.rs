//! The name that was probably meant.

/// The nearest of some names, if one is near.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // `Sale ID` and `sale_id` are as near as it gets.
    let plain = |text: &str| {
        let signs = text.chars().filter(|c| c.is_alphanumeric());
        signs.flat_map(char::to_lowercase).collect::<String>()
    };
    let wanted = plain(name);
    names
        .map(|other| (strsim::jaro_winkler(&wanted, &plain(other)), other))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}
