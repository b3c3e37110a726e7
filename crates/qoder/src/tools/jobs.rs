//! The work that is under way for the tool uses of a turn.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use qoder_types::EventId;

use super::ledger::{LedgerError, Record};
use super::machine::Delivery;
use super::result::ToolResult;
use super::toolbox::Handling;
use crate::caught::Caught;
use crate::error::Result;
use crate::turn::Found;

/// Handlers, requests, and the ledger's reads and writes, polled in one task. Whoever drops them
/// cancels them.
#[derive(Default)]
pub(super) struct Jobs<'l>(Vec<Job<'l>>);

/// Something that is under way.
struct Job<'l> {
    of: Of,
    future: Pin<Box<dyn Future<Output = Came> + Send + 'l>>,
}

/// The subject of a job, by which it can be stopped.
#[derive(PartialEq, Eq)]
enum Of {
    /// The handler of this call.
    Handler(EventId),
    Look,
    Other,
}

/// The result of a job.
pub(super) enum Came {
    Looked(Result<Found>),
    Recalled(EventId, std::result::Result<Option<Record>, LedgerError>),
    Recorded(EventId, std::result::Result<(), LedgerError>),
    Ended(EventId, ToolResult),
    Delivered(EventId, Delivery),
}

impl<'l> Jobs<'l> {
    pub(super) fn add(&mut self, future: impl Future<Output = Came> + Send + 'l) {
        self.push(Of::Other, future);
    }

    /// Adds a look through the log. One that is under way is for a pause that is past.
    pub(super) fn look(&mut self, looking: impl Future<Output = Result<Found>> + Send + 'l) {
        self.remove(&Of::Look);
        self.push(Of::Look, async move { Came::Looked(looking.await) });
    }

    /// Adds a handler, whose panic is a result.
    pub(super) fn run(&mut self, id: EventId, handling: Handling) {
        let of = Of::Handler(id.clone());
        self.push(of, async move {
            let result = Caught(handling).await.unwrap_or_else(|panic| {
                tracing::error!("the handler of a tool panicked: {panic}");
                ToolResult::error("the tool failed: it panicked")
            });
            Came::Ended(id, result)
        });
    }

    /// Drops the handler of this call.
    pub(super) fn stop(&mut self, id: &EventId) {
        self.remove(&Of::Handler(id.clone()));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Polls all of them. Returns the results of those that ended.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Vec<Came> {
        let mut came = Vec::new();
        self.0.retain_mut(|job| match job.future.as_mut().poll(cx) {
            Poll::Ready(result) => {
                came.push(result);
                false
            }
            Poll::Pending => true,
        });
        came
    }

    fn push(&mut self, of: Of, future: impl Future<Output = Came> + Send + 'l) {
        let future = Box::pin(future);
        self.0.push(Job { of, future });
    }

    fn remove(&mut self, of: &Of) {
        self.0.retain(|job| job.of != *of);
    }
}
