//! The connection of a stream is the stream's own.

use std::time::Duration;

use http::Request;
use qoder_http::{ErrorKind, Lane, RequestBody, Sent, Timeouts, Transport};
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

/// Opens a stream with this request to a server that answers with these bytes, and reads it whole.
async fn body_of(
    (transport, pipes): &mut (Transport, mpsc::UnboundedReceiver<DuplexStream>),
    request: Request<RequestBody>,
    answer: &[u8],
    piece: usize,
) -> Result<Vec<u8>, qoder_http::Error> {
    let server = async {
        let mut pipe = pipes.recv().await.expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(pipe.read_u8().await.expect("a request"));
        }
        for piece in answer.chunks(piece) {
            // Who has read a body to its end goes away.
            if pipe.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        let _ = pipe.shutdown().await;
        // What is still sent has somebody who reads it.
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    };
    let client = async {
        let sending = transport.send(request, Lane::Stream, Timeouts::default());
        let mut body = sending.await?.into_body();
        let mut text = Vec::new();
        while let Some(chunk) = body.chunk().await? {
            text.extend_from_slice(&chunk);
        }
        assert!(body.chunk().await?.is_none(), "the end stays the end");
        Ok(text)
    };
    tokio::join!(server, client).1
}

/// Heads, each with the body that it announces and the data in it.
const ANSWERS: [(&str, &str); 8] = [
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, CHUNKED \r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n",
        "abc",
    ),
    ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcd", "abc"),
    ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nabcd", ""),
    ("HTTP/1.1 200 OK\r\n\r\n3\r\nabc", "3\r\nabc"),
    ("HTTP/1.0 200 OK\n\nabc", "abc"),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, later\r\n\r\nabc",
        "abc",
    ),
    ("HTTP/1.1 204 No Content\r\n\r\nabc", ""),
    (
        "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc",
        "abc",
    ),
];

#[tokio::test(start_paused = true)]
async fn a_body_is_whole_in_whatever_pieces_it_and_its_head_come() {
    let mut piped = piped();
    for (answer, data) in ANSWERS {
        for piece in 1..=answer.len() {
            let body = body_of(&mut piped, request(), answer.as_bytes(), piece).await;
            assert_eq!(
                body.expect(answer),
                data.as_bytes(),
                "{answer:?} by {piece}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn so_is_that_of_a_request_with_a_body() {
    let mut piped = piped();
    for (answer, data) in ANSWERS {
        for sent in ["x".to_owned(), "x".repeat(1 << 16)] {
            let request = Request::post("http://localhost/")
                .body(RequestBody::from(sent))
                .expect("a request");
            let body = body_of(&mut piped, request, answer.as_bytes(), answer.len()).await;
            assert_eq!(body.expect(answer), data.as_bytes(), "{answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_too_early_is_cut() {
    let mut piped = piped();
    for answer in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc",
    ] {
        for piece in [1, answer.len()] {
            let body = body_of(&mut piped, request(), answer.as_bytes(), piece).await;
            let error = body.expect_err(answer);
            let kind = (error.kind(), error.sent());
            assert_eq!(kind, (ErrorKind::Cut, Sent::Yes), "{answer:?}: {error}");
        }
    }
}
