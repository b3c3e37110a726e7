//! Files through the client, against the simulator: uploads, and downloads through links.

mod common;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use common::{TOKEN, builder, client, current, plan, seed, session, start};
use futures_core::Stream;
use qoder::types::FileId;
use qoder::{Client, Dialect, ErrorKind, Sent, Timeouts, Upload};
use qoder_sim::{Recorded, Sim};

/// A directory of this test's own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("qoder-files-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("the directory");
        let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        entries
            .map(|entry| name(entry.expect("an entry")))
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A stream of these pieces, and an error after them if there is one.
struct Pieces(Vec<Result<Bytes, &'static str>>);

impl Stream for Pieces {
    type Item = Result<Bytes, &'static str>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = (!self.0.is_empty()).then(|| self.0.remove(0));
        Poll::Ready(next)
    }
}

fn pieces(text: &[&'static str]) -> Pieces {
    Pieces(text.iter().map(|text| Ok(Bytes::from(*text))).collect())
}

/// Bytes that tell where they are.
fn content(length: usize) -> Bytes {
    let byte = |n: usize| u8::try_from(n % 251).expect("a byte");
    (0..length).map(byte).collect()
}

type Told = Arc<Mutex<Vec<(u64, Option<u64>)>>>;

fn told() -> (Told, impl Fn(u64, Option<u64>) + Send + Sync + 'static) {
    let told = Told::default();
    let tell = {
        let told = Arc::clone(&told);
        move |bytes, total| told.lock().expect("no panic").push((bytes, total))
    };
    (told, tell)
}

/// The content of the one file in a form, as it was received.
fn received(request: &Recorded) -> Vec<u8> {
    let body = &request.body[..];
    let at = find(body, b"filename=\"").expect("a file");
    let start = at + find(&body[at..], b"\r\n\r\n").expect("a content") + 4;
    let end = body.len()
        - body
            .windows(4)
            .rev()
            .position(|w| w == b"\r\n--")
            .expect("an end")
        - 4;
    body[start..end].to_vec()
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}

fn uploads(sim: &Sim) -> Vec<Recorded> {
    let requests = sim.requests().into_iter();
    requests
        .filter(|request| request.method == "POST" && request.path == "/files")
        .collect()
}

fn storage(sim: &Sim) -> Vec<Recorded> {
    let requests = sim.requests().into_iter();
    requests
        .filter(|request| request.path.starts_with("/storage/"))
        .collect()
}

/// A file that can be downloaded.
async fn deliver(sim: &Sim, client: &Client, content: &Bytes) -> FileId {
    let session = session(client, "answer").await;
    let id = sim.deliver(session.as_str(), "out.bin", "text/plain", content.clone());
    FileId::from(id.expect("a file"))
}

#[tokio::test]
async fn an_upload_comes_from_a_path_bytes_or_a_stream() {
    let folder = Folder::new("sources");
    let large = content(300_000);
    std::fs::write(folder.path("large.csv"), &large).expect("written");
    std::fs::write(folder.path("empty.txt"), b"").expect("written");
    let sim = start(current()).await;
    let client = client(&sim);
    let table: [(Upload, &str, &str, &[u8]); 6] = [
        (
            Upload::path(folder.path("large.csv")),
            "large.csv",
            "text/csv",
            &large,
        ),
        (
            Upload::path(folder.path("empty.txt")),
            "empty.txt",
            "text/plain",
            b"",
        ),
        (
            Upload::bytes("b.md", large.clone()),
            "b.md",
            "text/markdown",
            &large,
        ),
        (
            Upload::bytes("nothing", Bytes::new()),
            "nothing",
            "application/octet-stream",
            b"",
        ),
        (
            Upload::stream("s.txt", 5, pieces(&["he", "", "llo"])),
            "s.txt",
            "text/plain",
            b"hello",
        ),
        (
            Upload::stream_with("s.txt", None, || pieces(&["he", "llo"])).mime_type("text/x; a=b"),
            "s.txt",
            "text/x; a=b",
            b"hello",
        ),
    ];
    for (upload, name, mime_type, content) in table {
        sim.clear_requests();
        let (told, tell) = told();
        let shown = format!("{upload:?}");
        let has_length = !shown.contains("Again(None)");
        let file = client
            .files()
            .upload(upload.progress(tell))
            .await
            .expect(name);
        assert_eq!(file.file_name(), Some(name), "{shown}");
        assert_eq!(file.mime_type.as_deref(), Some(mime_type));
        assert_eq!(file.byte_len(), Some(content.len() as u64));
        let request = &uploads(&sim)[0];
        assert_eq!(received(request), content, "{shown}");
        let length = request.header("content-length");
        assert_eq!(length.is_some(), has_length, "{shown}");
        let told = told.lock().expect("no panic").clone();
        assert!(
            told.windows(2).all(|pair| pair[0].0 < pair[1].0),
            "{told:?}"
        );
        assert!(
            told.windows(2)
                .all(|pair| pair[1].0 - pair[0].0 <= 64 << 10)
        );
        let last = told.last().map_or(0, |told| told.0);
        assert_eq!(last, content.len() as u64);
        let total = has_length.then_some(content.len() as u64);
        assert!(told.iter().all(|told| told.1 == total), "{told:?}");
    }
}

#[tokio::test]
async fn what_is_said_of_a_file_arrives() {
    for (sim, dialect) in [(current(), Dialect::Current), (seed(), Dialect::Seed)] {
        let sim = start(sim).await;
        let client = common::client_in(&sim, dialect);
        let upload = Upload::bytes("a.txt", "hello")
            .name("notes")
            .metadata("origin", "ci \"nightly\"")
            .expires_in_seconds(3600);
        let call = client.files().upload(upload);
        let file = call
            .extra("purpose", "user_upload".into())
            .await
            .expect("a file");
        assert_eq!(file.file_name(), Some("notes"));
        assert_eq!(
            file.metadata.as_ref().expect("metadata")["origin"],
            "ci \"nightly\""
        );
        assert!(file.expires_at.is_some());
        let got = client.files().retrieve(&file).await.expect("a file");
        assert_eq!(got, file);
        let found = client.files().list().name("notes").await.expect("a page");
        assert_eq!(found.data, std::slice::from_ref(&file));
        let found = client
            .files()
            .list()
            .id(&file)
            .id("file_x")
            .await
            .expect("a page");
        assert_eq!(found.data.len(), 1);
        client.files().delete(&file).await.expect("deleted");
        let gone = client.files().retrieve(&file).await.expect_err("gone");
        assert!(gone.is_not_found());
        assert!(sim.unexpected().is_empty());
    }
}

#[tokio::test]
async fn no_name_breaks_out_of_its_quotes() {
    let sim = start(current()).await;
    let client = client(&sim);
    for name in [
        "a\"; filename=\"b.txt",
        "a\r\nX-Evil: 1\r\n\r\nbody",
        "../../etc/passwd",
        "C:\\windows\\x",
        "日本語 — ñ.txt",
        "'; DROP TABLE files; --",
        "a\0b",
    ] {
        let upload = Upload::bytes(name, "hello").metadata(name, name);
        let file = client.files().upload(upload).await.expect(name);
        assert_eq!(file.file_name(), Some(name));
        assert_eq!(file.metadata.expect("metadata")[name], name);
        let file = client
            .files()
            .upload(Upload::bytes("x", "hello").name(name))
            .await;
        assert_eq!(file.expect(name).file_name(), Some(name));
    }
    for request in uploads(&sim) {
        assert_eq!(received(&request), b"hello");
        assert!(!request.headers.contains_key("x-evil"));
    }
    let bad = Upload::bytes("a", "").mime_type("text/plain\r\nX-Evil: 1");
    let error = client.files().upload(bad).await.expect_err("no type");
    assert_eq!((error.kind(), error.sent()), (ErrorKind::Input, Sent::No));
}

#[tokio::test]
async fn a_header_of_the_caller_leaves_a_form_readable() {
    let sim = start(current()).await;
    let upload = Upload::bytes("a.txt", "hello");
    let call = client(&sim).files().upload(upload);
    let call = call.options(|options| options.header("content-type", "text/plain"));
    call.await.expect("a file");
    assert_eq!(received(&uploads(&sim)[0]), b"hello");
}

#[tokio::test]
async fn an_attempt_is_repeated_with_the_same_key_and_bytes() {
    let folder = Folder::new("repeat");
    let path = folder.path("a.bin");
    std::fs::write(&path, content(200_000)).expect("written");
    let sim = start(current()).await;
    let client = client(&sim);
    for upload in [
        Upload::path(&path),
        Upload::bytes("a.bin", content(200_000)),
        Upload::stream_with("a.txt", 5, || pieces(&["hel", "lo"])),
    ] {
        for faults in [
            "call:status=503*2",
            "call:reset,call:cut=5",
            "call:status=429,call:truncate",
        ] {
            sim.clear_requests();
            sim.inject(plan(faults));
            let (told, tell) = told();
            let call = client.files().upload(upload.clone().progress(tell));
            if faults.contains("truncate") {
                // What is no JSON is not asked for again.
                assert_eq!(call.await.expect_err(faults).kind(), ErrorKind::Decode);
                continue;
            }
            let response = call.with_meta().await.expect(faults);
            assert_eq!(response.meta.attempts, 3, "{faults}");
            let requests = uploads(&sim);
            assert_eq!(requests.len(), 3);
            for request in &requests {
                assert_eq!(
                    request.header("idempotency-key"),
                    requests[0].header("idempotency-key")
                );
                assert_eq!(request.body, requests[0].body, "{faults}");
                assert!(request.header("idempotency-key").is_some());
            }
            let told = told.lock().expect("no panic").clone();
            assert!(
                told.windows(2).all(|pair| pair[0].0 < pair[1].0),
                "{told:?}"
            );
        }
    }
    // Each of the two that were answered in the end was done once.
    let files = client.files().list().limit(100).await.expect("a page");
    assert_eq!(files.data.len(), 9);
}

#[tokio::test]
async fn a_stream_that_is_read_once_is_sent_once() {
    let sim = start(current()).await;
    let client = client(&sim);
    let upload = || Upload::stream("a.txt", 5, pieces(&["hel", "lo"]));
    for fault in ["call:status=503", "call:reset", "call:status=429"] {
        sim.clear_requests();
        sim.inject(plan(fault));
        let error = client.files().upload(upload()).await.expect_err(fault);
        assert_eq!((error.attempts(), uploads(&sim).len()), (1, 1), "{fault}");
    }
    // Not a byte of it was read when there was no connection.
    let gone = start(current()).await;
    let base = gone.base_url();
    gone.shutdown().await;
    let nobody = builder(&base, Dialect::Current).build().expect("a client");
    let error = nobody
        .files()
        .upload(upload())
        .await
        .expect_err("nobody there");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 3));
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_source_that_fails_is_the_error() {
    let folder = Folder::new("sources-fail");
    let sim = start(current()).await;
    let client = client(&sim);
    let files = client.files();
    let missing = files
        .upload(Upload::path(folder.path("missing")))
        .await
        .expect_err("missing");
    assert_eq!(
        (missing.kind(), missing.sent()),
        (ErrorKind::File, Sent::No)
    );
    let directory = files
        .upload(Upload::path(&folder.0))
        .await
        .expect_err("a directory");
    assert_eq!(directory.kind(), ErrorKind::Input);
    assert!(uploads(&sim).is_empty());

    let broken = || Pieces(vec![Ok("hel".into()), Err("the disk is on fire")]);
    for (upload, why) in [
        (Upload::stream("a", 9, broken()), "the disk is on fire"),
        (Upload::stream("a", None, broken()), "the disk is on fire"),
        (Upload::stream_with("a", 9, broken), "the disk is on fire"),
        (
            Upload::stream("a", 4, pieces(&["hello"])),
            "goes on after its 4 bytes",
        ),
        (
            Upload::stream("a", 6, pieces(&["hello"])),
            "ended 1 bytes before its 6",
        ),
    ] {
        let error = files.upload(upload).await.expect_err(why);
        assert_eq!(
            (error.kind(), error.attempts()),
            (ErrorKind::File, 1),
            "{error:?}"
        );
        assert!(error.to_string().contains(why), "{error}");
    }
    assert!(files.list().await.expect("a page").data.is_empty());
}

/// A file changes as the second piece of it is sent.
#[tokio::test]
async fn a_file_that_changes_its_length_is_the_error() {
    let folder = Folder::new("changes");
    let sim = start(current()).await;
    let client = client(&sim);
    for (length, why) in [(400_000_u64, "longer"), (200_000, "shorter")] {
        let path = folder.path("a.bin");
        std::fs::write(&path, content(300_000)).expect("written");
        let changing = path.clone();
        let change = move |sent, _| {
            if sent == 128 << 10 {
                let file = std::fs::OpenOptions::new().write(true).open(&changing);
                file.and_then(|file| file.set_len(length)).expect("changed");
            }
        };
        let upload = Upload::path(&path).progress(change);
        let error = client.files().upload(upload).await.expect_err(why);
        assert_eq!(error.kind(), ErrorKind::File, "{error:?}");
        assert!(error.to_string().contains(why), "{error}");
    }
    // Between two attempts.
    let path = folder.path("b.bin");
    std::fs::write(&path, b"hello").expect("written");
    sim.inject(plan("call:status=503"));
    let changing = path.clone();
    let change = move |_, _| std::fs::write(&changing, b"hello, world").expect("written");
    let error = client
        .files()
        .upload(Upload::path(&path).progress(change))
        .await;
    let error = error.expect_err("changed");
    assert_eq!(error.kind(), ErrorKind::File, "{error:?}");
}

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
        .bytes_limit(999)
        .await
        .expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(client.files().download(&id).bytes_limit(1000).await.is_ok());
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
    let api = link.url.clone();
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
        for got in each_way(faults, &want).await {
            let error = got.expect_err(faults);
            assert_eq!(error.kind(), kind, "{faults}: {error:?}");
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
}

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

#[tokio::test]
async fn a_dropped_download_leaves_nothing_behind() {
    let folder = Folder::new("dropped");
    let sim = start(current()).await;
    let client = client(&sim);
    let id = deliver(&sim, &client, &content(200_000)).await;
    let path = folder.path("out.bin");
    std::fs::write(&path, b"before").expect("written");
    sim.inject(plan("storage:stall-after=100000"));
    let came = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&came);
    let download = client.files().download(&id).progress(move |bytes, _| {
        count.store(usize::try_from(bytes).expect("a size"), Ordering::SeqCst);
    });
    let target = path.clone();
    let writing = tokio::spawn(async move { download.to_path(target).await });
    while came.load(Ordering::SeqCst) < 100_000 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(folder.names().len(), 2, "it is on its way");
    writing.abort();
    assert!(writing.await.expect_err("aborted").is_cancelled());
    assert_eq!(folder.names(), ["out.bin"]);
    assert_eq!(std::fs::read(&path).expect("a file"), b"before");
    // And what is complete takes the place.
    client
        .files()
        .download(&id)
        .to_path(&path)
        .await
        .expect("a file");
    assert_eq!(std::fs::read(&path).expect("a file"), content(200_000));
    assert_eq!(folder.names(), ["out.bin"]);
    // A deadline is a drop.
    sim.inject(plan("storage:stall-after=5"));
    let limit = Duration::from_millis(200);
    let late = client
        .files()
        .download(&id)
        .deadline(limit)
        .to_path(folder.path("late"))
        .await;
    assert!(late.expect_err("late").is_timeout());
    let nowhere = client
        .files()
        .download(&id)
        .to_path(folder.path("no/such/file"))
        .await;
    assert_eq!(nowhere.expect_err("nowhere").kind(), ErrorKind::File);
    let root = client.files().download(&id).to_path(Path::new("/")).await;
    assert_eq!(root.expect_err("a root").kind(), ErrorKind::File);
    assert_eq!(folder.names(), ["out.bin"]);
}
