//! Ours and the peers, each as its users would drive it.

use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use qoder_sse::{Item, Limits, Parser};

use crate::{Corpus, Digest};

pub struct Contender {
    pub name: &'static str,
    pub run: fn(&Corpus, Digest) -> Digest,
}

pub const OURS: &[Contender] = &[
    Contender {
        name: "qoder-sse, borrowed",
        run: borrowed,
    },
    Contender {
        name: "qoder-sse, owned",
        run: owned,
    },
    Contender {
        name: "qoder-sse, borrowed, step by step",
        run: stepped,
    },
];

pub const PEERS: &[Contender] = &[
    Contender {
        name: "sse-core 0.2.3",
        run: sse_core,
    },
    Contender {
        name: "sse-stream 0.3.0",
        run: sse_stream,
    },
    Contender {
        name: "sse-parse 0.1.0",
        run: sse_parse,
    },
    Contender {
        name: "sseer 0.3.1",
        run: sseer,
    },
    Contender {
        name: "eventsource-client 0.18.0",
        run: eventsource_client,
    },
    Contender {
        name: "eventsource-stream 0.2.3",
        run: eventsource_stream,
    },
];

fn parser() -> Parser {
    Parser::with_limits(Limits::default().line(1 << 30).frame(1 << 30))
}

fn borrowed(corpus: &Corpus, mut digest: Digest) -> Digest {
    let mut parser = parser();
    for _ in 0..corpus.times {
        for chunk in corpus.chunks() {
            let mut items = parser.feed(chunk);
            while let Some(item) = items.next() {
                if let Item::Frame(frame) = item {
                    digest.add(frame.event(), frame.data(), frame.last_event_id());
                }
            }
        }
    }
    digest
}

fn owned(corpus: &Corpus, mut digest: Digest) -> Digest {
    let mut parser = parser();
    for _ in 0..corpus.times {
        for chunk in corpus.chunks() {
            let mut items = parser.feed(chunk);
            while let Some(item) = items.next() {
                if let Item::Frame(frame) = item {
                    let frame = frame.to_owned();
                    let frame = frame.as_frame();
                    digest.add(frame.event(), frame.data(), frame.last_event_id());
                }
            }
        }
    }
    digest
}

fn stepped(corpus: &Corpus, mut digest: Digest) -> Digest {
    let mut parser = parser();
    for _ in 0..corpus.times {
        for chunk in corpus.chunks() {
            let mut rest = chunk;
            while !rest.is_empty() {
                let step = parser.step(rest);
                if let Some(Item::Frame(frame)) = step.item {
                    digest.add(frame.event(), frame.data(), frame.last_event_id());
                }
                rest = &rest[step.consumed..];
            }
        }
    }
    digest
}

fn sse_core(corpus: &Corpus, mut digest: Digest) -> Digest {
    use sse_core::{SseDecoder, SseEvent};
    let mut decoder = SseDecoder::with_limit(std::num::NonZeroUsize::MAX);
    for _ in 0..corpus.times {
        for mut chunk in corpus.chunks() {
            while let Some(event) = decoder.next(&mut chunk) {
                if let Ok(SseEvent::Message(event)) = event {
                    digest.add(
                        &event.event,
                        &event.data,
                        event.last_event_id.as_deref().unwrap_or(""),
                    );
                }
            }
        }
    }
    digest
}

fn sse_parse(corpus: &Corpus, mut digest: Digest) -> Digest {
    let mut parser = sse_parse::SseParser::new().max_buffer(usize::MAX);
    for _ in 0..corpus.times {
        for chunk in corpus.chunks() {
            parser.feed(chunk);
            while let Some(event) = parser.next_event() {
                digest.add(&event.event, &event.data, &event.id);
            }
        }
    }
    digest
}

fn sse_stream(corpus: &Corpus, mut digest: Digest) -> Digest {
    drive(sse_stream::SseByteStream::new(source(corpus)), |event| {
        if let Ok(event) = event {
            if let Some(data) = &event.data {
                digest.add(
                    event.event.as_deref().unwrap_or("message"),
                    data,
                    event.id.as_deref().unwrap_or(""),
                );
            }
        }
    });
    digest
}

fn sseer(corpus: &Corpus, mut digest: Digest) -> Digest {
    drive(
        sseer::event_stream::EventStream::new(source(corpus)),
        |event| {
            if let Ok(event) = event {
                digest.add(&event.event, &event.data, &event.id);
            }
        },
    );
    digest
}

fn eventsource_stream(corpus: &Corpus, mut digest: Digest) -> Digest {
    drive(
        eventsource_stream::EventStream::new(source(corpus)),
        |event| {
            if let Ok(event) = event {
                digest.add(&event.event, &event.data, &event.id);
            }
        },
    );
    digest
}

fn eventsource_client(corpus: &Corpus, mut digest: Digest) -> Digest {
    use eventsource_client::{Client as _, ClientBuilder, ReconnectOptions, SSE};

    let client = ClientBuilder::for_url("http://localhost/")
        .expect("a URL")
        .reconnect(ReconnectOptions::reconnect(false).build())
        .build_with_transport(Canned::new(corpus));
    drive(client.stream(), |event| {
        if let Ok(SSE::Event(event)) = event {
            digest.add(
                &event.event_type,
                &event.data,
                event.id.as_deref().unwrap_or(""),
            );
        }
    });
    digest
}

/// A transport that answers with the corpus.
#[derive(Clone)]
struct Canned(std::sync::Arc<Mutex<Option<launchdarkly_sdk_transport::ByteStream>>>);

impl Canned {
    fn new(corpus: &Corpus) -> Self {
        let chunks = source_of::<launchdarkly_sdk_transport::TransportError>(corpus);
        Self(std::sync::Arc::new(Mutex::new(Some(Box::pin(chunks)))))
    }
}

impl launchdarkly_sdk_transport::HttpTransport for Canned {
    fn request(
        &self,
        _: http::Request<Option<Bytes>>,
    ) -> launchdarkly_sdk_transport::ResponseFuture {
        let body = self
            .0
            .lock()
            .expect("no panic")
            .take()
            .unwrap_or_else(|| Box::pin(stream::empty()));
        Box::pin(std::future::ready(Ok(http::Response::new(body))))
    }
}

#[derive(Debug)]
enum Never {}

impl std::fmt::Display for Never {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

impl std::error::Error for Never {}

fn source(corpus: &Corpus) -> impl Stream<Item = Result<Bytes, Never>> + Unpin + use<> {
    source_of(corpus)
}

fn source_of<E: 'static>(
    corpus: &Corpus,
) -> impl Stream<Item = Result<Bytes, E>> + Unpin + Send + Sync + use<E> {
    let copy = corpus.clone();
    stream::iter((0..corpus.times).flat_map(move |_| copy.buffers()).map(Ok))
}

/// Polls a stream that is always ready.
fn drive<S: Stream>(stream: S, mut each: impl FnMut(S::Item)) {
    let mut stream = Box::pin(stream);
    let mut cx = Context::from_waker(Waker::noop());
    let mut idle = 0;
    loop {
        match Pin::as_mut(&mut stream).poll_next(&mut cx) {
            Poll::Ready(Some(item)) => {
                idle = 0;
                each(item);
            }
            // It may yield to its runtime now and then.
            Poll::Pending if idle < 3 => idle += 1,
            Poll::Ready(None) | Poll::Pending => return,
        }
    }
}
