//! The inputs: made, not recorded, and the same in every run.

use std::fmt::Write as _;

use bytes::Bytes;

/// An input, and how it is cut.
#[derive(Clone)]
pub struct Corpus {
    pub name: &'static str,
    pub bytes: Bytes,
    pub cut: Cut,
    /// The number of times that it is read in a run.
    pub times: usize,
}

#[derive(Clone, Copy)]
pub enum Cut {
    Every(usize),
    /// Of 1 to 7 bytes.
    Tiny,
}

impl Corpus {
    pub fn new(name: &'static str, bytes: &Bytes, cut: Cut) -> Self {
        Self {
            name,
            bytes: bytes.clone(),
            cut,
            times: 1,
        }
    }

    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    pub fn total(&self) -> usize {
        self.bytes.len() * self.times
    }

    /// Where the chunks of one reading are.
    pub fn ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> + Send + Sync + use<> {
        let (cut, length) = (self.cut, self.bytes.len());
        let (mut at, mut turn) = (0, 0);
        std::iter::from_fn(move || {
            (at < length).then(|| {
                let size = match cut {
                    Cut::Every(size) => size,
                    Cut::Tiny => {
                        turn = (turn * 5 + 3) % 7;
                        turn + 1
                    }
                };
                let start = at;
                at = (at + size).min(length);
                start..at
            })
        })
    }

    /// The chunks of one reading.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = &self.bytes[..];
        self.ranges().map(move |range| &bytes[range])
    }

    /// The same as refcounted buffers, as an HTTP library gives them.
    pub fn buffers(&self) -> impl Iterator<Item = Bytes> + Send + Sync + use<> {
        let bytes = self.bytes.clone();
        self.ranges().map(move |range| bytes.slice(range))
    }
}

/// Luck that is the same every time.
struct Luck(u64);

impl Luck {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

const WORDS: [&str; 16] = [
    "the",
    "session",
    "returns",
    "a",
    "vector",
    "of",
    "events",
    "in",
    "order",
    "while",
    "partition",
    "recurses",
    "below",
    "pivot",
    "and",
    "above",
];
const CJK: [&str; 8] = [
    "会话", "事件", "返回", "有序", "快速", "排序", "世界", "你好",
];

/// (a) Deltas of a streamed message, about 207 bytes each: (event, data, id), many of one id.
pub fn deltas(size: usize) -> Bytes {
    let mut luck = Luck(1);
    let mut text = String::with_capacity(size + 512);
    let mut message = 0;
    while text.len() < size {
        message += 1;
        for _ in 0..40 {
            let _ = write!(
                text,
                "event: event_delta\ndata: {{\"delta\":{{\"content\":{{\"text\":\"{} {}\",\"type\":\"text\"}},\"index\":0,\
                 \"type\":\"content_delta\"}},\"event_id\":\"evt_00k25q7m2x{message:010}\",\"type\":\"event_delta\"}}\n\
                 id: evt_00k25q7m2x{message:010}\n\n",
                word(&mut luck),
                word(&mut luck)
            );
        }
    }
    text.into()
}

/// (b) Results of tools: 48 to 80 KiB in one data line.
pub fn results(size: usize) -> Bytes {
    let mut luck = Luck(2);
    let mut text = String::with_capacity(size + (80 << 10));
    let mut number = 0;
    while text.len() < size {
        number += 1;
        let end = text.len() + (48 << 10) + usize::try_from(luck.below(32 << 10)).unwrap_or(0);
        let _ = write!(
            text,
            "event: agent.tool_result\ndata: {{\"id\":\"evt_{number:020}\",\"type\":\"agent.tool_result\",\
             \"tool_use_id\":\"toolu_{number:016}\",\"content\":[{{\"type\":\"text\",\"text\":\""
        );
        while text.len() < end {
            text.push_str(word(&mut luck));
            text.push_str(if luck.below(12) == 0 { "\\n" } else { " " });
        }
        let _ = write!(text, "\"}}],\"is_error\":false}}\nid: evt_{number:020}\n\n");
    }
    text.into()
}

/// (c) Several data lines, LF and CRLF mixed, comments, CJK text.
pub fn mixed(size: usize) -> Bytes {
    let mut luck = Luck(3);
    let mut text = String::with_capacity(size + 1024);
    let mut number = 0;
    while text.len() < size {
        number += 1;
        let end = if luck.below(2) == 0 { "\n" } else { "\r\n" };
        if luck.below(4) == 0 {
            let _ = write!(text, ": heartbeat {number}{end}{end}");
        }
        let _ = write!(text, "id: evt_{number}{end}event: agent.message{end}");
        for _ in 0..=luck.below(4) {
            text.push_str("data: ");
            for _ in 0..3 + luck.below(6) {
                let cjk = usize::try_from(luck.below(8)).unwrap_or(0);
                text.push_str(if luck.below(2) == 0 {
                    CJK[cjk]
                } else {
                    word(&mut luck)
                });
                text.push(' ');
            }
            text.push_str(end);
        }
        text.push_str(end);
    }
    text.into()
}

/// A single event of about `size`.
pub fn single(size: usize) -> Bytes {
    let mut text = String::with_capacity(size + 64);
    text.push_str("event: agent.tool_result\ndata: ");
    let mut luck = Luck(4);
    while text.len() < size {
        text.push_str(word(&mut luck));
        text.push(' ');
    }
    text.push_str("\nid: evt_1\n\n");
    text.into()
}

fn word(luck: &mut Luck) -> &'static str {
    WORDS[usize::try_from(luck.below(16)).unwrap_or(0)]
}
