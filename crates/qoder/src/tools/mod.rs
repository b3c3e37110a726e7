//! The requests of an agent to this program: each is a [`ToolUse`] and gets an [`Answer`], by hand
//! or automatically. A [`Toolbox`] runs the custom tools, whose results are [`ToolResult`]s,
//! [`Approvals`] decide which of the platform's tools may run, and a [`Ledger`] remembers what was
//! done, so that nothing runs twice.

mod answer;
mod answers;
mod approvals;
mod driver;
mod file_ledger;
mod fit;
mod jobs;
mod ledger;
mod machine;
mod opening;
mod result;
#[cfg(feature = "schemars")]
mod schema;
mod seen;
mod tool_use;
mod toolbox;

pub use answer::Answer;
pub use approvals::{Approvals, Decision};
pub use driver::ToolTurn;
pub use file_ledger::FileLedger;
pub use ledger::{Ledger, LedgerError, LedgerFuture, MemoryLedger, Record};
pub use opening::{ToolProgress, ToolTurnOpening};
pub use result::ToolResult;
pub(crate) use seen::Seen;
pub use tool_use::{ToolKind, ToolUse};
pub use toolbox::{Toolbox, UnknownTools};
