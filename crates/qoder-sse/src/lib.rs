#![no_std]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod frame;
mod parser;
pub mod resume;

pub use frame::{Frame, Item, Limit, Overflow, OwnedFrame, Step, Tail};
pub use parser::{Items, Limits, Parser};
pub use resume::{Class, Classify, Resume};
