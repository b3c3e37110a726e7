//! What is done when it goes wrong: a call of each class, as a user makes it.

use std::future::Future;
use std::pin::Pin;

use qoder::types::AgentCreate;
use qoder::{CallOptions, Client, Error, Sent, Start, files::Upload, follow::Ending};

use crate::faults::Good;

/// How a call ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Well, after so many attempts if the call tells.
    Well(Option<u32>),
    /// With less than there was, and no error.
    Early(Ending),
    /// With something else than was there, and no error.
    Wrong,
    /// With an error.
    Badly(Error),
    /// Not within an hour.
    Never,
}

type Running = Pin<Box<dyn Future<Output = Ended>>>;

/// A class of calls.
pub(crate) struct Class {
    /// How the table calls it.
    pub(crate) name: &'static str,
    /// What is called, for the page.
    pub(crate) what: &'static str,
    /// The answer that it waits for.
    pub(crate) good: Good,
    /// Whether the server may do it twice without harm, because it changes nothing or because it
    /// has a key.
    pub(crate) repeatable: bool,
    /// Whether a good answer comes first: the link to where it goes wrong.
    pub(crate) linked: bool,
    /// Calls.
    pub(crate) run: fn(Client) -> Running,
}

const AGENT: Good = Good {
    kind: "application/json",
    body: r#"{"id":"agent_1","name":"a","version":1}"#,
};

const CONTENT: &str = "The content of a file, which is a line of text.";

/// The answer to the question for a link.
pub(crate) const LINK: Good = Good {
    kind: "application/json",
    body: r#"{"url":"http://localhost/storage/file_1?signature=of-the-link","expires_at":"2099-01-01T00:00:00Z"}"#,
};

const EVENTS: Good = Good {
    kind: "text/event-stream",
    body: "id: evt_1\nevent: session.status_running\ndata: {\"id\":\"evt_1\"}\n\n\
           id: evt_2\nevent: session.deleted\ndata: {\"id\":\"evt_2\"}\n\n",
};

/// All of them, in the order of the table.
pub(crate) const CLASSES: &[Class] = &[
    Class {
        name: "GET",
        what: "`sessions().retrieve(..)`",
        good: Good {
            kind: "application/json",
            body: r#"{"id":"sess_1","type":"session"}"#,
        },
        repeatable: true,
        linked: false,
        run: |client| {
            Box::pin(async move {
                let got = client.sessions().retrieve("sess_1").with_meta().await;
                ended(got, |session| session.id.as_str() == "sess_1")
            })
        },
    },
    Class {
        name: "keyed POST",
        what: "`agents().create(..)`, which has an idempotency key by itself",
        good: AGENT,
        repeatable: true,
        linked: false,
        run: |client| {
            Box::pin(async move {
                let create = AgentCreate::new("a", "ultimate");
                let made = client.agents().create(create).with_meta().await;
                ended(made, |agent| agent.id.as_str() == "agent_1")
            })
        },
    },
    Class {
        name: "unkeyed POST",
        what: "the same with `no_idempotency_key()`",
        good: AGENT,
        repeatable: false,
        linked: false,
        run: |client| {
            Box::pin(async move {
                let create = AgentCreate::new("a", "ultimate");
                let call = client.agents().create(create);
                let call = call.options(CallOptions::no_idempotency_key);
                ended(call.with_meta().await, |agent| {
                    agent.id.as_str() == "agent_1"
                })
            })
        },
    },
    Class {
        name: "DELETE",
        what: "`agents().delete(..)`, which has a key too",
        good: Good {
            kind: "application/json",
            body: r#"{"id":"agent_1","type":"agent_deleted"}"#,
        },
        repeatable: true,
        linked: false,
        run: |client| {
            Box::pin(async move {
                let deleted = client.agents().delete("agent_1").with_meta().await;
                ended(deleted, |_| true)
            })
        },
    },
    Class {
        name: "upload",
        what: "`files().upload(..)`, a form with a file, which has a key too",
        good: Good {
            kind: "application/json",
            body: r#"{"id":"file_1","type":"file","filename":"a.txt"}"#,
        },
        repeatable: true,
        linked: false,
        run: |client| {
            Box::pin(async move {
                let upload = Upload::bytes("a.txt", "one, two, three");
                let made = client.files().upload(upload).with_meta().await;
                ended(made, |file| file.id.as_str() == "file_1")
            })
        },
    },
    Class {
        name: "download",
        what: "`files().download(..).bytes()`: the requests to the storage, after a link was had",
        good: Good {
            kind: "text/plain",
            body: CONTENT,
        },
        repeatable: true,
        linked: true,
        run: |client| {
            Box::pin(async move {
                match client.files().download("file_1").bytes().await {
                    Ok(content) if content == CONTENT => Ended::Well(None),
                    Ok(_) => Ended::Wrong,
                    Err(error) => Ended::Badly(error),
                }
            })
        },
    },
    Class {
        name: "stream",
        what: "`session(..).stream()`: one connection, opened and read to its end",
        good: EVENTS,
        repeatable: true,
        linked: false,
        run: |client| {
            Box::pin(async move {
                let mut stream = match client.session("sess_1").stream().await {
                    Ok(stream) => stream,
                    Err(error) => return Ended::Badly(error),
                };
                let mut events = 0;
                while let Some(event) = stream.next().await {
                    match event {
                        Ok(_) => events += 1,
                        Err(error) => return Ended::Badly(error),
                    }
                }
                match stream.ending() {
                    Some(Ending::Closed) if events == 2 => Ended::Well(None),
                    Some(ending) => Ended::Early(ending),
                    None => panic!("an end without a cause"),
                }
            })
        },
    },
    Class {
        name: "follow",
        what: "`session(..).follow()`, to the end of the session",
        good: EVENTS,
        repeatable: true,
        linked: false,
        run: |client| {
            Box::pin(async move {
                // The stream alone: what the list knows is another question.
                let follow = client.session("sess_1").follow().without_polling();
                let start = Start::After("evt_0".into());
                let mut events = follow.from(start).seed(1).events();
                let mut ids = Vec::new();
                while let Some(event) = events.next().await {
                    match event {
                        Ok(event) => ids.extend(event.id().map(ToString::to_string)),
                        Err(error) => return Ended::Badly(error),
                    }
                }
                assert_eq!(ids, ["evt_1", "evt_2"], "each event once, and in order");
                Ended::Well(None)
            })
        },
    },
];

fn ended<T>(got: qoder::Result<qoder::call::Response<T>>, is_right: fn(&T) -> bool) -> Ended {
    match got {
        Ok(response) => {
            // A write may be answered without a body: it is done, and returns what is empty.
            let is_empty = response.body.is_empty();
            assert!(
                is_empty || is_right(&response.value),
                "another answer than was sent"
            );
            Ended::Well(Some(response.meta.attempts))
        }
        Err(error) => Ended::Badly(error),
    }
}

/// What is said of an error in the table.
pub(crate) fn shown(error: &Error) -> String {
    let kind = match error.status() {
        Some(status) if error.kind() == qoder::ErrorKind::Api => format!("`Api` {status}"),
        _ => format!("`{:?}`", error.kind()),
    };
    let sent = match error.sent() {
        Sent::No => "not sent",
        Sent::Maybe => "maybe sent",
        Sent::Yes => "sent",
    };
    let kind = kind.split(' ').take(2).collect::<Vec<_>>().join(" ");
    format!("{kind}, {sent}")
}
