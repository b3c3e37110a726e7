//! The resume machine against servers in memory, under virtual time.

mod cursors;
mod ends;
mod lists;
mod log;
mod looks;
mod polling;
mod progress;
mod rules;
mod run;
mod small_cases;
