//! Connections: a byte stream, TLS over it if the URL asks for it, and a limit of time for all of it.

mod direct;
#[cfg(feature = "proxy")]
mod proxy;
mod race;
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
#[cfg(feature = "proxy")]
pub(crate) use proxy::Routed;
use stream::Stream;
pub(crate) use stream::{Dial, dial};
pub use tcp::{KeepAlive, TcpOptions};

use crate::error::{BoxError, ConnectTimeout};
use crate::tls::{NoTls, Secured, Tls};
use crate::versions::Versions;

/// The connector of the streams below TLS.
#[cfg(feature = "proxy")]
pub(crate) type Lower = Routed;
#[cfg(not(feature = "proxy"))]
pub(crate) type Lower = Direct;

/// The stream that HTTP is spoken over.
pub(crate) type ConnectedStream = <Secured<Annotated> as Service<Uri>>::Response;

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
    type Response = ConnectedStream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
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
