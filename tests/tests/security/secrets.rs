//! A server that repeats the token wherever it can: nothing that is printed has it.

use std::error::Error as _;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use qoder::types::AgentCreate;
use qoder::{Client, Error, ErrorKind, Proxy, Start};
use qoder_tests::wire::{Act, Step, Wire};

use super::{TOKEN, builder, client, run};

/// All that can be printed of an error.
fn shown(error: &Error) -> String {
    let mut text = format!(
        "{error} {error:?} {error:#?} {:?} {:?} {:?} {}",
        error.api(),
        error.request_id(),
        error.checkpoint(),
        String::from_utf8_lossy(error.body()),
    );
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, " {error} {error:?}");
        cause = error.source();
    }
    text
}

/// What a program says that dies of it.
#[allow(clippy::unnecessary_literal_unwrap, reason = "it is what programs do")]
fn last_words(error: Error) -> String {
    let result: qoder::Result<()> = Err(error);
    let dies = AssertUnwindSafe(|| result.expect("it works"));
    let panic = catch_unwind(dies).expect_err("it doesn't");
    panic.downcast_ref::<String>().expect("a message").clone()
}

/// An answer whose headers all repeat the token.
fn repeating(status: &str, kind: &str, body: &str) -> Act {
    Act::answer(format!(
        "HTTP/1.1 {status} {TOKEN}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         X-Request-Id: {TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\n\
         Retry-After: {TOKEN}\r\nLocation: /{TOKEN}\r\n\r\n{body}",
        body.len()
    ))
}

#[test]
fn an_error_repeats_nothing() {
    // Wherever a text is cut for an error, it is not in the middle of the token.
    for before in 0..260 {
        let filler = "x".repeat(before);
        let said = format!("{filler}{TOKEN} is no good");
        let envelope = format!(
            r#"{{"type":"error","request_id":"{TOKEN}","error":{{"type":"{TOKEN}","message":"{said}","param":"{TOKEN}","code":"{TOKEN}","{TOKEN}":1}}}}"#
        );
        let flat = format!(r#"{{"code":"{TOKEN}","message":"{said}"}}"#);
        let cases = [
            repeating("401 ", "application/json", &envelope),
            repeating("400", "application/json", &flat),
            repeating("500", "text/plain", &said),
            repeating("302", "text/html", &said),
            repeating("200", "text/html", &said),
            repeating("200", "application/json", &said),
            repeating(
                "200",
                "application/json",
                &format!(r#"{{"id":{{"{said}":1}}}}"#),
            ),
            repeating("200", TOKEN, &format!(r#"{{"id":"{said}"#)),
            repeating("204", "text/plain", ""),
        ];
        for act in cases {
            let wire = Wire::new([], act);
            let client = client(&wire);
            let errors = run(async {
                let stream = client.session("s").stream().await.err();
                let mut follow = client
                    .session("s")
                    .follow()
                    .from(Start::After("e".into()))
                    .give_up(1, std::time::Duration::from_secs(1))
                    .events();
                [
                    client.agents().retrieve(TOKEN).await.err(),
                    client
                        .agents()
                        .create(AgentCreate::new("a", "b"))
                        .await
                        .err(),
                    stream,
                    follow.next().await.and_then(Result::err),
                ]
            });
            for error in errors.into_iter().flatten() {
                let mut text = shown(&error);
                if before == 0 {
                    text += &last_words(error);
                }
                // Half of it is too much as well.
                let half = &TOKEN[..TOKEN.len() - 6];
                assert!(!text.contains(half), "after {before}: {text}");
            }
        }
    }
}

#[test]
fn what_is_printed_of_a_success_has_no_header_of_it() {
    let wire = Wire::new(
        [],
        repeating("200", "application/json", r#"{"id":"agent_1","name":"a"}"#),
    );
    let built = builder(&wire);
    let mut shown = vec![format!("{built:?} {built:#?}")];
    let client = built.build().expect("a client");
    run(async {
        let call = client.agents().create(AgentCreate::new("a", "b"));
        let call = call.options(|options| {
            let options = options.header("x-mine", TOKEN).workspace(TOKEN);
            shown.push(format!("{options:?}"));
            options
        });
        shown.push(format!("{call:?}"));
        let call = call.with_meta();
        shown.push(format!("{call:?}"));
        let response = call.await.expect("a response");
        shown.push(format!("{response:?} {:#?}", response.meta));
        let agents = client.agents();
        let list = agents.list();
        shown.push(format!(
            "{client:?} {agents:?} {list:?} {:?}",
            client.session("s")
        ));
        shown.push(format!("{:?} {:?}", list.pages(), agents.list().items()));
        let follow = client.session("s").follow();
        shown.push(format!("{follow:?} {:?}", client.session("s").stream()));
        shown.push(format!(
            "{:?} {:?}",
            client.session("s").turn("x"),
            follow.events()
        ));
        shown.push(format!("{:?}", wire.transport().build()));
    });
    for text in shown {
        assert!(!text.contains(&TOKEN[..TOKEN.len() - 6]), "{text}");
    }
}

/// A proxy in front of `https` learns the host and port. Nothing follows where it makes no tunnel,
/// and TLS follows where it does.
#[test]
fn a_proxy_never_sees_the_token() {
    let tunnel = Act::answer("HTTP/1.1 200 OK\r\n\r\n").then(Step::Silence);
    for act in [
        tunnel,
        Act::answer("HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n"),
        Act::answer("HTTP/1.1 302 Elsewhere\r\nLocation: http://localhost/\r\n\r\n"),
    ] {
        let wire = Wire::new([], act);
        let proxy = Proxy::http("http://user:hidden@proxy.example:3128").expect("a proxy");
        let transport = wire.transport().proxy(proxy).build();
        let client = builder(&wire)
            .base_url("https://api.example/api/v1/cloud")
            .transport(transport.expect("a transport"))
            .build()
            .expect("a client");
        let errors = run(async {
            [
                client.models().list().await.expect_err("no API"),
                client.session("s").stream().await.expect_err("no API"),
            ]
        });
        for error in errors {
            assert_eq!(error.sent(), qoder::Sent::No, "{error}");
            let text = shown(&error);
            assert!(!text.contains(TOKEN) && !text.contains("hidden"), "{text}");
        }
        for url in wire.dialled() {
            assert_eq!(url, "http://proxy.example:3128/");
        }
        let requests = wire.requests();
        assert_eq!(requests.len(), 2);
        for seen in requests {
            assert_eq!(seen.line, "CONNECT api.example:443 HTTP/1.1");
            assert_eq!(seen.names(), ["host", "proxy-authorization"]);
        }
        assert!(!wire.heard().contains(TOKEN));
    }
}

/// Who goes on asking with wrong credentials may be locked out.
#[test]
fn a_proxy_that_wants_other_credentials_is_asked_once() {
    let act = Act::answer("HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n");
    let wire = Wire::new([], act);
    let proxy = Proxy::http("http://user:hidden@proxy.example:3128").expect("a proxy");
    let transport = wire.transport().proxy(proxy).build();
    let client = Client::builder()
        .token(TOKEN)
        .base_url("https://api.example/api/v1/cloud")
        .transport(transport.expect("a transport"))
        .build()
        .expect("a client");
    let errors = run(async {
        let mut followed = client.session("s").follow().events();
        [
            client.models().list().await.expect_err("no API"),
            client.session("s").stream().await.expect_err("no API"),
            followed
                .next()
                .await
                .expect("an error")
                .expect_err("no API"),
        ]
    });
    for error in errors {
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Config, 1));
        assert!(error.to_string().contains("(407)"), "{error}");
    }
    assert_eq!(wire.dialled().len(), 3);
}
