#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod body;
mod builder;
mod coding;
mod connect;
mod departure;
mod error;
#[cfg(feature = "gzip")]
mod gunzip;
mod multipart;
#[cfg(feature = "proxy")]
mod no_proxy;
mod own;
mod pools;
#[cfg(feature = "proxy")]
mod proxy;
mod request;
pub mod retry;
pub mod time;
mod tls;
mod transport;

pub use body::ResponseBody;
pub use builder::TransportBuilder;
pub use coding::Coding;
pub use connect::{KeepAlive, TcpOptions, is_loopback};
pub use departure::Departure;
pub use error::{Error, ErrorKind, Phase, Sent};
pub use multipart::Form;
#[cfg(feature = "proxy")]
pub use proxy::Proxy;
pub use request::RequestBody;
pub use tls::Tls;
#[cfg(feature = "__tls")]
pub use tls::TlsBuilder;
pub use transport::{Lane, StreamHttp, Timeouts, Transport};
