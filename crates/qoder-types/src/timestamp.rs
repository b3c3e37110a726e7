use std::cmp::Ordering;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::text_on_the_wire;

/// A time as the server wrote it: RFC 3339, with up to nine digits for the fraction of a second.
///
/// The text is kept, so nothing of it is lost, and reading it never fails: a response is not
/// worth less because one of its times is odd. Where today's server always sends a time and an
/// older one didn't, it [is empty](Self::is_empty).
///
/// Times are ordered by their instants. Texts that are no time come first, and the order of texts
/// decides between those and between different texts of the same instant; so times are equal only
/// if they are the same text.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use qoder_types::Timestamp;
///
/// let time = Timestamp::from("2026-09-21T10:00:00.5+01:00");
/// assert_eq!(time.to_system_time(), Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_789_981_200_500)));
/// assert_eq!(Timestamp::from(time.to_system_time().unwrap()), "2026-09-21T09:00:00.5Z".into());
/// assert!(time < Timestamp::from("2026-09-21T09:30:00Z"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Timestamp(Box<str>);

impl Serialize for Timestamp {
    #[inline]
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Box::deserialize(from).map(Self)
    }
}

impl Timestamp {
    /// Returns the server's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the server said nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the instant, to the nanosecond if the system's clock has such. A leap second is the
    /// second after it.
    ///
    /// `None` if the text is no RFC 3339 time with a zone.
    pub fn to_system_time(&self) -> Option<SystemTime> {
        let (seconds, nanoseconds) = instant(&self.0)?;
        let away = Duration::from_secs(seconds.unsigned_abs());
        let second = if seconds < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(away)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(away)
        };
        second?.checked_add(Duration::from_nanos(nanoseconds.into()))
    }

    /// Returns the instant, to the nanosecond.
    ///
    /// # Errors
    ///
    /// If the text is no RFC 3339 time with a zone.
    #[cfg(feature = "jiff")]
    pub fn to_jiff(&self) -> Result<jiff::Timestamp, jiff::Error> {
        self.0.parse()
    }
}

impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |time: &Self| instant(&time.0);
        key(self)
            .cmp(&key(other))
            .then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Writes the time in UTC, with as many digits as it takes. Years before 0 and after 9999, which
/// have no text, become the nearest time that has one.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let (seconds, nanoseconds) = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => (
                i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
                after.subsec_nanos(),
            ),
            Err(before) => {
                let before = before.duration();
                let seconds = -i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                match before.subsec_nanos() {
                    0 => (seconds, 0),
                    nanoseconds => (seconds - 1, 1_000_000_000 - nanoseconds),
                }
            }
        };
        Self(written(seconds, nanoseconds).into())
    }
}

#[cfg(feature = "jiff")]
impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        Self::from(time.to_string())
    }
}

impl From<&str> for Timestamp {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Timestamp {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_on_the_wire!(Timestamp, as_str);

const DAY: i64 = 86_400;

/// The seconds since 1970, and the nanoseconds after those, of an RFC 3339 time.
fn instant(text: &str) -> Option<(i64, u32)> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        let well = digits.bytes().all(|b| b.is_ascii_digit());
        well.then(|| digits.parse().ok())?
    };
    let at =
        |at: usize, letters: &[u8]| text.as_bytes().get(at).is_some_and(|b| letters.contains(b));
    let well = at(4, b"-") && at(7, b"-") && at(10, b"Tt ") && at(13, b":") && at(16, b":");
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !well || !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = text.get(19..)?;
    let (nanoseconds, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let zone = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            let digits = &rest[..rest.len() - zone.len()];
            if digits.is_empty() {
                return None;
            }
            let nine = format!("{digits:0<9.9}");
            (nine.parse().ok()?, zone)
        }
        None => (0, rest),
    };
    let east = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let start = text.len() - zone.len();
            let (hours, minutes) = (number(start + 1..start + 3)?, number(start + 4..start + 6)?);
            let east = hours * 3600 + minutes * 60;
            if *sign == b'+' { east } else { -east }
        }
        _ => return None,
    };
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - east;
    Some((seconds, nanoseconds))
}

/// The RFC 3339 time in UTC of seconds since 1970 and nanoseconds after those.
fn written(seconds: i64, nanoseconds: u32) -> String {
    let first = days(0, 1, 1) * DAY;
    let last = days(9999, 12, 31) * DAY + DAY - 1;
    let (seconds, nanoseconds) = match seconds {
        early if early < first => (first, 0),
        late if late > last => (last, 999_999_999),
        seconds => (seconds, nanoseconds),
    };
    let (mut year, of_day) = (
        1970 + seconds.div_euclid(DAY) / 366,
        seconds.rem_euclid(DAY),
    );
    // Within a few years of it at most: by the leap days that there were.
    while days(year, 1, 1) > seconds.div_euclid(DAY) {
        year -= 1;
    }
    while days(year + 1, 1, 1) <= seconds.div_euclid(DAY) {
        year += 1;
    }
    let mut day = seconds.div_euclid(DAY) - days(year, 1, 1) + 1;
    let mut month = 1;
    while day > days_of(year, month) {
        day -= days_of(year, month);
        month += 1;
    }
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if nanoseconds > 0 {
        let fraction = format!(".{nanoseconds:09}");
        text.push_str(fraction.trim_end_matches('0'));
    }
    text.push('Z');
    text
}

/// Returns the number of days in a month.
fn days_of(year: i64, month: i64) -> i64 {
    days(year, month + 1, 1) - days(year, month, 1)
}

/// Days since 1970 of a date in the Gregorian calendar, whose years begin in March here, so that
/// the leap day is a year's last. Month 13 is the January after.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year + (month - 3).div_euclid(12);
    let month = (month - 3).rem_euclid(12);
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (month * 306 + 5) / 10 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read() {
        for (text, at) in [
            ("1970-01-01T00:00:00Z", Some((0, 0))),
            ("2026-09-21T09:00:00Z", Some((1_789_981_200, 0))),
            (
                "2026-09-21T09:00:00.188169337Z",
                Some((1_789_981_200, 188_169_337)),
            ),
            (
                "2026-09-21T09:00:00.1881693379Z",
                Some((1_789_981_200, 188_169_337)),
            ),
            ("2026-09-21T09:00:00.5Z", Some((1_789_981_200, 500_000_000))),
            ("2026-09-21t11:30:00+02:30", Some((1_789_981_200, 0))),
            ("2024-02-29T23:59:59-00:01", Some((1_709_251_259, 0))),
            ("2000-03-01T00:00:00z", Some((951_868_800, 0))),
            ("2016-12-31T23:59:60Z", Some((1_483_228_800, 0))),
            ("1969-12-31T23:59:59.25Z", Some((-1, 250_000_000))),
            ("0000-01-01T00:00:00Z", Some((-62_167_219_200, 0))),
            ("9999-12-31T23:59:59Z", Some((253_402_300_799, 0))),
            ("2026-02-29T09:00:00Z", None),
            ("2026-04-31T09:00:00Z", None),
            ("2026-13-21T09:00:00Z", None),
            ("2026-09-21T24:00:00Z", None),
            ("2026-09-21T09:00:00.Z", None),
            ("2026-09-21T09:00:00", None),
            ("2026-09-21", None),
            ("2026-09-21T09:00:00+0200", None),
            ("2026-09-21T09:00:00+é:00", None),
            ("+026-09-21T09:00:00Z", None),
            ("soon", None),
            ("", None),
            ("2026-09-21T09:00:0éZ", None),
        ] {
            assert_eq!(instant(text), at, "{text}");
        }
    }

    #[test]
    fn order_is_that_of_the_instants() {
        let mut times = [
            "2026-09-21T10:00:00+02:00",
            "2026-09-21T09:00:00.9Z",
            "soon",
            "2026-09-21T09:00:00.10Z",
            "2026-09-21T08:00:00Z",
            "",
            "1969-12-31T23:59:59Z",
        ]
        .map(Timestamp::from);
        times.sort();
        let texts = times.each_ref().map(Timestamp::as_str);
        assert_eq!(
            texts,
            [
                "",
                "soon",
                "1969-12-31T23:59:59Z",
                "2026-09-21T08:00:00Z",
                "2026-09-21T10:00:00+02:00",
                "2026-09-21T09:00:00.10Z",
                "2026-09-21T09:00:00.9Z",
            ]
        );
        assert_ne!(
            times[3].cmp(&times[4]),
            Ordering::Equal,
            "they are different texts"
        );
    }

    #[test]
    fn years_without_a_text_become_the_nearest() {
        assert_eq!(written(i64::MIN, 5), "0000-01-01T00:00:00Z");
        assert_eq!(written(i64::MAX, 5), "9999-12-31T23:59:59.999999999Z");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in -62_167_219_200i64..=253_402_300_799, nanoseconds in 0u32..1_000_000_000) {
            prop_assert_eq!(instant(&written(seconds, nanoseconds)), Some((seconds, nanoseconds)));
        }

        #[test]
        fn the_system_has_it_too(seconds in -4_000_000_000i64..8_000_000_000, nanoseconds in 0u32..10_000_000) {
            let time = Timestamp::from(written(seconds, nanoseconds * 100));
            let there = time.to_system_time().expect("a time");
            prop_assert_eq!(Timestamp::from(there), time);
        }
    }

    #[cfg(feature = "jiff")]
    #[test]
    fn nanoseconds_survive() {
        let time = Timestamp::from("2026-09-21T08:01:00.188169337Z");
        let instant = time.to_jiff().expect("a time");
        assert_eq!(instant.subsec_nanosecond(), 188_169_337);
        assert_eq!(Timestamp::from(instant), time);
        assert!(Timestamp::from("soon").to_jiff().is_err());
    }
}
