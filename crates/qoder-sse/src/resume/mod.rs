//! Reconnection as a state machine, without I/O, clock or luck of its own.
//!
//! The machine is told what happened, and asked what to do. Time is a [`Tick`], a duration since
//! any start; chance comes from a seed. It sees classes of frames and not what they mean: a
//! [`Classify`] given by its user tells which of them move the cursor.
//!
//! # How to drive it
//!
//! After each input, call [`Resume::poll`] until it says [`Action::Wait`] or [`Action::Done`]:
//!
//! - [`Action::Connect`]: open a connection, with [`Resume::cursor`] as `Last-Event-ID` if `cursor`
//!   says so, then say [`opened`](Resume::opened), [`refused`](Resume::refused) or
//!   [`failed`](Resume::failed). A list may be asked for while no answer comes: fetch it beside.
//! - While [`Resume::reads`], give what arrives to [`bytes`](Resume::bytes) and deliver what it
//!   gives, and say [`ended`](Resume::ended) when it ends. Otherwise leave the body unread, and
//!   keep what was read and not consumed: it is given again when [`Resume::reads`] says yes.
//! - [`Action::List`]: fetch that part of the log, in place of what is being listed. For
//!   [`ListFrom::Newest`] say [`newest`](Resume::newest). For the others, of each page that comes
//!   say [`page`](Resume::page), ask [`listed`](Resume::listed) of each entry whether to deliver
//!   it, and at the end say [`list_done`](Resume::list_done). What goes wrong is
//!   [`list_failed`](Resume::list_failed), [`list_unreachable`](Resume::list_unreachable) or
//!   [`list_broken`](Resume::list_broken). Whenever [`Resume::lists`] returns `false`, stop: later
//!   entries of the list must not be given to the machine.
//! - [`Action::GoOn`]: fetch again the page that could not be fetched, and go on from there.
//! - [`Action::Release`]: drop the connection, or the attempt at one, what was read of it and not
//!   consumed, and what is being listed.
//! - [`Action::Notice`]: log it, or show it.
//! - [`Action::Wait`]: go on with what is under way; when that time comes, say
//!   [`tick`](Resume::tick).
//!
//! Inputs that the state has no use for are ignored. Times may repeat and must not go back.
//!
//! # With a list, and without
//!
//! A server whose log can be listed by id loses nothing, whatever it thinks of a cursor: start
//! with [`Start::Beginning`], [`Start::Now`] or [`Start::After`], and answer
//! [`ListFrom::BackToKnown`] with a [`WalkBack`]. [`Polling::Auto`] notices a stream that is held
//! back. Where there is no list, use [`Start::Attach`]: then none is ever asked for, and a cursor
//! that is rejected ends it with [`Outcome::Gap`].
//!
//! Streams that give several entries the same id need [`Policy::remembered`] 0, and go with
//! [`Start::Attach`]: what comes twice, by stream and list or from a server that repeats, can't be
//! told apart then, and is delivered twice.
//!
//! # States
//!
#![doc = include_str!("../../docs/resume-states.md")]

mod connection;
mod lists;
mod machine;
mod moves;
mod patience;
mod policy;
mod seen;
mod streams;
mod table;
mod walk_back;

pub use machine::{Delivery, Ending, Fed, Resume};
pub use policy::{Policy, Polling, Tick};
#[cfg(feature = "count-moves")]
pub use table::moves_taken;
pub use table::{MOVES, Move, On, State, diagram};
pub use walk_back::{Found, WalkBack};

use core::fmt;
use core::time::Duration;

use alloc::borrow::Cow;

use crate::frame::{Frame, Overflow};

/// The place in the log to start from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Start {
    /// After the frame with this id.
    After(alloc::string::String),
    /// With what comes from now on. The newest id is listed before the first connection, so that
    /// a connection that is cut before its first frame loses nothing.
    Now,
    /// With the first frame there is: the log is listed, and the stream attached behind it.
    Beginning,
    /// Wherever the server starts, without listing: for servers that have no list.
    Attach,
}

/// The kind of a frame, as the machine tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// An entry of the log: it moves the cursor, and a repetition is dropped.
    Durable,
    /// Something transient, such as a piece of an entry that is being written. It moves no cursor
    /// and is never a repetition.
    Preview,
    /// A sign of life; it is not delivered.
    Pulse,
    /// An entry of the log, and the last one.
    Final,
    /// The server says that this connection is over; the log may go on.
    EndOfStream,
    /// The server reports an error of the stream.
    Fault(Fault),
}

/// The meaning of an error of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Transient: a new connection may work.
    Transient,
    /// Permanent: trying again is of no use.
    Fatal,
    /// The cursor that the request carried is not known, or not any more. Without a cursor, and
    /// without a list to repair it from, it is as fatal as the others.
    CursorRejected,
}

/// Tells a [`Resume`] what frames are.
///
/// ```
/// use qoder_sse::Frame;
/// use qoder_sse::resume::{Class, Classify};
///
/// /// A log whose entries have ids, and whose pieces and heartbeats have none.
/// struct Log;
///
/// impl Classify for Log {
///     fn classify(&mut self, frame: &Frame<'_>) -> Class {
///         match (frame.event(), frame.id()) {
///             ("ping", _) => Class::Pulse,
///             ("end", _) => Class::Final,
///             (_, Some(_)) => Class::Durable,
///             (_, None) => Class::Preview,
///         }
///     }
/// }
/// ```
pub trait Classify {
    /// Returns the class of the frame. It may be asked for more than once: frames at the beginning
    /// of a connection are looked at ahead of their time. [`id`](Self::id) is asked of the frame
    /// that was classified last.
    fn classify(&mut self, frame: &Frame<'_>) -> Class;

    /// Returns the id of a durable frame: by default the one in its block.
    fn id<'f>(&'f mut self, frame: &'f Frame<'_>) -> Option<Cow<'f, str>> {
        frame.id().map(Cow::Borrowed)
    }

    /// Returns whether the cursor is the stream's last event id to the letter, as the WHATWG
    /// standard has it: an empty id resets it, and a block that has nothing but an id moves it.
    /// Otherwise only entries do. Default: only entries.
    fn follows_last_id(&self) -> bool {
        false
    }
}

/// For streams in which each frame is an entry of the log, and the cursor the last event id. Where
/// several frames share an id, [`Policy::remembered`] has to be 0, or all but the first of them are
/// taken for repetitions.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllDurable;

impl Classify for AllDurable {
    fn classify(&mut self, _: &Frame<'_>) -> Class {
        Class::Durable
    }

    fn follows_last_id(&self) -> bool {
        true
    }
}

/// The part of the log to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListFrom {
    /// Only the id of the newest entry is wanted: [`Resume::newest`].
    Newest,
    /// Everything, oldest first.
    Beginning,
    /// Everything after [`Resume::cursor`], oldest first.
    Cursor,
    /// The server doesn't know the cursor any more. From the newest entry back to one that
    /// [`Resume::knows`], exclusive; then deliver them oldest first: [`WalkBack`] does that. If
    /// none is known, say [`Resume::list_gap`]: the gap can't be closed.
    BackToKnown,
}

/// The next step for the driver of a [`Resume`]. Actions are drained: [`Resume::poll`] returns one
/// after another, until there is nothing to do for now ([`Wait`](Self::Wait)) or ever
/// ([`Done`](Self::Done)).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Open a connection, with [`Resume::cursor`] as `Last-Event-ID` if there is one and `cursor`
    /// says so.
    Connect {
        /// Counts the attempts since the last progress, from 1.
        attempt: u32,
        /// Whether to send the cursor. Without it the server starts wherever it does.
        cursor: bool,
    },
    /// List a part of the log, in place of what is being listed.
    List(ListFrom),
    /// Go on with the list that was under way: with the page that could not be fetched, or that was
    /// put off. Who can't says [`Resume::list_broken`], and is asked to begin it anew.
    GoOn,
    /// Drop the connection, or give up opening it.
    Release,
    /// Report what changed. The machine does not need it.
    Notice(Notice),
    /// Do nothing until there is an input, or this time has come: then call [`Resume::tick`].
    /// Without a time, only an input helps.
    Wait(Option<Tick>),
    /// Do nothing ever again: it is over, for this reason. Every later poll returns the same.
    Done(Outcome),
}

/// A change of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Notice {
    /// A connection is being opened.
    Connecting {
        /// Counts the attempts since the last progress, from 1.
        attempt: u32,
    },
    /// A connection is open and read.
    Live,
    /// The connection is lost.
    Lost(Cause),
    /// The log is listed, to close a gap.
    Repairing,
    /// From now on the log is polled: listed again and again. [`Notice::Live`] tells when a
    /// connection has taken its place.
    Polling,
    /// The next attempt is waited for.
    Waiting {
        /// The length of the wait.
        delay: Duration,
        /// The reason for the wait.
        cause: Cause,
    },
    /// Previews shown so far are void: the server may repeat them, or not.
    PreviewsVoid,
}

/// The reason why a connection was lost or not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The server ended the stream between two frames.
    Ended,
    /// The stream ended within a frame.
    Cut,
    /// Reading failed.
    Broken,
    /// Nothing came for the idle limit.
    Idle,
    /// The server reported an error of the stream.
    Fault,
    /// No connection could be made.
    Unreachable,
    /// The server refused for now.
    Refused {
        /// The HTTP status of the response.
        status: u16,
    },
    /// A page of the list could not be read.
    ListFailed,
    /// The list goes on and on, and brings nothing new.
    ListStuck,
    /// The server doesn't know the cursor. It may be behind what it said itself.
    NotKnown,
    /// The list knows what the stream should have brought and did not: something between holds
    /// the stream back.
    HeldBack,
}

/// A refusal by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// The HTTP status of the response.
    pub status: u16,
    /// The time that the server asks to wait.
    pub retry_after: Option<Duration>,
    /// The meaning of the refusal.
    pub kind: RefusalKind,
}

/// The meaning of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The cursor is not known, or not any more.
    CursorRejected,
    /// There is nothing to stream, and never will be: 204, as the WHATWG standard has it.
    Stop,
    /// Transient: 408, 425, 429, 5xx except 501.
    Transient,
    /// Permanent: other 4xx, a credential that is refused, a response that is no
    /// event stream.
    Fatal,
}

impl Refusal {
    /// Returns the refusal that a status stands for by itself: 204 stops, 408, 425, 429 and 5xx
    /// except 501 are transient, every other one is fatal. Whether a 400 rejects the cursor is for
    /// the caller to tell.
    ///
    /// ```
    /// use std::time::Duration;
    /// use qoder_sse::resume::{Refusal, RefusalKind};
    ///
    /// let busy = Refusal {
    ///     retry_after: Some(Duration::from_secs(2)),
    ///     ..Refusal::of_status(503)
    /// };
    /// assert_eq!(busy.kind, RefusalKind::Transient);
    /// assert_eq!(Refusal::of_status(404).kind, RefusalKind::Fatal);
    /// ```
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        let kind = match status {
            204 => RefusalKind::Stop,
            501 => RefusalKind::Fatal,
            408 | 425 | 429 | 500.. => RefusalKind::Transient,
            _ => RefusalKind::Fatal,
        };
        Self {
            status,
            retry_after: None,
            kind,
        }
    }
}

/// The reason why a [`Resume`] is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The last entry of the log was delivered.
    Final,
    /// The server says that there is nothing more to stream.
    Stopped,
    /// The server refused permanently; the driver has its words.
    Refused {
        /// The HTTP status of the response.
        status: u16,
    },
    /// The server reported a permanent error of the stream; the frame was delivered.
    Fault,
    /// A gap can't be closed: the server doesn't list what comes after the last frame delivered.
    Gap,
    /// A frame was too large to be read.
    Overflow(Overflow),
    /// The server begins the stream before its cursor: what was delivered of it is not what was
    /// asked for.
    CursorIgnored,
    /// There was no progress for too many attempts, or too long.
    GaveUp(Cause),
    /// [`Resume::close`] was called.
    Closed,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the server ended the stream"),
            Self::Cut => f.write_str("the stream ended within an event"),
            Self::Broken => f.write_str("the connection broke"),
            Self::Idle => f.write_str("the connection was silent for too long"),
            Self::Fault => f.write_str("the server reported an error of the stream"),
            Self::Unreachable => f.write_str("the server could not be reached"),
            Self::Refused { status } => write!(f, "the server answered {status}"),
            Self::ListFailed => f.write_str("the list of events could not be read"),
            Self::ListStuck => f.write_str("the list of events goes on without anything new"),
            Self::NotKnown => f.write_str("the server does not know the event to start after"),
            Self::HeldBack => f.write_str("something between holds the stream back"),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { attempt } => write!(f, "connecting (attempt {attempt})"),
            Self::Live => f.write_str("live"),
            Self::Lost(cause) => write!(f, "lost: {cause}"),
            Self::Repairing => f.write_str("repairing from the list"),
            Self::Polling => f.write_str("polling the list"),
            Self::Waiting { delay, cause } => write!(f, "waiting {delay:?}: {cause}"),
            Self::PreviewsVoid => f.write_str("previews are void"),
        }
    }
}
