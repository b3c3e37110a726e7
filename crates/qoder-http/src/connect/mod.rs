//! Connections: a byte stream, TLS over it if the URL asks for it, and a limit of time for all of it.

mod direct;
mod head_gate;
#[cfg(feature = "proxy")]
mod proxy;
mod race;
mod read;
mod stream;
mod tcp;
#[cfg(feature = "proxy")]
mod tunnel;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use tower_service::Service;

pub(crate) use direct::Direct;
pub(crate) use head_gate::HeadGate;
#[cfg(feature = "proxy")]
pub(crate) use proxy::Routed;
pub(crate) use read::{poll_read_buf, poll_read_small};
pub(crate) use stream::{Dial, Stream, dial};
pub use tcp::{KeepAlive, TcpOptions};

use crate::error::{BoxError, ConnectTimeout};
use crate::tls::{NoTls, Secured, Tls};
use crate::versions::Versions;

/// The connector of the streams below TLS.
#[cfg(feature = "proxy")]
pub(crate) type Lower = Routed;
#[cfg(not(feature = "proxy"))]
pub(crate) type Lower = Direct;

/// Makes connections within a limit of time.
#[derive(Clone)]
pub(crate) struct Connector {
    inner: Secured<Annotated>,
    timeout: Option<Duration>,
}

impl Connector {
    pub(crate) fn new(
        lower: Lower,
        tls: &Result<Tls, NoTls>,
        versions: Versions,
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            inner: Secured::new(Annotated { lower, versions }, tls, versions),
            timeout,
        }
    }
}

/// Makes the streams below TLS, and marks those over which HTTP/2 is spoken without asking.
#[derive(Clone)]
pub(crate) struct Annotated {
    lower: Lower,
    versions: Versions,
}

impl Service<Uri> for Annotated {
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

impl Service<Uri> for Connector {
    /// The stream that HTTP is spoken over, with its gate open.
    type Response = HeadGate;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<HeadGate, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let timeout = self.timeout;
        Box::pin(async move {
            let connected = match timeout {
                // DNS, TCP and TLS together: the connector's own limit covers TCP alone.
                Some(limit) => match tokio::time::timeout(limit, connecting).await {
                    Ok(connected) => connected,
                    Err(_) => Err(ConnectTimeout(limit).into()),
                },
                None => connecting.await,
            };
            connected.map(HeadGate::open)
        })
    }
}
