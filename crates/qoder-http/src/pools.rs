//! Pooled connections, apart for each runtime.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response};
use hyper_util::client::legacy::{Builder, Client, ResponseFuture};
use tokio::runtime::Id;

use crate::body::ResponseBody;
use crate::connect::Connector;
use crate::departure::Departure;
use crate::error::Error;
use crate::request::RequestBody;

/// The pooled connections of a lane.
///
/// A connection runs on the runtime that made it. If that one stands still or is gone, so does the
/// connection, and nothing tells: each runtime has its own.
pub(crate) struct Pools {
    builder: Builder,
    connector: Connector,
    /// The latest runtime first.
    of: Mutex<Vec<(Id, Pool)>>,
}

type Pool = Arc<Client<Connector, RequestBody>>;

/// So many runtimes keep their connections. Those of others are made anew when they are back.
const RUNTIMES: usize = 16;

impl Pools {
    pub(crate) fn new(builder: Builder, connector: Connector) -> Self {
        Self {
            builder,
            connector,
            of: Mutex::default(),
        }
    }

    /// Sends over a connection of this runtime, on which it has to be polled.
    pub(crate) async fn send(
        &self,
        mut request: Request<RequestBody>,
        departure: &Departure,
        runtime: Id,
    ) -> Result<Response<ResponseBody>, Error> {
        let to = request.uri().clone();
        departure.watch(&mut request);
        let response = sending(&self.pool(runtime), request)
            .await
            .map_err(|error| Error::from_client(error, &to))?;
        let version = response.version();
        Ok(response.map(|incoming| ResponseBody::new(incoming, version)))
    }

    fn pool(&self, runtime: Id) -> Pool {
        let mut pools = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        match pools.iter().position(|(id, _)| *id == runtime) {
            Some(at) => pools[..=at].rotate_right(1),
            None => {
                let pool = Arc::new(self.builder.build(self.connector.clone()));
                pools.insert(0, (runtime, pool));
                pools.truncate(RUNTIMES);
            }
        }
        Arc::clone(&pools[0].1)
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pools").finish_non_exhaustive()
    }
}

/// Out of line, and no part of an `async fn`: those are compiled in the crates that await them, and
/// hyper's client would be with them.
#[inline(never)]
fn sending(pool: &Pool, request: Request<RequestBody>) -> ResponseFuture {
    pool.request(request)
}
