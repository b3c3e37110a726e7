//! The classes of errors.

/// The classes of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client could not be built, or not be used as it was: a missing or malformed token, a
    /// base URL that is invalid, no TLS, a certificate that is not trusted, no tokio runtime, a proxy
    /// that wants other credentials. Nothing was done; mend the configuration.
    Config,
    /// There is no token to send the call with: the exchange of a service account's key failed or
    /// was refused, or the program's own [`Credentials`](crate::auth::Credentials) gave none. The
    /// request was not sent with it. [`Error::status`](crate::Error::status) and
    /// [`Error::request_id`](crate::Error::request_id) are those of the exchange. What may be over
    /// soon [is retryable](crate::Error::is_retryable), after
    /// [`Error::retry_after`](crate::Error::retry_after); until then no call asks again.
    Credentials,
    /// The call could not be put into a request: an id that is empty, a body that is no JSON.
    /// Nothing was sent; mend the arguments.
    Input,
    /// The server could not be reached: name resolution, connecting, a proxy or TLS failed. Nothing
    /// was sent in this attempt; [`Error::sent`](crate::Error::sent) tells of all of them.
    Connect,
    /// A deadline passed; [`Error::sent`](crate::Error::sent) tells whether the request had left.
    Timeout,
    /// The connection broke after the request had, or might have, left.
    Network,
    /// The server answered with an error status; see [`Error::status`](crate::Error::status) and
    /// [`Error::api`](crate::Error::api).
    Api,
    /// The server answered with success, and with something that is not what it promised: HTML,
    /// nothing at all, half a document. [`Error::body`](crate::Error::body) has its beginning.
    Decode,
    /// The response is larger than the limit of the client.
    TooLarge,
    /// A local file or stream failed: it could not be read, had another length than was declared,
    /// or a file could not be written.
    File,
    /// A list that had to have an item has none.
    Empty,
    /// A list contradicts itself: it promises more and gives no cursor, or gives one twice.
    Pagination,
    /// An event stream could not be opened, or could not be kept without losing events. When it
    /// had delivered anything, [`Error::checkpoint`](crate::Error::checkpoint) says where to go on.
    Stream,
    /// A turn did not come to its end: the agent waits for an answer that nobody gives, or the
    /// events ended before.
    Turn,
    /// A turn ended without success: it was interrupted or cancelled, failed, ran out of budget, or
    /// the session was terminated or deleted. [`Error::stop_reason`](crate::Error::stop_reason) says
    /// which, and [`Error::reply`](crate::Error::reply) has what came of it.
    TurnEnded,
}

impl ErrorKind {
    /// Returns the class as one word, for logs and the labels of metrics: `connect`, `too_large`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Credentials => "credentials",
            Self::Input => "input",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::Api => "api",
            Self::Decode => "decode",
            Self::TooLarge => "too_large",
            Self::File => "file",
            Self::Empty => "empty",
            Self::Pagination => "pagination",
            Self::Stream => "stream",
            Self::Turn => "turn",
            Self::TurnEnded => "turn_ended",
        }
    }
}
