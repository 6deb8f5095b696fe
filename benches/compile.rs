//! How fast source becomes an image: bytes of source per second, on generated programs.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gene_compiler::compile::{Options, compile};
use gene_compiler::gene::NoFiles;
use gene_compiler::source::SourceMap;
use gene_format::write::{WriteOptions, write_image};
use std::fmt::Write;
use std::hint::black_box;

/// Functions and classes of an ordinary kind, all different.
fn source(functions: usize) -> String {
    let mut text = String::new();
    for i in 0..functions {
        writeln!(
            text,
            "(fn handler_{i} [request limit = {i}]
  (var total 0)
  (for item in request
    (if (item > limit) (total += (item * {k})) elif (item == {i}) (total -= 1))
    (if (total > 100000) (return #\"handler {i}: #{{total}}\")))
  (try (helper_{i} total) catch e (println e/message)))
(fn helper_{i} [n] (case n when 0 (throw \"empty {i}\") when 1 \"one\" else [n {{^id {i} ^name \"n{i}\"}}]))
(class Thing{i} (ctor [a b] (/a = a) (/b = b)) (method sum [x] (/a + /b + x)))",
            k = i % 17 + 2
        )
        .expect("a string");
    }
    text
}

fn image(text: &str) -> Vec<u8> {
    let mut sources = SourceMap::new();
    let main = sources.add("main.gene".to_owned(), text.as_bytes().to_vec());
    let options = Options::default();
    let program = compile(&mut sources, main, "/main.gene", &mut NoFiles, &options);
    let Ok(program) = program else {
        panic!("the generated source does not compile");
    };
    write_image(&program, &WriteOptions::default()).expect("the program fits an image")
}

fn benchmarks(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile");
    group.sample_size(20);
    for functions in [10, 100, 1_000] {
        let text = source(functions);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("{functions} handlers"), |b| {
            b.iter(|| image(black_box(&text)));
        });
    }
    group.finish();
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
