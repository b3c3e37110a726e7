//! What a browser, or the platform, asks of the programs that are servers.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::common::programs::Running;

/// The address that a program says it listens at.
pub(crate) async fn address(running: &mut Running) -> String {
    running
        .until(|out| out.contains("listening on http://") && out.ends_with('\n'))
        .await;
    let out = running.out();
    let address = out.lines().next().unwrap_or_default();
    let address = address.trim_start_matches("listening on http://");
    address.split('/').next().unwrap_or_default().to_owned()
}

/// An answer, as it comes in.
pub(crate) struct Answer {
    connection: TcpStream,
    text: String,
}

/// Sends a request, on a connection of its own.
pub(crate) async fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut connection = TcpStream::connect(address).await.expect("it listens");
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let _ = write!(head, "content-length: {}\r\n\r\n{body}", body.len());
    connection
        .write_all(head.as_bytes())
        .await
        .expect("it reads");
    Answer {
        connection,
        text: String::new(),
    }
}

impl Answer {
    /// Reads until this has come.
    pub(crate) async fn until(&mut self, what: &str) {
        while !self.text.contains(what) {
            assert!(self.read().await, "no {what:?} in {:?}", self.text);
        }
    }

    /// Reads all of it: the status, and the body.
    pub(crate) async fn all(mut self) -> (u16, String) {
        while self.read().await {}
        let status = self.text.split(' ').nth(1).unwrap_or_default();
        let body = self.text.split_once("\r\n\r\n");
        let body = body.expect("a body").1.to_owned();
        (status.parse().expect("a status"), body)
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Reads what comes next; whether anything did.
    async fn read(&mut self) -> bool {
        let mut piece = [0; 4096];
        let read = timeout(Duration::from_secs(60), self.connection.read(&mut piece)).await;
        let read = read.expect("in time").expect("a connection");
        self.text += std::str::from_utf8(&piece[..read]).expect("UTF-8");
        read > 0
    }
}
