//! Downloads: what comes of them, whatever the storage does.

use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use qoder::{Dialect, ErrorKind, Sent, Timeouts, files::Upload};
use qoder_tests::wire::{Act, Step, Wire};

use crate::common::{TOKEN, builder, client, current, plan, start};
use crate::raw::{self, LINK};
use crate::{Folder, content, deliver, storage, told};

#[tokio::test]
async fn a_download_is_bytes_a_stream_or_a_file() {
    let folder = Folder::new("kinds");
    let sim = start(current()).await;
    let client = client(&sim);
    for length in [0, 1, 300_000] {
        let want = content(length);
        let id = deliver(&sim, &client, &want).await;
        let (told, tell) = told();
        let bytes = client.files().download(&id).progress(tell).bytes().await;
        assert_eq!(bytes.expect("bytes"), want);
        let told = told.lock().expect("no panic").clone();
        assert!(
            told.windows(2).all(|pair| pair[0].0 < pair[1].0),
            "{told:?}"
        );
        assert!(told.iter().all(|told| told.1 == Some(length as u64)));
        assert_eq!(told.last().map_or(0, |told| told.0), length as u64);

        let path = folder.path("out.bin");
        let written = client.files().download(&id).to_path(&path).await;
        assert_eq!(written.expect("a file"), length as u64);
        assert_eq!(std::fs::read(&path).expect("a file"), want);
        assert_eq!(folder.names(), ["out.bin"]);

        let mut stream = client.files().download(&id).stream();
        let mut got = Vec::new();
        while let Some(piece) = stream.next().await {
            got.extend_from_slice(&piece.expect("a piece"));
            assert_eq!(stream.total(), Some(length as u64));
        }
        assert_eq!(got, want);
        assert!(stream.next().await.is_none());
    }
    let id = deliver(&sim, &client, &content(1000)).await;
    let error = client
        .files()
        .download(&id)
        .length(999)
        .bytes()
        .await
        .expect_err("wrong");
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(
        error
            .to_string()
            .contains("has 1000 bytes, and should have 999"),
        "{error}"
    );
    assert!(sim.unexpected().is_empty());
}

#[tokio::test]
async fn uploads_are_not_downloadable_unless_asked_for() {
    let sim = start(current()).await;
    let client = client(&sim);
    let file = client
        .files()
        .upload(Upload::bytes("a", "hello"))
        .await
        .expect("a file");
    assert_eq!(file.downloadable, Some(false));
    let error = client
        .files()
        .download(&file)
        .bytes()
        .await
        .expect_err("refused");
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::Api, Some("files.download"))
    );
    assert!(storage(&sim).is_empty());
    let upload = Upload::bytes("a", "hello").metadata("simulate_downloadable", "true");
    let file = client.files().upload(upload).await.expect("a file");
    assert_eq!(
        client.files().download(&file).bytes().await.expect("bytes"),
        "hello"
    );
}

#[tokio::test]
async fn the_storage_is_told_nothing_but_what_to_send() {
    let sim = start(current()).await;
    let client = builder(&sim.base_url(), Dialect::Current)
        .header("x-mine", "secret")
        .workspace("ws_1")
        .build()
        .expect("a client");
    let id = deliver(&sim, &client, &content(1000)).await;
    sim.inject(plan("storage:cut=10,storage:status=503,storage:status=403"));
    let download = client
        .files()
        .download(&id)
        .options(|o| o.header("x-more", "secret").retries(5));
    download.bytes().await.expect("bytes");
    let requests = storage(&sim);
    assert_eq!(requests.len(), 4);
    for request in &requests {
        let mut names: Vec<&str> = request
            .headers
            .keys()
            .map(http::HeaderName::as_str)
            .collect();
        names.sort_unstable();
        names.retain(|name| !matches!(*name, "range" | "if-range"));
        assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"]);
        assert!(!format!("{:?}", request.headers).contains(TOKEN));
    }
    // A storage that is told who asks says no.
    let link = client.files().content(&id).await.expect("a link");
    let api = link.url.expose().to_owned();
    assert!(api.contains("/storage/"));
    assert!(!format!("{link:?}").contains("/storage/"));
}

/// Every way to take a download, of this content with these faults; and how it must end.
async fn each_way(faults: &str, want: &Bytes) -> [Result<Bytes, qoder::Error>; 3] {
    let folder = Folder::new(&faults.replace(|c: char| !c.is_alphanumeric(), "-"));
    let sim = start(current()).await;
    let quick = Timeouts::default().body_idle(Duration::from_millis(200));
    let client = builder(&sim.base_url(), Dialect::Current)
        .timeouts(quick)
        .build()
        .expect("a client");
    let id = deliver(&sim, &client, want).await;
    let download = || {
        sim.inject(plan(faults));
        client.files().download(&id)
    };
    let bytes = download().bytes().await;
    let path = folder.path("out.bin");
    let file = match download().to_path(&path).await {
        Ok(length) => {
            let got = std::fs::read(&path).expect("a file");
            assert_eq!(got.len() as u64, length);
            Ok(Bytes::from(got))
        }
        Err(error) => Err(error),
    };
    let left = folder.names();
    assert_eq!(left.len(), usize::from(file.is_ok()), "{faults}: {left:?}");
    let mut stream = download().stream();
    let mut got = Vec::new();
    let mut ended = Ok(());
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => got.extend_from_slice(&piece),
            Err(error) => ended = Err(error),
        }
    }
    assert!(stream.next().await.is_none(), "an error is the end");
    let links: Vec<String> = storage(&sim)
        .iter()
        .flat_map(|request| {
            let secret = request.query.clone().unwrap_or_default();
            [request.path.clone(), secret.replace("sig=", "")]
        })
        .collect();
    let results = [bytes, file, ended.map(|()| got.into())];
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        let mut text = format!("{error} {error:?} {stream:?}");
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            write!(text, "{cause} {cause:?}").expect("a text");
            source = cause.source();
        }
        assert!(!links.iter().any(|link| text.contains(link)), "{text}");
        assert!(!text.contains(TOKEN));
    }
    results
}

#[tokio::test]
async fn what_heals_is_whole() {
    let want = content(1000);
    for faults in [
        "storage:cut=0",
        "storage:cut=1",
        "storage:cut=500",
        "storage:cut=999",
        "storage:cut=1000",
        "storage:cut=100*9",
        "storage:cut=100,storage:cut=0,storage:cut=100,storage:reset",
        "storage:reset*2",
        "storage:status=503,storage:status=429",
        "storage:cut=400,storage:status=503,storage:cut=300",
        "storage:status=403",
        "storage:cut=400,storage:status=403,storage:status=410,storage:cut=300,storage:status=401",
        "storage:cut=400,storage:ignore-range",
        "storage:cut=400,storage:ignore-range,storage:cut=10",
        "storage:stall-after=400",
        "storage:split",
        "call:status=503,call:cut=10,storage:cut=1",
    ] {
        for got in each_way(faults, &want).await {
            assert_eq!(got.expect(faults), want, "{faults}");
        }
    }
}

#[tokio::test]
async fn what_changes_is_begun_anew_or_an_error() {
    let want = content(1000);
    for faults in [
        "storage:cut=400,storage:etag-changes",
        "storage:cut=400,storage:wrong-range",
    ] {
        let [bytes, file, stream] = each_way(faults, &want).await;
        let bytes = bytes.expect(faults);
        let step = u8::from(faults.contains("etag"));
        let changed: Bytes = want.iter().map(|byte| byte + step).collect();
        assert_eq!(bytes, changed, "{faults}");
        // The second time it changed again.
        let again: Bytes = want.iter().map(|byte| byte + 2 * step).collect();
        assert_eq!(file.expect(faults), again, "{faults}");
        let error = stream.expect_err(faults);
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        // A file that changed may stay as it is now.
        assert_eq!(error.is_retryable(), step == 1, "{error:?}");
    }
}

#[tokio::test]
async fn what_does_not_heal_is_an_error() {
    let want = content(1000);
    for (faults, kind, why) in [
        ("storage:status=403*9", ErrorKind::Api, "403 Forbidden"),
        ("storage:status=404*9", ErrorKind::Api, "404 Not Found"),
        ("storage:status=500*9", ErrorKind::Api, "500 Internal"),
        (
            "storage:status=302*9",
            ErrorKind::Api,
            "redirects are not followed",
        ),
        ("storage:status=400*9", ErrorKind::Api, "400 Bad Request"),
        ("storage:no-content*9", ErrorKind::Api, "204 No Content"),
        ("storage:reset*9", ErrorKind::Network, "after 0 bytes"),
        (
            "storage:cut=400,storage:cut=0*9",
            ErrorKind::Network,
            "after 400 of 1000 bytes",
        ),
        (
            "storage:cut=400,storage:truncate,storage:empty*9",
            ErrorKind::Network,
            "of 1000",
        ),
        (
            "storage:stall-after=400,storage:stall-after=0*9",
            ErrorKind::Timeout,
            "after 400 of 1000 bytes",
        ),
        ("call:status=404", ErrorKind::Api, "404"),
    ] {
        let lasts = why.starts_with(['2', '3', '4']) || why.starts_with("redirects");
        for got in each_way(faults, &want).await {
            let error = got.expect_err(faults);
            assert_eq!(error.kind(), kind, "{faults}: {error:?}");
            assert_eq!(error.is_retryable(), !lasts, "{faults}: {error:?}");
            assert!(error.to_string().contains(why), "{faults}: {error}");
            assert_eq!(error.operation(), Some("files.download"));
        }
    }
}

/// Half of it, as if that were all: with its length known, that is no success.
#[tokio::test]
async fn a_short_file_is_no_success() {
    let sim = start(current()).await;
    let client = client(&sim);
    let id = deliver(&sim, &client, &content(1000)).await;
    sim.inject(plan("storage:truncate*9"));
    let error = client
        .files()
        .download(&id)
        .length(1000)
        .bytes()
        .await
        .expect_err("short");
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert!(!error.is_retryable(), "{error:?}");
    // In chunks, so that the storage doesn't say how long it is.
    sim.inject(plan("storage:split"));
    let got = client.files().download(&id).length(1000).bytes().await;
    assert_eq!(got.expect("all"), content(1000));
    sim.inject(plan("storage:split*99"));
    let error = client
        .files()
        .download(&id)
        .length(1001)
        .bytes()
        .await
        .expect_err("short");
    assert!(error.to_string().contains("1000 of 1001"), "{error}");
    assert!(error.is_retryable(), "{error:?}");
}

#[test]
fn a_deadline_says_how_far_the_download_was() {
    let link = || raw::answer("200 OK", "", LINK.as_bytes());
    let half = || {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
        Act::new([Step::Read, Step::Send(head.into()), Step::Silence])
    };
    let limit = Duration::from_secs(5);
    let late = |wire: &Wire| {
        let download = raw::client(wire).files().download("file_1");
        let got = raw::run(download.deadline(limit).bytes());
        got.expect_err("late")
    };
    let silent = Act::new([Step::Read, Step::Silence]);
    for (wire, attempts, sent, why) in [
        (
            Wire::new([link()], half()),
            1,
            Sent::Yes,
            "after 5 of 10 bytes",
        ),
        (
            Wire::new([link()], silent.clone()),
            1,
            Sent::Maybe,
            "after 0 bytes",
        ),
        (Wire::new([], silent), 0, Sent::Maybe, "after 0 bytes"),
    ] {
        let error = late(&wire);
        assert!(error.is_timeout() && error.is_retryable(), "{error:?}");
        assert_eq!(
            (error.attempts(), error.sent()),
            (attempts, sent),
            "{error}"
        );
        assert!(error.to_string().contains(why), "{error}");
    }
    // What no clock can count is no limit, neither of all of it nor of the call that gets the link.
    let wire = Wire::new([link()], raw::answer("200 OK", "", b"hello"));
    let download = raw::client(&wire).files().download("file_1");
    let download = download
        .deadline(Duration::MAX)
        .options(|options| options.timeout(Duration::MAX));
    let got = raw::run(download.bytes());
    assert_eq!(got.expect("bytes"), "hello");
}
