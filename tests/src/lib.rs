//! What is too much for a test file: the simulation of faults, which is a test and a program.

#![forbid(unsafe_code)]

pub mod faults;
