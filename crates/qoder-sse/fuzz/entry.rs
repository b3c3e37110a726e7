//! What is fuzzed, for the fuzzer and for the tests that replay its corpus: each takes any bytes,
//! and panics if a promise is broken.

use std::time::Duration;

use qoder_sse::resume::{AllDurable, End, Output, Policy, Refusal, Resume, Start};
use qoder_sse::{Class, Item, Limits, Parser, Tail};

/// What a stream says, in a form that can be compared.
fn said(parser: &mut Parser, chunks: &[&[u8]]) -> (Vec<String>, Tail, String, Option<Duration>) {
    let mut items = Vec::new();
    let mut say = |item: Item<'_>| match item {
        Item::Frame(frame) => items.push(format!("{frame:?}")),
        Item::Overflow(overflow) => items.push(format!("{overflow:?}")),
        // Of a long comment that is cut, only the head is given.
        _ => {}
    };
    for (index, chunk) in chunks.iter().enumerate() {
        if chunks.len() == 1 || index % 3 == 0 {
            let mut items = parser.feed(chunk);
            while let Some(item) = items.next() {
                say(item);
            }
            assert_eq!(items.consumed(), chunk.len());
            continue;
        }
        let mut rest = *chunk;
        while !rest.is_empty() {
            let step = parser.step(rest);
            assert!(step.consumed > 0 || step.item.is_some(), "no progress");
            if let Some(item) = step.item {
                say(item);
            }
            rest = &rest[step.consumed..];
        }
    }
    let tail = parser.finish();
    (
        items,
        tail,
        parser.last_event_id().to_owned(),
        parser.retry(),
    )
}

/// The same bytes give the same frames however they are cut. The first two bytes choose the size
/// of the chunks, and the limits.
pub fn parser(input: &[u8]) {
    let [size, limit, stream @ ..] = input else {
        return;
    };
    let limits = match limit {
        0..=127 => Limits::default(),
        _ => Limits::default()
            .line(usize::from(limit - 127))
            .frame(usize::from(limit - 127)),
    };
    let size = usize::from(*size).max(1);
    let whole = said(&mut Parser::with_limits(limits), &[stream]);
    let chunks: Vec<&[u8]> = stream.chunks(size).collect();
    let cut = said(&mut Parser::with_limits(limits), &chunks);
    assert_eq!(whole, cut, "in chunks of {size}");
    // A second connection begins anew, and keeps the id.
    let mut parser = Parser::with_limits(limits);
    let first = said(&mut parser, &chunks);
    parser.restart();
    assert_eq!(parser.last_event_id(), first.2);
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
