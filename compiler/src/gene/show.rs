//! Forms as text, and the names of their kinds in messages.

use gene_format::text::{Form, FormKind, write_form};

/// The form as it would be printed.
pub(super) fn show(form: &Form) -> String {
    write_form(form)
}

/// Kind of a form, as messages name it.
pub(super) fn kind(form: &Form) -> &'static str {
    match form.kind {
        FormKind::Nil => "VkNil",
        FormKind::Void => "VkVoid",
        FormKind::Bool(_) => "VkBool",
        FormKind::Int(_) => "VkInt",
        FormKind::Float(_) => "VkFloat",
        FormKind::Char(_) => "VkChar",
        FormKind::Str(_) => "VkString",
        FormKind::Symbol(_) => "VkSymbol",
        FormKind::Path(_) => "VkComplexSymbol",
        FormKind::Bytes(_) => "VkBytes",
        FormKind::Temporal(_) => "VkDateTime",
        FormKind::Regex(_) => "VkRegex",
        FormKind::Array(_) => "VkArray",
        FormKind::Map(_) => "VkMap",
        FormKind::HashMap(_) => "VkHashMap",
        FormKind::Gene(_) => "VkGene",
        FormKind::Quote(_) => "VkQuote",
        FormKind::Unquote { .. } => "VkUnquote",
    }
}
