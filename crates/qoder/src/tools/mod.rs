//! What an agent asks of this program, answered for it: a [`Toolbox`] runs the custom tools,
//! [`Approvals`] decide which of the platform's tools may run, and a [`Ledger`] remembers what was
//! done, so that nothing runs twice.

mod answers;
mod approvals;
mod call;
mod driver;
mod file_ledger;
mod ledger;
mod look;
mod machine;
mod opening;
mod result;
mod toolbox;

pub use approvals::{Approvals, Decision};
pub use call::{ToolKind, ToolUse};
pub use driver::ToolTurn;
pub use file_ledger::FileLedger;
pub use ledger::{Ledger, LedgerError, LedgerFuture, MemoryLedger, Record};
pub use opening::{ToolProgress, ToolTurnOpening};
pub use result::ToolResult;
pub use toolbox::{Toolbox, UnknownTools};
