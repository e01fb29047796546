//! Rows as columns are the rows as records: random tables over random files, every type, NULLs, dictionaries and none.

mod made;

use std::fs::File;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use self::made::{Dice, column, file_types, stamp, table_type};
use super::*;
use standings_decode::{About, Decoder, Sale};
use standings_model::table::{Column, Metadata, Origin};
use standings_model::types::Type;
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

/// What was read: what became of each row, how many of them came as columns, and in how many blocks something was left out.
type All = (Vec<Became>, usize, usize);

/// All rows of a file from one on; `needed`: as columns, of which these are read.
fn read(path: &Path, table: &Table, from: u64, most: usize, needed: Option<&[bool]>) -> All {
    let site = Site::from(path);
    let columns = needed.map(|needed| AsColumns { most, needed });
    let mut spared = 0;
    let patience = Patience::default();
    let mut file = ParquetRows::open(&site, table, 3, from, &patience, columns).unwrap();
    let mut decoder = Decoder::new(table, None, most);
    let (mut all, mut direct, mut next) = (Vec::new(), 0, 0);
    while let Some(block) = file.next_block().unwrap() {
        let is_there = |number: usize| {
            let mut names = table.columns[number].name.chars();
            names.next() == Some('c')
        };
        let absent = block.rows.iter().flat_map(|rows| &rows.absent);
        spared += usize::from(absent.into_iter().any(|number| is_there(*number)));
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
    (all, direct, spared)
}

/// What of a row is known where only some columns are needed.
fn of_needed(of: &Became, needed: &[bool]) -> Became {
    let row = of.row.clone().map(|(time, mut values)| {
        let all = values.iter_mut().zip(needed);
        let unread = all.filter(|(_, needed)| !**needed);
        unread.for_each(|(value, _)| *value = Value::Null);
        (time, values)
    });
    let record = of.record.clone();
    Became { row, record, ..*of }
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
    let (mut of_all, mut direct, mut dead, mut spared) = (0, 0, 0, 0);
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
        let needed: Vec<bool> = (0..table.columns.len())
            .map(|column| table.event_time == Some(column) || dice.below(2) == 0)
            .collect();
        let (want, none, _) = read(&path, &table, from, most, None);
        let (found, some, left) = read(&path, &table, from, most, Some(&needed));
        assert_eq!(none, 0);
        spared += left;
        assert_eq!(want.len() as u64, rows as u64 - from);
        for (want, found) in want.iter().zip(&found) {
            let (found, want) = (of_needed(found, &needed), of_needed(want, &needed));
            assert_eq!(found, want, "seed {seed}: {table:?}");
        }
        assert_eq!(found.len(), want.len(), "seed {seed}");
        of_all += want.len();
        direct += some;
        dead += want.iter().filter(|b| b.row.is_err()).count();
    }
    // What says nothing of columns would say nothing here.
    assert!(spared > 20, "in {spared} blocks something was left out");
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
        let (want, ..) = read(&path, &Table::sales(), 0, 1 << 20, None);
        let (found, ..) = read(&path, &Table::sales(), 0, 1 << 20, Some(&[]));
        assert_eq!(found, want, "seed {seed}");
    }
}

/// What nobody reads is left out, and a row is shown whole all the same; from then on nothing is left out.
#[test]
fn a_row_is_shown_whole_of_which_something_was_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("city", DataType::Utf8, true),
        Field::new("n", DataType::Int32, true),
    ]));
    let rows = 3 * 4096;
    let batch = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![
            Arc::new(Int64Array::from_iter_values(0..rows)),
            Arc::new(StringArray::from_iter_values(
                (0..rows).map(|n| format!("city {}", n % 7)),
            )),
            Arc::new(Int32Array::from_iter_values(
                (0..rows).map(|n| n as i32 * 2),
            )),
        ],
    );
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), schema, None).unwrap();
    writer.write(&batch.unwrap()).unwrap();
    writer.close().unwrap();
    let sql = "CREATE TABLE t (id BIGINT, city STRING, n INT)";
    let table = standings_query::parse_table("t", sql).unwrap();
    let columns = AsColumns {
        most: 1 << 20,
        needed: &[false, false, true],
    };
    let (site, patience) = (Site::from(&*path), Patience::default());
    let mut file = ParquetRows::open(&site, &table, 0, 0, &patience, Some(columns)).unwrap();
    let first = file.next_block().unwrap().unwrap();
    let second = file.next_block().unwrap().unwrap();
    let absent = |block: &Block| block.rows.as_ref().unwrap().absent.clone();
    assert_eq!((absent(&first), absent(&second)), (vec![0, 1], vec![0, 1]));
    let shown =
        |block: &Block, n: usize| String::from_utf8(block.row(n).unwrap().record()).unwrap();
    assert_eq!(shown(&second, 1), r#"{"id":4097,"city":"city 2","n":8194}"#);
    assert_eq!(
        shown(&first, 4095),
        r#"{"id":4095,"city":"city 0","n":8190}"#
    );
    let third = file.next_block().unwrap().unwrap();
    assert_eq!(absent(&third), vec![0; 0]);
    assert_eq!((third.records[0].offset, third.next_offset), (8192, 12288));
    assert_eq!(shown(&third, 0), r#"{"id":8192,"city":"city 2","n":16384}"#);
    assert!(file.next_block().unwrap().is_none());
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
        let columns = AsColumns {
            most: 1 << 20,
            needed: &[],
        };
        ParquetRows::open(&site, &table, 0, 0, &patience, Some(columns)).unwrap()
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
