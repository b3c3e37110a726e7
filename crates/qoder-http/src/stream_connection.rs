//! A connection that belongs to one response. It is polled with the response's body, by whoever
//! reads that: no task is spawned, nothing is handed from task to task, and dropping the body
//! closes the connection at once.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::HOST;
use http::uri::{Parts, PathAndQuery};
use http::{HeaderValue, Request, Response, Uri, Version};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::Connection as _;
use tower_service::Service;

use crate::connect::{ConnectedStream, Connector};
use crate::departure::Departure;
use crate::error::{BoxError, Error};
use crate::request::RequestBody;
use crate::url;

/// Makes a connection for each request, over HTTP/1.1.
#[derive(Clone)]
pub(crate) struct StreamConnections {
    connector: Connector,
    http1: http1::Builder,
}

impl StreamConnections {
    pub(crate) fn new(connector: Connector, http1: http1::Builder) -> Self {
        Self { connector, http1 }
    }

    /// Connects and sends, and returns the response as soon as its head is there.
    pub(crate) async fn send(
        &self,
        mut request: Request<RequestBody>,
        departure: &Departure,
    ) -> Result<Response<StreamBody>, Error> {
        let to = request.uri().clone();
        let io = self
            .connect(&to)
            .await
            .map_err(|error| Error::not_connected(error, &to))?;
        departure.left();
        address(&mut request, io.connected().is_proxied());
        self.exchange(io, request)
            .await
            .map_err(|error| Error::no_response(error, &to))
    }

    /// Connects to the host of a URL. The connector learns nothing else of it.
    async fn connect(&self, to: &Uri) -> Result<ConnectedStream, BoxError> {
        let mut connector = self.connector.clone();
        let mut host = to.clone().into_parts();
        host.path_and_query = Some(PathAndQuery::from_static("/"));
        let host = Uri::from_parts(host)?;
        poll_fn(|cx| connector.poll_ready(cx)).await?;
        connector.call(host).await
    }

    async fn exchange(
        &self,
        io: ConnectedStream,
        request: Request<RequestBody>,
    ) -> Result<Response<StreamBody>, hyper::Error> {
        let (mut sender, connection) = self.http1.handshake(io).await?;
        let mut connection = StreamConnection::new(connection);
        if let Err(closed) = connection.drive(sender.ready()).await {
            return Err(connection.failure.unwrap_or(closed));
        }
        let response = connection.drive(sender.send_request(request)).await?;
        Ok(response.map(|body| StreamBody { body, connection }))
    }
}

impl fmt::Debug for StreamConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamConnections").finish_non_exhaustive()
    }
}

/// Names the host in the request's `Host`, and leaves it out of its target, unless a proxy reads
/// the request (RFC 9112, sections 3.2.1 and 3.2.2).
fn address(request: &mut Request<RequestBody>, proxied: bool) {
    // hyper insists on a version that it can write.
    if request.version() != Version::HTTP_10 {
        *request.version_mut() = Version::HTTP_11;
    }
    // The host of a URL is always a value.
    if let Ok(host) = HeaderValue::try_from(url::host_field(request.uri())) {
        request.headers_mut().entry(HOST).or_insert(host);
    }
    if !proxied {
        let mut target = Parts::default();
        target.path_and_query = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from_parts(target).unwrap_or_default();
    }
}

/// What runs a connection; `None` when it has ended.
struct StreamConnection {
    running: Option<Box<http1::Connection<ConnectedStream, RequestBody>>>,
    /// Why it ended, if it failed. hyper tells it to the request or the body too, if there is one.
    failure: Option<hyper::Error>,
}

impl StreamConnection {
    fn new(connection: http1::Connection<ConnectedStream, RequestBody>) -> Self {
        Self {
            running: Some(Box::new(connection)),
            failure: None,
        }
    }

    /// Does what can be done now.
    fn run(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.running {
            if let Poll::Ready(ended) = Pin::new(connection).poll(cx) {
                self.running = None;
                self.failure = ended.err();
            }
        }
    }

    /// Runs the connection until something comes of it.
    async fn drive<T>(&mut self, waiting: impl Future<Output = T>) -> T {
        let mut waiting = pin!(waiting);
        poll_fn(|cx| {
            if let Poll::Ready(done) = waiting.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            self.run(cx);
            waiting.as_mut().poll(cx)
        })
        .await
    }
}

/// A body with the connection that it comes from.
pub(crate) struct StreamBody {
    body: Incoming,
    connection: StreamConnection,
}

impl StreamBody {
    pub(crate) fn incoming(&self) -> &Incoming {
        &self.body
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        self.connection.run(cx);
        Pin::new(&mut self.body).poll_frame(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_host_once() -> Result<(), Box<dyn std::error::Error>> {
        // The URL, the target and `Host` sent to the host, and the target sent to a proxy.
        for (url, origin, host, proxied) in [
            ("http://one.test", "/", "one.test", "http://one.test/"),
            (
                "http://one.test:80/a?b=c",
                "/a?b=c",
                "one.test",
                "http://one.test:80/a?b=c",
            ),
            (
                "http://one.test:443/",
                "/",
                "one.test:443",
                "http://one.test:443/",
            ),
            (
                "https://one.test:443/?x",
                "/?x",
                "one.test",
                "https://one.test:443/?x",
            ),
            (
                "https://[::1]:80/a%20b",
                "/a%20b",
                "[::1]:80",
                "https://[::1]:80/a%20b",
            ),
        ] {
            for (proxy, target) in [(false, origin), (true, proxied)] {
                let mut request = Request::get(url)
                    .version(Version::HTTP_3)
                    .body(RequestBody::empty())?;
                address(&mut request, proxy);
                assert_eq!(request.uri().to_string(), target);
                assert_eq!(request.headers()[HOST], host);
                assert_eq!(request.version(), Version::HTTP_11);
            }
        }
        let mut request = Request::get("https://one.test/")
            .header(HOST, "two.test")
            .body(RequestBody::empty())?;
        address(&mut request, false);
        assert_eq!(request.headers()[HOST], "two.test");
        Ok(())
    }
}
