//! What works with each set of features: plain http to loopback always does, and `https` is refused
//! with an error that says what is missing, before anything is connected.

use http::{Request, Uri};
use qoder_http::{Error, ErrorKind, Lane, RequestBody, Sent, Timeouts, Tls, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PROVIDER: bool = cfg!(any(feature = "tls-ring", feature = "tls-aws-lc-rs"));
/// Lists that need nothing of the machine.
const ROOTS: bool = cfg!(feature = "roots-bundled");
/// Lists that the machine may not have.
const SYSTEM: bool = cfg!(any(feature = "roots-platform", feature = "roots-native"));
const TLS: bool = PROVIDER || ROOTS || SYSTEM;

/// What the error of a transport without usable TLS says.
fn missing() -> Option<&'static str> {
    if !TLS {
        Some("none was compiled in")
    } else if !PROVIDER {
        Some("enable `tls-ring` or `tls-aws-lc-rs`")
    } else if !ROOTS && !SYSTEM {
        Some("enable a `roots-*` feature")
    } else {
        None
    }
}

async fn call(url: &str) -> Result<Vec<u8>, Error> {
    let transport = Transport::builder().build()?;
    let request = Request::get(url)
        .body(RequestBody::empty())
        .expect("a request");
    let sent = transport
        .send(request, Lane::Call, Timeouts::default())
        .await?;
    Ok(sent.into_body().collect(100).await?.to_vec())
}

#[tokio::test]
async fn plain_http_to_loopback_needs_no_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let serve = async {
        let (mut connection, _) = listener.accept().await.expect("a connection");
        let mut head = [0; 4096];
        assert_ne!(connection.read(&mut head).await.expect("a request"), 0);
        let response = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        connection.write_all(response).await.expect("written");
    };
    let fetch = async {
        let body = call(&url).await;
        assert_eq!(body.expect("a response"), b"hi");
    };
    // Whoever serves would wait for ever for one who can't call.
    tokio::pin!(serve, fetch);
    tokio::select! {
        () = &mut fetch => {}
        () = &mut serve => fetch.await,
    }
}

#[tokio::test]
async fn https_without_what_it_needs_is_refused_before_it_connects() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let url = format!("https://{address}/");
    let Some(words) = missing() else {
        let transport = Transport::builder().build().expect("a transport");
        let url: Uri = url.parse().expect("a URL");
        // A machine may have no trust anchors.
        assert!(transport.check(&url).is_ok() || !ROOTS);
        return;
    };
    let error = call(&url).await.expect_err("there is no TLS");
    assert_eq!((error.kind(), error.sent()), (ErrorKind::Config, Sent::No));
    assert!(error.to_string().contains(words), "{error}");
    let error = Tls::default_roots().expect_err("there is no TLS");
    assert!(error.to_string().contains(words), "{error}");
}

/// An authority that is named is somebody to trust.
#[cfg(feature = "tls-ring")]
#[test]
fn an_authority_of_ones_own_is_enough() {
    let authority = include_bytes!("data/authority.der");
    let tls = Tls::builder().add_root_der(authority.to_vec());
    tls.build().expect("it can work");
}
