//! `gene debug`, by commands from a pipe.

use super::{compile, gene, gene_reads};
use gene_aot::Scratch;

const PROGRAM: &str = "\
(class Box
  (ctor [x] (/x = x))
  (method sum [y]
    (var z (/x + y))
    (z * 2)))
(var total 10)
(fn fact [n acc]
  (if (n < 2)
    acc
  else
    (fact (n - 1) (n * acc))))
(fn count* [n]
  (var i 0)
  (while (i < n)
    (yield i)
    (i = (i + 1))))
(fn outer [a]
  (var b (a + 1))
  (var add (fn [c] (a + b + c)))
  (b = (b + 1))
  (add 5))
(println (fact 4 1))
(for x in (count* 2)
  (println x))
(println (outer 1))
(println ((new Box 3) .sum 4))
(println ([1 2] .map (fn [x]
  (x * total))))
(try (throw \"caught\") catch * nil)
(throw \"the end\")
(fn unused [n] (n * 3))
";

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("a.gene", PROGRAM);
    scratch
}

/// What a session prints, without what it begins with.
fn session(scratch: &Scratch, options: &[&str], commands: &str) -> String {
    let args: Vec<&str> = ["debug"].iter().chain(options).copied().collect();
    let output = gene_reads(commands, scratch.path(), &args);
    assert!(
        output.expect(1).err.contains("\"the end\""),
        "{}",
        output.describe()
    );
    let begin = "__init__ at a.gene:1:1\n    1 | (class Box\n";
    let text = output.out.strip_prefix(begin);
    text.unwrap_or_else(|| panic!("{}", output.describe()))
        .to_owned()
}

const REST: &str = "24\n0\n1\n9\n14\n[10 20]\n";

#[test]
fn a_script_that_says_nothing_changes_nothing() {
    assert_eq!(session(&scratch(), &["a.gene"], ""), REST);
}

#[test]
fn breakpoints_stop_and_conditions_choose() {
    let commands = "\
break fact if (n == 2)
break 10
b a.gene:20
break lib/none.gene:3
break
delete 2
continue
print [n acc]
backtrace
delete
d 7
";
    let expected = "\
breakpoint 1: fact at a.gene:8 if (n == 2)
breakpoint 2: a.gene:11
breakpoint 3: a.gene:20
there is no code at lib/none.gene:3; modules: a.gene
breakpoint 1: fact at a.gene:8 if (n == 2)
breakpoint 2: a.gene:11
breakpoint 3: a.gene:20
breakpoint 1, fact at a.gene:8:7
    8 |   (if (n < 2)
[2 12]
> 0   fact at a.gene:8:7
  1   __init__ at a.gene:22:10
there is no such breakpoint
";
    for options in [&["a.gene"][..], &["-O1", "a.gene"]] {
        let found = session(&scratch(), options, commands);
        assert_eq!(found, format!("{expected}{REST}"), "{options:?}");
    }
    let failing = session(&scratch(), &["a.gene"], "b 20 if (nowhere > 1)\nc\n");
    assert!(
        failing.contains("its condition failed: nowhere is not defined\n"),
        "{failing}"
    );
}

#[test]
fn steps_go_into_over_and_out() {
    let commands = "b 18\nc\nn\nn\n\nstep\nbt\nfinish\nc\n";
    let expected = "\
breakpoint 1: a.gene:18
24
0
1
breakpoint 1, outer at a.gene:18:10
   18 |   (var b (a + 1))
outer at a.gene:20:9
   20 |   (b = (b + 1))
outer at a.gene:21:3
   21 |   (add 5))
__init__ at a.gene:25:1
   25 | (println (outer 1))
";
    let found = session(&scratch(), &["a.gene"], commands);
    assert!(found.starts_with(expected), "{found}");
    // a generator is a call, and so is a function that the library calls
    let found = session(
        &scratch(),
        &["a.gene"],
        "b 23\nc\ns\ns\nbt\nd\nb 28\nc\nbt\nlocals\n",
    );
    let expected = "\
> 0   count* at a.gene:15:5
  1   __init__ at a.gene:23:1
";
    assert!(found.contains(expected), "{found}");
    let expected = "\
> 0   (anonymous) at a.gene:28:3
  1   Array.map at (library)
  2   __init__ at a.gene:27:10
x = 1
";
    assert!(found.contains(expected), "{found}");
}

#[test]
fn variables_are_shown_and_changed() {
    let commands = "\
b 20
c
locals
n
p (add 1)
s
locals
up
locals
(b = 50)
down
print (a + b + c)
(total = 7)
up
up
up
globals
d
b 4
c
locals
p self
p (/x + y)
p (self .sum 1)
(/x = 5)
p (unused 5)
p (loop_of_nothing)
p (throw \"inside\")
p 1 2
p (1 +
p (exit 3)
";
    let expected = "\
breakpoint 1, outer at a.gene:20:9
   20 |   (b = (b + 1))
a = 1
b = 2
add = VkFunction
outer at a.gene:21:3
   21 |   (add 5))
5
(anonymous) at a.gene:19:25
   19 |   (var add (fn [c] (a + b + c)))
c = 5
a = 1
b = 3
__init__ at a.gene:25:10
   25 | (println (outer 1))
x = 1
error: there is no variable b here
this is the innermost frame
";
    let found = session(&scratch(), &["a.gene"], commands);
    let found = found
        .split_once("breakpoint 1: a.gene:20\n24\n0\n1\n")
        .expect("a start")
        .1;
    // (add 5) is a tail call: its caller is gone
    let expected = expected.replace(
        "this is the innermost frame\n",
        "(anonymous) at a.gene:19:25\n   19 |   (var add (fn [c] (a + b + c)))\n9\n7\n",
    );
    assert!(found.starts_with(&expected), "{found}");
    let rest = "\
Box = VkClass
count* = VkFunction
fact = VkFunction
outer = VkFunction
total = 7
breakpoint 2: a.gene:4
9
breakpoint 2, sum at a.gene:4:13
    4 |     (var z (/x + y))
self = VkInstance
y = 4
z = (no value yet)
VkInstance
  /x = 3
7
8
5
15
error: loop_of_nothing is not defined
(no variable here has this name; at -O1 it may have been optimised away)
error: inside
error: one expression, please: `2` follows
error: EOF while reading list )
error: it would end the program
18
[7 14]
";
    assert!(found.ends_with(rest), "{found}");
}

#[test]
fn exceptions_stop_where_they_are_raised() {
    let found = session(&scratch(), &["a.gene"], "catch all\nc\nc\np $ex\n");
    let expected = "\
raised: caught
__init__ at a.gene:29:6
   29 | (try (throw \"caught\") catch * nil)
raised, and not caught: the end
__init__ at a.gene:30:1
   30 | (throw \"the end\")
";
    assert!(found.contains(expected), "{found}");
    let found = session(&scratch(), &["a.gene"], "catch uncaught\nc\n");
    assert!(!found.contains("raised: caught") && found.contains("raised, and not caught: the end"));
    let found = session(&scratch(), &["a.gene"], "catch all\ncatch nothing\nc\n");
    assert_eq!(found, REST);
}

#[test]
fn images_are_debugged_too() {
    let scratch = scratch();
    compile(scratch.path(), &["a.gene"]).expect(0);
    let found = session(&scratch, &["a.gir"], "b outer\nc\nlocals\nlist 2\n");
    let expected = "\
breakpoint 1, outer at a.gene:18:10
   18 |   (var b (a + 1))
a = 1
b = (no value yet)
add = (no value yet)
    1 | (class Box
    2 |   (ctor [x] (/x = x))
";
    assert!(found.contains(expected), "{found}");
    // also by debug data in a file beside the image
    let split = ["a.gene", "-o", "s.gir", "--split-debug", "s.gir.debug"];
    compile(scratch.path(), &split).expect(0);
    let apart = session(&scratch, &["s.gir"], "b outer\nc\nlocals\nlist 2\n");
    assert_eq!(apart, found);
    compile(scratch.path(), &["--strip", "a.gene"]).expect(0);
    let args = ["debug", "a.gir"];
    let stripped = gene_reads("b 3\nlocals\nc\n", scratch.path(), &args);
    assert_eq!(stripped.expect(1).out, REST);
    // commands that make no sense
    let odd =
        "frame x\nframe 99\ndown\nup\nlist 999999\ncatch\nnonsense\nb \nb :\nb 99999999999\nquit\n";
    let output = gene_reads(odd, scratch.path(), &["debug", "a.gene"]);
    assert!(
        output
            .expect(0)
            .out
            .contains("there is no command nonsense")
    );
    assert_eq!(gene(scratch.path(), &["debug"]).expect(2).out, "");
    assert_eq!(
        gene(scratch.path(), &["debug", "none.gene"]).expect(3).out,
        ""
    );
}

/// What is evaluated keeps alive what it needs, and what the program needs.
#[test]
fn evaluation_and_collection_do_not_meet() {
    let source = "\
(fn mk [n]
  (var a [])
  (while ((a .size) < n) (a .push #\"s#{n}\"))
  a)
(fn count* [n]
  (var keep [n \"text\" {^a [n]}])
  (var i 0)
  (while (i < n)
    (yield #\"v#{i}\")
    (i = (i + 1)))
  (println keep))
(fn deep [n acc]
  (if (n < 1)
    (throw acc)
  else
    (deep (n - 1) #\"#{acc}.\") nil))
(for x in (count* 2)
  (println x))
(try (deep 3 \"a\") catch * (println $ex/message))
";
    let commands = "\
b 10
c
p ((mk 50) .size)
(keep = (mk 3))
up
p ((mk 20) .size)
p (for q in (count* 1) (println q))
d
b 16 if (((mk 10) .size) > 1)
c
p (mk 2)
(acc = #\"#{acc}b\")
p (try (deep 2 \"c\") catch * $ex/message)
d
c
";
    let scratch = Scratch::new();
    scratch.write("a.gene", source);
    let plain = gene_reads(commands, scratch.path(), &["debug", "a.gene"]);
    let args = ["debug", "--gc-stress", "a.gene"];
    let stressed = gene_reads(commands, scratch.path(), &args);
    assert_eq!(stressed.expect(0).out, plain.expect(0).out);
    for line in [
        "50",
        "20",
        "[s3 s3 s3]",
        "[\"s2\" \"s2\"]",
        "\"ab\"",
        "c..",
        "ab...",
    ] {
        let is_there = plain
            .out
            .lines()
            .any(|found| found.trim_matches('"') == line.trim_matches('"'));
        assert!(is_there, "{line}\n{}", plain.out);
    }
}
