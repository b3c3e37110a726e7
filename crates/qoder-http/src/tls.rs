//! TLS: who does the cryptography, and whom to trust.
//!
//! The provider is chosen in this order, never by accident: the caller's own configuration, the
//! process default if the program installed one, aws-lc-rs if it was compiled in, ring if it was.

use std::fmt;
#[cfg(feature = "__tls")]
use std::sync::Arc;

#[cfg(feature = "__tls")]
use rustls::{ClientConfig, crypto::CryptoProvider};

use crate::connect::{Base, Versions};
use crate::error::Error;
#[cfg(feature = "__tls")]
use crate::error::{ErrorKind, Sent};

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
    /// The compiled-in provider with the trust anchors of the operating system
    /// (`roots-platform`), else with Mozilla's (`roots-bundled`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if no provider or no trust anchors are there.
    pub fn default_roots() -> Result<Self, Error> {
        #[cfg(not(feature = "__tls"))]
        return Ok(Self {});
        #[cfg(feature = "__tls")]
        {
            let builder = ClientConfig::builder_with_provider(provider()?)
                .with_safe_default_protocol_versions()
                .map_err(|error| {
                    config_error("the TLS provider offers no usable version", error)
                })?;
            #[cfg(feature = "roots-platform")]
            {
                use rustls_platform_verifier::BuilderVerifierExt;
                let builder = builder.with_platform_verifier().map_err(|error| {
                    config_error("the platform's trust anchors can't be used", error)
                })?;
                Ok(Self {
                    config: Arc::new(builder.with_no_client_auth()),
                })
            }
            #[cfg(all(feature = "roots-bundled", not(feature = "roots-platform")))]
            {
                let roots: rustls::RootCertStore =
                    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
                Ok(Self {
                    config: Arc::new(builder.with_root_certificates(roots).with_no_client_auth()),
                })
            }
            #[cfg(not(any(feature = "roots-bundled", feature = "roots-platform")))]
            {
                // Whom to trust is left open: every server is refused, plain http still works.
                let roots = rustls::RootCertStore::empty();
                Ok(Self {
                    config: Arc::new(builder.with_root_certificates(roots).with_no_client_auth()),
                })
            }
        }
    }

    /// A configuration made by hand: a private authority, client certificates, another provider.
    /// ALPN is set by the transport.
    #[cfg(feature = "__tls")]
    pub fn from_rustls(config: Arc<ClientConfig>) -> Self {
        Self { config }
    }

    #[cfg(feature = "__tls")]
    pub(crate) fn wrap(
        &self,
        base: Base,
        versions: Versions,
    ) -> hyper_rustls::HttpsConnector<Base> {
        let mut config = ClientConfig::clone(&self.config);
        // The builder sets ALPN itself and insists on finding none.
        config.alpn_protocols.clear();
        let builder = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http();
        match versions {
            Versions::Http1 => builder.enable_http1().wrap_connector(base),
            #[cfg(feature = "http2")]
            Versions::Both => builder.enable_all_versions().wrap_connector(base),
            #[cfg(feature = "http2")]
            Versions::Http2 => builder.enable_http2().wrap_connector(base),
            #[cfg(not(feature = "http2"))]
            Versions::Both | Versions::Http2 => builder.enable_http1().wrap_connector(base),
        }
    }

    #[cfg(not(feature = "__tls"))]
    #[allow(clippy::unused_self, reason = "the same shape with and without TLS")]
    pub(crate) fn wrap(&self, base: Base, _: Versions) -> Base {
        base
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
    Err(Error::new(
        ErrorKind::Config,
        Sent::No,
        "no TLS provider: enable `tls-ring` or `tls-aws-lc-rs`, or install one as the process default",
    ))
}

#[cfg(feature = "__tls")]
#[allow(dead_code, reason = "without a provider nothing gets as far")]
fn config_error(what: &str, error: rustls::Error) -> Error {
    Error::new(ErrorKind::Config, Sent::No, format!("{what}: {error}")).with_source(error)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}
