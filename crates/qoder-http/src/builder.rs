//! The configuration of a transport.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connect::{Base, Connector, Dial, Versions, dial};
use crate::error::Error;
use crate::tls::Tls;
use crate::transport::{Lanes, StreamHttp, Timeouts, Transport};

/// The configuration of a [`Transport`].
///
/// ```
/// use std::time::Duration;
/// use qoder_http::{Timeouts, Transport};
///
/// # fn main() -> Result<(), qoder_http::Error> {
/// let transport = Transport::builder()
///     .timeouts(Timeouts::default().connect(Duration::from_secs(3)))
///     .build()?;
/// # Ok(()) }
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct TransportBuilder {
    connect: Option<Duration>,
    dial: Option<Dial>,
    tls: Option<Tls>,
    allow_plain_http: bool,
    pool_idle: Duration,
    pool_max_idle: usize,
    stream_http: StreamHttp,
    prior_knowledge: bool,
}

impl Default for TransportBuilder {
    fn default() -> Self {
        Self {
            connect: Timeouts::default().connect,
            dial: None,
            tls: None,
            allow_plain_http: false,
            pool_idle: Duration::from_secs(90),
            pool_max_idle: 16,
            stream_http: StreamHttp::default(),
            prior_knowledge: false,
        }
    }
}

impl TransportBuilder {
    /// Sets the limit for connecting; the other limits go with each request.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.connect = timeouts.connect;
        self
    }

    /// Makes the byte streams of connections in place of TCP: a pipe in memory for tests in
    /// virtual time, a Unix socket, an own resolver.
    ///
    /// The function is given the scheme, host and port of a request's URL, once for each
    /// connection; which requests share one is decided as always. Over `https` the stream then
    /// carries TLS, made by the transport and for the host of the URL; over `http` it carries HTTP
    /// as it is. Plain `http` is for loopback hosts here too (`http://localhost/`), unless
    /// [`allow_plain_http`](Self::allow_plain_http) is set. The limit for connecting holds; an
    /// error of the function is an [`ErrorKind::Connect`](crate::ErrorKind::Connect).
    ///
    /// ```
    /// use qoder_http::{Lane, RequestBody, Timeouts, Transport};
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let transport = Transport::builder()
    ///     .connect_with(|_uri| async {
    ///         let (ours, mut theirs) = duplex(4096);
    ///         tokio::spawn(async move {
    ///             let _ = theirs.read(&mut [0; 4096]).await;
    ///             let _ = theirs.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
    ///         });
    ///         Ok(ours)
    ///     })
    ///     .build()?;
    /// let request = http::Request::get("http://localhost/").body(RequestBody::empty())?;
    /// let response = transport.send(request, Lane::Call, Timeouts::default()).await?;
    /// assert_eq!(response.into_body().collect(10).await?, "hi");
    /// # Ok(()) }
    /// ```
    pub fn connect_with<F, Fut, S>(mut self, connect: F) -> Self
    where
        F: Fn(Uri) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.dial = Some(dial(connect));
        self
    }

    /// Sets how `https` is secured. Default: [`Tls::default_roots`].
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Allows plain `http` to hosts other than loopback. Default: refused.
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.allow_plain_http = allow;
        self
    }

    /// How long an unused connection is kept: 90 s.
    pub fn pool_idle_timeout(mut self, idle: Duration) -> Self {
        self.pool_idle = idle;
        self
    }

    /// How many unused connections are kept for each host: 16.
    pub fn pool_max_idle_per_host(mut self, connections: usize) -> Self {
        self.pool_max_idle = connections;
        self
    }

    /// How streams use HTTP. Default: [`StreamHttp::Http1`].
    pub fn stream_http(mut self, http: StreamHttp) -> Self {
        self.stream_http = http;
        self
    }

    /// Speaks HTTP/2 without asking whether the peer does, over plain `http` too: for gateways
    /// that speak nothing else (h2c). It holds for calls, and for streams with
    /// [`StreamHttp::Http2Shared`]. Default: off, HTTP/2 is agreed upon by ALPN.
    #[cfg(feature = "http2")]
    pub fn http2_prior_knowledge(mut self, http2: bool) -> Self {
        self.prior_knowledge = http2;
        self
    }

    /// Builds the transport. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if TLS can't be set up.
    pub fn build(self) -> Result<Transport, Error> {
        let tls = match &self.tls {
            Some(tls) => tls.clone(),
            None => Tls::default_roots()?,
        };
        let base = match &self.dial {
            Some(dial) => Base::Dial(dial.clone()),
            None => Base::tcp(),
        };
        let many = if self.prior_knowledge {
            Versions::Http2
        } else {
            Versions::Both
        };
        let calls = self.client(&base, &tls, many, self.pool_max_idle);
        let streams = match self.stream_http {
            StreamHttp::Http1 => self.client(&base, &tls, Versions::Http1, 0),
            StreamHttp::Http2Shared => self.client(&base, &tls, many, self.pool_max_idle),
        };
        let lanes = Lanes { calls, streams };
        Ok(Transport::from_lanes(lanes, self.allow_plain_http))
    }

    /// The pool of one lane.
    fn client(
        &self,
        base: &Base,
        tls: &Tls,
        versions: Versions,
        max_idle: usize,
    ) -> Client<Connector, Full<Bytes>> {
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(self.pool_idle)
            .pool_max_idle_per_host(max_idle);
        #[cfg(feature = "http2")]
        builder
            .http2_only(versions == Versions::Http2)
            .http2_adaptive_window(true)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .http2_keep_alive_timeout(Duration::from_secs(10));
        builder.build(Connector::new(base.clone(), tls, versions, self.connect))
    }
}

impl fmt::Debug for TransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportBuilder")
            .field("connect", &self.connect)
            .field("dial", &self.dial.as_ref().map(|_| "…"))
            .field("tls", &self.tls)
            .field("allow_plain_http", &self.allow_plain_http)
            .field("pool_idle", &self.pool_idle)
            .field("pool_max_idle", &self.pool_max_idle)
            .field("stream_http", &self.stream_http)
            .field("prior_knowledge", &self.prior_knowledge)
            .finish()
    }
}
