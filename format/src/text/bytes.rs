//! Byte strings: `0!` binary, `0#` hexadecimal, `0*` base64 (01-syntax §3.5).

use super::chars::{BLANK, ends_word, is};
use super::error::{Read, ReadError};
use super::form::FormKind;
use super::reader::Reader;

/// What `=` counts as among base64 digits.
const PADDING: u8 = 64;

impl Reader<'_> {
    pub(super) fn byte_string(&mut self) -> Read<FormKind> {
        let start = self.pos;
        let (name, digit): (_, fn(u8) -> Option<u8>) = match self.bytes[start + 1] {
            b'!' => ("binary", binary_digit),
            b'#' => ("hexadecimal", hex_digit),
            _ => ("base64", base64_digit),
        };
        self.pos += 2;
        let mut digits = Vec::new();
        while !ends_word(self.peek()) {
            if self.bytes[self.pos] == b'~' {
                self.pos += 1;
                while self.peek().is_some_and(|byte| is(byte, BLANK)) {
                    self.pos += 1;
                }
            } else if let Some(value) = digit(self.bytes[self.pos]) {
                digits.push(value);
                self.pos += 1;
            } else {
                let found = self.char_at(self.pos);
                let end = self.pos + found.len_utf8();
                return Err(ReadError::new(
                    format!("Invalid {name} digit: {found}"),
                    start,
                    end,
                ));
            }
        }
        let bytes = match name {
            "binary" => digits.chunks(8).map(|bits| join(bits, 1)).collect(),
            "hexadecimal" => digits.chunks(2).map(|nibbles| join(nibbles, 4)).collect(),
            _ => base64(&digits).ok_or_else(|| {
                ReadError::new("Invalid base64 literal", start, self.pos)
                    .hint("base64 comes in groups of four characters; fill the last one with =")
            })?,
        };
        Ok(FormKind::Bytes(bytes.into()))
    }
}

/// The digits of one byte, most significant first; a short last group is right-aligned.
fn join(digits: &[u8], width: u32) -> u8 {
    digits.iter().fold(0, |sum, digit| sum << width | digit)
}

fn base64(digits: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    let (groups, rest) = digits.as_chunks::<4>();
    for (at, group) in groups.iter().enumerate() {
        let padding = group
            .iter()
            .rev()
            .take_while(|&&digit| digit == PADDING)
            .count();
        let inner = &group[..4 - padding];
        if padding > 2 || inner.contains(&PADDING) || padding > 0 && at + 1 < groups.len() {
            return None;
        }
        let bits = inner
            .iter()
            .fold(0, |sum: u32, &digit| sum << 6 | u32::from(digit));
        let bits = bits << (6 * padding);
        bytes.extend_from_slice(&bits.to_be_bytes()[1..4 - padding]);
    }
    rest.is_empty().then_some(bytes)
}

fn binary_digit(byte: u8) -> Option<u8> {
    matches!(byte, b'0' | b'1').then(|| byte - b'0')
}

fn hex_digit(byte: u8) -> Option<u8> {
    Some((byte as char).to_digit(16)? as u8)
}

fn base64_digit(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        b'=' => PADDING,
        _ => return None,
    })
}
