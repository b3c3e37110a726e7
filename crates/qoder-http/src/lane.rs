//! The lanes of requests: the connections that a request uses, and the HTTP version on them.

/// The connections that a request uses: those of calls, or those of streams.
///
/// ```
/// # use qoder_http::{Error, Lane, RequestBody, Timeouts, Transport};
/// # async fn f(transport: Transport) -> Result<(), Box<dyn std::error::Error>> {
/// let request = http::Request::get("https://example.com/events").body(RequestBody::empty())?;
/// let mut events = transport.send(request, Lane::Stream, Timeouts::default()).await?.into_body();
/// while let Some(bytes) = events.chunk().await? {
///     println!("{} bytes", bytes.len());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Pooled connections, for responses that are read at once. One is used again when the response
    /// before it has been read to its end.
    Call,
    /// Connections apart from those of calls, for responses that stay open: on a shared HTTP/2
    /// connection a few unread ones would stop everything else.
    Stream,
}

/// The HTTP version of [`Lane::Stream`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamHttp {
    /// A connection for each stream, over HTTP/1.1: dropping the stream closes it, and a slow
    /// reader holds up only itself.
    #[default]
    Http1,
    /// HTTP/2 where the peer offers it, up to 100 streams to a connection, for gateways that limit
    /// connections; a peer that takes fewer at once has the others wait. The streams must be read:
    /// a few of them that aren't fill the window of their connection
    /// ([`http2_windows`](crate::TransportBuilder::http2_windows)), and all of it waits.
    Http2Shared,
}
