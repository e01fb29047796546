//! Avro against another reader of it: random schemas, random tables over them, random values. What apache-avro reads of a record
//! the decoder puts into the columns, and what is not a record of its schema neither takes.

use std::sync::Arc;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Theirs;
use apache_avro::writer::datum::GenericDatumWriter;
use standings_decode::Decoder;
use standings_model::schema::{Given, Language, Schema};
use standings_model::table::format::Encoding;
use standings_model::table::{Column, Origin, Table};
use standings_model::types::{RowField, Type};
use standings_model::value::{Real, Value};

use crate::support::Dice;

/// A type of the writer's: its schema's text, and the column type that takes it.
struct Made {
    schema: String,
    kind: Type,
    value: Box<dyn Fn(&mut Dice) -> Theirs>,
}

fn plain(schema: &str, kind: Type, value: impl Fn(&mut Dice) -> Theirs + 'static) -> Made {
    Made {
        schema: schema.to_owned(),
        kind,
        value: Box::new(value),
    }
}

fn logical(word: &str, meaning: &str) -> String {
    format!(r#"{{"type":"{word}","logicalType":"{meaning}"}}"#)
}

fn bits(dice: &mut Dice) -> i64 {
    let n = (dice.roll(1 << 32) << 32 | dice.roll(1 << 32)) as i64;
    n >> dice.roll(64)
}

fn text(dice: &mut Dice) -> String {
    let all = [
        "",
        "a",
        "Lisbon",
        "São Paulo",
        "Łódź",
        "😀",
        "a much longer text than the others",
    ];
    all[dice.roll(all.len() as u64) as usize].to_owned()
}

fn digits(dice: &mut Dice, bytes: usize) -> Vec<u8> {
    let n = i128::from(bits(dice));
    n.to_be_bytes()[16 - bytes..].to_vec()
}

/// A type; `n` makes its name its own.
fn made(dice: &mut Dice, n: &mut u32, depth: u32) -> Made {
    *n += 1;
    let own = *n;
    match dice.roll(if depth > 2 { 18 } else { 23 }) {
        0 => plain("\"boolean\"", Type::Boolean, |d| {
            Theirs::Boolean(d.roll(2) == 1)
        }),
        1 => plain(
            "\"int\"",
            Type::Integer(standings_model::types::Width::Int),
            |d| Theirs::Int(bits(d) as i32),
        ),
        2 => plain("\"long\"", Type::BIGINT, |d| Theirs::Long(bits(d))),
        3 => plain("\"float\"", Type::Float, |d| {
            Theirs::Float(bits(d) as f32 / 8.0)
        }),
        4 => plain("\"double\"", Type::Double, |d| {
            Theirs::Double(bits(d) as f64 / 7.0)
        }),
        5 => plain("\"string\"", Type::STRING, |d| Theirs::String(text(d))),
        6 => plain("\"bytes\"", Type::Bytes, |d| {
            Theirs::Bytes(text(d).into_bytes())
        }),
        7 => plain(
            &format!(r#"{{"type":"fixed","name":"F{own}","size":5}}"#),
            Type::Bytes,
            |d| Theirs::Fixed(5, digits(d, 5)),
        ),
        8 => plain(
            &format!(r#"{{"type":"enum","name":"E{own}","symbols":["card","cash","x"]}}"#),
            Type::STRING,
            |d| {
                let n = d.roll(3) as usize;
                Theirs::Enum(n as u32, ["card", "cash", "x"][n].to_owned())
            },
        ),
        9 => plain(
            r#"{"type":"bytes","logicalType":"decimal","precision":20,"scale":3}"#,
            Type::decimal(38, 3),
            |d| Theirs::Decimal(digits(d, 9).into()),
        ),
        10 => plain(
            &format!(
                r#"{{"type":"fixed","name":"D{own}","size":12,"logicalType":"decimal","precision":20,"scale":4}}"#
            ),
            Type::decimal(38, 6),
            |d| Theirs::Decimal(digits(d, 12).into()),
        ),
        11 => plain(&logical("int", "date"), Type::Date, |d| {
            Theirs::Date(d.roll(40_000) as i32)
        }),
        12 => plain(&logical("int", "time-millis"), Type::Time, |d| {
            Theirs::TimeMillis(d.roll(86_400_000) as i32)
        }),
        13 => plain(&logical("long", "time-micros"), Type::Time, |d| {
            Theirs::TimeMicros(d.roll(86_400_000_000) as i64)
        }),
        14 => plain(
            &logical("long", "timestamp-millis"),
            Type::Instant(3),
            |d| Theirs::TimestampMillis(d.roll(4_000_000_000_000) as i64),
        ),
        15 => plain(
            &logical("long", "timestamp-micros"),
            Type::Instant(6),
            |d| Theirs::TimestampMicros(d.roll(4_000_000_000_000_000) as i64),
        ),
        16 => plain(&logical("long", "timestamp-nanos"), Type::Instant(6), |d| {
            Theirs::TimestampNanos(d.roll(4_000_000_000_000_000_000) as i64)
        }),
        17 => plain(
            &logical("long", "local-timestamp-micros"),
            Type::Timestamp(6),
            |d| Theirs::LocalTimestampMicros(d.roll(4_000_000_000_000_000) as i64),
        ),
        18 | 19 => optional(made(dice, n, depth + 1), dice.roll(2) as u32),
        20 => {
            let part = made(dice, n, depth + 1);
            let value = part.value;
            Made {
                schema: format!(r#"{{"type":"array","items":{}}}"#, part.schema),
                kind: Type::Array(Arc::new(part.kind)),
                value: Box::new(move |d| {
                    let size = d.roll(4);
                    Theirs::Array((0..size).map(|_| value(d)).collect())
                }),
            }
        }
        21 => {
            let part = made(dice, n, depth + 1);
            let value = part.value;
            Made {
                schema: format!(r#"{{"type":"map","values":{}}}"#, part.schema),
                kind: Type::Map(Arc::new((Type::STRING, part.kind))),
                value: Box::new(move |d| {
                    let size = d.roll(3);
                    Theirs::Map((0..size).map(|n| (format!("k{n}"), value(d))).collect())
                }),
            }
        }
        _ => record(dice, n, depth + 1),
    }
}

/// Of a union with null in one of its two places.
fn optional(some: Made, null: u32) -> Made {
    // A union in a union there is not.
    if some.schema.starts_with('[') {
        return some;
    }
    let all = match null {
        0 => format!(r#"["null",{}]"#, some.schema),
        _ => format!(r#"[{},"null"]"#, some.schema),
    };
    let value = some.value;
    Made {
        schema: all,
        kind: some.kind,
        value: Box::new(move |d| match d.roll(3) {
            0 => Theirs::Union(null, Box::new(Theirs::Null)),
            _ => Theirs::Union(1 - null, Box::new(value(d))),
        }),
    }
}

/// A record of some fields, of which the row has some.
fn record(dice: &mut Dice, n: &mut u32, depth: u32) -> Made {
    let own = *n;
    let count = 1 + dice.roll(if depth == 0 { 8 } else { 3 });
    let fields: Vec<(String, Made)> = (0..count)
        .map(|f| (format!("f{own}_{f}"), made(dice, n, depth)))
        .collect();
    let texts: Vec<String> = fields
        .iter()
        .map(|(name, made)| format!(r#"{{"name":"{name}","type":{}}}"#, made.schema))
        .collect();
    let mut row: Vec<RowField> = Vec::new();
    for (name, made) in &fields {
        if dice.roll(4) > 0 {
            row.push(RowField {
                name: name.clone(),
                kind: made.kind.clone(),
                nullable: true,
            });
        }
    }
    row.push(RowField {
        name: "nobody's".to_owned(),
        kind: Type::BIGINT,
        nullable: true,
    });
    if dice.roll(2) == 0 {
        row.reverse();
    }
    Made {
        schema: format!(
            r#"{{"type":"record","name":"R{own}","fields":[{}]}}"#,
            texts.join(",")
        ),
        kind: Type::Row(row.into()),
        value: Box::new(move |d| {
            let all = fields.iter();
            Theirs::Record(
                all.map(|(name, made)| (name.clone(), (made.value)(d)))
                    .collect(),
            )
        }),
    }
}

/// What another reader's value is in a column of a type.
fn ours(value: &Theirs, kind: &Type) -> Value {
    match (value, kind) {
        (Theirs::Null, _) => Value::Null,
        (Theirs::Union(_, inner), _) => ours(inner, kind),
        (Theirs::Boolean(b), _) => Value::Boolean(*b),
        (Theirs::Int(n), _) => Value::Integer(i128::from(*n)),
        (Theirs::Long(n), _) => Value::Integer(i128::from(*n)),
        (Theirs::Float(n), _) => Value::Double(Real::new(n.to_string().parse().unwrap())),
        (Theirs::Double(n), _) => Value::Double(Real::new(*n)),
        (Theirs::String(text) | Theirs::Enum(_, text), _) => Value::text(&**text),
        (Theirs::Bytes(bytes) | Theirs::Fixed(_, bytes), _) => Value::Bytes(bytes[..].into()),
        (Theirs::Decimal(n), Type::Decimal { scale, .. }) => {
            let bytes = Vec::try_from(n).unwrap();
            let fill = if bytes.first().is_some_and(|b| *b >= 0x80) {
                0xff
            } else {
                0
            };
            let mut word = [fill; 16];
            word[16 - bytes.len()..].copy_from_slice(&bytes);
            // Of 12 bytes the scale was 4, and is 6 here.
            let by = if *scale == 6 { 100 } else { 1 };
            Value::decimal(i128::from_be_bytes(word) * by, *scale)
        }
        (Theirs::Date(n), _) => Value::Date(*n),
        (Theirs::TimeMillis(n), _) => Value::Time(i64::from(*n) * 1000),
        (Theirs::TimeMicros(n), _) => Value::Time(*n),
        (Theirs::TimestampMillis(n), _) => Value::Instant(n * 1000),
        (Theirs::TimestampMicros(n), _) => Value::Instant(*n),
        (Theirs::TimestampNanos(n), _) => Value::Instant(n.div_euclid(1000)),
        (Theirs::LocalTimestampMicros(n), _) => Value::Timestamp(*n),
        (Theirs::Array(all), Type::Array(part)) => {
            Value::Array(all.iter().map(|v| ours(v, part)).collect())
        }
        (Theirs::Map(all), Type::Map(kinds)) => {
            let all = all.iter();
            Value::Map(
                all.map(|(k, v)| (Value::text(&**k), ours(v, &kinds.1)))
                    .collect(),
            )
        }
        (Theirs::Record(fields), Type::Row(row)) => {
            let of = |f: &RowField| fields.iter().find(|(name, _)| *name == f.name);
            let all = row.iter();
            Value::Row(
                all.map(|f| of(f).map_or(Value::Null, |(_, v)| ours(v, &f.kind)))
                    .collect(),
            )
        }
        other => panic!("{other:?}"),
    }
}

/// Maps have no order there.
fn sorted(value: Value) -> Value {
    match value {
        Value::Map(all) => {
            let mut all: Vec<_> = all
                .iter()
                .map(|(k, v)| (k.clone(), sorted(v.clone())))
                .collect();
            all.sort();
            Value::Map(all.into())
        }
        Value::Array(all) => Value::Array(all.iter().cloned().map(sorted).collect()),
        Value::Row(all) => Value::Row(all.iter().cloned().map(sorted).collect()),
        other => other,
    }
}

/// A table of a row's fields; those that are rows themselves are read field by field.
fn table(row: &[RowField]) -> Table {
    let mut columns: Vec<Column> = Vec::new();
    let column = |name: String, kind: &Type, origin| Column {
        name,
        kind: kind.clone(),
        nullable: true,
        origin,
        comment: None,
    };
    for field in row {
        let origin = match &field.kind {
            Type::Row(_) => Origin::Parts,
            _ => Origin::Field(Arc::from([field.name.clone()])),
        };
        columns.push(column(field.name.clone(), &field.kind, origin));
    }
    let declared = columns.len();
    let mut open: Vec<(Vec<String>, &[RowField])> = Vec::new();
    let below = |path: &[String], field: &RowField| {
        let mut path = path.to_vec();
        path.push(field.name.clone());
        path
    };
    for field in row {
        if let Type::Row(inner) = &field.kind {
            open.push((below(&[], field), inner));
        }
    }
    while let Some((path, fields)) = open.pop() {
        for field in fields {
            let path = below(&path, field);
            match &field.kind {
                Type::Row(inner) => open.push((path, inner)),
                kind => {
                    let origin = Origin::Field(path.clone().into());
                    columns.push(column(path.join("."), kind, origin));
                }
            }
        }
    }
    let mut table = Table::new("t", columns);
    table.declared = declared;
    table.is_named = true;
    table.event_time = None;
    table.format.encoding = Encoding::Avro;
    table
}

/// The value under a path.
fn under(value: &Theirs, path: &[String], kind: &Type) -> Value {
    match (value, path) {
        (Theirs::Union(_, inner), _) => under(inner, path, kind),
        (Theirs::Record(fields), [name, rest @ ..]) => {
            let found = fields.iter().find(|(n, _)| n == name);
            found.map_or(Value::Null, |(_, v)| under(v, rest, kind))
        }
        (value, []) => ours(value, kind),
        _ => Value::Null,
    }
}

#[test]
fn random_records_are_what_another_reader_says() {
    let mut records = 0;
    for seed in 0..600 {
        let mut dice = Dice::new(seed);
        let root = record(&mut dice, &mut 0, 0);
        let Type::Row(row) = &root.kind else {
            unreachable!()
        };
        let table = table(row);
        let schema = apache_avro::Schema::parse_str(&root.schema).unwrap();
        let mut decoder = Decoder::new(&table, None, 1 << 20);
        let given = Given {
            of_key: false,
            id: None,
            schema: Arc::new(Schema::new(Language::Avro, &*root.schema)),
        };
        decoder.learn(&table, &given);
        for _ in 0..10 {
            let value = (root.value)(&mut dice);
            let writer = GenericDatumWriter::builder(&schema).build().unwrap();
            let bytes = writer.write_value_to_vec(value).unwrap();
            if bytes.is_empty() {
                continue;
            }
            let reader = GenericDatumReader::builder(&schema).build().unwrap();
            let theirs = reader.read_value(&mut &bytes[..]).unwrap();
            let sale = decoder
                .decode(&bytes)
                .unwrap_or_else(|e| panic!("{seed}: {e}: {}", root.schema));
            for (number, column) in table.columns.iter().enumerate() {
                if let Origin::Field(path) = &column.origin {
                    let want = sorted(under(&theirs, path, &column.kind));
                    assert_eq!(
                        sorted(sale.value(number)),
                        want,
                        "{seed}: {}: {}",
                        column.name,
                        root.schema
                    );
                }
            }
            records += 1;
            damaged(&mut decoder, &bytes, seed);
        }
    }
    assert!(records > 4000, "{records}");
}

/// What is cut off, or has more behind it, is refused; what is changed is refused or taken, and never a panic.
fn damaged(decoder: &mut Decoder, bytes: &[u8], seed: u64) {
    for length in 1..bytes.len() {
        assert!(
            decoder.decode(&bytes[..length]).is_err(),
            "{seed}: {length} of {}",
            bytes.len()
        );
    }
    let mut more = bytes.to_vec();
    more.push(0);
    assert_eq!(
        decoder.decode(&more).map(|_| ()).unwrap_err().reason,
        "malformed"
    );
    let mut dice = Dice::new(seed);
    for _ in 0..8 {
        let mut changed = bytes.to_vec();
        let at = dice.roll(changed.len() as u64) as usize;
        changed[at] = dice.roll(256) as u8;
        let _ = decoder.decode(&changed);
    }
}
