//! The files that downloads are written to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use qoder::types::FileId;
use qoder::{Client, Dialect, Error, ErrorKind, Sent};
use qoder_sim::Sim;

use crate::common::{builder, client, current, plan, start};
use crate::{Folder, content, deliver};

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

/// How many requests came of this.
async fn refused(sim: &Sim, client: &Client, id: &FileId, path: &Path) -> Error {
    sim.clear_requests();
    let written = client.files().download(id).to_path(path).await;
    let error = written.expect_err("refused");
    assert_eq!((error.kind(), error.sent()), (ErrorKind::File, Sent::No));
    assert!(
        error.to_string().contains(&*path.to_string_lossy()),
        "{error}"
    );
    assert!(sim.requests().is_empty(), "{error}");
    error
}

#[tokio::test]
async fn what_is_no_place_for_a_file_is_told_before_any_request() {
    let folder = Folder::new("no-place");
    let sim = start(current()).await;
    let client = client(&sim);
    let id = deliver(&sim, &client, &content(10)).await;
    std::fs::create_dir(folder.path("a-directory")).expect("a directory");
    for (path, why) in [
        (folder.0.clone(), "a directory"),
        (folder.path("a-directory"), "a directory"),
        (folder.path("a-directory/"), "a directory"),
        (folder.path("a-directory/.."), "a directory"),
        (folder.path("not-there/"), "names no file"),
        (folder.path("not-there/a"), "No such file"),
        (PathBuf::from("/"), "a directory"),
        (PathBuf::from(""), "names no file"),
    ] {
        let error = refused(&sim, &client, &id, &path).await;
        assert!(error.to_string().contains(why), "{error}");
    }
    assert_eq!(folder.names(), ["a-directory"]);
}

#[tokio::test]
async fn a_download_is_no_larger_than_it_may_be() {
    let folder = Folder::new("limits");
    let sim = start(current()).await;
    let client = client(&sim);
    let id = deliver(&sim, &client, &content(1000)).await;
    let path = folder.path("out.bin");
    // With its length in the head, and in chunks, so that nobody knows it before its end.
    for fault in ["storage:none", "storage:split"] {
        for (limit, well) in [(999, false), (1000, true), (u64::MAX, true)] {
            let download = || {
                sim.inject(plan(fault));
                client.files().download(&id).max_bytes(limit)
            };
            let mut stream = download().stream();
            let mut streamed = Ok(0);
            while let Some(piece) = stream.next().await {
                streamed = streamed.and_then(|sum| Ok(sum + piece?.len() as u64));
            }
            let bytes = download().bytes().await.map(|bytes| bytes.len() as u64);
            for got in [bytes, download().to_path(&path).await, streamed] {
                match got {
                    Ok(length) => assert_eq!((length, well), (1000, true), "{fault}"),
                    Err(error) => {
                        assert!(!well, "{fault}: {error}");
                        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error:?}");
                        assert!(error.to_string().contains("limit of 999 bytes"), "{error}");
                    }
                }
            }
            assert_eq!(folder.names().len(), usize::from(well), "{fault}");
            let _ = std::fs::remove_file(&path);
        }
    }
    // What is known to be too large is not asked for.
    sim.clear_requests();
    let known = client.files().download(&id).length(1000).max_bytes(999);
    let error = known.to_path(&path).await.expect_err("too large");
    assert_eq!(
        (error.kind(), error.sent()),
        (ErrorKind::TooLarge, Sent::No)
    );
    assert!(sim.requests().is_empty() && folder.names().is_empty());
    // By default there is a limit to what is kept in memory only.
    let small = builder(&sim.base_url(), Dialect::Current).max_response(999);
    let small = small.build().expect("a client");
    let download = || small.files().download(&id);
    let error = download().bytes().await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(
        download()
            .max_bytes(1000)
            .bytes()
            .await
            .expect("bytes")
            .len(),
        1000
    );
    assert_eq!(download().to_path(&path).await.expect("a file"), 1000);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn mode(path: &Path) -> u32 {
        let metadata = std::fs::metadata(path).expect("a file");
        metadata.permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, permissions).expect("a mode");
    }

    #[tokio::test]
    async fn a_file_keeps_its_mode_and_its_owner() {
        let folder = Folder::new("modes");
        let sim = start(current()).await;
        let client = client(&sim);
        let id = deliver(&sim, &client, &content(100_000)).await;
        let path = folder.path("a.bin");
        for want in [0o600, 0o640, 0o666, 0o755] {
            std::fs::write(&path, b"before").expect("written");
            set_mode(&path, want);
            let beside = folder.0.clone();
            // Nor is it readable to others on its way.
            let look = move |_, _| {
                for entry in std::fs::read_dir(&beside).expect("the directory") {
                    let path = entry.expect("an entry").path();
                    assert_eq!(mode(&path), want, "{path:?}");
                }
            };
            let download = client.files().download(&id).progress(look);
            download.to_path(&path).await.expect("a file");
            assert_eq!(mode(&path), want);
            assert_eq!(std::fs::read(&path).expect("a file"), content(100_000));
        }
        // One that is new is as all new ones are.
        std::fs::write(folder.path("new"), b"").expect("written");
        std::fs::remove_file(&path).expect("removed");
        let download = client.files().download(&id);
        download.to_path(&path).await.expect("a file");
        assert_eq!(mode(&path), mode(&folder.path("new")));
        // Only the superuser can give files away.
        if chown(&path, Some(1234), Some(4321)).is_ok() {
            let download = client.files().download(&id);
            download.to_path(&path).await.expect("a file");
            let metadata = std::fs::metadata(&path).expect("a file");
            assert_eq!((metadata.uid(), metadata.gid()), (1234, 4321));
        }
    }

    #[tokio::test]
    async fn a_link_is_written_through() {
        let folder = Folder::new("symlinks");
        let sim = start(current()).await;
        let client = client(&sim);
        let id = deliver(&sim, &client, &content(10)).await;
        for name in ["inner", "elsewhere"] {
            std::fs::create_dir(folder.path(name)).expect("a directory");
        }
        symlink("elsewhere", folder.path("to-elsewhere")).expect("a link");
        for (link, to, target) in [
            ("absolute", folder.path("inner/a"), "inner/a"),
            ("relative", PathBuf::from("inner/b"), "inner/b"),
            ("inner/up", PathBuf::from("../elsewhere/c"), "elsewhere/c"),
            // Up from where it leads to, not from where it is.
            ("to-elsewhere/d", PathBuf::from("../inner/d"), "inner/d"),
            ("to-a-link", PathBuf::from("absolute"), "inner/a"),
        ] {
            symlink(&to, folder.path(link)).expect("a link");
            let target = folder.path(target);
            // Where it leads to nothing, and where it leads to a file.
            for old in [None, Some(b"before")] {
                let _ = std::fs::remove_file(&target);
                if let Some(old) = old {
                    std::fs::write(&target, old).expect("written");
                    set_mode(&target, 0o600);
                }
                let download = client.files().download(&id);
                download.to_path(folder.path(link)).await.expect(link);
                assert_eq!(std::fs::read(&target).expect(link), content(10));
                assert!(folder.path(link).is_symlink(), "{link} was replaced");
                if old.is_some() {
                    assert_eq!(mode(&target), 0o600, "{link}");
                }
            }
        }
        symlink("inner", folder.path("to-a-directory")).expect("a link");
        refused(&sim, &client, &id, &folder.path("to-a-directory")).await;
        symlink("round", folder.path("round")).expect("a link");
        refused(&sim, &client, &id, &folder.path("round")).await;
        let left = |name: &str| {
            let entries = std::fs::read_dir(folder.path(name)).expect("a directory");
            entries.count()
        };
        assert_eq!((left("inner"), left("elsewhere")), (4, 2));
    }

    /// In a directory that all may write to, a link may be a trap that somebody has laid.
    #[tokio::test]
    async fn a_link_that_the_system_does_not_follow_is_not_followed() {
        let folder = Folder::new("traps");
        let sim = start(current()).await;
        let client = client(&sim);
        let id = deliver(&sim, &client, &content(10)).await;
        let shared = folder.path("shared");
        std::fs::create_dir(&shared).expect("a directory");
        set_mode(&shared, 0o1777);
        std::fs::write(folder.path("there"), b"before").expect("written");
        for target in ["there", "not-there"] {
            let trap = shared.join(target);
            symlink(folder.path(target), &trap).expect("a link");
            if lchown(&trap, Some(1234), None).is_err() {
                // Only the superuser can play somebody else.
                return;
            }
            let followed = std::fs::metadata(&trap).map_err(|error| error.kind());
            if followed.err() != Some(std::io::ErrorKind::PermissionDenied) {
                // This system follows all links.
                return;
            }
            refused(&sim, &client, &id, &trap).await;
        }
        assert_eq!(
            std::fs::read(folder.path("there")).expect("a file"),
            b"before"
        );
        assert!(!folder.path("not-there").exists());
    }

    #[tokio::test]
    async fn what_may_not_be_written_is_told_before_any_request() {
        let folder = Folder::new("unwritable");
        let sim = start(current()).await;
        let client = client(&sim);
        let id = deliver(&sim, &client, &content(10)).await;
        let _socket = UnixListener::bind(folder.path("socket")).expect("a socket");
        let error = refused(&sim, &client, &id, &folder.path("socket")).await;
        assert!(error.to_string().contains("no regular file"), "{error}");

        std::fs::write(folder.path("fixed"), b"before").expect("written");
        set_mode(&folder.path("fixed"), 0o400);
        std::fs::create_dir(folder.path("closed")).expect("a directory");
        set_mode(&folder.path("closed"), 0o500);
        if std::fs::write(folder.path("closed/a"), b"").is_ok() {
            // Nothing is kept from the superuser.
            return;
        }
        for path in ["fixed", "closed/a"] {
            let error = refused(&sim, &client, &id, &folder.path(path)).await;
            assert!(error.to_string().contains("Permission denied"), "{error}");
        }
    }
}
