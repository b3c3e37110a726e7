//! Whether a request has left, for those who stop waiting for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Request;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};

use crate::error::Sent;

/// Tells whether a request had left when its sender was dropped, as by a deadline: the error that
/// would say so is then never made.
///
/// A clone goes among the extensions of the request, and this stays with the caller. It is of use
/// for one request.
///
/// ```
/// use std::time::Duration;
/// use qoder_http::{Departure, Lane, RequestBody, Sent, Timeouts, Transport};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = Transport::builder()
///     .connect_with(|_| std::future::pending::<std::io::Result<tokio::net::TcpStream>>())
///     .build()?;
/// let departure = Departure::default();
/// let request = http::Request::get("http://localhost/")
///     .extension(departure.clone())
///     .body(RequestBody::empty())?;
/// let sending = transport.send(request, Lane::Call, Timeouts::default());
/// assert!(tokio::time::timeout(Duration::from_millis(10), sending).await.is_err());
/// assert_eq!(departure.sent(), Sent::No);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Departure(Arc<Mutex<State>>);

#[derive(Debug, Default)]
enum State {
    /// It waits for a connection.
    #[default]
    Waits,
    /// It leaves when it has one.
    Leaves(CaptureConnection),
    Left,
}

impl Departure {
    /// Returns [`Sent::No`] as long as there was no connection to send the request over, and
    /// [`Sent::Maybe`] from then on; never [`Sent::Yes`]. Of a
    /// [service](crate::Transport::from_service) nothing is known: it is [`Sent::Maybe`] as soon as
    /// it has the request.
    pub fn sent(&self) -> Sent {
        match &*self.lock() {
            State::Waits => Sent::No,
            State::Leaves(connection) if connection.connection_metadata().is_none() => Sent::No,
            State::Leaves(_) | State::Left => Sent::Maybe,
        }
    }

    /// The one that the caller looks at, or one of our own.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        request.extensions().get().cloned().unwrap_or_default()
    }

    /// A client is given the request.
    pub(crate) fn watch<B>(&self, request: &mut Request<B>) {
        *self.lock() = State::Leaves(capture_connection(request));
    }

    /// There is a connection for the request, or somebody is given it who doesn't tell.
    pub(crate) fn left(&self) {
        *self.lock() = State::Left;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
