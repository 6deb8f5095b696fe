//! Dates and times (01-syntax §3.6).

use super::chars::{BLANK, DIGIT, ends_word, is};
use super::error::{Read, ReadError};
use super::form::{FormKind, Temporal};
use super::reader::Reader;

impl<'a> Reader<'a> {
    /// Reads what starts with digits and then `-` or `:`.
    pub(super) fn temporal(&mut self) -> Read<FormKind> {
        let start = self.pos;
        let mut temporal = Temporal::default();
        let digits = self.digits().len();
        if self.peek() == Some(b'-') {
            self.pos = start;
            temporal.date = Some(self.date(start)?);
            if self.peek() == Some(b'T') {
                self.pos += 1;
                self.time(start, &mut temporal)?;
            }
        } else {
            self.pos -= digits;
            self.time(start, &mut temporal)?;
        }
        if !ends_word(self.peek()) {
            return Err(self.bad_temporal(start));
        }
        if temporal.date.is_some() && temporal.zone.is_some() && temporal.offset.is_none() {
            let message = "Invalid datetime: a zone name needs Z or an offset before it";
            return Err(ReadError::new(message, start, self.pos)
                .hint("write 2024-01-01T10:00:00+01:00[Europe/Paris]"));
        }
        Ok(FormKind::Temporal(Box::new(temporal)))
    }

    fn date(&mut self, start: usize) -> Read<(u16, u8, u8)> {
        let year = self.digits();
        if year.len() != 4 {
            let year: String = year.chars().take(40).collect();
            let message = format!("Date literal requires 4-digit year, got: {year}");
            return Err(ReadError::new(message, start, self.pos)
                .hint("write dates as YYYY-MM-DD; put blanks around a minus"));
        }
        let year = year.parse().unwrap_or(0);
        if !(1000..=9999).contains(&year) {
            return Err(ReadError::new(
                format!("Invalid year: {year}"),
                start,
                self.pos,
            ));
        }
        self.expect(start, b'-')?;
        let month = self.field(start, "month", 1, 12)?;
        self.expect(start, b'-')?;
        let day = self.field(start, "day", 1, 31)?;
        Ok((year, month, day))
    }

    fn time(&mut self, start: usize, temporal: &mut Temporal) -> Read<()> {
        let hour = self.field(start, "hour", 0, 23)?;
        self.expect(start, b':')?;
        let minute = self.field(start, "minute", 0, 59)?;
        let mut second = 0;
        if self.peek() == Some(b':') {
            self.pos += 1;
            second = self.field(start, "second", 0, 59)?;
        }
        let micros = self.fraction(start)?;
        temporal.time = Some((hour, minute, second, micros));
        temporal.offset = self.offset(start)?;
        temporal.zone = self.zone(start)?;
        Ok(())
    }

    fn fraction(&mut self, start: usize) -> Read<u32> {
        if self.peek() != Some(b'.') {
            return Ok(0);
        }
        self.pos += 1;
        let digits = self.digits();
        if !(1..=6).contains(&digits.len()) {
            return Err(
                ReadError::new("Invalid fraction of a second", start, self.pos)
                    .hint("one to six digits, microseconds are the smallest unit"),
            );
        }
        let padded = digits.bytes().chain(std::iter::repeat(b'0')).take(6);
        Ok(padded.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
    }

    /// Minutes east of UTC.
    fn offset(&mut self, start: usize) -> Read<Option<i16>> {
        let sign = match self.peek() {
            Some(b'Z') => 0,
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Ok(None),
        };
        self.pos += 1;
        if sign == 0 {
            return Ok(Some(0));
        }
        let hours = self.field(start, "offset hour", 0, 23)?;
        self.expect(start, b':')?;
        let minutes = self.field(start, "offset minute", 0, 59)?;
        Ok(Some(sign * (i16::from(hours) * 60 + i16::from(minutes))))
    }

    fn zone(&mut self, start: usize) -> Read<Option<Box<str>>> {
        if self.peek() != Some(b'[') {
            return Ok(None);
        }
        let name_start = self.pos + 1;
        let stop = |&byte: &u8| is(byte, BLANK) || matches!(byte, b']' | b'[');
        let length = self.bytes[name_start..].iter().position(stop);
        let end = length.map_or(self.bytes.len(), |length| name_start + length);
        let name = &self.text[name_start..end];
        if self.bytes.get(end) != Some(&b']') || !name.contains('/') {
            let shown: String = name.chars().take(40).collect();
            let message = format!("Invalid timezone name: {shown}");
            return Err(ReadError::new(message, start, end).hint("write [Area/City]"));
        }
        self.pos = end + 1;
        Ok(Some(name.into()))
    }

    /// A field of two digits.
    fn field(&mut self, start: usize, name: &str, low: u8, high: u8) -> Read<u8> {
        let digits = self.digits();
        if digits.len() != 2 {
            return Err(self.bad_temporal(start));
        }
        match digits.parse() {
            Ok(value) if (low..=high).contains(&value) => Ok(value),
            _ => {
                let value = digits.trim_start_matches('0');
                let value = if value.is_empty() { "0" } else { value };
                Err(
                    ReadError::new(format!("Invalid {name}: {value}"), start, self.pos)
                        .hint(format!("the {name} is {low} to {high}")),
                )
            }
        }
    }

    fn digits(&mut self) -> &'a str {
        let start = self.pos;
        while self.peek().is_some_and(|byte| is(byte, DIGIT)) {
            self.pos += 1;
        }
        &self.text[start..self.pos]
    }

    fn expect(&mut self, start: usize, byte: u8) -> Read<()> {
        if self.peek() != Some(byte) {
            return Err(self.bad_temporal(start));
        }
        self.pos += 1;
        Ok(())
    }

    #[cold]
    fn bad_temporal(&self, start: usize) -> Box<ReadError> {
        let end = self.word_end(self.pos);
        let shown: String = self.text[start..end].chars().take(40).collect();
        ReadError::new(format!("Invalid date or time literal: {shown}"), start, end)
            .hint("write 2024-02-29, 08:05, 08:05:09.25 or 2024-02-29T08:05:09+01:00")
    }
}
