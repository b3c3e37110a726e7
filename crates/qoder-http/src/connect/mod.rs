//! Connections: a byte stream, TLS over it if the URL asks for it, and a limit of time for all of it.

#[cfg(feature = "proxy")]
mod proxy;
mod race;
mod stream;
mod tcp;
#[cfg(feature = "proxy")]
mod tunnel;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use tower_service::Service;

#[cfg(feature = "proxy")]
pub(crate) use proxy::Routed;
pub(crate) use stream::{Dial, Stream, dial};
use tcp::Tcp;
pub use tcp::{KeepAlive, TcpOptions};

use crate::error::{BoxError, ConnectTimeout};
#[cfg(not(feature = "__tls"))]
use crate::error::{Error, ErrorKind, Sent};
use crate::tls::Tls;

/// Which HTTP versions a connection may speak.
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

/// What makes the streams below TLS.
#[cfg(feature = "proxy")]
pub(crate) type Lower = Routed;
#[cfg(not(feature = "proxy"))]
pub(crate) type Lower = Base;

#[cfg(feature = "__tls")]
type Inner = hyper_rustls::HttpsConnector<Told>;
#[cfg(not(feature = "__tls"))]
type Inner = Told;

/// Whether a host is this machine: `localhost`, `127.0.0.0/8` or `::1`, by its text alone.
///
/// ```
/// assert!(qoder_http::is_loopback("127.0.0.1"));
/// assert!(!qoder_http::is_loopback("127.0.0.1.example.com"));
/// ```
pub fn is_loopback(host: &str) -> bool {
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Makes connections within a limit of time.
#[derive(Clone)]
pub(crate) struct Connector {
    inner: Inner,
    timeout: Option<Duration>,
}

impl Connector {
    pub(crate) fn new(
        lower: Lower,
        tls: &Tls,
        versions: Versions,
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            inner: tls.wrap(Told { lower, versions }, versions),
            timeout,
        }
    }
}

/// Makes the streams below TLS, and has them tell which HTTP is spoken if that is known before.
#[derive(Clone)]
pub(crate) struct Told {
    lower: Lower,
    versions: Versions,
}

impl Service<Uri> for Told {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.lower.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.lower.call(uri);
        let http2 = self.versions == Versions::Http2;
        Box::pin(async move { Ok(connecting.await?.with_http2(http2)) })
    }
}

/// Makes byte streams to the hosts of URLs, directly.
#[derive(Clone)]
pub(crate) enum Base {
    Tcp(Tcp),
    Dial(Dial),
}

impl Base {
    /// TCP with these options, within this limit for connecting.
    pub(crate) fn tcp(options: TcpOptions, limit: Option<Duration>) -> Self {
        Self::Tcp(Tcp::new(options, limit))
    }
}

impl Service<Uri> for Base {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match self {
            Self::Tcp(tcp) => {
                let connecting = tcp.clone().connect(uri);
                Box::pin(async move { Ok(Stream::tcp(connecting.await?)) })
            }
            Self::Dial(dial) => {
                let connecting = dial(uri);
                Box::pin(async move { Ok(connecting.await?) })
            }
        }
    }
}

impl Service<Uri> for Connector {
    type Response = <Inner as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        #[cfg(not(feature = "__tls"))]
        if uri.scheme() == Some(&http::uri::Scheme::HTTPS) {
            let message = "https needs TLS, and none was compiled in: enable a `tls-*` and a `roots-*` feature";
            return Box::pin(async move {
                Err(Error::new(ErrorKind::Config, Sent::No, message).into())
            });
        }
        let connecting = self.inner.call(uri);
        let timeout = self.timeout;
        Box::pin(async move {
            match timeout {
                // DNS, TCP and TLS together: the connector's own limit covers TCP alone.
                Some(limit) => match tokio::time::timeout(limit, connecting).await {
                    Ok(connected) => connected,
                    Err(_) => Err(ConnectTimeout(limit).into()),
                },
                None => connecting.await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn loopback_is_told_by_the_text() {
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "10.0.0.1",
            "localhost.example",
            "127.0.0.1.example",
            "127.1",
            "::",
            "[::ffff:1]",
            "128.0.0.1",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
