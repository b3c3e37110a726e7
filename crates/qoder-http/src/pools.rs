//! Pooled connections, apart for each runtime.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response, Uri};
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
///
/// A pool has one HTTP/2 connection, over which it sends all that it is given; what is more than the
/// peer takes at once waits there without a word. For responses that stay open, that is for ever:
/// they are spread over several pools.
pub(crate) struct Pools {
    builder: Builder,
    connector: Connector,
    /// The number of responses that may be open in a pool, if they share its connection.
    most: usize,
    /// The latest runtime first, and of each the pool that is to be filled first.
    of: Mutex<Vec<(Id, Pool)>>,
}

/// Shared by those who send over it, and by the bodies of open HTTP/2 responses, which are counted
/// so.
pub(crate) type Pool = Arc<Client<Connector, RequestBody>>;

/// So many pools are kept that nobody uses, those of the latest runtimes. Others are made anew when
/// their runtime is back.
const UNUSED: usize = 16;

/// The number of concurrent streams that RFC 9113, section 6.5.2, recommends a peer to allow at
/// least.
pub(crate) const STREAMS: usize = 100;

impl Pools {
    pub(crate) fn new(builder: Builder, connector: Connector, most: usize) -> Self {
        Self {
            builder,
            connector,
            most,
            of: Mutex::default(),
        }
    }

    /// Sends over a connection of this runtime, on which it has to be polled.
    pub(crate) fn send(
        &self,
        mut request: Request<RequestBody>,
        departure: &Departure,
        runtime: Id,
    ) -> Pooled {
        departure.watch(&mut request);
        let pool = self.pool(runtime);
        Pooled {
            to: request.uri().clone(),
            sending: sending(&pool, request),
            pool,
        }
    }

    /// The first pool of the runtime with room.
    fn pool(&self, runtime: Id) -> Pool {
        let mut pools = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |pool: &Pool| Arc::strong_count(pool) - 1;
        // Those of this runtime come first, in the order in which they are filled.
        pools.sort_by_key(|(id, _)| *id != runtime);
        let with_room = |(id, pool): &(Id, Pool)| *id == runtime && open(pool) < self.most;
        let chosen = match pools.iter().find(|pool| with_room(pool)) {
            Some((_, pool)) => Arc::clone(pool),
            None => {
                let pool = Arc::new(self.builder.build(self.connector.clone()));
                pools.insert(0, (runtime, Arc::clone(&pool)));
                pool
            }
        };
        let mut unused = 0;
        pools.retain(|(_, pool)| {
            unused += usize::from(open(pool) == 0);
            open(pool) > 0 || unused <= UNUSED
        });
        chosen
    }
}

/// A request on its way.
pub(crate) struct Pooled {
    to: Uri,
    pool: Pool,
    sending: ResponseFuture,
}

impl Pooled {
    pub(crate) async fn response(self) -> Result<Response<ResponseBody>, Error> {
        let Self { to, pool, sending } = self;
        let response = sending
            .await
            .map_err(|error| Error::from_client(error, &to))?;
        let version = response.version();
        Ok(response.map(|incoming| ResponseBody::new(incoming, version, pool)))
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
