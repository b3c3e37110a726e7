//! The parts of a run: the log and when it is published, how the server behaves, who follows.

use std::fmt::Write;
use std::time::Duration;

use serde_json::json;

use super::chance::Chance;
use super::oddities::Oddities;
use super::turn::{self, TurnPlan};

/// An event of the log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its id.
    pub(crate) id: String,
    /// Its JSON.
    pub(crate) json: String,
    /// It has no id for anybody else.
    pub(crate) unnamed: bool,
    /// Its type.
    pub(crate) name: &'static str,
    /// The text, of a message.
    pub(crate) text: Option<String>,
    /// When it is published, in ms.
    pub(crate) at: u64,
}

/// Something that a stream says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said {
    /// A message is begun.
    Start(usize),
    /// A piece of a message: from, to.
    Delta(usize, usize, usize),
    /// An event.
    Entry(usize),
}

/// Where following starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// `Start::Beginning`.
    Beginning,
    /// `Start::Now`.
    Now,
    /// After the event of this number.
    After(usize),
}

/// By which means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    /// The stream, or the list where that is of no use: the default.
    Stream,
    /// The stream, whatever comes.
    Alone,
    /// The list.
    Polling,
    /// The stream, and after so many failures the list.
    Either(u32),
}

/// The way in which the caller takes what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At once.
    Prompt,
    /// With pauses of up to so many ms.
    Slow(u64),
    /// At once, but now and then the clock jumps by up to half an hour.
    Jumps,
    /// It gives up waiting again and again, and drops the future.
    Impatient,
    /// It drops one future: at this poll, counted over the whole run.
    Drops(usize),
}

/// One run.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The number that it was made from.
    pub(crate) seed: u64,
    /// The log.
    pub(crate) entries: Vec<Entry>,
    /// The words of a stream, with their time in ms.
    pub(crate) said: Vec<(u64, Said)>,
    /// Whether the last event is the session's last.
    pub(crate) ends: bool,
    /// A stream without a cursor begins with what comes next, not with the beginning.
    pub(crate) tail_only: bool,
    /// Previews are asked for.
    pub(crate) previews: bool,
    /// A new connection repeats the previews of what is being written.
    pub(crate) repeats_previews: bool,
    /// Whether a thread is followed: its list has no descending order.
    pub(crate) thread: bool,
    /// Events per page, at most.
    pub(crate) page: usize,
    /// The number of answers in a hundred that have a fault.
    pub(crate) fault_rate: u64,
    /// The number of faults there are in all.
    pub(crate) faults: usize,
    /// The largest number of events before the cursor that are repeated.
    pub(crate) replay: usize,
    /// The frequency of something strange between the events, in percent.
    pub(crate) junk: u64,
    /// Bytes per chunk, at most.
    pub(crate) chunk: usize,
    /// From this time on, the events before this one are gone.
    pub(crate) trim: Option<(u64, usize)>,
    /// Between these times, in ms, each stream is opened and ends at once.
    pub(crate) outage: Option<(u64, u64)>,
    /// Cut connections at this byte, cleanly or not, as long as there are faults.
    pub(crate) cut_at: Option<(usize, bool)>,
    /// Where to start.
    pub(crate) from: From,
    /// By which means.
    pub(crate) means: Means,
    /// The caller.
    pub(crate) pace: Pace,
    /// The number of events in a hundred that are followed by a new process that goes on.
    pub(crate) restarts: u64,
    /// The turn that is started, in place of following the session.
    pub(crate) turn: Option<TurnPlan>,
    /// The oddity that the server has all along.
    pub(crate) odd: Oddities,
}

impl Schedule {
    /// The schedule of a seed: each fifth is that of a turn.
    pub fn new(seed: u64) -> Self {
        let mut schedule = Self::follow(seed);
        let mut chance = Chance::new(seed ^ 0x0074);
        if chance.percent(4) {
            let from = chance.below(20_000);
            let length = chance.pick(&[20_000, 100_000, 400_000]);
            schedule.outage = Some((from, from + length));
        }
        let is_turn = seed % 5 == 4;
        let mut chance = Chance::new(seed ^ 0x0DD);
        if schedule.means == Means::Stream && chance.percent(30) {
            schedule.means = Means::Alone;
        }
        if chance.percent(40) {
            Oddities::befall(&mut schedule, &mut chance, is_turn);
        }
        if is_turn {
            schedule.with_turn(&mut Chance::new(seed ^ 0x7A2B))
        } else {
            schedule
        }
    }

    /// The same server with the same faults, for a turn.
    fn with_turn(self, chance: &mut Chance) -> Self {
        let (entries, said, plan) = turn::turn(chance);
        let mut odd = self.odd.clone();
        if plan.anonymous {
            // A message without a name is looked for in the list: that has to have it.
            (odd.stream_lag, odd.list_lag) = (0, 0);
        }
        Self {
            odd,
            ends: plan.stands.len() == plan.end + 1 && !entries[plan.end].json.contains("idle"),
            entries,
            said,
            previews: false,
            thread: false,
            trim: None,
            from: From::Beginning,
            turn: Some(plan),
            ..self
        }
    }

    fn follow(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let c = &mut chance;
        let count = if c.percent(1) {
            c.size(520, 900)
        } else {
            c.pick(&[0, 1, 2, 5, 10, 20, 40])
        };
        let ends = c.percent(60);
        let history = c.size(0, count);
        let (entries, said) = log(c, count, history, ends);
        let from = match c.below(3) {
            0 => From::Beginning,
            1 => From::Now,
            _ if history > 0 => From::After(c.size(0, history - 1)),
            _ => From::Beginning,
        };
        let thread = c.percent(15);
        Self {
            seed,
            ends: ends && count > 0,
            tail_only: c.percent(60),
            previews: !thread && c.percent(50),
            repeats_previews: c.percent(60),
            thread,
            page: c.pick(&[1, 2, 7, 30, 100]),
            fault_rate: c.pick(&[0, 20, 50, 80]),
            faults: c.size(0, 25),
            replay: c.pick(&[0, 0, 1, 3]),
            junk: c.pick(&[0, 0, 10, 40]),
            chunk: c.pick(&[1, 8, 64, 4096, 1 << 20]),
            trim: (history > 2 && c.percent(4))
                .then(|| (c.between(0, 30_000), c.size(1, history - 1))),
            outage: None,
            cut_at: None,
            from,
            means: match c.below(6) {
                0 | 1 => Means::Polling,
                2 => Means::Either(c.pick(&[1, 3])),
                _ => Means::Stream,
            },
            pace: match c.below(6) {
                0 => Pace::Slow(200),
                1 => Pace::Slow(20_000),
                2 => Pace::Jumps,
                3 => Pace::Impatient,
                _ => Pace::Prompt,
            },
            restarts: c.pick(&[0, 0, 0, 5, 20]),
            turn: None,
            odd: Oddities::default(),
            entries,
            said,
        }
    }

    /// One of a few with faults, whose caller drops the future it waits for at one poll. Whether
    /// there are as many polls is for the report to tell.
    pub fn drop_at(seed: u64, poll: usize) -> Self {
        Self {
            pace: Pace::Drops(poll),
            restarts: 0,
            ..Self::new(seed)
        }
    }

    /// A small one without luck, with the first five connections cut at one byte of their bodies.
    pub fn cut_everywhere(at: usize, clean: bool) -> Self {
        let mut chance = Chance::new(7);
        let (entries, said) = log(&mut chance, 5, 2, true);
        Self {
            entries,
            said,
            ends: true,
            tail_only: true,
            previews: true,
            repeats_previews: true,
            thread: false,
            page: 100,
            fault_rate: 0,
            faults: 5,
            replay: 0,
            junk: 0,
            chunk: 1 << 20,
            trim: None,
            outage: None,
            cut_at: Some((at, clean)),
            from: From::Beginning,
            means: Means::Stream,
            pace: Pace::Prompt,
            restarts: 0,
            turn: None,
            odd: Oddities::default(),
            seed: 7,
        }
    }

    /// When the last event is published.
    pub(crate) fn last_at(&self) -> Duration {
        Duration::from_millis(self.entries.last().map_or(0, |entry| entry.at))
    }

    /// The number of events at this time, for who knows of them so much later.
    pub(crate) fn published(&self, now: Duration, lag: u64) -> usize {
        self.entries
            .partition_point(|entry| Duration::from_millis(entry.at + lag) <= now)
    }
}

pub(crate) fn log(
    c: &mut Chance,
    count: usize,
    history: usize,
    ends: bool,
) -> (Vec<Entry>, Vec<(u64, Said)>) {
    let mut entries = Vec::with_capacity(count);
    let mut said = Vec::new();
    let mut at = 0;
    for n in 0..count {
        if n >= history {
            at += c.pick(&[0, 1, 50, 1_000, 10_000]);
        }
        let id = format!("evt_{:08x}", c.next() >> 32);
        let mut text = None;
        let (name, json) = if ends && n + 1 == count {
            let name = "session.status_terminated";
            (name, json!({"type": name, "id": id}))
        } else {
            match c.below(8) {
                0 => (
                    "session.status_running",
                    json!({"type": "session.status_running", "id": id}),
                ),
                1 => (
                    "session.party",
                    json!({"type": "session.party", "id": id, "cake": {"layers": n}}),
                ),
                2 => (
                    "agent.message",
                    json!({"type": "agent.message", "id": id, "content": 7}),
                ),
                3 => {
                    let error = json!({"type": "unknown_error", "message": "one\ntwo"});
                    (
                        "session.error",
                        json!({"type": "session.error", "id": id, "error": error}),
                    )
                }
                _ => {
                    let mut words = String::new();
                    for _ in 0..c.below(6) {
                        let _ = write!(
                            words,
                            "{} ",
                            c.pick(&["Wörter", "words", "говорит", "字", "\"\\n\""])
                        );
                    }
                    if n >= history {
                        begin(c, n, at, &words, &mut said);
                    }
                    let block = json!({"type": "text", "text": words});
                    text = Some(words);
                    (
                        "agent.message",
                        json!({"type": "agent.message", "id": id, "content": [block]}),
                    )
                }
            }
        };
        said.push((at, Said::Entry(n)));
        entries.push(Entry {
            id,
            json: json.to_string(),
            unnamed: false,
            name,
            text,
            at,
        });
    }
    // Stable: what is said at the same time stays in order.
    said.sort_by_key(|(at, _)| *at);
    (entries, said)
}

/// The previews of a message that will be published at this time.
fn begin(c: &mut Chance, n: usize, at: u64, text: &str, said: &mut Vec<(u64, Said)>) {
    let mut when = at.saturating_sub(c.pick(&[0, 20, 3_000]));
    said.push((when, Said::Start(n)));
    let mut from = 0;
    while from < text.len() {
        let mut to = (from + c.size(1, 12)).min(text.len());
        while !text.is_char_boundary(to) {
            to += 1;
        }
        when = (when + c.below(200)).min(at);
        said.push((when, Said::Delta(n, from, to)));
        from = to;
    }
}
