//! Drives the resume machine by hand: no socket, no clock, no luck. Time is a number that this
//! program counts up, and the server is two texts and a log that can be listed.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::time::Duration;

use qoder_sse::Class;
use qoder_sse::resume::{
    Action, AllDurable, Ending, Found, ListFrom, Notice, Policy, Refusal, RefusalKind, Resume,
    Start, WalkBack,
};

/// The server's log at the time of the second connection, oldest first.
const LOG: [(&str, &str); 4] = [("1", "one"), ("2", "two"), ("3", "three"), ("4", "four")];

const UNKNOWN: Refusal = Refusal {
    status: 400,
    retry_after: None,
    kind: RefusalKind::CursorRejected,
};

fn main() {
    let mut now = Duration::ZERO;
    // The first connection is cut within the second event. By then the server has forgotten what
    // its cursors mean: it refuses the one that it is sent, and the list doesn't know it either.
    // What was missed is found by walking back, and the last connection begins behind that.
    let mut connections = [
        Some("id: 1\ndata: one\n\nid: 2\ndata: tw"),
        None,
        Some("id: 4\ndata: four\n\nid: 5\ndata: five\n\n"),
    ]
    .into_iter();
    let start = Start::After("0".into());
    let mut resume = Resume::new(start, Policy::default(), 7, AllDurable);
    let mut delivered = Vec::new();
    loop {
        match resume.poll(now) {
            Action::Connect { attempt, cursor } => {
                let sent = resume.cursor().filter(|_| cursor);
                println!("{now:>9.1?} connect, attempt {attempt}, Last-Event-ID: {sent:?}");
                match connections.next() {
                    Some(Some(text)) => {
                        resume.opened(now);
                        read(&mut resume, now, text, &mut delivered);
                        now += Duration::from_secs(20);
                        resume.ended(now, Ending::Clean);
                    }
                    Some(None) => resume.refused(now, UNKNOWN),
                    None => resume.close(),
                }
            }
            Action::List(ListFrom::BackToKnown) => walk_back(&mut resume, now, &mut delivered),
            Action::List(from) => {
                println!("{now:>9.1?} list from: {from:?}, refused");
                resume.list_failed(now, UNKNOWN);
            }
            Action::Wait(Some(until)) => {
                now = until;
                resume.tick(now);
            }
            Action::Notice(Notice::Lost(cause)) => println!("{now:>9.1?} lost: {cause}"),
            Action::Done(outcome) => {
                println!("{now:>9.1?} done: {outcome:?}");
                break;
            }
            _ => {}
        }
    }
    let want = ["one", "two", "three", "four", "five"];
    assert_eq!(delivered, want, "each event once, in order");
}

fn read(resume: &mut Resume<AllDurable>, now: Duration, text: &str, delivered: &mut Vec<String>) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() && resume.reads() {
        let fed = resume.bytes(now, rest);
        rest = &rest[fed.consumed..];
        if let Some(delivery) = fed.delivery {
            println!("{now:>9.1?} event: {}", delivery.frame.data());
            delivered.push(delivery.frame.data().to_owned());
        }
    }
}

/// The list in pages of two, newest first, up to what is known; then oldest first.
fn walk_back(resume: &mut Resume<AllDurable>, now: Duration, delivered: &mut Vec<String>) {
    println!("{now:>9.1?} list from the newest entry back");
    let mut back = WalkBack::new(1000);
    let newest_first: Vec<_> = LOG.into_iter().rev().collect();
    let mut pages = newest_first.chunks(2).peekable();
    while let Some(page) = pages.next() {
        let entries = page.iter().map(|&(id, data)| (Some(id), (id, data)));
        let more = pages.peek().is_some();
        resume.page(now, true, more);
        match back.page(entries, more, |id| resume.knows(id)) {
            Found::More => {}
            Found::Known => break,
            Found::Gap => return resume.list_gap(now),
        }
    }
    while let Some((id, data)) = back.take() {
        if resume.listed(Some(id), Class::Durable) {
            println!("{now:>9.1?} event: {data}, from the list");
            delivered.push(data.to_owned());
        }
    }
    resume.list_done(now);
}
