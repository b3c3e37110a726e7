//! The work of self-hosted environments.

use serde_json::Value;

use crate::{EnvironmentId, Extra, Secret, Timestamp};

object! {
    /// A piece of work for a self-hosted environment.
    Work {
        /// The id of the piece of work.
        id!: String,
        /// The environment.
        environment_id: EnvironmentId,
        /// What is to be done: `{"type":"session","id":…}`.
        data: Value,
        /// How far it is: `queued`, `starting`, `active`, `stopping` or `stopped`.
        state: String,
        /// The caller's own data: texts by key.
        metadata: Extra,
        /// What the worker proves itself with. `None` if it needs nothing.
        secret?: Secret,
        /// When the work was queued.
        created_at: Timestamp,
    }
}
