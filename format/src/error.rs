//! What can be wrong with an image. Place and kind are separate; the message names the field,
//! what was found, what was expected, and what to do.

use std::fmt;

use crate::layout::Tag;
use crate::program::FuncId;
use crate::version::{MAJOR, MINOR};

/// Result of reading or writing an image.
pub type Result<T, E = FormatError> = std::result::Result<T, E>;

/// An image that cannot be read, or a program that cannot be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}: {kind}; {}", kind.advice())]
pub struct FormatError {
    /// Where.
    pub place: Place,
    /// What.
    pub kind: FormatErrorKind,
}

impl FormatError {
    /// An error of this kind at this place.
    #[cold]
    pub fn new(place: Place, kind: FormatErrorKind) -> FormatError {
        FormatError { place, kind }
    }
}

/// Where in an image something is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A field of the header.
    Header(&'static str),
    /// A field of an entry of the section table.
    Entry {
        /// Index of the entry.
        index: u32,
        /// Its field.
        field: &'static str,
    },
    /// A section as a whole.
    Section(Tag),
    /// A field of a record.
    Record {
        /// Section of the record.
        section: Tag,
        /// Index of the record.
        index: u32,
        /// Its field.
        field: &'static str,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File => write!(f, "image"),
            Place::Header(field) => write!(f, "header, {field}"),
            Place::Entry { index, field } => write!(f, "section table, entry {index}, {field}"),
            Place::Section(tag) => write!(f, "section {tag}"),
            Place::Record {
                section,
                index,
                field,
            } => write!(f, "section {section}, record {index}, {field}"),
        }
    }
}

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FormatErrorKind {
    /// The magic is missing.
    #[error("found no magic, expected the bytes 89 47 49 52 0D 0A 1A 0A")]
    NotAnImage,
    /// Debug data where an image should be.
    #[error("found debug data that was split from an image, expected an image")]
    DebugData,
    /// An image, or another file, where debug data should be.
    #[error("found no magic of debug data, expected the bytes 89 47 44 42 0D 0A 1A 0A")]
    NotDebugData,
    /// Debug data of another image, or of the same code compiled from other sources.
    #[error("found debug data of the image with {what} {found}, expected {expected}")]
    OtherImage {
        /// `content id` or `build id`.
        what: &'static str,
        /// First digits of the id that the debug data names.
        found: String,
        /// First digits of the image's id.
        expected: String,
    },
    /// The magic was changed as text-mode transfers do.
    #[error("found a changed magic, expected the bytes 89 47 49 52 0D 0A 1A 0A")]
    TextMode,
    /// Fewer bytes than announced.
    #[error("found {found} bytes, expected {expected}")]
    Truncated {
        /// Bytes there are.
        found: u64,
        /// Bytes announced.
        expected: u64,
    },
    /// More bytes than announced.
    #[error("found {found} bytes, expected {expected}: the rest belongs to no section")]
    Trailing {
        /// Bytes there are.
        found: u64,
        /// Bytes announced.
        expected: u64,
    },
    /// Another format version.
    #[error("found version {}.{}, expected {MAJOR}.{MINOR} or an older {MAJOR}.x", found.0, found.1)]
    Version {
        /// Major and minor.
        found: (u16, u16),
    },
    /// Another instruction set or value encoding.
    #[error("found another fingerprint than this build's")]
    Abi,
    /// A checksum or content hash does not fit.
    #[error("found checksum {found:08x}, expected {expected:08x}")]
    Checksum {
        /// The one of the bytes.
        found: u32,
        /// The one that is stored.
        expected: u32,
    },
    /// A section this version cannot do without but does not know.
    #[error("found a required section of a kind this build does not know")]
    UnknownSection,
    /// A section that must be there is not.
    #[error("found none, expected one")]
    Missing,
    /// A section is there twice.
    #[error("found a second one, expected one")]
    Duplicate,
    /// The bytes do not lie in memory where words can be read.
    #[error("found the bytes at an address that is not a multiple of 8, expected alignment 8")]
    Unaligned,
    /// Bytes between sections are not zero.
    #[error("found padding that is not zero, expected zero")]
    Padding,
    /// A number is too large for what it counts or points to.
    #[error("found {found}, expected less than {limit}")]
    Range {
        /// The number.
        found: u64,
        /// First number that is too large.
        limit: u64,
    },
    /// A number has no meaning here.
    #[error("found {found}, expected {expected}")]
    Value {
        /// The number.
        found: u64,
        /// What would be right.
        expected: &'static str,
    },
    /// Bytes are not UTF-8.
    #[error("found bytes that are not UTF-8, expected UTF-8")]
    Utf8,
    /// META does not decode.
    #[error("found bytes that do not decode ({0}), expected names and values")]
    Meta(&'static str),
    /// The program exceeds a limit of the format.
    #[error("found {found}, the limit is {max}")]
    Limit {
        /// How many there are.
        found: u64,
        /// How many there may be.
        max: u64,
    },
    /// The program that is to be written contradicts itself.
    #[error("found {found}, expected {expected}: the program contradicts itself")]
    Inconsistent {
        /// The number.
        found: u64,
        /// What would be right.
        expected: &'static str,
    },
}

impl FormatErrorKind {
    /// What the user can do about it.
    pub fn advice(&self) -> &'static str {
        use FormatErrorKind::*;
        match self {
            NotAnImage => "this is no Gene image: compile the source with gene-compile",
            DebugData => "name the image, and give this file to --debug-file",
            NotDebugData => "give the file that --split-debug wrote",
            OtherImage { .. } => "use the file that was written together with the image",
            TextMode => "the file was transferred as text: copy it again in binary mode",
            Truncated { .. } => "the file is incomplete: copy it again or compile anew",
            Trailing { .. } => "something was appended: copy it again or compile anew",
            Version { .. } => "compile the source with this version, or run it with the other one",
            Abi => "compile the source with the compiler that belongs to this build",
            UnknownSection => "use the version that made the image, or compile anew",
            Unaligned => "load the image into memory aligned to 8 bytes",
            Limit { .. } => "split the program or the literal",
            Inconsistent { .. } => "this is a bug of the compiler: please report it",
            Checksum { .. } => "the file was damaged: copy it again or compile anew",
            Missing | Duplicate | Padding | Range { .. } | Value { .. } | Utf8 | Meta(_) => {
                "the image is corrupt: compile the source anew"
            }
        }
    }
}

/// A function that may not be executed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{func} at @{at:x}: {kind}; the image is corrupt: compile the source anew")]
pub struct VerifyError {
    /// The function.
    pub func: FuncId,
    /// Index of the instruction, in words; 0 for what concerns the whole function.
    pub at: u32,
    /// The violated rule.
    pub kind: VerifyErrorKind,
}

/// The violated rule: what was found and what is allowed. `verify.rs` holds the rules.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VerifyErrorKind {
    /// The image's records do not decode.
    #[error("{0}")]
    Format(#[from] FormatError),
    /// V1: the code is what the compiler wrote.
    #[error("V1: found code with checksum {found:08x}, expected {expected:08x}")]
    CodeChecksum {
        /// The one of the words.
        found: u32,
        /// The one in the function's record.
        expected: u32,
    },
    /// V2: the frame is neither empty nor too large.
    #[error("V2: found a frame of {found} slots, expected 1 to {max}")]
    FrameSize {
        /// Slots.
        found: usize,
        /// Most slots.
        max: usize,
    },
    /// V2: parameters lie in the frame.
    #[error("V2: found {found} parameters with the receiver, expected at most {frame_size}")]
    Params {
        /// Parameters with the receiver.
        found: usize,
        /// Slots of the frame.
        frame_size: usize,
    },
    /// V3: frames beyond the guard zone make room for themselves, at once and once.
    #[error("V3: found {found}, expected {expected}")]
    Grow {
        /// What was found.
        found: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// V4: the opcode is one of the table, and not the VM's own.
    #[error("V4: found opcode {found:#04x}, expected one of the instruction set")]
    Opcode {
        /// The opcode.
        found: u8,
    },
    /// V5: a number operand means something.
    #[error("V5: found {operand} = {found}, expected {expected}")]
    Number {
        /// `x`, `a`, `b` or `c`.
        operand: char,
        /// The operand.
        found: u16,
        /// What would be right.
        expected: &'static str,
    },
    /// V6: slots lie in the frame.
    #[error("V6: found slots r{first} to r{last} in {operand}, expected less than r{frame_size}")]
    Slot {
        /// `x`, `a`, `b` or `c`.
        operand: char,
        /// First slot.
        first: usize,
        /// Last slot, included.
        last: usize,
        /// Slots of the frame.
        frame_size: usize,
    },
    /// V7: call windows lie in the frame.
    #[error("V7: found a call window of r{start} up to r{end}, expected at most r{frame_size}")]
    Window {
        /// First slot.
        start: usize,
        /// One past the last slot.
        end: usize,
        /// Slots of the frame.
        frame_size: usize,
    },
    /// V7: a call has the number of arguments its form needs.
    #[error("V7: found {found} arguments, expected {expected}")]
    Args {
        /// Arguments.
        found: u16,
        /// What would be right.
        expected: &'static str,
    },
    /// V8: table operands name an entry of the right kind.
    #[error("V8: found t{found} ({what}), expected {expected}")]
    Table {
        /// Index in the table.
        found: u64,
        /// What is there.
        what: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// V9: constants are of the kind the instruction reads.
    #[error("V9: found a constant of another kind in t{found}, expected {expected}")]
    Const {
        /// Index in the table.
        found: u64,
        /// What would be right.
        expected: &'static str,
    },
    /// V10: key names fit the arguments they name.
    #[error("V10: found {found} key names, expected {expected} {limit}")]
    Keys {
        /// Names.
        found: usize,
        /// Comparison.
        expected: &'static str,
        /// What it compares with.
        limit: usize,
    },
    /// V11: jumps stay inside the function.
    #[error("V11: found a jump to word {found}, expected less than {len}")]
    Jump {
        /// Target, in words.
        found: i64,
        /// Words of the function.
        len: usize,
    },
    /// V11: jumps do not enter the second word of an instruction.
    #[error("V11: found a jump to the second word of an instruction at {found}")]
    JumpIntoPair {
        /// Target, in words.
        found: i64,
    },
    /// V11: only jumps that spend budget go backward.
    #[error("V11: found a jump by {found}, expected none backward that spends no budget")]
    Backward {
        /// Distance, in words.
        found: i64,
    },
    /// V12: two-word instructions are whole, and second words stand nowhere else.
    #[error("V12: found {found}, expected {expected}")]
    Pair {
        /// What was found.
        found: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// V13: control does not leave the function at its end.
    #[error("V13: found an end that can be passed, expected a return, jump or throw")]
    End,
    /// V14: captures exist.
    #[error("V14: found capture {found}, expected less than {count}")]
    Capture {
        /// Index.
        found: u16,
        /// Captures of the function.
        count: usize,
    },
    /// V15: the function of a closure exists.
    #[error("V15: found {found}, expected less than {count} functions")]
    Closure {
        /// The function.
        found: FuncId,
        /// Functions of the image.
        count: usize,
    },
    /// V15: what a closure captures exists where it is made.
    #[error("V15: found {inner} capturing {what} {found}, expected less than {limit}")]
    CaptureSource {
        /// Function of the closure.
        inner: FuncId,
        /// `slot` or `capture`.
        what: &'static str,
        /// Its index.
        found: u16,
        /// First index that does not exist.
        limit: usize,
    },
    /// V16: functions without a closure instruction capture nothing.
    #[error("V16: found {found} with captures, expected a function without")]
    FuncValue {
        /// The function.
        found: FuncId,
    },
    /// V17: handlers cover and enter this function's code.
    #[error("V17: found handler {index} with {field} {found}, expected {expected}")]
    Handler {
        /// Index among the function's handlers.
        index: usize,
        /// Its field.
        field: &'static str,
        /// The number.
        found: u32,
        /// What would be right.
        expected: &'static str,
    },
    /// V18: only generators yield.
    #[error("V18: found yield in a function that is no generator")]
    Yield,
    /// V19: a module's body is called with nothing and once.
    #[error(
        "V19: found a module's body {found}, expected neither parameters nor captures, and no generator"
    )]
    ModuleBody {
        /// What it has.
        found: &'static str,
    },
    /// V20: the counts of a function's record agree with its parameters.
    #[error("V20: found parameters {found}, expected {expected}")]
    ParamCounts {
        /// What was found.
        found: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// V21: a function called by number is entered as the caller expects.
    #[error(
        "V21: found a call of {callee} {found}, expected this window, these arguments and at least \
         as many type checks as are left out"
    )]
    Callee {
        /// The function.
        callee: FuncId,
        /// What it is.
        found: &'static str,
    },
}

impl VerifyErrorKind {
    /// Number of the violated rule, `V1` and so on; `-` if records do not decode.
    pub fn rule(&self) -> &'static str {
        use VerifyErrorKind::*;
        match self {
            Format(_) => "-",
            CodeChecksum { .. } => "V1",
            FrameSize { .. } | Params { .. } => "V2",
            Grow { .. } => "V3",
            Opcode { .. } => "V4",
            Number { .. } => "V5",
            Slot { .. } => "V6",
            Window { .. } | Args { .. } => "V7",
            Table { .. } => "V8",
            Const { .. } => "V9",
            Keys { .. } => "V10",
            Jump { .. } | JumpIntoPair { .. } | Backward { .. } => "V11",
            Pair { .. } => "V12",
            End => "V13",
            Capture { .. } => "V14",
            Closure { .. } | CaptureSource { .. } => "V15",
            FuncValue { .. } => "V16",
            Handler { .. } => "V17",
            Yield => "V18",
            ModuleBody { .. } => "V19",
            ParamCounts { .. } => "V20",
            Callee { .. } => "V21",
        }
    }
}
