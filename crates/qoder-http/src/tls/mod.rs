//! TLS: who does the cryptography, and whom to trust.
//!
//! The provider is chosen in this order, never by accident: the caller's own configuration, the
//! one named to the builder, the process default if the program installed one, aws-lc-rs if it was
//! compiled in, ring if it was.

#[cfg(feature = "__tls")]
mod builder;

use std::fmt;
#[cfg(feature = "__tls")]
use std::sync::Arc;

#[cfg(feature = "__tls")]
use rustls::{ClientConfig, crypto::CryptoProvider};

#[cfg(feature = "__tls")]
pub use builder::TlsBuilder;

use crate::error::Error;
#[cfg(feature = "__tls")]
use crate::error::{ErrorKind, Sent};
use crate::versions::Versions;

/// How `https` connections are secured.
///
/// With no TLS compiled in there is nothing to choose: `https` is refused with an error that
/// names the features, and plain `http` to loopback works.
#[derive(Clone)]
pub struct Tls {
    #[cfg(feature = "__tls")]
    config: Arc<ClientConfig>,
}

impl Tls {
    /// Returns a configuration that trusts what is compiled in: the operating system's verifier
    /// (`roots-platform`), else its list of trust anchors (`roots-native`), else Mozilla's
    /// (`roots-bundled`). To choose, and to trust a private authority, use
    /// [`builder`](Self::builder).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if there is no provider, or if the operating system has no trust
    /// anchors.
    pub fn default_roots() -> Result<Self, Error> {
        #[cfg(not(feature = "__tls"))]
        return Ok(Self {});
        #[cfg(feature = "__tls")]
        Self::builder().default_roots().build()
    }

    /// Starts a configuration: whom to trust, and a client certificate.
    #[cfg(feature = "__tls")]
    pub fn builder() -> TlsBuilder {
        TlsBuilder::default()
    }

    /// Returns a configuration made of one of rustls, for what the [`builder`](Self::builder) doesn't
    /// offer: another provider, a custom verifier, TLS 1.3 alone. ALPN is set by the transport.
    #[cfg(feature = "__tls")]
    pub fn from_rustls(config: Arc<ClientConfig>) -> Self {
        Self { config }
    }

    #[cfg(feature = "__tls")]
    pub(crate) fn wrap<C>(&self, lower: C, versions: Versions) -> hyper_rustls::HttpsConnector<C> {
        let mut config = ClientConfig::clone(&self.config);
        // The builder sets ALPN itself and insists on finding none.
        config.alpn_protocols.clear();
        let builder = hyper_rustls::HttpsConnectorBuilder::new()
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

    #[cfg(not(feature = "__tls"))]
    #[allow(clippy::unused_self, reason = "the same shape with and without TLS")]
    pub(crate) fn wrap<C>(&self, lower: C, _: Versions) -> C {
        lower
    }
}

#[cfg(feature = "__tls")]
#[allow(
    clippy::unnecessary_wraps,
    reason = "without a compiled-in provider there may be none"
)]
fn provider() -> Result<Arc<CryptoProvider>, Error> {
    if let Some(installed) = CryptoProvider::get_default() {
        return Ok(Arc::clone(installed));
    }
    #[cfg(feature = "tls-aws-lc-rs")]
    return Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(all(feature = "tls-ring", not(feature = "tls-aws-lc-rs")))]
    return Ok(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(any(feature = "tls-aws-lc-rs", feature = "tls-ring")))]
    Err(config_error(
        "no TLS provider: enable `tls-ring` or `tls-aws-lc-rs`, or install one as the process default",
    ))
}

#[cfg(feature = "__tls")]
fn config_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, Sent::No, message)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}
