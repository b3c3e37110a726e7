//! Files through the client, against the simulator: uploads, and downloads through links.

#[path = "../common/mod.rs"]
mod common;

mod codings;
mod downloads;
mod links;
mod raw;
mod resumed;
mod skill_archives;
mod skill_files;
mod sources;
mod targets;
mod uploads;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use common::session;
use futures_core::Stream;
use qoder::Client;
use qoder::types::FileId;
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
