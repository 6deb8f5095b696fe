//! `gene debug --dap`: a client goes through whole conversations.

use gene_aot::{Scratch, programs};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PROGRAM: &str = "\
(class Point
  (ctor [x y]
    (/x = x)
    (/y = y)))
(var total 10)

(fn area [p list]
  (var w p/x)
  (var h p/y)
  (w * h))
(println \"first\")
(println (area (new Point 3 4) [1 [2 3] {^a 5}]))
(var i 0)
(while (i < 3)
  (i = (i + 1)))
(try (throw \"caught\") catch * nil)
(println $args)
(throw \"lost\")
";

/// An editor.
struct Client {
    child: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    seq: u64,
    /// Events that nobody has waited for yet.
    events: Vec<Value>,
    output: String,
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_message(from: &mut impl BufRead) -> Option<Value> {
    let mut line = String::new();
    from.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let length = line.strip_prefix("Content-Length: ").expect("a header");
    let mut text = vec![0; length.trim().parse().expect("a length")];
    line.clear();
    from.read_line(&mut line).ok()?;
    assert_eq!(line, "\r\n");
    from.read_exact(&mut text).ok()?;
    Some(serde_json::from_slice(&text).expect("JSON"))
}

impl Client {
    fn start(folder: &Path) -> Client {
        let mut child = Command::new(&programs().gene)
            .args(["debug", "--dap"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the adapter");
        let (sender, messages) = channel();
        let mut from = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || {
            while let Some(message) = read_message(&mut from) {
                let _ = sender.send(message);
            }
        });
        Client {
            input: child.stdin.take(),
            child,
            messages,
            seq: 0,
            events: Vec::new(),
            output: String::new(),
        }
    }

    fn send_text(&mut self, text: &str) {
        let input = self.input.as_mut().expect("an open pipe");
        let _ = input.write_all(text.as_bytes());
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        self.send_text(&format!("Content-Length: {}\r\n\r\n{text}", text.len()));
    }

    /// The next message that is no event, if any comes; events are kept.
    fn next(&mut self) -> Option<Value> {
        loop {
            let message = self.messages.recv_timeout(Duration::from_secs(60)).ok()?;
            if message["type"] != "event" {
                return Some(message);
            }
            self.keep(message);
        }
    }

    fn keep(&mut self, event: Value) {
        match event["event"].as_str() {
            Some("output") => {
                let text = event["body"]["output"].as_str().expect("a text");
                self.output.push_str(text);
            }
            _ => self.events.push(event),
        }
    }

    /// Sends a request and gives the answer.
    fn answer(&mut self, command: &str, arguments: &Value) -> Value {
        self.seq += 1;
        let seq = self.seq;
        self.send(&json!({
            "seq": seq, "type": "request", "command": command, "arguments": arguments,
        }));
        let answer = self
            .next()
            .unwrap_or_else(|| panic!("{command}: no answer"));
        assert_eq!(answer["request_seq"], seq, "{answer}");
        assert_eq!(answer["command"], command, "{answer}");
        answer
    }

    /// The same for what must succeed; gives the body.
    fn ask(&mut self, command: &str, arguments: &Value) -> Value {
        let answer = self.answer(command, arguments);
        assert_eq!(answer["success"], true, "{answer}");
        answer["body"].clone()
    }

    /// The same for what must fail; gives the message.
    fn refused(&mut self, command: &str, arguments: &Value) -> String {
        let answer = self.answer(command, arguments);
        assert_eq!(answer["success"], false, "{answer}");
        answer["message"].as_str().expect("a message").to_owned()
    }

    /// Waits for an event; gives its body.
    fn wait(&mut self, name: &str) -> Value {
        loop {
            if let Some(at) = self.events.iter().position(|event| event["event"] == name) {
                return self.events.remove(at)["body"].clone();
            }
            let message = self.messages.recv_timeout(Duration::from_secs(60));
            let message = message.unwrap_or_else(|_| panic!("no event {name}: {}", self.output));
            assert_eq!(message["type"], "event", "{message}");
            self.keep(message);
        }
    }

    /// Waits until the program has printed something.
    fn printed(&mut self, text: &str) {
        while !self.output.contains(text) {
            let message = self.messages.recv_timeout(Duration::from_secs(60));
            let message = message.unwrap_or_else(|_| panic!("no {text}: {}", self.output));
            assert_eq!(message["type"], "event", "{message}");
            self.keep(message);
        }
    }

    /// Waits until the program stands; gives the reason and the innermost frame.
    fn stopped(&mut self) -> (String, Value) {
        let event = self.wait("stopped");
        let trace = self.ask("stackTrace", &json!({"threadId": 1}));
        let reason = event["reason"].as_str().expect("a reason").to_owned();
        (reason, trace["stackFrames"][0].clone())
    }

    fn launch(&mut self, arguments: &Value) -> Value {
        let capabilities = self.ask("initialize", &json!({"adapterID": "gene"}));
        self.ask("launch", arguments);
        self.wait("initialized");
        capabilities
    }

    fn leave(&mut self) {
        self.ask("disconnect", &json!({}));
        self.input = None;
        let status = self.child.wait().expect("an end");
        assert_eq!(status.code(), Some(0));
    }
}

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("lib/a.gene", PROGRAM);
    scratch
}

/// Names and values of variables.
fn list(variables: &Value) -> Vec<String> {
    let list = variables["variables"].as_array().expect("variables");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    list.iter()
        .map(|one| format!("{} = {}", text(&one["name"]), text(&one["value"])))
        .collect()
}

#[test]
fn a_whole_conversation() {
    let scratch = scratch();
    let file = scratch.file("lib/a.gene");
    let path = file.to_str().expect("a path");
    let mut client = Client::start(scratch.path());
    let capabilities = client.launch(&json!({
        "program": path, "args": ["one"], "stopOnEntry": true,
    }));
    assert_eq!(capabilities["supportsConfigurationDoneRequest"], true);
    let breakpoints = client.ask(
        "setBreakpoints",
        &json!({"source": {"path": path}, "breakpoints": [
            {"line": 7}, {"line": 9}, {"line": 16, "condition": "(i == 2)"}, {"line": 900},
        ]}),
    );
    let found = breakpoints["breakpoints"].as_array().expect("a list");
    let lines: Vec<&Value> = found.iter().map(|one| &one["line"]).collect();
    assert_eq!(lines[1], 9);
    assert_eq!(lines[2], 16);
    assert!(
        lines[0].as_u64() > Some(7),
        "moved to where code is: {found:?}"
    );
    let verified: Vec<bool> = found.iter().map(|one| one["verified"] == true).collect();
    assert_eq!(verified, [true, true, true, false]);
    client.ask("setExceptionBreakpoints", &json!({"filters": ["uncaught"]}));
    assert!(
        client
            .refused("evaluate", &json!({"expression": "1"}))
            .contains("stand")
    );
    client.ask("configurationDone", &json!({}));
    let threads = client.ask("threads", &json!({}));
    assert_eq!(threads["threads"][0]["id"], 1);

    let (reason, frame) = client.stopped();
    assert_eq!((reason.as_str(), &frame["line"]), ("entry", &json!(1)));
    // breakpoints that are set again replace the old ones
    client.ask(
        "setBreakpoints",
        &json!({"source": {"path": path}, "breakpoints": [
            {"line": 9}, {"line": 15, "condition": "(i == 2)"},
        ]}),
    );
    client.ask("continue", &json!({"threadId": 1}));
    let (reason, frame) = client.stopped();
    assert_eq!(
        (reason.as_str(), &frame["name"]),
        ("breakpoint", &json!("area"))
    );
    assert_eq!(
        (&frame["line"], &frame["source"]["path"]),
        (&json!(9), &json!(path))
    );
    client.printed("first\n");

    let scopes = client.ask("scopes", &json!({"frameId": frame["id"]}));
    let reference =
        |scope: usize| json!({"variablesReference": scopes["scopes"][scope]["variablesReference"]});
    let locals = client.ask("variables", &reference(0));
    assert_eq!(
        list(&locals)[1..],
        ["list = [1 [2 3] {^a 5}]", "w = 3", "h = (no value yet)"]
    );
    let parts = |variable: &Value| json!({"variablesReference": variable["variablesReference"]});
    let point = client.ask("variables", &parts(&locals["variables"][0]));
    assert_eq!(list(&point), ["x = 3", "y = 4"]);
    let items = client.ask("variables", &parts(&locals["variables"][1]));
    assert_eq!(list(&items), ["0 = 1", "1 = [2 3]", "2 = {^a 5}"]);
    let inner = client.ask("variables", &parts(&items["variables"][1]));
    assert_eq!(list(&inner), ["0 = 2", "1 = 3"]);
    let mut some = parts(&locals["variables"][1]);
    some["start"] = json!(2);
    some["count"] = json!(1);
    assert_eq!(list(&client.ask("variables", &some)), ["2 = {^a 5}"]);
    let globals = list(&client.ask("variables", &reference(1)));
    assert!(
        globals.contains(&"area = VkFunction".to_owned()),
        "{globals:?}"
    );

    let expression = json!({"expression": "(w + p/y)", "frameId": frame["id"], "context": "watch"});
    assert_eq!(client.ask("evaluate", &expression)["result"], "7");
    let wrong = json!({"expression": "(throw \"no\")", "frameId": frame["id"]});
    assert_eq!(client.refused("evaluate", &wrong), "no");
    let mut set = reference(0);
    set["name"] = json!("w");
    set["value"] = json!("(w + 2)");
    assert_eq!(client.ask("setVariable", &set)["value"], "5");
    client.ask("next", &json!({"threadId": 1}));
    let (reason, frame) = client.stopped();
    assert_eq!((reason.as_str(), &frame["line"]), ("step", &json!(10)));
    // numbers of variables end when the program goes on
    assert!(
        client
            .refused("variables", &reference(0))
            .contains("no such")
    );
    client.ask("stepOut", &json!({"threadId": 1}));
    assert_eq!(client.stopped().1["name"], "__init__");

    client.ask("continue", &json!({"threadId": 1}));
    let (reason, _) = client.stopped();
    assert_eq!(reason, "breakpoint");
    client.printed("20\n");
    let expression = json!({"expression": "i"});
    assert_eq!(client.ask("evaluate", &expression)["result"], "2");

    client.ask("continue", &json!({"threadId": 1}));
    let (reason, frame) = client.stopped();
    assert_eq!((reason.as_str(), &frame["line"]), ("exception", &json!(18)));
    let exception = client.ask("exceptionInfo", &json!({"threadId": 1}));
    assert_eq!(
        (&exception["description"], &exception["breakMode"]),
        (&json!("lost"), &json!("unhandled"))
    );
    client.ask("continue", &json!({"threadId": 1}));
    assert_eq!(client.wait("exited")["exitCode"], 1);
    client.wait("terminated");
    assert!(client.output.contains("[one]\n"), "{}", client.output);
    assert!(
        client.output.contains("Error: {^message \"lost\""),
        "{}",
        client.output
    );
    client.leave();
}

#[test]
fn running_programs_pause_and_end() {
    let scratch = Scratch::new();
    let file = scratch.write(
        "a.gene",
        "(var i 0)\n(fn f [n]\n  (println \"on\") (loop\n    (i = (i + n))))\n(f 1)\n",
    );
    let path = file.to_str().expect("a path");
    let mut client = Client::start(scratch.path());
    client.launch(&json!({"program": path}));
    client.ask("configurationDone", &json!({}));
    assert!(
        client
            .refused("next", &json!({"threadId": 1}))
            .contains("stand")
    );
    client.printed("on\n"); // also before the program stands
    client.ask("pause", &json!({"threadId": 1}));
    let (reason, frame) = client.stopped();
    assert_eq!((reason.as_str(), &frame["name"]), ("pause", &json!("f")));
    client.ask("stepIn", &json!({"threadId": 1}));
    assert_eq!(client.stopped().0, "step");
    client.ask("continue", &json!({"threadId": 1}));
    // breakpoints are set while the program runs
    let set = json!({"source": {"path": path}, "breakpoints": [{"line": 4}]});
    client.ask("setBreakpoints", &set);
    assert_eq!(client.stopped().0, "breakpoint");
    client.ask("setBreakpoints", &json!({"source": {"path": path}}));
    let functions = client.ask(
        "setFunctionBreakpoints",
        &json!({"breakpoints": [{"name": "f"}, {"name": "g"}]}),
    );
    assert_eq!(functions["breakpoints"][0]["verified"], true);
    assert_eq!(functions["breakpoints"][1]["verified"], false);
    client.ask("continue", &json!({"threadId": 1}));
    client.ask("terminate", &json!({}));
    client.wait("terminated");
    client.input = None;
    assert_eq!(client.child.wait().expect("an end").code(), Some(0));
    // an editor that goes away takes the program with it
    let mut gone = Client::start(scratch.path());
    gone.launch(&json!({"program": path}));
    gone.ask("configurationDone", &json!({}));
    gone.input = None;
    assert_eq!(gone.child.wait().expect("an end").code(), Some(0));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let scratch = scratch();
    scratch.write("wrong.gene", "(let x 1)\n(fn f [] (x = 2))\n");
    let mut client = Client::start(scratch.path());
    for text in [
        "Content-Length: 3\r\n\r\n{]}",
        "Content-Length: 2\r\n\r\n[]",
        "Content-Length: 4\r\n\r\nnull",
        "Content-Length: 17\r\n\r\n{\"type\":\"request\"",
        "Content-Length: 18\r\n\r\n{\"type\":\"request\"}",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: 99999999999999999999999\r\n\r\n",
        "No-Length: 1\r\n\r\n",
        "\r\n",
    ] {
        client.send_text(text);
        let answer = client.next().unwrap_or_else(|| panic!("{text}: no answer"));
        assert_eq!(
            (&answer["success"], &answer["type"]),
            (&json!(false), &json!("response")),
            "{text}"
        );
    }
    for command in [
        "launch",
        "continue",
        "next",
        "pause",
        "scopes",
        "variables",
        "stackTrace",
        "setBreakpoints",
        "configurationDone",
        "evaluate",
        "attach",
        "no-such-command",
        "source",
    ] {
        for arguments in [
            json!(null),
            json!([]),
            json!({}),
            json!("text"),
            json!({"program": 5}),
        ] {
            client.refused(command, &arguments);
        }
    }
    client.ask("initialize", &json!({"linesStartAt1": false}));
    assert!(
        client
            .refused("launch", &json!({"program": "none.gene"}))
            .contains("none.gene")
    );
    assert!(
        client
            .refused("launch", &json!({"program": "wrong.gene"}))
            .contains("error")
    );
    client.refused("launch", &json!({"program": "lib/a.gene", "args": [1]}));
    client.refused(
        "launch",
        &json!({"program": "lib/a.gene", "cwd": "no/such/folder"}),
    );
    client.launch(&json!({"program": "lib/a.gene", "stopOnEntry": true}));
    client.refused("launch", &json!({"program": "lib/a.gene"}));
    let path = json!({"path": "lib/a.gene"});
    for line in [
        json!(null),
        json!(-1),
        json!("x"),
        json!(4294967296u64),
        json!(1e300),
    ] {
        client.refused(
            "setBreakpoints",
            &json!({"source": path, "breakpoints": [{"line": line}]}),
        );
    }
    client.ask("configurationDone", &json!({}));
    let (_, frame) = client.stopped();
    assert_eq!(frame["line"], json!(1));
    let huge = json!(u64::MAX);
    client.refused("scopes", &json!({"frameId": huge}));
    client.refused("scopes", &json!({"frameId": 0}));
    client.refused("variables", &json!({"variablesReference": huge}));
    client.refused("variables", &json!({"variablesReference": 0}));
    client.refused("evaluate", &json!({"expression": "(1 +", "frameId": 1}));
    client.refused("evaluate", &json!({"expression": "", "frameId": 1}));
    client.refused("evaluate", &json!({"expression": "1", "frameId": 77}));
    client.refused("exceptionInfo", &json!({"threadId": 1}));
    client.refused("setVariable", &json!({"variablesReference": 1}));
    client.refused("source", &json!({"sourceReference": huge}));
    client.ask("stackTrace", &json!({"startFrame": huge, "levels": huge}));
    client.leave();
}
