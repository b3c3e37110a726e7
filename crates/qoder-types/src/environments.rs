//! Environments: the containers that sessions run in.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{EnvironmentId, Extra, Patch, Timestamp};

/// An environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct Environment {
    /// Its id.
    pub id: EnvironmentId,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<EnvironmentConfig>,
    /// Its metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Extra>,
    /// Its state, in early generations: `ready` or `archived`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// When it was archived; not set while it is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How an environment is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct EnvironmentConfig {
    /// Where it runs.
    #[serde(rename = "type")]
    pub kind: EnvironmentKind,
    /// What it can reach; with nothing set, little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networking: Option<Networking>,
    /// What is installed: lists under `apt`, `cargo`, `gem`, `go`, `npm` and `pip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Value>,
    /// A bash script that runs after the packages are installed; a session fails with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup_script: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl EnvironmentConfig {
    /// A container in the vendor's cloud.
    pub fn cloud() -> Self {
        Self {
            kind: EnvironmentKind::Cloud,
            networking: None,
            packages: None,
            setup_script: None,
            extra: Extra::new(),
        }
    }

    /// A worker of one's own.
    pub fn self_hosted() -> Self {
        Self {
            kind: EnvironmentKind::SelfHosted,
            ..Self::cloud()
        }
    }

    setters! {
        /// Sets what it can reach.
        networking: Networking,
        /// Sets what is installed.
        packages: Value,
        /// Sets the script that runs at the start.
        setup_script: String,
    }
}

open_enum! {
    /// Where an environment runs.
    EnvironmentKind {
        /// In the vendor's cloud.
        Cloud = "cloud",
        /// On a worker of one's own.
        SelfHosted = "self_hosted",
    }
}

/// What an environment can reach: an object, or a plain word in the first generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Networking {
    /// Today's form.
    Object(NetworkingObject),
    /// The first generation's, such as `unrestricted`.
    Word(String),
    /// Any other form.
    Other(Value),
}

impl Networking {
    /// Everything.
    pub fn unrestricted() -> Self {
        Self::Object(NetworkingObject::new("unrestricted"))
    }

    /// These hosts only.
    pub fn limited<S: Into<String>>(hosts: impl IntoIterator<Item = S>) -> Self {
        let mut object = NetworkingObject::new("limited");
        object.allowed_hosts = Some(hosts.into_iter().map(Into::into).collect());
        Self::Object(object)
    }
}

/// What an environment can reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct NetworkingObject {
    /// `unrestricted` or `limited`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The hosts, if it is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_hosts: Option<Vec<String>>,
    /// Whether the registries of package managers count as allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_package_managers: Option<bool>,
    /// Whether the agent's MCP servers count as allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_mcp_servers: Option<bool>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl NetworkingObject {
    /// Networking of this kind.
    pub fn new(kind: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            allowed_hosts: None,
            allow_package_managers: None,
            allow_mcp_servers: None,
            extra: Extra::new(),
        }
    }
}

/// The body that creates an environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EnvironmentCreate {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How it is made; the default container of the cloud if it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<EnvironmentConfig>,
    /// Its metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Extra>,
    /// Fields that this type doesn't have.
    #[serde(flatten)]
    pub extra: Extra,
}

impl EnvironmentCreate {
    /// An environment with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: None,
            config: None,
            metadata: None,
            extra: Extra::new(),
        }
    }

    setters! {
        /// Sets what it is for.
        description: String,
        /// Sets how it is made.
        config: EnvironmentConfig,
        /// Sets the metadata.
        metadata: Extra,
    }
}

/// The body that changes an environment: what is left out is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EnvironmentUpdate {
    /// Its name.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub name: Patch<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub description: Patch<String>,
    /// How it is made, replaced whole.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub config: Patch<EnvironmentConfig>,
    /// Entries of its metadata: `null` deletes one.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub metadata: Patch<Extra>,
    /// Fields that this type doesn't have.
    #[serde(flatten)]
    pub extra: Extra,
}

impl EnvironmentUpdate {
    /// A change that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    patches! {
        /// Changes the name.
        name: String,
        /// Changes or clears what it is for.
        description: String,
        /// Replaces how it is made.
        config: EnvironmentConfig,
        /// Changes entries of the metadata.
        metadata: Extra,
    }
}

impl From<&Environment> for EnvironmentId {
    fn from(environment: &Environment) -> Self {
        environment.id.clone()
    }
}

lossless!(Environment, EnvironmentConfig, NetworkingObject);
