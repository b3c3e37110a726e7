//! What is fuzzed, for the fuzzer and for the tests that replay its corpus: each takes any bytes,
//! and panics if a promise is broken.

use std::collections::VecDeque;
use std::time::Duration;

use qoder_sse::resume::{
    Action, Ending, Fault, Policy, Polling, Refusal, RefusalKind, Resume, Start, State,
};
use qoder_sse::{Class, Classify, Frame, Limits, Parser};

use self::reference::{WAYS, Way, compare, reference};

#[path = "reference.rs"]
mod reference;

/// A parser tells what the reference does, however the stream is cut and read, and so does one that
/// had another stream before. The first three bytes choose the cuts and the limits of lines and of
/// frames.
pub fn parser(input: &[u8]) {
    let [cuts, line, frame, stream @ ..] = input else {
        return;
    };
    let limits = Limits::default().line(limit(*line)).frame(limit(*frame));
    let chunks = cut(stream, *cuts);
    let want = reference(stream, limits, "");
    for way in WAYS {
        compare(&mut Parser::with_limits(limits), &[stream], way, &want);
        compare(&mut Parser::with_limits(limits), &chunks, way, &want);
    }
    let broken = chunks.len() / 2;
    let before = reference(&chunks[..broken].concat(), limits, "");
    let mut want = reference(stream, limits, &before.last_event_id);
    want.retry = want.retry.or(before.retry);
    let mut parser = Parser::with_limits(limits);
    for chunk in &chunks[..broken] {
        let mut items = parser.feed(chunk);
        while items.next().is_some() {}
    }
    parser.restart();
    compare(&mut parser, &chunks, Way::Fed, &want);
}

fn limit(byte: u8) -> usize {
    match byte {
        0..=127 => usize::from(byte),
        128..=191 => usize::from(byte - 127) * 100,
        _ => 16 << 20,
    }
}

/// Chunks of a size, or of sizes that follow from a seed, empty ones among them.
fn cut(stream: &[u8], cuts: u8) -> Vec<&[u8]> {
    if let 1..=127 = cuts {
        return stream.chunks(cuts.into()).collect();
    }
    let mut chunks = Vec::new();
    let mut rest = stream;
    let mut state = u32::from(cuts);
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let most = if state >> 31 == 0 { 4 } else { 100 };
        let (chunk, behind) = rest.split_at(((state >> 16) as usize % most).min(rest.len()));
        chunks.push(chunk);
        rest = behind;
    }
    chunks
}

/// Entries as they are, previews, faults: all that a stream may bring.
struct Kinds {
    follows: bool,
}

impl Classify for Kinds {
    fn classify(&mut self, frame: &Frame<'_>) -> Class {
        match frame.data() {
            "preview" => Class::Preview,
            "pulse" => Class::Pulse,
            "done" => Class::EndOfStream,
            "transient" => Class::Fault(Fault::Transient),
            "fatal" => Class::Fault(Fault::Fatal),
            "rejected" => Class::Fault(Fault::CursorRejected),
            "final" => Class::Final,
            _ => Class::Durable,
        }
    }

    fn follows_last_id(&self) -> bool {
        self.follows
    }
}

/// Requests that may be asked for while no time passes and nothing new comes: the rejection of a
/// cursor is answered by a list, which may walk back, and that by a connection.
const REQUESTS: u32 = 12;

/// Drives a machine with whatever comes, and holds it to its promises.
struct Driven {
    machine: Resume<Kinds>,
    now: Duration,
    /// When it said that it would do something next.
    until: Duration,
    /// When the next request may be made, where a wait is under way.
    due: Duration,
    /// Requests since time passed, or something new came.
    requests: u32,
    remembered: usize,
    /// What was delivered last, as far as it is remembered.
    delivered: VecDeque<String>,
}

impl Driven {
    /// Whether it goes on.
    fn drain(&mut self) -> bool {
        for _ in 0..100 {
            match self.machine.poll(self.now) {
                Action::Done(outcome) => {
                    assert_eq!(self.machine.poll(self.now), Action::Done(outcome));
                    return false;
                }
                Action::Wait(until) => {
                    self.until = until.unwrap_or(Duration::MAX);
                    let waits = matches!(self.machine.state(), State::Waiting | State::Resting);
                    self.due = if waits { self.until } else { Duration::ZERO };
                    return true;
                }
                Action::Connect { .. } | Action::List(_) | Action::GoOn => {
                    assert!(self.now >= self.due, "too early");
                    self.requests += 1;
                    assert!(self.requests <= REQUESTS, "a flood of requests");
                }
                _ => {}
            }
        }
        panic!("it never waits");
    }

    fn delivers(&mut self, id: &str) {
        self.requests = 0;
        if self.remembered == 0 {
            return;
        }
        assert!(!self.delivered.iter().any(|known| known == id), "twice");
        self.delivered.push_back(id.to_owned());
        if self.delivered.len() > self.remembered {
            self.delivered.pop_front();
        }
    }

    fn stream(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while !rest.is_empty() && self.machine.reads() {
            let fed = self.machine.bytes(self.now, rest);
            rest = &rest[fed.consumed..];
            let id = fed.delivery.and_then(|delivery| {
                let entry = matches!(delivery.class, Class::Durable | Class::Final);
                delivery.frame.id().filter(|_| entry).map(ToOwned::to_owned)
            });
            if let Some(id) = id.filter(|id| !id.is_empty()) {
                self.delivers(&id);
            }
        }
    }

    fn list(&mut self, id: &str, class: Class) {
        if self.machine.listed(Some(id), class) {
            self.delivers(id);
        }
    }

    fn pass(&mut self, value: u8) {
        let step = match value {
            255 => Duration::MAX,
            250.. => Duration::from_secs(1 << 40),
            // To the moment that it waits for, as a driver does.
            200.. if self.until < Duration::MAX => self.until.saturating_sub(self.now),
            _ => Duration::from_millis(u64::from(value) * 50),
        };
        if step > Duration::ZERO {
            self.requests = 0;
        }
        self.now = self.now.saturating_add(step);
        self.machine.tick(self.now);
    }
}

fn refusal(value: u8) -> Refusal {
    Refusal {
        status: 400,
        retry_after: (value % 5 == 0).then(|| Duration::from_secs(value.into())),
        kind: match value % 4 {
            0 => RefusalKind::CursorRejected,
            3 if value > 250 => RefusalKind::Fatal,
            _ => RefusalKind::Transient,
        },
    }
}

/// Whatever happens, the machine says what to do, never asks before its time nor in a flood, keeps
/// its cursor, delivers nothing twice of what it remembers, and ends when it is told to. The first
/// two bytes choose the start, the policy and the seed.
pub fn resume(input: &[u8]) {
    let [choice, seed, events @ ..] = input else {
        return;
    };
    let start = match choice % 4 {
        0 => Start::Now,
        1 => Start::Beginning,
        2 => Start::Attach,
        _ => Start::After("e0".to_owned()),
    };
    let polling = match (choice >> 2) % 4 {
        0 => Polling::Never,
        1 => Polling::Auto,
        2 => Polling::After(40),
        _ => Polling::Always,
    };
    let follows = choice & 0x40 != 0;
    let mut policy = Policy::default().polling(polling);
    if choice & 0x10 != 0 {
        policy = policy.remembered(usize::from(*seed) % 3);
    }
    if choice & 0x20 != 0 {
        let zero = Duration::ZERO;
        policy = policy.look(zero, zero).pace(zero).stream_again(zero);
    }
    let mut driven = Driven {
        delivered: match &start {
            Start::After(id) => VecDeque::from([id.clone()]),
            _ => VecDeque::new(),
        },
        machine: Resume::new(start, policy, u64::from(*seed), Kinds { follows }),
        now: Duration::ZERO,
        until: Duration::ZERO,
        due: Duration::ZERO,
        requests: 0,
        remembered: policy.remembered,
    };
    for pair in events.chunks(2) {
        if !driven.drain() {
            return;
        }
        let before = driven.machine.cursor().map(ToOwned::to_owned);
        let value = pair.get(1).copied().unwrap_or(0);
        if driven.input(pair[0] % 24, value) {
            driven.due = Duration::ZERO;
        }
        assert!(
            before.is_none() || follows || driven.machine.cursor().is_some(),
            "the cursor is lost"
        );
    }
    driven.machine.close();
    assert!(!driven.drain(), "it never ends");
}

impl Driven {
    /// One input; whether it may ask for something at once after it.
    fn input(&mut self, kind: u8, value: u8) -> bool {
        let id = format!("e{value}");
        let now = self.now;
        match kind {
            0 => self.machine.opened(now),
            1 => self.machine.failed(now),
            2 => self
                .machine
                .refused(now, Refusal::of_status(200 + u16::from(value) * 2)),
            3 | 4 => {
                let frame = format!("id: {id}\ndata: {value}\n\n");
                let cut = usize::from(value % 2);
                self.stream(&frame[..frame.len() - cut]);
            }
            5 => self.stream(char::from(value).to_string().as_str()),
            6 => self.stream(match value % 16 {
                0 => "data: done\n\n",
                1 => "data: transient\n\n",
                2 => "data: rejected\n\n",
                3 if value > 250 => "data: fatal\n\n",
                4 if value > 250 => "data: final\n\n",
                5 => "data: pulse\n\n",
                6 => "id\n\n",
                7 => "data: no id\n\n",
                8 => "retry: 7000\n",
                9 => "id: e1\ndata: 1\n\nid: e2\ndata: 2\n\nid: e3\ndata: 3\n\n",
                _ => "data: preview\n\n",
            }),
            7 => self.machine.ended(now, Ending::Clean),
            8 => self.machine.ended(now, Ending::Broken),
            9 => {
                let known = self.machine.state() == State::Seeding && value > 0;
                self.machine.newest(now, (value > 0).then_some(&id));
                if known && self.remembered > 0 {
                    self.delivered.push_back(id);
                    while self.delivered.len() > self.remembered {
                        self.delivered.pop_front();
                    }
                }
            }
            10 | 11 => self.list(&id, Class::Durable),
            12 => self.machine.list_done(now),
            13 => self.machine.list_failed(now, refusal(value)),
            14 => self.machine.page(now, value % 2 == 0, value % 3 == 0),
            15 => self.machine.list_broken(now),
            16 => self.machine.list_unreachable(now),
            17 => self.machine.list_gap(now),
            18 => {
                self.machine.wake(now);
                self.requests = 0;
                return true;
            }
            19 => {
                self.machine.progressed();
            }
            20 => self.machine.refused(now, refusal(value)),
            21 => {
                let _ = self.machine.listed(None, Class::Durable);
            }
            _ => self.pass(value),
        }
        now >= self.due
    }
}
