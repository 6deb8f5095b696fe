//! Dates and times (02-types §8.2, 14-stdlib §8).

use super::*;
use crate::heap::object::Record;
use gene_format::text::format_temporal;
use std::cmp::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

/// The stored parts of a date, time or date-time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Temporal {
    /// Year, month, day.
    pub date: Option<(u16, u8, u8)>,
    /// Hour, minute, second, microsecond.
    pub time: Option<(u8, u8, u8, u32)>,
    /// Minutes east of UTC.
    pub offset: Option<i16>,
    /// Zone name.
    pub zone: Option<String>,
}

pub(super) static DATE: &[NativeDef] = &[
    def("year", 1, 1, year),
    def("month", 1, 1, month),
    def("day", 1, 1, day),
];

pub(super) static TIME: &[NativeDef] = &[
    def("hour", 1, 1, hour),
    def("minute", 1, 1, minute),
    def("second", 1, 1, second),
    def("microsecond", 1, 1, microsecond),
    def("offset", 1, 1, offset),
    def("timezone", 1, 1, timezone),
];

pub(super) static DATE_TIME: &[NativeDef] = &[
    def("year", 1, 1, year),
    def("month", 1, 1, month),
    def("day", 1, 1, day),
    def("hour", 1, 1, hour),
    def("minute", 1, 1, minute),
    def("second", 1, 1, second),
    def("microsecond", 1, 1, microsecond),
    def("offset", 1, 1, offset),
    def("timezone", 1, 1, timezone),
    def("to_i", 1, 1, to_i),
];

/// Members of `gene`.
pub(super) static IN_GENE: &[NativeDef] = &[
    def("now", 0, 0, now),
    def("today", 0, 0, today),
    def("yesterday", 0, 0, yesterday),
    def("tomorrow", 0, 0, tomorrow),
];

pub(super) static GLOBALS: &[NativeDef] = &[
    def("#duration_start", 0, 0, duration_start),
    def("#duration", 0, 0, duration),
];

/// Where the stopwatch keeps its start among the globals.
const STOPWATCH: &str = "#stopwatch";

fn duration_start(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let now = unix_micros(vm, args)?;
    let now = Value::float(view::int(now).unwrap_or(0) as f64);
    let name = vm.symbols.intern(STOPWATCH);
    vm.globals.insert(name, now);
    Ok(now)
}

fn duration(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let name = vm.symbols.intern(STOPWATCH);
    let Some(start) = vm.globals.get(&name).map(|v| v.as_float()) else {
        return vm.fail("duration_start is not set");
    };
    let now = unix_micros(vm, args)?;
    Ok(Value::float(view::int(now).unwrap_or(0) as f64 - start))
}

/// Members of `time`.
pub(super) static IN_TIME: &[NativeDef] = &[
    def("now", 0, 0, unix_seconds),
    def("now_us", 0, 0, unix_micros),
];

/// A date, time or date-time value.
pub fn make(
    vm: &mut Vm,
    date: Option<(u16, u8, u8)>,
    time: Option<(u8, u8, u8, u32)>,
    offset: Option<i16>,
    zone: Option<String>,
) -> Value {
    let tag = match (date, time) {
        (Some(_), None) => Tag::Date,
        (Some(_), Some(_)) => Tag::DateTime,
        _ => Tag::Time,
    };
    let data = Temporal {
        date,
        time,
        offset,
        zone,
    };
    vm.record(tag, Vec::new(), Some(Box::new(data)))
}

fn parts(r: &Record) -> Option<&Temporal> {
    r.data.as_ref()?.downcast_ref()
}

/// The parts of a date or time value.
pub fn parts_of<'a>(v: Value) -> Option<&'a Temporal> {
    view::record(v).and_then(parts)
}

/// True if all stored fields are the same.
pub fn same(a: &Record, b: &Record) -> bool {
    parts(a) == parts(b)
}

/// How two values of one kind compare; `None` if they are not dates or times of one kind.
///
/// # Errors
/// Only one of two date-times has a zone.
pub fn order(a: Value, b: Value) -> Result<Option<Ordering>, &'static str> {
    let (Some(x), Some(y)) = (parts_of(a), parts_of(b)) else {
        return Ok(None);
    };
    if view::tag(a) != view::tag(b) {
        return Ok(None);
    }
    if view::tag(a) != Some(Tag::DateTime) {
        return Ok(Some((x.date, x.time).cmp(&(y.date, y.time))));
    }
    if x.is_aware() != y.is_aware() {
        return Err("Cannot compare naive and offset-aware datetimes");
    }
    Ok(Some(x.micros().cmp(&y.micros())))
}

impl Temporal {
    /// The printed form.
    pub fn text(&self) -> String {
        format_temporal(&gene_format::text::Temporal {
            date: self.date,
            time: self.time,
            offset: self.offset,
            zone: self.zone.as_deref().map(Into::into),
        })
    }

    fn is_aware(&self) -> bool {
        self.offset.is_some() || self.zone.is_some()
    }

    /// Microseconds since the epoch, the offset taken off.
    fn micros(&self) -> i64 {
        self.field_millis() * 1000 + self.time.map_or(0, |t| i64::from(t.3 % 1000))
            - i64::from(self.offset.unwrap_or(0)) * 60_000_000
    }

    /// Milliseconds since the epoch, the fields read as UTC.
    fn field_millis(&self) -> i64 {
        let (year, month, day) = self.date.unwrap_or((1970, 1, 1));
        let (h, m, s, us) = self.time.unwrap_or((0, 0, 0, 0));
        let days = days_from_civil(i64::from(year), i64::from(month), i64::from(day));
        let seconds = days * 86_400 + i64::from(h) * 3600 + i64::from(m) * 60 + i64::from(s);
        seconds * 1000 + i64::from(us / 1000)
    }
}

/// Days from 1970-01-01 (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date that lies that many days after 1970-01-01.
fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let mp = (5 * of_year + 2) / 153;
    let day = of_year - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month as u8, day as u8)
}

macro_rules! part {
    ($($name:ident $field:ident $n:tt;)*) => {
        $(fn $name(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
            let part = parts_of(args.this()).and_then(|t| t.$field).map(|t| t.$n);
            Ok(part.map_or(Value::NIL, |n| Value::small_int(n.into())))
        })*
    };
}
part! {
    year date 0;
    month date 1;
    day date 2;
    hour time 0;
    minute time 1;
    second time 2;
    microsecond time 3;
}

fn offset(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let offset = parts_of(args.this()).and_then(|t| t.offset);
    Ok(offset.map_or(Value::NIL, |n| Value::small_int(n.into())))
}

fn timezone(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let Some(t) = parts_of(args.this()) else {
        return Ok(Value::NIL);
    };
    Ok(match (&t.zone, t.offset) {
        (Some(zone), _) => vm.str(zone),
        (None, Some(0)) => vm.str("UTC"),
        _ => Value::NIL,
    })
}

fn to_i(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let millis = parts_of(args.this()).map_or(0, Temporal::field_millis);
    Ok(vm.int(millis))
}

// ---------------------------------------------------------------- the clock

/// Microseconds since the epoch.
pub(super) fn clock_micros() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since.as_micros() as i64
}

/// Seconds that local time is ahead of UTC now.
#[cfg(feature = "dates")]
fn local_offset() -> i64 {
    i64::from(jiff::Zoned::now().offset().seconds())
}

/// Seconds that local time is ahead of UTC now.
#[cfg(not(feature = "dates"))]
fn local_offset() -> i64 {
    0
}

/// Local time now; whole days are added.
fn local(days: i64) -> Temporal {
    let offset = local_offset();
    let micros = clock_micros() + (offset + days * 86_400) * 1_000_000;
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let part = |n: i64| n as u8;
    Temporal {
        date: Some((year as u16, month, day)),
        time: Some((
            part(of_day / 3600),
            part(of_day / 60 % 60),
            part(of_day % 60),
            fraction as u32,
        )),
        offset: Some((offset / 60) as i16),
        zone: None,
    }
}

fn now(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    let t = local(0);
    Ok(make(vm, t.date, t.time, t.offset, t.zone))
}

fn date(vm: &mut Vm, days: i64) -> Value {
    let date = local(days).date;
    make(vm, date, None, None, None)
}

fn today(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(date(vm, 0))
}

fn yesterday(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(date(vm, -1))
}

fn tomorrow(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(date(vm, 1))
}

fn unix_seconds(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(vm.int(clock_micros() / 1_000_000))
}

fn unix_micros(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(vm.int(clock_micros()))
}

/// Local time as log lines show it: `yy-MM-dd ddd HH:mm:ss.mmm`.
pub(super) fn log_time() -> String {
    let t = local(0);
    let (year, month, day) = t.date.unwrap_or_default();
    let (h, m, s, us) = t.time.unwrap_or_default();
    let days = days_from_civil(i64::from(year), i64::from(month), i64::from(day));
    let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let weekday = names[days.rem_euclid(7) as usize];
    let (year, ms) = (year % 100, us / 1000);
    format!("{year:02}-{month:02}-{day:02} {weekday} {h:02}:{m:02}:{s:02}.{ms:03}")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, show, vm};
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        for (date, days) in [
            ((1970, 1, 1), 0),
            ((2000, 3, 1), 11017),
            ((1969, 12, 31), -1),
        ] {
            assert_eq!(days_from_civil(date.0, date.1.into(), date.2.into()), days);
            assert_eq!(civil_from_days(days), date);
        }
        for days in (-800_000..800_000).step_by(17) {
            let (y, m, d) = civil_from_days(days);
            assert_eq!(days_from_civil(y, m.into(), d.into()), days);
        }
    }

    #[test]
    fn parts_and_order() {
        let mut vm = vm();
        let v = make(&mut vm, Some((2026, 1, 2)), Some((3, 4, 5, 0)), None, None);
        let millis = call(&mut vm, "to_i", &[v]);
        assert_eq!(show(&mut vm, millis), "1767323045000");
        assert_eq!(call(&mut vm, "timezone", &[v]).unwrap(), Value::NIL);
        let z = make(
            &mut vm,
            Some((2024, 1, 1)),
            Some((0, 0, 0, 0)),
            Some(0),
            None,
        );
        let west = make(
            &mut vm,
            Some((2024, 1, 1)),
            Some((0, 0, 0, 0)),
            Some(-60),
            None,
        );
        assert_eq!(order(z, west), Ok(Some(Ordering::Less)));
        assert_eq!(
            order(v, z),
            Err("Cannot compare naive and offset-aware datetimes")
        );
        let date = make(&mut vm, Some((2024, 1, 1)), None, None, None);
        assert_eq!(order(date, z), Ok(None));
        let zone = call(&mut vm, "timezone", &[z]);
        assert_eq!(show(&mut vm, zone), "UTC");
    }
}
