//! The debugger's commands, from a terminal or a pipe.

use std::fmt::Write as _;
use std::io::{self, BufRead};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gene_compiler::cli::{self, Failure};
use gene_runtime::heap::object::Kind;
use gene_runtime::observe::debug::{
    Breakpoint, Catch, Control, Frontend, Reason, Resume, Spot, modules,
};
use gene_runtime::observe::inspect::{self, Variable};
use gene_runtime::observe::{At, Frame, brief, module, place};
use gene_runtime::print;
use gene_runtime::vm::Vm;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};
use signal_hook::consts::SIGINT;

use super::sources::Sources;
use crate::prompt::Prompt;
use crate::repl::history_file;

const HELP: &str = "\
  break [FILE:]LINE [if EXPR]    stand at a line (b); without a line: list the breakpoints
  break FUNCTION [if EXPR]       stand where a function begins
  delete [N]                     take breakpoint N away, or all (d)
  catch nothing|uncaught|all     stand where exceptions are raised
  continue, step, next, finish   go on: to a breakpoint, into calls, over them, to the caller
                                 (c, s, n, f; an empty line repeats the last of them)
  print EXPR                     the value of an expression (p); `(x = 1)` assigns a variable
  locals, globals                variables of the frame, of its module
  backtrace, up, down, frame N   the calls, and which of them the other commands mean (bt)
  list [LINE]                    the source around a line (l)
  quit                           end the program (q)
";

/// Commands, for completion.
const COMMANDS: [&str; 18] = [
    "break",
    "delete",
    "catch",
    "continue",
    "step",
    "next",
    "finish",
    "print",
    "locals",
    "globals",
    "backtrace",
    "up",
    "down",
    "frame",
    "list",
    "quit",
    "help",
    "uncaught",
];

/// Lines that `list` shows.
const LISTED: u32 = 11;

/// Longest value in lists of variables, in characters.
const MAX_VALUE: usize = 100;

/// Most frames that `backtrace` shows.
const MAX_FRAMES: usize = 50;

/// Where commands come from.
enum Input {
    Terminal(Box<Editor<Prompt, FileHistory>>),
    Pipe,
}

/// Asks a user.
pub struct Terminal {
    input: Input,
    sources: Sources,
    /// The frame that commands mean, from the innermost one.
    frame: usize,
    /// What an empty line repeats.
    last: String,
    attention: Arc<AtomicBool>,
}

/// What a command leads to.
enum Next {
    Ask,
    Go(Resume),
}

impl Terminal {
    /// Commands for a program in a file.
    pub fn new(
        program: &Path,
        terminal: bool,
        attention: Arc<AtomicBool>,
    ) -> Result<Terminal, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::File(format!("the terminal: {error}"));
        let input = match terminal {
            true => {
                let config = Config::builder().auto_add_history(false).build();
                let mut editor: Editor<Prompt, FileHistory> =
                    Editor::with_config(config).map_err(|error| failed(&error))?;
                editor.set_helper(Some(Prompt::default()));
                if let Some(file) = history_file("debug-history") {
                    let _ = editor.load_history(&file); // there is none at the first time
                }
                Input::Terminal(Box::new(editor))
            }
            false => Input::Pipe,
        };
        // Behind the editor, which handles the signal as well.
        signal_hook::flag::register(SIGINT, Arc::clone(&attention))
            .map_err(|error| failed(&error))?;
        Ok(Terminal {
            input,
            sources: Sources::new(program),
            frame: 0,
            last: String::new(),
            attention,
        })
    }

    /// The next command; nothing at the end of the input.
    fn read(&mut self, names: &[String]) -> Option<String> {
        match &mut self.input {
            Input::Pipe => {
                let mut line = String::new();
                let read = io::stdin().lock().read_line(&mut line);
                read.is_ok_and(|bytes| bytes > 0).then_some(line)
            }
            Input::Terminal(editor) => {
                if let Some(prompt) = editor.helper_mut() {
                    prompt.learn(names);
                }
                loop {
                    match editor.readline("debug> ") {
                        Ok(line) => {
                            if !line.trim().is_empty() {
                                let _ = editor.add_history_entry(&line);
                                if let Some(file) = history_file("debug-history") {
                                    let folder =
                                        file.parent().map_or(Ok(()), std::fs::create_dir_all);
                                    let _ = folder.map(|()| editor.save_history(&file));
                                }
                            }
                            return Some(line);
                        }
                        Err(ReadlineError::Interrupted) => {} // what was typed is dropped
                        Err(_) => return None,
                    }
                }
            }
        }
    }

    fn at_end(&self, control: &mut Control) -> Resume {
        match self.input {
            Input::Terminal(_) => Resume::Quit(0),
            // A script has said all it wants: the program goes on to its end.
            Input::Pipe => {
                control.keep(|_| false);
                control.catch = Catch::Nothing;
                Resume::Continue
            }
        }
    }

    fn command(&mut self, at: &mut At<'_>, control: &mut Control, line: &str) -> Next {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "c" | "continue" => return Next::Go(Resume::Continue),
            "s" | "step" => return Next::Go(Resume::Into),
            "n" | "next" => return Next::Go(Resume::Over),
            "f" | "finish" => return Next::Go(Resume::Out),
            "q" | "quit" | "exit" => return Next::Go(Resume::Quit(0)),
            "b" | "break" if rest.is_empty() => list_breakpoints(control),
            "b" | "break" => self.set_breakpoint(at, control, rest),
            "d" | "delete" => delete(control, rest),
            "catch" => match catch(rest) {
                Some(wanted) => control.catch = wanted,
                None => say("catch nothing, uncaught or all?"),
            },
            "p" | "print" => self.print(at, rest),
            _ if word.starts_with('(') => self.print(at, line),
            "locals" => {
                let frame = at.frames().nth(self.frame);
                show(at.vm, &frame.map(inspect::locals).unwrap_or_default());
            }
            "globals" => {
                let frame = at.frames().nth(self.frame);
                let found = frame.map(|frame| inspect::globals(frame, at.vm));
                show(at.vm, &found.unwrap_or_default());
            }
            "bt" | "backtrace" | "where" => self.backtrace(at),
            "up" => self.select(at, self.frame + 1),
            "down" => match self.frame.checked_sub(1) {
                Some(frame) => self.select(at, frame),
                None => say("this is the innermost frame"),
            },
            "frame" => match rest.parse() {
                Ok(frame) => self.select(at, frame),
                Err(_) => say("which frame? `backtrace` shows their numbers"),
            },
            "l" | "list" => self.list(at, rest),
            "h" | "help" | "?" => say(HELP.trim_end()),
            _ => say(&format!("there is no command {word}; `help` lists them")),
        }
        Next::Ask
    }

    fn set_breakpoint(&mut self, at: &At<'_>, control: &mut Control, rest: &str) {
        let (spot, condition) = match rest.split_once(" if ") {
            Some((spot, condition)) => (spot.trim(), Some(condition.trim().to_owned())),
            None => (rest, None),
        };
        let (file, line) = spot.rsplit_once(':').unwrap_or(("", spot));
        let spot = match line.parse() {
            Ok(line) if file.is_empty() => {
                let frame = at.frames().nth(self.frame);
                let module = frame.and_then(module).unwrap_or_default();
                Spot::Line(module.to_owned(), line)
            }
            Ok(line) => Spot::Line(file.to_owned(), line),
            Err(_) => Spot::Function(spot.to_owned()),
        };
        let set = control.add(at.vm, spot, condition);
        let text = describe(set);
        if set.place.is_none() {
            let known = modules(at.vm).join(", ");
            say(&format!("there is no code at {text}; modules: {known}"));
            let id = set.id;
            control.keep(|breakpoint| breakpoint.id != id);
        } else {
            say(&text);
        }
    }

    fn print(&self, at: &mut At<'_>, text: &str) {
        let result = inspect::evaluate(at, self.frame, text, Some(&self.attention));
        match result {
            Ok(value) => {
                say(&print::quoted(at.vm, value));
                if value.is(Kind::Instance) {
                    for (name, part) in inspect::parts(at.vm, value) {
                        say(&format!("  /{name} = {}", brief(at.vm, part, MAX_VALUE)));
                    }
                }
            }
            Err(message) => say(&format!("error: {message}{}", hint(&message))),
        }
    }

    fn backtrace(&self, at: &At<'_>) {
        let mut text = String::new();
        for (number, frame) in at.frames().enumerate() {
            if number == MAX_FRAMES {
                let _ = writeln!(text, "  … {} more", at.frames().count() - MAX_FRAMES);
                break;
            }
            let mark = if number == self.frame { '>' } else { ' ' };
            let _ = writeln!(
                text,
                "{mark} {number:<3} {} at {}",
                name(frame),
                place(frame, at.vm)
            );
        }
        say(text.trim_end());
    }

    fn select(&mut self, at: &At<'_>, wanted: usize) {
        match at.frames().nth(wanted) {
            Some(frame) => {
                self.frame = wanted;
                say(&format!("{} at {}", name(frame), place(frame, at.vm)));
                self.show_line(at, frame);
            }
            None => say("there is no such frame"),
        }
    }

    fn show_line(&mut self, at: &At<'_>, frame: Frame<'_>) {
        let (line, _) = frame.position();
        let module = module(frame).unwrap_or_default();
        if let Some(text) = self.sources.line(at.vm, module, line) {
            say(&format!("{line:>5} | {text}"));
        }
    }

    fn list(&mut self, at: &At<'_>, rest: &str) {
        let Some(frame) = at.frames().nth(self.frame) else {
            return;
        };
        let (here, _) = frame.position();
        let middle = rest.parse().unwrap_or(here);
        let module = module(frame).unwrap_or_default();
        let Some(text) = self.sources.text(at.vm, module) else {
            return say(&format!("the source of {module} is not here"));
        };
        let first = middle.saturating_sub(LISTED / 2).max(1);
        let mut shown = String::new();
        let lines = (1..).zip(text.lines()).skip(first as usize - 1);
        for (number, line) in lines.take(LISTED as usize) {
            let mark = if number == here { '>' } else { ' ' };
            let _ = writeln!(shown, "{mark}{number:>4} | {line}");
        }
        say(shown.trim_end());
    }
}

impl Frontend for Terminal {
    fn stand(&mut self, at: &mut At<'_>, control: &mut Control, reason: &Reason) -> Resume {
        self.frame = at.frames().position(|f| !f.in_library(at.vm)).unwrap_or(0);
        if let Some(frame) = at.frames().nth(self.frame) {
            let name = name(frame);
            say(&format!("{}{name} at {}", why(reason), place(frame, at.vm)));
            self.show_line(at, frame);
        }
        if let Reason::Breakpoint(_, Some(message)) = reason {
            say(&format!("its condition failed: {message}"));
        }
        loop {
            let mut names: Vec<String> = COMMANDS.iter().map(|name| (*name).to_owned()).collect();
            if let Some(frame) = at.frames().nth(self.frame) {
                names.extend(inspect::locals(frame).into_iter().map(|found| found.name));
            }
            let Some(line) = self.read(&names) else {
                return self.at_end(control);
            };
            let line = match line.trim() {
                "" => self.last.clone(),
                line => line.to_owned(),
            };
            if line.is_empty() {
                continue;
            }
            match self.command(at, control, &line) {
                Next::Ask => self.last.clear(),
                Next::Go(resume) => {
                    self.last = line;
                    return resume;
                }
            }
        }
    }

    fn attend(&mut self, _: &Vm, _: &mut Control) -> bool {
        true
    }
}

/// Prints a line. Nobody is left to tell if that fails.
fn say(text: &str) {
    let _ = cli::write_lines(text);
}

fn why(reason: &Reason) -> String {
    match reason {
        Reason::Entry | Reason::Step => String::new(),
        Reason::Pause => "interrupted, ".to_owned(),
        Reason::Breakpoint(id, _) => format!("breakpoint {id}, "),
        Reason::Raised(message, true) => format!("raised: {message}\n"),
        Reason::Raised(message, false) => format!("raised, and not caught: {message}\n"),
    }
}

/// A frame's function.
pub fn name(frame: Frame<'_>) -> String {
    let name = frame.function().and_then(|(image, func)| {
        let name = image.view.string(func.name).ok()?;
        (!name.is_empty()).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| "(anonymous)".to_owned())
}

fn show(vm: &Vm, variables: &[Variable]) {
    if variables.is_empty() {
        say("(none)");
    }
    for variable in variables {
        let value = variable.show(vm, MAX_VALUE);
        say(&format!("{} = {value}", variable.name));
    }
}

fn describe(breakpoint: &Breakpoint) -> String {
    let wanted = match &breakpoint.spot {
        Spot::Line(file, line) => format!("{file}:{line}"),
        Spot::Function(name) => name.clone(),
    };
    let condition = match &breakpoint.condition {
        Some(condition) => format!(" if {condition}"),
        None => String::new(),
    };
    match &breakpoint.place {
        Some((module, line)) => {
            let id = breakpoint.id;
            let place = format!("{module}:{line}");
            let function = match &breakpoint.spot {
                Spot::Function(name) => format!("{name} at "),
                Spot::Line(..) => String::new(),
            };
            format!("breakpoint {id}: {function}{place}{condition}")
        }
        None => wanted,
    }
}

fn list_breakpoints(control: &Control) {
    for breakpoint in control.breakpoints() {
        say(&describe(breakpoint));
    }
    if control.breakpoints().is_empty() {
        say("(none)");
    }
}

fn delete(control: &mut Control, rest: &str) {
    let before = control.breakpoints().len();
    match rest.parse::<u32>() {
        Ok(id) => control.keep(|breakpoint| breakpoint.id != id),
        Err(_) if rest.is_empty() => control.keep(|_| false),
        Err(_) => return say("which breakpoint? `break` shows their numbers"),
    }
    if control.breakpoints().len() == before {
        say("there is no such breakpoint");
    }
}

fn catch(word: &str) -> Option<Catch> {
    match word {
        "nothing" | "none" => Some(Catch::Nothing),
        "uncaught" => Some(Catch::Uncaught),
        "all" => Some(Catch::All),
        _ => None,
    }
}

/// What to say to somebody who asks for a name that is not there.
fn hint(message: &str) -> &'static str {
    match message.contains("not defined") || message.contains("undefined") {
        true => "\n(no variable here has this name; at -O1 it may have been optimised away)",
        false => "",
    }
}
