//! TLS: who does the cryptography, and whom to trust.
//!
//! The provider is chosen in this order, never by accident: the caller's own configuration, the
//! one named to the builder, the process default if the program installed one, aws-lc-rs if it was
//! compiled in, ring if it was.

#[cfg(feature = "__tls")]
mod builder;
mod connector;

use std::fmt;
#[cfg(feature = "__tls")]
use std::sync::Arc;
#[cfg(any(feature = "tls-aws-lc-rs", feature = "tls-ring"))]
use std::sync::LazyLock;

#[cfg(feature = "__tls")]
use rustls::{ClientConfig, crypto::CryptoProvider};

#[cfg(feature = "__tls")]
pub use builder::TlsBuilder;
pub(crate) use connector::{NoTls, Secured};

use crate::error::{Error, ErrorKind, Sent};

/// The settings of TLS for `https` connections.
///
/// There is none that secures nothing: without a provider, or without anybody to trust, making one
/// is an error that names the features which bring them. A [`Transport`](crate::Transport) needs
/// none for plain `http` to loopback.
///
/// ```
/// use qoder_http::{ErrorKind, Tls};
///
/// match Tls::default_roots() {
///     Ok(tls) => println!("{tls:?}"),
///     Err(error) => assert_eq!(error.kind(), ErrorKind::Config),
/// }
/// ```
#[derive(Clone)]
pub struct Tls {
    #[cfg(feature = "__tls")]
    config: Arc<ClientConfig>,
    /// There is none.
    #[cfg(not(feature = "__tls"))]
    nothing: std::convert::Infallible,
}

impl Tls {
    /// Returns a configuration that trusts what is compiled in: the operating system's verifier
    /// (`roots-platform`), else its list of trust anchors (`roots-native`), else Mozilla's
    /// (`roots-bundled`). To choose, and to trust a private authority, use
    /// [`builder`](Self::builder).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if there is no provider, if no trust anchors are compiled in, or if the
    /// operating system has none.
    pub fn default_roots() -> Result<Self, Error> {
        #[cfg(not(feature = "__tls"))]
        return Err(config_error(
            "https needs TLS, and none was compiled in: enable a `tls-*` and a `roots-*` feature",
        ));
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
    // One for the whole process, so that what is made with it can be shared.
    #[cfg(feature = "tls-aws-lc-rs")]
    {
        static COMPILED_IN: LazyLock<Arc<CryptoProvider>> =
            LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        Ok(Arc::clone(&COMPILED_IN))
    }
    #[cfg(all(feature = "tls-ring", not(feature = "tls-aws-lc-rs")))]
    {
        static COMPILED_IN: LazyLock<Arc<CryptoProvider>> =
            LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));
        Ok(Arc::clone(&COMPILED_IN))
    }
    #[cfg(not(any(feature = "tls-aws-lc-rs", feature = "tls-ring")))]
    Err(config_error(
        "https needs a TLS provider, and there is none: enable `tls-ring` or `tls-aws-lc-rs`, or install one as the \
         process default",
    ))
}

fn config_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, Sent::No, message)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}
