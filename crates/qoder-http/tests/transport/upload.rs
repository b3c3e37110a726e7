//! Bodies of requests that come as streams, on real sockets.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body::{Body, Frame};
use qoder_http::{ErrorKind, Form, Lane, Phase, RequestBody, Sent, Timeouts, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

const PIECE: usize = 64 << 10;
static FULL: [u8; PIECE] = [b'x'; PIECE];

/// So many pieces, counted as they are asked for; an error after them if `fails`.
struct Counted {
    left: u64,
    given: Arc<AtomicU64>,
    fails: bool,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            let error = || std::io::Error::other("the disk is on fire");
            return Poll::Ready(std::mem::take(&mut self.fails).then(|| Err(error())));
        }
        self.left -= 1;
        self.given.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&FULL)))))
    }
}

fn counted(pieces: u64) -> (Counted, Arc<AtomicU64>) {
    let given = Arc::new(AtomicU64::new(0));
    let body = Counted {
        left: pieces,
        given: Arc::clone(&given),
        fails: false,
    };
    (body, given)
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    (listener, addr)
}

fn post(addr: SocketAddr, body: impl Into<RequestBody>) -> Request<RequestBody> {
    Request::post(format!("http://{addr}/files"))
        .body(body.into())
        .expect("a request")
}

/// Reads a head, and gives it with what came of the body already.
async fn head(connection: &mut TcpStream) -> (String, Vec<u8>) {
    let mut seen = Vec::new();
    loop {
        if let Some(at) = seen.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = seen.split_off(at + 4);
            return (String::from_utf8(seen).expect("text"), rest);
        }
        assert!(connection.read_buf(&mut seen).await.expect("a head") > 0);
    }
}

fn length(head: &str) -> u64 {
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    line.expect("a length").parse().expect("a number")
}

#[tokio::test]
async fn a_large_upload_waits_for_its_reader() {
    const PIECES: u64 = 200 << 20 >> 16;
    let (listener, addr) = listen().await;
    let (go, may_go) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.expect("a connection");
        let (head, rest) = head(&mut connection).await;
        may_go.await.expect("a word");
        let mut left = length(&head) - rest.len() as u64;
        let mut buffer = vec![0; 1 << 20];
        while left > 0 {
            left -= connection.read(&mut buffer).await.expect("more") as u64;
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        connection.write_all(answer).await.expect("an answer");
    });
    let (body, given) = counted(PIECES);
    let content = RequestBody::stream(Some(PIECES * PIECE as u64), body);
    let form = Form::new(1).file("file", "f", &HeaderValue::from_static("a/b"), content);
    let mut request = post(addr, form);
    request.headers_mut().insert("x-test", 1.into());
    let transport = Transport::builder().build().expect("a transport");
    let sending = tokio::spawn(async move {
        let timeouts = Timeouts::default();
        transport.send(request, Lane::Call, timeouts).await
    });
    // Until nothing is asked for any more.
    let mut before = u64::MAX;
    while before != given.load(Ordering::SeqCst) || before == 0 {
        before = given.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(
        before < PIECES / 8,
        "{before} pieces of {PIECES} are in memory, though nobody reads"
    );
    go.send(()).expect("the server waits");
    let response = sending.await.expect("no panic").expect("a response");
    assert_eq!(response.status(), 200);
    assert_eq!(given.load(Ordering::SeqCst), PIECES);
    server.await.expect("no panic");
}

#[tokio::test]
async fn a_stream_that_fails_is_the_error() {
    for length in [None, Some(10 * PIECE as u64)] {
        let (listener, addr) = listen().await;
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.expect("a connection");
            let mut all = Vec::new();
            let _ = connection.read_to_end(&mut all).await;
        });
        let (mut body, _) = counted(3);
        body.fails = true;
        let request = post(addr, RequestBody::stream(length, body));
        let transport = Transport::builder().build().expect("a transport");
        let error = transport
            .send(request, Lane::Call, Timeouts::default())
            .await
            .expect_err("no response");
        assert_eq!(
            (error.kind(), error.sent()),
            (ErrorKind::Source, Sent::Maybe)
        );
        assert!(error.to_string().contains("the disk is on fire"), "{error}");
    }
}

#[tokio::test]
async fn a_stream_that_is_too_short_is_the_error() {
    let (listener, addr) = listen().await;
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.expect("a connection");
        let mut all = Vec::new();
        let _ = connection.read_to_end(&mut all).await;
    });
    let (body, _) = counted(3);
    let request = post(addr, RequestBody::stream(Some(4 * PIECE as u64), body));
    let transport = Transport::builder().build().expect("a transport");
    let sent = transport
        .send(request, Lane::Call, Timeouts::default())
        .await;
    let error = sent.expect_err("no response");
    assert_eq!(error.kind(), ErrorKind::Source);
    assert!(error.to_string().contains("65536 bytes before"), "{error}");
}

/// A piece a second, for so many seconds.
struct Slow(u32, Pin<Box<tokio::time::Sleep>>);

impl Body for Slow {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        std::task::ready!(std::future::Future::poll(self.1.as_mut(), cx));
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= 1;
        self.1 = Box::pin(tokio::time::sleep(Duration::from_secs(1)));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_for_the_head_begins_with_the_last_piece() {
    let connect = |_: http::Uri| async {
        let (here, mut there) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move {
            let mut all = Vec::new();
            let _ = there.read_to_end(&mut all).await;
        });
        Ok(here)
    };
    let transport = Transport::builder()
        .connect_with(connect)
        .build()
        .expect("a transport");
    let start = tokio::time::Instant::now();
    let body = Slow(30, Box::pin(tokio::time::sleep(Duration::ZERO)));
    let addr = SocketAddr::from(([127, 0, 0, 1], 1));
    let request = post(addr, RequestBody::stream(None, body));
    let timeouts = Timeouts::default().head(Duration::from_secs(5));
    let error = transport
        .send(request, Lane::Call, timeouts)
        .await
        .expect_err("no response");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Head));
    let waited = start.elapsed();
    assert!(
        waited >= Duration::from_secs(34) && waited < Duration::from_secs(37),
        "{waited:?}"
    );
}
