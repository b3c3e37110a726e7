//! What goes on for as long as it is let: followed sessions and threads, and workers.

#[path = "../common/mod.rs"]
mod common;

mod flood;
mod follow;
mod half_open;
mod threads;
mod worker;
