//! One connection of the event stream.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_core::Stream;
use http::header;
use qoder_http::retry::{AttemptEnding, Class, Decision, decide};
use qoder_http::{ResponseBody, Sent};
use qoder_sse::{Item, Overflow, Parser, Tail};
use qoder_types::{Event, EventId, PreviewType};

use super::event_log::EventLog;
use crate::call::{CallOptions, Prepared, open, words};
use crate::error::{Error, ErrorKind, Result};
use crate::shared::Shared;
use crate::text::head_of;

/// An event stream about to be opened. Awaited, it returns the [`EventStream`]. Made by
/// [`SessionEvents::stream`](crate::resources::SessionEvents::stream).
///
/// ```
/// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
/// let mut events = session.stream().await?;
/// while let Some(event) = events.next().await {
///     println!("{}", event?.type_name());
/// }
/// println!("{:?}", events.ending()); // the session may well go on
/// # Ok(()) }
/// ```
#[must_use = "a stream is opened when this is awaited"]
#[derive(Debug)]
pub struct StreamOpening {
    shared: Shared,
    log: EventLog,
    after: Option<EventId>,
    previews: Vec<PreviewType>,
    idle: Option<Duration>,
    options: CallOptions,
}

impl StreamOpening {
    pub(crate) fn new(shared: Shared, log: EventLog) -> Self {
        let idle = shared.settings().timeouts.body_idle;
        Self {
            shared,
            log,
            after: None,
            previews: Vec::new(),
            idle,
            options: CallOptions::default(),
        }
    }

    /// Starts after this event, which is sent as `Last-Event-ID`, and in the seed's dialect as
    /// `after_id` too. Default: the server decides; today's starts with what happens next, the
    /// first generation's with the whole history.
    pub fn after(mut self, event: impl Into<EventId>) -> Self {
        self.after = Some(event.into());
        self
    }

    /// Asks for previews of these events while they are written: the stream then has
    /// `event_start` and `event_delta` events too.
    pub fn previews(mut self, of: impl IntoIterator<Item = PreviewType>) -> Self {
        self.previews.extend(of);
        self
    }

    /// Sets how long the connection may be silent, heartbeats included. Default: 60 s.
    pub fn idle_timeout(mut self, idle: Duration) -> Self {
        self.idle = Some(idle);
        self
    }

    /// Changes the options of the call that opens the stream. The timeout is that of opening it.
    pub fn options(mut self, change: impl FnOnce(CallOptions) -> CallOptions) -> Self {
        self.options = change(self.options);
        self
    }

    async fn open(self) -> Result<EventStream> {
        let request = self
            .log
            .stream(self.shared.dialect(), self.after.as_ref(), &self.previews);
        let operation = request.op().name;
        let opened = async {
            let prepared = Prepared::new(&self.shared, &request, self.options)?;
            let (response, attempts) = open(&self.shared, &prepared).await?;
            let body = checked(&self.shared, response).await;
            body.map(|body| (body, attempts))
                .map_err(|error| error.with_attempts(attempts))
        };
        let (mut body, attempts) = opened
            .await
            .map_err(|error: Error| error.with_operation(operation).redacted(self.shared.auth()))?;
        body.set_idle(self.idle);
        Ok(EventStream {
            operation,
            attempts,
            body: Some(body),
            chunk: Bytes::new(),
            parser: Parser::new(),
            ending: None,
        })
    }
}

impl IntoFuture for StreamOpening {
    type Output = Result<EventStream>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<EventStream>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

/// The body of a response that is an event stream, and an error if it is anything else.
pub(crate) async fn checked(
    shared: &Shared,
    response: http::Response<ResponseBody>,
) -> Result<ResponseBody> {
    let (parts, body) = response.into_parts();
    let refuse = |why: String| {
        let id = crate::response::request_id(&parts.headers).map(ToOwned::to_owned);
        Error::new(ErrorKind::Stream, why)
            .with_status(parts.status)
            .with_request_id(id)
    };
    if parts.status == http::StatusCode::NO_CONTENT {
        return Err(refuse(
            "204: the server says that there is nothing to stream, and not to ask again".to_owned(),
        ));
    }
    let content_type = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let media_type = content_type.split(';').next().unwrap_or("").trim();
    if media_type.eq_ignore_ascii_case("text/event-stream") {
        return Ok(body);
    }
    let said = words(shared, body).await;
    let what = if media_type.is_empty() {
        "no content type"
    } else {
        media_type
    };
    Err(refuse(format!(
        "{} with {what} in place of text/event-stream: {:?}; is the base URL the API's, or does a proxy answer in its \
         place?{}",
        parts.status.as_u16(),
        head_of(&said),
        shared.elsewhere()
    ))
    .with_body(said))
}

pub(crate) fn too_large(overflow: Overflow) -> Error {
    Error::new(
        ErrorKind::Stream,
        format!("an event is too large: {overflow}"),
    )
}

/// The number of bytes that may be read in one go without anything for the caller, before other
/// tasks get their turn.
pub(super) const UNINTERRUPTED: usize = 64 << 10;

/// The events of one connection, as they come: heartbeats are left out, everything else is here,
/// previews and what is unknown or malformed included.
///
/// It ends (`None`) when the server ends it, which it may do at any time:
/// [`ending`](Self::ending) tells how. Fused; an `Err` is the last item: the connection broke, or
/// an event is larger than 16 MiB. Dropping the future of
/// [`next`](Self::next) loses nothing; dropping the stream closes its connection.
#[must_use = "streams do nothing unless polled"]
pub struct EventStream {
    operation: &'static str,
    /// The number of requests it took to open it.
    attempts: u32,
    body: Option<ResponseBody>,
    chunk: Bytes,
    parser: Parser,
    ending: Option<Ending>,
}

/// The way an [`EventStream`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The server ended the response after a whole event. The session may well go on.
    Closed,
    /// The response ended within an event, which is lost with it.
    Cut,
    /// The server said that it is done: `data: [DONE]`.
    Done,
}

impl EventStream {
    /// Returns the next event, or `None` after the last. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Returns the way the stream ended. `None` as long as it hasn't, or if it failed.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        let mut left = UNINTERRUPTED;
        loop {
            if let Some(event) = self.parse(&mut left) {
                return Poll::Ready(Some(event));
            }
            // Comments and heartbeats bring the caller nothing, however fast they come.
            if left == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Some(body) = &mut self.body else {
                return Poll::Ready(None);
            };
            match ready!(body.poll_chunk(cx)) {
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(error)) => {
                    self.body = None;
                    let end = AttemptEnding::Failed {
                        kind: error.kind(),
                        sent: Sent::Yes,
                    };
                    let passes = decide(Class::Read, &end) == Decision::Retry;
                    let error = self.failed(Error::transport(error));
                    return Poll::Ready(Some(Err(error.with_retryable(passes))));
                }
                None => {
                    self.body = None;
                    self.ending = Some(match self.parser.finish() {
                        Tail::Clean => Ending::Closed,
                        Tail::Cut { .. } => Ending::Cut,
                    });
                }
            }
        }
    }

    fn failed(&self, error: Error) -> Error {
        error
            .with_operation(self.operation)
            .with_attempts(self.attempts)
            .with_sent(Sent::Yes)
    }

    /// The next event in what is `left` of the chunk at hand.
    fn parse(&mut self, left: &mut usize) -> Option<Result<Event>> {
        while !self.chunk.is_empty() && *left > 0 {
            let at_hand = self.chunk.len().min(*left);
            let step = self.parser.step(&self.chunk[..at_hand]);
            let consumed = step.consumed;
            *left -= consumed;
            let mut event = None;
            match step.item {
                Some(Item::Frame(frame)) => match (frame.event(), frame.data()) {
                    (name, data) if Event::is_pulse(name, data) => {}
                    (_, "[DONE]") => self.ending = Some(Ending::Done),
                    (name, data) => event = Some(Ok(Event::decode(name, frame.id(), data))),
                },
                // To go on would be to lose it without a word.
                Some(Item::Overflow(overflow)) => {
                    self.body = None;
                    self.chunk.clear();
                    return Some(Err(self.failed(too_large(overflow))));
                }
                _ => {}
            }
            self.chunk.advance(consumed);
            if self.ending.is_some() {
                self.body = None;
                self.chunk.clear();
            }
            if event.is_some() {
                return event;
            }
        }
        None
    }
}

impl Stream for EventStream {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("open", &self.body.is_some())
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}
