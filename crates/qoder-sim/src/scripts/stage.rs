//! The stage that the threads of a turn share, by which their acts get into the log.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::text::last_message;
use super::tool::Answer;
use crate::clock::Moment;
use crate::json::{Json, object};
use crate::resources::environments;
use crate::settings::Dialect;
use crate::state::account::Account;
use crate::state::session::Session;
use crate::state::world::World;

/// A turn of a session.
pub(crate) struct Stage {
    pub(super) world: Arc<World>,
    pub(super) session: String,
    /// The text of the last message.
    pub(super) message: String,
    pub(super) number: usize,
    /// The number of events that the client had sent when the turn before this one ended.
    pub(super) received_before: usize,
    /// The count of cancellations at the start.
    pub(super) cancelled: u64,
    /// The end that the script gives the turn before it returns.
    pub(super) ended: watch::Sender<Option<End>>,
    /// One question at a time.
    pub(super) asking: tokio::sync::Mutex<()>,
    acts: Mutex<Acts>,
    over: AtomicBool,
}

/// The acts so far.
pub(super) struct Acts {
    /// When the agent last did something.
    pub(super) last: Moment,
    pub(super) answers: Vec<Answer>,
    pub(super) voices: Vec<Arc<Voice>>,
}

/// The end of a turn.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// With this `stop_reason`.
    Stop(Json),
    /// And the session with it.
    Terminated,
}

/// The agent that acts in a thread.
#[derive(Debug)]
pub(crate) struct Voice {
    pub(super) thread: String,
    pub(super) agent: String,
    pub(super) is_main: bool,
    /// The call of the model that is under way.
    span: Mutex<Option<String>>,
    is_idle: AtomicBool,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("session", &self.session)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Stage {
    /// A turn of this session, for its last message; `None` if there is no such session.
    pub(super) fn new(world: Arc<World>, session: String, cancelled: u64) -> Option<Self> {
        let (message, number, received_before, main) = world.session(&session, |session| {
            let (number, received_before) = earlier(session);
            let message = last_message(session);
            let (thread, agent) = session.main_thread();
            let main = Voice {
                is_main: true,
                ..Voice::of(thread, agent)
            };
            (message, number + 1, received_before, main)
        })?;
        let acts = Acts {
            last: world.clock.moment(),
            answers: Vec::new(),
            voices: vec![Arc::new(main)],
        };
        Some(Self {
            world,
            session,
            message,
            number,
            received_before,
            cancelled,
            ended: watch::Sender::new(None),
            asking: tokio::sync::Mutex::default(),
            acts: Mutex::new(acts),
            over: AtomicBool::new(false),
        })
    }

    pub(super) fn acts(&self) -> MutexGuard<'_, Acts> {
        self.acts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn main(&self) -> Arc<Voice> {
        Arc::clone(&self.acts().voices[0])
    }

    /// Works on the session, unless the turn is over.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let done = self.world.session(&self.session, |session| {
            let goes_on =
                *session.cancelled.borrow() == self.cancelled && !self.over.load(Ordering::Relaxed);
            goes_on.then(|| work(session))
        });
        done.flatten()
    }

    /// Reads the session, whatever has become of it.
    pub(super) fn look<T: Default>(&self, work: impl FnOnce(&mut Session) -> T) -> T {
        let seen = self.world.any_session(&self.session, work);
        seen.unwrap_or_default()
    }

    /// Notes that the agent does something now. What is noted before an event is told, is not
    /// later than what anybody does about the event.
    pub(super) fn mark(&self) {
        self.acts().last = self.world.clock.moment();
    }

    /// Publishes an event of a thread, unless the turn is over, and gives its id.
    pub(super) fn publish(&self, voice: &Voice, mut event: Json) -> Option<String> {
        // What is said of the session is of no thread.
        let is_of_session = event["type"].text().starts_with("session.");
        if !voice.is_main && !is_of_session && event["session_thread_id"].is_null() {
            event.set("session_thread_id", &voice.thread);
        }
        self.mark();
        let published = self.with(|session| session.publish(event))?;
        Some(published["id"].text().to_owned())
    }

    /// Whether the agent's own tools are for a worker to run.
    pub(super) fn is_self_hosted(&self) -> bool {
        let environment = self.look(|session| session.object["environment_id"].clone());
        let is = |account: &mut Account| environments::is_self_hosted(account, environment.text());
        self.world.account_of(&self.session, is) == Some(true)
    }

    pub(super) fn has_spans(&self) -> bool {
        self.world.settings.dialect == Dialect::Current
    }

    /// Waits until somebody else has ended the turn.
    pub(super) async fn cancelled(&self) {
        let cancelled = self
            .world
            .session(&self.session, |session| session.cancelled.subscribe());
        if let Some(mut cancelled) = cancelled {
            let _ = cancelled.wait_for(|count| *count != self.cancelled).await;
        }
    }

    /// Ends the turn, and the script with it.
    pub(super) async fn end(&self, end: End) {
        self.ended.send_replace(Some(end));
        std::future::pending::<()>().await;
    }

    /// Goes idle, as for a question, or at the end.
    pub(super) fn rest(&self, session: &mut Session, voice: &Voice, reason: &Json) {
        if self.has_spans() {
            session.publish(voice.idle(reason));
            session.charge();
        }
        session.publish(object! {"type": "session.status_idle", "stop_reason": reason});
    }

    /// Ends the turn in the log: threads, usage, and idle; or the end of the session.
    pub(super) fn finish(&self, end: &End) {
        let voices = self.acts().voices.clone();
        let reason = match end {
            End::Stop(reason) => reason,
            End::Terminated => &Json::Null,
        };
        self.world.session(&self.session, |session| {
            self.over.store(true, Ordering::Relaxed);
            session.pending.clear();
            session.answers.clear();
            // Somebody else has ended it.
            if session.status() == "terminated" {
                return;
            }
            for voice in voices.iter().rev() {
                if let Some(end) = voice.span_end(false) {
                    session.publish(end);
                }
                if voice.rest() && !reason.is_null() {
                    session.publish(voice.idle(reason));
                }
            }
            if reason.is_null() {
                session.set_status("terminated");
                session.publish(object! {"type": "session.status_terminated"});
                return;
            }
            // In the first generation a session that was cancelled is so for good.
            if session.status() != "cancelled" {
                session.set_status("idle");
            }
            self.rest(session, &voices[0], reason);
        });
    }
}

impl Voice {
    /// Another agent in a thread.
    pub(super) fn of(thread: String, agent: String) -> Self {
        Self {
            thread,
            agent,
            is_main: false,
            span: Mutex::default(),
            is_idle: AtomicBool::new(false),
        }
    }

    pub(super) fn span(&self) -> MutexGuard<'_, Option<String>> {
        self.span.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event that ends the call of the model that is under way, if there is one.
    pub(super) fn span_end(&self, is_error: bool) -> Option<Json> {
        let start = self.span().take()?;
        let mut event = object! {
            "type": "span.model_request_end", "is_error": is_error,
            "model_request_start_id": start, "model_usage": object! {"credits": 0.01},
        };
        if !self.is_main {
            event.set("session_thread_id", &self.thread);
        }
        Some(event)
    }

    /// An event about the thread.
    pub(super) fn said(&self, kind: &str) -> Json {
        object! {"type": kind, "session_thread_id": &self.thread, "agent_name": &self.agent}
    }

    pub(super) fn idle(&self, reason: &Json) -> Json {
        let mut event = self.said("session.thread_status_idle");
        event.set("stop_reason", reason);
        event
    }

    /// Goes idle. Whether that is news; the main thread goes idle with the session.
    pub(super) fn rest(&self) -> bool {
        !self.is_main && !self.is_idle.swap(true, Ordering::Relaxed)
    }

    /// Goes to work. Whether that is news.
    pub(super) fn wake(&self) -> bool {
        self.is_idle.swap(false, Ordering::Relaxed)
    }
}

/// Returns the number of turns that have ended, and that of the events that the client had sent by
/// the last of these ends.
fn earlier(session: &Session) -> (usize, usize) {
    let (mut turns, mut received, mut before) = (0, 0, 0);
    for entry in session.log() {
        if entry.name.starts_with("user.") || entry.name == "system.message" {
            received += 1;
        }
        let waits = entry.data.at("stop_reason.type") == "requires_action";
        if entry.name == "session.status_idle" && !waits {
            turns += 1;
            before = received;
        }
    }
    (turns, before)
}
