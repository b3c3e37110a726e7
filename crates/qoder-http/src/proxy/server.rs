//! The URL of one proxy.

use std::fmt;

use crate::error::{Error, ErrorKind, Sent};

/// One proxy.
#[derive(Clone)]
pub(super) struct Server {
    /// With its credentials, and always with a port.
    url: String,
    /// Without.
    shown: String,
}

impl Server {
    /// Reads a URL. `what` says in errors where it is from; its text is never shown, since it
    /// holds credentials.
    pub(super) fn parse(text: &str, what: &str) -> Result<Self, Error> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (scheme, port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => ("http", 80),
            "https" => ("https", 443),
            "socks" | "socks5" | "socks5h" => ("socks5h", 1080),
            _ => {
                return Err(config(format!(
                    "{what} has a scheme that is not http, https or socks5"
                )));
            }
        };
        let no_url = || {
            config(format!(
                "{what} is no URL of a proxy, such as http://user:password@host:port with percent-encoded credentials"
            ))
        };
        // The path, if there is one, means nothing.
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority: http::uri::Authority = rest[..end].parse().map_err(|_| no_url())?;
        let (user, _) = authority.as_str().rsplit_once('@').unwrap_or_default();
        // SOCKS5 has a byte for their lengths (RFC 1929), and what is decoded is no longer.
        let too_long = user.split(':').any(|part| part.len() > 255);
        if authority.host().is_empty() || user.contains('@') || scheme == "socks5h" && too_long {
            return Err(no_url());
        }
        let at = if user.is_empty() { "" } else { "@" };
        let host = authority.host();
        let port = match (authority.port(), authority.as_str().rsplit_once(host)) {
            // `Authority` overlooks what follows an address in brackets, and a port that is none.
            (Some(port), Some((_, after))) if after.starts_with(':') => port.as_u16(),
            (None, Some((_, ""))) => port,
            _ => return Err(no_url()),
        };
        Ok(Self {
            url: format!("{scheme}://{user}{at}{host}:{port}"),
            shown: format!("{scheme}://{host}:{port}"),
        })
    }

    /// The URL, with its credentials.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn is_socks(&self) -> bool {
        self.url.starts_with("socks")
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

pub(super) fn config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, Sent::No, message)
}
