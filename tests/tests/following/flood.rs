//! What brings no event leaves its thread to others, however fast and in whatever pieces it comes.

use std::convert::Infallible;
use std::future::{Future, poll_fn, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use crate::common::TOKEN;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body::{Body, Frame};
use qoder::transport::{RequestBody, Transport};
use qoder::{Client, Event, Result, Start};
use tower::service_fn;

const FLOOD: usize = 4 << 20;
const EVENT: &str =
    "id: e2\nevent: agent.message\ndata: {\"type\":\"agent.message\",\"content\":[]}\n\n";

/// A body that is all there: the same piece again and again, and what comes last.
struct Ready {
    piece: Bytes,
    left: usize,
    last: Option<Bytes>,
    /// Whether it goes on in silence.
    open: bool,
}

impl Body for Ready {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
        let bytes = if self.left > 0 {
            self.left = self.left.saturating_sub(self.piece.len());
            Some(self.piece.clone())
        } else if self.last.is_none() && self.open {
            return Poll::Pending;
        } else {
            self.last.take()
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// A client whose streams are such a flood of pieces of this size, and then an event.
fn client(of: &str, size: usize) -> Client {
    let piece: Bytes = of.repeat(size.div_ceil(of.len())).into();
    let transport = Transport::from_service(service_fn(move |request: Request<RequestBody>| {
        let streams = request.uri().path().ends_with("/stream");
        let (media_type, left, last) = if streams {
            ("text/event-stream", FLOOD, EVENT)
        } else {
            ("application/json", 0, r#"{"data":[],"has_more":false}"#)
        };
        let body = Ready {
            piece: piece.clone(),
            left,
            last: Some(last.into()),
            open: streams,
        };
        let response = Response::builder().header(header::CONTENT_TYPE, media_type);
        ready(Ok::<_, Infallible>(
            response.body(body).expect("a response"),
        ))
    }));
    Client::builder()
        .token(TOKEN)
        .base_url("http://localhost/api/v1/cloud")
        .transport(transport)
        .build()
        .expect("a client")
}

/// The event behind the flood comes, in many polls, and between them another task has its turns.
async fn leaves_turns(next: impl Future<Output = Option<Result<Event>>>) {
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let mut next = pin!(next);
    let mut polls = 0;
    let event = poll_fn(|cx| {
        polls += 1;
        next.as_mut().poll(cx)
    });
    let event = event.await.expect("an event").expect("an event");
    other.abort();
    assert!(matches!(event, Event::AgentMessage(_)), "{event:?}");
    let turns = turns.load(Ordering::Relaxed);
    // Pieces are not cut to fit.
    let least = FLOOD / (128 << 10);
    assert!(
        polls >= least && turns >= least,
        "{polls} polls, {turns} turns of the other"
    );
}

#[tokio::test]
async fn a_flood_without_events_leaves_its_thread_to_others() {
    let long = "x".repeat(1000);
    for (of, size) in [
        (format!(": {long}\n\n"), 16 << 10),
        // As whoever stands between may hand it on.
        (format!("event: heartbeat\ndata: {long}\n\n"), FLOOD),
    ] {
        let client = client(&of, size);
        let mut stream = client.session("s").stream().await.expect("a stream");
        leaves_turns(stream.next()).await;
        let follow = client.session("s").follow();
        let mut events = follow.from(Start::After("e1".into())).events();
        leaves_turns(events.next()).await;
    }
}
