//! Headers that a user sets, and those that say who is calling.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The headers that hold for a connection, or say where a request goes and where it ends.
static FRAMING: [HeaderName; 9] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Checks a header given by the user, and says what is wrong with it. The token has a place of its
/// own and can't be set here.
pub(crate) fn checked_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let name =
        HeaderName::try_from(name).map_err(|_| format!("{name:?} is no name for a header"))?;
    if name == header::AUTHORIZATION {
        let why = "the Authorization header is the client's: give the token to the builder";
        return Err(why.to_owned());
    }
    // Where a request goes and where it ends is not for a header of the caller's to say.
    if FRAMING.contains(&name) {
        return Err(format!(
            "the header `{name}` is the transport's: it can't be set by hand"
        ));
    }
    let value = HeaderValue::try_from(value).map_err(|_| {
        format!("the value for the header `{name}` has a line break or control character")
    })?;
    Ok((name, value))
}

/// Returns the headers in which the official SDKs say who is calling.
pub(crate) fn platform_headers() -> HeaderMap {
    let os = match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "MacOS",
        "windows" => "Windows",
        "freebsd" => "FreeBSD",
        "openbsd" => "OpenBSD",
        "ios" => "iOS",
        "android" => "Android",
        _ => "Other",
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "x86" => "x32",
        "aarch64" => "arm64",
        "arm" => "arm",
        _ => "other",
    };
    let version = env!("CARGO_PKG_VERSION");
    let mut headers = HeaderMap::new();
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("qca-rust/", env!("CARGO_PKG_VERSION"))),
    );
    for (name, value) in [
        ("x-qoder-lang", "rust"),
        ("x-qoder-package-version", version),
        ("x-qoder-os", os),
        ("x-qoder-arch", arch),
        ("x-qoder-runtime", "tokio"),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers
}
