use std::io::Cursor;

use super::*;

const SYNC: [u8; 16] = *b"0123456789abcdef";

fn long(out: &mut Vec<u8>, n: i64) {
    let mut n = ((n << 1) ^ (n >> 63)) as u64;
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    long(out, text.len() as i64);
    out.extend_from_slice(text);
}

fn header(schema: &str, codec: &str) -> Vec<u8> {
    let mut out = b"Obj\x01".to_vec();
    long(&mut out, 2);
    text(&mut out, b"avro.codec");
    text(&mut out, codec.as_bytes());
    text(&mut out, b"avro.schema");
    text(&mut out, schema.as_bytes());
    long(&mut out, 0);
    out.extend_from_slice(&SYNC);
    out
}

const SALE: &str = r#"{"type":"record","name":"Sale","fields":[{"name":"event_time","type":"long"},
    {"name":"city","type":"string"},{"name":"amount","type":"int"}]}"#;

fn record(n: i64) -> Vec<u8> {
    let mut out = Vec::new();
    long(&mut out, n);
    text(&mut out, b"Porto");
    long(&mut out, n);
    out
}

fn block(records: std::ops::Range<i64>) -> Vec<u8> {
    let (mut out, mut data) = (Vec::new(), Vec::new());
    long(&mut out, records.end - records.start);
    records.for_each(|n| data.extend(record(n)));
    long(&mut out, data.len() as i64);
    out.extend(data);
    out.extend_from_slice(&SYNC);
    out
}

fn file() -> Vec<u8> {
    let mut out = header(SALE, "null");
    out.extend(block(0..3));
    out.extend(block(3..3));
    out.extend(block(3..10));
    out
}

type Rows = Vec<(u64, Vec<u8>)>;

fn read(bytes: &[u8], size: usize, from: u64) -> Result<(Rows, u64), String> {
    let input = Box::new(Cursor::new(bytes.to_vec()));
    let path = Path::new("a.avro");
    let rows = AvroRows::open(path, input, &Table::sales(), 0, (size, 1000), from);
    let mut rows = rows.map_err(|e| e.to_string())?;
    let (mut out, mut next, mut schemas) = (Vec::new(), 0, 0);
    while let Some(block) = rows.next_block().map_err(|e| e.to_string())? {
        schemas += block.schemas.len();
        assert!(schemas == 1, "before the first record");
        for r in &block.records {
            out.push((r.offset, block.slice((r.start, r.end)).to_vec()));
        }
        assert!(block.next_offset >= next);
        next = block.next_offset;
    }
    Ok((out, next))
}

#[test]
fn records_are_counted_from_nothing_and_read_on_from_any() {
    let want: Rows = (0..10).map(|n| (n, record(n as i64))).collect();
    for size in [1, 7, 30, 1000] {
        for from in 0..12 {
            let (rows, next) = read(&file(), size, from).unwrap();
            assert_eq!(rows, want[(from as usize).min(10)..]);
            assert_eq!(next, 10);
        }
    }
    assert_eq!(read(&header(SALE, "null"), 8, 0).unwrap(), (vec![], 0));
}

#[test]
fn what_is_damaged_is_named_by_its_block() {
    let whole = file();
    let begins = header(SALE, "null").len();
    for length in begins + 1..whole.len() {
        let found = read(&whole[..length], 100, 0);
        let at_a_block = length == begins + block(0..3).len()
            || length == begins + block(0..3).len() + block(3..3).len();
        assert_eq!(found.is_ok(), at_a_block, "{length} of {}", whole.len());
    }
    let mut bad = whole.clone();
    let last = bad.len() - 1;
    bad[last] ^= 1;
    let problem = read(&bad, 100, 0).unwrap_err();
    let third = begins + block(0..3).len() + block(3..3).len();
    assert!(
        problem.contains(&format!("block 3 at byte {third}: ")),
        "{problem}"
    );
    // A text of more bytes than there are; a record more, one less.
    let mut longer = whole.clone();
    longer[begins + 3] = 0x7e;
    assert!(
        read(&longer, 100, 0)
            .unwrap_err()
            .contains("record 0 of the file")
    );
    for (count, says) in [
        (8, "is not one of its schema"),
        (4, "bytes are left behind"),
    ] {
        let mut out = header(SALE, "null");
        out.extend(block(0..3));
        out[begins] = count;
        assert!(read(&out, 100, 0).unwrap_err().contains(says));
    }
    // More than a block may have.
    let mut huge = header(SALE, "null");
    long(&mut huge, 1);
    long(&mut huge, 1 << 40);
    assert!(
        read(&huge, 100, 0)
            .unwrap_err()
            .contains("more than 16000 bytes")
    );
    let mut empty = header(r#"{"type":"record","name":"E","fields":[]}"#, "null");
    long(&mut empty, i64::MAX);
    long(&mut empty, 0);
    empty.extend_from_slice(&SYNC);
    // It has no columns of the table at all.
    assert!(read(&empty, 100, 0).is_err());
}

#[test]
fn headers() {
    for (schema, codec, says) in [
        (SALE, "lzo", "\"lzo\", which is not read"),
        ("{", "null", "no JSON"),
        ("\"long\"", "null", "a record with fields is needed"),
        (
            r#"{"type":"record","name":"S","fields":[{"name":"amount","type":"boolean"},{"name":"event_time","type":"long"}]}"#,
            "null",
            "column `amount`: found Avro's boolean, expected DECIMAL(28, 2); declare BOOLEAN",
        ),
        (
            r#"{"type":"record","name":"S","fields":[{"name":"city","type":"string"}]}"#,
            "null",
            "the columns `event_time` and `amount` are needed",
        ),
    ] {
        let problem = read(&header(schema, codec), 100, 0).unwrap_err();
        assert!(problem.contains(says), "{problem}");
    }
    for length in 4..header(SALE, "null").len() {
        assert!(
            read(&header(SALE, "null")[..length], 100, 0).is_err(),
            "{length}"
        );
    }
}

#[test]
fn each_codec_and_its_bounds() {
    let plain = vec![7u8; 5000];
    let zstd = zstd::encode_all(&plain[..], 1).unwrap();
    let mut snappy = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(&plain);
    snappy.extend_from_slice(&crc.sum().to_be_bytes());
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut deflate, &plain).unwrap();
    let deflate = deflate.finish().unwrap();
    for (name, packed) in [
        ("null", plain.clone()),
        ("zstandard", zstd),
        ("snappy", snappy.clone()),
        ("deflate", deflate),
    ] {
        let codec = Codec::of(name).unwrap();
        let mut out = Vec::new();
        codec.plain(packed.clone(), 5000, &mut out).unwrap();
        assert_eq!(out, plain, "{name}");
        if name != "null" {
            assert!(codec.plain(packed, 4999, &mut out).is_err(), "{name}");
        }
    }
    let last = snappy.len() - 1;
    snappy[last] ^= 1;
    let damaged = Codec::Snappy.plain(snappy, 5000, &mut Vec::new());
    assert!(damaged.unwrap_err().to_string().contains("checksum"));
}

/// What another library wrote (tests/fixtures/avro/make.py), in every codec.
#[test]
fn files_of_another_library() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/avro");
    let of = |codec: &str| {
        let bytes = std::fs::read(folder.join(format!("sales.{codec}.avro"))).unwrap();
        let (rows, next) = read(&bytes, 100, 0).unwrap();
        assert_eq!((rows.len(), next), (5, 5), "{codec}");
        // From the middle of its second block.
        assert_eq!(read(&bytes, 1, 3).unwrap().0, rows[3..]);
        for length in (0..bytes.len()).step_by(7) {
            let _ = read(&bytes[..length], 100, 0);
        }
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x55;
            let _ = read(&bad, 100, 0);
        }
        rows
    };
    let plain = of("null");
    for codec in ["deflate", "snappy", "zstandard", "bzip2", "xz"] {
        assert_eq!(of(codec), plain, "{codec}");
    }
}
