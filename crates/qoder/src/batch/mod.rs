//! Many prompts at once, over as many sessions: a [`Batch`].

mod state;

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use qoder_types::{Session, SessionId};

use crate::client::Client;
use crate::error::Result;
use crate::turn::{Reply, Turn, TurnOpening};
use state::Place;
pub use state::{Item, Outcome, State};

/// The default number of items that are under way at the same time.
const CONCURRENCY: usize = 4;

/// Prompts for many sessions, some at a time. The items are told by their numbers, from 0.
///
/// Nothing is spawned: the turns go on while [`next`](Self::next) or [`run`](Self::run) is polled.
/// Dropping a batch leaves the agents' work alone.
///
/// Another process can resume it: store the [`state`](Self::state) before the first `next`, and
/// after each. With it, nothing is asked twice, even if the process ends between a step and its
/// storing: each message and each new session has an idempotency key that follows from the state.
/// (A server remembers keys for a day; a turn whose beginning is in the state needs none.)
///
/// ```
/// # async fn f(client: qoder::Client, ids: Vec<String>) -> Result<(), Box<dyn std::error::Error>> {
/// use qoder::batch::{Batch, Item};
/// use qoder::types::serde_json;
///
/// let items = ids.iter().map(|id| Item::new(id, "Summarise what we did."));
/// let mut batch = Batch::new(&client, items).concurrency(8);
/// if let Ok(stored) = std::fs::read("batch.json") {
///     batch = batch.resume(serde_json::from_slice(&stored)?)?;
/// }
/// std::fs::write("batch.json", serde_json::to_vec(batch.state())?)?;
/// while let Some(progress) = batch.next().await {
///     std::fs::write("batch.json", serde_json::to_vec(batch.state())?)?;
///     if let (Some(Err(error)), item) = (progress.result(), progress.item()) {
///         eprintln!("{item}: {error}");
///     }
/// }
/// for (id, outcome) in ids.iter().zip(batch.outcomes()) {
///     println!("{id}: {}", outcome.map_or("open", |outcome| &outcome.text));
/// }
/// # Ok(()) }
/// ```
#[must_use = "a batch does nothing until it is polled"]
pub struct Batch {
    client: Client,
    items: Vec<Item>,
    /// The stage of each item in this batch.
    stages: Vec<Stage>,
    state: State,
    concurrency: usize,
    stop_at_first_error: bool,
    turns: Option<Adjust>,
    jobs: Vec<Job>,
    news: VecDeque<(usize, Came)>,
    /// The items whose next step begins when more is asked for, with their turns, if those are open.
    due: Vec<(usize, Option<Turn>)>,
    stopped: bool,
}

type Adjust = Arc<dyn Fn(TurnOpening) -> TurnOpening + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    UnderWay,
    Over,
}

/// A step of an item that is under way.
struct Job {
    item: usize,
    future: Pin<Box<dyn Future<Output = Came> + Send>>,
}

#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, and soon taken apart"
)]
enum Came {
    Created(Result<Session>),
    Asked(Result<Turn>),
    Replied(Result<Reply>),
}

/// A step of an item, from [`Batch::next`].
#[derive(Debug)]
pub struct Progress {
    item: usize,
    step: Step,
}

/// The progress of an item.
#[derive(Debug)]
#[non_exhaustive]
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, and soon taken apart"
)]
pub enum Step {
    /// The session of the item was created.
    Created(SessionId),
    /// Its message was accepted, or its turn was resumed.
    Asked,
    /// It is over, or can't go on for now. A turn that ended without success, or said
    /// what can't be read, is over too, and an [`Outcome`]; after any other error, who goes on with
    /// the state tries the item again.
    Over(Result<Reply>),
}

impl Progress {
    /// Returns the number of the item.
    pub fn item(&self) -> usize {
        self.item
    }

    /// Returns the step that the item has taken.
    pub fn step(&self) -> &Step {
        &self.step
    }

    /// Returns the result of the item. `None` if it goes on.
    pub fn result(&self) -> Option<&Result<Reply>> {
        match &self.step {
            Step::Over(result) => Some(result),
            _ => None,
        }
    }
}

impl Batch {
    /// Makes a batch of these items. Nothing is sent yet.
    pub fn new(client: &Client, items: impl IntoIterator<Item = Item>) -> Self {
        let items: Vec<Item> = items.into_iter().collect();
        Self {
            client: client.clone(),
            stages: vec![Stage::Waiting; items.len()],
            state: State::new(&items),
            items,
            concurrency: CONCURRENCY,
            stop_at_first_error: false,
            turns: None,
            jobs: Vec::new(),
            news: VecDeque::new(),
            due: Vec::new(),
            stopped: false,
        }
    }

    /// Goes on where another batch of the same items was. What is over stays over.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the state is of other items.
    pub fn resume(mut self, state: State) -> Result<Self> {
        self.state = state.of(&self.items)?;
        for (item, stage) in self.stages.iter_mut().enumerate() {
            *stage = match self.state.outcome(item) {
                Some(_) => Stage::Over,
                None => Stage::Waiting,
            };
        }
        Ok(self)
    }

    /// Sets how many items are under way at the same time. Default: 4. 0 counts as 1.
    pub fn concurrency(mut self, most: usize) -> Self {
        self.concurrency = most.max(1);
        self
    }

    /// Stops at the first item that is no success: nothing more is begun, and what is under way is
    /// left to the agents, where another batch can go on with it. Default: all items are tried.
    pub fn stop_at_first_error(mut self) -> Self {
        self.stop_at_first_error = true;
        self
    }

    /// Adjusts each turn before it begins, such as its [deadline](TurnOpening::deadline). The
    /// idempotency key is the batch's own.
    pub fn turns(
        mut self,
        adjust: impl Fn(TurnOpening) -> TurnOpening + Send + Sync + 'static,
    ) -> Self {
        self.turns = Some(Arc::new(adjust));
        self
    }

    /// Returns the progress of the batch, with all that [`next`](Self::next) returned.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns the outcomes of the items, in their order. `None` for those that are not over.
    pub fn outcomes(&self) -> impl Iterator<Item = Option<&Outcome>> {
        (0..self.items.len()).map(|item| self.state.outcome(item))
    }

    /// Returns the next step of an item, or `None` when there is nothing left to do. An item's next
    /// step begins when this is called again, so that the [`state`](Self::state) can be stored before.
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Progress> {
        poll_fn(|cx| self.poll_progress(cx)).await
    }

    /// Does all that is left to do; `progress` is told each step, with the state after it, which it
    /// can store.
    ///
    /// # Errors
    ///
    /// With [`stop_at_first_error`](Self::stop_at_first_error), the first error. Otherwise none: see
    /// [`outcomes`](Self::outcomes).
    pub async fn run(&mut self, mut progress: impl FnMut(&Progress, &State)) -> Result<()> {
        while let Some(news) = self.next().await {
            progress(&news, &self.state);
            if let (Step::Over(Err(error)), true) = (news.step, self.stop_at_first_error) {
                return Err(error);
            }
        }
        Ok(())
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) -> Poll<Option<Progress>> {
        for (item, turn) in std::mem::take(&mut self.due) {
            match turn {
                Some(turn) => self.job(item, async move { Came::Replied(turn.reply().await) }),
                None => self.begin(item),
            }
        }
        loop {
            if let Some((item, came)) = self.news.pop_front() {
                return Poll::Ready(Some(self.tell(item, came)));
            }
            while let Some(item) = self.next_item() {
                self.stages[item] = Stage::UnderWay;
                self.begin(item);
            }
            if self.jobs.is_empty() {
                return Poll::Ready(None);
            }
            if !self.poll_jobs(cx) {
                return Poll::Pending;
            }
        }
    }

    /// Records the result of a step, and returns the progress to report.
    fn tell(&mut self, item: usize, came: Came) -> Progress {
        let step = match came {
            Came::Created(Ok(session)) => {
                self.state.created(item, session.id.clone());
                self.due.push((item, None));
                Step::Created(session.id)
            }
            Came::Asked(Ok(turn)) => {
                self.state.asked(item, turn.checkpoint());
                self.due.push((item, Some(turn)));
                Step::Asked
            }
            Came::Created(Err(error)) | Came::Asked(Err(error)) => Step::Over(Err(error)),
            Came::Replied(result) => {
                self.state.came(item, &result);
                Step::Over(result)
            }
        };
        if let Step::Over(result) = &step {
            self.stages[item] = Stage::Over;
            self.stopped |= result.is_err() && self.stop_at_first_error;
        }
        if self.stopped {
            self.jobs.clear();
            self.due.clear();
        }
        Progress { item, step }
    }

    /// The first item that may begin: only one for each session is under way.
    fn next_item(&self) -> Option<usize> {
        let is = |stage: Stage| move |at: &&Stage| **at == stage;
        let under_way = self.stages.iter().filter(is(Stage::UnderWay)).count();
        if self.stopped || under_way >= self.concurrency {
            return None;
        }
        let mut busy = HashSet::new();
        for (item, stage) in self.stages.iter().enumerate() {
            let free = match &self.items[item].place {
                Place::Session(id) if *stage != Stage::Over => busy.insert(id),
                _ => true,
            };
            if free && *stage == Stage::Waiting {
                return Some(item);
            }
        }
        None
    }

    /// Begins the next step of an item whose turn is not open here.
    fn begin(&mut self, item: usize) {
        let Item { message, place } = &self.items[item];
        let session = match place {
            Place::Session(id) => Some(id),
            Place::New(_) => self.state.created_session(item),
        };
        let opening = match (self.state.checkpoint(item), session, place) {
            (Some(checkpoint), _, _) => self.client.resume_turn(checkpoint),
            (None, Some(session), _) => self.client.session(session).turn(message.clone()),
            (None, None, Place::New(create)) => {
                let key = self.state.session_key(item);
                let call = self.client.sessions().create(create.clone());
                let call = call.options(|options| options.idempotency_key(key));
                return self.job(item, async move { Came::Created(call.await) });
            }
            (None, None, Place::Session(_)) => return,
        };
        let opening = match &self.turns {
            Some(adjust) => adjust(opening),
            None => opening,
        };
        let opening = opening.idempotency_key(self.state.message_key(item));
        self.job(item, async move { Came::Asked(opening.await) });
    }

    fn job(&mut self, item: usize, future: impl Future<Output = Came> + Send + 'static) {
        let future = Box::pin(future);
        self.jobs.push(Job { item, future });
    }

    /// Polls what is under way; whether something came of it.
    fn poll_jobs(&mut self, cx: &mut Context<'_>) -> bool {
        let news = &mut self.news;
        self.jobs
            .retain_mut(|job| match job.future.as_mut().poll(cx) {
                Poll::Ready(came) => {
                    news.push_back((job.item, came));
                    false
                }
                Poll::Pending => true,
            });
        !self.news.is_empty()
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (over, of) = self.state.progress();
        f.debug_struct("Batch")
            .field("items", &of)
            .field("over", &over)
            .field("under_way", &self.jobs.len())
            .finish_non_exhaustive()
    }
}
