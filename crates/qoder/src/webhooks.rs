//! Webhooks: what the platform posts to a server of the caller's, verified and read.
//!
//! A [`Verifier`] needs the headers and the raw bytes of a request, before anything parses them, so
//! it works with any server:
//!
//! ```
//! use qoder::types::WebhookData;
//! use qoder::webhooks::{Verifier, VerifyError};
//!
//! # fn respond(_: u16) {}
//! # fn receive(headers: &http::HeaderMap, body: &[u8]) -> Result<(), VerifyError> {
//! let verifier = Verifier::new("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
//! let delivery = verifier.verify(headers, body)?; // an error: answer 400, and do nothing
//! if let Some(WebhookData::SessionStatusIdled(session)) = &delivery.event.data {
//!     println!("{} has ended its turn", session.id);
//! }
//! respond(204); // any 2xx: otherwise it is delivered again
//! # Ok(()) }
//! ```
//!
//! Deliveries are *at least once*: an event comes again if the answer was lost, under the same
//! [`id`](Delivery::id). Remember the ids of those that were handled, longer than the platform
//! tries again; [`Verifier::handled`] asks for them, which also stops who replays a recording.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac_sha256::HMAC;
use http::HeaderMap;
use qoder_types::{WebhookData, WebhookEvent};
use zeroize::Zeroizing;

/// The default limit on the difference between the platform's clock and this machine's.
const TOLERANCE: Duration = Duration::from_secs(300);

/// Verifies deliveries, by one secret or by several while they are rotated.
///
/// What is checked is what the official SDKs check: the three headers occur once each, the
/// timestamp is within the tolerance, and one of the signatures is the HMAC-SHA256 of
/// `id.timestamp.body` under one of the secrets, compared in constant time.
#[derive(Clone)]
pub struct Verifier {
    keys: Vec<Zeroizing<Vec<u8>>>,
    tolerance: Duration,
    handled: Option<Handled>,
}

type Handled = Arc<dyn Fn(&Delivery) -> bool + Send + Sync>;

impl Verifier {
    /// Makes a verifier for an endpoint's secret: `whsec_` and the base64 of 24 to 64 bytes.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Secret`] if it isn't that.
    pub fn new(secret: &str) -> Result<Self, VerifyError> {
        Ok(Self {
            keys: vec![key(secret)?],
            tolerance: TOLERANCE,
            handled: None,
        })
    }

    /// Accepts what is signed with this secret, too: the old and the new one, while secrets are
    /// rotated.
    ///
    /// ```
    /// use qoder::webhooks::Verifier;
    ///
    /// # fn main() -> Result<(), qoder::webhooks::VerifyError> {
    /// let verifier = Verifier::new("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?
    ///     .or("whsec_Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=")?; // the one before
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`VerifyError::Secret`] if it is no secret.
    pub fn or(mut self, secret: &str) -> Result<Self, VerifyError> {
        self.keys.push(key(secret)?);
        Ok(self)
    }

    /// Sets how old a delivery may be, and how far in the future. Default: 300 s. What is older may
    /// be a recording of somebody's.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets a closure that says whether a delivery was handled before, by the ids that the program
    /// keeps. Default: none is asked. It is asked of genuine deliveries only, and one that was
    /// handled is [`VerifyError::Replay`].
    ///
    /// Note an id when its event is handled, not when it arrives: one whose handling failed is to be
    /// delivered again. Within the [tolerance](Self::tolerance) a recording is as good as the
    /// delivery, so an id is worth keeping for twice that time at the least.
    ///
    /// ```
    /// use std::collections::HashSet;
    /// use std::sync::{Arc, Mutex};
    /// use qoder::webhooks::Verifier;
    ///
    /// # fn main() -> Result<(), qoder::webhooks::VerifyError> {
    /// let done = Arc::new(Mutex::new(HashSet::<String>::new())); // a table of the database, rather
    /// let known = done.clone();
    /// let verifier = Verifier::new("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?
    ///     .handled(move |delivery| known.lock().is_ok_and(|known| known.contains(&delivery.id)));
    /// # Ok(()) }
    /// ```
    pub fn handled(mut self, handled: impl Fn(&Delivery) -> bool + Send + Sync + 'static) -> Self {
        self.handled = Some(Arc::new(handled));
        self
    }

    /// Verifies a request, and reads its event.
    ///
    /// ```
    /// use qoder::webhooks::{Verifier, VerifyError};
    ///
    /// /// The status to answer with; the event is queued, and handled later.
    /// fn receive(verifier: &Verifier, headers: &http::HeaderMap, body: &[u8]) -> u16 {
    ///     match verifier.verify(headers, body) {
    ///         Ok(delivery) => {
    ///             println!("{} of {:?}", delivery.event_type(), delivery.resource_id());
    ///             204
    ///         }
    ///         Err(VerifyError::Replay(_)) => 204,
    ///         Err(_) => 400,
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`VerifyError`]. Do nothing of what the request says, and answer 400; but a
    /// [`Replay`](VerifyError::Replay) is answered like a success, or it is delivered again.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<Delivery, VerifyError> {
        self.verify_at(headers, body, SystemTime::now())
    }

    /// Verifies a request that arrived at `now`.
    ///
    /// ```
    /// use std::time::{Duration, UNIX_EPOCH};
    /// use qoder::webhooks::Verifier;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::new("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
    /// let mut headers = http::HeaderMap::new();
    /// headers.insert("webhook-id", "msg_1".parse()?);
    /// headers.insert("webhook-timestamp", "1800000000".parse()?);
    /// headers.insert("webhook-signature", "v1,VK2GAgj/dwcKtCDl1Y+x0FWHT01S44cewoOOojDXUYM=".parse()?);
    /// let body = br#"{"id":"whevt_1","data":{"type":"session.status_idled","id":"sess_1"}}"#;
    ///
    /// let delivery = verifier.verify_at(&headers, body, UNIX_EPOCH + Duration::from_secs(1_800_000_010))?;
    /// assert_eq!((delivery.event_type(), delivery.resource_id()), ("session.status_idled", Some("sess_1")));
    /// assert!(verifier.verify_at(&headers, b"{}", UNIX_EPOCH + Duration::from_secs(1_800_000_010)).is_err());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_at(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Delivery, VerifyError> {
        let id = the(headers, "webhook-id")?;
        if id.is_empty() || id.contains(['.', '\r', '\n']) {
            return Err(VerifyError::Header("webhook-id"));
        }
        let timestamp = the(headers, "webhook-timestamp")?;
        let sent_at = seconds(timestamp).ok_or(VerifyError::Header("webhook-timestamp"))?;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if now.abs_diff(sent_at) > self.tolerance.as_secs() {
            return Err(VerifyError::Time);
        }
        let signatures = the(headers, "webhook-signature")?;
        if !self.is_signed(&[id, ".", timestamp, "."], body, signatures) {
            return Err(VerifyError::Signature);
        }
        let event =
            serde_json::from_slice(body).map_err(|error| VerifyError::Body(error.to_string()))?;
        let delivery = Delivery {
            id: id.to_owned(),
            sent_at,
            event,
        };
        match &self.handled {
            Some(handled) if handled(&delivery) => Err(VerifyError::Replay(delivery.id)),
            _ => Ok(delivery),
        }
    }

    fn is_signed(&self, head: &[&str], body: &[u8], signatures: &str) -> bool {
        let signatures = signatures
            .split_ascii_whitespace()
            .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
            .filter_map(|signature| <[u8; 32]>::try_from(signature).ok());
        let mut is_signed = false;
        for signature in signatures {
            for key in &self.keys {
                let mut mac = HMAC::new(&**key);
                for part in head {
                    mac.update(part);
                }
                mac.update(body);
                is_signed |= mac.finalize_verify(&signature);
            }
        }
        is_signed
    }
}

/// Shows no secret.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("secrets", &self.keys.len())
            .field("tolerance", &self.tolerance)
            .finish_non_exhaustive()
    }
}

/// The key that a secret stands for.
fn key(secret: &str) -> Result<Zeroizing<Vec<u8>>, VerifyError> {
    let key = secret.strip_prefix("whsec_").ok_or(VerifyError::Secret)?;
    let key = STANDARD.decode(key).map_err(|_| VerifyError::Secret)?;
    let key = Zeroizing::new(key);
    if (24..=64).contains(&key.len()) {
        Ok(key)
    } else {
        Err(VerifyError::Secret)
    }
}

/// The value of a header that must occur once.
fn the<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, VerifyError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| VerifyError::Header(name)),
        _ => Err(VerifyError::Header(name)),
    }
}

/// Seconds since 1970, written as 1 to 19 digits.
fn seconds(timestamp: &str) -> Option<u64> {
    let digits = timestamp.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (1..=19).contains(&timestamp.len())).then(|| timestamp.parse().ok())?
}

/// A delivery that is genuine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The id, the same whenever the event is delivered again.
    pub id: String,
    /// When it was sent, in seconds since 1970.
    pub sent_at: u64,
    /// The event.
    pub event: WebhookEvent,
}

impl Delivery {
    /// Returns the type of the event, such as `session.status_idled`. Empty if there is none, as in
    /// test deliveries. The names differ from those of a session's events.
    pub fn event_type(&self) -> &str {
        let data = self.event.data.as_ref();
        data.map_or("", WebhookData::type_name)
    }

    /// Returns the id of the resource that it happened to. `None` if there is none.
    pub fn resource_id(&self) -> Option<&str> {
        self.event.data.as_ref()?.id()
    }
}

/// The reason why a delivery is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// The secret isn't `whsec_` and the base64 of 24 to 64 bytes.
    Secret,
    /// This header is missing, occurs more than once, or has no value that it may have.
    Header(&'static str),
    /// It was sent too long ago, or the clocks differ: it may be a recording.
    Time,
    /// No signature is right: it comes from somebody else, was signed with another secret, or the
    /// body was changed, by a parser for example.
    Signature,
    /// It is genuine, and its body isn't the JSON of an event.
    Body(String),
    /// It is genuine, and was [handled](Verifier::handled) before, under this id.
    Replay(String),
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret => f.write_str(
                "the secret is none of a webhook endpoint: it is whsec_ and the base64 of 24 to 64 bytes",
            ),
            Self::Header(name) => {
                write!(f, "the header {name} is missing, there twice, or malformed")
            }
            Self::Time => f.write_str(
                "the delivery was sent too long ago or in the future: it is a recording, or a clock is wrong",
            ),
            Self::Signature => f.write_str(
                "no signature is right: another sender or secret, or not the body as it was sent",
            ),
            Self::Body(why) => write!(f, "the body is genuine, and no event: {why}"),
            Self::Replay(id) => write!(f, "the delivery {id} was handled before"),
        }
    }
}

impl std::error::Error for VerifyError {}
