//! What both ways of fuzzing do with files: any bytes, which are told by their content, read by one of several tables.

use std::path::PathBuf;

use standings_decode::Decoder;
use standings_edge::source::open_file;
use standings_model::table::Table;

/// So many blocks are read: what was compressed may be endless.
const BLOCKS: usize = 64;

/// Tables, by the first byte of an input, and the name that the rest of it has.
const TABLES: [(&str, &str); 4] = [
    (
        "x.bin",
        "CREATE TABLE t (id BIGINT, `at` TIMESTAMP_LTZ(3), city STRING, amount DECIMAL(10, 2), tags ARRAY<STRING>, \
         `of` MAP<STRING, BIGINT>)",
    ),
    (
        "x.csv",
        "CREATE TABLE t (id BIGINT, `at` TIMESTAMP(3), city STRING, amount DECIMAL(28, 2))
         WITH ('format' = 'csv', 'csv.field-delimiter' = ';', 'csv.charset' = 'windows-1252', 'csv.escape-character' = '\\',
           'csv.decimal-separator' = ',', 'csv.thousands-separator' = '.', 'csv.allow-comments' = 'true',
           'csv.timestamp-format' = 'dd/MM/yyyy HH:mm[:ss]', 'csv.trim' = 'true')",
    ),
    (
        "x.json",
        "CREATE TABLE t (id BIGINT, tags ARRAY<STRING>, `of` MAP<STRING, BIGINT>) WITH ('format' = 'json')",
    ),
    ("x.txt", "CREATE TABLE t (line STRING) WITH ('format' = 'raw')"),
];

/// A folder of its own, and the tables.
pub struct Files {
    tables: Vec<(PathBuf, Table)>,
    _folder: tempfile::TempDir,
}

impl Files {
    /// As a run has them.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let table = |(name, sql): &(&str, &str)| {
            let table = standings_query::parse_table("t", sql).expect("a table");
            (folder.path().join(name), table)
        };
        Files {
            tables: TABLES.iter().map(table).collect(),
            _folder: folder,
        }
    }

    /// It is read to its end, or not: nothing of it is a panic, no block goes back, and all its records are judged.
    pub fn check(&self, input: &[u8]) {
        let Some((which, bytes)) = input.split_first() else {
            return;
        };
        let (path, table) = &self.tables[usize::from(*which) % self.tables.len()];
        std::fs::write(path, bytes).expect("a file");
        let Ok(mut file) = open_file(path, table, 0) else {
            return;
        };
        let mut decoder = Decoder::new(table, None, 1 << 20);
        let mut next = 0;
        for _ in 0..BLOCKS {
            let Ok(Some(block)) = file.next_block() else {
                return;
            };
            assert!(block.next_offset >= next, "offsets go on");
            next = block.next_offset;
            for given in &block.schemas {
                decoder.learn(table, given);
            }
            for record in &block.records {
                let bytes = &block.bytes[record.start as usize..record.end as usize];
                let _ = decoder.decode(bytes).map(|_| ());
            }
        }
    }
}
