//! The columns of a table that are read from a file's own, and which of them a file has not got.

use standings_model::table::{Origin, Table};

use super::near::nearest;

/// So many names are said.
const SHOWN: usize = 40;

/// The columns that are read from fields of a record: their numbers, and the fields' names.
pub fn fields(table: &Table) -> impl Iterator<Item = (usize, &str)> {
    let columns = table.declared().iter().enumerate();
    columns.filter_map(|(number, column)| match &column.origin {
        Origin::Field(path) if path.len() == 1 => Some((number, &*path[0])),
        Origin::Parts => Some((number, &*column.name)),
        _ => None,
    })
}

/// The number of the column that a field of this name is of; `timestamp` is the event time of the table that nobody declared.
pub fn column(table: &Table, name: &str) -> Option<usize> {
    let meant = match name {
        "timestamp" if !table.is_named => "event_time",
        name => name,
    };
    fields(table)
        .find(|(_, field)| *field == meant)
        .map(|f| f.0)
}

/// A column that there must be, and is not.
#[derive(Debug, PartialEq, Eq)]
pub struct Lacks {
    /// For a person: which.
    pub wanted: String,
    /// The names that are there.
    pub found: Vec<String>,
    /// The nearest of them, if one is near.
    near: Option<String>,
    /// It differs in upper and lower case alone.
    is_alike: bool,
}

impl Lacks {
    /// The names that are there, and the nearest.
    pub fn found(&self) -> String {
        let names: Vec<&str> = self.found.iter().map(String::as_str).take(SHOWN).collect();
        let mut text = names.join(", ");
        if let Some(more) = self.found.len().checked_sub(SHOWN + 1) {
            text.push_str(&format!(" and {} more", more + 1));
        }
        if let Some(near) = &self.near {
            text.push_str(&format!("; the nearest is `{near}`"));
            if self.is_alike {
                text.push_str(
                    ", which differs in upper and lower case alone: declare the column so",
                );
            }
        }
        text
    }
}

/// Refuses a file of these columns that lacks one that may not be NULL; the others that it has not got.
pub fn lacking(names: &[String], table: &Table) -> Result<Vec<String>, Lacks> {
    let has = |name: &str| names.iter().any(|n| n == name);
    let lacks = |wanted: &str, name: &str| {
        let alike = alike(names, name);
        let near = alike.or_else(|| nearest(name, names.iter().map(String::as_str)));
        Err(Lacks {
            wanted: wanted.to_owned(),
            found: names.to_vec(),
            near: near.map(str::to_owned),
            is_alike: alike.is_some(),
        })
    };
    if let Some(field) = &table.delete_field
        && column(table, field).is_none()
    {
        let wanted = format!("`{field}` in the table, whose 'delete.field' it is");
        return lacks(&wanted, field);
    }
    if !table.is_named {
        if !has("amount") {
            return lacks("`amount`", "amount");
        }
        if !has("event_time") && !has("timestamp") {
            return lacks("`event_time` (or `timestamp`)", "event_time");
        }
    }
    let mut nullable = Vec::new();
    for (number, name) in fields(table).filter(|(_, name)| !has(name)) {
        if !table.is_named && alike(names, name).is_none() {
            continue;
        }
        let is_needed = !table.columns[number].nullable || is_time(table, number);
        // That a column is NULL because its name is written otherwise nobody means.
        if is_needed || alike(names, name).is_some() {
            return lacks(&format!("`{name}`"), name);
        }
        nullable.push(name.to_owned());
    }
    Ok(nullable)
}

/// The name among these that differs from one in upper and lower case alone.
fn alike<'n>(names: &'n [String], name: &str) -> Option<&'n str> {
    let lower = name.to_lowercase();
    let mut names = names.iter().filter(|n| *n != name);
    names
        .find(|n| n.to_lowercase() == lower)
        .map(String::as_str)
}

/// Whether a column is the event time, or what alone it is computed of.
fn is_time(table: &Table, number: usize) -> bool {
    let Some(time) = table.event_time else {
        return false;
    };
    match table.columns.get(time).map(|c| &c.origin) {
        Some(Origin::Computed(expr)) => expr.columns() == [number],
        _ => time == number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_lacks() {
        let names = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let mut table = Table::sales();
        assert!(lacking(&names("timestamp amount"), &table).is_ok_and(|l| l.is_empty()));
        let lacks = lacking(&names("timestamp Amount"), &table).unwrap_err();
        assert_eq!(
            lacks.found(),
            "timestamp, Amount; the nearest is `Amount`, which differs in upper and lower case alone: declare the column so"
        );
        let lacks = lacking(&names("timestamp amount City"), &table).unwrap_err();
        assert_eq!(lacks.wanted, "`city`");
        assert!(lacking(&names("timestamp amount City city"), &table).is_ok());
        table.is_named = true;
        let all = "event_time amount sale_id salesman_id salesman_name";
        assert_eq!(lacking(&names(all), &table), Ok(vec!["city".to_owned()]));
        let lacks = lacking(&names(&format!("{all} CITY")), &table).unwrap_err();
        assert!(
            lacks.found().contains("`CITY`, which differs"),
            "{}",
            lacks.found()
        );
        assert!(lacking(&names("amount city"), &table).is_err_and(|l| l.wanted == "`event_time`"));
        table.delete_field = Some("gone".to_owned());
        let lacks = lacking(&names(&format!("{all} city gone")), &table);
        assert!(lacks.is_err_and(|l| l.wanted.starts_with("`gone` in the table")));
        assert_eq!(column(&table, "timestamp"), None);
        assert_eq!(column(&Table::sales(), "timestamp"), Some(1));
    }
}
