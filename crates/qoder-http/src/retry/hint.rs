use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// How long the server asks to wait: `Retry-After-Ms` if it is a number, else `Retry-After` in
/// seconds, fractions included, or as an HTTP date (RFC 9110, section 10.2.3), which `now` turns
/// into a duration.
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
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |text: &str, unit: f64| {
        let value: f64 = text.parse().ok()?;
        Duration::try_from_secs_f64(value * unit).ok()
    };
    if let Some(wait) = text("retry-after-ms").and_then(|text| number(text, 0.001)) {
        return Some(wait);
    }
    let text = text("retry-after")?;
    number(text, 1.0).or_else(|| {
        let date = httpdate::parse_http_date(text).ok()?;
        Some(date.duration_since(now).unwrap_or_default())
    })
}

/// The server's own advice.
pub(super) fn should_retry(headers: &HeaderMap) -> Option<bool> {
    match headers.get("x-should-retry")?.as_bytes() {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn hints_come_in_three_forms() {
        let now = httpdate::parse_http_date("Tue, 24 Nov 2026 08:00:00 GMT").expect("a date");
        for (name, value, want) in [
            ("retry-after", "3", Some(3000)),
            ("retry-after", " 0.25 ", Some(250)),
            ("retry-after", "Tue, 24 Nov 2026 08:00:30 GMT", Some(30_000)),
            ("retry-after", "Tue, 24 Nov 2026 07:00:00 GMT", Some(0)),
            ("retry-after", "soon", None),
            ("retry-after", "-1", None),
            ("retry-after", "NaN", None),
            ("retry-after", "1e300", None),
            ("retry-after-ms", "1500", Some(1500)),
            ("retry-after-ms", "x", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(
                retry_after(&headers, now),
                want.map(Duration::from_millis),
                "{name}: {value}"
            );
        }
        let mut both = HeaderMap::new();
        both.insert("retry-after-ms", HeaderValue::from_static("20"));
        both.insert("retry-after", HeaderValue::from_static("9"));
        assert_eq!(retry_after(&both, now), Some(Duration::from_millis(20)));
    }
}
