//! Servers, and what stands between, that are odd all along: not broken for a moment, but made so.

use std::time::Duration;

use serde_json::json;

use super::chance::Chance;
use super::schedule::{From, Means, Schedule, log};

/// The oddities of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Oddities {
    /// Streams know of an event so many ms after it was published.
    pub(crate) stream_lag: u64,
    /// Lists do.
    pub(crate) list_lag: u64,
    /// Between these times, in ms, no byte of a stream comes through.
    pub(crate) held: Option<(u64, u64)>,
    /// Each stream begins with a comment, which always comes through.
    pub(crate) comment: bool,
    /// There are no heartbeats.
    pub(crate) mute: bool,
    /// Lists begin with the first event, whatever they are asked.
    pub(crate) ignores_after: bool,
    /// Lists have the oldest event first, whatever they are asked.
    pub(crate) ignores_order: bool,
    /// Streams begin with the first event, whatever they are asked.
    pub(crate) ignores_cursor: bool,
    /// The last words of a stream in an outage.
    pub(crate) last_words: &'static str,
    /// In an outage a stream doesn't end, but falls silent.
    pub(crate) falls_silent: bool,
    /// One of so many requests for a list fails.
    pub(crate) list_faults: Option<u32>,
    /// A cursor is rejected in any way there is.
    pub(crate) rejects_oddly: bool,
    /// So many of a hundred deltas can't be read.
    pub(crate) spoils: u64,
    /// Every stream is cut after at most so many frames.
    pub(crate) cuts: Option<usize>,
    /// So many of a hundred openings of a stream take long.
    pub(crate) slow: u64,
    /// The end of a stream is often told late, as somebody looks at the list already.
    pub(crate) late: bool,
    /// The first stream says this after so many frames, and so many ms after it was opened; lists
    /// take their time meanwhile.
    pub(crate) ends: Option<(usize, String, u64)>,
    /// Every stream is refused for good.
    pub(crate) refuses: bool,
}

impl Oddities {
    /// One of them, for a schedule that may have it.
    pub(crate) fn befall(schedule: &mut Schedule, c: &mut Chance, is_turn: bool) {
        let kinds = if is_turn { 7 } else { 13 };
        match c.below(kinds) {
            0 => {
                schedule.odd.stream_lag = c.pick(&[1, 300, 1_500]);
                schedule.odd.list_lag = c.pick(&[1, 300, 1_500]);
            }
            1 => schedule.odd.list_lag = c.pick(&[300, 3_000]),
            2 => {
                schedule.odd.comment = true;
                schedule.odd.mute = c.percent(50);
            }
            3 | 4 if schedule.means != Means::Alone => {
                let begin = c.pick(&[0, 0, 3_000]);
                let length = c.pick(&[8_000, 60_000, 100 * 3_600_000]);
                schedule.odd.held = Some((begin, begin + length));
                schedule.odd.comment = c.percent(50);
                schedule.odd.mute = true;
                schedule.outage = None;
            }
            3..=5 => {
                schedule.odd.rejects_oddly = true;
                schedule.odd.late = c.percent(50);
            }
            6 => {
                schedule.odd.slow = c.pick(&[30, 100]);
                schedule.odd.late = c.percent(50);
            }
            7 => schedule.odd.spoils = c.pick(&[5, 50]),
            8 => {
                schedule.odd.ignores_after = c.percent(70);
                schedule.odd.ignores_order = !schedule.odd.ignores_after || c.percent(60);
                schedule.trim = None;
            }
            9 => {
                schedule.odd.ignores_cursor = true;
                schedule.trim = None;
                if schedule.from == From::Now {
                    schedule.from = From::Beginning;
                }
                schedule.restarts = 0;
                schedule.odd.late = c.percent(50);
            }
            10 => {
                let from = c.below(10_000);
                schedule.outage = Some((from, from + c.pick(&[20_000, 400_000])));
                schedule.odd.last_words = c.pick(&[
                    "data: upstream connect error\n\n",
                    ": ok\n\n",
                    "retry: 10\n\n",
                ]);
                schedule.odd.falls_silent = c.percent(50);
            }
            11 => {
                schedule.odd.list_faults = Some(c.pick(&[3, 20]));
                schedule.page = 1;
            }
            _ => schedule.without_names(c),
        }
    }
}

impl Schedule {
    /// Some entries of the list have no id, and nothing tells what comes after them.
    fn without_names(&mut self, c: &mut Chance) {
        if self.thread || self.trim.is_some() {
            return;
        }
        self.means = Means::Polling;
        self.restarts = 0;
        let last = self.entries.len().saturating_sub(usize::from(self.ends));
        for (n, entry) in self.entries[..last].iter_mut().enumerate() {
            if From::After(n) != self.from && c.percent(40) {
                entry.unnamed = true;
                entry.text = None;
                entry.name = "session.party";
                entry.json = json!({"type": entry.name, "number": n}).to_string();
            }
        }
        if self.from == From::Now {
            self.from = From::Beginning;
        }
    }

    /// Messages whose streams are cut all the time, after at most so many frames, over a line that
    /// is sound otherwise. `previews` are what most frames are.
    pub fn over_a_bad_line(seed: u64, frames: usize, previews: bool) -> Self {
        let mut chance = Chance::new(seed ^ 0xBAD);
        let (mut entries, mut said) = log(&mut chance, 250, 0, true);
        // As fast as a model writes.
        for entry in &mut entries {
            entry.at /= 100;
        }
        for (at, _) in &mut said {
            *at /= 100;
        }
        Self {
            entries,
            said,
            previews,
            odd: Oddities {
                cuts: Some(frames),
                ..Oddities::default()
            },
            faults: 0,
            ..Self::cut_everywhere(0, true)
        }
    }

    /// A session behind something that holds every stream back, with so much going on in its first
    /// seconds.
    pub fn held_back(seed: u64, events: usize) -> Self {
        let mut chance = Chance::new(seed ^ 0x4E1D);
        let (mut entries, mut said) = log(&mut chance, events, 1, true);
        let last = entries.last().map_or(1, |entry| entry.at).max(1);
        for entry in &mut entries {
            entry.at = entry.at * 4_000 / last;
        }
        for (at, _) in &mut said {
            *at = *at * 4_000 / last;
        }
        Self {
            entries,
            said,
            odd: Oddities {
                held: Some((0, 100 * 3_600_000)),
                mute: true,
                ..Oddities::default()
            },
            faults: 0,
            ..Self::cut_everywhere(0, true)
        }
    }

    /// Cases too rare to happen by chance: streams that end in these ways at once, and while
    /// somebody looks at the list beside them; one that is refused after a while; more on a list
    /// than can be remembered.
    pub fn rare() -> Vec<Self> {
        let mut rare = vec![Self::held_back(1, 700), Self::all_at_once(1)];
        let ids = &Self::cut_everywhere(0, true).entries;
        let entry = &ids[1];
        let cursor = format!(
            "id: {}\nevent: {}\ndata: {}\n\n",
            entry.id, entry.name, entry.json
        );
        let message = format!("unknown event {}", entry.id);
        let error = json!({"type": "invalid_request_error", "message": message});
        let rejected = json!({"type": "error", "error": error});
        let rejected = format!("event: error\ndata: {rejected}\n\n");
        let giant = format!("data: {}", "x".repeat((16 << 20) + 1));
        for late in [0, 5_100] {
            for (words, ignores_cursor) in [(&giant, false), (&rejected, false), (&cursor, true)] {
                let frames = usize::from(ignores_cursor);
                rare.push(Self {
                    from: From::After(1),
                    odd: Oddities {
                        ends: Some((frames, words.clone(), late)),
                        ignores_cursor,
                        mute: true,
                        ..Oddities::default()
                    },
                    faults: 0,
                    ..Self::cut_everywhere(0, true)
                });
            }
        }
        for seed in 0..20 {
            rare.push(Self {
                odd: Oddities {
                    slow: 100,
                    refuses: true,
                    ..Oddities::default()
                },
                faults: 0,
                from: From::After(1),
                seed,
                ..Self::cut_everywhere(0, true)
            });
        }
        rare
    }

    /// A session in which nothing was, and then too much at once for a stream to be attached.
    pub fn all_at_once(seed: u64) -> Self {
        let mut chance = Chance::new(seed ^ 0xA77);
        let (mut entries, mut said) = log(&mut chance, 700, 0, true);
        for entry in &mut entries {
            entry.at = 1 + seed % 40;
        }
        for (at, _) in &mut said {
            *at = 1 + seed % 40;
        }
        Self {
            entries,
            said,
            previews: false,
            faults: 0,
            seed,
            ..Self::cut_everywhere(0, true)
        }
    }

    /// When the last event is published.
    pub fn last_event(&self) -> Duration {
        self.last_at()
    }
}
