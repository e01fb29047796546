//! The sides of `bench/latency`, by name.

use std::fmt;
use std::path::PathBuf;

/// What runs between the sender and the watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: Kafka alone.
    Floor,
    /// A relay that only copies.
    Relay,
    /// A relay that writes as much as ours.
    RelayRows,
    /// Ours into a topic, at least once.
    Least,
    /// Ours into a topic, exactly once.
    Exactly,
    /// Ours into Postgres.
    Postgres,
    /// Flink SQL, in a form.
    Flink(String),
}

const KINDS: [(Kind, &str, &str); 6] = [
    (Kind::Floor, "floor", "Kafka alone"),
    (
        Kind::Relay,
        "relay",
        "a relay that only copies, at least once",
    ),
    (
        Kind::RelayRows,
        "relay-rows",
        "a relay that writes as much as ours, at least once",
    ),
    (Kind::Least, "least", "change topic, at least once"),
    (Kind::Exactly, "exactly", "change topic, exactly once"),
    (Kind::Postgres, "postgres", "Postgres"),
];

/// What may follow "flink", in this order.
const FORMS: [&str; 4] = ["-growing", "-unranked", "-minibatch", "-exactly"];

/// A kind by its name.
pub fn parse(name: &str) -> Result<Kind, String> {
    if let Some((kind, ..)) = KINDS.iter().find(|(_, n, _)| *n == name) {
        return Ok(kind.clone());
    }
    let rest = name.strip_prefix("flink").map(|rest| {
        let without = |rest: &str, form: &&str| rest.strip_prefix(*form).unwrap_or(rest).to_owned();
        FORMS
            .iter()
            .fold(rest.to_owned(), |rest, form| without(&rest, form))
    });
    match rest.as_deref() {
        Some("") => Ok(Kind::Flink(name.to_owned())),
        _ => Err(format!(
            "there are {}, and flink followed by any of {} in this order",
            KINDS.map(|k| k.1).join(", "),
            FORMS.join(", ")
        )),
    }
}

impl Kind {
    /// Whether Standings runs between.
    pub fn is_ours(&self) -> bool {
        matches!(self, Kind::Least | Kind::Exactly | Kind::Postgres)
    }

    /// In the table.
    fn title(&self) -> String {
        match self {
            Kind::Flink(form) => {
                let (form, how) = match form.strip_suffix("-exactly") {
                    Some(form) => (form, "exactly"),
                    None => (form.as_str(), "at least"),
                };
                format!(
                    "{}, {how} once",
                    form.replace("flink", "Flink SQL").replace('-', ", ")
                )
            }
            kind => KINDS
                .iter()
                .find(|k| k.0 == *kind)
                .map_or(String::new(), |k| k.2.to_owned()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Flink(form) => f.write_str(form),
            kind => f.write_str(KINDS.iter().find(|k| k.0 == *kind).map_or("", |k| k.1)),
        }
    }
}

/// A kind, with one of the binaries.
#[derive(Clone, Debug)]
pub struct Side {
    /// What runs between.
    pub kind: Kind,
    /// The other binary, where it is not this one.
    pub other: Option<PathBuf>,
}

impl Side {
    /// A kind; with the other binary, if there is one.
    pub fn new(kind: Kind, other: Option<PathBuf>) -> Self {
        Side { kind, other }
    }

    /// Its name while it runs.
    pub fn key(&self) -> String {
        match self.other {
            Some(_) => format!("{}@beside", self.kind),
            None => self.kind.to_string(),
        }
    }

    /// Its name in the table.
    pub fn title(&self) -> String {
        match self.other {
            Some(_) => "the same, the other binary".to_owned(),
            None => self.kind.title(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_and_a_title() {
        for (name, title) in [
            ("floor", "Kafka alone"),
            ("exactly", "change topic, exactly once"),
            ("flink", "Flink SQL, at least once"),
            (
                "flink-unranked-exactly",
                "Flink SQL, unranked, exactly once",
            ),
            (
                "flink-growing-minibatch",
                "Flink SQL, growing, minibatch, at least once",
            ),
        ] {
            let side = Side::new(parse(name).unwrap(), None);
            assert_eq!(side.key(), name);
            assert_eq!(side.title(), title);
        }
        for wrong in ["flink-exactly-growing", "flink-", "flinks", "ours", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let twin = Side::new(Kind::Least, Some("/other".into()));
        assert_eq!(
            (twin.key().as_str(), twin.title().as_str()),
            ("least@beside", "the same, the other binary")
        );
    }
}
