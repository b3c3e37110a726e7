//! TLS over the streams of `https` URLs, or the reason why there is none.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use http::uri::Scheme;
#[cfg(feature = "__tls")]
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use tower_service::Service;

use super::Tls;
use crate::connect::Stream;
use crate::error::{BoxError, Error, ErrorKind, Sent};
use crate::versions::Versions;

/// The reason why `https` can't be used.
#[derive(Clone, Debug)]
pub(crate) struct NoTls(Arc<str>);

impl NoTls {
    pub(crate) fn new(why: &Error) -> Self {
        Self(why.to_string().into())
    }

    pub(crate) fn error(&self) -> Error {
        Error::new(ErrorKind::Config, Sent::No, &*self.0)
    }
}

/// A connection on its way.
type Securing = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

/// Makes connections out of what makes the streams below.
#[derive(Clone)]
pub(crate) struct Secured<C>(Kind<C>);

#[derive(Clone)]
enum Kind<C> {
    #[cfg(feature = "__tls")]
    Tls(HttpsConnector<C>),
    Plain(C, NoTls),
}

impl<C> Secured<C> {
    pub(crate) fn new(lower: C, tls: &Result<Tls, NoTls>, versions: Versions) -> Self {
        match tls {
            #[cfg(feature = "__tls")]
            Ok(tls) => Self(Kind::Tls(wrapped(lower, tls, versions))),
            #[cfg(not(feature = "__tls"))]
            Ok(tls) => match (tls.nothing, versions) {},
            Err(why) => Self(Kind::Plain(lower, why.clone())),
        }
    }
}

#[cfg(feature = "__tls")]
fn wrapped<C>(lower: C, tls: &Tls, versions: Versions) -> HttpsConnector<C> {
    let mut config = rustls::ClientConfig::clone(&tls.config);
    // The builder sets ALPN itself and insists on finding none.
    config.alpn_protocols.clear();
    let builder = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http();
    match versions {
        Versions::Http1 => builder.enable_http1().wrap_connector(lower),
        #[cfg(feature = "http2")]
        Versions::Both => builder.enable_all_versions().wrap_connector(lower),
        #[cfg(feature = "http2")]
        Versions::Http2 => builder.enable_http2().wrap_connector(lower),
        #[cfg(not(feature = "http2"))]
        Versions::Both | Versions::Http2 => builder.enable_http1().wrap_connector(lower),
    }
}

impl<C> Service<Uri> for Secured<C>
where
    C: Service<Uri, Response = Stream, Error = BoxError>,
    C::Future: Send + 'static,
{
    type Response = Stream;
    type Error = BoxError;
    type Future = Securing;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match &mut self.0 {
            #[cfg(feature = "__tls")]
            Kind::Tls(connector) => connector.poll_ready(cx),
            Kind::Plain(lower, _) => lower.poll_ready(cx),
        }
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        match &mut self.0 {
            #[cfg(feature = "__tls")]
            Kind::Tls(connector) => {
                let connecting = connector.call(to);
                Box::pin(async move {
                    Ok(match connecting.await? {
                        MaybeHttpsStream::Http(stream) => stream,
                        secured @ MaybeHttpsStream::Https(_) => Stream::new(secured),
                    })
                })
            }
            Kind::Plain(_, why) if to.scheme() == Some(&Scheme::HTTPS) => {
                let error = why.error();
                Box::pin(std::future::ready(Err(error.into())))
            }
            Kind::Plain(lower, _) => Box::pin(lower.call(to)),
        }
    }
}
