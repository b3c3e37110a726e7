//! A turn whose tools are run and whose approvals are given, before it begins.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use qoder_types::EventId;

use super::approvals::Approvals;
use super::driver::ToolTurn;
use super::ledger::{Ledger, Store};
use super::toolbox::{Toolbox, UnknownTools};
use crate::error::Result;
use crate::turn::{Reply, TurnOpening};

/// A message about to be sent, and the turn that it starts, in which a [`Toolbox`] and
/// [`Approvals`] answer what the agent asks for. Made by [`TurnOpening::tools`] and
/// [`TurnOpening::approve`]; awaited, it sends the message and returns the [`ToolTurn`].
///
/// ```
/// # async fn f(client: qoder::Client, toolbox: qoder::Toolbox) -> qoder::Result<()> {
/// use qoder::{Approvals, tools::FileLedger};
///
/// # let ledger = qoder::tools::MemoryLedger::new();
/// let reply = client
///     .session("sess_1")
///     .turn("Book the trip")
///     .tools(&toolbox)
///     .approve(Approvals::allow(["Read", "Grep"]))
///     .ledger(&ledger)
///     .reply()
///     .await?;
/// println!("{}", reply.text());
/// # Ok(()) }
/// ```
#[must_use = "a turn does nothing until it is awaited"]
pub struct ToolTurnOpening<'l> {
    turn: TurnOpening,
    answering: Answering<'l>,
}

/// The options of answering a turn.
pub(super) struct Answering<'l> {
    pub(super) toolbox: Toolbox,
    pub(super) approvals: Approvals,
    pub(super) ledger: Store<'l>,
    pub(super) progress: Option<Box<dyn FnMut(ToolProgress) + Send + 'l>>,
}

/// The progress of a tool use, as [`ToolTurnOpening::progress`] is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolProgress {
    /// The handler of the tool use starts.
    Started(EventId),
    /// The server accepted its answer: a result, or a decision.
    Answered(EventId),
}

impl TurnOpening {
    /// Lets a toolbox run the custom tools that the agent asks for in the turn.
    pub fn tools<'l>(self, toolbox: &Toolbox) -> ToolTurnOpening<'l> {
        ToolTurnOpening {
            turn: self,
            answering: Answering {
                toolbox: toolbox.clone(),
                approvals: Approvals::ask(),
                ledger: Store::default(),
                progress: None,
            },
        }
    }

    /// Lets a policy answer the approvals that the agent asks for in the turn. Custom tools are left
    /// for others, unless a toolbox is given too.
    pub fn approve<'l>(self, approvals: Approvals) -> ToolTurnOpening<'l> {
        let none = Toolbox::new().unknown(UnknownTools::LeaveToOthers);
        self.tools(&none).approve(approvals)
    }
}

impl<'l> ToolTurnOpening<'l> {
    /// Lets a toolbox run the custom tools that the agent asks for.
    pub fn tools(mut self, toolbox: &Toolbox) -> Self {
        self.answering.toolbox = toolbox.clone();
        self
    }

    /// Sets who answers the approvals that the agent asks for. Default: the caller.
    pub fn approve(mut self, approvals: Approvals) -> Self {
        self.answering.approvals = approvals;
        self
    }

    /// Asks for text while it is written, for [`ToolTurn::next_update`]; see
    /// [`TurnOpening::previews`].
    pub fn previews(self) -> Self {
        self.opening(TurnOpening::previews)
    }

    /// Sets the idempotency key of the message; see [`TurnOpening::idempotency_key`].
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        self.opening(|turn| turn.idempotency_key(key))
    }

    /// Sets the limit of the whole turn; see [`TurnOpening::deadline`].
    pub fn deadline(self, deadline: Duration) -> Self {
        self.opening(|turn| turn.deadline(deadline))
    }

    fn opening(mut self, change: impl FnOnce(TurnOpening) -> TurnOpening) -> Self {
        self.turn = change(self.turn);
        self
    }

    /// Sets where calls are remembered. Default: in memory, for this turn alone, so that a turn that
    /// is resumed elsewhere runs again what this one had run and not answered.
    pub fn ledger(mut self, ledger: &'l dyn Ledger) -> Self {
        self.answering.ledger = Store::Given(ledger);
        self
    }

    /// Sets where calls are remembered, as [`ledger`](Self::ledger) does. The turn shares it and
    /// borrows nothing, so that it can be moved to a task, or into the response of a service.
    pub fn shared_ledger(mut self, ledger: Arc<dyn Ledger>) -> Self {
        self.answering.ledger = Store::Shared(ledger);
        self
    }

    /// Sets a closure that is told what happens to each tool use. It is called on the task that
    /// reads the turn.
    pub fn progress(mut self, progress: impl FnMut(ToolProgress) + Send + 'l) -> Self {
        self.answering.progress = Some(Box::new(progress));
        self
    }

    /// Sends the message, reads the turn to its end, answering what the agent asks for, and returns
    /// what it came to.
    ///
    /// # Errors
    ///
    /// Those of [`ToolTurn::reply`].
    pub async fn reply(self) -> Result<Reply> {
        self.await?.reply().await
    }

    async fn open(self) -> Result<ToolTurn<'l>> {
        // Whoever goes on with a turn, or sends its message again, may meet what is past.
        let stale = self.turn.may_be_under_way();
        let turn = self.turn.await?;
        Ok(ToolTurn::new(turn, stale, self.answering))
    }
}

impl<'l> IntoFuture for ToolTurnOpening<'l> {
    type Output = Result<ToolTurn<'l>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'l>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

impl fmt::Debug for ToolTurnOpening<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolTurnOpening")
            .field("turn", &self.turn)
            .field("toolbox", &self.answering.toolbox)
            .field("approvals", &self.answering.approvals)
            .finish_non_exhaustive()
    }
}
