//! Scripted agents. No model runs: an agent does what its script says, at a pace that can be seen.

mod choice;
mod plays;
mod stage;
pub(crate) mod turn;
