//! Names of types.

/// The full name of what is called so in a namespace.
pub(super) fn full(name: &str, namespace: &str) -> String {
    match name.contains('.') || namespace.is_empty() {
        true => name.to_owned(),
        false => format!("{namespace}.{name}"),
    }
}

/// Whether a text is names with dots between them. Letters beyond ASCII are taken, as writers do.
pub(super) fn is_full(text: &str) -> bool {
    text.split('.').all(|name| {
        let begins = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
        begins
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || "_-$".contains(c))
    })
}
