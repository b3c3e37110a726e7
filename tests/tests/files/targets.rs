//! The files that downloads are written to.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use qoder::ErrorKind;

use crate::common::{client, current, plan, start};
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
