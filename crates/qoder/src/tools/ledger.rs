//! Ledgers: the memory of tool calls, by which none runs twice.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use qoder_types::EventId;
use serde::{Deserialize, Serialize};

use super::result::ToolResult;

/// Remembers which calls of tools were begun, and what they came to, so that no call runs twice and
/// no result is lost over reconnects and restarts.
///
/// Each call is recorded twice: as begun, before its handler runs, and with its result as it ends,
/// before the result is sent. Another process that finds the result sends it, under the same
/// idempotency key, and doesn't run the handler again. One that finds a call only begun knows that
/// it was cut short: the agent is told so, unless the tool is
/// [repeatable](crate::Toolbox::repeatable).
///
/// So a handler runs twice for one call only if a store forgets a write that it had acknowledged:
/// if the last record is lost, and that was the one of the beginning. If it was the result's, the
/// call counts as cut short.
///
/// The methods are async, since a service keeps this in its database, and waiting for the write
/// must not block other tasks. [`MemoryLedger`] and [`FileLedger`](crate::tools::FileLedger) are
/// there; one of your own needs an id as its key and JSON as the value: [`Record`] is serialisable.
/// Both methods may be called for several calls at the same time. Two processes must not answer the
/// same turn with different ledgers.
pub trait Ledger: Send + Sync {
    /// Returns the newest record of a call. `None` if there is none.
    fn get<'a>(&'a self, call: &'a EventId) -> LedgerFuture<'a, Option<Record>>;

    /// Replaces the record of a call. When it returns, the record must survive a crash.
    fn put<'a>(&'a self, call: &'a EventId, record: Record) -> LedgerFuture<'a, ()>;
}

/// The future that a [`Ledger`] returns.
pub type LedgerFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

/// The reason why a [`Ledger`] can't read or write.
pub type LedgerError = Box<dyn StdError + Send + Sync>;

/// The record of one call in a [`Ledger`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Record {
    /// The handler of the call was begun.
    Begun,
    /// Its handler ended, with this result.
    Ended(ToolResult),
}

/// A [`Ledger`] in memory: calls run once, as long as the process lives.
///
/// ```
/// use qoder::tools::{Ledger, MemoryLedger, Record};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), qoder::tools::LedgerError> {
/// let ledger = MemoryLedger::new();
/// let call = "evt_1".into();
/// ledger.put(&call, Record::Begun).await?;
/// ledger.put(&call, Record::Ended("Sunny.".into())).await?;
/// assert_eq!(ledger.get(&call).await?, Some(Record::Ended("Sunny.".into())));
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<HashMap<EventId, Record>>);

impl MemoryLedger {
    /// Makes an empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Ledger for MemoryLedger {
    fn get<'a>(&'a self, call: &'a EventId) -> LedgerFuture<'a, Option<Record>> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let record = records.get(call).cloned();
        Box::pin(async move { Ok(record) })
    }

    fn put<'a>(&'a self, call: &'a EventId, record: Record) -> LedgerFuture<'a, ()> {
        Box::pin(async move {
            let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            records.insert(call.clone(), record);
            Ok(())
        })
    }
}

/// The store that calls are remembered in.
#[derive(Clone)]
pub(super) enum Store<'l> {
    Shared(Arc<dyn Ledger>),
    Given(&'l dyn Ledger),
}

impl Default for Store<'_> {
    fn default() -> Self {
        Self::Shared(Arc::new(MemoryLedger::new()))
    }
}

impl Store<'_> {
    pub(super) fn ledger(&self) -> &dyn Ledger {
        match self {
            Self::Shared(ledger) => ledger.as_ref(),
            Self::Given(ledger) => *ledger,
        }
    }
}
