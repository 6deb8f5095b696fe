//! The machine on hand-made programs: dispatch, calls, exceptions, generators, growth, limits.
//! Each program also runs with a collection at every safepoint.

use gene_format::ops::{Insn, Op};
use gene_format::program::*;
use gene_format::write::{WriteOptions, write_image};
use gene_runtime::heap_view as view;
use gene_runtime::mapping::Mapping;
use gene_runtime::program::Image;
use gene_runtime::value::Value;
use gene_runtime::vm::{Options, Vm};

/// Builds a program of one module.
#[derive(Default)]
struct Builder {
    program: Program,
}

impl Builder {
    fn string(&mut self, text: &str) -> StrId {
        if let Some(i) = self.program.strings.iter().position(|s| **s == *text) {
            return StrId(i as u32);
        }
        self.program.strings.push(text.into());
        StrId(self.program.strings.len() as u32 - 1)
    }

    fn entry(&mut self, entry: TableEntry) -> u16 {
        let at = self.program.table.len();
        let words = entry.words();
        self.program.table.push(entry);
        self.program
            .table
            .extend((1..words).map(|_| TableEntry::Rest));
        at as u16
    }

    fn constant(&mut self, c: Const) -> u16 {
        self.program.consts.push(c);
        let id = ConstId(self.program.consts.len() as u32 - 1);
        self.entry(TableEntry::Const(id))
    }

    fn text(&mut self, text: &str) -> u16 {
        let id = self.string(text);
        self.constant(Const::Str(id))
    }

    fn field(&mut self, name: &str) -> u16 {
        let id = self.string(name);
        self.entry(TableEntry::Field(id))
    }

    fn store(&mut self, name: &str) -> u16 {
        let id = self.string(name);
        self.entry(TableEntry::Store(id))
    }

    fn method(&mut self, name: &str, argc: u16) -> u16 {
        let name = self.string(name);
        self.entry(TableEntry::Method {
            name,
            argc,
            keys: None,
        })
    }

    fn global(&mut self, name: &str, func: Option<FuncId>) -> u16 {
        let name = self.string(name);
        self.entry(TableEntry::Global { name, func })
    }

    fn func(&mut self, name: &str, params: usize, frame_size: u16, code: Vec<Insn>) -> FuncId {
        let name = self.string(name);
        let p = self.string("p");
        let param = Param {
            name: p,
            kind: ParamKind::Required,
        };
        self.program.funcs.push(Func {
            name,
            params: vec![param; params],
            frame_size,
            code: code.into_iter().map(Insn::encode).collect(),
            ..Func::default()
        });
        FuncId(self.program.funcs.len() as u32 - 1)
    }

    fn func_mut(&mut self, id: FuncId) -> &mut Func {
        &mut self.program.funcs[id.index()]
    }

    /// Adds the module body and writes the image.
    fn image(mut self, frame_size: u16, code: Vec<Insn>) -> Vec<u8> {
        let main = self.func("main", 0, frame_size, code);
        self.func_mut(main).kind = FuncKind::Module;
        self.image_of(main)
    }

    fn image_of(mut self, main: FuncId) -> Vec<u8> {
        let name = self.string("test.gene");
        self.program.modules.push(Module {
            name,
            init: main,
            source: None,
        });
        write_image(&self.program, &WriteOptions::default()).expect("a valid program")
    }
}

fn i(op: Op, a: u16, b: u16, c: u16) -> Insn {
    Insn::new(op, a, b, c)
}

/// A signed operand.
fn s(n: i16) -> u16 {
    n as u16
}

fn run_with(image: &[u8], options: Options) -> Result<Value, String> {
    let mut vm = Vm::new(options);
    let image = Image::load("test", Mapping::copy(image)).expect("a valid image");
    let image = vm.add_image(image);
    let result = vm.run_image(image);
    let result = result.map_err(|_| match vm.fatal.clone() {
        Some(fatal) => format!("{fatal:?}"),
        None => vm.message_of(vm.raised),
    });
    std::mem::forget(vm); // results are read after the run
    result
}

/// Runs plainly and with a collection at every safepoint; both must agree.
fn run(image: &[u8]) -> Result<Value, String> {
    let plain = run_with(image, Options::default());
    let stress = Options {
        gc_stress: true,
        ..Options::default()
    };
    let stressed = run_with(image, stress);
    match (&plain, &stressed) {
        (Ok(a), Ok(b)) => {
            assert_eq!(view::int(*a), view::int(*b));
            assert_eq!(view::text(*a), view::text(*b));
        }
        (Err(a), Err(b)) => assert_eq!(a, b),
        _ => panic!("plain {plain:?}, with collections {stressed:?}"),
    }
    plain
}

fn run_int(image: &[u8]) -> i64 {
    view::int(run(image).expect("no error")).expect("an int")
}

fn fib() -> (Builder, FuncId) {
    let mut b = Builder::default();
    let g = b.entry(TableEntry::Func(FuncId(0)));
    let f = b.func(
        "fib",
        1,
        8,
        vec![
            i(Op::JNLtI, 0, s(2), 1),
            i(Op::Ret0, 0, 0, 0),
            i(Op::AddI, 4, 0, s(-1)),
            i(Op::CallK, 1, 1, g),
            i(Op::AddI, 5, 0, s(-2)),
            i(Op::CallK, 2, 1, g),
            i(Op::RetAdd, 0, 1, 2),
        ],
    );
    (b, f)
}

#[test]
fn calls_and_returns() {
    let (b, _) = fib();
    let image = b.image(
        6,
        vec![
            i(Op::LoadI, 3, 20, 0),
            i(Op::CallK, 0, 1, 0),
            i(Op::Ret, 0, 0, 0),
        ],
    );
    assert_eq!(run_int(&image), 6765);
}

#[test]
fn integers_grow_past_the_immediate_range_and_overflow_raises() {
    let mut b = Builder::default();
    let big = b.constant(Const::Int(1 << 50));
    let image = b.image(
        2,
        vec![
            i(Op::LoadK, 0, 0, big),
            i(Op::MulI, 0, 0, 4096),
            i(Op::AddI, 1, 0, s(-1)),
            i(Op::Ret, 1, 0, 0),
        ],
    );
    assert_eq!(run_int(&image), (1 << 62) - 1);
    let mut b = Builder::default();
    let max = b.constant(Const::Int(i64::MAX));
    let image = b.image(
        2,
        vec![
            i(Op::LoadK, 0, 0, max),
            i(Op::AddI, 0, 0, 1),
            i(Op::Ret, 0, 0, 0),
        ],
    );
    assert_eq!(run(&image), Err("Integer overflow in addition".to_owned()));
}

#[test]
fn counted_loop_and_arrays() {
    // a = []; for n = 0; n < 1000: a.add(n); sum
    let b = Builder::default();
    let image = b.image(
        6,
        vec![
            i(Op::Array, 0, 1, 0),
            i(Op::LoadI, 1, 0, 0),
            i(Op::MAdd, 2, 0, 1),
            i(Op::ForLtI, 1, 1000, s(-2)),
            i(Op::LoadI, 3, 0, 0),
            i(Op::IterInit, 1, 0, 0),
            i(Op::Jmp, 0, 1, 0),
            i(Op::Add, 3, 3, 4),
            i(Op::IterNext, 1, 4, s(-2)),
            i(Op::Ext, 0, 0, 0),
            i(Op::Ret, 3, 0, 0),
        ],
    );
    assert_eq!(run_int(&image), 499_500);
}

#[test]
fn strings_share_buffers_when_appended() {
    // t = ""; 300 times: u = t.append("ab"); t = u
    let mut b = Builder::default();
    let empty = b.text("");
    let ab = b.text("ab");
    let image = b.image(
        6,
        vec![
            i(Op::LoadK, 0, 0, empty),
            i(Op::LoadK, 1, 0, ab),
            i(Op::LoadI, 2, 0, 0),
            i(Op::MAppend, 3, 0, 1),
            i(Op::Move, 0, 3, 0),
            i(Op::ForLtI, 2, 300, s(-3)),
            i(Op::Ret, 0, 0, 0),
        ],
    );
    let v = run(&image).expect("no error");
    assert_eq!(view::text(v), Some("ab".repeat(300).as_str()));
}

/// A class `C` with a constructor that stores its two arguments, and `add`.
fn class_program() -> (Builder, Vec<Insn>) {
    let mut b = Builder::default();
    let (x, y) = (b.store("x"), b.store("y"));
    let (get_x, get_y) = (b.field("x"), b.field("y"));
    let (c_name, ctor_name, add_name) = (b.text("C"), b.text("ctor"), b.text("add"));
    let add = b.method("add", 2);
    let ctor = b.func(
        "ctor",
        2,
        4,
        vec![
            i(Op::SetF, 0, 1, x),
            i(Op::SetF, 0, 2, y),
            i(Op::Ret0, 0, 0, 0),
        ],
    );
    b.func_mut(ctor).kind = FuncKind::Ctor;
    let method = b.func(
        "add",
        1,
        6,
        vec![
            i(Op::GetF, 2, 0, get_x),
            i(Op::GetF, 3, 0, get_y),
            i(Op::Add, 2, 2, 3),
            i(Op::RetAdd, 0, 2, 1),
        ],
    );
    b.func_mut(method).kind = FuncKind::Method;
    let mut def = Insn::new(Op::DefMethod, 0, 1, ctor_name);
    def.x = 1;
    let code = vec![
        i(Op::LoadS, 1, 0, 0),
        i(Op::Class, 0, 1, c_name),
        i(Op::Closure, 1, ctor.0 as u16, 0),
        def,
        i(Op::Closure, 1, method.0 as u16, 0),
        i(Op::DefMethod, 0, 1, add_name),
        i(Op::LoadI, 1, 0, 0), // sum
        i(Op::LoadI, 2, 0, 0), // n
        // loop: o = new C(n, 1); sum = o.add(sum), in a window above all that lives on
        i(Op::Move, 3, 0, 0),
        i(Op::Move, 7, 2, 0),
        i(Op::LoadI, 8, 1, 0),
        i(Op::New, 3, 2, 0),
        i(Op::Move, 6, 3, 0),
        i(Op::Move, 7, 1, 0),
        i(Op::CallM, 3, 2, add),
        i(Op::Move, 1, 3, 0),
        i(Op::ForLtI, 2, 500, s(-9)),
        i(Op::Ret, 1, 0, 0),
    ];
    (b, code)
}

#[test]
fn instances_methods_and_caches() {
    let (b, code) = class_program();
    assert_eq!(run_int(&b.image(12, code)), (0..500).map(|n| n + 1).sum());
}

/// A function that throws text, and a module body that catches it `n` times.
fn thrower(cleanup: bool) -> Vec<u8> {
    let mut b = Builder::default();
    let text = b.text("boom");
    let inner = b.func(
        "inner",
        0,
        4,
        vec![i(Op::LoadK, 0, 0, text), i(Op::Throw, 0, 0, 0)],
    );
    let g = b.entry(TableEntry::Func(inner));
    let main = b.func(
        "main",
        0,
        8,
        vec![
            i(Op::LoadI, 0, 0, 0),
            i(Op::LoadI, 1, 0, 0),
            i(Op::CallK, 2, 0, g), // 2: covered
            i(Op::Jmp, 0, 1, 0),
            i(Op::AddI, 1, 1, 1), // 4: handler, exception in r7
            i(Op::ForLtI, 0, 100, s(-4)),
            i(Op::Ret, 1, 0, 0),
        ],
    );
    b.func_mut(main).kind = FuncKind::Module;
    b.func_mut(main).handlers.push(Handler {
        start: 2,
        end: 3,
        target: 4,
        slot: 7,
        cleanup,
    });
    b.image_of(main)
}

#[test]
fn exceptions_unwind_to_their_handler() {
    assert_eq!(run_int(&thrower(false)), 100);
}

#[test]
fn an_uncaught_exception_has_its_message() {
    let mut b = Builder::default();
    let text = b.text("nobody catches this");
    let image = b.image(2, vec![i(Op::LoadK, 0, 0, text), i(Op::Throw, 0, 0, 0)]);
    assert_eq!(run(&image), Err("nobody catches this".to_owned()));
}

#[test]
fn generators_suspend_and_end() {
    let mut b = Builder::default();
    let g = b.func(
        "count*",
        1,
        4,
        vec![
            i(Op::LoadI, 1, 0, 0),
            i(Op::Yield, 1, 0, 0),
            i(Op::ForLt, 1, 0, s(-2)),
            i(Op::RetNil, 0, 0, 0),
        ],
    );
    b.func_mut(g).generator = true;
    let f = b.entry(TableEntry::Func(g));
    let image = b.image(
        8,
        vec![
            i(Op::LoadI, 7, 0, 0),
            i(Op::LoadI, 3, 1000, 0),
            i(Op::CallK, 0, 1, f),
            i(Op::IterInit, 1, 0, 0),
            i(Op::Jmp, 0, 1, 0),
            i(Op::Add, 7, 7, 4),
            i(Op::IterNext, 1, 4, s(-2)),
            i(Op::Ext, 0, 0, 0),
            i(Op::Ret, 7, 0, 0),
        ],
    );
    assert_eq!(run_int(&image), 499_500);
}

#[test]
fn a_closure_counts_in_its_cell() {
    let mut b = Builder::default();
    let f = b.func(
        "",
        1,
        4,
        vec![
            i(Op::GetUpCell, 1, 0, 0),
            i(Op::Add, 1, 1, 0),
            i(Op::SetUpCell, 1, 0, 0),
            i(Op::Ret, 1, 0, 0),
        ],
    );
    b.func_mut(f).captures.push(Capture::Slot(0));
    let image = b.image(
        12,
        vec![
            i(Op::LoadI, 0, 0, 0),
            i(Op::NewCell, 0, 0, 0),
            i(Op::Closure, 1, f.0 as u16, 0),
            i(Op::LoadI, 2, 0, 0),
            i(Op::Move, 3, 1, 0),
            i(Op::Move, 6, 2, 0),
            i(Op::Call, 3, 1, 0),
            i(Op::ForLtI, 2, 100, s(-4)),
            i(Op::GetCell, 0, 0, 0),
            i(Op::Ret, 0, 0, 0),
        ],
    );
    assert_eq!(run_int(&image), 4950);
}

#[test]
fn what_is_no_cell_is_an_error() {
    for op in [Op::GetUpCell, Op::SetUpCell] {
        let mut b = Builder::default();
        let f = b.func(
            "",
            0,
            4,
            vec![i(Op::LoadI, 1, 0, 0), i(op, 1, 0, 0), i(Op::Ret, 1, 0, 0)],
        );
        b.func_mut(f).captures.push(Capture::Slot(0));
        let code = vec![
            i(Op::LoadI, 0, 7, 0),
            i(Op::Closure, 1, f.0 as u16, 0),
            i(Op::Call, 1, 0, 0),
            i(Op::Ret, 0, 0, 0),
        ];
        let error = run(&b.image(12, code)).unwrap_err();
        assert_eq!(error, "a captured variable is not a cell");
    }
}

#[test]
fn a_keyword_is_no_receiver() {
    let mut b = Builder::default();
    let p = b.string("p");
    let keys = b.constant(Const::Keys(vec![p]));
    let method = b.func("", 1, 4, vec![i(Op::Ret, 1, 0, 0)]);
    b.func_mut(method).kind = FuncKind::Method;
    b.func_mut(method).params[0].kind = ParamKind::Key;
    let code = vec![
        i(Op::Closure, 0, method.0 as u16, 0),
        i(Op::LoadI, 3, 7, 0),
        i(Op::CallKw, 0, 1, keys),
        i(Op::Ret, 0, 0, 0),
    ];
    let error = run(&b.image(12, code)).unwrap_err();
    assert_eq!(error, "Expected 1 arguments, got 0");
}

#[test]
fn a_class_is_no_constructor() {
    for kind in 0..3 {
        let mut b = Builder::default();
        let (name, ctor) = (b.text("C"), b.text("ctor"));
        let mut def = Insn::new(Op::DefMethod, 0, 0, ctor);
        def.x = kind;
        let code = vec![
            i(Op::LoadS, 1, 0, 0),
            i(Op::Class, 0, 1, name),
            def,
            i(Op::Move, 1, 0, 0),
            i(Op::LoadI, 4, 0, 0),
            i(Op::New, 1, 1, 0),
            i(Op::Ret, 0, 0, 0),
        ];
        let error = run(&b.image(12, code)).unwrap_err();
        assert!(error.starts_with("a method must be a function"), "{error}");
    }
}

#[test]
fn tail_calls_use_no_stack() {
    let mut b = Builder::default();
    let g = b.entry(TableEntry::Func(FuncId(0)));
    b.func(
        "down",
        1,
        6,
        vec![
            i(Op::JNeI, 0, 0, 1),
            i(Op::RetI, 0, 77, 0),
            i(Op::AddI, 4, 0, s(-1)),
            i(Op::TailCallK, 1, 1, g),
        ],
    );
    let n = b.constant(Const::Int(1_000_000));
    let image = b.image(
        6,
        vec![
            i(Op::LoadK, 3, 0, n),
            i(Op::CallK, 0, 1, g),
            i(Op::Ret, 0, 0, 0),
        ],
    );
    assert_eq!(run_int(&image), 77);
}

/// `(fn down [n] (if (n == 0) 0 else (1 + (down (n - 1)))))`
fn recursion(n: i64) -> Vec<u8> {
    let mut b = Builder::default();
    let g = b.entry(TableEntry::Func(FuncId(0)));
    b.func(
        "down",
        1,
        6,
        vec![
            i(Op::JNeI, 0, 0, 1),
            i(Op::RetI, 0, 0, 0),
            i(Op::AddI, 4, 0, s(-1)),
            i(Op::CallK, 1, 1, g),
            i(Op::AddI, 1, 1, 1),
            i(Op::Ret, 1, 0, 0),
        ],
    );
    let n = b.constant(Const::Int(n));
    b.image(
        6,
        vec![
            i(Op::LoadK, 3, 0, n),
            i(Op::CallK, 0, 1, g),
            i(Op::Ret, 0, 0, 0),
        ],
    )
}

#[test]
fn the_stack_grows_and_has_a_limit() {
    assert_eq!(run_int(&recursion(100_000)), 100_000);
    let error = run(&recursion(100_000_000)).expect_err("no such stack");
    assert!(error.starts_with("Stack overflow"), "{error}");
    let options = Options {
        max_depth: 50,
        ..Options::default()
    };
    let error = run_with(&recursion(1_000_000), options).expect_err("limited");
    assert!(error.starts_with("Stack overflow"), "{error}");
}

#[test]
fn endless_loops_end_with_their_steps() {
    let b = Builder::default();
    let image = b.image(2, vec![i(Op::Loop, 0, s(-1), s(-1))]);
    let options = Options {
        max_steps: 1_000_000,
        ..Options::default()
    };
    assert_eq!(run_with(&image, options), Err("Steps".to_owned()));
}

#[test]
fn endless_allocation_ends_at_the_memory_limit() {
    // a = []; loop: a.add([])
    let b = Builder::default();
    let image = b.image(
        4,
        vec![
            i(Op::Array, 0, 1, 0),
            i(Op::Array, 1, 2, 0),
            i(Op::MAdd, 2, 0, 1),
            i(Op::Loop, 0, s(-3), s(-1)),
        ],
    );
    let options = Options {
        max_memory: 32 << 20,
        ..Options::default()
    };
    let error = run_with(&image, options).expect_err("limited");
    assert!(error.starts_with("Memory limit exceeded"), "{error}");
}

#[test]
fn garbage_is_collected() {
    // 3,000,000 arrays in 32 MiB
    let mut b = Builder::default();
    let n = b.constant(Const::Int(3_000_000));
    let image = b.image(
        4,
        vec![
            i(Op::LoadI, 0, 0, 0),
            i(Op::LoadK, 3, 0, n),
            i(Op::Array, 1, 0, 1),
            i(Op::ForLt, 0, 3, s(-2)),
            i(Op::Ret, 0, 0, 0),
        ],
    );
    let options = Options {
        max_memory: 32 << 20,
        ..Options::default()
    };
    let v = run_with(&image, options).expect("no error");
    assert_eq!(view::int(v), Some(3_000_000));
}

#[test]
fn globals_start_as_nil_and_keep_what_is_stored() {
    let mut b = Builder::default();
    let g = b.global("g", None);
    let image = b.image(
        4,
        vec![
            i(Op::LoadK, 0, 0, g),
            i(Op::JEqS, 0, 0, 1),
            i(Op::RetI, 0, 1, 0),
            i(Op::LoadI, 1, 5, 0),
            i(Op::SetG, 1, 0, g),
            i(Op::LoadK, 2, 0, g),
            i(Op::Ret, 2, 0, 0),
        ],
    );
    assert_eq!(run_int(&image), 5);
}

#[test]
fn a_large_frame_grows_the_stack_first() {
    let mut b = Builder::default();
    let g = b.entry(TableEntry::Func(FuncId(0)));
    b.func(
        "wide",
        1,
        20_000,
        vec![
            i(Op::Grow, 0, 20_000, 0),
            i(Op::Move, 19_999, 0, 0),
            i(Op::Ret, 19_999, 0, 0),
        ],
    );
    let image = b.image(
        6,
        vec![
            i(Op::LoadI, 3, 9, 0),
            i(Op::CallK, 0, 1, g),
            i(Op::Ret, 0, 0, 0),
        ],
    );
    assert_eq!(run_int(&image), 9);
}
