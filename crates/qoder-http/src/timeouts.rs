//! The limits of time of a request.

use std::time::Duration;

/// Limits of time for the phases of a request. `None` is no limit, and so is what the clock can't
/// count, such as [`Duration::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Name resolution, TCP, the proxy and TLS together: 10 s. It belongs to the transport, since a
    /// connection may serve several requests; a request can't change it.
    pub connect: Option<Duration>,
    /// From the request to the head of its response, connecting included: 60 s. While a stream is
    /// sent, from its latest piece.
    pub head: Option<Duration>,
    /// Silence in the body while it is read: 60 s.
    pub body_idle: Option<Duration>,
    /// The whole of a body that is [collected](crate::ResponseBody::collect), from its head on: 5
    /// minutes. A server that sends a byte a second is never silent.
    pub body: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Some(Duration::from_secs(10)),
            head: Some(Duration::from_secs(60)),
            body_idle: Some(Duration::from_secs(60)),
            body: Some(Duration::from_secs(300)),
        }
    }
}

impl Timeouts {
    /// Sets the limit for connecting.
    pub fn connect(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connect = limit.into();
        self
    }

    /// Sets the limit for the head of the response.
    pub fn head(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.head = limit.into();
        self
    }

    /// Sets the limit for silence in the body.
    pub fn body_idle(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.body_idle = limit.into();
        self
    }

    /// Sets the limit for a body as a whole.
    pub fn body(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.body = limit.into();
        self
    }
}
