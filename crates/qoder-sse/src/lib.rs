#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

#[cfg(any(feature = "std", feature = "stream"))]
mod adapters;
mod frame;
mod parser;
pub mod resume;

#[cfg(any(feature = "std", feature = "stream"))]
pub use adapters::FrameError;
#[cfg(feature = "std")]
pub use adapters::FrameReader;
#[cfg(feature = "stream")]
pub use adapters::FrameStream;
pub use frame::{Frame, Item, Limit, Overflow, OwnedFrame, Step, Tail};
pub use parser::{Items, Limits, Parser};
pub use resume::{Class, Classify, Resume};
