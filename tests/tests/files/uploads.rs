//! Uploads: what is sent, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use qoder::{Dialect, ErrorKind, Sent, files::Upload};

use crate::common::{client, client_in, current, plan, seed, start};
use crate::{Folder, content, pieces, received, told, uploads};

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
        assert_eq!(file.filename, name, "{shown}");
        assert_eq!(file.mime_type, mime_type);
        assert_eq!(file.size_bytes, content.len() as u64);
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
        let client = client_in(&sim, dialect);
        let upload = Upload::bytes("a.txt", "hello")
            .name("notes")
            .metadata("origin", "ci \"nightly\"")
            .expires_in_seconds(3600);
        let call = client.files().upload(upload);
        let file = call
            .extra("purpose", "user_upload".into())
            .await
            .expect("a file");
        assert_eq!(file.filename, "notes");
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
        assert_eq!(file.filename, name);
        assert_eq!(file.metadata.expect("metadata")[name], name);
        let file = client
            .files()
            .upload(Upload::bytes("x", "hello").name(name))
            .await;
        assert_eq!(file.expect(name).filename, name);
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

/// Whatever makes the stream may open a file or a connection for it.
#[tokio::test]
async fn a_stream_is_made_once_for_each_attempt() {
    let sim = start(current()).await;
    let client = client(&sim);
    for length in [Some(5), None] {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let upload = Upload::stream_with("a.txt", length, move || {
            count.fetch_add(1, Ordering::SeqCst);
            pieces(&["hel", "lo"])
        });
        sim.inject(plan("call:status=503*2"));
        client.files().upload(upload).await.expect("a file");
        assert_eq!(made.load(Ordering::SeqCst), 3);
    }
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
