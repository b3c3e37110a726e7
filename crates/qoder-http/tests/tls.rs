//! TLS on loopback: whom the transport trusts, and which HTTP is spoken.
#![cfg(all(feature = "http2", feature = "tls-ring"))]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use qoder_http::{ErrorKind, Lane, RequestBody, Sent, StreamHttp, Timeouts, Tls, Transport};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A server for `localhost` whose answers say which HTTP was spoken, and its certificate.
async fn server() -> (SocketAddr, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a configuration");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(connection) = acceptor.accept(connection).await else {
                    return;
                };
                let service = service_fn(|request: Request<hyper::body::Incoming>| async move {
                    let version = format!("{:?}", request.version());
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(version))))
                });
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(connection), service)
                    .await;
            });
        }
    });
    (addr, certificate)
}

fn trusting(certificate: Option<CertificateDer<'static>>) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificate);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Tls::from_rustls(Arc::new(config))
}

fn get(host: &str, addr: SocketAddr) -> Request<RequestBody> {
    let url = format!("https://{host}:{}/", addr.port());
    Request::get(url)
        .body(RequestBody::empty())
        .expect("a request")
}

#[tokio::test]
async fn calls_speak_http_2_and_streams_http_1() {
    let (addr, certificate) = server().await;
    for (lane, shared, version) in [
        (Lane::Call, StreamHttp::Http1, Version::HTTP_2),
        (Lane::Stream, StreamHttp::Http1, Version::HTTP_11),
        (Lane::Stream, StreamHttp::Http2Shared, Version::HTTP_2),
    ] {
        let transport = Transport::builder()
            .tls(trusting(Some(certificate.clone())))
            .stream_http(shared)
            .build()
            .expect("a transport");
        let response = transport
            .send(get("localhost", addr), lane, Timeouts::default())
            .await
            .expect("a response");
        assert_eq!(response.version(), version, "{lane:?} {shared:?}");
        let body = response.into_body().collect(100).await.expect("a body");
        assert_eq!(String::from_utf8_lossy(&body), format!("{version:?}"));
    }
}

#[tokio::test]
async fn a_stranger_and_a_wrong_name_are_refused() {
    let (addr, certificate) = server().await;
    for (tls, host) in [
        (trusting(None), "localhost"),
        (trusting(Some(certificate)), "127.0.0.1"),
    ] {
        let transport = Transport::builder().tls(tls).build().expect("a transport");
        let error = transport
            .send(get(host, addr), Lane::Call, Timeouts::default())
            .await
            .expect_err("refused");
        assert_eq!(
            (error.kind(), error.sent()),
            (ErrorKind::Tls, Sent::No),
            "{error}"
        );
    }
}

/// TLS is made over a stream that the caller brought, for the host of the URL.
#[tokio::test]
async fn a_callers_stream_is_secured() {
    let (addr, certificate) = server().await;
    for (host, trusted) in [("localhost", true), ("example.com", false)] {
        let transport = Transport::builder()
            .tls(trusting(Some(certificate.clone())))
            .connect_with(move |_| tokio::net::TcpStream::connect(addr))
            .build()
            .expect("a transport");
        let sent = transport
            .send(get(host, addr), Lane::Call, Timeouts::default())
            .await;
        match sent {
            Ok(response) => assert_eq!((response.version(), trusted), (Version::HTTP_2, true)),
            Err(error) => assert_eq!((error.kind(), trusted), (ErrorKind::Tls, false), "{error}"),
        }
    }
}
