//! Requests through proxies on loopback: what the proxy sees of them, and what is said when it
//! fails.
#![cfg(all(feature = "http2", feature = "proxy", feature = "tls-ring"))]

mod environment;
mod servers;

use std::net::SocketAddr;
use std::time::Duration;

use self::servers::{Seen, connect_proxy, listen, proxy_that_says, says, socks_proxy};
use crate::pki::Authority;
use http::{Request, Response, Version};
use qoder_http::retry::{AttemptEnding, Class, Decision, decide};
use qoder_http::{
    Error, ErrorKind, Lane, Phase, Proxy, RequestBody, ResponseBody, Sent, Timeouts, Tls,
    Transport, TransportBuilder,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const TOKEN: &str = "Bearer the-token-of-the-test";

fn builder(authority: &Authority, proxy: &str) -> TransportBuilder {
    let tls = Tls::builder().add_root_pem(authority.pem()).build();
    let proxy = if proxy.starts_with("socks") {
        Proxy::socks5(proxy)
    } else {
        Proxy::http(proxy)
    };
    Transport::builder()
        .tls(tls.expect("a configuration"))
        .proxy(proxy.expect("a proxy"))
}

async fn get(
    transport: &Transport,
    url: &str,
    lane: Lane,
) -> Result<Response<ResponseBody>, Error> {
    let request = Request::get(url)
        .header("authorization", TOKEN)
        .body(RequestBody::empty())
        .expect("a request");
    transport.send(request, lane, Timeouts::default()).await
}

/// Something of both kinds, and both lanes, comes through; the proxy reads nothing of it.
async fn comes_through(builder: TransportBuilder, service: SocketAddr, seen: &Seen) {
    let transport = builder.build().expect("a transport");
    let url = format!("https://service.test:{}/a/path", service.port());
    for (lane, version) in [
        (Lane::Call, Version::HTTP_2),
        (Lane::Stream, Version::HTTP_11),
        (Lane::Call, Version::HTTP_2),
    ] {
        let response = get(&transport, &url, lane).await.expect("a response");
        assert_eq!(response.version(), version);
        let body = response.into_body().collect(100).await.expect("a body");
        assert_eq!(body, format!("{version:?}"));
    }
    let seen = seen.text();
    assert!(
        !seen.contains("the-token") && !seen.contains("path"),
        "{seen}"
    );
}

async fn service(authority: &Authority) -> SocketAddr {
    crate::pki::serve(authority.server(&["service.test"], &["h2", "http/1.1"], None)).await
}

#[tokio::test]
async fn https_goes_through_a_tunnel() {
    let authority = Authority::new();
    let service = service(&authority).await;
    for (user, credentials) in [("", None), ("user:p%40ss@", Some("dXNlcjpwQHNz"))] {
        let seen = Seen::default();
        let kept = seen.clone();
        let proxy =
            listen(move |client| connect_proxy(client, service, credentials, kept.clone())).await;
        let builder = builder(&authority, &format!("http://{user}{proxy}"));
        comes_through(builder, service, &seen).await;
        // Two connections, one for each lane.
        assert_eq!(seen.text().matches("CONNECT service.test").count(), 2);
    }
}

/// Any success makes a tunnel, also after interim responses.
#[tokio::test]
async fn a_tunnel_is_made_by_any_success() {
    let authority = Authority::new();
    let service = service(&authority).await;
    for made in [
        &b"HTTP/1.1 201 Created\r\n\r\n"[..],
        b"HTTP/1.0 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 102 Yes\r\n\r\nHTTP/1.1 299 OK\r\n\r\n",
    ] {
        let seen = Seen::default();
        let kept = seen.clone();
        let proxy =
            listen(move |client| proxy_that_says(made, client, service, None, kept.clone())).await;
        let builder = builder(&authority, &format!("http://{proxy}"));
        comes_through(builder, service, &seen).await;
    }
}

#[tokio::test]
async fn a_proxy_may_be_reached_over_tls() {
    let authority = Authority::new();
    let service = service(&authority).await;
    let acceptor = authority.server(&["127.0.0.1"], &["http/1.1"], None);
    let seen = Seen::default();
    let kept = seen.clone();
    let proxy = listen(move |client| {
        let (acceptor, seen) = (acceptor.clone(), kept.clone());
        async move {
            if let Ok(client) = acceptor.accept(client).await {
                connect_proxy(client, service, Some("dTpw"), seen).await;
            }
        }
    })
    .await;
    comes_through(
        builder(&authority, &format!("https://u:p@{proxy}")),
        service,
        &seen,
    )
    .await;
    // One whose certificate is another's is not tried again.
    let url = format!("https://u:p@localhost:{}", proxy.port());
    let transport = builder(&authority, &url).build().expect("a transport");
    let error = get(&transport, "https://service.test/", Lane::Call)
        .await
        .expect_err("a wrong name");
    assert_eq!(
        (error.kind(), error.sent()),
        (ErrorKind::Certificate, Sent::No)
    );
}

#[tokio::test]
async fn https_goes_through_socks() {
    let authority = Authority::new();
    let service = service(&authority).await;
    for (user, credentials) in [("", None), ("user:p%40ss@", Some(("user", "p@ss")))] {
        let seen = Seen::default();
        let kept = seen.clone();
        let proxy =
            listen(move |client| socks_proxy(client, service, credentials, kept.clone())).await;
        let builder = builder(&authority, &format!("socks5://{user}{proxy}"));
        comes_through(builder, service, &seen).await;
    }
}

static FLOOD: [u8; 1 << 16] = [b'x'; 1 << 16];

#[tokio::test]
async fn what_the_proxy_does_not_do_is_its_failure() {
    let authority = Authority::new();
    let service = service(&authority).await;
    let connect =
        listen(move |client| connect_proxy(client, service, Some("dTpzZWNyZXQ="), Seen::default()))
            .await;
    let socks =
        listen(move |client| socks_proxy(client, service, Some(("u", "secret")), Seen::default()))
            .await;
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address")
    };
    let forbids = says(b"HTTP/1.1 403 Forbidden\r\n\r\n", Seen::default()).await;
    let denies = says(b"HTTP/1.1 401 Unauthorized\r\n\r\n", Seen::default()).await;
    let no_password = listen(|mut client| async move {
        let _ = client.read_exact(&mut [0; 3]).await;
        let _ = client.write_all(&[5, 0xFF]).await;
    })
    .await;
    let babbles = says(b"SSH-2.0-something\r\n", Seen::default()).await;
    let closes = listen(|_| async {}).await;
    let floods = says(&FLOOD, Seen::default()).await;
    let switches = says(b"HTTP/1.1 101 Switching\r\n\r\n", Seen::default()).await;
    for (proxy, host, text) in [
        (
            format!("http://{connect}"),
            "service.test",
            "wants credentials (407)",
        ),
        (
            format!("http://u:wrong@{connect}"),
            "service.test",
            "doesn't accept its credentials (407)",
        ),
        (
            format!("http://u:secret@{connect}"),
            "unknown.test",
            "answered 502",
        ),
        (
            format!("http://u:secret@{refused}"),
            "service.test",
            "no connection to the proxy",
        ),
        (
            format!("http://u:secret@{forbids}"),
            "service.test",
            "answered 403",
        ),
        (
            format!("http://u:secret@{switches}"),
            "service.test",
            "answered 101",
        ),
        (
            format!("http://u:secret@{babbles}"),
            "service.test",
            "its answer is not HTTP",
        ),
        (
            format!("http://u:secret@{closes}"),
            "service.test",
            "made no tunnel",
        ),
        (
            format!("http://u:secret@{floods}"),
            "service.test",
            "made no tunnel",
        ),
        (
            "http://u:secret@no.such.host.invalid".to_owned(),
            "service.test",
            "no connection to the proxy",
        ),
        (
            format!("http://u:wrong@{denies}"),
            "service.test",
            "doesn't accept its credentials (401)",
        ),
        (
            format!("http://{denies}"),
            "service.test",
            "wants credentials (401)",
        ),
        (
            format!("socks5://{socks}"),
            "service.test",
            "wants credentials (SOCKS5)",
        ),
        (
            format!("socks5://u:wrong@{socks}"),
            "service.test",
            "doesn't accept its credentials (SOCKS5)",
        ),
        (
            format!("socks5://u:secret@{no_password}"),
            "service.test",
            "takes no user and password (SOCKS5)",
        ),
        (
            format!("socks5://u:secret@{socks}"),
            "unknown.test",
            "host unreachable",
        ),
        (
            format!("socks5://u:secret@{refused}"),
            "service.test",
            "no connection to the proxy",
        ),
        (
            format!("socks5://u:secret@{closes}"),
            "service.test",
            "made no tunnel",
        ),
    ] {
        let transport = builder(&authority, &proxy).build().expect("a transport");
        let url = format!("https://{host}:{}/", service.port());
        let error = get(&transport, &url, Lane::Call).await.expect_err(text);
        let (kind, verdict) = if text.ends_with(')') {
            (ErrorKind::ProxyAuth, Decision::GiveUp)
        } else {
            (ErrorKind::Proxy, Decision::Retry)
        };
        assert_eq!(
            (error.kind(), error.sent()),
            (kind, Sent::No),
            "{proxy}: {error}"
        );
        assert!(error.to_string().contains(text), "{proxy}: {error}");
        let mut shown = format!("{error} {error:?} {transport:?}");
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            shown = format!("{shown} {error} {error:?}");
            cause = error.source();
        }
        for secret in ["secret", "wrong", "dTp", "the-token"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let end = AttemptEnding::Failed {
            kind: error.kind(),
            sent: error.sent(),
        };
        assert_eq!(decide(Class::Once, &end), verdict, "{proxy}: {error}");
    }
}

#[tokio::test]
async fn the_limit_for_connecting_covers_the_proxy() {
    let authority = Authority::new();
    let silent = says(b"", Seen::default()).await;
    for scheme in ["http", "socks5"] {
        let transport = builder(&authority, &format!("{scheme}://{silent}"))
            .timeouts(Timeouts::default().connect(Duration::from_millis(100)))
            .build()
            .expect("a transport");
        let error = get(&transport, "https://service.test/", Lane::Call)
            .await
            .expect_err("silence");
        assert_eq!(
            (error.kind(), error.sent()),
            (ErrorKind::Timeout(Phase::Connect), Sent::No),
            "{error}"
        );
    }
}

#[tokio::test]
async fn plain_http_is_handed_to_the_proxy_only_where_it_is_allowed() {
    let authority = Authority::new();
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    for (user, line) in [
        ("", None),
        ("u:p@", Some("proxy-authorization: Basic dTpw\r\n")),
    ] {
        let seen = Seen::default();
        let proxy = says(answer, seen.clone()).await;
        let url = format!("http://{user}{proxy}");
        let strict = builder(&authority, &url).build().expect("a transport");
        for lane in [Lane::Call, Lane::Stream] {
            let error = get(&strict, "http://service.test/x", lane)
                .await
                .expect_err("in clear");
            assert_eq!(error.kind(), ErrorKind::Url, "{error}");
        }
        assert_eq!(seen.text(), "", "nothing reaches the proxy");

        let lax = builder(&authority, &url)
            .allow_plain_http(true)
            .build()
            .expect("a transport");
        let response = get(&lax, "http://service.test/x?y", Lane::Call)
            .await
            .expect("a response");
        let body = response.into_body().collect(10).await.expect("a body");
        assert_eq!(body, "ok");
        let head = seen.text();
        assert!(
            head.starts_with("GET http://service.test/x?y HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(head.contains("host: service.test\r\n"), "{head}");
        assert_eq!(
            head.contains("proxy-authorization"),
            line.is_some(),
            "{head}"
        );
        assert!(line.is_none_or(|line| head.contains(line)), "{head}");
    }
    let proxy = says(
        b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n",
        Seen::default(),
    )
    .await;
    let transport = builder(&authority, &format!("http://{proxy}"))
        .allow_plain_http(true)
        .build()
        .expect("a transport");
    let error = get(&transport, "http://service.test/", Lane::Call)
        .await
        .expect_err("407");
    let told = (error.kind(), error.sent());
    assert_eq!(told, (ErrorKind::ProxyAuth, Sent::No));
}

/// Requests to this machine, and to hosts that the rules except, don't go to the proxy.
#[tokio::test]
async fn some_hosts_are_reached_directly() {
    let authority = Authority::new();
    let seen = Seen::default();
    let proxy = says(b"HTTP/1.1 502 No\r\n\r\n", seen.clone()).await;
    let tls = authority.server(&["localhost", "127.0.0.1"], &["h2", "http/1.1"], None);
    let secure = crate::pki::serve(tls).await;
    let plain = says(
        b"HTTP/1.1 407 Mine\r\ncontent-length: 0\r\n\r\n",
        Seen::default(),
    )
    .await;
    let url = format!("http://user:secret@{proxy}");
    let transport = builder(&authority, &url).build().expect("a transport");
    for url in [
        format!("https://localhost:{}/", secure.port()),
        format!("https://{secure}/"),
        format!("http://{plain}/"),
    ] {
        let response = get(&transport, &url, Lane::Call).await.expect("a response");
        // A 407 that is not a proxy's is an answer like others.
        assert!(matches!(response.status().as_u16(), 200 | 407));
        drop(response);
    }
    let excepting = Proxy::http(url)
        .expect("a proxy")
        .no_proxy("no.such.host.invalid");
    let transport = Transport::builder()
        .proxy(excepting)
        .build()
        .expect("a transport");
    let error = get(&transport, "https://no.such.host.invalid/", Lane::Call)
        .await
        .expect_err("no such host");
    assert_eq!(error.kind(), ErrorKind::Dns, "{error}");
    assert_eq!(seen.text(), "");
}

/// HTTP/2 without asking goes through a tunnel, in clear too: a proxy can't read it.
#[tokio::test]
async fn http_2_in_clear_goes_through_a_tunnel() {
    let authority = Authority::new();
    let service = listen(|connection| async move {
        let service = hyper::service::service_fn(|_| async {
            Ok::<_, std::convert::Infallible>(Response::new(String::from("ok")))
        });
        let executor = hyper_util::rt::TokioExecutor::new();
        let _ = hyper::server::conn::http2::Builder::new(executor)
            .serve_connection(hyper_util::rt::TokioIo::new(connection), service)
            .await;
    })
    .await;
    let seen = Seen::default();
    let kept = seen.clone();
    let proxy =
        listen(move |client| connect_proxy(client, service, Some("dTpw"), kept.clone())).await;
    let transport = builder(&authority, &format!("http://u:p@{proxy}"))
        .allow_plain_http(true)
        .http2_prior_knowledge(true)
        .build()
        .expect("a transport");
    let url = format!("http://service.test:{}/", service.port());
    let response = get(&transport, &url, Lane::Call).await.expect("a response");
    assert_eq!(response.version(), Version::HTTP_2);
    // The port that plain http has by itself is named to the proxy.
    let error = get(&transport, "http://service.test/", Lane::Call)
        .await
        .expect_err("another port");
    assert!(error.to_string().contains("502"), "{error}");
    assert!(seen.text().contains("CONNECT service.test:80 HTTP/1.1"));
}

/// A caller's streams lead to the proxy, if one is named.
#[tokio::test]
async fn a_callers_stream_may_lead_to_a_proxy() {
    let authority = Authority::new();
    let service = service(&authority).await;
    let seen = Seen::default();
    let kept = seen.clone();
    let builder = builder(&authority, "http://u:p@proxy.test").connect_with(move |uri| {
        assert_eq!(uri.to_string(), "http://proxy.test:80/");
        let (ours, theirs) = tokio::io::duplex(1 << 14);
        tokio::spawn(connect_proxy(theirs, service, Some("dTpw"), kept.clone()));
        async { Ok(ours) }
    });
    comes_through(builder, service, &seen).await;
}
