//! The operations, each as a function from its parameters to a [`Request`](crate::Request).
//!
//! They are named and nested as in the API's documentation. What a call may have in its query is in
//! [`Op::query`](crate::Op::query), and is set by
//! [`Request::set_query`](crate::Request::set_query).

#[cfg(test)]
mod contract;
mod row;

pub mod agents;
pub mod deployment_runs;
pub mod deployments;
pub mod dreams;
pub mod environments;
pub mod files;
pub mod memory_stores;
pub mod models;
pub mod sessions;
pub mod skills;
pub mod vaults;

use crate::Op;

/// Makes the functions and the list of all rows from the modules that have them.
macro_rules! resources {
    ($($($module:ident)::+),* $(,)?) => {
        static RESOURCES: &[&[&Op]] = &[$($($module)::+::ROWS),*];

        #[cfg(test)]
        static CASES: &[&[contract::Case]] = &[$($($module)::+::CASES),*];
    };
}

resources! {
    agents,
    agents::versions,
    deployment_runs,
    deployments,
    deployments::runs,
    dreams,
    environments,
    environments::work,
    files,
    memory_stores,
    memory_stores::memories,
    memory_stores::memory_versions,
    models,
    sessions,
    sessions::events,
    sessions::resources,
    sessions::threads,
    sessions::threads::events,
    skills,
    skills::versions,
    vaults,
    vaults::credentials,
}

/// Returns all operations that have a function here.
///
/// ```
/// assert!(qoder_types::ops::all().any(|op| op.name == "sessions.events.send"));
/// ```
pub fn all() -> impl Iterator<Item = &'static Op> {
    RESOURCES.iter().flat_map(|rows| rows.iter().copied())
}
