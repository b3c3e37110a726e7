//! URLs of requests: which may be used, and where they lead.

use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;

/// Says why a URL may not be used, if it may not.
pub(crate) fn check(uri: &Uri, allow_plain_http: bool) -> Result<(), String> {
    let (Some(scheme), Some(host)) = (uri.scheme(), uri.host()) else {
        return Err(format!("{:?} is no absolute URL", uri.path()));
    };
    if scheme != &Scheme::HTTP && scheme != &Scheme::HTTPS {
        return Err(format!("the scheme {scheme} is neither https nor http"));
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(
            "the URL holds credentials, which are never sent: put them into a header".to_owned(),
        );
    }
    // `Uri` overlooks what follows an address in brackets.
    let rest = authority.strip_prefix(host);
    if !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':')) {
        return Err(format!("what follows the host {host} is no port"));
    }
    if scheme == &Scheme::HTTP && !allow_plain_http && !is_loopback(host) {
        return Err(format!(
            "plain http to {host} is refused, since everybody on the way could read it: use https"
        ));
    }
    Ok(())
}

/// Returns whether a host is this machine: `localhost`, an address of `127.0.0.0/8`, or `::1` with or
/// without brackets. The text alone counts; no name is looked up.
///
/// ```
/// assert!(qoder_http::is_loopback("127.0.0.1"));
/// assert!(!qoder_http::is_loopback("127.0.0.1.example.com"));
/// ```
pub fn is_loopback(host: &str) -> bool {
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The host and port of a URL.
pub(crate) fn host_and_port(uri: &Uri) -> String {
    format!("{}:{}", uri.host().unwrap_or_default(), port(uri))
}

/// The port of a URL, or else of its scheme.
pub(crate) fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or_else(|| usual_port(uri))
}

fn usual_port(uri: &Uri) -> u16 {
    if uri.scheme() == Some(&Scheme::HTTP) {
        80
    } else {
        443
    }
}

/// Returns the value of `Host` for a URL (RFC 9110, section 7.2): its host, and its port unless
/// that is the one of its scheme.
pub(crate) fn host_field(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    match uri.port_u16() {
        Some(port) if port != usual_port(uri) => format!("{host}:{port}"),
        _ => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn loopback_is_told_by_the_text() {
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "10.0.0.1",
            "localhost.example",
            "127.0.0.1.example",
            "127.1",
            "::",
            "[::ffff:1]",
            "128.0.0.1",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
