//! Random programs, some variables, parameters, results and fields annotated, run optimised, not optimised and with a collection at every safepoint. All
//! three must print the same and end the same way.
//!
//! `GENE_RANDOM_PROGRAMS=20000` makes more of them, `GENE_RANDOM_SEED=N` others;
//! `GENE_RANDOM_KEEP=FOLDER` keeps those that differ.

use gene_aot::random::Random;
use gene_aot::{Output, Scratch, in_parallel, number_from_env, optimised, programs, report, run};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn optimised_and_not_optimised_agree() {
    let count = number_from_env("GENE_RANDOM_PROGRAMS", if optimised() { 400 } else { 100 });
    let first = number_from_env("GENE_RANDOM_SEED", 1);
    let seeds: Vec<u64> = (first..first + count).map(|seed| seed as u64).collect();
    programs();
    let keep = std::env::var_os("GENE_RANDOM_KEEP").map(PathBuf::from);
    let results = in_parallel(&seeds, |seed| {
        let result = check(*seed);
        if let (Err(_), Some(folder)) = (&result, &keep) {
            let file = folder.join(format!("{seed}.gene"));
            std::fs::write(file, Generator::program(*seed)).expect("the folder is there");
        }
        result
    });
    let long = results.iter().filter(|r| matches!(r, Ok(false))).count();
    let failures: Vec<&String> = results.iter().filter_map(|r| r.as_ref().err()).collect();
    report(&format!(
        "{count} random programs, {long} of them too long to compare"
    ));
    assert!(
        failures.is_empty(),
        "{} differ; the first:\n{}",
        failures.len(),
        failures[0]
    );
    assert!(long * 4 < count, "most programs are too long to compare");
}

/// True if the ways agree, false if the program takes too many steps to tell.
fn check(seed: u64) -> Result<bool, String> {
    let scratch = Scratch::new();
    let text = Generator::program(seed);
    let source = scratch.write("random.gene", &text);
    let mut outputs: Vec<(&str, Output)> = Vec::new();
    for (level, way) in [("-O0", "-O0"), ("-O1", "-O1")] {
        let image = scratch.file(&format!("{way}.gir"));
        let compiled = compile(&source, level, &image);
        if compiled.code != Some(0) {
            return Err(format!(
                "seed {seed}: {way}: {}\n{text}",
                compiled.describe()
            ));
        }
        outputs.push((way, execute(&image, &[])));
    }
    outputs.push((
        "--gc-stress",
        execute(&scratch.file("-O1.gir"), &["--gc-stress"]),
    ));
    // Optimised code may need fewer steps.
    if outputs.iter().any(|(_, output)| output.code == Some(6)) {
        return Ok(false);
    }
    let (_, first) = &outputs[0];
    if !matches!(first.code, Some(0 | 1)) {
        return Err(format!("seed {seed}: {}\n{text}", first.describe()));
    }
    for (way, output) in &outputs[1..] {
        if output != first {
            let (a, b) = (first.describe(), output.describe());
            return Err(format!("seed {seed}\n-O0: {a}\n\n{way}: {b}\n\n{text}"));
        }
    }
    Ok(true)
}

fn compile(source: &Path, level: &str, image: &Path) -> Output {
    run(Command::new(&programs().compile)
        .arg(level)
        .arg(source)
        .arg("-o")
        .arg(image))
}

fn execute(image: &Path, options: &[&str]) -> Output {
    // Endless recursion meets the step limit first: how deep it goes depends on frame sizes.
    let limits = [
        "--max-steps=20000",
        "--max-memory=256M",
        "--max-depth=100000",
    ];
    let mut output = run(Command::new(&programs().vm)
        .args(limits)
        .args(options)
        .arg(image));
    // Log lines begin with the time.
    let timeless = |line: &str| match line.split_once(" gene/") {
        Some((start, text)) if start.starts_with("T00 ") => text.to_owned(),
        _ => line.to_owned(),
    };
    output.err = output
        .err
        .lines()
        .map(timeless)
        .collect::<Vec<_>>()
        .join("\n");
    output
}

/// The kinds of values that expressions are made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Int,
    Float,
    Bool,
    Str,
    Array,
    Map,
    /// A function of one integer.
    Fun,
    /// An instance of `Pair`.
    Pair,
}

impl Kind {
    /// The type that values of the kind have.
    fn type_name(self) -> &'static str {
        match self {
            Int => "Int",
            Float => "Float",
            Bool => "Bool",
            Str => "String",
            Array => "Array",
            Map => "Map",
            Fun => "Function",
            Pair => "Pair",
        }
    }
}

use Kind::{Array, Bool, Float, Fun, Int, Map, Pair, Str};

const KINDS: [Kind; 8] = [Int, Float, Bool, Str, Array, Map, Fun, Pair];

/// What surrounds a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    in_loop: bool,
    in_function: bool,
    in_generator: bool,
}

struct Generator {
    random: Random,
    out: String,
    indent: usize,
    /// Variables in scope, innermost last.
    variables: Vec<(String, Kind)>,
    /// Functions that may be called: name, kinds of parameters, kind of the result.
    functions: Vec<(String, Vec<Kind>, Kind)>,
    generators: Vec<String>,
    next_name: usize,
}

impl Generator {
    fn program(seed: u64) -> String {
        let mut g = Generator {
            random: Random::new(seed),
            out: String::new(),
            indent: 0,
            variables: Vec::new(),
            functions: Vec::new(),
            generators: Vec::new(),
            next_name: 0,
        };
        g.classes();
        for _ in 0..1 + g.random.below(3) {
            g.function();
        }
        for _ in 0..g.random.below(3) {
            g.generator();
        }
        let place = Place {
            in_loop: false,
            in_function: false,
            in_generator: false,
        };
        for kind in KINDS {
            let name = g.name("m");
            let (ty, value) = (g.annotation(kind), g.expression(kind, 1));
            g.line(&format!("(var {name}{ty} {value})"));
            g.variables.push((name, kind));
        }
        for _ in 0..4 + g.random.below(8) {
            g.statement(place, 3);
        }
        let all: Vec<String> = g.variables.iter().map(|(name, _)| name.clone()).collect();
        for name in all {
            g.line(&format!("(println \"{name}\" {name})"));
        }
        g.out
    }

    fn name(&mut self, prefix: &str) -> String {
        self.next_name += 1;
        format!("{prefix}{}", self.next_name)
    }

    fn line(&mut self, text: &str) {
        for _ in 0..self.indent {
            self.out.push_str("  ");
        }
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// Statements between two lines, with their own variables.
    fn block(&mut self, open: &str, close: &str, place: Place, depth: usize, count: usize) {
        self.line(open);
        let visible = self.variables.len();
        self.body(place, depth, count);
        self.variables.truncate(visible);
        self.line(close);
    }

    fn body(&mut self, place: Place, depth: usize, count: usize) {
        self.indent += 1;
        for _ in 0..count {
            self.statement(place, depth);
        }
        self.indent -= 1;
    }

    /// `": Type"` behind a name, or nothing: mostly a type that values of the kind have.
    fn annotation(&mut self, kind: Kind) -> String {
        match self.random.once_in(2) {
            true => format!(": {}", self.type_for(kind)),
            false => String::new(),
        }
    }

    /// `" -> Type"` behind parameters, or nothing.
    fn result_annotation(&mut self, kind: Kind) -> String {
        match self.random.once_in(3) {
            true => format!(" -> {}", self.type_for(kind)),
            false => String::new(),
        }
    }

    fn type_for(&mut self, kind: Kind) -> String {
        let other = self.random.pick(&KINDS).type_name();
        match (kind, self.random.below(24)) {
            (_, 0) => other.to_owned(), // values that do not fit convert, or raise an error
            (_, 1 | 2) => "Any".into(),
            (_, 3 | 4) => format!("({} | {other})", kind.type_name()),
            (_, 5) => format!("({other} | {} | Nil)", kind.type_name()),
            (Int | Float, 6 | 7) => "Numeric".into(),
            (Int, 8) => "Float".into(),
            (Float, 8) => "(Int | String)".into(),
            (Array, 6 | 7) => "(Array Int)".into(),
            (Array | Map, 8) => "Collection".into(),
            (Map, 6 | 7) => "(Map Symbol Int)".into(),
            (Fun, 6 | 7) => "(Fn [Int] Any)".into(),
            (Pair, 6) => "(Pair | Nil)".into(),
            _ => kind.type_name().into(),
        }
    }

    fn classes(&mut self) {
        let fields = [Int; 2].map(|kind| self.annotation(kind).replacen(": ", "", 1));
        let fields: Vec<String> = ["a", "b"]
            .iter()
            .zip(fields)
            .filter(|(_, ty)| !ty.is_empty())
            .map(|(name, ty)| format!("\n  (field {name} {ty})"))
            .collect();
        let fields = fields.concat();
        let [x, y, z] = [Int; 3].map(|kind| self.annotation(kind));
        let (sum, set) = (self.result_annotation(Int), self.result_annotation(Pair));
        let op = *self.random.pick(&["+", "-", "*"]);
        let k = self.random.below(9);
        write!(
            self.out,
            "(class Oops < Exception (ctor [n] (/n = n) (/message = #\"oops #{{n}}\")))
(class Pair{fields}
  (ctor [a{x} b = {k}] (/a = a) (/b = b))
  (method sum []{sum} (/a + /b))
  (method mix [x ^k{y} = {k}] (/a {op} x + k))
  (method set [x{z}]{set} (/a = x) self)
  (method adder [] (fn [x] (/b = (x % 100)) (self .sum)))
  (method \"==\" [o] ((o is Pair) && (/a == o/a))))
(class Triple < Pair
  (ctor [a] (super .ctor a (a % 7)) (/c = {k}))
  (method sum [] ((super .sum) + /c))
  (method mix [x] (super .mix x ^k /c)))
"
        )
        .expect("a string");
    }

    fn function(&mut self) {
        let name = self.name("f");
        let kinds: Vec<Kind> = (0..self.random.below(4))
            .map(|_| *self.random.pick(&KINDS))
            .collect();
        let result = *self.random.pick(&KINDS);
        let outer = std::mem::take(&mut self.variables);
        let params: Vec<String> = kinds.iter().map(|_| self.name("p")).collect();
        self.variables = params.iter().cloned().zip(kinds.iter().copied()).collect();
        let typed: Vec<String> = self
            .variables
            .clone()
            .into_iter()
            .map(|(name, kind)| name + &self.annotation(kind))
            .collect();
        let ty = self.result_annotation(result);
        self.line(&format!("(fn {name} [{}]{ty}", typed.join(" ")));
        let place = Place {
            in_loop: false,
            in_function: true,
            in_generator: false,
        };
        let count = 1 + self.random.below(4);
        self.body(place, 2, count);
        let value = self.expression(result, 2);
        self.line(&format!("  {value})"));
        self.variables = outer;
        self.functions.push((name, kinds, result));
    }

    fn generator(&mut self) {
        let name = format!("{}*", self.name("g"));
        let outer = std::mem::take(&mut self.variables);
        let param = self.name("p");
        self.variables = vec![(param.clone(), Int)];
        let ty = self.annotation(Int);
        self.line(&format!("(fn {name} [{param}{ty}]"));
        let place = Place {
            in_loop: false,
            in_function: true,
            in_generator: true,
        };
        let count = 2 + self.random.below(4);
        self.body(place, 2, count);
        self.line(&format!("  (yield {param}))"));
        self.variables = outer;
        self.generators.push(name);
    }

    fn statement(&mut self, place: Place, depth: usize) {
        if depth == 0 {
            return self.simple(place);
        }
        let inner = Place {
            in_loop: true,
            ..place
        };
        let count = 1 + self.random.below(3);
        match self.random.below(18) {
            0 | 1 => {
                let condition = self.expression(Bool, 2);
                self.line(&format!("(if {condition}"));
                let visible = self.variables.len();
                self.body(place, depth - 1, count);
                self.variables.truncate(visible);
                if self.random.once_in(2) {
                    self.block("else", ")", place, depth - 1, count);
                } else {
                    self.line(")");
                }
            }
            2 => {
                let i = self.name("i");
                let rounds = self.random.below(5);
                self.line(&format!("(var {i} 0)"));
                // the counter moves first, so that `continue` ends, too
                let open = format!("(while ({i} < {rounds}) ({i} += 1)");
                self.block(&open, ")", inner, depth - 1, count);
            }
            3 => {
                let x = self.name("x");
                let (open, kind) = match self.random.below(3) {
                    0 => (format!("(for {x} in {}", self.expression(Array, 2)), Int),
                    1 => (format!("(for {x} in (1 .. {})", self.random.below(5)), Int),
                    _ => match self.generators.clone().as_slice() {
                        [] => (format!("(for {x} in [1 2]"), Int),
                        all => {
                            let n = self.random.below(6);
                            let name = self.random.pick(all).clone();
                            (format!("(for {x} in ({name} {n})"), Int)
                        }
                    },
                };
                self.line(&open);
                let visible = self.variables.len();
                self.variables.push((x, kind));
                self.body(inner, depth - 1, count);
                self.variables.truncate(visible);
                self.line(")");
            }
            4 => {
                let (k, v) = (self.name("k"), self.name("v"));
                let map = self.expression(Map, 1);
                self.line(&format!("(for {k} {v} in {map}"));
                let visible = self.variables.len();
                self.variables.push((v, Int));
                self.line(&format!("  (print {k} \"\")"));
                self.body(inner, depth - 1, count);
                self.variables.truncate(visible);
                self.line(")");
            }
            5 => {
                let rounds = self.random.below(4);
                self.block(&format!("(repeat {rounds}"), ")", inner, depth - 1, count);
            }
            6..=8 => {
                let e = self.name("e");
                self.line("(try");
                let visible = self.variables.len();
                self.body(place, depth - 1, count);
                self.variables.truncate(visible);
                if self.random.once_in(3) {
                    self.line("catch Oops (print \"oops\" $ex/n \"\")");
                }
                let many = self.random.below(2);
                self.block(
                    &format!("catch {e} (print {e}/message \"\")"),
                    "",
                    place,
                    depth - 1,
                    many,
                );
                if self.random.once_in(2) {
                    // no jumps out of a `finally`
                    self.line("finally");
                    self.indent += 1;
                    self.print();
                    self.indent -= 1;
                }
                self.line(")");
            }
            9 => {
                let target = self.expression(Int, 2);
                let (a, b) = (self.random.below(4), self.expression(Int, 1));
                self.line(&format!("(case {target}"));
                self.block(&format!("when {a}"), "", place, depth - 1, 1);
                self.block(&format!("when {b}"), "", place, depth - 1, 1);
                self.block("else", ")", place, depth - 1, 1);
            }
            10 if place.in_loop => {
                let condition = self.expression(Bool, 2);
                let word = *self.random.pick(&["break", "continue"]);
                self.line(&format!("(if {condition} ({word}))"));
            }
            11 if place.in_function => {
                let (condition, value) = (self.expression(Bool, 2), self.any(1));
                self.line(&format!("(if {condition} (return {value}))"));
            }
            12 => {
                let (condition, value) = (self.expression(Bool, 2), self.expression(Int, 1));
                self.line(&format!("(if {condition} (throw (new Oops {value})))"));
            }
            13 => {
                // a function that changes variables around it
                let name = self.name("c");
                let outer = Place {
                    in_loop: false,
                    in_generator: false,
                    in_function: true,
                };
                let visible = self.variables.len();
                let param = self.name("p");
                let (ty, result) = (self.annotation(Int), self.result_annotation(Int));
                self.line(&format!("(var {name} (fn [{param}{ty}]{result}"));
                self.variables.push((param, Int));
                self.body(outer, depth - 1, count);
                let value = self.expression(Int, 1);
                self.variables.truncate(visible);
                self.line(&format!("  {value}))"));
                self.variables.push((name, Fun));
            }
            14 => {
                let name = self.name("d");
                let kind = *self.random.pick(&KINDS);
                let (ty, value) = (self.annotation(kind), self.expression(kind, 2));
                self.line(&format!("(var {name}{ty} {value})"));
                self.variables.push((name, kind));
            }
            _ => self.simple(place),
        }
    }

    fn simple(&mut self, place: Place) {
        if place.in_generator && self.random.once_in(3) {
            let value = self.expression(Int, 2);
            return self.line(&format!("(yield {value})"));
        }
        match self.random.below(8) {
            0 | 1 => {
                let kind = *self.random.pick(&KINDS);
                let value = self.expression(kind, 2);
                match self.variable(kind) {
                    Some(name) => self.line(&format!("({name} = {value})")),
                    None => self.line(&value),
                }
            }
            2 => {
                let kind = *self.random.pick(&[Int, Float]);
                let op = *self.random.pick(&["+=", "-=", "*=", "%="]);
                let value = self.expression(kind, 2);
                match self.variable(kind) {
                    Some(name) => self.line(&format!("({name} {op} {value})")),
                    None => self.line(&value),
                }
            }
            3 => {
                let value = self.expression(Int, 2);
                let Some(array) = self.variable(Array) else {
                    return self.print();
                };
                let change = match self.random.below(4) {
                    0 => format!("({array} .push {value})"),
                    1 => format!("({array}/0 = {value})"),
                    2 => format!("({array} .pop)"),
                    _ => format!("({array}/1 += {value})"),
                };
                self.line(&format!("(if ((len {array}) < 20) {change})"));
            }
            4 => {
                let value = self.expression(Int, 2);
                let Some(map) = self.variable(Map) else {
                    return self.print();
                };
                let key = *self.random.pick(&["a", "b", "c", "d"]);
                let text = match self.random.below(3) {
                    0 => format!("({map}/{key} = {value})"),
                    1 => format!("({map} .set \"{key}\" {value})"),
                    _ => format!("({map} .del \"{key}\")"),
                };
                self.line(&text);
            }
            5 => {
                let value = self.expression(Int, 2);
                let Some(pair) = self.variable(Pair) else {
                    return self.print();
                };
                let field = *self.random.pick(&["a", "b", "zz"]);
                let op = *self.random.pick(&["=", "=", "+="]);
                self.line(&format!("({pair}/{field} {op} {value})"));
            }
            _ => self.print(),
        }
    }

    fn print(&mut self) {
        let (a, b) = (self.any(2), self.any(1));
        self.line(&format!("(println {a} {b})"));
    }

    fn any(&mut self, depth: usize) -> String {
        let kind = *self.random.pick(&KINDS);
        self.expression(kind, depth)
    }

    fn variable(&mut self, kind: Kind) -> Option<String> {
        let fitting: Vec<&String> = self
            .variables
            .iter()
            .filter(|(_, k)| *k == kind)
            .map(|(name, _)| name)
            .collect();
        if fitting.is_empty() {
            return None;
        }
        Some((*self.random.pick(&fitting)).clone())
    }

    fn expression(&mut self, kind: Kind, depth: usize) -> String {
        if self.random.once_in(3) || depth == 0 {
            if let Some(name) = self.variable(kind).filter(|_| !self.random.once_in(4)) {
                return name;
            }
            return self.literal(kind);
        }
        let d = depth - 1;
        match self.random.below(9) {
            0 => {
                let fitting: Vec<(String, Vec<Kind>)> = self
                    .functions
                    .iter()
                    .filter(|(_, _, result)| *result == kind)
                    .map(|(name, params, _)| (name.clone(), params.clone()))
                    .collect();
                if !fitting.is_empty() {
                    let (name, params) = self.random.pick(&fitting).clone();
                    let args: Vec<String> = params
                        .iter()
                        .map(|kind| self.expression(*kind, d))
                        .collect();
                    return format!("({name} {})", args.join(" "));
                }
            }
            1 => {
                let (c, a, b) = (
                    self.expression(Bool, d),
                    self.expression(kind, d),
                    self.expression(kind, d),
                );
                return match self.random.below(3) {
                    0 => format!("(ifel {c} {a} {b})"),
                    1 => format!("(if {c} {a} else {b})"),
                    _ => format!("(case {c} when true {a} else {b})"),
                };
            }
            2 => {
                let (a, b) = (self.expression(kind, d), self.expression(kind, d));
                return match self.random.below(3) {
                    0 => format!("(try {a} catch * {b})"),
                    1 => format!("(try {a} finally {b})"),
                    _ => format!("(do {b} {a})"),
                };
            }
            3 => {
                // an assignment in the middle of an expression
                let value = self.expression(kind, d);
                if let Some(name) = self.variable(kind) {
                    return format!("({name} = {value})");
                }
            }
            _ => {}
        }
        self.operation(kind, d)
    }

    fn operation(&mut self, kind: Kind, d: usize) -> String {
        match kind {
            Int => {
                let (a, b) = (self.expression(Int, d), self.expression(Int, d));
                match self.random.below(10) {
                    0..=2 => {
                        let op = *self.random.pick(&["+", "-", "*", "%", "&&", "||"]);
                        format!("({a} {op} {b})")
                    }
                    3 => {
                        let c = self.expression(Int, d);
                        let ops = ["+", "-", "*"];
                        let (p, q) = (*self.random.pick(&ops), *self.random.pick(&ops));
                        format!("({a} {p} {b} {q} {c})")
                    }
                    4 => format!("(len {})", self.expression(Array, d)),
                    5 => format!("(len {})", self.expression(Str, d)),
                    6 => format!("({} {a})", self.function_value(d)),
                    7 => format!("({} .sum)", self.expression(Pair, d)),
                    8 => format!("({} .mix {a})", self.expression(Pair, d)),
                    _ => format!(
                        "({} .reduce {a} (fn [s x] (s + x)))",
                        self.expression(Array, d)
                    ),
                }
            }
            Float => {
                let (a, b) = (self.expression(Float, d), self.expression(Float, d));
                match self.random.below(3) {
                    0 => {
                        let (i, j) = (self.expression(Int, d), self.expression(Int, d));
                        format!("({i} / {j})")
                    }
                    1 => format!("({a} + {})", self.expression(Int, d)),
                    _ => {
                        let op = *self.random.pick(&["+", "-", "*", "/"]);
                        format!("({a} {op} {b})")
                    }
                }
            }
            Bool => {
                let (a, b) = (self.expression(Bool, d), self.expression(Bool, d));
                match self.random.below(6) {
                    0..=2 => {
                        let kind = *self.random.pick(&[Int, Int, Float]);
                        let op = *self.random.pick(&["<", "<=", ">", ">=", "==", "!="]);
                        let (x, y) = (self.expression(kind, d), self.expression(kind, d));
                        format!("({x} {op} {y})")
                    }
                    3 => {
                        let kind = *self.random.pick(&[Str, Array, Map, Pair, Bool]);
                        let op = *self.random.pick(&["==", "!="]);
                        let (x, y) = (self.expression(kind, d), self.expression(kind, d));
                        format!("({x} {op} {y})")
                    }
                    4 => format!("(! {a})"),
                    _ => {
                        let op = *self.random.pick(&["&&", "||"]);
                        format!("({a} {op} {b})")
                    }
                }
            }
            Str => {
                let (a, b) = (self.expression(Str, d), self.any(d));
                match self.random.below(5) {
                    0 => format!("#\"#{{{a}}}-#{{{b}}}\""),
                    1 => format!("({a} .upcase)"),
                    2 => format!("({a} .substr 0 3)"),
                    3 => format!("({} .to_s)", self.expression(Int, d)),
                    _ => format!("(({a} .substr 0 20) ++ \"é\")"),
                }
            }
            Array => {
                let (a, x) = (self.expression(Array, d), self.expression(Int, d));
                match self.random.below(8) {
                    0 => format!("[{x} {}]", self.expression(Int, d)),
                    1 => format!("({a} .map {})", self.function_value(d)),
                    2 => format!("({a} .filter (fn [x] (x < {x})))"),
                    3 => format!("({a} .sort (fn [x y] (x - y)))"),
                    4 => format!("[{a} ...]"),
                    5 => format!("({a} .slice 0 4)"),
                    6 => format!("({a} .reverse)"),
                    _ => format!("[{x} {a} ... {x}]"),
                }
            }
            Map => {
                let (m, x) = (self.expression(Map, d), self.expression(Int, d));
                match self.random.below(4) {
                    0 => format!("{{^a {x} ^b {}}}", self.expression(Int, d)),
                    1 => format!("{{^c {x} ^... {m}}}"),
                    2 => format!("({m} .map (fn [k v] (v + {x})))"),
                    _ => format!("({m} .filter (fn [k v] (v < {x})))"),
                }
            }
            Fun => self.function_value(d),
            Pair => {
                let (p, x) = (self.expression(Pair, d), self.expression(Int, d));
                match self.random.below(4) {
                    0 => format!("(new Pair {x})"),
                    1 => format!("(new Pair {x} {})", self.expression(Int, d)),
                    2 => format!("(new Triple {x})"),
                    _ => format!("({p} .set {x})"),
                }
            }
        }
    }

    fn function_value(&mut self, d: usize) -> String {
        if let Some(name) = self.variable(Fun).filter(|_| self.random.once_in(2)) {
            return name;
        }
        if self.random.once_in(4) {
            return format!("({} .adder)", self.expression(Pair, d));
        }
        self.literal(Fun)
    }

    fn literal(&mut self, kind: Kind) -> String {
        match kind {
            Int => match self.random.below(12) {
                0 => "9223372036854775807".into(),
                1 => "1125899906842623".into(),
                2 => format!("-{}", self.random.below(1000)),
                _ => self.random.below(10).to_string(),
            },
            Float => match self.random.below(4) {
                0 => "0.0".into(),
                1 => "-1.5".into(),
                _ => format!("{}.25", self.random.below(100)),
            },
            Bool => (*self.random.pick(&["true", "false"])).into(),
            Str => (*self
                .random
                .pick(&["\"\"", "\"abc\"", "\"äöü€\"", "\"x y\""]))
            .into(),
            Array => (*self.random.pick(&["[]", "[1 2 3]", "[5]", "[9 8 7 6]"])).into(),
            Map => (*self.random.pick(&["{}", "{^a 1}", "{^b 2 ^a 3}"])).into(),
            Fun => {
                // an inner function may read and change what is around it
                let param = self.name("q");
                let visible = self.variables.len();
                self.variables.push((param.clone(), Int));
                let value = if self.random.once_in(3) {
                    let op = *self.random.pick(&["+", "*", "-"]);
                    format!("({param} {op} {})", self.random.below(9))
                } else {
                    self.expression(Int, 1)
                };
                self.variables.truncate(visible);
                let (ty, result) = (self.annotation(Int), self.result_annotation(Int));
                format!("(fn [{param}{ty}]{result} {value})")
            }
            Pair => format!("(new Pair {})", self.random.below(9)),
        }
    }
}
