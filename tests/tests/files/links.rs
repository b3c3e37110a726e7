//! The links that downloads go through.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use qoder::types::serde_json::json;
use qoder::{Client, Dialect, ErrorKind, Timeouts};
use qoder_http::{RequestBody, Transport};
use qoder_tests::wire::{Act, Step, Wire};

use crate::common::{self, builder, current, plan, start};
use crate::{content, deliver, raw, storage};

#[tokio::test]
async fn a_link_that_has_ended_is_replaced() {
    let want = content(1000);
    // Its time is over: the storage isn't even asked.
    let sim = start(current().link_ttl(Duration::from_millis(300))).await;
    let quick = Timeouts::default().body_idle(Duration::from_millis(1500));
    let client = builder(&sim.base_url(), Dialect::Current)
        .timeouts(quick)
        .build()
        .expect("a client");
    let id = deliver(&sim, &client, &want).await;
    sim.clear_requests();
    sim.inject(plan("storage:stall-after=400"));
    let got = client.files().download(&id).bytes().await.expect("bytes");
    assert_eq!(got, want);
    let links = sim
        .requests()
        .iter()
        .filter(|request| request.path.ends_with("/content"))
        .count();
    let statuses: Vec<u16> = storage(&sim).iter().map(|request| request.status).collect();
    assert_eq!((links, statuses), (2, vec![200, 206]));
    // The storage says so.
    let sim = start(current()).await;
    let client = common::client(&sim);
    let id = deliver(&sim, &client, &want).await;
    let mut stream = client.files().download(&id).stream();
    sim.inject(plan("storage:cut=400"));
    let mut got = stream
        .next()
        .await
        .expect("a piece")
        .expect("bytes")
        .to_vec();
    sim.expire_links();
    while let Some(piece) = stream.next().await {
        got.extend_from_slice(&piece.expect("bytes"));
    }
    assert_eq!(got, want);
    let statuses: Vec<u16> = storage(&sim).iter().map(|request| request.status).collect();
    assert_eq!(statuses, [200, 403, 206]);
}

/// As browsers do: what has no place in a URL is encoded, and all else stays as it is, since a
/// signature may be over it.
#[test]
fn a_link_is_read_as_browsers_read_it() {
    for (link, target) in [
        ("http://localhost/a?sig=x", "/a?sig=x"),
        ("http://localhost/a?sig=x\n", "/a?sig=x"),
        (" \t\r\nhttp://localhost/a?sig=x \r\n", "/a?sig=x"),
        ("http://localhost", "/"),
        ("http://localhost?sig=x", "/?sig=x"),
        ("http://localhost/a b", "/a%20b"),
        (
            "http://localhost/my \"new\" report.csv?d=attachment; filename=\"a b.csv\"",
            "/my%20%22new%22%20report.csv?d=attachment;%20filename=%22a%20b.csv%22",
        ),
        ("http://localhost/a^b`{c}<d>|e", "/a%5Eb%60%7Bc%7D%3Cd%3E|e"),
        ("http://localhost/?a^b`{c}<d>|e", "/?a^b`{c}%3Cd%3E|e"),
        (
            "http://localhost/報告.csv?名=é",
            "/%E5%A0%B1%E5%91%8A.csv?%E5%90%8D=%C3%A9",
        ),
        // Encoded already, or in a way that is odd and may be.
        (
            "http://localhost/a%20b%2Fc%2f%zz%?sig=a%2Bb+c/d%3D==",
            "/a%20b%2Fc%2f%zz%?sig=a%2Bb+c/d%3D==",
        ),
        (
            "http://localhost/a//../b/./c;d='e'!*(f)?~g=[h]@:$&,?",
            "/a//../b/./c;d='e'!*(f)?~g=[h]@:$&,?",
        ),
        ("http://localhost/a?sig=x#top of it", "/a?sig=x"),
    ] {
        let content = raw::answer("200 OK", "", b"hi");
        let wire = Wire::new([raw::link(link)], content);
        let client = raw::client(&wire);
        let got = raw::run(async move { client.files().download("f").bytes().await });
        assert_eq!(got.expect(link), "hi");
        let asked = &wire.requests()[1].line;
        assert_eq!(*asked, format!("GET {target} HTTP/1.1"), "{link}");
    }
}

/// What is at the other end of a client, without a wire between them.
fn answering(base_url: &str, link: &'static str) -> (Client, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let service = tower::service_fn(move |request: http::Request<RequestBody>| {
        let url = request.uri().to_string();
        let body = if url.ends_with("/content") {
            json!({ "url": link }).to_string()
        } else {
            "hi".to_owned()
        };
        seen.lock().expect("no panic").push(url);
        async move { Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(body)))) }
    });
    let client = Client::builder()
        .token(common::TOKEN)
        .base_url(base_url)
        .transport(Transport::from_service(service))
        .build()
        .expect("a client");
    (client, asked)
}

#[tokio::test]
async fn a_link_is_as_safe_as_the_api() {
    let secure = "https://api.example/";
    let plain = "http://127.0.0.1:8080/";
    for (base_url, link, well) in [
        (secure, "https://storage.example/f?signature=1", true),
        (secure, "https://localhost/f?signature=1", true),
        // Whoever gives such a link asks this machine's own servers through us.
        (secure, "http://localhost/f?signature=1", false),
        (secure, "http://127.0.0.1:8080/f?signature=1", false),
        (secure, "HTTP://[::1]/f?signature=1", false),
        (secure, "http://storage.example/f?signature=1", false),
        (plain, "http://localhost:9000/f?signature=1", true),
        (plain, "https://storage.example/f?signature=1", true),
        (plain, "http://storage.example/f?signature=1", false),
    ] {
        let (client, asked) = answering(base_url, link);
        let got = client.files().download("f").bytes().await;
        let asked = asked.lock().expect("no panic").len();
        if well {
            assert_eq!(got.expect(link), "hi");
            assert_eq!(asked, 2);
        } else {
            let error = got.expect_err(link);
            assert_eq!(asked, 1, "{link} from {base_url}");
            assert_eq!(error.kind(), ErrorKind::Decode, "{error:?}");
            assert!(error.to_string().contains("plain http"), "{error}");
            assert!(!format!("{error:?}").contains("signature"), "{error:?}");
        }
    }
}

/// What a storage says of a link whose time, or whose signer's, is over.
#[test]
fn a_storage_says_in_many_ways_that_a_link_has_ended() {
    let words = |code: &str| {
        format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>No</Message></Error>")
    };
    for (status, body, links) in [
        ("400 Bad Request", words("ExpiredToken"), 3),
        ("400 Bad Request", words("RequestExpired"), 3),
        ("400 Bad Request", words("\n  ExpiredToken\n"), 3),
        ("403 Forbidden", words("AccessDenied"), 3),
        ("403 Forbidden", words("SecurityTokenExpired"), 3),
        ("403 Forbidden", String::new(), 3),
        ("400 Bad Request", words("InvalidArgument"), 1),
        ("400 Bad Request", "ExpiredToken".to_owned(), 1),
        ("400 Bad Request", "<Code>ExpiredToken".to_owned(), 1),
        ("400 Bad Request", String::new(), 1),
    ] {
        let bytes = |text: Vec<u8>| Bytes::from(text);
        let link = bytes(raw::text("200 OK", "", raw::LINK.as_bytes()));
        let refusal = bytes(raw::text(status, "", body.as_bytes()));
        let whole = bytes(raw::text("200 OK", "", b"hi"));
        // Once: the next link is good. Every time: that has an end.
        let then = |other: &Bytes| {
            let choose = Step::Choose("/content ", link.clone(), other.clone());
            Act::new([Step::Read, choose])
        };
        let (good, always) = (then(&whole), then(&refusal));
        let once = [Act::answer(link.clone()), Act::answer(refusal)];
        for (wire, well) in [
            (Wire::new(once, good), links > 1),
            (Wire::new([], always), false),
        ] {
            let client = raw::client(&wire);
            let got = raw::run(async move { client.files().download("f").bytes().await });
            let asked = wire.requests();
            let minted = asked.iter().filter(|seen| seen.line.contains("/content "));
            if well {
                assert_eq!(got.expect(&body), "hi");
                assert_eq!(minted.count(), 2, "{status} {body}");
            } else {
                let error = got.expect_err(&body);
                assert_eq!(error.kind(), ErrorKind::Api, "{error}");
                assert_eq!(minted.count(), links, "{status} {body}");
            }
        }
    }
}
