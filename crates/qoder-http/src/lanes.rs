//! The connections of calls and of streams, apart from each other.

use std::future::Future;
use std::pin::Pin;
#[cfg(feature = "proxy")]
use std::sync::Arc;

#[cfg(feature = "proxy")]
use http::header::PROXY_AUTHORIZATION;
use http::{Request, Response};
use tokio::runtime::Id;

use crate::body::ResponseBody;
use crate::departure::Departure;
use crate::error::Error;
#[cfg(feature = "proxy")]
use crate::error::{ErrorKind, Sent};
use crate::lane::Lane;
use crate::pools::Pools;
#[cfg(feature = "proxy")]
use crate::proxy::ProxyRules;
use crate::request::RequestBody;
use crate::stream_connection::{StreamBody, StreamConnections};

/// Sends requests over hyper, each over the connections of its lane.
pub(crate) struct Lanes {
    pub(crate) calls: Pools,
    pub(crate) streams: Streams,
    #[cfg(feature = "proxy")]
    pub(crate) proxies: Option<Arc<ProxyRules>>,
}

/// The connections of streams.
pub(crate) enum Streams {
    /// A connection for each.
    Alone(Box<StreamConnections>),
    /// Over connections that are shared.
    Shared(Box<Pools>),
}

impl Lanes {
    /// Sends a request from within this runtime.
    pub(crate) async fn send(
        &self,
        request: Request<RequestBody>,
        lane: Lane,
        departure: &Departure,
        runtime: Id,
    ) -> Result<Response<ResponseBody>, Error> {
        #[cfg(feature = "proxy")]
        return self
            .send_through_proxy(request, lane, departure, runtime)
            .await;
        #[cfg(not(feature = "proxy"))]
        self.send_as_it_is(request, lane, departure, runtime).await
    }

    /// Adds the credentials for a proxy that reads the request: plain `http` to another machine,
    /// where it is allowed. All else goes through tunnels, whose makers have the credentials.
    #[cfg(feature = "proxy")]
    async fn send_through_proxy(
        &self,
        mut request: Request<RequestBody>,
        lane: Lane,
        departure: &Departure,
        runtime: Id,
    ) -> Result<Response<ResponseBody>, Error> {
        let reader = self
            .proxies
            .as_ref()
            .and_then(|rules| rules.forwarding(request.uri()));
        if let Some((_, Some(credentials))) = &reader {
            request
                .headers_mut()
                .entry(PROXY_AUTHORIZATION)
                .or_insert_with(|| credentials.clone());
        }
        let response = self
            .send_as_it_is(request, lane, departure, runtime)
            .await?;
        if let Some((name, _)) = reader.filter(|_| response.status() == 407) {
            let message = format!("the proxy {name} doesn't accept its credentials (407)");
            return Err(Error::new(ErrorKind::ProxyAuth, Sent::No, message));
        }
        Ok(response)
    }

    async fn send_as_it_is(
        &self,
        request: Request<RequestBody>,
        lane: Lane,
        departure: &Departure,
        runtime: Id,
    ) -> Result<Response<ResponseBody>, Error> {
        match (lane, &self.streams) {
            (Lane::Call, _) => self.calls.send(request, departure, runtime).await,
            (Lane::Stream, Streams::Shared(pools)) => pools.send(request, departure, runtime).await,
            (Lane::Stream, Streams::Alone(connections)) => {
                let response = alone(connections, request, departure).await?;
                Ok(response.map(ResponseBody::stream))
            }
        }
    }
}

/// Sends over a connection that is the stream's own. In a box: calls, which share the future, need
/// not have room for it. Out of line, and no part of an `async fn`: those are compiled in the crates
/// that await them, and hyper's connections would be with them.
#[inline(never)]
fn alone<'a>(
    connections: &'a StreamConnections,
    request: Request<RequestBody>,
    departure: &'a Departure,
) -> Pin<Box<dyn Future<Output = Result<Response<StreamBody>, Error>> + Send + 'a>> {
    Box::pin(connections.send(request, departure))
}
