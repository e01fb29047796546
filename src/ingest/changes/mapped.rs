//! What the configuration names of a table.

use crate::row::Shape;

/// The columns that the configuration names, as the database calls them.
pub(crate) fn mapped(shape: &Shape, key: &[String], event_time: Option<&str>) -> Vec<String> {
    let before = |name: &String| {
        let found = shape.names.iter().find(|(_, new)| *new == name);
        found.map_or_else(|| name.clone(), |(old, _)| old.clone())
    };
    // What is within a value has no type of its own.
    let outer = |name: &String| {
        before(name)
            .split('.')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let named = shape.key.iter().map(before);
    let named = named.chain(shape.names.keys().cloned());
    let named = named.chain(shape.masks.columns.keys().map(outer));
    let named = named.chain(key.iter().cloned());
    let mut all: Vec<String> = named.chain(event_time.map(str::to_owned)).collect();
    all.sort();
    all.dedup();
    all
}
