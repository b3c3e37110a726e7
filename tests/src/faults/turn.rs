//! A turn: what happens in it, and what must be made of that.

use serde_json::{Value, json};

use super::chance::Chance;
use super::schedule::{Entry, Said};

/// What is to be known of a turn whose events are a part of the log.
#[derive(Clone, Debug)]
pub(crate) struct TurnPlan {
    /// The message.
    pub(crate) text: &'static str,
    /// The number of its echo. The events are published as long after the message was accepted as
    /// they say, those of the history excepted.
    pub(crate) echo: usize,
    /// The number of the event that ends it.
    pub(crate) end: usize,
    /// How it stands after each event of the log.
    pub(crate) stands: Vec<Stands>,
    /// The server doesn't say which event the message became.
    pub(crate) anonymous: bool,
    /// The caller has a key of its own, and so may send the message again.
    pub(crate) own_key: bool,
    /// The first caller's deadline, in ms.
    pub(crate) deadline: Option<u64>,
}

/// How a turn stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// It goes on.
    Running,
    /// These wait for an answer.
    Waits(Vec<String>),
    /// It is over, in this word.
    Over(&'static str),
}

/// A log in the making.
struct Log<'a> {
    chance: &'a mut Chance,
    at: u64,
    entries: Vec<Entry>,
    stands: Vec<Stands>,
}

/// The log of a session in which a turn is about to be started.
pub(crate) fn turn(chance: &mut Chance) -> (Vec<Entry>, Vec<(u64, Said)>, TurnPlan) {
    let text = chance.pick(&["Hello!", "Write a story.\n\nA \"long\" one."]);
    let anonymous = chance.percent(35);
    let late = anonymous && chance.percent(40);
    let history = chance.pick(&[0, 0, 1, 4, 12, 130]);
    let mut log = Log {
        chance,
        at: 0,
        entries: Vec::new(),
        stands: Vec::new(),
    };
    for _ in 0..history {
        // A server that names nothing and is late leaves no way to tell two messages apart.
        log.earlier(if late { "Before." } else { text });
    }
    log.at = 1;
    if late {
        for _ in 0..log.chance.size(1, 3) {
            log.earlier("Before.");
            log.later();
        }
        if log.chance.percent(50) {
            let content = log.content("Before.");
            log.push("user.message", json!({"content": content}), Stands::Running);
            let over = json!({"stop_reason": {"type": "end_turn"}});
            log.push("session.status_idle", over, Stands::Running);
        }
    } else if log.chance.percent(50) {
        log.push("session.status_running", json!({}), Stands::Running);
    }
    let echo = log.entries.len();
    let said = log.content(text);
    log.push("user.message", json!({"content": said}), Stands::Running);
    for _ in 0..log.chance.pick(&[0, 1, 3, 8, 20]) {
        log.later();
        log.meanwhile();
    }
    log.later();
    let end = log.entries.len();
    if log.end() {
        for _ in 0..log.chance.below(5) {
            log.at += log.chance.pick(&[0, 0, 1, 500]);
            log.earlier("Something else.");
        }
    }
    let plan = TurnPlan {
        text,
        echo,
        end,
        stands: log.stands,
        anonymous,
        own_key: log.chance.percent(80),
        deadline: log
            .chance
            .percent(15)
            .then(|| log.chance.pick(&[300, 5_000, 60_000, 600_000])),
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

    /// What a message says, in one of its forms.
    fn content(&mut self, text: &str) -> Value {
        if self.chance.percent(30) {
            json!(text)
        } else {
            json!([{"type": "text", "text": text}])
        }
    }

    /// An event of another turn, in which this was said.
    fn earlier(&mut self, said: &str) {
        let (name, fields) = match self.chance.below(5) {
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
            3 => ("user.message", json!({"content": self.content(said)})),
            _ => ("agent.message", json!({"content": self.content(said)})),
        };
        self.push(name, fields, Stands::Running);
    }

    /// An event or two of the turn that don't end it.
    fn meanwhile(&mut self) {
        let idle = json!({"session_thread_id": "t", "agent_name": "a", "stop_reason": {"type": "end_turn"}});
        match self.chance.below(9) {
            0 => {
                self.push("session.thread_status_idle", idle, Stands::Running);
            }
            1 => {
                let after = self.chance.pick(&["retrying", "exhausted", "terminal"]);
                let error = json!({"type": "x", "message": "m", "retry_status": {"type": after}});
                self.push("session.error", json!({"error": error}), Stands::Running);
            }
            2 => {
                self.push("session.status_rescheduled", json!({}), Stands::Running);
            }
            3 => {
                let fields = json!({"is_error": false, "model_request_start_id": "e"});
                self.push("span.model_request_end", fields, Stands::Running);
            }
            4 => {
                self.push("agent.message", json!({"content": 7}), Stands::Running);
            }
            5 => {
                self.push("session.party", json!({"cake": true}), Stands::Running);
            }
            6 | 7 => self.pause(),
            _ => {
                let content = self.content("One, two.");
                self.push(
                    "agent.message",
                    json!({"content": content}),
                    Stands::Running,
                );
            }
        }
    }

    /// The agent asks for two answers.
    fn pause(&mut self) {
        let first = self.push("agent.tool_use", json!({"name": "Bash"}), Stands::Running);
        let second = self.push(
            "agent.custom_tool_use",
            json!({"name": "look"}),
            Stands::Running,
        );
        let both = vec![first.clone(), second.clone()];
        let asks =
            |ids: &[String]| json!({"stop_reason": {"type": "requires_action", "event_ids": ids}});
        self.push(
            "session.status_idle",
            asks(&both),
            Stands::Waits(both.clone()),
        );
        self.later();
        if self.chance.percent(40) {
            let idle = json!({"session_thread_id": "t", "stop_reason": {"type": "end_turn"}});
            self.push("session.thread_status_idle", idle, Stands::Waits(both));
        }
        let left = vec![second.clone()];
        if self.chance.percent(70) {
            let answer = json!({"tool_use_id": first, "result": "allow"});
            self.push(
                "user.tool_confirmation",
                answer,
                Stands::Waits(left.clone()),
            );
        }
        if self.chance.percent(50) {
            self.push("session.status_idle", asks(&left), Stands::Waits(left));
            self.later();
            let answer = json!({"custom_tool_use_id": second});
            self.push("user.custom_tool_result", answer, Stands::Running);
        }
        self.push("session.status_running", json!({}), Stands::Running);
    }

    /// The end; whether anything may follow.
    fn end(&mut self) -> bool {
        let idle = |reason: &str| json!({"stop_reason": {"type": reason}});
        let (name, fields, word) = match self.chance.below(12) {
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
            _ => ("session.status_idle", idle("end_turn"), "end_turn"),
        };
        self.push(name, fields, Stands::Over(word));
        name == "session.status_idle"
    }
}
