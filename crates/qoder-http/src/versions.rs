//! The versions of HTTP.

/// The HTTP versions that a connection may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 where the peer agrees by ALPN, else HTTP/1.1.
    #[cfg_attr(
        not(feature = "http2"),
        allow(dead_code, reason = "there is one version")
    )]
    Both,
    /// HTTP/2 without asking.
    #[cfg_attr(
        not(feature = "http2"),
        allow(dead_code, reason = "there is one version")
    )]
    Http2,
}
