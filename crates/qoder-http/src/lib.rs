#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod body;
mod builder;
mod connect;
mod departure;
mod encoding;
mod error;
#[cfg(feature = "gzip")]
mod gunzip;
#[cfg(feature = "json")]
mod json;
mod lane;
mod lanes;
mod multipart;
mod pools;
#[cfg(feature = "proxy")]
mod proxy;
mod request;
pub mod retry;
mod service;
mod stream_connection;
pub mod time;
mod timeouts;
mod tls;
mod transport;
mod url;
mod versions;

pub use body::ResponseBody;
pub use builder::TransportBuilder;
pub use connect::{KeepAlive, TcpOptions};
pub use departure::Departure;
pub use encoding::Coding;
pub use error::{Error, ErrorKind, Phase, Sent};
pub use lane::{Lane, StreamHttp};
pub use multipart::Form;
#[cfg(feature = "proxy")]
pub use proxy::Proxy;
pub use request::RequestBody;
pub use timeouts::Timeouts;
pub use tls::Tls;
#[cfg(feature = "__tls")]
pub use tls::TlsBuilder;
pub use transport::Transport;
pub use url::is_loopback;
