//! A handler that runs, and how it ended.

use std::fmt;
use std::future::Future;

use super::job::Job;
use super::tasks::Running;
use crate::caught::Caught;

/// Starts a handler.
pub(super) type Start<'a> = Box<dyn Fn(Job) -> Running<'a, Ending> + Send + Sync + 'a>;

/// The way a handler ended.
pub(super) enum Ending {
    Well,
    Failed(String),
    Panicked(String),
}

/// A handler, whose panic is a way to end.
pub(super) fn caught<'a, E: fmt::Display>(
    handler: impl Future<Output = Result<(), E>> + Send + 'a,
) -> Running<'a, Ending> {
    let handler = Caught(Box::pin(handler));
    Box::pin(async move {
        match handler.await {
            Ok(Ok(())) => Ending::Well,
            // With the causes, for errors that write them so.
            Ok(Err(error)) => Ending::Failed(format!("{error:#}")),
            Err(panic) => Ending::Panicked(panic),
        }
    })
}
