//! `--profile`: where a program spends its instructions.
//!
//! Counts are exact. Stacks are samples: the first instructions are all sampled, later ones ever
//! less often, at steps that depend on nothing but the program, so that two runs agree.

use super::calls::{Calls, Listener};
use super::report::{self, Row};
use super::{At, Frame, Observer};
use crate::vm::Vm;
use gene_format::ops::Op;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Samples before the distance between two doubles.
const SAMPLES: u64 = 8192;

/// Most calls that a sample keeps at either end of the stack.
const KEPT: usize = 128;

/// Instead of a function: calls that a sample left out.
const LEFT_OUT: u32 = u32::MAX;

/// How a profile is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Format {
    /// Functions and instructions, most used first.
    Table,
    /// All figures.
    Json,
    /// One line for each stack, as tools for flame graphs read them.
    Collapsed,
    /// A flame graph.
    Svg,
    /// Times of calls in the form of the language's reference, on standard output.
    Times,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where to; standard error if there is none.
    pub file: Option<PathBuf>,
    /// The form.
    pub format: Format,
    /// Of [`Format::Times`]: the report on functions.
    pub functions: bool,
    /// Of [`Format::Times`]: the report on instructions.
    pub instructions: bool,
}

impl Request {
    /// The format that the name of a file asks for.
    pub fn format_of(file: Option<&Path>) -> Format {
        let ending = file.and_then(|file| file.extension()?.to_str());
        match ending {
            Some("json") => Format::Json,
            Some("svg") => Format::Svg,
            Some("folded" | "collapsed") => Format::Collapsed,
            _ => Format::Table,
        }
    }
}

/// How long something took.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// How often.
    pub count: u64,
    /// All together.
    pub total: Duration,
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

impl Default for Times {
    fn default() -> Times {
        Times {
            count: 0,
            total: Duration::ZERO,
            min: Duration::MAX,
            max: Duration::ZERO,
        }
    }
}

impl Times {
    fn add(&mut self, time: Duration) {
        self.count += 1;
        self.total += time;
        self.min = self.min.min(time);
        self.max = self.max.max(time);
    }
}

/// What is known of a function.
#[derive(Default)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its module; empty in the library.
    pub file: String,
    /// Line of its definition; 0 unknown.
    pub line: u32,
    /// Calls; tail calls too.
    pub calls: u64,
    /// Instructions of its own.
    pub own: u64,
    /// Instructions of its own and of what it calls.
    pub total: u64,
    /// Calls that have not returned.
    open: u32,
    /// Instructions before the outermost of them.
    since: u64,
    /// Durations of calls.
    pub times: Times,
}

/// Figures of functions.
#[derive(Default)]
struct Functions {
    list: Vec<Function>,
    /// By the address of what is known of it.
    ids: HashMap<usize, u32>,
    /// By name, file, line and column.
    places: HashMap<(String, String, (u32, u32)), u32>,
    steps: u64,
    /// When the open calls began, if times are wanted.
    starts: Option<Vec<Instant>>,
}

impl Functions {
    fn id(&mut self, frame: Frame<'_>, vm: &Vm) -> u32 {
        let key = std::ptr::from_ref(frame.proto()) as usize;
        if let Some(&id) = self.ids.get(&key) {
            return id;
        }
        let (name, place) = match frame.function() {
            Some((image, func)) => {
                let name = image.view.string(func.name).unwrap_or_default();
                (name.to_owned(), func.place)
            }
            None => Default::default(),
        };
        let file = match frame.in_library(vm) {
            true => "",
            false => super::module(frame).unwrap_or_default(),
        };
        let next = self.list.len() as u32;
        let place = (name, file.to_owned(), place);
        let id = *self.places.entry(place.clone()).or_insert(next);
        if id == next {
            let (name, file, (line, _)) = place;
            self.list.push(Function {
                name,
                file,
                line,
                ..Function::default()
            });
        }
        self.ids.insert(key, id);
        id
    }
}

impl Listener for Functions {
    type Function = u32;

    fn enter(&mut self, frame: Frame<'_>, at: &At<'_>, is_new: bool) -> u32 {
        let id = self.id(frame, at.vm);
        let function = &mut self.list[id as usize];
        function.calls += u64::from(is_new);
        if function.open == 0 {
            function.since = self.steps;
        }
        function.open += 1;
        if let Some(starts) = &mut self.starts {
            starts.push(Instant::now());
        }
        id
    }

    fn leave(&mut self, id: u32) {
        let function = &mut self.list[id as usize];
        function.open -= 1;
        if function.open == 0 {
            function.total += self.steps - function.since;
        }
        if let Some(start) = self.starts.as_mut().and_then(Vec::pop) {
            function.times.add(start.elapsed());
        }
    }
}

/// Figures of opcodes.
pub struct Opcodes {
    /// How often each was executed.
    pub counts: [u64; 256],
    /// How long, if times are wanted.
    pub times: Vec<Times>,
    last: Option<(u8, Instant)>,
}

/// Counts instructions.
pub struct Profile {
    request: Request,
    calls: Calls<u32>,
    functions: Functions,
    opcodes: Opcodes,
    stacks: HashMap<Vec<u32>, u64>,
    samples: u64,
    /// The last sample and the next one, in instructions.
    sampled: u64,
    next: u64,
    random: u64,
}

impl Profile {
    /// A profile without figures.
    pub fn new(request: Request) -> Profile {
        let timed = request.format == Format::Times;
        Profile {
            functions: Functions {
                starts: timed.then(Vec::new),
                ..Functions::default()
            },
            opcodes: Opcodes {
                counts: [0; 256],
                times: match timed {
                    true => vec![Times::default(); 256],
                    false => Vec::new(),
                },
                last: None,
            },
            request,
            calls: Calls::default(),
            stacks: HashMap::new(),
            samples: 0,
            sampled: 0,
            next: 1,
            random: 1,
        }
    }

    #[cold]
    fn sample(&mut self) {
        let depth = self.calls.depth();
        let stack: Vec<u32> = match depth > 2 * KEPT {
            false => self.calls.open().collect(),
            true => {
                let first = self.calls.open().take(KEPT);
                let last = self.calls.open().skip(depth - KEPT);
                first.chain([LEFT_OUT]).chain(last).collect()
            }
        };
        let steps = self.functions.steps;
        *self.stacks.entry(stack).or_default() += steps - self.sampled;
        self.sampled = steps;
        self.samples += 1;
        // Steps of changing length: loops of the same length as the step would deceive.
        let distance = 1 << (self.samples / SAMPLES).min(40);
        self.random = (self.random)
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.next = steps + 1 + (self.random >> 33) % (2 * distance - 1);
    }
}

impl Observer for Profile {
    fn step(&mut self, at: &mut At<'_>) {
        let function = self.calls.follow(at, &mut self.functions);
        self.functions.steps += 1;
        self.functions.list[function as usize].own += 1;
        let op = at.insn().map_or(Op::Ext, |insn| insn.op) as u8;
        self.opcodes.counts[usize::from(op)] += 1;
        if self.functions.starts.is_some() {
            let now = Instant::now();
            if let Some((op, start)) = self.opcodes.last.replace((op, now)) {
                self.opcodes.times[usize::from(op)].add(now - start);
            }
        }
        if self.functions.steps == self.next {
            self.sample();
        }
    }

    fn finish(&mut self, _: &Vm) -> Result<(), String> {
        if let Some((op, start)) = self.opcodes.last.take() {
            self.opcodes.times[usize::from(op)].add(start.elapsed());
        }
        self.calls.end(&mut self.functions);
        let label = |id: &u32| match self.functions.list.get(*id as usize) {
            Some(function) => report::label(function),
            None => "…".to_owned(),
        };
        let mut stacks: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        for (stack, weight) in &self.stacks {
            *stacks.entry(stack.iter().map(label).collect()).or_default() += weight;
        }
        let mut opcodes: Vec<Row> = Vec::new();
        for (code, &count) in self.opcodes.counts.iter().enumerate() {
            if count > 0
                && let Some(op) = Op::from_code(code as u8)
            {
                opcodes.push(Row {
                    name: op.info().mnemonic,
                    count,
                    times: self.opcodes.times.get(code).copied().unwrap_or_default(),
                });
            }
        }
        opcodes.sort_by(|a, b| b.count.cmp(&a.count).then(a.name.cmp(b.name)));
        let mut functions = std::mem::take(&mut self.functions.list);
        functions.sort_by(|a, b| {
            let place = |f: &Function| (f.name.clone(), f.file.clone(), f.line);
            b.own.cmp(&a.own).then_with(|| place(a).cmp(&place(b)))
        });
        let figures = report::Figures {
            steps: self.functions.steps,
            functions,
            opcodes,
            stacks,
        };
        report::write(&self.request, &figures)
    }
}
