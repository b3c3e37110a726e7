//! The transport, against servers on loopback, pipes in memory, and nobody.

mod gzip;
mod http2;
mod http2_windows;
mod lanes;
mod limits;
mod loopback;
mod memory;
#[cfg(all(feature = "http2", feature = "tls-ring"))]
mod pki;
mod proxy;
mod retry;
#[cfg(feature = "tower")]
mod retry_layer;
mod runtimes;
mod stream_connection;
mod tls;
mod upload;
