//! Invariant 1 of the decoder for any table: the fast path and the full path say the same of records of random tables, with
//! rows in rows, every type, and a computed column now and then.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use standings_decode::Decoder;
use standings_model::expr::{Expr, Node};
use standings_model::table::format::{Encoding, Format, Json, TimestampStandard};
use standings_model::table::{Column, Origin, Table};
use standings_model::types::{RowField, Type, Width};

use super::owned;

/// A type that is not made of others.
fn plain() -> impl Strategy<Value = Type> {
    let decimal = (1u8..=38, 0u8..=38).prop_map(|(p, s)| Type::decimal(p, s));
    let kinds = vec![
        Type::STRING,
        Type::Text(Some(3)),
        Type::Char(2),
        Type::Boolean,
        Type::Integer(Width::Tiny),
        Type::Integer(Width::Int),
        Type::BIGINT,
        Type::Float,
        Type::Double,
        Type::Bytes,
        Type::Date,
        Type::Time,
        Type::Timestamp(3),
        Type::Instant(0),
        Type::Instant(6),
    ];
    prop_oneof![3 => select(kinds), 1 => decimal]
}

fn kind() -> impl Strategy<Value = Type> {
    plain().prop_recursive(2, 8, 3, |inner| {
        let field = (inner.clone(), any::<bool>());
        prop_oneof![
            3 => prop::collection::vec(field, 1..4).prop_map(|fields| {
                let fields = fields.into_iter().enumerate();
                let fields = fields.map(|(n, (kind, nullable))| RowField {
                    name: format!("f{n}"),
                    kind,
                    nullable,
                });
                Type::Row(fields.collect())
            }),
            1 => inner.prop_map(|of| Type::Array(Arc::new(of))),
        ]
    })
}

/// A table of such columns, as a declaration makes it: the leaves of rows behind the columns.
fn table(kinds: Vec<(Type, bool)>, local: bool, computed: bool) -> Table {
    let column = |name: &str, kind: &Type, nullable, origin| Column {
        name: name.to_owned(),
        kind: kind.clone(),
        nullable,
        origin,
        comment: None,
    };
    let mut columns = Vec::new();
    for (n, (kind, nullable)) in kinds.iter().enumerate() {
        let name = format!("c{n}");
        let origin = match kind {
            Type::Row(_) => Origin::Parts,
            _ => Origin::Field(Arc::from([name.clone()])),
        };
        columns.push(column(&name, kind, *nullable, origin));
    }
    if computed {
        // The first column again, and whether it is there.
        let first = Expr::column(0, columns[0].kind.clone(), true);
        let is_there = Expr {
            node: Node::IsNull {
                of: Box::new(first),
                negated: true,
            },
            kind: Type::Boolean,
            nullable: false,
        };
        columns.push(column(
            "made",
            &Type::Boolean,
            false,
            Origin::Computed(is_there),
        ));
    }
    let declared = columns.len();
    for (n, (kind, nullable)) in kinds.iter().enumerate() {
        leaves(&mut columns, vec![format!("c{n}")], kind, *nullable);
    }
    let mut table = Table::new("things", columns);
    table.is_named = true;
    table.declared = declared;
    let timestamps = match local {
        true => TimestampStandard::Sql,
        false => TimestampStandard::Offset,
    };
    table.format = Format {
        encoding: Encoding::Json(Json {
            timestamps,
            ..Json::default()
        }),
        ..Format::default()
    };
    table
}

fn leaves(columns: &mut Vec<Column>, path: Vec<String>, kind: &Type, nullable: bool) {
    let Type::Row(fields) = kind else { return };
    for field in fields.iter() {
        let mut below = path.clone();
        below.push(field.name.clone());
        let nullable = nullable || field.nullable;
        if let Type::Row(_) = field.kind {
            leaves(columns, below, &field.kind, nullable);
        } else {
            columns.push(Column {
                name: below.join("."),
                kind: field.kind.clone(),
                nullable,
                origin: Origin::Field(below.into()),
                comment: None,
            });
        }
    }
}

/// Values that some column takes, and some that none does.
const ODD: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1.50",
    "1.500",
    "12.345",
    "1e2",
    "300",
    "\"\"",
    "\"ab\"",
    "\"abcd\"",
    "\"é東\"",
    "\"a\\n\"",
    "\"AAE=\"",
    "\"2026-01-23\"",
    "\"10:15\"",
    "\"2026-01-23 10:15:00\"",
    "\"2026-01-23T10:15:00Z\"",
    "\"2026-01-23 10:15:00.1234567 +0100\"",
    "\"1969-12-31T23:59:59.9Z\"",
    "\"0000-01-01T00:00:00Z\"",
    "{}",
    "[]",
    "[1,\"a\",null]",
    "{\"f0\":1}",
    "{\"f0\":null,\"f1\":\"x\"}",
    "99999999999999999999999999999999999999",
    "0.00000000000000000000000000000000000001",
];

/// A value, mostly one that the type takes; `dice` chooses.
fn value(kind: &Type, dice: &mut impl FnMut(usize) -> usize) -> String {
    if dice(8) == 0 {
        return ODD[dice(ODD.len())].to_owned();
    }
    let n = dice(10_000);
    match kind {
        Type::Boolean => ["true", "false"][n % 2].to_owned(),
        Type::Integer(_) => (n % 128).to_string(),
        Type::Decimal { precision, scale } if precision > scale => match scale {
            0 => (n % 10).to_string(),
            _ => format!("{}.{}", n % 10, n / 10 % 10),
        },
        Type::Decimal { .. } => "0".to_owned(),
        Type::Float | Type::Double => format!("{}.{}e{}", n % 10, n % 100, n % 5),
        Type::Bytes => ["\"AAE=\"", "\"\"", "\"////\""][n % 3].to_owned(),
        Type::Date => format!("\"20{:02}-01-{:02}\"", n % 100, n % 28 + 1),
        Type::Time => format!("\"{:02}:{:02}:00.{n}\"", n % 24, n % 60),
        Type::Timestamp(_) | Type::Instant(_) => match n % 4 {
            0 => format!("\"2026-01-{:02}T10:15:00Z\"", n % 28 + 1),
            1 => format!("\"2026-01-{:02} 10:15:00.{n:04}+01\"", n % 28 + 1),
            2 => format!("\"2026-01-{:02} 10:15:00\"", n % 28 + 1),
            _ => format!("17691633{n:05}"),
        },
        Type::Row(fields) => {
            let parts = fields.iter().filter_map(|field| {
                let is_left_out = dice(10) == 0;
                let part = format!("\"{}\":{}", field.name, value(&field.kind, dice));
                (!is_left_out).then_some(part)
            });
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        Type::Array(of) => {
            let parts: Vec<String> = (0..n % 3).map(|_| value(of, dice)).collect();
            format!("[{}]", parts.join(","))
        }
        _ => format!("\"{}\"", ["a", "ab", "abc", "é"][n % 4]),
    }
}

fn record(kinds: &[(Type, bool)], dice: &mut impl FnMut(usize) -> usize) -> String {
    let mut parts = Vec::new();
    for (n, (kind, _)) in kinds.iter().enumerate() {
        if dice(12) > 0 {
            parts.push(format!("\"c{n}\":{}", value(kind, dice)));
        }
    }
    if dice(3) == 0 {
        parts.push(format!("\"other\":{}", ODD[dice(ODD.len())]));
    }
    format!("{{{}}}", parts.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn both_paths_say_the_same_of_any_table(
        kinds in prop::collection::vec((kind(), any::<bool>()), 1..6),
        local in any::<bool>(),
        computed in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let table = table(kinds.clone(), local, computed && !matches!(kinds[0].0, Type::Row(_)));
        let (mut fast, mut full) = (Decoder::new(&table, None, 4096), Decoder::new(&table, None, 4096));
        let mut state = seed | 1;
        let mut dice = |sides: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as usize % sides
        };
        for _ in 0..40 {
            let record = record(&kinds, &mut dice);
            let want = full.decode_full(record.as_bytes()).as_ref().map(owned).map_err(Clone::clone);
            // Twice: the second time its layout may be known.
            for _ in 0..2 {
                let found = fast.decode(record.as_bytes()).as_ref().map(owned).map_err(Clone::clone);
                prop_assert_eq!(&found, &want, "{} of {:?}", record, kinds);
            }
        }
    }
}
