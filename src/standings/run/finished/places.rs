//! Where a record is, for a person: a line or a row of a file, a partition and an offset of a topic.

use standings_edge::source::{Homes, SourceOptions, SourceUrl};
use standings_model::block::PartitionId;
use standings_model::table::format::Encoding;

/// Names for the partitions of a run.
#[derive(Clone, Debug, Default)]
pub(in crate::run) struct Places {
    /// Of files: the file, where there are several, and what a record of it is called.
    files: Vec<(Option<String>, &'static str)>,
    homes: Homes,
    /// The names of tables, where partitions of one number are of several.
    tables: Vec<String>,
}

impl Places {
    pub(in crate::run) fn of(source: &SourceOptions) -> Self {
        let count = source.urls.len();
        let is_file = |url: &SourceUrl| matches!(url, SourceUrl::File(_));
        let is_only_files = source.urls.iter().all(is_file);
        let tables = source.tables.iter().filter(|_| !is_only_files && count > 1);
        let files = source.urls.iter().filter(|_| is_only_files);
        let files = files.enumerate().map_while(|(n, url)| {
            let SourceUrl::File(site) = url else {
                return None;
            };
            let path = site.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = name.to_ascii_lowercase();
            let is_rows = [".csv", ".tsv", ".psv", ".tab", ".parquet", ".pq"];
            let table = source.tables.get(source.table_of(n));
            let unit = match table.map(|t| &t.format.encoding) {
                Some(Encoding::Csv(_) | Encoding::Parquet) => "row",
                Some(Encoding::ByName) if is_rows.iter().any(|end| name.contains(end)) => "row",
                _ => "line",
            };
            Some(((count > 1).then(|| path.display().to_string()), unit))
        });
        Places {
            files: files.collect(),
            homes: source.homes(),
            tables: tables.map(|table| table.name.clone()).collect(),
        }
    }

    /// The number of a partition's table.
    pub(super) fn table(&self, partition: PartitionId) -> usize {
        self.homes.of(partition).0
    }

    /// Where the record with an offset of a partition is.
    pub(super) fn record(&self, partition: PartitionId, offset: u64) -> String {
        match self.files.get(self.homes.place(partition)) {
            Some((Some(file), unit)) => format!("{file}, {unit} {}", offset + 1),
            Some((None, unit)) => format!("{unit} {}", offset + 1),
            None => {
                let (table, own) = self.homes.of(partition);
                let of = self.tables.get(table);
                let of = of.map_or_else(String::new, |table| format!("table {table}, "));
                format!("{of}partition {own}, offset {offset}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::table::Table;

    #[test]
    fn where_records_are() {
        let file = |name: &str| SourceUrl::File(name.into());
        let one = Places::of(&SourceOptions::new(vec![file("a.ndjson.gz")]));
        assert_eq!(one.record(0, 2), "line 3");
        let two = Places::of(&SourceOptions::new(vec![file("a.ndjson"), file("b.csv")]));
        assert_eq!(two.record(0, 2), "a.ndjson, line 3");
        assert_eq!(two.record(1, 0), "b.csv, row 1");
        let topic = SourceUrl::Kafka {
            brokers: "h:1".to_owned(),
            topic: "t".to_owned(),
        };
        let topic = Places::of(&SourceOptions::new(vec![topic]));
        assert_eq!(topic.record(3, 7), "partition 3, offset 7");
        assert_eq!(topic.table(3), 0);
        let named = |topic: &str| SourceUrl::Kafka {
            brokers: "h:1".to_owned(),
            topic: topic.to_owned(),
        };
        let mut two = SourceOptions::new(vec![named("a"), named("b")]);
        two.tables = std::sync::Arc::new(
            ["sales", "cities"]
                .map(|n| Table::new(n, Vec::new()))
                .into(),
        );
        two.of = vec![0, 1];
        let two = Places::of(&two);
        assert_eq!(two.record(5, 7), "table cities, partition 2, offset 7");
    }
}
