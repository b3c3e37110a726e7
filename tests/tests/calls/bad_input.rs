//! What is wrong is named, with the way out, and nothing panics.

use std::convert::Infallible;
use std::future::{Future, IntoFuture, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::common::{builder, client, current, plan, session, start};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use qoder::types::SessionCreate;
use qoder::{
    Client, Dialect, Error, ErrorKind, Gateway, RetryPolicy, Sent, Transport, files::Upload,
};
use qoder_http::RequestBody;
use tower_service::Service;

fn refused(builder: qoder::ClientBuilder) -> Error {
    builder.build().map(|_| ()).expect_err("no client")
}

#[test]
fn a_token_that_is_none() {
    for (token, words) in [
        ("", "empty"),
        (" ", "empty"),
        ("pt-a\nb", "line break"),
        ("pt-a\r\n", "line break"),
    ] {
        let error = refused(Client::builder().token(token));
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error.to_string().contains(words) && error.to_string().contains("QODER_PAT"),
            "{error}"
        );
    }
    let error = refused(Client::builder());
    assert!(error.to_string().contains("QODER_PAT"), "{error}");
}

#[test]
fn a_base_url_that_wont_do() {
    for (url, words) in [
        ("/api/v1/cloud", "relative"),
        ("https://api.qoder.com/?x=1", "query"),
        ("https://user:pass@api.qoder.com/", "credentials"),
        ("http://api.qoder.com/", "https"),
    ] {
        let error = refused(Client::builder().token("pt-a").base_url(url));
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains("pass"), "{error}");
    }
}

#[test]
fn a_header_that_wont_do() {
    for (name, value, words) in [
        ("Authorization", "Bearer x", "give the token to the builder"),
        ("host", "elsewhere.test", "the transport's"),
        ("no name", "x", "no name for a header"),
        ("x-mine", "a\nb", "line break"),
    ] {
        let error = refused(Client::builder().token("pt-a").header(name, value));
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// Runs the test below with variables in its environment, which can't be changed safely here.
#[cfg(unix)]
#[test]
fn variables_that_wont_do() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let bad: &[u8] = b"https://127.0.0.1:1/\xff";
    for (name, value, text) in [
        ("QODER_BASE_URL", bad, "QODER_BASE_URL is not UTF-8"),
        ("QODER_BASE_URL", b"", "QODER_BASE_URL is empty"),
        ("QODER_BASE_URL", b"nowhere", "QODER_BASE_URL: base URL"),
        ("QODER_PAT", bad, "QODER_PAT is not UTF-8"),
        ("QODER_SA_KEY", bad, "QODER_SA_KEY is not UTF-8"),
        ("QODER_SA_KEY", b"", "set QODER_SA_KEY"),
        ("OTHER", bad, "built"),
    ] {
        let program = std::env::current_exe().expect("a path");
        let ran = std::process::Command::new(program)
            .args([
                "--exact",
                "bad_input::with_an_environment",
                "--ignored",
                "--nocapture",
            ])
            .env_clear()
            .env("QODER_PAT", "pt-a")
            .env("QODER_SA_KEY", "sak-0123456789")
            .env(name, OsStr::from_bytes(value))
            .output()
            .expect("a run");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(said.contains(text), "{name}: {said}");
    }
}

#[test]
#[ignore = "the test above runs it"]
#[allow(clippy::print_stdout, reason = "its caller reads it")]
fn with_an_environment() {
    let built = Client::from_env().and_then(|_| {
        let account = qoder::ServiceAccount::from_env()?;
        let builder = Client::builder().gateway(qoder::Gateway::Global);
        builder.service_account(account).build()
    });
    match built {
        Ok(_) => println!("built"),
        Err(error) => println!("{error}"),
    }
}

#[tokio::test]
async fn a_host_that_cant_be_reached() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a port")
        .port();
    let client = builder(&format!("http://127.0.0.1:{port}"), Dialect::Current)
        .build()
        .expect("a client");
    let error = client.models().list().await.expect_err("nobody listens");
    assert_eq!(
        (error.kind(), error.sent(), error.attempts()),
        (ErrorKind::Connect, Sent::No, 3),
        "{error}"
    );
    assert!(error.is_retryable());
    assert_eq!(error.operation(), Some("models.list"));
    let error = client
        .session("sess_1")
        .send([qoder::types::UserMessage::new("Hello!")])
        .await
        .expect_err("no one");
    assert_eq!(
        (error.sent(), error.attempts()),
        (Sent::No, 3),
        "a refused connection is tried again for writes too"
    );
    let error = client.session("sess_1").stream().await.expect_err("no one");
    assert_eq!(error.kind(), ErrorKind::Connect);
}

/// Polls a future as an executor does that is not tokio's.
fn elsewhere<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..1000 {
        if let Poll::Ready(done) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return done;
        }
    }
    panic!("it waits for what never comes");
}

#[test]
fn a_client_outside_of_a_runtime() {
    let folder = std::env::temp_dir();
    let deadline = |builder: qoder::ClientBuilder| builder.deadline(Duration::from_secs(5));
    for change in [|builder| builder, deadline] {
        let builder = || change(builder("http://127.0.0.1:1", Dialect::Current));
        let account = qoder::ServiceAccount::new("sak-0123456789");
        let account = account.exchange_origin("http://127.0.0.1:1");
        for builder in [builder(), builder().service_account(account)] {
            let client = builder.build().expect("a client");
            let errors = [
                elsewhere(client.models().list().into_future()).err(),
                elsewhere(client.models().list().items().next()).and_then(Result::err),
                elsewhere(client.session("s").stream().into_future()).err(),
                elsewhere(client.session("s").follow().events().next()).and_then(Result::err),
                elsewhere(client.session("s").ask("Hello!")).err(),
                elsewhere(
                    client
                        .files()
                        .upload(Upload::path("Cargo.toml"))
                        .into_future(),
                )
                .err(),
                elsewhere(client.files().download("f").bytes()).err(),
                elsewhere(client.files().download("f").to_path(folder.join("x"))).err(),
            ];
            for (n, error) in errors.into_iter().enumerate() {
                let error = error.expect("an error");
                assert_eq!(error.kind(), ErrorKind::Config, "{n}: {error:?}");
                assert_eq!(error.sent(), Sent::No, "{n}: {error:?}");
                assert!(error.to_string().contains("tokio runtime"), "{n}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn no_environment() {
    let sim = start(current().empty_environments(true)).await;
    let error = client(&sim)
        .environments()
        .list()
        .limit(1)
        .first()
        .await
        .expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::Empty);
    assert!(error.to_string().contains("environments.create"), "{error}");
}

#[tokio::test]
async fn ids_that_are_no_ids() {
    let sim = start(current()).await;
    let client = client(&sim);
    for id in ["", ".", ".."] {
        for error in [
            client.agents().retrieve(id).await.expect_err("refused"),
            client.sessions().retrieve(id).await.expect_err("refused"),
            client.environments().delete(id).await.expect_err("refused"),
            client
                .session(id)
                .stream()
                .await
                .map(|_| ())
                .expect_err("refused"),
        ] {
            assert_eq!(
                (error.kind(), error.sent()),
                (ErrorKind::Input, Sent::No),
                "{error}"
            );
        }
        let mut events = client.session(id).follow().events();
        let error = events.next().await.expect("an error").expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
    }
    assert!(sim.requests().is_empty(), "nothing was sent");
    // A slash is part of the id, not of the path.
    let error = client
        .agents()
        .retrieve("a/../environments")
        .await
        .expect_err("unknown");
    assert!(error.is_not_found(), "{error}");
    assert_eq!(sim.requests()[0].path, "/agents/a%2F..%2Fenvironments");
}

#[tokio::test]
async fn answers_that_are_none() {
    let sim = start(current()).await;
    let client = builder(&sim.base_url(), Dialect::Current)
        .max_response(1 << 20)
        .build()
        .expect("a client");
    for (fault, kind, words) in [
        ("call:html", ErrorKind::Decode, "web page"),
        ("call:empty", ErrorKind::Decode, "empty body"),
        ("call:truncate", ErrorKind::Decode, "ends too early"),
        ("call:not-utf8", ErrorKind::Decode, "UTF-8"),
        ("call:oversize=104857600", ErrorKind::TooLarge, "1048576"),
        ("call:cut=5*3", ErrorKind::Network, ""),
        ("call:reset*3", ErrorKind::Network, ""),
    ] {
        sim.inject(plan(fault));
        let error = client.models().list().await.expect_err(fault);
        assert_eq!(error.kind(), kind, "{fault}: {error}");
        assert!(error.to_string().contains(words), "{fault}: {error}");
        assert_eq!(error.operation(), Some("models.list"));
    }
    sim.inject(plan("call:status=503,call:reset,call:none"));
    assert!(
        client.models().list().await.is_ok(),
        "what passes is waited for"
    );
}

#[tokio::test]
async fn streams_that_are_none() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = session(&client, "answer").await;
    for (fault, kind, status, words) in [
        ("stream:json", ErrorKind::Stream, 200, "application/json"),
        ("stream:html", ErrorKind::Stream, 200, "text/html"),
        (
            "stream:no-content",
            ErrorKind::Stream,
            204,
            "nothing to stream",
        ),
        ("stream:status=404", ErrorKind::Api, 404, "404"),
    ] {
        sim.inject(plan(fault));
        let error = client
            .session(&id)
            .stream()
            .await
            .map(|_| ())
            .expect_err(fault);
        assert_eq!(
            (error.kind(), error.status().map(|status| status.as_u16())),
            (kind, Some(status)),
            "{error}"
        );
        assert!(error.to_string().contains(words), "{error}");
        // Followed, the same: an error, and no loop.
        sim.inject(plan(fault));
        let mut events = client.session(&id).follow().events();
        let error = events.next().await.expect("an error").expect_err(fault);
        assert_eq!(
            (error.kind(), error.status().map(|status| status.as_u16())),
            (kind, Some(status)),
            "{error}"
        );
        assert!(events.next().await.is_none(), "an error is the last item");
    }
}

#[tokio::test]
async fn the_api_s_own_refusals() {
    let sim = start(current()).await;
    let client = client(&sim);
    let error = client
        .agents()
        .retrieve("agent_none")
        .await
        .expect_err("unknown");
    assert!(error.is_not_found());
    assert_eq!(
        error
            .api()
            .and_then(|api| api.kind().map(ToOwned::to_owned))
            .as_deref(),
        Some("not_found_error")
    );
    assert!(error.request_id().is_some());

    let id = session(&client, "answer").await;
    let create = SessionCreate::new("agent_none", "env_none");
    let error = client.sessions().create(create).await.expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::Api);

    sim.inject(plan("call:flat-401"));
    let error = client.sessions().retrieve(&id).await.expect_err("refused");
    assert!(error.is_auth() && !error.is_retryable(), "{error}");

    sim.inject(plan("call:status=429;retry-after=3600"));
    let error = client
        .sessions()
        .retrieve(&id)
        .await
        .expect_err("too long a wait");
    assert!(error.is_rate_limited());
    assert_eq!(
        (error.retry_after(), error.attempts()),
        (Some(Duration::from_secs(3600)), 1)
    );
}

#[tokio::test]
async fn a_deadline_covers_everything() {
    let sim = start(current().faults(plan("call:stall"))).await;
    let client = client(&sim);
    let call = client
        .models()
        .list()
        .options(|options| options.timeout(Duration::from_millis(50)));
    let error = call.await.expect_err("too late");
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.sent(), Sent::Maybe);
}

/// Gives every request this answer.
#[derive(Clone)]
struct Answers(u16, &'static str, &'static str);

impl Service<Request<RequestBody>> for Answers {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<RequestBody>) -> Self::Future {
        let Self(status, kind, body) = *self;
        let response = Response::builder().status(status);
        let response = response.header("content-type", kind);
        ready(Ok(response.body(body.into()).expect("a response")))
    }
}

/// The default gateway is one of yesterday: what it says when it is not the API's any more is
/// explained, and nothing else is.
#[tokio::test]
async fn the_default_gateway_explains_itself() {
    let json = "application/json";
    let page = "<html>It works!</html>";
    let about_content = r#"{"error":{"type":"invalid_request_error","message":"must be a list","param":"events[0].content"}}"#;
    for (answer, explained) in [
        (Answers(404, json, r#"{"code":"NOT_FOUND"}"#), true),
        (Answers(405, json, ""), true),
        (Answers(403, "text/html", page), true),
        (Answers(200, "text/html", page), true),
        (Answers(200, "text/plain", page), true),
        (Answers(400, json, about_content), true),
        (Answers(400, json, r#"{"message":"no such model"}"#), false),
        (Answers(401, json, r#"{"code":"TOKEN_INVALID"}"#), false),
        (Answers(500, json, "{}"), false),
        (Answers(200, json, "{}"), false),
    ] {
        let builder = || {
            Client::builder()
                .token("pt-a")
                .retry(RetryPolicy::none())
                .transport(Transport::from_service(answer.clone()))
        };
        for (builder, by_default) in [
            (builder(), true),
            (builder().dialect(Dialect::Current), true),
            (builder().gateway(Gateway::Openapi), false),
            (builder().base_url(Gateway::Openapi.base_url()), false),
        ] {
            let client = builder.build().expect("a client");
            let errors = [
                client.agents().retrieve("a").await.expect_err("no agent"),
                client.session("s").stream().await.expect_err("no stream"),
            ];
            for error in errors {
                let text = error.to_string();
                for word in [
                    "QODER_BASE_URL=https://api.qoder.com/api/v1/cloud",
                    "Gateway::Global",
                    "https://api.qoder.com.cn/api/v1/cloud",
                    "today's dialect",
                ] {
                    let is_stream = error.kind() == ErrorKind::Stream;
                    let want = by_default && (explained || is_stream);
                    assert_eq!(text.contains(word), want, "{text}");
                }
            }
        }
    }
}
