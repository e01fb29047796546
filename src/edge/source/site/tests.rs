//! Objects beside the same bytes on a disk, in a store that lies in memory.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};

use super::bucket::stands_for;
use super::*;
use crate::source::files::Files;
use crate::source::{SourceOptions, SourceUrl, file};
use standings_engine::input::Input;
use standings_model::identity::{FileIdentity, SourceIdentity};
use standings_model::table::Table;

/// A bucket of this name with these objects.
fn filled(name: &str, all: &[(&str, &[u8])]) -> Arc<dyn ObjectStore> {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    for (key, bytes) in all {
        put(&store, key, bytes);
    }
    stands_for(name, Arc::clone(&store));
    store
}

fn put(store: &Arc<dyn ObjectStore>, key: &str, bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let key = Key::parse(key).unwrap();
    let put = store.put(&key, bytes.to_vec().into());
    runtime.unwrap().block_on(put).unwrap();
}

fn site(url: &str) -> Site {
    Site::Object(url.parse().unwrap())
}

fn names(url: &str) -> Result<Vec<String>, String> {
    let found = site(url).expand().map_err(|e| e.to_string())?;
    let names = found.files.iter().map(|s| s.path().display().to_string());
    Ok(names.collect())
}

/// Bytes that repeat only after long.
fn bytes(count: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let mut one = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..count).map(|_| one()).collect()
}

#[test]
fn a_folder_a_pattern_and_one_object() {
    filled(
        "chosen",
        &[
            ("x/b.csv", b"1"),
            ("x/a.csv", b"1"),
            ("x/_SUCCESS", b""),
            ("x/y", b""),
            ("x/y/c=1/d.json", b"{}"),
            ("xy.csv", b"1"),
        ],
    );
    let all = [
        "s3://chosen/x/a.csv",
        "s3://chosen/x/b.csv",
        "s3://chosen/x/y/c=1/d.json",
    ];
    assert_eq!(names("s3://chosen/x").unwrap(), all);
    assert_eq!(names("s3a://chosen/x/").unwrap(), all);
    assert_eq!(names("s3://chosen/x/*.csv").unwrap(), all[..2]);
    assert_eq!(names("s3://chosen").unwrap().len(), 4);
    assert_eq!(names("s3://chosen/xy.csv").unwrap(), ["s3://chosen/xy.csv"]);
    let none = names("s3://chosen/z/").unwrap_err();
    assert!(
        none.starts_with("--source s3://chosen/z/: no file"),
        "{none}"
    );
    // What its columns of the path are relative to.
    let found = site("s3://chosen/x/**/*.json").expand().unwrap();
    assert_eq!(found.root.as_deref(), Some(Path::new("s3://chosen/x")));
    let options = SourceOptions {
        roots: vec![found.root],
        ..SourceOptions::new(found.files.into_iter().map(SourceUrl::File).collect())
    };
    let SourceUrl::File(json) = &options.urls[0] else {
        unreachable!("a file");
    };
    let home = options.home_of_file(0, json, &options.homes());
    let home = home.file.unwrap();
    assert_eq!((&home.name[..], &home.path[..]), ("d.json", "y/c=1/d.json"));
    assert_eq!(home.parts, [("c".to_owned(), Some("1".to_owned()))]);
    assert!(home.size == 2 && home.modified > 0);
}

#[test]
fn an_object_is_read_as_its_bytes_are() {
    let all = bytes(3_700_000);
    filled("whole", &[("a", &all), ("none", b"")]);
    for step in [1_000, 64 << 10, 5_000_000] {
        let mut read = site("s3://whole/a").read(&Patience::default()).unwrap();
        let (mut found, mut piece) = (Vec::new(), vec![0; step]);
        loop {
            match read.read(&mut piece).unwrap() {
                0 => break,
                n => found.extend_from_slice(&piece[..n]),
            }
        }
        assert!(found == all, "by {step}");
    }
    assert_eq!(site("s3://whole/a").head(70_000).unwrap(), all[..70_000]);
    let mut file = site("s3://whole/a").whole(&Patience::default()).unwrap();
    let mut found = Vec::new();
    file.read_to_end(&mut found).unwrap();
    assert!(found == all);
    let mut none = Vec::new();
    let mut read = site("s3://whole/none").read(&Patience::default()).unwrap();
    assert_eq!(read.read_to_end(&mut none).unwrap(), 0);
    let lacks = site("s3://whole/b")
        .read(&Patience::default())
        .err()
        .unwrap();
    assert_eq!(lacks.kind(), io::ErrorKind::NotFound);
}

#[test]
fn another_version_ends_the_reading() {
    let store = filled("versions", &[("a.ndjson", &bytes(2_000_000))]);
    let listed = site("s3://versions/a.ndjson").expand().unwrap().files;
    let mut read = listed[0].read(&Patience::default()).unwrap();
    let mut first = vec![0; 1000];
    read.read_exact(&mut first).unwrap();
    put(&store, "a.ndjson", &bytes(2_000_001));
    let said = read.read_to_end(&mut Vec::new()).unwrap_err().to_string();
    assert!(
        said.contains("another object was put in its place"),
        "{said}"
    );
    assert!(listed[0].head(10).is_err());
}

#[test]
fn an_object_is_known_as_the_file_of_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, bytes(100_000)).unwrap();
    filled("known", &[("a.csv", &bytes(100_000)), ("b.csv", b"b")]);
    let files = |sites: Vec<Site>| match Files(sites).identity().unwrap().unwrap() {
        SourceIdentity::Files { files } => files,
        other => panic!("{other}"),
    };
    let (disk, there) = (
        files(vec![path.into()]),
        files(site("s3://known").expand().unwrap().files),
    );
    assert_eq!(there.len(), 2);
    assert_eq!(there[0].path, "s3://known/a.csv");
    let moved = FileIdentity {
        path: disk[0].path.clone(),
        ..there[0].clone()
    };
    assert_eq!(moved, disk[0]);
    // By its address alone it is found again.
    assert_eq!(Site::of_absolute(&there[0].path), site("s3://known/a.csv"));
    let head = Files(Vec::new()).head_of().unwrap();
    assert_eq!(head(&there[0], 64 << 10), Some(there[0].head.clone()));
    // One that cannot be looked at is no unknown one.
    let gone = Files(vec![site("s3://known/c.csv")]).identity();
    assert!(gone.is_err_and(|e| e.to_string().contains("no such object")));
}

/// Records of a file, whatever its kind.
fn records(site: &Site, table: &Table) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    let patience = Patience::default();
    let bytes = (site.ahead(&patience).unwrap(), &patience);
    let mut blocks = file::open(site, bytes, table, (0, 0), (1 << 12, 1 << 20), None).unwrap();
    while let Some(block) = blocks.next_block().unwrap() {
        for record in &block.records {
            let bytes = block.slice((record.start, record.end));
            all.push((record.offset, String::from_utf8_lossy(bytes).into_owned()));
        }
    }
    all
}

#[test]
fn each_kind_is_read_as_from_a_disk() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = (0..5_000)
        .map(|n| format!("{{\"city\":\"c{n}\",\"amount\":{n}.5,\"event_time\":1769126400000}}"))
        .collect();
    let json = lines.join("\n");
    let csv: Vec<String> = (0..5_000)
        .map(|n| format!("c{n},{n}.50,2026-01-23T10:00:00Z"))
        .collect();
    let csv = format!("city,amount,event_time\n{}", csv.join("\n"));
    let zstd = zstd::encode_all(csv.as_bytes(), 1).unwrap();
    let all: Vec<(&str, Vec<u8>)> = vec![
        ("a.ndjson", json.clone().into_bytes()),
        ("a.json", format!("[{}]", lines.join(",")).into_bytes()),
        ("a.csv", csv.into_bytes()),
        ("a.csv.zst", zstd),
        ("a.parquet", parquet_of(&lines.len())),
    ];
    let given: Vec<(&str, &[u8])> = all.iter().map(|(n, b)| (*n, &b[..])).collect();
    filled("kinds", &given);
    let mut table = Table::sales();
    table
        .columns
        .retain(|c| c.name == "city" || c.name == "amount" || c.name == "event_time");
    table.declared = table.columns.len();
    table.event_time = table.columns.iter().position(|c| c.name == "event_time");
    for (name, bytes) in &all {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let object = site(&format!("s3://kinds/{name}"));
        file::check(&object, &table).unwrap();
        let want = records(&path.into(), &table);
        assert_eq!(want.len(), 5_000, "{name}");
        assert!(records(&object, &table) == want, "{name}");
    }
}

/// A Parquet file of so many rows, in several row groups.
fn parquet_of(count: &usize) -> Vec<u8> {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    let cities = StringArray::from_iter_values((0..*count).map(|n| format!("c{n}")));
    let amounts = Int64Array::from_iter_values((0..*count).map(|n| n as i64));
    let times = StringArray::from_iter_values((0..*count).map(|_| "2026-01-23T10:00:00Z"));
    let batch = RecordBatch::try_from_iter([
        ("city", Arc::new(cities) as ArrayRef),
        ("amount", Arc::new(amounts) as ArrayRef),
        ("event_time", Arc::new(times) as ArrayRef),
    ])
    .unwrap();
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(1_700))
        .build();
    let mut out = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut out, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    out
}
