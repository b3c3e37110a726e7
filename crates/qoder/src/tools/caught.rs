//! A handler whose panic is a result.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::result::ToolResult;
use super::toolbox::Handling;

/// A handler whose panic is a result.
pub(super) struct Caught(pub(super) Handling);

impl Future for Caught {
    type Output = ToolResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ToolResult> {
        let poll = AssertUnwindSafe(|| self.0.as_mut().poll(cx));
        catch_unwind(poll).unwrap_or_else(|panic| {
            tracing::error!("the handler of a tool panicked: {}", said(&*panic));
            Poll::Ready(ToolResult::error("the tool failed: it panicked"))
        })
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or_default()
}
