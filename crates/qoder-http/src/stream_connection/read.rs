//! Reading into memory that nobody has to fill with zeros first.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads what there is, up to the buffer's room.
pub(super) fn poll_read_buf(
    io: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    // The future holds nothing between polls: what it has read is in the buffer.
    pin!(io.read_buf(buffer)).poll(cx)
}
