//! Constants and table entries in one line each.

use crate::image::CheckedImage;
use crate::program::{Const, ConstId, StrId, TableEntry, TypeDesc};

/// Longest description, in characters; what is left out shows as `…`.
const WIDTH: usize = 72;

/// Levels of nested constants that are shown.
const LEVELS: usize = 4;

/// A constant in one line, as close to source as fits.
pub fn describe_constant(image: &CheckedImage<'_>, id: ConstId) -> String {
    let mut out = String::new();
    constant(image, id, LEVELS, &mut out);
    cut(out)
}

/// A table entry in one line.
pub fn describe_entry(image: &CheckedImage<'_>, entry: &TableEntry) -> String {
    let name = |id| name(image, id);
    let func = |id| match image.func(id) {
        Ok(view) => format!("{id} {}", self::name(image, view.name)),
        Err(_) => id.to_string(),
    };
    cut(match entry {
        TableEntry::Const(id) => format!("{id} {}", describe_constant(image, *id)),
        TableEntry::Global {
            name: id,
            func: None,
        } => format!("global {}", name(*id)),
        TableEntry::Global {
            name: id,
            func: Some(init),
        } => format!("global {} = {}", name(*id), func(*init)),
        TableEntry::Shared {
            name: id,
            func: None,
        } => format!("shared {}", name(*id)),
        TableEntry::Shared {
            name: id,
            func: Some(init),
        } => format!("shared {} = {}", name(*id), func(*init)),
        TableEntry::Import { import, name: id } => {
            let path = image.imports().ok();
            let path = path.and_then(|list| Some(list.get(*import as usize)?.path));
            let path = path.unwrap_or("?").escape_debug();
            format!("import {} from {path}", name(*id))
        }
        TableEntry::Builtin(id) => format!("builtin {}", name(*id)),
        TableEntry::Func(id) => format!("function {}", func(*id)),
        TableEntry::Field(id) => format!("field {}", name(*id)),
        TableEntry::Store(id) => format!("store {}", name(*id)),
        TableEntry::Method {
            name: id,
            argc,
            keys,
        } => {
            let keys = keys.map_or(String::new(), |keys| {
                format!(" {}", describe_constant(image, keys))
            });
            format!("method {}/{argc}{keys}", name(*id))
        }
        TableEntry::Name(id) => format!("name {}", name(*id)),
        TableEntry::Rest => "…".into(),
    })
}

fn cut(text: String) -> String {
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A name without control characters.
fn name(image: &CheckedImage<'_>, id: StrId) -> String {
    match image.string(id) {
        Ok(text) => text.escape_debug().to_string(),
        Err(_) => format!("<{id}?>"),
    }
}

fn list(
    out: &mut String,
    brackets: (&str, &str),
    items: impl Iterator<Item = impl FnOnce(&mut String)>,
) {
    out.push_str(brackets.0);
    for (index, item) in items.enumerate() {
        if out.len() > 4 * WIDTH {
            break; // cut anyway
        }
        if index > 0 {
            out.push(' ');
        }
        item(out);
    }
    out.push_str(brackets.1);
}

fn constant(image: &CheckedImage<'_>, id: ConstId, levels: usize, out: &mut String) {
    if levels == 0 || out.len() > 4 * WIDTH {
        return out.push('…');
    }
    let child = |id: ConstId| move |out: &mut String| constant(image, id, levels - 1, out);
    let pair = |(key, value): &(StrId, ConstId)| {
        let (key, value) = (name(image, *key), *value);
        move |out: &mut String| {
            out.push('^');
            out.push_str(&key);
            out.push(' ');
            constant(image, value, levels - 1, out);
        }
    };
    let constant = match image.constant(id) {
        Ok(constant) => constant,
        Err(error) => return out.push_str(&format!("!! {error}")),
    };
    match constant {
        Const::Nil => out.push_str("nil"),
        Const::Void => out.push_str("void"),
        Const::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Const::NotFound => out.push_str("not_found"),
        Const::Placeholder => out.push('_'),
        Const::Int(n) => out.push_str(&n.to_string()),
        Const::Float(x) => out.push_str(&format!("{x:?}")),
        Const::Char(c) => out.push_str(&format!("'{}'", c.escape_debug())),
        Const::Str(id) => out.push_str(&format!("\"{}\"", name(image, id))),
        Const::Symbol(id) => out.push_str(&format!("`{}", name(image, id))),
        Const::Path(parts) => {
            let parts: Vec<_> = parts.into_iter().map(|id| name(image, id)).collect();
            out.push_str(&format!("`{}", parts.join("/")));
        }
        Const::Bytes(bytes) => {
            let digits = bytes.iter().take(WIDTH).map(|byte| format!("{byte:02x}"));
            out.push_str(&format!("bytes {}", digits.collect::<String>()));
        }
        Const::Array { items, sealed } => {
            let open = if sealed { "#[" } else { "[" };
            list(out, (open, "]"), items.into_iter().map(child));
        }
        Const::Map { entries, sealed } => {
            let open = if sealed { "#{" } else { "{" };
            list(out, (open, "}"), entries.iter().map(pair));
        }
        Const::HashMap { items, sealed } => {
            let open = if sealed { "#{{" } else { "{{" };
            list(out, (open, "}}"), items.into_iter().map(child));
        }
        Const::Gene {
            head,
            props,
            children,
            sealed,
        } => {
            out.push_str(if sealed { "#(" } else { "(" });
            child(head)(out);
            let start = if props.is_empty() { "" } else { " " };
            list(out, (start, ""), props.iter().map(pair));
            let start = if children.is_empty() { "" } else { " " };
            list(out, (start, ")"), children.into_iter().map(child));
        }
        Const::Quote(form) => {
            out.push('`');
            child(form)(out);
        }
        Const::Unquote { form, discard } => {
            out.push_str(if discard { "%_" } else { "%" });
            child(form)(out);
        }
        Const::Regex {
            pattern,
            replacement,
            flags,
        } => {
            let end = replacement.map_or(String::new(), |id| format!("{}/", name(image, id)));
            out.push_str(&format!("#/{}/{end} flags {flags}", name(image, pattern)));
        }
        Const::Temporal {
            date,
            time,
            offset,
            zone,
        } => temporal(date, time, offset, zone.map(|id| name(image, id)), out),
        Const::Selector(segments) => list(out, ("@(", ")"), segments.into_iter().map(child)),
        Const::Keys(names) => {
            let names: Vec<_> = names.into_iter().map(|id| name(image, id)).collect();
            out.push_str(&format!("keys {}", names.join(" ")));
        }
        Const::Check(check) => {
            let (text, what) = (name(image, check.text), name(image, check.name));
            let shape = shape(image, &check.ty);
            out.push_str(&format!("check {what}: {text} ({:?}, {shape})", check.site));
        }
    }
}

fn temporal(
    date: Option<(u16, u8, u8)>,
    time: Option<(u8, u8, u8, u32)>,
    offset: Option<i16>,
    zone: Option<String>,
    out: &mut String,
) {
    if let Some((year, month, day)) = date {
        out.push_str(&format!("{year:04}-{month:02}-{day:02}"));
    }
    if let Some((hour, minute, second, micros)) = time {
        if date.is_some() {
            out.push('T');
        }
        out.push_str(&format!("{hour:02}:{minute:02}:{second:02}.{micros:06}"));
    }
    if let Some(minutes) = offset {
        let sign = if minutes < 0 { '-' } else { '+' };
        let minutes = minutes.unsigned_abs();
        out.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
    }
    if let Some(zone) = zone {
        out.push_str(&format!("[{zone}]"));
    }
}

/// What run-time checks look at of a type.
fn shape(image: &CheckedImage<'_>, ty: &TypeDesc) -> String {
    match ty {
        TypeDesc::Any => "any".into(),
        TypeDesc::Named(id) => name(image, *id),
        TypeDesc::Applied(id) => format!("({} …)", name(image, *id)),
        TypeDesc::Union(types) => {
            let types: Vec<_> = types.iter().map(|ty| shape(image, ty)).collect();
            format!("({})", types.join(" | "))
        }
        TypeDesc::Function { params, result } => {
            let params: Vec<_> = params.iter().map(|param| shape(image, &param.ty)).collect();
            format!("(Fn [{}] {})", params.join(" "), shape(image, result))
        }
    }
}
