//! Proxies on loopback, which keep what clients send them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// All bytes that clients sent to a proxy.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    pub(super) fn add(&self, bytes: &[u8]) {
        self.0.lock().expect("a lock").extend_from_slice(bytes);
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("a lock")).into_owned()
    }
}

/// Reads up to the end of a head.
pub(super) async fn head(peer: &mut (impl AsyncRead + Unpin), seen: &Seen) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && peer.read(&mut byte).await.is_ok_and(|read| read > 0) {
        head.push(byte[0]);
    }
    seen.add(&head);
    String::from_utf8_lossy(&head).into_owned()
}

/// Carries bytes both ways until either side ends, and keeps those of the client.
pub(super) async fn carry(client: impl AsyncRead + AsyncWrite, to: SocketAddr, seen: Seen) {
    let Ok(mut server) = TcpStream::connect(to).await else {
        return;
    };
    let (mut from_server, mut to_server) = server.split();
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let up = async {
        let mut bytes = vec![0; 4096];
        while let Ok(read) = from_client.read(&mut bytes).await {
            seen.add(&bytes[..read]);
            if read == 0 || to_server.write_all(&bytes[..read]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = up => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
}

/// A proxy for HTTP that knows one host, `service.test`, and wants these credentials.
pub(super) async fn connect_proxy(
    client: impl AsyncRead + AsyncWrite + Unpin,
    service: SocketAddr,
    credentials: Option<&'static str>,
    seen: Seen,
) {
    let answer = b"HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n";
    proxy_that_says(answer, client, service, credentials, seen).await;
}

/// Such a proxy, which says this of a tunnel that is made.
pub(super) async fn proxy_that_says(
    made: &'static [u8],
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    service: SocketAddr,
    credentials: Option<&'static str>,
    seen: Seen,
) {
    let head = head(&mut client, &seen).await;
    let has = |line: &str| head.lines().any(|found| found.eq_ignore_ascii_case(line));
    let authorized =
        credentials.is_none_or(|basic| has(&format!("proxy-authorization: Basic {basic}")));
    let known = format!("CONNECT service.test:{} HTTP/1.1", service.port());
    let answer: &[u8] = if !authorized {
        b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n"
    } else if head.starts_with(&known) {
        made
    } else {
        b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"
    };
    if client.write_all(answer).await.is_ok() && answer == made {
        carry(client, service, seen).await;
    }
}

/// A SOCKS5 proxy (RFC 1928, RFC 1929) that knows `service.test`.
pub(super) async fn socks_proxy(
    mut client: TcpStream,
    service: SocketAddr,
    credentials: Option<(&'static str, &'static str)>,
    seen: Seen,
) -> Option<()> {
    async fn take(client: &mut TcpStream, bytes: usize) -> Option<Vec<u8>> {
        let mut buffer = vec![0; bytes];
        client.read_exact(&mut buffer).await.ok()?;
        Some(buffer)
    }
    async fn text(client: &mut TcpStream) -> Option<String> {
        let length = take(client, 1).await?[0].into();
        String::from_utf8(take(client, length).await?).ok()
    }
    let methods = take(&mut client, 2).await?[1].into();
    let methods = take(&mut client, methods).await?;
    let wanted = if credentials.is_some() { 2 } else { 0 };
    if !methods.contains(&wanted) {
        client.write_all(&[5, 0xFF]).await.ok()?;
        return None;
    }
    client.write_all(&[5, wanted]).await.ok()?;
    if let Some((user, password)) = credentials {
        take(&mut client, 1).await?;
        let given = (text(&mut client).await?, text(&mut client).await?);
        let right = given.0 == user && given.1 == password;
        client.write_all(&[1, u8::from(!right)]).await.ok()?;
        if !right {
            return None;
        }
    }
    // CONNECT to a name, not to an address: the proxy looks it up.
    assert_eq!(take(&mut client, 4).await?, [5, 1, 0, 3]);
    let name = text(&mut client).await?;
    let port = take(&mut client, 2).await?;
    let port = u16::from_be_bytes([port[0], port[1]]);
    let known = name == "service.test" && port == service.port();
    let reply = if known { 0 } else { 4 };
    client
        .write_all(&[5, reply, 0, 1, 127, 0, 0, 1, 0, 0])
        .await
        .ok()?;
    if known {
        carry(client, service, seen).await;
    }
    Some(())
}

/// Runs a proxy for each connection to a port.
pub(super) async fn listen<F>(mut proxy: impl FnMut(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output: Send> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(proxy(client));
        }
    });
    addr
}

/// Answers each connection with these bytes, after the head of a request, and keeps it open.
pub(super) async fn says(bytes: &'static [u8], seen: Seen) -> SocketAddr {
    listen(move |mut client| {
        let seen = seen.clone();
        async move {
            head(&mut client, &seen).await;
            let _ = client.write_all(bytes).await;
            let _ = client.read(&mut [0]).await;
        }
    })
    .await
}
