//! The steps of a download, after each answer of the storage: a machine without I/O.
//!
//! Where the API sends the content itself, it stands for the storage; what it refuses, but for a
//! range, is final and doesn't come here.
//!
//! | what happened | can write anew from the start | can't |
//! |---|---|---|
//! | the body broke, or ended before its length | the rest, with `If-Range` | the rest, with `If-Range` |
//! | the same, and the content has no strong validator | again from the start | give |
//! | 206, the range that was asked for, of the same version and of a known length | read on | read on |
//! | 206, another range, or one that its body goes beyond | again from the start | give |
//! | 206 or 416, of another version or length, or of one that is not said | again from the start | give |
//! | 200 whose length nobody says and whose end nothing marks | give | give |
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
use qoder_http::retry::{self, AttemptEnding, Attempts, Class, RetryBudget, RetryPolicy};

use super::answer::{Codings, Extent, Range, is_part_of, says_expired, validator};

/// Requests to the storage for one content.
const REQUESTS: u32 = 256;
/// Links that lead to nothing, one after the other.
const LINKS: u32 = 3;
/// New starts of one content.
const STARTS: u32 = 8;

/// The state of a download.
///
/// [`start`](Self::start) says what to do first; from then on each report returns what to do next.
/// After [`Action::Link`] there is a link, and then a request to the storage, as after
/// [`Action::Request`]; its outcome is reported by [`head`](Self::head) or [`failed`](Self::failed).
/// A head that is to be read is followed by [`take`](Self::take) for each piece and then by one of
/// [`end`](Self::end) and [`broke`](Self::broke). [`Action::Done`] and [`Action::GiveUp`] are final: a
/// report after them is a mistake of the caller's, and its answer means nothing. The only times are
/// those of the wall clock, against which dates in `Retry-After` are read.
#[derive(Debug)]
pub(super) struct Machine {
    policy: RetryPolicy,
    budget: RetryBudget,
    seed: u64,
    attempts: Attempts,
    /// Whether what was given can be taken back.
    rewinds: bool,
    /// The version that is read, if it can be asked for.
    validator: Option<HeaderValue>,
    codings: Codings,
    total: Option<u64>,
    /// The length that the caller knows of.
    expected: Option<u64>,
    /// The most that it may have.
    limit: Option<u64>,
    /// The number of bytes that were handed out.
    offset: u64,
    /// Whether those bytes belong to a version that is not read any more.
    stale: bool,
    /// The number of bytes of the body that are to be skipped.
    skip: u64,
    /// The end of the range that is read.
    until: Option<u64>,
    /// The most that was ever given.
    furthest: u64,
    /// Whether a try was spent since there was something new.
    retried: bool,
    requests: u32,
    links: u32,
    starts: u32,
}

/// The next step of the driver.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Ask the storage, after this wait.
    Request(Duration),
    /// Ask the API for another link first.
    Link,
    /// All of it was given.
    Done,
    /// It can't be downloaded.
    GiveUp(Cause),
}

/// The reason why a content can't be downloaded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The status of the last response.
    Status,
    /// The error that ended the last attempt.
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
    /// Nobody says where it ends.
    Endless,
    /// The storage can't say whether the rest is of the same version.
    NoVersion,
    /// Another range than was asked for.
    Range,
    /// A bound was reached.
    TooMany,
}

/// The decision after the head of a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Read the body; if `restart`, take back what was given.
    Read { restart: bool },
    /// Read what it says, for [`Machine::refused`].
    Words,
    /// Leave it.
    Then(Action),
}

impl Machine {
    pub(super) fn new(policy: RetryPolicy, budget: RetryBudget, seed: u64, rewinds: bool) -> Self {
        Self {
            policy,
            attempts: Attempts::new(policy, Class::Read, seed).with_budget(budget.clone()),
            budget,
            seed,
            rewinds,
            validator: None,
            codings: Codings::default(),
            total: None,
            expected: None,
            limit: None,
            offset: 0,
            stale: false,
            skip: 0,
            until: None,
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

    /// Returns the first action.
    pub(super) fn start(&self) -> Action {
        match self.too_large(self.expected) {
            Some(why) => Action::GiveUp(why),
            None => Action::Link,
        }
    }

    fn too_large(&self, length: Option<u64>) -> Option<Cause> {
        let limit = self.limit?;
        (length? > limit).then_some(Cause::TooLarge(limit))
    }

    /// Returns the number of bytes that were handed out, and the length of the content.
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
        extent: Extent,
        now: SystemTime,
    ) -> Decision {
        self.until = None;
        match status.as_u16() {
            200 => self.whole(headers, extent),
            206 => self.part(headers, extent),
            416 if self.offset > 0 => match Range::of(headers) {
                Some(Range {
                    bytes: None,
                    total: Some(total),
                }) if self.is_all(total) => Decision::Then(Action::Done),
                _ => self.changed(Cause::Changed),
            },
            401 | 403 | 404 | 410 => Decision::Then(self.another_link()),
            400 => Decision::Words,
            201..=299 => Decision::Then(Action::GiveUp(Cause::Status)),
            status => {
                let end = AttemptEnding::Status { status, headers };
                Decision::Then(self.again(&end, now, Cause::Status))
            }
        }
    }

    /// A 400 has said this.
    pub(super) fn refused(&mut self, words: &[u8]) -> Action {
        if says_expired(words) {
            self.another_link()
        } else {
            Action::GiveUp(Cause::Status)
        }
    }

    /// Whether so many bytes are all that there is, and were given.
    fn is_all(&self, total: u64) -> bool {
        total == self.offset && self.total.is_none_or(|before| before == total)
    }

    fn whole(&mut self, headers: &HeaderMap, extent: Extent) -> Decision {
        let give = |why| Decision::Then(Action::GiveUp(why));
        let length = extent.length();
        if let (Some(length), Some(expected)) = (length, self.expected) {
            if length != expected {
                return give(Cause::Length(length));
            }
        }
        if let Some(why) = self.too_large(length) {
            return give(why);
        }
        let total = length.or(self.expected);
        if total.is_none() && extent == Extent::Unmarked {
            return give(Cause::Endless);
        }
        let (validator, codings) = (validator(headers), Codings::of(headers));
        let mut restart = std::mem::take(&mut self.stale);
        if self.offset > 0 {
            let same = validator == self.validator && codings == self.codings;
            let same = same && validator.is_some();
            if self.rewinds {
                if let Some(too_many) = self.start_anew() {
                    return Decision::Then(too_many);
                }
                self.stale = false;
                restart = true;
            } else if same && length.is_none_or(|length| Some(length) == self.total) {
                self.skip = self.offset;
                return Decision::Read { restart: false };
            } else {
                return give(Cause::Changed);
            }
        }
        self.validator = validator;
        self.codings = codings;
        self.total = total;
        Decision::Read { restart }
    }

    fn part(&mut self, headers: &HeaderMap, extent: Extent) -> Decision {
        let Some(Range {
            bytes: Some((start, end)),
            total,
        }) = Range::of(headers)
        else {
            return Decision::Then(Action::GiveUp(Cause::Range));
        };
        let asked = self.validator.as_ref().filter(|_| self.offset > 0);
        let Some(validator) = asked else {
            return self.changed(Cause::Range);
        };
        let other_length = match (self.total, total) {
            (Some(before), Some(now)) => before != now,
            // It may be all or a part of the rest.
            (None, None) => true,
            _ => false,
        };
        if other_length || !is_part_of(validator, &self.codings, headers) {
            return self.changed(Cause::Changed);
        }
        let fits = extent.length().is_none_or(|length| length <= end - start);
        if start != self.offset || !fits {
            return self.changed(Cause::Range);
        }
        if let Some(why) = self.too_large(total) {
            return Decision::Then(Action::GiveUp(why));
        }
        self.total = self.total.or(total);
        self.until = Some(end);
        Decision::Read { restart: false }
    }

    /// Something was read. Gives the part of it that is new.
    pub(super) fn take(&mut self, mut bytes: bytes::Bytes) -> Result<bytes::Bytes, Cause> {
        let length = bytes.len() as u64;
        let skipped = self.skip.min(length);
        self.skip -= skipped;
        let bytes = bytes.split_off(usize::try_from(skipped).unwrap_or(usize::MAX));
        self.offset += bytes.len() as u64;
        let is_past = |end: Option<u64>| end.is_some_and(|end| self.offset > end);
        if is_past(self.total) {
            return Err(Cause::Long);
        }
        if is_past(self.until) {
            return Err(Cause::Range);
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
    pub(super) fn end(&mut self, now: SystemTime) -> Action {
        match self.total {
            Some(total) if self.offset < total => self.broken(now, Cause::Short),
            _ if self.skip > 0 => self.broken(now, Cause::Short),
            _ => {
                self.attempts.succeeded();
                Action::Done
            }
        }
    }

    /// The body broke off.
    pub(super) fn broke(&mut self, now: SystemTime) -> Action {
        if self.total == Some(self.offset) && self.skip == 0 {
            return Action::Done;
        }
        self.broken(now, Cause::Broke)
    }

    fn broken(&mut self, now: SystemTime, why: Cause) -> Action {
        self.skip = 0;
        if self.offset > 0 && self.validator.is_none() {
            if !self.rewinds {
                return Action::GiveUp(Cause::NoVersion);
            }
            if let Some(too_many) = self.start_anew() {
                return too_many;
            }
        }
        self.again(&AttemptEnding::BodyBroke, now, why)
    }

    /// There was no response.
    pub(super) fn failed(
        &mut self,
        kind: qoder_http::ErrorKind,
        sent: Sent,
        now: SystemTime,
    ) -> Action {
        self.again(&AttemptEnding::Failed { kind, sent }, now, Cause::Broke)
    }

    fn again(&mut self, end: &AttemptEnding<'_>, now: SystemTime, why: Cause) -> Action {
        self.requests += 1;
        if self.requests >= REQUESTS {
            return Action::GiveUp(Cause::TooMany);
        }
        match self.attempts.next(end, None, now) {
            retry::Action::Retry { after } => {
                self.retried = true;
                Action::Request(after)
            }
            _ => Action::GiveUp(why),
        }
    }

    fn another_link(&mut self) -> Action {
        self.requests += 1;
        self.links += 1;
        if self.links >= LINKS || self.requests >= REQUESTS {
            return Action::GiveUp(Cause::Status);
        }
        Action::Link
    }

    /// The content can't continue the bytes that were handed out: begins anew, or gives up with
    /// this cause.
    fn changed(&mut self, why: Cause) -> Decision {
        if !self.rewinds {
            return Decision::Then(Action::GiveUp(why));
        }
        self.requests += 1;
        let next = self.start_anew();
        Decision::Then(next.unwrap_or(Action::Request(Duration::ZERO)))
    }

    fn start_anew(&mut self) -> Option<Action> {
        self.starts += 1;
        self.stale = true;
        self.offset = 0;
        self.total = None;
        self.validator = None;
        (self.starts >= STARTS).then_some(Action::GiveUp(Cause::TooMany))
    }
}

#[cfg(test)]
mod tests;
