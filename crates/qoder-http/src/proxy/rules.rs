//! The rules that choose the proxy of a URL.

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::no_proxy::NoProxy;
use crate::url::is_loopback;

/// The rules that choose the proxy of a URL.
#[derive(Debug)]
pub(crate) struct ProxyRules {
    matcher: Matcher,
    no: NoProxy,
    /// Whether plain `http` goes through tunnels too: HTTP/2 has no proxies.
    tunnel_plain: bool,
}

/// The way through a proxy.
#[derive(Debug)]
pub(crate) enum Route {
    /// A tunnel made with `CONNECT`.
    Tunnel(Intercept),
    /// The request as a whole.
    Forward(Intercept),
    /// A tunnel made with SOCKS5.
    Socks(Intercept),
}

impl ProxyRules {
    /// The proxies of `http` and of `https`, none if empty, and the exceptions from both.
    pub(super) fn new(http: String, https: String, no_proxy: &str, tunnel_plain: bool) -> Self {
        let no = NoProxy::parse(no_proxy);
        warn_of(&no.unknown);
        Self {
            matcher: Matcher::builder().http(http).https(https).build(),
            no,
            tunnel_plain,
        }
    }

    /// The way to a URL; `None` is the direct one.
    pub(crate) fn route(&self, to: &Uri) -> Option<Route> {
        if to.host().is_none_or(is_loopback) || self.no.covers(to) {
            return None;
        }
        let proxy = self.matcher.intercept(to)?;
        let socks = proxy.uri().scheme_str() == Some("socks5h");
        let plain = to.scheme() == Some(&Scheme::HTTP);
        Some(if socks {
            Route::Socks(proxy)
        } else if plain && !self.tunnel_plain {
            Route::Forward(proxy)
        } else {
            Route::Tunnel(proxy)
        })
    }

    /// For a URL whose requests are handed to a proxy as a whole: its host and port, and the
    /// credentials that go into the request.
    pub(crate) fn forwarding(&self, to: &Uri) -> Option<(String, Option<HeaderValue>)> {
        match self.route(to)? {
            Route::Forward(proxy) => {
                let name = proxy.uri().authority().map(ToString::to_string);
                Some((name.unwrap_or_default(), proxy.basic_auth().cloned()))
            }
            Route::Tunnel(_) | Route::Socks(_) => None,
        }
    }
}

fn warn_of(unknown: &[String]) {
    if unknown.is_empty() {
        return;
    }
    // Somebody may have put a whole URL there.
    let harmless = |entry: &String| !entry.contains('@');
    let entries: Vec<_> = unknown.iter().filter(|entry| harmless(entry)).collect();
    tracing::warn!(
        ?entries,
        "{} of the hosts that no proxy is for (NO_PROXY) mean nothing and are passed over: \
         write a domain, an address, a network or *, and a port after it if there is one",
        unknown.len()
    );
}
