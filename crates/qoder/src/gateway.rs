//! Gateways: where the API lives, and which generation of it is spoken there.

use std::fmt;

use http::Uri;
use http::uri::Scheme;

use crate::error::{Error, Result};

/// The host of the API: one of the vendor's gateways, or any base URL.
///
/// Credentials and resources belong to one region: a token of one gateway is worth nothing at
/// another.
///
/// ```
/// use qoder::{Dialect, Gateway};
///
/// assert_eq!(Gateway::Openapi.base_url(), "https://openapi.qoder.sh/api/v1/cloud");
/// assert_eq!(Gateway::Global.dialect(), Dialect::Current);
/// assert_eq!(Gateway::custom("http://127.0.0.1:8080/api/v1/cloud").dialect(), Dialect::Current);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gateway {
    /// `https://openapi.qoder.sh/api/v1/cloud`, the base URL of the first documentation and the
    /// default. Its host is today that of the exchange of keys, and may not serve the API any more:
    /// an error that looks like it names today's gateways.
    #[default]
    Openapi,
    /// `https://api.qoder.com/api/v1/cloud`, today's gateway outside China.
    Global,
    /// `https://api.qoder.com.cn/api/v1/cloud`, today's gateway in China.
    China,
    /// Any other base URL; see [`Gateway::custom`].
    Custom(String),
}

impl Gateway {
    /// Names a custom base URL: a proxy, a test server, a gateway that this release doesn't name.
    ///
    /// It must be absolute, `http` or `https`, without credentials, query or fragment; plain
    /// `http` goes to loopback only, unless
    /// [`allow_plain_http`](crate::ClientBuilder::allow_plain_http) is set. That is checked when
    /// the client is built.
    pub fn custom(base_url: impl Into<String>) -> Self {
        Self::Custom(base_url.into())
    }

    /// Returns the base URL, below which every path of the API lies.
    pub fn base_url(&self) -> &str {
        match self {
            Self::Openapi => "https://openapi.qoder.sh/api/v1/cloud",
            Self::Global => "https://api.qoder.com/api/v1/cloud",
            Self::China => "https://api.qoder.com.cn/api/v1/cloud",
            Self::Custom(url) => url,
        }
    }

    /// Returns the region of the host. `None` if it isn't one of the vendor's.
    ///
    /// ```
    /// use qoder::{Gateway, Region};
    ///
    /// assert_eq!(Gateway::Global.region(), Some(Region::Global));
    /// assert_eq!(Gateway::custom("https://proxy.example/qoder").region(), None);
    /// ```
    pub fn region(&self) -> Option<Region> {
        host_of(self.base_url()).and_then(Region::of_host)
    }

    /// Returns the dialect that is spoken there unless the builder says otherwise: the seed's at
    /// `openapi.qoder.sh`, today's everywhere else.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Openapi => Dialect::Seed,
            Self::Custom(url) if host_of(url) == Some("openapi.qoder.sh") => Dialect::Seed,
            _ => Dialect::Current,
        }
    }
}

/// Shows a URL without what may be a secret in it: credentials, a query.
impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Openapi => f.write_str("Openapi"),
            Self::Global => f.write_str("Global"),
            Self::China => f.write_str("China"),
            Self::Custom(url) => write!(f, "Custom({})", shown(url)),
        }
    }
}

fn host_of(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    Some(authority.split(':').next().unwrap_or(authority))
}

/// The end of an error's message when the default gateway answers as if the API were not there.
pub(crate) const ELSEWHERE: &str = "; this is the default gateway, the one of the first documentation, and it may not \
     serve the API any more: for today's set QODER_BASE_URL=https://api.qoder.com/api/v1/cloud or call \
     `gateway(Gateway::Global)`, in China https://api.qoder.com.cn/api/v1/cloud or `Gateway::China`; requests are then \
     written in today's dialect";

/// A region of the service. Credentials and resources belong to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Region {
    /// Everywhere but China.
    Global,
    /// China.
    China,
}

impl Region {
    /// Returns the origin where the keys of service accounts are exchanged for tokens.
    pub fn exchange_origin(self) -> &'static str {
        match self {
            Self::Global => "https://openapi.qoder.sh",
            Self::China => "https://openapi.qoder.com.cn",
        }
    }

    /// The region of one of the vendor's hosts.
    fn of_host(host: &str) -> Option<Self> {
        let host = host.strip_suffix('.').unwrap_or(host);
        match host.to_ascii_lowercase().as_str() {
            "api.qoder.com" | "openapi.qoder.sh" => Some(Self::Global),
            "api.qoder.com.cn" | "openapi.qoder.com.cn" => Some(Self::China),
            _ => None,
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Global => "global",
            Self::China => "china",
        })
    }
}

/// The generation of the API that requests are written in. Responses of every generation are
/// read in either.
///
/// | | `Seed` | `Current` |
/// |---|---|---|
/// | a text message | `"content": "Hello!"` | `"content": [{"type": "text", "text": "Hello!"}]` |
/// | resuming a stream | `Last-Event-ID` and `?after_id=` | `Last-Event-ID` |
/// | `Content-Type` | on every request | on requests with a body |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// The first documented generation (May 2026).
    Seed,
    /// Today's.
    #[default]
    Current,
}

impl std::str::FromStr for Dialect {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "seed" => Ok(Self::Seed),
            "current" => Ok(Self::Current),
            other => Err(Error::config(format!(
                "unknown dialect {other:?}: use `seed` or `current`"
            ))),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seed => "seed",
            Self::Current => "current",
        })
    }
}

/// A base URL that was checked, without its trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    pub(crate) fn parse(url: &str, allow_plain_http: bool) -> Result<Self> {
        Self::checked(
            ("base URL", Gateway::Global.base_url()),
            url,
            allow_plain_http,
        )
    }

    /// A URL without a path, to which a key may be sent: over https, or to this machine.
    pub(crate) fn parse_origin(url: &str) -> Result<Self> {
        let example = Region::Global.exchange_origin();
        let origin = Self::checked(("exchange origin", example), url, false)?;
        let path = origin.0.splitn(4, '/').nth(3);
        if path.is_some() {
            return Err(Error::config(format!(
                "exchange origin {}: a path has no place in it; it looks like {example}",
                shown(url)
            )));
        }
        Ok(origin)
    }

    fn checked((name, example): (&str, &str), url: &str, allow_plain_http: bool) -> Result<Self> {
        let refuse = |why: &str| {
            Error::config(format!(
                "{name} {}: {why}; it looks like {example}",
                shown(url)
            ))
        };
        if url.is_empty() {
            return Err(refuse("it is empty"));
        }
        // `Uri` drops a fragment without a word, so it is looked for in the text.
        if url.contains('#') {
            return Err(refuse("a fragment has no place in it"));
        }
        let uri: Uri = url.parse().map_err(|_| refuse("it is not a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(refuse("it is relative, give it whole with https://"));
        };
        if scheme != &Scheme::HTTPS && scheme != &Scheme::HTTP {
            return Err(refuse("its scheme is neither https nor http"));
        }
        if authority.as_str().contains('@') {
            return Err(refuse(
                "credentials have no place in it, give the token to the builder",
            ));
        }
        if authority.host().is_empty() {
            return Err(refuse("it names no host"));
        }
        // `Uri` overlooks what follows an address in brackets.
        let rest = authority.as_str().strip_prefix(authority.host());
        let is_port = |rest: &str| rest.strip_prefix(':')?.parse::<u16>().ok();
        if !rest.is_some_and(|rest| rest.is_empty() || is_port(rest).is_some()) {
            return Err(refuse("what follows its host is no port"));
        }
        if uri.query().is_some() {
            return Err(refuse("a query has no place in it"));
        }
        if scheme == &Scheme::HTTP
            && !allow_plain_http
            && !qoder_http::is_loopback(authority.host())
        {
            return Err(refuse(
                "plain http would send the token readable for everybody on the way, use https \
                 (or `allow_plain_http` if the network is your own)",
            ));
        }
        let path = uri.path().trim_end_matches('/');
        Ok(Self(format!("{scheme}://{authority}{path}")))
    }

    /// The region, where the host tells.
    pub(crate) fn region(&self) -> Option<Region> {
        host_of(&self.0).and_then(Region::of_host)
    }

    /// Whether it is plain http.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.starts_with("http://")
    }

    /// The URL of a target that starts with `/`.
    pub(crate) fn join(&self, target: &str) -> String {
        [self.0.as_str(), target].concat()
    }
}

/// The URL as it can be shown: credentials, and a query, are not repeated.
pub(crate) fn shown(url: &str) -> String {
    // Up to the last `@` all may be a password that was not encoded.
    let (before, rest) = url.rsplit_once('@').unwrap_or(("", url));
    if before.contains(['?', '#']) {
        return "\"…\"".to_owned();
    }
    let bare = rest.split(['?', '#']).next().unwrap_or_default();
    let start = if rest.len() < url.len() { "…@" } else { "" };
    let end = if bare.len() < rest.len() { "…" } else { "" };
    format!("{:?}", format!("{start}{bare}{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_absolute_and_bare() {
        for (url, why) in [
            ("", "empty"),
            ("/api/v1/cloud", "relative"),
            ("api.qoder.com", "relative"),
            ("ftp://api.qoder.com/", "scheme"),
            ("https://user:secret@api.qoder.com/", "credentials"),
            ("https://user:p@ss-secret@api.qoder.com/", "credentials"),
            ("https://user:p?secret@api.qoder.com/", "no port"),
            ("https://user:p#secret@api.qoder.com/", "fragment"),
            ("https://api.qoder.com/?a=b", "query"),
            ("https://api.qoder.com/?key=secret", "query"),
            ("https://api.qoder.com/?key=a@secret?b@c", "query"),
            ("https://api.qoder.com/#top", "fragment"),
            ("http://api.qoder.com/", "plain http"),
            ("http://127.0.0.1.evil.example/", "plain http"),
            ("http://[::1].evil.example/", "no port"),
            ("http://[::1].evil.example:80/", "no port"),
            ("http://localhost:http/", "no port"),
            ("https://", "not a URL"),
            ("https://a b/", "not a URL"),
        ] {
            let error = BaseUrl::parse(url, false).expect_err(url).to_string();
            assert!(error.contains(why), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        for (url, want) in [
            ("https://api.qoder.com/x", "https://api.qoder.com/x"),
            ("https://u:p@ss@api.qoder.com/x", "…@api.qoder.com/x"),
            ("https://api.qoder.com/x?key=1", "https://api.qoder.com/x…"),
            ("https://api.qoder.com/x?key=1@2", "…"),
            ("https://u:p#@api.qoder.com/x", "…"),
            ("https://u:p@api.qoder.com/x#y", "…@api.qoder.com/x…"),
            ("a\nb\"c\"", "a\\nb\\\"c\\\""),
        ] {
            assert_eq!(shown(url), format!("\"{want}\""));
            let gateway = Gateway::custom(url);
            assert_eq!(format!("{gateway:?}"), format!("Custom(\"{want}\")"));
        }
        assert_eq!(format!("{:?}", Gateway::Global), "Global");
    }

    #[test]
    fn a_good_base_url_loses_only_its_trailing_slash() {
        for (url, want) in [
            (
                "https://api.qoder.com/api/v1/cloud",
                "https://api.qoder.com/api/v1/cloud/agents",
            ),
            (
                "https://api.qoder.com/api/v1/cloud/",
                "https://api.qoder.com/api/v1/cloud/agents",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/agents"),
            ("http://[::1]:8080/x", "http://[::1]:8080/x/agents"),
            ("http://localhost/x", "http://localhost/x/agents"),
        ] {
            assert_eq!(BaseUrl::parse(url, false).expect(url).join("/agents"), want);
        }
        assert!(BaseUrl::parse("http://10.0.0.7/", true).is_ok());
    }

    #[test]
    fn the_dialect_goes_with_the_gateway() {
        assert_eq!(Gateway::default().dialect(), Dialect::Seed);
        assert_eq!(Gateway::China.dialect(), Dialect::Current);
        assert_eq!(
            Gateway::custom("https://openapi.qoder.sh/x").dialect(),
            Dialect::Seed
        );
        assert_eq!(
            Gateway::custom("https://proxy.example/openapi.qoder.sh").dialect(),
            Dialect::Current
        );
    }
}
