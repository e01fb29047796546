//! Times of the stages of the hot path: `cargo bench --bench stages`.

#[path = "mod.rs"]
mod stages;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn all(c: &mut Criterion) {
    let stages = stages::Stages::new();
    let mut group = c.benchmark_group("stages");
    group.throughput(Throughput::Elements(stages::SALES as u64));
    for name in stages::NAMES {
        group.bench_function(name, |b| b.iter(|| stages.run(name)));
    }
    group.finish();
}

criterion_group!(benches, all);
criterion_main!(benches);
