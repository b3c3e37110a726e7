//! Compressed responses over loopback.
#![cfg(feature = "gzip")]

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, Response};
use qoder_http::{
    Coding, Error, ErrorKind, Lane, RequestBody, ResponseBody, Sent, Timeouts, Transport,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

/// Asks for it where that is not done anyhow.
const GZIP: &[(&str, &str)] = &[("accept-encoding", "gzip")];

/// Serves each request of each connection by this, which is given its head.
async fn server<F>(mut serve: impl FnMut(String, TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).await.is_ok() {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            tokio::spawn(serve(head, connection));
        }
    });
    addr
}

/// Answers each connection with this.
async fn says(head: &str, body: Vec<u8>) -> SocketAddr {
    let length = body.len();
    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n");
    server(move |_, mut connection| {
        let answer = [head.as_bytes(), &body].concat();
        async move {
            let _ = connection.write_all(&answer).await;
        }
    })
    .await
}

fn transport() -> Transport {
    Transport::builder().build().expect("a transport")
}

fn get(addr: SocketAddr, headers: &[(&str, &str)]) -> Request<RequestBody> {
    let mut request = Request::get(format!("http://{addr}/"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(RequestBody::empty()).expect("a request")
}

async fn send(addr: SocketAddr, lane: Lane) -> Response<ResponseBody> {
    sent(get(addr, &[]), lane).await.expect("a head")
}

async fn sent(request: Request<RequestBody>, lane: Lane) -> Result<Response<ResponseBody>, Error> {
    transport().send(request, lane, Timeouts::default()).await
}

#[tokio::test]
async fn calls_ask_for_it_and_streams_do_not() {
    let (heads, mut asked) = mpsc::unbounded_channel();
    let addr = server(move |head, mut connection| {
        let _ = heads.send(head);
        async move {
            let _ = connection
                .write_all(b"HTTP/1.1 204 No\r\nconnection: close\r\n\r\n")
                .await;
        }
    })
    .await;
    let without = Transport::builder().gzip(false).build();
    let (with, without) = (transport(), without.expect("a transport"));
    let none: &[(&str, &str)] = &[];
    for (transport, lane, headers, accepts) in [
        (&with, Lane::Call, none, Some("gzip")),
        (&with, Lane::Stream, none, Some("identity")),
        (
            &with,
            Lane::Call,
            &[("range", "bytes=5-")],
            Some("identity"),
        ),
        (&with, Lane::Call, &[("accept-encoding", "br")], Some("br")),
        (
            &with,
            Lane::Stream,
            &[("accept-encoding", "br")],
            Some("br"),
        ),
        (&without, Lane::Call, none, None),
        (&without, Lane::Stream, none, None),
    ] {
        let sending = transport.send(get(addr, headers), lane, Timeouts::default());
        sending.await.expect("a head");
        let head = asked.recv().await.expect("a head");
        let said: Vec<_> = head
            .lines()
            .filter_map(|line| line.strip_prefix("accept-encoding: "))
            .collect();
        assert_eq!(said, Vec::from_iter(accepts), "{lane:?} {headers:?}");
    }
    let mut request = get(addr, none);
    request.extensions_mut().insert(Coding::AsSent);
    let sending = with.send(request, Lane::Call, Timeouts::default());
    sending.await.expect("a head");
    let head = asked.recv().await.expect("a head");
    assert!(head.contains("accept-encoding: identity"), "{head}");
}

#[tokio::test]
async fn what_was_asked_for_is_decoded() {
    let data = "the quick brown fox ".repeat(10_000).into_bytes();
    for coding in ["gzip", "GZIP", "x-gzip"] {
        let head = format!("200 OK\r\ncontent-encoding: {coding}\r\nx-kept: 1");
        let addr = says(&head, gzip(&data)).await;
        for (lane, asked) in [(Lane::Call, &[][..]), (Lane::Stream, GZIP)] {
            let response = sent(get(addr, asked), lane).await.expect("a head");
            for name in ["content-encoding", "content-length"] {
                assert!(!response.headers().contains_key(name), "{name}");
            }
            assert_eq!(response.headers()["x-kept"], "1");
            let body = response.into_body().collect(data.len()).await;
            assert!(body.expect("a body") == data);
        }
    }
    // Zeros behind it mean nothing.
    let padded = [gzip(&data), vec![0; 512]].concat();
    let addr = says("200 OK\r\ncontent-encoding: gzip", padded).await;
    let body = send(addr, Lane::Call).await.into_body().collect(data.len());
    assert!(body.await.expect("a body") == data);
    // Nothing, which some servers call compressed.
    let addr = says("200 OK\r\ncontent-encoding: gzip", Vec::new()).await;
    let body = send(addr, Lane::Call).await.into_body().collect(0).await;
    assert_eq!(body.expect("a body"), "");
    // An error, of which every word helps.
    let addr = says("503 No\r\ncontent-encoding: gzip", gzip(b"later")).await;
    let body = send(addr, Lane::Stream).await.into_body().collect(100);
    assert_eq!(body.await.expect("a body"), "later");
}

/// Nobody here could read it: it is an error by the name of its coding, before any of its body.
#[tokio::test]
async fn what_was_not_asked_for_is_refused_by_name() {
    let (call, stream) = (Lane::Call, Lane::Stream);
    let range = &[("range", "bytes=5-")][..];
    let identity = &[("accept-encoding", "identity, gzip;q=0")][..];
    for (lane, asked, status, coding, name) in [
        (stream, &[][..], "200 OK", "br", "br"),
        (call, &[], "200 OK", "BR", "br"),
        (call, &[], "200 OK", "zstd", "zstd"),
        (call, &[], "200 OK", "deflate", "deflate"),
        (call, &[], "200 OK", "x-compress", "compress"),
        (call, &[], "200 OK", "br, gzip", "br, gzip"),
        (
            call,
            &[],
            "201 OK",
            "gzip\r\ncontent-encoding: br",
            "gzip, br",
        ),
        (stream, &[], "200 OK", "gzip", "gzip"),
        (call, range, "206 Partial Content", "gzip", "gzip"),
        (call, identity, "200 OK", "x-gzip", "gzip"),
        (call, GZIP, "200 OK", "br", "br"),
    ] {
        let head = format!("{status}\r\ncontent-encoding: {coding}");
        let addr = says(&head, gzip(b"data")).await;
        let error = sent(get(addr, asked), lane).await.expect_err(coding);
        let kind = (error.kind(), error.sent());
        assert_eq!(kind, (ErrorKind::Coding, Sent::Yes), "{head}: {error}");
        let text = format!("coded with {name}, which");
        assert!(error.to_string().contains(&text), "{error}");
    }
    // Nobody asked for anything.
    let addr = says("200 OK\r\ncontent-encoding: gzip", gzip(b"data")).await;
    let transport = Transport::builder().gzip(false).build().expect("one");
    let sending = transport.send(get(addr, &[]), Lane::Call, Timeouts::default());
    let error = sending.await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Coding, "{error}");
}

#[tokio::test]
async fn what_is_not_for_decoding_is_left_as_it_is() {
    let data = gzip(b"data");
    let (as_sent, decoded) = (Coding::AsSent, Coding::Decoded);
    let all = &[("accept-encoding", "br, gzip")][..];
    let part = &[("accept-encoding", "gzip"), ("range", "bytes=5-")][..];
    for (coding, asked, head) in [
        (as_sent, &[][..], "200 OK\r\ncontent-encoding: br"),
        (as_sent, &[], "200 OK\r\ncontent-encoding: gzip"),
        (as_sent, GZIP, "200 OK\r\ncontent-encoding: gzip"),
        (as_sent, &[], "206 Part\r\ncontent-encoding: gzip"),
        (as_sent, &[], "503 No\r\ncontent-encoding: gzip"),
        (decoded, all, "200 OK\r\ncontent-encoding: br"),
        (decoded, all, "200 OK\r\ncontent-encoding: br, gzip"),
        (decoded, part, "206 Part\r\ncontent-encoding: gzip"),
        (decoded, &[], "502 No\r\ncontent-encoding: br"),
        (decoded, &[], "200 OK\r\ncontent-encoding: identity"),
        (decoded, &[], "200 OK\r\ncontent-encoding: utf-8"),
        (decoded, &[], "200 OK\r\ncontent-type: application/gzip"),
    ] {
        let addr = says(head, data.clone()).await;
        let mut request = get(addr, asked);
        request.extensions_mut().insert(coding);
        let response = sent(request, Lane::Call).await.expect("a head");
        assert!(response.headers().contains_key("content-length"), "{head}");
        let coded = response.headers().contains_key("content-encoding");
        assert_eq!(coded, head.contains("encoding"), "{head}");
        let body = response.into_body().collect(1000).await;
        assert!(body.expect("a body") == data, "{head}");
    }
}

/// Middleware or another client, which may leave it to us.
#[tokio::test]
async fn what_a_service_gives_is_decoded_once() {
    #[derive(Clone)]
    struct Canned;
    impl tower_service::Service<Request<RequestBody>> for Canned {
        type Response = Response<http_body_util::Full<bytes::Bytes>>;
        type Error = std::convert::Infallible;
        type Future = std::future::Ready<Result<Self::Response, Self::Error>>;
        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Self::Error>> {
            std::task::Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: Request<RequestBody>) -> Self::Future {
            let response = Response::builder()
                .header("content-encoding", "gzip")
                .body(gzip(b"data").into());
            std::future::ready(Ok(response.expect("a response")))
        }
    }
    let once = Transport::from_service(Canned);
    let twice = Transport::from_service(once.clone());
    for transport in [once, twice] {
        let request = Request::get("https://service.test/")
            .body(RequestBody::empty())
            .expect("a request");
        let sending = transport.send(request, Lane::Call, Timeouts::default());
        let body = sending.await.expect("a head").into_body().collect(100);
        assert_eq!(body.await.expect("a body"), "data");
    }
}

#[tokio::test]
async fn a_broken_one_says_what_is_wrong() {
    let good = gzip(&b"some text to be compressed ".repeat(100));
    let mut changed = good.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 0x55;
    for (body, kind) in [
        (
            b"<html>not compressed at all</html>".to_vec(),
            ErrorKind::Protocol,
        ),
        (changed, ErrorKind::Protocol),
        (
            [good.clone(), b"more".to_vec()].concat(),
            ErrorKind::Protocol,
        ),
        (good[..good.len() - 1].to_vec(), ErrorKind::Cut),
        (good[..20].to_vec(), ErrorKind::Cut),
        (good[..1].to_vec(), ErrorKind::Cut),
    ] {
        let addr = says("200 OK\r\ncontent-encoding: gzip", body).await;
        let body = send(addr, Lane::Call).await.into_body().collect(1 << 20);
        let error = body.await.expect_err("broken");
        assert_eq!((error.kind(), error.sent()), (kind, Sent::Yes), "{error}");
    }
}

/// The limit is one of decoded bytes, and stops the server within a thousandth of it.
#[tokio::test]
async fn a_bomb_is_too_large() {
    let block = gzip(&vec![0; 1 << 20]).repeat(512);
    let flooded = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&flooded);
    let addr = server(move |_, mut connection| {
        let (block, count) = (block.clone(), Arc::clone(&count));
        async move {
            let head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n";
            let _ = connection.write_all(head).await;
            // 512 GB.
            for _ in 0..1000 {
                if connection.write_all(&block).await.is_err() {
                    return;
                }
                count.fetch_add(block.len() as u64, Ordering::SeqCst);
            }
        }
    })
    .await;
    let body = send(addr, Lane::Call).await.into_body().collect(2 << 20);
    let error = body.await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    // What fits into both sockets, and no more.
    assert!(flooded.load(Ordering::SeqCst) < 32 << 20);

    // Read in pieces, each is small.
    let asked = sent(get(addr, GZIP), Lane::Stream).await;
    let mut body = asked.expect("a head").into_body();
    for _ in 0..200 {
        let piece = body.chunk().await.expect("a piece").expect("more");
        assert!(piece.len() <= 16 << 10);
    }
}

/// Sends an event at each order.
async fn events(mut connection: TcpStream, mut go: mpsc::UnboundedReceiver<()>) {
    let head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n";
    let _ = connection.write_all(head).await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut at = 0;
    while go.recv().await.is_some() {
        let _ = write!(encoder, "event {at}");
        let _ = encoder.flush();
        let _ = connection.write_all(encoder.get_ref()).await;
        encoder.get_mut().clear();
        at += 1;
    }
    let _ = connection
        .write_all(&encoder.finish().expect("memory"))
        .await;
}

/// An event that was flushed is there before the next.
#[tokio::test]
async fn a_compressed_stream_holds_nothing_back() {
    let (next, go) = mpsc::unbounded_channel::<()>();
    let mut orders = Some(go);
    let addr = server(move |_, connection| {
        let go = orders.take().expect("one connection");
        events(connection, go)
    })
    .await;
    let asked = sent(get(addr, GZIP), Lane::Stream).await;
    let mut body = asked.expect("a head").into_body();
    for at in 0..100 {
        next.send(()).expect("a server");
        let event = body.chunk().await.expect("a piece").expect("more");
        assert_eq!(event, format!("event {at}"));
    }
    drop(next);
    assert!(body.chunk().await.expect("an end").is_none());
}
