//! Classes of bytes (01-syntax §1). Bytes above 127 belong to words.

/// Space, tab, CR, LF, comma.
pub(super) const BLANK: u8 = 1;
/// Ends a word.
pub(super) const ENDER: u8 = 2;
/// Needs a closer look within a word: a slash or a backslash.
pub(super) const SPECIAL: u8 = 4;
/// `0`–`9`
pub(super) const DIGIT: u8 = 8;
/// Stands for itself in neither a plain nor an interpolated string.
pub(super) const STRING_STOP: u8 = 16;

const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    mark(&mut table, b" \t\r\n,", BLANK | ENDER);
    mark(&mut table, b";\"`%()[]{}", ENDER);
    mark(&mut table, b"/\\", SPECIAL);
    mark(&mut table, b"0123456789", DIGIT);
    mark(&mut table, b"\"\\", STRING_STOP);
    table
};

const fn mark(table: &mut [u8; 256], bytes: &[u8], class: u8) {
    let mut i = 0;
    while i < bytes.len() {
        table[bytes[i] as usize] |= class;
        i += 1;
    }
}

/// Whether `byte` has one of the classes.
#[inline(always)]
pub(super) const fn is(byte: u8, classes: u8) -> bool {
    CLASSES[byte as usize] & classes != 0
}

/// Whether a word ends before `byte`; the end of the text (`None`) ends it too.
#[inline(always)]
pub(super) fn ends_word(byte: Option<u8>) -> bool {
    byte.is_none_or(|byte| is(byte, ENDER))
}
