//! A debugger's engine: breakpoints, steps, and when to stand. Whoever talks to the user, a
//! [`Frontend`], is asked what to do each time the program stands.

use super::calls::{Calls, Silent};
use super::inspect;
use super::{At, Observer};
use crate::errors::Fatal;
use crate::program::{Image, Proto};
use crate::vm::Vm;
use gene_format::program::FuncId;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where somebody wants the program to stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Spot {
    /// A line of a module: its path, or the end of it.
    Line(String, u32),
    /// The beginning of the functions of this name.
    Function(String),
}

/// A place where the program stands.
#[derive(Clone, Debug)]
pub struct Breakpoint {
    /// Its number.
    pub id: u32,
    /// Where it was wanted.
    pub spot: Spot,
    /// Module and line where it is; nothing if there is no code.
    pub place: Option<(String, u32)>,
    /// Only if this is truthy.
    pub condition: Option<String>,
}

/// Which exceptions to stand at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Catch {
    /// None.
    #[default]
    Nothing,
    /// Those that nothing catches.
    Uncaught,
    /// All.
    All,
}

/// Why the program stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// Before its first line.
    Entry,
    /// At a breakpoint; its condition may have failed with a message.
    Breakpoint(u32, Option<String>),
    /// A step is done.
    Step,
    /// Somebody asked for it.
    Pause,
    /// At an exception with this message; `true`: something catches it.
    Raised(String, bool),
}

/// How to go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resume {
    /// To the next breakpoint.
    Continue,
    /// To the next line, in called functions too.
    Into,
    /// To the next line of this function or its callers.
    Over,
    /// To the caller.
    Out,
    /// Not at all: the program ends with this code.
    Quit(i32),
}

/// Talks to the user.
pub trait Frontend {
    /// The program stands; says how to go on.
    fn stand(&mut self, at: &mut At<'_>, control: &mut Control, reason: &Reason) -> Resume;

    /// Somebody has raised the flag [`Control::attention`] while the program runs; true to stand.
    fn attend(&mut self, vm: &Vm, control: &mut Control) -> bool;
}

/// Breakpoints and the like, which may change whenever the program stands.
pub struct Control {
    breakpoints: Vec<Breakpoint>,
    last_id: u32,
    /// Which exceptions to stand at.
    pub catch: Catch,
    /// Asks for the front end's attention while the program runs. It also ends an evaluation.
    pub attention: Arc<AtomicBool>,
    /// Breakpoints have changed.
    changed: bool,
}

impl Control {
    /// Without breakpoints.
    pub fn new(attention: Arc<AtomicBool>) -> Control {
        Control {
            breakpoints: Vec::new(),
            last_id: 0,
            catch: Catch::Nothing,
            attention,
            changed: false,
        }
    }

    /// All breakpoints, by their numbers.
    pub fn breakpoints(&self) -> &[Breakpoint] {
        &self.breakpoints
    }

    /// Sets one.
    pub fn add(&mut self, vm: &Vm, spot: Spot, condition: Option<String>) -> &Breakpoint {
        self.last_id += 1;
        self.changed = true;
        let place = place_of(vm, &spot);
        self.breakpoints.push(Breakpoint {
            id: self.last_id,
            spot,
            place,
            condition,
        });
        &self.breakpoints[self.breakpoints.len() - 1]
    }

    /// Takes away those that are not wanted.
    pub fn keep(&mut self, wanted: impl FnMut(&Breakpoint) -> bool) {
        self.breakpoints.retain(wanted);
        self.changed = true;
    }
}

/// True if a module's path is this one, or ends with it, or the other way round.
fn same_file(module: &str, wanted: &str) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    let wanted = wanted.trim_start_matches("./");
    !wanted.is_empty() && (ends(module, wanted) || ends(wanted, module))
}

/// Each function of the program with its image and module.
fn functions(vm: &Vm) -> impl Iterator<Item = (&Image, gene_format::image::FuncView, &str)> {
    vm.program_images().flat_map(|image| {
        (0..image.view.func_count() as u32).filter_map(move |id| {
            let func = image.view.func(FuncId(id)).ok()?;
            let module = super::module_name(image, func.module)?;
            Some((image, func, module))
        })
    })
}

/// The paths of the program's modules.
pub fn modules(vm: &Vm) -> Vec<String> {
    let mut names: Vec<String> = functions(vm).map(|found| found.2.to_owned()).collect();
    names.dedup();
    names
}

/// Module and line with code where a spot is: the first at or after the wanted line.
fn place_of(vm: &Vm, spot: &Spot) -> Option<(String, u32)> {
    let mut best: Option<(String, u32)> = None;
    // A whole path means that module alone, whatever others end like it.
    let exact = |wanted: &str| functions(vm).any(|(_, _, module)| module == wanted);
    let exact = matches!(spot, Spot::Line(file, _) if exact(file));
    for (image, func, module) in functions(vm) {
        let lines = image.debug_view().lines(func.id).unwrap_or_default();
        let line = match spot {
            Spot::Line(file, _) if exact && module != file => continue,
            Spot::Line(file, wanted) if same_file(module, file) => {
                let lines = lines.iter().map(|entry| entry.1);
                lines.filter(|line| line >= wanted && *line > 0).min()
            }
            Spot::Function(name) if image.view.string(func.name) == Ok(name.as_str()) => {
                lines.iter().map(|entry| entry.1).find(|line| *line > 0)
            }
            _ => continue,
        };
        if let Some(line) = line
            && best.as_ref().is_none_or(|best| line < best.1)
        {
            best = Some((module.to_owned(), line));
        }
    }
    best
}

/// What is known of a function that has run: its lines, and breakpoints by index.
struct Known {
    /// Line of each instruction; 0 unknown.
    lines: Vec<u32>,
    /// Breakpoints at the instructions where their lines, or the function, begin.
    stops: Vec<(u32, u32)>,
    library: bool,
}

/// A step that is under way.
struct Step {
    kind: Resume,
    depth: usize,
    proto: usize,
    line: u32,
}

/// Where the last instruction was.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Last {
    depth: usize,
    proto: usize,
    index: u32,
    line: u32,
}

/// Stops a program where the user wants.
pub struct Debugger<F> {
    front: F,
    control: Control,
    calls: Calls<()>,
    known: HashMap<usize, Known>,
    step: Option<Step>,
    last: Last,
    /// The program has not begun: stand at its first line, if that is wanted.
    entry: bool,
    /// Somebody wants the program to stand at the next line, or after so many instructions.
    pause: Option<u32>,
    /// Instructions, to show now and then what the program has printed.
    ticks: u16,
}

/// Instructions in which a program that somebody pauses may reach a line.
const PAUSE: u32 = 1000;

impl<F: Frontend> Debugger<F> {
    /// A debugger that stands at the first line, or not.
    pub fn new(front: F, control: Control, entry: bool) -> Debugger<F> {
        Debugger {
            front,
            control,
            calls: Calls::default(),
            known: HashMap::new(),
            step: None,
            last: Last::default(),
            entry,
            pause: None,
            ticks: 0,
        }
    }

    fn stand(&mut self, at: &mut At<'_>, reason: &Reason) {
        let _ = at.vm.flush(); // what cannot be written shows at the program's end
        let resume = self.front.stand(at, &mut self.control, reason);
        at.vm.pinned.clear();
        self.step = match resume {
            Resume::Continue => None,
            Resume::Quit(code) => {
                at.vm.end(Fatal::Exit(code));
                None
            }
            kind => Some(Step {
                kind,
                depth: self.last.depth,
                proto: self.last.proto,
                line: self.last.line,
            }),
        };
        self.refresh();
    }

    fn refresh(&mut self) {
        if std::mem::take(&mut self.control.changed) {
            self.known.clear();
        }
    }

    /// True if the step that is under way ends before this instruction.
    fn is_step_done(&self, here: Last, before: Last) -> bool {
        let Some(step) = &self.step else {
            return false;
        };
        // Going back is the next round of a loop, though it may be on one line.
        let again = before.index >= here.index && before.depth == here.depth;
        let same = here.proto == step.proto;
        let moved = here.line != step.line || again;
        match step.kind {
            Resume::Into => here.depth != step.depth || !same || moved,
            // Another function at the same depth is one that a tail call put in the place of this
            // one, so it is stepped over as any call; but modules follow each other.
            Resume::Over => {
                let here_too = here.depth == step.depth;
                here.depth < step.depth || here_too && (same && moved || !same && here.depth == 1)
            }
            Resume::Out => here.depth < step.depth,
            Resume::Continue | Resume::Quit(_) => false,
        }
    }

    /// The breakpoint that the program stands at, and what is wrong with its condition.
    fn hit(&mut self, at: &mut At<'_>, here: Last, before: Last) -> Option<Reason> {
        let known = self.known.get(&here.proto)?;
        let hits: Vec<u32> = (known.stops.iter())
            .filter(|stop| stop.0 == here.index)
            .map(|stop| stop.1)
            .collect();
        for id in hits {
            let Some(found) = self.control.breakpoints.iter().find(|b| b.id == id) else {
                continue;
            };
            // A line has several places where it may begin: only the first one counts.
            let goes_on = (before.depth, before.proto, before.line)
                == (here.depth, here.proto, here.line)
                && before.index < here.index;
            if goes_on && matches!(found.spot, Spot::Line(..)) {
                continue;
            }
            let Some(condition) = found.condition.clone() else {
                return Some(Reason::Breakpoint(id, None));
            };
            let attention = Arc::clone(&self.control.attention);
            let holds = inspect::evaluate(at, 0, &condition, Some(&attention));
            let holds = holds.map(|value| value.truthy());
            at.vm.pinned.clear(); // nobody looks at values while the program runs
            match holds {
                Ok(false) => {}
                Ok(true) => return Some(Reason::Breakpoint(id, None)),
                Err(message) => return Some(Reason::Breakpoint(id, Some(message))),
            }
        }
        None
    }
}

/// What is known of a function.
fn learn(proto: &Proto, vm: &Vm, control: &Control) -> Known {
    let mut known = Known {
        lines: vec![0; proto.len as usize],
        stops: Vec::new(),
        library: true,
    };
    let Some(image) = proto.image() else {
        return known;
    };
    let library = vm.prelude.as_ref();
    known.library = library.is_some_and(|library| std::ptr::eq(library.image, image));
    let module = super::module_name(image, proto.module).unwrap_or_default();
    let lines = image.debug_view().lines(proto.id).unwrap_or_default();
    for (nth, &(start, line, _)) in lines.iter().enumerate() {
        let end = lines.get(nth + 1).map_or(proto.len, |next| next.0);
        for index in start..end.min(proto.len) {
            known.lines[index as usize] = line;
        }
    }
    let name = image.view.string(proto.name);
    // Callers may enter behind the checks at the start.
    let func = image.view.func(proto.id);
    let code = func.and_then(|func| image.view.code(&func));
    let checks = super::checks_at_start(code.unwrap_or_default());
    for breakpoint in &control.breakpoints {
        match (&breakpoint.spot, &breakpoint.place) {
            (Spot::Function(wanted), Some(_)) if name == Ok(wanted.as_str()) => {
                // where its first line begins
                let body = known.lines.iter().enumerate().skip(checks);
                if let Some((index, _)) = body.into_iter().find(|(_, line)| **line > 0) {
                    known.stops.push((index as u32, breakpoint.id));
                }
            }
            (Spot::Line(..), Some((file, line))) if file == module => {
                for (nth, found) in known.lines.iter().enumerate() {
                    let before = nth.checked_sub(1).map(|before| known.lines[before]);
                    if found == line && before != Some(*line) {
                        known.stops.push((nth.max(checks) as u32, breakpoint.id));
                    }
                }
            }
            _ => {}
        }
    }
    known
}

impl<F: Frontend> Observer for Debugger<F> {
    fn step(&mut self, at: &mut At<'_>) {
        self.calls.follow(at, &mut Silent);
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks == 0 {
            let _ = at.vm.flush(); // what cannot be written shows at the program's end
        }
        if self.control.attention.swap(false, Ordering::Relaxed) {
            let stands = self.front.attend(at.vm, &mut self.control);
            self.refresh();
            if stands {
                self.pause = Some(PAUSE);
            }
        }
        let before = self.last;
        let here = self.note(at);
        if let Some(left) = self.pause {
            self.pause = left.checked_sub(1);
            if here.is_some() || left == 0 {
                self.pause = None;
                return self.stand(at, &Reason::Pause);
            }
        }
        let Some(here) = here else {
            return;
        };
        let reason = if std::mem::take(&mut self.entry) {
            Some(Reason::Entry)
        } else {
            let hit = self.hit(at, here, before);
            hit.or_else(|| self.is_step_done(here, before).then_some(Reason::Step))
        };
        if let Some(reason) = reason {
            self.stand(at, &reason);
        }
    }

    fn raised(&mut self, at: &mut At<'_>, caught: bool) {
        let wanted = match self.control.catch {
            Catch::Nothing => false,
            Catch::Uncaught => !caught,
            Catch::All => true,
        };
        if wanted {
            let message = at.vm.message_of(at.vm.raised);
            self.stand(at, &Reason::Raised(message, caught));
        }
    }
}

impl<F: Frontend> Debugger<F> {
    /// Notes where the program is; nothing if a user sees no such place.
    fn note(&mut self, at: &mut At<'_>) -> Option<Last> {
        let frame = at.frame();
        let (proto, index) = (frame.proto(), frame.index()?);
        let key = std::ptr::from_ref(proto) as usize;
        let control = &self.control;
        let known = (self.known)
            .entry(key)
            .or_insert_with(|| learn(proto, at.vm, control));
        let line = known.lines.get(index as usize).copied().unwrap_or(0);
        if known.library || line == 0 {
            return None;
        }
        self.last = Last {
            depth: self.calls.depth(),
            proto: key,
            index,
            line,
        };
        Some(self.last)
    }
}
