//! From the frames of a stream to what the machine and the caller need of them.

use std::borrow::Cow;

use qoder_sse::Frame;
use qoder_sse::resume::{Class, Classify, Fault};
use qoder_types::{Event, EventId};

use super::event_log::{self, EventLog};
use super::previews::Piece;

/// Decodes each frame once, for its class and for the caller.
#[derive(Debug)]
pub(super) struct Decoder {
    log: EventLog,
    /// The cursor that the request carried.
    pub(super) asked_after: Option<String>,
    pub(super) decoded: Option<Decoded>,
}

impl Decoder {
    pub(super) fn new(log: EventLog) -> Self {
        Self {
            log,
            asked_after: None,
            decoded: None,
        }
    }
}

/// The content of a frame, as the caller sees it.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, on its way to the caller"
)]
pub(super) enum Decoded {
    Event(Event),
    /// By far the most frames are such, and are worth a way of their own.
    Delta(Piece),
}

impl Classify for Decoder {
    fn classify(&mut self, frame: &Frame<'_>) -> Class {
        self.decoded = None;
        match (frame.event(), frame.data()) {
            (name, data) if Event::is_pulse(name, data) => Class::Pulse,
            (_, "[DONE]") => Class::EndOfStream,
            (name, data) => {
                if let Some(delta) = Piece::read(name, data) {
                    self.decoded = Some(Decoded::Delta(delta));
                    return Class::Preview;
                }
                let event = Event::decode(name, frame.id(), data);
                let mut class = self.log.class_of(&event);
                if let (Event::StreamError(error), Some(cursor)) = (&event, &self.asked_after) {
                    if event_log::rejects_cursor(error, cursor) {
                        class = Class::Fault(Fault::CursorRejected);
                    }
                }
                self.decoded = Some(Decoded::Event(event));
                class
            }
        }
    }

    fn id<'f>(&'f mut self, frame: &'f Frame<'_>) -> Option<Cow<'f, str>> {
        let own = match &self.decoded {
            Some(Decoded::Event(event)) => event.id().map(EventId::as_str),
            _ => None,
        };
        own.or(frame.id()).map(Cow::Borrowed)
    }
}
