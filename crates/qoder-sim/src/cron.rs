//! Times that recur: expressions of cron, in a time zone.
//!
//! They are five fields, each a number, a name, a range, a step or a list of those. It is a small
//! language, and one file reads it; a dependency would bring a calendar of its own.

use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// When something recurs: a bit for each minute, hour, day, month and day of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both the day and the day of the week are limited: one of them is enough.
    either: bool,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// No 29th of February is further away.
const LONGEST: usize = 9 * 366;

impl Cron {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return None;
        };
        let either = !days.starts_with('*') && !weekdays.starts_with('*');
        let week = field(weekdays, 0, 7, &WEEKDAYS)?;
        Some(Self {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days: field(days, 1, 31, &[])?,
            months: field(months, 1, 12, &MONTHS)?,
            // Sunday is 0 and 7.
            weekdays: week & 0x7f | week >> 7,
            either,
        })
    }

    /// The first time after this one; `None` if there is none in the next years. What a change of
    /// the clocks leaves out is as much later, and what it repeats is there once.
    pub(crate) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let local = zone.to_datetime(after);
        // What was left out may still come.
        let from = local.checked_sub(3.hours()).unwrap_or(local);
        let days = local.date().series(1.day()).take(LONGEST);
        let times = days.filter(|day| self.has_day(*day)).flat_map(|day| {
            let minutes = bits(self.minutes);
            let hours = bits(self.hours);
            hours.flat_map(move |hour| {
                minutes
                    .clone()
                    .map(move |minute| day.at(hour, minute, 0, 0))
            })
        });
        let times = times.filter(|time| *time >= from);
        let mut times = times.filter_map(|time| zone.to_timestamp(time).ok());
        times.find(|time| *time > after)
    }

    fn has_day(&self, day: Date) -> bool {
        let weekday = has(self.weekdays, day.weekday().to_sunday_zero_offset());
        let is_day = has(self.days, day.day());
        let fits = if self.either {
            is_day || weekday
        } else {
            is_day && weekday
        };
        fits && has(self.months, day.month())
    }
}

fn has(bits: u64, n: i8) -> bool {
    bits >> n & 1 == 1
}

fn bits(bits: u64) -> impl Iterator<Item = i8> + Clone {
    (0..60).filter(move |n| has(bits, *n))
}

fn field(text: &str, min: u32, max: u32, names: &[&str]) -> Option<u64> {
    let mut bits = 0;
    for item in text.split(',') {
        let (range, step) = match item.split_once('/') {
            None => (item, None),
            Some((range, step)) => (range, Some(number(step).filter(|step| *step > 0)?)),
        };
        let value = |text: &str| {
            let word = names
                .iter()
                .zip(min..)
                .find(|(name, _)| name.eq_ignore_ascii_case(text));
            let value = word.map(|(_, value)| value).or_else(|| number(text))?;
            (min..=max).contains(&value).then_some(value)
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((first, last)) => (value(first)?, value(last)?),
            None => {
                let first = value(range)?;
                (first, if step.is_some() { max } else { first })
            }
        };
        if first > last {
            return None;
        }
        let step = usize::try_from(step.unwrap_or(1)).ok()?;
        for n in (first..=last).step_by(step) {
            bits |= 1 << n;
        }
    }
    Some(bits)
}

fn number(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, zone: &str, after: &str) -> Vec<String> {
        let cron = Cron::parse(expression).expect("an expression");
        let zone = TimeZone::get(zone).expect("a time zone");
        let mut after: Timestamp = after.parse().expect("a time");
        let mut times = Vec::new();
        while times.len() < 3 {
            let Some(time) = cron.next(after, &zone) else {
                break;
            };
            after = time;
            times.push(time.to_string());
        }
        times
    }

    fn all(expression: &str, times: [&str; 3]) {
        assert_eq!(
            next(expression, "UTC", "2026-01-30T10:00:00Z"),
            times,
            "{expression}"
        );
    }

    #[test]
    fn fields_are_numbers_names_ranges_steps_and_lists() {
        all(
            "*/20 * * * *",
            [
                "2026-01-30T10:20:00Z",
                "2026-01-30T10:40:00Z",
                "2026-01-30T11:00:00Z",
            ],
        );
        all(
            "5/25 9-11/2 * * *",
            [
                "2026-01-30T11:05:00Z",
                "2026-01-30T11:30:00Z",
                "2026-01-30T11:55:00Z",
            ],
        );
        all(
            "0 8,12 * * MON-Fri",
            [
                "2026-01-30T12:00:00Z",
                "2026-02-02T08:00:00Z",
                "2026-02-02T12:00:00Z",
            ],
        );
        all(
            "0 0 29 feb *",
            [
                "2028-02-29T00:00:00Z",
                "2032-02-29T00:00:00Z",
                "2036-02-29T00:00:00Z",
            ],
        );
        // A day of the month or of the week, if both are limited; Sunday has two numbers.
        all(
            "0 0 1 * 7",
            [
                "2026-02-01T00:00:00Z",
                "2026-02-08T00:00:00Z",
                "2026-02-15T00:00:00Z",
            ],
        );
        all(
            "0 0 */2 * 1",
            [
                "2026-02-09T00:00:00Z",
                "2026-02-23T00:00:00Z",
                "2026-03-09T00:00:00Z",
            ],
        );
        assert!(next("0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z").is_empty());
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for wrong in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "5-1 * * * *",
            "*/0 * * * *",
            "* * * * x",
            "+5 * * * *",
            "1,, * * * *",
            "- * * * *",
            "@daily",
            "1/ * * * *",
            "jan * * * *",
        ] {
            assert_eq!(Cron::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn clocks_change() {
        assert_eq!(
            next("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z"),
            [
                "2026-03-28T01:30:00Z",
                "2026-03-29T01:30:00Z",
                "2026-03-30T00:30:00Z"
            ]
        );
        assert_eq!(
            next("30 2 * * *", "Europe/Berlin", "2026-10-24T10:00:00Z"),
            [
                "2026-10-25T00:30:00Z",
                "2026-10-26T01:30:00Z",
                "2026-10-27T01:30:00Z"
            ]
        );
    }
}
