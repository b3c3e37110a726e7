//! Turns an event stream on standard input into JSON: one line for each event, then one with the
//! last event id and the reconnection time.
//!
//! `sse2json [--chunk N]` reads in chunks of N bytes, to try the parser with; 64 KiB by default.
#![allow(clippy::print_stderr, reason = "a program for the terminal")]

use std::io::{BufWriter, Read, Write};

use qoder_sse::{Item, Parser};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let size: usize = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => 64 << 10,
        ["--chunk", size] => size.parse()?,
        _ => return Err("usage: sse2json [--chunk N]".into()),
    };
    if size == 0 {
        return Err("--chunk: at least 1".into());
    }
    let mut input = std::io::stdin().lock();
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut parser = Parser::new();
    let mut chunk = vec![0; size];
    loop {
        let read = input.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        let mut rest = &chunk[..read];
        while !rest.is_empty() {
            let step = parser.step(rest);
            match step.item {
                Some(Item::Frame(frame)) => {
                    let text = |text: &str| json!(text);
                    writeln!(
                        output,
                        r#"{{"event":{},"data":{},"id":{}}}"#,
                        text(frame.event()),
                        text(frame.data()),
                        text(frame.last_event_id()),
                    )?;
                }
                Some(Item::Overflow(overflow)) => eprintln!("skipped: {overflow}"),
                _ => {}
            }
            rest = &rest[step.consumed..];
        }
        output.flush()?;
    }
    parser.finish();
    let retry = parser
        .retry()
        .map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    writeln!(
        output,
        "{}",
        json!({"last_event_id": parser.last_event_id(), "retry": retry})
    )?;
    Ok(output.flush()?)
}
