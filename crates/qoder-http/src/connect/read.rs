//! Reading into memory that nobody has to fill with zeros first.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

/// Reads what there is, up to the buffer's room.
pub(crate) fn poll_read_buf(
    io: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    // The future holds nothing between polls: what it has read is in the buffer.
    pin!(io.read_buf(buffer)).poll(cx)
}

/// Reads what there is, up to `ROOM` bytes, by way of the stack: memory of its own is made for what
/// was read alone, and none where there is nothing.
pub(crate) fn poll_read_small<const ROOM: usize>(
    io: &mut (impl AsyncRead + Unpin),
    cx: &mut Context<'_>,
) -> Poll<io::Result<Bytes>> {
    let mut room = [const { MaybeUninit::uninit() }; ROOM];
    let mut room = ReadBuf::uninit(&mut room);
    ready!(Pin::new(io).poll_read(cx, &mut room))?;
    Poll::Ready(Ok(Bytes::copy_from_slice(room.filled())))
}
