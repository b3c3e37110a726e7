//! [authentication]: crate::guide::authentication
//! [blocking]: crate::guide::blocking
//! [deployments]: crate::guide::deployments
//! [errors]: crate::guide::errors
//! [files]: crate::guide::files
//! [following]: crate::guide::following
//! [from-curl]: crate::guide::from_curl
//! [from-python]: crate::guide::from_python
//! [network]: crate::guide::network
//! [observability]: crate::guide::observability
//! [production]: crate::production
//! [testing]: crate::guide::testing
//! [tools]: crate::guide::tools
//! [turns]: crate::guide::turns
//! [upgrading]: crate::guide::upgrading
//! [workers]: crate::guide::workers
//!
#![doc = include_str!("../docs/guide/README.md")]

// The names that the pages link to.
#[cfg(doc)]
use crate::{
    Approvals, Call, CallOptions, Client, ClientBuilder, Conversation, Error, ErrorKind, Events,
    Follow, Gateway, Notice, RetryBudget, RetryPolicy, Sent, ServiceAccount, Start, Timeouts, Tls,
    Toolbox, Transport, Turn, Via,
    auth::{Credentials, Secret},
    files::{Download, SkillFiles, Upload},
    follow::{EventStream, Updates},
    observe::Observe,
    tools::Ledger,
    tools::{ToolTurn, ToolTurnOpening},
    transport,
    turn::TurnOpening,
};
#[cfg(all(doc, feature = "worker"))]
use crate::{
    Worker,
    worker::{Job, WorkerNotice},
};

/// Makes a module of each page. The first definition of a link holds: in rustdoc those that are
/// given here, on a page that is read as a file those at its end.
macro_rules! pages {
    ($($name:ident = $file:literal $(with $links:literal)?;)*) => { $(
        #[doc = "[authentication]: crate::guide::authentication"]
        #[doc = "[blocking]: crate::guide::blocking"]
        #[doc = "[deployments]: crate::guide::deployments"]
        #[doc = "[errors]: crate::guide::errors"]
        #[doc = "[files]: crate::guide::files"]
        #[doc = "[following]: crate::guide::following"]
        #[doc = "[from-curl]: crate::guide::from_curl"]
        #[doc = "[from-python]: crate::guide::from_python"]
        #[doc = "[network]: crate::guide::network"]
        #[doc = "[observability]: crate::guide::observability"]
        #[doc = "[production]: crate::production"]
        #[doc = "[testing]: crate::guide::testing"]
        #[doc = "[tools]: crate::guide::tools"]
        #[doc = "[turns]: crate::guide::turns"]
        #[doc = "[upgrading]: crate::guide::upgrading"]
        #[doc = "[workers]: crate::guide::workers"]
        $(#[doc = include_str!(concat!("../docs/guide/", $links))])?
        #[doc = ""]
        #[doc = include_str!(concat!("../docs/guide/", $file))]
        pub mod $name {}
    )* };
}

pages! {
    from_curl = "from-curl.md";
    authentication = "authentication.md";
    following = "following.md";
    turns = "turns.md";
    tools = "tools.md";
    errors = "errors.md";
    from_python = "from-python.md" with "from-python-links.md";
    files = "files.md";
    deployments = "deployments.md";
    workers = "workers.md";
    network = "network.md";
    observability = "observability.md";
    testing = "testing.md";
    blocking = "blocking.md";
    upgrading = "upgrading.md";
}
