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
use crate::pools::{Pooled, Pools};
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
    /// Sends a request from within this runtime. No future has room for the request, but for that of
    /// who sends it in the end: futures are copied from one into the other.
    pub(crate) fn send<'a>(
        &'a self,
        #[cfg_attr(
            not(feature = "proxy"),
            allow(unused_mut, reason = "it is sent as it is")
        )]
        mut request: Request<RequestBody>,
        lane: Lane,
        departure: &'a Departure,
        runtime: Id,
    ) -> Sending<'a> {
        #[cfg(feature = "proxy")]
        let reader = self.reader(&mut request);
        let way = match (lane, &self.streams) {
            (Lane::Call, _) => Way::Pooled(self.calls.send(request, departure, runtime)),
            (Lane::Stream, Streams::Shared(pools)) => {
                Way::Pooled(pools.send(request, departure, runtime))
            }
            (Lane::Stream, Streams::Alone(connections)) => {
                Way::Alone(alone(connections, request, departure))
            }
        };
        Sending {
            way,
            #[cfg(feature = "proxy")]
            reader,
        }
    }

    /// Returns the name of the proxy that reads the request, for which it adds the credentials:
    /// plain `http` to another machine, where it is allowed. All else goes through tunnels, whose
    /// makers have the credentials.
    #[cfg(feature = "proxy")]
    fn reader(&self, request: &mut Request<RequestBody>) -> Option<String> {
        let (name, credentials) = self.proxies.as_ref()?.forwarding(request.uri())?;
        if let Some(credentials) = credentials {
            let headers = request.headers_mut();
            headers.entry(PROXY_AUTHORIZATION).or_insert(credentials);
        }
        Some(name)
    }
}

/// A request on its way.
pub(crate) struct Sending<'a> {
    way: Way<'a>,
    /// The proxy that reads it.
    #[cfg(feature = "proxy")]
    reader: Option<String>,
}

enum Way<'a> {
    Pooled(Pooled),
    Alone(Alone<'a>),
}

impl Sending<'_> {
    pub(crate) async fn response(self) -> Result<Response<ResponseBody>, Error> {
        let response = match self.way {
            Way::Pooled(sending) => sending.response().await?,
            Way::Alone(sending) => sending.await?.map(ResponseBody::stream),
        };
        #[cfg(feature = "proxy")]
        if let Some(name) = self.reader.filter(|_| response.status() == 407) {
            let message = format!("the proxy {name} doesn't accept its credentials (407)");
            return Err(Error::new(ErrorKind::ProxyAuth, Sent::No, message));
        }
        Ok(response)
    }
}

/// The future of a stream that has a connection of its own.
type Alone<'a> =
    Pin<Box<dyn Future<Output = Result<Response<Box<dyn StreamBody>>, Error>> + Send + 'a>>;

/// Sends over a connection that is the stream's own. In a box: calls, which share the future, need
/// not have room for it. Out of line, and no part of an `async fn`: those are compiled in the crates
/// that await them, and hyper's connections would be with them.
#[inline(never)]
fn alone<'a>(
    connections: &'a StreamConnections,
    request: Request<RequestBody>,
    departure: &'a Departure,
) -> Alone<'a> {
    Box::pin(connections.send(request, departure))
}
