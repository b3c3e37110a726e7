//! Ids: opaque texts, each with a type of its own so that they are not mixed up.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),* $(,)?) => {$(
        $(#[$meta])*
        ///
        /// Any text is accepted, since the server's forms have changed and will. It is checked
        /// where it enters a path: an empty id, `.` and `..` are refused there, and everything
        /// else is percent-encoded.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl Serialize for $name {
            #[inline]
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            #[inline]
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Box::deserialize(from).map(Self)
            }
        }

        impl $name {
            /// Makes an id of this text.
            pub fn new(id: impl Into<Box<str>>) -> Self {
                Self(id.into())
            }

            /// Returns the text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id.into())
            }
        }

        impl From<&String> for $name {
            fn from(id: &String) -> Self {
                Self(id.as_str().into())
            }
        }

        impl From<&$name> for $name {
            fn from(id: &$name) -> Self {
                id.clone()
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                *self.0 == **other
            }
        }

        crate::wire::text_on_the_wire!($name, as_str);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

ids! {
    /// The id of an agent, such as `agent_…`.
    AgentId,
    /// The id of an environment, such as `env_…`.
    EnvironmentId,
    /// The id of a session, such as `sess_…`.
    SessionId,
    /// The id of an event, such as `evt_…`. Ids don't sort in the order of their events.
    EventId,
    /// The id of a thread of a session, such as `sthr_…`.
    ThreadId,
    /// The id of something that a session was given, such as `sesr_…`.
    ResourceId,
    /// The id of a file, such as `file_…`.
    FileId,
    /// The id of a skill, such as `skill_…`.
    SkillId,
    /// The id of a version of a skill, such as `skillver_…`. Operations take its
    /// [number](SkillVersionNumber).
    SkillVersionId,
    /// The number of a version of a skill, which is a text, such as `1`.
    SkillVersionNumber,
    /// The id of a vault, such as `vault_…`.
    VaultId,
    /// The id of a credential in a vault, such as `vcred_…`.
    CredentialId,
    /// The id of a memory store, such as `memstore_…`.
    MemoryStoreId,
    /// The id of a memory, such as `mem_…`.
    MemoryId,
    /// The id of a version of a memory, such as `memver_…`.
    MemoryVersionId,
    /// The id of a service account.
    ServiceAccountId,
    /// The id of a deployment, such as `dep_…`.
    DeploymentId,
    /// The id of a run of a deployment, such as `drun_…`.
    DeploymentRunId,
    /// The id of a piece of work, such as `work_…`.
    WorkId,
    /// The id of a dream, such as `drm_…`.
    DreamId,
    /// The id of an outcome, such as `outc_…`.
    OutcomeId,
}
