//! A TLS configuration: whom to trust, and the client's identity.

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "roots-platform")]
use std::sync::{Mutex, PoisonError};

use rustls::client::WantsClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use super::{Tls, config_error, provider};
use crate::error::Error;

/// The configuration of a [`Tls`].
///
/// Whatever is named here is trusted: one list of trust anchors, of which the last one named counts,
/// and private authorities. If only those are named, nobody else is trusted; if nothing is named, it
/// is as with [`default_roots`](Self::default_roots).
///
/// ```no_run
/// # #[cfg(feature = "tls-ring")]
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// use qoder_http::{Tls, Transport};
///
/// let tls = Tls::builder()
///     .default_roots()
///     .add_root_pem(std::fs::read("/etc/ssl/corporate-ca.pem")?)
///     .client_identity_pem(std::fs::read("client.pem")?, std::fs::read("client.key")?)
///     .build()?;
/// let transport = Transport::builder().tls(tls).build()?;
/// # Ok(()) }
/// ```
#[derive(Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct TlsBuilder {
    list: Option<List>,
    extra: Vec<CertificateDer<'static>>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    provider: Option<Arc<CryptoProvider>>,
    /// The first input that can't be used.
    error: Option<Error>,
}

/// A list of trust anchors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    #[cfg(feature = "roots-platform")]
    Platform,
    #[cfg(feature = "roots-native")]
    Native,
    #[cfg(feature = "roots-bundled")]
    Bundled,
    /// None: the added authorities alone.
    Nobody,
}

impl List {
    const DEFAULT: Self = {
        #[cfg(feature = "roots-platform")]
        {
            Self::Platform
        }
        #[cfg(all(feature = "roots-native", not(feature = "roots-platform")))]
        {
            Self::Native
        }
        #[cfg(all(
            feature = "roots-bundled",
            not(any(feature = "roots-native", feature = "roots-platform"))
        ))]
        {
            Self::Bundled
        }
        #[cfg(not(any(
            feature = "roots-bundled",
            feature = "roots-native",
            feature = "roots-platform"
        )))]
        {
            Self::Nobody
        }
    };
}

impl TlsBuilder {
    /// Trusts the first compiled-in list of: [`platform_roots`](Self::platform_roots),
    /// `native_roots`, `bundled_roots`. With none compiled in, the added authorities are trusted
    /// alone.
    pub fn default_roots(mut self) -> Self {
        self.list = Some(List::DEFAULT);
        self
    }

    /// Lets the operating system's verifier decide, or on systems without one its list of trust
    /// anchors. The list is read once for each process, or by each [`build`](Self::build) that adds
    /// an authority to it.
    #[cfg(feature = "roots-platform")]
    pub fn platform_roots(mut self) -> Self {
        self.list = Some(List::Platform);
        self
    }

    /// Trusts the operating system's list of trust anchors, or that of `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` if one is set. It is read by [`build`](Self::build).
    #[cfg(feature = "roots-native")]
    pub fn native_roots(mut self) -> Self {
        self.list = Some(List::Native);
        self
    }

    /// Trusts the compiled-in copy of Mozilla's list. It is as old as the build.
    ///
    /// ```
    /// # #[cfg(feature = "tls-ring")]
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// use qoder_http::{Tls, Transport};
    ///
    /// let tls = Tls::builder().bundled_roots().build()?; // the same on every machine
    /// let transport = Transport::builder().tls(tls).build()?;
    /// # Ok(()) }
    /// # #[cfg(not(feature = "tls-ring"))]
    /// # fn main() {}
    /// ```
    #[cfg(feature = "roots-bundled")]
    pub fn bundled_roots(mut self) -> Self {
        self.list = Some(List::Bundled);
        self
    }

    /// Trusts the authorities whose certificates are in this PEM text: one or more, other
    /// sections are skipped.
    ///
    /// ```
    /// # #[cfg(feature = "tls-ring")] {
    /// use qoder_http::{ErrorKind, Tls};
    ///
    /// let error = Tls::builder().add_root_pem("no certificate").build().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Config);
    /// # }
    /// ```
    pub fn add_root_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        match certificates(pem.as_ref(), "the PEM text of a trusted authority") {
            Ok(found) => self.extra.extend(found),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Trusts the authority with this certificate in DER.
    pub fn add_root_der(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.extra.push(CertificateDer::from(der.into()));
        self
    }

    /// Presents a certificate to servers that ask for one: its chain, the client's certificate
    /// first, and its private key (PKCS#8, PKCS#1 or SEC1, not encrypted), as PEM texts. Both may be
    /// the same text.
    pub fn client_identity_pem(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        let chain = certificates(chain.as_ref(), "the PEM text of the client certificate");
        let key = PrivateKeyDer::from_pem_slice(key.as_ref());
        match (chain, key) {
            (Ok(chain), Ok(key)) => self.identity = Some((chain, key)),
            (Err(error), _) => self.fail(error),
            // The error could quote the text, which is secret.
            (_, Err(_)) => self.fail(config_error(
                "the PEM text of the client's key has no private key that is not encrypted",
            )),
        }
        self
    }

    /// Uses ring, whatever else is compiled in or installed.
    #[cfg(feature = "tls-ring")]
    pub fn ring(mut self) -> Self {
        self.provider = Some(Arc::new(rustls::crypto::ring::default_provider()));
        self
    }

    /// Uses aws-lc-rs, whatever else is compiled in or installed.
    #[cfg(feature = "tls-aws-lc-rs")]
    pub fn aws_lc_rs(mut self) -> Self {
        self.provider = Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        self
    }

    /// Builds the configuration.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if a PEM text has no certificate or key, a
    /// certificate is invalid, the key is not the certificate's, the operating system's trust
    /// anchors can't be read, nobody is trusted, or there is no provider.
    pub fn build(self) -> Result<Tls, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let provider = match self.provider {
            Some(provider) => provider,
            None => provider()?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                config_error(format!(
                    "the TLS provider offers no usable version: {error}"
                ))
            })?;
        let list = match self.list {
            Some(list) => list,
            None if self.extra.is_empty() => List::DEFAULT,
            None => List::Nobody,
        };
        if list == List::Nobody && self.extra.is_empty() {
            return Err(config_error(
                "https needs somebody to trust, and nobody is: enable a `roots-*` feature, or name an authority with \
                 `Tls::builder().add_root_pem(..)`",
            ));
        }
        let builder = trusting(builder, list, self.extra, &provider)?;
        let config = match self.identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
                config_error(format!("the client certificate can't be used: {error}"))
            })?,
            None => builder.with_no_client_auth(),
        };
        Ok(Tls::from_rustls(Arc::new(config)))
    }

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }
}

impl fmt::Debug for TlsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsBuilder")
            .field("list", &self.list)
            .field("authorities", &self.extra.len())
            .field("identity", &self.identity.is_some())
            .finish_non_exhaustive()
    }
}

/// The certificates of a PEM text, at least one.
fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(config_error(format!("{what} has no certificate"))),
        Err(_) => Err(config_error(format!("{what} is no PEM"))),
    }
}

/// Adds whom to trust.
#[allow(
    unused_variables,
    reason = "the provider is for the platform's verifier"
)]
fn trusting(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    list: List,
    extra: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Error> {
    #[cfg(feature = "roots-platform")]
    if list == List::Platform {
        let verifier = if extra.is_empty() {
            shared_platform(provider)?
        } else {
            // It doesn't say which certificate it can't read.
            for certificate in &extra {
                add(&mut RootCertStore::empty(), certificate.clone())?;
            }
            Arc::new(platform(extra, Arc::clone(provider))?)
        };
        return Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(verifier));
    }
    let mut roots = RootCertStore::empty();
    match list {
        #[cfg(feature = "roots-platform")]
        List::Platform => {}
        #[cfg(feature = "roots-native")]
        List::Native => {
            let loaded = rustls_native_certs::load_native_certs();
            let (added, _) = roots.add_parsable_certificates(loaded.certs);
            if added == 0 {
                let why = loaded
                    .errors
                    .first()
                    .map_or_else(|| "there are none".to_owned(), ToString::to_string);
                return Err(no_anchors(&why));
            }
        }
        #[cfg(feature = "roots-bundled")]
        List::Bundled => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        List::Nobody => {}
    }
    for certificate in extra {
        add(&mut roots, certificate)?;
    }
    Ok(builder.with_root_certificates(roots))
}

fn add(roots: &mut RootCertStore, certificate: CertificateDer<'static>) -> Result<(), Error> {
    roots.add(certificate).map_err(|error| {
        config_error(format!(
            "the certificate of a trusted authority can't be read: {error}"
        ))
    })
}

#[cfg(any(feature = "roots-platform", feature = "roots-native"))]
fn no_anchors(why: &str) -> Error {
    config_error(format!(
        "the operating system's trust anchors can't be used ({why}): install them (`ca-certificates`), name a file in \
         SSL_CERT_FILE, or compile in `roots-bundled` and choose `Tls::builder().bundled_roots()`"
    ))
}

/// The platform's verifier, made once for each process: where it is a list of trust anchors, to read
/// them is nearly all that a client costs.
#[cfg(feature = "roots-platform")]
fn shared_platform(
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<rustls_platform_verifier::Verifier>, Error> {
    type Made = (Arc<CryptoProvider>, Arc<rustls_platform_verifier::Verifier>);
    static MADE: Mutex<Option<Made>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((by, verifier)) = &*made {
        if Arc::ptr_eq(by, provider) {
            return Ok(Arc::clone(verifier));
        }
    }
    let verifier = Arc::new(platform(Vec::new(), Arc::clone(provider))?);
    *made = Some((Arc::clone(provider), Arc::clone(&verifier)));
    Ok(verifier)
}

#[cfg(all(feature = "roots-platform", not(target_os = "android")))]
fn platform(
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<rustls_platform_verifier::Verifier, Error> {
    rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider)
        .map_err(|error| no_anchors(&error.to_string()))
}

/// The verifier of Android takes no others.
#[cfg(all(feature = "roots-platform", target_os = "android"))]
fn platform(
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<rustls_platform_verifier::Verifier, Error> {
    if !extra.is_empty() {
        return Err(config_error(
            "the platform's verifier takes no added authorities here: choose another list for them",
        ));
    }
    rustls_platform_verifier::Verifier::new(provider)
        .map_err(|error| no_anchors(&error.to_string()))
}
