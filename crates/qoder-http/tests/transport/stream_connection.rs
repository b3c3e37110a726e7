//! The connection of a stream is the stream's own.

use std::time::Duration;

use http::Request;
use qoder_http::{Lane, RequestBody, Timeouts, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;

/// A transport over pipes, and their other ends.
fn piped() -> (Transport, mpsc::UnboundedReceiver<DuplexStream>) {
    let (made, pipes) = mpsc::unbounded_channel();
    let transport = Transport::builder()
        .connect_with(move |_| {
            let (ours, theirs) = duplex(1 << 14);
            let _ = made.send(theirs);
            async { Ok(ours) }
        })
        .build()
        .expect("a transport");
    (transport, pipes)
}

/// Answers a request with the head of a stream.
async fn answer(pipe: &mut DuplexStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(pipe.read_u8().await.expect("a request"));
    }
    pipe.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        .await
        .expect("a head");
}

fn request() -> Request<RequestBody> {
    Request::get("http://localhost/")
        .body(RequestBody::empty())
        .expect("a request")
}

fn tasks() -> usize {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
}

#[tokio::test(start_paused = true)]
async fn a_stream_runs_in_the_task_of_its_reader() {
    let (transport, mut pipes) = piped();
    let server = async {
        let mut pipe = pipes.recv().await.expect("a connection");
        answer(&mut pipe).await;
        for piece in ["a", "b", "c"] {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let chunk = format!("1\r\n{piece}\r\n1\r\n{piece}\r\n");
            pipe.write_all(chunk.as_bytes()).await.expect("a chunk");
        }
        pipe.write_all(b"0\r\n\r\n").await.expect("an end");
        pipe
    };
    let client = async {
        let response = transport
            .send(request(), Lane::Stream, Timeouts::default())
            .await
            .expect("a response");
        let mut body = response.into_body();
        let mut text = Vec::new();
        while let Some(chunk) = body.chunk().await.expect("a chunk") {
            text.extend_from_slice(&chunk);
        }
        text
    };
    let (_pipe, text) = tokio::join!(server, client);
    assert_eq!(text, b"aabbcc");
    assert_eq!(tasks(), 0, "nothing was spawned");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_body_closes_the_connection_at_once() {
    let (transport, mut pipes) = piped();
    let sending = transport.send(request(), Lane::Stream, Timeouts::default());
    let server = async {
        let mut pipe = pipes.recv().await.expect("a connection");
        answer(&mut pipe).await;
        pipe
    };
    let (response, mut pipe) = tokio::join!(sending, server);
    drop(response.expect("a response"));
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::ZERO, pipe.read_to_end(&mut rest)).await;
    assert_eq!(read.expect("closed").expect("in order"), 0);
}

#[tokio::test(start_paused = true)]
async fn so_does_dropping_the_request() {
    let (transport, mut pipes) = piped();
    let sending = transport.send(request(), Lane::Stream, Timeouts::default());
    let waited = tokio::time::timeout(Duration::from_secs(1), sending).await;
    assert!(waited.is_err(), "nobody answers");
    let mut pipe = pipes.recv().await.expect("a connection");
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::ZERO, pipe.read_to_end(&mut rest)).await;
    assert!(read.expect("closed").expect("in order") > 0, "the request");
}
