//! Where the contents of uploads come from, and what goes wrong there.

use std::path::Path;
use std::time::{Duration, SystemTime};

use qoder::{Dialect, ErrorKind, Sent, files::Upload};

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

/// Writes a file that was changed last a while ago: what is written now has another time, however
/// coarse the system's clock is.
fn written(path: &Path, content: &[u8]) -> SystemTime {
    let then = SystemTime::now() - Duration::from_secs(3600);
    std::fs::write(path, content).expect("written");
    let file = std::fs::File::options().write(true).open(path);
    file.and_then(|file| file.set_modified(then))
        .expect("a time");
    then
}

#[tokio::test]
async fn a_file_that_is_rewritten_while_it_is_read_is_the_error() {
    let folder = Folder::new("rewritten");
    let sim = start(current()).await;
    let client = client(&sim);
    let path = folder.path("a.bin");
    let old = content(300_000);
    let new = vec![b'x'; old.len()];
    // After each of its pieces, the last included.
    for at in [64 << 10, 128 << 10, 300_000] {
        written(&path, &old);
        let (changing, new) = (path.clone(), new.clone());
        let change = move |sent, _| {
            if sent == at {
                std::fs::write(&changing, &new).expect("written");
            }
        };
        let upload = Upload::path(&path).progress(change);
        let error = client.files().upload(upload).await.expect_err("changed");
        assert_eq!(error.kind(), ErrorKind::File, "{error:?}");
        assert!(
            error.to_string().contains("a.bin: the file was changed"),
            "{error}"
        );
    }
    assert!(client.files().list().await.expect("a page").data.is_empty());
    // In its place another one: what was opened is read to its end.
    written(&path, &old);
    let (changing, beside) = (path.clone(), folder.path("b.bin"));
    let change = move |sent, _| {
        if sent == 64 << 10 {
            std::fs::write(&beside, &new).expect("written");
            std::fs::rename(&beside, &changing).expect("renamed");
        }
    };
    sim.clear_requests();
    let upload = Upload::path(&path).progress(change);
    client.files().upload(upload).await.expect("a file");
    assert_eq!(received(&uploads(&sim)[0]), old);
}

/// A repeated attempt must send the same bytes under the same key.
#[tokio::test]
async fn a_file_that_is_another_one_at_the_second_attempt_is_the_error() {
    let folder = Folder::new("replaced");
    let path = folder.path("a.bin");
    let replaced = |keep_time: bool| {
        let then = written(&path, b"hello");
        let (changing, beside) = (path.clone(), folder.path("b.bin"));
        move |_, _| {
            std::fs::write(&beside, b"HELLO").expect("written");
            if keep_time {
                let file = std::fs::File::options().write(true).open(&beside);
                file.and_then(|file| file.set_modified(then))
                    .expect("a time");
            }
            std::fs::rename(&beside, &changing).expect("renamed");
        }
    };
    // Where files have numbers, a time that was kept doesn't hide it.
    for keep_time in if cfg!(unix) {
        &[false, true][..]
    } else {
        &[false]
    } {
        let sim = start(current().faults(plan("call:status=503"))).await;
        let upload = Upload::path(&path).progress(replaced(*keep_time));
        let error = client(&sim).files().upload(upload).await;
        let error = error.expect_err("replaced");
        assert_eq!(error.kind(), ErrorKind::File, "{error:?}");
        assert!(error.to_string().contains("was changed"), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_may_not_be_read_is_the_error_before_anything_is_sent() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new("unreadable");
    let sim = start(current()).await;
    let path = folder.path("a.bin");
    std::fs::write(&path, b"hello").expect("written");
    let nobody = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(&path, nobody).expect("a mode");
    if std::fs::File::open(&path).is_ok() {
        // Nothing is kept from the superuser.
        return;
    }
    let upload = Upload::path(&path);
    let error = client(&sim).files().upload(upload).await;
    let error = error.expect_err("unreadable");
    assert_eq!((error.kind(), error.sent()), (ErrorKind::File, Sent::No));
    assert!(error.to_string().contains("a.bin: "), "{error}");
}
