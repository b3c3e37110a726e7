//! The token stays with its host.

use std::net::IpAddr;

use proptest::prelude::*;
use qoder::types::AgentCreate;
use qoder::{Client, ErrorKind, Start};
use qoder_tests::wire::{Act, Wire};

use super::{TOKEN, builder, client, run};

#[test]
fn no_redirect_is_followed() {
    for status in [300, 301, 302, 303, 307, 308] {
        for there in [
            "http://127.0.0.1:8081/api/v1/cloud/agents",
            "http://localhost:8081/",
            "https://elsewhere.example/",
            "//elsewhere.example/",
            "/elsewhere",
        ] {
            let answer = format!(
                "HTTP/1.1 {status} Elsewhere\r\nLocation: {there}\r\nRefresh: 0; url={there}\r\n\
                 Content-Length: 0\r\n\r\n"
            );
            let wire = Wire::new([], Act::answer(answer));
            run(async {
                let client = client(&wire);
                let mut errors = vec![
                    client.sessions().retrieve("sess_1").await.err(),
                    client
                        .agents()
                        .create(AgentCreate::new("a", "b"))
                        .await
                        .err(),
                    client.agents().delete("agent_1").await.err(),
                    client.session("sess_1").stream().await.err(),
                ];
                let follow = client.session("sess_1").follow();
                let mut events = follow.from(Start::Beginning).events();
                errors.push(events.next().await.and_then(Result::err));
                for error in errors {
                    let error = error.expect("a redirect is no answer");
                    assert_eq!(error.status().map(|s| s.as_u16()), Some(status), "{error}");
                    assert!(error.to_string().contains("redirect"), "{error}");
                }
            });
            assert_eq!(wire.requests().len(), 5, "one request each");
            for url in wire.dialled() {
                assert_eq!(url, "http://localhost/", "to {there}");
            }
        }
    }
}

/// The storage that a link leads to gets neither the token nor anything else that the API gets.
#[test]
fn a_link_leads_away_from_the_token() {
    let link = |url: &str| {
        let body = serde_json::json!({ "url": url }).to_string();
        let length = body.len();
        Act::answer(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    };
    let content = || Act::answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    for url in [
        "http://localhost:8081/file?signature=of-the-link",
        "http://localhost/api/v1/cloud/agents?signature=of-the-link",
        "http://127.0.0.1:8081/file?signature=of-the-link",
    ] {
        let wire = Wire::new([link(url)], content());
        let built = builder(&wire).header("x-mine", "1").workspace("w").build();
        let client = built.expect("a client");
        let got = run(async move { client.files().download("f").bytes().await });
        assert_eq!(got.expect("a file"), "hi");
        let requests = wire.requests();
        assert_eq!(requests.len(), 2);
        assert!(requests[0].header("authorization").is_some());
        let told = ["accept", "accept-encoding", "host", "user-agent"];
        assert_eq!(requests[1].names(), told, "{url}");
        assert!(!format!("{:?}", requests[1]).contains(TOKEN));
    }
    // A link that leads to where it must not, and the storage's own redirects.
    for url in [
        "http://elsewhere.example/file?signature=of-the-link",
        "http://user:signature@localhost/file",
        "http://[::1].elsewhere.example/?signature=of-the-link",
        "/file?signature=of-the-link",
        "//elsewhere.example/file?signature=of-the-link",
        "file:///etc/passwd?signature=of-the-link",
        "http://localhost/fi\r\nle?signature=of-the-link",
        "",
    ] {
        let wire = Wire::new([link(url)], content());
        let client = client(&wire);
        let got = run(async move { client.files().download("f").bytes().await });
        let error = got.expect_err(url);
        assert_eq!(wire.requests().len(), 1, "{url}");
        assert_eq!(wire.dialled(), ["http://localhost/"], "{url}");
        let told = format!("{error} {error:?} {error:#?}");
        assert!(!told.contains("signature"), "{told}");
    }
    let there = "http://localhost/file?signature=of-the-link";
    let answer =
        "HTTP/1.1 302 Found\r\nLocation: http://localhost:8082/\r\nContent-Length: 0\r\n\r\n";
    let wire = Wire::new([link(there)], Act::answer(answer));
    let client = client(&wire);
    let got = run(async move { client.files().download("f").bytes().await });
    let error = got.expect_err("a redirect");
    assert_eq!(error.status().map(|s| s.as_u16()), Some(302), "{error}");
    assert!(!format!("{error:?}").contains("signature"), "{error:?}");
    assert_eq!(wire.requests().len(), 2);
}

/// The host of a URL, read by hand.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A base URL that is accepted, and where a call with it connects to. `None` if it is refused.
fn dialled(base: &str) -> Option<Vec<String>> {
    let wire = Wire::new(
        [],
        Act::answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    );
    let built = Client::builder()
        .token(TOKEN)
        .base_url(base)
        .transport(wire.transport().build().expect("a transport"))
        .build();
    match built {
        Ok(client) => {
            let _ = run(async { client.models().list().await });
            Some(wire.dialled())
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            None
        }
    }
}

#[test]
fn plain_http_stays_on_this_machine() {
    for base in [
        "http://elsewhere.example/",
        "HTTP://elsewhere.example/",
        "hTTp://elsewhere.example/",
        "http://localhost.elsewhere.example/",
        "http://127.0.0.1.elsewhere.example/",
        "http://elsewhere.example:80/localhost",
        "http://localhost@elsewhere.example/",
        "http://localhost:80@elsewhere.example/",
        "http://elsewhere.example@localhost/",
        "http://localhost\\@elsewhere.example/",
        "http://elsewhere.example#@localhost/",
        "http://elsewhere.example?@localhost/",
        "http://elsewhere.example\\localhost/",
        "http://localhost%00.elsewhere.example/",
        "http://localhost%2eelsewhere.example/",
        "http://127.0.0.1%2eelsewhere.example/",
        "http://localhost./",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://0.0.0.0/",
        "http://127.0.0.1./",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::1%25eth0]/",
        "http://[::1].elsewhere.example/",
        "http://[::1",
        "http://\u{ff4c}ocalhost/",
        "http://loc\u{e0}lhost/",
        "http:///elsewhere.example/",
        "http://:80/",
        "http:elsewhere.example/",
        "http:/elsewhere.example/",
        " http://localhost/",
        "http://localhost /",
        "http://local\thost/",
        "http://localhost\r\nHost: elsewhere.example/",
        "ws://localhost/",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ] {
        assert_eq!(dialled(base), None, "{base:?} was accepted");
    }
    for base in [
        "http://localhost/",
        "http://LocalHost:8080/x",
        "http://127.0.0.1/",
        "http://127.255.255.254:1/",
        "http://[::1]:8080/",
        "http://[0:0:0:0:0:0:0:1]/",
    ] {
        assert!(dialled(base).is_some(), "{base:?} was refused");
    }
}

/// Words that confuse those who take a URL apart.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "http:",
        "https:",
        "//",
        "/",
        "\\",
        "@",
        ":",
        "#",
        "?",
        "%",
        "%00",
        "%2f",
        ".",
        "..",
        "[",
        "]",
        "::1",
        "localhost",
        "127.0.0.1",
        "elsewhere.example",
        "80",
        "\t",
        "\r\n",
        " ",
        "\0",
        "\u{ff0f}",
        "\u{3002}",
        "\u{e0}",
        "0x7f",
        "1",
    ];
    prop_oneof![
        8 => prop::sample::select(words.to_vec()).prop_map(ToOwned::to_owned),
        1 => any::<char>().prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_base_url_leads_to_its_own_host_and_in_clear_only_to_this_machine(
        pieces in prop::collection::vec(piece(), 1..8),
        scheme in prop::sample::select(vec!["", "http://", "http://localhost", "http://127.0.0.1"]),
    ) {
        let base = scheme.to_owned() + &pieces.concat();
        if let Some(urls) = dialled(&base) {
            for url in urls {
                prop_assert!(url.starts_with("http://"), "{base:?} leads to {url}");
                prop_assert!(is_loopback(host(&url)), "{base:?} leads to {url}");
                // Nor to another host of this machine than the text says.
                prop_assert_eq!(host(&url), host(&base));
            }
        }
    }
}
