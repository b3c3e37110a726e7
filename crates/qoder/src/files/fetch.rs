//! What to do after each answer of the storage: a machine without I/O.
//!
//! | what happened | can write anew from the start | can't |
//! |---|---|---|
//! | the body broke, or ended before its length | the rest, with `If-Range` | the rest, with `If-Range` |
//! | the same, and the content has no strong validator | again from the start | give |
//! | 206, the range that was asked for | read on | read on |
//! | 206, another range | again from the start | give |
//! | 206 or 416, of another version or length | again from the start | give |
//! | 200 in place of 206 | read from the start | skip what is there, if it is the same version |
//! | 416, and the content is as long as what is there | done | done |
//! | 401, 403, 404, 410, or 400 whose words say that something has expired | a new link | a new link |
//! | 408, 425, 429, 5xx except 501, no response | the same again, later | the same again, later |
//! | another status | give | give |
//!
//! New bytes give it all tries back; the number of requests and of new starts is bounded all the
//! same.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use qoder_http::Sent;
use qoder_http::retry::{AttemptEnd, Attempts, Class, Next as Retry, RetryBudget, RetryPolicy};

/// Requests to the storage for one content.
const REQUESTS: u32 = 256;
/// Links that lead to nothing, one after the other.
const LINKS: u32 = 3;
/// New starts of one content.
const STARTS: u32 = 8;

/// The state of a download.
#[derive(Debug)]
pub(super) struct Fetch {
    policy: RetryPolicy,
    budget: RetryBudget,
    seed: u64,
    attempts: Attempts,
    /// Whether what was given can be taken back.
    rewinds: bool,
    /// The version that is read, if it can be asked for.
    validator: Option<HeaderValue>,
    total: Option<u64>,
    /// The length that the caller knows of.
    expected: Option<u64>,
    /// The most that it may have.
    limit: Option<u64>,
    /// How much of it was given.
    offset: u64,
    /// What was given belongs to a version that is not read any more.
    stale: bool,
    /// What is to be skipped of the body.
    skip: u64,
    /// The most that was ever given.
    furthest: u64,
    /// Whether a try was spent since there was something new.
    retried: bool,
    requests: u32,
    links: u32,
    starts: u32,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask the storage, after this wait.
    Request(Duration),
    /// Ask the API for another link first.
    Link,
    /// All of it was given.
    Done,
    /// It can't be had.
    Give(Why),
}

/// Why a content can't be had.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The status of the last response.
    Status,
    /// What ended the last attempt.
    Broke,
    /// It ended too early, as if that were all of it.
    Short,
    /// It is not as long as the caller says.
    Length(u64),
    /// It has more than this limit.
    TooLarge(u64),
    /// It goes on after its end.
    Long,
    /// It has changed, and what was given can't be taken back.
    Changed,
    /// The storage can't say whether the rest is of the same version.
    NoVersion,
    /// Another range than was asked for.
    Range,
    /// A bound was reached.
    TooMany,
}

/// What to do after the head of a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Read the body; if `restart`, take back what was given.
    Read { restart: bool },
    /// Read what it says, for [`Fetch::refused`].
    Words,
    /// Leave it.
    Then(Next),
}

impl Fetch {
    pub(super) fn new(policy: RetryPolicy, budget: RetryBudget, seed: u64, rewinds: bool) -> Self {
        Self {
            policy,
            attempts: Attempts::new(policy, Class::Read, seed).with_budget(budget.clone()),
            budget,
            seed,
            rewinds,
            validator: None,
            total: None,
            expected: None,
            limit: None,
            offset: 0,
            stale: false,
            skip: 0,
            furthest: 0,
            retried: false,
            requests: 0,
            links: 0,
            starts: 0,
        }
    }

    /// Sets the length that the content must have.
    pub(super) fn expect(mut self, length: Option<u64>) -> Self {
        self.expected = length;
        self
    }

    /// Sets how many bytes the content may have.
    pub(super) fn limit(mut self, limit: Option<u64>) -> Self {
        self.limit = limit;
        self
    }

    /// What to do first.
    pub(super) fn start(&self) -> Next {
        match self.too_large(self.expected) {
            Some(why) => Next::Give(why),
            None => Next::Link,
        }
    }

    fn too_large(&self, length: Option<u64>) -> Option<Why> {
        let limit = self.limit?;
        (length? > limit).then_some(Why::TooLarge(limit))
    }

    /// How much was given, and of how much.
    pub(super) fn progress(&self) -> (u64, Option<u64>) {
        (self.offset, self.total.or(self.expected))
    }

    /// The headers of the next request that say what is asked for.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let (1.., Some(validator)) = (self.offset, &self.validator) {
            if let Ok(range) = HeaderValue::try_from(format!("bytes={}-", self.offset)) {
                headers.insert(header::RANGE, range);
                headers.insert(header::IF_RANGE, validator.clone());
            }
        }
        headers
    }

    /// The head of a response has come.
    pub(super) fn head(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        now: SystemTime,
    ) -> Head {
        match status.as_u16() {
            200 => self.whole(headers),
            206 => self.part(headers),
            416 if self.offset > 0 => match content_range(headers) {
                Some((None, Some(total))) if self.is_all(total) => Head::Then(Next::Done),
                _ => self.changed(),
            },
            401 | 403 | 404 | 410 => Head::Then(self.another_link()),
            400 => Head::Words,
            201..=299 => Head::Then(Next::Give(Why::Status)),
            status => {
                let end = AttemptEnd::Status { status, headers };
                Head::Then(self.again(&end, now, Why::Status))
            }
        }
    }

    /// A 400 has said this.
    pub(super) fn refused(&mut self, words: &[u8]) -> Next {
        if says_expired(words) {
            self.another_link()
        } else {
            Next::Give(Why::Status)
        }
    }

    /// Whether so many bytes are all that there is, and were given.
    fn is_all(&self, total: u64) -> bool {
        total == self.offset && self.total.is_none_or(|before| before == total)
    }

    fn whole(&mut self, headers: &HeaderMap) -> Head {
        let length = headers.get(header::CONTENT_LENGTH);
        let length: Option<u64> = length.and_then(|value| value.to_str().ok()?.parse().ok());
        if let (Some(length), Some(expected)) = (length, self.expected) {
            if length != expected {
                return Head::Then(Next::Give(Why::Length(length)));
            }
        }
        if let Some(why) = self.too_large(length) {
            return Head::Then(Next::Give(why));
        }
        let validator = validator(headers);
        let total = length.or(self.expected);
        let mut restart = std::mem::take(&mut self.stale);
        if self.offset > 0 {
            let same = self.validator.is_some() && validator == self.validator;
            if self.rewinds {
                if let Some(too_many) = self.start_anew() {
                    return Head::Then(too_many);
                }
                self.stale = false;
                restart = true;
            } else if same && length.is_none_or(|length| Some(length) == self.total) {
                self.skip = self.offset;
                return Head::Read { restart: false };
            } else {
                return Head::Then(Next::Give(Why::Changed));
            }
        }
        self.validator = validator;
        self.total = total;
        Head::Read { restart }
    }

    fn part(&mut self, headers: &HeaderMap) -> Head {
        let Some((Some(start), total)) = content_range(headers) else {
            return Head::Then(Next::Give(Why::Range));
        };
        let is_other = |before: &HeaderValue| {
            let now = headers.get(header::ETAG);
            now.is_some_and(|now| is_strong(before) && now != before)
        };
        let longer = matches!((self.total, total), (Some(before), Some(now)) if before != now);
        if longer || self.validator.as_ref().is_some_and(is_other) {
            return self.changed();
        }
        if start != self.offset || self.offset == 0 {
            return match self.changed() {
                Head::Then(Next::Give(Why::Changed)) => Head::Then(Next::Give(Why::Range)),
                other => other,
            };
        }
        if let Some(why) = self.too_large(total) {
            return Head::Then(Next::Give(why));
        }
        self.total = self.total.or(total);
        Head::Read { restart: false }
    }

    /// Something was read. Gives the part of it that is new.
    pub(super) fn take(&mut self, mut bytes: bytes::Bytes) -> Result<bytes::Bytes, Why> {
        let length = bytes.len() as u64;
        let skipped = self.skip.min(length);
        self.skip -= skipped;
        let bytes = bytes.split_off(usize::try_from(skipped).unwrap_or(usize::MAX));
        self.offset += bytes.len() as u64;
        if self.total.is_some_and(|total| self.offset > total) {
            return Err(Why::Long);
        }
        if let Some(why) = self.too_large(Some(self.offset)) {
            return Err(why);
        }
        if self.offset > self.furthest {
            self.furthest = self.offset;
            self.links = 0;
            if std::mem::take(&mut self.retried) {
                self.attempts.succeeded();
                self.seed = self.seed.wrapping_add(1);
                self.attempts = Attempts::new(self.policy, Class::Read, self.seed)
                    .with_budget(self.budget.clone());
            }
        }
        Ok(bytes)
    }

    /// The body came to its end.
    pub(super) fn end(&mut self, now: SystemTime) -> Next {
        match self.total {
            Some(total) if self.offset < total => self.broken(now, Why::Short),
            _ if self.skip > 0 => self.broken(now, Why::Short),
            _ => {
                self.attempts.succeeded();
                Next::Done
            }
        }
    }

    /// The body broke off.
    pub(super) fn broke(&mut self, now: SystemTime) -> Next {
        if self.total == Some(self.offset) && self.skip == 0 {
            return Next::Done;
        }
        self.broken(now, Why::Broke)
    }

    fn broken(&mut self, now: SystemTime, why: Why) -> Next {
        self.skip = 0;
        if self.offset > 0 && self.validator.is_none() {
            if !self.rewinds {
                return Next::Give(Why::NoVersion);
            }
            if let Some(too_many) = self.start_anew() {
                return too_many;
            }
        }
        self.again(&AttemptEnd::BodyBroke, now, why)
    }

    /// There was no response.
    pub(super) fn failed(
        &mut self,
        kind: qoder_http::ErrorKind,
        sent: Sent,
        now: SystemTime,
    ) -> Next {
        self.again(&AttemptEnd::Failed { kind, sent }, now, Why::Broke)
    }

    fn again(&mut self, end: &AttemptEnd<'_>, now: SystemTime, why: Why) -> Next {
        self.requests += 1;
        if self.requests >= REQUESTS {
            return Next::Give(Why::TooMany);
        }
        match self.attempts.next(end, None, now) {
            Retry::Again { after } => {
                self.retried = true;
                Next::Request(after)
            }
            _ => Next::Give(why),
        }
    }

    fn another_link(&mut self) -> Next {
        self.requests += 1;
        self.links += 1;
        if self.links >= LINKS || self.requests >= REQUESTS {
            return Next::Give(Why::Status);
        }
        Next::Link
    }

    /// What is there is of another version than what was given.
    fn changed(&mut self) -> Head {
        if !self.rewinds {
            return Head::Then(Next::Give(Why::Changed));
        }
        self.requests += 1;
        let next = self.start_anew();
        Head::Then(next.unwrap_or(Next::Request(Duration::ZERO)))
    }

    fn start_anew(&mut self) -> Option<Next> {
        self.starts += 1;
        self.stale = true;
        self.offset = 0;
        self.total = None;
        self.validator = None;
        (self.starts >= STARTS).then_some(Next::Give(Why::TooMany))
    }
}

/// Whether these are the words of a storage of the S3 family for a link that has ended, or whose
/// signer's token has: `<Code>ExpiredToken</Code>`, `RequestExpired` and their like.
fn says_expired(words: &[u8]) -> bool {
    let words = String::from_utf8_lossy(words);
    let code = words.split_once("<Code>");
    let code = code.and_then(|(_, rest)| rest.split_once("</Code>"));
    code.is_some_and(|(code, _)| code.contains("Expired"))
}

fn is_strong(etag: &HeaderValue) -> bool {
    etag.as_bytes().starts_with(b"\"")
}

/// What `If-Range` can name: a strong `ETag`, or a `Last-Modified` that is older than the response
/// by a second at least, since otherwise two versions may have the same (RFC 9110, 8.8.2.2).
fn validator(headers: &HeaderMap) -> Option<HeaderValue> {
    if let Some(etag) = headers.get(header::ETAG) {
        return is_strong(etag).then(|| etag.clone());
    }
    let date = |name| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    let modified = date(header::LAST_MODIFIED)?;
    let old = date(header::DATE)?.duration_since(modified).ok()? >= Duration::from_secs(1);
    old.then(|| headers.get(header::LAST_MODIFIED).cloned())?
}

/// Where a range begins, and of how many bytes it is: `bytes 3-9/10`, `bytes 3-9/*`, `bytes */10`.
fn content_range(headers: &HeaderMap) -> Option<(Option<u64>, Option<u64>)> {
    let value = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    if range == "*" {
        return Some((None, total));
    }
    let (start, end) = range.split_once('-')?;
    let (start, end): (u64, u64) = (start.parse().ok()?, end.parse().ok()?);
    let well = start <= end && total.is_none_or(|total| end < total);
    well.then_some((Some(start), total))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    type Headers = &'static [(&'static str, &'static str)];

    /// What happens to a download.
    enum Now {
        /// A head of this status with these headers.
        Head(u16, Headers),
        /// The words of a 400.
        Words(&'static str),
        /// So many bytes.
        Data(usize),
        End,
        Broke,
        Failed,
    }
    use Now::{Broke, Data, End, Failed, Words};

    const WHOLE: Headers = &[("content-length", "10"), ("etag", "\"v1\"")];
    const REST: Headers = &[("content-range", "bytes 4-9/10"), ("etag", "\"v1\"")];

    fn headers(pairs: Headers) -> HeaderMap {
        let value = |value| HeaderValue::from_static(value);
        pairs
            .iter()
            .map(|(name, text)| (http::HeaderName::from_static(name), value(text)))
            .collect()
    }

    fn fetch(rewinds: bool) -> Fetch {
        let policy = RetryPolicy::default().waits(Duration::ZERO, Duration::ZERO);
        Fetch::new(policy, RetryBudget::default(), 1, rewinds)
    }

    /// What the machine says to each of these, as text: `read`, `restart`, `rest` (a request with
    /// a range), `anew` (one without), `link`, `done`, or why it gives up.
    fn said(mut fetch: Fetch, script: &[Now]) -> Vec<String> {
        let now = SystemTime::UNIX_EPOCH;
        let next = |fetch: &Fetch, next: Next| match next {
            Next::Request(_) => match fetch.headers().get("range") {
                Some(range) => {
                    assert!(fetch.headers().contains_key("if-range"));
                    range.to_str().expect("text").to_owned()
                }
                None => "anew".to_owned(),
            },
            Next::Link => "link".to_owned(),
            Next::Done => "done".to_owned(),
            Next::Give(why) => format!("{why:?}"),
        };
        let mut said = Vec::new();
        for event in script {
            let word = match event {
                Now::Head(status, pairs) => {
                    let status = StatusCode::from_u16(*status).expect("a status");
                    match fetch.head(status, &headers(pairs), now) {
                        Head::Read { restart: false } => "read".to_owned(),
                        Head::Read { restart: true } => "restart".to_owned(),
                        Head::Words => "words".to_owned(),
                        Head::Then(then) => next(&fetch, then),
                    }
                }
                Words(words) => {
                    let then = fetch.refused(words.as_bytes());
                    next(&fetch, then)
                }
                Data(length) => match fetch.take(Bytes::from(vec![0; *length])) {
                    Ok(new) => new.len().to_string(),
                    Err(why) => format!("{why:?}"),
                },
                End => {
                    let then = fetch.end(now);
                    next(&fetch, then)
                }
                Broke => {
                    let then = fetch.broke(now);
                    next(&fetch, then)
                }
                Failed => {
                    let kind = qoder_http::ErrorKind::Reset;
                    let then = fetch.failed(kind, Sent::Maybe, now);
                    next(&fetch, then)
                }
            };
            said.push(word);
        }
        said
    }

    #[test]
    fn the_table() {
        let head = Now::Head;
        let cut = || vec![head(200, WHOLE), Data(4), Broke];
        let rest = "read 4 bytes=4-";
        // What happens after 4 of 10 bytes; what is said if it can start anew, and if it can't.
        let table: Vec<(Vec<Now>, String, String)> = [
            (
                vec![head(206, REST), Data(6), End],
                "read 6 done",
                "read 6 done",
            ),
            // Cut after the last byte: that is all of it.
            (
                vec![head(206, REST), Data(6), Broke],
                "read 6 done",
                "read 6 done",
            ),
            (vec![head(206, REST), Data(7)], "read Long", "read Long"),
            (
                vec![head(206, REST), Data(5), End],
                "read 5 bytes=9-",
                "read 5 bytes=9-",
            ),
            (
                vec![head(200, WHOLE), Data(10), End],
                "restart 10 done",
                "read 6 done",
            ),
            (
                vec![head(200, WHOLE), Data(3), Data(3), Data(4), End],
                "restart 3 3 4 done",
                "read 0 2 4 done",
            ),
            (
                vec![
                    head(200, &[("content-length", "9"), ("etag", "\"v2\"")]),
                    Data(9),
                    End,
                ],
                "restart 9 done",
                "Changed",
            ),
            (
                vec![head(200, &[("content-length", "10")])],
                "restart",
                "Changed",
            ),
            (
                vec![
                    head(
                        206,
                        &[("content-range", "bytes 4-9/10"), ("etag", "\"v2\"")],
                    ),
                    head(200, WHOLE),
                ],
                "anew restart",
                "Changed",
            ),
            (
                vec![
                    head(206, &[("content-range", "bytes 4-8/9")]),
                    head(200, WHOLE),
                ],
                "anew restart",
                "Changed",
            ),
            (
                vec![head(206, &[("content-range", "bytes 4-9/*")]), Data(6), End],
                "read 6 done",
                "read 6 done",
            ),
            (
                vec![head(206, &[("content-range", "bytes 5-9/10")])],
                "anew",
                "Range",
            ),
            (
                vec![head(206, &[("content-range", "bytes 0-9/10")])],
                "anew",
                "Range",
            ),
            (
                vec![head(206, &[("content-range", "bytes 4-12/10")])],
                "Range",
                "Range",
            ),
            (vec![head(206, &[])], "Range", "Range"),
            (
                vec![head(416, &[("content-range", "bytes */10")])],
                "anew",
                "Changed",
            ),
            (
                vec![head(416, &[("content-range", "bytes */4")])],
                "anew",
                "Changed",
            ),
            (vec![head(416, &[])], "anew", "Changed"),
            (
                vec![head(403, &[]), head(206, REST)],
                "link read",
                "link read",
            ),
            (vec![head(404, &[])], "link", "link"),
            (
                vec![head(410, &[]), head(401, &[]), head(403, &[])],
                "link link Status",
                "link link Status",
            ),
            (
                vec![head(503, &[]), head(206, REST)],
                "bytes=4- read",
                "bytes=4- read",
            ),
            (
                vec![Failed, head(206, REST)],
                "bytes=4- read",
                "bytes=4- read",
            ),
            (vec![head(204, &[])], "Status", "Status"),
            (vec![head(302, &[])], "Status", "Status"),
            (
                vec![head(400, &[]), Words("<Code>ExpiredToken</Code>")],
                "words link",
                "words link",
            ),
            (
                vec![head(400, &[]), Words("<Code>InvalidArgument</Code>")],
                "words Status",
                "words Status",
            ),
            (vec![head(501, &[])], "Status", "Status"),
        ]
        .into_iter()
        .map(|(events, a, b)| (events, format!("{rest} {a}"), format!("{rest} {b}")))
        .collect();
        for (events, anew, on) in table {
            let script: Vec<Now> = cut().into_iter().chain(events).collect();
            assert_eq!(said(fetch(true), &script).join(" "), anew);
            // Once it has given up, nothing counts any more.
            let mut told = said(fetch(false), &script);
            told.truncate(on.split(' ').count());
            assert_eq!(told.join(" "), on);
        }
    }

    #[test]
    fn nothing_given_is_nothing_to_resume() {
        let start = |events: &[Now]| said(fetch(false), events).join(" ");
        assert_eq!(start(&[Failed, Now::Head(200, WHOLE)]), "anew read");
        assert_eq!(start(&[Now::Head(200, WHOLE), Broke]), "read anew");
        assert_eq!(start(&[Now::Head(416, &[])]), "Status");
        assert_eq!(
            start(&[Now::Head(200, &[("content-length", "0")]), End]),
            "read done"
        );
        assert_eq!(start(&[Now::Head(200, &[]), Data(3), End]), "read 3 done");
        assert_eq!(start(&[Failed, Failed, Failed]), "anew anew Broke");
        let sized = fetch(true).expect(Some(9));
        assert_eq!(said(sized, &[Now::Head(200, WHOLE)]), ["Length(10)"]);
        let sized = fetch(true).expect(Some(9));
        let short = [Now::Head(200, &[("etag", "\"e\"")]), Data(8), End];
        assert_eq!(said(sized, &short).join(" "), "read 8 bytes=8-");
    }

    #[test]
    fn without_a_version_there_is_no_going_on() {
        for weak in [
            &[("content-length", "10")][..],
            &[("content-length", "10"), ("etag", "W/\"v1\"")],
            &[
                ("content-length", "10"),
                ("last-modified", "Tue, 24 Nov 2026 08:00:00 GMT"),
            ],
            &[
                ("last-modified", "Tue, 24 Nov 2026 08:00:00 GMT"),
                ("date", "Tue, 24 Nov 2026 08:00:00 GMT"),
            ],
        ] {
            let script = [Now::Head(200, weak), Data(4), Broke, Now::Head(200, weak)];
            assert_eq!(said(fetch(true), &script).join(" "), "read 4 anew restart");
            assert_eq!(
                said(fetch(false), &script[..3]).join(" "),
                "read 4 NoVersion"
            );
        }
        let dated: Headers = &[
            ("content-length", "10"),
            ("last-modified", "Tue, 24 Nov 2026 08:00:00 GMT"),
            ("date", "Tue, 24 Nov 2026 08:00:01 GMT"),
        ];
        let script = [Now::Head(200, dated), Data(4), Broke];
        assert_eq!(said(fetch(false), &script).join(" "), "read 4 bytes=4-");
    }

    #[test]
    fn progress_gives_tries_back_and_bounds_hold_all_the_same() {
        let now = SystemTime::UNIX_EPOCH;
        let ok = |fetch: &mut Fetch| {
            let (at, _) = fetch.progress();
            let (status, headers) = if at == 0 {
                (
                    200,
                    headers(&[("content-length", "100000"), ("etag", "\"v\"")]),
                )
            } else {
                let mut map = headers(&[("etag", "\"v\"")]);
                let range = format!("bytes {at}-99999/100000");
                map.insert("content-range", range.parse().expect("a value"));
                (206, map)
            };
            let status = StatusCode::from_u16(status).expect("a status");
            fetch.head(status, &headers, now)
        };
        // A byte each time: as often as there may be requests.
        let mut slow = fetch(true);
        let mut requests = 1;
        let why = loop {
            assert_eq!(ok(&mut slow), Head::Read { restart: false });
            slow.take(Bytes::from_static(b"x")).expect("a byte");
            match slow.broke(now) {
                Next::Request(_) => requests += 1,
                other => break other,
            }
        };
        assert_eq!((requests, why), (REQUESTS, Next::Give(Why::TooMany)));
        // A content that changes all the time.
        let mut changing = fetch(true);
        let mut starts = 0;
        let why = loop {
            ok(&mut changing);
            changing.take(Bytes::from_static(b"x")).expect("a byte");
            changing.broke(now);
            match changing.head(StatusCode::RANGE_NOT_SATISFIABLE, &HeaderMap::new(), now) {
                Head::Then(Next::Request(_)) => starts += 1,
                other => break other,
            }
        };
        assert_eq!(
            (starts, why),
            (STARTS - 1, Head::Then(Next::Give(Why::TooMany)))
        );
    }
}
