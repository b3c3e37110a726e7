//! The resources of the API, one file each, named and nested as in the API's own documentation.
//!
//! Each has a handle, from [`Client`](crate::Client), whose methods are the calls, and a type for
//! each of its lists, whose methods are the filters of that list.

mod macros;

mod agents;
mod deployments;
mod dreams;
mod environments;
mod files;
mod memory_stores;
mod models;
mod sessions;
mod skills;
#[cfg(test)]
mod tests;
mod vaults;

pub use agents::{AgentList, AgentVersionList, AgentVersions, Agents};
pub use deployments::{
    DeploymentList, DeploymentRunList, DeploymentRuns, DeploymentScopedRunList,
    DeploymentScopedRuns, Deployments,
};
pub use dreams::{DreamList, Dreams};
pub use environments::{EnvironmentList, EnvironmentWork, EnvironmentWorkList, Environments};
pub use files::{FileList, Files};
pub use memory_stores::{
    Memories, MemoryList, MemoryStoreList, MemoryStores, MemoryVersionList, MemoryVersions,
};
pub use models::{ModelList, Models};
pub use sessions::{
    SessionEventList, SessionEvents, SessionList, SessionResourceList, SessionResources,
    SessionThreadList, SessionThreads, Sessions, ThreadEventList, ThreadEvents,
};
pub use skills::{SkillList, SkillVersionList, SkillVersions, Skills};
pub use vaults::{VaultCredentialList, VaultCredentials, VaultList, Vaults};
