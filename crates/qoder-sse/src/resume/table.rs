//! The states and the moves between them, as data. The diagram in the documentation is printed
//! from it, and the machine makes no other move.
//!
//! # Why these states and no others
//!
//! Entries come by two ways: a stream, which has to be opened, and a list, which can be asked. A
//! state is which of the two is in use, since that decides what may happen next.
//!
//! | | no list | list |
//! |---|---|---|
//! | no stream | Waiting | Seeding (newest id), Filling (what was missed), Resting (between two polls) |
//! | stream being opened | Connecting | Asking |
//! | stream open, unread | | Parked |
//! | stream read | Live | Looking |
//!
//! Each way brings the entries in the order of the log, without a hole, from some entry on. From
//! that follows all the rest. With a cursor, that entry is the one after it, so that whatever
//! comes is either known or next. Without one, a stream begins anywhere: it is left unread until
//! the list has met it (Parked, and again at its first entry). What is known is dropped by its
//! id, which works as long as neither way lags behind the other by more ids than are remembered:
//! before that, the list beside a stream is given up, or the stream attached anew behind the list.

use alloc::string::String;
use core::fmt::Write;

/// The states of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing was done yet.
    Fresh,
    /// The id of the newest entry is being fetched.
    Seeding,
    /// A connection is being opened.
    Connecting,
    /// A connection is being opened, and the list is looked at beside it, since no answer comes.
    Asking,
    /// A part of the log is being listed; no connection is open.
    Filling,
    /// The log is being listed while a connection is open and its body unread.
    Parked,
    /// A connection is open and read.
    Live,
    /// A connection is open and read, and the list is looked at beside it: it may know what the
    /// stream doesn't bring.
    Looking,
    /// The next attempt is waited for.
    Waiting,
    /// The log is polled, and the next list is waited for.
    Resting,
    /// It is over.
    Done,
}

/// The inputs that move a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(
    missing_docs,
    reason = "each is explained by the text that it prints as"
)]
pub enum On {
    StartAfter,
    StartNow,
    StartBeginning,
    StartAttach,
    StartPolling,
    NewestKnown,
    ListEmpty,
    ListDone,
    PollDone,
    ListTooLong,
    NotListed,
    ListFailed,
    ListGone,
    Opened,
    OpenedToPark,
    FirstEntry,
    Look,
    Looked,
    CursorRejected,
    CursorIgnored,
    Refused,
    Stopped,
    Transient,
    Lost,
    FinalFrame,
    FatalFault,
    TooLarge,
    Due,
    DueToSeed,
    DueToList,
    GaveUp,
    Closed,
}

impl On {
    /// The move's cause in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::StartAfter => "start after an id",
            Self::StartNow => "start now",
            Self::StartBeginning => "start at the beginning",
            Self::StartAttach => "start where the server does",
            Self::StartPolling => "start after an id, polling",
            Self::NewestKnown => "newest id known",
            Self::ListEmpty => "list is empty",
            Self::ListDone => "list complete",
            Self::PollDone => "list complete, polling",
            Self::ListTooLong => "list longer than what is remembered",
            Self::NotListed => "list complete, without the first entry of the stream",
            Self::ListFailed => "list failed for now",
            Self::ListGone => "list failed for good",
            Self::Opened => "opened",
            Self::OpenedToPark => "opened without a cursor",
            Self::FirstEntry => "first entry of a stream without a cursor",
            Self::Look => "no entry for a while, or silence",
            Self::Looked => "list complete, failed, or left behind",
            Self::CursorRejected => "cursor rejected",
            Self::CursorIgnored => "begins before the cursor",
            Self::Refused => "refused",
            Self::Stopped => "204",
            Self::Transient => "failed, or refused for now",
            Self::Lost => "end, cut, error, silence",
            Self::FinalFrame => "last entry delivered",
            Self::FatalFault => "error of the stream, for good",
            Self::TooLarge => "frame too large",
            Self::Due => "time has come",
            Self::DueToSeed => "time has come to list the newest",
            Self::DueToList => "time has come to list",
            Self::GaveUp => "no progress for too long",
            Self::Closed => "closed",
        }
    }
}

/// A move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// From this state,
    pub from: State,
    /// because of this,
    pub on: On,
    /// to this one.
    pub to: State,
}

const fn go(from: State, on: On, to: State) -> Move {
    Move { from, on, to }
}

/// All moves.
pub const MOVES: &[Move] = &[
    go(State::Fresh, On::StartAfter, State::Connecting),
    go(State::Fresh, On::StartNow, State::Seeding),
    go(State::Fresh, On::StartBeginning, State::Filling),
    go(State::Fresh, On::StartAttach, State::Connecting),
    go(State::Fresh, On::StartPolling, State::Filling),
    go(State::Seeding, On::NewestKnown, State::Connecting),
    go(State::Seeding, On::ListEmpty, State::Connecting),
    go(State::Seeding, On::PollDone, State::Resting),
    go(State::Seeding, On::ListFailed, State::Waiting),
    go(State::Seeding, On::ListGone, State::Done),
    go(State::Connecting, On::Opened, State::Live),
    go(State::Connecting, On::OpenedToPark, State::Parked),
    go(State::Connecting, On::CursorRejected, State::Filling),
    go(State::Connecting, On::Stopped, State::Done),
    go(State::Connecting, On::Refused, State::Done),
    go(State::Connecting, On::Transient, State::Waiting),
    go(State::Connecting, On::Look, State::Asking),
    go(State::Asking, On::Looked, State::Connecting),
    go(State::Asking, On::Opened, State::Live),
    go(State::Asking, On::OpenedToPark, State::Parked),
    go(State::Asking, On::CursorRejected, State::Filling),
    go(State::Asking, On::Stopped, State::Done),
    go(State::Asking, On::Refused, State::Done),
    go(State::Asking, On::Transient, State::Waiting),
    go(State::Asking, On::Lost, State::Waiting),
    go(State::Asking, On::FinalFrame, State::Done),
    go(State::Filling, On::ListDone, State::Connecting),
    go(State::Filling, On::ListEmpty, State::Connecting),
    go(State::Filling, On::PollDone, State::Resting),
    go(State::Filling, On::ListFailed, State::Waiting),
    go(State::Filling, On::ListGone, State::Done),
    go(State::Filling, On::FinalFrame, State::Done),
    go(State::Parked, On::ListDone, State::Live),
    go(State::Parked, On::ListTooLong, State::Connecting),
    go(State::Parked, On::NotListed, State::Connecting),
    go(State::Parked, On::ListFailed, State::Waiting),
    go(State::Parked, On::ListGone, State::Done),
    go(State::Parked, On::FinalFrame, State::Done),
    go(State::Live, On::FirstEntry, State::Parked),
    go(State::Live, On::Look, State::Looking),
    go(State::Live, On::CursorRejected, State::Filling),
    go(State::Live, On::CursorIgnored, State::Done),
    go(State::Live, On::Lost, State::Waiting),
    go(State::Live, On::FinalFrame, State::Done),
    go(State::Live, On::FatalFault, State::Done),
    go(State::Live, On::TooLarge, State::Done),
    go(State::Looking, On::Looked, State::Live),
    go(State::Looking, On::ListTooLong, State::Filling),
    go(State::Looking, On::FirstEntry, State::Parked),
    go(State::Looking, On::CursorRejected, State::Filling),
    go(State::Looking, On::CursorIgnored, State::Done),
    go(State::Looking, On::Lost, State::Waiting),
    go(State::Looking, On::FinalFrame, State::Done),
    go(State::Looking, On::FatalFault, State::Done),
    go(State::Looking, On::TooLarge, State::Done),
    go(State::Waiting, On::Due, State::Connecting),
    go(State::Waiting, On::DueToSeed, State::Seeding),
    go(State::Waiting, On::DueToList, State::Filling),
    go(State::Waiting, On::GaveUp, State::Done),
    go(State::Resting, On::DueToList, State::Filling),
    go(State::Resting, On::Due, State::Connecting),
    go(State::Fresh, On::Closed, State::Done),
    go(State::Seeding, On::Closed, State::Done),
    go(State::Connecting, On::Closed, State::Done),
    go(State::Asking, On::Closed, State::Done),
    go(State::Filling, On::Closed, State::Done),
    go(State::Parked, On::Closed, State::Done),
    go(State::Live, On::Closed, State::Done),
    go(State::Looking, On::Closed, State::Done),
    go(State::Waiting, On::Closed, State::Done),
    go(State::Resting, On::Closed, State::Done),
];

/// The table in Markdown, as it stands in the documentation.
#[must_use]
pub fn diagram() -> String {
    let mut text = String::from("| State | Input | Next |\n|---|---|---|\n");
    for Move { from, on, to } in MOVES.iter().filter(|found| found.on != On::Closed) {
        // Writing to a `String` can't fail.
        let _ = writeln!(text, "| {from:?} | {} | {to:?} |", on.words());
    }
    text.push_str("| any | closed | Done |\n");
    text
}

#[cfg(feature = "count-moves")]
static TAKEN: [core::sync::atomic::AtomicU64; MOVES.len()] =
    [const { core::sync::atomic::AtomicU64::new(0) }; MOVES.len()];

/// A row of the table was taken.
#[inline]
pub(super) fn count(row: usize) {
    #[cfg(feature = "count-moves")]
    TAKEN[row].fetch_add(1, core::sync::atomic::Ordering::Relaxed);
    #[cfg(not(feature = "count-moves"))]
    let _ = row;
}

/// Returns the number of times that each row of the table was taken in this process, by all
/// machines together. For tests of drivers: a row that is never taken is a row that nothing has
/// tested.
#[cfg(feature = "count-moves")]
#[must_use]
pub fn moves_taken() -> alloc::vec::Vec<(Move, u64)> {
    let taken = TAKEN.iter();
    let taken = taken.map(|count| count.load(core::sync::atomic::Ordering::Relaxed));
    MOVES.iter().copied().zip(taken).collect()
}
