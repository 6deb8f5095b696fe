//! The instruction set, listed once: decoder, encoder, verifier, disassembler, tracer, dispatch
//! table and `OPCODES.md` are made from the rows of `for_each_op!`.
//!
//! An instruction is one little-endian 64-bit word `{op: u8, x: u8, a: u16, b: u16, c: u16}`.
//! `r[n]` is a slot of the running frame, `k[n]` a word of the module table at the function's
//! window, `imm` a signed 16-bit number. Jumps count words from the next instruction. Operand
//! kinds that are 32 bits wide take `b` (low half) and `c` (high half) together.
//!
//! Opcode numbers are a promise of the format: never reuse one.

/// How wide the header of a frame is, in slots: `r[-3]` function, `r[-2]` caller's base,
/// `r[-1]` return address. A call window at `a` keeps `a..a+3` for it.
pub const HEADER: usize = 3;

/// Frames up to this many slots need no stack check of their own: the stack keeps this much
/// room above its limit. Larger functions begin with [`Op::Grow`].
pub const GUARD: usize = 64;

/// Largest frame, in slots.
pub const MAX_FRAME: usize = 32_768;

/// How one operand is read, and what the verifier demands of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// Unused, must be 0.
    Zero,
    /// Any number; what it means stands in the row's text.
    Num,
    /// Slot that is read.
    Read,
    /// Slot that is written.
    Write,
    /// Slot that is read and written.
    Update,
    /// Two slots from here that are written.
    Write2,
    /// Two slots from here that are read and written.
    Update2,
    /// Signed 16-bit number.
    Imm,
    /// Signed 16-bit number, never 0.
    NonZero,
    /// Index into [`SPECIALS`].
    Special,
    /// 16-bit jump, forward only.
    Forward,
    /// 16-bit jump in either direction; the opcode spends budget.
    Jump,
    /// 32-bit jump, forward only (`b` low, `c` high).
    Forward32,
    /// 32-bit jump in either direction; the opcode spends budget (`b` low, `c` high).
    Jump32,
    /// High half of a 32-bit operand in `b`.
    High,
    /// First slot of a run that `Count` measures, read.
    Run,
    /// Number of slots in the run.
    Count,
    /// First slot of a call window: result and callee at `r[a]`, arguments from `r[a+3]`.
    Window,
    /// Number of arguments in the window, from `r[a+3]`.
    Args,
    /// Number of arguments in a construction window, from `r[a+4]` (`r[a+3]` is kept for the
    /// instance).
    NewArgs,
    /// Table entry of kind Const, Global, Builtin or Func.
    Value,
    /// As `Value`, 32 bits wide.
    Value32,
    /// Table entry of kind Global.
    Global,
    /// As `Global`, 32 bits wide.
    Global32,
    /// Table entry of kind Func: a function with the caller's window that takes exactly the call's
    /// arguments, by position, and begins with the `x` type checks that the call leaves out.
    Callee,
    /// Table entry of kind Const that holds a string: a name.
    Name,
    /// Table entry of kind Const that holds key names.
    Keys,
    /// Table entry of kind Const that holds a type check.
    Check,
    /// Table entry of kind Field (2 words).
    FieldIc,
    /// Table entry of kind Store (4 words). Apart from Field: what one kind of instruction
    /// remembers would mislead the other.
    StoreIc,
    /// Table entry of kind Method (4 words) without key names and with this number of arguments.
    MethodIc,
    /// Table entry of kind Method with key names and this number of arguments.
    MethodKwIc,
    /// Table entry of kind Name (2 words).
    NameIc,
    /// Function of the image (32 bits).
    Func,
    /// Index of a capture of the running function.
    Capture,
}

/// The values that `LoadS`, `JEqS` and `JNeS` name by number.
pub const SPECIALS: [&str; 7] = ["nil", "false", "void", "true", "not_found", "_", "undef"];

/// Calls `$then!` with every row: `code Name handler (x a b c) flow "effect";`.
///
/// `flow` is `next` (goes on, perhaps jumps), `end` (goes on elsewhere or not at all) or `pair`
/// (the next word is an [`Op::Ext`] that belongs to it).
#[macro_export]
macro_rules! for_each_op {
    ($then:ident) => {
        $then! {
            0x00 Halt halt (Zero Read Zero Zero) end "leave the interpreter with r[a]; code of the VM itself only";
            0x01 Move mov (Zero Write Read Zero) next "r[a] = r[b]";
            0x02 LoadK load_k (Zero Write Zero Value) next "r[a] = k[c]";
            0x03 LoadKW load_kw (Zero Write Value32 High) next "r[a] = k[b:c]";
            0x04 LoadI load_i (Zero Write Imm Zero) next "r[a] = imm b";
            0x05 LoadS load_s (Zero Write Special Zero) next "r[a] = special b";
            0x06 SetG set_g (Zero Read Zero Global) next "k[c] = r[a]";
            0x07 SetGW set_gw (Zero Read Global32 High) next "k[b:c] = r[a]";
            0x08 GetName get_name (Zero Write Zero NameIc) next "r[a] = the name's value, looked up in the module's namespace, then globally; raises `x is not defined`";
            0x09 SetName set_name (Num Read Zero NameIc) next "assign r[a] to the name: in the nearest namespace that has it, else in the module's; x=1: a member of the global namespace";
            0x0A GetNs get_ns (Zero Write Zero Zero) next "r[a] = the namespace of the function's module";
            0x0B Grow grow (Zero Zero Num Zero) next "make room for a frame of b slots; first instruction of functions with more than GUARD slots";

            0x10 Add add (Zero Write Read Read) next "r[a] = r[b] + r[c]";
            0x11 Sub sub (Zero Write Read Read) next "r[a] = r[b] - r[c]";
            0x12 Mul mul (Zero Write Read Read) next "r[a] = r[b] * r[c]";
            0x13 Div div (Zero Write Read Read) next "r[a] = r[b] / r[c], a float";
            0x14 Mod modulo (Zero Write Read Read) next "r[a] = r[b] % r[c], sign of r[b]";
            0x15 AddI add_i (Num Write Read Imm) next "r[a] = r[b] + imm c; x bit 0: r[b] is a variable, bit 1: written as a subtraction (for messages)";
            0x16 MulI mul_i (Num Write Read Imm) next "r[a] = r[b] * imm c; x as AddI";
            0x17 ModI mod_i (Num Write Read NonZero) next "r[a] = r[b] % imm c; x as AddI";
            0x18 AddK add_k (Num Write Read Value) next "r[a] = r[b] + k[c]; x as AddI";
            0x19 SubK sub_k (Num Write Read Value) next "r[a] = r[b] - k[c]; x as AddI";
            0x1A MulK mul_k (Num Write Read Value) next "r[a] = r[b] * k[c]; x as AddI";
            0x1B DivK div_k (Num Write Read Value) next "r[a] = r[b] / k[c]; x as AddI";
            0x1C KSub k_sub (Zero Write Read Value) next "r[a] = k[c] - r[b]";
            0x1D KDiv k_div (Zero Write Read Value) next "r[a] = k[c] / r[b]";
            0x1E Neg neg (Zero Write Read Zero) next "r[a] = - r[b]";
            0x1F Not not (Zero Write Read Zero) next "r[a] = ! r[b]: bitwise on ints and bytes";
            0x20 BitAnd bit_and (Zero Write Read Read) next "r[a] = r[b] && r[c] with r[b] truthy: bitwise on two ints or bytes, else r[c]";
            0x21 BitOr bit_or (Zero Write Read Read) next "r[a] = r[b] || r[c]: bitwise on two ints or bytes, else r[b] if truthy, else r[c]";
            0x22 BitXor bit_xor (Zero Write Read Read) next "r[a] = r[b] &|& r[c]: bitwise on two ints or bytes, else boolean";
            0x23 Shl shl (Zero Write Read Read) next "r[a] = r[b] << r[c]";
            0x24 Shr shr (Zero Write Read Read) next "r[a] = r[b] >> r[c]";
            0x25 Concat concat (Zero Write Run Count) next "r[a] = c strings from r[b] joined (`++`)";
            0x26 Interp interp (Zero Write Run Count) next "r[a] = c values from r[b] as interpolation joins them (`#Str`)";
            0x27 Lt lt (Num Write Read Read) next "r[a] = r[b] < r[c]; x=1: written `>` with operands exchanged";
            0x28 Le le (Num Write Read Read) next "r[a] = r[b] <= r[c]; x=1: written `>=` with operands exchanged";
            0x29 Eq eq (Zero Write Read Read) next "r[a] = r[b] == r[c]";
            0x2A Ne ne (Zero Write Read Read) next "r[a] = r[b] != r[c]";
            0x2B Is is (Zero Write Read Read) next "r[a] = r[b] is r[c]";
            0x2C Typeof type_of (Zero Write Read Zero) next "r[a] = name of the type of r[b], a string";
            0x2D Truthy truthy (Zero Write Read Zero) next "r[a] = true if r[b] is truthy, else false";

            0x30 Jmp jmp (Zero Zero Forward32 High) end "jump b:c";
            0x31 Loop loop_ (Zero Zero Jump32 High) end "jump b:c, spending budget";
            0x32 JT j_t (Zero Read Zero Forward) next "if r[a] is truthy jump c";
            0x33 JF j_f (Zero Read Zero Forward) next "if r[a] is falsy jump c";
            0x34 JEqS j_eq_s (Zero Read Special Forward) next "if r[a] is special b jump c";
            0x35 JNeS j_ne_s (Zero Read Special Forward) next "if r[a] is not special b jump c";
            0x36 JLt j_lt (Num Read Read Forward) next "if r[a] < r[b] jump c; x as Lt";
            0x37 JNLt j_nlt (Num Read Read Forward) next "if !(r[a] < r[b]) jump c; x as Lt";
            0x38 JLe j_le (Num Read Read Forward) next "if r[a] <= r[b] jump c; x as Lt";
            0x39 JNLe j_nle (Num Read Read Forward) next "if !(r[a] <= r[b]) jump c; x as Lt";
            0x3A JLtI j_lt_i (Zero Read Imm Forward) next "if r[a] < imm b jump c";
            0x3B JNLtI j_nlt_i (Zero Read Imm Forward) next "if !(r[a] < imm b) jump c";
            0x3C JLeI j_le_i (Zero Read Imm Forward) next "if r[a] <= imm b jump c";
            0x3D JNLeI j_nle_i (Zero Read Imm Forward) next "if !(r[a] <= imm b) jump c";
            0x3E JGtI j_gt_i (Zero Read Imm Forward) next "if r[a] > imm b jump c";
            0x3F JNGtI j_ngt_i (Zero Read Imm Forward) next "if !(r[a] > imm b) jump c";
            0x40 JGeI j_ge_i (Zero Read Imm Forward) next "if r[a] >= imm b jump c";
            0x41 JNGeI j_nge_i (Zero Read Imm Forward) next "if !(r[a] >= imm b) jump c";
            0x42 JEq j_eq (Zero Read Read Forward) next "if r[a] == r[b] jump c";
            0x43 JNe j_ne (Zero Read Read Forward) next "if r[a] != r[b] jump c";
            0x44 JEqI j_eq_i (Zero Read Imm Forward) next "if r[a] == imm b jump c";
            0x45 JNeI j_ne_i (Zero Read Imm Forward) next "if r[a] != imm b jump c";
            0x46 JOr j_or (Zero Read Zero Forward) next "if r[a] is truthy and neither int nor bytes jump c (`||` decided)";
            0x48 LoopT loop_t (Zero Read Zero Jump) next "if r[a] is truthy jump c, spending budget";
            0x49 LoopLt loop_lt (Num Read Read Jump) next "if r[a] < r[b] jump c, spending budget; x as Lt";
            0x4A LoopLe loop_le (Num Read Read Jump) next "if r[a] <= r[b] jump c, spending budget; x as Lt";
            0x4B LoopLtI loop_lt_i (Zero Read Imm Jump) next "if r[a] < imm b jump c, spending budget";
            0x4C LoopLeI loop_le_i (Zero Read Imm Jump) next "if r[a] <= imm b jump c, spending budget";
            0x4D LoopGtI loop_gt_i (Zero Read Imm Jump) next "if r[a] > imm b jump c, spending budget";
            0x4E LoopGeI loop_ge_i (Zero Read Imm Jump) next "if r[a] >= imm b jump c, spending budget";
            0x4F LoopNeI loop_ne_i (Zero Read Imm Jump) next "if r[a] != imm b jump c, spending budget";
            0x50 ForLt for_lt (Zero Update Read Jump) next "r[a] += 1; if r[a] < r[b] jump c, spending budget";
            0x51 ForLe for_le (Zero Update Read Jump) next "r[a] += 1; if r[a] <= r[b] jump c, spending budget";
            0x52 ForLtI for_lt_i (Zero Update Imm Jump) next "r[a] += 1; if r[a] < imm b jump c, spending budget";

            0x58 Call call (Zero Window Args Zero) next "r[a] = r[a](b arguments)";
            0x59 CallK call_k (Zero Window Args Value) next "r[a] = k[c](b arguments)";
            0x5A CallM call_m (Zero Window Args MethodIc) next "r[a] = r[a+3].name(...); b counts the receiver";
            0x5B CallKw call_kw (Zero Window Args Keys) next "r[a] = r[a](b arguments, of which the last are named by keys k[c])";
            0x5C CallMKw call_m_kw (Zero Window Args MethodKwIc) next "as CallM; the last arguments are named by the cache's keys";
            0x5D CallV call_v (Zero Window Num Zero) next "r[a] = r[a](spread): positionals in array r[a+3], keywords in map r[a+4] or nil; b is 2";
            0x5E CallMV call_m_v (Zero Window Num Name) next "r[a] = r[a+3].name(spread): array r[a+4], map r[a+5] or nil; b is 3";
            0x5F CallD call_d (Zero Window Args Zero) next "r[a] = r[a+3].<r[a]>(...): dynamic method name; b counts the receiver";
            0x60 CallDV call_d_v (Zero Window Num Zero) next "as CallD with spread: array r[a+4], map r[a+5] or nil; b is 3";
            0x61 TailCall tail_call (Zero Window Args Zero) end "return r[a](b arguments), reusing the frame";
            0x62 TailCallK tail_call_k (Zero Window Args Value) end "return k[c](b arguments), reusing the frame";
            0x63 TailCallM tail_call_m (Zero Window Args MethodIc) end "return r[a+3].name(...), reusing the frame";
            0x64 TailCallKw tail_call_kw (Zero Window Args Keys) end "tail form of CallKw";
            0x65 TailCallMKw tail_call_m_kw (Zero Window Args MethodKwIc) end "tail form of CallMKw";
            0x66 TailCallV tail_call_v (Zero Window Num Zero) end "tail form of CallV";
            0x67 TailCallMV tail_call_m_v (Zero Window Num Name) end "tail form of CallMV";
            0x68 SuperM super_m (Zero Window Args MethodIc) next "r[a] = method `name` above the running method's class, on r[a+3]; b counts the receiver";
            0x69 SuperMKw super_m_kw (Zero Window Args MethodKwIc) next "as SuperM; the last arguments are named by the cache's keys";
            0x6A SuperMV super_m_v (Zero Window Num Name) next "as SuperM with spread: array r[a+4], map r[a+5] or nil; b is 3";
            0x6B New new (Zero Window NewArgs Zero) next "r[a] = new r[a](b arguments from r[a+4]); r[a+3] is overwritten";
            0x6C NewKw new_kw (Zero Window NewArgs Keys) next "as New; the last arguments are named by keys k[c]";
            0x6D NewV new_v (Zero Window Num Zero) next "as New with spread: array r[a+4], map r[a+5] or nil; b is 3";
            0x6E Ret ret (Zero Read Zero Zero) end "return r[a]";
            0x6F Ret0 ret_0 (Zero Zero Zero Zero) end "return r[0]";
            0x70 RetNil ret_nil (Zero Zero Zero Zero) end "return nil";
            0x71 RetI ret_i (Zero Zero Imm Zero) end "return imm b";
            0x72 RetAdd ret_add (Zero Zero Read Read) end "return r[b] + r[c]";
            0x73 RetK ret_k (Zero Zero Zero Value) end "return k[c]";

            0x74 CallF call_f (Num Window Args Callee) next "r[a] = k[c](b arguments), a function known by its number; the first x type checks of its code are left out, as their arguments are of these types";
            0x75 TailCallF tail_call_f (Num Window Args Callee) end "tail form of CallF";

            0x78 Closure closure (Zero Write Func High) next "r[a] = closure of function b:c, captures as its record says";
            0x79 NewCell new_cell (Zero Write Read Zero) next "r[a] = a new cell holding r[b]";
            0x7A GetCell get_cell (Zero Write Read Zero) next "r[a] = content of cell r[b]";
            0x7B SetCell set_cell (Zero Read Read Zero) next "content of cell r[a] = r[b]";
            0x7C GetUp get_up (Zero Write Capture Zero) next "r[a] = capture b";
            0x7D GetUpCell get_up_cell (Zero Write Capture Zero) next "r[a] = content of the cell in capture b";
            0x7E SetUpCell set_up_cell (Zero Read Capture Zero) next "content of the cell in capture b = r[a]";

            0x80 GetF get_f (Zero Write Read FieldIc) next "r[a] = r[b]/name";
            0x81 SetF set_f (Zero Read Read StoreIc) next "r[a]/name = r[b]";
            0x82 GetX get_x (Zero Write Read Read) next "r[a] = r[b]/<r[c]>";
            0x83 SetX set_x (Zero Read Read Read) next "r[a]/<r[b]> = r[c]";
            0x84 GetI get_i (Zero Write Read Imm) next "r[a] = r[b]/c, an index";
            0x85 SetI set_i (Zero Read Imm Read) next "r[a]/b = r[c], an index";
            0x86 GetV get_v (Zero Write Read Read) next "r[a] = r[b]/<r[c]> if r[b] is an array or map and r[c] an int, string or symbol, else void";
            0x87 CheckKey check_key (Zero Read Read Name) next "raise `key not found: name` if r[a] is void and r[b] a map";
            0x88 CheckSel check_sel (Zero Read Zero Zero) next "raise if r[a] is void or nil (path segment `!`)";
            0x89 MGet m_get (Zero Write Read Read) next "r[a] = (r[b] .get r[c])";
            0x8A MAdd m_add (Zero Write Read Read) next "r[a] = (r[b] .add r[c])";
            0x8B MPush m_push (Zero Write Read Read) next "r[a] = (r[b] .push r[c])";
            0x8C MSize m_size (Num Write Read Zero) next "r[a] = (r[b] .size), x=1: .length";
            0x8D MCharAt m_char_at (Zero Write Read Read) next "r[a] = (r[b] .char_at r[c])";
            0x8E MAppend m_append (Zero Write Read Read) next "r[a] = (r[b] .append r[c])";

            0x90 Array array (Zero Write Run Count) next "r[a] = array of c values from r[b]";
            0x91 ArrPush arr_push (Zero Read Read Zero) next "append r[b] to the fresh array r[a]";
            0x92 ArrSpread arr_spread (Num Read Read Zero) next "append the elements of r[b] (array or nil) to the fresh array r[a]; x: 0 array literal, 1 gene children or call";
            0x93 Map map (Zero Write Run Keys) next "r[a] = map of keys k[c] to values from r[b]";
            0x94 MapSet map_set (Zero Read Read Name) next "fresh map r[a]: name k[c] = r[b]";
            0x95 MapSpread map_spread (Zero Read Read Zero) next "add the entries of r[b] (map or nil) to the fresh map r[a]";
            0x96 GeneNew gene_new (Zero Write Read Zero) next "r[a] = gene of type r[b]";
            0x97 GeneProp gene_prop (Zero Read Read Name) next "fresh gene r[a]: prop k[c] = r[b]";
            0x98 GenePush gene_push (Zero Read Read Zero) next "fresh gene r[a]: append child r[b]";
            0x99 GeneSpread gene_spread (Zero Read Read Zero) next "fresh gene r[a]: append the elements of r[b] as children";
            0x9A GenePropSpread gene_prop_spread (Zero Read Read Zero) next "fresh gene r[a]: add the entries of map r[b] as props";
            0x9B Seal seal (Zero Read Zero Zero) next "seal the fresh collection r[a]";
            0x9C Range range (Zero Write Read Read) next "r[a] = (r[b] .. r[c])";

            0xA0 IterInit iter_init (Zero Write2 Read Forward) next "start iterating r[b]; if it is a built-in collection or nil, keep the state in r[a], r[a+1] and jump c, else go on (generic path: call .iter into r[a])";
            0xA1 IterNext iter_next (Zero Update2 Write Jump) pair "r[b] = next value of state r[a] and jump c, spending budget; exhausted: jump by the Ext word; not built in: go on after it";
            0xA2 IterNext2 iter_next2 (Zero Update2 Write2 Jump) pair "r[b], r[b+1] = next key and value; else as IterNext";

            0xA8 Throw throw (Zero Read Zero Zero) end "raise r[a]";
            0xA9 Rethrow rethrow (Zero Read Zero Zero) end "raise the caught exception r[a] again, its place unchanged";
            0xAA CatchIs catch_is (Zero Write Read Read) next "r[a] = exception r[b] is an instance of class r[c]";
            0xAB EnterEx enter_ex (Zero Write Read Zero) next "r[a] = $ex; $ex = r[b]";
            0xAC LeaveEx leave_ex (Zero Read Zero Zero) next "$ex = r[a]";
            0xAD GetEx get_ex (Zero Write Zero Zero) next "r[a] = $ex";
            0xAE Fail fail (Zero Zero Zero Name) end "raise an exception with message k[c]";

            0xB0 Class class (Zero Write Read Name) next "r[a] = new class named k[c] with parent r[b] (nil: Object)";
            0xB1 DefMethod def_method (Num Read Read Name) next "class r[a]: x=0 method k[c] = r[b], x=1 constructor, x=2 on_method_missing";
            0xB2 DefField def_field (Num Read Zero Check) next "class r[a]: declare a typed field as k[c] says; x=1: readonly";
            0xB3 Ns ns (Zero Write Read Name) next "r[a] = new namespace named k[c] with parent r[b]";
            0xB4 CheckType check_type (Zero Update Zero Check) next "check r[a] against the type of k[c], converting where its site allows";
            0xB5 Yield yield_ (Zero Read Zero Zero) next "suspend the generator, giving r[a]";
            0xB6 Await await_ (Zero Write Read Zero) next "r[a] = value of future r[b], suspending while it is pending";
            0xB7 JDef j_def (Zero Read Zero Forward) next "if r[a] is not undef jump c (optional parameter given)";

            0xB8 CheckInt check_int (Zero Update Zero Check) next "as CheckType, fast if r[a] is an int";
            0xB9 CheckFloat check_float (Zero Update Zero Check) next "as CheckType, fast if r[a] is a float";

            0xFE Bridge bridge (Zero Zero Zero Zero) end "finish an instruction whose slow path called Gene code; code of the VM itself only";
            0xFF Ext ext (Zero Zero Forward32 High) end "second word of the instruction before it; raises if reached";
        }
    };
}

/// How control leaves an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// At the next word, or by its jump.
    Next,
    /// Never at the next word, unless it jumps there.
    End,
    /// Like `Next`; the next word is an [`Op::Ext`] that belongs to it and is stepped over.
    Pair,
}

macro_rules! flow {
    (next) => {
        Flow::Next
    };
    (end) => {
        Flow::End
    };
    (pair) => {
        Flow::Pair
    };
}

/// What the table says of one opcode.
#[derive(Clone, Copy, Debug)]
pub struct OpInfo {
    /// The opcode.
    pub op: Op,
    /// Name in listings: the handler's name.
    pub mnemonic: &'static str,
    /// Kinds of `x`, `a`, `b`, `c`.
    pub operands: [Operand; 4],
    /// How control leaves it.
    pub flow: Flow,
    /// What it does.
    pub effect: &'static str,
}

macro_rules! define_ops {
    ($($code:literal $name:ident $handler:ident ($x:ident $a:ident $b:ident $c:ident) $flow:ident $effect:literal;)*) => {
        /// An instruction's opcode.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Op {
            $(#[doc = concat!("`", $effect, "`")] $name = $code,)*
        }

        /// Every opcode in ascending order.
        pub const OPS: &[OpInfo] = &[$(OpInfo {
            op: Op::$name,
            mnemonic: stringify!($handler),
            operands: [Operand::$x, Operand::$a, Operand::$b, Operand::$c],
            flow: flow!($flow),
            effect: $effect,
        },)*];

        impl Op {
            /// The opcode with this number, if there is one.
            pub fn from_code(code: u8) -> Option<Op> {
                match code {
                    $($code => Some(Op::$name),)*
                    _ => None,
                }
            }
        }
    };
}
for_each_op!(define_ops);

const NO_ROW: u8 = u8::MAX;

/// Opcode number to row of [`OPS`]; `NO_ROW` where there is none.
static ROWS: [u8; 256] = {
    let mut rows = [NO_ROW; 256];
    let mut i = 0;
    while i < OPS.len() {
        rows[OPS[i].op as usize] = i as u8;
        i += 1;
    }
    rows
};

impl Op {
    /// The opcode's row.
    pub fn info(self) -> &'static OpInfo {
        &OPS[ROWS[self as usize] as usize]
    }

    /// True if it checks the type of a slot: what calls of known functions may leave out.
    pub fn is_check(self) -> bool {
        matches!(self, Op::CheckType | Op::CheckInt | Op::CheckFloat)
    }

    /// True if image code may not contain it.
    pub fn is_internal(self) -> bool {
        matches!(self, Op::Halt | Op::Bridge)
    }
}

/// One instruction word, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Insn {
    /// Opcode.
    pub op: Op,
    /// 8-bit operand.
    pub x: u8,
    /// Operands.
    pub a: u16,
    /// Second.
    pub b: u16,
    /// Third.
    pub c: u16,
}

impl Insn {
    /// An instruction with `x` = 0.
    pub fn new(op: Op, a: u16, b: u16, c: u16) -> Insn {
        Insn { op, x: 0, a, b, c }
    }

    /// `b` and `c` as one 32-bit number.
    pub fn wide(self) -> u32 {
        self.b as u32 | (self.c as u32) << 16
    }

    /// Sets `b` and `c` together.
    pub fn with_wide(mut self, n: u32) -> Insn {
        self.b = n as u16;
        self.c = (n >> 16) as u16;
        self
    }

    /// The instruction's word.
    pub fn encode(self) -> u64 {
        self.op as u64
            | (self.x as u64) << 8
            | (self.a as u64) << 16
            | (self.b as u64) << 32
            | (self.c as u64) << 48
    }

    /// Takes a word apart; `None` if its opcode is unknown.
    pub fn decode(word: u64) -> Option<Insn> {
        Some(Insn {
            op: Op::from_code(word as u8)?,
            x: (word >> 8) as u8,
            a: (word >> 16) as u16,
            b: (word >> 32) as u16,
            c: (word >> 48) as u16,
        })
    }

    /// Where the instruction may jump to, in words from the next instruction.
    pub fn jump(self) -> Option<i64> {
        let [_, _, b, c] = self.op.info().operands;
        match (b, c) {
            (Operand::Forward32 | Operand::Jump32, _) => Some(self.wide() as i32 as i64),
            (_, Operand::Forward | Operand::Jump) => Some(self.c as i16 as i64),
            _ => None,
        }
    }
}
