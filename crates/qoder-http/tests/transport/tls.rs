//! TLS on loopback: whom the transport trusts, who it says it is, and which HTTP is spoken.
#![cfg(all(feature = "http2", feature = "tls-ring"))]

use std::net::SocketAddr;
use std::sync::Arc;

use crate::pki::Authority;
use http::{Request, Version};
use qoder_http::{
    Error, ErrorKind, Lane, RequestBody, Sent, StreamHttp, Timeouts, Tls, TlsBuilder, Transport,
};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const BOTH: [&str; 2] = ["h2", "http/1.1"];

fn get(host: &str, addr: SocketAddr) -> Request<RequestBody> {
    let url = format!("https://{host}:{}/", addr.port());
    Request::get(url)
        .body(RequestBody::empty())
        .expect("a request")
}

/// Calls `https://localhost` and reads the body.
async fn call(tls: Tls, host: &str, addr: SocketAddr) -> Result<Version, Error> {
    let transport = Transport::builder().tls(tls).build()?;
    let response = transport
        .send(get(host, addr), Lane::Call, Timeouts::default())
        .await?;
    let version = response.version();
    response.into_body().collect(100).await?;
    Ok(version)
}

fn built(builder: TlsBuilder) -> Tls {
    builder.build().expect("a configuration")
}

#[tokio::test]
async fn calls_speak_http_2_and_streams_http_1() {
    let authority = Authority::new();
    let addr = crate::pki::serve(authority.server(&["localhost"], &BOTH, None)).await;
    for (lane, shared, version) in [
        (Lane::Call, StreamHttp::Http1, Version::HTTP_2),
        (Lane::Stream, StreamHttp::Http1, Version::HTTP_11),
        (Lane::Stream, StreamHttp::Http2Shared, Version::HTTP_2),
    ] {
        let transport = Transport::builder()
            .tls(built(Tls::builder().add_root_pem(authority.pem())))
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
async fn the_peer_chooses_by_alpn() {
    let authority = Authority::new();
    let tls = built(Tls::builder().add_root_pem(authority.pem()));
    for (alpn, version) in [
        (&BOTH[..], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ] {
        let addr = crate::pki::serve(authority.server(&["localhost"], alpn, None)).await;
        let spoken = call(tls.clone(), "localhost", addr).await;
        assert_eq!(spoken.expect("a response"), version, "{alpn:?}");
    }
    // With prior knowledge nothing but HTTP/2 is offered.
    let addr = crate::pki::serve(authority.server(&["localhost"], &["http/1.1"], None)).await;
    let transport = Transport::builder()
        .tls(tls)
        .http2_prior_knowledge(true)
        .build()
        .expect("a transport");
    let error = transport
        .send(get("localhost", addr), Lane::Call, Timeouts::default())
        .await
        .expect_err("no common protocol");
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
}

#[tokio::test]
async fn an_authority_is_trusted_in_every_way_it_can_be_named() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let addr = crate::pki::serve(authority.server(&["localhost", "127.0.0.1"], &BOTH, None)).await;
    let two = format!("{}{}", stranger.pem(), authority.pem());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates([CertificateDer::from(authority.der())]);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    for tls in [
        built(Tls::builder().add_root_pem(authority.pem())),
        built(Tls::builder().add_root_pem(two)),
        built(Tls::builder().add_root_der(authority.der()).ring()),
        Tls::from_rustls(Arc::new(config)),
    ] {
        for host in ["localhost", "127.0.0.1"] {
            call(tls.clone(), host, addr).await.expect("a response");
        }
    }
}

/// On top of each list that is compiled in, and not without it.
#[tokio::test]
async fn an_authority_is_trusted_beside_a_list() {
    let authority = Authority::new();
    let addr = crate::pki::serve(authority.server(&["localhost"], &BOTH, None)).await;
    let lists: &[fn(TlsBuilder) -> TlsBuilder] = &[
        TlsBuilder::default_roots,
        #[cfg(feature = "roots-platform")]
        TlsBuilder::platform_roots,
        #[cfg(feature = "roots-native")]
        TlsBuilder::native_roots,
        #[cfg(feature = "roots-bundled")]
        TlsBuilder::bundled_roots,
    ];
    for list in lists {
        let tls = list(Tls::builder()).add_root_pem(authority.pem()).build();
        let tls = match tls {
            Ok(tls) => tls,
            // A machine without a list: then the error says what to do.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Config);
                assert!(error.to_string().contains("ca-certificates"), "{error}");
                continue;
            }
        };
        call(tls, "localhost", addr).await.expect("a response");
        if let Ok(tls) = list(Tls::builder()).build() {
            let error = call(tls, "localhost", addr).await.expect_err("a stranger");
            assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
        }
    }
}

#[tokio::test]
async fn a_stranger_and_a_wrong_name_are_refused() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let addr = crate::pki::serve(authority.server(&["localhost"], &BOTH, None)).await;
    for (trusted, host, text) in [
        (&stranger, "localhost", "add_root_pem"),
        (&authority, "127.0.0.1", "not valid for name"),
    ] {
        let tls = built(Tls::builder().add_root_pem(trusted.pem()));
        let error = call(tls, host, addr).await.expect_err("refused");
        assert_eq!(
            (error.kind(), error.sent()),
            (ErrorKind::Certificate, Sent::No),
            "{error}"
        );
        assert!(error.to_string().contains(text), "{error}");
        let place = format!("{host}:{}", addr.port());
        assert!(error.to_string().contains(&place), "{error}");
    }
}

#[tokio::test]
async fn a_client_shows_its_certificate_where_it_is_asked_for() {
    let (authority, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let (good, bad) = (clients.client(), strangers.client());
    let trusting = || Tls::builder().add_root_pem(authority.pem());
    for alpn in [&BOTH[..], &["http/1.1"]] {
        let addr = crate::pki::serve(authority.server(&["localhost"], alpn, Some(&clients))).await;
        let tls = built(trusting().client_identity_pem(&good.chain, &good.key));
        call(tls, "localhost", addr).await.expect("a response");
        // Both in one text.
        let both = format!("{}{}", good.key, good.chain);
        let tls = built(trusting().client_identity_pem(&both, &both));
        call(tls, "localhost", addr).await.expect("a response");

        for tls in [
            built(trusting()),
            built(trusting().client_identity_pem(&bad.chain, &bad.key)),
        ] {
            let error = call(tls, "localhost", addr).await.expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Certificate, "{alpn:?}: {error}");
            assert!(error.to_string().contains("client certificate"), "{error}");
        }
    }
    // A server that asks nobody gets none.
    let addr = crate::pki::serve(authority.server(&["localhost"], &BOTH, None)).await;
    let tls = built(trusting().client_identity_pem(&good.chain, &good.key));
    call(tls, "localhost", addr).await.expect("a response");
}

#[test]
fn what_is_no_certificate_is_an_error_of_the_configuration() {
    let authority = Authority::new();
    let (one, other) = (authority.client(), authority.client());
    let half = &authority.pem()[..200];
    let wrapped = "-----BEGIN CERTIFICATE-----\nMTIzNA==\n-----END CERTIFICATE-----\n";
    for (builder, text) in [
        (Tls::builder().add_root_pem(""), "has no certificate"),
        (Tls::builder().add_root_pem(&one.key), "has no certificate"),
        (Tls::builder().add_root_pem(half), "no PEM"),
        (Tls::builder().add_root_pem(wrapped), "can't be read"),
        (Tls::builder().add_root_der(*b"1234"), "can't be read"),
        (
            Tls::builder().default_roots().add_root_der(*b"1234"),
            "can't be read",
        ),
        (
            Tls::builder().client_identity_pem("", &one.key),
            "has no certificate",
        ),
        (
            Tls::builder().client_identity_pem(&one.chain, &one.chain),
            "no private key",
        ),
        (
            Tls::builder()
                .add_root_pem(authority.pem())
                .client_identity_pem(&one.chain, &other.key),
            "client certificate can't be used",
        ),
    ] {
        assert!(!format!("{builder:?}").contains("PRIVATE"), "{builder:?}");
        let error = builder.build().expect_err(text);
        assert_eq!((error.kind(), error.sent()), (ErrorKind::Config, Sent::No));
        assert!(error.to_string().contains(text), "{text}: {error}");
    }
}

/// TLS is made over a stream that the caller brought, for the host of the URL.
#[tokio::test]
async fn a_callers_stream_is_secured() {
    let authority = Authority::new();
    let addr = crate::pki::serve(authority.server(&["localhost"], &BOTH, None)).await;
    for (host, trusted) in [("localhost", true), ("example.com", false)] {
        let transport = Transport::builder()
            .tls(built(Tls::builder().add_root_pem(authority.pem())))
            .connect_with(move |_| tokio::net::TcpStream::connect(addr))
            .build()
            .expect("a transport");
        let sent = transport
            .send(get(host, addr), Lane::Call, Timeouts::default())
            .await;
        match sent {
            Ok(response) => assert_eq!((response.version(), trusted), (Version::HTTP_2, true)),
            Err(error) => assert_eq!(
                (error.kind(), trusted),
                (ErrorKind::Certificate, false),
                "{error}"
            ),
        }
    }
}

/// A body without a length ends with its connection, and TLS tells an end from a break.
#[tokio::test]
async fn a_connection_that_breaks_off_cuts_its_body() {
    let authority = Authority::new();
    for ends_well in [true, false] {
        let acceptor = authority.server(&["localhost"], &["http/1.1"], None);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.expect("a connection");
            let mut connection = acceptor.accept(tcp).await.expect("TLS");
            let mut seen = Vec::new();
            while !seen.ends_with(b"\r\n\r\n") {
                seen.push(connection.read_u8().await.expect("a request"));
            }
            let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhalf";
            connection.write_all(answer).await.expect("a client");
            connection.flush().await.expect("a client");
            if ends_well {
                connection.shutdown().await.expect("a client");
            }
        });
        let tls = built(Tls::builder().add_root_pem(authority.pem()));
        match call(tls, "localhost", addr).await {
            Ok(_) => assert!(ends_well),
            Err(error) => assert_eq!(
                (error.kind(), error.sent(), ends_well),
                (ErrorKind::Cut, Sent::Yes, false),
                "{error}"
            ),
        }
    }
}
