//! Sessions on a machine: what pieces see of one another.

use gene_compiler::compile::Options;
use gene_compiler::diag::Format;
use gene_compiler::gene::{Files, NoFiles};
use gene_compiler::session::{Around, EVALUATED, Session};
use gene_compiler::source::SourceMap;
use gene_format::write::{WriteOptions, write_image};
use gene_runtime::evaluate::{Compiled, Evaluator, Scope};
use gene_runtime::mapping::Mapping;
use gene_runtime::print;
use gene_runtime::program::Image;
use gene_runtime::vm::{ImageRef, Options as VmOptions, Vm};
use std::cell::Cell;
use std::rc::Rc;

struct Prompt {
    session: Session,
    vm: Box<Vm>,
    first: Option<ImageRef>,
}

impl Prompt {
    fn new() -> Prompt {
        let options = VmOptions {
            gc_stress: true,
            ..VmOptions::default()
        };
        Prompt {
            session: Session::new(Options::default()),
            vm: Vm::new(options),
            first: None,
        }
    }

    fn piece(&mut self, text: &str) -> String {
        self.piece_with(text, &mut NoFiles)
    }

    /// The value of a piece, or its error.
    fn piece_with(&mut self, text: &str, files: &mut dyn Files) -> String {
        let mut sources = SourceMap::new();
        let main = sources.add("<repl>", text.as_bytes());
        let program = match self
            .session
            .compile(&mut sources, main, "/a/repl.gene", files)
        {
            Ok(program) => program,
            Err(errors) => return errors.render(&sources, Format::Text { colour: false }),
        };
        let bytes = write_image(&program, &WriteOptions::default()).unwrap();
        let image = Image::load("<repl>", Mapping::copy(&bytes)).unwrap();
        let image = self.vm.add_image(image);
        let first = *self.first.get_or_insert(image);
        self.vm.continue_module(first, image);
        match self.vm.run_image(image) {
            Ok(value) => print::quoted(&self.vm, value),
            Err(_) => self.vm.report(),
        }
    }

    fn check(&mut self, pieces: &[(&str, &str)]) {
        for (text, want) in pieces {
            let got = self.piece(text);
            assert!(
                got == *want || want.ends_with('…') && got.contains(want.trim_end_matches('…')),
                "{text}: {got}, not {want}"
            );
        }
    }
}

#[test]
fn pieces_see_earlier_definitions() {
    Prompt::new().check(&[
        ("(var x 4)", "4"),
        ("(x + 1)", "5"),
        ("(x = 7) nil", "nil"),
        ("(fn f [n] (n * x)) (f 2)", "14"),
        ("(x += 1) (f 2)", "16"),
        (
            "(class Point (field x) (ctor [a] (/x = a)) (method double [] (/x * 2)))",
            "VkClass",
        ),
        ("(var p (new Point 21)) (p .double)", "42"),
        ("(type Id Int) (fn g [a: Id] a)", "Int"),
        ("(g 3)", "3"),
        ("(g \"a\")", "Type error…"),
        ("(enum Color red green)", "Color"),
        ("(case Color/red when red 1 else 2)", "1"),
        ("[/x $ns/x self/x]", "[8 8 8]"),
    ]);
}

#[test]
fn definitions_are_replaced() {
    Prompt::new().check(&[
        ("(fn f [] 1) (fn g [] (f))", "VkFunction"),
        ("(g)", "1"),
        ("(fn f [] 2)", "VkFunction"),
        ("(g)", "2"),
        ("(let limit 3)", "3"),
        ("(limit = 4)", "Cannot reassign 'let' binding 'limit'…"),
        ("(var limit 4) (limit = 5) limit", "5"),
        ("(var n: Int 1)", "1"),
        ("(n = \"a\")", "Type error…"),
        ("(fn len [x] 99)", "VkFunction"),
        ("(len [1])", "99"),
    ]);
}

#[test]
fn failed_pieces_change_nothing() {
    Prompt::new().check(&[
        ("(var x 1)", "1"),
        ("(let x 2) (fn)", "fn requires…"),
        ("(x = 3) x", "3"),
        ("(throw \"lost\")", "lost…"),
        ("unknown", "unknown is not defined…"),
        ("x", "3"),
        ("(var y (1 % 0))", "Modulo by zero…"),
        ("y", "y is not defined…"),
        ("(fn y [] 3) (y)", "3"),
    ]);
}

#[test]
fn macros_take_arguments_of_later_pieces() {
    Prompt::new().check(&[
        (
            "(fn twice! [e] [($caller_eval e) ($caller_eval e)])",
            "VkFunction",
        ),
        ("(var n 0)", "0"),
        ("(twice! (n += 1))", "[1 2]"),
        ("(fn twice! [other] ($caller_eval other))", "VkFunction"),
        ("(twice! (n += 1))", "3"),
    ]);
}

struct OneFile;

impl Files for OneFile {
    fn read(&mut self, path: &str) -> Option<Vec<u8>> {
        (path == "/a/lib.gene").then(|| b"(fn twice [n] (n * 2)) (fn /three [] 3)".to_vec())
    }

    fn variable(&mut self, _: &str) -> Option<String> {
        None
    }
}

#[test]
fn imported_names_stay() {
    let mut prompt = Prompt::new();
    let files = &mut OneFile;
    assert_eq!(
        prompt.piece_with("(import twice three:drei from \"./lib\") (twice 4)", files),
        "8"
    );
    prompt.check(&[
        ("(twice (drei))", "6"),
        ("(fn drei [] 4) (twice (drei))", "8"),
    ]);
}

/// An evaluator that counts what it compiles.
struct Counting {
    session: Session,
    compiled: Rc<Cell<u32>>,
}

impl Evaluator for Counting {
    fn compile(&mut self, text: &str, scope: &Scope) -> Result<Compiled, String> {
        self.compiled.set(self.compiled.get() + 1);
        let mut sources = SourceMap::new();
        let main = sources.add("<eval>", text.as_bytes());
        let around = Around {
            values: scope.values,
            in_function: scope.in_function,
            ..Around::default()
        };
        let program = self.session.evaluate(&mut sources, main, &around);
        let program = program.map_err(|errors| errors.iter().next().unwrap().message.clone())?;
        Ok(Compiled {
            image: write_image(&program, &WriteOptions::default()).unwrap(),
            function: EVALUATED,
            changes: self.session.changes(),
        })
    }
}

#[test]
fn the_same_code_is_compiled_once() {
    let compiled = Rc::new(Cell::new(0));
    let mut prompt = Prompt::new();
    prompt.vm.evaluator = Some(Box::new(Counting {
        session: Session::new(Options::default()),
        compiled: compiled.clone(),
    }));
    let mut counted = |text: &str, want: &str| {
        compiled.set(0);
        assert_eq!(prompt.piece(text), want, "{text}");
        compiled.get()
    };
    assert_eq!(counted("(var n 0) (repeat 50 (eval `(n += 1))) n", "50"), 1);
    assert_eq!(counted("(eval `(n += 1)) (eval `n)", "51"), 1);
    // Other values in the same code.
    let text = "(fn a [] 1) (fn b [] 2) [(eval ($render `(%a))) (eval ($render `(%b)))]";
    assert_eq!(counted(text, "[1 2]"), 1);
    // A definition may change what code means, the first time.
    assert_eq!(
        counted("(repeat 50 (eval `(var m 1)) (eval `(m + 1)))", "nil"),
        2
    );
    assert_eq!(counted("(eval `n)", "51"), 1);
}
