//! Event streams: one connection ([`EventStream`]), or a session followed over as many connections
//! as it takes ([`Events`], [`Updates`]).

mod driver;
mod feed;
mod machine;
mod notice;
mod previews;
mod stream;
mod trace;
mod walk;

pub(crate) use feed::Feed;
pub use notice::Notice;
pub use previews::{Preview, PreviewStart};
pub use stream::{Ending, EventStream, StreamOpening};

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use qoder_sse::resume::{self, Policy, Polling};
use qoder_types::{Event, EventId, PreviewType};
use uuid::Uuid;

use crate::client::Client;
use crate::error::Result;
use driver::Driver;
use machine::Settings;

/// Where following starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// With the first event of the session, however old.
    Beginning,
    /// With the first event that comes after this moment.
    #[default]
    Now,
    /// After this event, which may be a stored [checkpoint](Events::checkpoint).
    After(EventId),
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
    /// [`Updates::wake`] asks at once.
    Polling(Duration),
}

/// A session, or a thread of one, about to be followed: where from, by which means, and with what patience. Made by
/// [`Conversation::follow`](crate::Conversation::follow).
///
/// Each event comes once and in order, however often the connection is lost: the client
/// reconnects after the last event it handed over, and reads the list of events where the stream
/// can't say what was missed.
///
/// ```no_run
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
    client: Client,
    feed: Feed,
    start: Start,
    via: Via,
    previews: Vec<PreviewType>,
    policy: Policy,
    held: usize,
    chance: Option<u64>,
}

impl Follow {
    pub(crate) fn new(client: Client, feed: Feed) -> Self {
        Self {
            client,
            feed,
            start: Start::default(),
            via: Via::default(),
            previews: Vec::new(),
            policy: Policy::default().polling(Polling::Auto),
            held: 100_000,
            chance: None,
        }
    }

    /// Where to start. Default: [`Start::Now`].
    pub fn from(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// By which means. Default: [`Via::Sse`].
    pub fn via(mut self, via: Via) -> Self {
        self.via = via;
        self
    }

    /// Falls back to polling, at this pace, after so many attempts in a row to open the stream
    /// that failed or brought nothing. The stream is tried again after a minute, and ever less
    /// often while it doesn't work. Default: after five, every two seconds.
    ///
    /// By default, a refusal for good is an error. With this, a refusal for good, such as a
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
    pub fn previews(mut self, of: impl IntoIterator<Item = PreviewType>) -> Self {
        self.previews.extend(of);
        self
    }

    /// How long a connection may be silent, heartbeats included, until it is taken for dead and
    /// made anew. Default: 60 s. `Duration::MAX` is for ever.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.policy = self.policy.idle(limit);
        self
    }

    /// When to give up: after so many attempts, or so long since the first that failed, without a
    /// new event. The time that the caller takes, and attempts that [`Updates::wake`] asked for,
    /// don't count; polling, where it is allowed, is tried before, with the same patience. Default:
    /// 30 attempts or 5 minutes.
    pub fn give_up(mut self, attempts: u32, outage: Duration) -> Self {
        self.policy = self.policy.give_up(attempts, outage);
        self
    }

    /// The waits between attempts without progress: the first, and the longest; they double.
    /// Default: 0.5 s and 10 s.
    pub fn waits(mut self, base: Duration, cap: Duration) -> Self {
        self.policy = self.policy.waits(base, cap);
        self
    }

    /// How many events may be held in memory while the list is walked back to one that is known,
    /// because the server has forgotten the cursor; a gap that is larger ends it with an error.
    /// Default: 100,000.
    pub fn repair_limit(mut self, events: usize) -> Self {
        self.held = events;
        self
    }

    /// Where the luck in the waits comes from: with the same seed, they are the same. For tests.
    /// Default: random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.chance = Some(seed);
        self
    }

    /// The events, and nothing else.
    pub fn events(self) -> Events {
        Events(self.updates())
    }

    /// The events, previews of them, and notices about the connection.
    pub fn updates(self) -> Updates {
        let policy = match self.via {
            Via::Sse => self.policy,
            Via::Polling(pace) => self.policy.polling(Polling::Always).pace(pace),
        };
        let settings = Settings {
            feed: self.feed.renewing(self.client.auth().renews()),
            dialect: self.client.dialect(),
            start: self.start.into(),
            previews: self.previews,
            policy,
            held: self.held,
        };
        let chance = self
            .chance
            .unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0);
        Updates(Box::new(Driver::new(self.client, settings, chance)))
    }
}

impl From<Start> for resume::Start {
    fn from(start: Start) -> Self {
        match start {
            Start::Beginning => Self::Beginning,
            Start::Now => Self::Now,
            Start::After(id) => Self::After(id.to_string()),
        }
    }
}

/// What following brings.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Update {
    /// The next event.
    Event(Event),
    /// An event begins to be written, such as thinking: reason for a spinner.
    PreviewStart(PreviewStart),
    /// A piece of an event that is still being written.
    Preview(Preview),
    /// What happened to the connection; it heals by itself.
    Notice(Notice),
}

/// The events of a session, from [`Follow::events`].
///
/// It ends (`None`) when the session does: terminated or deleted. An idle session goes on; break
/// out of the loop at `session.status_idle` if that is enough. Fused; an `Err` is the last item
/// and carries the [checkpoint](crate::Error::checkpoint). Dropping the future of
/// [`next`](Self::next) loses nothing; dropping this closes the connection.
#[must_use = "streams do nothing unless polled"]
pub struct Events(Updates);

impl Events {
    /// The next event, or `None` after the session's last.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// What [`next`](Self::next) waits for, for futures written by hand.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        loop {
            match ready!(self.0.poll_update(cx)) {
                Some(Ok(Update::Event(event))) => return Poll::Ready(Some(Ok(event))),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }

    /// Where this stands: the id of the last event that was handed over. Store it, and another
    /// process goes on with `Start::After` it, with exactly what was not handed over here. `None`
    /// as long as there is no such event.
    pub fn checkpoint(&self) -> Option<String> {
        self.0.checkpoint()
    }

    /// As [`Updates::wake`].
    pub fn wake(&mut self) {
        self.0.wake();
    }

    /// Closes the connection; `None` is all that follows.
    pub fn close(&mut self) {
        self.0.close();
    }
}

impl Stream for Events {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("checkpoint", &self.checkpoint())
            .finish_non_exhaustive()
    }
}

/// Events, previews and notices of a session, from [`Follow::updates`]. For the rest it is as
/// [`Events`].
#[must_use = "streams do nothing unless polled"]
pub struct Updates(Box<Driver>);

impl Updates {
    /// The next update, or `None` after the session's last event.
    pub async fn next(&mut self) -> Option<Result<Update>> {
        poll_fn(|cx| self.poll_update(cx)).await
    }

    /// What [`next`](Self::next) waits for, for futures written by hand.
    pub fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Update>>> {
        self.0.poll_update(cx)
    }

    /// The whole text so far of a content block that is being written; `None` when it is not, or
    /// not any more: its event has come, or the connection was lost and the server has not
    /// started it again.
    pub fn preview_text(&self, event: &EventId, index: usize) -> Option<&str> {
        self.0.preview_text(event, index)
    }

    /// As [`Events::checkpoint`].
    pub fn checkpoint(&self) -> Option<String> {
        self.0.checkpoint()
    }

    /// There is reason to believe that there is news, or that the network is back: what is waited
    /// for is done at once, be it the next list or the next attempt to connect.
    pub fn wake(&mut self) {
        self.0.wake();
    }

    /// Closes the connection; `None` is all that follows.
    pub fn close(&mut self) {
        self.0.close();
    }
}

impl Stream for Updates {
    type Item = Result<Update>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_update(cx)
    }
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates")
            .field("checkpoint", &self.checkpoint())
            .finish_non_exhaustive()
    }
}
