//! Avro decoded per second on one core: a sale's six columns, beside the same as JSON (the fast path) and beside apache-avro's
//! generic reader. Marks: at least 0.4 of JSON, at least 5 times the generic reader; the last line says what they come to.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use apache_avro::reader::datum::GenericDatumReader;
use standings_decode::Decoder;
use standings_model::schema::{FRAME, Given, Language, Schema};
use standings_model::table::Table;
use standings_model::table::format::{Encoding, Registry};

const SALES: usize = 10_000;
/// How long each is measured, a few times in turn.
const LENGTH: Duration = Duration::from_millis(300);
const TURNS: usize = 7;

const SCHEMA: &str = r#"{"type":"record","name":"Sale","namespace":"shop","fields":[
    {"name":"sale_id","type":"string"},
    {"name":"event_time","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"city","type":["null","string"],"default":null},
    {"name":"salesman_id","type":"string"},
    {"name":"salesman_name","type":["null","string"],"default":null},
    {"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}}]}"#;

const CITIES: [&str; 6] = [
    "Lisbon",
    "Porto",
    "São Paulo",
    "Rio de Janeiro",
    "Łódź",
    "Santiago de Compostela",
];
const NAMES: [&str; 4] = [
    "Ana Sousa",
    "Maximilian Oberhuber",
    "Li Wei",
    "Guðrún Jónsdóttir",
];

/// One sale: id, ms, city, salesman, name, cents.
fn sale(n: usize) -> (String, i64, &'static str, String, &'static str, i64) {
    (
        format!("8f14e45f-{n:08}"),
        1_769_126_400_000 + (n as i64 * 8_641) % 86_400_000,
        CITIES[n * 31 % CITIES.len()],
        format!("S{:06}", n * 37 % 100_000),
        NAMES[n * 11 % NAMES.len()],
        (n as i64 * 791_981) % 500_000,
    )
}

fn long(out: &mut Vec<u8>, n: i64) {
    let mut n = ((n << 1) ^ (n >> 63)) as u64;
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}

fn avro(n: usize) -> Vec<u8> {
    let (id, ms, city, salesman, name, cents) = sale(n);
    let mut out = vec![0, 0, 0, 0, 7];
    bytes(&mut out, id.as_bytes());
    long(&mut out, ms);
    long(&mut out, 1);
    bytes(&mut out, city.as_bytes());
    bytes(&mut out, salesman.as_bytes());
    long(&mut out, 1);
    bytes(&mut out, name.as_bytes());
    let word = cents.to_be_bytes();
    let first = word.iter().position(|b| *b != 0).unwrap_or(7);
    let first = if word[first] >= 0x80 {
        first - 1
    } else {
        first
    };
    bytes(&mut out, &word[first..]);
    out
}

fn json(n: usize) -> Vec<u8> {
    let (id, ms, city, salesman, name, cents) = sale(n);
    let time = standings_model::time::format_rfc3339(ms);
    let amount = format!("{}.{:02}", cents / 100, cents % 100);
    format!(
        r#"{{"sale_id":"{id}","event_time":"{time}","city":"{city}","salesman_id":"{salesman}","salesman_name":"{name}","amount":{amount}}}"#
    )
    .into_bytes()
}

/// Records a second by a way of reading all of them.
fn rate(mut all: impl FnMut() -> i128) -> f64 {
    let (mut rounds, began) = (0, Instant::now());
    while began.elapsed() < LENGTH {
        black_box(all());
        rounds += 1;
    }
    (rounds * SALES) as f64 / began.elapsed().as_secs_f64()
}

fn total(decoder: &mut Decoder, records: &[Vec<u8>]) -> i128 {
    let mut total = 0;
    for record in records {
        if let Ok(sale) = decoder.decode(black_box(record))
            && let standings_decode::Cell::Decimal(cents) = sale.cells[5]
        {
            total += cents + i128::from(sale.event_time & 1);
        }
    }
    total
}

fn main() {
    let (avros, jsons): (Vec<_>, Vec<_>) = (0..SALES).map(|n| (avro(n), json(n))).unzip();
    let mut table = Table::sales();
    let mut of_json = Decoder::new(&table, None, 1 << 20);
    table.format.encoding = Encoding::Avro;
    table.format.registry = Some(Registry::default());
    let mut of_avro = Decoder::new(&table, None, 1 << 20);
    let given = Given {
        of_key: false,
        id: Some((Arc::from("registry"), 7)),
        schema: Arc::new(Schema::new(Language::Avro, SCHEMA)),
    };
    of_avro.learn(&table, &given);
    let want = total(&mut of_json, &jsons);
    assert_eq!(total(&mut of_avro, &avros), want, "both read the same");
    let Ok(schema) = apache_avro::Schema::parse_str(SCHEMA) else {
        panic!("no schema");
    };
    let Ok(reader) = GenericDatumReader::builder(&schema).build() else {
        panic!("no reader");
    };
    let generic = || {
        let read = |record: &Vec<u8>| reader.read_value(&mut &record[FRAME..]).is_ok();
        avros
            .iter()
            .filter(|record| read(black_box(record)))
            .count() as i128
    };
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..TURNS {
        rates[0].push(rate(|| total(&mut of_json, &jsons)));
        rates[1].push(rate(|| total(&mut of_avro, &avros)));
        rates[2].push(rate(generic));
    }
    let middle = |rates: &mut Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    let [json, avro, generic] = rates.each_mut().map(middle);
    println!("json     {:6.2} M records/s", json / 1e6);
    println!("avro     {:6.2} M records/s", avro / 1e6);
    println!("generic  {:6.2} M records/s (apache-avro)", generic / 1e6);
    println!(
        "avro / json {:.2} (mark 0.4), avro / generic {:.1} (mark 5)",
        avro / json,
        avro / generic
    );
}
