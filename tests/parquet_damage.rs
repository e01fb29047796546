//! Parquet files and snapshots of which any byte is another one, under a checksum that is right or without one: read, or
//! refused with a word that names the file; no panic, no end of the process, no memory that the file does not hold.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMillisecondArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use standings_edge::source::{self, SourceOptions, SourceUrl};
use standings_model::block::SourceEvent;
use support::Dice;

use self::snapshots_body::Snapshot;

#[path = "fuzz/bodies/snapshots.rs"]
#[allow(dead_code)]
mod snapshots_body;

/// The largest piece of memory that was asked for.
static LARGEST: AtomicUsize = AtomicUsize::new(0);

struct Watched;

// SAFETY: as the system does it.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Ordering::Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// What a page of a small file may make a reader ask for.
const MOST: usize = 64 << 20;

/// Forty sales in two row groups.
fn file(properties: parquet::file::properties::WriterPropertiesBuilder) -> Vec<u8> {
    let text =
        |f: fn(i64) -> String| Arc::new(StringArray::from_iter_values((0..40).map(f))) as ArrayRef;
    let times = TimestampMillisecondArray::from_iter_values((0..40).map(|i| 1_769_126_400_000 + i));
    let cents = Decimal128Array::from_iter_values((0..40).map(|i| i * 100 - 300));
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("event_time", Arc::new(times) as ArrayRef, false),
        ("city", text(|i| format!("city {}", i % 7)), true),
        ("salesman_id", text(|i| format!("S{i}")), true),
        (
            "amount",
            Arc::new(cents.with_precision_and_scale(20, 2).unwrap()),
            true,
        ),
    ])
    .unwrap();
    let mut out = Vec::new();
    let properties = properties.set_max_row_group_row_count(Some(20)).build();
    let mut writer = ArrowWriter::try_new(&mut out, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    out
}

/// Files of the kinds that people have. Not among them: texts in delta encodings, where the crate makes room for as many
/// values as a damaged page says it has (docs/security.md).
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap());
    let with = WriterProperties::builder;
    vec![
        ("plain", file(with().set_dictionary_enabled(false))),
        ("dictionary", file(with())),
        ("snappy", file(with().set_compression(Compression::SNAPPY))),
        (
            "zstd, version 2",
            file(
                with()
                    .set_compression(zstd)
                    .set_writer_version(WriterVersion::PARQUET_2_0),
            ),
        ),
    ]
}

/// How many files were read.
static READ: AtomicUsize = AtomicUsize::new(0);

/// Reads a file as a run does, or as who wants records: how many, or why not.
fn read(path: &Path) -> Result<usize, String> {
    // In turn: both of each would take twice as long.
    let number = READ.fetch_add(1, Ordering::Relaxed);
    read_as(path, number.is_multiple_of(2))
}

fn read_as(path: &Path, columns: bool) -> Result<usize, String> {
    let mut options = SourceOptions::new(vec![SourceUrl::File(path.into())]);
    options.until_end = true;
    options.columns = columns.then(Arc::default);
    if let Err(refused) = options.check() {
        return Err(refused.to_string());
    }
    let reader = source::start(Arc::new(options), 0, 1, Box::new(|| {}));
    let mut records = 0;
    let outcome = loop {
        match reader.next_within(Duration::from_secs(20)) {
            Some(SourceEvent::Block(block)) => {
                records += block.records.len();
                let rows = (0..block.records.len()).filter_map(|n| block.row(n));
                rows.for_each(|row| drop(row.record()));
            }
            Some(SourceEvent::Ended { .. }) => break Ok(records),
            Some(SourceEvent::Failed(why)) => break Err(why.to_string()),
            Some(_) => {}
            None => panic!("the reader is gone, or reads without end"),
        }
    };
    reader.stop();
    outcome
}

/// A copy with something else at one place, in several ways.
fn damaged(whole: &[u8], at: usize, dice: &mut Dice) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    // One bit, and one of the ends of what a byte can be.
    for byte in [whole[at] ^ 1 << dice.roll(8), [0, 0x7f, 0xff][at % 3]] {
        let mut copy = whole.to_vec();
        copy[at] = byte;
        all.push(copy);
    }
    // A number that is as large as it can be written, where a small one was.
    let mut copy = whole.to_vec();
    let end = whole.len().min(at + 5);
    copy[at..end].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f][..end - at]);
    all.push(copy);
    all
}

/// The damage whose input is `copy` must be read or refused; how it was.
fn judged(what: &str, at: usize, name: &str, read: impl FnOnce() -> Result<usize, String>) -> bool {
    LARGEST.store(0, Ordering::Relaxed);
    let began = Instant::now();
    let outcome = read();
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(
        largest <= MOST,
        "{what}, byte {at}: {largest} bytes at once"
    );
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{what}, byte {at}: {:?}",
        began.elapsed()
    );
    match outcome {
        Ok(_) => true,
        Err(why) => {
            assert!(why.contains(name), "{what}, byte {at}: {why}");
            false
        }
    }
}

#[test]
fn a_damaged_file_is_read_or_refused_by_name() {
    snapshots_body::let_guarded_pass();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sales.parquet");
    for (what, whole) in files() {
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(read(&path), Ok(40), "{what}");
        let mut dice = Dice::new(whole.len() as u64);
        let (mut taken, mut refused) = (0, 0);
        for at in 0..whole.len() {
            for copy in damaged(&whole, at, &mut dice) {
                std::fs::write(&path, &copy).unwrap();
                match judged(what, at, "sales.parquet", || read(&path)) {
                    true => taken += 1,
                    false => refused += 1,
                }
            }
        }
        println!(
            "{what}: {} bytes, {taken} taken, {refused} refused",
            whole.len()
        );
        assert!(
            taken > 0 && refused > 0,
            "{what}: {taken} taken, {refused} refused"
        );
    }
}

#[test]
fn a_damaged_part_of_a_snapshot_is_read_or_refused_by_name() {
    let snapshot = Snapshot::fixture(Path::new("."));
    let whole = snapshot.original(&snapshot.part).to_vec();
    assert!(snapshot.any_part(&whole).is_ok());
    let mut dice = Dice::new(5);
    let (mut taken, mut refused) = (0, 0);
    for at in 0..whole.len() {
        for copy in damaged(&whole, at, &mut dice) {
            match judged("part", at, &snapshot.part, || snapshot.any_part(&copy)) {
                true => taken += 1,
                false => refused += 1,
            }
        }
    }
    println!("{} bytes, {taken} taken, {refused} refused", whole.len());
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
}

/// The process says which file and which row group, and ends with 1.
#[test]
fn a_run_over_a_damaged_file_ends_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sales.parquet");
    snapshots_body::let_guarded_pass();
    let (_, whole) = files().remove(1);
    let is_refused = |at: &usize| {
        let mut copy = whole.clone();
        copy[*at] ^= 0xff;
        std::fs::write(&path, &copy).unwrap();
        matches!(read(&path), Err(why) if why.contains("row group 1: "))
    };
    assert!((0..whole.len()).any(|at| is_refused(&at)));
    let out = support::to_stdout(&format!("file:{}", path.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    let error = said
        .lines()
        .find(|l| l.starts_with("error: "))
        .unwrap_or_default();
    assert!(
        error.contains("sales.parquet failed: row group 1: "),
        "{said}"
    );
    assert!(!said.contains("panicked"), "{said}");
}
