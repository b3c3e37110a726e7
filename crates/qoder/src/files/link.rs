//! A link to the storage, as the API gives it.

use std::fmt::Write;
use std::time::SystemTime;

use http::Uri;
use http::uri::Scheme;
use qoder_types::{FileContent, Timestamp};

/// A link. It is a secret.
pub(super) struct Link {
    uri: Uri,
    ends: Option<SystemTime>,
    /// A link is used once at least, should the clocks disagree.
    used: bool,
}

impl Link {
    /// The link of an API that is spoken to over plain http or not; or what is wrong with it.
    pub(super) fn new(content: &FileContent, plain: bool) -> Result<Self, &'static str> {
        let uri = mended(content.url.expose()).parse::<Uri>().ok();
        let uri = uri.filter(|uri| uri.scheme().is_some());
        let uri = uri.ok_or("that is no absolute URL")?;
        let has_user = |authority: &http::uri::Authority| authority.as_str().contains('@');
        if uri.authority().is_none_or(has_user) {
            return Err("with credentials in it");
        }
        if uri.scheme() == Some(&Scheme::HTTP) && !plain {
            return Err("over plain http, which is refused since the API is not over plain http");
        }
        let ends = content.expires_at.as_ref();
        Ok(Self {
            ends: ends.and_then(Timestamp::to_system_time),
            uri,
            used: false,
        })
    }

    /// Returns the URL of the link, unless it has expired.
    pub(super) fn use_at(&mut self, now: SystemTime) -> Option<Uri> {
        if self.used && self.ends.is_some_and(|ends| ends <= now) {
            return None;
        }
        self.used = true;
        Some(self.uri.clone())
    }
}

/// A URL as the URL standard of the WHATWG reads it: without blanks around it, and with what has no
/// place in its path or query encoded. What may be there, encoded or not, stays as it is to the
/// byte, since the signature is over it. Control characters are not mended.
fn mended(url: &str) -> String {
    let url = url.trim_matches(|c: char| c <= ' ');
    let authority = url.find("://").map_or(0, |at| at + "://".len());
    let path = url[authority..].find(['/', '?', '#']);
    let path = path.map_or(url.len(), |at| authority + at);
    let mut mended = url[..path].to_owned();
    let mut in_path = true;
    for c in url[path..].chars() {
        match c {
            // The fragment is not sent.
            '#' => break,
            ' ' | '"' | '<' | '>' => encode(c, &mut mended),
            '^' | '`' | '{' | '}' if in_path => encode(c, &mut mended),
            c if !c.is_ascii() => encode(c, &mut mended),
            c => {
                in_path &= c != '?';
                mended.push(c);
            }
        }
    }
    mended
}

fn encode(c: char, to: &mut String) {
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        let _ = write!(to, "%{byte:02X}");
    }
}
