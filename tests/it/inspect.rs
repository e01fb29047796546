//! `standings inspect` and `init --from`: what is printed is a file of SQL that works. Each shape here is a small file of its
//! own, as people have them; the proposal is checked and run as it is.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::kafka::{produce, produce_keyed, topic};
use crate::support::{service, standings};

/// A shape: its file, what must be said of it, and the first row of what its proposal comes to.
struct Shape {
    file: &'static str,
    text: &'static str,
    says: &'static [&'static str],
    row: &'static str,
}

const SHAPES: &[Shape] = &[
    Shape {
        file: "orders.csv",
        text: "id,placed,city,amount\n1,2026-01-23 10:00:00,Porto,1.50\n2,2026-01-23 10:05:00,Faro,2\n3,2026-01-23 10:06:00,Porto,0.25\n",
        says: &[
            "placed TIMESTAMP_LTZ(3)",
            "event_time AS placed",
            "'csv.timestamp-format.standard' = 'SQL'",
            "'scan.time-zone' = 'UTC' -- times have no offset",
            "amount DECIMAL(28, 2)",
            "of 3 records 3 fit",
        ],
        row: r#"{"city":"Faro","records":1,"total_amount":"2.00"}"#,
    },
    // Excel in Europe.
    Shape {
        file: "umsatz.csv",
        text: "Datum;Filiale;Umsatz\n23.01.2026 10:15;Porto;1.234,50\n24.01.2026 9:05;Faro;7,25\n",
        says: &[
            "'csv.field-delimiter' = ';'",
            "'csv.decimal-separator' = ','",
            "'csv.thousands-separator' = '.'",
            "'csv.timestamp-format' = 'dd.MM.yyyy H:mm'",
        ],
        row: r#"{"Filiale":"Porto","records":1,"total_umsatz":"1234.50"}"#,
    },
    // Tabs, a decimal comma, the month first, years of two digits.
    Shape {
        file: "global.tsv",
        text: "City\tOrder Date\tSales\nPorto\t1/23/14\t261,96\nFaro\t2/3/15\t8,5\n",
        says: &[
            "'csv.field-delimiter' = '\\t'",
            "'csv.timestamp-format' = 'M/d/yy'",
            "`Order Date` DATE",
            "CREATE TABLE t_global",
        ],
        row: r#"{"City":"Porto","records":1,"total_sales":"261.96"}"#,
    },
    // Day and time apart, two patterns that Excel mixed.
    Shape {
        file: "supermarket.csv",
        text: "Invoice ID,City,Total,Date,Time\nA1,Porto,5.25,1/13/2019,13:08\nA2,Faro,80.22,01-05-2019,10:29\nA3,Porto,1.5,1/27/2019,9:01\n",
        says: &[
            "01-05-2019: day or month first? 1 of 3 cannot tell; MM-dd-yyyy is taken, it could be dd-MM-yyyy",
            "COALESCE(TO_TIMESTAMP(`Date` || ' ' || `Time`, 'M/dd/yyyy H:mm'), TO_TIMESTAMP(`Date` || ' ' || `Time`, 'MM-dd-yyyy H:mm'))",
        ],
        row: r#"{"City":"Faro","records":1,"total":"80.22"}"#,
    },
    // A key of eight digits, four digits behind the point, no amount by that name.
    Shape {
        file: "sales_fact.csv",
        text: "ProductKey,OrderDateKey,SalesAmount\n310,20201229,3578.2700\n346,20201229,3399.9900\n310,20201229,0.0100\n",
        says: &[
            "TO_TIMESTAMP(OrderDateKey, 'yyyyMMdd')",
            "SalesAmount DECIMAL(28, 4)",
        ],
        row: r#"{"ProductKey":310,"records":2,"total_sales_amount":"3578.2800"}"#,
    },
    // Quantity and price, and no amount.
    Shape {
        file: "retail.csv",
        text: "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,Country\n580538,23084,48,2011-12-05 08:38:00,1.79,UK\n580539,23077,20,2011-12-05 08:39:00,1.25,UK\n580540,23084,2,2011-12-05 08:39:00,1.00,UK\n",
        says: &["amount AS Quantity * UnitPrice -- no amount is in the records"],
        row: r#"{"Country":"UK","records":3,"total_amount":"112.92"}"#,
    },
    // Days written with one digit where that is enough.
    Shape {
        file: "invoices.csv",
        text: "InvoiceId,InvoiceDate,BillingCountry,Total\n1,2021/1/1,Germany,1.98\n2,2021/12/13,Norway,3.96\n",
        says: &["'csv.timestamp-format' = 'yyyy/M/d'", "InvoiceDate DATE"],
        row: r#"{"BillingCountry":"Germany","records":1,"total":"1.98"}"#,
    },
    // A word for NULL.
    Shape {
        file: "northwind.csv",
        text: "orderID,orderDate,shippedDate,shipCity,freight\n1,1996-07-04 00:00:00.000,NULL,Reims,32.38\n2,1996-07-05 00:00:00.000,1996-07-10 00:00:00.000,Lyon,NULL\n",
        says: &["'csv.null-literal' = 'NULL'", "event_time AS orderDate"],
        row: r#"{"records":1,"shipCity":"Reims","total_freight":"32.38"}"#,
    },
    // No names, a pipe at every end.
    Shape {
        file: "lineitem.tbl",
        text: "1|155190|21168.23|N|1996-03-13|egular courts|\n2|67310|45983.16|N|1996-04-12|ly final|\n3|67310|1.00|R|1996-04-12|ly final|\n",
        says: &[
            "'csv.header' = 'false'",
            "'csv.field-delimiter' = '|'",
            "c5 DATE",
            "no row of names",
        ],
        row: r#"{"c4":"N","records":1,"total_c3":"21168.23"}"#,
    },
    // No time at all.
    Shape {
        file: "no_time.csv",
        text: "id,city,amount\n1,Porto,1.5\n2,Porto,2.5\n3,Faro,3\n",
        says: &["event_time AS TIMESTAMP '2000-01-01 00:00:00' -- the records have no time"],
        row: r#"{"city":"Porto","records":2,"total_amount":"4.00"}"#,
    },
    // What is no number where numbers are costs a doubt, not the column.
    Shape {
        file: "prices.csv",
        text: "date,shop,price\n2026-01-01,Faro,€ 5.00\n2026-01-02,Faro,€ 6.00\n",
        says: &[
            "price STRING -- numbers in another form (€ 5.00)",
            "no number to add up",
        ],
        row: r#"{"records":1,"shop":"Faro"}"#,
    },
    Shape {
        file: "nested.ndjson",
        text: r#"{"id":"a","created_at":"2026-01-23T08:00:00Z","shipping_address":{"city":"Porto","post code":"1"},"total_price_set":{"shop_money":{"amount":"10.00"}}}
{"id":"b","created_at":"2026-01-23T08:05:00Z","shipping_address":null,"total_price_set":{"shop_money":{"amount":"2.5"}}}
"#,
        says: &[
            "shipping_address ROW<city STRING, `post code` STRING>",
            "city AS shipping_address.city",
            "amount AS total_price_set.shop_money.amount",
        ],
        row: r#"{"city":"Porto","records":1,"total_amount":"10.00"}"#,
    },
    Shape {
        file: "pretty.json",
        text: "{\n \"order\": {\n  \"id\": 450789469,\n  \"created_at\": \"2026-01-23T10:15:00-04:00\",\n  \"total_price\": \"409.94\",\n  \"currency\": \"USD\",\n  \"line_items\": [{\"price\": \"199.00\"}]\n }\n}\n",
        says: &[
            "values over several lines",
            "event_time AS `order`.created_at",
        ],
        row: r#"{"currency":"USD","records":1,"total_price":"409.94"}"#,
    },
    Shape {
        file: "array.json",
        text: r#"[{"t":"2026-01-23T10:15:00Z","city":"Porto","n":1},{"t":"2026-01-23T10:16:00Z","city":"Porto","n":2}]"#,
        says: &["JSON, one array", "event_time AS t"],
        row: r#"{"city":"Porto","records":2,"total_n":3}"#,
    },
    // Seconds, cents, and a field that is always NULL.
    Shape {
        file: "charges.ndjson",
        text: r#"{"id":"evt_1","created":1769155200,"data":{"object":{"amount":1000,"currency":"eur","city":null}}}
{"id":"evt_2","created":1769155260,"data":{"object":{"amount":250,"currency":"eur","city":null}}}
"#,
        says: &[
            "created BIGINT, -- seconds since 1970",
            "TO_TIMESTAMP_LTZ(created, 0)",
            "-- amount_of_cents AS CAST(CAST(amount AS DECIMAL(20, 2)) / 100 AS DECIMAL(28, 2)) -- if these are cents",
        ],
        row: r#"{"currency":"eur","records":2,"total_amount":1250}"#,
    },
    // Milliseconds, and days, since 1970.
    Shape {
        file: "ksql.ndjson",
        text: "{\"ordertime\":1497014222380,\"itemid\":\"Item_1\",\"orderunits\":1.5}\n{\"ordertime\":1497014222381,\"itemid\":\"Item_1\",\"orderunits\":2.25}\n",
        says: &[
            "ordertime TIMESTAMP_LTZ(3), -- milliseconds since 1970",
            "event_time AS ordertime",
        ],
        row: r#"{"itemid":"Item_1","records":2,"total_orderunits":"3.75"}"#,
    },
    Shape {
        file: "pizza.ndjson",
        text: "{\"store_id\":1,\"date\":18000,\"order_lines\":[{\"net_price\":25.5}]}\n{\"store_id\":1,\"date\":18000,\"order_lines\":[]}\n",
        says: &[
            "TO_TIMESTAMP_LTZ(`date` * 86400, 0)",
            "order_lines ARRAY<ROW<net_price DECIMAL(28, 2)>>",
            "CROSS JOIN UNNEST(order_lines) AS line (line_net_price)",
        ],
        row: r#"{"records":1,"store_id":1,"total_net_price":"25.50"}"#,
    },
    // Sums of floating point.
    Shape {
        file: "scores.ndjson",
        text: "{\"ts\":1769155200.5,\"player\":\"a\",\"score\":0.30000000000000004}\n{\"ts\":1769155201,\"player\":\"a\",\"score\":0.1}\n",
        says: &[
            "score DOUBLE, -- more digits than anybody meant",
            "score_exact AS CAST(score AS DECIMAL(28, 2))",
        ],
        row: r#"{"player":"a","records":2,"total_score_exact":"0.40"}"#,
    },
    // Several types, names that no column has, arrays of nothing.
    Shape {
        file: "mixed.ndjson",
        text: "{\"at\":\"2026-01-23T10:15:00Z\",\"who\":1,\"tags\":[],\"n\":1,\"a`b\":1}\n{\"at\":\"2026-01-23T10:16:00Z\",\"who\":\"x\",\"tags\":[],\"n\":2}\n",
        says: &[
            "'json.coerce-to-string' = 'true'",
            "-- tags -- the arrays were all empty",
            "-- \"a`b\" -- no column can have this name",
        ],
        row: r#"{"records":1,"total_n":2,"who":"x"}"#,
    },
    Shape {
        file: "connect.ndjson",
        text: r#"{"schema":{"type":"struct","fields":[{"field":"amount","type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}}]},"payload":{"at":1769155200000,"city":"Porto","amount":"A+g="}}
"#,
        says: &[
            "Kafka Connect's schema and payload",
            "'json.schema-include' = 'true'",
            "a decimal's digits in base64, by the schema beside it",
        ],
        row: r#"{"city":"Porto","records":1,"total_amount":"10.00"}"#,
    },
    Shape {
        file: "events.ndjson",
        text: r#"{"specversion":"1.0","id":"1","source":"/shop","type":"sale","time":"2026-01-23T08:00:00Z","data":{"city":"Porto","amount":"10.00"}}
"#,
        says: &[
            "a CloudEvent, structured",
            "event_time AS `time`",
            "amount AS `data`.amount",
        ],
        row: r#"{"city":"Porto","records":1,"total_amount":"10.00"}"#,
    },
    // The name of the event time is taken by a text.
    Shape {
        file: "taken.ndjson",
        text: "{\"event_time\":\"23/01/2026 10:00\",\"city\":\"Porto\",\"n\":1}\n{\"event_time\":\"22/01/2026 10:00\",\"city\":\"Porto\",\"n\":1}\n",
        says: &["WATERMARK FOR event_time_2 AS event_time_2 - INTERVAL '36500' DAY"],
        row: r#"{"city":"Porto","records":1,"total_n":1}"#,
    },
    // Nothing of a record ends a comment or a text.
    Shape {
        file: "hostile.ndjson",
        text: "{\"at\":\"2026-01-23T10:15:00Z\",\"city\\n); DROP TABLE x; --\":\"a\",\"it's\":\"b'); DROP\",\"w\":\"line\\n*/ SELECT 1; --\\u202e\",\"amount\":\"1.5\"}\n",
        says: &[
            "-- \"city\\n); DROP TABLE x; --\" -- no column can have this name",
            "`it's` STRING",
        ],
        row: r#"{"it's":"b'); DROP","records":1,"total_amount":"1.50"}"#,
    },
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn inspect(args: &[&str]) -> Output {
    standings(&[&["inspect"], args].concat()).output().unwrap()
}

/// What is said of a source; the proposal in a folder of queries.
fn proposed(folder: &Path, source: &str) -> (String, PathBuf) {
    let output = inspect(&[source]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{source}: {}",
        text(&output.stderr)
    );
    let queries = folder.join("queries");
    std::fs::create_dir_all(&queries).unwrap();
    std::fs::write(queries.join("proposal.sql"), &output.stdout).unwrap();
    (text(&output.stdout), queries)
}

/// The changes of a run of these queries to the end; nothing is a dead letter, and nothing late.
fn run(folder: &Path, queries: &Path, more: &[&str]) -> Vec<Value> {
    let checked = standings(&["check", "--queries", queries.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let at = |name: &str| format!("file:{}", folder.join(name).display());
    let output = standings(&["run", "--until-end", "--queries", queries.to_str().unwrap()])
        .args([
            "--sink",
            "stdout",
            "--dead-letter",
            &at("dead"),
            "--late",
            &at("late"),
        ])
        .args(more)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for name in ["dead", "late"] {
        let lines = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(lines, "", "{name}");
    }
    let lines = text(&output.stdout);
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn what_is_proposed_for_a_file_works_as_it_is() {
    for shape in SHAPES {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(shape.file);
        std::fs::write(&file, shape.text).unwrap();
        let (said, queries) = proposed(folder.path(), &format!("file:{}", file.display()));
        // Whatever comes behind the line.
        let plain = said.replace(", -- ", " -- ");
        for word in shape.says {
            let word = word.replace(", -- ", " -- ");
            assert!(plain.contains(&word), "{}: {word}: {said}", shape.file);
        }
        let changes = run(folder.path(), &queries, &[]);
        let first = changes
            .iter()
            .find(|c| c["op"] == "upsert" && c["rank"] == 1)
            .unwrap();
        let want: Value = serde_json::from_str(shape.row).unwrap();
        assert_eq!(first["row"], want, "{}: {said}", shape.file);
    }
}

#[test]
fn compressed_in_a_folder_and_in_another_charset() {
    let folder = tempfile::tempdir().unwrap();
    for (city, bytes) in [
        ("Porto", &b"at,name,n\n2026-01-23T10:00:00Z,S\xe3o,1\n"[..]),
        ("Faro", b"at,name,n\n2026-01-23T10:00:00Z,a,2\n"),
    ] {
        let inner = folder.path().join("data").join(format!("city={city}"));
        std::fs::create_dir_all(&inner).unwrap();
        let packed = zstd::encode_all(bytes, 0).unwrap();
        std::fs::write(inner.join("a.csv.zst"), packed).unwrap();
    }
    let source = format!("file:{}", folder.path().join("data").display());
    let (said, queries) = proposed(folder.path(), &source);
    for word in [
        "a folder of 2 files: CSV, compressed with zstd",
        "PARTITIONED BY (city)",
        "city STRING, -- a part of the path",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    // Only the first file is looked at for the charset: the other one is found when it is tried.
    let changes = std::fs::read_to_string(queries.join("proposal.sql")).unwrap();
    assert!(
        changes.contains("would be dead letters, not_utf8"),
        "{changes}"
    );
}

/// Rows that are updated and deleted, in each form that a file can have them: the proposal counts what is left.
const CHANGING: &[Shape] = &[
    Shape {
        file: "debezium.ndjson",
        text: r#"{"before":null,"after":{"id":1,"created":1769155200000000,"city":"Porto","amount":"A+g="},"source":{"ts_ms":1},"op":"c","ts_ms":1}
{"before":null,"after":{"id":2,"created":1769155300000000,"city":"Porto","amount":"AfQ="},"source":{"ts_ms":1},"op":"c","ts_ms":1}
{"before":{"id":1,"created":1769155200000000,"city":"Porto","amount":"A+g="},"after":{"id":1,"created":1769155200000000,"city":"Faro","amount":"A+g="},"source":{"ts_ms":1},"op":"u","ts_ms":1}
{"before":{"id":1,"created":1769155200000000,"city":"Faro","amount":"A+g="},"after":null,"source":{"ts_ms":1},"op":"d","ts_ms":1}
"#,
        says: &[
            "Debezium's changes",
            "'format' = 'debezium-json'",
            "PRIMARY KEY (id) NOT ENFORCED -- named like a key",
            "event_time AS TO_TIMESTAMP_LTZ(created, 6)",
            "of 4 records 4 fit",
        ],
        row: r#"{"city":"Porto","records":1,"total_amount":"5.00"}"#,
    },
    Shape {
        file: "unwrapped.ndjson",
        text: r#"{"sale_id":"a","event_time":"2026-01-23T08:00:00Z","city":"Porto","amount":"10.00","__deleted":"false","__op":"c"}
{"sale_id":"b","event_time":"2026-01-23T08:01:00Z","city":"Porto","amount":"7.00","__deleted":"false","__op":"c"}
{"sale_id":"a","event_time":"2026-01-23T08:00:00Z","city":"Porto","amount":"10.00","__deleted":"true","__op":"d"}
"#,
        says: &[
            "Debezium's changes, unwrapped",
            "PRIMARY KEY (sale_id) NOT ENFORCED",
            "'changelog' = 'upsert'",
            "'delete.field' = '__deleted'",
            "of 3 records 3 fit",
        ],
        row: r#"{"city":"Porto","records":1,"total_amount":"7.00"}"#,
    },
    Shape {
        file: "sales.upsert.ndjson",
        text: r#"{"key":{"sale_id":"a"},"value":{"event_time":"2026-01-23T08:00:00Z","city":"Porto","amount":"10.00"}}
{"key":{"sale_id":"b"},"value":{"event_time":"2026-01-23T08:01:00Z","city":"Porto","amount":"7.00"}}
{"key":{"sale_id":"a"},"value":null}
"#,
        says: &[
            "a line is a key and its present row",
            "PRIMARY KEY (sale_id) NOT ENFORCED",
            "'changelog' = 'upsert'",
        ],
        row: r#"{"city":"Porto","records":1,"total_amount":"7.00"}"#,
    },
    Shape {
        file: "maxwell.ndjson",
        text: r#"{"database":"d","table":"t","type":"insert","ts":1769155200,"primary_key_columns":["n"],"data":{"n":1,"at":"2026-01-23T08:00:00Z","city":"Porto","amount":"10.00"}}
{"database":"d","table":"t","type":"update","ts":1769155200,"primary_key_columns":["n"],"data":{"n":1,"at":"2026-01-23T08:00:00Z","city":"Porto","amount":"3.00"},"old":{"amount":"10.00"}}
"#,
        says: &["Maxwell's changes", "PRIMARY KEY (n) NOT ENFORCED,"],
        row: r#"{"city":"Porto","records":1,"total_amount":"3.00"}"#,
    },
];

#[test]
fn rows_that_change_are_counted_as_they_are() {
    for shape in CHANGING {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(shape.file);
        std::fs::write(&file, shape.text).unwrap();
        let (said, queries) = proposed(folder.path(), &format!("file:{}", file.display()));
        let plain = format!("{said}\n").replace("ENFORCED\n", "ENFORCED,\n");
        for word in shape.says {
            assert!(plain.contains(word), "{}: {word}: {said}", shape.file);
        }
        let last = run(folder.path(), &queries, &[])
            .into_iter()
            .rfind(|c| c["op"] == "upsert");
        let want: Value = serde_json::from_str(shape.row).unwrap();
        assert_eq!(last.unwrap()["row"], want, "{}: {said}", shape.file);
    }
}

#[test]
fn a_compacted_topic_is_its_present_rows() {
    let brokers = service("KAFKA_BROKERS");
    let topic = topic("inspected_rows", 1);
    let row = |id: &str, amount: u32| {
        format!(
            r#"{{"sale_id":"{id}","event_time":"2026-01-23T08:00:00Z","city":"Porto","amount":{amount}}}"#
        )
    };
    let key = |id: &str| Some(format!(r#"{{"sale_id":"{id}"}}"#).into_bytes());
    let records = vec![
        (key("a"), row("a", 10).into_bytes()),
        (key("b"), row("b", 7).into_bytes()),
        (key("a"), Vec::new()),
    ];
    produce_keyed(&topic, &[records]);
    let folder = tempfile::tempdir().unwrap();
    let source = format!("kafka://{brokers}/{topic}");
    let (said, queries) = proposed(folder.path(), &source);
    for word in [
        "a record is the present row of its key",
        "'connector' = 'upsert-kafka'",
        "'key.format' = 'json'",
        "'value.format' = 'json'",
        "PRIMARY KEY (sale_id) NOT ENFORCED",
        "of 3 records 3 fit",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let last = run(folder.path(), &queries, &[])
        .into_iter()
        .rfind(|c| c["op"] == "upsert");
    let want = serde_json::json!({"city": "Porto", "records": 1, "total_amount": 7});
    assert_eq!(last.unwrap()["row"], want, "{said}");
}

/// What a command says that gets this as standard input.
fn piped(args: &[&str], input: &[u8]) -> Output {
    let mut child = standings(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output
}

#[test]
fn standard_input_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let sales = b"city,amount\nPorto,1.50\nFaro,2.25\nPorto,1\n";
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(sales).unwrap();
    let packed = packed.finish().unwrap();
    for (input, container) in [(&sales[..], "CSV"), (&packed[..], "gzip")] {
        let output = piped(&["inspect", "-"], input);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(said.contains(container), "{said}");
        assert!(said.contains("CREATE TABLE input"), "{said}");
        // It lies nowhere that a table could name.
        assert!(
            !said.contains("'path'") && !said.contains("/dev/stdin'"),
            "{said}"
        );
        let queries = folder.path().join("queries");
        std::fs::create_dir_all(&queries).unwrap();
        std::fs::write(queries.join("input.sql"), &output.stdout).unwrap();
        let queries = queries.to_str().unwrap();
        let run = [
            "run",
            "--queries",
            queries,
            "--source",
            "-",
            "--sink",
            "stdout",
        ];
        let output = piped(&[&run[..], &["--until-end"]].concat(), input);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let rows = text(&output.stdout);
        assert!(
            rows.contains(r#""city":"Porto""#) && rows.contains("2.50"),
            "{rows}"
        );
    }
    let nothing = piped(&["inspect", "-"], b"");
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stderr).contains("is empty"));
}

#[test]
fn a_recording_is_told_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sales.rec");
    std::fs::write(&file, b"standings recording 1\n{\"topic\":\"t\"}\n").unwrap();
    let output = inspect(&[&format!("file:{}", file.display())]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("a recording of a topic"), "{said}");
    assert!(said.contains("recording:"), "{said}");
}

#[test]
fn parquet_is_what_its_own_types_say() {
    use arrow_array::{
        ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    };
    use std::sync::Arc;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sales.parquet");
    let columns: [(&str, ArrayRef); 3] = [
        (
            "sold",
            Arc::new(
                TimestampMicrosecondArray::from(vec![1_769_155_200_000_000, 1_769_155_260_000_000])
                    .with_timezone("UTC"),
            ),
        ),
        ("city", Arc::new(StringArray::from(vec!["Porto", "Faro"]))),
        ("price", Arc::new(Float64Array::from(vec![1.5, 2.25]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let out = std::fs::File::create(&file).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(out, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (said, queries) = proposed(folder.path(), &format!("file:{}", file.display()));
    for word in [
        "sold TIMESTAMP_LTZ(6)",
        "price DECIMAL(28, 2), -- DOUBLE in the file",
        "'format' = 'parquet'",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let changes = run(folder.path(), &queries, &[]);
    assert_eq!(changes[0]["row"]["total_price"], "2.25");
}

#[test]
fn for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.csv");
    std::fs::write(&file, SHAPES[0].text).unwrap();
    let output = inspect(&[
        &format!("file:{}", file.display()),
        "--json",
        "--records",
        "2",
    ]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&found["records"], &found["is_all"], &found["format"]),
        (&2.into(), &false.into(), &"csv".into())
    );
    assert_eq!(
        (
            &found["fields"][1]["type"],
            &found["fields"][1]["different"]
        ),
        (&"TIMESTAMP_LTZ(3)".into(), &2.into())
    );
    assert_eq!(
        (&found["tried"]["fits"], &found["tried"]["out_of_order_ms"]),
        (&2.into(), &0.into())
    );
    assert!(
        found["create_table"]
            .as_str()
            .unwrap()
            .starts_with("CREATE TABLE orders (")
    );
}

#[test]
fn what_cannot_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, code, word) in [
        (
            "empty.csv",
            &b""[..],
            1,
            "there is no record to look at [S1110]",
        ),
        (
            "names.csv",
            b"a,b\n",
            1,
            "there is no record to look at [S1110]",
        ),
        (
            "book.xlsx",
            b"PK\x03\x04\x14\0[Content_Types].xml",
            2,
            "an Excel workbook",
        ),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let output = inspect(&[&format!("file:{}", file.display())]);
        let wrong = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{wrong}");
        assert!(wrong.contains(word), "{wrong}");
    }
}

#[test]
fn a_topic_is_looked_at_and_no_group_is_left() {
    use rdkafka::consumer::Consumer;
    let brokers = service("KAFKA_BROKERS");
    let name = topic("inspected", 2);
    let source = format!("kafka://{brokers}/{name}");
    let empty = inspect(&[&source]);
    assert_eq!(empty.status.code(), Some(1));
    let code = "S1110";
    let wanted = format!("is empty: there is no record to look at [{code}]");
    assert!(text(&empty.stderr).contains(&wanted));

    let order = |second: u32, city: &str| {
        format!(r#"{{"at":"2026-01-23T10:00:{second:02}Z","city":"{city}","amount":"1.50"}}"#)
    };
    let lines = [
        vec![order(1, "Porto"), order(20, "Porto"), order(3, "Faro")],
        vec![order(2, "Faro")],
    ];
    produce(&name, &lines);
    let folder = tempfile::tempdir().unwrap();
    let (said, queries) = proposed(folder.path(), &source);
    for word in [
        "4 records, all that are there".to_owned(),
        format!("'topic' = '{name}'"),
        "WATERMARK FOR `at` AS `at` - INTERVAL '1' MINUTE -- records came up to 17 s out of order"
            .to_owned(),
    ] {
        assert!(said.contains(&word), "{word}: {said}");
    }
    let changes = run(folder.path(), &queries, &[]);
    let last = changes
        .iter()
        .rfind(|c| c["row"]["city"] == "Porto")
        .unwrap();
    assert_eq!(last["row"]["total_amount"], "3.00");

    let consumer: rdkafka::consumer::BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .create()
        .unwrap();
    let groups = consumer
        .fetch_group_list(None, std::time::Duration::from_secs(10))
        .unwrap();
    let ours = groups.groups().iter().find(|g| g.name().contains(&name));
    assert!(ours.is_none(), "{:?}", ours.map(|g| g.name().to_owned()));
}

#[test]
fn a_project_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.csv");
    std::fs::write(&file, SHAPES[0].text).unwrap();
    let source = format!("file:{}", file.display());
    let project = folder.path().join("a project");
    let init = |args: &[&str]| standings(&[&["init"], args].concat()).output().unwrap();
    let made = init(&["--from", &source, project.to_str().unwrap()]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    // Its second line is a command that runs.
    let said = text(&made.stdout);
    let command = said.lines().last().unwrap();
    assert!(command.starts_with("standings run --queries '"), "{said}");
    let changes = run(folder.path(), &project, &[]);
    assert_eq!(changes[0]["ranking"], "city_by_total_amount");

    let before = std::fs::read_to_string(project.join("table.sql")).unwrap();
    let again = init(&["--from", &source, project.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2));
    assert!(
        text(&again.stderr).contains("is there already, and nothing is overwritten"),
        "{}",
        text(&again.stderr)
    );
    let code = "S1111";
    assert!(text(&again.stderr).contains(&format!("[{code}]")));
    assert_eq!(
        std::fs::read_to_string(project.join("table.sql")).unwrap(),
        before
    );

    let shipped = folder.path().join("shipped");
    assert_eq!(init(&[shipped.to_str().unwrap()]).status.code(), Some(0));
    let checked = standings(&["check", "--queries", shipped.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(0));
}

#[test]
fn the_first_records_are_tried() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.csv");
    std::fs::write(&file, SHAPES[0].text).unwrap();
    let source = format!("file:{}", file.display());
    let (_, queries) = proposed(folder.path(), &source);
    let check = |source: &str| {
        let output = standings(&[
            "check",
            "--queries",
            queries.to_str().unwrap(),
            "--source",
            source,
        ])
        .output()
        .unwrap();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let (code, said, wrong) = check(&source);
    assert_eq!(code, Some(0), "{wrong}");
    assert!(said.contains("of the first 3 3 would be ranked"), "{said}");

    // Its path is the table's own, with other rows in it: one is late in no way, one is wrong, one name is another.
    std::fs::write(
        &file,
        "id,placed,city,sum\n1,2026-01-23 10:00:00,Porto,1.50\n2,23/01/2026,Faro,2\n",
    )
    .unwrap();
    let (code, said, wrong) = check(&source);
    assert_eq!(code, Some(0), "{wrong}");
    for word in [
        "of the first 2 1 would be ranked, 0 late, 1 dead letters",
        "bad_time 1, first: row 2: field \"placed\"",
        "fields that no column takes: sum",
        "columns without a value in any of them: amount",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    std::fs::write(&file, "id,placed,city,amount\n1,x,Porto,1.50\n").unwrap();
    let (code, _, wrong) = check(&source);
    assert!(code == Some(1) && wrong.contains("bad_time 1"), "{wrong}");
}

/// Local times of Parquet are of the table's zone; an hour that was skipped there is a dead letter.
#[test]
fn local_times_of_parquet_are_of_the_zone() {
    use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
    use std::sync::Arc;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sales.parquet");
    let at = |text: &str| standings_model::time::parse_rfc3339(text.as_bytes()).unwrap() * 1000;
    // Lisbon puts its clocks forward at one o'clock of 29 March.
    let times = ["2026-07-01T10:30:00Z", "2026-03-29T01:30:00Z"]
        .map(at)
        .to_vec();
    let columns: [(&str, ArrayRef); 2] = [
        ("sold", Arc::new(TimestampMicrosecondArray::from(times))),
        ("city", Arc::new(StringArray::from(vec!["Porto", "Faro"]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let out = std::fs::File::create(&file).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(out, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (said, queries) = proposed(folder.path(), &format!("file:{}", file.display()));
    assert!(
        said.contains("'scan.time-zone' = 'UTC' -- times have no offset"),
        "{said}"
    );
    let sql = queries.join("proposal.sql");
    let zoned = std::fs::read_to_string(&sql)
        .unwrap()
        .replace("'UTC'", "'Europe/Lisbon'");
    let zoned = zoned.replace("INTERVAL '1' DAY", "INTERVAL '1' HOUR");
    std::fs::write(&sql, zoned).unwrap();
    let dead = folder.path().join("dead");
    let output = standings(&[
        "run",
        "--until-end",
        "--sink",
        "stdout",
        "--queries",
        queries.to_str().unwrap(),
    ])
    .args(["--dead-letter", &format!("file:{}", dead.display())])
    .output()
    .unwrap();
    let changes = text(&output.stdout);
    assert!(
        changes.contains(r#""window_start":"2026-07-01T09:00:00Z""#),
        "{changes}"
    );
    let dead = std::fs::read_to_string(dead).unwrap();
    assert!(
        dead.lines().count() == 1 && dead.contains("bad_time"),
        "{dead}"
    );
}
