//! A server in another process, so that what it costs is not counted: the program runs itself.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

/// A copy of this program in another role. Dropping it ends it.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    words: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Child {
    /// Starts it. Its first line of output is where it listens.
    ///
    /// # Errors
    ///
    /// It can't be started, or says something else.
    pub fn start(role: &[&str]) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (words, answers) = pipes.ok_or_else(|| io::Error::other("no pipes"))?;
        let mut child = Self {
            process,
            words,
            answers: BufReader::new(answers),
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        child.addr = child.answer()?.parse().map_err(io::Error::other)?;
        Ok(child)
    }

    /// Runs a copy of this program to its end; what it says.
    ///
    /// # Errors
    ///
    /// It can't be started, or fails.
    pub fn output(role: &[&str]) -> io::Result<String> {
        let output = Command::new(std::env::current_exe()?)
            .args(role)
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(format!("{role:?}: {}", output.status)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Tells it something, and waits for its answer.
    ///
    /// # Errors
    ///
    /// It is gone.
    pub fn tell(&mut self, words: &str) -> io::Result<String> {
        writeln!(self.words, "{words}")?;
        self.words.flush()?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(io::Error::other("the server's process ended"));
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In the other process: says a line.
///
/// # Errors
///
/// Nobody listens.
pub fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// In the other process: the lines it is told, until it is no longer wanted.
pub fn told() -> impl Iterator<Item = String> {
    io::stdin().lines().map_while(Result::ok)
}
