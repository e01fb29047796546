//! Sales decoded per second on one core: the fast path, the full path, and alternating layouts.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use standings_decode::Decoder;
use standings_model::table::Table;

const SALES: u64 = 10_000;

/// About 174 bytes a sale, one day; with `layouts` 2 every other one has another field order.
fn sales(layouts: u64) -> Vec<String> {
    let cities = [
        "Lisbon",
        "Porto",
        "São Paulo",
        "Rio de Janeiro",
        "Łódź",
        "Santiago de Compostela",
    ];
    let names = [
        "Ana Sousa",
        "Maximilian Oberhuber",
        "Li Wei",
        "Guðrún Jónsdóttir",
    ];
    (0..SALES)
        .map(|n| {
            let id = format!("\"sale_id\":\"8f14e45f-{n:08}\"");
            let (hour, minute, second, ms) = (n % 24, n * 7 % 60, n * 13 % 60, n * 17 % 1000);
            let rest = format!(
                "\"event_time\":\"2026-01-23T{hour:02}:{minute:02}:{second:02}.{ms:03}Z\",\"city\":\"{}\",\
                 \"salesman_id\":\"S{:06}\",\"salesman_name\":\"{}\",\"amount\":{}.{:02}",
                cities[n as usize * 31 % cities.len()],
                n * 37 % 100_000,
                names[n as usize * 11 % names.len()],
                n * 7919 % 5000,
                n % 100,
            );
            if n % layouts == 0 { format!("{{{id},{rest}}}") } else { format!("{{{rest},{id}}}") }
        })
        .collect()
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(SALES));
    for (name, layouts, full) in [
        ("fast", 1, false),
        ("two layouts", 2, false),
        ("full", 1, true),
    ] {
        let records = sales(layouts);
        let mut decoder = Decoder::new(&Table::sales(), None, 1 << 20);
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut total = 0;
                for record in &records {
                    let record = black_box(record.as_bytes());
                    let sale = if full {
                        decoder.decode_full(record)
                    } else {
                        decoder.decode(record)
                    };
                    if let Ok(sale) = sale {
                        total += sale.event_time + sale.bytes(2).map_or(0, <[u8]>::len) as i64;
                    }
                }
                total
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
