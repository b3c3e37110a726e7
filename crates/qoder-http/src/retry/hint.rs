use std::time::{Duration, SystemTime};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName};

/// No wait that is asked for counts as longer, be it for ever: a year.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Returns the time that the server asks to wait, at most a year: `Retry-After-Ms` if it is a
/// number, else `Retry-After` in seconds, fractions included, or as an HTTP date (RFC 9110, section
/// 10.2.3). Where there are several, the longest holds.
///
/// A date is one of the server's clock: it is compared with the `Date` of the response, and with
/// `now` if there is none.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use http::{HeaderMap, HeaderValue};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("retry-after", HeaderValue::from_static("1.5"));
/// assert_eq!(qoder_http::retry::retry_after(&headers, SystemTime::now()), Some(Duration::from_millis(1500)));
/// ```
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let millis = values(headers, RETRY_AFTER_MS)
        .flat_map(|value| value.split(','))
        .filter_map(|item| number(item, 0.001))
        .max();
    let now = || {
        let mut dates = values(headers, DATE);
        dates.find_map(date_of).unwrap_or(now)
    };
    millis.or_else(|| {
        let hints = values(headers, RETRY_AFTER).filter_map(|value| longest(value, now));
        hints.max()
    })
}

/// The longest wait in a list, in which dates have commas too.
fn longest(value: &str, now: impl Fn() -> SystemTime) -> Option<Duration> {
    let until = |date: SystemTime| date.duration_since(now()).unwrap_or_default().min(LONGEST);
    let mut longest = None;
    let mut day = "";
    for item in value.split(',') {
        // `Tue, 24 Nov 2026 08:00:00 GMT` is two items.
        let date = date_of(item).or_else(|| date_of(&format!("{day},{item}")));
        longest = longest.max(number(item, 1.0)).max(date.map(until));
        day = item;
    }
    longest
}

fn number(text: &str, unit: f64) -> Option<Duration> {
    let value: f64 = text.trim().parse().ok()?;
    if value.is_nan() || value < 0.0 {
        return None;
    }
    let wait = Duration::try_from_secs_f64(value * unit);
    Some(wait.map_or(LONGEST, |wait| wait.min(LONGEST)))
}

fn date_of(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text.trim()).ok()
}

fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).iter();
    values.filter_map(|value| value.to_str().ok())
}

/// The server's own advice. Where it contradicts itself, it is not to.
pub(super) fn should_retry(headers: &HeaderMap) -> Option<bool> {
    let advice = |text: &str| match text.trim() {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    };
    values(headers, SHOULD_RETRY)
        .flat_map(|value| value.split(','))
        .filter_map(advice)
        .min()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    /// Fields, and the wait in milliseconds.
    type Row<'a> = (&'a [(&'static str, &'static str)], Option<u64>);

    #[test]
    fn hints_come_in_three_forms() {
        let now = httpdate::parse_http_date("Tue, 24 Nov 2026 08:00:00 GMT").expect("a date");
        let (after, ms, date) = ("retry-after", "retry-after-ms", "date");
        let year = Some(365 * 24 * 60 * 60 * 1000);
        let table: &[Row<'_>] = &[
            (&[(after, "3")], Some(3000)),
            (&[(after, " 0.25 ")], Some(250)),
            (&[(after, "Tue, 24 Nov 2026 08:00:30 GMT")], Some(30_000)),
            (&[(after, "Tue, 24 Nov 2026 07:00:00 GMT")], Some(0)),
            (&[(after, "Tuesday, 24-Nov-26 08:00:30 GMT")], Some(30_000)),
            (&[(after, "Tue Nov 24 08:00:30 2026")], Some(30_000)),
            (&[(ms, "1500")], Some(1500)),
            // What is no hint.
            (&[(after, "soon")], None),
            (&[(after, "")], None),
            (&[(after, "-1")], None),
            (&[(after, "-inf")], None),
            (&[(after, "NaN")], None),
            (&[(ms, "x")], None),
            // For ever, or nearly.
            (&[(after, "1e20")], year),
            (&[(after, "1e300")], year),
            (&[(after, "18446744073709551616")], year),
            (&[(after, "inf")], year),
            (&[(after, "Tue, 24 Nov 2099 08:00:30 GMT")], year),
            (&[(ms, "1e300")], year),
            // Of several the longest.
            (&[(after, "5"), (after, "10")], Some(10_000)),
            (&[(after, "10"), (after, "5")], Some(10_000)),
            (&[(after, "5, 10")], Some(10_000)),
            (&[(after, "10,x,5")], Some(10_000)),
            (&[(after, "x"), (after, "5")], Some(5000)),
            (
                &[(after, "5, Tue, 24 Nov 2026 08:00:30 GMT, 10")],
                Some(30_000),
            ),
            (
                &[(
                    after,
                    "Tue, 24 Nov 2026 08:00:30 GMT, Tue, 24 Nov 2026 08:00:40 GMT",
                )],
                Some(40_000),
            ),
            (&[(ms, "20"), (ms, "30, 10")], Some(30)),
            // The finer one is meant.
            (&[(ms, "20"), (after, "9")], Some(20)),
            (&[(ms, "x"), (after, "9")], Some(9000)),
            // The server's clock goes by its own time.
            (
                &[
                    (after, "Tue, 24 Nov 2026 03:00:30 GMT"),
                    (date, "Tue, 24 Nov 2026 03:00:00 GMT"),
                ],
                Some(30_000),
            ),
            (
                &[
                    (after, "Tue, 24 Nov 2026 11:00:30 GMT"),
                    (date, "Tue, 24 Nov 2026 11:00:00 GMT"),
                ],
                Some(30_000),
            ),
            (
                &[(after, "Tue, 24 Nov 2026 08:00:30 GMT"), (date, "noon")],
                Some(30_000),
            ),
        ];
        for (fields, want) in table {
            let want = want.map(Duration::from_millis);
            assert_eq!(retry_after(&headers(fields), now), want, "{fields:?}");
        }
    }

    #[test]
    fn advice_that_contradicts_itself_is_not_to() {
        let name = "x-should-retry";
        for (values, want) in [
            (&["true"][..], Some(true)),
            (&[" TRUE "], Some(true)),
            (&["false"], Some(false)),
            (&["maybe"], None),
            (&["maybe", "true"], Some(true)),
            (&["true", "false"], Some(false)),
            (&["false, true"], Some(false)),
        ] {
            let fields: Vec<_> = values.iter().map(|value| (name, *value)).collect();
            assert_eq!(should_retry(&headers(&fields)), want, "{values:?}");
        }
    }
}
