//! Scripted agents. No model runs: an agent does what its script says, at a pace that can be seen.

mod ask;
mod choice;
mod failure;
#[cfg(feature = "scripts")]
mod file;
mod plays;
pub(crate) mod run;
mod script;
mod stage;
#[cfg(feature = "scripts")]
mod steps;
mod text;
mod tool;
mod turn;

pub use failure::Failure;
#[cfg(feature = "scripts")]
pub use file::ScriptsError;
#[cfg(feature = "scripts")]
pub(crate) use file::read;
pub(crate) use script::{Script, Scripts};
pub(crate) use text::text_of;
pub use tool::{Answer, ToolOutput, ToolUse};
pub use turn::Turn;
