//! Calls that wait for a token, polled, paused and dropped by hand.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Wake;

use proptest::prelude::*;
use tokio::time::{advance, sleep};

use super::super::CredentialsFuture;
use super::super::cache::RENEWAL_PAUSE;
use super::*;
use crate::auth::provider::CredentialsError;
use crate::error::ErrorKind;

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
/// others come to their token by being woken alone, and it is asked for once.
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
                assert_eq!(counting.begun.load(SeqCst), 1, "{what}");
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
    let (first, second) = (first.await, second.await);
    assert!(first.is_err() || second.is_err(), "one of them drove it");
    let token = first.or(second).expect("and the other did not");
    assert_eq!(token, "token-1");
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
    let (first, second) = tokio::join!(renewed.authorize(), renewed.authorize());
    let errors = [first, second].map(|answer| answer.expect_err("none"));
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
    for number in 1..=20 {
        let issued = renewed.authorize().await.expect("a token");
        assert_eq!(issued.token.text(), format!("token-{number}"));
        advance(RENEWAL_PAUSE).await;
        assert!(renewed.refused(issued.generation));
    }
    let said = |text| renewed.cut(text).unwrap_or_else(|| "as it was".to_owned());
    assert_eq!(said("token-20 and token-5"), "[token] and [token]");
    assert_eq!(said("nothing"), "as it was");
    assert_eq!(renewed.lock().recent.len(), REMEMBERED);
}

/// Credentials whose answer takes some news from outside.
#[derive(Clone, Default)]
struct Distant(Arc<Mutex<Far>>);

#[derive(Default)]
struct Far {
    news: usize,
    waker: Option<Waker>,
    begun: usize,
}

impl Distant {
    const NEWS: usize = 4;

    fn news(&self) {
        let mut far = self.0.lock().expect("no panic");
        far.news += 1;
        let waker = far.waker.take();
        drop(far);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn begun(&self) -> usize {
        self.0.lock().expect("no panic").begun
    }
}

impl Credentials for Distant {
    fn token(&self) -> CredentialsFuture<'_> {
        self.0.lock().expect("no panic").begun += 1;
        Box::pin(poll_fn(|cx| {
            let mut far = self.0.lock().expect("no panic");
            if far.news >= Self::NEWS {
                return Poll::Ready(Ok(AccessToken::new("token-1")));
            }
            far.waker = Some(cx.waker().clone());
            Poll::Pending
        }))
    }
}

/// A call as a program holds it: polled when it was woken, unless it is paused.
struct Held<'a> {
    call: Option<Asked<'a>>,
    woken: Arc<Woken>,
    paused: bool,
}

impl<'a> Held<'a> {
    fn new(renewed: &'a Renewed) -> Self {
        Self {
            call: Some(Box::pin(renewed.authorize())),
            woken: Arc::new(Woken(AtomicUsize::new(1))),
            paused: false,
        }
    }

    /// Whether there was something to poll for.
    fn poll(&mut self) -> bool {
        let Some(call) = self.call.as_mut().filter(|_| !self.paused) else {
            return false;
        };
        if self.woken.0.swap(0, SeqCst) == 0 {
            return false;
        }
        let waker = Waker::from(Arc::clone(&self.woken));
        if let Poll::Ready(issued) = call.as_mut().poll(&mut Context::from_waker(&waker)) {
            assert_eq!(text(issued), "token-1");
            self.call = None;
        }
        true
    }
}

/// News that come while another thread polls are not missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn news_during_a_poll_wake_who_found_it_taken() {
    for _ in 0..300 {
        let distant = Distant::default();
        let renewed = Arc::new(renewed(distant.clone()));
        let calls: Vec<_> = (0..8)
            .map(|_| {
                let renewed = Arc::clone(&renewed);
                tokio::spawn(async move { text(renewed.authorize().await) })
            })
            .collect();
        // One that took part, and is never polled again.
        let mut paused = Held::new(&renewed);
        paused.poll();
        for _ in 0..Distant::NEWS {
            distant.news();
            yield_once().await;
        }
        for call in calls {
            let token = timeout(Duration::from_secs(20), call).await;
            assert_eq!(token.expect("in time").expect("no panic"), "token-1");
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Begin,
    Poll(usize),
    Pause(usize),
    Resume(usize),
    Drop(usize),
    News,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        2 => Just(Op::Begin),
        6 => (0usize..8).prop_map(Op::Poll),
        2 => (0usize..8).prop_map(Op::Pause),
        1 => (0usize..8).prop_map(Op::Resume),
        1 => (0usize..8).prop_map(Op::Drop),
        2 => Just(Op::News),
    ];
    proptest::collection::vec(op, 1..60)
}

proptest! {
    /// Whatever is begun, paused and dropped, and in whatever order: who is not paused comes to
    /// the token by being woken alone, and it is asked for once.
    #[test]
    fn a_paused_call_holds_nobody_up(ops in ops()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let _entered = runtime.enter();
        let distant = Distant::default();
        let renewed = renewed(distant.clone());
        let mut calls: Vec<Held<'_>> = Vec::new();
        for op in ops {
            let at = |n: usize, calls: &Vec<Held<'_>>| n % calls.len().max(1);
            match op {
                Op::Begin => calls.push(Held::new(&renewed)),
                Op::News => distant.news(),
                _ if calls.is_empty() => {}
                Op::Poll(n) => {
                    let n = at(n, &calls);
                    calls[n].poll();
                }
                Op::Pause(n) => {
                    let n = at(n, &calls);
                    calls[n].paused = true;
                }
                Op::Resume(n) => {
                    let n = at(n, &calls);
                    calls[n].paused = false;
                }
                Op::Drop(n) => {
                    let n = at(n, &calls);
                    calls.swap_remove(n);
                }
            }
        }
        for resumed in [false, true] {
            for call in &mut calls {
                call.paused &= !resumed;
            }
            for _ in 0..=Distant::NEWS {
                while calls.iter_mut().any(Held::poll) {}
                distant.news();
            }
            while calls.iter_mut().any(Held::poll) {}
            for call in &calls {
                prop_assert!(call.call.is_none() || call.paused, "stuck");
            }
        }
        prop_assert!(distant.begun() <= 1);
    }
}
