//! Tables whose rows change, in words: what a record is, which row it is of, what becomes of a change that does not fit.

use standings_model::table::{Changelog, Table};

/// What a record does to rows.
pub(super) fn of_changelog(table: &Table) -> String {
    let told = |format: &str| format!("each record says what changed ({format})");
    let mut all = vec![match table.changelog {
        Changelog::Append => "each record is a row that stays".to_owned(),
        Changelog::Upsert => "each record is the present row of its key".to_owned(),
        Changelog::Debezium => told("Debezium"),
        Changelog::Maxwell => told("Maxwell"),
        Changelog::Canal => told("Canal"),
    }];
    if table.changelog == Changelog::Upsert && table.ends_by_key() {
        all.push("one without a value its end".to_owned());
    }
    if let Some(field) = &table.delete_field {
        let value = table.delete_value.as_deref().unwrap_or("true");
        all.push(format!("one whose {field} is {value} its end"));
    }
    if table.has_envelope() && table.primary_key.is_empty() {
        all.push("and must say the whole row before it: nothing else names a row".to_owned());
    }
    if table.bootstrap_unordered {
        all.push("what is there at the first start is in no order of time".to_owned());
    }
    for (what, pattern) in [
        ("databases", &table.database_include),
        ("tables", &table.table_include),
    ] {
        all.extend(pattern.as_ref().map(|p| format!("of the {what} {p} alone")));
    }
    all.join(", ")
}

/// What becomes of a change that does not fit.
pub(super) fn no_fit(table: &Table) -> Option<&'static str> {
    table
        .changes()
        .then_some("the row that it would have changed stays as it was")
}
