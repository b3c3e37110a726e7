//! The storage's answers, as they are read from their heads.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Version, header};

/// The length of a body, as its head declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// So many bytes.
    Length(u64),
    /// Its end will be marked.
    Marked,
    /// It ends with its connection, as it would if that broke.
    Unmarked,
}

impl Extent {
    /// That of a body of this exact size, if it has one.
    pub(super) fn new(version: Version, headers: &HeaderMap, exact: Option<u64>) -> Self {
        match exact {
            Some(length) => Self::Length(length),
            None if version >= Version::HTTP_2 => Self::Marked,
            None if headers.contains_key(header::TRANSFER_ENCODING) => Self::Marked,
            None => Self::Unmarked,
        }
    }

    pub(super) fn length(self) -> Option<u64> {
        match self {
            Self::Length(length) => Some(length),
            Self::Marked | Self::Unmarked => None,
        }
    }
}

/// Returns the validator that `If-Range` can name: a strong `ETag`, or a `Last-Modified` that is
/// older than the response by a second at least, since otherwise two versions may have the same
/// (RFC 9110, 8.8.2.2).
pub(super) fn validator(headers: &HeaderMap) -> Option<HeaderValue> {
    if let Some(etag) = headers.get(header::ETAG) {
        return is_strong(etag).then(|| etag.clone());
    }
    let date = |name| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    let modified = date(header::LAST_MODIFIED)?;
    let old = date(header::DATE)?.duration_since(modified).ok()? >= Duration::from_secs(1);
    old.then(|| headers.get(header::LAST_MODIFIED).cloned())?
}

/// Whether a part is of the version that was asked for. A storage that overlooks `If-Range` sends
/// one of any, so the tag must be there, as RFC 9110 (15.3.7) has it; a date need not, nor need the
/// codings.
pub(super) fn is_part_of(validator: &HeaderValue, codings: &Codings, headers: &HeaderMap) -> bool {
    let same = !headers.contains_key(header::CONTENT_ENCODING) || Codings::of(headers) == *codings;
    if is_strong(validator) {
        same && headers.get(header::ETAG) == Some(validator)
    } else {
        let modified = headers.get(header::LAST_MODIFIED);
        same && modified.is_none_or(|modified| modified == validator)
    }
}

/// The codings of a content, as they are declared.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Codings(Vec<HeaderValue>);

impl Codings {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let codings = headers.get_all(header::CONTENT_ENCODING);
        Self(codings.iter().cloned().collect())
    }
}

fn is_strong(etag: &HeaderValue) -> bool {
    etag.as_bytes().starts_with(b"\"")
}

/// A range, as `Content-Range` declares it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// Its first byte, and the one after its last; `None` if there is no such range.
    pub(super) bytes: Option<(u64, u64)>,
    /// Of how many bytes it is.
    pub(super) total: Option<u64>,
}

impl Range {
    /// Reads `bytes 3-9/10`, `bytes 3-9/*` and `bytes */10`.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
        let (bytes, total) = value.strip_prefix("bytes ")?.split_once('/')?;
        let total = match total {
            "*" => None,
            total => Some(total.parse().ok()?),
        };
        if bytes == "*" {
            return Some(Self { bytes: None, total });
        }
        let (start, last) = bytes.split_once('-')?;
        let start: u64 = start.parse().ok()?;
        let end = last.parse::<u64>().ok()?.checked_add(1)?;
        let well = start < end && total.is_none_or(|total| end <= total);
        let bytes = Some((start, end));
        well.then_some(Self { bytes, total })
    }
}

/// Whether these are the words of a storage of the S3 family for a link that has ended, or whose
/// signer's token has: `<Code>ExpiredToken</Code>`, `RequestExpired` and their like.
pub(super) fn says_expired(words: &[u8]) -> bool {
    let words = String::from_utf8_lossy(words);
    let code = words.split_once("<Code>");
    let code = code.and_then(|(_, rest)| rest.split_once("</Code>"));
    code.is_some_and(|(code, _)| code.contains("Expired"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let (max, some) = (u64::MAX, |start, end| Some((start, end)));
        for (text, want) in [
            ("bytes 3-9/10", Some((some(3, 10), Some(10)))),
            ("bytes 3-9/*", Some((some(3, 10), None))),
            ("bytes */10", Some((None, Some(10)))),
            ("bytes */*", Some((None, None))),
            ("bytes 3-10/10", None),
            ("bytes 4-3/10", None),
            ("bytes 3/10", None),
            ("bytes 3-/10", None),
            ("bytes -3/10", None),
            ("items 3-9/10", None),
            ("3-9/10", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_RANGE, HeaderValue::from_static(text));
            let want = want.map(|(bytes, total)| Range { bytes, total });
            assert_eq!(Range::of(&headers), want, "{text}");
        }
        let mut headers = HeaderMap::new();
        assert_eq!(Range::of(&headers), None);
        let last = HeaderValue::try_from(format!("bytes 3-{max}/*")).expect("a value");
        headers.insert(header::CONTENT_RANGE, last);
        assert_eq!(Range::of(&headers), None);
    }
}
