//! Objects of resources that have no operations here yet: their ids and states, and all the rest
//! as it came.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Extra, Timestamp};

macro_rules! objects {
    ($($(#[$meta:meta])* $name:ident { $($(#[$fmeta:meta])* $field:ident: $ty:ty),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(remote = "Self")]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[$fmeta])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$ty>,
            )*
            /// Everything else.
            #[serde(flatten)]
            pub extra: Extra,
        }

        lossless!($name);
    )*};
}

objects! {
    /// The answer to a deletion; any of it may be missing.
    Deleted {
        /// What was deleted.
        id: String,
    }

    /// An agent that runs on a schedule or on request.
    Deployment {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// `active` or `paused`.
        status: String,
        /// When it runs.
        schedule: Value,
    }

    /// A run of a deployment.
    DeploymentRun {
        /// Its id.
        id: String,
        /// Its deployment.
        deployment_id: String,
        /// Its session, if it came to one.
        session_id: String,
        /// Why it didn't.
        error: Value,
    }

    /// A credential in a vault; its secret is never sent back.
    Credential {
        /// Its id.
        id: String,
        /// Its vault.
        vault_id: String,
        /// What it authorises, without the secret.
        auth: Value,
    }

    /// A piece of work for a self-hosted environment.
    Work {
        /// Its id.
        id: String,
        /// Its environment.
        environment_id: String,
        /// What is to be done.
        data: Value,
        /// How far it is.
        state: String,
    }

    /// What a webhook delivers.
    WebhookEvent {
        /// Its id, the same for every delivery.
        id: String,
        /// When it happened.
        created_at: Timestamp,
        /// What happened.
        data: Value,
    }
}

/// A short-lived token of a service account. It is a secret, so it is not shown.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct ServiceToken {
    /// The token.
    pub access_token: String,
    /// Its kind: `Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// How long it holds, in seconds; a number, or a number as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<Value>,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl fmt::Debug for ServiceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceToken")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

lossless!(ServiceToken);
