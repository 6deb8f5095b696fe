//! How long the programs in `benches/programs` take, as whole processes: `gene-vm IMAGE`. The
//! images are compiled before the clock starts.

use criterion::{Criterion, criterion_group, criterion_main};
use gene_aot::{Scratch, cases, judge, programs, root, run};
use std::process::{Command, Stdio};
use std::time::Duration;

fn benchmarks(c: &mut Criterion) {
    let scratch = Scratch::new();
    let mut group = c.benchmark_group("execute");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));
    for case in cases(&root().join("benches/programs")) {
        let name = case
            .path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let image = scratch.file(&format!("{name}.gir"));
        run(Command::new(&programs().compile)
            .arg(&case.path)
            .arg("-o")
            .arg(&image))
        .expect(0);
        let problems = judge(&case, &run(Command::new(&programs().vm).arg(&image)));
        assert!(problems.is_empty(), "{name}: {problems:?}");
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut command = Command::new(&programs().vm);
                command.arg(&image).stdout(Stdio::null());
                assert!(command.status().expect("gene-vm").success());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
