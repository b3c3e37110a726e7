//! What is fuzzed, for the fuzzer and for the tests that replay its corpus: each takes any bytes,
//! and panics if a promise is broken.

use std::time::Duration;

use qoder_sse::resume::{AllDurable, End, Output, Policy, Refusal, Resume, Start};
use qoder_sse::{Class, Limits, Parser};

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

/// Whatever happens, the machine says what to do, never connects before its time, keeps its
/// cursor, and ends when it is told to.
pub fn resume(input: &[u8]) {
    let [start, seed, events @ ..] = input else {
        return;
    };
    let start = match start % 4 {
        0 => Start::Now,
        1 => Start::Beginning,
        2 => Start::Attach,
        _ => Start::After("e0".to_owned()),
    };
    let mut machine = Resume::new(start, Policy::default(), u64::from(*seed), AllDurable);
    let mut now = Duration::ZERO;
    let mut due = Duration::ZERO;
    for pair in events.chunks(2) {
        for n in 0.. {
            assert!(n < 100, "it never waits");
            match machine.poll(now) {
                Output::Done(_) => return,
                Output::Wait(until) => {
                    due = until.unwrap_or(Duration::MAX);
                    break;
                }
                Output::Connect { .. } => assert!(now >= due || due == Duration::MAX, "too early"),
                _ => {}
            }
        }
        due = Duration::MAX.min(due);
        let before = machine.cursor().map(ToOwned::to_owned);
        let value = pair.get(1).copied().unwrap_or(0);
        let id = format!("e{value}");
        match pair[0] % 14 {
            0 => machine.opened(now),
            1 => machine.failed(now),
            2 => machine.refused(now, Refusal::of_status(200 + u16::from(value) * 2)),
            3 => {
                let frame = format!("id: {id}\ndata: {value}\n\n");
                let mut rest = &frame.as_bytes()[..frame.len() - usize::from(value % 2)];
                while !rest.is_empty() {
                    rest = &rest[machine.bytes(now, rest).consumed..];
                }
            }
            4 => drop(machine.bytes(now, &[value])),
            5 => machine.ended(now, End::Clean),
            6 => machine.ended(now, End::Broken),
            7 => machine.newest(now, (value > 0).then_some(id.as_str())),
            8 => drop(machine.listed(Some(&id), Class::Durable)),
            9 => machine.list_done(now),
            10 => machine.list_failed(now, Refusal::of_status(200 + u16::from(value) * 2)),
            11 => machine.wake(now),
            _ => {
                let step = match value {
                    255 => Duration::MAX,
                    250.. => Duration::from_secs(1 << 40),
                    _ => Duration::from_millis(u64::from(value) * 50),
                };
                now = now.saturating_add(step);
                machine.tick(now);
            }
        }
        if pair[0] % 14 == 11 || now >= due {
            // Woken, or due: it may connect at once.
            due = Duration::ZERO;
        }
        assert!(
            before.is_none() || machine.cursor().is_some(),
            "the cursor is lost"
        );
    }
    machine.close();
    for n in 0.. {
        assert!(n < 100, "it never ends");
        if let Output::Done(_) = machine.poll(now) {
            return;
        }
    }
}
