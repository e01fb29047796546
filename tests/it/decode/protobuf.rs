//! Protobuf: rule by rule, and against another reader over random messages.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage, Value as Theirs,
};
use standings_decode::Decoder;
use standings_model::schema::{Given, Language, Reference, Schema};
use standings_model::table::format::Encoding;
use standings_model::table::protobuf::{Messages, Protobuf};
use standings_model::table::{Origin, Table};
use standings_model::types::Type;
use standings_model::value::Value;
use standings_query::parse_table;

/// A folder with these files compiled, and the descriptors of all as `all.desc`.
fn compiled(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let names = files.iter().map(|(name, _)| *name);
    let set = protox::compile(names, [folder.path()]).unwrap();
    let bytes = set.encode_to_vec();
    std::fs::write(folder.path().join("all.desc"), &bytes).unwrap();
    (folder, bytes)
}

fn declared(folder: &Path, columns: &str, message: &str, more: &str) -> Result<Table, String> {
    let sql = format!(
        "CREATE TABLE t ({columns}) WITH ('connector' = 'kafka', 'topic' = 't',
         'properties.bootstrap.servers' = 'h:1', 'format' = 'protobuf',
         'protobuf.descriptor-file' = 'all.desc', 'protobuf.message-name' = '{message}'{more})"
    );
    let file = folder.join("t.sql").display().to_string();
    parse_table(&file, &sql).map_err(|e| standings_query::QueryErrors(vec![e]).render())
}

/// All columns but rows, by name; or the dead letter.
fn read(table: &Table, record: &[u8]) -> Result<Vec<(String, Value)>, String> {
    let mut decoder = Decoder::new(table, None, 1 << 20);
    let once = |decoder: &mut Decoder| {
        let sale = decoder.decode(record).map_err(|e| e.to_string())?;
        let all = table.columns.iter().enumerate();
        let all = all.filter(|(_, c)| is_read(c));
        Ok(all.map(|(n, c)| (c.name.clone(), sale.value(n))).collect())
    };
    let first = once(&mut decoder);
    // What it remembers changes nothing.
    let _ = decoder.decode(&[0x0a, 0x80]);
    assert_eq!(once(&mut decoder), first);
    first
}

fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// A field that is a varint.
fn v(number: u32, n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, u64::from(number) << 3);
    varint(&mut out, n);
    out
}

/// A field that is bytes.
fn b(number: u32, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, u64::from(number) << 3 | 2);
    varint(&mut out, bytes.as_ref().len() as u64);
    out.extend_from_slice(bytes.as_ref());
    out
}

fn four(number: u32, n: u32) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, u64::from(number) << 3 | 5);
    out.extend(n.to_le_bytes());
    out
}

fn eight(number: u32, n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, u64::from(number) << 3 | 1);
    out.extend(n.to_le_bytes());
    out
}

fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

const EVERY: &str = r#"
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Colour { NONE = 0; RED = 1; BLUE = 2; }
message Inner {
  string name = 1;
  int32 n = 2;
  repeated int64 list = 3;
  Inner deep = 4;
  optional bool flag = 5;
  oneof x { int32 a = 6; string c = 7; }
}
message Every {
  bool bo = 1; int32 i32 = 2; sint32 s32 = 3; uint32 u32 = 4; fixed32 f32 = 5; sfixed32 sf32 = 6;
  int64 i64 = 7; sint64 s64 = 8; uint64 u64 = 9; fixed64 f64 = 10; sfixed64 sf64 = 11;
  float fl = 12; double db = 13; string st = 14; bytes by = 15; Colour co = 16; Inner inner = 17;
  optional int32 oi = 18; optional string os = 19;
  repeated sint32 rs = 20; repeated string rst = 21; repeated Inner rin = 22; repeated Colour rco = 23;
  repeated double rdb = 24 [packed = false];
  map<string, int64> m = 25; map<int32, Inner> mi = 26;
  oneof pick { int32 pi = 27; string ps = 28; Inner pin = 29; }
  google.protobuf.Timestamp at = 30; google.protobuf.StringValue ws = 31; google.protobuf.Int64Value wi = 32;
  int32 far = 1000;
}
"#;

const INNER: &str = "ROW<name STRING, n INT, `list` ARRAY<BIGINT>, deep ROW<name STRING, n INT>, flag BOOLEAN, a INT, c STRING>";

static ALL: LazyLock<(Table, MessageDescriptor)> = LazyLock::new(every);

fn every() -> (Table, MessageDescriptor) {
    let (folder, bytes) = compiled(&[("every.proto", EVERY)]);
    let columns = format!(
        "bo BOOLEAN, i32 INT, s32 INT, u32 BIGINT, f32 BIGINT, sf32 INT, i64 BIGINT, s64 BIGINT, u64 DECIMAL(20, 0),
         f64 DECIMAL(20, 0), sf64 BIGINT, fl FLOAT, db DOUBLE, st STRING, `by` BYTES, co STRING, `inner` {INNER},
         oi INT, os STRING, rs ARRAY<INT>, rst ARRAY<STRING>, rin ARRAY<{INNER}>, rco ARRAY<STRING>, rdb ARRAY<DOUBLE>,
         m MAP<STRING, BIGINT>, mi MAP<INT, {INNER}>, pi INT, ps STRING, pin {INNER}, `at` TIMESTAMP_LTZ(6), ws STRING,
         wi BIGINT, far INT"
    );
    let table = declared(folder.path(), &columns, "shop.Every", "").unwrap();
    let pool = DescriptorPool::decode(&*bytes).unwrap();
    let message = pool.get_message_by_name("shop.Every").unwrap();
    (table, message)
}

/// Their value as ours.
fn ours(value: &Theirs, of: &Type) -> Value {
    match (value, of) {
        (Theirs::Bool(b), _) => Value::Boolean(*b),
        (Theirs::I32(n), _) => Value::Integer((*n).into()),
        (Theirs::I64(n), _) => Value::Integer((*n).into()),
        (Theirs::U32(n), _) => Value::Integer((*n).into()),
        (Theirs::U64(n), _) => Value::decimal((*n).into(), 0),
        (Theirs::F32(n), _) => Value::double(n.to_string().parse().unwrap()),
        (Theirs::F64(n), _) => Value::double(*n),
        (Theirs::String(text), _) => Value::text(text.as_str()),
        (Theirs::Bytes(bytes), _) => Value::Bytes(bytes[..].into()),
        (Theirs::EnumNumber(n), _) => Value::text(["NONE", "RED", "BLUE"][*n as usize]),
        (Theirs::List(all), Type::Array(of)) => {
            Value::Array(all.iter().map(|v| ours(v, of)).collect())
        }
        (Theirs::Map(all), Type::Map(of)) => {
            let entries = all.iter().map(|(key, value)| {
                let key = match key {
                    prost_reflect::MapKey::I32(n) => Value::Integer((*n).into()),
                    prost_reflect::MapKey::String(text) => Value::text(text.as_str()),
                    other => panic!("{other:?}"),
                };
                (key, ours(value, &of.1))
            });
            let mut entries: Vec<_> = entries.collect();
            entries.sort();
            Value::Map(entries.into())
        }
        (Theirs::Message(message), Type::Row(fields)) => {
            let fields = fields.iter().map(|f| field(message, &f.name, &f.kind));
            Value::Row(fields.collect())
        }
        (Theirs::Message(message), Type::Instant(_)) => {
            let n = |name: &str| match &*message.get_field_by_name(name).unwrap() {
                Theirs::I64(n) => *n,
                Theirs::I32(n) => i64::from(*n),
                other => panic!("{other:?}"),
            };
            Value::Instant(n("seconds") * 1_000_000 + n("nanos") / 1000)
        }
        (Theirs::Message(message), of) => ours(&message.get_field_by_name("value").unwrap(), of),
        (value, of) => panic!("{value:?} as {of}"),
    }
}

fn field(message: &DynamicMessage, name: &str, of: &Type) -> Value {
    let field = message.descriptor().get_field_by_name(name).unwrap();
    if field.supports_presence() && !message.has_field(&field) {
        return Value::Null;
    }
    ours(&message.get_field(&field), of)
}

/// Whether a column is one field of a message.
fn is_read(column: &standings_model::table::Column) -> bool {
    matches!(column.origin, Origin::Field(_))
}

/// What they read of all columns.
fn theirs(table: &Table, message: &DynamicMessage) -> Vec<(String, Value)> {
    let columns = table.columns.iter();
    let columns = columns.filter(|c| is_read(c));
    let value = |column: &standings_model::table::Column| {
        let path: Vec<&str> = column.name.split('.').collect();
        let (last, rows) = path.split_last().unwrap();
        let mut at = message.clone();
        for row in rows {
            let field = at.descriptor().get_field_by_name(row).unwrap();
            if !at.has_field(&field) {
                return Value::Null;
            }
            let Theirs::Message(inner) = at.get_field(&field).into_owned() else {
                panic!("{row} is no message");
            };
            at = inner;
        }
        field(&at, last, &column.kind)
    };
    columns.map(|c| (c.name.clone(), value(c))).collect()
}

/// Maps have no order of their own.
fn sorted(mut all: Vec<(String, Value)>) -> Vec<(String, Value)> {
    fn sort(value: &mut Value) {
        match value {
            Value::Map(entries) => {
                let mut all = entries.to_vec();
                all.iter_mut().for_each(|(_, value)| sort(value));
                all.sort();
                *entries = all.into();
            }
            Value::Row(all) | Value::Array(all) => {
                let mut parts = all.to_vec();
                parts.iter_mut().for_each(sort);
                *all = parts.into();
            }
            _ => {}
        }
    }
    all.iter_mut().for_each(|(_, value)| sort(value));
    all
}

fn text() -> impl Strategy<Value = String> {
    "[a-zé]{0,3}"
}

fn varints() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..300u64,
        any::<u64>(),
        any::<i32>().prop_map(|n| i64::from(n) as u64)
    ]
}

/// Several of them behind each other.
fn many(one: BoxedStrategy<Vec<u8>>, most: usize) -> BoxedStrategy<Vec<u8>> {
    let all = prop::collection::vec(one, 0..most);
    all.prop_map(|all| all.concat()).boxed()
}

fn inner(depth: u32) -> BoxedStrategy<Vec<u8>> {
    let list = prop::collection::vec(varints(), 0..3).prop_map(|all| {
        let mut packed = Vec::new();
        all.iter().for_each(|n| varint(&mut packed, *n));
        b(3, packed)
    });
    let plain = prop_oneof![
        text().prop_map(|t| b(1, t)),
        varints().prop_map(|n| v(2, n)),
        list,
        varints().prop_map(|n| v(3, n)),
        (0..3u64).prop_map(|n| v(5, n)),
        varints().prop_map(|n| v(6, n)),
        text().prop_map(|t| b(7, t)),
        text().prop_map(|t| b(99, t)),
    ]
    .boxed();
    if depth == 0 {
        return many(plain, 4);
    }
    let deep = inner(depth - 1).prop_map(|bytes| b(4, bytes));
    many(prop_oneof![4 => plain, 1 => deep].boxed(), 5)
}

fn one_field() -> BoxedStrategy<Vec<u8>> {
    let numbers = prop::sample::select(vec![1u32, 2, 3, 4, 7, 8, 9, 18, 27, 1000]);
    let timestamp = (
        prop::option::of(-62_135_596_800i64..253_402_300_800),
        prop::option::of(0..1_000_000_000u64),
    )
        .prop_map(|(s, n)| {
            let s = s.map(|s| v(1, s as u64)).unwrap_or_default();
            b(30, [s, n.map(|n| v(2, n)).unwrap_or_default()].concat())
        });
    let entry = (text(), varints(), any::<u8>()).prop_map(|(k, n, part)| {
        let key = if part & 1 == 0 { b(1, k) } else { Vec::new() };
        let value = if part & 2 == 0 { v(2, n) } else { Vec::new() };
        b(25, [key, value].concat())
    });
    let entry_of_inner = (0..3u64, inner(1), any::<bool>()).prop_map(|(k, i, whole)| {
        let value = if whole { b(2, i) } else { Vec::new() };
        b(26, [v(1, k), value].concat())
    });
    prop_oneof![
        8 => (numbers, varints()).prop_map(|(number, n)| v(number, n)),
        2 => (prop::sample::select(vec![5u32, 6]), any::<u32>()).prop_map(|(number, n)| four(number, n)),
        2 => (prop::sample::select(vec![10u32, 11]), any::<u64>()).prop_map(|(number, n)| eight(number, n)),
        1 => prop::num::f32::NORMAL.prop_map(|n| four(12, n.to_bits())),
        1 => prop::num::f64::NORMAL.prop_map(|n| eight(13, n.to_bits())),
        3 => (prop::sample::select(vec![14u32, 15, 19, 21, 28, 99]), text()).prop_map(|(number, t)| b(number, t)),
        2 => (prop::sample::select(vec![16u32, 23]), 0..3u64).prop_map(|(number, n)| v(number, n)),
        1 => prop::collection::vec(0..3u8, 0..3).prop_map(|all| b(23, all)),
        1 => any::<i32>().prop_map(|n| v(20, zigzag(n.into()))),
        1 => prop::num::f64::NORMAL.prop_map(|n| eight(24, n.to_bits())),
        1 => prop::num::f64::NORMAL.prop_map(|n| b(24, n.to_le_bytes())),
        4 => (prop::sample::select(vec![17u32, 22, 29]), inner(2)).prop_map(|(number, i)| b(number, i)),
        2 => entry,
        2 => entry_of_inner,
        2 => timestamp,
        1 => text().prop_map(|t| b(31, if t.is_empty() { Vec::new() } else { b(1, t) })),
        1 => varints().prop_map(|n| b(32, v(1, n))),
    ]
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_another_reader_reads(record in many(one_field(), 14)) {
        prop_assume!(!record.is_empty());
        let (table, message) = &*ALL;
        let message = DynamicMessage::decode(message.clone(), &*record).unwrap();
        let found = read(table, &record).map(sorted);
        prop_assert_eq!(found, Ok(sorted(theirs(table, &message))));
    }

    /// Bytes of any kind: never more than a dead letter, and what both take they take alike.
    #[test]
    fn damaged(record in many(one_field(), 8), flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), cut in any::<prop::sample::Index>()) {
        let mut record = record;
        prop_assume!(!record.is_empty());
        for (at, byte) in flips {
            let at = at.index(record.len());
            record[at] = byte;
        }
        record.truncate(cut.index(record.len()) + 1);
        let (table, message) = &*ALL;
        if let (Ok(found), Ok(message)) = (read(table, &record), DynamicMessage::decode(message.clone(), &*record)) {
            prop_assert_eq!(sorted(found), sorted(theirs(table, &message)));
        }
    }
}

fn value_of(all: &[(String, Value)], name: &str) -> Value {
    all.iter().find(|(n, _)| n == name).unwrap().1.clone()
}

#[test]
fn absent_fields_and_their_defaults() {
    let (table, _) = &*ALL;
    let all = read(table, &v(99, 0)).unwrap();
    for (name, want) in [
        ("i32", Value::Integer(0)),
        ("st", Value::text("")),
        ("co", Value::text("NONE")),
        ("oi", Value::Null),
        ("pi", Value::Null),
        ("at", Value::Null),
        ("inner.n", Value::Null),
        ("rs", Value::Array([].into())),
        ("m", Value::Map([].into())),
    ] {
        assert_eq!(value_of(&all, name), want, "{name}");
    }
    // A row that is there has defaults of its own.
    let all = read(table, &b(17, [])).unwrap();
    assert_eq!(value_of(&all, "inner.n"), Value::Integer(0));
    assert_eq!(value_of(&all, "inner.flag"), Value::Null);
    assert_eq!(value_of(&all, "inner.deep.n"), Value::Null);
    // Of a `oneof` the last stands alone.
    let all = read(table, &[v(27, 7), b(28, "x")].concat()).unwrap();
    assert_eq!(value_of(&all, "pi"), Value::Null);
    assert_eq!(value_of(&all, "ps"), Value::text("x"));
}

/// Records of a megabyte that make the same thing again and again: each byte costs what it costs, not what is before it too.
#[test]
fn what_comes_again_and_again_costs_no_more() {
    let (table, _) = &*ALL;
    let long = |part: &[Vec<u8>]| part.concat().repeat((1 << 20) / part.concat().len());
    let seconds = long(&[b(30, v(1, 7))]);
    let texts = long(&[b(31, b(1, "a"))]);
    // A `oneof` from one message with a list to another, behind a long list.
    let turns = [
        v(20, 0).repeat(130_000),
        long(&[b(29, b(3, [1])), v(27, 1)])[..600_000 / 9 * 9].to_vec(),
    ]
    .concat();
    for (record, name) in [(seconds, "at"), (texts, "ws"), (turns, "pi")] {
        let started = std::time::Instant::now();
        let all = read(table, &record).unwrap();
        assert!(!value_of(&all, name).is_null(), "{name}");
        assert!(
            started.elapsed() < std::time::Duration::from_secs(10),
            "{name}"
        );
    }
    // Two bytes a row of many columns: refused, whatever the room.
    let found = read(table, &long(&[b(22, [])])).unwrap_err();
    assert!(
        found.starts_with("too_large: more than 1048576 values"),
        "{found}"
    );
}

const OLD: &str = r#"
syntax = "proto2";
package old;
enum Colour { RED = 1; BLUE = 2; }
message Old {
  required string id = 1;
  optional int32 n = 2 [default = -7];
  optional Colour colour = 3 [default = BLUE];
  optional string word = 4 [default = "none"];
  optional group Part = 5 { optional string name = 6; repeated int32 all = 7; }
  repeated Colour colours = 8;
  optional bytes raw = 9 [default = "a\303"];
  optional int64 bare = 10;
}
"#;

const OLD_COLUMNS: &str = "id STRING NOT NULL, n INT, colour STRING, word STRING, part ROW<name STRING, `all` ARRAY<INT>>,
    colours ARRAY<STRING>, raw BYTES, bare BIGINT";

#[test]
fn presence_defaults_and_groups_of_proto2() {
    let (folder, _) = compiled(&[("old.proto", OLD)]);
    let table = declared(folder.path(), OLD_COLUMNS, "old.Old", "").unwrap();
    let group = [vec![0x2b], b(6, "x"), v(7, 1), b(7, [2, 3]), vec![0x2c]].concat();
    // 9 is a colour that there is not: as if it were not there.
    let record = [b(1, "a"), v(3, 9), group, v(8, 1), v(8, 9)].concat();
    let all = read(&table, &record).unwrap();
    let whole = |n: i128| Value::Integer(n);
    for (name, want) in [
        ("n", Value::Null),
        ("colour", Value::Null),
        ("part.name", Value::text("x")),
        (
            "part.all",
            Value::Array([whole(1), whole(2), whole(3)].into()),
        ),
        ("colours", Value::Array([Value::text("RED")].into())),
    ] {
        assert_eq!(value_of(&all, name), want, "{name}");
    }
    let by_default = ", 'protobuf.read-default-values' = 'true'";
    let table = declared(folder.path(), OLD_COLUMNS, "old.Old", by_default).unwrap();
    let all = read(&table, &b(1, "a")).unwrap();
    for (name, want) in [
        ("n", whole(-7)),
        ("colour", Value::text("BLUE")),
        ("word", Value::text("none")),
        ("raw", Value::Bytes([b'a', 0xc3][..].into())),
        ("bare", whole(0)),
        ("part.name", Value::Null),
    ] {
        assert_eq!(value_of(&all, name), want, "{name}");
    }
}

#[test]
fn dead_letters_say_column_and_reason() {
    let (folder, _) = compiled(&[("every.proto", EVERY), ("old.proto", OLD)]);
    let columns = "i32 TINYINT, st VARCHAR(2), co STRING, `at` TIMESTAMP_LTZ(3), rst ARRAY<STRING>, u64 BIGINT, `inner` ROW<n INT>";
    let table = declared(folder.path(), columns, "shop.Every", "").unwrap();
    let long = [vec![0x10], vec![0x80; 10], vec![0]].concat();
    for (record, want) in [
        (
            v(2, 128),
            "wrong_type: field \"i32\": found 128, expected a number that TINYINT holds",
        ),
        (
            b(2, "x"),
            "wrong_type: field \"i32\": found bytes with a length, expected a varint, by its descriptor",
        ),
        (
            b(14, "abc"),
            "text_too_long: field \"st\": found \"abc\", expected at most 2 characters",
        ),
        (b(14, [0xff]), "not_utf8: field \"st\""),
        (b(14, [0]), "nul_in_text: field \"st\""),
        (
            v(16, 9),
            "wrong_type: field \"co\": found 9, expected a number that shop.Colour names; take newer descriptors, or declare INT",
        ),
        (b(30, v(2, 1_000_000_000)), "bad_time: field \"at\""),
        (b(30, v(1, 1 << 60)), "time_out_of_range: field \"at\""),
        (b(30, [0x08]), "malformed: field \"at\""),
        (b(21, [0xff]), "not_utf8: field \"rst\""),
        (
            v(9, u64::MAX),
            "wrong_type: field \"u64\": found 18446744073709551615, expected a number that BIGINT holds",
        ),
        (
            v(17, 1),
            "wrong_type: field \"inner\": found a varint, expected a message, by its descriptor",
        ),
        (b(17, b(2, "x")), "wrong_type: field \"inner.n\""),
        (b(17, [0x10]), "malformed: byte 4: a varint without its end"),
        (
            vec![0x72, 5, b'a'],
            "malformed: byte 2: a length beyond the end",
        ),
        (long, "malformed: byte 1: a varint of more than 64 bits"),
        (
            vec![0x0b; 100],
            "malformed: byte 65: groups in groups, too deep",
        ),
    ] {
        let found = read(&table, &record).unwrap_err();
        assert!(
            found.contains(want) || found.starts_with(want),
            "{record:?}: {found}"
        );
    }
    let table = declared(folder.path(), OLD_COLUMNS, "old.Old", "").unwrap();
    let found = read(&table, &v(2, 1)).unwrap_err();
    assert_eq!(found, "missing_field: field \"id\" is missing");
}

const TYPES: &[(&str, &str)] = &[
    (
        "google/type/all.proto",
        "syntax = \"proto3\"; package google.type;
         message Date { int32 year = 1; int32 month = 2; int32 day = 3; }
         message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }
         message Decimal { string value = 1; }",
    ),
    (
        "confluent/type/decimal.proto",
        "syntax = \"proto3\"; package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }",
    ),
    (
        "known.proto",
        "syntax = \"proto3\"; package k; import \"google/type/all.proto\"; import \"confluent/type/decimal.proto\";
         import \"google/protobuf/duration.proto\";
         message K { google.type.Date d = 1; google.type.TimeOfDay t = 2; google.type.Decimal g = 3;
           confluent.type.Decimal c = 4; string s = 5; int64 ms = 6; double f = 7; int32 cents = 8;
           google.protobuf.Duration took = 9; repeated confluent.type.Decimal cs = 10; bool b = 11; }",
    ),
];

#[test]
fn messages_that_are_one_value() {
    let (folder, _) = compiled(TYPES);
    let columns = "d DATE, t TIME, g DECIMAL(10, 2), c DECIMAL(10, 2), s DECIMAL(10, 2), ms TIMESTAMP_LTZ(3), f DECIMAL(10, 2),
        cents DECIMAL(6, 2), took ROW<seconds BIGINT, nanos INT>, cs ARRAY<DECIMAL(10, 2)>";
    let table = declared(folder.path(), columns, "k.K", "").unwrap();
    let connect = |digits: &[u8], scale: u64| [b(1, digits), v(2, 10), v(3, scale)].concat();
    let record = [
        b(1, [v(1, 2026), v(2, 2), v(3, 28)].concat()),
        b(2, [v(1, 10), v(2, 15), v(4, 1500)].concat()),
        b(3, b(1, "+.5e1")),
        b(4, connect(&[0xff, 0x85], 3 - 1)),
        b(5, "12.5"),
        v(6, 1_769_126_400_001),
        eight(7, 0.1f64.to_bits()),
        v(8, 7),
        b(9, [v(1, 3), v(2, 5)].concat()),
        b(10, connect(&[0x0a], 0)),
    ]
    .concat();
    let all = read(&table, &record).unwrap();
    for (name, want) in [
        ("d", Value::Date(20512)),
        ("t", Value::Time(36_900_000_001)),
        ("g", Value::decimal(500, 2)),
        ("c", Value::decimal(-123, 2)),
        ("s", Value::decimal(1250, 2)),
        ("ms", Value::Instant(1_769_126_400_001_000)),
        ("f", Value::decimal(10, 2)),
        ("cents", Value::decimal(700, 2)),
        ("took.seconds", Value::Integer(3)),
        ("cs", Value::Array([Value::decimal(1000, 2)].into())),
    ] {
        assert_eq!(value_of(&all, name), want, "{name}");
    }
    // A text that is not there is no number; a decimal without digits is 0.
    let all = read(&table, &b(3, [])).unwrap();
    assert_eq!(value_of(&all, "s"), Value::Null);
    assert_eq!(value_of(&all, "g"), Value::decimal(0, 2));
    for (record, want) in [
        (b(1, v(1, 2026)), "bad_time: field \"d\""),
        (b(2, v(1, 24)), "bad_time: field \"t\""),
        (b(3, b(1, "1.234")), "bad_amount: field \"g\""),
        (b(3, b(1, "\\u0031")), "bad_amount: field \"g\""),
        (b(4, connect(&[0x01], 3)), "bad_amount: field \"c\""),
        (
            b(4, connect(&[0x7f; 17], 0)),
            "amount_out_of_range: field \"c\"",
        ),
        (
            b(4, connect(&[0x7f; 16], 0)),
            "amount_out_of_range: field \"c\"",
        ),
        (eight(7, f64::NAN.to_bits()), "wrong_type: field \"f\""),
        (v(8, 10_000), "amount_out_of_range: field \"cents\""),
        (v(6, i64::MAX as u64), "time_out_of_range: field \"ms\""),
    ] {
        let found = read(&table, &record).unwrap_err();
        assert!(found.starts_with(want), "{record:?}: {found}");
    }
}

#[test]
fn columns_that_do_not_fit_are_refused_where_they_stand() {
    let (folder, _) = compiled(TYPES);
    let refused = |columns: &str, message: &str, words: &[&str]| {
        let shown = declared(folder.path(), columns, message, "").unwrap_err();
        for word in words {
            assert!(shown.contains(word), "{columns}: {word} in {shown}");
        }
    };
    refused(
        "ms STRING",
        "k.K",
        &["`ms` STRING of a field that is int64", "ms BIGINT"],
    );
    refused(
        "took BIGINT",
        "k.K",
        &[
            "google.protobuf.Duration",
            "took ROW<seconds BIGINT, nanos INT>",
        ],
    );
    refused(
        "cs STRING",
        "k.K",
        &[
            "repeated confluent.type.Decimal",
            "cs ARRAY<DECIMAL(38, 2)>",
        ],
    );
    refused("b INT", "k.K", &["field that is bool", "b BOOLEAN"]);
    refused(
        "nope INT",
        "k.K",
        &[
            "`nope`, which the message k.K has no field for",
            "d, t, g, c",
        ],
    );
    refused(
        "d ROW<yaer INT>",
        "k.K",
        &["`d.yaer`, which the message google.type.Date has no field for"],
    );
    refused(
        "b BOOLEAN",
        "K",
        &["the message 'K'", "did you mean 'k.K'?"],
    );
    let sql = "CREATE TABLE t (b BOOLEAN) WITH ('connector' = 'kafka', 'topic' = 't', 'format' = 'protobuf')";
    let shown = parse_table("t.sql", sql).unwrap_err().to_string();
    assert!(
        shown.contains("without 'protobuf.descriptor-file'"),
        "{shown}"
    );
    std::fs::write(folder.path().join("all.desc"), b"nothing").unwrap();
    refused(
        "b BOOLEAN",
        "k.K",
        &["'all.desc': it is no set of descriptors"],
    );
    std::fs::remove_file(folder.path().join("all.desc")).unwrap();
    refused("b BOOLEAN", "k.K", &["'all.desc', which cannot be read"]);
}

/// A record as a registry's serializer writes it.
fn framed(id: u32, place: &[u8], message: &[u8]) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), place, message].concat()
}

const FIRST: &str = r#"
syntax = "proto3";
package shop;
import "money.proto";
import "google/type/date.proto";
message Order { string id = 1; money.Amount price = 2; map<string, int32> counts = 3; message Line { string sku = 1; } }
message Refund { string id = 1; google.type.Date due = 2; }
"#;
const MONEY: &str =
    r#"syntax = "proto3"; package money; message Amount { int64 cents = 1; string currency = 2; }"#;

#[test]
fn records_say_their_schema_and_their_message() {
    let sql = "CREATE TABLE t (id STRING, price ROW<cents BIGINT>, sku STRING, due DATE)";
    let of = |message: Option<&str>| {
        let mut table = parse_table("t.sql", sql).unwrap();
        table.format.encoding = Encoding::Protobuf(Arc::new(Protobuf {
            messages: Messages::Registered {
                message: message.map(str::to_owned),
            },
            read_defaults: false,
        }));
        let mut decoder = Decoder::new(&table, None, 1 << 20);
        let mut learn = |id, of_key, language, text: &str, references: &[(&str, &str)]| {
            let references = references.iter().map(|(name, text)| Reference {
                name: (*name).to_owned(),
                text: (*text).to_owned(),
            });
            let mut schema = Schema::new(language, text);
            schema.references = references.collect();
            let given = Given {
                of_key,
                id: Some((Arc::from("r"), id)),
                schema: Arc::new(schema),
            };
            decoder.learn(&table, &given);
        };
        let proto = Language::Protobuf;
        learn(7, false, proto, FIRST, &[("money.proto", MONEY)]);
        // The price is another thing, the id is gone, and there is something new.
        let second = "syntax = \"proto3\"; package shop; message Order { string price = 2; string more = 9; }";
        learn(300, false, proto, second, &[]);
        learn(8, false, proto, "message {", &[]);
        learn(10, false, Language::Avro, FIRST, &[]);
        // Keys are not read.
        learn(9, true, proto, FIRST, &[]);
        decoder
    };
    let read = |decoder: &mut Decoder, record: &[u8]| {
        let sale = decoder.decode(record).map_err(|e| e.to_string())?;
        Ok::<_, String>((0..5).map(|n| sale.value(n)).collect::<Vec<_>>())
    };
    let (a, cents) = (Value::text("a"), Value::Integer(5));
    let order = [b(1, "a"), b(2, v(1, 5))].concat();
    let mut all = of(None);
    for _ in 0..2 {
        // By the short form, by the long one, and a message inside of the first.
        let want = vec![
            a.clone(),
            Value::Null,
            Value::Null,
            Value::Null,
            cents.clone(),
        ];
        assert_eq!(read(&mut all, &framed(7, &[0], &order)), Ok(want.clone()));
        assert_eq!(read(&mut all, &framed(7, &[2, 0], &order)), Ok(want));
        let line = vec![
            Value::Null,
            Value::Null,
            Value::text("x"),
            Value::Null,
            Value::Null,
        ];
        assert_eq!(read(&mut all, &framed(7, &[4, 0, 0], &b(1, "x"))), Ok(line));
        let refund = [b(1, "a"), b(2, [v(1, 2026), v(2, 1), v(3, 2)].concat())].concat();
        let want = vec![
            a.clone(),
            Value::Null,
            Value::Null,
            Value::Date(20455),
            Value::Null,
        ];
        assert_eq!(read(&mut all, &framed(7, &[2, 2], &refund)), Ok(want));
        for (record, want) in [
            (
                framed(300, &[0], &b(2, "5")),
                "wrong_type: schema 300: `price` ROW<cents BIGINT> of a field that is string",
            ),
            (framed(9, &[0], &order), "unknown_schema: the schema 9"),
            (framed(8, &[0], &order), "bad_schema: schema 8"),
            (
                framed(10, &[0], &order),
                "bad_schema: schema 10: it is of AVRO, and not of PROTOBUF",
            ),
            (
                framed(7, &[2, 8], &order),
                "malformed: schema 7 has no message at its place [4]",
            ),
            (
                framed(7, &[4, 2], &[]),
                "malformed: the place of its message",
            ),
            (order.clone(), "not_framed: it begins with the byte 0x0a"),
            (vec![0, 0, 0], "not_framed"),
            (
                framed(7, &[0], &[0x0a, 5]),
                "malformed: byte 8: a length beyond the end",
            ),
        ] {
            let found = read(&mut all, &record).unwrap_err();
            assert!(found.starts_with(want), "{found}");
        }
    }
    let mut orders = of(Some("shop.Order"));
    assert!(read(&mut orders, &framed(7, &[0], &order)).is_ok());
    let found = read(&mut orders, &framed(7, &[2, 2], &order)).unwrap_err();
    assert!(
        found.starts_with("wrong_type: the message shop.Refund, expected shop.Order"),
        "{found}"
    );
}
