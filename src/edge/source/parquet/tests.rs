//! Rows as columns are the rows as records: random tables over random files, every type, NULLs, dictionaries and none.

mod made;

use std::fs::File;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use self::made::{Dice, column, file_types, stamp, table_type};
use super::*;
use standings_decode::{About, Decoder, Sale};
use standings_model::table::{Column, Metadata, Origin};
use standings_model::value::Value;

fn write(dice: &mut Dice, path: &Path, columns: &[(String, ArrayRef)]) {
    let fields = columns.iter();
    let fields = fields.map(|(name, array)| Field::new(name, array.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let arrays = columns.iter().map(|(_, array)| Arc::clone(array)).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(dice.below(4) > 0)
        // At times it overflows, and its pages go on plain.
        .set_dictionary_page_size_limit(dice.one(&[64, 1 << 20]))
        .set_data_page_row_count_limit(dice.one(&[100, 20_000]))
        .set_write_batch_size(dice.one(&[64, 1024]))
        .set_max_row_group_row_count(Some(dice.one(&[700, 100_000])))
        .set_compression(dice.one(&[Compression::UNCOMPRESSED, Compression::SNAPPY]))
        .build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// What became of a row: its time and cells, or the dead letter; and the record that it is shown as.
#[derive(Debug, PartialEq)]
struct Became {
    offset: u64,
    row: Result<(i64, Vec<Value>), (String, String)>,
    record: Vec<u8>,
}

/// All rows of a file from one on; how many of them came as columns.
fn read(path: &Path, table: &Table, from: u64, most: usize, columns: bool) -> (Vec<Became>, usize) {
    let site = Site::from(path);
    let columns = columns.then_some(most);
    let patience = Patience::default();
    let mut file = ParquetRows::open(&site, table, 3, from, &patience, columns).unwrap();
    let mut decoder = Decoder::new(table, None, most);
    let (mut all, mut direct, mut next) = (Vec::new(), 0, 0);
    while let Some(block) = file.next_block().unwrap() {
        for (number, record) in block.records.iter().enumerate() {
            let about = About::of(&block, number);
            let bytes = block.slice((record.start, record.end));
            let shown = |sale: Sale<'_>| {
                let cells = 0..sale.cells.len();
                (sale.event_time, cells.map(|c| sale.value(c)).collect())
            };
            let (decoded, record_bytes) = match block.row(number) {
                Some(row) => {
                    direct += 1;
                    assert!(bytes.is_empty());
                    let decoded = decoder.decode_row(row, &block.bytes, about);
                    (decoded.map(shown), row.record())
                }
                None => (
                    decoder.decode_about(bytes, about).map(shown),
                    bytes.to_vec(),
                ),
            };
            assert!(record.offset >= next && record.offset < block.next_offset);
            all.push(Became {
                offset: record.offset,
                row: decoded.map_err(|e| (e.reason.to_owned(), e.detail)),
                record: record_bytes,
            });
        }
        next = block.next_offset;
        file.reuse(block);
    }
    (all, direct)
}

fn table_of(dice: &mut Dice, columns: &[(String, ArrayRef)]) -> Table {
    let mut all: Vec<Column> = Vec::new();
    let field = |name: &str, kind, nullable| Column {
        name: name.to_owned(),
        kind,
        nullable,
        origin: Origin::Field(Arc::from([name.to_owned()])),
        comment: None,
    };
    for (name, array) in columns {
        let kind = table_type(dice, array.data_type());
        all.push(field(name, kind, dice.below(4) > 0));
    }
    all.push(field("absent", Type::STRING, true));
    all.push(Column {
        origin: Origin::Metadata(Metadata::Offset),
        ..field("offset", Type::BIGINT, false)
    });
    let mut table = Table::new("t", all);
    table.is_named = true;
    let times = |c: &Column| c.kind.is_event_time();
    table.event_time = match dice.below(2) {
        0 => table.columns.iter().position(times),
        _ => None,
    };
    table.format.zone = dice.one(&[None, Some("Europe/Lisbon".to_owned())]);
    table
}

#[test]
fn rows_as_columns_are_the_rows_as_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let (mut of_all, mut direct, mut dead) = (0, 0, 0);
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let rows = dice.one(&[0, 1, 5, 300, 1500, 5000]);
        let kinds = file_types();
        let columns: Vec<(String, ArrayRef)> = (0..1 + dice.below(5))
            .map(|n| {
                let kind = dice.one(&kinds);
                (format!("c{n}"), column(&mut dice, &kind, rows))
            })
            .collect();
        write(&mut dice, &path, &columns);
        let table = table_of(&mut dice, &columns);
        let most = dice.one(&[60, 700, 1 << 20]);
        let from = dice.one(&[0, 0, rows as u64 / 3, rows as u64]);
        let (want, none) = read(&path, &table, from, most, false);
        let (found, some) = read(&path, &table, from, most, true);
        assert_eq!(none, 0);
        assert_eq!(want.len() as u64, rows as u64 - from);
        for (want, found) in want.iter().zip(&found) {
            assert_eq!(found, want, "seed {seed}: {table:?}");
        }
        assert_eq!(found.len(), want.len(), "seed {seed}");
        of_all += want.len();
        direct += some;
        dead += want.iter().filter(|b| b.row.is_err()).count();
    }
    // What says nothing of columns would say nothing here.
    assert!(
        direct * 5 > of_all,
        "{direct} of {of_all} rows were columns"
    );
    assert!(
        dead * 20 > of_all,
        "{dead} of {of_all} rows were dead letters"
    );
}

/// The table of sales takes times and amounts by other rules.
#[test]
fn sales_are_the_same_either_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sales.parquet");
    for seed in 0..40 {
        let mut dice = Dice(1000 + seed);
        let kinds = [
            ("sale_id", dice.one(&[DataType::Int64, DataType::Utf8])),
            (
                "timestamp",
                dice.one(&[stamp(TimeUnit::Microsecond, true), DataType::Int64]),
            ),
            ("city", DataType::Utf8),
            (
                "amount",
                dice.one(&[DataType::Decimal128(18, 4), DataType::Float64]),
            ),
        ];
        let all = kinds.iter();
        let columns: Vec<(String, ArrayRef)> = all
            .map(|(name, kind)| ((*name).to_owned(), column(&mut dice, kind, 400)))
            .collect();
        write(&mut dice, &path, &columns);
        let (want, _) = read(&path, &Table::sales(), 0, 1 << 20, false);
        let (found, _) = read(&path, &Table::sales(), 0, 1 << 20, true);
        assert_eq!(found, want, "seed {seed}");
    }
}

/// Blocks of records and blocks of columns are cut where a start holds.
#[test]
fn a_block_of_columns_is_split() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let mut dice = Dice(7);
    let city = column(&mut dice, &DataType::Utf8, 900);
    write(&mut dice, &path, &[("city".to_owned(), city)]);
    let mut table = Table::new(
        "t",
        vec![Column {
            name: "city".to_owned(),
            kind: Type::STRING,
            nullable: true,
            origin: Origin::Field(Arc::from(["city".to_owned()])),
            comment: None,
        }],
    );
    table.is_named = true;
    let site = Site::from(&*path);
    let open = || {
        let patience = Patience::default();
        ParquetRows::open(&site, &table, 0, 0, &patience, Some(1 << 20)).unwrap()
    };
    let text = |block: &Block, n: usize| match block.row(n) {
        Some(row) => row.record(),
        None => block
            .slice((block.records[n].start, block.records[n].end))
            .to_vec(),
    };
    let whole = open().next_block().unwrap().unwrap();
    let mut first = open().next_block().unwrap().unwrap();
    let rest = blocks::split(&mut first, 250).unwrap();
    assert_eq!((first.records.len(), first.next_offset), (250, 250));
    let all = (0..first.records.len()).map(|n| text(&first, n));
    let all: Vec<Vec<u8>> = all
        .chain((0..rest.records.len()).map(|n| text(&rest, n)))
        .collect();
    let want: Vec<Vec<u8>> = (0..whole.records.len()).map(|n| text(&whole, n)).collect();
    assert_eq!(all, want);
    assert!(rest.rows.is_some_and(|rows| rows.here.contains(&true)));
}
