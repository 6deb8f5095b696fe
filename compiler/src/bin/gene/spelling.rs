//! Spellings of the reference that clap does not know, turned into the usual ones: `--long:value`
//! and `-x:value`, options of `gene run` behind the file, `h` for `help`; and a file in the place
//! of a command, as `#!/usr/bin/env gene` gives it.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, ArgAction, Command};

/// The command line in the usual spelling.
pub fn usual(cli: &Command, mut words: Vec<OsString>) -> Vec<OsString> {
    let Some(name) = words.get_mut(1) else {
        return words;
    };
    if name == "h" {
        *name = "help".into();
    }
    let name = name.to_string_lossy();
    let Some(command) = cli
        .get_subcommands()
        .find(|known| known.get_name() == name || known.get_all_aliases().any(|one| one == name))
    else {
        if is_file(&words[1]) {
            words.splice(1..1, ["run".into(), "--".into()]);
        }
        return words;
    };
    let rest = words.split_off(2);
    words.extend(options(command, rest));
    words
}

/// Whether a word that is no command means a program to run.
fn is_file(word: &OsStr) -> bool {
    let is_option = word.as_encoded_bytes().starts_with(b"-");
    !is_option && (looks_like_file(word) || Path::new(word).is_file())
}

/// Whether a word is a path, or has the ending of a program.
pub fn looks_like_file(word: &OsStr) -> bool {
    let path = Path::new(word);
    let ending = path.extension();
    ending.is_some_and(|ending| ending == "gene" || ending == "gir")
        || word.as_encoded_bytes().contains(&b'/')
}

/// The words behind the name of a command. For `run` the options come first, and all from the
/// file on stands behind `--`.
fn options(command: &Command, words: Vec<OsString>) -> Vec<OsString> {
    let (mut before, mut behind) = (Vec::new(), Vec::new());
    let run = command.get_name() == "run";
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text == "--" {
            if !run {
                behind.push(word);
            }
            behind.extend(words);
            break;
        }
        let in_program = run && !behind.is_empty();
        let is_option = text.starts_with('-') && text != "-";
        let found = option(command, &text).filter(|_| !in_program || text.starts_with("--"));
        match found {
            Some((known, Value::Colon(at))) if takes_value(known) => {
                before.push(format!("{}={}", &text[..at], &text[at + 1..]).into());
            }
            Some((known, Value::None)) if takes_value(known) => {
                before.push(word);
                before.extend(words.next());
            }
            Some(_) => before.push(word),
            None if run && (in_program || !is_option) => behind.push(word),
            None => before.push(word),
        }
    }
    if run && !behind.is_empty() {
        before.push("--".into());
    }
    before.extend(behind);
    before
}

fn takes_value(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::Set | ArgAction::Append)
}

/// How a value is attached to an option.
enum Value {
    /// By a colon, at this byte.
    Colon(usize),
    /// In another way.
    Attached,
    /// Not at all.
    None,
}

/// The option that a word spells.
fn option<'c>(command: &'c Command, text: &str) -> Option<(&'c Arg, Value)> {
    if let Some(long) = text.strip_prefix("--") {
        let at = long.find(['=', ':']).unwrap_or(long.len());
        let named = |arg: &&Arg| {
            let other = arg.get_all_aliases().unwrap_or_default();
            arg.get_long() == Some(&long[..at]) || other.contains(&&long[..at])
        };
        let value = match long.as_bytes().get(at) {
            Some(b':') => Value::Colon(at + 2),
            Some(_) => Value::Attached,
            None => Value::None,
        };
        return Some((command.get_arguments().find(named)?, value));
    }
    let mut short = text.strip_prefix('-')?.chars();
    let letter = short.next()?;
    let known = |arg: &&Arg| arg.get_short() == Some(letter);
    let value = match short.next() {
        Some(':') => Value::Colon(1 + letter.len_utf8()),
        Some(_) => Value::Attached,
        None => Value::None,
    };
    Some((command.get_arguments().find(known)?, value))
}
