//! Connections: TCP, TLS if the URL asks for it, and a limit of time for all of it.

use std::error::Error as StdError;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use tower_service::Service;

use crate::error::ConnectTimeout;
#[cfg(not(feature = "__tls"))]
use crate::error::{Error, ErrorKind, Sent};
use crate::tls::Tls;

type BoxError = Box<dyn StdError + Send + Sync>;

#[cfg(feature = "__tls")]
type Inner = hyper_rustls::HttpsConnector<HttpConnector>;
#[cfg(not(feature = "__tls"))]
type Inner = HttpConnector;

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
    /// `http2` offers HTTP/2 to the peer, beside HTTP/1.1.
    pub(crate) fn new(tls: &Tls, http2: bool, timeout: Option<Duration>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Three unanswered probes, 30 s after the last sign of life: the peer is gone.
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        tcp.set_keepalive_interval(Some(Duration::from_secs(10)));
        tcp.set_keepalive_retries(Some(3));
        Self {
            inner: tls.wrap(tcp, http2),
            timeout,
        }
    }
}

impl Service<Uri> for Connector {
    type Response = <Inner as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    #[allow(
        clippy::useless_conversion,
        reason = "without TLS the error is of another type"
    )]
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
                    Ok(connected) => connected.map_err(Into::into),
                    Err(_) => Err(ConnectTimeout(limit).into()),
                },
                None => connecting.await.map_err(Into::into),
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
