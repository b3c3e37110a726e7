//! The transport on real sockets, against servers that do one thing each.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Request;
use qoder_http::{
    Error, ErrorKind, Lane, Phase, RequestBody, ResponseBody, Sent, Timeouts, Transport,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that does this with each connection, once a request's head has come, and how many
/// connections it has had.
async fn server<F>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(connection));
        }
    });
    (addr, connections)
}

fn is(error: &Error, kind: ErrorKind, sent: Sent) {
    assert_eq!((error.kind(), error.sent()), (kind, sent), "{error}");
}

/// Reads one request's head; false at the end of the connection.
async fn head(connection: &mut TcpStream) -> bool {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") {
        match connection.read(&mut byte).await {
            Ok(1) => seen.push(byte[0]),
            _ => return false,
        }
    }
    true
}

/// Answers the first request with these bytes, and closes the connection.
async fn says(bytes: &'static [u8]) -> SocketAddr {
    let once = move |mut connection: TcpStream| async move {
        if head(&mut connection).await {
            let _ = connection.write_all(bytes).await;
        }
    };
    server(once).await.0
}

fn transport() -> Transport {
    Transport::builder().build().expect("a transport")
}

fn get(addr: SocketAddr) -> Request<RequestBody> {
    Request::get(format!("http://{addr}/x"))
        .body(RequestBody::empty())
        .expect("a request")
}

async fn send(addr: SocketAddr) -> Result<http::Response<ResponseBody>, Error> {
    transport()
        .send(get(addr), Lane::Call, Timeouts::default())
        .await
}

async fn collect(addr: SocketAddr, limit: usize) -> Result<usize, Error> {
    Ok(send(addr).await?.into_body().collect(limit).await?.len())
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    drop(listener);
    let error = send(addr).await.expect_err("nobody listens");
    is(&error, ErrorKind::Connect, Sent::No);
}

#[tokio::test]
async fn a_reset_before_the_head_may_have_sent_it() {
    let error = send(says(b"").await).await.expect_err("closed");
    is(&error, ErrorKind::Reset, Sent::Maybe);
}

#[tokio::test]
async fn a_head_that_is_none_is_a_protocol_error() {
    let error = send(says(b"hello there\r\n\r\n").await)
        .await
        .expect_err("no HTTP");
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    let cut = send(says(b"HTTP/1.1 200 OK\r\ncontent-le").await)
        .await
        .expect_err("cut");
    assert_ne!(cut.sent(), Sent::No, "{cut}");
}

#[tokio::test]
async fn a_body_that_ends_early_is_cut() {
    for bytes in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let error = collect(says(bytes).await, 100).await.expect_err("cut");
        assert!(
            matches!(error.kind(), ErrorKind::Cut | ErrorKind::Reset),
            "{error}"
        );
        assert_eq!(error.sent(), Sent::Yes);
    }
    // One that ends with its connection, as it says it will, is whole.
    assert_eq!(
        collect(
            says(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc").await,
            100
        )
        .await
        .ok(),
        Some(3)
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_early() {
    let (addr, _) = server(|mut connection| async move {
        head(&mut connection).await;
        let _ = connection
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        let block = [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat();
        for _ in 0..1600 {
            if connection.write_all(&block).await.is_err() {
                return;
            }
        }
    })
    .await;
    let error = collect(addr, 1 << 20).await.expect_err("100 MB");
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    // One that announces its length isn't read at all.
    let long = says(b"HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\nabc").await;
    assert_eq!(
        collect(long, 1 << 20).await.expect_err("100 MB").kind(),
        ErrorKind::TooLarge
    );
}

#[tokio::test]
async fn silence_has_a_limit_in_every_phase() {
    let (addr, _) = server(|mut connection| async move {
        head(&mut connection).await;
        std::future::pending::<()>().await;
    })
    .await;
    let limits = Timeouts::default().head(Duration::from_millis(30));
    let error = transport()
        .send(get(addr), Lane::Call, limits)
        .await
        .expect_err("no head");
    is(&error, ErrorKind::Timeout(Phase::Head), Sent::Maybe);

    let (addr, _) = server(|mut connection| async move {
        head(&mut connection).await;
        let _ = connection
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
            .await;
        std::future::pending::<()>().await;
    })
    .await;
    let limits = Timeouts::default().body_idle(Duration::from_millis(30));
    let response = transport()
        .send(get(addr), Lane::Call, limits)
        .await
        .expect("a head");
    let error = response
        .into_body()
        .collect(100)
        .await
        .expect_err("silence");
    assert!(matches!(error.kind(), ErrorKind::Timeout(_)), "{error}");
    assert_eq!(error.sent(), Sent::Yes);
}

#[tokio::test]
async fn a_slow_body_that_goes_on_is_not_silent() {
    let (addr, _) = server(|mut connection| async move {
        head(&mut connection).await;
        let _ = connection
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
            .await;
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let _ = connection.write_all(b"x").await;
        }
    })
    .await;
    // The whole takes longer than the limit, no pause within it does.
    let limits = Timeouts::default().body_idle(Duration::from_millis(150));
    let response = transport()
        .send(get(addr), Lane::Call, limits)
        .await
        .expect("a head");
    assert_eq!(
        response
            .into_body()
            .collect(100)
            .await
            .expect("a body")
            .len(),
        10
    );
}

#[tokio::test]
async fn a_slow_reader_is_not_a_silent_server() {
    let addr = says(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc").await;
    let limits = Timeouts::default().body_idle(Duration::from_millis(20));
    let response = transport()
        .send(get(addr), Lane::Call, limits)
        .await
        .expect("a head");
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(
        response
            .into_body()
            .collect(100)
            .await
            .expect("a body")
            .len(),
        3
    );
}

/// Answers every request on a connection: `/stream` with a body that never ends.
async fn keeps_open(mut connection: TcpStream) {
    while head(&mut connection).await {
        if connection
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .await
            .is_err()
        {
            return;
        }
    }
}

#[tokio::test]
async fn calls_share_a_connection() {
    let (addr, connections) = server(keeps_open).await;
    let transport = transport();
    for _ in 0..20 {
        let response = transport
            .clone()
            .send(get(addr), Lane::Call, Timeouts::default())
            .await
            .expect("a head");
        response.into_body().collect(10).await.expect("a body");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn open_streams_hold_up_no_call() {
    let (streams, opened) = server(|mut connection| async move {
        head(&mut connection).await;
        let _ = connection
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")
            .await;
        std::future::pending::<()>().await;
    })
    .await;
    let (calls, _) = server(keeps_open).await;
    let transport = transport();
    let mut open = Vec::new();
    for _ in 0..200 {
        let response = transport
            .send(get(streams), Lane::Stream, Timeouts::default())
            .await;
        open.push(response.expect("a head"));
    }
    assert_eq!(opened.load(Ordering::SeqCst), 200);
    for _ in 0..200 {
        let response = transport
            .send(get(calls), Lane::Call, Timeouts::default())
            .await
            .expect("a head");
        response.into_body().collect(10).await.expect("a body");
    }
    drop(open);
}

#[tokio::test]
async fn plain_http_goes_to_loopback_only() {
    for host in ["192.0.2.1", "example.com", "127.0.0.1.example.com"] {
        let request = Request::get(format!("http://{host}/"))
            .body(RequestBody::empty())
            .expect("a request");
        let error = transport()
            .send(request, Lane::Call, Timeouts::default())
            .await
            .expect_err("refused");
        is(&error, ErrorKind::Url, Sent::No);
        assert!(error.to_string().contains("https"), "{error}");
    }
    for url in [
        "/relative",
        "ftp://127.0.0.1/",
        "http://user:the-secret@127.0.0.1/",
        "http://user:the@secret@127.0.0.1/",
    ] {
        let request = Request::get(url)
            .body(RequestBody::empty())
            .expect("a request");
        let error = transport()
            .send(request, Lane::Call, Timeouts::default())
            .await
            .expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Url, "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn redirects_are_answers() {
    let addr =
        says(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n")
            .await;
    assert_eq!(send(addr).await.expect("a response").status(), 302);
}
