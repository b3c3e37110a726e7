//! Where the contents of uploads come from, and what goes wrong there.

use qoder::{Dialect, ErrorKind, Sent, Upload};

use crate::common::{builder, client, current, plan, start};
use crate::{Folder, Pieces, content, pieces, received, uploads};

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

/// An upload may be cloned, and the call that was given it; the stream in it can't.
#[tokio::test]
async fn a_stream_that_was_begun_is_an_error_before_anything_is_sent() {
    let sim = start(current()).await;
    let client = client(&sim);
    for length in [Some(5), None] {
        sim.clear_requests();
        let upload = Upload::stream("a.txt", length, pieces(&["hel", "lo"]));
        let call = client.files().upload(upload.clone());
        let again = call.clone();
        call.await.expect("the first");
        for again in [again, client.files().upload(upload)] {
            let error = again.await.expect_err("the second");
            assert_eq!(
                (error.kind(), error.sent(), error.attempts()),
                (ErrorKind::Input, Sent::No, 0),
                "{error:?}"
            );
            assert!(error.to_string().contains("Upload::stream_with"), "{error}");
        }
        assert_eq!(uploads(&sim).len(), 1);
    }
    // Both at the same time: it goes to one of them, whole.
    sim.clear_requests();
    let upload = Upload::stream("a.txt", None, pieces(&["hel", "lo"]));
    let one = client.files().upload(upload.clone());
    let other = client.files().upload(upload);
    let (one, other) = tokio::join!(one, other);
    one.expect("the first");
    assert_eq!(other.expect_err("the other").kind(), ErrorKind::Input);
    let requests = uploads(&sim);
    assert_eq!(requests.len(), 1);
    assert_eq!(received(&requests[0]), b"hello");
    // A call that didn't read it leaves it to the next.
    let upload = Upload::stream("a.txt", None, pieces(&["hel", "lo"]));
    let call = client.files().upload(upload.clone());
    let call = call.options(|options| options.header("content-length", "1"));
    assert_eq!(call.await.expect_err("a header").kind(), ErrorKind::Input);
    let gone = start(current()).await;
    let base = gone.base_url();
    gone.shutdown().await;
    let nobody = builder(&base, Dialect::Current).build().expect("a client");
    let error = nobody.files().upload(upload.clone()).await;
    assert_eq!(error.expect_err("nobody").kind(), ErrorKind::Connect);
    drop(client.files().upload(upload.clone()));
    client.files().upload(upload).await.expect("a file");
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
