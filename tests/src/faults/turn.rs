//! A turn: what happens in it, and what must be made of that.

use serde_json::{Value, json};

use super::chance::Chance;
use super::schedule::{Entry, Said};

/// The facts of a turn whose events are a part of the log.
#[derive(Clone, Debug)]
pub(crate) struct TurnPlan {
    /// The message.
    pub(crate) text: &'static str,
    /// The number of events there are before it is sent.
    pub(crate) history: usize,
    /// The number of its echo. The events are published as long after the message was accepted as
    /// they say, those of the history excepted.
    pub(crate) echo: usize,
    /// The number of the event that ends it, or of the pause that nobody ends.
    pub(crate) end: usize,
    /// Its state after each event of the log.
    pub(crate) stands: Vec<Stands>,
    /// The events in which the agent asks for answers.
    pub(crate) asks: Vec<Asks>,
    /// The server doesn't say which event the message became.
    pub(crate) anonymous: bool,
    /// The caller has a key of its own, and so may send the message again.
    pub(crate) own_key: bool,
    /// The first caller's deadline, in ms.
    pub(crate) deadline: Option<u64>,
    /// Of a hundred events, how many are followed by the caller's wish for the rest as a reply.
    pub(crate) replies: u64,
}

/// The state of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// It goes on.
    Running,
    /// These wait for an answer.
    Waits(Vec<String>),
    /// It is over, in this word.
    Over(&'static str),
}

/// A pause.
#[derive(Clone, Debug)]
pub(crate) struct Asks {
    /// The number of the event that pauses the turn.
    pub(crate) at: usize,
    /// The numbers of the tool uses that wait; none if that can't be read.
    pub(crate) uses: Vec<usize>,
}

/// A log in the making.
struct Log<'a> {
    chance: &'a mut Chance,
    at: u64,
    entries: Vec<Entry>,
    stands: Vec<Stands>,
    asks: Vec<Asks>,
}

/// The log of a session in which a turn is about to be started.
pub(crate) fn turn(chance: &mut Chance) -> (Vec<Entry>, Vec<(u64, Said)>, TurnPlan) {
    let text = chance.pick(&["Hello!", "Write a story.\n\nA \"long\" one.", " Hello!\n"]);
    let anonymous = chance.percent(35);
    let late = anonymous && chance.percent(40);
    let own_key = chance.percent(70);
    // What the server makes of the text. If it may have been sent before, nothing else tells it.
    let echoed = match chance.below(4) {
        0 if anonymous && !own_key => "What the server made of it.",
        1 | 2 => text.trim(),
        _ => text,
    };
    let altered = echoed.trim() != text.trim();
    let history = chance.pick(&[0, 0, 1, 4, 12, 130]);
    let mut log = Log {
        chance,
        at: 0,
        entries: Vec::new(),
        stands: Vec::new(),
        asks: Vec::new(),
    };
    for _ in 0..history {
        // What may have been sent before, and is listed late, can't be told from an old message.
        log.earlier(if late && own_key { "Before." } else { text }, 5);
    }
    log.at = 1;
    if late {
        // The turn before is still on its way into the log.
        for _ in 0..log.chance.size(1, 3) {
            log.earlier(text, 4);
            log.says("Before.");
            log.later();
        }
        let over = json!({"stop_reason": {"type": "end_turn"}});
        log.push("session.status_idle", over, Stands::Running);
    } else {
        if !altered && log.chance.percent(30) {
            // Another client was faster, and had its answer.
            log.message("Something else.");
            log.says("Something else.");
            let over = json!({"stop_reason": {"type": "end_turn"}});
            log.push("session.status_idle", over, Stands::Running);
        }
        if log.chance.percent(50) {
            log.push("session.status_running", json!({}), Stands::Running);
        }
    }
    let echo = log.entries.len();
    log.message(echoed);
    for _ in 0..log.chance.pick(&[0, 1, 3, 8, 20]) {
        log.later();
        log.meanwhile();
    }
    log.later();
    let replies = log.chance.pick(&[0, 0, 10, 100]);
    let end = if replies > 0 && log.chance.percent(15) {
        log.ask(false);
        log.entries.len() - 1
    } else {
        log.end()
    };
    let plan = TurnPlan {
        text,
        history,
        echo,
        end,
        stands: log.stands,
        asks: log.asks,
        anonymous,
        own_key,
        deadline: log
            .chance
            .percent(25)
            .then(|| log.chance.pick(&[300, 2_000, 10_000, 60_000])),
        replies,
    };
    let said = log.entries.iter().enumerate();
    let said = said.map(|(n, entry)| (entry.at, Said::Entry(n))).collect();
    (log.entries, said, plan)
}

impl Log<'_> {
    fn later(&mut self) {
        self.at += self.chance.pick(&[0, 1, 50, 1_000, 10_000]);
    }

    fn push(&mut self, name: &'static str, fields: Value, stands: Stands) -> String {
        let id = format!("evt_{:08x}", self.chance.next() >> 32);
        let mut event = json!({"type": name, "id": id});
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        self.entries.push(Entry {
            id: id.clone(),
            json: event.to_string(),
            unnamed: false,
            name,
            text: None,
            at: self.at,
        });
        self.stands.push(stands);
        id
    }

    /// The content of a message, in one of its forms.
    fn content(&mut self, text: &str) -> Value {
        if self.chance.percent(30) {
            json!(text)
        } else {
            json!([{"type": "text", "text": text}])
        }
    }

    /// A message to the agent.
    fn message(&mut self, text: &str) {
        let content = self.content(text);
        self.push("user.message", json!({"content": content}), Stands::Running);
    }

    /// A message of the agent's.
    fn says(&mut self, text: &str) {
        let content = self.content(text);
        self.push(
            "agent.message",
            json!({"content": content}),
            Stands::Running,
        );
        if let Some(entry) = self.entries.last_mut() {
            entry.text = Some(text.to_owned());
        }
    }

    /// An event of another turn, in which this was said: of one of so many kinds.
    fn earlier(&mut self, said: &str, kinds: u64) {
        let (name, fields) = match self.chance.below(kinds) {
            0 => ("session.status_running", json!({})),
            1 => {
                let reason = self.chance.pick(&["end_turn", "cancelled"]);
                (
                    "session.status_idle",
                    json!({"stop_reason": {"type": reason}}),
                )
            }
            2 => (
                "session.status_idle",
                json!({"stop_reason": {"type": "requires_action", "event_ids": ["evt_before"]}}),
            ),
            3 => return self.says(said),
            _ => return self.message(said),
        };
        self.push(name, fields, Stands::Running);
    }

    /// An event or two of the turn that don't end it.
    fn meanwhile(&mut self) {
        match self.chance.below(11) {
            0 => self.aside(&Stands::Running),
            1 => {
                let after = self.chance.pick(&["retrying", "exhausted", "terminal"]);
                let error = json!({"type": "x", "message": "m", "retry_status": {"type": after}});
                self.push("session.error", json!({"error": error}), Stands::Running);
            }
            2 => {
                self.push("session.error", json!({"error": 7}), Stands::Running);
            }
            3 => {
                self.push("agent.message", json!({"content": 7}), Stands::Running);
            }
            // Of another client.
            4 => self.message("Something else."),
            5 => {
                let answer = json!({"tool_use_id": "evt_elsewhere", "result": "allow"});
                self.push("user.tool_confirmation", answer, Stands::Running);
            }
            6 | 7 => self.pause(),
            _ => self.says("One, two."),
        }
    }

    /// An event that changes nothing, however the turn stands.
    fn aside(&mut self, stands: &Stands) {
        let idle = json!({"session_thread_id": "t", "agent_name": "a", "stop_reason": {"type": "end_turn"}});
        let (name, fields) = match self.chance.below(5) {
            0 => ("session.thread_status_idle", idle),
            1 => ("session.status_rescheduled", json!({})),
            2 => (
                "span.model_request_end",
                json!({"is_error": false, "model_request_start_id": "e"}),
            ),
            3 => ("agent.tool_use", json!({"name": 7})),
            _ => ("session.party", json!({"cake": true})),
        };
        self.push(name, fields, stands.clone());
    }

    /// The agent asks for two answers, and is given them, or some, or none; then it goes on.
    fn pause(&mut self) {
        let asked = self.ask(true);
        let mut answered = Vec::new();
        self.later();
        for id in &asked {
            while self.chance.percent(40) {
                self.aside(&self.stands[self.stands.len() - 1].clone());
            }
            if self.chance.percent(25) {
                break;
            }
            answered.push(id.clone());
            let left = match &self.stands[self.stands.len() - 1] {
                Stands::Waits(ids) => ids.iter().filter(|other| *other != id).cloned().collect(),
                _ => Vec::new(),
            };
            self.answer(id, waits(left));
            // What the session says of them may be late.
            if self.chance.percent(30) {
                let named = &asked[self.chance.size(0, 1)..];
                let left = named.iter().filter(|id| !answered.contains(id));
                let left = left.cloned().collect();
                self.asks_for(named, waits(left));
            }
            self.later();
        }
        self.push("session.status_running", json!({}), Stands::Running);
    }

    /// The agent asks for two answers; for which ones, it may say in a way that can't be read.
    fn ask(&mut self, may_be_odd: bool) -> Vec<String> {
        let first = self.push("agent.tool_use", json!({"name": "Bash"}), Stands::Running);
        let second = self.push(
            "agent.custom_tool_use",
            json!({"name": "look"}),
            Stands::Running,
        );
        let both = vec![first, second];
        if may_be_odd && self.chance.percent(10) {
            let reason = json!({"type": "requires_action", "event_ids": 7});
            self.pauses(reason, Stands::Waits(Vec::new()));
        } else {
            self.asks_for(&both, waits(both.clone()));
        }
        both
    }

    /// The session is idle until these are answered, as it says.
    fn asks_for(&mut self, ids: &[String], stands: Stands) {
        let reason = json!({"type": "requires_action", "event_ids": ids});
        self.pauses(reason, stands);
    }

    fn pauses(&mut self, reason: Value, stands: Stands) {
        if let Stands::Waits(ids) = &stands {
            let number = |id: &String| self.entries.iter().position(|entry| entry.id == *id);
            self.asks.push(Asks {
                at: self.entries.len(),
                uses: ids.iter().filter_map(number).collect(),
            });
        }
        self.push(
            "session.status_idle",
            json!({"stop_reason": reason}),
            stands,
        );
    }

    /// The answer to a tool use, in one of its forms.
    fn answer(&mut self, id: &str, stands: Stands) {
        let (name, fields) = match self.chance.below(6) {
            0 => (
                "user.tool_confirmation",
                json!({"tool_use_id": id, "result": 7}),
            ),
            1 => (
                "user.custom_tool_result",
                json!({"tool_use_id": id, "custom_tool_use_id": id}),
            ),
            2 => ("user.custom_tool_result", json!({"custom_tool_use_id": id})),
            3 => ("user.tool_result", json!({"tool_use_id": id})),
            _ => (
                "user.tool_confirmation",
                json!({"tool_use_id": id, "result": "allow"}),
            ),
        };
        self.push(name, fields, stands);
    }

    /// The end, and what may follow it; the number of the event that is the end.
    fn end(&mut self) -> usize {
        let idle = |reason: &str| json!({"stop_reason": {"type": reason}});
        // It can't be read, its id in a list included.
        let odd = json!({"session_thread_id": 7});
        let (name, fields, word) = match self.chance.below(18) {
            0 => ("session.status_terminated", json!({}), "terminated"),
            1 => ("session.deleted", json!({}), "deleted"),
            2 => ("terminated", json!({"reason": "gone"}), "terminated"),
            3 => ("session.status_idle", json!({}), "unknown"),
            4 => ("session.status_idle", idle("cancelled"), "cancelled"),
            5 => ("session.status_idle", idle("canceled"), "cancelled"),
            6 => (
                "session.status_idle",
                idle("retries_exhausted"),
                "retries_exhausted",
            ),
            7 => (
                "session.status_idle",
                idle("budget_reached"),
                "budget_reached",
            ),
            8 => ("session.status_idle", idle("tea_break"), "tea_break"),
            9 => ("session.status_terminated", odd, "terminated"),
            10 => ("session.deleted", odd, "deleted"),
            11 => ("terminated", json!({"reason": 7}), "terminated"),
            12 => ("session.status_idle", json!({"stop_reason": 7}), "unknown"),
            13 => (
                "session.status_idle",
                json!({"stop_reason": ["end_turn"]}),
                "unknown",
            ),
            _ => ("session.status_idle", idle("end_turn"), "end_turn"),
        };
        self.push(name, fields, Stands::Over(word));
        let end = self.entries.len() - 1;
        if name == "session.status_idle" {
            for _ in 0..self.chance.below(5) {
                self.at += self.chance.pick(&[0, 0, 1, 500]);
                self.earlier("Something else.", 5);
            }
        }
        end
    }
}

/// The state of a turn while these are not answered.
fn waits(ids: Vec<String>) -> Stands {
    if ids.is_empty() {
        Stands::Running
    } else {
        Stands::Waits(ids)
    }
}
