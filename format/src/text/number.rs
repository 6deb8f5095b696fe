//! Integers and floats (01-syntax §3.1), and what a leading digit may open besides.

use super::chars::{DIGIT, ends_word, is};
use super::error::{Read, ReadError};
use super::form::FormKind;
use super::reader::Reader;

impl Reader<'_> {
    /// Reads what starts with a digit, or with a sign before a digit.
    pub(super) fn number(&mut self) -> Read<()> {
        let start = self.pos;
        if let Some(value) = self.short_integer() {
            self.push(FormKind::Int(value), start);
            return Ok(());
        }
        let kind = self.number_kind(start)?;
        self.push(kind, start);
        Ok(())
    }

    /// Reads what programs are full of: up to 18 decimal digits, which cannot overflow.
    #[inline(always)]
    fn short_integer(&mut self) -> Option<i64> {
        let mut value = 0;
        let mut at = self.pos;
        while let Some(&byte) = self.bytes.get(at)
            && is(byte, DIGIT)
        {
            if at - self.pos == 18 {
                return None;
            }
            value = value * 10 + i64::from(byte - b'0');
            at += 1;
        }
        let whole = at > self.pos && ends_word(self.bytes.get(at).copied());
        whole.then(|| {
            self.pos = at;
            value
        })
    }

    fn number_kind(&mut self, start: usize) -> Read<FormKind> {
        if self.bytes[start] == b'0' {
            match self.bytes.get(start + 1) {
                Some(b'x' | b'X') => return self.hex_integer(),
                Some(b'!' | b'#' | b'*') => return self.byte_string(),
                _ => {}
            }
        }
        let signed = !is(self.bytes[start], DIGIT);
        let mut at = self.skip_digits(start + usize::from(signed));
        if !signed && matches!(self.bytes.get(at), Some(b'-' | b':')) {
            return self.temporal();
        }
        let mut float = false;
        if self.bytes.get(at) == Some(&b'.') {
            float = true;
            at = self.skip_digits(at + 1);
        }
        let mantissa = at;
        if let Some(b'e' | b'E') = self.bytes.get(at) {
            float = true;
            at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(at) {
                at += 1;
            }
            let digits = at;
            at = self.skip_digits(at);
            if at == digits {
                // An exponent without digits is allowed and is zero.
                return self.float(start, mantissa, at);
            }
        }
        if float {
            self.float(start, at, at)
        } else {
            self.integer(start, at)
        }
    }

    fn skip_digits(&self, mut at: usize) -> usize {
        while at < self.bytes.len() && is(self.bytes[at], DIGIT) {
            at += 1;
        }
        at
    }

    fn integer(&mut self, start: usize, end: usize) -> Read<FormKind> {
        self.end_number(start, end)?;
        let text = &self.text[start..end];
        text.parse().map(FormKind::Int).map_err(|_| {
            let hint = match text.len() {
                ..=40 => format!("integers have 64 bits; write a float: {text}.0"),
                _ => "integers have 64 bits; floats are written with a point".to_owned(),
            };
            ReadError::new("Parsed integer outside of valid range", start, end).hint(hint)
        })
    }

    /// The value of `start..digits`, in a token that ends at `end`.
    fn float(&mut self, start: usize, digits: usize, end: usize) -> Read<FormKind> {
        self.end_number(start, end)?;
        let text = &self.text[start..digits];
        text.parse()
            .map(FormKind::Float)
            .map_err(|_| ReadError::new(format!("Invalid number: {text}"), start, end))
    }

    fn hex_integer(&mut self) -> Read<FormKind> {
        let (start, mut at) = (self.pos, self.pos + 2);
        let mut value = Some(0_i64);
        while let Some(&byte) = self.bytes.get(at) {
            if let Some(digit) = (byte as char).to_digit(16) {
                value = value.and_then(|v| v.checked_mul(16)?.checked_add(i64::from(digit)));
            } else if byte != b'_' || at == start + 2 {
                break;
            }
            at += 1;
        }
        if at == start + 2 {
            return Err(self.bad_suffix(start, at));
        }
        self.end_number(start, at)?;
        value.map(FormKind::Int).ok_or_else(|| {
            ReadError::new("Parsed integer outside of valid range", start, at)
                .hint("integers have 64 bits, the largest is 0x7fff_ffff_ffff_ffff")
        })
    }

    /// Moves behind the number `start..end`, which nothing may be glued to.
    fn end_number(&mut self, start: usize, end: usize) -> Read<()> {
        if !ends_word(self.bytes.get(end).copied()) {
            return Err(self.bad_suffix(start, end));
        }
        self.pos = end;
        Ok(())
    }

    #[cold]
    fn bad_suffix(&self, start: usize, end: usize) -> Box<ReadError> {
        let token_end = self.word_end(end);
        let number = &self.text[start..end];
        if self.bytes.get(end) == Some(&b'/') {
            let divisor = self.text[end + 1..token_end]
                .chars()
                .take(20)
                .collect::<String>();
            return ReadError::new("TODO: ratio", start, token_end)
                .hint(format!("write a division: ({number} / {divisor})"));
        }
        ReadError::new("TODO: number with unit", start, token_end)
            .hint("numbers have no unit suffix, and a name cannot start with a digit")
    }
}
