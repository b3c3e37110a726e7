//! The shapes of the API: what is read and written, and what is kept of what is not known.

mod contract;
mod credentials;
mod deployments;
mod fixtures;
mod pages;
