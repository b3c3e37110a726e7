//! The whole path, from bytes to typed events: `cargo xtask bench typed`.

use std::hint::black_box;
use std::time::Duration;

use bench::corpus::{self, Corpus, Cut};
use bench::measure;
use bench::typed::{READERS, samples};
use qoder_sse::{Item, Parser};
use qoder_types::Event;

fn main() {
    println!("from the data of a frame\n");
    println!("| event | as | ns | time, to ours |");
    println!("|---|---|--:|--:|");
    for sample in samples() {
        let rounds = (32 << 20) / sample.data.len().max(512);
        let mut runs: Vec<Box<dyn FnMut()>> = READERS
            .iter()
            .map(|reader| {
                let sample = &sample;
                Box::new(move || (0..rounds).for_each(|_| (reader.read)(black_box(sample))))
                    as Box<dyn FnMut()>
            })
            .collect();
        let times = measure::interleaved(9, &mut runs);
        for (reader, time) in READERS.iter().zip(&times) {
            println!(
                "| {} | {} | {:.0} | {:.2}x |",
                sample.name,
                reader.name,
                measure::each(*time, rounds),
                time.as_secs_f64() / times[0].as_secs_f64(),
            );
        }
    }
    whole();
}

/// Deltas from chunks of bytes to typed events, with our parser and with the fastest other one.
fn whole() {
    let deltas = corpus::deltas(32 << 20);
    println!("\ndeltas, from chunks to typed events\n");
    println!("| chunks | qoder-sse, ns | sse-core, ns | ratio |");
    println!("|---|--:|--:|--:|");
    for (name, size) in [("16 KiB", 16 << 10), ("1,400 B", 1400)] {
        let corpus = Corpus::new(name, &deltas, Cut::Every(size));
        let mut events = 0;
        let ours = || {
            let mut parser = Parser::new();
            let mut count = 0;
            for chunk in corpus.chunks() {
                let mut items = parser.feed(chunk);
                while let Some(item) = items.next() {
                    if let Item::Frame(frame) = item {
                        let event = Event::decode(frame.event(), frame.id(), frame.data());
                        assert!(matches!(event, Event::EventDelta(_)));
                        black_box(event);
                        count += 1;
                    }
                }
            }
            count
        };
        let peer = || {
            let mut decoder = sse_core::SseDecoder::new();
            for mut chunk in corpus.chunks() {
                while let Some(event) = decoder.next(&mut chunk) {
                    if let Ok(sse_core::SseEvent::Message(message)) = event {
                        let id = message.last_event_id.as_deref();
                        let event = Event::decode(&message.event, id, &message.data);
                        assert!(matches!(event, Event::EventDelta(_)));
                        black_box(event);
                    }
                }
            }
        };
        let times: Vec<Duration> =
            measure::interleaved(9, &mut [Box::new(|| events = ours()), Box::new(peer)]);
        println!(
            "| {name} | {:.0} | {:.0} | {:.2}x |",
            measure::each(times[0], events),
            measure::each(times[1], events),
            times[1].as_secs_f64() / times[0].as_secs_f64(),
        );
    }
}
