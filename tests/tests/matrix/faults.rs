//! What goes wrong.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use qoder_tests::gzip;
use qoder_tests::wire::{Act, Step};

/// The largest response that the client of the matrix reads.
pub(crate) const LIMIT: usize = 1 << 20;

/// A good answer, from which a fault takes what it needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Good {
    pub(crate) kind: &'static str,
    pub(crate) body: &'static str,
}

impl Good {
    /// The answer as a server gives it.
    pub(crate) fn answer(self) -> Act {
        Act::answer(self.whole())
    }

    pub(crate) fn whole(self) -> String {
        ok(self.kind, self.body)
    }

    /// The head, with a length that need not be the body's.
    fn head(self, length: usize) -> String {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {length}\r\n\r\n",
            self.kind
        )
    }

    /// The head of an answer in chunks.
    fn head_of_chunks(self) -> String {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
            self.kind
        )
    }

    fn half(self) -> &'static str {
        &self.body[..self.body.len() / 2]
    }
}

fn ok(kind: &str, body: &str) -> String {
    with_headers("200 OK", &[("Content-Type", kind)], body)
}

fn with_headers(status: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text + "\r\n" + body
}

/// An error in the API's form.
fn error(status: &str, headers: &[(&str, &str)]) -> Act {
    let body = r#"{"type":"error","error":{"type":"some_error","message":"no"}}"#;
    let mut headers = headers.to_vec();
    headers.push(("Content-Type", "application/json"));
    Act::answer(with_headers(status, &headers, body))
}

/// A request that is read, and then these steps.
fn read_then(steps: impl IntoIterator<Item = Step>) -> Act {
    Act::new([Step::Read].into_iter().chain(steps))
}

fn send(text: impl Into<Bytes>) -> Step {
    Step::Send(text.into())
}

/// Something that goes wrong.
pub(crate) struct Fault {
    /// How the table calls it.
    pub(crate) name: &'static str,
    /// What the server does, for the page.
    pub(crate) what: &'static str,
    /// What the server does.
    pub(crate) act: fn(Good) -> Act,
    /// A good call before leaves a connection behind, which the server closes.
    pub(crate) kept: bool,
    /// The client can ask for another token.
    pub(crate) renewable: bool,
}

const fn fault(name: &'static str, what: &'static str, act: fn(Good) -> Act) -> Fault {
    Fault {
        name,
        what,
        act,
        kept: false,
        renewable: false,
    }
}

/// All of them, in the order of the table.
pub(crate) const FAULTS: &[Fault] = &[
    fault("refused", "the connection is refused", |_| Act::refuse()),
    fault(
        "unreachable",
        "nobody answers the attempt to connect",
        |_| Act::unreachable(),
    ),
    Fault {
        kept: true,
        ..fault(
            "closed while idle",
            "a connection that was kept from a call before has been closed by the server",
            Good::answer,
        )
    },
    fault(
        "reset before the request",
        "the connection is reset before anything of the request is read",
        |_| Act::new([Step::Reset]),
    ),
    fault(
        "reset after the request",
        "the request is read, then the connection is reset",
        |_| read_then([Step::Reset]),
    ),
    fault(
        "closed after the request",
        "the request is read, then the connection is closed without an answer",
        |_| read_then([Step::Close]),
    ),
    fault(
        "cut in the headers",
        "the connection is closed in the middle of the headers",
        |good| {
            let head = good.head(good.body.len());
            let half = head[..head.len() / 2].to_owned();
            read_then([send(half), Step::Close])
        },
    ),
    fault(
        "cut in the body",
        "the connection is closed in the middle of a body of known length",
        |good| {
            let part = good.head(good.body.len()) + good.half();
            read_then([send(part), Step::Close])
        },
    ),
    fault(
        "cut in a chunk",
        "the connection is closed in the middle of a chunk",
        |good| {
            let part = format!(
                "{}{:x}\r\n{}",
                good.head_of_chunks(),
                good.body.len(),
                good.half()
            );
            read_then([send(part), Step::Close])
        },
    ),
    fault(
        "reset in the body",
        "half of the body is sent, and the connection reset a second later",
        |good| {
            let part = good.head(good.body.len()) + good.half();
            let second = Step::Pause(Duration::from_secs(1));
            read_then([send(part), second, Step::Reset])
        },
    ),
    fault(
        "stall before the head",
        "the request is read and never answered",
        |_| read_then([Step::Silence]),
    ),
    fault(
        "stall in the headers",
        "half of the headers, then nothing more",
        |good| {
            let head = good.head(good.body.len());
            let half = head[..head.len() / 2].to_owned();
            read_then([send(half), Step::Silence])
        },
    ),
    fault(
        "stall in the body",
        "half of the body, then nothing more",
        |good| {
            let part = good.head(good.body.len()) + good.half();
            read_then([send(part), Step::Silence])
        },
    ),
    fault(
        "drip in the headers",
        "a good answer from its first byte on, a byte a second",
        |good| read_then([Step::Drip(good.whole().into())]),
    ),
    fault(
        "drip in the body",
        "the headers at once, the body a byte a second",
        |good| {
            let head = good.head(good.body.len());
            read_then([send(head), Step::Drip(good.body.into())])
        },
    ),
    fault(
        "drip without end",
        "the headers at once, then a body in chunks, a byte a second, for ever",
        |good| {
            let part = good.head_of_chunks() + "6\r\ndata: \r\n";
            let drop = Step::Every(Duration::from_secs(1), "1\r\nx\r\n".into());
            read_then([send(part), drop])
        },
    ),
    fault("408", "an error of this status", |_| {
        error("408 Request Timeout", &[])
    }),
    fault("409", "an error of this status", |_| {
        error("409 Conflict", &[])
    }),
    fault("429", "an error of this status, without a hint", |_| {
        error("429 Too Many Requests", &[])
    }),
    fault("429, Retry-After: 7", "the same with a hint", |_| {
        error("429 Too Many Requests", &[("Retry-After", "7")])
    }),
    fault(
        "429, Retry-After: 3600",
        "the same with a hint beyond what a call waits",
        |_| error("429 Too Many Requests", &[("Retry-After", "3600")]),
    ),
    fault("500", "an error of this status", |_| {
        error("500 Internal Server Error", &[])
    }),
    fault("501", "an error of this status", |_| {
        error("501 Not Implemented", &[])
    }),
    fault("503", "an error of this status", |_| {
        error("503 Service Unavailable", &[])
    }),
    fault("503, Retry-After: 7", "the same with a hint", |_| {
        error("503 Service Unavailable", &[("Retry-After", "7")])
    }),
    fault(
        "503, x-should-retry: false",
        "the same with the advice not to come back",
        |_| error("503 Service Unavailable", &[("x-should-retry", "false")]),
    ),
    fault(
        "503, dripping",
        "the same with a body of a byte a second",
        |_| {
            let head = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000\r\n\r\n";
            read_then([send(head), Step::Drip(vec![b'x'; 1000].into())])
        },
    ),
    fault(
        "401",
        "an error of this status; the token is the only one",
        |_| error("401 Unauthorized", &[]),
    ),
    Fault {
        renewable: true,
        ..fault(
            "401, renewable",
            "the same; the client can have another token",
            |_| error("401 Unauthorized", &[]),
        )
    },
    fault("404", "an error of this status", |_| {
        error("404 Not Found", &[])
    }),
    fault("302", "a redirect to another host", |_| {
        let there = [("Location", "https://elsewhere.example/")];
        Act::answer(with_headers("302 Found", &there, ""))
    }),
    fault(
        "HTML",
        "200 with a web page, as a captive portal answers",
        |_| {
            let page = "<!doctype html><title>Welcome</title><p>Sign in";
            Act::answer(ok("text/html", page))
        },
    ),
    fault("empty", "200 with an empty body", |good| {
        Act::answer(ok(good.kind, ""))
    }),
    fault(
        "too long a length",
        "a length of ten bytes more than the body has; the connection stays open",
        |good| {
            let whole = good.head(good.body.len() + 10) + good.body;
            read_then([send(whole), Step::Silence])
        },
    ),
    fault(
        "too short a length",
        "a length of ten bytes less than the body has; the connection stays open",
        |good| Act::answer(good.head(good.body.len() - 10) + good.body),
    ),
    fault(
        "two lengths",
        "two headers that give different lengths",
        |good| {
            let length = good.body.len();
            let head = good.head(length);
            let other = format!("Content-Length: {}\r\n\r\n", length + 1);
            Act::answer(head.trim_end_matches("\r\n").to_owned() + "\r\n" + &other + good.body)
        },
    ),
    fault(
        "oversized, announced",
        "a length beyond the limit of the client",
        |good| {
            let head = good.head(LIMIT + 1);
            read_then([send(head), Step::Endless(filler())])
        },
    ),
    fault(
        "oversized, endless",
        "chunks without end, of one line without end",
        |good| {
            let head = good.head_of_chunks() + "6\r\ndata: \r\n";
            let mut chunk = format!("{:x}\r\n", filler().len()).into_bytes();
            chunk.extend_from_slice(&filler());
            chunk.extend_from_slice(b"\r\n");
            read_then([send(head), Step::Endless(chunk.into())])
        },
    ),
    fault(
        "gzip that is none",
        "a body that says it is compressed, and isn't",
        |good| gzipped(good, good.body.as_bytes()),
    ),
    fault(
        "gzip, cut",
        "a compressed body that ends too early",
        |good| {
            let whole = gzip::stored(good.body.as_bytes());
            gzipped(good, &whole[..whole.len() - 12])
        },
    ),
    fault(
        "gzip, wrong checksum",
        "a compressed body that is not what was compressed",
        |good| {
            let mut whole = gzip::stored(good.body.as_bytes());
            let at = whole.len() - 6;
            whole[at] ^= 1;
            gzipped(good, &whole)
        },
    ),
    fault(
        "gzip, a bomb",
        "a compressed body without end, 159 times as large as it seems",
        |good| {
            let (first, rest) = gzip::bomb();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Encoding: gzip\r\n\r\n",
                good.kind
            );
            let rest = Step::Endless(rest.repeat(500).into());
            read_then([send(head), send(first), rest])
        },
    ),
    fault(
        "a coding nobody asked for",
        "a body that is coded with br",
        |good| coded("br", good, good.body.as_bytes()),
    ),
    fault("not HTTP", "the answer is not HTTP", |_| {
        Act::answer("SSH-2.0-OpenSSH_9.9\r\n").then(Step::Close)
    }),
];

/// A good answer, but for its body, which is to be gzip.
fn gzipped(good: Good, body: &[u8]) -> Act {
    coded("gzip", good, body)
}

fn coded(coding: &str, good: Good, body: &[u8]) -> Act {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        good.kind,
        body.len()
    );
    read_then([send(head), send(body.to_vec())])
}

/// A piece of a line without end.
fn filler() -> Bytes {
    vec![b'x'; 64 << 10].into()
}
