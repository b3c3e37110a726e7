//! The state that every call shares: the floor that calls, lists, streams, files and resources
//! stand on.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::HeaderMap;
use qoder_http::retry::{RetryBudget, RetryPolicy};
use qoder_http::{Timeouts, Transport};

use crate::auth::Auth;
use crate::call::{CallOptions, EachCall};
use crate::gateway::{BaseUrl, Dialect, ELSEWHERE};
use crate::observe::Observe;

/// The state that a client and its clones share, and each call, list and stream of theirs.
#[derive(Clone)]
pub(crate) struct Shared {
    inner: Arc<Inner>,
    /// The options that each call begins with.
    options: Arc<CallOptions<EachCall>>,
}

struct Inner {
    parts: Parts,
    names_messages: AtomicBool,
}

/// The parts that the shared state is made of.
pub(crate) struct Parts {
    pub(crate) transport: Transport,
    pub(crate) base: BaseUrl,
    /// Nobody chose the gateway.
    pub(crate) by_default: bool,
    pub(crate) auth: Auth,
    pub(crate) dialect: Dialect,
    pub(crate) settings: Settings,
    pub(crate) budget: RetryBudget,
    /// The headers that every request carries, without the token.
    pub(crate) headers: HeaderMap,
    pub(crate) observer: Option<Arc<dyn Observe>>,
}

/// The bounds of every call, unless its options say otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) timeouts: Timeouts,
    pub(crate) deadline: Option<Duration>,
    pub(crate) retry: RetryPolicy,
    /// The largest response that is read into memory, in bytes.
    pub(crate) max_response: usize,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            inner: Arc::new(Inner {
                parts,
                names_messages: AtomicBool::new(false),
            }),
            options: Arc::default(),
        }
    }

    /// The same, but that each call begins with these options, on top of those that it has begun
    /// with so far.
    pub(crate) fn with(&self, options: CallOptions<EachCall>) -> Self {
        let below = CallOptions::clone(&self.options);
        Self {
            inner: Arc::clone(&self.inner),
            options: Arc::new(options.checked().over(below)),
        }
    }

    pub(crate) fn options(&self) -> &CallOptions<EachCall> {
        &self.options
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.inner.parts.transport
    }

    pub(crate) fn base(&self) -> &BaseUrl {
        &self.inner.parts.base
    }

    /// Returns the advice about an answer that the API would not give: none, if the gateway was
    /// chosen.
    pub(crate) fn elsewhere(&self) -> &'static str {
        if self.inner.parts.by_default {
            ELSEWHERE
        } else {
            ""
        }
    }

    pub(crate) fn auth(&self) -> &Auth {
        &self.inner.parts.auth
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.inner.parts.dialect
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.parts.settings
    }

    pub(crate) fn budget(&self) -> &RetryBudget {
        &self.inner.parts.budget
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.inner.parts.headers
    }

    pub(crate) fn observer(&self) -> Option<&dyn Observe> {
        self.inner.parts.observer.as_deref()
    }

    /// Whether the server said, when it last accepted a message, which event that became.
    pub(crate) fn names_messages(&self) -> bool {
        self.inner.names_messages.load(Ordering::Relaxed)
    }

    pub(crate) fn set_names_messages(&self, names: bool) {
        self.inner.names_messages.store(names, Ordering::Relaxed);
    }

    /// Shows what is no secret, under this name.
    pub(crate) fn describe(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        let parts = &self.inner.parts;
        f.debug_struct(name)
            .field("base", &parts.base)
            .field("dialect", &parts.dialect)
            .field("settings", &parts.settings)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe(f, "Shared")
    }
}
