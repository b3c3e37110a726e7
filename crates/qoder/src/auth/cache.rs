//! Which token to use, and when to ask for another: a machine without I/O or clock.
//!
//! | token at hand | asking now | asked in vain of late | to do |
//! |---|---|---|---|
//! | fresh | | | use it |
//! | stale | no | no | ask |
//! | stale | yes | no, or for a passing reason | use it |
//! | stale | no | for a passing reason | use it |
//! | stale | yes | for good | wait |
//! | stale | no | for good | fail |
//! | none, expired or refused | no | no | ask |
//! | none, expired or refused | yes | | wait |
//! | none, expired or refused | no | yes | fail |
//!
//! A token is fresh until `ttl − min(60 s, 10 %)` and stale until `ttl − min(5 s, 5 %)`; then it
//! counts as expired. "Of late" is 5 s, or as long as the server said with a 429.

use std::time::Duration;

/// After a failure, this long nobody is asked.
pub(crate) const COOLDOWN: Duration = Duration::from_secs(5);

/// No server can make it longer than this.
const LONGEST_COOLDOWN: Duration = Duration::from_secs(3600);

/// Time since some moment, by a clock that never goes back.
type Tick = Duration;

/// The machine, of tokens `T` and reasons `F` to have none.
#[derive(Debug)]
pub(crate) struct Cache<T, F> {
    held: Option<Held<T>>,
    asking: bool,
    failed: Option<Failed<F>>,
    /// Counts the tokens.
    generation: u64,
    /// Tokens refused in a row, without one that was accepted between them.
    refusals: u32,
}

#[derive(Debug)]
struct Held<T> {
    token: T,
    times: Option<Times>,
    since: Tick,
    refused: bool,
    accepted: bool,
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
    passing: bool,
    until: Tick,
}

/// A token, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issued<T> {
    pub(crate) token: T,
    pub(crate) generation: u64,
    /// The server has accepted it before.
    pub(crate) accepted: bool,
}

/// What to do for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next<T, F> {
    Use(Issued<T>),
    /// Ask for a token. Nobody else is told so before this is answered, or given up.
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
            asking: false,
            failed: None,
            generation: 0,
            refusals: 0,
        }
    }

    /// What to do for a request that is about to be sent.
    pub(crate) fn next(&mut self, now: Tick) -> Next<T, F> {
        let held = self.held.as_ref().filter(|held| !held.refused);
        let fresh = |held: &&Held<T>| held.times.is_none_or(|times| now < times.fresh);
        let safe = |held: &&Held<T>| held.times.is_none_or(|times| now < times.safe);
        if let Some(held) = held.filter(fresh) {
            return Next::Use(self.issued(held));
        }
        let cooling = self.failed.as_ref().filter(|failed| now < failed.until);
        // Who is denied a token has no business with the one before, cooling or not.
        let denied = self.failed.as_ref().is_some_and(|failed| !failed.passing);
        if let Some(held) = held.filter(safe) {
            if !denied && (self.asking || cooling.is_some()) {
                return Next::Use(self.issued(held));
            }
        }
        if self.asking {
            return Next::Wait;
        }
        if let Some(failed) = cooling {
            return Next::Fail(failed.why.clone(), failed.until.saturating_sub(now));
        }
        self.asking = true;
        Next::Ask
    }

    /// There is a token, which was asked for at this time and is good for so long from then on.
    pub(crate) fn issue(&mut self, asked: Tick, token: T, ttl: Option<Duration>) -> Issued<T> {
        self.asking = false;
        self.failed = None;
        self.generation += 1;
        let held = self.held.insert(Held {
            token,
            times: ttl.map(|ttl| Times::new(asked, ttl)),
            since: asked,
            refused: false,
            accepted: false,
        });
        Issued {
            token: held.token.clone(),
            generation: self.generation,
            accepted: false,
        }
    }

    /// There is none. `passing` is what may be over soon: no connection, 429, 5xx.
    pub(crate) fn fail(&mut self, now: Tick, why: F, passing: bool, hint: Option<Duration>) {
        self.asking = false;
        let cooldown = hint.unwrap_or_default().clamp(COOLDOWN, LONGEST_COOLDOWN);
        self.failed = Some(Failed {
            why,
            passing,
            until: now.saturating_add(cooldown),
        });
    }

    /// Who asked has gone, and there is no answer.
    pub(crate) fn abandon(&mut self) {
        self.asking = false;
    }

    /// The server accepted a token.
    pub(crate) fn accept(&mut self, generation: u64) {
        if let Some(held) = self.held_as(generation) {
            held.accepted = true;
            self.refusals = 0;
        }
    }

    /// The server refused a token with 401. Whether it is worthwhile to try again with another.
    ///
    /// The first to say so of a token makes the next request ask for another; who comes later
    /// finds that one. After a token that was refused before it was ever accepted, and whose
    /// predecessor was refused too, none is asked for within the cooldown: the fault is elsewhere.
    pub(crate) fn refuse(&mut self, now: Tick, generation: u64) -> bool {
        let refusals = self.refusals;
        let Some(held) = self.held_as(generation) else {
            return true;
        };
        if held.refused {
            return true;
        }
        if refusals > 0 && now < held.since.saturating_add(COOLDOWN) {
            return false;
        }
        held.refused = true;
        self.refusals = refusals.saturating_add(1);
        true
    }

    fn held_as(&mut self, generation: u64) -> Option<&mut Held<T>> {
        self.held.as_mut().filter(|_| generation == self.generation)
    }

    fn issued(&self, held: &Held<T>) -> Issued<T> {
        Issued {
            token: held.token.clone(),
            generation: self.generation,
            accepted: held.accepted,
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
        assert_eq!(cache.next(Tick::ZERO), Next::Ask);
        cache.issue(Tick::ZERO, 1, Some(ttl));
        cache
    }

    fn used(next: &Next<u32, &'static str>) -> Option<u32> {
        match next {
            Next::Use(issued) => Some(issued.token),
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
        assert_eq!(used(&cache.next(secs(3539.9))), Some(1));
        assert_eq!(cache.next(secs(3540.0)), Next::Ask);
        assert_eq!(
            used(&cache.next(secs(3541.0))),
            Some(1),
            "who comes meanwhile goes on with what there is"
        );
        assert_eq!(cache.next(secs(3595.0)), Next::Wait, "until it is not safe");
        cache.issue(secs(3540.0), 2, Some(HOUR));
        assert_eq!(used(&cache.next(secs(3596.0))), Some(2));
    }

    #[test]
    fn the_time_of_a_token_counts_from_the_question() {
        let mut cache = Machine::new();
        assert_eq!(cache.next(secs(10.0)), Next::Ask);
        cache.issue(secs(10.0), 1, Some(secs(100.0)));
        assert_eq!(used(&cache.next(secs(99.0))), Some(1));
        assert_eq!(cache.next(secs(100.0)), Next::Ask);
    }

    #[test]
    fn a_token_of_unknown_time_is_kept() {
        let mut cache = Machine::new();
        assert_eq!(cache.next(Tick::ZERO), Next::Ask);
        cache.issue(Tick::ZERO, 1, None);
        assert_eq!(used(&cache.next(Duration::MAX)), Some(1));
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
            assert_eq!(cache.next(Tick::ZERO), Next::Ask);
            cache.fail(secs(2.0), "busy", true, hint);
            assert_eq!(
                cache.next(secs(3.0)),
                Next::Fail("busy", secs(wait - 1.0)),
                "{hint:?}"
            );
            assert_eq!(cache.next(secs(2.0 + wait)), Next::Ask, "{hint:?}");
        }
    }

    #[test]
    fn a_stale_token_bridges_what_passes_and_nothing_else() {
        let mut cache = with_token(HOUR);
        assert_eq!(cache.next(secs(3540.0)), Next::Ask);
        cache.fail(secs(3541.0), "busy", true, None);
        assert_eq!(used(&cache.next(secs(3545.9))), Some(1));
        assert_eq!(cache.next(secs(3546.0)), Next::Ask, "the cooldown is over");
        cache.fail(secs(3594.0), "busy", true, None);
        assert_eq!(used(&cache.next(secs(3594.9))), Some(1));
        assert_eq!(cache.next(secs(3595.0)), Next::Fail("busy", secs(4.0)));

        let mut cache = with_token(HOUR);
        assert_eq!(cache.next(secs(3540.0)), Next::Ask);
        cache.fail(secs(3541.0), "denied", false, None);
        assert_eq!(cache.next(secs(3542.0)), Next::Fail("denied", secs(4.0)));
        assert_eq!(cache.next(secs(3546.0)), Next::Ask);
        assert_eq!(cache.next(secs(3546.0)), Next::Wait, "not even meanwhile");
    }

    #[test]
    fn who_goes_makes_room() {
        let mut cache = Machine::new();
        assert_eq!(cache.next(Tick::ZERO), Next::Ask);
        assert_eq!(cache.next(Tick::ZERO), Next::Wait);
        cache.abandon();
        assert_eq!(cache.next(Tick::ZERO), Next::Ask);
    }

    #[test]
    fn a_refused_token_is_replaced_once_for_all() {
        let mut cache = with_token(HOUR);
        cache.accept(1);
        assert!(cache.refuse(secs(9.0), 1));
        assert!(cache.refuse(secs(9.0), 1), "so says another call");
        assert_eq!(cache.next(secs(9.0)), Next::Ask);
        assert_eq!(cache.next(secs(9.0)), Next::Wait, "it is never used again");
        cache.issue(secs(9.0), 2, Some(HOUR));
        assert!(cache.refuse(secs(9.5), 1), "the other one is there");
        assert_eq!(used(&cache.next(secs(9.5))), Some(2));
    }

    #[test]
    fn a_refused_token_is_no_bridge() {
        let mut cache = with_token(HOUR);
        assert!(cache.refuse(secs(1.0), 1));
        assert_eq!(cache.next(secs(1.0)), Next::Ask);
        cache.fail(secs(1.0), "busy", true, None);
        assert_eq!(cache.next(secs(2.0)), Next::Fail("busy", secs(4.0)));
    }

    #[test]
    fn a_server_that_refuses_every_token_is_asked_for_few() {
        let mut cache = with_token(HOUR);
        assert!(cache.refuse(secs(1.0), 1), "the first refusal of all");
        assert_eq!(cache.next(secs(1.0)), Next::Ask);
        cache.issue(secs(1.0), 2, Some(HOUR));
        assert!(!cache.refuse(secs(2.0), 2), "the second in a row, at once");
        assert_eq!(used(&cache.next(secs(2.0))), Some(2));
        assert!(cache.refuse(secs(6.0), 2), "after the cooldown");
        assert_eq!(cache.next(secs(6.0)), Next::Ask);
        cache.issue(secs(6.0), 3, Some(HOUR));
        cache.accept(3);
        assert!(cache.refuse(secs(7.0), 3), "it was good before");
    }

    #[derive(Clone, Debug)]
    enum Op {
        Pass(u32),
        Next,
        Issue(Option<u32>),
        Fail(bool, Option<u32>),
        Abandon,
        Accept,
        Refuse(u64),
    }

    fn ops() -> impl Strategy<Value = Vec<Op>> {
        let op = prop_oneof![
            4 => (0u32..40_000).prop_map(Op::Pass),
            6 => Just(Op::Next),
            3 => proptest::option::of(0u32..100_000).prop_map(Op::Issue),
            2 => (any::<bool>(), proptest::option::of(0u32..20_000))
                .prop_map(|(passing, hint)| Op::Fail(passing, hint)),
            1 => Just(Op::Abandon),
            1 => Just(Op::Accept),
            1 => (0u64..2).prop_map(Op::Refuse),
        ];
        proptest::collection::vec(op, 1..80)
    }

    proptest! {
        /// Whatever happens: one asks at a time; a token is used in its time and never after it
        /// was refused; a failure is followed by silence; who is denied falls back on nothing.
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
            let mut tokens = 0;
            for op in ops {
                match op {
                    Op::Pass(n) => now += ms(n),
                    Op::Next => match cache.next(now) {
                        Next::Use(issued) => {
                            prop_assert_eq!(issued.token, tokens);
                            prop_assert_eq!(issued.generation, u64::from(tokens));
                            prop_assert!(tokens > 0 && !refused);
                            prop_assert!(ends.is_none_or(|ends| now < ends));
                            prop_assert_ne!(failed, Some(false));
                        }
                        Next::Ask => {
                            prop_assert!(asked.is_none() && now >= quiet);
                            asked = Some(now);
                        }
                        Next::Wait => prop_assert!(asked.is_some()),
                        Next::Fail(_, wait) => {
                            prop_assert!(asked.is_none() && now < quiet);
                            prop_assert_eq!(now + wait, quiet);
                        }
                    },
                    Op::Issue(ttl) => {
                        if let Some(at) = asked.take() {
                            tokens += 1;
                            let ttl = ttl.map(ms);
                            cache.issue(at, tokens, ttl);
                            ends = ttl.map(|ttl| at + ttl);
                            (refused, failed, quiet) = (false, None, Tick::ZERO);
                        }
                    }
                    Op::Fail(passing, hint) => {
                        if asked.take().is_some() {
                            let hint = hint.map(ms);
                            cache.fail(now, "no", passing, hint);
                            failed = Some(passing);
                            quiet = now + hint.unwrap_or_default().max(COOLDOWN);
                        }
                    }
                    Op::Abandon => {
                        if asked.take().is_some() {
                            cache.abandon();
                        }
                    }
                    Op::Accept => cache.accept(u64::from(tokens)),
                    Op::Refuse(back) if tokens > 0 => {
                        let generation = u64::from(tokens).saturating_sub(back);
                        let again = cache.refuse(now, generation);
                        refused |= again && back == 0;
                    }
                    Op::Refuse(_) => {}
                }
            }
        }
    }
}
