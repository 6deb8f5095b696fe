//! What it costs to load an image, against its size. Code is checked when it is first called,
//! so loading touches everything but executes and verifies nothing.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gene_format::aligned::Aligned;
use gene_format::image::CheckedImage;
use gene_format::testing::big;
use gene_format::verify::verify_image;
use gene_format::write::{WriteOptions, write_image};
use std::hint::black_box;

fn benchmarks(c: &mut Criterion) {
    let images: Vec<(u32, Aligned)> = [10, 100, 1_000, 10_000]
        .into_iter()
        .map(|count| {
            let bytes = write_image(&big(count), &WriteOptions::default()).expect("it fits");
            (count, Aligned::new(&bytes))
        })
        .collect();

    let mut group = c.benchmark_group("load");
    for (count, image) in &images {
        group.throughput(Throughput::Bytes(image.len() as u64));
        group.bench_with_input(BenchmarkId::new("check", count), image, |b, image| {
            b.iter(|| {
                CheckedImage::parse(black_box(image))
                    .expect("whole")
                    .func_count()
            });
        });
        group.bench_with_input(BenchmarkId::new("verify all", count), image, |b, image| {
            b.iter(|| verify_image(black_box(image)).expect("valid").funcs().len());
        });
    }
    group.finish();

    let mut group = c.benchmark_group("read");
    for (count, image) in &images {
        let path = std::env::temp_dir().join(format!("gene-bench-{}.gir", std::process::id()));
        std::fs::write(&path, &image[..]).expect("a file");
        group.bench_with_input(BenchmarkId::new("file", count), &path, |b, path| {
            b.iter_batched(
                || path,
                |path| std::fs::read(black_box(path)).expect("the file").len(),
                BatchSize::SmallInput,
            );
        });
        std::fs::remove_file(&path).expect("the file");
    }
    group.finish();
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
