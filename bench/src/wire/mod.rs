//! The whole way over a socket: the SDK beside what a user would build from reqwest, an SSE crate
//! and serde, both against a server in another process.

pub mod child;
pub mod contenders;
pub mod server;
pub mod sim;
pub mod theirs;

pub use child::Child;
pub use contenders::{CALLS, Contender, STREAMS, Setup, Shape, Tally};
