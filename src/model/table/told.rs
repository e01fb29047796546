//! What the envelope of a change says beside the row: metadata of formats of change, by Flink's names.

use super::Changelog;

/// Which of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    /// `schema`: the schema beside the payload, as it is written.
    Schema,
    /// `ingestion-timestamp`: when the connector took the change.
    Ingested,
    /// `source.timestamp`, `event-timestamp`: when it was made in the database.
    Made,
    /// `source.database`, `database`.
    Database,
    /// `source.schema`: the namespace of the table.
    Namespace,
    /// `source.table`, `table`.
    Table,
    /// `source.properties`: all of the source, as texts.
    Properties,
    /// `primary-key-columns`, `pk-names`.
    KeyNames,
    /// `sql-type`: the columns' types in JDBC's numbers.
    SqlTypes,
}

impl Told {
    /// What a format tells, by the names behind `value.`.
    pub fn of(changelog: Changelog) -> &'static [(&'static str, Told)] {
        match changelog {
            Changelog::Append | Changelog::Upsert => &[],
            Changelog::Debezium => &[
                ("value.schema", Told::Schema),
                ("value.ingestion-timestamp", Told::Ingested),
                ("value.source.timestamp", Told::Made),
                ("value.source.database", Told::Database),
                ("value.source.schema", Told::Namespace),
                ("value.source.table", Told::Table),
                ("value.source.properties", Told::Properties),
            ],
            Changelog::Maxwell => &[
                ("value.database", Told::Database),
                ("value.table", Told::Table),
                ("value.primary-key-columns", Told::KeyNames),
                ("value.ingestion-timestamp", Told::Ingested),
            ],
            Changelog::Canal => &[
                ("value.database", Told::Database),
                ("value.table", Told::Table),
                ("value.sql-type", Told::SqlTypes),
                ("value.pk-names", Told::KeyNames),
                ("value.ingestion-timestamp", Told::Ingested),
                ("value.event-timestamp", Told::Made),
            ],
        }
    }
}
