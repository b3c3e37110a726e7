//! Drives the resume machine by hand: no socket, no clock, no luck. Time is a number that this
//! program counts up, and the server is two texts.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::time::Duration;

use qoder_sse::resume::{AllDurable, End, Notice, Output, Policy, Resume, Start};

fn main() {
    let mut now = Duration::ZERO;
    // The connection is cut within the second event, so the server is asked for what comes after
    // the first one. It repeats that all the same.
    let mut connections = [
        "id: 1\ndata: one\n\nid: 2\ndata: tw",
        "id: 1\ndata: one\n\nid: 2\ndata: two\n\n",
    ]
    .into_iter();
    let mut resume = Resume::new(Start::Attach, Policy::default(), 7, AllDurable);
    let mut delivered = Vec::new();
    loop {
        match resume.poll(now) {
            Output::Connect { attempt, cursor } => {
                let sent = resume.cursor().filter(|_| cursor);
                println!("{now:>9.1?} connect, attempt {attempt}, Last-Event-ID: {sent:?}");
                resume.opened(now);
                let Some(mut rest) = connections.next().map(str::as_bytes) else {
                    resume.close();
                    continue;
                };
                while !rest.is_empty() {
                    let fed = resume.bytes(now, rest);
                    rest = &rest[fed.consumed..];
                    if let Some(delivery) = fed.delivery {
                        println!("{now:>9.1?} event: {}", delivery.frame.data());
                        delivered.push(delivery.frame.data().to_owned());
                    }
                }
                now += Duration::from_secs(20);
                resume.ended(now, End::Clean);
            }
            Output::Wait(Some(until)) => {
                now = until;
                resume.tick(now);
            }
            Output::Notice(Notice::Lost(cause)) => println!("{now:>9.1?} lost: {cause}"),
            Output::Done(outcome) => {
                println!("{now:>9.1?} done: {outcome:?}");
                break;
            }
            _ => {}
        }
    }
    assert_eq!(delivered, ["one", "two"], "each event once, in order");
}
