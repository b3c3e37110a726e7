//! Environments: the containers that sessions run in.

use crate::wire::Wire;
use crate::{EnvironmentId, Extra, Timestamp};

object! {
    /// An environment: how the containers of sessions are made, and what they can reach.
    Environment {
        /// The environment's id.
        id!: EnvironmentId,
        /// The name.
        name: String,
        /// A description of the environment's purpose. Empty if none was given.
        description: String,
        /// The configuration of the containers.
        config: EnvironmentConfig,
        /// The caller's own data: texts by key.
        metadata: Extra,
        /// The scope in which the environment can be used. `None` if the server doesn't say.
        scope?: EnvironmentScope,
        /// `ready` or `archived`. Only in early generations.
        status?: String,
        /// When the environment was archived. `None` while it is live.
        archived_at?: Timestamp,
        /// When the environment was created.
        created_at: Timestamp,
        /// When the environment was last changed.
        updated_at: Timestamp,
    }
}

body! {
    /// The configuration of an environment's containers.
    EnvironmentConfig {
        /// The place where the containers run.
        kind: EnvironmentKind = "type",
        ;
        /// The hosts that they can reach. Left out, little: `limited` to no host.
        networking: Networking,
        /// The packages that are installed beside those of the image. Nothing if left out.
        packages: Packages,
        /// A bash script that runs after the packages are installed. A session fails to start if
        /// it fails.
        setup_script: String,
    }
}

impl EnvironmentConfig {
    /// Makes containers in the vendor's cloud.
    pub fn cloud() -> Self {
        Self::new(EnvironmentKind::Cloud)
    }

    /// Leaves the work to a worker of the caller's. It takes no networking and no
    /// packages, and its sessions no resources and no environment variables.
    pub fn self_hosted() -> Self {
        Self::new(EnvironmentKind::SelfHosted)
    }
}

open_enum! {
    /// The scope in which an environment can be used.
    EnvironmentScope {
        /// Everyone in the organization.
        Organization = "organization",
        /// The account that made it.
        Account = "account",
    }
}

open_enum! {
    /// The place where an environment runs.
    EnvironmentKind {
        /// In the vendor's cloud.
        Cloud = "cloud",
        /// On a worker of the caller's.
        SelfHosted = "self_hosted",
    }
}

object! {
    /// The hosts that an environment can reach.
    Networking or kind {
        /// The kind of restriction.
        kind: NetworkingKind = "type",
        /// The hosts that can be reached if it is limited.
        allowed_hosts?: Vec<String>,
        /// Whether the registries of package managers can be reached if it is limited.
        allow_package_managers?: bool,
        /// Whether the agent's MCP servers can be reached if it is limited.
        allow_mcp_servers?: bool,
    }
}

open_enum! {
    /// The kinds of restriction of an environment's network.
    NetworkingKind {
        /// Not at all.
        Unrestricted = "unrestricted",
        /// To hosts that are named.
        Limited = "limited",
    }
}

impl Networking {
    /// Lets everything be reached.
    pub fn unrestricted() -> Self {
        Self {
            kind: NetworkingKind::Unrestricted,
            ..Self::empty()
        }
    }

    /// Lets these hosts be reached, and no other.
    pub fn limited<S: Into<String>>(hosts: impl IntoIterator<Item = S>) -> Self {
        Self {
            kind: NetworkingKind::Limited,
            allowed_hosts: Some(hosts.into_iter().map(Into::into).collect()),
            ..Self::empty()
        }
    }
}

body! {
    /// The packages that are installed in an environment: for each package manager, names that it
    /// knows, which may have a version as it writes them.
    Packages {
        ;
        /// Packages of Debian's `apt`.
        apt: Vec<String>,
        /// Programs of Rust's `cargo`.
        cargo: Vec<String>,
        /// Packages of Ruby's `gem`.
        gem: Vec<String>,
        /// Programs of `go install`.
        go: Vec<String>,
        /// Packages of Node's `npm`.
        npm: Vec<String>,
        /// Packages of Python's `pip`.
        pip: Vec<String>,
    }
}

body! {
    /// Creates an environment.
    ///
    /// ```
    /// use qoder_types::{EnvironmentConfig, EnvironmentCreate, Networking, Packages};
    ///
    /// let config = EnvironmentConfig::cloud()
    ///     .networking(Networking::limited(["api.example.com"]))
    ///     .packages(Packages::new().pip(["pandas==2.2.3".to_owned()]));
    /// let environment = EnvironmentCreate::new("reports").config(config).metadata("team", "data");
    /// assert_eq!(
    ///     serde_json::to_value(&environment).unwrap()["config"]["networking"],
    ///     serde_json::json!({"type": "limited", "allowed_hosts": ["api.example.com"]}),
    /// );
    /// ```
    EnvironmentCreate {
        /// The name.
        name: String,
        ;
        /// A description of the environment's purpose. Empty if left out.
        description: String,
        /// The configuration of the containers. If left out, they run in the vendor's cloud, with a
        /// limited network.
        config: EnvironmentConfig,
        /// The scope in which the environment can be used.
        scope: EnvironmentScope,
        /// The caller's own data: at most 16 entries, of keys with up to 64 and values with up to
        /// 512 characters.
        metadata{}: String,
    }
}

body! {
    /// Changes an environment. What is left out stays as it is.
    ///
    /// ```
    /// use qoder_types::{EnvironmentUpdate, Patch};
    ///
    /// let update = EnvironmentUpdate::new()
    ///     .description("Runs the nightly reports.")
    ///     .metadata("team", Patch::Clear); // the other entries stay
    /// assert_eq!(
    ///     serde_json::to_value(&update).unwrap(),
    ///     serde_json::json!({"description": "Runs the nightly reports.", "metadata": {"team": null}}),
    /// );
    /// ```
    EnvironmentUpdate {
        ;
        /// The new name.
        name: String,
        /// A description of the environment's purpose.
        description: String | null,
        /// The configuration of the containers. Replaces the one there was.
        config: EnvironmentConfig,
        /// The scope in which the environment can be used.
        scope: EnvironmentScope,
        /// Changes to single entries of the metadata; the others stay.
        metadata{}: String | null,
    }
}

impl From<&Environment> for EnvironmentId {
    fn from(environment: &Environment) -> Self {
        environment.id.clone()
    }
}
