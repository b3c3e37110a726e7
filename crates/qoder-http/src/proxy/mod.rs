//! Proxies: which one a request goes through.

mod no_proxy;
mod rules;
mod server;

use std::env::VarError;
use std::fmt;

pub(crate) use rules::{ProxyRules, Route};
use server::{Server, config};

use crate::error::Error;

/// The proxies that requests go through, and the hosts that are reached directly.
///
/// `https` goes through a tunnel (`CONNECT`, or SOCKS5): the proxy learns the host and port and
/// nothing else. Plain `http`, if it is allowed at all, is handed to an HTTP proxy as a whole.
/// Loopback is always reached directly, whatever the rules say, so that what was meant for this
/// machine stays there.
///
/// Names of hosts are looked up by the proxy. Credentials are part of a proxy's URL, with
/// percent-encoding; they go to that proxy alone, and are in no log, error or `Debug`.
///
/// ```
/// use qoder_http::{Proxy, Transport};
///
/// # fn main() -> Result<(), qoder_http::Error> {
/// let proxy = Proxy::http("http://user:p%40ss@proxy.example:3128")?.no_proxy("intern.example, 10.0.0.0/8");
/// let transport = Transport::builder().proxy(proxy).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Proxy {
    http: Option<Server>,
    https: Option<Server>,
    no: String,
}

impl Proxy {
    /// Returns rules without any proxy: every host is reached directly.
    ///
    /// ```
    /// use qoder_http::{Proxy, Transport};
    ///
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// let direct = Transport::builder().proxy(Proxy::none()).build()?; // whatever the environment says
    /// # Ok(()) }
    /// ```
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads the proxies from the environment: `HTTPS_PROXY` for `https`, `HTTP_PROXY` for `http`,
    /// `ALL_PROXY` for what has none of its own, and the exceptions of `NO_PROXY`. Each name may be
    /// in lower case; upper case goes first. An empty variable means no proxy, and hides its
    /// lower-case twin. A URL without a scheme is that of an HTTP proxy.
    ///
    /// Where `REQUEST_METHOD` is set (CGI), `HTTP_PROXY` in upper case is ignored, since the client
    /// of that request could have set it by a header field named `Proxy` (RFC 3875, section 4.1.18).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if a value is not the URL of a proxy, or not
    /// UTF-8; the text names the variable, and never its value.
    pub fn from_env() -> Result<Self, Error> {
        Self::read(|name| match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(config(format!("{name} is not UTF-8"))),
        })
    }

    /// Reads the proxies as [`from_env`](Self::from_env) does, from variables that a function
    /// returns.
    ///
    /// ```
    /// use qoder_http::Proxy;
    ///
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// let proxy = Proxy::from_vars(|name| (name == "https_proxy").then(|| "proxy.example:3128".to_owned()))?;
    /// assert!(format!("{proxy:?}").contains("http://proxy.example:3128"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`from_env`](Self::from_env).
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        Self::read(|name| Ok(var(name)))
    }

    fn read(var: impl Fn(&str) -> Result<Option<String>, Error>) -> Result<Self, Error> {
        let first = |names: [&'static str; 2]| {
            for name in names {
                if let Some(value) = var(name)? {
                    return Ok(Some((name, value)).filter(|(_, value)| !value.trim().is_empty()));
                }
            }
            Ok(None)
        };
        let server = |names| {
            first(names)?
                .map(|(name, value)| Server::parse(&value, name))
                .transpose()
        };
        let cgi = !matches!(var("REQUEST_METHOD"), Ok(None));
        let all = server(["ALL_PROXY", "all_proxy"])?;
        let http = if cgi {
            server(["http_proxy", "http_proxy"])?
        } else {
            server(["HTTP_PROXY", "http_proxy"])?
        };
        Ok(Self {
            http: http.or_else(|| all.clone()),
            https: server(["HTTPS_PROXY", "https_proxy"])?.or(all),
            no: first(["NO_PROXY", "no_proxy"])?.map_or_else(String::new, |(_, value)| value),
        })
    }

    /// Returns an HTTP proxy for all requests, by its URL: `http://user:password@host:port`, the
    /// credentials being optional, or `https://…` for one that is itself reached over TLS. Default
    /// ports: 80, 443.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the URL is not of this form.
    pub fn http(url: impl AsRef<str>) -> Result<Self, Error> {
        Self::all(url.as_ref(), false)
    }

    /// Returns a SOCKS5 proxy for all requests (RFC 1928), by its URL:
    /// `socks5://user:password@host:port`, the credentials being optional and at most 255 bytes each.
    /// Default port: 1080.
    ///
    /// ```
    /// use qoder_http::Proxy;
    ///
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// let proxy = Proxy::socks5("socks5://user:secret@proxy.example:1080")?;
    /// assert!(!format!("{proxy:?}").contains("secret"));
    /// assert!(Proxy::socks5("http://proxy.example:1080").is_err());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the URL is not of this form.
    pub fn socks5(url: impl AsRef<str>) -> Result<Self, Error> {
        Self::all(url.as_ref(), true)
    }

    fn all(url: &str, socks: bool) -> Result<Self, Error> {
        let server = Server::parse(url, "the proxy")?;
        if server.is_socks() != socks {
            let wanted = if socks { "socks5" } else { "http or https" };
            return Err(config(format!(
                "the proxy's URL has another scheme than {wanted}"
            )));
        }
        Ok(Self {
            http: Some(server.clone()),
            https: Some(server),
            no: String::new(),
        })
    }

    /// Sets the hosts that are reached directly, with commas or blanks between them: a domain means
    /// itself and all below it (`example.com`, `.example.com`, `*.example.com`), an address or a
    /// network (`192.0.2.7`, `[fd00::1]`, `10.0.0.0/8`) means hosts that are given as such, and `*`
    /// means all. With a port after it (`example.com:8443`) it holds for that port alone.
    ///
    /// Any other entry is skipped, with a warning when the transport is built.
    pub fn no_proxy(mut self, rules: impl Into<String>) -> Self {
        self.no = rules.into();
        self
    }

    /// The rules in the form that is asked for each request, if there is any proxy.
    pub(crate) fn rules(&self, tunnel_plain: bool) -> Option<ProxyRules> {
        if self.http.is_none() && self.https.is_none() {
            return None;
        }
        let url = |server: &Option<Server>| {
            let url = server.as_ref().map(Server::url);
            url.unwrap_or_default().to_owned()
        };
        let (http, https) = (url(&self.http), url(&self.https));
        Some(ProxyRules::new(http, https, &self.no, tunnel_plain))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("http", &self.http)
            .field("https", &self.https)
            .field("no", &self.no)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn vars(pairs: &[(&str, &str)]) -> Result<Proxy, Error> {
        Proxy::from_vars(|name| {
            let found = pairs.iter().find(|(key, _)| *key == name)?;
            Some(found.1.to_owned())
        })
    }

    /// Returns a route as a text: `tunnel http://host:port/ credentials`.
    fn way(proxy: &Proxy, to: &str) -> String {
        let to = to.parse().expect("a URL");
        let route = proxy.rules(false).and_then(|rules| rules.route(&to));
        let (how, proxy) = match &route {
            None => return "direct".to_owned(),
            Some(Route::Tunnel(proxy)) => ("tunnel", proxy),
            Some(Route::Forward(proxy)) => ("forward", proxy),
            Some(Route::Socks(proxy)) => ("socks", proxy),
        };
        let who = match (proxy.basic_auth(), proxy.raw_auth()) {
            (Some(basic), _) => basic.to_str().expect("text").to_owned(),
            (_, Some((user, password))) => format!("{user}:{password}"),
            _ => "nobody".to_owned(),
        };
        format!("{how} {} {who}", proxy.uri())
    }

    #[test]
    fn the_environment_says_which_proxy() {
        // The variables, then the way to https://api.test/ and to http://api.test/.
        type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
        let table: &[Row<'_>] = &[
            (&[], "direct", "direct"),
            (
                &[("HTTPS_PROXY", "http://p:1")],
                "tunnel http://p:1/ nobody",
                "direct",
            ),
            (
                &[("http_proxy", "p:1")],
                "direct",
                "forward http://p:1/ nobody",
            ),
            (
                &[("all_proxy", "socks5://u:p%40w@p")],
                "socks socks5h://p:1080/ u:p@w",
                "socks socks5h://p:1080/ u:p@w",
            ),
            (
                &[("ALL_PROXY", "http://a"), ("https_proxy", "https://b/x")],
                "tunnel https://b:443/ nobody",
                "forward http://a:80/ nobody",
            ),
            (
                &[("HTTPS_PROXY", "http://up"), ("https_proxy", "http://low")],
                "tunnel http://up:80/ nobody",
                "direct",
            ),
            (
                &[("HTTPS_PROXY", ""), ("https_proxy", "http://low")],
                "direct",
                "direct",
            ),
            (
                &[("HTTPS_PROXY", " http://u:p@p:1/ ")],
                "tunnel http://p:1/ Basic dTpw",
                "direct",
            ),
            (
                &[("HTTPS_PROXY", "http://only@[::2]:1")],
                "tunnel http://[::2]:1/ Basic b25seTo=",
                "direct",
            ),
            (
                &[("ALL_PROXY", "http://p:1"), ("NO_PROXY", "other, .test")],
                "direct",
                "direct",
            ),
            (
                &[("ALL_PROXY", "http://p:1"), ("no_proxy", "*")],
                "direct",
                "direct",
            ),
            // CGI: a header of the request that is being served could have become the variable.
            (
                &[("HTTP_PROXY", "http://evil"), ("REQUEST_METHOD", "GET")],
                "direct",
                "direct",
            ),
            (
                &[("http_proxy", "http://p:1"), ("REQUEST_METHOD", "GET")],
                "direct",
                "forward http://p:1/ nobody",
            ),
        ];
        for (pairs, https, http) in table {
            let proxy = vars(pairs).expect("proxies");
            assert_eq!(way(&proxy, "https://api.test/"), *https, "{pairs:?}");
            assert_eq!(way(&proxy, "http://api.test/"), *http, "{pairs:?}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_an_error_without_its_text() {
        for (value, text) in [
            ("ftp://u:secret@p", "scheme"),
            ("socks4://u:secret@p", "scheme"),
            ("http://", "no URL"),
            ("http://u:secret@", "no URL"),
            ("http://u:se@cret@p:1", "no URL"),
            ("http://u:secret@p:port", "no URL"),
            ("http://u:secret@p:99999", "no URL"),
            ("http://u:secret@p p", "no URL"),
            ("http://u:secret\n@p", "no URL"),
            ("http://u:secret@[::2]x:1", "no URL"),
            ("http://u:secret@[::2]x", "no URL"),
        ] {
            let error = vars(&[("HTTPS_PROXY", value)]).expect_err(value);
            assert_eq!(error.kind(), ErrorKind::Config);
            let shown = format!("{error} {error:?}");
            assert!(
                shown.contains(text) && shown.contains("HTTPS_PROXY"),
                "{shown}"
            );
            assert!(!shown.contains("cret"), "{shown}");
        }
        assert!(Proxy::http("socks5://p").is_err());
        assert!(Proxy::socks5("http://p").is_err());
        let long = format!("socks5://{}:x@p", "u".repeat(256));
        assert!(Proxy::socks5(long).is_err());
    }

    #[test]
    fn some_hosts_are_reached_directly() {
        let proxy = Proxy::http("http://p:1")
            .expect("a proxy")
            .no_proxy("one.test, 192.0.2.7");
        for (host, direct) in [
            ("one.test", true),
            ("a.one.test", true),
            ("two.test", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            // Loopback never goes through a proxy.
            ("localhost", true),
            ("127.0.0.1", true),
            ("[::1]", true),
        ] {
            for scheme in ["http", "https"] {
                let way = way(&proxy, &format!("{scheme}://{host}:8080/"));
                assert_eq!(way == "direct", direct, "{scheme} {host}: {way}");
            }
        }
        let none = proxy.no_proxy("*");
        assert_eq!(way(&none, "https://192.0.2.8/"), "direct");
    }

    #[test]
    fn credentials_are_shown_nowhere() {
        let proxy = Proxy::http("http://user:secret@p:1").expect("a proxy");
        let rules = proxy.rules(false).expect("rules");
        let route = rules.route(&"https://api.test/".parse().expect("a URL"));
        let shown = format!("{proxy:?} {rules:?} {route:?}");
        assert!(shown.contains("http://p:1"), "{shown}");
        assert!(
            !shown.contains("secret") && !shown.contains("user"),
            "{shown}"
        );
        let basic = "dXNlcjpzZWNyZXQ=";
        assert!(!shown.contains(basic), "{shown}");
        // The header is marked, so that nothing below logs it either.
        let (_, header) = rules
            .forwarding(&"http://api.test/".parse().expect("a URL"))
            .expect("a proxy");
        assert!(header.expect("credentials").is_sensitive());
    }
}
