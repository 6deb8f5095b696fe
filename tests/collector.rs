//! The collector's promises, by what `--gc-stats` counts: no step traces more the more is alive,
//! and what programs throw away does not add up. Whether it ever frees what is alive, the
//! programs of `lang` find out with `--gc-stress`.

use gene_aot::{Scratch, optimised, programs, run};
use std::process::Command;

struct Stats {
    out: String,
    collections: usize,
    steps: usize,
    /// KiB.
    traced: usize,
    /// KiB.
    taken: usize,
}

/// Runs a program with `COUNT` replaced by the number.
fn run_with(source: &str, n: usize) -> Stats {
    let scratch = Scratch::new();
    let file = scratch.write("main.gene", source.replace("COUNT", &n.to_string()));
    let image = scratch.file("main.gir");
    run(Command::new(&programs().compile)
        .arg(&file)
        .arg("-o")
        .arg(&image))
    .expect(0);
    let output = run(Command::new(&programs().vm).arg("--gc-stats").arg(&image));
    output.expect(0);
    let line = output.err.lines().last().expect("the statistics");
    let number = |before: &str| {
        let words: Vec<&str> = line.split([' ', ';', ',']).collect();
        let at = words.windows(2).position(|w| w[1] == before);
        words[at.expect(before)].parse().expect("a number")
    };
    let kib = |behind: &str| {
        let at = line.find(behind).expect(behind);
        let digits = line[..at].trim_end_matches(" KiB").rsplit(' ').next();
        digits.expect("a number").parse().expect("a number")
    };
    Stats {
        collections: number("collections"),
        steps: number("steps"),
        traced: kib(" KiB traced"),
        taken: kib(" KiB taken"),
        out: output.out,
    }
}

/// Sizes for a build that is some thirty times slower.
fn scaled(n: usize) -> usize {
    if optimised() { n } else { n / 20 }
}

const KEEPS_OBJECTS: &str = "
(class Node (ctor [v next] (/v = v) (/next = next)))
(var all [])
(for i in (1 .. COUNT) (all .push (new Node i nil)))
(var sum 0)
(for round in (1 .. 3)
  (for i in (1 .. COUNT)
    (var n (new Node (i * round) nil))
    (all .set (i - 1) n)))
(for n in all (sum += n/v))
(println sum)";

const KEEPS_A_LIST: &str = "
(var list nil)
(for i in (1 .. COUNT) (list = [i list]))
(for i in (1 .. COUNT) #\"#{i}\")
(var sum 0)
(while list (sum += list/0) (list = list/1))
(println sum)";

const KEEPS_A_MAP: &str = "
(var m {{}})
(for i in (1 .. COUNT) (m .set i [i]))
(for i in (1 .. COUNT) (m .set i [(m .get i) i]))
(for i in (1 .. COUNT) (if ((i % 2) == 0) (m .delete i)))
(for i in (1 .. COUNT) (if ((i % 2) == 0) (m .set i [[i] i])))
(var sum 0)
(for i in (1 .. COUNT) (sum += (((m .get i) .get 0) .get 0)))
(println sum)";

const KEEPS_CLOSURES_AND_GENERATORS: &str = "
(fn counter [] (var n 0) (fn [] (n += 1) [n]))
(fn series* [from] (var n from) (loop (yield [n]) (n += 1)))
(var fs [])
(for i in (1 .. 1000) (fs .push (counter)))
(var all [])
(for i in (1 .. 1000) (all .push (series* i)))
(var sum 0)
(for i in (1 .. COUNT)
  (var f (fs .get (i % 1000)))
  (if f (sum += ((f) .get 0)))
  (var g (all .get (i % 1000)))
  (sum += ((g .next) .get 0)))
(println (sum > 0))";

#[test]
fn a_step_is_as_short_with_ten_times_as_much_alive() {
    for source in [KEEPS_OBJECTS, KEEPS_A_LIST, KEEPS_A_MAP] {
        let n = scaled(300_000);
        let stats = run_with(source, n);
        assert_eq!(stats.out.trim(), expected(source, n), "{source}");
        if optimised() {
            assert!(stats.collections > 1, "{source}");
            assert!(stats.steps > 4 * stats.collections, "{source}");
        }
        // One step traces half a MiB, one object or slice more, and the roots.
        assert!(stats.traced <= 1024, "{} KiB: {source}", stats.traced);
    }
}

fn expected(source: &str, n: usize) -> String {
    let sum = n * (n + 1) / 2;
    match source == KEEPS_OBJECTS {
        true => (3 * sum).to_string(),
        false => sum.to_string(),
    }
}

#[test]
fn what_is_changed_while_marking_is_found() {
    let stats = run_with(KEEPS_CLOSURES_AND_GENERATORS, scaled(1_000_000));
    assert_eq!(stats.out, "true\n");
    assert!(!optimised() || stats.collections > 3);
    assert!(stats.taken < 64 << 10, "{} KiB", stats.taken);
}

/// Each makes garbage of another kind in every round.
const CHURN: [&str; 6] = [
    "(class P (ctor [x] (/x = x))) (for i in (1 .. COUNT) (new P i))",
    "(for i in (1 .. COUNT) [i [i] {^a i}])",
    "(for i in (1 .. COUNT) (var f (fn [] i)) (f))",
    "(for i in (1 .. COUNT) (try (throw \"x\") catch * nil))",
    "(fn g* [n] (yield n)) (for i in (1 .. COUNT) (for x in (g* i) x))",
    "(var s \"\") (for i in (1 .. COUNT) (s = #\"#{i} text\"))",
];

#[test]
fn garbage_does_not_add_up() {
    for source in CHURN {
        let n = scaled(200_000);
        let (few, many) = (run_with(source, n), run_with(source, 4 * n));
        assert!(
            !optimised() || many.collections > few.collections,
            "{source}"
        );
        // The first collection waits for 8 MiB, which the few rounds may not make.
        let limit = few.taken.max(12 << 10) * 9 / 8;
        assert!(
            many.taken <= limit,
            "{} KiB for {n} rounds, {} KiB for four times as many: {source}",
            few.taken,
            many.taken
        );
    }
}
