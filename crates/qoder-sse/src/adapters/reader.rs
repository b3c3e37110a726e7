//! Frames out of a reader.

use alloc::boxed::Box;
use core::fmt;
use core::iter::FusedIterator;
use std::io::{self, Read};

use super::{FrameError, next_frame};
use crate::frame::{OwnedFrame, Tail};
use crate::parser::Parser;

/// The number of bytes that are read at once.
const BUFFER: usize = 8 << 10;

/// The frames of a reader, one after another: a file, standard input, the body of a blocking HTTP
/// client.
///
/// It reads when a frame is asked for, blocks while the reader does, and holds 8 KiB and what the
/// [`Limits`](crate::Limits) of its parser allow. Comments and other items than frames are passed
/// over; for them there is [`Parser::feed`].
///
/// ```
/// use qoder_sse::FrameReader;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let body = "event: greeting\ndata: hello\n\nid: 7\ndata: bye\n\n".as_bytes();
/// let mut frames = FrameReader::new(body);
/// for frame in &mut frames {
///     let frame = frame?;
///     println!("{}: {}", frame.event(), frame.data());
/// }
/// assert_eq!(frames.parser().last_event_id(), "7"); // for the next connection
/// # Ok(()) }
/// ```
pub struct FrameReader<R> {
    reader: R,
    parser: Parser,
    buffer: Box<[u8]>,
    /// The number of bytes in the buffer that are filled, and of those that are read.
    filled: usize,
    at: usize,
    ended: bool,
}

impl<R: Read> FrameReader<R> {
    /// Returns the frames of a reader, with the default limits.
    pub fn new(reader: R) -> Self {
        Self::with_parser(reader, Parser::new())
    }

    /// Returns the frames of a reader, as this parser finds them: with its limits, and with the last
    /// event id of an earlier connection.
    ///
    /// ```
    /// use qoder_sse::{FrameReader, Limits, Parser};
    ///
    /// let parser = Parser::with_limits(Limits::default().frame(64)).with_last_event_id("7");
    /// let mut frames = FrameReader::with_parser(&b"data: a\n\n"[..], parser);
    /// let frame = frames.next().unwrap().unwrap();
    /// assert_eq!(frame.last_event_id(), "7");
    /// ```
    pub fn with_parser(reader: R, mut parser: Parser) -> Self {
        parser.restart();
        Self {
            reader,
            parser,
            buffer: alloc::vec![0; BUFFER].into_boxed_slice(),
            filled: 0,
            at: 0,
            ended: false,
        }
    }
}

impl<R> FrameReader<R> {
    /// Returns the parser. Its last event id is that of the frames which were returned.
    pub fn parser(&self) -> &Parser {
        &self.parser
    }

    /// Returns the parser, for the frames of the next connection.
    pub fn into_parser(self) -> Parser {
        self.parser
    }

    /// Returns the reader. What was read of it and is not returned yet is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

impl<R: Read> Iterator for FrameReader<R> {
    type Item = Result<OwnedFrame, FrameError<io::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let filled = self.buffer.get(..self.filled).unwrap_or_default();
            if let Some(found) = next_frame(&mut self.parser, filled, &mut self.at) {
                return Some(found.map_err(FrameError::Overflow));
            }
            self.at = 0;
            self.filled = 0;
            match self.reader.read(&mut self.buffer) {
                Ok(0) => {
                    self.ended = true;
                    if let Tail::Cut { bytes } = self.parser.finish() {
                        return Some(Err(FrameError::Cut { bytes }));
                    }
                }
                Ok(read) => self.filled = read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    self.parser.restart();
                    return Some(Err(FrameError::Source(error)));
                }
            }
        }
        None
    }
}

impl<R: Read> FusedIterator for FrameReader<R> {}

impl<R> fmt::Debug for FrameReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameReader")
            .field("unread", &(self.filled - self.at))
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
