//! What may lie unread of HTTP/2: many small frames at once end neither their body nor what else
//! their connection carries.
#![cfg(feature = "http2")]

use bytes::Bytes;
use http::{Request, Response};
use qoder_http::{Lane, RequestBody, ResponseBody, StreamHttp, Timeouts, Transport};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const FRAMES: usize = 200;
const FRAME: &[u8] = &[b'x'; 50];

/// Sends `/open` a byte and each further one that is asked for, and `/flood` its frames at once.
async fn serve(pipe: DuplexStream, mut more: UnboundedReceiver<()>) {
    let mut connection = h2::server::handshake(pipe).await.expect("HTTP/2");
    let mut open = None;
    loop {
        let (request, mut answer) = tokio::select! {
            request = connection.accept() => match request {
                Some(Ok(request)) => request,
                _ => return,
            },
            Some(()) = more.recv() => {
                let stream: &mut h2::SendStream<Bytes> = open.as_mut().expect("a stream");
                let _ = stream.send_data(Bytes::from_static(b"y"), false);
                continue;
            }
        };
        let mut stream = answer
            .send_response(Response::new(()), false)
            .expect("a head");
        if request.uri().path() == "/open" {
            open = Some(stream);
            continue;
        }
        for left in (0..FRAMES).rev() {
            let sent = stream.send_data(Bytes::from_static(FRAME), left == 0);
            sent.expect("a client");
        }
    }
}

/// A transport whose only connection this is, and what asks for more of `/open`.
fn transport() -> (Transport, UnboundedSender<()>) {
    let (ask, more) = unbounded_channel();
    let more = std::sync::Mutex::new(Some(more));
    let transport = Transport::builder()
        .connect_with(move |_| {
            let (ours, theirs) = duplex(1 << 16);
            let more = more.lock().expect("no panic").take();
            tokio::spawn(serve(theirs, more.expect("one connection")));
            async { Ok(ours) }
        })
        .http2_prior_knowledge(true)
        .stream_http(StreamHttp::Http2Shared)
        .build()
        .expect("a transport");
    (transport, ask)
}

async fn get(transport: &Transport, path: &str) -> ResponseBody {
    let request = Request::get(format!("http://localhost{path}"))
        .body(RequestBody::empty())
        .expect("a request");
    let sent = transport.send(request, Lane::Stream, Timeouts::default());
    sent.await.expect("a head").into_body()
}

#[tokio::test(start_paused = true)]
async fn many_small_frames_at_once_are_read_whole() {
    let (transport, ask) = transport();
    let mut open = get(&transport, "/open").await;
    for _ in 0..3 {
        let flood = get(&transport, "/flood").await;
        let whole = flood.collect(FRAMES * FRAME.len()).await.expect("a body");
        assert_eq!(whole.len(), FRAMES * FRAME.len());
        ask.send(()).expect("a server");
        let piece = open.chunk().await.expect("an open stream");
        assert_eq!(piece.as_deref(), Some(&b"y"[..]));
    }
}

/// Nobody reads, and what comes fits.
#[tokio::test(start_paused = true)]
async fn small_frames_lie_unread_beside_an_open_stream() {
    let (transport, ask) = transport();
    let mut open = get(&transport, "/open").await;
    let mut floods = Vec::new();
    for _ in 0..20 {
        floods.push(get(&transport, "/flood").await);
    }
    ask.send(()).expect("a server");
    let piece = open.chunk().await.expect("an open stream");
    assert_eq!(piece.as_deref(), Some(&b"y"[..]));
    for flood in floods {
        let whole = flood.collect(FRAMES * FRAME.len()).await.expect("a body");
        assert_eq!(whole.len(), FRAMES * FRAME.len());
    }
}
