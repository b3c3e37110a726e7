use http::HeaderValue;

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}

#[test]
fn the_table() {
    use Decision::{GiveUp, Renew, Retry};
    let none = headers(&[]);
    let never = headers(&[("x-should-retry", "false")]);
    let please = headers(&[("x-should-retry", "true")]);
    let status = |status, headers| AttemptEnding::Status { status, headers };
    let failed = |kind, sent| AttemptEnding::Failed { kind, sent };
    // (what ended the attempt, [read, keyed, once, never])
    let table = [
        (
            failed(ErrorKind::Dns, Sent::No),
            [Retry, Retry, Retry, GiveUp],
        ),
        (
            failed(ErrorKind::Connect, Sent::No),
            [Retry, Retry, Retry, GiveUp],
        ),
        (
            failed(ErrorKind::Tls, Sent::No),
            [Retry, Retry, Retry, GiveUp],
        ),
        (
            failed(ErrorKind::Proxy, Sent::No),
            [Retry, Retry, Retry, GiveUp],
        ),
        (
            failed(ErrorKind::ProxyAuth, Sent::No),
            [GiveUp, GiveUp, GiveUp, GiveUp],
        ),
        (
            failed(ErrorKind::Canceled, Sent::No),
            [Retry, Retry, Retry, GiveUp],
        ),
        (
            failed(ErrorKind::Url, Sent::No),
            [GiveUp, GiveUp, GiveUp, GiveUp],
        ),
        (
            failed(ErrorKind::Certificate, Sent::No),
            [GiveUp, GiveUp, GiveUp, GiveUp],
        ),
        (
            failed(ErrorKind::Coding, Sent::Yes),
            [GiveUp, GiveUp, GiveUp, GiveUp],
        ),
        (
            failed(ErrorKind::TooLarge, Sent::Yes),
            [GiveUp, GiveUp, GiveUp, GiveUp],
        ),
        (
            failed(ErrorKind::Source, Sent::Maybe),
            [GiveUp, GiveUp, GiveUp, GiveUp],
        ),
        (
            failed(ErrorKind::Config, Sent::No),
            [GiveUp, GiveUp, GiveUp, GiveUp],
        ),
        (
            failed(ErrorKind::Reset, Sent::Maybe),
            [Retry, Retry, GiveUp, GiveUp],
        ),
        (
            failed(ErrorKind::Timeout(crate::Phase::Head), Sent::Maybe),
            [Retry, Retry, GiveUp, GiveUp],
        ),
        (
            failed(ErrorKind::Protocol, Sent::Maybe),
            [Retry, Retry, GiveUp, GiveUp],
        ),
        (AttemptEnding::BodyBroke, [Retry, Retry, GiveUp, GiveUp]),
        (status(409, &none), [GiveUp, GiveUp, GiveUp, GiveUp]),
        (status(409, &please), [GiveUp, GiveUp, GiveUp, GiveUp]),
        (status(503, &never), [GiveUp, GiveUp, GiveUp, GiveUp]),
        (status(429, &never), [GiveUp, GiveUp, GiveUp, GiveUp]),
        (status(429, &none), [Retry, Retry, Retry, GiveUp]),
        (status(408, &none), [Retry, Retry, GiveUp, GiveUp]),
        (status(425, &none), [Retry, Retry, GiveUp, GiveUp]),
        (status(500, &none), [Retry, Retry, GiveUp, GiveUp]),
        (status(503, &none), [Retry, Retry, GiveUp, GiveUp]),
        (status(529, &none), [Retry, Retry, GiveUp, GiveUp]),
        (status(501, &none), [GiveUp, GiveUp, GiveUp, GiveUp]),
        (status(401, &none), [Renew, Renew, GiveUp, GiveUp]),
        (status(400, &please), [Retry, Retry, GiveUp, GiveUp]),
        (status(400, &none), [GiveUp, GiveUp, GiveUp, GiveUp]),
        (status(404, &none), [GiveUp, GiveUp, GiveUp, GiveUp]),
        (status(302, &none), [GiveUp, GiveUp, GiveUp, GiveUp]),
    ];
    for (end, decisions) in table {
        let classes = [Class::Read, Class::Keyed, Class::Once, Class::Never];
        for (class, want) in classes.into_iter().zip(decisions) {
            assert_eq!(decide(class, &end), want, "{class:?} after {end:?}");
        }
    }
}

fn waits(
    policy: RetryPolicy,
    headers: &HeaderMap,
    remaining: Option<Duration>,
    seed: u64,
) -> Vec<Duration> {
    let mut attempts = Attempts::new(policy, Class::Read, seed);
    let end = AttemptEnding::Status {
        status: 503,
        headers,
    };
    let mut waits = Vec::new();
    while let Action::Retry { after } = attempts.next(&end, remaining, SystemTime::UNIX_EPOCH) {
        waits.push(after);
    }
    waits
}

#[test]
fn waits_double_up_to_the_cap_less_their_jitter() {
    for seed in 0..200 {
        let waits = waits(
            RetryPolicy::default().max_retries(40),
            &headers(&[]),
            None,
            seed,
        );
        assert_eq!(waits.len(), 40);
        for (n, wait) in waits.iter().enumerate() {
            let whole = Duration::from_millis(500)
                .saturating_mul(1 << n.min(10))
                .min(Duration::from_secs(8));
            assert!(
                *wait <= whole && *wait >= whole.mul_f64(0.75),
                "{n}: {wait:?}"
            );
        }
    }
}

#[test]
fn a_policy_of_any_numbers_is_one() {
    let policy = RetryPolicy::default().waits(Duration::MAX, Duration::MAX);
    for jitter in [f64::NAN, f64::NEG_INFINITY, -1.0, 0.0, 1.0, f64::INFINITY] {
        let policy = RetryPolicy { jitter, ..policy };
        assert_eq!(waits(policy, &headers(&[]), None, 7).len(), 2, "{jitter}");
    }
}

#[test]
fn a_hint_lengthens_and_never_shortens() {
    let two = RetryPolicy::default().max_retries(1);
    assert_eq!(
        waits(two, &headers(&[("retry-after", "7")]), None, 1),
        [Duration::from_secs(7)]
    );
    assert!(
        waits(two, &headers(&[("retry-after", "0")]), None, 1)[0] >= Duration::from_millis(375)
    );
    assert_eq!(
        waits(two, &headers(&[("retry-after", "61")]), None, 1),
        [],
        "beyond the longest hint"
    );
}

#[test]
fn a_wait_that_the_deadline_cuts_is_not_begun() {
    let policy = RetryPolicy::default();
    assert_eq!(
        waits(policy, &headers(&[]), Some(Duration::from_millis(300)), 1),
        []
    );
    assert_eq!(
        waits(policy, &headers(&[]), Some(Duration::from_secs(30)), 1).len(),
        2
    );
}

#[test]
fn a_credential_is_renewed_once() {
    let mut attempts = Attempts::new(RetryPolicy::default(), Class::Read, 1);
    let headers = headers(&[]);
    let end = AttemptEnding::Status {
        status: 401,
        headers: &headers,
    };
    let mut next = || attempts.next(&end, None, SystemTime::UNIX_EPOCH);
    assert_eq!((next(), next()), (Action::Renew, Action::GiveUp));
}

/// A retry that was never made costs nothing; one that was does, also if nobody waits for its end.
#[test]
fn a_wait_that_is_given_up_gives_back_what_it_drew() {
    let budget = RetryBudget::new(1);
    let headers = headers(&[]);
    let end = AttemptEnding::Status {
        status: 503,
        headers: &headers,
    };
    let waiting = || {
        let mut attempts =
            Attempts::new(RetryPolicy::default(), Class::Read, 1).with_budget(budget.clone());
        match attempts.next(&end, None, SystemTime::UNIX_EPOCH) {
            Action::Retry { .. } => Some(attempts),
            _ => None,
        }
    };
    for _ in 0..3 {
        let first = waiting().expect("a retry");
        assert!(waiting().is_none(), "there is one");
        drop(first);
    }
    let mut first = waiting().expect("it was given back");
    first.begins();
    drop(first);
    assert!(waiting().is_none());
}

#[test]
fn an_empty_budget_ends_retries() {
    let budget = RetryBudget::new(2);
    let headers = headers(&[]);
    let end = AttemptEnding::Status {
        status: 503,
        headers: &headers,
    };
    let call = || {
        let mut attempts =
            Attempts::new(RetryPolicy::default(), Class::Read, 1).with_budget(budget.clone());
        let next = attempts.next(&end, None, SystemTime::UNIX_EPOCH);
        attempts.begins();
        (attempts, next)
    };
    let (mut first, again) = call();
    assert!(matches!(again, Action::Retry { .. }));
    assert!(matches!(call().1, Action::Retry { .. }));
    assert_eq!(call().1, Action::GiveUp);
    first.succeeded();
    assert!(
        matches!(call().1, Action::Retry { .. }),
        "a success gives back what it drew"
    );
}
