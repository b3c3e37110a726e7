//! Calls through the client: what is sent, what is read, and what goes wrong, against the simulator
//! or what stands in its place.

#[path = "../common/mod.rs"]
mod common;

mod api_errors;
mod bad_input;
mod derived;
mod endless;
mod filters;
mod http2;
mod lists;
mod middleware;
mod odd_servers;
mod python_names;
mod raw_calls;
mod resources;
mod retryable;
mod tolerance;
