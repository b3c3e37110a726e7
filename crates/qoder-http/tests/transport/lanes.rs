//! Two hundred streams that nobody reads, and a thousand calls beside them, over either version
//! of HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
#[cfg(feature = "http2")]
use qoder_http::StreamHttp;
use qoder_http::{Lane, RequestBody, ResponseBody, Timeouts, Transport};
use tokio::net::TcpListener;

/// A body of so many blocks, which then ends or stays open.
struct Answer {
    blocks: usize,
    open: bool,
}

const BLOCK: &[u8] = &[b'x'; 1 << 14];

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.blocks.checked_sub(1) {
            Some(left) => {
                self.blocks = left;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(BLOCK)))))
            }
            None if self.open => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

/// Answers `/stream` with more than a window of HTTP/2 holds, and without end; all else with one
/// block. Counts its connections.
async fn server(http2: bool) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(TokioIo::new(connection), http2));
        }
    });
    (addr, connections)
}

async fn serve(connection: TokioIo<tokio::net::TcpStream>, http2: bool) {
    let service = service_fn(|request: Request<Incoming>| async move {
        let open = request.uri().path() == "/stream";
        let blocks = if open { 256 } else { 1 };
        Ok::<_, Infallible>(Response::new(Answer { blocks, open }))
    });
    #[cfg(feature = "http2")]
    if http2 {
        let executor = hyper_util::rt::TokioExecutor::new();
        let _ = hyper::server::conn::http2::Builder::new(executor)
            .max_concurrent_streams(100)
            .serve_connection(connection, service)
            .await;
        return;
    }
    assert!(!http2);
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(connection, service)
        .await;
}

fn get(addr: SocketAddr, path: &str) -> Request<RequestBody> {
    Request::get(format!("http://{addr}{path}"))
        .body(RequestBody::empty())
        .expect("a request")
}

const STREAMS: usize = 200;
const CALLS: usize = 1000;

/// Opens the streams, makes the calls, sixteen at a time, and says how many connections it took
/// for the streams and for the calls.
async fn streams_and_calls(
    transport: Transport,
    streams_at: (SocketAddr, Arc<AtomicUsize>),
) -> (usize, usize) {
    let (addr, connections) = streams_at;
    let mut open: Vec<Response<ResponseBody>> = Vec::new();
    for _ in 0..STREAMS {
        let opening = transport.send(get(addr, "/stream"), Lane::Stream, Timeouts::default());
        open.push(opening.await.expect("a head"));
    }
    let for_streams = connections.load(Ordering::SeqCst);
    // What may lie unread on the way does by then.
    tokio::time::sleep(Duration::from_millis(100)).await;

    // Where a connection is shared, it is there before those who would else each begin one.
    let first = transport.send(get(addr, "/call"), Lane::Call, Timeouts::default());
    let first = first.await.expect("a head").into_body().collect(1 << 20);
    assert_eq!(first.await.expect("a body").len(), BLOCK.len());

    let workers: Vec<_> = (0..16)
        .map(|_| {
            let transport = transport.clone();
            tokio::spawn(async move {
                let mut done = 0;
                for _ in 0..CALLS.div_ceil(16) {
                    let response = transport
                        .send(get(addr, "/call"), Lane::Call, Timeouts::default())
                        .await
                        .expect("a head");
                    let body = response
                        .into_body()
                        .collect(BLOCK.len())
                        .await
                        .expect("a body");
                    assert_eq!(body.len(), BLOCK.len());
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for worker in workers {
        done += worker.await.expect("a worker");
    }
    assert!(done >= CALLS);
    let for_calls = connections.load(Ordering::SeqCst) - for_streams;

    // The streams were open all the time, and are still.
    for response in open.iter_mut().take(3) {
        let chunk = response.body_mut().chunk().await.expect("a chunk");
        assert!(chunk.is_some_and(|chunk| !chunk.is_empty()));
    }
    (for_streams, for_calls)
}

#[tokio::test]
async fn unread_streams_hold_up_no_call_over_http_1() {
    let transport = Transport::builder().build().expect("a transport");
    let (streams, calls) = streams_and_calls(transport, server(false).await).await;
    assert_eq!(streams, STREAMS);
    assert!((1..=64).contains(&calls), "{calls} connections");
}

#[cfg(feature = "http2")]
#[tokio::test]
async fn unread_streams_hold_up_no_call_over_http_2() {
    let transport = Transport::builder()
        .http2_prior_knowledge(true)
        .stream_http(StreamHttp::Http2Shared)
        .build()
        .expect("a transport");
    let (streams, calls) = streams_and_calls(transport, server(true).await).await;
    // As many as it takes for a server that takes no more than a hundred at once.
    assert_eq!((streams, calls), (2, 1));
}

/// What the lanes are for: three unread streams among the calls of an HTTP/2 connection stop them.
/// If this fails some day, hyper's flow control has changed, and the second lane may go.
#[cfg(feature = "http2")]
#[tokio::test]
async fn without_lanes_it_would() {
    let (addr, _) = server(true).await;
    let transport = Transport::builder()
        .http2_prior_knowledge(true)
        .build()
        .expect("a transport");
    let call = |path| transport.send(get(addr, path), Lane::Call, Timeouts::default());
    let mut unread = Vec::new();
    for _ in 0..3 {
        unread.push(call("/stream").await.expect("a head"));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let limit = Duration::from_millis(300);
    let held = tokio::time::timeout(limit, async {
        let response = call("/call").await.expect("a head");
        response.into_body().collect(BLOCK.len()).await
    });
    assert!(held.await.is_err(), "the call came through");
}
