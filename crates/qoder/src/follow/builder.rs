//! The options of following: where it starts, by which means, and with how much patience.

use std::time::Duration;

use qoder_sse::resume::{self, Policy, Polling};
use qoder_types::PreviewType;
use uuid::Uuid;

use super::driver::Driver;
use super::event_log::EventLog;
use super::events::{Events, Updates};
use super::machine::Settings;
use super::start::{Start, Via};
use crate::shared::Shared;

/// A session, or a thread of one, about to be followed: where from, by which means, and with what
/// patience. Made by [`Conversation::follow`](crate::Conversation::follow).
///
/// Each event comes once and in order, however often the connection is lost: the client
/// reconnects after the last event it handed over, and reads the list of events where the stream
/// can't say what was missed.
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// use qoder::Start;
///
/// let mut events = client.session("sess_1").follow().from(Start::Beginning).events();
/// while let Some(event) = events.next().await {
///     println!("{}", event?.type_name());
/// }
/// # Ok(()) }
/// ```
#[must_use = "following begins when the events or updates are polled"]
#[derive(Clone, Debug)]
pub struct Follow {
    shared: Shared,
    log: EventLog,
    start: Start,
    via: Via,
    previews: Vec<PreviewType>,
    policy: Policy,
    held: usize,
    seed: Option<u64>,
}

impl Follow {
    pub(crate) fn new(shared: Shared, log: EventLog) -> Self {
        Self {
            shared,
            log,
            start: Start::default(),
            via: Via::default(),
            previews: Vec::new(),
            policy: Policy::default().polling(Polling::Auto),
            held: 100_000,
            seed: None,
        }
    }

    /// Sets where to start. Default: [`Start::Now`], which loses earlier events, such as those of a
    /// message that was just sent; [`after`](Self::after) it nothing is lost.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::Start;
    ///
    /// let session = client.session("sess_1");
    /// let mut all = session.follow().from(Start::Beginning).events();
    /// let mut rest = session.follow().from(Start::After("evt_1".into())).events();
    /// # Ok(()) }
    /// ```
    pub fn from(mut self, start: impl Into<Start>) -> Self {
        self.start = start.into();
        self
    }

    /// Starts after an event: what [`Conversation::send`](crate::Conversation::send) returned, the
    /// id of an event, or where following stood, a stored [`Checkpoint`](crate::Checkpoint) or its
    /// text.
    ///
    /// ```
    /// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
    /// let sent = session.send("Hello!").await?;
    /// let mut events = session.follow().after(&sent).events();
    /// # Ok(()) }
    /// ```
    pub fn after(self, event: impl Into<Start>) -> Self {
        self.from(event)
    }

    /// Sets by which means events are fetched. Default: [`Via::Sse`].
    ///
    /// ```
    /// # async fn f(session: qoder::Conversation) -> qoder::Result<()> {
    /// use std::time::Duration;
    /// use qoder::{Start, Via};
    ///
    /// let polled = session.follow().from(Start::Beginning).via(Via::Polling(Duration::from_secs(2)));
    /// let mut events = polled.events();
    /// while let Some(event) = events.next().await {
    ///     println!("{}", event?.type_name());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn via(mut self, via: Via) -> Self {
        self.via = via;
        self
    }

    /// Falls back to polling, at this pace, after so many attempts in a row to open the stream
    /// that failed or brought nothing. The stream is tried again after a minute, and ever less
    /// often while it doesn't work. Default: after five, every two seconds.
    ///
    /// By default, a permanent refusal is an error. With this, a permanent refusal, such as a
    /// proxy's web page, counts as all attempts: the list has the last word on whether the session
    /// can be read.
    ///
    /// Either way, a stream is looked after: one that brings no event for five seconds after it was
    /// opened, or nothing at all for the idle limit, is compared with the list of events. Where
    /// something between holds the stream back, as a proxy that buffers does, polling takes its
    /// place.
    pub fn polling_after(mut self, openings: u32, pace: Duration) -> Self {
        self.policy = self.policy.polling(Polling::After(openings)).pace(pace);
        self
    }

    /// Never polls where the stream fails: it alone is tried, until it gives up. A stream that
    /// something holds back is not noticed then. Only where the server rejects the cursor, the
    /// list is asked until it has one that can be sent.
    pub fn without_polling(mut self) -> Self {
        self.policy = self.policy.polling(Polling::Never);
        self
    }

    /// Asks for previews of these events while they are written; [`updates`](Self::updates) has
    /// them.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::{Update, types::PreviewType};
    ///
    /// let follow = client.session("sess_1").follow().previews([PreviewType::AgentMessage]);
    /// let mut updates = follow.updates();
    /// while let Some(update) = updates.next().await {
    ///     if let Update::Text(piece) = update? {
    ///         print!("{}", piece.new());
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn previews(mut self, of: impl IntoIterator<Item = PreviewType>) -> Self {
        self.previews.extend(of);
        self
    }

    /// Sets how long a connection may be silent, heartbeats included, until it is taken for dead and
    /// made anew. Default: 60 s. `Duration::MAX` is for ever.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.policy = self.policy.idle(limit);
        self
    }

    /// Sets when to give up: after so many attempts, or so long since the first that failed, without a
    /// new event. The time that the caller takes, and attempts that [`Updates::wake`] asked for,
    /// don't count; polling, where it is allowed, is tried before, with the same patience. Default:
    /// 30 attempts or 5 minutes.
    pub fn give_up(mut self, attempts: u32, outage: Duration) -> Self {
        self.policy = self.policy.give_up(attempts, outage);
        self
    }

    /// Sets the waits between attempts without progress: the first, and the longest; they double.
    /// Default: 0.5 s and 10 s.
    pub fn waits(mut self, base: Duration, cap: Duration) -> Self {
        self.policy = self.policy.waits(base, cap);
        self
    }

    /// Sets how many events may be held in memory while the list is read back to one that is known,
    /// because the server has forgotten the cursor; a gap that is larger ends it with an error.
    /// Default: 100,000.
    pub fn repair_limit(mut self, events: usize) -> Self {
        self.held = events;
        self
    }

    /// Seeds the jitter of the waits, which then are the same each time. For tests.
    /// Default: random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Returns the events, and nothing else.
    pub fn events(self) -> Events {
        Events::new(self.updates())
    }

    /// Returns the events, previews of them, and notices about the connection.
    /// A start that can't be one is their first item: an error.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::Update;
    ///
    /// let mut updates = client.session("sess_1").follow().updates();
    /// while let Some(update) = updates.next().await {
    ///     match update? {
    ///         Update::Event(event) => println!("{}", event.type_name()),
    ///         Update::Notice(notice) => eprintln!("{notice:?}"),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn updates(self) -> Updates {
        let (start, refused) = match self.start.within(&self.log) {
            Ok(start) => (start, None),
            Err(error) => (resume::Start::Now, Some(error)),
        };
        let policy = match self.via {
            Via::Sse => self.policy,
            Via::Polling(pace) => self.policy.polling(Polling::Always).pace(pace),
        };
        let settings = Settings {
            log: self.log.renewing(self.shared.auth().renews()),
            dialect: self.shared.dialect(),
            start,
            previews: self.previews,
            policy,
            held: self.held,
        };
        let seed = self.seed.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0);
        Updates::new(Driver::new(self.shared, settings, seed), refused)
    }
}
