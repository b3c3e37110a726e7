//! Tokens that are renewed: the shell around [`Cache`], with one question at a time for all
//! clones of a client.
//!
//! No task is spawned: a question lies in the client, and the calls that wait for its answer drive
//! it (see `in_flight.rs`). A program with several runtimes has a question in each, since one that
//! stands still would hold up the others.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{self, Handle};
use tokio::time::{Instant, timeout};

use super::cache::{Cache, Decision, Issued};
use super::in_flight::{InFlight, Place, Turn};
use super::no_token::NoToken;
use super::provider::{AccessToken, Credentials};
use super::service_account::Exchange;
use super::token::Token;
use crate::error::{Error, Result};

/// No source takes longer than this.
const LIMIT: Duration = Duration::from_secs(60);

/// So many tokens are known for cutting them out of texts: those that requests under way may
/// still have.
const REMEMBERED: usize = 16;

/// So many runtimes may ask at once; the oldest question gives way to the next.
const RUNTIMES: usize = 8;

/// Tokens of one source, for all clones of a client.
pub(crate) struct Renewed {
    source: Arc<Source>,
    state: Mutex<State>,
    /// The moment that the machine's time counts from.
    start: OnceLock<Instant>,
}

/// Whom to ask.
pub(crate) enum Source {
    Account(Box<Exchange>),
    Custom(Box<dyn Credentials>),
}

/// A token and how long it is good, or why there is none.
type Answer = std::result::Result<(Token, Option<Duration>), NoToken>;

struct State {
    cache: Cache<Token, Arc<NoToken>>,
    recent: VecDeque<Token>,
    /// The requests for tokens that are in flight, one in each runtime.
    asking: VecDeque<InFlight<Answer>>,
    /// Counts the questions.
    questions: u64,
}

impl Renewed {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source: Arc::new(source),
            state: Mutex::new(State {
                cache: Cache::new(),
                recent: VecDeque::new(),
                asking: VecDeque::new(),
                questions: 0,
            }),
            start: OnceLock::new(),
        }
    }

    /// The token for a request. Dropping the future, or not polling it, holds nobody up.
    pub(crate) async fn authorize(&self) -> Result<Issued<Token>> {
        let runtime = Handle::try_current().map_err(|_| Error::no_runtime())?;
        let mut waiter = Waiter {
            of: self,
            runtime: runtime.id(),
            generation: self.lock().cache.generation(),
            began: None,
            place: None,
        };
        poll_fn(|cx| waiter.poll(cx)).await
    }

    /// See [`Cache::refuse`].
    pub(crate) fn refused(&self, generation: u64) -> bool {
        let now = self.now();
        self.lock().cache.refuse(now, generation)
    }

    /// `text` without the tokens that are or were in use, and without the key.
    pub(crate) fn cut(&self, text: &str) -> Option<String> {
        let recent: Vec<Token> = self.lock().recent.iter().cloned().collect();
        let key = match &*self.source {
            Source::Account(exchange) => Some(exchange.key()),
            Source::Custom(_) => None,
        };
        let mut cut = None;
        for token in recent.iter().chain(key) {
            let text = cut.as_deref().unwrap_or(text);
            if let Some(without) = token.cut(text) {
                cut = Some(without);
            }
        }
        cut
    }

    /// Polls a question once, for all who wait, and without a lock.
    fn drive(&self, mut turn: Turn<Answer>) {
        let (number, waiting) = (turn.number, Arc::clone(&turn.waiting));
        let mut driving = Driving {
            of: self,
            number,
            polled: false,
        };
        let polled = turn.poll();
        driving.polled = true;
        match polled {
            Poll::Pending => {
                if let Some(asking) = self.lock().numbered(number) {
                    asking.put_back(turn);
                }
                waiting.wake_if_due();
            }
            Poll::Ready(answer) => {
                let now = self.now();
                let over = self.lock().answered(number, answer, now);
                for asking in over {
                    asking.waiting.wake_all();
                }
            }
        }
    }

    fn now(&self) -> Duration {
        self.start.get_or_init(Instant::now).elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves nothing half-done here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the source, which may take its time, but no more than that.
async fn ask(source: Arc<Source>) -> Answer {
    let answer = timeout(LIMIT, source.ask()).await;
    let answer = answer.unwrap_or_else(|_| Err(NoToken::too_late(LIMIT)))?;
    Ok((source.token(&answer)?, answer.expires_in))
}

impl State {
    fn numbered(&mut self, number: u64) -> Option<&mut InFlight<Answer>> {
        let mut all = self.asking.iter_mut();
        all.find(|asking| asking.number == number)
    }

    fn of_runtime(&mut self, runtime: runtime::Id) -> Option<&mut InFlight<Answer>> {
        let mut all = self.asking.iter_mut();
        all.find(|asking| asking.runtime == runtime)
    }

    fn remove(&mut self, number: u64) -> Option<InFlight<Answer>> {
        let mut all = self.asking.iter();
        let at = all.position(|asking| asking.number == number)?;
        self.asking.remove(at)
    }

    /// Takes the answer to a question; gives the questions that are over with it.
    fn answered(&mut self, number: u64, answer: Answer, now: Duration) -> Vec<InFlight<Answer>> {
        let Some(asking) = self.remove(number) else {
            return Vec::new();
        };
        let mut over = Vec::new();
        match answer {
            // It says nothing of today: who waits asks anew.
            Err(_) if asking.was_left_alone() => {}
            Ok((_, Some(ttl)))
                if asking.was_left_alone() && now >= asking.asked.saturating_add(ttl) => {}
            Ok((token, ttl)) => {
                self.recent.truncate(REMEMBERED - 1);
                self.recent.push_front(token.clone());
                self.cache.issue(asking.asked, now, token, ttl);
                // It is what the other runtimes ask for.
                over.extend(self.asking.drain(..));
            }
            Err(why) => {
                let (transient, hint) = (why.transient, why.hint);
                self.cache.fail(now, Arc::new(why), transient, hint);
            }
        }
        over.push(asking);
        over
    }
}

/// A poll of a question. If it panics, the question is no more, and who waits asks anew.
struct Driving<'a> {
    of: &'a Renewed,
    number: u64,
    polled: bool,
}

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        if self.polled {
            return;
        }
        let gone = self.of.lock().remove(self.number);
        if let Some(gone) = gone {
            gone.waiting.wake_all();
        }
    }
}

/// A call that needs a token.
struct Waiter<'a> {
    of: &'a Renewed,
    runtime: runtime::Id,
    /// The newest token when it came.
    generation: u64,
    /// The question that it began: it waits for the answer even if an old token would do.
    began: Option<u64>,
    place: Option<Place>,
}

impl Waiter<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Issued<Token>>> {
        loop {
            let driven = self.drive(cx.waker());
            let now = self.of.now();
            let mut state = self.of.lock();
            let asking = state.of_runtime(self.runtime).map(|asking| asking.number);
            if asking.is_some() && asking == self.began {
                return Poll::Pending;
            }
            if let Some(issued) = state.cache.after(self.generation, now) {
                return Poll::Ready(Ok(issued));
            }
            match state.cache.decide(now, asking.is_some()) {
                Decision::Use(issued) => return Poll::Ready(Ok(issued)),
                Decision::Fail(why, wait) => return Poll::Ready(Err(why.error(wait))),
                Decision::Wait if asking == driven => return Poll::Pending,
                // Another was begun since.
                Decision::Wait => {}
                Decision::Ask => {
                    state.questions += 1;
                    let number = state.questions;
                    let work = ask(Arc::clone(&self.of.source));
                    let asking = InFlight::new(number, now, self.runtime, work);
                    state.asking.push_back(asking);
                    self.began = Some(number);
                    let too_many = state.asking.len() > RUNTIMES;
                    let oldest = too_many.then(|| state.asking.pop_front()).flatten();
                    drop(state);
                    if let Some(oldest) = oldest {
                        oldest.waiting.wake_all();
                    }
                }
            }
        }
    }

    /// Waits with the others for the question under way, and polls it unless one of them does just
    /// now. Who can go on with an old token helps too. Gives the question's number.
    fn drive(&mut self, waker: &Waker) -> Option<u64> {
        let (number, waiting) = {
            let mut state = self.of.lock();
            let asking = state.of_runtime(self.runtime)?;
            (asking.number, Arc::clone(&asking.waiting))
        };
        let known = self.place.take().filter(|place| place.is_of(&waiting));
        let place = known.unwrap_or_else(|| Place::new(&waiting));
        place.wait(waker);
        self.place = Some(place);
        let turn = self.of.lock().numbered(number).and_then(InFlight::take);
        if let Some(turn) = turn {
            self.of.drive(turn);
        }
        Some(number)
    }
}

impl Source {
    async fn ask(&self) -> std::result::Result<AccessToken, NoToken> {
        match self {
            Self::Account(exchange) => exchange.ask().await,
            Self::Custom(credentials) => credentials.token().await.map_err(NoToken::custom),
        }
    }

    /// The header for a token that was given.
    fn token(&self, answer: &AccessToken) -> std::result::Result<Token, NoToken> {
        let name = match self {
            Self::Account(_) => "the token in exchange for the service account's key",
            Self::Custom(_) => "the token from the credentials",
        };
        Token::new(&answer.secret).map_err(|why| NoToken::new(format!("{name} {why}")))
    }
}

#[cfg(test)]
mod tests;
