//! Whole bodies with a fault in them.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, header};

use crate::body::{Pieces, ResponseBody};
use crate::fault::Fault;
use crate::response::{bytes, html, no_content};

/// A response of success with this body, unless the fault says otherwise.
pub(crate) fn damaged(text: Bytes, content_type: &str, fault: &Fault) -> Response<ResponseBody> {
    match fault {
        Fault::Html => html(),
        Fault::NoContent => no_content(),
        Fault::Empty => bytes(200, content_type, Bytes::new()),
        Fault::ContentType(other) => bytes(200, other, text),
        Fault::Truncate => bytes(200, content_type, text.slice(..text.len() / 2)),
        Fault::NotUtf8 => bytes(200, content_type, &b"{\"data\":[\"\xff\xfe\"]}"[..]),
        Fault::Oversize(size) => oversize(content_type, "{\"data\":\"", *size),
        Fault::Cut(at) | Fault::StallAfter(at) => {
            cut(text, content_type, *at, matches!(fault, Fault::Cut(_)))
        }
        Fault::Split | Fault::Drip(_) => {
            let (pieces, body) = ResponseBody::pieces();
            let fault = fault.clone();
            tokio::spawn(async move { send(&pieces, text, &fault).await });
            bytes(200, content_type, Bytes::new()).map(|_| body)
        }
        _ => bytes(200, content_type, text),
    }
}

/// So many bytes that begin well and never come to an end.
pub(crate) fn oversize(
    content_type: &str,
    start: &'static str,
    size: usize,
) -> Response<ResponseBody> {
    let (pieces, body) = ResponseBody::pieces();
    tokio::spawn(async move {
        let start = &start.as_bytes()[..start.len().min(size)];
        let mut left = size - start.len();
        let mut next = Bytes::from_static(start);
        let filling = Bytes::from(vec![b'a'; 64 << 10]);
        while !next.is_empty() && pieces.send(Ok(next)).await.is_ok() {
            next = filling.slice(..left.min(filling.len()));
            left -= next.len();
        }
    });
    bytes(200, content_type, Bytes::new()).map(|_| body)
}

/// The first bytes of a body, and then the end of the connection or nothing more.
fn cut(text: Bytes, content_type: &str, at: usize, breaks: bool) -> Response<ResponseBody> {
    let (pieces, body) = ResponseBody::pieces();
    let length = text.len();
    tokio::spawn(async move {
        let _ = pieces.send(Ok(text.slice(..at.min(text.len())))).await;
        if breaks {
            let error = io::Error::new(io::ErrorKind::ConnectionReset, "fault");
            let _ = pieces.send(Err(error)).await;
        } else {
            pieces.closed().await;
        }
    });
    let mut response = bytes(200, content_type, Bytes::new()).map(|_| body);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length.into());
    response
}

/// Sends a text, byte by byte if the fault says so. Whether the reader is still there.
pub(crate) async fn send(pieces: &Pieces, text: impl Into<Bytes>, fault: &Fault) -> bool {
    let text = text.into();
    let pause = match fault {
        Fault::Split => Duration::ZERO,
        Fault::Drip(pause) => *pause,
        _ => return pieces.send(Ok(text)).await.is_ok(),
    };
    for at in 0..text.len() {
        if pieces.send(Ok(text.slice(at..=at))).await.is_err() {
            return false;
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    true
}
