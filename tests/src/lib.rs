//! Parts too large for a test file: the simulation of faults, which is a test and a program, a
//! server of raw bytes in memory, and documents that tests print.

#![forbid(unsafe_code)]

pub mod documents;
pub mod faults;
pub mod gzip;
pub mod tools;
pub mod wire;

/// The page about testing, whose blocks are tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/testing.md")]
pub struct Testing;

/// The first page, whose block is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
