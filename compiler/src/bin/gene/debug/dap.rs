//! The Debug Adapter Protocol: the debugger for editors, on standard input and output. The
//! program's own output goes to the editor as events; it has no input.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use gene_compiler::cli::Failure;
use gene_runtime::heap::object::Kind;
use gene_runtime::observe::debug::{
    Breakpoint, Catch, Control, Frontend, Reason, Resume, Spot, modules,
};
use gene_runtime::observe::inspect;
use gene_runtime::observe::{At, brief, module};
use gene_runtime::run::Machine;
use gene_runtime::types::type_name;
use gene_runtime::value::Value as GeneValue;
use gene_runtime::vm::Vm;
use serde_json::{Value, json};

use super::sources::Sources;
use super::terminal::name;
use super::wire::{self, Message, Streams, Writer};
use crate::run::Execute;

/// The only thread.
const THREAD: u32 = 1;

/// Longest value in a list of variables, in characters.
const MAX_VALUE: usize = 200;

/// What a number that the editor got stands for, while the program stands.
#[derive(Clone, Copy)]
enum Reference {
    Locals(usize),
    Globals(usize),
    Parts(GeneValue),
}

/// What a request may look at.
enum Scene<'s, 'a> {
    /// There is no program yet, or not any more.
    Nothing,
    /// The program runs, or has not begun.
    Program(&'s Vm, &'s mut Control),
    /// It stands.
    Standing(&'s mut At<'a>, &'s mut Control),
}

impl Scene<'_, '_> {
    fn program(&mut self) -> Result<(&Vm, &mut Control), String> {
        match self {
            Scene::Nothing => Err("there is no program".to_owned()),
            Scene::Program(vm, control) => Ok((vm, control)),
            Scene::Standing(at, control) => Ok((at.vm, control)),
        }
    }
}

/// A conversation with an editor.
struct Session {
    messages: Receiver<Message>,
    out: Writer,
    /// The program runs: the reader of messages calls for attention.
    running: Arc<AtomicBool>,
    attention: Arc<AtomicBool>,
    sources: Sources,
    /// Modules that the editor may ask for by number, from 1.
    named: Vec<String>,
    /// What numbers of variables mean, from 1.
    references: Vec<Reference>,
    /// What the editor counts lines and columns from.
    first_line: u32,
    first_column: u32,
    /// The last exception that the program stood at, and whether something catches it.
    exception: Option<(String, bool)>,
    /// The editor has gone, or wants the program to end.
    leaving: bool,
}

/// What comes after a request.
enum After {
    Nothing,
    Launch(Box<Launch>),
    Start,
    Go(Resume),
    Pause,
    Leave,
}

/// What `launch` asks for.
struct Launch {
    request: Message,
    program: PathBuf,
    args: Vec<String>,
    entry: bool,
    debug: bool,
}

/// Talks with an editor until it disconnects.
pub fn serve(execute: &Execute) -> Result<i32, Failure> {
    let failed = |error: std::io::Error| Failure::File(format!("standard streams: {error}"));
    let attention = Arc::new(AtomicBool::new(false));
    let running = Arc::new(AtomicBool::new(false));
    let streams = Streams::take().map_err(failed)?;
    let out = streams.writer();
    let messages = wire::read_messages(
        streams.input().map_err(failed)?,
        out.clone(),
        Arc::clone(&running),
        Arc::clone(&attention),
    );
    let mut session = Session {
        messages,
        out: out.clone(),
        running,
        attention,
        sources: Sources::new(Path::new("")),
        named: Vec::new(),
        references: Vec::new(),
        first_line: 1,
        first_column: 1,
        exception: None,
        leaving: false,
    };
    match session.prepare(execute) {
        None => {}
        Some((machine, control, launch)) => {
            session.go_on();
            let session = Rc::new(RefCell::new(session));
            let front = Front(Rc::clone(&session));
            let code = match launch.debug {
                true => super::run(machine, front, control, launch.entry),
                false => {
                    let mut machine = machine;
                    let result = machine.run();
                    machine.finish(result.is_err())
                }
            };
            streams.give_back();
            out.event("exited", &json!({"exitCode": code}));
            out.event("terminated", &json!({}));
            session.borrow_mut().end();
        }
    }
    // The exit code of the adapter says nothing about the program, whose own is in an event.
    Ok(0)
}

/// The debugger's view of a session.
struct Front(Rc<RefCell<Session>>);

impl Frontend for Front {
    fn stand(&mut self, at: &mut At<'_>, control: &mut Control, reason: &Reason) -> Resume {
        self.0.borrow_mut().stand(at, control, reason)
    }

    fn attend(&mut self, vm: &Vm, control: &mut Control) -> bool {
        self.0.borrow_mut().attend(vm, control)
    }
}

impl Session {
    /// Everything before the program starts; nothing if it never does.
    fn prepare(&mut self, execute: &Execute) -> Option<(Machine, Control, Launch)> {
        let mut loaded: Option<(Machine, Control, Launch)> = None;
        loop {
            let message = self.messages.recv().ok()?;
            let scene = match &mut loaded {
                Some((machine, control, _)) => Scene::Program(&machine.vm, control),
                None => Scene::Nothing,
            };
            match self.handle(&message, scene) {
                After::Launch(launch) if loaded.is_none() => match self.launch(execute, &launch) {
                    Ok((machine, control)) => {
                        self.out.respond(&launch.request, &json!({}));
                        loaded = Some((machine, control, *launch));
                        self.out.event("initialized", &json!({}));
                    }
                    Err(text) => self.out.refuse(&launch.request, &text),
                },
                After::Launch(launch) => {
                    self.out
                        .refuse(&launch.request, "a program is launched already");
                }
                After::Start if loaded.is_some() => return loaded,
                After::Leave => return None,
                _ => {}
            }
        }
    }

    fn launch(&mut self, execute: &Execute, launch: &Launch) -> Result<(Machine, Control), String> {
        let machine = super::load(execute, &launch.program, launch.args.clone());
        let machine = machine.map_err(|failure| match failure {
            Failure::Program(text)
            | Failure::Usage(text)
            | Failure::File(text)
            | Failure::Image { text, .. } => text,
        })?;
        self.sources = Sources::new(&launch.program);
        Ok((machine, Control::new(Arc::clone(&self.attention))))
    }

    fn stand(&mut self, at: &mut At<'_>, control: &mut Control, reason: &Reason) -> Resume {
        self.running.store(false, Ordering::SeqCst);
        if !self.leaving {
            self.tell(reason);
        }
        let resume = loop {
            if self.leaving {
                break Resume::Quit(0);
            }
            let Ok(message) = self.messages.recv() else {
                break Resume::Quit(0);
            };
            match self.handle(&message, Scene::Standing(at, control)) {
                After::Go(resume) => break resume,
                After::Leave => self.leaving = true,
                _ => {}
            }
        };
        self.references.clear();
        self.exception = None;
        self.go_on();
        resume
    }

    /// The program runs from now on. What came in just before has not called for attention.
    fn go_on(&self) {
        self.running.store(true, Ordering::SeqCst);
        self.attention.store(true, Ordering::SeqCst);
    }

    fn tell(&mut self, reason: &Reason) {
        let mut body = json!({"threadId": THREAD, "allThreadsStopped": true});
        body["reason"] = match reason {
            Reason::Entry => "entry",
            Reason::Step => "step",
            Reason::Pause => "pause",
            Reason::Breakpoint(..) => "breakpoint",
            Reason::Raised(..) => "exception",
        }
        .into();
        match reason {
            Reason::Breakpoint(id, failed) => {
                body["hitBreakpointIds"] = json!([id]);
                if let Some(message) = failed {
                    let output = format!("the breakpoint's condition failed: {message}\n");
                    self.out.output("console", &output);
                }
            }
            Reason::Raised(message, caught) => {
                body["text"] = message.as_str().into();
                self.exception = Some((message.clone(), *caught));
            }
            _ => {}
        }
        self.out.event("stopped", &body);
    }

    /// What came in while the program runs; true if it has to stand.
    fn attend(&mut self, vm: &Vm, control: &mut Control) -> bool {
        let mut stand = false;
        while let Ok(message) = self.messages.try_recv() {
            match self.handle(&message, Scene::Program(vm, control)) {
                After::Pause => stand = true,
                After::Leave => self.leaving = true,
                _ => {}
            }
        }
        stand || self.leaving
    }

    /// The program has ended: nothing is left but to say good-bye.
    fn end(&mut self) {
        while !self.leaving {
            let Ok(message) = self.messages.recv() else {
                return;
            };
            self.leaving = matches!(self.handle(&message, Scene::Nothing), After::Leave);
        }
    }

    /// Answers a request.
    fn handle(&mut self, message: &Message, scene: Scene<'_, '_>) -> After {
        match self.answer(message, scene) {
            Ok((body, after)) => {
                if let Some(body) = body {
                    self.out.respond(message, &body);
                }
                after
            }
            Err(text) => {
                self.out.refuse(message, &text);
                After::Nothing
            }
        }
    }

    /// The body of the answer to a request, if it is to be answered now.
    fn answer(
        &mut self,
        message: &Message,
        mut scene: Scene<'_, '_>,
    ) -> Result<(Option<Value>, After), String> {
        let args = &message.arguments;
        let done = |body: Value| Ok((Some(body), After::Nothing));
        let go = |scene: &Scene<'_, '_>, resume: Resume, body: Value| match scene {
            Scene::Standing(..) => Ok((Some(body), After::Go(resume))),
            _ => Err("the program does not stand".to_owned()),
        };
        match message.command.as_str() {
            "initialize" => {
                self.first_line = u32::from(args["linesStartAt1"] != json!(false));
                self.first_column = u32::from(args["columnsStartAt1"] != json!(false));
                done(capabilities())
            }
            "launch" => Ok((None, After::Launch(Box::new(launch(message)?)))),
            "attach" => Err("programs are launched here, not attached to".to_owned()),
            "configurationDone" => {
                scene.program()?;
                Ok((Some(json!({})), After::Start))
            }
            "threads" => done(json!({"threads": [{"id": THREAD, "name": "main"}]})),
            "setBreakpoints" => {
                let (vm, control) = scene.program()?;
                done(self.set_breakpoints(vm, control, args)?)
            }
            "setFunctionBreakpoints" => {
                let (vm, control) = scene.program()?;
                done(self.set_function_breakpoints(vm, control, args)?)
            }
            "setExceptionBreakpoints" => {
                let (_, control) = scene.program()?;
                let wanted = |filter: &str| has(&args["filters"], filter);
                control.catch = match (wanted("all"), wanted("uncaught")) {
                    (true, _) => Catch::All,
                    (false, true) => Catch::Uncaught,
                    (false, false) => Catch::Nothing,
                };
                done(json!({}))
            }
            "exceptionInfo" => {
                let (text, caught) = self.exception.as_ref().ok_or("there is no exception")?;
                let mode = if *caught { "always" } else { "unhandled" };
                done(json!({"exceptionId": text, "description": text, "breakMode": mode}))
            }
            "continue" => go(
                &scene,
                Resume::Continue,
                json!({"allThreadsContinued": true}),
            ),
            "next" => go(&scene, Resume::Over, json!({})),
            "stepIn" => go(&scene, Resume::Into, json!({})),
            "stepOut" => go(&scene, Resume::Out, json!({})),
            "pause" => {
                scene.program()?;
                Ok((Some(json!({})), After::Pause))
            }
            "disconnect" | "terminate" => Ok((Some(json!({})), After::Leave)),
            "source" => {
                let (vm, _) = scene.program()?;
                let number = &args["source"]["sourceReference"];
                let number = number.as_u64().or(args["sourceReference"].as_u64());
                let module = self.named.get(index(number)?).cloned();
                let module = module.ok_or("there is no such source")?;
                let text = self
                    .sources
                    .text(vm, &module)
                    .ok_or("its text is not here")?;
                done(json!({"content": text}))
            }
            "stackTrace" | "scopes" | "variables" | "setVariable" | "evaluate" => {
                let Scene::Standing(at, _) = scene else {
                    return Err("the program does not stand".to_owned());
                };
                done(match message.command.as_str() {
                    "stackTrace" => self.stack_trace(at, args),
                    "scopes" => self.scopes(at, args)?,
                    "variables" => self.variables(at, args)?,
                    "setVariable" => self.set_variable(at, args)?,
                    _ => self.evaluate(at, args)?,
                })
            }
            other => Err(format!("there is no request {other} here")),
        }
    }

    /// A line as the program counts it.
    fn line(&self, line: &Value) -> Result<u32, String> {
        let line = line.as_u64().and_then(|line| u32::try_from(line).ok());
        let line = line.ok_or("a line is a number")?;
        line.checked_add(1 - self.first_line)
            .ok_or_else(|| "a line is too large".to_owned())
    }

    fn set_breakpoints(
        &self,
        vm: &Vm,
        control: &mut Control,
        args: &Value,
    ) -> Result<Value, String> {
        let path = args["source"]["path"]
            .as_str()
            .or(args["source"]["name"].as_str());
        let path = path.ok_or("the source has no path")?;
        let full = std::path::absolute(path).map_err(|error| error.to_string())?;
        let known = modules(vm);
        let same = |module: &&String| self.sources.file(module).is_some_and(|file| file == full);
        let file = known.iter().find(same).map_or(path, String::as_str);
        let mut wanted = Vec::new();
        for one in args["breakpoints"].as_array().unwrap_or(&Vec::new()) {
            wanted.push((self.line(&one["line"])?, condition(one)));
        }
        control.keep(|old| !matches!(&old.spot, Spot::Line(of, _) if of == file));
        let mut set = Vec::new();
        for (line, condition) in wanted {
            let spot = Spot::Line(file.to_owned(), line);
            set.push(self.describe(control.add(vm, spot, condition)));
        }
        Ok(json!({"breakpoints": set}))
    }

    fn set_function_breakpoints(
        &self,
        vm: &Vm,
        control: &mut Control,
        args: &Value,
    ) -> Result<Value, String> {
        let mut wanted = Vec::new();
        for one in args["breakpoints"].as_array().unwrap_or(&Vec::new()) {
            let name = one["name"].as_str().ok_or("a function has a name")?;
            wanted.push((name.to_owned(), condition(one)));
        }
        control.keep(|old| !matches!(old.spot, Spot::Function(_)));
        let mut set = Vec::new();
        for (name, condition) in wanted {
            set.push(self.describe(control.add(vm, Spot::Function(name), condition)));
        }
        Ok(json!({"breakpoints": set}))
    }

    fn describe(&self, breakpoint: &Breakpoint) -> Value {
        let id = breakpoint.id;
        match &breakpoint.place {
            Some((_, line)) => {
                json!({"id": id, "verified": true, "line": line - 1 + self.first_line})
            }
            None => json!({"id": id, "verified": false, "message": "there is no code here"}),
        }
    }

    fn source(&mut self, module: &str) -> Value {
        let name = module.rsplit('/').next();
        if let Some(file) = self.sources.file(module) {
            return json!({"name": name, "path": file.to_string_lossy()});
        }
        let known = self.named.iter().position(|known| known == module);
        let number = known.unwrap_or_else(|| {
            self.named.push(module.to_owned());
            self.named.len() - 1
        });
        json!({"name": name, "sourceReference": number + 1})
    }

    fn stack_trace(&mut self, at: &At<'_>, args: &Value) -> Value {
        let number = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
        let first = number(&args["startFrame"]).unwrap_or(0);
        let levels = number(&args["levels"]).filter(|levels| *levels > 0);
        let mut frames = Vec::new();
        let wanted = at.frames().enumerate().skip(first);
        for (depth, frame) in wanted.take(levels.unwrap_or(usize::MAX)) {
            let (line, column) = frame.position();
            let mut shown = json!({"id": depth + 1, "name": name(frame), "line": 0, "column": 0});
            if frame.in_library(at.vm) {
                shown["presentationHint"] = "subtle".into();
            } else if let Some(module) = module(frame)
                && line > 0
            {
                shown["source"] = self.source(module);
                shown["line"] = (line - 1 + self.first_line).into();
                shown["column"] = (column.saturating_sub(1) + self.first_column).into();
            }
            frames.push(shown);
        }
        json!({"stackFrames": frames, "totalFrames": at.frames().count()})
    }

    fn refer(&mut self, reference: Reference) -> usize {
        self.references.push(reference);
        self.references.len()
    }

    fn scopes(&mut self, at: &At<'_>, args: &Value) -> Result<Value, String> {
        let frame = frame_of(at, &args["frameId"])?;
        let locals = self.refer(Reference::Locals(frame));
        let globals = self.refer(Reference::Globals(frame));
        Ok(json!({"scopes": [
            {"name": "Locals", "presentationHint": "locals", "variablesReference": locals, "expensive": false},
            {"name": "Globals", "variablesReference": globals, "expensive": true},
        ]}))
    }

    fn reference(&self, number: &Value) -> Result<Reference, String> {
        let found = self.references.get(index(number.as_u64())?);
        found
            .copied()
            .ok_or_else(|| "there is no such list of variables".to_owned())
    }

    fn variables(&mut self, at: &mut At<'_>, args: &Value) -> Result<Value, String> {
        let reference = self.reference(&args["variablesReference"])?;
        let list: Vec<(String, Option<GeneValue>)> = match reference {
            Reference::Parts(value) => {
                let parts = inspect::parts(at.vm, value).into_iter();
                parts.map(|(name, value)| (name, Some(value))).collect()
            }
            Reference::Locals(frame) | Reference::Globals(frame) => {
                let frame = at.frames().nth(frame).ok_or("there is no such frame")?;
                let found = match reference {
                    Reference::Locals(_) => inspect::locals(frame),
                    _ => inspect::globals(frame, at.vm),
                };
                found
                    .into_iter()
                    .map(|found| (found.name, found.value))
                    .collect()
            }
        };
        let number = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
        let first = number(&args["start"]).unwrap_or(0);
        let count = number(&args["count"]).filter(|count| *count > 0);
        let mut shown = Vec::new();
        for (name, value) in list
            .into_iter()
            .skip(first)
            .take(count.unwrap_or(usize::MAX))
        {
            let mut variable = match value {
                Some(value) => self.show(at, "value", value),
                None => json!({"value": "(no value yet)", "variablesReference": 0}),
            };
            if !matches!(reference, Reference::Parts(_)) {
                variable["evaluateName"] = name.as_str().into();
            }
            variable["name"] = name.into();
            shown.push(variable);
        }
        Ok(json!({"variables": shown}))
    }

    /// A value with its type and, if it has any, a number for its parts.
    fn show(&mut self, at: &mut At<'_>, field: &str, value: GeneValue) -> Value {
        let parts = inspect::parts(at.vm, value);
        let mut shown = json!({
            "type": type_name(at.vm, value),
            "variablesReference": 0,
        });
        shown[field] = brief(at.vm, value, MAX_VALUE).into();
        if !parts.is_empty() {
            at.vm.pinned.push(value);
            shown["variablesReference"] = self.refer(Reference::Parts(value)).into();
            let kind = match value.is(Kind::Array) {
                true => "indexedVariables",
                false => "namedVariables",
            };
            shown[kind] = parts.len().into();
        }
        shown
    }

    fn set_variable(&mut self, at: &mut At<'_>, args: &Value) -> Result<Value, String> {
        let frame = match self.reference(&args["variablesReference"])? {
            Reference::Locals(frame) | Reference::Globals(frame) => frame,
            Reference::Parts(_) => return Err("evaluate an assignment to change a part".to_owned()),
        };
        let name = args["name"].as_str().ok_or("a variable has a name")?;
        let text = args["value"].as_str().ok_or("a value is a text")?;
        let value = inspect::assign(at, frame, name, text, Some(&self.attention))?;
        Ok(self.show(at, "value", value))
    }

    fn evaluate(&mut self, at: &mut At<'_>, args: &Value) -> Result<Value, String> {
        let text = args["expression"]
            .as_str()
            .ok_or("an expression is a text")?;
        let frame = match &args["frameId"] {
            Value::Null => 0,
            id => frame_of(at, id)?,
        };
        let value = inspect::evaluate(at, frame, text, Some(&self.attention))?;
        Ok(self.show(at, "result", value))
    }
}

fn capabilities() -> Value {
    json!({
        "supportsConfigurationDoneRequest": true,
        "supportsConditionalBreakpoints": true,
        "supportsFunctionBreakpoints": true,
        "supportsEvaluateForHovers": true,
        "supportsSetVariable": true,
        "supportsExceptionInfoRequest": true,
        "supportsTerminateRequest": true,
        "exceptionBreakpointFilters": [
            {"filter": "uncaught", "label": "Uncaught exceptions", "default": true},
            {"filter": "all", "label": "All exceptions", "default": false},
        ],
    })
}

fn launch(message: &Message) -> Result<Launch, String> {
    let args = &message.arguments;
    let program = args["program"].as_str().ok_or("`program` names no file")?;
    let mut words = Vec::new();
    for word in args["args"].as_array().unwrap_or(&Vec::new()) {
        words.push(word.as_str().ok_or("`args` is a list of texts")?.to_owned());
    }
    if let Some(folder) = args["cwd"].as_str() {
        std::env::set_current_dir(folder).map_err(|error| format!("{folder}: {error}"))?;
    }
    Ok(Launch {
        request: message.clone(),
        program: program.into(),
        args: words,
        entry: args["stopOnEntry"] == json!(true),
        debug: args["noDebug"] != json!(true),
    })
}

fn condition(breakpoint: &Value) -> Option<String> {
    let text = breakpoint["condition"].as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn has(list: &Value, word: &str) -> bool {
    let list = list.as_array().into_iter().flatten();
    list.into_iter().any(|one| one == word)
}

/// The index of something that is numbered from 1.
fn index(number: Option<u64>) -> Result<usize, String> {
    let index = number.and_then(|number| usize::try_from(number.checked_sub(1)?).ok());
    index.ok_or_else(|| "a number from 1 is missing".to_owned())
}

fn frame_of(at: &At<'_>, id: &Value) -> Result<usize, String> {
    let frame = index(id.as_u64())?;
    match at.frames().nth(frame) {
        Some(_) => Ok(frame),
        None => Err("there is no such frame".to_owned()),
    }
}
