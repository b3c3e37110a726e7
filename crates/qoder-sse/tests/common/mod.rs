//! What the tests of the parser share.
#![allow(clippy::struct_field_names, reason = "the names of the vectors")]
#![allow(dead_code, reason = "each test uses a part of it")]

use qoder_sse::{Frame, Item, Parser};

/// A dispatched event, as the vectors describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) event: String,
    pub(crate) data: String,
    pub(crate) id: String,
}

/// What a stream came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Event>,
    pub(crate) last_event_id: String,
    pub(crate) retry: Option<u128>,
}

impl From<Frame<'_>> for Event {
    fn from(frame: Frame<'_>) -> Self {
        Self {
            event: frame.event().to_owned(),
            data: frame.data().to_owned(),
            id: frame.last_event_id().to_owned(),
        }
    }
}

/// Feeds a chunk, and says of each event that it completes.
pub(crate) fn feed(parser: &mut Parser, chunk: &[u8], mut event: impl FnMut(Event)) {
    let mut items = parser.feed(chunk);
    while let Some(item) = items.next() {
        if let Item::Frame(frame) = item {
            event(frame.into());
        }
    }
    assert_eq!(items.consumed(), chunk.len());
}

/// The same, one step at a time.
fn feed_by_steps(parser: &mut Parser, chunk: &[u8], mut event: impl FnMut(Event)) {
    let mut rest = chunk;
    loop {
        let step = parser.step(rest);
        if let Some(Item::Frame(frame)) = step.item {
            event(frame.into());
        }
        rest = &rest[step.consumed..];
        if rest.is_empty() {
            return;
        }
    }
}

/// Parses these chunks to their end, in both ways, and checks that they agree.
pub(crate) fn parse<'a>(
    parser: &mut Parser,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let mut stepped = parser.clone();
    let (mut events, mut same) = (Vec::new(), Vec::new());
    for chunk in chunks {
        feed(parser, chunk, |event| events.push(event));
        feed_by_steps(&mut stepped, chunk, |event| same.push(event));
    }
    assert_eq!(events, same, "fed, and step by step");
    assert_eq!(parser.finish(), stepped.finish());
    assert_eq!(parser.last_event_id(), stepped.last_event_id());
    assert_eq!(parser.retry(), stepped.retry());
    Outcome {
        events,
        last_event_id: parser.last_event_id().to_owned(),
        retry: parser.retry().map(|time| time.as_millis()),
    }
}

/// Chance that is the same at every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % n
    }
}

/// Cuts the input into chunks of 0 to `most` bytes.
pub(crate) fn cut<'a>(mut input: &'a [u8], most: usize, random: &mut Random) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    while !input.is_empty() {
        let (chunk, rest) = input.split_at(random.below(most + 1).min(input.len()));
        chunks.push(chunk);
        input = rest;
    }
    chunks
}
