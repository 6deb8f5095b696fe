//! The rules that make a function safe to execute without checks, one pass without data flow.
//!
//! | | rule | what breaks without it |
//! |---|---|---|
//! | V1 | the code has the checksum of its record | damage executes |
//! | V2 | `1 <= frame_size <= MAX_FRAME`; receiver and parameters in the frame | arguments land in another frame |
//! | V3 | `Grow` first, with the frame's size, exactly in frames above `GUARD` | the frame ends outside the stack |
//! | V4 | opcodes of the table, not the VM's own | a handler runs that trusts the VM |
//! | V5 | unused operands zero, numbers in their range | room for later versions; an index outside `SPECIALS` |
//! | V6 | slots in the frame | another frame's header, hence any pc |
//! | V7 | call windows in the frame, a receiver in method calls | the callee's header lies outside |
//! | V8 | table operands name an entry of the right kind, caches with this number of arguments | a constant used as a cache forges addresses |
//! | V9 | constants of the kind that is read; descriptors are no values | a descriptor becomes a value |
//! | V10 | key names fit the arguments | more names than arguments: reads below the window |
//! | V11 | jumps inside the function, to first words, backward only where budget is spent | any pc; a loop nobody can stop |
//! | V12 | two-word instructions whole, second words nowhere else | a second word executes, or code as a second word |
//! | V13 | the last instruction never goes on | execution leaves the function |
//! | V14 | captures exist | reads behind a closure |
//! | V15 | closures: function exists, what it captures exists here | reads outside frame or closure |
//! | V16 | functions used as plain values capture nothing | captures read behind the closure |
//! | V17 | handlers: range and target inside, slot in the frame | as V6, V11 |
//! | V18 | `Yield` in generators only | switches away from a fiber that is none |
//! | V19 | module bodies: no parameters, no captures, no generator | called with nothing: as V14 |
//! | V20 | counts in the record agree with the parameters | the fast path binds what the slow path would refuse |
//! | V21 | calls of functions by number: the caller's window, these arguments, left out are type checks at the start | the fast path enters a frame of another shape, or any word of the function |
//!
//! What values slots hold is not verified: handlers check types (cells, iterators' states,
//! fresh collections, spread arrays). Unwinding must spend budget: a handler may continue
//! before the instruction that failed.

use zerocopy::IntoBytes;

use crate::error::{FormatError, FormatErrorKind, Place, VerifyError, VerifyErrorKind};
use crate::image::{CheckedImage, ConstKind, FuncView};
use crate::ops::{Flow, GUARD, HEADER, Insn, MAX_FRAME, Op, Operand, SPECIALS};
use crate::program::{
    Capture, ConstId, FuncId, FuncKind, ModuleId, ParamKind, StrId, TableEntry, TableId,
};

/// Result of one rule.
type Rule<T = ()> = std::result::Result<T, VerifyErrorKind>;

/// A function that obeys every rule: the only thing that may execute. Made here alone.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedFunc<'a> {
    view: FuncView,
    code: &'a [u64],
}

impl<'a> VerifiedFunc<'a> {
    /// What the image says about it.
    pub fn view(&self) -> &FuncView {
        &self.view
    }

    /// Its instruction words, in place.
    pub fn code(&self) -> &'a [u64] {
        self.code
    }
}

/// An image whose every function and record was checked.
#[derive(Clone, Debug)]
pub struct VerifiedImage<'a> {
    image: CheckedImage<'a>,
    funcs: Vec<VerifiedFunc<'a>>,
}

impl<'a> VerifiedImage<'a> {
    /// The image.
    pub fn image(&self) -> &CheckedImage<'a> {
        &self.image
    }

    /// Its functions, by index.
    pub fn funcs(&self) -> &[VerifiedFunc<'a>] {
        &self.funcs
    }
}

/// Why an image was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ImageError {
    /// Its records.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Its code.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Checks a function: rules V1 to V21.
///
/// # Errors
///
/// The first violated rule, and where.
pub fn verify_func<'a>(
    image: &CheckedImage<'a>,
    id: FuncId,
) -> std::result::Result<VerifiedFunc<'a>, VerifyError> {
    let whole = |kind: VerifyErrorKind| VerifyError {
        func: id,
        at: 0,
        kind,
    };
    if !image.is_executable() {
        let place = Place::Header("ABI fingerprint");
        return Err(whole(FormatError::new(place, FormatErrorKind::Abi).into()));
    }
    let func = image.func(id).map_err(|error| whole(error.into()))?;
    let code = image.code(&func).map_err(|error| whole(error.into()))?;
    let check = Check { image, func, code };
    check.record().map_err(whole)?;
    for (at, &word) in code.iter().enumerate() {
        check.word(at, word).map_err(|kind| VerifyError {
            func: id,
            at: at as u32,
            kind,
        })?;
    }
    check.v13_end().map_err(|kind| VerifyError {
        func: id,
        at: code.len().saturating_sub(1) as u32,
        kind,
    })?;
    Ok(VerifiedFunc { view: func, code })
}

/// Checks everything: all functions, strings, constants, table entries, modules, debug data,
/// every checksum and the content id.
///
/// # Errors
///
/// The first that is wrong.
pub fn verify_image(bytes: &[u8]) -> std::result::Result<VerifiedImage<'_>, ImageError> {
    let image = CheckedImage::parse(bytes)?;
    image.check_all()?;
    for id in 0..image.string_count() as u32 {
        image.string(StrId(id))?;
    }
    for id in 0..image.const_count() as u32 {
        image.constant(ConstId(id))?;
    }
    for id in 0..image.table_len() as u32 {
        image.table_entry(TableId(id))?;
    }
    image.imports()?;
    image.exports()?;
    image.check_results()?;
    let mut funcs = Vec::with_capacity(image.func_count());
    for id in 0..image.func_count() as u32 {
        funcs.push(verify_func(&image, FuncId(id))?);
        image.check_debug_of(FuncId(id))?;
    }
    for id in 0..image.module_count() as u32 {
        image.check_source_of(ModuleId(id))?;
    }
    Ok(VerifiedImage { image, funcs })
}

/// The function being checked.
struct Check<'i, 'a> {
    image: &'i CheckedImage<'a>,
    func: FuncView,
    code: &'a [u64],
}

/// The opcode's number of a word.
fn code_of(word: u64) -> u8 {
    word as u8
}

fn is_ext(word: u64) -> bool {
    code_of(word) == Op::Ext as u8
}

fn is_pair(word: u64) -> bool {
    Op::from_code(code_of(word)).is_some_and(|op| op.info().flow == Flow::Pair)
}

/// The number of arguments that calls with spread arguments must state.
fn spread_args(op: Op) -> Option<u16> {
    match op {
        Op::CallV | Op::TailCallV => Some(2),
        Op::CallMV | Op::TailCallMV | Op::SuperMV | Op::CallDV | Op::NewV => Some(3),
        _ => None,
    }
}

impl Check<'_, '_> {
    fn frame_size(&self) -> usize {
        self.func.frame_size.into()
    }

    /// What concerns the whole function.
    fn record(&self) -> Rule {
        self.v1_checksum()?;
        self.v2_frame()?;
        self.v3_grow_first()?;
        self.v17_handlers()?;
        self.v19_module_body()?;
        self.v20_params()
    }

    /// What concerns one word.
    fn word(&self, at: usize, word: u64) -> Rule {
        let insn = v4_opcode(word)?;
        self.v12_pair(at, insn)?;
        v3_grow_nowhere_else(at, insn)?;
        self.v18_yield(insn)?;
        let operands = [insn.x.into(), insn.a, insn.b, insn.c];
        for (index, operand) in insn.op.info().operands.into_iter().enumerate() {
            self.operand(at, insn, operand, index, operands[index])?;
        }
        Ok(())
    }

    fn operand(&self, at: usize, insn: Insn, kind: Operand, index: usize, value: u16) -> Rule {
        let name = ['x', 'a', 'b', 'c'][index];
        match kind {
            Operand::Zero => v5_number(value == 0, name, value, "0"),
            Operand::NonZero => v5_number(value != 0, name, value, "not 0"),
            Operand::Special => {
                let is_special = usize::from(value) < SPECIALS.len();
                v5_number(is_special, name, value, "less than 7")
            }
            // a call's number is checked with its window, Grow's by V3, others are free
            Operand::Num | Operand::Imm | Operand::High => Ok(()),
            Operand::Read | Operand::Write | Operand::Update => self.v6_slots(name, value, 1),
            Operand::Write2 | Operand::Update2 => self.v6_slots(name, value, 2),
            Operand::Run => self.v6_slots(name, value, self.run_length(insn)?),
            Operand::Count => Ok(()), // with Run
            Operand::Window => self.v7_window(insn),
            Operand::Args | Operand::NewArgs => Ok(()), // with Window
            Operand::Value => self.value(self.entry(value.into())),
            Operand::Value32 => self.value(self.entry(insn.wide())),
            Operand::Global => self.v8_global(self.entry(value.into())),
            Operand::Global32 => self.v8_global(self.entry(insn.wide())),
            Operand::Callee => self.v21_callee(self.entry(value.into()), insn),
            Operand::Name => self.v9_name(self.entry(value.into())),
            Operand::Keys => self.v10_keys(insn),
            Operand::Check => self.v9_check(self.entry(value.into())),
            Operand::FieldIc => self.v8_field(self.entry(value.into())),
            Operand::StoreIc => self.v8_store(self.entry(value.into())),
            Operand::MethodIc => self.v8_method(self.entry(value.into()), insn.b),
            Operand::MethodKwIc => self.v8_method_kw(self.entry(value.into()), insn.b),
            Operand::NameIc => self.v8_name_cache(self.entry(value.into())),
            Operand::Forward | Operand::Jump | Operand::Forward32 | Operand::Jump32 => {
                self.v11_jump(at, insn, kind)
            }
            Operand::Func => self.v15_closure(FuncId(insn.wide())),
            Operand::Capture => self.v14_capture(value),
        }
    }

    fn v1_checksum(&self) -> Rule {
        let found = crc32fast::hash(self.code.as_bytes());
        let expected = self.func.code_crc;
        match found == expected {
            true => Ok(()),
            false => Err(VerifyErrorKind::CodeChecksum { found, expected }),
        }
    }

    fn v2_frame(&self) -> Rule {
        let frame_size = self.frame_size();
        if !(1..=MAX_FRAME).contains(&frame_size) {
            return Err(VerifyErrorKind::FrameSize {
                found: frame_size,
                max: MAX_FRAME,
            });
        }
        let found = usize::from(self.func.nparams) + self.func.receiver_slots();
        match found <= frame_size {
            true => Ok(()),
            false => Err(VerifyErrorKind::Params { found, frame_size }),
        }
    }

    fn v3_grow_first(&self) -> Rule {
        let first = self.code.first().and_then(|word| Insn::decode(*word));
        let grow = first.filter(|insn| insn.op == Op::Grow);
        let needs_grow = self.frame_size() > GUARD;
        let (found, expected) = match grow {
            None if needs_grow => ("no grow", "grow as the first instruction of a large frame"),
            Some(_) if !needs_grow => ("grow", "none in a frame of at most 64 slots"),
            Some(insn) if insn.b != self.func.frame_size => {
                ("grow of another size", "grow by the frame's size")
            }
            _ => return Ok(()),
        };
        Err(VerifyErrorKind::Grow { found, expected })
    }

    fn v6_slots(&self, operand: char, first: u16, count: usize) -> Rule {
        let (first, frame_size) = (usize::from(first), self.frame_size());
        if first + count <= frame_size {
            return Ok(());
        }
        Err(VerifyErrorKind::Slot {
            operand,
            first,
            last: (first + count).saturating_sub(1),
            frame_size,
        })
    }

    /// Slots of a run: what `Count` says, or as many as there are key names.
    fn run_length(&self, insn: Insn) -> Rule<usize> {
        match insn.op.info().operands[3] {
            Operand::Keys => self.key_count(insn.c),
            _ => Ok(insn.c.into()),
        }
    }

    fn v7_window(&self, insn: Insn) -> Rule {
        let [.., count, last] = insn.op.info().operands;
        let is_method =
            matches!(last, Operand::MethodIc | Operand::MethodKwIc) || insn.op == Op::CallD;
        let kept = match (count, spread_args(insn.op)) {
            (Operand::NewArgs, _) => HEADER + 1,
            (Operand::Num, expected) if expected != Some(insn.b) => {
                return Err(VerifyErrorKind::Args {
                    found: insn.b,
                    expected: "2 for spread calls, 3 with a receiver or instance",
                });
            }
            _ => HEADER,
        };
        if is_method && insn.b == 0 {
            return Err(VerifyErrorKind::Args {
                found: 0,
                expected: "at least the receiver",
            });
        }
        let start = usize::from(insn.a);
        let end = start + kept + usize::from(insn.b);
        match end <= self.frame_size() {
            true => Ok(()),
            false => Err(VerifyErrorKind::Window {
                start,
                end,
                frame_size: self.frame_size(),
            }),
        }
    }

    /// The table entry at the function's window plus `offset`, and its index.
    fn entry(&self, offset: u32) -> Rule<(u64, TableEntry)> {
        let found = u64::from(self.func.window.0) + u64::from(offset);
        let index = u32::try_from(found).unwrap_or(u32::MAX);
        if index as usize >= self.image.table_len() {
            return Err(VerifyErrorKind::Table {
                found,
                what: "beyond the table",
                expected: "an index inside the table",
            });
        }
        Ok((found, self.image.table_entry(TableId(index))?))
    }

    fn value(&self, entry: Rule<(u64, TableEntry)>) -> Rule {
        let (found, entry) = entry?;
        match entry {
            TableEntry::Const(id) => self.v9_value(found, id),
            TableEntry::Global { func: None, .. }
            | TableEntry::Shared { func: None, .. }
            | TableEntry::Import { .. }
            | TableEntry::Builtin(_) => Ok(()),
            TableEntry::Global {
                func: Some(func), ..
            }
            | TableEntry::Shared {
                func: Some(func), ..
            }
            | TableEntry::Func(func) => self.v16_no_captures(func),
            other => v8_error(
                found,
                &other,
                "a constant, global, shared variable, import, builtin or function",
            ),
        }
    }

    fn v8_global(&self, entry: Rule<(u64, TableEntry)>) -> Rule {
        match entry? {
            (_, TableEntry::Global { func, .. }) => {
                func.map_or(Ok(()), |func| self.v16_no_captures(func))
            }
            (found, other) => v8_error(found, &other, "a global"),
        }
    }

    fn v8_field(&self, entry: Rule<(u64, TableEntry)>) -> Rule {
        match entry? {
            (_, TableEntry::Field(_)) => Ok(()),
            (found, other) => v8_error(found, &other, "a field cache"),
        }
    }

    fn v8_store(&self, entry: Rule<(u64, TableEntry)>) -> Rule {
        match entry? {
            (_, TableEntry::Store(_)) => Ok(()),
            (found, other) => v8_error(found, &other, "a cache of stores to a field"),
        }
    }

    fn v8_name_cache(&self, entry: Rule<(u64, TableEntry)>) -> Rule {
        match entry? {
            (_, TableEntry::Name(_)) => Ok(()),
            (found, other) => v8_error(found, &other, "a name cache"),
        }
    }

    fn v8_method(&self, entry: Rule<(u64, TableEntry)>, args: u16) -> Rule {
        match entry? {
            (
                _,
                TableEntry::Method {
                    argc, keys: None, ..
                },
            ) if argc == args => Ok(()),
            (found, other) => {
                let expected = "a method cache without key names, for this number of arguments";
                v8_error(found, &other, expected)
            }
        }
    }

    fn v8_method_kw(&self, entry: Rule<(u64, TableEntry)>, args: u16) -> Rule {
        match entry? {
            (
                found,
                TableEntry::Method {
                    argc,
                    keys: Some(keys),
                    ..
                },
            ) if argc == args => self.v10_method_keys(found, keys, argc),
            (found, other) => {
                let expected = "a method cache with key names, for this number of arguments";
                v8_error(found, &other, expected)
            }
        }
    }

    /// The words it may leave out are looked at, not verified: that happens when the function is
    /// first called.
    fn v21_callee(&self, entry: Rule<(u64, TableEntry)>, insn: Insn) -> Rule {
        let id = match entry? {
            (_, TableEntry::Func(id)) => id,
            (found, other) => return v8_error(found, &other, "a function"),
        };
        self.v16_no_captures(id)?;
        let func = self.image.func(id)?;
        let left_out = usize::from(insn.x);
        let is_check = |word: &u64| Op::from_code(code_of(*word)).is_some_and(|op| op.is_check());
        let checks = || -> Rule<usize> {
            let code = self.image.code(&func)?.iter().take(left_out);
            Ok(code.take_while(|word| is_check(word)).count())
        };
        let found = match () {
            () if func.window != self.func.window => "of another window",
            () if func.arity != Some(insn.b) || func.receiver_slots() > 0 => {
                "that takes other arguments"
            }
            () if func.generator || func.is_async => "whose calls give a generator or future",
            () if checks()? < left_out => "that begins with fewer type checks",
            () => return Ok(()),
        };
        Err(VerifyErrorKind::Callee { callee: id, found })
    }

    /// The constant that an operand names, and its place in the table.
    fn const_operand(&self, entry: Rule<(u64, TableEntry)>) -> Rule<(u64, ConstKind)> {
        match entry? {
            (found, TableEntry::Const(id)) => Ok((found, self.image.const_kind(id)?)),
            (found, other) => {
                v8_error(found, &other, "a constant")?;
                unreachable!("v8_error is always an error")
            }
        }
    }

    fn v9_value(&self, found: u64, id: ConstId) -> Rule {
        match self.image.const_kind(id)? {
            ConstKind::Str | ConstKind::Value => Ok(()),
            ConstKind::Keys(_) | ConstKind::Check => v9_error(found, "a value"),
        }
    }

    fn v9_name(&self, entry: Rule<(u64, TableEntry)>) -> Rule {
        match self.const_operand(entry)? {
            (_, ConstKind::Str) => Ok(()),
            (found, _) => v9_error(found, "a string"),
        }
    }

    fn v9_check(&self, entry: Rule<(u64, TableEntry)>) -> Rule {
        match self.const_operand(entry)? {
            (_, ConstKind::Check) => Ok(()),
            (found, _) => v9_error(found, "a type check"),
        }
    }

    fn key_count(&self, c: u16) -> Rule<usize> {
        match self.const_operand(self.entry(c.into()))? {
            (_, ConstKind::Keys(count)) => Ok(count as usize),
            (found, _) => Err(VerifyErrorKind::Const {
                found,
                expected: "key names",
            }),
        }
    }

    /// Calls have at least as many arguments as names; a map's run was measured by them.
    fn v10_keys(&self, insn: Insn) -> Rule {
        let found = self.key_count(insn.c)?;
        let limit = usize::from(insn.b);
        let is_call = insn.op.info().operands[1] == Operand::Window;
        match is_call && found > limit {
            false => Ok(()),
            true => Err(VerifyErrorKind::Keys {
                found,
                expected: "at most",
                limit,
            }),
        }
    }

    fn v10_method_keys(&self, at: u64, keys: ConstId, argc: u16) -> Rule {
        let ConstKind::Keys(count) = self.image.const_kind(keys)? else {
            return v9_error(at, "key names");
        };
        match count < u32::from(argc) {
            true => Ok(()),
            false => Err(VerifyErrorKind::Keys {
                found: count as usize,
                expected: "less than",
                limit: argc.into(),
            }),
        }
    }

    fn v11_jump(&self, at: usize, insn: Insn, kind: Operand) -> Rule {
        let found = insn.jump().unwrap_or(0);
        let is_forward = matches!(kind, Operand::Forward | Operand::Forward32);
        if is_forward && found < 0 {
            return Err(VerifyErrorKind::Backward { found });
        }
        self.v11_target(at as i64 + 1 + found)
    }

    fn v11_target(&self, found: i64) -> Rule {
        let target = usize::try_from(found).ok();
        match target.and_then(|target| self.code.get(target)) {
            Some(word) if is_ext(*word) => Err(VerifyErrorKind::JumpIntoPair { found }),
            Some(_) => Ok(()),
            None => Err(VerifyErrorKind::Jump {
                found,
                len: self.code.len(),
            }),
        }
    }

    fn v12_pair(&self, at: usize, insn: Insn) -> Rule {
        let next = self.code.get(at + 1);
        let before = at.checked_sub(1).map(|before| self.code[before]);
        if insn.op.info().flow == Flow::Pair && !next.is_some_and(|word| is_ext(*word)) {
            return Err(VerifyErrorKind::Pair {
                found: "a first word alone",
                expected: "its second word (ext) after it",
            });
        }
        if insn.op == Op::Ext && !before.is_some_and(is_pair) {
            return Err(VerifyErrorKind::Pair {
                found: "a second word (ext) alone",
                expected: "a two-word instruction before it",
            });
        }
        Ok(())
    }

    /// A second word at the end does not count: the first goes on after it.
    fn v13_end(&self) -> Rule {
        let last = self.code.last().and_then(|word| Insn::decode(*word));
        match last {
            Some(insn) if insn.op.info().flow == Flow::End && insn.op != Op::Ext => Ok(()),
            _ => Err(VerifyErrorKind::End),
        }
    }

    fn v14_capture(&self, found: u16) -> Rule {
        let count = self.func.captures.len as usize;
        match usize::from(found) < count {
            true => Ok(()),
            false => Err(VerifyErrorKind::Capture { found, count }),
        }
    }

    fn v15_closure(&self, found: FuncId) -> Rule {
        let count = self.image.func_count();
        if found.index() >= count {
            return Err(VerifyErrorKind::Closure { found, count });
        }
        let inner = self.image.func(found)?;
        for capture in self.image.captures(&inner)? {
            let (what, index, limit) = match capture {
                Capture::Slot(slot) => ("slot", slot, self.frame_size()),
                Capture::Outer(index) => ("capture", index, self.func.captures.len as usize),
            };
            if usize::from(index) >= limit {
                return Err(VerifyErrorKind::CaptureSource {
                    inner: found,
                    what,
                    found: index,
                    limit,
                });
            }
        }
        Ok(())
    }

    fn v16_no_captures(&self, found: FuncId) -> Rule {
        match self.image.func(found)?.captures.len {
            0 => Ok(()),
            _ => Err(VerifyErrorKind::FuncValue { found }),
        }
    }

    fn v17_handlers(&self) -> Rule {
        let len = self.code.len();
        for (index, handler) in self.image.handlers(&self.func)?.into_iter().enumerate() {
            let error = |field, found, expected| VerifyErrorKind::Handler {
                index,
                field,
                found,
                expected,
            };
            if handler.start > handler.end {
                return Err(error("start", handler.start, "at most the end"));
            }
            if handler.end as usize > len {
                return Err(error("end", handler.end, "an end inside the function"));
            }
            if self.v11_target(handler.target.into()).is_err() {
                let expected = "the first word of an instruction";
                return Err(error("target", handler.target, expected));
            }
            if usize::from(handler.slot) >= self.frame_size() {
                let expected = "a slot of the frame";
                return Err(error("slot", handler.slot.into(), expected));
            }
        }
        Ok(())
    }

    fn v18_yield(&self, insn: Insn) -> Rule {
        match insn.op == Op::Yield && !self.func.generator {
            false => Ok(()),
            true => Err(VerifyErrorKind::Yield),
        }
    }

    fn v19_module_body(&self) -> Rule {
        let func = &self.func;
        let found = match () {
            () if func.kind != FuncKind::Module => return Ok(()),
            () if func.nparams > 0 => "with parameters",
            () if func.captures.len > 0 => "with captures",
            () if func.generator => "that is a generator",
            () => return Ok(()),
        };
        Err(VerifyErrorKind::ModuleBody { found })
    }

    fn v20_params(&self) -> Rule {
        let params = self.image.params(&self.func)?;
        let count = |kind| params.iter().filter(|param| param.kind == kind).count();
        let required = count(ParamKind::Required);
        let is_positional = required + count(ParamKind::Optional) == params.len();
        let (found, expected) = match () {
            () if required != usize::from(self.func.required) => {
                ("of another number of required ones", "the record's number")
            }
            () if is_positional != self.func.arity.is_some() => {
                ("of other kinds", "the kinds that the record's flag says")
            }
            () if count(ParamKind::Rest) > 1 || count(ParamKind::KeyRest) > 1 => (
                "with several that take the rest",
                "at most one of each kind",
            ),
            () => return Ok(()),
        };
        Err(VerifyErrorKind::ParamCounts { found, expected })
    }
}

fn v3_grow_nowhere_else(at: usize, insn: Insn) -> Rule {
    match insn.op == Op::Grow && at > 0 {
        false => Ok(()),
        true => Err(VerifyErrorKind::Grow {
            found: "grow inside the function",
            expected: "it as the first instruction only",
        }),
    }
}

fn v4_opcode(word: u64) -> Rule<Insn> {
    let insn = Insn::decode(word).filter(|insn| !insn.op.is_internal());
    insn.ok_or(VerifyErrorKind::Opcode {
        found: code_of(word),
    })
}

fn v5_number(is_ok: bool, operand: char, found: u16, expected: &'static str) -> Rule {
    match is_ok {
        true => Ok(()),
        false => Err(VerifyErrorKind::Number {
            operand,
            found,
            expected,
        }),
    }
}

#[cold]
fn v8_error(found: u64, entry: &TableEntry, expected: &'static str) -> Rule {
    let what = match entry {
        TableEntry::Const(_) => "a constant",
        TableEntry::Global { .. } => "a global",
        TableEntry::Shared { .. } => "a shared variable",
        TableEntry::Import { .. } => "an import",
        TableEntry::Builtin(_) => "a builtin",
        TableEntry::Func(_) => "a function",
        TableEntry::Field(_) => "a field cache",
        TableEntry::Store(_) => "a cache of stores to a field",
        TableEntry::Method { keys: None, .. } => "a method cache",
        TableEntry::Method { .. } => "a method cache with key names",
        TableEntry::Name(_) => "a name cache",
        TableEntry::Rest => "part of another entry",
    };
    Err(VerifyErrorKind::Table {
        found,
        what,
        expected,
    })
}

#[cold]
fn v9_error(found: u64, expected: &'static str) -> Rule {
    Err(VerifyErrorKind::Const { found, expected })
}
