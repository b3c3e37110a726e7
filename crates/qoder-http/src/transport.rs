//! The transport: requests in, responses out, over connections that are kept and shared.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tower_service::Service;

use crate::body::ResponseBody;
use crate::builder::TransportBuilder;
use crate::coding::Asked;
use crate::connect::is_loopback;
use crate::departure::Departure;
use crate::error::{BoxError, Error, ErrorKind, Sent};
use crate::own::OwnConnections;
use crate::pools::Pools;
#[cfg(feature = "proxy")]
use crate::proxy::Rules;
use crate::request::{self, RequestBody};
use crate::time::{deadline, timeout_at};

/// Sends requests. Cheap to clone: clones share their connections, and dropping one harms none of
/// the others.
///
/// It follows no redirect, invents no header beyond what HTTP needs and `Accept-Encoding`, and
/// sends nothing over plain `http` except to loopback, unless that is allowed.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
}

struct Shared {
    wire: Wire,
    allow_plain_http: bool,
}

/// What carries the requests.
enum Wire {
    Hyper(Box<Lanes>),
    Service(Box<dyn Fn(Request<RequestBody>) -> Sending + Send + Sync>),
}

pub(crate) struct Lanes {
    pub(crate) calls: Pools,
    pub(crate) streams: Streams,
    #[cfg(feature = "proxy")]
    pub(crate) rules: Option<Arc<Rules>>,
    pub(crate) gzip: bool,
}

/// How streams are connected.
pub(crate) enum Streams {
    /// A connection for each.
    Own(Box<OwnConnections>),
    /// Over connections that are shared.
    Shared(Box<Pools>),
}

type Sending = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Error>> + Send>>;

/// Which connections a request uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Pooled connections, for responses that are read at once.
    Call,
    /// Connections apart from those of calls, for responses that stay open: on a shared HTTP/2
    /// connection a few unread ones would stop everything else.
    Stream,
}

/// How [`Lane::Stream`] uses HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamHttp {
    /// A connection for each stream, over HTTP/1.1: dropping the stream closes it, and a slow
    /// reader holds up only itself.
    #[default]
    Http1,
    /// HTTP/2 where the peer offers it, many streams to a connection, for gateways that limit
    /// connections. The streams must be read: a few of them that aren't fill the window of their
    /// connection ([`http2_windows`](TransportBuilder::http2_windows)), and all of it waits.
    Http2Shared,
}

/// Limits of time for the phases of a request. `None` is no limit, and so is what the clock can't
/// count, such as [`Duration::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Name resolution, TCP, the proxy and TLS together: 10 s. It belongs to the transport, since a
    /// connection may serve several requests; a request can't change it.
    pub connect: Option<Duration>,
    /// From the request to the head of its response, connecting included: 60 s. While a stream is
    /// sent, from its latest piece.
    pub head: Option<Duration>,
    /// Silence in the body while it is read: 60 s.
    pub body_idle: Option<Duration>,
    /// The whole of a body that is [collected](ResponseBody::collect), from its head on: 5
    /// minutes. A server that sends a byte a second is never silent.
    pub body: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Some(Duration::from_secs(10)),
            head: Some(Duration::from_secs(60)),
            body_idle: Some(Duration::from_secs(60)),
            body: Some(Duration::from_secs(300)),
        }
    }
}

impl Timeouts {
    /// Sets the limit for connecting.
    pub fn connect(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connect = limit.into();
        self
    }

    /// Sets the limit for the head of the response.
    pub fn head(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.head = limit.into();
        self
    }

    /// Sets the limit for silence in the body.
    pub fn body_idle(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.body_idle = limit.into();
        self
    }

    /// Sets the limit for a body as a whole.
    pub fn body(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.body = limit.into();
        self
    }
}

impl Transport {
    /// Starts the configuration of a transport.
    pub fn builder() -> TransportBuilder {
        TransportBuilder::default()
    }

    pub(crate) fn from_lanes(lanes: Lanes, allow_plain_http: bool) -> Self {
        Self {
            shared: Arc::new(Shared {
                wire: Wire::Hyper(Box::new(lanes)),
                allow_plain_http,
            }),
        }
    }

    /// A transport whose requests go through a service: middleware around a transport, another
    /// HTTP client, or a double in a test. Each request has its own clone of the service.
    ///
    /// [`Lane`] and [`Timeouts`] of a request are among its extensions. The limits for the head
    /// and for silence in the body hold here too, whatever the service does; plain `http` to
    /// other machines is refused before the service sees it. Errors of the type [`Error`] keep
    /// their kind; others count as a connection that broke.
    ///
    /// ```
    /// use std::task::{Context, Poll};
    /// use http::{Request, Response};
    /// use qoder_http::{Error, RequestBody, ResponseBody, Transport};
    /// use tower_service::Service;
    ///
    /// /// Counts what is sent.
    /// #[derive(Clone)]
    /// struct Counted<S>(S, std::sync::Arc<std::sync::atomic::AtomicU64>);
    ///
    /// impl<S: Service<Request<RequestBody>>> Service<Request<RequestBody>> for Counted<S> {
    ///     type Response = S::Response;
    ///     type Error = S::Error;
    ///     type Future = S::Future;
    ///
    ///     fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
    ///         self.0.poll_ready(cx)
    ///     }
    ///
    ///     fn call(&mut self, request: Request<RequestBody>) -> S::Future {
    ///         self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    ///         self.0.call(request)
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// let inner = Transport::builder().build()?;
    /// let transport = Transport::from_service(Counted(inner, Default::default()));
    /// # Ok(()) }
    /// ```
    pub fn from_service<S, B>(service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let send = move |request: Request<RequestBody>| -> Sending {
            let mut service = service.clone();
            Box::pin(async move {
                let refused = |error: S::Error| Error::from_service(error.into());
                poll_fn(|cx| service.poll_ready(cx))
                    .await
                    .map_err(refused)?;
                let response = service.call(request).await.map_err(refused)?;
                Ok(response.map(|body| ResponseBody::other(body)))
            })
        };
        Self {
            shared: Arc::new(Shared {
                wire: Wire::Service(Box::new(send)),
                allow_plain_http: false,
            }),
        }
    }

    /// Sends a request and gives the response as soon as its head is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Url`] if the URL is not absolute, holds credentials, or would go over plain
    /// `http` to another machine; [`ErrorKind::Config`] outside of a tokio runtime; the errors of
    /// connecting and sending. [`Error::sent`] tells whether the request had left.
    pub async fn send(
        &self,
        request: Request<RequestBody>,
        lane: Lane,
        timeouts: Timeouts,
    ) -> Result<Response<ResponseBody>, Error> {
        self.check(request.uri())?;
        let Ok(runtime) = Handle::try_current() else {
            let why = "there is no tokio runtime here: requests are sent within one";
            return Err(Error::new(ErrorKind::Config, Sent::No, why));
        };
        let body = request.body().sending();
        let departure = Departure::of(&request);
        let sending = self.start(request, lane, timeouts, &departure, &runtime);
        let sent = match timeouts.head {
            Some(limit) => {
                let waited = within(limit, body.as_ref(), sending).await;
                waited.unwrap_or_else(|Late| Err(Error::no_head(limit, departure.sent())))
            }
            None => sending.await,
        };
        // A body that fails is the cause, whatever it led to.
        let failed = |error| body.and_then(|body| body.failed()).unwrap_or(error);
        let mut response = sent.map_err(failed)?;
        response.body_mut().set_idle(timeouts.body_idle);
        response.body_mut().set_whole(timeouts.body);
        Ok(response)
    }

    async fn start(
        &self,
        mut request: Request<RequestBody>,
        lane: Lane,
        timeouts: Timeouts,
        departure: &Departure,
        runtime: &Handle,
    ) -> Result<Response<ResponseBody>, Error> {
        let lanes = match &self.shared.wire {
            Wire::Hyper(lanes) => lanes,
            Wire::Service(send) => {
                request.extensions_mut().insert(lane);
                request.extensions_mut().insert(timeouts);
                let asked = Asked::by_service(&request);
                departure.left();
                return asked.answered(send(request).await?);
            }
        };
        let asked = Asked::by(&mut request, lane, lanes.gzip);
        // Only here does a proxy read requests: plain http to other machines, where it is allowed.
        #[cfg(feature = "proxy")]
        let proxy = lanes
            .rules
            .as_ref()
            .and_then(|rules| rules.forwarding(request.uri()));
        #[cfg(feature = "proxy")]
        if let Some((_, Some(credentials))) = &proxy {
            request
                .headers_mut()
                .entry(http::header::PROXY_AUTHORIZATION)
                .or_insert_with(|| credentials.clone());
        }
        let to = request.uri().clone();
        departure.watch(&mut request);
        let sent = match (lane, &lanes.streams) {
            (Lane::Call, _) => lanes.calls.send(runtime.id(), request).await,
            (Lane::Stream, Streams::Shared(pools)) => pools.send(runtime.id(), request).await,
            (Lane::Stream, Streams::Own(connections)) => {
                let sent = connections.send(request).await;
                sent.map(|response| response.map(ResponseBody::own))
            }
        };
        let response = sent.map_err(|error| Error::from_client(error, &to))?;
        #[cfg(feature = "proxy")]
        if let Some((name, _)) = proxy.filter(|_| response.status() == 407) {
            let message = format!("the proxy {name} doesn't accept its credentials (407)");
            return Err(Error::new(ErrorKind::ProxyAuth, Sent::No, message));
        }
        asked.answered(response)
    }

    /// Whether a URL may be used.
    fn check(&self, uri: &http::Uri) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::new(ErrorKind::Url, Sent::No, why));
        let (Some(scheme), Some(host)) = (uri.scheme(), uri.host()) else {
            return refuse(format!("{:?} is no absolute URL", uri.path()));
        };
        if scheme != &Scheme::HTTP && scheme != &Scheme::HTTPS {
            return refuse(format!("the scheme {scheme} is neither https nor http"));
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return refuse(
                "the URL holds credentials, which are never sent: put them into a header"
                    .to_owned(),
            );
        }
        // `Uri` overlooks what follows an address in brackets.
        let rest = authority.strip_prefix(host);
        if !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':')) {
            return refuse(format!("what follows the host {host} is no port"));
        }
        if scheme == &Scheme::HTTP && !self.shared.allow_plain_http && !is_loopback(host) {
            return refuse(format!(
                "plain http to {host} is refused, since everybody on the way could read it: use https"
            ));
        }
        Ok(())
    }
}

/// The limit for the head has passed.
struct Late;

/// Waits for the head of a response, as long as the body of its request goes on.
async fn within<T>(
    limit: Duration,
    body: Option<&request::Sending>,
    sending: impl Future<Output = T>,
) -> Result<T, Late> {
    let mut sending = pin!(sending);
    let mut until = deadline(Instant::now(), limit);
    loop {
        if let Ok(sent) = timeout_at(until, sending.as_mut()).await {
            return Ok(sent);
        }
        let last = body.and_then(request::Sending::last);
        match last.and_then(|last| deadline(last, limit)) {
            later @ Some(_) if later > until => until = later,
            _ => return Err(Late),
        }
    }
}

/// For middleware: [`Lane`] and [`Timeouts`] are taken from the extensions of the request.
impl Service<Request<RequestBody>> for Transport {
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let lane = request.extensions().get().copied().unwrap_or(Lane::Call);
        let timeouts = request.extensions().get().copied().unwrap_or_default();
        let transport = self.clone();
        Box::pin(async move { transport.send(request, lane, timeouts).await })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("allow_plain_http", &self.shared.allow_plain_http)
            .finish_non_exhaustive()
    }
}
