//! The observation of a session that is followed: a span for all of it, an event for each change of
//! its connection, and the observer.

use tokio::time::Instant;
use tracing::{Span, debug, field, info, info_span, warn};

use super::event_log::EventLog;
use super::notice::Notice;
use crate::error::Error;
use crate::shared::Shared;

/// Tells until it is dropped; the sums are recorded then.
pub(crate) struct Trace {
    span: Span,
    operation: &'static str,
    started: Instant,
    events: u64,
    bytes: u64,
    connections: u64,
    /// It is known that something is wrong.
    failing: bool,
}

impl Trace {
    pub(crate) fn new(log: &EventLog, started: Instant) -> Self {
        let span = info_span!(
            "qoder.follow",
            qoder.operation = log.operation(),
            qoder.session_id = log.session_id(),
            qoder.events = field::Empty,
            qoder.connections = field::Empty,
            http.response.body.size = field::Empty,
            error.type = field::Empty,
            otel.status_code = field::Empty,
            elapsed_ms = field::Empty,
        );
        Self {
            span,
            operation: log.operation(),
            started,
            events: 0,
            bytes: 0,
            connections: 0,
            failing: false,
        }
    }

    /// The span, for the calls that following makes.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// So many bytes came from the stream.
    pub(crate) fn bytes(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// An event was handed over.
    pub(crate) fn event(&mut self) {
        self.events += 1;
        self.failing = false;
    }

    /// The connection changed.
    pub(crate) fn notice(&mut self, notice: &Notice, shared: &Shared) {
        if let Some(observer) = shared.observer() {
            observer.follow(self.operation, &notice.without_error());
        }
        let parent = &self.span;
        match notice {
            Notice::Live => {
                self.connections += 1;
                info!(parent: parent, connections = self.connections, "live");
            }
            Notice::Lost(_) | Notice::Repairing | Notice::Polling => {
                info!(parent: parent, "{notice}");
            }
            Notice::Waiting {
                delay,
                cause,
                error,
            } => {
                let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                match error {
                    // The first of a row is for somebody to see, the rest is more of the same.
                    Some(error) if !std::mem::replace(&mut self.failing, true) => {
                        warn!(parent: parent, delay_ms, %cause, "trying again: {error}");
                    }
                    Some(error) => {
                        debug!(parent: parent, delay_ms, %cause, "trying again: {error}");
                    }
                    None => debug!(parent: parent, delay_ms, %cause, "waiting"),
                }
            }
            Notice::Connecting { attempt } => debug!(parent: parent, attempt, "connecting"),
            other => debug!(parent: parent, "{other}"),
        }
    }

    /// Following ended with an error, which somebody should look at.
    pub(crate) fn failed(&self, error: &Error) {
        let kind = error.kind().as_str();
        self.span.record("error.type", kind);
        self.span.record("otel.status_code", "ERROR");
        warn!(parent: &self.span, error.type = kind, "gave up: {error}");
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if self.span.is_disabled() {
            return;
        }
        self.span.record("qoder.events", self.events);
        self.span.record("qoder.connections", self.connections);
        self.span.record("http.response.body.size", self.bytes);
        let elapsed = self.started.elapsed().as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.span.record("elapsed_ms", elapsed);
    }
}
