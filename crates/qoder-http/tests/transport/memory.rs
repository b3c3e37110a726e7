//! Connections that the caller makes: pipes in memory, in virtual time.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
#[cfg(feature = "http2")]
use qoder_http::StreamHttp;
use qoder_http::{
    Departure, ErrorKind, Lane, Phase, RequestBody, Sent, Timeouts, Transport, TransportBuilder,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;

fn get(url: &str) -> Request<RequestBody> {
    Request::get(url)
        .body(RequestBody::empty())
        .expect("a request")
}

/// The other end of a pipe: a server that thinks for 50 virtual seconds, then says which HTTP was
/// spoken.
async fn serve(pipe: DuplexStream) {
    let service = service_fn(|request: Request<hyper::body::Incoming>| async move {
        tokio::time::sleep(Duration::from_secs(50)).await;
        let version = format!("{:?}", request.version());
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(version))))
    });
    #[cfg(feature = "http2")]
    let server = hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
    #[cfg(not(feature = "http2"))]
    let server = hyper::server::conn::http1::Builder::new();
    let _ = server.serve_connection(TokioIo::new(pipe), service).await;
}

/// A builder over such pipes, and how many there were.
fn piped() -> (TransportBuilder, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let builder = Transport::builder().connect_with(move |uri| {
        assert_eq!(uri.host(), Some("localhost"));
        count.fetch_add(1, Ordering::SeqCst);
        async {
            let (ours, theirs) = duplex(1 << 14);
            tokio::spawn(serve(theirs));
            Ok(ours)
        }
    });
    (builder, made)
}

#[tokio::test(start_paused = true)]
async fn minutes_pass_in_no_time_and_to_the_second() {
    let (builder, made) = piped();
    let transport = builder.build().expect("a transport");
    let limits = Timeouts::default();
    let began = Instant::now();
    for _ in 0..20 {
        let response = transport
            .send(get("http://localhost/"), Lane::Call, limits)
            .await
            .expect("a head");
        response.into_body().collect(100).await.expect("a body");
    }
    assert_eq!(began.elapsed().as_secs(), 20 * 50);
    assert_eq!(made.load(Ordering::SeqCst), 1, "calls share a pipe");
    for _ in 0..3 {
        let response = transport
            .send(get("http://localhost/"), Lane::Stream, limits)
            .await
            .expect("a head");
        response.into_body().collect(100).await.expect("a body");
    }
    assert_eq!(made.load(Ordering::SeqCst), 4, "streams don't");
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_time_hold() {
    let (builder, _) = piped();
    let transport = builder.build().expect("a transport");
    let began = Instant::now();
    let limits = Timeouts::default().head(Duration::from_secs(40));
    let error = transport
        .send(get("http://localhost/"), Lane::Call, limits)
        .await
        .expect_err("50 seconds are too long");
    assert_eq!(
        (error.kind(), error.sent()),
        (ErrorKind::Timeout(Phase::Head), Sent::Maybe),
        "{error}"
    );
    assert_eq!(began.elapsed().as_secs(), 40);

    let transport = Transport::builder()
        .connect_with(|_| std::future::pending::<io::Result<DuplexStream>>())
        .timeouts(Timeouts::default().connect(Duration::from_secs(3)))
        .build()
        .expect("a transport");
    let began = Instant::now();
    let error = transport
        .send(get("http://localhost/"), Lane::Call, Timeouts::default())
        .await
        .expect_err("never connected");
    assert_eq!(
        (error.kind(), error.sent()),
        (ErrorKind::Timeout(Phase::Connect), Sent::No),
        "{error}"
    );
    assert!(error.to_string().contains("localhost:80"), "{error}");
    assert_eq!(began.elapsed().as_secs(), 3);
}

/// Of a body that comes a byte at a time no silence is too long, and yet it must end.
#[tokio::test(start_paused = true)]
async fn a_body_is_whole_in_time_or_not_at_all() {
    let transport = Transport::builder()
        .connect_with(|_| async {
            let (ours, mut theirs) = duplex(1 << 14);
            tokio::spawn(async move {
                let _ = theirs.read(&mut [0; 4096]).await;
                let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
                let _ = theirs.write_all(head).await;
                for byte in b"0123456789" {
                    tokio::time::sleep(Duration::from_secs(7)).await;
                    let _ = theirs.write_all(&[*byte]).await;
                }
            });
            Ok(ours)
        })
        .build()
        .expect("a transport");
    // The last byte comes after 70 seconds.
    let read = async |limit| {
        let limits = Timeouts::default().body(Duration::from_secs(limit));
        let sending = transport.send(get("http://localhost/"), Lane::Call, limits);
        let response = sending.await.expect("a head");
        response.into_body().collect(100).await
    };
    assert_eq!(read(80).await.expect("a body"), "0123456789");
    let began = Instant::now();
    let error = read(60).await.expect_err("too slow");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Body), "{error}");
    assert_eq!(began.elapsed().as_secs(), 60);
}

/// A service that never answers.
#[derive(Clone)]
struct Never;

impl tower_service::Service<Request<RequestBody>> for Never {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Pending<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<RequestBody>) -> Self::Future {
        std::future::pending()
    }
}

/// A limit for the head, or whoever drops the sender, may be faster than the connection: then nothing
/// has left.
#[tokio::test(start_paused = true)]
async fn what_never_had_a_connection_was_not_sent() {
    let second = Duration::from_secs(1);
    let limits = Timeouts::default().head(second);
    for (connects, sent) in [(false, Sent::No), (true, Sent::Maybe)] {
        let transport = Transport::builder()
            .connect_with(move |_| async move {
                if !connects {
                    std::future::pending::<()>().await;
                }
                let (ours, theirs) = duplex(1 << 14);
                tokio::spawn(serve(theirs));
                Ok::<_, io::Error>(ours)
            })
            .build()
            .expect("a transport");
        for lane in [Lane::Call, Lane::Stream] {
            let sending = transport.send(get("http://localhost/"), lane, limits);
            let error = sending.await.expect_err("too late");
            let kind = ErrorKind::Timeout(Phase::Head);
            assert_eq!((error.kind(), error.sent()), (kind, sent), "{error}");

            let departure = Departure::default();
            let mut request = get("http://localhost/");
            request.extensions_mut().insert(departure.clone());
            assert_eq!(departure.sent(), Sent::No);
            let sending = transport.send(request, lane, Timeouts::default());
            assert!(tokio::time::timeout(second, sending).await.is_err());
            assert_eq!(departure.sent(), sent, "{lane:?}");
        }
    }
    // Of what a service does nothing is known.
    let transport = Transport::from_service(Never);
    let sending = transport.send(get("https://localhost/"), Lane::Call, limits);
    let error = sending.await.expect_err("too late");
    assert_eq!(error.sent(), Sent::Maybe, "{error}");
}

#[tokio::test]
async fn an_error_of_the_callers_is_a_failed_connection() {
    let transport = Transport::builder()
        .connect_with(|_| async { Err::<DuplexStream, _>(io::Error::other("the door is shut")) })
        .build()
        .expect("a transport");
    let error = transport
        .send(get("http://localhost/"), Lane::Call, Timeouts::default())
        .await
        .expect_err("refused");
    assert_eq!(
        (error.kind(), error.sent()),
        (ErrorKind::Connect, Sent::No),
        "{error}"
    );
    assert!(error.to_string().contains("the door is shut"), "{error}");
}

#[tokio::test]
async fn plain_http_to_others_is_refused_here_too() {
    let (builder, made) = piped();
    let transport = builder.build().expect("a transport");
    for url in [
        "http://example.com/",
        "http://[::1].example.com/",
        "http://[::1]example.com:80/",
    ] {
        let error = transport
            .send(get(url), Lane::Call, Timeouts::default())
            .await
            .expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Url, "{error}");
    }
    assert_eq!(made.load(Ordering::SeqCst), 0);
}

#[cfg(feature = "http2")]
#[tokio::test(start_paused = true)]
async fn http_2_without_asking() {
    for (lane, stream_http, version) in [
        (Lane::Call, StreamHttp::Http1, "HTTP/2.0"),
        (Lane::Stream, StreamHttp::Http1, "HTTP/1.1"),
        (Lane::Stream, StreamHttp::Http2Shared, "HTTP/2.0"),
    ] {
        let (builder, made) = piped();
        let transport = builder
            .http2_prior_knowledge(true)
            .stream_http(stream_http)
            .build()
            .expect("a transport");
        for _ in 0..3 {
            let response = transport
                .send(get("http://localhost/"), lane, Timeouts::default())
                .await
                .expect("a head");
            let body = response.into_body().collect(100).await.expect("a body");
            assert_eq!(body, version, "{lane:?} {stream_http:?}");
        }
        let pipes = if version == "HTTP/2.0" { 1 } else { 3 };
        assert_eq!(
            made.load(Ordering::SeqCst),
            pipes,
            "{lane:?} {stream_http:?}"
        );
    }
}
