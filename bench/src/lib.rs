//! Shared parts of the benchmarks. `cargo xtask bench` runs them.

pub mod contenders;
pub mod corpus;
pub mod digest;
pub mod floors;
pub mod measure;
pub mod typed;
pub mod wire;

pub use corpus::Corpus;
pub use digest::Digest;
