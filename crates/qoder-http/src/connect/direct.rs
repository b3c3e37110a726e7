//! Connections without a proxy.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use tower_service::Service;

use super::stream::{Dial, Stream};
use super::tcp::{Tcp, TcpOptions};
use crate::error::BoxError;

/// Makes byte streams to the hosts of URLs, directly.
#[derive(Clone)]
pub(crate) enum Direct {
    Tcp(Tcp),
    Dial(Dial),
}

impl Direct {
    /// TCP with these options, within this limit for connecting.
    pub(crate) fn tcp(options: TcpOptions, limit: Option<Duration>) -> Self {
        Self::Tcp(Tcp::new(options, limit))
    }
}

impl Service<Uri> for Direct {
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
                Box::pin(async move { Ok(Stream::new(connecting.await?)) })
            }
            Self::Dial(dial) => {
                let connecting = dial(uri);
                Box::pin(async move { Ok(connecting.await?) })
            }
        }
    }
}
