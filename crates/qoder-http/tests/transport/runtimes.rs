//! Whose runtime a request runs on: none, one that stands still, one that is gone; and a request
//! that nobody polls.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
#[cfg(feature = "http2")]
use qoder_http::StreamHttp;
use qoder_http::{
    Error, ErrorKind, Lane, RequestBody, Sent, Timeouts, Transport, TransportBuilder,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

/// Long enough for a connection that works.
fn limits() -> Timeouts {
    Timeouts::default().head(Duration::from_secs(20))
}

fn get(addr: SocketAddr) -> Request<RequestBody> {
    Request::get(format!("http://{addr}/"))
        .body(RequestBody::empty())
        .expect("a request")
}

async fn call(transport: &Transport, addr: SocketAddr, lane: Lane) -> Result<Bytes, Error> {
    let response = transport.send(get(addr), lane, limits()).await?;
    response.into_body().collect(10).await
}

/// Answers the requests of a connection, each when this is over.
async fn serve<F>(
    connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    asked: impl Fn() -> F + Clone + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let service = service_fn(move |_: Request<Incoming>| {
        let answering = asked();
        async move {
            answering.await;
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("ok"))))
        }
    });
    #[cfg(feature = "http2")]
    let server = hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
    #[cfg(not(feature = "http2"))]
    let server = hyper::server::conn::http1::Builder::new();
    let _ = server
        .serve_connection(TokioIo::new(connection), service)
        .await;
}

/// A server on a thread of its own.
fn listen<F>(asked: impl Fn() -> F + Clone + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("an option");
    let addr = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        runtime().block_on(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, asked.clone()));
            }
        });
    });
    addr
}

fn builders() -> Vec<TransportBuilder> {
    vec![
        Transport::builder(),
        #[cfg(feature = "http2")]
        Transport::builder()
            .http2_prior_knowledge(true)
            .stream_http(StreamHttp::Http2Shared),
    ]
}

#[test]
fn without_a_runtime_it_is_an_error() {
    let transport = Transport::builder().build().expect("a transport");
    for lane in [Lane::Call, Lane::Stream] {
        let addr = ([127, 0, 0, 1], 1).into();
        let sending = pin!(transport.send(get(addr), lane, limits()));
        match sending.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(error)) => {
                let kind = (error.kind(), error.sent());
                assert_eq!(kind, (ErrorKind::Config, Sent::No), "{error}");
                assert!(error.to_string().contains("tokio runtime"), "{error}");
            }
            polled => panic!("{polled:?}"),
        }
    }
}

/// The first runtime has made connections, and stands still or is gone: the second makes its own.
#[test]
fn each_runtime_has_its_connections() {
    for builder in builders() {
        let addr = listen(|| std::future::ready(()));
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let transport = builder.connect_with(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            TcpStream::connect(addr)
        });
        let transport = transport.build().expect("a transport");
        // How many connections there are after some requests.
        let used = |runtime: &Runtime| {
            for lane in [Lane::Call, Lane::Stream, Lane::Call] {
                let body = runtime.block_on(call(&transport, addr, lane));
                assert_eq!(body.expect("an answer"), "ok", "{lane:?}");
            }
            made.load(Ordering::SeqCst)
        };
        let (one, two) = (runtime(), runtime());
        let first = used(&one);
        let both = used(&two);
        assert_eq!(both, 2 * first);
        // Each is back at its own, but for streams of HTTP/1.1, which have none.
        let again = used(&one) - both;
        assert!(again < first, "{again} of {first}");
        drop(one);
        used(&two);
        used(&runtime());
    }
}

/// Who runs a connection takes it along, and the request may have arrived.
#[test]
fn a_runtime_that_goes_breaks_its_connections() {
    for builder in builders() {
        let asked = Arc::new(Notify::new());
        let ask = Arc::clone(&asked);
        let addr = listen(move || {
            ask.notify_one();
            std::future::pending()
        });
        let transport = builder.build().expect("a transport");
        let limits = Timeouts::default().connect(None).head(None);
        let mut sending = Box::pin(transport.send(get(addr), Lane::Call, limits));
        let one = runtime();
        one.block_on(async {
            tokio::select! {
                sent = &mut sending => panic!("{sent:?}"),
                () = asked.notified() => {}
            }
        });
        drop(one);
        let error = runtime().block_on(sending).expect_err("nobody runs it");
        let kind = (error.kind(), error.sent());
        assert_eq!(kind, (ErrorKind::Reset, Sent::Maybe), "{error}");
    }
}

/// A call that is not polled while it connects holds up no other.
#[tokio::test(start_paused = true)]
async fn a_paused_call_blocks_no_others() {
    for builder in builders() {
        let gate = Arc::new(Notify::new());
        let made = Arc::new(AtomicUsize::new(0));
        let (open, count) = (Arc::clone(&gate), Arc::clone(&made));
        let transport = builder
            .connect_with(move |_| {
                let first = count.fetch_add(1, Ordering::SeqCst) == 0;
                let open = Arc::clone(&open);
                async move {
                    if first {
                        open.notified().await;
                    }
                    let (ours, theirs) = tokio::io::duplex(1 << 14);
                    tokio::spawn(serve(theirs, || std::future::ready(())));
                    Ok::<_, io::Error>(ours)
                }
            })
            .build()
            .expect("a transport");
        let addr = ([127, 0, 0, 1], 80).into();
        for lane in [Lane::Call, Lane::Stream] {
            made.store(0, Ordering::SeqCst);
            let mut paused = Box::pin(call(&transport, addr, lane));
            assert!(poll_fn(|cx| Poll::Ready(paused.as_mut().poll(cx).is_pending())).await);
            gate.notify_one();
            for _ in 0..3 {
                let body = call(&transport, addr, lane).await.expect("an answer");
                assert_eq!(body, "ok");
            }
            assert_eq!(paused.await.expect("an answer"), "ok");
        }
    }
}
