//! The configuration of a transport.

use std::fmt;
use std::future::Future;
use std::io;
#[cfg(feature = "proxy")]
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper::client::conn::http1;
use hyper_util::client::legacy::Builder;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

#[cfg(feature = "proxy")]
use crate::connect::Routed;
use crate::connect::{Connector, Dial, Direct, TcpOptions, dial};
use crate::error::Error;
use crate::lane::StreamHttp;
use crate::lanes::{Lanes, Streams};
use crate::pools::{self, Pools};
#[cfg(feature = "proxy")]
use crate::proxy::{Proxy, ProxyRules};
use crate::stream_connection::StreamConnections;
use crate::time::finite;
use crate::timeouts::Timeouts;
use crate::tls::{NoTls, Tls};
use crate::transport::Transport;
use crate::versions::Versions;

/// hyper's buffer of a stream's own connection, which limits the size of its head. Where the request
/// has a body hyper reads the response too, and lets the buffer grow for as long as a server is faster
/// than it is read, by default to 408 KiB. A larger one doesn't make reading faster.
const STREAM_BUFFER: usize = 32 << 10;

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
    tcp: TcpOptions,
    #[cfg(feature = "proxy")]
    proxy: Option<Proxy>,
    tls: Option<Tls>,
    allow_plain_http: bool,
    pool_idle: Duration,
    pool_max_idle: usize,
    stream_http: StreamHttp,
    prior_knowledge: bool,
    http2_keep_alive: Option<(Duration, Duration)>,
    http2_windows: (u32, u32),
    max_head: Option<usize>,
    max_headers: Option<usize>,
    gzip: bool,
}

impl Default for TransportBuilder {
    fn default() -> Self {
        Self {
            connect: Timeouts::default().connect,
            dial: None,
            tcp: TcpOptions::default(),
            #[cfg(feature = "proxy")]
            proxy: None,
            tls: None,
            allow_plain_http: false,
            pool_idle: Duration::from_secs(90),
            pool_max_idle: 16,
            stream_http: StreamHttp::default(),
            prior_knowledge: false,
            http2_keep_alive: Some((Duration::from_secs(20), Duration::from_secs(10))),
            http2_windows: (2 << 20, 5 << 20),
            max_head: None,
            max_headers: None,
            gzip: cfg!(feature = "gzip"),
        }
    }
}

impl TransportBuilder {
    /// Sets the limit for connecting ([`Timeouts::connect`]). The other limits are those of each
    /// request; here they mean nothing. Default: 10 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use qoder_http::{Timeouts, Transport};
    ///
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// let limits = Timeouts::default().connect(Duration::from_secs(3));
    /// let transport = Transport::builder().timeouts(limits).build()?;
    /// # Ok(()) }
    /// ```
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.connect = timeouts.connect;
        self
    }

    /// Sets the function that makes the byte streams of connections in place of TCP: a pipe in
    /// memory for tests in virtual time, a Unix socket, a custom resolver.
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

    /// Sets how TCP connections are made and watched.
    pub fn tcp(mut self, options: TcpOptions) -> Self {
        self.tcp = options;
        self
    }

    /// Sets which proxies requests go through. Default: [`Proxy::from_env`], or [`Proxy::none`]
    /// with [`connect_with`](Self::connect_with), whose function makes the streams to the proxy if
    /// one is set.
    #[cfg(feature = "proxy")]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Sets how `https` is secured. Default: [`Tls::default_roots`].
    ///
    /// ```
    /// use qoder_http::{Tls, Transport};
    ///
    /// # fn f(authority: &[u8]) -> Result<(), qoder_http::Error> {
    /// let tls = Tls::builder().add_root_pem(authority).build()?; // and no other authority is trusted
    /// let transport = Transport::builder().tls(tls).build()?;
    /// # Ok(()) }
    /// ```
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Allows plain `http` to hosts other than loopback. Default: refused.
    ///
    /// ```
    /// use qoder_http::Transport;
    ///
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// let url = http::Uri::from_static("http://gateway.intern/");
    /// assert!(Transport::builder().build()?.check(&url).is_err());
    /// assert!(Transport::builder().allow_plain_http(true).build()?.check(&url).is_ok());
    /// # Ok(()) }
    /// ```
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.allow_plain_http = allow;
        self
    }

    /// Sets how long an unused connection is kept. A hundred years or more is no limit. Default:
    /// 90 s.
    pub fn pool_idle_timeout(mut self, idle: Duration) -> Self {
        self.pool_idle = idle;
        self
    }

    /// Sets how many unused connections are kept for each host, by each runtime. Default: 16.
    pub fn pool_max_idle_per_host(mut self, connections: usize) -> Self {
        self.pool_max_idle = connections;
        self
    }

    /// Sets how streams use HTTP. Default: [`StreamHttp::Http1`].
    ///
    /// ```
    /// use qoder_http::{StreamHttp, Transport};
    ///
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// let many_streams = Transport::builder().stream_http(StreamHttp::Http2Shared).build()?;
    /// # Ok(()) }
    /// ```
    pub fn stream_http(mut self, http: StreamHttp) -> Self {
        self.stream_http = http;
        self
    }

    /// Sets whether HTTP/2 is spoken without asking whether the peer speaks it (RFC 9113, section
    /// 3.3), over plain `http` too: for gateways that speak nothing else (h2c). It holds for calls,
    /// and for streams with [`StreamHttp::Http2Shared`]. Default: no, HTTP/2 is agreed upon by ALPN.
    #[cfg(feature = "http2")]
    pub fn http2_prior_knowledge(mut self, http2: bool) -> Self {
        self.prior_knowledge = http2;
        self
    }

    /// Sets when a silent peer of an HTTP/2 connection with open requests is asked for a sign of life
    /// (a PING): after each `interval`. The connection is given up when there is none for `timeout`.
    /// `None`, or a hundred years or more: never. Default: 20 s and 10 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use qoder_http::Transport;
    ///
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// let (every_5_s, wait) = (Duration::from_secs(5), Duration::from_secs(2));
    /// let transport = Transport::builder().http2_keep_alive(every_5_s, wait).build()?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "http2")]
    pub fn http2_keep_alive(
        mut self,
        interval: impl Into<Option<Duration>>,
        timeout: Duration,
    ) -> Self {
        self.http2_keep_alive = interval.into().map(|interval| (interval, timeout));
        self
    }

    /// Sets how many bytes of HTTP/2 bodies may lie unread, of one stream and of a whole connection
    /// (its flow-control windows, RFC 9113, section 5.2). Default: 2 MiB and 5 MiB.
    ///
    /// Small frames count more than their bytes: as long as it lies unread, a frame of less than
    /// 256 bytes takes what is missing to that from half of the connection's window (or from 25 KiB,
    /// if that is more), and if nothing is left, the connection ends with all that it carries.
    #[cfg(feature = "http2")]
    pub fn http2_windows(mut self, stream: u32, connection: u32) -> Self {
        self.http2_windows = (stream, connection);
        self
    }

    /// Sets the largest head of a response, status line and header fields together, in bytes; at
    /// least 8 KiB. A larger one is an [`ErrorKind::Protocol`](crate::ErrorKind::Protocol). Default:
    /// over HTTP/1.1 408 KiB for calls and 32 KiB for streams, over HTTP/2 16 KiB.
    ///
    /// Over HTTP/1.1 it is also the most that a connection buffers of what it reads, but for streams
    /// whose request has no body, which buffer up to 32 KiB. It is looked at after each read: a head
    /// of up to twice the size may pass.
    ///
    /// ```
    /// use qoder_http::Transport;
    ///
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// let transport = Transport::builder().max_head_bytes(64 << 10).build()?;
    /// # Ok(()) }
    /// ```
    pub fn max_head_bytes(mut self, bytes: usize) -> Self {
        self.max_head = Some(bytes.max(8192));
        self
    }

    /// Sets the largest number of header fields of a response over HTTP/1.1; over HTTP/2 their size
    /// is the limit. More are an [`ErrorKind::Protocol`](crate::ErrorKind::Protocol). Default: 100.
    pub fn max_headers(mut self, fields: usize) -> Self {
        self.max_headers = Some(fields);
        self
    }

    /// Sets whether compressed responses are asked for and decoded. Default: yes.
    ///
    /// Calls then have `Accept-Encoding: gzip`, streams and requests with a `Range` or with
    /// [`Coding::AsSent`](crate::Coding::AsSent) have `identity`, unless the caller has set the
    /// field. Without it no field is added. What was not asked for is refused:
    /// [`Coding`](crate::Coding).
    #[cfg(feature = "gzip")]
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = gzip;
        self
    }

    /// Builds the transport. Nothing is connected yet.
    ///
    /// Where no [`tls`](Self::tls) is set and the default can't be made, since no provider or no trust
    /// anchors are there, plain `http` to loopback works all the same, and requests to `https` are
    /// refused; [`Transport::check`] tells beforehand.
    ///
    /// ```
    /// use qoder_http::Transport;
    ///
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// let transport = Transport::builder().build()?;
    /// assert!(transport.check(&http::Uri::from_static("http://localhost:8080/")).is_ok());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the URL of a proxy in the environment is
    /// invalid.
    pub fn build(self) -> Result<Transport, Error> {
        let tls = match &self.tls {
            Some(tls) => Ok(tls.clone()),
            None => Tls::default_roots().map_err(|why| NoTls::new(&why)),
        };
        let base = match &self.dial {
            Some(dial) => Direct::Dial(dial.clone()),
            None => Direct::tcp(self.tcp.clone(), self.connect),
        };
        let many = if self.prior_knowledge {
            Versions::Http2
        } else {
            Versions::Both
        };
        #[cfg(feature = "proxy")]
        let rules = self.rules()?;
        #[cfg(feature = "proxy")]
        let base = Routed::new(base, tls.clone(), rules.clone());
        let connector = |versions| Connector::new(base.clone(), &tls, versions, self.connect);
        // Calls end, and others take their place.
        let calls = Pools::new(self.pool(), connector(many), usize::MAX);
        let streams = match self.stream_http {
            StreamHttp::Http1 => {
                let connector = connector(Versions::Http1);
                Streams::Alone(Box::new(StreamConnections::new(connector, self.http1())))
            }
            StreamHttp::Http2Shared => {
                #[allow(unused_mut, reason = "HTTP/2 alone has more to set")]
                let mut streams = self.pool();
                // A connection that the pool has let go of counts as idle, whatever streams it has.
                #[cfg(feature = "http2")]
                streams.http2_keep_alive_while_idle(true);
                Streams::Shared(Box::new(Pools::new(
                    streams,
                    connector(many),
                    pools::STREAMS,
                )))
            }
        };
        let lanes = Lanes {
            calls,
            streams,
            #[cfg(feature = "proxy")]
            proxies: rules,
        };
        Ok(Transport::from_lanes(
            lanes,
            tls.err(),
            self.gzip,
            self.allow_plain_http,
        ))
    }

    /// The rules for proxies, if there are any.
    #[cfg(feature = "proxy")]
    fn rules(&self) -> Result<Option<Arc<ProxyRules>>, Error> {
        let proxy = match (&self.proxy, &self.dial) {
            (Some(proxy), _) => proxy.clone(),
            (None, Some(_)) => Proxy::none(),
            (None, None) => Proxy::from_env()?,
        };
        Ok(proxy.rules(self.prior_knowledge).map(Arc::new))
    }

    /// Returns the settings of the connections of streams.
    fn http1(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(self.max_head.unwrap_or(STREAM_BUFFER));
        if let Some(fields) = self.max_headers {
            builder.max_headers(fields);
        }
        builder
    }

    /// Returns the builder of one lane's pools. Their HTTP is for the connections to say, also if
    /// it is known before: a pool that knows it has all wait for the first that connects, who may
    /// be waiting for something else.
    fn pool(&self) -> Builder {
        let mut builder = Builder::new(TokioExecutor::new());
        if let Some(bytes) = self.max_head {
            builder.http1_max_buf_size(bytes);
        }
        if let Some(fields) = self.max_headers {
            builder.http1_max_headers(fields);
        }
        builder
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(finite(self.pool_idle))
            .pool_max_idle_per_host(self.pool_max_idle);
        #[cfg(feature = "http2")]
        {
            let (stream, connection) = self.http2_windows;
            builder
                .http2_initial_stream_window_size(stream)
                .http2_initial_connection_window_size(connection);
            // A PING that may stay unanswered for ever tells nothing.
            let finite = |(interval, timeout)| Some((finite(interval)?, finite(timeout)?));
            if let Some((interval, timeout)) = self.http2_keep_alive.and_then(finite) {
                builder
                    .http2_keep_alive_interval(interval)
                    .http2_keep_alive_timeout(timeout);
            }
            if let Some(bytes) = self.max_head {
                builder.http2_max_header_list_size(u32::try_from(bytes).unwrap_or(u32::MAX));
            }
        }
        builder
    }
}

impl fmt::Debug for TransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("TransportBuilder");
        #[cfg(feature = "proxy")]
        out.field("proxy", &self.proxy);
        out.field("gzip", &self.gzip)
            .field("connect", &self.connect)
            .field("dial", &self.dial.as_ref().map(|_| "…"))
            .field("tcp", &self.tcp)
            .field("tls", &self.tls)
            .field("allow_plain_http", &self.allow_plain_http)
            .field("pool_idle", &self.pool_idle)
            .field("pool_max_idle", &self.pool_max_idle)
            .field("stream_http", &self.stream_http)
            .field("prior_knowledge", &self.prior_knowledge)
            .field("http2_keep_alive", &self.http2_keep_alive)
            .field("http2_windows", &self.http2_windows)
            .field("max_head", &self.max_head)
            .field("max_headers", &self.max_headers)
            .finish()
    }
}
