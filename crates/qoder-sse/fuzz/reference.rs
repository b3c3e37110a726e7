//! "Interpreting an event stream", read aloud: a slow and obvious parser of whole streams, and the
//! comparison with it that the tests and the fuzzer share.

use std::time::Duration;

use qoder_sse::{Item, Limit, Limits, Overflow, Parser, Tail};

/// What a stream tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Each item, and how many bytes it takes to know of it.
    pub items: Vec<(usize, Said)>,
    pub tail: Tail,
    pub last_event_id: String,
    pub retry: Option<Duration>,
}

/// An item that outlives its chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Frame {
        event: String,
        data: String,
        id: Option<String>,
        last_event_id: String,
    },
    Comment(String),
    Id,
    Retry(Duration),
    Overflow(Overflow),
}

impl From<Item<'_>> for Said {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Frame(frame) => Self::Frame {
                event: frame.event().to_owned(),
                data: frame.data().to_owned(),
                id: frame.id().map(ToOwned::to_owned),
                last_event_id: frame.last_event_id().to_owned(),
            },
            Item::Comment(text) => Self::Comment(text.to_owned()),
            Item::Id => Self::Id,
            Item::Retry(time) => Self::Retry(time),
            Item::Overflow(overflow) => Self::Overflow(overflow),
            _ => panic!("an item that the reference doesn't know: {item:?}"),
        }
    }
}

/// The fields of a block, before decoding.
#[derive(Debug, Default, PartialEq, Eq)]
struct Block {
    event: Option<Vec<u8>>,
    data: Option<Vec<u8>>,
    id: Option<Vec<u8>>,
    skipped: bool,
}

/// What a parser has to tell of a stream, with a last event id from before.
pub fn reference(stream: &[u8], limits: Limits, last_event_id: &str) -> Told {
    let mut items = Vec::new();
    let mut last_event_id = last_event_id.to_owned();
    let mut retry = None;
    let mut block = Block::default();
    let mut at = if stream.starts_with(b"\xEF\xBB\xBF") {
        3
    } else {
        0
    };
    let mut block_at = at;
    loop {
        let rest = &stream[at..];
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let line = &rest[..end.unwrap_or(rest.len())];
        if !block.skipped {
            if let Some((length, limit)) = exceeded(line, end.is_some(), &block, limits) {
                let bytes = match limit {
                    Limit::Line => limits.line,
                    Limit::Frame => limits.frame,
                };
                items.push((at + length, Said::Overflow(Overflow { limit, bytes })));
                block = Block {
                    skipped: true,
                    ..Block::default()
                };
            }
        }
        let Some(end) = end else {
            let clean = line.is_empty() && block == Block::default();
            let tail = if clean {
                Tail::Clean
            } else {
                Tail::Cut {
                    bytes: stream.len() - block_at,
                }
            };
            return Told {
                items,
                tail,
                last_event_id,
                retry,
            };
        };
        let known = at + end + 1;
        at = known + usize::from(rest[end..].starts_with(b"\r\n"));
        if line.is_empty() {
            let Block {
                event, data, id, ..
            } = std::mem::take(&mut block);
            block_at = at;
            if let Some(id) = &id {
                last_event_id = text(id);
            }
            if let Some(data) = data {
                let event = text(&event.unwrap_or_default());
                let frame = Said::Frame {
                    event: if event.is_empty() {
                        "message".to_owned()
                    } else {
                        event
                    },
                    data: text(&data),
                    id: id.as_deref().map(text),
                    last_event_id: last_event_id.clone(),
                };
                items.push((known, frame));
            } else if id.is_some() {
                items.push((known, Said::Id));
            }
            continue;
        }
        if block.skipped {
            continue;
        }
        let (name, value) = split(line);
        match name {
            b"" => items.push((known, Said::Comment(comment(line)))),
            b"event" => block.event = Some(value.to_vec()),
            b"data" => match &mut block.data {
                None => block.data = Some(value.to_vec()),
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            },
            b"id" if !value.contains(&0) => block.id = Some(value.to_vec()),
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                if let Ok(time) = text(value).parse() {
                    retry = Some(Duration::from_millis(time));
                    items.push((known, Said::Retry(Duration::from_millis(time))));
                }
            }
            _ => {}
        }
    }
}

/// The first bytes of a line, its end counted as one, that exceed a limit, and which.
fn exceeded(line: &[u8], ended: bool, block: &Block, limits: Limits) -> Option<(usize, Limit)> {
    let before = block.data.as_ref().map_or(0, |data| data.len() + 1);
    for length in 1..=line.len() + usize::from(ended) {
        let whole = length > line.len();
        let head = &line[..length.min(line.len())];
        if head.is_empty() || !(whole || head.contains(&b':')) {
            // What is no line, or may yet become any, is not kept.
            continue;
        }
        let (name, value) = split(head);
        if !matches!(name, b"data" | b"event" | b"id" | b"retry") {
            return None;
        }
        if name == b"data" && before + value.len() > limits.frame {
            return Some((length, Limit::Frame));
        }
        if head.len() > limits.line {
            return Some((length, Limit::Line));
        }
    }
    None
}

/// Name and value of a field.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == b':') {
        None => (line, b""),
        Some(at) => {
            let value = &line[at + 1..];
            (&line[..at], value.strip_prefix(b" ").unwrap_or(value))
        }
    }
}

/// The first 4 KiB of a line that is a comment, but for a character that they cut.
fn comment(line: &[u8]) -> String {
    let mut head = &line[..line.len().min(4 << 10)];
    if head.len() < line.len() {
        let cut = head
            .utf8_chunks()
            .last()
            .map_or(&b""[..], |chunk| chunk.invalid());
        if std::str::from_utf8(cut).is_err_and(|error| error.error_len().is_none()) {
            head = &head[..head.len() - cut.len()];
        }
    }
    let (_, value) = split(head);
    text(value)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The ways to read a chunk.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// All items of it, one after another.
    Fed,
    /// Step by step.
    Stepped,
    /// Fed again after each item.
    FedAgain,
}

pub const WAYS: [Way; 3] = [Way::Fed, Way::Stepped, Way::FedAgain];

impl Way {
    fn read(self, parser: &mut Parser, chunk: &[u8], mut say: impl FnMut(Said)) {
        match self {
            Self::Fed => {
                let mut items = parser.feed(chunk);
                while let Some(item) = items.next() {
                    say(item.into());
                }
                assert_eq!(items.consumed(), chunk.len());
                assert!(items.next().is_none(), "items behind the last one");
            }
            Self::Stepped => {
                let mut rest = chunk;
                while !rest.is_empty() {
                    let step = parser.step(rest);
                    assert!(step.consumed > 0, "no progress");
                    assert!(step.item.is_some() || step.consumed == rest.len());
                    step.item.map(Said::from).map(&mut say);
                    rest = &rest[step.consumed..];
                }
                assert_eq!(parser.step(b"").consumed, 0);
            }
            Self::FedAgain => {
                let mut rest = chunk;
                while !rest.is_empty() {
                    let mut items = parser.feed(rest);
                    items.next().map(Said::from).map(&mut say);
                    rest = &rest[items.consumed()..];
                }
            }
        }
    }
}

/// Reads chunks to their end. Each item has to be told with the chunk that has the byte it takes.
pub fn compare(parser: &mut Parser, chunks: &[&[u8]], way: Way, want: &Told) {
    let mut wanted = want.items.iter();
    let mut fed = 0;
    for chunk in chunks {
        let before = fed;
        fed += chunk.len();
        way.read(parser, chunk, |said| {
            let Some((at, item)) = wanted.next() else {
                panic!("{way:?}: one more: {said:?}");
            };
            assert_eq!(&said, item, "{way:?}, within {before}..{fed}");
            assert!(
                before < *at && *at <= fed,
                "{way:?}: due at {at}, told within {before}..{fed}: {said:?}"
            );
        });
    }
    assert_eq!(wanted.next(), None, "{way:?}: missing");
    assert_eq!(parser.finish(), want.tail, "{way:?}");
    assert_eq!(
        parser.finish(),
        Tail::Clean,
        "{way:?}: once told, it is over"
    );
    assert_eq!(parser.last_event_id(), want.last_event_id, "{way:?}");
    assert_eq!(parser.retry(), want.retry, "{way:?}");
}
