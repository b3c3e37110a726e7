//! Bodies: of one piece, and of an event stream that goes on in simulated time.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use serde_json::json;
use tokio::time::{Instant, Sleep, sleep_until};

use super::chance::Chance;
use super::oddities::Oddities;
use super::schedule::{Said, Schedule};
use super::world::{Shared, World, lock};

/// A text, whole or broken off.
pub(crate) struct Literal {
    text: Option<Bytes>,
    breaks: bool,
}

impl Literal {
    pub(crate) fn whole(text: String) -> Self {
        Self {
            text: Some(text.into()),
            breaks: false,
        }
    }

    pub(crate) fn cut(mut text: String, at: usize) -> Self {
        let mut at = at;
        while !text.is_char_boundary(at) {
            at += 1;
        }
        text.truncate(at);
        Self {
            text: Some(text.into()),
            breaks: true,
        }
    }
}

impl Body for Literal {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(match self.text.take() {
            Some(text) => Some(Ok(Frame::data(text))),
            None if std::mem::take(&mut self.breaks) => {
                Some(Err(io::ErrorKind::UnexpectedEof.into()))
            }
            None => None,
        })
    }
}

/// The end of a connection.
#[derive(Clone, Default)]
pub(crate) struct Fate {
    /// After so many bytes …
    bytes: Option<usize>,
    /// … or so many frames …
    frames: Option<usize>,
    /// … this is said …
    last_words: String,
    /// … so many ms after it was opened …
    late: u64,
    /// … and then the connection is as it will be.
    then: Then,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Then {
    #[default]
    Ends,
    Breaks,
    Silent,
}

impl std::fmt::Debug for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: String = self.last_words.chars().take(80).collect();
        f.debug_struct("Fate")
            .field("bytes", &self.bytes)
            .field("frames", &self.frames)
            .field("last_words", &words)
            .field("late", &self.late)
            .field("then", &self.then)
            .finish()
    }
}

impl Fate {
    pub(crate) fn cut(bytes: usize, clean: bool) -> Self {
        Self {
            bytes: Some(bytes),
            then: if clean { Then::Ends } else { Then::Breaks },
            ..Self::default()
        }
    }

    pub(crate) fn silent(bytes: usize) -> Self {
        Self {
            bytes: Some(bytes),
            then: Then::Silent,
            ..Self::default()
        }
    }

    /// The same, so many ms after the opening.
    pub(crate) fn late(mut self, ms: u64) -> Self {
        self.late = ms;
        self
    }

    /// The state of streams while nothing works.
    pub(crate) fn outage(odd: &Oddities) -> Self {
        Self {
            frames: Some(0),
            last_words: odd.last_words.to_owned(),
            then: if odd.falls_silent {
                Then::Silent
            } else {
                Then::Ends
            },
            ..Self::default()
        }
    }

    pub(crate) fn frames(frames: usize) -> Self {
        Self {
            frames: Some(frames),
            ..Self::default()
        }
    }

    pub(crate) fn said(words: String, frames: usize) -> Self {
        Self {
            frames: Some(frames),
            last_words: words,
            ..Self::default()
        }
    }
}

/// An event stream.
pub(crate) struct StreamBody {
    world: Shared,
    schedule: Arc<Schedule>,
    chance: Chance,
    started: Instant,
    opened_at: Instant,
    previews: bool,
    fate: Fate,
    /// The bytes that are written and not yet sent.
    out: BytesMut,
    /// The number of bytes that were sent.
    sent: usize,
    /// Where in the bytes the frame of an event ends, of those that were not handed over yet.
    ends: VecDeque<(usize, usize)>,
    /// The number of frames that were written.
    frames: usize,
    /// The events written that have no id.
    strays: Vec<&'static str>,
    /// The number of bytes that come through though streams are held back.
    passes: usize,
    /// The next bytes on the wire.
    next: usize,
    beat: Instant,
    over: bool,
    timer: Pin<Box<Sleep>>,
}

impl StreamBody {
    /// `from` is the first event after the cursor; without one the server decides.
    pub(crate) fn open(
        world: Shared,
        w: &mut World,
        from: Option<usize>,
        previews: bool,
        fate: Fate,
    ) -> Self {
        w.open += 1;
        let now = Instant::now();
        let schedule = Arc::clone(&w.schedule);
        let mut body = Self {
            chance: Chance::new(w.chance.next()),
            started: w.log_started(),
            opened_at: now,
            previews,
            fate,
            out: BytesMut::new(),
            sent: 0,
            ends: VecDeque::new(),
            frames: 0,
            strays: Vec::new(),
            passes: 0,
            next: 0,
            beat: now + heartbeat(&schedule),
            over: false,
            timer: Box::pin(sleep_until(now)),
            world,
            schedule,
        };
        if body.schedule.odd.comment {
            body.out.extend_from_slice(b": ok\n\n");
            body.passes = body.out.len();
        }
        let (oldest, published, first) = (w.oldest(), w.streamed(), w.first);
        body.catch_up(from, oldest, published, first);
        body
    }

    /// The events from before the connection, as far as the server repeats them.
    fn catch_up(&mut self, from: Option<usize>, oldest: usize, published: usize, first: usize) {
        let schedule = Arc::clone(&self.schedule);
        let from = match from {
            Some(from) if schedule.odd.ignores_cursor => from,
            Some(from) if schedule.replay > 0 => {
                // Never before the start of this follower: it couldn't know what it sees there.
                let replay = self.chance.size(0, schedule.replay);
                from.saturating_sub(replay).max(first).min(from)
            }
            Some(from) => from,
            None if schedule.tail_only => published,
            None => oldest,
        };
        let now = self.known_until();
        self.next = schedule
            .said
            .partition_point(|(at, _)| Duration::from_millis(*at) <= now);
        for (_, said) in &schedule.said[..self.next] {
            match *said {
                Said::Entry(n) if n >= from.max(oldest) => self.say(*said),
                Said::Start(n) | Said::Delta(n, ..)
                    if n >= published && schedule.repeats_previews =>
                {
                    self.say(*said);
                }
                _ => {}
            }
        }
    }

    /// Up to when the stream knows of what was said.
    fn known_until(&self) -> Duration {
        let lag = Duration::from_millis(self.schedule.odd.stream_lag);
        self.started.elapsed().saturating_sub(lag)
    }

    /// When what ends the stream is said, if not yet.
    fn is_late(&self) -> Option<Instant> {
        let by_frames = self.fate.frames.is_some_and(|frames| self.frames >= frames);
        let at = self.opened_at + Duration::from_millis(self.fate.late);
        (by_frames && Instant::now() < at).then_some(at)
    }

    /// Whether bytes wait until something lets them through, and until when.
    fn held_until(&self) -> Option<Instant> {
        let (from, to) = self.schedule.odd.held?;
        let world = lock(&self.world).started;
        let at = |ms| world + Duration::from_millis(ms);
        let is_held = (at(from)..at(to)).contains(&Instant::now());
        (is_held && self.sent >= self.passes).then(|| at(to))
    }

    fn say(&mut self, said: Said) {
        if self.fate.frames.is_some_and(|frames| self.frames >= frames) {
            return;
        }
        let schedule = Arc::clone(&self.schedule);
        if schedule.junk > 0 && self.chance.percent(schedule.junk) {
            let junk = self.chance.pick(&[
                ": a comment\n\n",
                "retry: 50\n\n",
                "event: heartbeat\ndata: {}\n\n",
                "event: ping\nid: evt_ping\ndata: {}\n\n",
                "data: {\"type\": \n\n",
                "event: agent.message\ndata: not json\n\n",
                "id: evt_lost\n\n",
                "event: odd\nnofield\nunknown: 1\n\n",
                "data: [1,\r\ndata: 2]\r\r",
            ]);
            self.out.extend_from_slice(junk.as_bytes());
            self.strays.extend(stray(junk));
        }
        let spoils = schedule.odd.spoils;
        let (name, id, json) = match said {
            Said::Start(_) | Said::Delta(..) if !self.previews => return,
            Said::Delta(n, ..) if spoils > 0 && self.chance.percent(spoils) => {
                let id = &schedule.entries[n].id;
                let json = self.chance.pick(&[
                    r#"{"type":"event_delta","event_id":"ID","delta":7}"#,
                    r#"{"type":"event_delta","event_id":7}"#,
                    r#"{"type":"event_delta","#,
                ]);
                ("event_delta", id, json.replace("ID", id))
            }
            Said::Start(n) => {
                let id = &schedule.entries[n].id;
                let event = json!({"id": id, "type": "agent.message"});
                let json = json!({"type": "event_start", "event": event});
                ("event_start", id, json.to_string())
            }
            Said::Delta(n, from, to) => {
                let entry = &schedule.entries[n];
                let text = &entry.text.as_deref().unwrap_or("")[from..to];
                let content = json!({"type": "text", "text": text});
                let delta = json!({"type": "content_delta", "index": 0, "content": content});
                let json = json!({"type": "event_delta", "event_id": entry.id, "delta": delta});
                ("event_delta", &entry.id, json.to_string())
            }
            Said::Entry(n) => {
                let entry = &schedule.entries[n];
                (entry.name, &entry.id, entry.json.clone())
            }
        };
        let end = if self.chance.percent(90) {
            "\n"
        } else {
            "\r\n"
        };
        let twice = matches!(said, Said::Entry(_)) && schedule.replay > 0 && self.chance.percent(5);
        for _ in 0..=usize::from(twice) {
            let frame = format!("id: {id}{end}event: {name}{end}data: {json}{end}{end}");
            self.out.extend_from_slice(frame.as_bytes());
        }
        self.frames += 1;
        if let Said::Entry(n) = said {
            self.ends.push_back((self.sent + self.out.len(), n));
        }
    }

    /// The next bytes, or what becomes of the connection.
    fn chunk(&mut self) -> Option<io::Result<Bytes>> {
        if self.held_until().is_some() {
            return None;
        }
        let left = self
            .fate
            .bytes
            .map_or(usize::MAX, |bytes| bytes.saturating_sub(self.sent));
        let by_frames = self.fate.frames.is_some_and(|frames| self.frames >= frames);
        if self.out.is_empty() && by_frames && self.is_late().is_some() {
            return None;
        }
        if self.out.is_empty() && by_frames && !self.fate.last_words.is_empty() {
            let words = std::mem::take(&mut self.fate.last_words);
            self.out.extend_from_slice(words.as_bytes());
            self.strays.extend(stray(&words));
        }
        if left > 0 && !self.out.is_empty() {
            let size = self.chance.size(1, self.schedule.chunk);
            let chunk = self
                .out
                .split_to(size.min(left).min(self.out.len()))
                .freeze();
            self.sent += chunk.len();
            let mut world = lock(&self.world);
            for stray in self.strays.drain(..) {
                *world.strays.entry(stray.to_owned()).or_default() += 1;
            }
            return Some(Ok(chunk));
        }
        if left > 0 && !by_frames {
            return None;
        }
        match self.fate.then {
            Then::Silent => return None,
            Then::Ends => {}
            Then::Breaks => {
                self.over = true;
                return Some(Err(io::ErrorKind::ConnectionReset.into()));
            }
        }
        self.over = true;
        Some(Ok(Bytes::new()))
    }

    fn is_silent(&self) -> bool {
        let by_frames = self.fate.frames.is_some_and(|frames| self.frames >= frames);
        let is_over = by_frames && self.fate.last_words.is_empty() && self.out.is_empty();
        self.fate.then == Then::Silent
            && (is_over || self.fate.bytes.is_some_and(|bytes| self.sent >= bytes))
    }

    /// Whoever reads on has handed over what was read before. Whether there is anything to read.
    fn check_reader(&mut self) -> bool {
        let mut world = lock(&self.world);
        let delivered = world.delivered;
        while let Some((_, n)) = self.ends.front().filter(|(end, _)| *end <= self.sent) {
            if *n >= delivered {
                world.complain(format!(
                    "more is read while event {n} is not handed over (of {delivered})"
                ));
                break;
            }
            self.ends.pop_front();
        }
        !world.step()
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if !this.check_reader() {
            return Poll::Pending;
        }
        loop {
            if this.over {
                return Poll::Ready(None);
            }
            let now = this.known_until();
            while let Some((at, said)) = this.schedule.said.get(this.next).copied() {
                if Duration::from_millis(at) > now {
                    break;
                }
                this.next += 1;
                this.say(said);
            }
            match this.chunk() {
                Some(Ok(chunk)) if chunk.is_empty() => return Poll::Ready(None),
                Some(chunk) => {
                    this.beat = Instant::now() + heartbeat(&this.schedule);
                    return Poll::Ready(Some(chunk.map(Frame::data)));
                }
                None => {}
            }
            let said = this.schedule.said.get(this.next);
            let lag = this.schedule.odd.stream_lag;
            let next = said.map(|(at, _)| this.started + Duration::from_millis(*at + lag));
            let held = this.held_until();
            let due = match next {
                _ if this.is_silent() => return Poll::Pending,
                _ if held.is_some() => held.unwrap_or(this.beat),
                Some(at) => at.min(this.beat),
                None => this.beat,
            };
            let due = this.is_late().map_or(due, |late| late.min(due));
            if this.timer.deadline() != due {
                this.timer.as_mut().reset(due);
            }
            ready!(this.timer.as_mut().poll(cx));
            if held.is_none() && Instant::now() >= this.beat && this.out.is_empty() {
                this.out.extend_from_slice(b": beat\n\n");
            }
        }
    }
}

/// The time between two signs of life.
fn heartbeat(schedule: &Schedule) -> Duration {
    Duration::from_secs(if schedule.odd.mute { 1 << 30 } else { 15 })
}

/// The data of what is an event without an id, if it is one.
fn stray(junk: &str) -> Option<&'static str> {
    match junk {
        "data: {\"type\": \n\n" => Some("{\"type\": "),
        "event: agent.message\ndata: not json\n\n" => Some("not json"),
        "data: upstream connect error\n\n" => Some("upstream connect error"),
        "data: [1,\r\ndata: 2]\r\r" => Some("[1,\n2]"),
        _ => None,
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        lock(&self.world).open -= 1;
    }
}

impl std::fmt::Debug for StreamBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamBody")
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}
