//! A session: what can be read of it, and its log.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::json::{Json, object};

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) object: Json,
    /// The metadata of the agent, which the session's snapshot of it does not show.
    pub(crate) agent_metadata: Json,
    /// Gone, but for streams that have not said so yet.
    pub(crate) deleted: bool,
    /// Everything streams say, previews included, in order.
    pub(crate) feed: Vec<Entry>,
    /// Tells streams that the feed has grown.
    pub(crate) grown: watch::Sender<usize>,
    /// Counts cancellations: a turn of an earlier count is over.
    pub(crate) cancelled: watch::Sender<u64>,
    /// The ids of the tool uses that the agent waits for, and the answers that came.
    pub(crate) pending: Vec<String>,
    pub(crate) answers: Vec<(String, Json)>,
    /// When threads were archived.
    pub(crate) archived_threads: BTreeMap<String, String>,
    /// The usage of all turns, in hundredths of a credit.
    used: u32,
    clock: Clock,
}

/// Something that a stream says.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The id of the event; of the event that is previewed, for a preview.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Json,
    /// For a preview, the type of the event that it is of.
    pub(crate) preview: Option<&'static str>,
}

impl Session {
    pub(crate) fn new(object: Json, agent_metadata: Json, clock: Clock) -> Self {
        Self {
            id: object["id"].text().to_owned(),
            object,
            agent_metadata,
            deleted: false,
            feed: Vec::new(),
            grown: watch::Sender::new(0),
            cancelled: watch::Sender::new(0),
            pending: Vec::new(),
            answers: Vec::new(),
            archived_threads: BTreeMap::new(),
            used: 0,
            clock,
        }
    }

    pub(crate) fn status(&self) -> &str {
        self.object["status"].text()
    }

    pub(crate) fn set_status(&mut self, status: &str) {
        self.object.set("status", status);
        self.touch();
    }

    /// Notes that it was changed just now.
    pub(crate) fn touch(&mut self) {
        self.object.set("updated_at", self.clock.text());
    }

    /// Returns the usage, given in hundredths of a credit, as sessions and their events show it.
    pub(crate) fn usage(used: u32) -> Json {
        let credits = f64::from(used) / 100.0;
        object! {
            "model_credits": credits, "sandbox_runtime_credits": 0.0, "total_credits": credits,
        }
    }

    /// Uses a hundredth of a credit, and tells what was used since it was made.
    pub(crate) fn charge(&mut self) {
        self.used += 1;
        let usage = Self::usage(self.used);
        self.object.set("usage", &usage);
        let mut event = usage;
        event.set_first("type", "session.usage");
        self.publish(event);
    }

    /// Whether it takes no events any more.
    pub(crate) fn is_over(&self) -> bool {
        !self.object["archived_at"].is_null() || matches!(self.status(), "terminated" | "cancelled")
    }

    /// Adds an event to the log, completed with an id and a time, and gives it back.
    pub(crate) fn publish(&mut self, mut event: Json) -> Json {
        let kind = event.remove("type");
        let id = match event.remove("id") {
            Json::Null => crate::ids::new_id("evt").into(),
            id => id,
        };
        event.set_first("type", kind);
        event.set_first("id", id);
        if event["processed_at"].is_null() {
            event.set("processed_at", self.clock.text());
        }
        self.feed.push(Entry {
            id: event["id"].text().to_owned(),
            name: event["type"].text().to_owned(),
            data: event.clone(),
            preview: None,
        });
        self.tell();
        event
    }

    /// Says something that is not in the log.
    pub(crate) fn preview(&mut self, of: &'static str, id: &str, data: Json) {
        self.feed.push(Entry {
            id: id.to_owned(),
            name: data["type"].text().to_owned(),
            data,
            preview: Some(of),
        });
        self.tell();
    }

    /// The id of the main thread, and its agent's name.
    pub(crate) fn main_thread(&self) -> (String, String) {
        let body = self.id.rsplit('_').next().unwrap_or_default();
        let agent = self.object.at("agent.name").text();
        (format!("sthr_{body}"), agent.to_owned())
    }

    /// The threads: the main one, and those whose creation is in the log.
    pub(crate) fn threads(&self) -> Vec<(String, String)> {
        let created = self
            .log()
            .filter(|entry| entry.name == "session.thread_created");
        let text = |value: &Json| value.text().to_owned();
        let others = created.map(|entry| {
            (
                text(&entry.data["session_thread_id"]),
                text(&entry.data["agent_name"]),
            )
        });
        std::iter::once(self.main_thread()).chain(others).collect()
    }

    pub(crate) fn has_thread(&self, thread: &str) -> bool {
        self.threads().iter().any(|(id, _)| id == thread)
    }

    /// Whether an event is of this thread. Those that name none are of the main one; the end of
    /// the session is for all.
    pub(crate) fn is_of_thread(&self, entry: &Entry, thread: &str) -> bool {
        let (main, _) = self.main_thread();
        let of = entry.data["session_thread_id"].as_str().unwrap_or(&main);
        of == thread
            || matches!(
                entry.name.as_str(),
                "session.status_terminated" | "session.deleted"
            )
    }

    /// Ends the turn that is under way.
    pub(crate) fn cancel(&mut self) {
        self.cancelled.send_modify(|cancelled| *cancelled += 1);
    }

    fn tell(&self) {
        self.grown.send_replace(self.feed.len());
    }

    /// The events, without previews.
    pub(crate) fn log(&self) -> impl Iterator<Item = &Entry> {
        self.feed.iter().filter(|entry| entry.preview.is_none())
    }
}
