//! Connections through proxies.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::Intercept;
use tower_service::Service;

use super::{Base, Stream};
use crate::error::{BoxError, Error, ErrorKind, Sent};
use crate::proxy::{Route, Rules};
use crate::tls::Tls;

/// Makes the byte streams to the hosts of URLs, through a proxy where the rules say so.
#[derive(Clone)]
pub(crate) struct Routed {
    base: Base,
    /// TLS to proxies that want it.
    tls: Tls,
    rules: Option<Arc<Rules>>,
}

impl Routed {
    pub(crate) fn new(base: Base, tls: Tls, rules: Option<Arc<Rules>>) -> Self {
        Self { base, tls, rules }
    }
}

impl Service<Uri> for Routed {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.base.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let route = self.rules.as_ref().and_then(|rules| rules.route(&to));
        let (base, tls) = (self.base.clone(), self.tls.clone());
        match route {
            None => self.base.call(to),
            Some(Route::Forward(proxy)) => Box::pin(async move {
                let stream = reach(base, &tls, &proxy).await?;
                Ok(stream.read_by_proxy())
            }),
            Some(Route::Tunnel(proxy)) => Box::pin(async move {
                let heard = Heard::new(reach(base, &tls, &proxy).await?);
                let answer = heard.answer.clone();
                let mut tunnel = Tunnel::new(proxy.uri().clone(), Ready(Some(heard)));
                if let Some(basic) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(basic.clone());
                }
                match tunnel.call(with_port(to.clone())).await {
                    Ok(heard) => Ok(heard.stream),
                    Err(error) => Err(no_tunnel(&proxy, &to, error, answer.status()).into()),
                }
            }),
            Some(Route::Socks(proxy)) => Box::pin(async move {
                let stream = reach(base, &tls, &proxy).await?;
                let mut socks = SocksV5::new(proxy.uri().clone(), Ready(Some(stream)));
                if let Some((user, password)) = proxy.raw_auth() {
                    socks = socks.with_auth(user.to_owned(), password.to_owned());
                }
                match socks.call(with_port(to.clone())).await {
                    Ok(stream) => Ok(stream),
                    Err(error) => Err(no_tunnel(&proxy, &to, error, None).into()),
                }
            }),
        }
    }
}

/// A connection to the proxy itself.
async fn reach(mut base: Base, tls: &Tls, proxy: &Intercept) -> Result<Stream, Error> {
    let to = proxy.uri().clone();
    let connected = if to.scheme() == Some(&http::uri::Scheme::HTTPS) {
        secured(base, tls, to).await
    } else {
        base.call(to).await
    };
    connected.map_err(|error| {
        let cause = crate::error::innermost(&*error);
        let message = format!("no connection to the proxy {}: {cause}", name(proxy));
        Error::new(kind(&*error), Sent::No, message).with_source(error)
    })
}

#[cfg(feature = "__tls")]
async fn secured(base: Base, tls: &Tls, to: Uri) -> Result<Stream, BoxError> {
    let stream = tls.wrap(base, super::Versions::Http1).call(to).await?;
    Ok(Stream::other(hyper_util::rt::TokioIo::new(stream)))
}

#[cfg(not(feature = "__tls"))]
fn secured(_: Base, _: &Tls, _: Uri) -> std::future::Ready<Result<Stream, BoxError>> {
    std::future::ready(Err("it wants TLS, and none was compiled in".into()))
}

/// A certificate of the proxy is as bad the next time.
#[cfg(feature = "__tls")]
fn kind(error: &(dyn std::error::Error + 'static)) -> ErrorKind {
    match crate::error::find(error).map(crate::error::tls_kind) {
        Some(ErrorKind::Certificate) => ErrorKind::Certificate,
        _ => ErrorKind::Proxy,
    }
}

#[cfg(not(feature = "__tls"))]
fn kind(_: &(dyn std::error::Error + 'static)) -> ErrorKind {
    ErrorKind::Proxy
}

/// The proxy's host and port.
fn name(proxy: &Intercept) -> &str {
    proxy
        .uri()
        .authority()
        .map_or("", |authority| authority.as_str())
}

/// The URL with the port that its scheme stands for: the makers of tunnels take 443 for any.
fn with_port(to: Uri) -> Uri {
    if to.port().is_some() || to.scheme() != Some(&http::uri::Scheme::HTTP) {
        return to;
    }
    let host = to.host().unwrap_or_default();
    let parts = Uri::builder()
        .scheme("http")
        .authority(format!("{host}:80"))
        .path_and_query("/");
    parts.build().unwrap_or(to)
}

fn no_tunnel(
    proxy: &Intercept,
    to: &Uri,
    error: impl std::error::Error + Send + Sync + 'static,
    status: Option<u16>,
) -> Error {
    let (name, host) = (name(proxy), crate::error::place(to));
    let kind = if status == Some(407) {
        ErrorKind::ProxyAuth
    } else {
        ErrorKind::Proxy
    };
    let message = match status {
        Some(407) if proxy.basic_auth().is_some() => {
            format!("the proxy {name} doesn't accept its credentials (407)")
        }
        Some(407) => format!(
            "the proxy {name} wants credentials (407): name them in its URL, http://user:password@…"
        ),
        Some(status) => format!("the proxy {name} made no tunnel to {host}: it answered {status}"),
        None => {
            let cause = crate::error::innermost(&error);
            format!("the proxy {name} made no tunnel to {host}: {cause}")
        }
    };
    Error::new(kind, Sent::No, message).with_source(error)
}

/// Hands out a stream that is already there, once.
struct Ready<T>(Option<T>);

impl<T: Send + 'static> Service<Uri> for Ready<T> {
    type Response = T;
    type Error = io::Error;
    type Future = std::future::Ready<Result<T, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let stream = self
            .0
            .take()
            .ok_or_else(|| io::ErrorKind::NotConnected.into());
        std::future::ready(stream)
    }
}

/// A stream on which a tunnel is made: the first line that is read stays known, for the error.
struct Heard {
    stream: Stream,
    answer: Answer,
}

#[derive(Clone, Default)]
struct Answer(Arc<Mutex<Vec<u8>>>);

impl Answer {
    /// `HTTP/1.1 407 …`: as much as is needed.
    const LINE: usize = 12;

    fn keep(&self, read: &[u8]) {
        if let Ok(mut line) = self.0.lock() {
            let left = Self::LINE.saturating_sub(line.len());
            line.extend_from_slice(&read[..left.min(read.len())]);
        }
    }

    fn status(&self) -> Option<u16> {
        let line = self.0.lock().ok()?;
        let status = line.strip_prefix(b"HTTP/1.")?.get(2..5)?;
        std::str::from_utf8(status).ok()?.parse().ok()
    }
}

impl Heard {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            answer: Answer::default(),
        }
    }
}

impl Read for Heard {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; 512];
        let most = bytes.len().min(buf.remaining());
        let mut read = ReadBuf::new(&mut bytes[..most]);
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_read(cx, read.unfilled());
        this.answer.keep(read.filled());
        buf.put_slice(read.filled());
        polled
    }
}

impl Write for Heard {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
