//! Tokens that are renewed: the shell around [`Cache`], with one question at a time for all
//! clones of a client.
//!
//! No task is spawned: the call that finds that a token is needed asks for it, and the others
//! wait. If that call is dropped, its [`Asking`] wakes the others, and one of them asks anew.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use http::StatusCode;
use qoder_http::Sent;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::cache::{Cache, Issued, Next};
use super::provider::{AccessToken, Credentials, CredentialsError};
use super::service_account::Exchange;
use super::token::Token;
use crate::error::{Error, ErrorKind, Result};

/// No source takes longer than this.
const LIMIT: Duration = Duration::from_secs(60);

/// So many tokens are known for cutting them out of texts: those that requests under way may
/// still have.
const REMEMBERED: usize = 4;

/// Tokens of one source, for all clones of a client.
pub(crate) struct Renewed {
    source: Source,
    state: Mutex<State>,
    changed: Notify,
    /// The moment that the machine's time counts from.
    start: OnceLock<Instant>,
}

/// Whom to ask.
pub(crate) enum Source {
    Account(Box<Exchange>),
    Custom(Box<dyn Credentials>),
}

struct State {
    cache: Cache<Token, Arc<Reason>>,
    recent: VecDeque<Token>,
}

/// Why there is no token.
#[derive(Debug)]
pub(crate) struct Reason {
    pub(crate) message: String,
    pub(crate) status: Option<StatusCode>,
    pub(crate) request_id: Option<String>,
    /// How long the server asked to wait with a 429.
    pub(crate) hint: Option<Duration>,
    /// It may be over soon: no connection, 429, 5xx.
    pub(crate) passing: bool,
    pub(crate) cause: Option<Cause>,
}

/// An error that several calls end with. Its text is part of theirs, so what lies below it is
/// their source.
#[derive(Clone)]
pub(crate) struct Cause(pub(crate) Arc<dyn StdError + Send + Sync>);

impl Renewed {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            state: Mutex::new(State {
                cache: Cache::new(),
                recent: VecDeque::new(),
            }),
            changed: Notify::new(),
            start: OnceLock::new(),
        }
    }

    /// The token for a request.
    pub(crate) async fn authorize(&self) -> Result<Issued<Token>> {
        loop {
            // Made before looking, so that no change in between is missed.
            let changed = self.changed.notified();
            let next = self.next();
            match next {
                Next::Use(issued) => return Ok(issued),
                Next::Fail(why, wait) => return Err(why.error(wait)),
                Next::Ask => return self.ask(Asking::new(self)).await,
                Next::Wait => changed.await,
            }
        }
    }

    /// See [`Cache::refuse`].
    pub(crate) fn refused(&self, generation: u64) -> bool {
        let now = self.now();
        self.lock().cache.refuse(now, generation)
    }

    /// See [`Cache::accept`].
    pub(crate) fn accepted(&self, generation: u64) {
        self.lock().cache.accept(generation);
    }

    /// `text` without the tokens that are or were in use, and without the key.
    pub(crate) fn cut(&self, text: &str) -> Option<String> {
        let recent: Vec<Token> = self.lock().recent.iter().cloned().collect();
        let key = match &self.source {
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

    /// Asks, and answers for all.
    async fn ask(&self, asking: Asking<'_>) -> Result<Issued<Token>> {
        let asked = self.now();
        let answer = timeout(LIMIT, self.source.ask()).await;
        let answer = answer.unwrap_or_else(|_| Err(Reason::too_late()));
        let why = match answer.and_then(|answer| Ok((self.source.token(&answer)?, answer))) {
            Ok((token, answer)) => return Ok(asking.issue(asked, token, answer.expires_in)),
            Err(why) => Arc::new(why),
        };
        asking.fail(Arc::clone(&why));
        match self.next() {
            Next::Use(issued) => Ok(issued),
            Next::Fail(why, wait) => Err(why.error(wait)),
            // The rest of the cooldown has passed since the line above.
            Next::Ask => {
                drop(Asking::new(self));
                Err(why.error(Duration::ZERO))
            }
            Next::Wait => Err(why.error(Duration::ZERO)),
        }
    }

    fn next(&self) -> Next<Token, Arc<Reason>> {
        let now = self.now();
        self.lock().cache.next(now)
    }

    fn now(&self) -> Duration {
        self.start.get_or_init(Instant::now).elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves nothing half-done here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to ask, which one call has at a time. Dropping it lets another have it.
struct Asking<'a> {
    of: &'a Renewed,
    answered: bool,
}

impl<'a> Asking<'a> {
    /// After the machine said so.
    fn new(of: &'a Renewed) -> Self {
        Self {
            of,
            answered: false,
        }
    }

    fn issue(mut self, asked: Duration, token: Token, ttl: Option<Duration>) -> Issued<Token> {
        let mut state = self.of.lock();
        self.answered = true;
        state.recent.truncate(REMEMBERED - 1);
        state.recent.push_front(token.clone());
        state.cache.issue(asked, token, ttl)
    }

    fn fail(mut self, why: Arc<Reason>) {
        let now = self.of.now();
        let (passing, hint) = (why.passing, why.hint);
        self.answered = true;
        self.of.lock().cache.fail(now, why, passing, hint);
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        // After an answer, the right may already be somebody else's.
        if !self.answered {
            self.of.lock().cache.abandon();
        }
        self.of.changed.notify_waiters();
    }
}

impl Source {
    async fn ask(&self) -> std::result::Result<AccessToken, Reason> {
        match self {
            Self::Account(exchange) => exchange.ask().await,
            Self::Custom(credentials) => credentials.token().await.map_err(Reason::custom),
        }
    }

    /// The header for a token that was given.
    fn token(&self, answer: &AccessToken) -> std::result::Result<Token, Reason> {
        let name = match self {
            Self::Account(_) => "the token in exchange for the service account's key",
            Self::Custom(_) => "the token from the credentials",
        };
        Token::new(&answer.secret).map_err(|why| Reason::new(format!("{name} {why}")))
    }
}

impl Reason {
    /// For good.
    pub(crate) fn new(message: String) -> Self {
        Self {
            message,
            status: None,
            request_id: None,
            hint: None,
            passing: false,
            cause: None,
        }
    }

    fn custom(error: CredentialsError) -> Self {
        Self {
            passing: !error.denied,
            cause: Some(Cause(Arc::clone(&error.why))),
            ..Self::new(format!("no token from the credentials: {error}"))
        }
    }

    fn too_late() -> Self {
        Self {
            passing: true,
            ..Self::new(format!("no token came within {LIMIT:?}"))
        }
    }

    /// What a call says of it; no token is asked for before `wait` is over.
    fn error(&self, wait: Duration) -> Error {
        let mut error = Error::new(ErrorKind::Credentials, self.message.clone())
            .with_request_id(self.request_id.clone());
        if let Some(status) = self.status {
            error = error.with_status(status);
        }
        if self.passing {
            error = error.with_retry_after(Some(wait));
        }
        if let Some(cause) = &self.cause {
            error = error.with_source(cause.clone());
        }
        // It is the call's, and the call was not sent.
        error.with_passing(self.passing).with_sent(Sent::No)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, poll_fn};
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::task::{Context, Poll, Wake, Waker};

    use tokio::time::{advance, sleep};

    use super::super::CredentialsFuture;
    use super::*;

    /// Gives `token-1`, `token-2` and so on, good for an hour, after some polls.
    #[derive(Clone, Default)]
    struct Counting {
        polls: usize,
        begun: Arc<AtomicUsize>,
        given: Arc<AtomicUsize>,
        under_way: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }

    impl Counting {
        fn after(polls: usize) -> Self {
            Self {
                polls,
                ..Self::default()
            }
        }
    }

    struct Leaving(Arc<AtomicUsize>);

    impl Drop for Leaving {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }

    impl Credentials for Counting {
        fn token(&self) -> CredentialsFuture<'_> {
            Box::pin(async {
                self.begun.fetch_add(1, SeqCst);
                let now = self.under_way.fetch_add(1, SeqCst) + 1;
                self.most.fetch_max(now, SeqCst);
                let _leaving = Leaving(Arc::clone(&self.under_way));
                for _ in 0..self.polls {
                    yield_once().await;
                }
                let number = self.given.fetch_add(1, SeqCst) + 1;
                let token = AccessToken::new(format!("token-{number}"));
                Ok(token.expires_in(Duration::from_secs(3600)))
            })
        }
    }

    async fn yield_once() {
        let mut yielded = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    fn renewed(credentials: impl Credentials) -> Renewed {
        Renewed::new(Source::Custom(Box::new(credentials)))
    }

    fn text(issued: Result<Issued<Token>>) -> String {
        issued.expect("a token").token.text().to_owned()
    }

    /// Counts how often a future asks to be polled.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    type Asked<'a> = Pin<Box<dyn Future<Output = Result<Issued<Token>>> + 'a>>;

    /// Polls a future as long as it was woken; `None` if it then still waits.
    fn settle(future: &mut Asked<'_>, woken: &Arc<Woken>) -> Option<Result<Issued<Token>>> {
        let waker = Waker::from(Arc::clone(woken));
        while woken.0.swap(0, SeqCst) > 0 {
            if let Poll::Ready(issued) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(issued);
            }
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn calls_at_once_ask_once() {
        let counting = Counting::after(3);
        let renewed = Arc::new(renewed(counting.clone()));
        let calls: Vec<_> = (0..200)
            .map(|_| {
                let renewed = Arc::clone(&renewed);
                tokio::spawn(async move { text(renewed.authorize().await) })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.expect("no panic"), "token-1");
        }
        assert_eq!(counting.begun.load(SeqCst), 1);
        // And an hour later once more.
        advance(Duration::from_secs(3541)).await;
        assert_eq!(text(renewed.authorize().await), "token-2");
        assert_eq!(text(renewed.authorize().await), "token-2");
    }

    /// Three calls; the one that asks, or one that waits, is dropped after its n-th poll. The
    /// others come to their token by being woken alone, and no two ask at once.
    #[tokio::test(start_paused = true)]
    async fn a_dropped_call_leaves_nobody_waiting() {
        for polls in 0..4 {
            for dropped in 0..3 {
                for after in 0..6 {
                    let counting = Counting::after(polls);
                    let renewed = renewed(counting.clone());
                    let mut calls: Vec<Option<Asked<'_>>> = (0..3)
                        .map(|_| Some(Box::pin(renewed.authorize()) as Asked<'_>))
                        .collect();
                    let woken: Vec<_> = (0..3).map(|_| Arc::new(Woken::default())).collect();
                    for woken in &woken {
                        woken.0.store(1, SeqCst);
                    }
                    let mut done = 0;
                    for round in 0..40 {
                        for (n, slot) in calls.iter_mut().enumerate() {
                            if n == dropped && round == after && slot.take().is_some() {
                                done += 1;
                            }
                            let Some(call) = slot else { continue };
                            if woken[n].0.swap(0, SeqCst) == 0 {
                                continue;
                            }
                            let waker = Waker::from(Arc::clone(&woken[n]));
                            let polled = call.as_mut().poll(&mut Context::from_waker(&waker));
                            if let Poll::Ready(issued) = polled {
                                text(issued);
                                *slot = None;
                                done += 1;
                            }
                        }
                    }
                    let what = format!("{dropped} dropped after {after} of {polls}");
                    assert_eq!(done, 3, "stuck: {what}");
                    assert_eq!(counting.most.load(SeqCst), 1, "{what}");
                    assert!(counting.begun.load(SeqCst) <= 2, "{what}");
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_in_the_credentials_leaves_nobody_waiting() {
        let first = Arc::new(AtomicUsize::new(0));
        let renewed = Arc::new(renewed(move || {
            let number = first.fetch_add(1, SeqCst);
            async move {
                yield_once().await;
                assert!(number > 0, "on purpose");
                Ok(AccessToken::new("token-1"))
            }
        }));
        let call = |renewed: &Arc<Renewed>| {
            let renewed = Arc::clone(renewed);
            tokio::spawn(async move { text(renewed.authorize().await) })
        };
        let (first, second) = (call(&renewed), call(&renewed));
        assert!(first.await.is_err(), "it panics");
        assert_eq!(second.await.expect("no panic"), "token-1");
    }

    #[tokio::test(start_paused = true)]
    async fn one_failure_is_the_answer_for_all_who_wait() {
        let begun = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&begun);
        let renewed = renewed(move || {
            count.fetch_add(1, SeqCst);
            async {
                yield_once().await;
                Err(CredentialsError::unavailable("the vault is sealed"))
            }
        });
        let woken = [Arc::new(Woken::default()), Arc::new(Woken::default())];
        let mut calls: [Asked<'_>; 2] =
            [Box::pin(renewed.authorize()), Box::pin(renewed.authorize())];
        let mut errors = Vec::new();
        for woken in &woken {
            woken.0.store(1, SeqCst);
        }
        // The second waits before the first has its answer.
        let waker = Waker::from(Arc::clone(&woken[0]));
        assert!(
            calls[0]
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        assert!(settle(&mut calls[1], &woken[1]).is_none());
        for (call, woken) in calls.iter_mut().zip(&woken) {
            let error = settle(call, woken).expect("an answer").expect_err("none");
            errors.push(error);
        }
        assert_eq!(begun.load(SeqCst), 1);
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Credentials);
            assert_eq!(
                error.to_string(),
                "no token from the credentials: the vault is sealed"
            );
            assert!(error.is_retryable() && !error.is_auth(), "{error:?}");
            assert_eq!(error.retry_after(), Some(Duration::from_secs(5)));
        }
        advance(Duration::from_secs(5)).await;
        assert!(renewed.authorize().await.is_err());
        assert_eq!(begun.load(SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_never_answer_are_given_up() {
        let renewed = renewed(|| async {
            sleep(Duration::from_secs(1_000_000)).await;
            Ok(AccessToken::new("too late"))
        });
        let started = Instant::now();
        let error = renewed.authorize().await.expect_err("too late");
        assert_eq!(started.elapsed(), LIMIT);
        assert!(error.is_retryable(), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_denied_or_malformed_is_final() {
        let denied = renewed(|| async { Err(CredentialsError::denied("not you")) });
        let malformed = renewed(|| async { Ok(AccessToken::new("two words")) });
        for (renewed, words) in [(denied, "not you"), (malformed, "has blanks")] {
            let error = renewed.authorize().await.expect_err(words);
            assert!(error.to_string().contains(words), "{error}");
            assert!(!error.to_string().contains("two words"), "{error}");
            assert!(error.is_auth() && !error.is_retryable(), "{error:?}");
            assert_eq!(error.retry_after(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_of_late_are_cut_out_of_texts() {
        let renewed = renewed(Counting::after(0));
        for number in 1..=6 {
            let issued = renewed.authorize().await.expect("a token");
            assert_eq!(issued.token.text(), format!("token-{number}"));
            renewed.accepted(issued.generation);
            assert!(renewed.refused(issued.generation));
        }
        let said = |text| renewed.cut(text).unwrap_or_else(|| "as it was".to_owned());
        assert_eq!(said("token-6 and token-3"), "[token] and [token]");
        assert_eq!(said("nothing"), "as it was");
        assert_eq!(renewed.lock().recent.len(), REMEMBERED);
    }
}
