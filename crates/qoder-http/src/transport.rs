//! The transport: requests in, responses out, over connections that are kept and shared.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use tokio::runtime::{Handle, Id};
use tokio::time::Instant;
use tower_service::Service;

use crate::body::ResponseBody;
use crate::builder::TransportBuilder;
use crate::departure::Departure;
use crate::encoding::Negotiation;
use crate::error::{BoxError, Error, ErrorKind, Sent};
use crate::lane::Lane;
use crate::lanes::{self, Lanes};
use crate::request::{self, RequestBody};
use crate::service::{self, BoxService, ResponseFuture};
use crate::time::{deadline, timeout_at};
use crate::timeouts::Timeouts;
use crate::tls::NoTls;
use crate::url;

/// Sends requests. Cheap to clone: clones share their connections, and dropping one harms none of
/// the others.
///
/// It follows no redirect, adds no header field beyond what HTTP needs and `Accept-Encoding`, and
/// sends nothing over plain `http` except to loopback, unless that is allowed. A request is sent
/// within a tokio runtime with its I/O and time drivers on, and its connection belongs to that
/// runtime.
///
/// ```
/// use qoder_http::{Lane, RequestBody, Timeouts, Transport};
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = Transport::builder().build()?;
/// let request = http::Request::post("https://example.com/")
///     .header("content-type", "text/plain")
///     .body(RequestBody::from(b"hello".to_vec()))?;
/// let response = transport.send(request, Lane::Call, Timeouts::default()).await?;
/// println!("{}", response.status());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
}

struct Shared {
    wire: Wire,
    /// Whether compressed responses are asked for and decoded.
    gzip: bool,
    allow_plain_http: bool,
    /// The reason why `https` is refused, if it is.
    no_tls: Option<NoTls>,
}

/// The service that carries the requests.
enum Wire {
    Hyper(Box<Lanes>),
    Service(BoxService),
}

impl Transport {
    /// Starts the configuration of a transport.
    ///
    /// ```
    /// use qoder_http::Transport;
    ///
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// let transport = Transport::builder().allow_plain_http(true).build()?;
    /// # Ok(()) }
    /// ```
    pub fn builder() -> TransportBuilder {
        TransportBuilder::default()
    }

    pub(crate) fn from_lanes(
        lanes: Lanes,
        no_tls: Option<NoTls>,
        gzip: bool,
        allow_plain_http: bool,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                wire: Wire::Hyper(Box::new(lanes)),
                gzip,
                allow_plain_http,
                no_tls,
            }),
        }
    }

    /// Returns a transport whose requests go through a service: middleware around a transport,
    /// another HTTP client, or a double in a test. Each request has its own clone of the service.
    ///
    /// The service finds the [`Lane`] and the [`Timeouts`] of a request among its extensions. The
    /// limits for the head and for silence in the body hold here too, whatever the service does;
    /// plain `http` to other machines is refused before the service sees it. Errors of the type
    /// [`Error`] keep their kind; others count as a connection that broke ([`ErrorKind::Reset`],
    /// [`Sent::Maybe`]).
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
        Self {
            shared: Arc::new(Shared {
                wire: Wire::Service(service::boxed(service)),
                gzip: cfg!(feature = "gzip"),
                allow_plain_http: false,
                no_tls: None,
            }),
        }
    }

    /// Returns whether requests to this URL may be sent at all, whatever the network does: what
    /// [`send`](Self::send) looks at first, for those who would rather know when they begin.
    ///
    /// ```
    /// use http::Uri;
    /// use qoder_http::{ErrorKind, Transport};
    ///
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// let transport = Transport::builder().build()?;
    /// assert!(transport.check(&Uri::from_static("http://127.0.0.1:8080/")).is_ok());
    /// let refused = transport.check(&Uri::from_static("http://example.com/")).unwrap_err();
    /// assert_eq!(refused.kind(), ErrorKind::Url);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Url`] if the URL is not absolute, holds credentials, or would go over plain `http`
    /// to another machine; [`ErrorKind::Config`] if it is `https` and there is no TLS, no provider or
    /// nobody to trust.
    pub fn check(&self, url: &Uri) -> Result<(), Error> {
        url::check(url, self.shared.allow_plain_http)
            .map_err(|why| Error::new(ErrorKind::Url, Sent::No, why))?;
        match &self.shared.no_tls {
            Some(why) if url.scheme() == Some(&Scheme::HTTPS) => Err(why.error()),
            _ => Ok(()),
        }
    }

    /// Sends a request and returns the response as soon as its head has arrived. A status that is no
    /// success is a response too. Dropping the future cancels the request.
    ///
    /// ```
    /// use http::Request;
    /// use qoder_http::{Lane, RequestBody, Timeouts, Transport};
    ///
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let transport = Transport::builder().build()?;
    /// let request = Request::get("https://example.com/").body(RequestBody::empty())?;
    /// match transport.send(request, Lane::Call, Timeouts::default()).await {
    ///     Ok(response) => println!("{}", response.status()), // a 404 too
    ///     Err(error) => println!("{error} (sent: {:?})", error.sent()),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check); [`ErrorKind::Config`] outside of a tokio runtime; the errors
    /// of connecting and sending. [`Error::sent`] tells whether the request had left.
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
        // Pinned, so that there is room for it only here.
        let sending = pin!(
            self.start(request, lane, timeouts, &departure, runtime.id())
                .response()
        );
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

    fn start<'a>(
        &'a self,
        mut request: Request<RequestBody>,
        lane: Lane,
        timeouts: Timeouts,
        departure: &'a Departure,
        runtime: Id,
    ) -> Started<'a> {
        let gzip = self.shared.gzip;
        match &self.shared.wire {
            Wire::Hyper(lanes) => Started {
                negotiation: Negotiation::offer(&mut request, lane, gzip),
                by: By::Hyper(lanes.send(request, lane, departure, runtime)),
            },
            Wire::Service(send) => {
                let negotiation = Negotiation::of_service(&request, gzip);
                request.extensions_mut().insert(lane);
                request.extensions_mut().insert(timeouts);
                departure.left();
                Started {
                    negotiation,
                    by: By::Service(send(request)),
                }
            }
        }
    }
}

/// A request that was handed to those who send it.
struct Started<'a> {
    negotiation: Negotiation,
    by: By<'a>,
}

enum By<'a> {
    Hyper(lanes::Sending<'a>),
    Service(ResponseFuture),
}

impl Started<'_> {
    async fn response(self) -> Result<Response<ResponseBody>, Error> {
        let response = match self.by {
            By::Hyper(sending) => sending.response().await?,
            By::Service(sending) => sending.await?,
        };
        self.negotiation.apply(response)
    }
}

/// The limit for the head has passed.
struct Late;

/// Waits for the head of a response, as long as the body of its request goes on.
async fn within<T>(
    limit: Duration,
    body: Option<&request::SendProgress>,
    mut sending: Pin<&mut impl Future<Output = T>>,
) -> Result<T, Late> {
    let mut until = deadline(Instant::now(), limit);
    loop {
        if let Ok(sent) = timeout_at(until, sending.as_mut()).await {
            return Ok(sent);
        }
        let last = body.and_then(request::SendProgress::last);
        match last.and_then(|last| deadline(last, limit)) {
            later @ Some(_) if later > until => until = later,
            _ => return Err(Late),
        }
    }
}

/// For middleware: [`Lane`] and [`Timeouts`] are taken from the extensions of the request, and are
/// [`Lane::Call`] and the default limits without.
impl Service<Request<RequestBody>> for Transport {
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = ResponseFuture;

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
