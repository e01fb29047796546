//! Times of the stages of the hot path: `cargo bench -p standings-stages --bench stages`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use standings_stages::{NAMES, SALES, Stages};

fn all(c: &mut Criterion) {
    let stages = Stages::new();
    let mut group = c.benchmark_group("stages");
    group.throughput(Throughput::Elements(SALES as u64));
    for name in NAMES {
        group.bench_function(name, |b| b.iter(|| stages.run(name)));
    }
    group.finish();
}

criterion_group!(benches, all);
criterion_main!(benches);
