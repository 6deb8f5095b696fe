//! Names of the built-in global namespace. The compiler binds them without a lookup where no
//! program name hides them; the runtime provides the values.

/// First character of the symbols that stand for values without spelling in evaluated code: of
/// the private use area, so that no program writes it.
const EVALUATED_VALUE: char = '\u{E000}';

/// The symbol that stands for the value of this index where a program evaluates data.
pub fn evaluated_value(index: u32) -> String {
    format!("{EVALUATED_VALUE}{index}")
}

/// Types that annotations name and that no class of a program has.
pub const TYPES: &[&str] = &[
    "Int", "Float", "String", "Bool", "Nil", "Void", "Symbol", "Char", "Array", "Map", "HashMap",
    "HashSet", "Gene", "Function", "Result", "Option",
];

/// Every built-in global name, sorted. `language/14-stdlib.md` §12.
pub const BUILTINS: &[&str] = &[
    "#Str",
    "$",
    "++",
    "Adapter",
    "Application",
    "ArgumentException",
    "Array",
    "ArrayIterator",
    "AssertionException",
    "Bool",
    "Bytes",
    "CancellationException",
    "Char",
    "Class",
    "ComplexSymbol",
    "ConcurrencyException",
    "Date",
    "DateTime",
    "Dir",
    "Err",
    "Exception",
    "File",
    "FileReader",
    "Float",
    "Function",
    "Gene",
    "HashMap",
    "HashSet",
    "IOError",
    "IOHandle",
    "Int",
    "Interception",
    "Interceptor",
    "Interface",
    "Map",
    "MapIterator",
    "Namespace",
    "NetworkException",
    "Nil",
    "None",
    "Object",
    "Ok",
    "Option",
    "Package",
    "ParseException",
    "Parser",
    "ProviderException",
    "Range",
    "RangeIterator",
    "Regexp",
    "Result",
    "RuntimeException",
    "Some",
    "String",
    "Symbol",
    "ThreadException",
    "Time",
    "TimeoutException",
    "Type",
    "TypeException",
    "Void",
    "abs",
    "app",
    "args",
    "assert",
    "base64",
    "base64_decode",
    "cancel_future",
    "ceil",
    "complete_future",
    "cwd",
    "debug",
    "env",
    "exit",
    "floor",
    "flush",
    "freeze",
    "function_examples",
    "function_intent",
    "gdat",
    "gene",
    "genex",
    "get_env",
    "has_env",
    "io",
    "len",
    "math",
    "max",
    "min",
    "on_signal",
    "parse",
    "pkg",
    "pow",
    "print",
    "println",
    "program",
    "random",
    "random_int",
    "range",
    "readline",
    "round",
    "run_forever",
    "set_env",
    "sleep",
    "sqrt",
    "stderr",
    "stdin",
    "stdout",
    "stop_scheduler",
    "system",
    "time",
    "trace_end",
    "trace_start",
    "types_equiv",
    "types_equivalent",
    "vm",
];

/// True if the name is a built-in global.
pub fn is_builtin(name: &str) -> bool {
    BUILTINS.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_for_the_search() {
        assert!(BUILTINS.is_sorted());
        assert!(is_builtin("println") && !is_builtin("no_such_name"));
    }
}
