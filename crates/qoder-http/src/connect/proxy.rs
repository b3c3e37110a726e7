//! Connections through proxies.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::client::proxy::matcher::Intercept;
use tower_service::Service;

use super::direct::Direct;
use super::stream::Stream;
use super::tunnel::{NoTunnel, tunnel};
use crate::error::{BoxError, Error, ErrorKind, Sent};
use crate::proxy::{ProxyRules, Route};
use crate::tls::{NoTls, Secured, Tls};
use crate::url::host_and_port;
use crate::versions::Versions;

/// Makes the byte streams to the hosts of URLs, through a proxy where the rules say so.
#[derive(Clone)]
pub(crate) struct Routed {
    base: Direct,
    /// TLS to proxies that want it.
    tls: Result<Tls, NoTls>,
    rules: Option<Arc<ProxyRules>>,
}

impl Routed {
    pub(crate) fn new(
        base: Direct,
        tls: Result<Tls, NoTls>,
        rules: Option<Arc<ProxyRules>>,
    ) -> Self {
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
                let stream = reach(base, &tls, &proxy).await?;
                match tunnel(stream, &to, proxy.basic_auth()).await {
                    Ok(stream) => Ok(stream),
                    // A 401 can't be the host's: it was not reached.
                    Err(NoTunnel::Refused(status @ (401 | 407))) => {
                        let given = proxy.basic_auth().is_some();
                        Err(unauthorized(&proxy, given, status).into())
                    }
                    Err(why) => Err(no_tunnel(&proxy, &to, why).into()),
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
                    Err(error) => Err(match Denied::of(&error) {
                        Some(Denied::Method) if proxy.raw_auth().is_some() => no_password(&proxy),
                        Some(denied) => {
                            let given = denied == Denied::Credentials;
                            unauthorized(&proxy, given, "SOCKS5")
                        }
                        None => no_tunnel(&proxy, &to, error),
                    }
                    .into()),
                }
            }),
        }
    }
}

/// A connection to the proxy itself.
async fn reach(
    mut base: Direct,
    tls: &Result<Tls, NoTls>,
    proxy: &Intercept,
) -> Result<Stream, Error> {
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

async fn secured(base: Direct, tls: &Result<Tls, NoTls>, to: Uri) -> Result<Stream, BoxError> {
    Secured::new(base, tls, Versions::Http1).call(to).await
}

/// A certificate of the proxy is as bad the next time, and so is what is not compiled in.
fn kind(error: &(dyn std::error::Error + 'static)) -> ErrorKind {
    #[cfg(feature = "__tls")]
    if crate::error::find(error).map(crate::error::tls_kind) == Some(ErrorKind::Certificate) {
        return ErrorKind::Certificate;
    }
    match error.downcast_ref::<Error>().map(Error::kind) {
        Some(ErrorKind::Config) => ErrorKind::Config,
        _ => ErrorKind::Proxy,
    }
}

/// The proxy's host and port.
fn name(proxy: &Intercept) -> &str {
    proxy
        .uri()
        .authority()
        .map_or("", |authority| authority.as_str())
}

/// The URL with the port that its scheme stands for: the maker of the tunnel takes 443 for any.
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

/// The reason why a SOCKS5 proxy refuses a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Denied {
    /// It doesn't accept the user or the password.
    Credentials,
    /// It accepts no way that was offered: none without credentials, or none with a password.
    Method,
}

impl Denied {
    /// The error has no public type, so its text has to tell. With another text it would be a
    /// refusal like others, which is tried again: a test would see it.
    fn of(error: &impl std::error::Error) -> Option<Self> {
        let text = error.to_string();
        if text.ends_with("credentials not accepted") {
            Some(Self::Credentials)
        } else if text.ends_with("does not support user/pass authentication") {
            Some(Self::Method)
        } else {
            None
        }
    }
}

/// The proxy wants credentials, or others than were `given`: it said so by `word`.
fn unauthorized(proxy: &Intercept, given: bool, word: impl fmt::Display) -> Error {
    let name = name(proxy);
    let message = if given {
        format!("the proxy {name} doesn't accept its credentials ({word})")
    } else {
        let scheme = proxy.uri().scheme_str().unwrap_or("http");
        format!(
            "the proxy {name} wants credentials ({word}): name them in its URL, {scheme}://user:password@…"
        )
    };
    Error::new(ErrorKind::ProxyAuth, Sent::No, message)
}

fn no_password(proxy: &Intercept) -> Error {
    let name = name(proxy);
    let message = format!("the proxy {name} takes no user and password (SOCKS5)");
    Error::new(ErrorKind::ProxyAuth, Sent::No, message)
}

fn no_tunnel(
    proxy: &Intercept,
    to: &Uri,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    let (name, host) = (name(proxy), host_and_port(to));
    let cause = crate::error::innermost(&error);
    let message = format!("the proxy {name} made no tunnel to {host}: {cause}");
    Error::new(ErrorKind::Proxy, Sent::No, message).with_source(error)
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
