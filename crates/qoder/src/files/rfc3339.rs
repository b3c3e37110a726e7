//! Times of the form `2026-09-21T09:00:00.5Z`, for when a link ends.

use std::time::{Duration, SystemTime};

/// The instant of an RFC 3339 time, to the second; `None` if the text is none, or is before 1970.
pub(super) fn instant(text: &str) -> Option<SystemTime> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let at =
        |at: usize, letters: &[u8]| text.as_bytes().get(at).is_some_and(|b| letters.contains(b));
    let well = at(4, b"-") && at(7, b"-") && at(10, b"Tt ") && at(13, b":") && at(16, b":");
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !well || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let zone = text.get(19..)?;
    let zone = match zone.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => zone,
    };
    let east = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let two = |a: &u8, b: &u8| {
                let digits = a.is_ascii_digit() && b.is_ascii_digit();
                digits.then(|| i64::from(a - b'0') * 10 + i64::from(b - b'0'))
            };
            let east = two(h1, h2)? * 3600 + two(m1, m2)? * 60;
            if *sign == b'+' { east } else { -east }
        }
        _ => return None,
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - east;
    let seconds = u64::try_from(seconds).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Days since 1970 of a date in the Gregorian calendar, whose years begin in March here, so that
/// the leap day is a year's last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let month = (month + 9) % 12;
    let leaps = year / 4 - year / 100 + year / 400;
    year * 365 + leaps + (month * 306 + 5) / 10 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-09-21T09:00:00Z", Some(1_789_981_200)),
            ("2026-09-21T09:00:00.188169337Z", Some(1_789_981_200)),
            ("2026-09-21t11:30:00+02:30", Some(1_789_981_200)),
            ("2024-02-29T23:59:59-00:01", Some(1_709_251_259)),
            ("2000-03-01T00:00:00Z", Some(951_868_800)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-13-21T09:00:00Z", None),
            ("2026-09-21T24:00:00Z", None),
            ("2026-09-21T09:00:00", None),
            ("2026-09-21", None),
            ("2026-09-21T09:00:00+0200", None),
            ("+026-09-21T09:00:00Z", None),
            ("soon", None),
            ("", None),
            ("2026-09-21T09:00:0éZ", None),
        ] {
            let want = seconds.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(instant(text), want, "{text}");
        }
    }
}
