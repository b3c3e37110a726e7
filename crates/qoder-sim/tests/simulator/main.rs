//! The simulator as its users meet it: over sockets, and as a program.

mod agents;
mod calls;
mod checks;
mod common;
mod deployments;
mod dreams;
mod faults;
mod files;
mod memory_stores;
mod pages;
#[cfg(feature = "program")]
mod program;
#[cfg(feature = "scripts")]
mod script_files;
mod scripts;
mod session_events;
mod session_resources;
mod sessions;
mod skills;
mod streams;
mod vaults;
mod work;
