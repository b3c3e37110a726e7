//! The adapters find the same frames however the bytes are cut, and say how the source ended.
#![cfg(all(feature = "std", feature = "stream"))]

use std::collections::VecDeque;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use qoder_sse::{FrameError, FrameReader, FrameStream, Item, Limit, Limits, Overflow, Parser};

/// Everything that can be in a stream, and an end within an event.
const BYTES: &[u8] = b"\xEF\xBB\xBF: hi\r\nid: 1\r\nevent: a\r\ndata: one\r\ndata: two\r\n\r\n\
    retry: 5\n\ndata: \xF0\x9F\x98\x80\n\nid: 2\n\ndata: a line that is too long\n\ndata: \xFF\r\rdata: cut";

/// One result, in a shape that can be compared.
type Got = Result<(String, String, String), FrameError<String>>;

fn limits() -> Limits {
    Limits::default().line(20)
}

/// What the parser itself finds, in one piece.
fn wanted() -> Vec<Got> {
    let mut parser = Parser::with_limits(limits());
    let mut found = Vec::new();
    let mut items = parser.feed(BYTES);
    while let Some(item) = items.next() {
        match item {
            Item::Frame(frame) => found.push(Ok((
                frame.event().to_owned(),
                frame.data().to_owned(),
                frame.last_event_id().to_owned(),
            ))),
            Item::Overflow(overflow) => found.push(Err(FrameError::Overflow(overflow))),
            _ => {}
        }
    }
    found.push(Err(FrameError::Cut { bytes: 9 }));
    found
}

fn plain<E: std::fmt::Display>(found: Result<qoder_sse::OwnedFrame, FrameError<E>>) -> Got {
    match found {
        Ok(frame) => Ok((
            frame.event().to_owned(),
            frame.data().to_owned(),
            frame.last_event_id().to_owned(),
        )),
        Err(FrameError::Source(error)) => Err(FrameError::Source(error.to_string())),
        Err(FrameError::Overflow(overflow)) => Err(FrameError::Overflow(overflow)),
        Err(FrameError::Cut { bytes }) => Err(FrameError::Cut { bytes }),
        Err(other) => panic!("a new kind of error: {other}"),
    }
}

/// Gives one piece at a time, and an interruption before each.
struct Pieces<'a> {
    left: VecDeque<&'a [u8]>,
    interrupt: bool,
    /// In place of the end.
    fails: bool,
}

impl<'a> Pieces<'a> {
    fn new(pieces: &[&'a [u8]]) -> Self {
        // An empty piece is the end, to a reader.
        let pieces = pieces.iter().copied().filter(|piece| !piece.is_empty());
        Self {
            left: pieces.collect(),
            interrupt: true,
            fails: false,
        }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if std::mem::replace(&mut self.interrupt, false) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.interrupt = true;
        let Some(piece) = self.left.pop_front() else {
            return if self.fails {
                Err(io::Error::other("gone"))
            } else {
                Ok(0)
            };
        };
        buffer[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

impl<'a> Stream for Pieces<'a> {
    type Item = Result<&'a [u8], io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::replace(&mut self.interrupt, false) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.interrupt = true;
        let fails = self.fails;
        Poll::Ready(match self.left.pop_front() {
            Some(piece) => Some(Ok(piece)),
            None => fails.then(|| Err(io::Error::other("gone"))),
        })
    }
}

fn read(pieces: Pieces<'_>) -> Vec<Got> {
    let mut frames = FrameReader::with_parser(pieces, Parser::with_limits(limits()));
    let found = frames.by_ref().map(plain).collect();
    assert!(frames.next().is_none(), "the end is the end");
    found
}

fn streamed(pieces: Pieces<'_>) -> Vec<Got> {
    let mut frames = FrameStream::with_parser(pieces, Parser::with_limits(limits()));
    let mut cx = Context::from_waker(Waker::noop());
    let mut found = Vec::new();
    loop {
        match Pin::new(&mut frames).poll_next(&mut cx) {
            Poll::Pending => {}
            Poll::Ready(Some(frame)) => found.push(plain(frame)),
            Poll::Ready(None) => return found,
        }
    }
}

#[test]
fn the_bytes_have_everything() {
    let wanted = wanted();
    assert_eq!(wanted.len(), 5, "{wanted:?}");
    let overflow = Overflow {
        limit: Limit::Line,
        bytes: 20,
    };
    assert_eq!(wanted[2], Err(FrameError::Overflow(overflow)));
    assert_eq!(
        wanted[3],
        Ok(("message".into(), "\u{FFFD}".into(), "2".into()))
    );
}

#[test]
fn every_two_cuts_give_the_same_frames() {
    let wanted = wanted();
    for first in 0..=BYTES.len() {
        for second in first..=BYTES.len() {
            let pieces = [&BYTES[..first], &BYTES[first..second], &BYTES[second..]];
            assert_eq!(
                read(Pieces::new(&pieces)),
                wanted,
                "cut at {first} and {second}"
            );
            assert_eq!(
                streamed(Pieces::new(&pieces)),
                wanted,
                "cut at {first} and {second}"
            );
        }
    }
}

#[test]
fn every_byte_by_itself_gives_the_same_frames() {
    let pieces: Vec<&[u8]> = BYTES.chunks(1).collect();
    assert_eq!(read(Pieces::new(&pieces)), wanted());
    assert_eq!(streamed(Pieces::new(&pieces)), wanted());
}

#[test]
fn a_source_that_fails_is_the_last_item() {
    for end in 0..=BYTES.len() {
        let failing = || Pieces {
            fails: true,
            ..Pieces::new(&[&BYTES[..end]])
        };
        for found in [read(failing()), streamed(failing())] {
            assert_eq!(
                found.last(),
                Some(&Err(FrameError::Source("gone".to_owned())))
            );
        }
    }
}

/// What was read ahead and not returned is no part of the cursor.
#[test]
fn the_last_event_id_is_that_of_what_was_returned() {
    let bytes = b"id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: c\n\n";
    let mut frames = FrameReader::new(&bytes[..]);
    for id in ["1", "2", "3"] {
        frames.next().expect("a frame").expect("no error");
        assert_eq!(frames.parser().last_event_id(), id);
    }

    // The next connection goes on with it, and forgets the event that was cut.
    let mut frames = FrameReader::new(&b"id: 1\ndata: a\n\ndata: half"[..]);
    frames.next().expect("a frame").expect("no error");
    let mut frames = FrameReader::with_parser(&b"data: b\n\n"[..], frames.into_parser());
    let frame = frames.next().expect("a frame").expect("no error");
    assert_eq!(frame.data(), "b");
    assert_eq!(frame.last_event_id(), "1");
}
