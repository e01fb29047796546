//! Files in the dialects that people have, as the table says them.

use std::io::{self, Read};
use std::path::Path;

use standings_model::table::format::{Csv, Encoding, TimestampStandard};
use standings_model::table::{Column, Origin, Table};
use standings_model::types::{Type, Width};

use super::super::blocks::Blocks;
use super::CsvRows;

/// A table of `id INT, at TIMESTAMP(3), city STRING, price DECIMAL(10, 2), share DOUBLE, ok BOOLEAN`.
fn table(csv: Csv) -> Table {
    let column = |(name, kind): (&str, Type)| Column {
        name: name.to_owned(),
        kind,
        nullable: true,
        origin: Origin::Field([name.to_owned()].into()),
        comment: None,
    };
    let columns = [
        ("id", Type::Integer(Width::Int)),
        ("at", Type::Timestamp(3)),
        ("city", Type::STRING),
        ("price", Type::decimal(10, 2)),
        ("share", Type::Double),
        ("ok", Type::Boolean),
    ];
    let mut table = Table::new("orders", columns.map(column).into());
    (table.is_named, table.is_declared, table.event_time) = (true, true, Some(1));
    table.format.encoding = Encoding::Csv(csv);
    table
}

/// The objects, or the reasons and details of what is refused; of any size of block the same.
fn read(name: &str, bytes: &[u8], csv: &Csv) -> Result<Vec<String>, String> {
    let of = |block: usize| {
        let input: Box<dyn Read + Send> = Box::new(io::Cursor::new(bytes.to_vec()));
        let sizes = (block, 90);
        let rows = CsvRows::open(Path::new(name), input, &table(csv.clone()), 0, sizes, 0);
        let mut rows = rows.map_err(|e| e.to_string())?;
        let mut all = Vec::new();
        while let Some(block) = rows.next_block().unwrap() {
            for (n, r) in block.records.iter().enumerate() {
                assert_eq!(r.offset, all.len() as u64);
                let refused = block.refused.iter().find(|r| r.record == n as u32);
                let text = &block.bytes[r.start as usize..r.end as usize];
                all.push(match refused {
                    Some(r) => format!("{}: {}", r.reason, r.detail),
                    None => String::from_utf8_lossy(text).into_owned(),
                });
            }
        }
        Ok(all)
    };
    let want = of(4096);
    for block in [1, 2, 3, 7, 50] {
        assert_eq!(of(block), want, "blocks of {block}");
    }
    want
}

#[test]
fn what_excel_saves_in_most_of_europe() {
    let csv = Csv {
        delimiter: Some(b';'),
        charset: Some("windows-1252".to_owned()),
        decimal_separator: ',',
        thousands_separator: Some('.'),
        timestamp_pattern: Some("dd/MM/yyyy HH:mm".to_owned()),
        trim: true,
        ..Csv::default()
    };
    let text =
        b"at;city;price;share;spare;\r\n23/01/2026 10:15;\"S\xe3o; Paulo\"; 1.234,50 ;0,5;x;\r\n\
        2026-01-23;a;1;1;;\r\n23/01/2026 10:15;a;12.50;1;;\r\n23/01/2026 10:15;\"\";;;;\r\n";
    let rows = read("a.csv", text, &csv).unwrap();
    let first = r#"{"at":1769163300000,"city":"São; Paulo","price":"1234.50","share":0.5}"#;
    assert_eq!(rows[0], first);
    assert!(
        rows[1].starts_with("bad_time: field \"at\": found \"2026-01-23\", expected a time by the")
    );
    let wrong = "bad_amount: field \"price\": found \"12.50\", expected a number such as 1.234,50";
    assert_eq!(rows[2], wrong);
    let last = r#"{"at":1769163300000,"city":"","price":null,"share":null}"#;
    assert_eq!(rows[3..], [last]);
}

#[test]
fn types_without_a_word() {
    let csv = Csv {
        timestamps: TimestampStandard::Sql,
        ..Csv::default()
    };
    let text =
        "id\tat\tshare\tok\tprice\n7\t2026-01-23 08:00:00\t1e3\tTrue\t1.50\n007\t1\t.5\tno\t1,50\n";
    let rows = read("a.tsv.gz", text.as_bytes(), &csv).unwrap();
    assert_eq!(
        rows,
        [
            r#"{"id":7,"at":"2026-01-23 08:00:00","share":1e3,"ok":true,"price":"1.50"}"#,
            // What is none of its type stays a text, for the decoder to refuse.
            r#"{"id":"007","at":1,"share":".5","ok":"no","price":"1,50"}"#,
        ]
    );
}

#[test]
fn no_header_comments_and_null() {
    let csv = Csv {
        header: false,
        comments: true,
        null: Some("\\N".to_owned()),
        ..Csv::default()
    };
    let text = "# all of it\n1,2,a,\\N,\\N,\\N\n#\n2,3,,1,\\N,\\N\n#end";
    let rows = read("a.csv", text.as_bytes(), &csv).unwrap();
    assert_eq!(
        rows,
        [
            r#"{"id":1,"at":2,"city":"a","price":null,"share":null,"ok":null}"#,
            r##"{"id":2,"at":3,"city":"","price":"1","share":null,"ok":null}"##,
        ]
    );
}

#[test]
fn what_costs_a_row_alone() {
    let csv = Csv {
        charset: Some("us-ascii".to_owned()),
        ..Csv::default()
    };
    let long = "x".repeat(300);
    let text = format!("at,city\n1,é\n2,{long}\n3,\"b\nc\"\n4,b,c\n5,d\n");
    let rows = read("a.csv", text.as_bytes(), &csv).unwrap();
    assert!(
        rows[0].starts_with("not_utf8: a byte of it is no character of us-ascii"),
        "{rows:?}"
    );
    assert!(
        rows[1].starts_with("too_large: a row of more than 90 bytes"),
        "{rows:?}"
    );
    assert_eq!(rows[2], "{\"at\":3,\"city\":\"b\\u000ac\"}");
    assert!(rows[3].contains("3 cells"), "{rows:?}");
    assert_eq!(rows[4..], [r#"{"at":5,"city":"d"}"#]);
}

#[test]
fn a_header_without_the_event_time() {
    let said = read("a.csv", b"At,city\n", &Csv::default()).unwrap_err();
    assert!(
        said.contains("no column `at`; found: At, city; the nearest is `At`"),
        "{said}"
    );
    let pattern = Csv {
        timestamp_pattern: Some("yyyy-bb".to_owned()),
        ..Csv::default()
    };
    let said = read("a.csv", b"at\n", &pattern).unwrap_err();
    assert!(said.contains("'yyyy-bb' is no pattern"), "{said}");
}
