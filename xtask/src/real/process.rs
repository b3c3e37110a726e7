//! Processes that don't outlive this one, their ports, and what they print.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The time that a part may take until it listens, or a log until it says something.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks at what doesn't tell by itself.
const LOOK: Duration = Duration::from_millis(10);

/// The program of this name: where the shell would find it, or where only root's would.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let of_root = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(of_root)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// A command with no input and an empty environment, in this folder. Where there is `setpriv` it
/// is killed when this process is, however that ends.
pub(crate) fn command(program: &Path, folder: &Path) -> Command {
    let mut command = if let Some(setpriv) = find("setpriv") {
        let mut command = Command::new(setpriv);
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

/// A new file, for what a process prints.
pub(crate) fn create(path: &Path) -> Result<File, String> {
    File::create(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A process, which is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    name: String,
    child: Child,
}

impl Running {
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self, String> {
        let child = command
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        let name = name.to_owned();
        Ok(Self { name, child })
    }

    /// Waits until it listens there.
    pub(crate) fn listens(&mut self, at: SocketAddr) -> Result<(), String> {
        let start = Instant::now();
        while TcpStream::connect(at).is_err() {
            if let Some(status) = self.status()? {
                return Err(format!("{} doesn't start: {status}", self.name));
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("{} doesn't listen", self.name));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Returns the address that it listens at, which it says in its first line.
    pub(crate) fn listening(&mut self) -> Result<String, String> {
        let mut line = String::new();
        let read = BufReader::new(self.stdout()?).read_line(&mut line);
        read.map_err(|error| format!("{}: {error}", self.name))?;
        let url = line.trim_end().strip_prefix("listening on ");
        let url = url.ok_or_else(|| format!("{} says {line:?}, not its address", self.name))?;
        Ok(url.to_owned())
    }

    pub(crate) fn stdout(&mut self) -> Result<ChildStdout, String> {
        let stdout = self.child.stdout.take();
        stdout.ok_or_else(|| format!("{} has no output", self.name))
    }

    pub(crate) fn stdin(&mut self) -> Result<ChildStdin, String> {
        let stdin = self.child.stdin.take();
        stdin.ok_or_else(|| format!("{} has no input", self.name))
    }

    fn status(&mut self) -> Result<Option<ExitStatus>, String> {
        let status = self.child.try_wait();
        status.map_err(|error| format!("{}: {error}", self.name))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process whose output is read line by line, for a limited time.
#[derive(Debug)]
pub(crate) struct Printing {
    running: Running,
    lines: Receiver<String>,
    /// The file with its standard error.
    errors: PathBuf,
    printed: Vec<String>,
    start: Instant,
}

impl Printing {
    /// Starts it; its errors go to the file.
    pub(crate) fn start(
        name: &str,
        command: &mut Command,
        errors: PathBuf,
    ) -> Result<Self, String> {
        command.stdout(Stdio::piped()).stderr(create(&errors)?);
        let start = Instant::now();
        let mut running = Running::start(name, command)?;
        let stdout = BufReader::new(running.stdout()?);
        let (sender, lines) = channel();
        // It ends with the process.
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            running,
            lines,
            errors,
            printed: Vec::new(),
            start,
        })
    }

    /// Waits for a line, but no longer than this.
    pub(crate) fn wait_for_line(&mut self, patience: Duration) {
        self.printed.extend(self.lines.recv_timeout(patience));
    }

    /// Returns the time until it ended, and what it printed; an error if it ends badly, or not
    /// within this time since it started.
    pub(crate) fn finish(mut self, limit: Duration) -> (Duration, Result<Vec<String>, String>) {
        let ended = loop {
            let left = limit.saturating_sub(self.start.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.printed.push(line),
                Err(RecvTimeoutError::Disconnected) => break self.exit(limit),
                Err(RecvTimeoutError::Timeout) => break Err(self.endless(limit)),
            }
        };
        let took = self.start.elapsed();
        (took, ended.map(|()| self.printed))
    }

    /// Waits for the end, which follows that of the output.
    fn exit(&mut self, limit: Duration) -> Result<(), String> {
        while self.start.elapsed() < limit {
            match self.running.status()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("{status}: {}", self.last_error())),
                None => thread::sleep(LOOK),
            }
        }
        Err(self.endless(limit))
    }

    fn last_error(&self) -> String {
        let said = std::fs::read(&self.errors).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        said.lines().last().unwrap_or_default().to_owned()
    }

    fn endless(&self, limit: Duration) -> String {
        let lines = self.printed.len();
        let seconds = limit.as_secs();
        format!("not at its end after {seconds} s; lines printed: {lines}")
    }
}

/// Waits until a line of the file has this text.
pub(crate) fn says(file: &Path, text: &str) -> bool {
    let start = Instant::now();
    loop {
        let log = std::fs::read(file).unwrap_or_default();
        if String::from_utf8_lossy(&log).contains(text) {
            return true;
        }
        if start.elapsed() > PATIENCE {
            return false;
        }
        thread::sleep(LOOK);
    }
}

/// A port of 127.0.0.1 that nobody listens at. It is below those that the system gives to
/// connections, so that none of them takes it before it is used.
pub(crate) fn free_port() -> Result<u16, String> {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    const PORTS: u32 = 10_000;
    for _ in 0..PORTS {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + std::process::id().wrapping_add(tried) % PORTS;
        let port = u16::try_from(port).map_err(|error| error.to_string())?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no port is free".to_owned())
}
