//! What is too much for a test file: the simulation of faults, which is a test and a program, and
//! a server of raw bytes in memory.

#![forbid(unsafe_code)]

pub mod faults;
pub mod gzip;
pub mod tools;
pub mod wire;

/// The page about testing, whose blocks are tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/testing.md")]
pub struct Testing;
