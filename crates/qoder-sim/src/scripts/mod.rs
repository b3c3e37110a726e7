//! Scripted agents. No model runs: an agent does what its script says, at a pace that can be seen.

mod ask;
mod choice;
mod failure;
mod file;
mod plays;
pub(crate) mod run;
mod script;
mod stage;
mod steps;
mod text;
mod tool;
mod turn;

pub use failure::Failure;
pub use file::ScriptsError;
pub(crate) use file::read;
pub(crate) use script::{Script, Scripts};
pub(crate) use text::text_of;
pub use tool::{Answer, ToolOutput, ToolUse};
pub use turn::Turn;
