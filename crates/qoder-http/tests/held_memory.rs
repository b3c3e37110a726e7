//! How much memory a stream holds, measured by the allocator: what a process that follows thousands
//! of them needs.

use std::alloc::System;
use std::error::Error;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::task::Poll;

use cap::Cap;
use http::Request;
use qoder_http::{Lane, RequestBody, ResponseBody, Timeouts, Transport};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// A stream that waits: the head of its response, and the connection itself. Nothing is kept to read
/// into.
const IDLE: usize = 2 << 10;

/// What is added while events come faster than they are read.
const BUSY: usize = 34 << 10;

/// How much is read of a server that never stops.
const ENOUGH: usize = 4 << 20;

const STREAMS: usize = 32;

/// An event in a chunk, as servers send it.
const EVENT: &[u8; 41] = b"23\r\ndata: {\"type\":\"delta\",\"text\":\"x\"}\n\n\r\n";

/// A server outside of the runtime, which allocates nothing once a response has begun. It answers
/// with the head of a stream, and then with nothing more, or with events as fast as they are read.
fn server(busy: bool) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    std::thread::spawn(move || {
        let mut open = Vec::with_capacity(STREAMS);
        for connection in listener.incoming().map_while(Result::ok) {
            let _ = serve(&connection, busy);
            open.push(connection);
        }
    });
    Ok(addr)
}

fn serve(mut connection: &TcpStream, busy: bool) -> io::Result<()> {
    let mut request = [0; 1024];
    let mut length = 0;
    while !request[..length].ends_with(b"\r\n\r\n") {
        length += connection.read(&mut request[length..])?;
    }
    connection.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
    let mut events = [0; 41 * 300];
    for event in events.chunks_exact_mut(EVENT.len()) {
        event.copy_from_slice(EVENT);
    }
    if busy {
        loop {
            connection.write_all(&events)?;
        }
    }
    Ok(())
}

async fn open(transport: &Transport, addr: SocketAddr) -> Result<ResponseBody, Box<dyn Error>> {
    let request = Request::get(format!("http://{addr}/")).body(RequestBody::empty())?;
    let sending = transport.send(request, Lane::Stream, Timeouts::default());
    Ok(sending.await?.into_body())
}

/// Both in one test, since the allocator counts the whole process.
#[tokio::test]
async fn a_stream_holds_little() -> Result<(), Box<dyn Error>> {
    let transport = Transport::builder().build()?;
    let addr = server(false)?;
    drop(open(&transport, addr).await?);
    let mut streams = Vec::with_capacity(STREAMS);
    let before = MEMORY.allocated();
    for _ in 0..STREAMS {
        let mut body = open(&transport, addr).await?;
        let waits = poll_fn(|cx| Poll::Ready(body.poll_chunk(cx).is_pending()));
        assert!(waits.await);
        streams.push(body);
    }
    let idle = (MEMORY.allocated() - before) / STREAMS;
    assert!(idle < IDLE, "{idle} bytes for a stream that waits");
    drop(streams);

    let mut body = open(&transport, server(true)?).await?;
    let before = MEMORY.allocated();
    let (mut read, mut most) = (0, 0);
    while read < ENOUGH {
        let piece = body.chunk().await?.ok_or("the stream has ended")?;
        read += piece.len();
        most = most.max(MEMORY.allocated());
    }
    let busy = most.saturating_sub(before);
    assert!(busy < BUSY, "{busy} bytes more for a stream that is busy");
    Ok(())
}
