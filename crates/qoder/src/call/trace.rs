//! The observation of a call: a span, an event for each attempt, and reports to the observer.
//!
//! Names follow OpenTelemetry's conventions for HTTP clients where they have one. Nothing here
//! sees a URL with its ids, a header but for the request id, or a body.

use std::time::Duration;

use http::{StatusCode, Uri};
use tokio::time::Instant;
use tracing::{Span, debug, field, info_span};

use crate::error::{Error, Result};
use crate::observe::{AttemptReport, CallReport, Operation, Outcome, error_type};
use crate::redact::Redact;
use crate::shared::Shared;

/// A call that is under way. When it is dropped before its end, that is told too.
pub(crate) struct Trace<'c> {
    shared: &'c Shared,
    operation: Operation,
    span: Span,
    started: Instant,
    request_bytes: Option<u64>,
    attempts: u32,
    attempt_started: Instant,
    over: bool,
}

/// The facts about a response that are known when an attempt is over.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    status: u16,
    bytes: Option<u64>,
}

impl Seen {
    pub(crate) fn new(status: StatusCode, bytes: Option<usize>) -> Self {
        Self {
            status: status.as_u16(),
            bytes: bytes.and_then(|bytes| u64::try_from(bytes).ok()),
        }
    }
}

impl<'c> Trace<'c> {
    /// A call to `uri`, whose host alone is told.
    pub(crate) fn new(
        shared: &'c Shared,
        operation: Operation,
        uri: &Uri,
        request_bytes: Option<u64>,
    ) -> Self {
        let span = info_span!(
            "qoder.call",
            otel.name = format_args!("{} {}", operation.method.as_str(), operation.route),
            otel.kind = "client",
            otel.status_code = field::Empty,
            qoder.operation = operation.name,
            qoder.request_id = field::Empty,
            http.request.method = operation.method.as_str(),
            url.template = operation.route,
            url.scheme = uri.scheme_str(),
            server.address = uri.host(),
            server.port = uri.port_u16(),
            http.request.body.size = request_bytes,
            http.request.resend_count = field::Empty,
            http.response.status_code = field::Empty,
            http.response.body.size = field::Empty,
            error.type = field::Empty,
            elapsed_ms = field::Empty,
        );
        let now = Instant::now();
        Self {
            shared,
            operation,
            span,
            started: now,
            request_bytes,
            attempts: 0,
            attempt_started: now,
            over: false,
        }
    }

    /// The span, for everything that the call does.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// When the call began.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// An attempt begins; its number.
    pub(crate) fn attempt(&mut self) -> u32 {
        self.attempts += 1;
        // The first one begins with the call.
        if self.attempts > 1 {
            self.attempt_started = Instant::now();
        }
        self.attempts
    }

    /// An attempt succeeded.
    pub(crate) fn received(&self, seen: Seen, request_id: Option<&str>) {
        self.record_id(request_id);
        debug!(
            attempt = self.attempts,
            http.response.status_code = seen.status,
            http.response.body.size = seen.bytes,
            elapsed_ms = millis(self.attempt_started.elapsed()),
            "received"
        );
        self.report_attempt(Some(seen.status), None, None);
    }

    /// An attempt failed, and the next one comes after this wait if at all.
    pub(crate) fn failed(&self, error: &Error, retry_after: Option<Duration>) {
        self.record_id(error.request_id());
        let status = error.status().filter(|_| error.is_answer());
        let status = status.map(|status| status.as_u16());
        debug!(
            attempt = self.attempts,
            http.response.status_code = status,
            error.type = error_type(status, Outcome::Error(error.kind())),
            elapsed_ms = millis(self.attempt_started.elapsed()),
            delay_ms = retry_after.map(millis),
            "{}",
            if retry_after.is_some() { "retrying" } else { "failed" }
        );
        self.report_attempt(status, Some(error), retry_after);
    }

    /// The id that the server gave the last request, should it be no more than that.
    fn record_id(&self, id: Option<&str>) {
        if let Some(id) = id.filter(|id| id.len() <= 128 && !self.span.is_disabled()) {
            let id = self.shared.auth().redact(id.to_owned());
            self.span.record("qoder.request_id", id);
        }
    }

    fn report_attempt(
        &self,
        status: Option<u16>,
        error: Option<&Error>,
        retry_after: Option<Duration>,
    ) {
        if let Some(observer) = self.shared.observer() {
            observer.attempt(&AttemptReport {
                operation: self.operation,
                attempt: self.attempts,
                status,
                error: error.map(Error::kind),
                retry_after,
                elapsed: self.attempt_started.elapsed(),
            });
        }
    }

    /// The call is over; `seen` is its response, if it has one to give.
    pub(crate) fn finish<T>(&mut self, result: Result<T>, seen: Option<Seen>) -> Result<T> {
        let (status, outcome) = match &result {
            Ok(_) => (None, Outcome::Success),
            Err(error) => (
                error.status().filter(|_| error.is_answer()),
                Outcome::Error(error.kind()),
            ),
        };
        let status = seen
            .map(|seen| seen.status)
            .or(status.map(|status| status.as_u16()));
        self.end(status, outcome, seen.and_then(|seen| seen.bytes));
        result
    }

    fn end(&mut self, status: Option<u16>, outcome: Outcome, response_bytes: Option<u64>) {
        self.over = true;
        if self.span.is_disabled() && self.shared.observer().is_none() {
            return;
        }
        let elapsed = self.started.elapsed();
        if !self.span.is_disabled() {
            let resent = self.attempts.saturating_sub(1);
            if resent > 0 {
                self.span.record("http.request.resend_count", resent);
            }
            if let Some(status) = status {
                self.span.record("http.response.status_code", status);
            }
            if let Some(bytes) = response_bytes {
                self.span.record("http.response.body.size", bytes);
            }
            if let Some(error) = error_type(status, outcome) {
                self.span.record("error.type", error);
                self.span.record("otel.status_code", "ERROR");
            }
            self.span.record("elapsed_ms", millis(elapsed));
        }
        if let Some(observer) = self.shared.observer() {
            observer.call(&CallReport {
                operation: self.operation,
                attempts: self.attempts,
                status,
                outcome,
                elapsed,
                request_bytes: self.request_bytes,
                response_bytes,
            });
        }
    }
}

impl Drop for Trace<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.end(None, Outcome::Canceled, None);
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
