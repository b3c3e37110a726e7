//! Retries as a whole: what no sequence of failures can make a call do, and what many calls with
//! one budget do to a service that is down. Time is simulated, chance comes from seeds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use qoder_http::retry::{
    Action, AttemptEnding, Attempts, Class, RetryBudget, RetryPolicy, retry_after,
};
use qoder_http::{ErrorKind, Phase, Sent};

/// An end of an attempt, with what it borrows.
#[derive(Clone, Debug)]
enum End {
    Status(u16, HeaderMap),
    Failed(ErrorKind, Sent),
    BodyBroke,
}

impl End {
    fn view(&self) -> AttemptEnding<'_> {
        match self {
            Self::Status(status, headers) => AttemptEnding::Status {
                status: *status,
                headers,
            },
            Self::Failed(kind, sent) => AttemptEnding::Failed {
                kind: *kind,
                sent: *sent,
            },
            Self::BodyBroke => AttemptEnding::BodyBroke,
        }
    }

    fn hint(&self) -> Duration {
        match self {
            Self::Status(_, headers) => {
                retry_after(headers, SystemTime::UNIX_EPOCH).unwrap_or_default()
            }
            _ => Duration::ZERO,
        }
    }

    /// Whether the server can't have done it, and whether it says that it may be asked again.
    fn turned_away(&self) -> bool {
        match self {
            Self::Status(status, headers) => {
                *status == 429 && headers.get("x-should-retry").is_none_or(|it| it != "false")
            }
            Self::Failed(_, sent) => *sent == Sent::No,
            Self::BodyBroke => false,
        }
    }
}

fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, String)| {
        let value = HeaderValue::try_from(value).expect("a value");
        (HeaderName::from_static(name), value)
    };
    pairs.iter().map(pair).collect()
}

fn end() -> impl Strategy<Value = End> {
    let advice = prop::sample::select(vec![None, None, Some("true"), Some("false"), Some("x")]);
    let hint = prop_oneof![
        3 => Just(None),
        2 => (0u64..200_000).prop_map(|ms| Some(("retry-after-ms", ms.to_string()))),
        1 => (0u64..200).prop_map(|s| Some(("retry-after", s.to_string()))),
        1 => Just(Some(("retry-after", "-9e999".to_owned()))),
    ];
    let status = prop_oneof![
        4 => prop::sample::select(vec![401, 408, 409, 425, 429, 500, 501, 503]),
        1 => 300u16..600,
    ];
    let status = (status, advice, hint).prop_map(|(status, advice, hint)| {
        let advice = advice.map(|advice| ("x-should-retry", advice.to_owned()));
        let pairs: Vec<_> = advice.into_iter().chain(hint).collect();
        End::Status(status, headers(&pairs))
    });
    let kind = prop::sample::select(vec![
        ErrorKind::Dns,
        ErrorKind::Connect,
        ErrorKind::Tls,
        ErrorKind::Timeout(Phase::Connect),
        ErrorKind::Timeout(Phase::Head),
        ErrorKind::Reset,
        ErrorKind::Protocol,
        ErrorKind::Canceled,
    ]);
    let sent = prop::sample::select(vec![Sent::No, Sent::Maybe, Sent::Yes]);
    prop_oneof![
        4 => status,
        3 => (kind, sent).prop_map(|(kind, sent)| End::Failed(kind, sent)),
        1 => Just(End::BodyBroke),
    ]
}

fn class() -> impl Strategy<Value = Class> {
    prop::sample::select(vec![Class::Read, Class::Keyed, Class::Once, Class::Never])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_call_is_repeated_so_often_and_waits_so_long(
        class in class(),
        ends in prop::collection::vec(end(), 1..12),
        max_retries in 0u32..6,
        base in 0u64..5000,
        cap in 0u64..20_000,
        jitter in -0.5f64..1.5,
        deadline in prop::option::of(0u64..120_000),
        seed in any::<u64>(),
    ) {
        let ms = Duration::from_millis;
        let mut policy = RetryPolicy::default().max_retries(max_retries).waits(ms(base), ms(cap));
        policy.jitter = jitter;
        let mut attempts = Attempts::new(policy, class, seed);
        let mut twin = Attempts::new(policy, class, seed);
        let (mut retries, mut renewals, mut waited) = (0, 0, Duration::ZERO);
        for end in &ends {
            let left = deadline.map(|deadline| ms(deadline).saturating_sub(waited));
            let next = attempts.next(&end.view(), left, SystemTime::UNIX_EPOCH);
            prop_assert_eq!(next, twin.next(&end.view(), left, SystemTime::UNIX_EPOCH));
            match next {
                Action::Retry { after } => {
                    prop_assert!(class != Class::Never);
                    prop_assert!(class != Class::Once || end.turned_away(), "{:?}", end);
                    let whole = ms(base).saturating_mul(1 << retries).min(ms(cap));
                    let least = whole.mul_f64(1.0 - jitter.clamp(0.0, 1.0));
                    let slack = Duration::from_nanos(1);
                    prop_assert!(after + slack >= least.max(end.hint()), "{:?}", after);
                    prop_assert!(after <= whole.max(end.hint()), "{:?}", after);
                    prop_assert!(end.hint() <= policy.max_hint);
                    prop_assert!(left.is_none_or(|left| after < left), "beyond the deadline");
                    retries += 1;
                    waited += after;
                }
                Action::Renew => {
                    prop_assert!(matches!(end, End::Status(401, _)));
                    prop_assert!(matches!(class, Class::Read | Class::Keyed));
                    renewals += 1;
                }
                _ => break,
            }
        }
        prop_assert!(retries <= max_retries && renewals <= 1);
        prop_assert!(deadline.is_none_or(|deadline| waited < ms(deadline) || retries == 0));
    }
}

/// `SplitMix64`.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// Of a hundred attempts, how many fail in a second.
type Rate = fn(u64) -> u64;

/// A service as its clients meet it.
struct World {
    /// A call begins so often, in microseconds.
    every: u64,
    /// Until when calls begin, in seconds.
    until: u64,
    /// Of a hundred attempts that begin in this second, so many fail.
    failing: Rate,
    /// What a failure is, and how long it takes, in milliseconds.
    failure: fn(&mut Chance) -> (End, u64),
    class: Class,
    budget: Option<RetryBudget>,
}

/// What happened in a second.
#[derive(Clone, Copy, Default)]
struct Second {
    begun: u64,
    attempts: u64,
    succeeded: u64,
    failed: u64,
    /// Retries of the calls that failed.
    lost: u64,
}

/// Runs it to the end of the last call.
fn run(world: &World, seed: u64) -> Vec<Second> {
    let mut chance = Chance(seed);
    let mut seconds = vec![Second::default(); 4000];
    let mut calls: Vec<(Attempts, u64)> = Vec::new();
    // When a call makes an attempt, in microseconds.
    let mut due: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut begins = 0;
    loop {
        if begins < world.until * 1_000_000
            && due.peek().is_none_or(|Reverse((at, _))| begins <= *at)
        {
            let mut call = Attempts::new(RetryPolicy::default(), world.class, chance.next());
            if let Some(budget) = &world.budget {
                call = call.with_budget(budget.clone());
            }
            seconds[usize::try_from(begins / 1_000_000).expect("few")].begun += 1;
            due.push(Reverse((begins, calls.len())));
            calls.push((call, 0));
            begins += world.every;
            continue;
        }
        let Some(Reverse((at, call))) = due.pop() else {
            return seconds;
        };
        let second = at / 1_000_000;
        let now = &mut seconds[usize::try_from(second).expect("few")];
        now.attempts += 1;
        if !chance.percent((world.failing)(second)) {
            now.succeeded += 1;
            calls[call].0.succeeded();
            continue;
        }
        let (end, took) = (world.failure)(&mut chance);
        let (attempts, retries) = &mut calls[call];
        match attempts.next(&end.view(), None, SystemTime::UNIX_EPOCH) {
            Action::Retry { after } => {
                let after = u64::try_from(after.as_micros()).expect("short");
                due.push(Reverse((at + took * 1000 + after, call)));
                *retries += 1;
            }
            _ => {
                now.failed += 1;
                now.lost += *retries;
            }
        }
    }
}

fn sum(seconds: &[Second], of: impl Fn(&Second) -> u64) -> u64 {
    seconds.iter().map(of).sum()
}

/// Errors at once, or after a while, or connections that break, with and without hints.
fn any_failure(chance: &mut Chance) -> (End, u64) {
    match chance.below(5) {
        0 => (End::Status(503, HeaderMap::new()), 5),
        1 => (
            End::Status(503, headers(&[("retry-after", "2".to_owned())])),
            5,
        ),
        2 => (
            End::Failed(ErrorKind::Timeout(Phase::Head), Sent::Maybe),
            60_000,
        ),
        3 => (End::Failed(ErrorKind::Connect, Sent::No), 1),
        _ => (End::BodyBroke, 300),
    }
}

fn unavailable(_: &mut Chance) -> (End, u64) {
    (End::Status(503, HeaderMap::new()), 5)
}

/// Ten minutes of outage, from the second minute on.
fn outage(second: u64) -> u64 {
    if (60..660).contains(&second) { 100 } else { 0 }
}

#[test]
fn an_outage_is_not_answered_by_a_multiple_of_the_load() {
    for seed in 0..5 {
        for failure in [unavailable, any_failure] {
            let world = |budget| World {
                every: 20_000,
                until: 720,
                failing: outage,
                failure,
                class: Class::Read,
                budget,
            };
            let seconds = run(&world(Some(RetryBudget::default())), seed);
            let down = &seconds[60..660];
            let (begun, attempts) = (sum(down, |s| s.begun), sum(down, |s| s.attempts));
            assert_eq!(begun, 30_000);
            // The budget of 100 retries, and no more until a call succeeds.
            assert!(
                attempts <= begun + 100,
                "{attempts} attempts of {begun} calls"
            );
            // Without it, three times the load.
            let without = sum(&run(&world(None), seed)[60..660], |s| s.attempts);
            assert!(without > begun * 5 / 2, "{without}");
        }
    }
}

#[test]
fn what_fails_now_and_then_succeeds_in_the_end() {
    for seed in 0..5 {
        let world = World {
            every: 20_000,
            until: 600,
            failing: |_| 3,
            failure: any_failure,
            class: Class::Keyed,
            budget: Some(RetryBudget::default()),
        };
        let seconds = run(&world, seed);
        let (begun, failed) = (sum(&seconds, |s| s.begun), sum(&seconds, |s| s.failed));
        // Three in a hundred, three times in a row: one in 37,000.
        assert!(failed <= 10, "{failed} of {begun} failed");
    }
}

#[test]
fn after_an_outage_there_are_retries_again() {
    for seed in 0..5 {
        let world = World {
            every: 20_000,
            until: 1000,
            // Down, then well for a minute: 3000 calls, a tenth of a retry each.
            failing: |second| match second {
                60..660 => 100,
                720.. => 3,
                _ => 0,
            },
            failure: unavailable,
            class: Class::Read,
            budget: Some(RetryBudget::default()),
        };
        let seconds = run(&world, seed);
        let failed = sum(&seconds[720..1000], |s| s.failed);
        assert!(
            failed <= 10,
            "{failed} calls failed though there was a budget"
        );
    }
}

/// However much fails: retries are what the budget holds, and what successes put in.
#[test]
fn the_budget_bounds_the_load_at_any_rate_of_failure() {
    // Of a hundred attempts so many fail; of a hundred calls, so many attempts are made at most.
    let rates: [(Rate, u64); 6] = [
        (|_| 5, 106),
        (|_| 20, 125),
        (|_| 50, 113),
        (|_| 80, 104),
        (|_| 95, 102),
        (|_| 100, 100),
    ];
    for (failing, most) in rates {
        for seed in 0..3 {
            for class in [Class::Read, Class::Once] {
                let world = World {
                    every: 10_000,
                    until: 600,
                    failing,
                    failure: unavailable,
                    class,
                    budget: Some(RetryBudget::default()),
                };
                let seconds = run(&world, seed);
                let begun = sum(&seconds, |s| s.begun);
                let attempts = sum(&seconds, |s| s.attempts);
                let succeeded = sum(&seconds, |s| s.succeeded);
                let failed = sum(&seconds, |s| s.failed);
                assert_eq!(begun, succeeded + failed, "each call ends once");
                let retries = attempts - begun;
                if class == Class::Once {
                    assert_eq!(retries, 0, "503 is no reason to do a write again");
                }
                // A call that succeeds gives back what it drew. Those that failed can't have drawn
                // more than was there, and a tenth of a retry for each call that drew nothing.
                let lost = sum(&seconds, |s| s.lost);
                assert!(lost * 10 <= 1000 + succeeded, "{lost} retries lost");
                eprintln!("{class:?} {attempts} {begun} {}", attempts * 100 / begun);
                assert!(attempts * 100 <= begun * most + 10_000);
            }
        }
    }
}

/// Calls that failed together don't return together.
#[test]
fn retries_are_spread() {
    let end = End::Status(503, HeaderMap::new());
    let mut slots = [0; 25];
    let mut chance = Chance(1);
    for _ in 0..10_000 {
        let mut call = Attempts::new(RetryPolicy::default(), Class::Read, chance.next());
        let next = call.next(&end.view(), None, SystemTime::UNIX_EPOCH);
        let Action::Retry { after } = next else {
            panic!("{next:?}")
        };
        // 375 to 500 ms, in slots of 5 ms.
        let slot = (after.as_micros() - 375_000) / 5000;
        slots[usize::try_from(slot).expect("few").min(24)] += 1;
    }
    for (slot, calls) in slots.into_iter().enumerate() {
        assert!(
            (300..=500).contains(&calls),
            "{calls} of 10,000 in slot {slot} of 25"
        );
    }
}
