//! Short-lived tokens in exchange for the key of a service account.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use qoder_http::{Lane, RequestBody, Timeouts, Transport};
use qoder_types::ErrorBody;
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::{Instrument, Span, debug, info_span};

use super::no_token::NoToken;
use super::provider::AccessToken;
use super::secret::Secret;
use super::token::Token;
use crate::env;
use crate::error::{Cause, Error, Result};
use crate::gateway::{BaseUrl, Region, shown};
use crate::members::Members;
use crate::response::request_id;

/// Below the origin of the exchange.
const PATH: &str = "/api/v1/serviceToken/exchange";

/// No token is good for longer: 12 h.
const LONGEST_TTL: u64 = 43_200;

/// No answer of the exchange is longer; a token is a few kilobytes at most.
const LONGEST_ANSWER: usize = 64 << 10;

/// A service account, whose key is exchanged for short-lived tokens.
///
/// The key goes to the exchange of the account's region and nowhere else, over https unless that
/// is this machine. All calls of a client and of its clones share one token, which is renewed
/// while it is still good; see [`Credentials`](crate::auth::Credentials) for when. An exchange is not
/// repeated by itself: a call that needs one fails with
/// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials) if it fails.
///
/// ```
/// use std::time::Duration;
/// use qoder::{Client, Gateway, ServiceAccount};
///
/// # fn main() -> qoder::Result<()> {
/// let account = ServiceAccount::new("your-service-account-key").ttl(Duration::from_secs(900));
/// let client = Client::builder()
///     .gateway(Gateway::Global)
///     .service_account(account)
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "an account does nothing until it is given to a client"]
pub struct ServiceAccount {
    key: Secret,
    region: Option<Region>,
    origin: Option<String>,
    scope: String,
    ttl: Duration,
}

impl ServiceAccount {
    /// Names the account with this key, in the region of the client's gateway.
    pub fn new(key: impl Into<Secret>) -> Self {
        Self {
            key: key.into(),
            region: None,
            origin: None,
            scope: "qca.access".to_owned(),
            ttl: Duration::from_secs(3600),
        }
    }

    /// Names the account whose key is in the environment variable `QODER_SA_KEY`, which nothing else
    /// reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the variable is not set, is empty or is
    /// not UTF-8.
    pub fn from_env() -> Result<Self> {
        Ok(Self::new(env::account_key(&|name| std::env::var_os(name))?))
    }

    /// Sets the region that the account belongs to. Default: that of the client's gateway. A client
    /// of a known gateway in the other region can't be built.
    pub fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// Sets a custom origin for the exchange, such as `http://127.0.0.1:8080`. Default: that of
    /// the region.
    pub fn exchange_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// Sets the scopes of the tokens, separated by blanks. Default: `qca.access`, the API of this
    /// crate.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Sets how long the tokens are to be valid, in whole seconds, 1 s to 12 h; the server may give
    /// less. Default: 1 h.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Returns the exchange by which a client of this base URL gets tokens.
    pub(crate) fn exchange(
        self,
        base: &BaseUrl,
        transport: Transport,
        mut headers: HeaderMap,
        timeouts: Timeouts,
    ) -> Result<Exchange> {
        let key = Token::new(&self.key)
            .map_err(|why| Error::config(format!("the key of the service account {why}")))?;
        if self.scope.trim().is_empty() {
            return Err(Error::config("the scope of the service account is empty"));
        }
        let ttl = self.ttl.as_secs();
        if !(1..=LONGEST_TTL).contains(&ttl) {
            return Err(Error::config(format!(
                "the time of a token is 1 s to {LONGEST_TTL} s, and not {:?}",
                self.ttl
            )));
        }
        let origin = self.origin(base)?.join(PATH);
        let uri: Uri = origin
            .parse()
            .map_err(|_| Error::config(format!("{origin:?} is no URL")))?;
        headers.insert(header::AUTHORIZATION, key.header());
        for name in [header::CONTENT_TYPE, header::ACCEPT] {
            headers.insert(name, HeaderValue::from_static("application/json"));
        }
        let body = json!({
            "grant_type": "client_credentials",
            "audience": "qoder",
            "scope": self.scope,
            "ttl_seconds": ttl,
        });
        Ok(Exchange {
            transport,
            uri,
            key,
            headers,
            body: body.to_string().into(),
            timeouts,
        })
    }

    /// Returns the origin that the key may be sent to.
    fn origin(&self, base: &BaseUrl) -> Result<BaseUrl> {
        let given = self
            .origin
            .as_deref()
            .map(BaseUrl::parse_origin)
            .transpose()?;
        let there = base.region();
        let own = self.region.or(given.as_ref().and_then(BaseUrl::region));
        for (what, other) in [
            ("gateway", there),
            ("exchange", given.as_ref().and_then(BaseUrl::region)),
        ] {
            if let (Some(own), Some(other)) = (own, other) {
                if own != other {
                    return Err(Error::config(format!(
                        "the service account is of the region {own}, and the {what} of {other}: credentials of one \
                         region are worth nothing in the other"
                    )));
                }
            }
        }
        match (given, own.or(there)) {
            (Some(origin), _) => Ok(origin),
            (None, Some(region)) => BaseUrl::parse_origin(region.exchange_origin()),
            (None, None) => Err(Error::config(
                "the base URL doesn't tell where the service account belongs: call `ServiceAccount::region(..)` \
                 or `exchange_origin(..)`",
            )),
        }
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin.as_deref().map(shown);
        f.debug_struct("ServiceAccount")
            .field("region", &self.region)
            .field(
                "origin",
                &format_args!("{}", origin.as_deref().unwrap_or("None")),
            )
            .field("scope", &self.scope)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

/// The request for a token, and the way it goes.
pub(crate) struct Exchange {
    transport: Transport,
    uri: Uri,
    key: Token,
    headers: HeaderMap,
    body: Bytes,
    timeouts: Timeouts,
}

impl Exchange {
    pub(crate) fn key(&self) -> &Token {
        &self.key
    }

    pub(super) async fn ask(&self) -> std::result::Result<AccessToken, NoToken> {
        // It is of no call: one that began it and is dropped would be shown as still open.
        let span = info_span!(
            parent: None,
            "qoder.exchange",
            otel.name = format_args!("POST {PATH}"),
            otel.kind = "client",
            qoder.operation = "credentials.exchange",
            http.request.method = "POST",
            url.template = PATH,
            url.scheme = self.uri.scheme_str(),
            server.address = self.uri.host(),
            server.port = self.uri.port_u16(),
        );
        span.follows_from(Span::current());
        async {
            let start = Instant::now();
            let answer = self.attempt().await;
            let why = answer.as_ref().err();
            debug!(
                http.response.status_code = match why {
                    Some(why) => why.status.map(|status| status.as_u16()),
                    None => Some(200),
                },
                qoder.request_id = why.and_then(|why| why.request_id.as_deref()),
                elapsed_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
                "{}",
                if why.is_some() { "failed" } else { "received" }
            );
            answer
        }
        .instrument(span)
        .await
    }

    async fn attempt(&self) -> std::result::Result<AccessToken, NoToken> {
        let mut request = Request::new(RequestBody::from(self.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let sent = self
            .transport
            .send(request, Lane::Call, self.timeouts)
            .await;
        let (parts, body) = sent.map_err(unreachable_now)?.into_parts();
        let about = |why: NoToken, id: Option<&str>| NoToken {
            status: Some(parts.status),
            request_id: request_id(&parts.headers)
                .or(id)
                .and_then(|id| self.harmless(id)),
            ..why
        };
        if !parts.status.is_success() {
            // The status is the news, whatever becomes of the body.
            let body = body.collect(LONGEST_ANSWER).await.unwrap_or_default();
            let said = ErrorBody::parse(&body);
            let code = said.code.as_deref().or(said.error_type.as_deref());
            let why = refused(
                parts.status,
                &parts.headers,
                code.and_then(|code| self.harmless(code)),
            );
            return Err(about(why, said.request_id.as_deref()));
        }
        let read = match body.collect(LONGEST_ANSWER).await {
            Ok(body) => read(&body),
            Err(error) if error.kind() == qoder_http::ErrorKind::TooLarge => {
                Err("the answer is too long")
            }
            Err(error) => return Err(about(unreachable_now(error), None)),
        };
        let read = read.and_then(|token| {
            // It would go to the gateway as a token.
            let same = token.secret.expose() == self.key.text();
            if same {
                Err("`access_token` is the key itself")
            } else {
                Ok(token)
            }
        });
        read.map_err(|what| {
            let status = parts.status.as_u16();
            about(
                NoToken::new(format!(
                    "the exchange of the service account's key was answered with {status}, but {what}"
                )),
                None,
            )
        })
    }

    /// A code or id of the server that can be repeated: a short word, and without the key.
    fn harmless(&self, word: &str) -> Option<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        let fits = word.len() <= 128 && word.chars().all(plain) && !word.contains(self.key.text());
        (fits && !word.is_empty()).then(|| word.to_owned())
    }
}

/// The server was not reached, or broke off.
fn unreachable_now(error: qoder_http::Error) -> NoToken {
    use qoder_http::ErrorKind::{Certificate, Coding, Config, Url};
    let transient = !matches!(error.kind(), Certificate | Coding | Config | Url);
    let message = format!("the exchange of the service account's key failed: {error}");
    let cause: Arc<dyn StdError + Send + Sync> = Arc::new(error);
    NoToken {
        transient,
        cause: Some(Cause(cause)),
        ..NoToken::new(message)
    }
}

/// The server refused.
fn refused(status: http::StatusCode, headers: &HeaderMap, code: Option<String>) -> NoToken {
    let mut message = format!(
        "the exchange of the service account's key was refused: {}",
        status.as_u16()
    );
    if let Some(code) = code.as_deref().or(status.canonical_reason()) {
        message.push(' ');
        message.push_str(code);
    }
    let limited = status.as_u16() == 429;
    NoToken {
        transient: limited || status.is_server_error(),
        hint: qoder_http::retry::retry_after(headers, SystemTime::now()).filter(|_| limited),
        ..NoToken::new(message)
    }
}

/// The token in an answer, or what is wrong with it; that never quotes the answer.
fn read(body: &[u8]) -> std::result::Result<AccessToken, &'static str> {
    let text = String::from_utf8_lossy(body);
    let undocumented = "the answer is not the documented JSON";
    let answer = Members::of(&text).map_err(|_| undocumented)?;
    let text_of = |name| answer.get::<String>(name).map_err(|_| undocumented);
    let (token, token_type) = (text_of("access_token")?, text_of("token_type")?);
    let secret = Secret::new(token.ok_or("`access_token` is missing")?);
    if secret.expose().is_empty() {
        return Err("`access_token` is empty");
    }
    let token_type = token_type.ok_or("`token_type` is missing")?;
    if !token_type.eq_ignore_ascii_case("Bearer") {
        return Err("`token_type` is not Bearer");
    }
    // `expires_at` is left alone: it compares two clocks, and this needs none but ours.
    let seconds = match answer.get("expires_in").map_err(|_| undocumented)? {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(digits)) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().ok()
        }
        None => return Err("`expires_in` is missing"),
        Some(_) => None,
    };
    let seconds = seconds
        .filter(|seconds| (1..=LONGEST_TTL).contains(seconds))
        .ok_or("`expires_in` is not a number of seconds from 1 to 43200")?;
    Ok(AccessToken::new(secret).expires_in(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests;
