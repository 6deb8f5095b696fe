//! Internal builtins: what forms without an `ExprKind` of their own are lowered to.
//!
//! They are read as `ExprKind::Builtin` with a name that starts with `#`, always in head
//! position of a call; programs cannot spell them. The runtime implements this table.
//!
//! | call | meaning |
//! |---|---|
//! | `#HashMap(item…)` | hash map literal: keys and values in turn, spreads already applied. Odd count: `HashMap literals expect alternating key/value entries` |
//! | `#selector(segment…)` | selector value. A string is a name, an int an index, a symbol one of the operators `* ** @ @@ !`, a callable a step; else `Invalid selector segment type: K` |
//! | `#failed?(v)` | bool: `v` is a value of the built-in variants `Err` or `None` |
//! | `#payload(v)` | payload of a built-in `Ok` or `Some`; any other `v` is itself |
//! | `#destructure(v, pattern)` | splits `v` by 12-patterns §2 and gives an array with one value for each string of the constant array `pattern`: `a` required, `a=` optional, `a...` rest (array), `^k` required key, `^k=` optional key, `^k...` remaining keys (map), `_` counts as `a`. An optional that gets nothing is the marker that `#missing?` knows. Raises `Destructuring pattern mismatch: …` |
//! | `#missing?(v)` | bool: `v` is that marker. The marker never gets into a variable of the program |
//! | `#match_variant?(variant, v, n)` | bool: enum pattern with `n` binders. `variant` is no variant: `Enum pattern expected VkEnumMember, got K`; wrong `n`: `variant E/V pattern expects 2 binding(s) (a, b), got 1`; else whether `v` is a value of (or identical to) `variant` |
//! | `#payload_at(v, i)` | field `i` of an enum value (only behind a true `#match_variant?`) |
//! | `#enum(name, variant…)` | new enum. Each variant is a constant array `["Name" "field" Type "field" Type …]`; the type is type data (below), nil without annotation |
//! | `#type(data)` | type value. Type data: a symbol (built-in names in one spelling: `Int`, `Float` …; `Any` for type variables; aliases resolved), `(A \| B)`, `(Head arg…)`, `(Fn [param…] Result)` as written. Printed as text of the data |
//! | `#contract_failed(head, names, values)` | raises `Exception` with message `head` + `[a=1, b="x"]` (names and values in turn, quoted form). With a fourth argument, the result, followed by ` \| result=…` |
//! | `#interface(name, member…)` | new interface. Members are constant arrays `["method" name]`, `["field" name readonly]` |
//! | `#implements(class, interface…)` | registers inline implementations |
//! | `#implement(interface, class, name, method, name, method… ^ctor f)` | registers an external implementation; the functions are of kind Method and Ctor with the adapter as `self`. Gives nil |
//! | `#interceptor(name, params, advice…)` | class interceptor value (07-oop §11). `params`: array of strings; an advice is an array `[kind param replace inline callable]` of two strings, two bools and the callable. `inline`: a function of kind Method that gets the receiver as `self`; otherwise a callable that gets the receiver as first argument. The definition's own errors were found by the compiler |
//! | `#fn_interceptor(name, params, advice…)` | the same for functions (05-functions §11); the receiver is nil |
//! | `#template(data, thunk…)` | copy of the quoted data in which each unquote carries its thunk, in the order type, props, children (nested quotes included). `data` itself may be the unquote |
//! | `#holes(v)` | array of the thunks found in `v` in the same order; empty if there are none |
//! | `#fill(v, values)` | copy of `v` with the unquotes replaced by the values in that order and quotes removed; `%_` leaves nothing in an array, elsewhere nil. Without unquotes and quotes: `v` itself |
//! | `#with_timeout(future, t)` | arms a timer (int: ms, float: s) that fails the future as 10-async §1 says; gives the future. `await` checks whether it is one |
//! | `#eval(data, scope)` | the value of the data, as code in the scope (below). Data that is not code is its own value; else the machine needs an evaluator, whose function it calls with the same arguments |
//! | `#parse(text)` | reads one form as data |
//! | `#import_member(container, text, name)` | member `name` of a namespace (or class); anything else: `'text' is not a namespace`; missing or void: `Symbol 'name' not found in namespace` |
//! | `#global_member(name)` | member of the global namespace, void if there is none |
//! | `#duration_start()`, `#duration()` | starts the stopwatch and gives the time in µs; µs since then |
//! | `#package(name, version, dir, source_dir, main_module, test_dir)` | package value; `dir` is relative to the working directory, strings or nil |
//! | `#application(package)` | application value |
//! | `#import_all(namespace, container)` | makes every non-nil member of the built-in namespace `container` a member of the module's namespace. In such a module all free names are looked up at run time |
//!
//! Hidden keywords: a `name!` function whose body gives its parameter `p` to `$caller_eval`
//! has an optional keyword `#p`, and calls that name the function pass a thunk (a closure
//! of kind Thunk) of the argument. A keyword `#scope` takes a `scope` array in the same way.
//!
//! A scope is an array: the namespace of the module; the module's variables, or, where they are
//! members of the namespace, nil or those that mean more than their value; nil at the top level of
//! a module, elsewhere the map that takes what evaluated code defines; then each local variable in
//! sight. A variable is an array `[name getter setter hidden]`: functions without parameters and
//! with one; setter nil: not assignable; hidden: of macros the hidden keywords, then the positional
//! parameters, `#p` behind a sign (`!` required, `?` optional, `*` rest); of enums the variants
//! behind `|`; of types the expression behind `:`. Variables named `#definitions` are such maps of
//! the functions around. Evaluated code is a function of data and scope that captures one array:
//! the values in the data that have no spelling (functions, instances …), which symbols in the code
//! stand for (`gene_format::builtins::evaluated_value`).
