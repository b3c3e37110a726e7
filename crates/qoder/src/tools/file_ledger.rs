//! A ledger in a file.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use qoder_types::EventId;
use serde::{Deserialize, Serialize};

use super::ledger::{Ledger, LedgerFuture, Record};

/// A [`Ledger`] in a file, one JSON object per line. Each record is on the disk (`fsync`) before its
/// call is begun, or its result sent. Cheap to clone.
///
/// A last line that a crash tore is dropped; any other line that can't be read is an error, since
/// nothing can be said of what it held. Only one process at a time may use a file; nothing checks
/// that.
///
/// ```
/// # async fn f(client: qoder::Client, toolbox: qoder::Toolbox) -> Result<(), Box<dyn std::error::Error>> {
/// use qoder::tools::FileLedger;
///
/// let ledger = FileLedger::open("calls.jsonl").await?;
/// let session = client.session("sess_1");
/// let reply = match ledger.note("turn") {
///     // A process before this one was killed: its turn is gone on with, and no tool runs twice.
///     Some(checkpoint) => session.resume_turn(checkpoint).tools(&toolbox).ledger(&ledger).reply().await?,
///     None => {
///         let turn = session.turn("Book the trip.").await?;
///         ledger.set_note("turn", turn.checkpoint().to_string()).await?;
///         session.resume_turn(turn.checkpoint()).tools(&toolbox).ledger(&ledger).reply().await?
///     }
/// };
/// println!("{}", reply.text());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct FileLedger(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    file: File,
    /// The position where the next line begins.
    end: u64,
    calls: HashMap<EventId, Record>,
    notes: HashMap<String, String>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Call { id: EventId, record: Record },
    Note { name: String, text: String },
}

impl FileLedger {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    ///
    /// It can't be read or written, or has a line that is no record: with
    /// [`InvalidData`](io::ErrorKind::InvalidData) and the number of the line.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        let inner = blocking(move || Inner::open(&path)).await?;
        Ok(Self(Arc::new(Mutex::new(inner))))
    }

    /// Returns a text that [`set_note`](Self::set_note) stored: what the program wants to know after
    /// a restart, such as the [checkpoint](crate::Turn::checkpoint) of its turn.
    pub fn note(&self, name: &str) -> Option<String> {
        self.lock().notes.get(name).cloned()
    }

    /// Stores a text under a name, in place of the one before.
    ///
    /// # Errors
    ///
    /// It can't be written.
    pub async fn set_note(
        &self,
        name: impl Into<String>,
        text: impl Into<String>,
    ) -> io::Result<()> {
        let (name, text) = (name.into(), text.into());
        self.write(Line::Note { name, text }).await
    }

    async fn write(&self, line: Line) -> io::Result<()> {
        let ledger = self.clone();
        blocking(move || ledger.lock().write(line)).await
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for FileLedger {
    fn get<'a>(&'a self, call: &'a EventId) -> LedgerFuture<'a, Option<Record>> {
        Box::pin(async move { Ok(self.lock().calls.get(call).cloned()) })
    }

    fn put<'a>(&'a self, call: &'a EventId, record: Record) -> LedgerFuture<'a, ()> {
        Box::pin(async move {
            let id = call.clone();
            Ok(self.write(Line::Call { id, record }).await?)
        })
    }
}

impl Inner {
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if let (true, Some(folder)) = (bytes.is_empty(), path.parent()) {
            // A new file has to be found after a crash. Not every system opens folders.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = whole.map_or(0, |at| at + 1);
        let mut inner = Self {
            file,
            end: whole as u64,
            calls: HashMap::new(),
            notes: HashMap::new(),
        };
        let lines = bytes[..whole].split(|byte| *byte == b'\n').enumerate();
        for (n, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let line = std::str::from_utf8(line).map_err(|error| error.to_string());
            let line =
                line.and_then(|line| serde_json::from_str(line).map_err(|error| error.to_string()));
            inner.keep(line.map_err(|why| {
                let why = format!("line {} of {}: {why}", n + 1, path.display());
                io::Error::new(io::ErrorKind::InvalidData, why)
            })?);
        }
        Ok(inner)
    }

    /// A line that was written in part, by an error or a crash, is overwritten by the next one.
    fn write(&mut self, line: Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        self.file.set_len(self.end)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&text)?;
        self.file.sync_data()?;
        self.end += text.len() as u64;
        self.keep(line);
        Ok(())
    }

    fn keep(&mut self, line: Line) {
        match line {
            Line::Call { id, record } => {
                self.calls.insert(id, record);
            }
            Line::Note { name, text } => {
                self.notes.insert(name, text);
            }
        }
    }
}

/// Work with a file, on a thread that may block. It goes on if nobody waits for it any more.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::super::result::ToolResult;
    use super::*;
    use crate::test_folder::Folder;

    fn ended(text: &str) -> Record {
        Record::Ended(ToolResult::from(text))
    }

    #[tokio::test]
    async fn a_torn_last_line_is_dropped_wherever_it_is_torn() {
        let folder = Folder::new();
        let path = folder.path("ledger");
        let (a, b) = (EventId::new("a"), EventId::new("b"));
        let ledger = FileLedger::open(&path).await.expect("a ledger");
        ledger.put(&a, Record::Begun).await.expect("written");
        ledger.put(&a, ended("1")).await.expect("written");
        ledger.set_note("turn", "here").await.expect("written");
        let before = std::fs::read(&path).expect("a file").len();
        ledger.put(&b, ended("2\n3")).await.expect("written");
        drop(ledger);
        let whole = std::fs::read(&path).expect("a file");
        for cut in before..=whole.len() {
            std::fs::write(&path, &whole[..cut]).expect("written");
            let ledger = FileLedger::open(&path).await.expect("a ledger");
            assert_eq!(ledger.get(&a).await.expect("read"), Some(ended("1")));
            assert_eq!(ledger.note("turn").as_deref(), Some("here"));
            let last = ledger.get(&b).await.expect("read");
            assert_eq!(last, (cut == whole.len()).then(|| ended("2\n3")), "{cut}");
            // What is written next is not glued to what was torn.
            ledger.put(&b, Record::Begun).await.expect("written");
            drop(ledger);
            let ledger = FileLedger::open(&path).await.expect("a ledger");
            assert_eq!(ledger.get(&b).await.expect("read"), Some(Record::Begun));
        }
    }

    #[tokio::test]
    async fn another_line_that_can_t_be_read_is_an_error() {
        let folder = Folder::new();
        let path = folder.path("ledger");
        std::fs::write(&path, "{\"call\":\n{}\n").expect("written");
        let error = FileLedger::open(&path).await.expect_err("no ledger");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("line 1"), "{error}");
    }
}
