//! The addresses of a host in a race (RFC 8305, section 5): one that is dead costs a moment, and not
//! the host.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::time::deadline;

/// The order and the times in which addresses are tried, as a state machine.
///
/// The caller makes the attempts. It drains [`poll`](Self::poll): for each [`Action::Try`] it begins
/// an attempt, until there is an [`Action::Wait`]. Then it waits for that time and for its attempts,
/// whichever comes first; it reports an attempt that fails with [`failed`](Self::failed), and drains
/// again. The first attempt that succeeds ends the race: the machine is not told, and is dropped with
/// the other attempts. After [`Action::Lose`] nothing more comes. Times are those since any one
/// moment, and don't go back.
#[derive(Debug)]
pub(super) struct Race {
    left: VecDeque<SocketAddr>,
    pace: Option<Duration>,
    /// When the next address is due, if it need not wait for a failure.
    due: Option<Duration>,
    running: usize,
}

/// The next step of a race.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Begin another attempt.
    Try(SocketAddr),
    /// Wait until this time, or until an attempt ends.
    Wait(Option<Duration>),
    /// Give up: all attempts have failed.
    Lose,
}

impl Race {
    /// A race of these addresses, the best first, which begin at this pace, or without one each
    /// when the one before it has failed. The two kinds of address take turns, since often one of
    /// them leads nowhere as a whole.
    pub(super) fn new(
        addresses: impl IntoIterator<Item = SocketAddr>,
        pace: Option<Duration>,
    ) -> Self {
        let mut addresses = addresses.into_iter().peekable();
        let six = addresses.peek().is_some_and(SocketAddr::is_ipv6);
        let (mut one, mut other): (VecDeque<_>, VecDeque<_>) =
            addresses.partition(|address| address.is_ipv6() == six);
        let mut left = VecDeque::with_capacity(one.len() + other.len());
        while !(one.is_empty() && other.is_empty()) {
            left.extend(one.pop_front());
            left.extend(other.pop_front());
        }
        Self {
            left,
            pace,
            due: None,
            running: 0,
        }
    }

    /// Returns the next action.
    pub(super) fn poll(&mut self, now: Duration) -> Action {
        let due = self.running == 0 || self.due.is_some_and(|due| due <= now);
        match due.then(|| self.left.pop_front()).flatten() {
            Some(address) => {
                self.running += 1;
                self.due = self.pace.and_then(|pace| now.checked_add(pace));
                Action::Try(address)
            }
            None if self.running == 0 => Action::Lose,
            None if self.left.is_empty() => Action::Wait(None),
            None => Action::Wait(self.due),
        }
    }

    /// An attempt has failed: the next one need not wait.
    pub(super) fn failed(&mut self, now: Duration) {
        self.running = self.running.saturating_sub(1);
        self.due = Some(now);
    }
}

/// Runs a race: the first connection that is made, or the first error if none is. Without any
/// address there is none.
pub(super) async fn run<T, E, F>(
    race: Race,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<T, Option<E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut runners = Runners {
        race,
        start: Instant::now(),
        connect,
        attempts: Vec::new(),
        timer: None,
        error: None,
    };
    poll_fn(|cx| runners.poll(cx)).await
}

struct Runners<C, F, E> {
    race: Race,
    start: Instant,
    connect: C,
    attempts: Vec<Pin<Box<F>>>,
    timer: Option<Pin<Box<Sleep>>>,
    error: Option<E>,
}

impl<C, F, T, E> Runners<C, F, E>
where
    C: Fn(SocketAddr) -> F,
    F: Future<Output = Result<T, E>>,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Option<E>>> {
        loop {
            match self.race.poll(self.start.elapsed()) {
                Action::Try(address) => self.attempts.push(Box::pin((self.connect)(address))),
                Action::Lose => return Poll::Ready(Err(self.error.take())),
                Action::Wait(until) => match self.poll_attempts(cx) {
                    Some(Ok(connection)) => return Poll::Ready(Ok(connection)),
                    Some(Err(error)) => {
                        self.race.failed(self.start.elapsed());
                        self.error.get_or_insert(error);
                    }
                    None if self.is_due(until, cx) => {}
                    None => return Poll::Pending,
                },
            }
        }
    }

    /// Returns the result of an attempt that has ended, if one has.
    fn poll_attempts(&mut self, cx: &mut Context<'_>) -> Option<Result<T, E>> {
        for at in 0..self.attempts.len() {
            if let Poll::Ready(ended) = self.attempts[at].as_mut().poll(cx) {
                drop(self.attempts.remove(at));
                return Some(ended);
            }
        }
        None
    }

    fn is_due(&mut self, until: Option<Duration>, cx: &mut Context<'_>) -> bool {
        let Some(until) = until.and_then(|until| deadline(self.start, until)) else {
            return false;
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        timer.as_mut().poll(cx).is_ready()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        let parse = |text: &&str| text.parse().expect("an address");
        texts.iter().map(parse).collect()
    }

    fn three() -> Vec<SocketAddr> {
        addresses(&["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"])
    }

    #[test]
    fn attempts_begin_at_a_pace_and_after_failures() {
        let [one, two, three] = three()[..] else {
            panic!("three addresses")
        };
        let mut race = Race::new([one, two, three], Some(millis(250)));
        assert_eq!(race.poll(millis(10)), Action::Try(one));
        assert_eq!(race.poll(millis(10)), Action::Wait(Some(millis(260))));
        assert_eq!(race.poll(millis(259)), Action::Wait(Some(millis(260))));
        assert_eq!(race.poll(millis(260)), Action::Try(two));
        assert_eq!(race.poll(millis(300)), Action::Wait(Some(millis(510))));
        race.failed(millis(300));
        assert_eq!(race.poll(millis(300)), Action::Try(three));
        // There is nobody left to wait for but these two.
        assert_eq!(race.poll(millis(300)), Action::Wait(None));
        race.failed(millis(400));
        assert_eq!(race.poll(millis(400)), Action::Wait(None));
        race.failed(millis(500));
        assert_eq!(race.poll(millis(500)), Action::Lose);
    }

    #[test]
    fn without_a_pace_they_follow_each_other() {
        let [one, two, three] = three()[..] else {
            panic!("three addresses")
        };
        for pace in [None, Some(Duration::MAX)] {
            let mut race = Race::new([one, two, three], pace);
            for address in [one, two, three] {
                assert_eq!(race.poll(millis(1)), Action::Try(address));
                assert_eq!(race.poll(Duration::MAX), Action::Wait(None));
                race.failed(millis(1));
            }
            assert_eq!(race.poll(millis(1)), Action::Lose);
        }
        assert_eq!(Race::new([], None).poll(millis(0)), Action::Lose);
    }

    #[test]
    fn the_kinds_of_address_take_turns() {
        for (given, tried) in [
            (
                &["[2001:db8::1]:1", "[2001:db8::2]:1", "192.0.2.1:1"][..],
                &["[2001:db8::1]:1", "192.0.2.1:1", "[2001:db8::2]:1"][..],
            ),
            (
                &[
                    "192.0.2.1:1",
                    "[2001:db8::1]:1",
                    "192.0.2.2:1",
                    "192.0.2.3:1",
                ],
                &[
                    "192.0.2.1:1",
                    "[2001:db8::1]:1",
                    "192.0.2.2:1",
                    "192.0.2.3:1",
                ],
            ),
            (&["192.0.2.1:1"], &["192.0.2.1:1"]),
        ] {
            let mut race = Race::new(addresses(given), Some(Duration::ZERO));
            for address in addresses(tried) {
                assert_eq!(race.poll(millis(0)), Action::Try(address));
            }
        }
    }

    /// Returns the winner of these attempts, each with its duration and whether it succeeds, and
    /// the time that the race took.
    async fn ran(attempts: &[(u64, bool)]) -> (Result<usize, Option<usize>>, Duration) {
        let addresses = (0..).take(attempts.len());
        let addresses = addresses.map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        let start = Instant::now();
        let race = Race::new(addresses, Some(millis(250)));
        let won = run(race, |address| async move {
            let number = usize::from(address.port());
            let (time, good) = attempts[number];
            tokio::time::sleep(millis(time)).await;
            if good { Ok(number) } else { Err(number) }
        });
        (won.await, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_connection_wins() {
        let dead = (127_000, false);
        for (attempts, won, time) in [
            (&[(20, true), (10, true)][..], Ok(0), 20),
            (&[dead, (20, true)], Ok(1), 270),
            (&[dead, dead, (20, true)], Ok(2), 520),
            (&[(300, true), (10, true)], Ok(1), 260),
            (&[(300, true), (100, true)], Ok(0), 300),
            (&[(20, false), (30, true)], Ok(1), 50),
            (&[dead, (20, false), (30, true)], Ok(2), 300),
            (&[(20, false), (30, false)], Err(Some(0)), 50),
            (&[(600, false), (10, false)], Err(Some(1)), 600),
            (&[], Err(None), 0),
        ] {
            assert_eq!(ran(attempts).await, (won, millis(time)), "{attempts:?}");
        }
    }
}
