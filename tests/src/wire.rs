//! A server of raw bytes in memory, for clients in simulated time. It reads HTTP/1.1 by itself and
//! then does what a script says: what servers do, and what they must not.
//!
//! Nothing but time and the bytes of the client decides what happens, so a run can be repeated to
//! the millisecond.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use qoder_http::{Tls, Transport, TransportBuilder};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::time::{Instant, sleep};

/// The bytes that fit between the two ends, each way: as many as in a small socket buffer.
pub const BUFFER: usize = 64 << 10;

/// The server's part in one request, or in one attempt to connect.
#[derive(Clone, Debug)]
pub struct Act {
    door: Door,
    steps: Vec<Step>,
}

/// The end of an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Open,
    Refused,
    Silent,
}

/// A step of the server on an open connection.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads a whole request, and remembers it.
    Read,
    /// Sends these bytes.
    Send(Bytes),
    /// Sends the first bytes if the request was one for this path, else the others.
    Choose(&'static str, Bytes, Bytes),
    /// Sends these bytes, one each second.
    Drip(Bytes),
    /// Sends these bytes again and again, until the client hangs up.
    Endless(Bytes),
    /// The same with a pause before each time.
    Every(Duration, Bytes),
    /// Waits.
    Pause(Duration),
    /// Says nothing more, until the client hangs up.
    Silence,
    /// Closes the connection, as a server does that has stopped.
    Close,
    /// Breaks the connection: what is under way is lost.
    Reset,
}

impl Act {
    /// Takes these steps. After the last one the connection is kept for the next request.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            door: Door::Open,
            steps: steps.into_iter().collect(),
        }
    }

    /// Reads the request and sends this.
    pub fn answer(response: impl Into<Bytes>) -> Self {
        Self::new([Step::Read, Step::Send(response.into())])
    }

    /// Refuses the connection.
    pub fn refuse() -> Self {
        Self {
            door: Door::Refused,
            steps: Vec::new(),
        }
    }

    /// Doesn't answer the attempt to connect.
    pub fn unreachable() -> Self {
        Self {
            door: Door::Silent,
            steps: Vec::new(),
        }
    }

    fn turns_away(&self) -> bool {
        let at_once = matches!(self.steps.first(), Some(Step::Reset | Step::Close));
        self.door != Door::Open || at_once
    }

    /// Takes another step after the others.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// A request as it was on the wire.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The number of its connection, from 1 on.
    pub connection: usize,
    /// The first line, without its end.
    pub line: String,
    /// The headers in their order, with names as they were written.
    pub headers: Vec<(String, String)>,
    /// The body, without the framing of chunks.
    pub body: Vec<u8>,
}

impl Seen {
    /// The value of a header, if it is there once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value.as_str())
    }

    /// The names of the headers, in lower case and sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .headers
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect();
        names.sort();
        names
    }
}

/// The server. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Wire {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    script: VecDeque<Act>,
    after: Act,
    dialled: Vec<String>,
    turned_away: usize,
    connections: usize,
    requests: Vec<Seen>,
    wrote: usize,
    open: usize,
    /// The bytes of the client that a silent server was sent.
    heard: Vec<u8>,
}

impl Wire {
    /// A server that acts so for the first requests, and in this way for all others.
    pub fn new(script: impl IntoIterator<Item = Act>, after: Act) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                script: script.into_iter().collect(),
                after,
                dialled: Vec::new(),
                turned_away: 0,
                connections: 0,
                requests: Vec::new(),
                wrote: 0,
                open: 0,
                heard: Vec::new(),
            })),
        }
    }

    /// A transport whose connections lead here, whatever the URL.
    pub fn transport(&self) -> TransportBuilder {
        // Of no use over plain http, and slow to read.
        static TLS: LazyLock<Option<Tls>> = LazyLock::new(|| Tls::default_roots().ok());
        let wire = self.clone();
        let builder = Transport::builder().connect_with(move |url| {
            let wire = wire.clone();
            async move { wire.connect(&url).await }
        });
        match TLS.clone() {
            Some(tls) => builder.tls(tls),
            None => builder,
        }
    }

    async fn connect(&self, url: &Uri) -> io::Result<Socket> {
        let act = {
            let mut state = self.lock();
            state.dialled.push(url.to_string());
            let act = state.next();
            state.turned_away += usize::from(act.turns_away());
            act
        };
        match act.door {
            Door::Refused => return Err(io::ErrorKind::ConnectionRefused.into()),
            Door::Silent => std::future::pending().await,
            Door::Open => {}
        }
        let (ours, theirs) = duplex(BUFFER);
        let broken = Arc::new(AtomicBool::new(false));
        let mut line = Line {
            wire: self.clone(),
            number: {
                let mut state = self.lock();
                state.connections += 1;
                state.open += 1;
                state.connections
            },
            end: ours,
            read: Vec::new(),
            broken: Arc::clone(&broken),
        };
        if act.turns_away() {
            // Before the client can write anything.
            let _ = line.act(act).await;
            drop(line);
        } else {
            tokio::spawn(line.serve(act));
        }
        Ok(Socket {
            end: theirs,
            broken,
        })
    }

    /// The requests that were read whole.
    pub fn requests(&self) -> Vec<Seen> {
        self.lock().requests.clone()
    }

    /// Scheme, host and port of each attempt to connect.
    pub fn dialled(&self) -> Vec<String> {
        self.lock().dialled.clone()
    }

    /// The number of attempts to connect that came to nothing: nobody answered, or it was closed at once.
    pub fn turned_away(&self) -> usize {
        self.lock().turned_away
    }

    /// The number of connections there were.
    pub fn connections(&self) -> usize {
        self.lock().connections
    }

    /// The number of connections that are open.
    pub fn open(&self) -> usize {
        self.lock().open
    }

    /// The number of bytes that the server could write, on all connections.
    pub fn wrote(&self) -> usize {
        self.lock().wrote
    }

    /// The bytes that the client sent while the server was silent, as far as they are text.
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.lock().heard).into_owned()
    }

    /// Forgets what was counted and read so far.
    pub fn forget(&self) {
        let mut state = self.lock();
        state.dialled.clear();
        state.turned_away = 0;
        state.connections = 0;
        state.wrote = 0;
        state.requests.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> Act {
        self.script
            .pop_front()
            .unwrap_or_else(|| self.after.clone())
    }
}

/// The server's end of a connection.
struct Line {
    wire: Wire,
    number: usize,
    end: DuplexStream,
    /// The bytes that came and belong to no request yet.
    read: Vec<u8>,
    broken: Arc<AtomicBool>,
}

/// The connection is over.
struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Line {
    async fn serve(mut self, first: Act) {
        let mut act = first;
        while self.act(act).await.is_ok() && self.more().await.is_ok() {
            act = self.wire.lock().next();
        }
    }

    async fn act(&mut self, act: Act) -> Result<(), Over> {
        for step in act.steps {
            match step {
                Step::Read => {
                    let seen = self.request().await?;
                    self.wire.lock().requests.push(seen);
                }
                Step::Send(bytes) => self.write(&bytes).await?,
                Step::Choose(path, these, others) => {
                    let line = self
                        .wire
                        .lock()
                        .requests
                        .last()
                        .map(|seen| seen.line.clone());
                    let is_it = line.is_some_and(|line| line.contains(path));
                    self.write(if is_it { &these } else { &others }).await?;
                }
                Step::Drip(bytes) => {
                    for byte in bytes {
                        sleep(Duration::from_secs(1)).await;
                        self.write(&[byte]).await?;
                    }
                }
                Step::Endless(bytes) => loop {
                    self.write(&bytes).await?;
                },
                Step::Every(pause, bytes) => loop {
                    sleep(pause).await;
                    self.write(&bytes).await?;
                },
                Step::Pause(time) => sleep(time).await,
                Step::Silence => loop {
                    self.more().await?;
                    self.wire.lock().heard.append(&mut self.read);
                },
                Step::Close => return Err(Over),
                Step::Reset => {
                    self.broken.store(true, Ordering::Relaxed);
                    return Err(Over);
                }
            }
        }
        Ok(())
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Over> {
        while !bytes.is_empty() {
            let written = self.end.write(bytes).await?;
            self.wire.lock().wrote += written;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Waits until there are bytes that belong to no request yet.
    async fn more(&mut self) -> Result<(), Over> {
        if self.read.is_empty() {
            self.fill().await?;
        }
        Ok(())
    }

    async fn fill(&mut self) -> Result<(), Over> {
        match self.end.read_buf(&mut self.read).await? {
            0 => Err(Over),
            _ => Ok(()),
        }
    }

    /// The next line, without its end.
    async fn line(&mut self) -> Result<String, Over> {
        loop {
            if let Some(at) = self.read.windows(2).position(|two| two == b"\r\n") {
                let line = self.read.drain(..at + 2).take(at).collect::<Vec<u8>>();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            self.fill().await?;
        }
    }

    async fn take(&mut self, bytes: usize) -> Result<Vec<u8>, Over> {
        while self.read.len() < bytes {
            self.fill().await?;
        }
        Ok(self.read.drain(..bytes).collect())
    }

    async fn request(&mut self) -> Result<Seen, Over> {
        let mut seen = Seen {
            connection: self.number,
            line: self.line().await?,
            ..Seen::default()
        };
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            seen.headers
                .push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
        }
        if let Some(length) = seen.header("content-length") {
            let length = length.parse().map_err(|_| Over)?;
            seen.body = self.take(length).await?;
        } else if seen.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = usize::from_str_radix(&self.line().await?, 16).map_err(|_| Over)?;
                let chunk = self.take(size + 2).await?;
                seen.body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    break;
                }
            }
        }
        Ok(seen)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.wire.lock().open -= 1;
    }
}

/// The client's end of a connection.
#[derive(Debug)]
struct Socket {
    end: DuplexStream,
    broken: Arc<AtomicBool>,
}

impl Socket {
    fn check(&self) -> io::Result<()> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.end).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.end).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_shutdown(cx)
    }
}

/// The time from here on, rounded to hundredths of a second: timers tick in milliseconds.
pub fn elapsed(since: Instant) -> Duration {
    let hundredths = (since.elapsed().as_millis() + 5) / 10;
    Duration::from_millis(u64::try_from(hundredths * 10).unwrap_or(u64::MAX))
}
