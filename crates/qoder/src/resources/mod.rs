//! The resources of the API, one file each, named and nested as in the API's own documentation.

mod agents;
mod environments;
mod files;
mod models;
mod sessions;

pub use agents::{AgentVersions, Agents};
pub use environments::Environments;
pub use files::Files;
pub use models::Models;
pub use sessions::{SessionEvents, SessionThreads, Sessions, ThreadEvents};

/// A handle on a resource: a client, and the calls of the resource as methods.
macro_rules! resource {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            shared: crate::shared::Shared,
        }

        impl $name {
            pub(crate) fn new(shared: crate::shared::Shared) -> Self {
                Self { shared }
            }

            /// The call of `request` by this handle's client.
            #[allow(dead_code, reason = "some resources only have lists")]
            fn call<T>(&self, request: qoder_types::Request<T>) -> crate::call::Call<T> {
                crate::call::Call::new(self.shared.clone(), request)
            }

            /// The list that `request` begins.
            #[allow(dead_code, reason = "some resources have no list")]
            fn pages<T>(&self, request: qoder_types::Request<qoder_types::Page<T>>) -> crate::list::List<T> {
                crate::list::List::new(self.shared.clone(), request)
            }
        }
    };
}
use resource;
