//! A server that wants harm: whatever it sends, the transport ends, with bounded memory.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use http::Request;
use qoder_http::{Error, ErrorKind, Lane, Phase, RequestBody, Sent, Timeouts, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};

/// Sends `first`, then `rest` for ever; says how many bytes it got rid of before the connection
/// was closed.
async fn floods(
    first: &'static [u8],
    rest: impl Into<Vec<u8>>,
) -> (SocketAddr, oneshot::Receiver<u64>) {
    let rest = rest.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let (closed, closing) = oneshot::channel();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.expect("a connection");
        let written = flood(&mut connection, first, &rest).await;
        let _ = closed.send(written);
    });
    (addr, closing)
}

async fn flood(connection: &mut TcpStream, first: &[u8], rest: &[u8]) -> u64 {
    let _ = connection.read(&mut [0; 4096]).await;
    if connection.write_all(first).await.is_err() {
        return 0;
    }
    let mut written = first.len() as u64;
    while connection.write_all(rest).await.is_ok() {
        written += rest.len() as u64;
    }
    written
}

async fn send(transport: &Transport, addr: SocketAddr, timeouts: Timeouts) -> Result<usize, Error> {
    let request = Request::get(format!("http://{addr}/"))
        .body(RequestBody::empty())
        .expect("a request");
    let response = transport.send(request, Lane::Call, timeouts).await?;
    Ok(response.into_body().collect(1 << 20).await?.len())
}

fn transport() -> Transport {
    Transport::builder().build().expect("a transport")
}

/// What is read ahead of an end, by this process and both sockets.
const AHEAD: u64 = 16 << 20;

#[tokio::test]
async fn a_head_without_end_is_a_protocol_error() {
    let block = vec![b'x'; 4096];
    let field = "name: value\r\n".repeat(300);
    for (what, first, rest) in [
        ("no HTTP", &b""[..], block.clone()),
        ("a status line", b"HTTP/1.1 200 ", block.clone()),
        ("a name", b"HTTP/1.1 200 OK\r\n", block.clone()),
        ("a value", b"HTTP/1.1 200 OK\r\nname: ", block),
        ("fields", b"HTTP/1.1 200 OK\r\n", field.into_bytes()),
        ("empty lines", b"", b"\r\n".repeat(2000)),
    ] {
        let (addr, closed) = floods(first, rest).await;
        let error = send(&transport(), addr, Timeouts::default())
            .await
            .expect_err(what);
        assert_eq!(
            (error.kind(), error.sent()),
            (ErrorKind::Protocol, Sent::Maybe),
            "{what}: {error}"
        );
        let written = closed.await.expect("a count");
        assert!(written < AHEAD, "{what}: {written} bytes");
    }
}

#[tokio::test]
async fn a_body_without_end_of_its_parts_is_an_error() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let block = vec![b'1'; 4096];
    for (what, first, rest) in [
        ("a chunk's size", &head[..], block.clone()),
        (
            "a chunk's extension",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;",
            block.clone(),
        ),
        (
            "extensions",
            head,
            format!("1;{}\r\na\r\n", "x".repeat(1000)).into_bytes(),
        ),
        (
            "a trailer",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nname: ",
            block,
        ),
        (
            "trailers",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
            b"a: b\r\n".repeat(100),
        ),
    ] {
        let (addr, closed) = floods(first, rest).await;
        let error = send(&transport(), addr, Timeouts::default())
            .await
            .expect_err(what);
        assert_eq!(error.sent(), Sent::Yes, "{what}: {error}");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{what}: {error:?}");
        let written = closed.await.expect("a count");
        assert!(written < AHEAD, "{what}: {written} bytes");
    }
}

#[tokio::test]
async fn chunks_that_are_none_are_not_http() {
    for body in [
        "zz\r\nx\r\n",
        "-1\r\nx\r\n",
        "1\r\nxyz\r\n",
        "f0000000000000003\r\n",
        "1;a\nb\r\nx\r\n",
        "\r\n\r\n",
        "0\r\nno trailer\r\n\r\n",
    ] {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let addr = says(format!("{head}{body}")).await;
        for lane in [Lane::Call, Lane::Stream] {
            let request = Request::get(format!("http://{addr}/"))
                .body(RequestBody::empty())
                .expect("a request");
            let transport = transport();
            let sending = transport.send(request, lane, Timeouts::default());
            let reading = sending.await.expect("a head").into_body().collect(100);
            let error = reading.await.expect_err(body);
            let kind = (error.kind(), error.sent());
            assert_eq!(
                kind,
                (ErrorKind::Protocol, Sent::Yes),
                "{body:?}: {error:?}"
            );
        }
    }
}

/// Interim responses are not the response, however many there are, and whether they come fast or
/// slowly.
#[tokio::test]
async fn a_flood_of_interim_responses_ends_with_the_limit_for_the_head() {
    let limits = Timeouts::default().head(Duration::from_millis(200));
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n",
    ] {
        let (addr, closed) = floods(b"", interim.repeat(100)).await;
        let error = send(&transport(), addr, limits).await.expect_err(interim);
        assert_eq!(
            (error.kind(), error.sent()),
            (ErrorKind::Timeout(Phase::Head), Sent::Maybe),
            "{error}"
        );
        // The connection goes with the request.
        closed.await.expect("closed");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let sent = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&sent);
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.expect("a connection");
        let _ = connection.read(&mut [0; 4096]).await;
        let interim = b"HTTP/1.1 102 Processing\r\n\r\n";
        while connection.write_all(interim).await.is_ok() {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let error = send(&transport(), addr, limits).await.expect_err("slow");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Head), "{error}");
    assert!(sent.load(Ordering::Relaxed) > 3);
}

/// Answers every connection with these bytes and its end.
async fn says(bytes: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 4096]).await;
            let _ = connection.write_all(bytes.as_bytes()).await;
        }
    });
    addr
}

#[tokio::test]
async fn the_limits_of_a_head_can_be_set() {
    let head = |fields: usize, size: usize| {
        let fields = format!("name: {}\r\n", "x".repeat(size)).repeat(fields);
        format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{fields}\r\n")
    };
    let narrow = Transport::builder()
        .max_head_bytes(10_000)
        .max_headers(20)
        .build()
        .expect("a transport");
    let wide = Transport::builder()
        .max_head_bytes(1 << 20)
        .max_headers(1000)
        .build()
        .expect("a transport");
    // (fields, size of each, fits the default, fits the narrow one)
    for (fields, size, default, fits) in [
        (18, 10, true, true),
        (30, 10, true, false),
        (98, 10, true, false),
        (120, 10, false, false),
        (2, 4000, true, true),
        (5, 8000, true, false),
        (50, 18_000, false, false),
    ] {
        let addr = says(head(fields, size)).await;
        for (transport, fits) in [(&transport(), default), (&narrow, fits), (&wide, true)] {
            let sent = send(transport, addr, Timeouts::default()).await;
            match sent {
                Ok(length) => assert!(fits && length == 0, "{fields} of {size}"),
                Err(error) => {
                    assert!(!fits, "{fields} of {size}: {error}");
                    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
                    let text = error.to_string();
                    assert!(text.contains("`max_headers`"), "{text}");
                    assert!(text.contains("`max_head_bytes`"), "{text}");
                }
            }
        }
    }
}

/// Streams have smaller buffers: there may be thousands of them.
#[tokio::test]
async fn the_head_of_a_stream_is_limited_too() {
    let wide = Transport::builder().max_head_bytes(1 << 20).build();
    let (narrow, wide) = (transport(), wide.expect("a transport"));
    for (size, fits) in [(1000, true), (30_000, true), (70_000, false)] {
        let field = "x".repeat(size);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nname: {field}\r\n\r\n");
        let addr = says(head).await;
        for (transport, fits) in [(&narrow, fits), (&wide, true)] {
            let request = Request::get(format!("http://{addr}/"))
                .body(RequestBody::empty())
                .expect("a request");
            let sending = transport.send(request, Lane::Stream, Timeouts::default());
            match sending.await {
                Ok(_) => assert!(fits, "{size}"),
                Err(error) => {
                    assert!(!fits, "{size}: {error}");
                    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
                    assert!(error.to_string().contains("`max_head_bytes`"), "{error}");
                }
            }
        }
    }
}

#[cfg(feature = "http2")]
#[tokio::test]
async fn the_size_of_a_head_is_limited_over_http_2() {
    use std::convert::Infallible;

    use http::Response;
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let service = service_fn(|_| async {
                let mut response = Response::new(http_body_util::Empty::<bytes::Bytes>::new());
                for at in 0..30 {
                    let name: http::HeaderName = format!("name-{at}").parse().expect("a name");
                    let value = "x".repeat(1000).parse().expect("a value");
                    response.headers_mut().insert(name, value);
                }
                Ok::<_, Infallible>(response)
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(connection), service));
        }
    });
    let builder = || Transport::builder().http2_prior_knowledge(true);
    let transport = builder().build().expect("a transport");
    let error = send(&transport, addr, Timeouts::default())
        .await
        .expect_err("30 KiB of fields");
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
    assert!(error.to_string().contains("`max_head_bytes`"), "{error}");
    let transport = builder()
        .max_head_bytes(64 << 10)
        .build()
        .expect("a transport");
    send(&transport, addr, Timeouts::default())
        .await
        .expect("a response");
}

/// Reads up to these bytes; false at the end of the connection.
async fn read_to(connection: &mut TcpStream, end: &[u8]) -> bool {
    let mut seen = Vec::new();
    while !seen.ends_with(end) {
        match connection.read_u8().await {
            Ok(byte) => seen.push(byte),
            Err(_) => return false,
        }
    }
    true
}

/// Whoever sets the longest limit there is means that there is none.
#[tokio::test]
async fn a_limit_beyond_the_clock_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let waited = Arc::new(Notify::new());
    let wait = Arc::clone(&waited);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let wait = Arc::clone(&wait);
            tokio::spawn(async move {
                while read_to(&mut connection, b"\r\n0\r\n\r\n").await {
                    let _ = connection
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
                        .await;
                    wait.notified().await;
                    let _ = connection.write_all(b"ok").await;
                }
            });
        }
    });
    let max = Duration::MAX;
    let limits = Timeouts::default()
        .connect(max)
        .head(max)
        .body_idle(max)
        .body(max);
    let keep_alive = qoder_http::KeepAlive {
        idle: max,
        interval: max,
        retries: u32::MAX,
    };
    let tcp = qoder_http::TcpOptions::default()
        .keep_alive(keep_alive)
        .user_timeout(max)
        .happy_eyeballs(max);
    let transport = Transport::builder()
        .timeouts(limits)
        .tcp(tcp)
        .pool_idle_timeout(max)
        .build()
        .expect("a transport");
    for lane in [Lane::Call, Lane::Call, Lane::Stream] {
        let piece = bytes::Bytes::from_static(b"body");
        let body = RequestBody::stream(None, http_body_util::Full::new(piece));
        let request = Request::post(format!("http://{addr}/"))
            .body(body)
            .expect("a request");
        let sent = transport.send(request, lane, limits).await;
        let mut body = sent.expect("a head").into_body();
        assert!(poll_fn(|cx| Poll::Ready(body.poll_chunk(cx).is_pending())).await);
        waited.notify_one();
        assert_eq!(body.collect(2).await.expect("a body"), "ok");
    }
}
