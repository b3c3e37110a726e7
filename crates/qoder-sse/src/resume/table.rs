//! The states and the moves between them, as data. The diagram in the documentation is printed
//! from it, and the machine makes no other move.

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
    /// A part of the log is being listed; no connection is open.
    Filling,
    /// The log is being listed while a connection is open and its body unread.
    Parked,
    /// A connection is open and read.
    Live,
    /// The next attempt is waited for.
    Waiting,
    /// The log is polled, and the next list is waited for.
    Resting,
    /// It is over.
    Done,
}

/// What moves a machine.
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
    ListFailed,
    ListGone,
    Opened,
    OpenedToPark,
    CursorRejected,
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
            Self::ListFailed => "list failed for now",
            Self::ListGone => "list failed for good",
            Self::Opened => "opened",
            Self::OpenedToPark => "opened without a cursor",
            Self::CursorRejected => "cursor rejected",
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
    go(State::Filling, On::ListDone, State::Connecting),
    go(State::Filling, On::ListEmpty, State::Connecting),
    go(State::Filling, On::PollDone, State::Resting),
    go(State::Filling, On::ListFailed, State::Waiting),
    go(State::Filling, On::ListGone, State::Done),
    go(State::Filling, On::FinalFrame, State::Done),
    go(State::Parked, On::ListDone, State::Live),
    go(State::Parked, On::ListTooLong, State::Connecting),
    go(State::Parked, On::ListFailed, State::Waiting),
    go(State::Parked, On::ListGone, State::Done),
    go(State::Parked, On::FinalFrame, State::Done),
    go(State::Live, On::Lost, State::Waiting),
    go(State::Live, On::FinalFrame, State::Done),
    go(State::Live, On::FatalFault, State::Done),
    go(State::Live, On::TooLarge, State::Done),
    go(State::Waiting, On::Due, State::Connecting),
    go(State::Waiting, On::DueToSeed, State::Seeding),
    go(State::Waiting, On::DueToList, State::Filling),
    go(State::Waiting, On::GaveUp, State::Done),
    go(State::Resting, On::DueToList, State::Filling),
    go(State::Resting, On::Due, State::Connecting),
    go(State::Fresh, On::Closed, State::Done),
    go(State::Seeding, On::Closed, State::Done),
    go(State::Connecting, On::Closed, State::Done),
    go(State::Filling, On::Closed, State::Done),
    go(State::Parked, On::Closed, State::Done),
    go(State::Live, On::Closed, State::Done),
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
