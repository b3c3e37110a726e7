//! HTTP/2 frame by frame: what is known of a request that a server turns away, and of a server
//! that falls silent.
#![cfg(feature = "http2")]

use std::time::Duration;

use http::Request;
use qoder_http::{Error, ErrorKind, Lane, RequestBody, Sent, StreamHttp, Timeouts, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;

const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// `RST_STREAM` of the first stream, for this reason.
fn reset(reason: u8) -> Vec<u8> {
    vec![0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, reason]
}

/// GOAWAY after this stream, for this reason.
fn go_away(last: u8, reason: u8) -> Vec<u8> {
    vec![0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, last, 0, 0, 0, reason]
}

/// The head of a response, `:status: 200`, with more to come.
fn head() -> Vec<u8> {
    vec![0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88]
}

/// One byte of a body.
fn data(stream: u8) -> Vec<u8> {
    vec![0, 0, 1, 0, 0, 0, 0, 0, stream, b'x']
}

/// Waits for the head of a request, answers with these frames, and is silent from then on. Frames
/// before it are read and left unanswered.
async fn answers(mut pipe: DuplexStream, frames: Vec<Vec<u8>>, close: bool) {
    let _ = pipe.write_all(SETTINGS).await;
    let _ = pipe.read_exact(&mut [0; 24]).await;
    loop {
        let mut head = [0; 9];
        if pipe.read_exact(&mut head).await.is_err() {
            return;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let _ = pipe.read_exact(&mut vec![0; length]).await;
        if head[3] == 1 {
            break;
        }
    }
    for frame in frames {
        let _ = pipe.write_all(&frame).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    if !close {
        // What comes is read, so that a full pipe is not what stops the peer.
        while pipe.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
    }
}

fn transport(frames: Vec<Vec<u8>>, close: bool) -> Transport {
    Transport::builder()
        .connect_with(move |_| {
            let (ours, theirs) = duplex(1 << 14);
            tokio::spawn(answers(theirs, frames.clone(), close));
            async { Ok(ours) }
        })
        .http2_prior_knowledge(true)
        .stream_http(StreamHttp::Http2Shared)
        .build()
        .expect("a transport")
}

async fn send(transport: &Transport) -> Result<http::Response<qoder_http::ResponseBody>, Error> {
    let request = Request::post("http://localhost/")
        .body(RequestBody::empty())
        .expect("a request");
    let limits = Timeouts::default().head(None).body_idle(None).body(None);
    transport.send(request, Lane::Stream, limits).await
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_turned_away_was_not_sent() {
    const NO_ERROR: u8 = 0;
    const INTERNAL_ERROR: u8 = 2;
    const REFUSED_STREAM: u8 = 7;
    for (what, frames, close, kind, sent) in [
        (
            "refused",
            vec![reset(REFUSED_STREAM)],
            false,
            ErrorKind::Reset,
            Sent::No,
        ),
        (
            "after the last one",
            vec![go_away(0, NO_ERROR)],
            false,
            ErrorKind::Reset,
            Sent::No,
        ),
        (
            "failed",
            vec![reset(INTERNAL_ERROR)],
            false,
            ErrorKind::Reset,
            Sent::Maybe,
        ),
        (
            "the last one, and then closed",
            vec![go_away(1, NO_ERROR)],
            true,
            ErrorKind::Reset,
            Sent::Maybe,
        ),
        ("closed", Vec::new(), true, ErrorKind::Reset, Sent::Maybe),
        (
            "a body before its head",
            vec![data(1)],
            false,
            ErrorKind::Protocol,
            Sent::Maybe,
        ),
    ] {
        let error = send(&transport(frames, close)).await.expect_err(what);
        assert_eq!(
            (error.kind(), error.sent()),
            (kind, sent),
            "{what}: {error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_reset_or_broken_says_so() {
    for (frame, kind) in [
        (reset(2), ErrorKind::Reset),
        // A stream that was never opened.
        (data(9), ErrorKind::Protocol),
    ] {
        let response = send(&transport(vec![head(), frame], false))
            .await
            .expect("a head");
        let error = response.into_body().collect(10).await.expect_err("broken");
        assert_eq!((error.kind(), error.sent()), (kind, Sent::Yes), "{error}");
    }
}

/// `RST_STREAM` with `NO_ERROR` says that the server wants no more of the request. It says nothing
/// of the response, which is whole if it ended, or is as long as was said.
#[tokio::test(start_paused = true)]
async fn a_body_that_ends_without_its_end_is_cut() {
    const NO_ERROR: u8 = 0;
    let end = vec![0, 0, 0, 0, 1, 0, 0, 0, 1];
    let long = |digit| {
        // `content-length` is the name of the static table's field 28.
        vec![0, 0, 5, 1, 4, 0, 0, 0, 1, 0x88, 0x0f, 0x0d, 1, digit]
    };
    for (what, frames, close, want) in [
        ("reset", vec![head(), data(1), reset(NO_ERROR)], false, None),
        ("nothing, reset", vec![head(), reset(NO_ERROR)], false, None),
        (
            "half, reset",
            vec![long(b'2'), data(1), reset(NO_ERROR)],
            false,
            None,
        ),
        (
            "all, reset",
            vec![long(b'1'), data(1), reset(NO_ERROR)],
            false,
            Some("x"),
        ),
        (
            "an end, reset",
            vec![head(), data(1), end.clone(), reset(NO_ERROR)],
            false,
            Some("x"),
        ),
        ("an end", vec![head(), data(1), end], false, Some("x")),
        (
            "the last one, and then closed",
            vec![head(), data(1), go_away(1, NO_ERROR)],
            true,
            None,
        ),
    ] {
        let response = send(&transport(frames, close)).await.expect("a head");
        let body = response.into_body().collect(10).await;
        match (body, want) {
            (Ok(body), Some(want)) => assert_eq!(body, want, "{what}"),
            (Err(error), None) => {
                let kind = (error.kind(), error.sent());
                let cut = (ErrorKind::Cut, Sent::Yes);
                let broken = (ErrorKind::Reset, Sent::Yes);
                let wanted = if close { broken } else { cut };
                assert_eq!(kind, wanted, "{what}: {error}");
            }
            (body, _) => panic!("{what}: {body:?}"),
        }
    }
}

/// What a server says with GOAWAY may be anything, such as a token that it was sent.
#[tokio::test(start_paused = true)]
async fn what_goes_with_a_goaway_is_not_repeated() {
    let says = b"echo: Bearer the-token";
    let mut frame = go_away(0, 11);
    frame[2] += u8::try_from(says.len()).expect("short");
    frame.extend_from_slice(says);
    let before = send(&transport(vec![frame.clone()], false)).await;
    let within = send(&transport(vec![head(), data(1), frame], false)).await;
    let within = within.expect("a head").into_body().collect(10).await;
    for error in [
        before.expect_err("gone before the head"),
        within.expect_err("gone within the body"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Reset, "{error}");
        let text = error.to_string();
        // The reason is told.
        assert!(text.contains("excessive load"), "{text}");
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("the-token"), "{shown}");
            cause = error.source();
        }
    }
}

/// PINGs go out while a stream is open, and a peer that leaves them unanswered is gone; also when
/// the pool has let go of the connection, as it does of one that had no new request for a while.
#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_found_by_pings() {
    for pooled in [true, false] {
        let began = Instant::now();
        let transport = transport(vec![head(), data(1)], false);
        let response = send(&transport).await.expect("a head");
        let _pool = pooled.then_some(transport);
        let error = response.into_body().collect(10).await.expect_err("gone");
        assert_eq!(
            (error.kind(), error.sent()),
            (ErrorKind::Reset, Sent::Yes),
            "{error}"
        );
        let took = began.elapsed();
        assert!((30..=31).contains(&took.as_secs()), "{took:?}");
    }

    // Without them nothing is found.
    let transport = Transport::builder()
        .connect_with(|_| {
            let (ours, theirs) = duplex(1 << 14);
            tokio::spawn(answers(theirs, vec![head(), data(1)], false));
            async { Ok(ours) }
        })
        .http2_prior_knowledge(true)
        .stream_http(StreamHttp::Http2Shared)
        .http2_keep_alive(None, Duration::ZERO)
        .build()
        .expect("a transport");
    let response = send(&transport).await.expect("a head");
    let hour = Duration::from_secs(3600);
    let read = tokio::time::timeout(hour, response.into_body().collect(10)).await;
    assert!(read.is_err());
}

/// Limits beyond what the clock counts end no connection.
#[tokio::test(start_paused = true)]
async fn a_keep_alive_beyond_the_clock_is_none() {
    let hour = Duration::from_secs(3600);
    for (interval, timeout) in [
        (Duration::MAX, Duration::MAX),
        (Duration::from_secs(1), Duration::MAX),
    ] {
        let transport = Transport::builder()
            .connect_with(|_| {
                let (ours, theirs) = duplex(1 << 14);
                tokio::spawn(answers(theirs, vec![head(), data(1)], false));
                async { Ok(ours) }
            })
            .http2_prior_knowledge(true)
            .stream_http(StreamHttp::Http2Shared)
            .http2_keep_alive(interval, timeout)
            .build()
            .expect("a transport");
        let response = send(&transport).await.expect("a head");
        let read = tokio::time::timeout(hour, response.into_body().collect(10)).await;
        assert!(read.is_err(), "{interval:?} {timeout:?}: {read:?}");
    }
}
