//! The start of following, and the means by which events are fetched.

use std::time::Duration;

use qoder_sse::resume;
use qoder_types::{Event, EventId, SentEvents};

use super::event_log::EventLog;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};

/// The place where following starts. It is made of a stored [`Checkpoint`], of the id of an event,
/// of a text that is either, and of [`SentEvents`]: all of them mean "after it".
///
/// ```
/// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
/// // Nothing that comes of the message is lost, however late following begins.
/// let sent = session.send("Hello!").await?;
/// let mut events = session.follow().after(&sent).events();
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// With the first event of the session, however old.
    Beginning,
    /// With the first event that comes after following has begun: earlier events are lost, also
    /// those of a message that was just sent. To follow a message, start [after what was
    /// sent](crate::Follow::after), or use a [turn](crate::Conversation::turn).
    #[default]
    Now,
    /// After this event. An id that can't be one, such as an empty text, is an error of
    /// [`ErrorKind::Input`](crate::ErrorKind::Input), and never means "now".
    After(EventId),
    /// The checkpoint of following the same session or thread. The checkpoint of another one, or of
    /// a turn, is an error of [`ErrorKind::Input`](crate::ErrorKind::Input).
    Checkpoint(Checkpoint),
}

impl Start {
    /// Returns the place in this log; an error if one can't start there, as far as can be told
    /// without asking.
    pub(super) fn within(self, log: &EventLog) -> Result<resume::Start> {
        let id = match self {
            Self::Beginning => return Ok(resume::Start::Beginning),
            Self::Now => return Ok(resume::Start::Now),
            Self::Checkpoint(checkpoint) => log.position(&checkpoint)?.clone(),
            // The text of one.
            Self::After(text) if text.as_str().trim_start().starts_with('{') => {
                log.position(&text.as_str().parse()?)?.clone()
            }
            Self::After(id) => id,
        };
        check(&id)?;
        Ok(resume::Start::After(id.to_string()))
    }
}

fn check(id: &EventId) -> Result<()> {
    let text = id.as_str().trim();
    let why = if text.is_empty() {
        "there is no event to start after: the text is empty, as of a checkpoint that was never stored, or the \
         server didn't name the events it accepted; `Start::Now` and `Start::Beginning` start without one"
    } else if matches!(text, "null" | "None" | "undefined") {
        "this is no event to start after, but the word for nothing: was the checkpoint never stored?"
    } else if text.contains(char::is_whitespace) {
        "this is no event to start after: ids have no blanks"
    } else {
        return Ok(());
    };
    Err(Error::input(format!("{text:?}: {why}")))
}

impl From<Checkpoint> for Start {
    fn from(checkpoint: Checkpoint) -> Self {
        Self::Checkpoint(checkpoint)
    }
}

impl From<&Checkpoint> for Start {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self::Checkpoint(checkpoint.clone())
    }
}

impl From<EventId> for Start {
    fn from(id: EventId) -> Self {
        Self::After(id)
    }
}

impl From<&EventId> for Start {
    fn from(id: &EventId) -> Self {
        Self::After(id.clone())
    }
}

impl From<&str> for Start {
    fn from(id: &str) -> Self {
        Self::After(id.into())
    }
}

impl From<String> for Start {
    fn from(id: String) -> Self {
        Self::After(id.into())
    }
}

impl From<&String> for Start {
    fn from(id: &String) -> Self {
        Self::After(id.into())
    }
}

/// After the first of the events, so that nothing that came in between is lost. A server that
/// accepted them without naming them leaves nothing to start after: following is an error then.
impl From<&SentEvents> for Start {
    fn from(sent: &SentEvents) -> Self {
        let first = sent.data.iter().find_map(Event::id);
        Self::After(first.cloned().unwrap_or_else(|| EventId::new("")))
    }
}

impl From<SentEvents> for Start {
    fn from(sent: SentEvents) -> Self {
        Self::from(&sent)
    }
}

/// By which means events are fetched. Items and order are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Via {
    /// The event stream.
    #[default]
    Sse,
    /// The list of events, asked for again and again: for networks that keep no connection open.
    /// Previews are never in it. Between two lists passes at most this time and at least half of
    /// it, at random; two seconds are usual, and less than 100 ms counts as 100 ms.
    /// [`Updates::wake`](crate::follow::Updates::wake) asks at once.
    Polling(Duration),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn log() -> EventLog {
        EventLog::session("s".into())
    }

    #[test]
    fn ids_texts_and_what_was_sent_are_starts() {
        let after = Start::After(EventId::new("evt_1"));
        assert_eq!(Start::from("evt_1"), after);
        assert_eq!(Start::from("evt_1".to_owned()), after);
        assert_eq!(Start::from(EventId::new("evt_1")), after);
        let sent = r#"{"data":[{"type":"user.message","content":[]},{"type":"user.message","id":"evt_1"},{"type":"system.message","id":"evt_2"}]}"#;
        let sent: SentEvents = serde_json::from_str(sent).expect("events");
        assert_eq!(Start::from(&sent), after);
    }

    #[test]
    fn what_is_no_event_is_refused_and_says_what_it_is() {
        let nameless: SentEvents = serde_json::from_str(r#"{"data":[]}"#).expect("events");
        for (start, word) in [
            (Start::from(""), "empty"),
            (Start::from(" \n"), "empty"),
            (Start::from(nameless), "didn't name"),
            (Start::from(r#"{"session":"s","turn":{}}"#), "resume_turn"),
            (Start::from(r#"{"session":"s2","after":"e"}"#), "not of s"),
            (Start::from(r#"{"session":"s","after":"#), "no checkpoint"),
            (Start::from("null"), "never stored"),
            (Start::from("evt_1 evt_2"), "blanks"),
        ] {
            let error = start.within(&log()).expect_err(word);
            assert_eq!(error.kind(), ErrorKind::Input);
            assert!(error.to_string().contains(word), "{error}");
        }
        let checkpoint = log().checkpoint("evt_1");
        for start in [
            Start::Now,
            Start::Beginning,
            Start::from("evt_1"),
            Start::from("1"),
            Start::from(checkpoint.to_string()),
            Start::from(checkpoint),
        ] {
            start.within(&log()).expect("a start");
        }
    }
}
