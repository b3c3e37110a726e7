//! [authentication]: crate::guide::authentication
//! [errors]: crate::guide::errors
//! [following]: crate::guide::following
//! [from-curl]: crate::guide::from_curl
//! [production]: crate::production
//!
#![doc = include_str!("../docs/guide/README.md")]

// The names that the pages link to.
#[cfg(doc)]
use crate::{
    Call, CallOptions, Client, ClientBuilder, Conversation, Credentials, Download, Error,
    ErrorKind, EventStream, Events, Follow, Gateway, Notice, RetryBudget, RetryPolicy, Secret,
    Sent, ServiceAccount, SkillFiles, Start, Timeouts, Tls, Transport, Updates, Upload, Via,
    observe::Observe, transport,
};

/// Makes a module of each page. The first definition of a link holds: in rustdoc those that are
/// given here, on a page that is read as a file those at its end.
macro_rules! pages {
    ($($name:ident = $file:literal;)*) => { $(
        #[doc = "[authentication]: crate::guide::authentication"]
        #[doc = "[errors]: crate::guide::errors"]
        #[doc = "[following]: crate::guide::following"]
        #[doc = "[from-curl]: crate::guide::from_curl"]
        #[doc = "[production]: crate::production"]
        #[doc = ""]
        #[doc = include_str!(concat!("../docs/guide/", $file))]
        pub mod $name {}
    )* };
}

pages! {
    from_curl = "from-curl.md";
    authentication = "authentication.md";
    following = "following.md";
    errors = "errors.md";
}
