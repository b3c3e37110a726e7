//! The limits of time of a request.

use std::time::Duration;

/// The limits of time for the phases of a request. `None` is no limit, and so is a hundred years or
/// more, such as [`Duration::MAX`].
///
/// ```
/// use std::time::Duration;
/// use qoder_http::Timeouts;
///
/// let limits = Timeouts::default()
///     .head(Duration::from_secs(5))
///     .body_idle(None);
/// assert_eq!(limits.connect, Some(Duration::from_secs(10)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// The limit for making a connection: name resolution, TCP, the proxy and TLS together. It
    /// belongs to the transport ([`TransportBuilder::timeouts`](crate::TransportBuilder::timeouts)),
    /// since a connection may serve several requests; in the limits of a request it means nothing.
    /// Default: 10 s.
    pub connect: Option<Duration>,
    /// The limit for the head of the response, counted from the request, connecting included. While
    /// the body of the request is a stream, each piece of it that is sent starts the count anew.
    /// Default: 60 s.
    pub head: Option<Duration>,
    /// The longest silence in the body of the response while it is read. The time that the reader
    /// takes between two reads doesn't count. Default: 60 s.
    pub body_idle: Option<Duration>,
    /// The limit for the whole of a body that is [collected](crate::ResponseBody::collect), counted
    /// from the call of `collect`: a server that sends a byte a second is never silent. A body that
    /// is read in pieces has no such limit. Default: 5 minutes.
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
    /// Sets the limit for making a connection.
    pub fn connect(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connect = limit.into();
        self
    }

    /// Sets the limit for the head of the response.
    pub fn head(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.head = limit.into();
        self
    }

    /// Sets the longest silence in the body of the response.
    pub fn body_idle(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.body_idle = limit.into();
        self
    }

    /// Sets the limit for the whole of a body that is collected.
    pub fn body(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.body = limit.into();
        self
    }
}
