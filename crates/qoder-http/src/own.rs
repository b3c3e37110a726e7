//! A connection that belongs to one response. It is polled with the response's body, by whoever
//! reads that: no task is spawned, nothing is handed from task to task, and dropping the body
//! closes the connection at once.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper_util::client::legacy::{Builder, Client, Error};

use crate::connect::Connector;
use crate::request::RequestBody;

/// Makes a connection for each request.
#[derive(Clone)]
pub(crate) struct OwnConnections {
    connector: Connector,
    max_heads: MaxHeads,
}

/// How large the head of a response may be over HTTP/1.1. `None` is hyper's limit.
#[derive(Clone, Copy)]
pub(crate) struct MaxHeads {
    pub(crate) bytes: Option<usize>,
    pub(crate) fields: Option<usize>,
}

impl MaxHeads {
    pub(crate) fn set(self, builder: &mut Builder) {
        if let Some(bytes) = self.bytes {
            builder.http1_max_buf_size(bytes);
        }
        if let Some(fields) = self.fields {
            builder.http1_max_headers(fields);
        }
    }
}

type Connection = Pin<Box<dyn Future<Output = ()> + Send>>;

/// hyper's client wants an executor for the connections it makes. This one keeps the connection,
/// for its request to run.
#[derive(Clone, Default)]
struct Keep(Arc<Mutex<Option<Connection>>>);

impl Executor<Connection> for Keep {
    fn execute(&self, connection: Connection) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
    }
}

impl Keep {
    fn take(&self) -> Option<Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl OwnConnections {
    pub(crate) fn new(connector: Connector, max_heads: MaxHeads) -> Self {
        Self {
            connector,
            max_heads,
        }
    }

    /// Connects and sends, and gives the response as soon as its head is there.
    pub(crate) async fn send(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<OwnBody>, Error> {
        let keep = Keep::default();
        // Without a pool, since a connection that is dropped with its body is never idle.
        let mut client = Client::builder(keep.clone());
        self.max_heads.set(&mut client);
        let client: Client<_, RequestBody> = client
            .pool_max_idle_per_host(0)
            .build(self.connector.clone());
        let mut sending = pin!(client.request(request));
        let mut connection = None;
        let response = poll_fn(|cx| {
            if let Poll::Ready(response) = sending.as_mut().poll(cx) {
                return Poll::Ready(response);
            }
            if connection.is_none() {
                connection = keep.take();
            }
            run(&mut connection, cx);
            sending.as_mut().poll(cx)
        })
        .await?;
        let connection = connection.or_else(|| keep.take());
        Ok(response.map(|body| OwnBody { body, connection }))
    }
}

impl fmt::Debug for OwnConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnConnections").finish_non_exhaustive()
    }
}

/// Runs what can be run now of a connection. How it ends, its request or its body is told by hyper.
fn run(connection: &mut Option<Connection>, cx: &mut Context<'_>) {
    if let Some(running) = connection {
        if running.as_mut().poll(cx).is_ready() {
            *connection = None;
        }
    }
}

/// A body with the connection that it comes from.
pub(crate) struct OwnBody {
    body: Incoming,
    connection: Option<Connection>,
}

impl OwnBody {
    pub(crate) fn incoming(&self) -> &Incoming {
        &self.body
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        run(&mut self.connection, cx);
        Pin::new(&mut self.body).poll_frame(cx)
    }
}
