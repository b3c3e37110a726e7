//! The choice of a token, and of the time to ask for another: a machine without I/O or clock.
//!
//! | token at hand | asking now | failed recently | to do |
//! |---|---|---|---|
//! | fresh | | | use it |
//! | stale | no | no | ask |
//! | stale | yes | no, or for a transient reason | use it |
//! | stale | no | for a transient reason | use it |
//! | stale | yes | permanently | wait |
//! | stale | no | permanently | fail |
//! | none, expired or refused | no | no | ask |
//! | none, expired or refused | yes | | wait |
//! | none, expired or refused | no | yes | fail |
//!
//! A token is fresh until `ttl − min(60 s, 10 %)` and stale until `ttl − min(5 s, 5 %)`; then it
//! counts as expired. "Recently": within 5 s, or as long as the server asked to wait with a 429.
//!
//! A token that the server refuses with 401 is renewed, but not one that has just replaced a
//! refused one: of two 401s within [`RENEWAL_PAUSE`] the second says nothing about the token.

use std::time::Duration;

/// After a failure, this long nobody is asked.
pub(crate) const COOLDOWN: Duration = Duration::from_secs(5);

/// After a token was renewed because of a 401, this long no other 401 renews it: an endpoint that
/// refuses whatever it is sent costs two exchanges a minute, and not one a call.
pub(crate) const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

/// No server can make the cooldown longer than this.
const LONGEST_COOLDOWN: Duration = Duration::from_secs(3600);

/// The time within which a caller that waited for a token uses it, even if the token's own time is
/// over.
const JUST_COME: Duration = Duration::from_secs(1);

/// Time since some moment, by a clock that never goes back.
pub(super) type Tick = Duration;

/// The machine, of tokens `T` and reasons `F` to have none.
///
/// Its one output is the answer of [`decide`](Self::decide), which changes nothing and is asked
/// before each request. After [`Decision::Ask`] its user asks for a token, says so with `asking`
/// from then on, and reports [`issue`](Self::issue) or [`fail`](Self::fail), or nothing if the
/// question was given up; [`refuse`](Self::refuse) may come at any time, with the generation of a
/// token that `decide` returned. A report without a question is taken as one, and a refusal of a
/// token that is not held any more does nothing. Times are counted from any moment and must not go
/// back; one that does makes tokens seem fresher than they are.
#[derive(Debug)]
pub(crate) struct Cache<T, F> {
    held: Option<Held<T>>,
    failed: Option<Failed<F>>,
    /// Counts the tokens.
    generation: u64,
    /// When a token last took the place of a refused one.
    renewed: Option<Tick>,
}

#[derive(Debug)]
struct Held<T> {
    token: T,
    times: Option<Times>,
    came: Tick,
    refused: bool,
}

/// Until when a token is fresh, and until when it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    fresh: Tick,
    safe: Tick,
}

#[derive(Debug)]
struct Failed<F> {
    why: F,
    transient: bool,
    until: Tick,
}

/// A token, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issued<T> {
    pub(crate) token: T,
    pub(crate) generation: u64,
}

/// The decision for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision<T, F> {
    Use(Issued<T>),
    /// Ask for a token.
    Ask,
    /// Wait until what was asked for is there.
    Wait,
    /// There is none, and this long none is asked for.
    Fail(F, Duration),
}

impl Times {
    fn new(asked: Tick, ttl: Duration) -> Self {
        let before_end = |most: u64, part: u32| {
            let margin = (ttl / part).min(Duration::from_secs(most));
            asked.saturating_add(ttl.saturating_sub(margin))
        };
        Self {
            fresh: before_end(60, 10),
            safe: before_end(5, 20),
        }
    }
}

impl<T: Clone, F: Clone> Cache<T, F> {
    pub(crate) fn new() -> Self {
        Self {
            held: None,
            failed: None,
            generation: 0,
            renewed: None,
        }
    }

    /// Decides for a request that is about to be sent.
    pub(crate) fn decide(&self, now: Tick, asking: bool) -> Decision<T, F> {
        let held = self.held.as_ref().filter(|held| !held.refused);
        let fresh = |held: &&Held<T>| held.times.is_none_or(|times| now < times.fresh);
        let safe = |held: &&Held<T>| held.times.is_none_or(|times| now < times.safe);
        if let Some(held) = held.filter(fresh) {
            return Decision::Use(self.issued(held));
        }
        let cooling = self.failed.as_ref().filter(|failed| now < failed.until);
        // Who is denied a token has no business with the one before, cooling or not.
        let denied = self.failed.as_ref().is_some_and(|failed| !failed.transient);
        if let Some(held) = held.filter(safe) {
            if !denied && (asking || cooling.is_some()) {
                return Decision::Use(self.issued(held));
            }
        }
        if asking {
            return Decision::Wait;
        }
        match cooling {
            Some(failed) => Decision::Fail(failed.why.clone(), failed.until.saturating_sub(now)),
            None => Decision::Ask,
        }
    }

    /// The token that came after this generation, for who waited for it: it is used once even if
    /// its own time was over when it came.
    pub(crate) fn after(&self, generation: u64, now: Tick) -> Option<Issued<T>> {
        let held = self.held.as_ref()?;
        let just_come = now <= held.came.saturating_add(JUST_COME);
        let wanted = !held.refused && just_come && generation < self.generation;
        wanted.then(|| self.issued(held))
    }

    /// Returns the number of the newest token: 0 if there was none.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// There is a token, which was asked for at this time and is good for so long from then on.
    pub(crate) fn issue(&mut self, asked: Tick, now: Tick, token: T, ttl: Option<Duration>) {
        if self.held.as_ref().is_some_and(|held| held.refused) {
            self.renewed = Some(now);
        }
        self.failed = None;
        self.generation += 1;
        self.held = Some(Held {
            token,
            times: ttl.map(|ttl| Times::new(asked, ttl)),
            came: now,
            refused: false,
        });
    }

    /// There is none. `transient` is what may be over soon: no connection, 429, 5xx.
    pub(crate) fn fail(&mut self, now: Tick, why: F, transient: bool, hint: Option<Duration>) {
        let cooldown = hint.unwrap_or_default().clamp(COOLDOWN, LONGEST_COOLDOWN);
        self.failed = Some(Failed {
            why,
            transient,
            until: now.saturating_add(cooldown),
        });
    }

    /// The server refused a token with 401. Whether it is worthwhile to try again with another.
    ///
    /// The first to say so of a token makes the next request ask for another; who comes later
    /// finds that one.
    pub(crate) fn refuse(&mut self, now: Tick, generation: u64) -> bool {
        let (renewed, newest) = (self.renewed, self.generation);
        let Some(held) = self.held.as_mut().filter(|_| generation == newest) else {
            return true;
        };
        let pausing = renewed.is_some_and(|at| now < at.saturating_add(RENEWAL_PAUSE));
        held.refused |= !pausing;
        held.refused
    }

    fn issued(&self, held: &Held<T>) -> Issued<T> {
        Issued {
            token: held.token.clone(),
            generation: self.generation,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Machine = Cache<u32, &'static str>;

    const HOUR: Duration = Duration::from_secs(3600);

    fn secs(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// A machine whose first token was asked for at 0 s.
    fn with_token(ttl: Duration) -> Machine {
        let mut cache = Machine::new();
        assert_eq!(cache.decide(Tick::ZERO, false), Decision::Ask);
        cache.issue(Tick::ZERO, Tick::ZERO, 1, Some(ttl));
        cache
    }

    fn used(next: &Decision<u32, &'static str>) -> Option<u32> {
        match next {
            Decision::Use(issued) => Some(issued.token),
            _ => None,
        }
    }

    #[test]
    fn a_token_is_fresh_then_stale_then_expired() {
        // (ttl, no longer fresh, no longer safe), in seconds
        for (ttl, fresh, safe) in [
            (43_200.0, 43_140.0, 43_195.0),
            (3600.0, 3540.0, 3595.0),
            (600.0, 540.0, 595.0),
            (300.0, 270.0, 295.0),
            (100.0, 90.0, 95.0),
            (20.0, 18.0, 19.0),
            (1.0, 0.9, 0.95),
            (0.0, 0.0, 0.0),
        ] {
            let want = Times {
                fresh: secs(fresh),
                safe: secs(safe),
            };
            assert_eq!(Times::new(Tick::ZERO, secs(ttl)), want, "{ttl}");
        }
    }

    #[test]
    fn a_fresh_token_is_used_and_a_stale_one_renewed_by_one_call() {
        let mut cache = with_token(HOUR);
        assert_eq!(used(&cache.decide(secs(3539.9), false)), Some(1));
        assert_eq!(cache.decide(secs(3540.0), false), Decision::Ask);
        assert_eq!(
            used(&cache.decide(secs(3541.0), true)),
            Some(1),
            "who comes meanwhile goes on with what there is"
        );
        assert_eq!(
            cache.decide(secs(3595.0), true),
            Decision::Wait,
            "until it is not safe"
        );
        cache.issue(secs(3540.0), secs(3596.0), 2, Some(HOUR));
        assert_eq!(used(&cache.decide(secs(3596.0), false)), Some(2));
    }

    #[test]
    fn the_time_of_a_token_counts_from_the_question() {
        let mut cache = Machine::new();
        cache.issue(secs(10.0), secs(50.0), 1, Some(secs(100.0)));
        assert_eq!(used(&cache.decide(secs(99.0), false)), Some(1));
        assert_eq!(cache.decide(secs(100.0), false), Decision::Ask);
    }

    #[test]
    fn a_token_of_unknown_time_is_kept() {
        let mut cache = Machine::new();
        cache.issue(Tick::ZERO, Tick::ZERO, 1, None);
        assert_eq!(used(&cache.decide(Duration::MAX, false)), Some(1));
    }

    #[test]
    fn who_waited_for_a_token_without_time_uses_it_once() {
        let mut cache = with_token(HOUR);
        let token = |issued: Option<Issued<u32>>| issued.map(|issued| issued.token);
        assert_eq!(cache.after(1, secs(1.0)), None, "it was there before");
        cache.issue(secs(3540.0), secs(3541.0), 2, Some(Duration::ZERO));
        assert_eq!(cache.decide(secs(3541.0), false), Decision::Ask);
        assert_eq!(token(cache.after(1, secs(3541.0))), Some(2));
        assert_eq!(token(cache.after(0, secs(3542.0))), Some(2));
        assert_eq!(cache.after(2, secs(3541.0)), None, "for another call");
        assert_eq!(cache.after(1, secs(3542.1)), None, "for a paused one");
        assert!(cache.refuse(secs(3541.5), 2));
        assert_eq!(cache.after(1, secs(3541.5)), None, "after its refusal");
    }

    #[test]
    fn after_a_failure_nobody_asks_for_a_while() {
        // (what the server asked for, how long it is waited)
        for (hint, wait) in [
            (None, 5.0),
            (Some(secs(1.0)), 5.0),
            (Some(secs(30.0)), 30.0),
            (Some(secs(1e6)), 3600.0),
        ] {
            let mut cache = Machine::new();
            cache.fail(secs(2.0), "busy", true, hint);
            assert_eq!(
                cache.decide(secs(3.0), false),
                Decision::Fail("busy", secs(wait - 1.0)),
                "{hint:?}"
            );
            assert_eq!(
                cache.decide(secs(2.0 + wait), false),
                Decision::Ask,
                "{hint:?}"
            );
        }
    }

    #[test]
    fn a_stale_token_bridges_what_passes_and_nothing_else() {
        let mut cache = with_token(HOUR);
        cache.fail(secs(3541.0), "busy", true, None);
        assert_eq!(used(&cache.decide(secs(3545.9), false)), Some(1));
        assert_eq!(
            cache.decide(secs(3546.0), false),
            Decision::Ask,
            "the cooldown is over"
        );
        cache.fail(secs(3594.0), "busy", true, None);
        assert_eq!(used(&cache.decide(secs(3594.9), false)), Some(1));
        assert_eq!(
            cache.decide(secs(3595.0), false),
            Decision::Fail("busy", secs(4.0))
        );

        let mut cache = with_token(HOUR);
        cache.fail(secs(3541.0), "denied", false, None);
        assert_eq!(
            cache.decide(secs(3542.0), false),
            Decision::Fail("denied", secs(4.0))
        );
        assert_eq!(cache.decide(secs(3546.0), false), Decision::Ask);
        assert_eq!(
            cache.decide(secs(3546.0), true),
            Decision::Wait,
            "not even meanwhile"
        );
    }

    #[test]
    fn a_refused_token_is_replaced_once_for_all() {
        let mut cache = with_token(HOUR);
        assert!(cache.refuse(secs(9.0), 1));
        assert!(cache.refuse(secs(9.0), 1), "so says another call");
        assert_eq!(cache.decide(secs(9.0), false), Decision::Ask);
        assert_eq!(
            cache.decide(secs(9.0), true),
            Decision::Wait,
            "it is never used again"
        );
        cache.issue(secs(9.0), secs(9.1), 2, Some(HOUR));
        assert!(cache.refuse(secs(9.5), 1), "the other one is there");
        assert_eq!(used(&cache.decide(secs(9.5), false)), Some(2));
    }

    #[test]
    fn a_refused_token_is_no_bridge() {
        let mut cache = with_token(HOUR);
        assert!(cache.refuse(secs(1.0), 1));
        cache.fail(secs(1.0), "busy", true, None);
        assert_eq!(
            cache.decide(secs(2.0), false),
            Decision::Fail("busy", secs(4.0))
        );
    }

    #[test]
    fn what_replaced_a_refused_token_is_not_replaced_soon() {
        let mut cache = with_token(HOUR);
        assert!(cache.refuse(secs(1.0), 1), "the first refusal of all");
        cache.issue(secs(1.0), secs(2.0), 2, Some(HOUR));
        assert!(!cache.refuse(secs(3.0), 2), "at once");
        assert_eq!(used(&cache.decide(secs(3.0), false)), Some(2));
        assert!(!cache.refuse(secs(31.9), 2), "nor soon");
        assert!(cache.refuse(secs(32.0), 2), "but after a while");
        cache.issue(secs(32.0), secs(32.0), 3, Some(secs(10.0)));
        // One that is renewed for its time alone is as suspect as the one before it.
        cache.issue(secs(42.0), secs(42.0), 4, Some(HOUR));
        assert!(!cache.refuse(secs(61.0), 4));
        assert!(cache.refuse(secs(62.0), 4));
    }

    #[derive(Clone, Debug)]
    enum Op {
        Pass(u32),
        Decide,
        Issue(Option<u32>),
        Fail(bool, Option<u32>),
        GiveUp,
        Refuse(u64),
    }

    fn ops() -> impl Strategy<Value = Vec<Op>> {
        let op = prop_oneof![
            4 => (0u32..40_000).prop_map(Op::Pass),
            6 => Just(Op::Decide),
            3 => proptest::option::of(0u32..100_000).prop_map(Op::Issue),
            2 => (any::<bool>(), proptest::option::of(0u32..20_000))
                .prop_map(|(transient, hint)| Op::Fail(transient, hint)),
            1 => Just(Op::GiveUp),
            2 => (0u64..2).prop_map(Op::Refuse),
        ];
        proptest::collection::vec(op, 1..80)
    }

    proptest! {
        /// Whatever happens: one asks at a time; a token is used in its time and never after it
        /// was refused; a failure is followed by silence, and a renewal by patience; who is denied
        /// falls back on nothing.
        #[test]
        fn the_rules_hold(ops in ops()) {
            let ms = |n: u32| Duration::from_millis(u64::from(n));
            let mut cache = Machine::new();
            let mut now = Tick::ZERO;
            let mut asked = None;
            // What a reader of the rules knows: the newest token, when it ends, whether it was
            // refused; the last failure since it came, and until when nobody asks.
            let mut ends = None;
            let mut refused = false;
            let mut failed: Option<bool> = None;
            let mut quiet = Tick::ZERO;
            let mut patient = Tick::ZERO;
            let mut tokens = 0;
            for op in ops {
                match op {
                    Op::Pass(n) => now += ms(n),
                    Op::Decide => match cache.decide(now, asked.is_some()) {
                        Decision::Use(issued) => {
                            prop_assert_eq!(issued.token, tokens);
                            prop_assert_eq!(issued.generation, u64::from(tokens));
                            prop_assert!(tokens > 0 && !refused);
                            prop_assert!(ends.is_none_or(|ends| now < ends));
                            prop_assert_ne!(failed, Some(false));
                        }
                        Decision::Ask => {
                            prop_assert!(asked.is_none() && now >= quiet);
                            asked = Some(now);
                        }
                        Decision::Wait => prop_assert!(asked.is_some()),
                        Decision::Fail(_, wait) => {
                            prop_assert!(asked.is_none() && now < quiet);
                            prop_assert_eq!(now + wait, quiet);
                        }
                    },
                    Op::Issue(ttl) => {
                        if let Some(at) = asked.take() {
                            tokens += 1;
                            let ttl = ttl.map(ms);
                            if refused {
                                patient = now + RENEWAL_PAUSE;
                            }
                            cache.issue(at, now, tokens, ttl);
                            ends = ttl.map(|ttl| at + ttl);
                            (refused, failed, quiet) = (false, None, Tick::ZERO);
                        }
                    }
                    Op::Fail(transient, hint) => {
                        if asked.take().is_some() {
                            let hint = hint.map(ms);
                            cache.fail(now, "no", transient, hint);
                            failed = Some(transient);
                            quiet = now + hint.unwrap_or_default().max(COOLDOWN);
                        }
                    }
                    Op::GiveUp => asked = None,
                    Op::Refuse(back) if tokens > 0 => {
                        let generation = u64::from(tokens).saturating_sub(back);
                        let again = cache.refuse(now, generation);
                        prop_assert_eq!(again, back > 0 || refused || now >= patient);
                        refused |= again && back == 0;
                    }
                    Op::Refuse(_) => {}
                }
            }
        }
    }
}
